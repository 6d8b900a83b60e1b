/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds out, after a failure, why the kernel refused: nothing here runs in a launch that works.
 *
 * It runs in the launcher, which is still where the refusal came from: limits and switches are read
 * as they hold there. user_namespaces(7), namespaces(7), seccomp(2), kernel: create_user_ns() and
 * mount_too_revealing(). */
#include "diagnose.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

#include "fail.h"
#include "ns.h"
#include "personality.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

struct diagnosis {
	const struct plan *plan;
	const struct caller *caller;
	int proc_fd;
	struct fail *fail;
};

/* Adds the cause to the failure. Returns true, as every cause below does when it is the one. */
static bool __attribute__((format(printf, 3, 4)))
found(struct diagnosis *d, const char *hint, const char *format, ...)
{
	struct fail *f = d->fail;
	size_t used = strlen(f->text);
	va_list ap;

	if (f->err)
		used += (size_t)snprintf(f->text + used, sizeof f->text - used, ": %s",
					 fail_errno_text(f->err));
	if (used + 3 < sizeof f->text) {
		memcpy(f->text + used, ": ", 3);
		va_start(ap, format);
		vsnprintf(f->text + used + 2, sizeof f->text - used - 2, format, ap);
		va_end(ap);
	}
	f->err = 0;
	f->hint = hint;
	return true;
}

/* Reads the first line of the file PATH of /proc, without its end. Returns false where there is
 * none. */
static bool read_line(const struct diagnosis *d, const char *path, char *buf, size_t size)
{
	CLEANUP(fd_closep) int fd = openat(d->proc_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n < 0)
		return false;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

static bool switch_is(const struct diagnosis *d, const char *path, const char *value)
{
	char text[32];

	return read_line(d, path, text, sizeof text) && streq(text, value);
}

/* permission to make a user namespace */

/* True where this process is under a seccomp filter, as its status says. */
static bool filtered(const struct diagnosis *d)
{
	CLEANUP(fd_closep) int fd = openat(d->proc_fd, "self/status", O_RDONLY | O_CLOEXEC);
	char text[4096], *line;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, "\nSeccomp:\t");
	return line && line[10] == '2';
}

/* Each call is made so that the kernel finds it wrong before it looks at anything else, and says so
 * by this error: any other answer comes from before the kernel. */
static const struct {
	const char *name;
	long number, args[4];
	int error;
} bad_calls[] = {
	{ "unshare", SYS_unshare, { CLONE_NEWUSER | 1 }, EINVAL },
	{ "clone3", SYS_clone3, { 0, 0 }, EINVAL },
	{ "mount", SYS_mount, { 0, 0, 1, 0 }, EFAULT },
	{ "umount2", SYS_umount2, { 1, 1 << 30 }, EINVAL },
	{ "openat2", SYS_openat2, { -1, 1, 1, 0 }, EINVAL },
	{ "open_tree", SYS_open_tree, { -1, 1, 1 << 30 }, EINVAL },
	{ "mount_setattr", SYS_mount_setattr, { -1, 1, 1 << 30, 0 }, EINVAL },
	{ "setns", SYS_setns, { -1, 0 }, EBADF },
};

static bool seccomp_refuses(struct diagnosis *d)
{
	static const char hint[] =
		"allow namespaces in the container's filter: --security-opt seccomp=FILE of docker "
		"and podman, RestrictNamespaces=no of systemd";
	const long *args;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_calls) && filtered(d); i++) {
		args = bad_calls[i].args;
		if (syscall(bad_calls[i].number, args[0], args[1], args[2], args[3], 0) == 0 ||
		    errno == bad_calls[i].error)
			continue;
		return found(d, hint, "a seccomp filter refuses %s(2) with %s", bad_calls[i].name,
			     errno == EPERM    ? "EPERM"
			     : errno == EACCES ? "EACCES"
			     : errno == ENOSYS ? "ENOSYS"
					       : fail_errno_text(errno));
	}
	return false;
}

static bool sysctl_refuses(struct diagnosis *d)
{
	return switch_is(d, "sys/kernel/unprivileged_userns_clone", "0") &&
	       found(d, "as root: sysctl kernel.unprivileged_userns_clone=1",
		     "kernel.unprivileged_userns_clone is 0");
}

static uint64_t root_mount(void)
{
	struct statx stx;

	return sys_statx(AT_FDCWD, "/", AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &stx) == 0 &&
			       (stx.stx_mask & STATX_MNT_ID)
		       ? stx.stx_mnt_id
		       : 0;
}

/* True where entering the mount namespace anew leads to another root, as whoever has the
 * capabilities for that can try in a process of its own. */
static bool root_changes(const struct diagnosis *d)
{
	uint64_t root = root_mount();
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int ns = openat(d->proc_fd, "self/ns/mnt", O_RDONLY | O_CLOEXEC);

		_exit(setns(ns, CLONE_NEWNS) == 0 && root_mount() != root);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 1;
}

