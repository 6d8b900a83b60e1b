/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sandbox's end of --pty: a terminal of its own. */
#pragma once

struct sandbox;

/* Makes a new terminal like the caller's, makes it the controlling one of this process's session,
 * which it leads, and sends both its ends to the launcher. The command's end stays in SB. Returns 0
 * or -errno with the failure recorded. pty(7), devpts in the kernel's documentation. */
int pty_make(struct sandbox *sb);

/* In the command's process: takes the terminal's foreground, where there is an init to lead the
 * session, and the terminal as 0, 1 and 2. Signals for the background must be blocked. Returns 0 or
 * -errno with the failure recorded. */
int pty_enter(struct sandbox *sb);

/* In the init: continues the command's process group COMMAND, in the foreground again when it had
 * STOPPED. */
void pty_continue(const struct sandbox *sb, int command, int stopped);
