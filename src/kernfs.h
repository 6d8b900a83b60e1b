/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file systems that show what namespaces hold: sysfs, cgroups, message queues. */
#pragma once

struct op;
struct sandbox;

/* Mounts the one that OP names, of the namespace that this process is in. Returns 0, or -errno with
 * the failure recorded. */
int kernfs_attach(struct sandbox *sb, const struct op *op);
