/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is left of a sandbox without a pid namespace when its init was killed. */
#pragma once

/* Kills every process whose user namespace is USERNS, a descriptor of the one that this launch has
 * made, or one below it, until none is left. While it is open no other can have its number. PROC_FD
 * is /proc. What ends meanwhile, or cannot be looked at, is passed over, and nothing is done when
 * the caller itself is in it. ioctl_ns(2), user_namespaces(7). */
void survivors_kill(int proc_fd, int userns);
