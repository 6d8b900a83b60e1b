/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Enters namespaces that are somebody else's, by descriptor or all those of a process.
 *
 * proc, mqueue, sysfs and cgroup2 can be mounted only with power over the user namespace that owns
 * what they show, and that may be further out than the one in which the root will be built. So
 * their file systems are made on the way, where the owner is the process's own user namespace, and
 * are attached later.
 *
 * Whoever is in a joined pid namespace sees the processes that enter it, and in the user namespace
 * that owns it may trace them. Until they are the command they hold descriptors of the host's. So
 * they are not dumpable while they can be seen, ptrace(2). The builder itself is not seen: setns(2)
 * takes only its children into a pid namespace. */
#include "enter.h"

#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "broken.h"
#include "fail.h"
#include "inside.h"
#include "ns.h"
#include "plan.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"
#include "wait.h"
#include "walls.h"

/* The name of the file system that shows a namespace of KIND. */
static const char *fs_of(uint64_t kind)
{
	return kind == CLONE_NEWPID   ? "proc"
	       : kind == CLONE_NEWIPC ? "mqueue"
	       : kind == CLONE_NEWNET ? "sysfs"
				      : "cgroup2";
}

/* fsopen(2) in a child, which is in the joined pid namespace as this process is not, and shares our
 * table of descriptors. */
