/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts by descriptor: what is attached was opened once, and has its flags before anybody can see
 * it. */
#include "mount.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "attrs.h"
#include "broken.h"
#include "create.h"
#include "dev.h"
#include "fail.h"
#include "harbour.h"
#include "kernfs.h"
#include "mask.h"
#include "overlay.h"
#include "personality.h"
#include "proc.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

#define CLONE_FLAGS (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)

static struct mount_attr to_set(uint64_t set)
{
	return (struct mount_attr){
		.attr_set = set,
		/* the access times are a choice of one of several, not a bit each */
		.attr_clr = (set & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0) |
			    (BROKEN("flags-kept") ? attr_find("nosymfollow", 11) : 0),
	};
}

int mount_set(int fd, uint64_t set, int recursive)
{
	const struct mount_attr attr = to_set(set);

	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr) < 0)
		return neg_errno();
	return 0;
}

int mount_clone(int fd, const char *path)
{
	int tree = sys_open_tree(fd, path, CLONE_FLAGS | (*path ? 0 : AT_EMPTY_PATH));

	return tree < 0 ? neg_errno() : tree;
}

int mount_new(const char *type, const char *const *options, unsigned attrs)
{
	CLEANUP(fd_closep) int fs = sys_fsopen(type, 1 /* FSOPEN_CLOEXEC */);
	int fd;

	if (fs < 0)
		return neg_errno();
	/* what mountinfo shows as the source */
	if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", type, 0) < 0)
		return neg_errno();
	for (; *options; options += 2)
		if (sys_fsconfig(fs, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
				 options[0], options[1], 0) < 0)
			return neg_errno();
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return neg_errno();
	fd = sys_fsmount(fs, 1 /* FSMOUNT_CLOEXEC */, attrs);
	return fd < 0 ? neg_errno() : fd;
}

int mount_new_tmpfs(struct sandbox *sb, mode_t mode, size_t size)
{
	char mode_text[16], size_text[32];
	const char *options[] = { "mode", mode_text, size ? "size" : NULL, size_text, NULL };
	CLEANUP(fd_closep) int fd = NO_FD;
	int r;

	snprintf(mode_text, sizeof mode_text, "%04o", (unsigned)mode);
	snprintf(size_text, sizeof size_text, "%zu", size);
	fd = mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (fd < 0)
		return fd;
	r = dest_own(sb, fd);
	return r < 0 ? r : TAKE_FD(fd);
}

/* The tree becomes the new root. */
static int attach_root(struct sandbox *sb, int tree)
{
	int r = harbour_attach(sb, tree, "root");

	if (r < 0)
		return r;
	sb->root_fd = fcntl(tree, F_DUPFD_CLOEXEC, 0);
	return sb->root_fd < 0 ? neg_errno() : 0;
}

