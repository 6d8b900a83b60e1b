/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The self-audit: holds the finished mount table against the plan. */
#pragma once

struct sandbox;

/* Reads the calling process's mountinfo once and demands that every mount that can be reached and
 * that the plan wants read-only, nosuid or nodev is. Returns 0, or -errno with the failure
 * recorded. proc_pid_mountinfo(5). */
int audit_mounts(struct sandbox *sb);
