/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The builder's way, as the ordered table of steps below: into the first user namespace, through
 * the making of the root, and on to the clone of the sandbox.
 *
 * That user namespace, U1, owns the mount namespace that the builder changes. With two levels it
 * then clones the sandbox into a second pair of both: the kernel locks every mount that is copied
 * into a mount namespace of a less privileged user namespace (mount_namespaces(7)), so that the
 * command, root with every capability there, can undo none of what was done here. */
#include "builder.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>

#include "broken.h"
#include "channel.h"
#include "enter.h"
#include "fail.h"
#include "idmap.h"
#include "inside.h"
#include "personality.h"
#include "root.h"
#include "sandbox.h"
#include "signals.h"
#include "sys.h"
#include "timens.h"
#include "util.h"
#include "wait.h"

/* Where the kernel does not end everybody with the init, the launcher must know them should the
 * init be killed. With namespaces of others this process is still in the caller's user namespace,
 * or will be in that of others: neither is the sandbox's alone. */
static int tell_userns(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	/* where others' namespaces are joined it is not ours, or not yet */
	bool made = p->userns && !p->joins && p->userns_fd < 0;
	CLEANUP(fd_closep) int userns = NO_FD;
	int r;

	if (!p->init || !made || (p->unshare & CLONE_NEWPID) || !p->dies_with_launcher)
		return 0;
	userns = openat(sb->proc_fd, "self/ns/user", O_RDONLY | O_CLOEXEC);
	if (userns < 0)
		return fail(sb->fail, errno, "Can't open /proc/self/ns/user");
	r = channel_send_fds(sb->socket, MESSAGE_USERNS, &userns, 1);
	return r < 0 ? fail(sb->fail, -r, "Can't tell the user namespace") : 0;
}

/* Should: be sure that the launcher lives, and die with it from now on. Mustn't: trust getppid(),
 * which is 0 in a new pid namespace; drop the pidfd, which init will poll. */
static int step_launcher(struct sandbox *sb)
{
	int r = wait_watch_launcher(sb);

	return r < 0 ? r : tell_userns(sb);
}

/* Should: wait until the launcher has told the front end which maps to write. Mustn't: touch a file
 * before, since an unmapped id cannot create one (EOVERFLOW). */
static int step_go(struct sandbox *sb)
{
	return sb->plan->split || !inside_waits(sb->plan) ? 0 : wait_go(sb);
}

/* Should: enter the caller's user namespace, if one was given, or the namespaces to join with those
 * that own them. Mustn't: make the namespaces of the sandbox yet. */
static int step_userns(struct sandbox *sb)
{
	const struct plan *p = sb->plan;

	if (p->joins)
		return enter_joined(sb);
	if (p->userns_fd < 0)
		return 0;
	if (setns(p->userns_fd, CLONE_NEWUSER) < 0)
		return fail_hint(
			sb->fail,
			p->as->explains ? fail(sb->fail, errno, "--userns %d", p->userns_fd)
			: errno == EINVAL
				? fail(sb->fail, 0,
				       "Joining the specified user namespace failed, it might not "
				       "be a "
				       "descendant of the current user namespace.")
				: fail(sb->fail, errno, "Joining specified user namespace failed"),
			"it must be a user namespace of this user's, other than the caller's "
			"own, opened from /proc/PID/ns/user");
	/* a change of ids makes a process undumpable, and its own files in /proc unreachable */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return fail(sb->fail, errno, "can't set dumpable");
	if (unshare((int)(CLONE_NEWNS | (p->split ? 0 : p->unshare & ~(uint64_t)CLONE_NEWPID))) < 0)
		return inside_explain_clone(sb, errno);
	return 0;
}

/* Should: map the caller, so that files can be created. Mustn't: deny setgroups where there is no
 * new namespace. */
static int step_maps(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	const struct caller *c = sb->caller;

	if (!p->userns || p->userns_block_fd >= 0 || p->owner_joined)
		return 0;
	if (p->ranges)
		return idmap_request(sb);
	if (p->two_levels)
		return idmap_write(sb, 0, c->uid, 0, c->gid, true);
	return idmap_write(sb, p->uid, c->uid, p->gid, c->gid, true);
}

