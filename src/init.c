/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PID 1 of the sandbox, or a subreaper where it has no pid namespace: reaps, forwards signals,
 * reports the end. */
#include "init.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "broken.h"
#include "caps.h"
#include "channel.h"
#include "children.h"
#include "command.h"
#include "doze.h"
#include "fail.h"
#include "fds.h"
#include "personality.h"
#include "pty.h"
#include "sandbox.h"
#include "signals.h"
#include "spawn.h"
#include "sys.h"
#include "util.h"

struct init {
	struct sandbox *sb;
	bool pid_namespace; /* the kernel ends everybody with us */
	bool tells_stops; /* the launcher stops and goes on with the command */
	int stopped; /* the command is, by this signal, or 0 */
	bool told; /* the launcher has been told so, and has not said that it runs again */
	bool anew; /* the command has stopped since that was told */
	pid_t command;
	bool command_ended;
	int status; /* of the command, as from wait(2) */
	int signals; /* signalfd */
};

bool init_watches(const struct plan *p)
{
	return p->as->forwards || p->dies_with_launcher;
}

bool init_leaves(const struct plan *p)
{
	return p->init && p->dies_with_launcher && !p->as->kills_orphans &&
	       !(p->unshare & CLONE_NEWPID) && p->pidns_fd < 0 && p->n_locks == 0 && p->sync_fd < 0;
}

/* Closes every descriptor but what the init needs: files must be released that the caller means to
 * be. */
static int close_others(struct init *init)
{
	struct sandbox *sb = init->sb;
	size_t n = 0, i;
	int *keep, r;

	if (BROKEN("init-closes"))
		return 0;
	keep = malloc((sb->plan->n_locks + 6) * sizeof *keep);
	if (!keep)
		return fail(sb->fail, ENOMEM, "Out of memory");
	keep[n++] = sb->socket;
	keep[n++] = sb->launcher;
	keep[n++] = init->signals;
	keep[n++] = sb->pty;
	if (!init->pid_namespace)
		keep[n++] = sb->proc_fd; /* tells whom to kill */
	if (sb->plan->sync_fd >= 0)
		keep[n++] = sb->plan->sync_fd;
	for (i = 0; i < sb->plan->n_locks; i++)
		keep[n++] = sb->lock_fds[i];
	r = fds_close_others(keep, n, 0);
	free(keep);
	return r < 0 ? fail(sb->fail, -r, "close_range") : 0;
}

static _Noreturn void exit_like_command(const struct init *init)
{
	_exit(WIFEXITED(init->status) ? WEXITSTATUS(init->status) : 128 + WTERMSIG(init->status));
}

/* The command, as long as its pid is nobody else's. */
static pid_t known_child(const struct init *init)
{
	return init->command_ended ? 0 : init->command;
}

/* Ends whoever is left. Where the kernel does that at our own end, it is left to it unless somebody
 * wants to know how many. */
static _Noreturn void end_everybody(struct init *init)
{
	bool counts = init->sb->plan->status_fd >= 0;
	int count = 0;

	if (counts || !init->pid_namespace)
		count = children_end(init->sb, known_child(init));
	if (counts && count >= 0)
		channel_send(init->sb->socket, MESSAGE_ORPHANS, count);
	exit_like_command(init);
}

/* Ends the sandbox for the failure recorded: nobody would watch it. */
static _Noreturn void give_up(struct init *init)
{
	channel_send_fail(init->sb->socket, init->sb->fail);
	end_everybody(init);
}

/* The command has ended: leaves what it left behind to itself. But whoever killed the command may
 * have killed the launcher with it: only one that lives confirms the end. */
static _Noreturn void leave(struct init *init)
{
	struct message m;

	if (channel_receive(init->sb->socket, &m, false) <= 0)
		end_everybody(init);
	exit_like_command(init);
}

/* The command is stopped: tells the launcher, unless that has still to do with another stop. */
static void tell_stop(struct init *init)
{
	init->anew = init->told;
	if (!init->told && channel_send(init->sb->socket, MESSAGE_STOP, init->stopped) == 0)
		init->told = true;
}

/* The command has stopped, or goes on. */
static void note_stop(struct init *init, int status)
{
	init->stopped = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
	if (init->stopped)
		tell_stop(init);
	else if (init->told)
		channel_send(init->sb->socket, MESSAGE_CONTINUE, 0);
}

/* Reaps what has ended; with WNOHANG in FLAGS it does not wait for more. Returns true when it was
 * interrupted, and must be called again. */
static bool reap(struct init *init, int flags)
{
	pid_t pid;
	int status;
	bool told;

	if (init->tells_stops)
		flags |= WUNTRACED | WCONTINUED;
	while ((pid = waitpid(-1, &status, flags)) > 0) {
		if (pid != init->command)
			continue;
		if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
			note_stop(init, status);
			continue;
		}
		init->command_ended = true;
		init->stopped = 0;
		init->status = status;
		told = channel_send(init->sb->socket, MESSAGE_EXIT, status) == 0;
		if (init->sb->plan->as->kills_orphans && !init->sb->plan->wait_all)
			end_everybody(init);
		if (!told) /* the launcher is gone, or learns it from our own end */
			end_everybody(init);
		if (init_leaves(init->sb->plan))
			leave(init);
	}
	if (pid < 0 && errno == ECHILD)
		exit_like_command(init);
	if (pid < 0 && errno != EINTR) {
		fail(init->sb->fail, errno, "Can't wait for the command");
		give_up(init);
	}
	return pid < 0;
}

/* Passes a signal on where we lead the session of a terminal of the sandbox's own: what that sends
 * to us, which is a hang-up, comes to us alone. */
