/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command: its walls, its surroundings, and execve(2). */
#pragma once

struct sandbox;

/* Turns the calling process into the command. Returns only on failure, which is recorded. */
void command_exec(struct sandbox *sb);

/* Installs the caller's seccomp filters, in order, on the calling process. Returns 0 or -errno with
 * the failure recorded. */
int command_filter(struct sandbox *sb);

/* Moves the command's words and environment to the heap and overwrites what the kernel shows of
 * this process as its command line and environment. Returns 0 or -errno with the failure recorded.
 */
int command_scrub(struct sandbox *sb);
