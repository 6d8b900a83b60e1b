/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A joined pid namespace takes its children in, and only its owner's root may mount its proc, on
 * which ns.c relies for joining the owner first. */

#include "kernel.h"
#include <linux/nsfs.h>

enum {
	NOT_OWNER, OWNER, OWNER_SAME, JOIN_USER, JOIN, SELF_STAYS, CHILD_MEMBER, CHILD_PID,
	CHILD_PPID, CHILD_PROC, CHILD_PROC_SEES, INNER_MEMBER, INNER_PROC, INNER_JOIN,
	INNER_OWN_PROC,
	JOIN_AT_ONCE, JOIN_TWICE,
	MAX
};

static int *res;
static int holder_pidfd = -EBADF, ns_user = -EBADF, ns_pid = -EBADF;
static int go, tell;

static int open_ns(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/ns/%s", pid, name);
	return openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
}

static int same_ns(int a, int b)
{
	struct stat x, y;

	if (fstat(a, &x) < 0 || fstat(b, &y) < 0)
		return NOT_REACHED;
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino ? 0 : EXDEV;
}

static int member(const char *name)
{
	int fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	int e = same_ns(fd, ns_pid);

	close(fd);
	return e;
}

static int setns_to(int fd, int flags)
{
	return err(syscall(SYS_setns, fd, flags));
}

/* U2: a member of the joined pid namespace, which U1 owns. */
static void inner(void)
{
	res[INNER_MEMBER] = member("self/ns/pid");
	res[INNER_PROC] = err(sys_mount("p", "/proc", "proc", 0, NULL));
	res[INNER_JOIN] = setns_to(ns_pid, CLONE_NEWPID);
}

static void inner_own(void)
{
	res[INNER_OWN_PROC] = err(sys_mount("p", "/proc", "proc", 0, NULL));
}

/* In U1, a child made after setns. */
static void child(void)
{
	struct stat st;

	res[CHILD_MEMBER] = member("self/ns/pid");
	res[CHILD_PID] = getpid() > 1 ? 0 : EINVAL;
	res[CHILD_PPID] = getppid();
	run_in(CLONE_NEWUSER | CLONE_NEWNS, inner);
	run_in(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, inner_own);
	res[CHILD_PROC] = err(sys_mount("p", "/proc", "proc", 0, NULL));
	res[CHILD_PROC_SEES] = err(stat("/proc/1", &st));
}

static void joiner(void)
{
	res[NOT_OWNER] = setns_to(ns_pid, CLONE_NEWPID);
	res[JOIN_USER] = setns_to(ns_user, CLONE_NEWUSER);
	res[JOIN_TWICE] = setns_to(ns_user, CLONE_NEWUSER);
	res[JOIN] = setns_to(ns_pid, CLONE_NEWPID);
	res[SELF_STAYS] = member("self/ns/pid");
	run_in(CLONE_NEWNS, child);
}

static void joiner_at_once(void)
{
	res[JOIN_AT_ONCE] = setns_to(holder_pidfd, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS);
}

int main(void)
{
	pid_t holder;
	int owner;

	ordinary_user();
	res = results(MAX);
	go = gate();
	tell = gate();

	holder = spawn(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS, &holder_pidfd);
	if (holder == 0) {
		gate_open(tell);
		gate_pass(go);
		_exit(0);
	}
	gate_pass(tell);
	ns_user = open_ns(holder, "user");
	ns_pid = open_ns(holder, "pid");
	owner = ioctl(ns_pid, NS_GET_USERNS);
	res[OWNER] = err(owner);
	res[OWNER_SAME] = same_ns(owner, ns_user);
	run_in(0, joiner);
	run_in(0, joiner_at_once);
	gate_open(go);
	reap(holder);

	expect(res[OWNER], 0, "NS_GET_USERNS of the pid namespace");
	expect(res[OWNER_SAME], 0, "is the user namespace it was made in");
	expect(res[NOT_OWNER], EPERM, "setns to the pid namespace before its user namespace");
	expect(res[JOIN_USER], 0, "setns to the user namespace");
	expect(res[JOIN_TWICE], EINVAL, "setns to the user namespace one is in");
	expect(res[JOIN], 0, "then setns to the pid namespace");
	expect(res[SELF_STAYS], EXDEV, "the caller itself stays in its own");
	expect(res[CHILD_MEMBER], 0, "its next child is a member");
	expect(res[CHILD_PID], 0, "with a pid above 1");
	expect(res[CHILD_PPID], 0, "whose getppid() is 0");
	expect(res[CHILD_PROC], 0, "the child, in the owning user namespace, mounts its proc");
	expect(res[CHILD_PROC_SEES], 0, "that proc shows pid 1");
	expect(res[INNER_MEMBER], 0, "a child in a user namespace below is a member too");
	expect(res[INNER_PROC], EPERM, "but may not mount its proc");
	expect(res[INNER_JOIN], EPERM, "nor join it");
	expect(res[INNER_OWN_PROC], 0,
	       "contrast: with a pid namespace of its own it mounts a proc");
	expect(res[JOIN_AT_ONCE], 0, "one setns(pidfd) joins user, pid and mount namespace");
	return done();
}
