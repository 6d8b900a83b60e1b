/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the root of the sandbox from descriptors: the namespace's own tree in place, or a new one
 * that is filled, operation by operation, and pivoted to. */
#include "root.h"

#include <stdlib.h>

#include "broken.h"
#include "fail.h"
#include "harbour.h"
#include "mount.h"
#include "personality.h"
#include "proc.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

/* Should: cut the mounts off from the host's before anything of them is opened. Mustn't: pay for it
 * where the clone has made slaves already and slaves are wanted; change a joined namespace. */
int root_propagation(struct sandbox *sb)
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
int root_prepare(struct sandbox *sb)
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
		sb->cwd_fd = sys_open(".", O_PATH | O_CLOEXEC);
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
	sb->root_fd = sys_open("/", O_PATH | O_CLOEXEC);
	return sb->root_fd < 0 ? fail(sb->fail, errno, "can't open /") : 0;
}

/* Should: change the namespace's own tree in place, for a bind of / on /: every source is opened
 * first, since it must have its own flags and not those that the whole tree now gets. Mustn't: run
 * for any other root. */
int root_in_place(struct sandbox *sb)
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
	bool harbour = sb->harbour_fd >= 0;

	tree = harbour ? mount_new_tmpfs(sb, 0755, 0) : harbour_new_root(sb);
	if (tree < 0)
		return fail(sb->fail, -tree, "Failed to mount tmpfs");
	if (harbour)
		return mount_attach_tree(sb, &root, DEST_DIR, tree);
	sb->root_fd = TAKE_FD(tree);
	return 0;
}

/* Should: attach an empty root, unless an operation makes one. Paths still lead to the host's tree,
 * from which sources come. Mustn't: pivot before the sources are open. */
int root_empty(struct sandbox *sb)
{
	return sb->plan->root == ROOT_NEW && !sb->plan->root_op ? make_empty_root(sb) : 0;
}

/* Should: carry out the operations in the order of the command line; what the root covers need only
 * have its sources. Mustn't: mount what belongs to namespaces that do not exist yet; that is
 * prepared here and completed in the sandbox. */
int root_operations(struct sandbox *sb)
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
int root_pivot(struct sandbox *sb)
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
