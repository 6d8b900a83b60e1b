/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which signals the launcher passes on, and the system calls on sets of signals. */
#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

#include "sys.h"
#include "util.h"

_Static_assert(sizeof(long) == sizeof(uint64_t) || __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the kernel's sets are arrays of long");

static uint64_t set_of(const int *signals, size_t n)
{
	uint64_t set = 0;

	while (n > 0)
		set |= signals_one(signals[--n]);
	return set;
}

uint64_t signals_forwarded(void)
{
	static const int others[] = { SIGKILL, SIGSTOP, SIGCHLD, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
				      SIGFPE,  SIGSEGV, SIGSYS,	 SIGPIPE, SIGXCPU, SIGXFSZ };

	return ~set_of(others, ARRAY_SIZE(others));
}

uint64_t signals_of_terminal(void)
{
	static const int terminal[] = { SIGHUP,	 SIGINT,  SIGQUIT, SIGWINCH,
					SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU };

	return set_of(terminal, ARRAY_SIZE(terminal));
}

uint64_t signals_waiting(void)
{
	uint64_t set = 0;

	return syscall(SYS_rt_sigpending, &set, sizeof set) < 0 ? 0 : set & signals_of_terminal();
}

uint64_t signals_ending(void)
{
	static const int harmless[] = { SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH };
	uint64_t set = signals_forwarded() & ~set_of(harmless, ARRAY_SIZE(harmless));
	struct sigaction action;
	int sig;

	for (sig = 1; sig <= 64; sig++)
		if ((set & signals_one(sig)) && sigaction(sig, NULL, &action) == 0 &&
		    action.sa_handler == SIG_IGN)
			set &= ~signals_one(sig);
	return set;
}

int signals_mask(int how, const uint64_t *set, uint64_t *ret_old)
{
	return (int)syscall(SYS_rt_sigprocmask, how, set, ret_old, sizeof *set);
}

int signals_fd(uint64_t set, int flags)
{
	return (int)syscall(SYS_signalfd4, -1, &set, sizeof set, flags | SFD_CLOEXEC);
}
