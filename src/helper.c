/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs programs of the system: newuidmap and its like, which have privilege, and those that know
 * what only the C library's name services do.
 *
 * What they are given is a path of the system's own, an empty environment, and no descriptor but
 * three. */
#include "helper.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "slurp.h"
#include "sys.h"
#include "util.h"

static const char *const places[] = { "/usr/bin", HELPER_DIR };

int helper_find(const char *name, char ret[static HELPER_PATH_MAX])
{
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(ret, HELPER_PATH_MAX, "%s/%s", places[i], name);
		if (stat(ret, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111))
			return 0;
	}
	return -ENOENT;
}

const char *helper_places(void)
{
	return streq(places[0], places[1]) ? "/usr/bin" : "/usr/bin or " HELPER_DIR;
}

int helper_privileged(const char *path)
{
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st) < 0 || statvfs(path, &fs) < 0)
		return neg_errno();
	if (!(st.st_mode & S_ISUID) && getxattr(path, "security.capability", NULL, 0) <= 0)
		return 0;
	return fs.f_flag & ST_NOSUID ? -EPERM : 1;
}

/* In the forked child: nothing of the launcher's reaches the program. The launcher has seen to it
 * that 0, 1 and 2 are open, so that no other descriptor is one of them. */
static _Noreturn void execute(const char *path, char *const *argv, int output, int errors)
{
	char *const env[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	if (null < 0 || dup2(null, 0) < 0 || dup2(errors ? null : output, 1) < 0 ||
	    dup2(errors ? output : null, 2) < 0 || sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		_exit(127);
	umask(022);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(path, argv, env);
	dprintf(errors ? 2 : 1, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

pid_t helper_start(const char *path, char *const *argv, int errors, int *ret_output)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return neg_errno();
	pid = fork();
	if (pid == 0)
		execute(path, argv, ends[1], errors);
	close(ends[1]);
	if (pid < 0) {
		pid = neg_errno();
		close(ends[0]);
		return pid;
	}
	*ret_output = ends[0];
	return pid;
}

int helper_output(const char *path, char *const *argv, char **ret_text, size_t *ret_length,
		  int *ret_status)
{
	int output = NO_FD, status, r;
	char *text = NULL;
	pid_t pid = helper_start(path, argv, 0, &output), waited;

	if (pid < 0)
		return pid;
	r = slurp_fd(output, &text, ret_length);
	if (r < 0)
		close(output);
	do {
		waited = waitpid(pid, &status, 0);
	} while (waited < 0 && errno == EINTR);
	if (r == 0 && waited < 0)
		r = neg_errno();
	if (r < 0) {
		free(text);
		return r;
	}
	*ret_text = text;
	*ret_status = status;
	return 0;
}
