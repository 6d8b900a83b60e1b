/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mount table of the calling process, proc_pid_mountinfo(5). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sandbox;

struct mountinfo {
	long id, parent;
	char *point; /* unescaped; "" for the root; gone with the next line */
	uint64_t attrs; /* MOUNT_ATTR_* of the mount itself */
};

/* The table while it is read, a piece at a time: of 1000 mounts most callers keep next to nothing.
 */
struct mountinfo_reader {
	int fd;
	char *piece; /* first, or on the heap where a line is longer than that */
	size_t room; /* of it */
	size_t begin, end; /* what of it has been read and not handed out yet */
	char first[4096]; /* as much as one read(2) of such a file gives */
};

/* Begins to read the calling process's own table. Returns 0 or -errno; mountinfo_close() is needed
 * after either. */
int mountinfo_open(struct mountinfo_reader *r, const struct sandbox *sb);

/* Hands the next mount out in *RET. Returns 1, 0 after the last, or -errno: -EPROTO where a line is
 * none of such a table. */
int mountinfo_next(struct mountinfo_reader *r, struct mountinfo *ret);

/* Frees what R has. Fits CLEANUP(). */
void mountinfo_close(struct mountinfo_reader *r);

/* Compares PATH with the first LENGTH bytes of the mount point POINT, as strcmp(3). */
int mountinfo_compare(const char *path, const char *point, size_t length);

/* The length of the next prefix of POINT, longer than LENGTH bytes, that ends a component; one more
 * than the whole has after the last. */
size_t mountinfo_prefix(const char *point, size_t length);
