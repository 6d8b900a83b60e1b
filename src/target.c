/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks at a process whose namespaces are to be joined: which they are, and whose it is. */
#include "target.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "caps.h"
#include "fail.h"
#include "ns.h"
#include "plan.h"
#include "procfile.h"
#include "sys.h"
#include "util.h"
#include "walls.h"

#define WHO_HINT                                                                                  \
	"the process must be of the same user; the first process of a sandbox, its init, may be " \
	"closed: name the command, which is a child of it (pgrep -P PID)"

/* Whose process it is. */
static int gather_ids(int proc_fd, struct join *join, struct fail *f)
{
	uint64_t uids[2], gids[2]; /* real, effective */
	char status[8192];
	ssize_t n = procfile_status_of(proc_fd, join->pid, status, sizeof status);

	if (n < 0)
		return fail(f, (int)-n, "/proc/%d/status", (int)join->pid);
	procfile_field(status, "\nUid:", 10, uids, ARRAY_SIZE(uids));
	procfile_field(status, "\nGid:", 10, gids, ARRAY_SIZE(gids));
	join->uid = (uid_t)uids[1];
	join->gid = (gid_t)gids[1];
	return 0;
}

static int gather_kinds(int proc_fd, struct join *join, struct fail *f)
{
	struct stat theirs, ours;
	char path[64];
	size_t i;

	for (i = 0; i < NS_MAX; i++) {
		snprintf(path, sizeof path, "self/ns/%s", namespaces[i].name);
		if (fstatat(proc_fd, path, &ours, 0) < 0) {
			if (errno == ENOENT)
				continue; /* a kind that the kernel has not */
			return fail(f, errno, "/proc/%s", path);
		}
		snprintf(path, sizeof path, "%d/ns/%s", (int)join->pid, namespaces[i].name);
		if (fstatat(proc_fd, path, &theirs, 0) < 0)
			return fail_hint(
				f, fail(f, errno, "The namespaces of process %d", (int)join->pid),
				errno == EACCES || errno == EPERM ? WHO_HINT : NULL);
		if (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev)
			join->kinds |= namespaces[i].flag;
	}
	if (join->kinds == 0)
		return fail_hint(
			f,
			fail(f, 0, "Process %d is in no other namespace than the caller",
			     (int)join->pid),
			"there is nothing to join; the launcher of a sandbox is outside of "
			"it: name the command (pgrep -P lists children)");
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
	if (procfile_read_of(proc_fd, atoi(self), name, text, sizeof text) > 0)
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
		r = gather_ids(proc_fd, ret, f);
	if (r == 0)
		r = walls_gather(p, proc_fd, ret, f);
	if (r < 0)
		return r;
	/* while it lives, nobody else has had its pid */
	end.fd = ret->pidfd;
	return poll(&end, 1, 0) > 0 ? fail(f, ESRCH, "Process %d has ended", (int)ret->pid) : 0;
}
