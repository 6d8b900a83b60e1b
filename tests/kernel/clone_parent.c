/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A child that the builder makes with CLONE_PARENT is the launcher's own child, on which launch.c
 * relies to wait for the sandbox after the builder has gone. */

#include "kernel.h"

enum {
	SIGNAL_EINVAL, MADE, INNER_PPID, PID, PID1_EINVAL,
	MAX
};

#define CHILD_STATUS 7

static int *res;
static int go;

static void sandbox(void)
{
	res[INNER_PPID] = getppid();
	gate_pass(go);
	_exit(CHILD_STATUS);
}

static void builder(void)
{
	uint64_t flags = CLONE_PARENT | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID;
	pid_t pid = sys_clone3(flags, SIGCHLD, NULL);

	res[SIGNAL_EINVAL] = err(pid);
	if (pid == 0)
		_exit(0);

	pid = sys_clone3(flags, 0, NULL);
	res[MADE] = err(pid);
	if (pid == 0) {
		mortal();
		sandbox();
	}
	res[PID] = pid;
}

/* A launcher that blocks @exit_signal; returns the sandbox's pid once its builder is reaped. */
static pid_t launch(int exit_signal)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid;

	for (int i = 0; i < MAX; i++)
		res[i] = NOT_REACHED;
	pid = sys_clone3(CLONE_NEWUSER | CLONE_NEWNS, exit_signal, NULL);
	if (pid == 0) {
		mortal();
		if (write_maps(0, uid, gid) == 0)
			builder();
		_exit(0);
	}
	return reap(pid) == 0 ? res[PID] : -1;
}

static void with_sigchld(void)
{
	struct timespec soon = { .tv_sec = 5 };
	siginfo_t info = { 0 };
	sigset_t set;
	int pidfd, status;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);

	pid = launch(SIGCHLD);
	expect(res[SIGNAL_EINVAL], EINVAL, "clone3(CLONE_PARENT) with an exit signal");
	expect(res[MADE], 0, "clone3(CLONE_PARENT|NEWUSER|NEWNS|NEWPID) with exit signal 0");

	pidfd = (int)sys_pidfd_open(pid);
	expect(err(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG)), 0,
	       "the launcher may wait for the builder's child, which has outlived the builder");
	expect(info.si_pid, 0, "that child is not finished");

	while (sigtimedwait(&set, NULL, &(struct timespec){ 0 }) > 0)
		;
	gate_open(go);
	expect(sigtimedwait(&set, &info, &soon) < 0 ? errno : 0, 0,
	       "its exit signal is the builder's: SIGCHLD arrives");
	expect(info.si_pid, pid, "SIGCHLD names it");
	expect(err(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED)), 0,
	       "waitid(P_PIDFD) without __WALL reaps it");
	expect(info.si_status, CHILD_STATUS, "waitid returns its exit status");
	expect(res[INNER_PPID], 0, "getppid() in the new pid namespace");
	expect(err(waitpid(pid, &status, __WALL)), ECHILD, "it is reaped only once");
	close(pidfd);
}

static void with_signal_0(void)
{
	pid_t pid = launch(0);
	int status = 0;

	gate_open(go);
	expect(err(waitpid(pid, &status, 0)), ECHILD,
	       "builder made with exit signal 0: its child has none, a plain wait does not see it");
	expect(waitpid(pid, &status, __WALL), pid, "builder made with exit signal 0: __WALL does");
}

static void pid1(void)
{
	pid_t pid = sys_clone3(CLONE_PARENT, 0, NULL);

	res[PID1_EINVAL] = err(pid);
	if (pid == 0)
		_exit(0);
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	go = gate();
	with_sigchld();
	with_signal_0();
	run_in(CLONE_NEWUSER | CLONE_NEWPID, pid1);
	expect(res[PID1_EINVAL], EINVAL, "pid 1 of a pid namespace may not use CLONE_PARENT");
	return done();
}
