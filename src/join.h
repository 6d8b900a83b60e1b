/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the namespaces to join are. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct fail;
struct join;
struct plan;

/* Finds out what the plan's descriptors of namespaces, or the process that it names, lead to, with
 * the verified /proc at PROC_FD. On success *RET, whose pidfd is empty before, holds descriptors
 * that stay open. Returns 0 or -errno with F filled. Changes nothing. ioctl_nsfs(2). */
int join_gather(const struct plan *p, int proc_fd, struct join *ret, struct fail *f);
