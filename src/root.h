/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root of the sandbox: the builder's steps that make it.
 *
 * Each runs when its turn comes in the table of builder.c, and does nothing where the plan has no
 * need of it; what it should do and mustn't is above it in root.c. They return 0 or -errno with the
 * failure recorded. */
#pragma once

struct sandbox;

/* Cuts the mounts off from the host's. mount_namespaces(7). */
int root_propagation(struct sandbox *sb);

/* Makes room for what the operations open, and opens what the root begins with. */
int root_prepare(struct sandbox *sb);

/* Changes the namespace's own tree, for a bind of / on /. mount_setattr(2). */
int root_in_place(struct sandbox *sb);

/* Attaches an empty root. */
int root_empty(struct sandbox *sb);

/* Carries the operations out. */
int root_operations(struct sandbox *sb);

/* Makes the new root the root of the namespace. pivot_root(2). */
int root_pivot(struct sandbox *sb);
