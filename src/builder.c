/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds the root of the sandbox from descriptors, as the ordered table at the end of this file.
 *
 * The builder runs in the first user namespace, U1, which owns the mount namespace that it changes.
 * With two levels it then clones the sandbox into a second pair of both: the kernel locks every
 * mount that is copied into a mount namespace of a less privileged user namespace
 * (mount_namespaces(7)), so that the command, root with every capability there, can undo none of
 * what was done here. */
#include "builder.h"

#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "broken.h"
#include "channel.h"
#include "enter.h"
#include "fail.h"
#include "harbour.h"
#include "idmap.h"
#include "inside.h"
#include "mount.h"
#include "personality.h"
#include "proc.h"
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
			"it must be a user namespace of this user's, opened from "
			"/proc/PID/ns/user");
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

	if ((p->userns_fd < 0 && !plan_joins_all(p)) || (!p->uid_set && !p->gid_set))
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail(sb->fail, errno, "prctl(PR_SET_KEEPCAPS) failed");
	if (p->gid_set && setresgid(p->gid, p->gid, p->gid) < 0)
		return fail(sb->fail, errno, "unable to switch to gid %u", p->gid);
	if (p->uid_set && setresuid(p->uid, p->uid, p->uid) < 0)
		return fail(sb->fail, errno, "unable to switch to uid %u", p->uid);
	if (syscall(SYS_capget, &header, data) < 0)
		return fail(sb->fail, errno, "capget failed");
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	if (syscall(SYS_capset, &header, data) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return fail(sb->fail, errno, "capset failed");
	/* a change of ids also clears the signal that was to come when the launcher dies */
	return wait_watch_launcher(sb);
}

/* Should: cut the mounts off from the host's before anything of them is opened. Mustn't: pay for it
 * where the clone has made slaves already and slaves are wanted; change a joined namespace. */
static int step_propagation(struct sandbox *sb)
{
	unsigned long kind =
		sb->plan->as->private_mounts && !BROKEN("private-mounts") ? MS_PRIVATE : MS_SLAVE;
	int err, r;

	if (sb->plan->root == ROOT_JOINED)
		return 0;
	if (kind == MS_SLAVE && (sb->plan->userns || sb->plan->userns_fd >= 0))
		return 0;
	if (sys_mount("none", "/", NULL, MS_REC | kind, NULL) == 0)
		return 0;
	err = errno;
	r = fail(sb->fail, err,
		 kind == MS_SLAVE ? "Failed to make / slave" : "Failed to make / private");
	return fail_refused(sb->fail, r, REFUSED_CAPABILITIES, err);
}

static bool any_deferred(const struct plan *p, enum op_type type)
{
	size_t i;

	for (i = 0; i < p->n_ops; i++)
		if (p->ops[i].deferred && p->ops[i].type == type)
			return true;
	return false;
}

/* Clones the host's mounts at PATH, which will be hidden. They get the flags that all mounts of a
 * sandbox have: then the audit need not find out that nothing leads to them. */
static int keep_clone(struct sandbox *sb, const char *path, int *ret_tree)
{
	int r = *ret_tree = mount_clone(AT_FDCWD, path);

	if (r >= 0)
		r = mount_set(*ret_tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, true);
	return r < 0 ? fail(sb->fail, -r, "Can't keep the host's %s", path) : 0;
}

/* Should: make room for what the operations open, and keep the host's /proc as it is now. Mustn't:
 * open sources yet. */
static int step_prepare(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	size_t i;
	int r;

	sb->fds = malloc((p->n_fds + 1) * sizeof *sb->fds);
	sb->resolved = calloc(p->n_ops + 1, sizeof *sb->resolved);
	sb->skipped = calloc(p->n_ops + 1, sizeof *sb->skipped);
	sb->own_devs = calloc(3 * p->n_ops + 4, sizeof *sb->own_devs);
	if (!sb->fds || !sb->resolved || !sb->skipped || !sb->own_devs)
		return fail(sb->fail, ENOMEM, "Out of memory");
	for (i = 0; i < p->n_fds; i++)
		sb->fds[i] = NO_FD;
	if (p->file_label) {
		r = sandbox_proc_write(sb, "thread-self/attr/fscreate", p->file_label);
		if (r < 0)
			return fail(sb->fail, -r, "--file-label setup failed");
	}
	/* in place every relative source is open before the working directory changes */
	if (p->root == ROOT_NEW) {
		sb->cwd_fd = open(".", O_PATH | O_CLOEXEC);
		if (sb->cwd_fd < 0)
			return fail(sb->fail, errno, "Can't open the working directory");
	}
	if ((any_deferred(p, OP_PROC) || any_deferred(p, OP_PROC_SUBSET)) &&
	    keep_clone(sb, "/proc", &sb->host_proc) < 0)
		return -EIO;
	if (any_deferred(p, OP_SYSFS) && keep_clone(sb, "/sys", &sb->host_sys) < 0)
		return -EIO;
	if (p->root == ROOT_NEW)
		return 0;
	sb->root_fd = open("/", O_PATH | O_CLOEXEC);
	return sb->root_fd < 0 ? fail(sb->fail, errno, "can't open /") : 0;
}