static void signal_terminal(const struct init *init, const struct signalfd_siginfo *info)
{
	if (info->ssi_signo == SIGHUP && info->ssi_code == SI_KERNEL) {
		kill(-init->command, SIGHUP);
		kill(-init->command, SIGCONT); /* whoever is stopped gets it too */
	} else if (info->ssi_signo == SIGCONT) {
		pty_continue(init->sb, init->command, init->stopped != 0);
	} else {
		kill(init->command, (int)info->ssi_signo);
	}
}

static void handle_signal(struct init *init)
{
	struct signalfd_siginfo info;

	if (read(init->signals, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGCHLD)
		while (reap(init, WNOHANG))
			;
	else if (init->sb->pty >= 0 && !init->command_ended)
		signal_terminal(init, &info);
	else if (info.ssi_code == SI_KERNEL &&
		 (signals_of_terminal() & signals_one((int)info.ssi_signo)))
		return; /* the command has it too */
	else if (!init->command_ended)
		kill(init->command, (int)info.ssi_signo);
	else if (init->pid_namespace) /* --wait-all: those that are waited for */
		kill(-1, (int)info.ssi_signo);
	else
		children_signal(init->sb, known_child(init), (int)info.ssi_signo);
}

/* The launcher runs again. What continued it reached the command first, if at all: the kernel
 * begins with the youngest of a group. So one that is stopped has been stopped again since, or is
 * stopped still. Returns false when there was no message. */
static bool handle_launcher(struct init *init)
{
	struct message m;

	if (channel_receive(init->sb->socket, &m, true) <= 0)
		return false;
	while (reap(init, WNOHANG))
		;
	init->told = false;
	if (init->stopped && init->anew)
		tell_stop(init);
	else if (init->stopped && m.value && init->sb->pty >= 0)
		pty_continue(init->sb, init->command, true);
	else if (init->stopped && m.value)
		kill(init->command, SIGCONT);
	return true;
}

static _Noreturn void loop(struct init *init)
{
	struct pollfd fds[] = {
		{ .fd = init->signals, .events = POLLIN },
		{ .fd = init->sb->plan->dies_with_launcher ? init->sb->launcher : -1,
		  .events = POLLIN },
		{ .fd = init->tells_stops ? init->sb->socket : -1, .events = POLLIN },
	};

	/* the caller's filters, where they are ours too, may refuse what dozing takes */
	bool dozes = !init->sb->plan->as->filters_init || init->sb->n_filters == 0;

	if (!init_watches(init->sb->plan) && dozes)
		doze_soon();
	while (!init_watches(init->sb->plan))
		if (reap(init, 0) && dozes)
			doze_wait();
	for (;;) {
		if ((dozes ? doze_poll(fds, ARRAY_SIZE(fds)) : poll(fds, ARRAY_SIZE(fds), -1)) <
		    0) {
			if (errno == EINTR)
				continue;
			fail(init->sb->fail, errno, "poll");
			give_up(init);
		}
		if (fds[1].revents)
			end_everybody(init);
		if (fds[0].revents)
			handle_signal(init);
		if (fds[2].revents && !handle_launcher(init))
			fds[2].fd = -1; /* its end will be seen */
	}
}

static bool reaps_others(const struct sandbox *sb)
{
	const struct plan *p = sb->plan;

	return !(p->unshare & CLONE_NEWPID) &&
	       (p->as->kills_orphans || p->dies_with_launcher || p->pidns_fd >= 0);
}

/* Turns the signals to act on into a descriptor. */
static int watch_signals(struct init *init)
{
	uint64_t signals = signals_one(SIGCHLD);

	if (init->sb->plan->as->forwards)
		signals |= signals_forwarded();
	if (signals_mask(SIG_BLOCK, &signals, NULL) < 0)
		return -1;
	return init->signals = signals_fd(signals, SFD_NONBLOCK);
}

_Noreturn void init_main(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	struct init init = {
		.sb = sb,
		.pid_namespace = (p->unshare & CLONE_NEWPID) != 0,
		.tells_stops = p->pty || (sb->terminal && p->as->forwards && !p->new_session),
		.signals = NO_FD,
	};
	int executing, r = 0;

	if (init_watches(sb->plan) && watch_signals(&init) < 0) {
		fail(sb->fail, errno, "Can't watch for signals");
		goto failed;
	}
	/* a command with every capability may look into any process of its namespace that is
	 * dumpable */
	if ((sb->plan->caps != 0 && !BROKEN("init-closed") &&
	     prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) ||
	    (reaps_others(sb) && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) ||
	    /* without a pid namespace our death by a signal would leave the others: from now on
	     * the loop sees to it, which must only not be stopped */
	    (!init.pid_namespace && p->dies_with_launcher &&
	     prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0) < 0)) {
		fail(sb->fail, errno, "Can't set up pid 1");
		goto failed;
	}
	init.command = spawn_command(sb, init.signals, &executing);
	if (init.command < 0) {
		fail(sb->fail, errno, "Can't fork for pid 1");
		goto failed;
	}
	if (BROKEN("init-keeps-capabilities"))
		caps_limit(p->caps, false);
	if (sb->plan->status_fd >= 0)
		r = spawn_tell(sb, executing);
	if (r == 0 && chdir("/") < 0)
		r = fail(sb->fail, errno, "Can't chdir to /");
	if (r < 0 || close_others(&init) < 0 ||
	    (sb->plan->as->filters_init && command_filter(sb) < 0))
		give_up(&init);
	loop(&init);
failed:
	channel_send_fail(sb->socket, sb->fail);
	_exit(1);
}
