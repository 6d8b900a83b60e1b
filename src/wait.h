/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watching the launcher, and waiting for descriptors of the caller's. */
#pragma once

struct sandbox;

/* Waits until FD can be read, before the command runs. The signals that will be forwarded to the
 * command are blocked by then, and one that comes meanwhile and is not ignored means the end: the
 * launcher is told, as if it had ended the command, and the calling process exits. Returns 0, or
 * -errno with the failure recorded. */
int wait_readable(struct sandbox *sb, int fd);

/* Makes the calling process die with the launcher where the plan says so, and fails when that is
 * dead already. Returns 0 or -errno with the failure recorded. */
int wait_watch_launcher(struct sandbox *sb);

/* Waits for the launcher's word. Returns 0 or -errno with the failure recorded. */
int wait_go(struct sandbox *sb);
