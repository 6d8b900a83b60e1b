/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The self-audit: holds the finished mount table against the plan. */
#pragma once

struct sandbox;

/* Reads the calling process's mountinfo, once more where a mount fails that may be out of reach,
 * and demands that every mount that can be reached and
 * that the plan wants read-only, nosuid or nodev is. Returns 0, or -errno with the failure
 * recorded. proc_pid_mountinfo(5). */
int audit_mounts(struct sandbox *sb);

/* Demands of the calling process, which is about to be the command, that it cannot gain privileges
 * by execve and has no capability that the plan does not give it. Returns 0, or -errno with the
 * failure recorded. */
int audit_process(struct sandbox *sb);

/* Demands that the calling process has a seccomp filter. Returns 0, or -errno with the failure
 * recorded. */
int audit_filtered(struct sandbox *sb);
