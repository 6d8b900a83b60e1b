/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The minimal /dev of --dev. */
#pragma once

struct op;
struct sandbox;

/* The devices of the host that it shows, and the terminal for its console. */
#define DEV_FDS 7

/* Clones the host's device nodes and verifies each by its numbers. Returns 0 or -errno with the
 * failure recorded. */
int dev_source(struct sandbox *sb, const struct op *op);

/* Mounts the tmpfs with devices, links, shm and a devpts of its own. Returns 0 or -errno with the
 * failure recorded. */
int dev_attach(struct sandbox *sb, const struct op *op);

/* Mounts an instance of devpts of its own, nosuid and noexec. */
int dev_attach_pts(struct sandbox *sb, const struct op *op);