/* True when the destination is of another type than KIND. Keeps errno. */
static bool wrong_type(const struct dest *d, enum dest_kind kind)
{
	int saved = errno;
	struct stat st;
	bool wrong = fstatat(d->fd, d->to, &st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0 &&
		     (kind == DEST_DIR) != S_ISDIR(st.st_mode);

	errno = saved;
	return wrong;
}

int mount_attach_tree(struct sandbox *sb, const struct op *op, enum dest_kind kind, int tree)
{
	struct dest d;
	int r;

	if (sb->root_fd < 0) {
		r = attach_root(sb, tree);
		return r < 0 ? fail(sb->fail, -r, "Can't mount the root with %s", op->option) : 0;
	}
	r = dest_find(sb, op, kind, &d);
	if (r < 0)
		return r;
	if (sys_move_mount(tree, "", d.fd, d.to,
			   MOVE_MOUNT_F_EMPTY_PATH | (d.to[0] ? 0 : MOVE_MOUNT_T_EMPTY_PATH)) < 0) {
		if (errno == ENOTDIR || wrong_type(&d, kind))
			r = fail(sb->fail, 0,
				 kind == DEST_DIR ? "Destination is not a directory %s"
						  : "Destination is not a file %s",
				 op->dest);
		else if (op->source)
			r = fail(sb->fail, errno, "Can't bind mount %s on %s", op->source,
				 op->dest);
		else
			r = fail(sb->fail, errno, "Can't mount %s on %s", op->option + 2, op->dest);
	}
	dest_close(&d);
	return r;
}

/* Returns 0 when FD is the cover that waits for OP, else -errno with the failure recorded. */
static int check_cover(const struct sandbox *sb, const struct op *op, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(sb->fail, errno, "Can't find destination %s", op->dest);
	if (st.st_dev == sb->cover_dev && st.st_ino == sb->cover_ino)
		return 0;
	return fail_hint(sb->fail,
			 fail(sb->fail, 0, "A later option covers %s %s", op->option, op->dest),
			 "give it after that one");
}

/* As mount_fresh(), by a detached mount, of the file system CONTEXT where that is there already: it
 * can go where this process may not, and follows no link that somebody puts in the place of a
 * directory just made on the host. */
static int attach_fresh(int context, const struct dest *d, const char *type,
			const char *const *options, unsigned attrs)
{
	CLEANUP(fd_closep)
	int tree = context >= 0 ? sys_fsmount(context, 1 /* FSMOUNT_CLOEXEC */, attrs)
				: mount_new(type, options, attrs);

	if (tree < 0)
		return context >= 0 ? neg_errno() : tree;
	if (sys_move_mount(tree, "", d->fd, d->to,
			   MOVE_MOUNT_F_EMPTY_PATH | (d->to[0] ? 0 : MOVE_MOUNT_T_EMPTY_PATH)) < 0)
		return neg_errno();
	return 0;
}

int mount_fresh(struct sandbox *sb, const struct op *op, const char *type,
		const char *const *options, unsigned attrs)
{
	bool on_cover = op->deferred && !op->on_fresh;
	int context = sb->contexts ? sb->contexts[op - sb->plan->ops] : NO_FD;
	struct dest d;
	int r = dest_find(sb, op, DEST_DIR, &d);

	if (r < 0)
		return r;
	if (on_cover)
		r = check_cover(sb, op, d.fd);
	if (r < 0)
		; /* said */
	else if (context >= 0 || *options || d.to[0] || fchdir(d.fd) < 0)
		r = attach_fresh(context, &d, type, options, attrs);
	else if (sys_mount(type, ".", type, attrs_ms(attrs), NULL) < 0)
		r = neg_errno();
	if (r < 0 && wrong_type(&d, DEST_DIR))
		r = fail(sb->fail, 0, "Destination is not a directory %s", op->dest);
	if (mount_return(sb) < 0)
		r = fail(sb->fail, errno, "Can't return to the working directory");
	dest_close(&d);
	return r;
}

int mount_return(const struct sandbox *sb)
{
	return sb->cwd_fd >= 0 && fchdir(sb->cwd_fd) < 0 ? neg_errno() : 0;
}

int mount_tmpfs_on(struct sandbox *sb, const struct op *op, mode_t mode, size_t size)
{
	CLEANUP(fd_closep) int tree = mount_new_tmpfs(sb, mode, size);
	int r = tree < 0 ? tree : mount_attach_tree(sb, op, DEST_DIR, tree);

	return r < 0 ? fail(sb->fail, -r, "Can't mount tmpfs on %s", op->dest) : TAKE_FD(tree);
}

/* A path that names an inherited descriptor, as /proc/self/fd/N, leads into another mount
 * namespace, where nothing can be cloned. The path that the descriptor was opened by leads there in
 * ours; it must still be the same file. */
static int clone_by_link(struct sandbox *sb, int fd)
{
	CLEANUP(fd_closep) int tree = NO_FD;
	char link[32], target[PATH_MAX];
	struct stat want, have;
	ssize_t n;

	snprintf(link, sizeof link, "self/fd/%d", fd);
	n = readlinkat(sb->proc_fd, link, target, sizeof target - 1);
	if (n < 0)
		return neg_errno();
	target[n] = '\0';
	tree = mount_clone(AT_FDCWD, target);
	if (tree < 0)
		return tree;
	if (fstat(fd, &want) < 0 || fstat(tree, &have) < 0)
		return neg_errno();
	if (BROKEN("source-compared"))
		return TAKE_FD(tree);
	if (want.st_dev != have.st_dev || want.st_ino != have.st_ino)
		return -ESTALE;
	return TAKE_FD(tree);
}

static int clone_path(struct sandbox *sb, const char *path)
{
	CLEANUP(fd_closep) int fd = NO_FD;
	int tree = mount_clone(AT_FDCWD, path);

	if (tree != -EINVAL)
		return tree;
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? neg_errno() : clone_by_link(sb, fd);
}

static uint64_t bind_attrs(const struct op *op)
{
	return MOUNT_ATTR_NOSUID | (op->flags & OP_DEVICES ? 0 : MOUNT_ATTR_NODEV) |
	       (op->flags & OP_RO ? MOUNT_ATTR_RDONLY : 0) | op->attrs;
}

int mount_explain_flags(struct sandbox *sb, const struct op *op, int err)
{
	bool times = op->attrs & (MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME);

	return fail_hint(
		sb->fail,
		fail(sb->fail, err, "Can't set the flags of %s on %s", op->option, op->dest),
		times && err == EPERM ? "the kernel locks how the host's mounts keep access "
					"times: leave noatime and nodiratime out"
				      : NULL);
}

/* The flags go onto the detached tree with all its submounts, before anybody can reach it. */
static int set_bind_flags(struct sandbox *sb, const struct op *op, int tree)
{
	int r = BROKEN("source-flags") ? 0
				       : mount_set(tree, bind_attrs(op), !BROKEN("submount-flags"));

	if (r < 0 && sb->plan->not_a_boundary)
		r = mount_set(tree, bind_attrs(op), false);
	return r < 0 ? mount_explain_flags(sb, op, -r) : 0;
}

/* Clones the source with its flags by one call (Linux 6.15). Returns whether it is there: whatever
 * is in the way, clone_path() and set_bind_flags() find it out. */
static bool clone_with_flags(struct sandbox *sb, const struct op *op)
{
	const struct mount_attr attr = to_set(bind_attrs(op));
	int tree;

	if (BROKEN("source-flags") || sb->lacks_open_tree_attr)
		return false;
	if (BROKEN("submount-flags"))
		return false;
	tree = sys_open_tree_attr(AT_FDCWD, op->source, CLONE_FLAGS, &attr);
	sb->lacks_open_tree_attr = tree < 0 && errno == ENOSYS;
	sb->fds[op->first_fd] = tree < 0 ? NO_FD : tree;
	return tree >= 0;
}

static int source_bind(struct sandbox *sb, const struct op *op)
{
	int tree;

	if (clone_with_flags(sb, op))
		return 0;
	tree = clone_path(sb, op->source);
	if (tree == -ENOENT && (op->flags & OP_TRY))
		return 0;
	if (tree == -ESTALE)
		return fail(sb->fail, 0, "Race condition binding dirfd %s", op->source);
	if (tree < 0)
		return fail(sb->fail, -tree, "Can't find source path %s", op->source);
	sb->fds[op->first_fd] = tree;
	return set_bind_flags(sb, op, tree);
}

static int source_bind_fd(struct sandbox *sb, const struct op *op)
{
	struct stat st;
	int tree;

	if (fstat(op->fd, &st) < 0)
		return fail_hint(
			sb->fail,
			fail(sb->fail, ENOENT, "Can't find source path /proc/self/fd/%d", op->fd),
			"the caller has not opened that descriptor");
	tree = clone_by_link(sb, op->fd);
	if ((tree == -ESTALE || tree == -ENOENT) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return fail(sb->fail, 0,
			    "descriptor %d for %s is a pipe or socket, which cannot be bound",
			    op->fd, op->dest);
	if (tree == -ESTALE || tree == -ENOENT)
		return fail_hint(
			sb->fail,
			sb->plan->as->explains
				? fail(sb->fail, 0, "Race condition binding dirfd %d on %s", op->fd,
				       op->dest)
				: fail(sb->fail, 0, "Race condition binding dirfd"),
			"what the descriptor was opened as has been moved, replaced or removed");
	if (tree < 0)
		return fail(sb->fail, -tree, "%s %d %s", op->option, op->fd, op->dest);
	sb->fds[op->first_fd] = tree;
	return set_bind_flags(sb, op, tree);
}

static int attach_bind(struct sandbox *sb, const struct op *op)
{
	int *tree = &sb->fds[op->first_fd];
	struct stat st;
	int r;

	if (*tree < 0) {
		sb->skipped[op - sb->plan->ops] = true;
		return 0; /* a missing source, and the option allows it */
	}
	if (fstat(*tree, &st) < 0)
		return fail(sb->fail, errno, "Can't get type of source %s", op->source);
	r = mount_attach_tree(sb, op, S_ISDIR(st.st_mode) ? DEST_DIR : DEST_FILE, *tree);
	*tree = fd_close(*tree);
	return r;
}

static int attach_tmpfs(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep)
	int fd = mount_tmpfs_on(sb, op, op->mode_set ? op->mode : 0755, op->size);
	int r = 0;

	if (fd >= 0 && op->attrs)
		r = mount_set(fd, op->attrs, false);
	if (r < 0)
		return mount_explain_flags(sb, op, -r);
	return fd < 0 ? fd : 0;
}

static int attach_remount_ro(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int fd = dest_open(sb, op->dest, O_PATH);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	if (fd < 0)
		return fail(sb->fail, -fd, "Can't remount readonly on %s", op->dest);
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0)
		return fail_hint(
			sb->fail, fail(sb->fail, errno, "Can't remount readonly on %s", op->dest),
			errno == EINVAL ? "nothing is mounted there: bind the path on itself first"
					: NULL);
	return 0;
}