/* Should: take on the ids asked for in a joined namespace. Mustn't: lose the capabilities with
 * them. */
static int step_ids(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	static const char no_id[] = "the user namespace that is joined must have that id: see "
				    "/proc/PID/uid_map and gid_map there";

	if ((p->userns_fd < 0 && !plan_joins_all(p)) || (!p->uid_set && !p->gid_set))
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail(sb->fail, errno, "prctl(PR_SET_KEEPCAPS) failed");
	if (p->gid_set && setresgid(p->gid, p->gid, p->gid) < 0)
		return fail_hint(sb->fail,
				 fail(sb->fail, errno, "unable to switch to gid %u", p->gid),
				 no_id);
	if (p->uid_set && setresuid(p->uid, p->uid, p->uid) < 0)
		return fail_hint(sb->fail,
				 fail(sb->fail, errno, "unable to switch to uid %u", p->uid),
				 no_id);
	if (syscall(SYS_capget, &header, data) < 0)
		return fail(sb->fail, errno, "capget failed");
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	if (syscall(SYS_capset, &header, data) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return fail(sb->fail, errno, "capset failed");
	/* a change of ids also clears the signal that was to come when the launcher dies */
	return wait_watch_launcher(sb);
}

/* Should: make user namespaces below this one impossible after the sandbox's own. Mustn't: do so
 * where the command could undo it, which is in its own. */
static int step_limit_userns(struct sandbox *sb)
{
	int r;

	if (!sb->plan->disable_userns || BROKEN("userns-limit"))
		return 0;
	if (BROKEN("userns-limit-outside"))
		return 0;
	r = sandbox_proc_write(sb, "sys/user/max_user_namespaces", "1");
	return r < 0 ? fail(sb->fail, -r, "cannot write /proc/sys/user/max_user_namespaces") : 0;
}

/* Should: enter the namespaces given by descriptor that the sandbox is to be born in. Mustn't: be
 * needed without a second clone. */
static int step_join(struct sandbox *sb)
{
	const struct plan *p = sb->plan;

	if (p->pidns_fd >= 0 && !p->joins && setns(p->pidns_fd, CLONE_NEWPID) < 0)
		return fail_hint(sb->fail,
				 p->as->explains ? fail(sb->fail, errno, "--pidns %d", p->pidns_fd)
						 : fail(sb->fail, errno, "Setting pidns failed"),
				 "it can be joined only with the user namespace that owns it: give "
				 "that with --userns");
	if (p->userns2_fd >= 0) {
		if (setns(p->userns2_fd, CLONE_NEWUSER) < 0)
			return p->as->explains
				       ? fail(sb->fail, errno, "--userns2 %d", p->userns2_fd)
				       : fail(sb->fail, errno, "Setting userns2 failed");
		if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
			return fail(sb->fail, errno, "can't set dumpable");
	}
	return 0;
}

static const struct step builder_steps[] = {
	{ "launcher", step_launcher, NULL },
	{ "go", step_go, NULL },
	{ "user namespace", step_userns, "--userns" },
	{ "id maps", step_maps, NULL },
	{ "ids", step_ids, NULL },
	{ "propagation", root_propagation, NULL },
	{ "preparations", root_prepare, NULL },
	{ "root in place", root_in_place, NULL },
	{ "root", root_empty, NULL },
	{ "operations", root_operations, NULL },
	{ "pivot", root_pivot, NULL },
	{ "user namespace limit", step_limit_userns, "--disable-userns" },
	{ "joined namespaces", step_join, NULL },
};

/* A pid namespace below a joined one can be made only by a process that is in that, which takes a
 * process of its own. It cannot know the pid of the sandbox as the launcher sees it: the sandbox
 * will say that itself. */
static void enter_pidns(struct sandbox *sb)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	pid_t pid = sys_clone3(&args);

	if (pid > 0)
		_exit(0);
	sb->tells_pid = pid == 0;
}

/* Enters the sandbox's namespaces in FLAGS, all but the pid namespace, where a process that is born
 * in them would come too late: the clocks would be fixed, or its id maps would be to write when
 * others can see it already, to whom it must be closed. Leaves in *FLAGS what the clone is to make.
 */
