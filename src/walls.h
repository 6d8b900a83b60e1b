/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What confines a process that is to be joined, beside its namespaces. */
#pragma once

struct fail;
struct join;
struct plan;

/* Finds out what is around the process RET->pid, with the verified /proc at PROC_FD, and what of it
 * a command that P describes would have as well. On success *RET holds limits and a descriptor of
 * the cgroup that stay. Returns 0, or -errno with F filled. Changes nothing. */
int walls_gather(const struct plan *p, int proc_fd, struct join *ret, struct fail *f);

/* Verifies that the calling process is in the cgroup that JOIN names. Returns 0, or -errno with F
 * filled. cgroups(7). */
int walls_check_cgroup(int proc_fd, const struct join *join, struct fail *f);
