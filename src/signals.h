/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The signals that the launcher passes on to the command. */
#pragma once

#include <signal.h>

/* Adds them to SET, which the caller has initialised. */
static inline void signals_add_forwarded(sigset_t *set)
{
	static const int forwarded[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
					 SIGUSR1, SIGUSR2, SIGWINCH };
	size_t i;

	for (i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++)
		sigaddset(set, forwarded[i]);
}
