/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts: one pair of functions an operation, its source half and its attaching half. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dest.h"

struct op;
struct sandbox;

/* The source half of an operation: opens what it needs of the host's tree, as detached mounts or
 * O_PATH descriptors, into the sandbox's array. Must run before the tree that sources are looked up
 * in is changed. Returns 0 or -errno with the failure recorded. */
int mount_source(struct sandbox *sb, const struct op *op);

/* The attaching half: puts the operation into effect below the new root, and closes what the source
 * half opened. Returns 0 or -errno with the failure recorded. */
int mount_attach(struct sandbox *sb, const struct op *op);

/* Attaches the detached mount TREE on the destination of OP, which is found or made as KIND; where
 * there is no root yet it becomes the root. TREE stays the caller's. Returns 0 or -errno with the
 * failure recorded. */
int mount_attach_tree(struct sandbox *sb, const struct op *op, enum dest_kind kind, int tree);

/* Mounts a new file system of TYPE with OPTIONS, as for mount_new(), and MOUNT_ATTR_* ATTRS on the
 * destination of OP. Of a deferred operation that must be the cover that the builder left for it,
 * unless it lies on another such mount. Returns 0, or -errno; the failure is recorded but for that
 * of the mount itself, whose way out the caller knows. */
int mount_fresh(struct sandbox *sb, const struct op *op, const char *type,
		const char *const *options, unsigned attrs);

/* Records that the flags of OP's mount could not be set, for ERR. Returns -ERR. */
int mount_explain_flags(struct sandbox *sb, const struct op *op, int err);

/* Returns to the working directory, where there is need to. Returns 0 or -errno. */
int mount_return(const struct sandbox *sb);

/* Mounts a tmpfs with MODE and SIZE in bytes (0: the kernel's default) on the destination of OP. It
 * counts as the launch's own. Returns a descriptor of it, the caller's, or -errno with the
 * failure recorded. */
int mount_tmpfs_on(struct sandbox *sb, const struct op *op, mode_t mode, size_t size);

/* Makes a detached mount of a new file system. OPTIONS are pairs of key and value, which is
 * NULL for a flag, up to a NULL key; ATTRS are
 * MOUNT_ATTR_*. Returns its descriptor or -errno. fsopen(2). */
int mount_new(const char *type, const char *const *options, unsigned attrs);

/* A detached new tmpfs with the given MODE and SIZE in bytes (0: the kernel's default), nosuid and
 * nodev. It counts as the launch's own. Returns its descriptor or -errno. */
int mount_new_tmpfs(struct sandbox *sb, mode_t mode, size_t size);

/* Sets MOUNT_ATTR_* SET on the mount of FD, and on its submounts with RECURSIVE. Returns 0 or
 * -errno. */
int mount_set(int fd, uint64_t set, int recursive);

/* Clones the mount tree at PATH below FD, with its submounts, as a detached mount. Returns its
 * descriptor or -errno. */
int mount_clone(int fd, const char *path);