static bool chroot_refuses(struct diagnosis *d)
{
	return (!d->caller->root_is_mount || root_changes(d)) &&
	       found(d, "leave the chroot, or enter the directory by pivot_root(2) instead",
		     "husk runs in a chroot, and there the kernel makes no user namespace");
}

/* True when ID is mapped in this user namespace. */
static bool is_mapped(const struct diagnosis *d, const char *path, unsigned id)
{
	CLEANUP(fd_closep) int fd = openat(d->proc_fd, path, O_RDONLY | O_CLOEXEC);
	unsigned inside, outside, count;
	bool mapped = fd < 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f)
		return true;
	while (!mapped && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		mapped = id >= inside && id - inside < count;
	fd = NO_FD;
	fclose(f);
	return mapped;
}

static bool ids_refuse(struct diagnosis *d)
{
	static const char hint[] = "map the user and the group in the user namespace around husk, "
				   "or become one that is mapped";

	if (!is_mapped(d, "self/uid_map", geteuid()))
		return found(d, hint, "uid %u is not mapped in this user namespace", geteuid());
	return !is_mapped(d, "self/gid_map", getegid()) &&
	       found(d, hint, "gid %u is not mapped in this user namespace", getegid());
}

/* The security modules name what confines this process in one file, or each in its own. */
static bool read_label(const struct diagnosis *d, char *buf, size_t size)
{
	return (read_line(d, "self/attr/apparmor/current", buf, size) && *buf) ||
	       (read_line(d, "self/attr/current", buf, size) && *buf);
}

static bool apparmor_refuses(struct diagnosis *d)
{
	static const char restricted[] = "sys/kernel/apparmor_restrict_unprivileged_userns";
	char label[512], *mode;

	/* "profile (enforce)"; other modules' labels have no mode */
	if (read_label(d, label, sizeof label) && (mode = strstr(label, " (enforce)"))) {
		*mode = '\0';
		return found(d,
			     "let that profile say userns, capability and mount, and load it again "
			     "with apparmor_parser -r",
			     "the AppArmor profile %s does not allow it", label);
	}
	return switch_is(d, restricted, "1") &&
	       found(d,
		     "give husk an AppArmor profile that says userns, or as root: sysctl "
		     "kernel.apparmor_restrict_unprivileged_userns=0",
		     "AppArmor does not allow it to programs without a profile "
		     "(kernel.apparmor_restrict_unprivileged_userns is 1)");
}

static bool selinux_refuses(struct diagnosis *d)
{
	char label[512];

	return d->fail->refused_err == EACCES && read_label(d, label, sizeof label) &&
	       strchr(label, ':') &&
	       found(d, "allow that domain user_namespace create in the policy",
		     "SELinux does not allow it to %s", label);
}

/* What remains is told by the answer: security modules say EACCES, as a rule, and the kernel itself
 * EPERM, of which a chroot is all that could not be looked at. */
static void explain_permission(struct diagnosis *d)
{
	if (seccomp_refuses(d) || sysctl_refuses(d) || chroot_refuses(d) || ids_refuse(d) ||
	    apparmor_refuses(d) || selinux_refuses(d))
		return;
	if (d->fail->refused_err == EPERM)
		found(d,
		      "leave the chroot, or enter the directory by pivot_root(2) instead; a "
		      "security module that refuses says so in the kernel's log",
		      "likely because husk runs in a chroot, or a security module does not allow "
		      "it");
	else
		found(d, "the kernel's log may name it", "a security module does not allow it");
}

/* limits */

/* Each kind's way out, since hints are constant. */
#define RAISE(kind) "as root: sysctl user.max_" kind "_namespaces=10000"
static const struct {
	const char *kind, *hint;
} limits[] = {
	{ "cgroup", RAISE("cgroup") }, { "ipc", RAISE("ipc") },	  { "mnt", RAISE("mnt") },
	{ "net", RAISE("net") },       { "pid", RAISE("pid") },	  { "uts", RAISE("uts") },
	{ "user", RAISE("user") },     { "time", RAISE("time") },
};

/* Tries in a process of its own what the launch wanted, kind by kind. Returns the kind that has
 * reached its limit, by its place in the table of namespaces, or NS_MAX. */
static size_t find_limited(const struct diagnosis *d)
{
	const struct plan *p = d->plan;
	uint64_t wanted = p->unshare | CLONE_NEWNS;
	size_t i, user = 0;
	int status;
	pid_t pid;

	while (namespaces[user].flag != CLONE_NEWUSER)
		user++;
	pid = fork();
	if (pid == 0) {
		if (p->userns && unshare(CLONE_NEWUSER) < 0)
			_exit(errno == ENOSPC ? (int)user : NS_MAX);
		for (i = 0; i < NS_MAX; i++)
			if ((wanted & namespaces[i].flag) && unshare((int)namespaces[i].flag) < 0 &&
			    errno == ENOSPC)
				_exit((int)i);
		_exit(p->two_levels && unshare(CLONE_NEWUSER) < 0 && errno == ENOSPC ? (int)user
										     : NS_MAX);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) > NS_MAX)
		return NS_MAX;
	return (size_t)WEXITSTATUS(status);
}

