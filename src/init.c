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
#include "command.h"
#include "doze.h"
#include "events.h"
#include "fail.h"
#include "fds.h"
#include "personality.h"
#include "pty.h"
#include "sandbox.h"
#include "signals.h"
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
	int executing; /* a pipe that ends when the command is executed, or empty */
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

/* Sends SIG to the child that the host's /proc calls PID: its number in our own pid namespace may
 * be another. Only we reap it, so that the number is nobody else's meanwhile. */
static void signal_child(const struct sandbox *sb, const char *pid, int sig)
{
	CLEANUP(fd_closep) int fd = sandbox_proc_open(sb, pid, O_RDONLY | O_DIRECTORY);

	if (fd >= 0)
		sys_pidfd_send_signal(fd, sig);
	else if (sb->plan->pidns_fd < 0) /* hidden from us, see hidepid in proc(5) */
		kill((pid_t)atoi(pid), sig);
}

/* Reads the direct children's pids, proc_pid_children(5), as the host's /proc has them, separated
 * by spaces, as many as SIZE bytes hold. Returns their length, or -1. */
static ssize_t read_children(const struct init *init, char *text, size_t size)
{
	CLEANUP(fd_closep)
	int fd = sandbox_proc_open(init->sb, "thread-self/children", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	/* a number cut short by the end of the buffer would be somebody else's */
	if (n == (ssize_t)size - 1 && strrchr(text, ' '))
		*strrchr(text, ' ') = '\0';
	return n;
}

static void signal_children(const struct init *init, int sig)
{
	char text[4096], *pid, *save;
	ssize_t n = read_children(init, text, sizeof text);

	for (pid = strtok_r(text, " ", &save); pid; pid = strtok_r(NULL, " ", &save))
		signal_child(init->sb, pid, sig);
	if (n < 0 && !init->command_ended)
		kill(init->command, sig);
}

/* Reaps with FLAGS what has ended, and adds to *COUNT what end_everybody() has killed of it.
 * Returns how many there were, or -1 when there is no child any more. */
static int reap_killed(int flags, int *count)
{
	int n = 0, status = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, flags)) > 0) {
		*count += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		n++;
	}
	return pid < 0 && errno == ECHILD ? -1 : n;
}

static _Noreturn void exit_like_command(const struct init *init)
{
	_exit(WIFEXITED(init->status) ? WEXITSTATUS(init->status) : 128 + WTERMSIG(init->status));
}

/* Kills the direct children, and by and by the orphans that become ours, until none is left. Where
 * the kernel does that at our end, it is left to it unless somebody wants to know how many. What
 * forks all the time is outrun by not resting while any die. */
