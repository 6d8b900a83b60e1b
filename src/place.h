/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a name lies that is to be hidden, whether it exists or not. */
#pragma once

#include <limits.h>

struct op;
struct sandbox;

struct place {
	int target; /* O_PATH, or empty when there is none */
	int parent; /* O_PATH, the directory that holds it */
	char full[PATH_MAX]; /* the path of that, from the process's own root */
	const char *inside; /* the part of it that is its path in the new root */
	char name[NAME_MAX + 1];
};

/* Finds the destination of OP in the new root, and the directory that holds it, which must exist.
 * Fills *AT, which place_close() releases also on failure. Returns 0 or -errno with the failure
 * recorded. */
int place_find(struct sandbox *sb, const struct op *op, struct place *at);

/* Whether nobody but the sandbox can give the names in the directory another meaning: 1 or 0, or
 * -errno with the failure recorded. */
int place_is_firm(struct sandbox *sb, const struct op *op, const struct place *at);

void place_close(struct place *at);
