/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits, awake for signals and for the launcher's death. */
#include "wait.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "channel.h"
#include "fail.h"
#include "personality.h"
#include "sandbox.h"
#include "signals.h"
#include "util.h"

/* Ends the sandbox, whose command has not begun, by SIG. */
static _Noreturn void end_by(const struct sandbox *sb, int sig)
{
	channel_send(sb->socket, MESSAGE_EXIT, sig);
	_exit(1);
}

int wait_readable(struct sandbox *sb, int fd)
{
	CLEANUP(fd_closep) int signals = NO_FD;
	struct signalfd_siginfo info;

	if (!sb->plan->as->forwards)
		return 0; /* nothing is blocked: the default action ends the process */
	/* it came while the builder was alone in the process group */
	if (sb->early & signals_ending())
		end_by(sb, __builtin_ctzll(sb->early & signals_ending()) + 1);
	signals = signals_fd(signals_ending(), 0);
	if (signals < 0)
		return fail(sb->fail, errno, "signalfd");
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	while (fds[0].revents == 0) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return fail(sb->fail, errno, "poll");
		if (fds[1].revents && read(signals, &info, sizeof info) == sizeof info)
			end_by(sb, (int)info.ssi_signo);
	}
	return 0;
}

int wait_watch_launcher(struct sandbox *sb)
{
	struct pollfd launcher = { .fd = sb->launcher, .events = POLLIN };
	int n;

	if (!sb->plan->dies_with_launcher)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return fail(sb->fail, errno, "prctl(PR_SET_PDEATHSIG)");
	/* dead before the line above: the pidfd, opened before the first clone, tells */
	do {
		n = poll(&launcher, 1, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		_exit(1);
	return n < 0 ? fail(sb->fail, errno, "poll") : 0;
}

int wait_go(struct sandbox *sb)
{
	struct message m;
	int r;

	r = wait_readable(sb, sb->socket);
	if (r < 0)
		return r;
	r = channel_receive(sb->socket, &m, 0);
	if (r < 0)
		return fail(sb->fail, -r, "Can't hear the launcher");
	if (r == 0)
		_exit(1); /* it gave up, and has said why */
	return 0;
}
