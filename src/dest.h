/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Destinations: resolves the path operands that lie in the new root, creates what is missing. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct op;
struct sandbox;

enum dest_kind { DEST_DIR, DEST_FILE };

/* A place to mount on: TO below FD, or FD itself when TO is "". */
struct dest {
	int fd;
	bool fd_borrowed; /* the sandbox's, not to be closed */
	char to[256];
};

/* Finds the destination of OP in the new root, and creates it (and its parents) as a directory or
 * an empty file where the personality allows it: on file systems of the launch's own, or anywhere
 * as bwrap. Symlinks lead inside the new root; the last component of a mount's destination may be
 * one only as husk. On success fills *RET, to be released with dest_close(); else -errno with the
 * failure recorded. openat2(2), RESOLVE_IN_ROOT. */
int dest_find(struct sandbox *sb, const struct op *op, enum dest_kind kind, struct dest *ret);

void dest_close(struct dest *d);

/* Opens the parent directory of OP's destination, creating it where allowed, and points *RET_NAME
 * at the last component. Returns an O_PATH descriptor or -errno with the failure recorded. */
int dest_parent(struct sandbox *sb, const struct op *op, char ret_name[static 256]);

/* Opens PATH in the new root with FLAGS of open(2), symlinks leading inside it. Returns a
 * descriptor or -errno. */
int dest_open(struct sandbox *sb, const char *path, int flags);

/* The path of FD as the kernel has it, from the process's own root, in RET_FULL, and the part of it
 * that is its path in the new root at *RET_INSIDE. Returns 0 or -errno. */
int dest_path(struct sandbox *sb, int fd, char ret_full[static 4096], const char **ret_inside);

/* Remembers that the mounts of OP lie on PATH of the new root. Returns 0 or -errno. */
int dest_resolved(struct sandbox *sb, const struct op *op, const char *path);

/* Whether FD, where OP's destination is or is to be, is on a file system of the launch's own: 1 or
 * 0, or -errno with the failure recorded. */
int dest_is_own(const struct sandbox *sb, const struct op *op, int fd);

/* Refuses, where the personality leaves the host's file systems alone, to change what FD refers to
 * unless it is on one of the launch's own. Returns 0 or -errno with the failure recorded. */
int dest_check_writable(struct sandbox *sb, const struct op *op, int fd);

/* Records that OP's destination, which cannot be made, is a symlink to nothing. Returns -errno. */
int dest_fail_dangling(struct sandbox *sb, const struct op *op);

/* Records that the file system of FD was made by this launch. Returns 0 or -errno. */
int dest_own(struct sandbox *sb, int fd);

/* Forgets the remembered parent directory: an operation may have covered it. */
void dest_forget(struct sandbox *sb);
