/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The second wall: what the command may do to files, ports, sockets and processes, by Landlock. */
#pragma once

struct fail;
struct plan;
struct sandbox;

/* Makes the rules for the finished mounts of the plan, as the descriptor sb->landlock_fd: what is
 * bound read-only may be read and executed, what is writable may be written, nothing else. The
 * paths are looked up in the sandbox, where a mount that turns out to be read-only gives no right
 * to write. Returns 0 or -errno with the failure recorded. */
int landlock_prepare(struct sandbox *sb);

/* Puts the calling process, and all that it will start, behind those rules: for good. Returns 0 or
 * -errno with the failure recorded. */
int landlock_restrict(struct sandbox *sb);

/* Notes with the calling process, the launcher, that the command of P will be behind rules, for
 * whoever means to join it: the kernel tells that of no process. The mark lasts as long as the
 * descriptor *RET, which is empty where there are no rules. Returns 0, or -errno with F filled. */
int landlock_mark(const struct plan *p, int *ret, struct fail *f);
