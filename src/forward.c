/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals that the launcher passes on to the command, and stops that it shares with it.
 *
 * A shell sees the launcher and nobody else, so that must stop when the command does. The command's
 * parent, the init, tells of a stop, MESSAGE_STOP, and nothing more of stops until the launcher has
 * said that it runs again, MESSAGE_RESUMED. So it is never told of a stop that is over: what the
 * terminal sends stops both of them at once, also in the moment in which the launcher can be
 * stopped by it, and what the shell sends then continues both. */
#include "forward.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include "channel.h"
#include "personality.h"
#include "plan.h"
#include "signals.h"
#include "supervise.h"
#include "sys.h"
#include "util.h"

/* Whether the command has a signal already: the terminal has sent it to the whole group. A hang-up
 * goes to the session's leader alone. */
static bool is_known(const struct supervisor *su, const struct signalfd_siginfo *info)
{
	bool hang_up = info->ssi_signo == SIGHUP || info->ssi_signo == SIGCONT;

	return info->ssi_code == SI_KERNEL &&
	       (signals_of_terminal() & signals_one((int)info->ssi_signo)) &&
	       !su->plan->new_session && !(hang_up && getsid(0) == getpid());
}

/* With a terminal of the sandbox's own nothing that the caller's sends reaches the command by
 * itself: what its user meant happens to the other one. */
static void forward_to_terminal(struct supervisor *su, const struct signalfd_siginfo *info)
{
	int sig = (int)info->ssi_signo;
	bool typed = info->ssi_code == SI_KERNEL && su->relay.master >= 0;

	if (sig == SIGCONT)
		relay_resume(&su->relay);
	if (sig == SIGWINCH)
		relay_resize(&su->relay);
	if (typed && sig == SIGTSTP && su->resumes)
		su->stop_again = true; /* the command is stopped still */
	else if (typed && (sig == SIGINT || sig == SIGQUIT || sig == SIGTSTP))
		relay_signal(&su->relay, sig);
	else if (typed && sig == SIGHUP)
		relay_hang_up(&su->relay);
	else if (!typed || sig == SIGCONT || !(signals_of_terminal() & signals_one(sig)))
		sys_pidfd_send_signal(su->child, sig);
}

bool forward_signal(struct supervisor *su)
{
	struct signalfd_siginfo info;
	int sig;

	if (read(su->signals, &info, sizeof info) != sizeof info)
		return false;
	sig = (int)info.ssi_signo;
	su->continued |= sig == SIGCONT;
	/* the socket's, or one that the init will hear of, see stop_too() */
	if (sig == SIGCONT && (su->resumes || (info.ssi_code > 0 && info.ssi_code != SI_KERNEL)))
		return true;
	if (su->child >= 0 && su->plan->pty) {
		forward_to_terminal(su, &info);
	} else if (su->child >= 0) {
		if (!is_known(su, &info))
			sys_pidfd_send_signal(su->child, sig);
	} else if (signals_ending() & signals_one(sig)) {
		/* there is no sandbox yet, and now there will be none */
		su->told = true;
		su->status = su->early = sig;
		sys_pidfd_send_signal(su->builder, SIGKILL);
	}
	return true;
}

/* The command has stopped: stops as well, so that a shell sees its job stopped. In a process group
 * that no shell looks after the kernel ignores the signal, setpgid(2). Should the command go on, or
 * end, before a shell continues us, the init will say so, and the socket is made to turn that into
 * the signal that continues, F_SETSIG in fcntl(2). SIGCONT takes a SIGTSTP that is still pending
 * away, so that none comes too late. */
static void stop_too(struct supervisor *su)
{
	struct pollfd said = { .fd = su->socket, .events = POLLIN };
	uint64_t stop = signals_one(SIGTSTP);

	su->continued = false;
	while (forward_signal(su))
		;
	if (su->continued) /* with the command, after it stopped */
		return;
	if (fcntl(su->socket, F_SETOWN, getpid()) < 0 || fcntl(su->socket, F_SETSIG, SIGCONT) < 0 ||
	    fcntl(su->socket, F_SETFL, O_ASYNC) < 0)
		return;
	/* its own terminal has sent the signal to its group only, the caller's to ours */
	kill(su->plan->pty ? 0 : getpid(), SIGTSTP);
	if (poll(&said, 1, 0) > 0)
		kill(getpid(), SIGCONT);
	/* another one that comes before it is blocked again is as good: the command has it too */
	signals_mask(SIG_UNBLOCK, &stop, NULL);
	signals_mask(SIG_BLOCK, &stop, NULL);
	fcntl(su->socket, F_SETFL, 0);
	/* the caller's terminal must be raw before what it has sent is looked at */
	relay_resume(&su->relay);
	su->resumes = true;
	while (forward_signal(su))
		;
	su->resumes = false;
}

void forward_stop(struct supervisor *su, int sig)
{
	bool pty = su->plan->pty;

	/* the caller has its terminal back meanwhile */
	if (pty)
		relay_flush(&su->relay);
	do {
		su->stop_again = false;
		relay_pause(&su->relay);
		stop_too(su);
		relay_resume(&su->relay);
	} while (su->stop_again);
	/* What continued us has as a rule continued the whole group: whether the command, too, the
	 * init knows. On a terminal of its own it is not in the group; and where no shell will
	 * continue us we did not stop, and it goes on, as it would with the caller's terminal. */
	channel_send(su->socket, MESSAGE_RESUMED, su->continued || (pty && sig != SIGSTOP));
}
