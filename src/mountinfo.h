/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mount table of the calling process. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sandbox;

struct mountinfo {
	long id, parent;
	char *point; /* unescaped; "" for the root; gone with the next line */
	uint64_t attrs; /* MOUNT_ATTR_* of the mount itself */
};

/* No mount has all attributes. */
#define MOUNTINFO_ALL UINT64_MAX

/* The table while it is read, a piece at a time: of 1000 mounts most callers keep next to nothing.
 */
struct mountinfo_reader {
	int fd; /* of mountinfo, or empty where listmount(2) tells */
	uint64_t complete; /* mounts that have all of these attributes are passed over */
	uint64_t ids[256]; /* the last that it has told */
	size_t n_ids, next_id;
	char *piece; /* first, or on the heap where one mount takes more than that */
	size_t room; /* of it */
	size_t begin, end; /* what of mountinfo has been read and not handed out yet */
	_Alignas(uint64_t) char first[4608]; /* a page, and what statmount(2) puts before it */
};

/* Begins to read the calling process's own table, but for mounts that have all the attributes of
 * COMPLETE. listmount(2), statmount(2), proc_pid_mountinfo(5). Returns 0 or -errno;
 * mountinfo_close() is needed after either. */
int mountinfo_open(struct mountinfo_reader *r, const struct sandbox *sb, uint64_t complete);

/* Hands the next mount out in *RET. Returns 1, 0 after the last, or -errno: -EPROTO where a line is
 * none of such a table. */
int mountinfo_next(struct mountinfo_reader *r, struct mountinfo *ret);

/* Stores the attributes of the mount whose root a path leads to at POINT, "" for the root:
 * the topmost. Returns 0 or -errno: -EINVAL where there is none, -ENOSYS before 6.8. statx(2),
 * statmount(2). */
int mountinfo_at(const char *point, uint64_t *ret_attrs);

/* Frees what R has. Fits CLEANUP(). */
void mountinfo_close(struct mountinfo_reader *r);

/* Compares PATH with the first LENGTH bytes of the mount point POINT, as strcmp(3). */
int mountinfo_compare(const char *path, const char *point, size_t length);

/* The length of the next prefix of POINT, longer than LENGTH bytes, that ends a component; one more
 * than the whole has after the last. */
size_t mountinfo_prefix(const char *point, size_t length);