static const char *hint_of(const char *kind)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++)
		if (streq(limits[i].kind, kind))
			return limits[i].hint;
	return NULL;
}

/* True in the first user namespace, where nothing around this one can be the cause. */
static bool is_outermost(const struct diagnosis *d)
{
	char map[64];
	unsigned inside, outside, count;

	return read_line(d, "self/uid_map", map, sizeof map) &&
	       sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && count == UINT32_MAX;
}

static void explain_limit(struct diagnosis *d)
{
	static const char unlimited[] = "2147483647"; /* what a new user namespace begins with */
	size_t limited = find_limited(d);
	bool outermost = is_outermost(d);
	char path[64], value[32] = "?";
	const char *kind;
	uint64_t flag;

	if (limited == NS_MAX && d->plan->joins) {
		found(d,
		      "leave --disable-userns out of the sandbox to join, or enter it by "
		      "--join-pid, "
		      "or its user namespace by --userns, for which nothing is made there",
		      "the user namespace that owns what is joined, or one around it, allows no "
		      "more namespaces below it (its user.max_*_namespaces)");
		return;
	}
	if (limited == NS_MAX) {
		found(d, "raise the limit with sysctl, or end sandboxes that are no longer needed",
		      "nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)");
		return;
	}
	kind = namespaces[limited].name;
	flag = namespaces[limited].flag;
	snprintf(path, sizeof path, "sys/user/max_%s_namespaces", kind);
	read_line(d, path, value, sizeof value);
	if (streq(value, "0"))
		found(d, hint_of(kind), "user.max_%s_namespaces is 0", kind);
	else if (!streq(value, unlimited) && (flag != CLONE_NEWPID || !outermost))
		found(d, hint_of(kind), "all %s of user.max_%s_namespaces are in use", value, kind);
	else if (flag == CLONE_NEWUSER || flag == CLONE_NEWPID)
		found(d,
		      "nest less deep, or leave --disable-userns out of the sandbox around this "
		      "one, or raise the limit there",
		      "%s namespaces nest 32 deep at most, or one around this one allows no more "
		      "of "
		      "them (its user.max_%s_namespaces)",
		      kind, kind);
	else
		found(d, "raise it there, as root of that namespace",
		      "a user namespace around this one allows no more of them (its "
		      "user.max_%s_namespaces)",
		      kind);
}

/* the rest */

static void explain_missing(struct diagnosis *d)
{
	uint64_t wanted = d->plan->unshare | CLONE_NEWNS | CLONE_NEWUSER;
	char path[32];
	size_t i;

	for (i = 0; i < NS_MAX; i++) {
		snprintf(path, sizeof path, "self/ns/%s", namespaces[i].name);
		if ((wanted & namespaces[i].flag) && faccessat(d->proc_fd, path, F_OK, 0) < 0 &&
		    errno == ENOENT) {
			found(d, NULL, "this kernel is built without %s namespaces",
			      namespaces[i].name);
			return;
		}
	}
	found(d, NULL, "likely because the kernel does not support user namespaces");
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
		found(d, hint, "something is mounted on %s and on %zu other parts of /proc", first,
		      covers - 1);
	else if (covers == 1)
		found(d, hint, "something is mounted on %s", first);
	else
		found(d, hint, "the kernel allows it only where a whole /proc is visible%s",
		      proc ? "" : ", and none is mounted");
}

/* What root may do in a mount namespace of its own is refused with EPERM by nobody else that is
 * left: landlock(7), "File system topology modification". */
static bool landlock_refuses(struct diagnosis *d)
{
	return d->fail->err == EPERM && d->fail->step && streq(d->fail->step, "propagation") &&
	       sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0 &&
	       found(d,
		     "start it from outside, or leave --landlock out of the sandbox around this "
		     "one",
		     "likely because husk runs behind Landlock, which lets nobody change mounts");
}

/* A failure anywhere in the set-up, for the causes that any of its calls may meet. */
static void explain_set_up(struct diagnosis *d)
{
	if (d->fail->err == EPERM || d->fail->err == ENOSYS)
		seccomp_refuses(d);
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
		(void)(seccomp_refuses(&d) ||
		       ((err == EPERM || err == EACCES) && apparmor_refuses(&d)) ||
		       landlock_refuses(&d));
	else if (err == EPERM || err == EACCES || err == ENOSYS)
		explain_permission(&d);
	else if (err == ENOSPC || err == EUSERS)
		explain_limit(&d);
	else if (err == EINVAL)
		explain_missing(&d);
	else if (err == EAGAIN)
		fail_hint(f, 0,
			  "there are as many processes as may be: see ulimit -u, and pids.max "
			  "of the cgroup");
}