static int open_as_member(const char *fs)
{
	struct clone_args args = { .flags = CLONE_FILES, .exit_signal = SIGCHLD };
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), opened, status;
	pid_t pid;

	if (fd < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return neg_errno();
	pid = sys_clone3(&args);
	if (pid == 0) {
		opened = sys_fsopen(fs, FSOPEN_CLOEXEC);
		_exit(opened < 0 || dup3(opened, fd, O_CLOEXEC) < 0 || close(opened) < 0 ? errno
											 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0) {
		status = neg_errno();
		fd_close(fd);
		return status;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return fd;
	fd_close(fd);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* Makes the file system that OP is to mount, by the namespace of KIND, which has been joined, and
 * which our user namespace owns. */
static int make_context(struct sandbox *sb, const struct op *op, uint64_t kind)
{
	int fd = kind == CLONE_NEWPID ? open_as_member("proc")
				      : sys_fsopen(fs_of(kind), FSOPEN_CLOEXEC);

	sandbox_begin_op(sb, op);
	if (fd < 0 && kind == CLONE_NEWPID)
		errno = -fd;
	if (fd < 0)
		return fail(sb->fail, errno, "Can't make a %s for %s", fs_of(kind), op->dest);
	sb->contexts[op - sb->plan->ops] = fd;
	if (sys_fsconfig(fd, FSCONFIG_SET_STRING, "source", fs_of(kind), 0) < 0 ||
	    (op->type == OP_PROC_SUBSET &&
	     sys_fsconfig(fd, FSCONFIG_SET_STRING, "subset", "pid", 0) < 0) ||
	    sys_fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail(sb->fail, errno, "Can't make a %s for %s", fs_of(kind), op->dest);
	return 0;
}

/* The same for all operations that mount what shows one of KINDS. FOREIGN tells that the mount
 * namespace is none of our user namespace, so that nothing could be mounted in it. */
static int make_contexts(struct sandbox *sb, uint64_t kinds, bool foreign)
{
	const struct plan *p = sb->plan;
	size_t i;
	int r = 0;

	for (i = 0; i < p->n_ops && r == 0; i++) {
		if (!(plan_shown(&p->ops[i]) & kinds) || !plan_shows_joined(p, &p->ops[i]))
			continue;
		if (foreign && unshare(CLONE_NEWNS) < 0)
			return inside_explain_clone(sb, errno);
		foreign = false;
		r = make_context(sb, &p->ops[i], plan_shown(&p->ops[i]));
	}
	return r;
}

/* Joins the namespaces of KINDS, which our user namespace owns. FOREIGN is as above. */
static int join_kinds(struct sandbox *sb, uint64_t kinds, bool foreign)
{
	const struct plan *p = sb->plan;
	size_t i;
	int fd;

	for (i = 0; i < NS_MAX; i++) {
		if (!(kinds & namespaces[i].flag))
			continue;
		fd = plan_ns_fd(p, namespaces[i].flag);
		if (setns(fd, (int)namespaces[i].flag) < 0)
			return fail_hint(sb->fail,
					 fail(sb->fail, errno, "--%sns %d", namespaces[i].name, fd),
					 namespaces[i].flag == CLONE_NEWPID && errno == EINVAL
						 ? "only a pid namespace below the caller's can be "
						   "joined"
						 : NULL);
	}
	return make_contexts(sb, kinds, foreign);
}

/* Lets go of the groups of the host's root, before it is in a user namespace where it cannot. */
static int drop_groups(struct sandbox *sb)
{
	if (sb->caller->real_root && syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
		return fail(sb->fail, errno, "setgroups");
	return 0;
}

/* An id that means nothing in the user namespace just entered cannot own a file there: become its
 * root. */
static int take_ids(struct sandbox *sb)
{
	gid_t gid = getegid();
	uid_t uid = geteuid();
	int r = 0;

	/* an id that is not mapped reads as the overflow id, which is not mapped either */
	if (setresgid((gid_t)-1, gid, (gid_t)-1) < 0)
		r = setresgid(0, 0, 0);
	if (r == 0 && setresuid((uid_t)-1, uid, (uid_t)-1) < 0)
		r = setresuid(0, 0, 0);
	if (r < 0)
		return fail_hint(
			sb->fail,
			fail(sb->fail, errno,
			     "The joined user namespace knows neither the caller's ids nor "
			     "0"),
			"call husk as the user who made it");
	return 0;
}

/* A change of credentials makes a process undumpable, its own files in /proc unreachable, and
 * clears the signal that was to come when the launcher dies. */
static int recover(struct sandbox *sb)
{
	if ((!plan_joins_all(sb->plan) || BROKEN("join-closed")) &&
	    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return fail(sb->fail, errno, "can't set dumpable");
	return wait_watch_launcher(sb);
}

static int enter_owner(struct sandbox *sb, const struct ns_owner *owner)
{
	const struct plan *p = sb->plan;
	int r;

	if (setns(owner->fd, CLONE_NEWUSER) < 0) {
		r = p->userns_fd >= 0
			    ? fail(sb->fail, errno, "--userns %d", p->userns_fd)
			    : fail(sb->fail, errno,
				   "Can't enter the user namespace that owns the namespaces to "
				   "join");
		return fail_hint(sb->fail, r, "only the user who made it may");
	}
	r = take_ids(sb);
	if (r == 0)
		r = recover(sb);
	return r < 0 ? r : join_kinds(sb, owner->kinds, true);
}

/* All namespaces of a process in one call: the kernel checks them all before it changes any. */
static int enter_process(struct sandbox *sb)
{
	const struct join *join = &sb->caller->join;
	int r = join->cgroup_fd >= 0 ? walls_check_cgroup(sb->proc_fd, join, sb->fail) : 0;

	if (r < 0)
		return r;
	if (!BROKEN("join-closed") && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(sb->fail, errno, "can't set dumpable");
	if (setns(join->pidfd, (int)join->kinds) < 0)
		return fail_hint(sb->fail,
				 fail(sb->fail, errno, "Joining process %d", (int)join->pid),
				 errno == EPERM ? "only a user who has power over the user "
						  "namespaces that own its namespaces may"
						: NULL);
	r = join->kinds & CLONE_NEWUSER ? take_ids(sb) : 0;
	return r < 0 ? r : recover(sb);
}

int enter_joined(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	const struct join *join = &sb->caller->join;
	int flags = (p->joins & CLONE_NEWNS ? 0 : CLONE_NEWNS) |
		    (p->userns && !p->owner_joined ? CLONE_NEWUSER : 0);
	size_t i;
	int r = drop_groups(sb);

	if (r < 0)
		return r;
	if (plan_joins_all(p))
		return enter_process(sb);
	sb->contexts = malloc((p->n_ops + 1) * sizeof *sb->contexts);
	if (!sb->contexts)
		return fail(sb->fail, ENOMEM, "Out of memory");
	for (i = 0; i < p->n_ops; i++)
		sb->contexts[i] = NO_FD;
	r = join_kinds(sb, join->own, false);
	for (i = 0; i < join->n_owners && r == 0; i++)
		r = enter_owner(sb, &join->owners[i]);
	if (r < 0)
		return r;
	if (p->userns_fd >= 0 && join->n_owners == 0) {
		const struct ns_owner last = { .fd = p->userns_fd };

		r = enter_owner(sb, &last);
		if (r < 0)
			return r;
	}
	if (p->owner_joined) {
		sb->outer_uid = geteuid();
		sb->outer_gid = getegid();
	}
	fail_step(sb->fail, "namespaces", NULL);
	return flags && unshare(flags) < 0 ? inside_explain_clone(sb, errno) : 0;
}