static _Noreturn void end_everybody(struct init *init)
{
	int count = 0, n;

	if (init->pid_namespace) {
		if (init->sb->plan->status_fd < 0 || (kill(-1, SIGKILL) < 0 && errno != ESRCH))
			exit_like_command(init);
		reap_killed(0, &count);
	}
	while ((n = reap_killed(WNOHANG, &count)) >= 0) {
		signal_children(init, SIGKILL);
		if (n == 0)
			poll(NULL, 0, 1);
	}
	if (init->sb->plan->status_fd >= 0)
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
		signal_children(init, (int)info.ssi_signo);
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

/* Whether the init goes out of the way of what is sent to the launcher's process group: it would
 * pass a second one on; and without a pid namespace SIGKILL would take it along, and nobody end the
 * command's daemons. The session of the command stays the launcher's, and its process group as
 * orphaned as that was, which is what decides about ^Z (setpgid(2)). */
static bool leaves_session(const struct sandbox *sb)
{
	const struct plan *p = sb->plan;

	return !p->new_session && !p->pty &&
	       (p->as->forwards || (p->dies_with_launcher && !(p->unshare & CLONE_NEWPID)));
}

/* The command's process, until it is the command. PARENT is the init. */
static _Noreturn void child(struct sandbox *sb, pid_t parent)
{
	if (sb->plan->dies_with_launcher && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) {
		fail(sb->fail, errno, "prctl(PR_SET_PDEATHSIG)");
		goto failed;
	}
	if (leaves_session(sb) && !(sb->plan->unshare & CLONE_NEWPID))
		while (getsid(parent) == getsid(0))
			poll(NULL, 0, 1);
	if (!(sb->plan->unshare & CLONE_NEWPID) && getppid() != parent)
		_exit(1); /* it died before the first line */
	if (sb->plan->sync_fd >= 0 && fcntl(sb->plan->sync_fd, F_SETFD, FD_CLOEXEC) < 0)
		fail(sb->fail, errno, "--sync-fd %d", sb->plan->sync_fd);
	else
		command_exec(sb);
failed:
	channel_send_fail(sb->socket, sb->fail);
	_exit(sb->plan->as->exit_setup);
}

/* Says that the command runs, once it is certain. By now vfork(2) has returned, or else a pipe ends
 * with the execve: or the command's process could not become it, and has said so, or was killed. */
static int tell_exec(struct init *init)
{
	struct pollfd fds[] = {
		{ .fd = init->executing, .events = POLLIN },
		{ .fd = init->sb->launcher, .events = POLLIN },
	};
	char text[64];
	ssize_t n;
	int r;

	do {
		r = init->executing < 0 ? 0 : poll(fds, ARRAY_SIZE(fds), -1);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return fail(init->sb->fail, errno, "poll");
	init->executing = fd_close(init->executing);
	if (init->sb->fail->set)
		return 0;
	n = read_children(init, text, sizeof text);
	r = n < 0 ? neg_errno() : n == 0 ? 0 : events_has_execed(init->sb->proc_fd, atoi(text));
	if (r > 0)
		r = channel_send(init->sb->socket, MESSAGE_EXEC, 0);
	return r < 0 ? fail(init->sb->fail, -r, "Can't tell that the command runs") : 0;
}

static bool reaps_others(const struct sandbox *sb)
{
	const struct plan *p = sb->plan;

	return !(p->unshare & CLONE_NEWPID) &&
	       (p->as->kills_orphans || p->dies_with_launcher || p->pidns_fd >= 0);
}

/* Notes what has come before the command's process can get it. */
static void note_early(struct init *init)
{
	struct signalfd_siginfo info;

	while (read(init->signals, &info, sizeof info) == sizeof info)
		init->sb->early |= signals_one((int)info.ssi_signo);
}

/* Passes that on. */
static void send_early(const struct init *init)
{
	int sig;

	for (sig = 1; init->sb->early && sig <= 64; sig++)
		if (init->sb->early & signals_one(sig))
			kill(init->command, sig);
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

/* Makes the command's process. In a pid namespace it borrows our memory, which saves a copy: what
 * it does to that we never read, and should the launcher die meanwhile, the kernel ends us and so
 * everybody. Without one we must be awake for that; fork(3) would take eight calls more than the
 * one. Returns its pid, or -1 with errno set. */
static pid_t start_command(struct init *init)
{
	const struct clone_args plain = { .exit_signal = SIGCHLD };
	pid_t self = init->pid_namespace ? 1 : getpid(), pid;
	int pair[2] = { NO_FD, NO_FD };

	if (!init->pid_namespace && init->sb->plan->status_fd >= 0 && pipe2(pair, O_CLOEXEC) < 0)
		return -1;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork): the child sets no other variable of ours */
	pid = init->pid_namespace ? vfork() : sys_clone3(&plain);
	if (pid == 0)
		child(init->sb, self);
	fd_close(pair[1]);
	init->executing = pair[0];
	if (pid > 0 && leaves_session(init->sb) && setsid() < 0)
		return -1; /* the child dies with us */
	return pid;
}

_Noreturn void init_main(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	struct init init = {
		.sb = sb,
		.pid_namespace = (p->unshare & CLONE_NEWPID) != 0,
		.tells_stops = p->pty || (sb->terminal && p->as->forwards && !p->new_session),
		.signals = NO_FD,
		.executing = NO_FD,
	};
	int r = 0;

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
	if (p->as->forwards)
		note_early(&init);
	init.command = start_command(&init);
	if (init.command < 0) {
		fail(sb->fail, errno, "Can't fork for pid 1");
		goto failed;
	}
	send_early(&init);
	if (BROKEN("init-keeps-capabilities"))
		caps_limit(p->caps, false);
	if (sb->plan->status_fd >= 0)
		r = tell_exec(&init);
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
