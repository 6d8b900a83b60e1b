/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the file that a call means, as its caller would, without opening it. */
#pragma once

#include <limits.h>

#include "call.h"
#include "store.h"
#include "../sys.h"

/* A way to a file that *at(2) calls take. */
struct place {
	int base; /* a directory of the caller's, or of /proc; not owned unless opened */
	int opened; /* a descriptor of this place's own, or empty */
	int at; /* AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH */
	const struct call
		*again; /* whose directory in /proc may have to be opened again, or NULL */
	const char *path;
	char text[PATH_MAX + 32];
};

/* A file that a call means. */
struct file {
	int fd; /* O_PATH */
	struct statx stat; /* as the sandbox sees it without pretence */
	struct key key;
};

/* Makes a memory of the identity of files. Returns NULL for want of memory. */
struct keys *keys_new(void);
void keys_free(struct keys *keys);

/* Finds the place that the call's row describes. Returns 0, or -errno: what is not found here may
 * be there for the caller, so the kernel is to answer. */
int resolve_place(const struct call *c, struct place *ret);

/* As resolve_place() of other arguments than the row's: DIRFD, or AT_FDCWD, and the ADDRESS of a
 * path, with the flags AT. */
int resolve_at(const struct call *c, int dirfd, uint64_t address, int at, struct place *ret);

/* Looks at the file at PLACE. Returns 0 or -errno. statx(2). */
int place_stat(struct place *place, struct statx *ret);

/* Returns true when there may be a record of what STAT tells of. */
bool place_known(const struct call *c, const struct place *place, const struct statx *stat);

/* Tells the identity of the file at PLACE, which is what STAT tells of. Returns 0 or -errno. */
int place_key(const struct call *c, const struct place *place, const struct statx *stat,
	      struct key *ret);

void place_close(struct place *place);

/* Opens the file at PLACE, O_PATH. Magic links are not followed but that of the caller's own with
 * which a place begins: the caller might not be allowed to. Returns a descriptor, or -errno. */
int place_open(const struct place *place);

/* As place_open(), the directory that the last name of the path, *RET_NAME, is looked up in; what
 * has no such name is -ENOENT. The place is good for its name alone afterwards. */
int place_open_parent(struct place *place, const char **ret_name);

/* resolve_place(), place_open() and file_key() in one; with file_close() at the end. */
int resolve_file(const struct call *c, struct file *ret);

/* Looks at an open file, and tells its identity. Returns 0 or -errno. */
int file_key(const struct call *c, struct file *file);

void file_close(struct file *file);
