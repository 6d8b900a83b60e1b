/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mount table of the calling process, proc_pid_mountinfo(5). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sandbox;

struct mountinfo {
	long id, parent;
	char *point; /* unescaped; "" for the root */
	uint64_t attrs; /* MOUNT_ATTR_* of the mount itself */
};

/* Reads the table. Returns its text, the caller's to free, or NULL with errno set. */
char *mountinfo_read(struct sandbox *sb);

/* Takes LINE, without its newline, to pieces, to which *RET then points. Returns false when it is
 * no line of the table. */
bool mountinfo_parse(char *line, struct mountinfo *ret);
