/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sleeping without the memory that only the start needed. */
#pragma once

#include <poll.h>
#include <stddef.h>

/* Waits for one of the N descriptors FDS as poll(2) does without a timeout. Who sleeps long does so
 * with hardly any memory. Returns the number of those that have something, or -1 with errno set. */
int doze_poll(struct pollfd *fds, size_t n);

/* Sees to it that a wait for a child that has lasted for long enough is interrupted (EINTR), for
 * doze_wait(). Uses the process's alarm(2). */
void doze_soon(void);

/* Waits until there is a child to be reaped, with hardly any memory. Reaps none. */
void doze_wait(void);
