/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wrappers shared by the programs that keep husk's kernel assumptions: raw calls, children in
 * namespaces, reports. */

/*
 * Every program has this shape: main() gets a shared array of results, children in new namespaces
 * put the errno of each call (0 for success) into it, and only main() judges them, with expect().
 * A result that no child reached is NOT_REACHED, which equals no errno, so a test cannot pass
 * because its child died on the way.
 *
 * Nothing a program does outlives it: it mounts in its own namespaces only, makes files on its own
 * tmpfs only, and each child dies with its parent or of an alarm.
 */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

/* glibc has these in sys/mount.h and sched.h, which cannot stand beside linux/mount.h and
 * linux/sched.h. */
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define NOT_REACHED (-1)
#define CHILD_SECONDS 60

/* The errno of a call that returned @r, or 0. */
static inline int err(long r)
{
	return r < 0 ? errno : 0;
}

/* Closes @fd if it is one; returns the errno of the call that made it, or 0. */
static inline int err_close(long fd)
{
	int e = err(fd);

	if (fd >= 0)
		close((int)fd);
	return e;
}

/* An array of @n results that children share, each NOT_REACHED. Never freed. */
static inline int *results(size_t n)
{
	int *res = mmap(NULL, n * sizeof(*res), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (res == MAP_FAILED)
		exit(99);
	for (size_t i = 0; i < n; i++)
		res[i] = NOT_REACHED;
	return res;
}

/* Prints one TAP line for the place @file, @line: @got must be exactly @want. */
__attribute__((format(printf, 5, 6)))
static inline void expect_at(const char *file, int line, int got, int want, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);

	if (!tap_ok(got == want, file, line, "%s", what)) {
		if (got == NOT_REACHED)
			note("not reached, expected %d", want);
		else
			note("got %d (%s), expected %d (%s)", got, strerror(got), want,
			     strerror(want));
	}
}

/* One TAP line: the first operand, an errno or other small number, must be exactly the second. */
#define expect(got, want, ...) expect_at(__FILE__, __LINE__, got, want, __VA_ARGS__)

/* The /proc this program started with, whatever covers it later. */
static int proc_fd = -EBADF;

/* Root would prove nothing: become a user without account, groups or capabilities. */
static inline void ordinary_user(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(CHILD_SECONDS + 10);
	proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0)
		exit(99);
	if (geteuid() != 0)
		return;
	if (setgroups(0, NULL) < 0 || setresgid(65533, 65533, 65533) < 0 ||
	    setresuid(65533, 65533, 65533) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		exit(99);
}

static inline long sys_mount(const char *src, const char *dst, const char *type,
			     unsigned long flags, const char *data)
{
	return syscall(SYS_mount, src, dst, type, flags, data);
}

static inline long sys_umount(const char *path, int flags)
{
	return syscall(SYS_umount2, path, flags);
}

static inline long sys_open_tree(int dirfd, const char *path, unsigned int flags)
{
	return syscall(SYS_open_tree, dirfd, path, flags | OPEN_TREE_CLOEXEC);
}

static inline long sys_move_mount(int from, const char *src, int to, const char *dst)
{
	return syscall(SYS_move_mount, from, src, to, dst,
		       (*src ? 0 : MOVE_MOUNT_F_EMPTY_PATH) | (*dst ? 0 : MOVE_MOUNT_T_EMPTY_PATH));
}

static inline long sys_mount_setattr(int dirfd, const char *path, unsigned int flags,
				     uint64_t set, uint64_t clear)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear };

	return syscall(SYS_mount_setattr, dirfd, path, flags | (*path ? 0 : AT_EMPTY_PATH),
		       &attr, sizeof(attr));
}

static inline long sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };

	return syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

static inline long sys_pidfd_open(pid_t pid)
{
	return syscall(SYS_pidfd_open, pid, 0);
}

/* clone3 in the manner of fork. @ret_pidfd may be NULL. */
static inline pid_t sys_clone3(uint64_t flags, int exit_signal, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | (ret_pidfd ? CLONE_PIDFD : 0),
		.pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = (uint64_t)exit_signal,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Writes @text to @path of /proc in one write(2); returns the errno, or 0. */
static inline int write_proc(const char *path, const char *text)
{
	int fd = openat(proc_fd, path, O_WRONLY | O_CLOEXEC);
	int e;

	if (fd < 0)
		return errno;
	e = err(write(fd, text, strlen(text)));
	close(fd);
	return e;
}

/* Maps one uid and gid of this process's new user namespace: @inside to @outer_uid, @outer_gid. */
static inline int write_maps(uint32_t inside, uid_t outer_uid, gid_t outer_gid)
{
	char text[64];
	int e = write_proc("self/setgroups", "deny");

	/* A nested namespace inherits the refusal and then may not write it again: EPERM is no
	 * matter. */
	if (e != 0 && e != EPERM)
		return e;
	snprintf(text, sizeof(text), "%u %u 1", inside, outer_uid);
	e = write_proc("self/uid_map", text);
	if (e != 0)
		return e;
	snprintf(text, sizeof(text), "%u %u 1", inside, outer_gid);
	return write_proc("self/gid_map", text);
}

/* In a child: die with the parent, or after a while. */
static inline void mortal(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	alarm(CHILD_SECONDS);
}

/* Forks with the namespaces of @flags; with CLONE_NEWUSER the caller's ids are mapped to 0 and all
 * mounts of a CLONE_NEWNS are made private. The child never sees a half-made namespace. */
static inline pid_t spawn(uint64_t flags, int *ret_pidfd)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid = sys_clone3(flags, SIGCHLD, ret_pidfd);

	if (pid != 0)
		return pid;
	mortal();
	if (flags & CLONE_NEWUSER && write_maps(0, uid, gid) != 0)
		_exit(98);
	if (flags & CLONE_NEWNS && sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		_exit(97);
	return 0;
}

/* Waits for @pid; returns its exit status, 128 + signal, or -1. */
static inline int reap(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, __WALL) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs @fn in a child with the namespaces of @flags and waits; its exit status or -errno. */
static inline int run_in(uint64_t flags, void (*fn)(void))
{
	pid_t pid = spawn(flags, NULL);

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		fn();
		_exit(0);
	}
	return reap(pid);
}

/* Mounts a tmpfs on /tmp for the program's own files; ends the child where that cannot be. */
static inline void own_tmp(void)
{
	if (sys_mount("own", "/tmp", "tmpfs", 0, NULL) < 0 || chdir("/") < 0)
		_exit(96);
}

/* Makes each directory of the list, which a NULL ends. */
__attribute__((sentinel))
static inline void make_dirs(const char *path, ...)
{
	va_list ap;

	va_start(ap, path);
	for (; path; path = va_arg(ap, const char *))
		if (mkdir(path, 0755) < 0)
			_exit(95);
	va_end(ap);
}

/* A gate is an eventfd: closed until somebody opens it, and closed again behind who passes. */
static inline int gate(void)
{
	return eventfd(0, EFD_CLOEXEC);
}

static inline void gate_open(int fd)
{
	if (write(fd, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0)
		_exit(94);
}

static inline void gate_pass(int fd)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		_exit(93);
}
