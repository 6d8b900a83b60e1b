/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The beginning of the command's process, beside the init. */
#pragma once

#include <sys/types.h>

struct sandbox;

/* Makes the process that becomes the command, a child of the caller's, and sends it the signals
 * that are to be forwarded and have come before it was there, as SIGNALS, a signalfd(2), has them.
 * Returns its pid in the caller's pid namespace, with what spawn_tell() needs in *RET_EXECUTING, or
 * -1 with errno set. */
pid_t spawn_command(struct sandbox *sb, int signals, int *ret_executing);

/* Tells the launcher that the command runs, once it is certain. By now vfork(2) has returned, or
 * else EXECUTING, which it closes, is a pipe that ends with the execve: or the command's process
 * could not become it, and has said so, or was killed. Returns 0 or -errno with the failure
 * recorded. */
int spawn_tell(struct sandbox *sb, int executing);
