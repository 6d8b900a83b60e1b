/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The self-audit: holds the finished mount table against the plan. */
#pragma once

struct sandbox;

/* Reads the calling process's mount table, once more where a mount fails that may be out of reach,
 * and demands that every mount that can be reached and
 * that the plan wants read-only, nosuid or nodev is. Returns 0, or -errno with the failure
 * recorded. proc_pid_mountinfo(5). */
int audit_mounts(struct sandbox *sb);

/* Demands of the calling process, which is about to be the command, that it cannot gain privileges
 * by execve, has no capability that the plan does not give it, and is behind Landlock rules where
 * the plan has some. Returns 0, or -errno with the failure recorded. */
int audit_process(struct sandbox *sb);

/* Demands that the filters of husk's own that sb->terminal and sb->refuse_keys ask for refuse what
 * they are to. Returns 0, or -errno with the failure recorded. */
int audit_filtered(struct sandbox *sb);

/* Counts the seccomp filters of the calling process before those of the plan. On success *RET_FD is
 * what audit_filters() needs. Returns the number, or -errno with the failure recorded.
 * proc_pid_status(5). */
int audit_filters_before(struct sandbox *sb, int *ret_fd);

/* Demands that there are WANT filters now; FD is from audit_filters_before(). Returns 0, or -errno
 * with the failure recorded. */
int audit_filters(struct sandbox *sb, int fd, int want);