/* Should: change the namespace's own tree in place, for a bind of / on /: every source is opened
 * first, since it must have its own flags and not those that the whole tree now gets. Mustn't: run
 * for any other root. */
static int step_in_place(struct sandbox *sb)
{
	const struct op *root = sb->plan->root_op;
	uint64_t attrs = MOUNT_ATTR_NOSUID;
	size_t i;
	int r;

	if (sb->plan->root != ROOT_IN_PLACE)
		return 0;
	for (i = 0; i < sb->plan->n_ops; i++) {
		r = &sb->plan->ops[i] == root ? 0 : mount_source(sb, &sb->plan->ops[i]);
		if (r < 0)
			return r;
	}
	r = harbour_close(sb);
	if (r < 0)
		return fail(sb->fail, -r, "Can't detach the harbour");
	sandbox_begin_op(sb, root);
	attrs |= root->attrs;
	attrs |= root->flags & OP_RO ? MOUNT_ATTR_RDONLY : 0;
	attrs |= root->flags & OP_DEVICES ? 0 : MOUNT_ATTR_NODEV;
	r = mount_set(sb->root_fd, attrs, true);
	if (r < 0 && sb->plan->not_a_boundary)
		r = mount_set(sb->root_fd, attrs, false);
	return r < 0 ? mount_explain_flags(sb, root, -r) : 0;
}

static int make_empty_root(struct sandbox *sb)
{
	static const struct op root = { .option = "--tmpfs", .dest = "/" };
	CLEANUP(fd_closep) int tree = NO_FD;

	tree = mount_new_tmpfs(sb, 0755, 0);
	if (tree < 0)
		return fail(sb->fail, -tree, "Failed to mount tmpfs");
	return mount_attach_tree(sb, &root, DEST_DIR, tree);
}

/* Should: attach an empty root, unless an operation makes one. Paths still lead to the host's tree,
 * from which sources come. Mustn't: pivot before the sources are open. */
static int step_root(struct sandbox *sb)
{
	return sb->plan->root == ROOT_NEW && !sb->plan->root_op ? make_empty_root(sb) : 0;
}

/* Should: carry out the operations in the order of the command line; what the root covers need only
 * have its sources. Mustn't: mount what belongs to namespaces that do not exist yet; that is
 * prepared here and completed in the sandbox. */
static int step_operations(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	bool in_place = p->root == ROOT_IN_PLACE;
	const struct op *op;
	int r = 0;

	for (op = p->ops; op < p->ops + p->n_ops && r == 0; op++) {
		if (!in_place)
			r = mount_source(sb, op);
		if (r < 0 || op < p->root_op || (in_place && op == p->root_op))
			continue;
		r = op->deferred ? proc_prepare(sb, op) : mount_attach(sb, op);
		/* a root that may be missing, and is */
		if (r == 0 && sb->root_fd < 0)
			r = make_empty_root(sb);
	}
	return r;
}

/* Should: make the new root the root of the namespace and let go of the host's tree. Mustn't: leave
 * a way to it. */
static int step_pivot(struct sandbox *sb)
{
	if (sb->plan->file_label && sandbox_proc_write(sb, "thread-self/attr/fscreate", "\n") < 0)
		return fail(sb->fail, errno, "--file-label setup failed");
	if (sb->plan->root != ROOT_NEW)
		return 0;
	if (fchdir(sb->root_fd) < 0)
		return fail(sb->fail, errno, "Can't enter the new root");
	if (sys_pivot_root(".", ".") == 0)
		return sys_umount2(".", MNT_DETACH) < 0 || chdir("/") < 0
			       ? fail(sb->fail, errno, "unmount old root")
			       : 0;
	/* the initramfs cannot be pivoted away from: the new root goes over it */
	if (errno != EINVAL ||
	    sys_move_mount(sb->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    chroot(".") < 0)
		return fail(sb->fail, errno, "pivot_root");
	return 0;
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
	{ "propagation", step_propagation, NULL },
	{ "preparations", step_prepare, NULL },
	{ "root in place", step_in_place, NULL },
	{ "root", step_root, NULL },
	{ "operations", step_operations, NULL },
	{ "pivot", step_pivot, NULL },
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

_Noreturn void builder_main(struct sandbox *sb)
{
	/* the launcher's alone: a reader of its status must see the end of it */
	fd_close(sb->outer_socket);
	if (sb->plan->info_fd != sb->plan->sync_fd)
		fd_close(sb->plan->info_fd);
	if (sb->plan->json_fd != sb->plan->sync_fd)
		fd_close(sb->plan->json_fd);
	if (sb->plan->status_fd != sb->plan->sync_fd)
		fd_close(sb->plan->status_fd);
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
