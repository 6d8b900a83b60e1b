/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A detached tree carried into a less privileged mount namespace is not locked there, which is why
 * builder.c attaches everything before the second clone and inside.c attaches nothing. */

#include "kernel.h"

enum {
	ATTACH, WRITE_RO, CLEAR_RO, WRITE_RW, UMOUNT_PART, SEEN_BELOW,
	NOT_CLONED, BEFORE_UMOUNT, BEFORE_CLEAR,
	MAX
};

static int *res;
static int tree = -EBADF;
static int foreign = -EBADF;

/* The tree's parts: /tmp/src, read-only, with a tmpfs hiding /tmp/src/hide. */
static void sandbox(void)
{
	res[NOT_CLONED] = err_close(sys_open_tree(foreign, "", AT_EMPTY_PATH | OPEN_TREE_CLONE));
	res[BEFORE_UMOUNT] = err(sys_umount("/tmp/src/hide", MNT_DETACH));
	res[BEFORE_CLEAR] = err(sys_mount_setattr(-1, "/tmp/src", 0, 0, MOUNT_ATTR_RDONLY));

	res[ATTACH] = err(sys_move_mount(tree, "", AT_FDCWD, "/tmp/dst"));
	if (res[ATTACH] != 0)
		return;
	res[WRITE_RO] = err(mkdir("/tmp/dst/x", 0755));
	res[CLEAR_RO] = err(sys_mount_setattr(-1, "/tmp/dst", 0, 0, MOUNT_ATTR_RDONLY));
	res[WRITE_RW] = err(mkdir("/tmp/dst/x", 0755));
	res[UMOUNT_PART] = err(sys_umount("/tmp/dst/hide", MNT_DETACH));
	res[SEEN_BELOW] = err(access("/tmp/dst/hide/secret", F_OK));
}

static void builder(void)
{
	own_tmp();
	make_dirs("/tmp/src", "/tmp/dst", NULL);
	if (sys_mount("s", "/tmp/src", "tmpfs", 0, NULL) < 0)
		return;
	make_dirs("/tmp/src/hide", "/tmp/src/hide/secret", NULL);
	foreign = open("/tmp/src/hide", O_PATH | O_CLOEXEC);
	if (sys_mount("h", "/tmp/src/hide", "tmpfs", 0, NULL) < 0 ||
	    sys_mount(NULL, "/tmp/src", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return;
	tree = (int)sys_open_tree(AT_FDCWD, "/tmp/src", OPEN_TREE_CLONE | AT_RECURSIVE);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, sandbox);
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder);

	expect(res[NOT_CLONED], EINVAL,
	       "cloning a mount of the parent's namespace by an inherited fd");
	expect(res[BEFORE_UMOUNT], EINVAL, "attached before the copy: umount of a part");
	expect(res[BEFORE_CLEAR], EPERM, "attached before the copy: clearing read-only");

	expect(res[ATTACH], 0, "attached after the copy: move_mount of the parent's detached tree");
	expect(res[WRITE_RO], EROFS, "attached after the copy: the tree arrives read-only");
	expect(res[CLEAR_RO], 0, "attached after the copy: clearing read-only is NOT refused");
	expect(res[WRITE_RW], 0, "attached after the copy: then writing is NOT refused");
	expect(res[UMOUNT_PART], 0, "attached after the copy: umount of a part is NOT refused");
	expect(res[SEEN_BELOW], 0, "attached after the copy: what it hid is seen");
	return done();
}
