/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process whose namespaces are to be joined. */
#pragma once

struct fail;
struct join;
struct plan;

/* Finds out which namespaces of the process that P names differ from the caller's, whose it is
 * and what walls are around it. Returns 0 with *RET filled, or -errno with F filled. */
int target_gather(const struct plan *p, int proc_fd, struct join *ret, struct fail *f);
