/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks a program up in PATH and executes it, with the rules that execvp(3) documents. */
#include "exec.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

/* Executes PATH; what the kernel cannot execute is tried as a shell script. */
static int execute(const char *path, char **argv, char **env)
{
	size_t n = 0;
	char **script;

	execve(path, argv, env);
	if (errno != ENOEXEC)
		return neg_errno();
	while (argv[n])
		n++;
	script = calloc(n + 3, sizeof *script);
	if (!script)
		return -ENOMEM;
	script[0] = (char *)"/bin/sh";
	script[1] = (char *)path;
	if (n > 1)
		memcpy(script + 2, argv + 1, (n - 1) * sizeof *script);
	execve(script[0], script, env);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the process ends */
	return neg_errno();
}

static const char *search_path(char **env)
{
	for (; *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return "/bin:/usr/bin";
}

/* True when the search goes on after this error. */
static bool is_elsewhere(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -EACCES || err == -ESTALE ||
	       err == -ENODEV || err == -ETIMEDOUT;
}

int exec_search(const char *file, char **argv, char **env)
{
	const char *dir = search_path(env), *end;
	char path[PATH_MAX];
	bool denied = false;
	size_t length;
	int r = -ENOENT;

	if (*file == '\0')
		return -ENOENT;
	if (strchr(file, '/'))
		return execute(file, argv, env);
	for (;; dir = end + 1) {
		end = strchrnul(dir, ':');
		length = (size_t)(end - dir);
		if (length + strlen(file) + 2 <= sizeof path) {
			memcpy(path, dir, length);
			path[length] = '\0';
			if (length > 0)
				path[length++] = '/';
			strcpy(path + length, file);
			r = execute(path, argv, env);
			if (!is_elsewhere(r))
				return r;
			denied |= r == -EACCES;
		}
		if (*end == '\0')
			return denied ? -EACCES : r;
	}
}
