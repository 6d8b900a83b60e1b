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

/* Clones a new directory NAME of the tmpfs below the first of these, for another mount of the
 * launch: a file system of its own takes longer to make and to end than all that lies in it.
 * Returns a detached mount, which is the caller's, or -errno: -ENOENT where nothing is kept hidden,
 * -EINVAL where the kernel clones no detached mount (before Linux 6.15). */
int proc_share_void(struct sandbox *sb, const char *name);

/* The sandbox's share: mounts over the cover. The working directory is the hidden place. */
int proc_complete(struct sandbox *sb, const struct op *op);

/* After the last of them, as the real root: nobody may find the hidden proc any more. */
int proc_seal(struct sandbox *sb);
