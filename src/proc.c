/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts /proc, and keeps the places of all that the sandbox mounts itself, in the two shares of
 * builder and sandbox.
 *
 * With two levels the pid namespace belongs to the sandbox's user namespace, so the sandbox mounts
 * its proc itself, and what it mounts the command can unmount. Below it must lie nothing of the
 * host's: the builder therefore leaves a "void" there, a tmpfs that is itself covered by a
 * read-only bind of its own empty directory, and both are locked by the copy of the mount table.
 * The kernel lets a user namespace mount proc only while another proc is fully visible in its mount
 * namespace (fs/namespace.c, mount_too_revealing()): visible means attached, not reachable, so a
 * clone of the host's /proc lies on a directory of the void, where no path leads. The sandbox
 * inherits the void as its working directory; there it also finds the trees that are to be bound
 * below the fresh proc. */
#include "proc.h"

#include <stdio.h>
#include <sys/stat.h>

#include "broken.h"
#include "channel.h"
#include "dest.h"
#include "fail.h"
#include "mask.h"
#include "mount.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

#define FRESH_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* Of the operations on proc: whether it makes a new mount of it. */
static bool is_fresh(const struct plan *p)
{
	return (p->unshare & CLONE_NEWPID) || p->pidns_fd >= 0;
}

/* Covers what a command that is the host's root could harm the host by. */
static int cover_dangers(struct sandbox *sb, const struct op *op, int proc)
{
	static const char *const dangers[] = { "sys", "sysrq-trigger", "irq", "bus" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dangers) && sb->caller->real_root && !BROKEN("proc-covered");
	     i++) {
		CLEANUP(fd_closep) int tree = mount_clone(proc, dangers[i]);

		if (tree == -ENOENT)
			continue;
		if (tree < 0 || mount_set(tree, MOUNT_ATTR_RDONLY, true) < 0 ||
		    sys_move_mount(tree, "", proc, dangers[i], MOVE_MOUNT_F_EMPTY_PATH) < 0)
			return fail(sb->fail, tree < 0 ? -tree : errno, "Can't cover %s/%s",
				    op->dest, dangers[i]);
	}
	return 0;
}

/* Tells the launcher what became of a --proc-try. Returns 0. */
static int tell_shown(const struct sandbox *sb, const struct op *op, enum proc_shown shown)
{
	if ((op->flags & OP_TRY) && sb->plan->status_fd >= 0)
		channel_send(sb->socket, MESSAGE_PROC,
			     (int)((unsigned)(op - sb->plan->ops) << 2 | shown));
	return 0;
}

/* Where no fresh proc may be mounted: the cover that waits for it is as empty and read-only as
 * what is mounted here where there is none. */
static int attach_empty(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int dir = NO_FD;
	int r;

	if (op->deferred)
		return tell_shown(sb, op, PROC_EMPTY);
	dir = mount_tmpfs_on(sb, op, 0555, 0);
	r = dir < 0 ? dir : mount_set(dir, MOUNT_ATTR_RDONLY | FRESH_ATTRS | op->attrs, false);
	return r < 0 ? fail(sb->fail, -r, "Can't mount an empty directory on %s", op->dest)
		     : tell_shown(sb, op, PROC_EMPTY);
}

/* Mounts a fresh proc, in the sandbox on the cover that waits for it. */
static int attach_fresh(struct sandbox *sb, const struct op *op)
{
	static const char *const subset[] = { "subset", "pid", NULL };
	CLEANUP(fd_closep) int proc = NO_FD;
	int r = mount_fresh(sb, op, "proc", op->type == OP_PROC_SUBSET ? subset : subset + 2,
			    FRESH_ATTRS | (unsigned)op->attrs);

	if (r == -EPERM && (op->flags & OP_TRY) && !sb->fail->set)
		return attach_empty(sb, op);
	if (r < 0) {
		fail(sb->fail, -r, "Can't mount proc on %s", op->dest);
		return r == -EPERM ? fail_refused(sb->fail, r, REFUSED_PROC, -r) : r;
	}
	tell_shown(sb, op, PROC_FRESH);
	if (!sb->caller->real_root)
		return 0;
	proc = dest_open(sb, op->dest, O_PATH);
	return cover_dangers(sb, op, proc);
}

int proc_source(struct sandbox *sb, const struct op *op)
{
	int tree, r;

	if (is_fresh(sb->plan))
		return 0;
	tree = mount_clone(AT_FDCWD, "/proc");
	if (tree < 0)
		return fail(sb->fail, -tree, "Can't mount proc on %s", op->dest);
	sb->fds[op->first_fd] = tree;
	r = mount_set(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | op->attrs, true);
	return r < 0 ? fail(sb->fail, -r, "Can't mount proc on %s", op->dest) : 0;
}

int proc_attach(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int tree = NO_FD;
	int r;

	if (is_fresh(sb->plan))
		return attach_fresh(sb, op);
	tree = TAKE_FD(sb->fds[op->first_fd]);
	r = mount_attach_tree(sb, op, DEST_DIR, tree);
	if (r == 0)
		r = cover_dangers(sb, op, tree);
	return r < 0 ? r : tell_shown(sb, op, PROC_HOST);
}

