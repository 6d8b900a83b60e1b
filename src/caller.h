/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who runs husk, and whether it may. */
#pragma once

struct caller;
struct fail;
struct plan;

/* Refuses to run with more privilege than the caller has: set-user-ID, set-group-ID, file
 * capabilities. Returns 0 or -errno with the failure recorded. */
int caller_refuse_privilege(struct fail *f);

/* Opens /proc and verifies that it is one. Returns the descriptor, or -errno with the failure
 * recorded. */
int caller_open_proc(struct fail *f);

/* Gathers the facts that plan_check() needs; PLAN tells which. PROC_FD is the verified /proc.
 * Returns 0 or -errno with the failure recorded. */
int caller_gather(const struct plan *plan, int proc_fd, struct caller *ret, struct fail *f);
