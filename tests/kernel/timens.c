/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The offsets of a time namespace can be written only before a process is in it, on which inside.c
 * relies for unshare, write, fork instead of clone3(CLONE_NEWTIME). */

#include "kernel.h"
#include <time.h>

enum {
	CLONED_OTHER, CLONED_WRITE,
	UNSHARED_SAME, UNSHARED_FOR_CHILDREN, WRITE, CHILD_OTHER, CHILD_CLOCK, CHILD_WRITE,
	LATE_WRITE,
	PARENT_CLOCK, NO_CAP, EXEC_ENTERS,
	MAX
};

#define SHIFT 100000

static int *res;
static char before[64];

static void ns_id(const char *name, char id[64])
{
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "self/ns/%s", name);
	len = readlinkat(proc_fd, path, id, 63);
	id[len < 0 ? 0 : len] = '\0';
}

/* 1 if this process's @name is another namespace than @old; 0 if the same. */
static int is_other(const char *name, const char *old)
{
	char id[64];

	ns_id(name, id);
	return *id ? strcmp(id, old) != 0 : NOT_REACHED;
}

static int write_offset(void)
{
	char text[32];

	snprintf(text, sizeof(text), "boottime %d 0", SHIFT);
	return write_proc("self/timens_offsets", text);
}

static long uptime(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_BOOTTIME, &t) < 0 ? -1 : t.tv_sec;
}

static void cloned(void)
{
	res[CLONED_OTHER] = is_other("time", before);
	res[CLONED_WRITE] = write_offset();
}

static void in_unshared(void)
{
	const long outside = uptime();
	pid_t pid;

	res[UNSHARED_SAME] = is_other("time", before);
	res[UNSHARED_FOR_CHILDREN] = is_other("time_for_children", before);
	res[WRITE] = write_offset();
	pid = fork();
	if (pid == 0) {
		mortal();
		res[CHILD_OTHER] = is_other("time", before);
		res[CHILD_CLOCK] = uptime() - outside >= SHIFT;
		res[CHILD_WRITE] = write_offset();
		_exit(0);
	}
	reap(pid);
	res[PARENT_CLOCK] = uptime() - outside >= SHIFT;
	res[LATE_WRITE] = write_offset();
}

static void unshared(void)
{
	if (syscall(SYS_unshare, CLONE_NEWTIME) == 0)
		in_unshared();
}

/* A process that executes without forking enters the namespace too. */
static void execed(const char *self)
{
	char fd[16];

	snprintf(fd, sizeof(fd), "%d", fcntl(proc_fd, F_DUPFD, 10));
	if (syscall(SYS_unshare, CLONE_NEWTIME) == 0)
		execl("/proc/self/exe", self, before, fd, NULL);
	_exit(99);
}

static void not_owner(void)
{
	long r = syscall(SYS_unshare, CLONE_NEWTIME);

	res[NO_CAP] = err(r);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc == 3) {
		proc_fd = atoi(argv[2]);
		return is_other("time", argv[1]);
	}
	ordinary_user();
	res = results(MAX);
	ns_id("time", before);
	if (!*before)
		return skip_all("this kernel has no time namespaces");
	run_in(CLONE_NEWUSER | CLONE_NEWTIME, cloned);
	run_in(CLONE_NEWUSER, unshared);
	run_in(0, not_owner);
	pid = spawn(CLONE_NEWUSER, NULL);
	if (pid == 0)
		execed(argv[0]);
	res[EXEC_ENTERS] = reap(pid);

	expect(res[NO_CAP], EPERM, "unshare(NEWTIME) outside any user namespace of one's own");
	expect(res[CLONED_OTHER], 1, "clone3(NEWTIME): the child itself is in the new namespace");
	expect(res[CLONED_WRITE], EACCES, "clone3(NEWTIME): then its offsets are frozen");

	expect(res[UNSHARED_SAME], 0, "unshare(NEWTIME): the process stays where it was");
	expect(res[UNSHARED_FOR_CHILDREN], 1,
	       "unshare(NEWTIME): its children will be in the new one");
	expect(res[WRITE], 0, "unshare(NEWTIME): the offsets can be written");
	expect(res[CHILD_OTHER], 1, "a child is in the new one");
	expect(res[CHILD_CLOCK], 1, "a child's clock is shifted");
	expect(res[PARENT_CLOCK], 0, "the parent's clock is not");
	expect(res[CHILD_WRITE], EACCES, "the child writing the offsets");
	expect(res[LATE_WRITE], EACCES, "the parent writing them when a child has entered");
	/* since 6.3; so a process that executes must fork to be sure of either */
	if (res[EXEC_ENTERS] == 0)
		skip("this kernel's execve does not enter the new one");
	else
		expect(res[EXEC_ENTERS], 1, "unshare(NEWTIME): execve enters the new one too");
	return done();
}
