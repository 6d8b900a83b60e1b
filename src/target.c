/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks at a process whose namespaces are to be joined: which they are, and what else confines it.
 *
 * The namespaces alone are not all that a sandbox is. What can be had of the rest is taken over,
 * the limits of capabilities; what cannot, seccomp filters, is noticed. Where the process is the
 * first one of its pid namespace it may be an init, with fewer walls than the command that it has
 * started: then its children count as well. */
#include "target.h"

#include <poll.h>
#include <stdio.h>
#include <linux/major.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "broken.h"
#include "caps.h"
#include "fail.h"
#include "ns.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

#define WHO_HINT                                                                                  \
	"the process must be of the same user; the first process of a sandbox, its init, may be " \
	"closed: name the command, which is a child of it (pgrep -P PID)"

/* Reads the file NAME of process PID. Returns its length, or -errno. */
static ssize_t read_file(int proc_fd, pid_t pid, const char *name, char *text, size_t size)
{
	CLEANUP(fd_closep) int fd = NO_FD;
	char path[64];
	size_t length = 0;
	ssize_t n = 1;

	snprintf(path, sizeof path, "%d/%s", (int)pid, name);
	fd = sys_openat2(proc_fd, path, O_RDONLY | O_CLOEXEC,
			 RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return neg_errno();
	while (n > 0 && length < size - 1) {
		n = read(fd, text + length, size - 1 - length);
		if (n < 0)
			return neg_errno();
		length += (size_t)n;
	}
	text[length] = '\0';
	return (ssize_t)length;
}

/* The number after "\nKEY:\t" in a status file, in BASE; of several the last. */
static uint64_t field(const char *status, const char *key, int base)
{
	const char *line = strstr(status, key);
	uint64_t value = 0;
	char *end;

	if (!line)
		return 0;
	line += strlen(key);
	for (;;) {
		while (*line == '\t' || *line == ' ')
			line++;
		if (*line == '\n' || *line == '\0')
			return value;
		value = strtoull(line, &end, base);
		if (end == line)
			return value;
		line = end;
	}
}

/* True when one of the process's standard descriptors, or its session, has a terminal: a filter of
 * husk's own is then what it had from the beginning. */
static bool has_terminal(int proc_fd, pid_t pid)
{
	char text[1024], path[64], *end;
	struct stat st;
	int i, tty = 0;

	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%d/fd/%d", (int)pid, i);
		if (fstatat(proc_fd, path, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
		    (major(st.st_rdev) == TTY_MAJOR ||
		     (major(st.st_rdev) >= UNIX98_PTY_SLAVE_MAJOR &&
		      major(st.st_rdev) < UNIX98_PTY_SLAVE_MAJOR + 8)))
			return true;
	}
	if (read_file(proc_fd, pid, "stat", text, sizeof text) < 0)
		return false;
	end = strrchr(text, ')');
	return end && sscanf(end + 1, " %*c %*d %*d %*d %d", &tty) == 1 && tty != 0;
}

/* Takes the walls of process PID into account. On success *RET_FIRST tells whether it is the first
 * of its pid namespace. */
static int add_walls(int proc_fd, pid_t pid, struct join *join, bool *ret_first)
{
	char status[8192];
	ssize_t n = read_file(proc_fd, pid, "status", status, sizeof status);
	uint64_t filters, own = has_terminal(proc_fd, pid) ? 1 : 0;

	if (n < 0)
		return (int)n;
	if (!BROKEN("join-bounded"))
		join->bounding &= field(status, "\nCapBnd:", 16);
	filters = field(status, "\nSeccomp_filters:", 10);
	if (filters > own && filters - own > join->filters && !BROKEN("join-filtered"))
		join->filters = (size_t)(filters - own);
	*ret_first = field(status, "\nNSpid:", 10) == 1;
	return 0;
}

static int gather_walls(int proc_fd, struct join *join, struct fail *f)
{
	char children[4096] = "", name[64], *pid, *save;
	bool first, ignored;
	int r = add_walls(proc_fd, join->pid, join, &first);

	if (r < 0)
		return fail(f, -r, "/proc/%d/status", (int)join->pid);
	if (!first)
		return 0;
	snprintf(name, sizeof name, "task/%d/children", (int)join->pid);
	if (read_file(proc_fd, join->pid, name, children, sizeof children) < 0)
		return 0; /* a kernel without such lists */
	for (pid = strtok_r(children, " ", &save); pid; pid = strtok_r(NULL, " ", &save)) {
		r = add_walls(proc_fd, atoi(pid), join, &ignored);
		if (r < 0 && r != -ENOENT && r != -ESRCH)
			return fail(f, -r, "/proc/%s/status", pid);
	}
	return 0;
}

static int gather_kinds(int proc_fd, struct join *join, struct fail *f)
{
	struct stat theirs, ours;
	char path[64];
	size_t i;

	for (i = 0; i < NS_MAX; i++) {
		snprintf(path, sizeof path, "self/ns/%s", namespaces[i].name);
		if (fstatat(proc_fd, path, &ours, 0) < 0)
			continue; /* a kind that the kernel has not */
		snprintf(path, sizeof path, "%d/ns/%s", (int)join->pid, namespaces[i].name);
		if (fstatat(proc_fd, path, &theirs, 0) < 0)
			return fail_hint(
				f, fail(f, errno, "The namespaces of process %d", (int)join->pid),
				errno == EACCES || errno == EPERM ? WHO_HINT : NULL);
		if (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev)
			join->kinds |= namespaces[i].flag;
	}
	if (join->kinds == 0)
		return fail_hint(f,
				 fail(f, 0, "Process %d is in no other namespace than the caller",
				      (int)join->pid),
				 "there is nothing to join");
	return 0;
}

/* The pid behind a pidfd, as the caller's /proc has it. */
static int pid_of(int proc_fd, int pidfd, pid_t *ret, struct fail *f)
{
	char text[1024], name[32], self[32];
	ssize_t n = readlinkat(proc_fd, "self", self, sizeof self - 1);
	const char *line = NULL;

	self[n > 0 ? n : 0] = '\0';
	snprintf(name, sizeof name, "fdinfo/%d", pidfd);
	if (read_file(proc_fd, atoi(self), name, text, sizeof text) > 0)
		line = strstr(text, "Pid:\t");
	if (!line)
		return fail_hint(f, fail(f, 0, "--join-fd %d: the descriptor is no pidfd", pidfd),
				 "pidfd_open(2) makes one");
	*ret = atoi(line + strlen("Pid:\t"));
	if (*ret > 0)
		return 0;
	return fail_hint(
		f, fail(f, ESRCH, "--join-fd %d", pidfd),
		"its process has ended, or is in a pid namespace that the caller cannot see");
}

int target_gather(const struct plan *p, int proc_fd, struct join *ret, struct fail *f)
{
	struct pollfd end = { .events = POLLIN };
	int r = 0;

	ret->pid = p->join_pid;
	ret->bounding = CAPS_ALL;
	ret->pidfd = p->join_fd >= 0 ? p->join_fd : sys_pidfd_open(p->join_pid);
	if (ret->pidfd < 0)
		return fail_hint(f, fail(f, errno, "--join-pid %d", (int)p->join_pid),
				 errno == EINVAL ? "it is a thread, not a process" : NULL);
	if (p->join_fd >= 0)
		r = pid_of(proc_fd, p->join_fd, &ret->pid, f);
	if (r == 0)
		r = gather_kinds(proc_fd, ret, f);
	if (r == 0)
		r = gather_walls(proc_fd, ret, f);
	if (r < 0)
		return r;
	/* while it lives, nobody else has had its pid */
	end.fd = ret->pidfd;
	return poll(&end, 1, 0) > 0 ? fail(f, ESRCH, "Process %d has ended", (int)ret->pid) : 0;
}
