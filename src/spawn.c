/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts the command beside the init, so that it gets what is sent meanwhile, and tells the
 * launcher of its execve. */
#include "spawn.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "channel.h"
#include "children.h"
#include "command.h"
#include "events.h"
#include "fail.h"
#include "personality.h"
#include "sandbox.h"
#include "signals.h"
#include "sys.h"
#include "util.h"

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

/* Makes the command's process. In a pid namespace it borrows our memory, which saves a copy: what
 * it does to that we never read, and should the launcher die meanwhile, the kernel ends us and so
 * everybody. Without one we must be awake for that; fork(3) would take eight calls more than the
 * one. */
static pid_t make_process(struct sandbox *sb, int *ret_executing)
{
	const struct clone_args plain = { .exit_signal = SIGCHLD };
	bool borrows = (sb->plan->unshare & CLONE_NEWPID) != 0;
	pid_t self = borrows ? 1 : getpid(), pid;
	int pair[2] = { NO_FD, NO_FD };

	if (!borrows && sb->plan->status_fd >= 0 && pipe2(pair, O_CLOEXEC) < 0)
		return -1;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork): the child sets no other variable of ours */
	pid = borrows ? vfork() : sys_clone3(&plain);
	if (pid == 0)
		child(sb, self);
	fd_close(pair[1]);
	*ret_executing = pair[0];
	if (pid > 0 && leaves_session(sb) && setsid() < 0)
		return -1; /* the child dies with us */
	return pid;
}

/* Notes what has come before the command's process can get it. */
static void note_early(struct sandbox *sb, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof info) == sizeof info)
		sb->early |= signals_one((int)info.ssi_signo);
}

static void send_early(const struct sandbox *sb, pid_t command)
{
	int sig;

	for (sig = 1; sb->early && sig <= 64; sig++)
		if (sb->early & signals_one(sig))
			kill(command, sig);
}

pid_t spawn_command(struct sandbox *sb, int signals, int *ret_executing)
{
	pid_t pid;

	if (sb->plan->as->forwards)
		note_early(sb, signals);
	pid = make_process(sb, ret_executing);
	if (pid > 0)
		send_early(sb, pid);
	return pid;
}

int spawn_tell(struct sandbox *sb, int executing)
{
	struct pollfd fds[] = {
		{ .fd = executing, .events = POLLIN },
		{ .fd = sb->launcher, .events = POLLIN },
	};
	int r;

	do {
		r = executing < 0 ? 0 : poll(fds, ARRAY_SIZE(fds), -1);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return fail(sb->fail, errno, "poll");
	fd_close(executing);
	if (sb->fail->set)
		return 0;
	r = children_first(sb);
	if (r > 0)
		r = events_has_execed(sb->proc_fd, r);
	if (r > 0)
		r = channel_send(sb->socket, MESSAGE_EXEC, 0);
	return r < 0 ? fail(sb->fail, -r, "Can't tell that the command runs") : 0;
}
