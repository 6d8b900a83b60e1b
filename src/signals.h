/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets of signals as the kernel has them, and which signals the launcher passes on.
 *
 * The C library's functions would keep signals of its own, 32, 33 and with musl 34, out of every
 * set, and so out of the mask that the command gets back. */
#pragma once

#include <stdint.h>

/* The one-signal set of SIG. */
static inline uint64_t signals_one(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

/* The signals that are passed on to the command: all but those that tell whoever gets them of a
 * fault or a limit of its own, that tell of children, or that no process can block. */
uint64_t signals_forwarded(void);

/* The signals that the terminal sends, and then to a whole process group. */
uint64_t signals_of_terminal(void);

/* Those of them that wait for this process, which blocks them. sigpending(2). */
uint64_t signals_waiting(void);

/* The forwarded signals that would end this process if nobody blocked them: not those that the
 * caller ignores. sigaction(2). */
uint64_t signals_ending(void);

/* rt_sigprocmask(2): HOW as there, SET and RET_OLD may be NULL. Returns 0, or -1 with errno set. */
int signals_mask(int how, const uint64_t *set, uint64_t *ret_old);

/* signalfd4(2) for the signals of SET, close-on-exec, with FLAGS as there. Returns a descriptor, or
 * -1 with errno set. */
int signals_fd(uint64_t set, int flags);
