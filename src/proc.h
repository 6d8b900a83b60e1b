/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc, and the places of mounts that belong to namespaces which do not exist yet. */
#pragma once

struct op;
struct sandbox;

/* The source half of --proc: without a new pid namespace, a clone of the host's /proc. */
int proc_source(struct sandbox *sb, const struct op *op);

/* Mounts the fresh proc, or attaches the host's. As the real root its dangerous files are covered
 * read-only. */
int proc_attach(struct sandbox *sb, const struct op *op);

/* The builder's share of an operation that the sandbox will complete: keeps its destination behind
 * a locked, empty, read-only cover, and what it needs of the host hidden below the first of these.
 * See proc.c. */
int proc_prepare(struct sandbox *sb, const struct op *op);

/* The sandbox's share: mounts over the cover. The working directory is the hidden place. */
int proc_complete(struct sandbox *sb, const struct op *op);

/* After the last of them, as the real root: nobody may find the hidden proc any more. */
int proc_seal(struct sandbox *sb);
