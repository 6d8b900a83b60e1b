/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who calls: the directory of each caller in /proc, its root, what it may.
 *
 * The directory is held open: of a process that is gone the kernel finds nothing there, not what
 * has its number now. What is remembered of a root holds for so short a time that no number of a
 * process can have come round again, and no longer than until somebody changes a root. */
#include "tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../procfile.h"
#include "../sys.h"
#include "../util.h"

#define TASKS	   64u
#define CHANGES	   16u
#define ROOT_HOLDS 200 /* ms */
#define CHANGING   5000 /* ms that a change of roots may take */

/* A directory that is somebody's root. */
struct root {
	uint32_t major, minor;
	uint64_t ino, mount;
};

struct task {
	pid_t tid;
	int fd; /* its directory in /proc */
	struct root root;
	int64_t root_until; /* ms */
	bool foreign; /* in another user namespace than the sandbox's */
	int64_t foreign_until; /* ms */
};

struct tasks {
	struct task known[TASKS]; /* by tid */
	struct root root; /* ours */
	/* who has been told to go on with a call that changes roots, and may not be done yet */
	struct {
		pid_t tid;
		int64_t until; /* ms: by then it is, whether it has called again or not */
	} changing[CHANGES];
	size_t n_changing;
};

struct tasks *tasks_new(void)
{
	struct tasks *tasks = calloc(1, sizeof *tasks);
	size_t i;

	for (i = 0; tasks && i < TASKS; i++)
		tasks->known[i] = (struct task){ .fd = NO_FD };
	return tasks;
}

void tasks_free(struct tasks *tasks)
{
	size_t i;

	for (i = 0; tasks && i < TASKS; i++)
		fd_close(tasks->known[i].fd);
	free(tasks);
}

static struct task *find_task(const struct call *c)
{
	return &c->world->tasks->known[(unsigned)c->tid % TASKS];
}

/* Before Linux 6.6 two processors would wake each other for every call: goes to that which the
 * caller was on when it first called. proc_pid_stat(5), field 39. */
static void follow(int dir)
{
	CLEANUP(fd_closep) int fd = openat(dir, "stat", O_RDONLY | O_CLOEXEC);
	char text[1024], *at;
	unsigned field, cpu;
	cpu_set_t set;
	ssize_t n;

	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	for (field = 2; at && field < 39; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%u", &cpu) != 1 || cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

int task_directory(const struct call *c, bool again)
{
	struct task *task = find_task(c);
	char number[16];

	if (task->tid == c->tid && !again)
		return task->fd;
	snprintf(number, sizeof number, "%d", c->tid);
	fd_close(task->fd);
	*task = (struct task){ .fd = openat(c->world->proc_fd, number,
					    O_PATH | O_DIRECTORY | O_CLOEXEC) };
	if (task->fd < 0)
		return neg_errno();
	task->tid = c->tid;
	if (c->world->follows)
		follow(task->fd);
	return task->fd;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Makes the directory at FD, that of the caller in /proc, lead to our root. */
static int change_root(struct tasks *tasks, int fd, const struct root *root)
{
	CLEANUP(fd_closep) int to = NO_FD;

	if (memcmp(root, &tasks->root, sizeof *root) == 0)
		return 0;
	to = openat(fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (to < 0 || fchdir(to) < 0 || chroot(".") < 0)
		return neg_errno();
	tasks->root = *root;
	return 0;
}

int task_enter_root(const struct call *c)
{
	struct tasks *tasks = c->world->tasks;
	struct task *task = find_task(c);
	int fd = task_directory(c, false), tries, r;
	int64_t now = now_ms();
	struct statx at;

	if (fd >= 0 && tasks->n_changing == 0 && now < task->root_until)
		return (r = change_root(tasks, fd, &task->root)) < 0 ? r : fd;
	for (tries = 0;; tries++) {
		if (fd >= 0 && sys_statx(fd, "root", 0, STATX_INO | STATX_MNT_ID, &at) == 0)
			break;
		if (tries > 0)
			return neg_errno();
		fd = task_directory(c, true);
	}
	task->root = (struct root){ at.stx_dev_major, at.stx_dev_minor, at.stx_ino, at.stx_mnt_id };
	task->root_until = tasks->n_changing == 0 ? now + ROOT_HOLDS : 0;
	r = change_root(tasks, fd, &task->root);
	return r < 0 ? r : fd;
}

bool task_is_foreign(const struct call *c)
{
	struct tasks *tasks = c->world->tasks;
	struct task *task = find_task(c);
	int fd = task_directory(c, false);
	int64_t now = now_ms();
	struct stat userns;

	if (fd >= 0 && tasks->n_changing == 0 && now < task->foreign_until)
		return task->foreign;
	if (fd < 0 || fstatat(fd, "ns/user", &userns, 0) < 0) {
		fd = task_directory(c, true);
		if (fd < 0 || fstatat(fd, "ns/user", &userns, 0) < 0)
			return true;
	}
	task->foreign = userns.st_ino != c->world->userns;
	task->foreign_until = tasks->n_changing == 0 ? now + ROOT_HOLDS : 0;
	return task->foreign;
}

void tasks_change(const struct call *c)
{
	struct tasks *tasks = c->world->tasks;
	size_t i;

	for (i = 0; i < TASKS; i++)
		tasks->known[i].root_until = tasks->known[i].foreign_until = 0;
	if (tasks->n_changing < CHANGES) {
		tasks->changing[tasks->n_changing].tid = c->tid;
		tasks->changing[tasks->n_changing++].until = now_ms() + CHANGING;
	}
}

void tasks_settle(const struct call *c)
{
	struct tasks *tasks = c->world->tasks;
	size_t i = 0;

	while (i < tasks->n_changing)
		if (tasks->changing[i].tid == c->tid || tasks->changing[i].until < now_ms())
			tasks->changing[i] = tasks->changing[--tasks->n_changing];
		else
			i++;
}

int task_status(const struct call *c, struct task_status *ret)
{
	CLEANUP(fd_closep) int fd = NO_FD;
	int task = task_directory(c, true);
	char text[8192], *line;
	struct stat userns;
	ssize_t n;

	if (task < 0)
		return task;
	if (fstatat(task, "ns/user", &userns, 0) < 0)
		return neg_errno();
	if (userns.st_ino != c->world->userns)
		return -EXDEV;
	fd = openat(task, "status", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? neg_errno() : procfile_read_status(fd, text, sizeof text);
	if (n < 0)
		return (int)n;
	line = strstr(text, "\nUmask:");
	ret->umask = line ? (mode_t)strtoul(line + 7, NULL, 8) : 0077;
	line = strstr(text, "\nCapEff:");
	ret->effective = line ? strtoull(line + 8, NULL, 16) : 0;
	return 0;
}
