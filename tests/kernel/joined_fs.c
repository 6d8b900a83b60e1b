/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file system that shows a namespace is made where its owner is entered, and attached in a user
 * namespace below, on which enter.c relies for what it mounts of joined namespaces. */

#include "kernel.h"
#include <linux/mount.h>

enum {
	FOREIGN_OPEN, JOIN_USER, JOIN_PID, OPEN, CREATE, MOUNT_BELOW, ATTACH_BELOW,
	SHOWS_IT, CREATE_BELOW, MQUEUE_BELOW, MQUEUE, PIDFD,
	MAX
};

static int *res;
static int holder_pidfd = -EBADF, ns_user = -EBADF, ns_pid = -EBADF, ns_ipc = -EBADF;
static int go, tell, context, mqueue;

static int open_ns(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/ns/%s", pid, name);
	return openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
}

static int create(int fd)
{
	return err(syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

/* fsopen in a child, which is a member of the joined pid namespace, in our table of descriptors. */
static int open_as_member(void)
{
	int fd = fcntl(proc_fd, F_DUPFD_CLOEXEC, 10);
	pid_t pid = sys_clone3(CLONE_FILES, SIGCHLD, NULL);

	if (pid == 0) {
		mortal();
		_exit(err(dup3((int)syscall(SYS_fsopen, "proc", 0), fd, O_CLOEXEC)));
	}
	return reap(pid) == 0 ? fd : -EBADF;
}

/* In U2, below the owner. */
static void below(void)
{
	int fresh = (int)syscall(SYS_fsopen, "mqueue", 0);
	int mount = (int)syscall(SYS_fsmount, context, 0, MOUNT_ATTR_NODEV);

	res[MOUNT_BELOW] = err(mount);
	own_tmp();
	make_dirs("/tmp/proc", NULL);
	res[ATTACH_BELOW] = err(sys_move_mount(mount, "", AT_FDCWD, "/tmp/proc"));
	/* the namespace's first process, which is not this program's own pid 1 */
	res[SHOWS_IT] = err(access("/tmp/proc/1/ns", F_OK));
	res[CREATE_BELOW] = create(fresh);
	res[MQUEUE_BELOW] = err_close(syscall(SYS_fsmount, mqueue, 0, 0));
}

static void joiner(void)
{
	res[FOREIGN_OPEN] = err_close(syscall(SYS_fsopen, "proc", 0));
	res[JOIN_USER] = err(syscall(SYS_setns, ns_user, CLONE_NEWUSER));
	res[JOIN_PID] = err(syscall(SYS_setns, ns_pid, CLONE_NEWPID));
	syscall(SYS_setns, ns_ipc, CLONE_NEWIPC);
	if (syscall(SYS_unshare, CLONE_NEWNS) < 0)
		return;
	context = open_as_member();
	res[OPEN] = err(context);
	res[CREATE] = create(context);
	mqueue = (int)syscall(SYS_fsopen, "mqueue", 0);
	res[MQUEUE] = create(mqueue);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, below);
}

static void joiner_at_once(void)
{
	res[PIDFD] = err(syscall(SYS_setns, holder_pidfd,
				       CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET));
}

static void hold(void)
{
	gate_open(tell);
	gate_pass(go);
	_exit(0);
}

int main(void)
{
	pid_t holder;

	ordinary_user();
	res = results(MAX);
	go = gate();
	tell = gate();
	holder = spawn(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWNET,
		       &holder_pidfd);
	if (holder == 0)
		hold();
	gate_pass(tell);
	ns_user = open_ns(holder, "user");
	ns_pid = open_ns(holder, "pid");
	ns_ipc = open_ns(holder, "ipc");
	run_in(0, joiner);
	run_in(0, joiner_at_once);
	gate_open(go);
	reap(holder);

	expect(res[FOREIGN_OPEN], EPERM, "fsopen before any user namespace is entered");
	expect(res[JOIN_USER], 0, "setns to the user namespace");
	expect(res[JOIN_PID], 0, "setns to its pid namespace");
	expect(res[OPEN], 0, "fsopen of proc in a child, sharing descriptors");
	expect(res[CREATE], 0, "its proc is made in the user namespace that owns it");
	expect(res[MQUEUE], 0, "so is its mqueue");
	expect(res[MOUNT_BELOW], 0, "fsmount of that proc in a user namespace below");
	expect(res[ATTACH_BELOW], 0, "move_mount of it there");
	expect(res[SHOWS_IT], 0, "it shows the joined namespace's processes");
	expect(res[MQUEUE_BELOW], 0, "fsmount of that mqueue there");
	expect(res[CREATE_BELOW], EPERM, "contrast: an mqueue made there");
	expect(res[PIDFD], 0, "one setns(pidfd) joins them all");
	return done();
}
