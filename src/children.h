/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The children of the sandbox's init: the command, and by and by the orphans that become its own.
 *
 * They are found as the host's /proc has them, where KNOWN is the one that is signalled should that
 * fail, in the pid namespace of the caller, or 0. */
#pragma once

#include <sys/types.h>

struct sandbox;

/* The eldest child's pid as the host's /proc has it, 0 when there is none, or -errno.
 * proc_pid_children(5). */
int children_first(const struct sandbox *sb);

/* Sends SIG to all of them. */
void children_signal(const struct sandbox *sb, pid_t known, int sig);

/* Kills and reaps them until none is left; in a pid namespace of the sandbox's own, whose first
 * process the caller must be, everybody there at once. What forks all the time is outrun by not
 * resting while any die. Returns how many were killed, or -errno when they cannot be. */
int children_end(const struct sandbox *sb, pid_t known);
