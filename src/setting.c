/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of kernel settings, and the table of those that namespaces have of their own. */
#include "setting.h"

#include <string.h>

#include "sys.h"
#include "util.h"

/* A prefix ends in a slash or an underscore, another path is whole. */
static const struct {
	const char *path;
	uint64_t ns;
} table[] = {
	{ "net/", CLONE_NEWNET },
	{ "fs/mqueue/", CLONE_NEWIPC },
	{ "kernel/auto_msgmni", CLONE_NEWIPC },
	{ "kernel/msg_next_id", CLONE_NEWIPC },
	{ "kernel/msgmax", CLONE_NEWIPC },
	{ "kernel/msgmnb", CLONE_NEWIPC },
	{ "kernel/msgmni", CLONE_NEWIPC },
	{ "kernel/sem", CLONE_NEWIPC },
	{ "kernel/sem_next_id", CLONE_NEWIPC },
	{ "kernel/shm_next_id", CLONE_NEWIPC },
	{ "kernel/shm_rmid_forced", CLONE_NEWIPC },
	{ "kernel/shmall", CLONE_NEWIPC },
	{ "kernel/shmmax", CLONE_NEWIPC },
	{ "kernel/shmmni", CLONE_NEWIPC },
	{ "kernel/domainname", CLONE_NEWUTS },
	{ "kernel/hostname", CLONE_NEWUTS },
	{ "kernel/ns_last_pid", CLONE_NEWPID },
	{ "kernel/pid_max", CLONE_NEWPID },
	{ "user/max_", CLONE_NEWUSER },
};

/* True for a path without empty parts and without ones that lead up. */
static bool is_plain(const char *path)
{
	size_t length;

	for (;; path += length + 1) {
		length = strcspn(path, "/");
		if (length == 0 ||
		    (path[0] == '.' && (length == 1 || (length == 2 && path[1] == '.'))))
			return false;
		if (path[length] == '\0')
			return true;
	}
}

int setting_parse(const char *word, char **ret_path, const char **ret_value)
{
	const char *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : 0, i, first = strcspn(word, "./");
	bool dots = first < length && word[first] == '.';
	char *path;

	if (first >= length)
		return -EINVAL;
	path = strndup(word, length);
	if (!path)
		return -ENOMEM;
	for (i = 0; i < length && dots; i++) {
		if (word[i] == '.')
			path[i] = '/';
		else if (word[i] == '/')
			path[i] = '.';
	}
	if (!is_plain(path)) {
		free(path);
		return -EINVAL;
	}
	*ret_path = path;
	*ret_value = equals + 1;
	return 0;
}

uint64_t setting_namespace(const char *path)
{
	size_t i, length;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		length = strlen(table[i].path);
		if (strchr("/_", table[i].path[length - 1])
			    ? strncmp(path, table[i].path, length) == 0
			    : streq(path, table[i].path))
			return table[i].ns;
	}
	return 0;
}