static int enter_namespaces(struct sandbox *sb, uint64_t *flags)
{
	const struct plan *p = sb->plan;
	uint64_t now = *flags & ~(uint64_t)CLONE_NEWPID;
	int r = 0;

	fail_step(sb->fail, "namespaces", NULL);
	if (p->two_levels && p->ranges)
		r = idmap_fork_writer(sb);
	if (r < 0)
		return r;
	if (now && unshare((int)now) < 0)
		return inside_explain_clone(sb, errno);
	*flags &= CLONE_NEWPID;
	if (p->two_levels) {
		fail_step(sb->fail, "id maps", NULL);
		r = p->ranges ? idmap_have_written(sb)
			      : idmap_write(sb, p->uid, sb->outer_uid, p->gid, sb->outer_gid,
					    p->owner_joined);
	}
	if (r == 0 && plan_shifts(p)) {
		fail_step(sb->fail, "clocks", NULL);
		r = timens_shift(sb);
	}
	if (r == 0 && p->guarded && !BROKEN("join-closed") &&
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = fail(sb->fail, errno, "can't set dumpable");
	return r;
}

/* Clones the sandbox: a child of the launcher, in the namespaces asked for, with a copy of the
 * mounts. The builder's part is then over. */
static void clone_sandbox(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	uint64_t mounts = p->joins & CLONE_NEWNS ? 0 : CLONE_NEWNS;
	uint64_t flags = p->unshare | (p->two_levels ? CLONE_NEWUSER | mounts : 0) |
			 (p->userns2_fd >= 0 ? mounts : 0);
	struct clone_args args = { .flags = CLONE_PARENT };
	pid_t pid;
	int r;

	if (sb->void_fd >= 0 && fchdir(sb->void_fd) < 0) {
		fail(sb->fail, errno, "Can't enter the hidden directory");
		return;
	}
	if (p->enters && enter_namespaces(sb, &flags) < 0)
		return;
	if (p->pidns_fd >= 0 && (p->unshare & CLONE_NEWPID))
		enter_pidns(sb);
	if (p->as->forwards)
		sb->early |= signals_waiting();
	if (p->two_levels && p->ranges && !p->enters && idmap_promise(sb) < 0)
		return;
	args.flags |= flags;
	sb->tells_pid |= p->guarded;
	pid = sys_clone3(&args);
	if (pid < 0) {
		fail_step(sb->fail, "namespaces", NULL);
		inside_explain_clone(sb, errno);
		return;
	}
	if (pid == 0)
		inside_main(sb);
	trace_lap(&sb->trace, "builder", "clone");
	if (sb->maps_to >= 0 && idmap_write_second(sb, pid) < 0) {
		kill(pid, SIGKILL);
		return;
	}
	if (sb->tells_pid)
		_exit(0);
	/* for a launcher that lent us its memory, or by message for one that did not */
	sb->child_pid = pid;
	r = sb->borrowed ? 0 : channel_send(sb->socket, MESSAGE_PID, pid);
	if (r < 0) {
		kill(pid, SIGKILL); /* nobody would watch it */
		fail(sb->fail, -r, "Can't tell the sandbox's pid");
		return;
	}
	_exit(0);
}

/* It is the launcher's alone: a reader of its status must see the end of it. But 0, 1 and 2 are the
 * command's as well, but as bwrap. */
static void leave_status(const struct plan *p, int fd)
{
	if (fd != p->sync_fd && (fd > 2 || !p->as->closes_fds))
		fd_close(fd);
}

_Noreturn void builder_main(struct sandbox *sb)
{
	fd_close(sb->outer_socket);
	leave_status(sb->plan, sb->plan->info_fd);
	leave_status(sb->plan, sb->plan->json_fd);
	leave_status(sb->plan, sb->plan->status_fd);
	if (sb->plan->ranges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail(sb->fail, errno, "prctl(PR_SET_NO_NEW_PRIVS)");
	else if (steps_run(sb, "builder", builder_steps, ARRAY_SIZE(builder_steps)) == 0) {
		if (!sb->plan->split)
			inside_main(sb);
		clone_sandbox(sb);
	}
	channel_send_fail(sb->socket, sb->fail);
	_exit(1);
}