/* Attaches the detached TREE, if there is one, in the void at DIR. Returns 0, or -1 with errno. */
static int hide(int dir, const char *name, int *tree)
{
	if (*tree < 0)
		return 0;
	if (mkdirat(dir, name, 0755) < 0 ||
	    sys_move_mount(*tree, "", dir, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -1;
	*tree = fd_close(*tree);
	return 0;
}

static bool needs_void(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n_ops; i++)
		if (p->ops[i].deferred && !p->ops[i].on_fresh)
			return true;
	return false;
}

int proc_share_void(struct sandbox *sb, const char *name)
{
	int r;

	if (sb->void_fd < 0) {
		if (!needs_void(sb->plan))
			return -ENOENT;
		r = sb->void_fd = mount_new_tmpfs(sb, 0755, 0);
		if (r < 0)
			return r;
	}
	if (mkdirat(sb->void_fd, name, 0755) < 0)
		return neg_errno();
	return mount_clone(sb->void_fd, name);
}

/* Makes the void on the destination of OP, the first of the deferred operations. */
static int make_void(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int dir = TAKE_FD(sb->void_fd);
	int r;

	if (dir < 0)
		dir = mount_new_tmpfs(sb, 0755, 0);
	r = dir < 0 ? dir : mount_attach_tree(sb, op, DEST_DIR, dir);
	if (r < 0)
		return fail(sb->fail, -r, "Can't prepare %s", op->dest);
	if (mkdirat(dir, "empty", 0755) < 0 || hide(dir, "proc", &sb->host_proc) < 0 ||
	    hide(dir, "sys", &sb->host_sys) < 0)
		return fail(sb->fail, errno, "Can't prepare %s", op->dest);
	sb->void_fd = TAKE_FD(dir);
	return 0;
}

static bool is_bind(const struct op *op)
{
	return op->type == OP_BIND || op->type == OP_BIND_FD || op->type == OP_BIND_DATA;
}

/* Keeps the source of a bind that lies below a deferred proc in the void, under the operation's
 * number. The other operations need nothing of the host's but descriptors, and are done in the
 * sandbox. */
static int keep_source(struct sandbox *sb, const struct op *op)
{
	int *tree = &sb->fds[op->first_fd];
	struct stat st;
	char name[32];
	int r;

	if (op->n_layers > 0 || op->type == OP_DEV)
		return fail_hint(sb->fail,
				 fail(sb->fail, 0,
				      "%s %s cannot be done below what only the sandbox can mount",
				      op->option, op->dest),
				 "mount it elsewhere");
	if (op->type == OP_MASK)
		return mask_keep(sb, op);
	if (!is_bind(op))
		return 0;
	if (*tree < 0) {
		sb->skipped[op - sb->plan->ops] = true;
		return 0;
	}
	snprintf(name, sizeof name, "%zu", (size_t)(op - sb->plan->ops));
	r = fstat(*tree, &st);
	if (r == 0)
		r = S_ISDIR(st.st_mode) ? mkdirat(sb->void_fd, name, 0755)
					: mknodat(sb->void_fd, name, S_IFREG | 0444, 0);
	if (r == 0)
		r = sys_move_mount(*tree, "", sb->void_fd, name, MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		r = fail(sb->fail, errno, "Can't bind mount %s on %s",
			 op->source ? op->source : op->option, op->dest);
	*tree = fd_close(*tree);
	return r;
}

int proc_prepare(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int cover = NO_FD;
	bool first = sb->cover_ino == 0;
	struct stat st;
	int r;

	sandbox_begin_op(sb, op);
	if (op->on_fresh)
		return keep_source(sb, op);
	r = first ? make_void(sb, op) : 0;
	if (r < 0)
		return r;
	cover = mount_clone(sb->void_fd, "empty");
	if (cover < 0 || fstat(cover, &st) < 0)
		return fail(sb->fail, cover < 0 ? -cover : errno, "Can't prepare %s", op->dest);
	r = mount_set(cover, MOUNT_ATTR_RDONLY | FRESH_ATTRS | op->attrs, false);
	if (r < 0)
		return fail(sb->fail, -r, "Can't prepare %s", op->dest);
	sb->cover_dev = st.st_dev;
	sb->cover_ino = st.st_ino;
	if (!first)
		return mount_attach_tree(sb, op, DEST_DIR, cover);
	if (sys_move_mount(cover, "", sb->void_fd, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail(sb->fail, errno, "Can't prepare %s", op->dest);
	dest_forget(sb);
	return 0;
}

int proc_complete(struct sandbox *sb, const struct op *op)
{
	char name[32];
	int tree;

	sandbox_begin_op(sb, op);
	if (op->type == OP_MASK)
		mask_fetch(sb, op);
	if (!is_bind(op))
		return mount_attach(sb, op);
	snprintf(name, sizeof name, "%zu", (size_t)(op - sb->plan->ops));
	tree = mount_clone(AT_FDCWD, name);
	if (tree == -ENOENT)
		return 0; /* its source was missing, and the option allows it */
	if (tree < 0)
		return fail(sb->fail, -tree, "Can't bind mount %s on %s", op->source, op->dest);
	sb->fds[op->first_fd] = tree;
	return mount_attach(sb, op);
}

int proc_seal(struct sandbox *sb)
{
	static const char *const hidden[] = { "proc", "sys" };
	size_t i;

	if (!sb->caller->real_root || sb->void_fd < 0)
		return 0;
	for (i = 0; i < ARRAY_SIZE(hidden); i++)
		if (sys_mount("tmpfs", hidden[i], "tmpfs",
			      MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "nr_inodes=1") < 0 &&
		    errno != ENOENT)
			return fail(sb->fail, errno, "Can't hide the host's %s", hidden[i]);
	return 0;
}
