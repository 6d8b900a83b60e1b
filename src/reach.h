/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which mounts a path can come to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mountinfo.h"

struct sandbox;

struct reach_mount {
	struct mountinfo info; /* with a mount point of its own */
	enum { UNKNOWN, NO, YES } reach; /* can a path come to it? */
};

struct reach {
	struct reach_mount *mounts;
	size_t n_mounts;
	const struct reach_mount **slots; /* hash table of them, by parent and mount point */
	size_t mask; /* one less than its size, which is a power of two */
	struct reach_mount *last; /* the parent that was looked up last */
};

/* Reads the calling process's whole mount table into the empty R. Returns 0 or -errno;
 * reach_free() is needed after either. */
int reach_read(struct reach *r, const struct sandbox *sb);

/* True when a path can come to the mount at INDEX and sees its root. */
bool reach_sees(struct reach *r, size_t index);

/* Frees what R has. Fits CLEANUP(). */
void reach_free(struct reach *r);
