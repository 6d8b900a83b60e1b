/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings of the sandbox's own namespaces, written through /proc/sys. */
#pragma once

struct sandbox;

/* Remembers the host's own settings of those names, before there are namespaces. Returns 0 or
 * -errno with the failure recorded. */
int sysctl_remember(struct sandbox *sb);

/* Writes the plan's settings and its limit of processes to the namespaces of this process. Returns
 * 0 or -errno with the failure recorded. */
int sysctl_write(struct sandbox *sb);
