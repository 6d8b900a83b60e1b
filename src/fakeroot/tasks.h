/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processes that calls come from. */
#pragma once

#include "call.h"

/* Makes the table of them. Returns NULL for want of memory. */
struct tasks *tasks_new(void);
void tasks_free(struct tasks *tasks);

/* Opens the caller's directory in /proc, or with AGAIN does so although it seems to be open.
 * Returns a descriptor, which the table owns, or -errno. */
int task_directory(const struct call *c, bool again);

/* Makes the caller's root ours, and returns what task_directory() does. */
int task_enter_root(const struct call *c);

/* True for a caller in another user namespace than the sandbox's: its ids are real, and what it
 * sees of files is the kernel's to tell. */
bool task_is_foreign(const struct call *c);

/* The caller is about to change its root, or that of others. */
void tasks_change(const struct call *c);

/* What the caller's thread was about to change before this call is done. */
void tasks_settle(const struct call *c);

/* What of a caller is in the file "status" of its directory in /proc. */
struct task_status {
	mode_t umask;
	uint64_t effective; /* capability set */
};

/* Reads it. Returns 0 or -errno; -EXDEV for a caller in another user namespace than the sandbox's.
 */
int task_status(const struct call *c, struct task_status *ret);