static int no_source(struct sandbox *sb, const struct op *op)
{
	(void)sb;
	(void)op;
	return 0;
}

static const struct {
	int (*source)(struct sandbox *sb, const struct op *op);
	int (*attach)(struct sandbox *sb, const struct op *op);
} table[] = {
	[OP_BIND] = { source_bind, attach_bind },
	[OP_BIND_FD] = { source_bind_fd, attach_bind },
	[OP_BIND_DATA] = { create_data_source, attach_bind },
	[OP_OVERLAY] = { overlay_source, overlay_attach },
	[OP_TMP_OVERLAY] = { overlay_source, overlay_attach },
	[OP_RO_OVERLAY] = { overlay_source, overlay_attach },
	[OP_PROC] = { proc_source, proc_attach },
	[OP_DEV] = { dev_source, dev_attach },
	[OP_TMPFS] = { no_source, attach_tmpfs },
	[OP_MQUEUE] = { no_source, kernfs_attach },
	[OP_SYSFS] = { no_source, kernfs_attach },
	[OP_CGROUPFS] = { no_source, kernfs_attach },
	[OP_PROC_SUBSET] = { no_source, proc_attach },
	[OP_MASK] = { mask_source, mask_attach },
	[OP_DEVPTS] = { no_source, dev_attach_pts },
	[OP_REMOUNT_RO] = { no_source, attach_remount_ro },
	[OP_DIR] = { no_source, create_dir },
	[OP_FILE] = { no_source, create_file },
	[OP_SYMLINK] = { no_source, create_symlink },
	[OP_CHMOD] = { no_source, create_chmod },
};
_Static_assert(ARRAY_SIZE(table) == OP_TYPE_MAX, "every operation has its two halves");

int mount_source(struct sandbox *sb, const struct op *op)
{
	sandbox_begin_op(sb, op);
	return table[op->type].source(sb, op);
}

int mount_attach(struct sandbox *sb, const struct op *op)
{
	sandbox_begin_op(sb, op);
	return table[op->type].attach(sb, op);
}
