/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds out, after a failure, why the kernel refused: nothing here runs in a launch that works.
 *
 * It runs in the launcher, which is still where the refusal came from: limits and switches are read
 * as they hold there. The larger searches are in cause_permission.c and cause_limit.c. Kernel:
 * mount_too_revealing(). */
#include "diagnose.h"

#include <stdio.h>

#include "cause.h"
#include "fail.h"
#include "ns.h"
#include "personality.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

static void explain_missing(struct diagnosis *d)
{
	uint64_t wanted = d->plan->unshare | CLONE_NEWNS | CLONE_NEWUSER;
	char path[32];
	size_t i;

	for (i = 0; i < NS_MAX; i++) {
		snprintf(path, sizeof path, "self/ns/%s", namespaces[i].name);
		if ((wanted & namespaces[i].flag) && faccessat(d->proc_fd, path, F_OK, 0) < 0 &&
		    errno == ENOENT) {
			cause_found(d, NULL, "this kernel is built without %s namespaces",
				    namespaces[i].name);
			return;
		}
	}
	cause_found(d, NULL, "likely because the kernel does not support user namespaces");
}

/* Counts the mounts on parts of the /proc that is seen: the mount with the number PROC. *RET_FIRST,
 * of 4096 bytes, is where one of them is. A directory that the kernel keeps empty may be covered.
 */
static size_t count_covers(FILE *mountinfo, long proc, char *ret_first)
{
	char *text = NULL, point[4096];
	size_t room = 0, covers = 0;
	long parent;

	rewind(mountinfo);
	while (getline(&text, &room, mountinfo) > 0)
		if (sscanf(text, "%*d %ld %*s %*s %4095s", &parent, point) == 2 && parent == proc &&
		    strncmp(point, "/proc/", 6) == 0 && !streq(point, "/proc/sys/fs/binfmt_misc") &&
		    covers++ == 0)
			memcpy(ret_first, point, sizeof point);
	free(text);
	return covers;
}

/* The number of the last mount on /proc, or 0. */
static long find_proc(FILE *mountinfo)
{
	char *text = NULL, point[4096];
	size_t room = 0;
	long id, found = 0;

	while (getline(&text, &room, mountinfo) > 0)
		if (sscanf(text, "%ld %*d %*s %*s %4095s", &id, point) == 2 &&
		    streq(point, "/proc"))
			found = id;
	free(text);
	return found;
}

/* The kernel allows a fresh proc only where another is visible with nothing on it. */
static void explain_proc(struct diagnosis *d)
{
	static const char hint[] =
		"--proc-try shows an empty directory then, --ro-bind /proc /proc the processes "
		"outside; podman run --security-opt unmask=ALL uncovers it";
	int fd = openat(d->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char first[4096];
	size_t covers;
	long proc;

	if (!f) {
		fd_close(fd);
		return;
	}
	proc = find_proc(f);
	covers = count_covers(f, proc, first);
	fclose(f);
	if (covers > 1)
		cause_found(d, hint, "something is mounted on %s and on %zu other part%s of /proc",
			    first, covers - 1, covers > 2 ? "s" : "");
	else if (covers == 1)
		cause_found(d, hint, "something is mounted on %s", first);
	else
		cause_found(d, hint, "the kernel allows it only where a whole /proc is visible%s",
			    proc ? "" : ", and none is mounted");
}

/* What root may do in a mount namespace of its own is refused with EPERM by nobody else that is
 * left: landlock(7), "File system topology modification". */
static bool landlock_refuses(struct diagnosis *d)
{
	return d->fail->err == EPERM && d->fail->step && streq(d->fail->step, "propagation") &&
	       sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0 &&
	       cause_found(
		       d,
		       "start it from outside, or leave --landlock out of the sandbox around this "
		       "one",
		       "likely because husk runs behind Landlock, which lets nobody change mounts");
}

/* A failure anywhere in the set-up, for the causes that any of its calls may meet. */
static void explain_set_up(struct diagnosis *d)
{
	if (d->fail->err == EPERM || d->fail->err == ENOSYS)
		cause_seccomp(d);
	else if (d->fail->err == ENOSPC)
		fail_hint(d->fail, 0,
			  "a file system is full, or a limit is reached: user.max_mnt_namespaces, "
			  "which counts detached mounts too, or fs.mount-max");
}

void diagnose(const struct plan *p, const struct caller *caller, int proc_fd, struct fail *f)
{
	struct diagnosis d = { .plan = p, .caller = caller, .proc_fd = proc_fd, .fail = f };
	int err = f->refused_err;

	if (!p->as->explains || !f->set || f->kind != FAIL_SETUP)
		return;
	if (f->refusal == REFUSED_NOTHING)
		explain_set_up(&d);
	else if (f->refusal == REFUSED_PROC)
		explain_proc(&d);
	else if (f->refusal == REFUSED_CAPABILITIES && err == EROFS)
		fail_hint(f, 0,
			  "mount /proc read-write where husk runs: id maps are written there");
	else if (f->refusal == REFUSED_CAPABILITIES)
		(void)(cause_seccomp(&d) ||
		       ((err == EPERM || err == EACCES) && cause_apparmor(&d)) ||
		       landlock_refuses(&d));
	else if (err == EPERM || err == EACCES || err == ENOSYS)
		cause_of_permission(&d);
	else if (err == ENOSPC || err == EUSERS)
		cause_of_limit(&d);
	else if (err == EINVAL)
		explain_missing(&d);
	else if (err == EAGAIN)
		fail_hint(f, 0,
			  "there are as many processes as may be: see ulimit -u, and pids.max "
			  "of the cgroup");
}
