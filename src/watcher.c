/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends a command that is process 1 of its pid namespace when the launcher is dead.
 *
 * An init would do it, from within. This command has none, and its parent-death signal it can clear
 * itself, prctl(2). So somebody outside does it: a child of the launcher's, which the sandbox
 * neither sees nor reaches, in a session of its own, where what ends the launcher's process group
 * leaves it. It holds nothing but a pidfd of each, and the descriptor of --sync-fd. */
#include "watcher.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "fail.h"
#include "fds.h"
#include "signals.h"
#include "sys.h"
#include "util.h"

/* The watcher: writes to READY when it has begun, or else ends with an errno as its status. */
static _Noreturn void watch(int launcher, int child, int sync, int ready)
{
	struct pollfd fds[] = {
		{ .fd = launcher, .events = POLLIN },
		{ .fd = child, .events = POLLIN },
	};
	int keep[] = { launcher, child, sync, ready }, r;
	uint64_t all = ~UINT64_C(0);
	ssize_t n;

	/* whoever has stopped us, too, has not stopped us for good */
	if (signals_mask(SIG_BLOCK, &all, NULL) < 0 || setsid() < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0) < 0)
		_exit(errno);
	r = fds_close_others(keep, ARRAY_SIZE(keep), 0);
	if (r < 0)
		_exit(-r);
	do {
		n = write(ready, "", 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EPIPE) /* dead already, which is seen below */
		_exit(errno);
	fd_close(ready);
	/* whatever a call that cannot fail says: nobody else would do this */
	while (fds[0].revents == 0 && fds[1].revents == 0)
		poll(fds, ARRAY_SIZE(fds), -1);
	if (fds[0].revents)
		sys_pidfd_send_signal(child, SIGKILL);
	while (sync >= 0 && fds[1].revents == 0)
		poll(&fds[1], 1, -1);
	_exit(0);
}

/* Waits until WATCHER writes to READY. Returns 0, or -errno when it ends instead. */
static int wait_ready(int watcher, int ready)
{
	siginfo_t end = { 0 };
	ssize_t n;
	char byte;

	do {
		n = read(ready, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 0)
		return n < 0 ? neg_errno() : 0;
	if (waitid(P_PIDFD, (id_t)watcher, &end, WEXITED | WNOWAIT | __WALL) < 0)
		return neg_errno();
	return end.si_code == CLD_EXITED && end.si_status ? -end.si_status : -ESRCH;
}

int watcher_start(int child, int sync, struct fail *f)
{
	CLEANUP(fd_closep) int launcher = sys_pidfd_open(getpid());
	CLEANUP(fd_closep) int ready = NO_FD;
	int pair[2], watcher = NO_FD, r;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&watcher,
	};
	pid_t pid;

	if (launcher < 0)
		return fail(f, errno, "pidfd_open");
	if (pipe2(pair, O_CLOEXEC) < 0)
		return fail(f, errno, "pipe2");
	ready = pair[0];
	pid = sys_clone3(&args);
	if (pid == 0)
		watch(launcher, child, sync, pair[1]);
	r = pid < 0 ? neg_errno() : 0;
	fd_close(pair[1]);
	if (r == 0)
		r = wait_ready(watcher, ready);
	if (r == 0)
		return watcher;
	watcher_end(watcher);
	return fail(f, -r, "--as-pid-1: can't watch over the command");
}

void watcher_end(int watcher)
{
	if (watcher < 0)
		return;
	sys_pidfd_send_signal(watcher, SIGKILL);
	while (waitid(P_PIDFD, (id_t)watcher, NULL, WEXITED | __WALL) < 0 && errno == EINTR)
		;
	fd_close(watcher);
}
