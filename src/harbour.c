/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps the new root, and what else must be attached while the root is built, out of every path.
 *
 * Sources are paths on the host's tree, and a mount over / would not do for the new root: a ".."
 * that arrives at / enters whatever is mounted there, so that /etc/../run, which is where many a
 * symlink leads, would be looked up in the new root. The harbour is a tmpfs on /proc, covered by a
 * clone of that very /proc. Paths find what they have always found; only descriptors reach below.
 * It is unbindable, so that a recursive bind of / or /proc passes over it. */
#include "harbour.h"

#include <stdio.h>
#include <sys/stat.h>

#include "mount.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

#define ROOT "root" /* its directory for an empty new root */

/* Makes the harbour and, where RET_ROOT is given, clones a new directory of it for that while it
 * still can be. */
static int make(struct sandbox *sb, int *ret_root)
{
	CLEANUP(fd_closep) int cover = mount_clone(AT_FDCWD, "/proc"), tree = NO_FD;
	struct mount_attr attr = { .propagation = MS_UNBINDABLE };

	if (cover < 0)
		return cover;
	tree = mount_new_tmpfs(sb, 0700, 0);
	if (tree < 0)
		return tree;
	if (sys_move_mount(tree, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return neg_errno();
	if (ret_root) {
		*ret_root = mkdirat(tree, ROOT, 0755) < 0 ? neg_errno() : mount_clone(tree, ROOT);
		if (*ret_root < 0)
			return *ret_root;
	}
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0 ||
	    sys_move_mount(cover, "", tree, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
		    0)
		return neg_errno();
	sb->harbour_fd = TAKE_FD(tree);
	return 0;
}

int harbour_new_root(struct sandbox *sb)
{
	CLEANUP(fd_closep) int tree = NO_FD;
	int r = make(sb, &tree);

	if (r < 0)
		return r;
	if (sys_move_mount(tree, "", sb->harbour_fd, ROOT, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return neg_errno();
	return TAKE_FD(tree);
}

int harbour_attach(struct sandbox *sb, int tree, const char *name)
{
	int r = sb->harbour_fd >= 0 ? 0 : make(sb, NULL);

	if (r < 0)
		return r;
	if (mkdirat(sb->harbour_fd, name, 0700) < 0 ||
	    sys_move_mount(tree, "", sb->harbour_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return neg_errno();
	return 0;
}

int harbour_close(struct sandbox *sb)
{
	if (sb->harbour_fd < 0)
		return 0;
	/* umount(2) takes the topmost mount of a place: first the cover, then the harbour */
	if (fchdir(sb->harbour_fd) < 0 || sys_umount2(".", MNT_DETACH) < 0 ||
	    sys_umount2(".", MNT_DETACH) < 0)
		return neg_errno();
	sb->harbour_fd = fd_close(sb->harbour_fd);
	return mount_return(sb);
}
