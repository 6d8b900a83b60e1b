/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts copied into a less privileged mount namespace are locked, on which inside.c relies for a
 * root that cannot undo builder.c's work. */

#include "kernel.h"

enum {
	ONE_UMOUNT, ONE_REMOUNT, ONE_SETATTR,
	UMOUNT, UMOUNT_DETACH, REMOUNT, SETATTR, SETATTR_NOSUID, SETATTR_NODEV, SETATTR_NOEXEC,
	SETATTR_ATIME, SETATTR_NOSYMFOLLOW, SUPERBLOCK, BIND_ROOT, MOVE, MOVE_OLD, BENEATH,
	TREE_ROOT,
	RBIND_ROOT, UMOUNT_RBIND, REMOUNT_RBIND, UMOUNT_ROOT_COPY,
	TMPFS, PROC, CHROOT, HOSTNAME,
	MAX
};

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200
#endif

static int *res;

static void chrooted(void)
{
	res[CHROOT] = err(chroot("/tmp/dst"));
}

/* In U2, with every capability there. */
static void sandbox(void)
{
	int tree;

	res[UMOUNT] = err(sys_umount("/tmp/cover", 0));
	res[UMOUNT_DETACH] = err(sys_umount("/tmp/cover", MNT_DETACH));
	res[REMOUNT] = err(sys_mount(NULL, "/tmp/ro", NULL, MS_REMOUNT | MS_BIND, NULL));
	res[SETATTR] = err(sys_mount_setattr(-1, "/tmp/ro", 0, 0, MOUNT_ATTR_RDONLY));
	res[SETATTR_NOSUID] = err(sys_mount_setattr(-1, "/tmp/cover", 0, 0, MOUNT_ATTR_NOSUID));
	res[SETATTR_NODEV] = err(sys_mount_setattr(-1, "/tmp/cover", 0, 0, MOUNT_ATTR_NODEV));
	res[SETATTR_NOEXEC] = err(sys_mount_setattr(-1, "/tmp/cover", 0, 0, MOUNT_ATTR_NOEXEC));
	res[SETATTR_ATIME] = err(sys_mount_setattr(-1, "/tmp/cover", 0, MOUNT_ATTR_STRICTATIME,
						   MOUNT_ATTR__ATIME));
	res[SETATTR_NOSYMFOLLOW] = err(sys_mount_setattr(-1, "/tmp/cover", 0, 0,
							 MOUNT_ATTR_NOSYMFOLLOW));
	res[SUPERBLOCK] = err(sys_mount(NULL, "/tmp/rosb", NULL, MS_REMOUNT, NULL));

	res[BIND_ROOT] = err(sys_mount("/", "/tmp/dst", NULL, MS_BIND, NULL));
	res[MOVE] = err(sys_move_mount(AT_FDCWD, "/tmp/cover", AT_FDCWD, "/tmp/dst"));
	res[MOVE_OLD] = err(sys_mount("/tmp/cover", "/tmp/dst", NULL, MS_MOVE, NULL));
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/tmp/src", OPEN_TREE_CLONE);
	if (tree >= 0)
		res[BENEATH] = err(syscall(SYS_move_mount, tree, "", AT_FDCWD, "/tmp/cover",
					   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH));
	res[TREE_ROOT] = err_close(sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE));

	res[RBIND_ROOT] = err(sys_mount("/", "/tmp/dst", NULL, MS_BIND | MS_REC, NULL));
	res[UMOUNT_RBIND] = err(sys_umount("/tmp/dst/tmp/cover", MNT_DETACH));
	res[REMOUNT_RBIND] = err(sys_mount(NULL, "/tmp/dst/tmp/ro", NULL,
					   MS_REMOUNT | MS_BIND, NULL));
	res[UMOUNT_ROOT_COPY] = err(sys_umount("/tmp/dst", MNT_DETACH));

	res[TMPFS] = err(sys_mount("t", "/tmp/dst", "tmpfs", 0, NULL));
	res[PROC] = err(sys_mount("p", "/proc", "proc", 0, NULL));
	run_in(0, chrooted);
	res[HOSTNAME] = err(sethostname("husk", 4));
}

/* In U1, which made the mounts. */
static void builder(void)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | MS_NOATIME;

	own_tmp();
	make_dirs("/tmp/cover", "/tmp/src", "/tmp/ro", "/tmp/own", "/tmp/ownro", "/tmp/dst",
		  "/tmp/rosb", NULL);
	if (sys_mount("cover", "/tmp/cover", "tmpfs", flags, NULL) < 0 ||
	    sys_mount("sb", "/tmp/rosb", "tmpfs", MS_RDONLY, NULL) < 0 ||
	    sys_mount("/tmp/src", "/tmp/ro", NULL, MS_BIND, NULL) < 0 ||
	    sys_mount(NULL, "/tmp/ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0 ||
	    sys_mount("cover", "/tmp/own", "tmpfs", 0, NULL) < 0 ||
	    sys_mount("/tmp/src", "/tmp/ownro", NULL, MS_BIND, NULL) < 0 ||
	    sys_mount(NULL, "/tmp/ownro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return;

	res[ONE_UMOUNT] = err(sys_umount("/tmp/own", 0));
	res[ONE_REMOUNT] = err(sys_mount(NULL, "/tmp/ownro", NULL, MS_REMOUNT | MS_BIND, NULL));
	sys_mount(NULL, "/tmp/ownro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
	res[ONE_SETATTR] = err(sys_mount_setattr(-1, "/tmp/ownro", 0, 0, MOUNT_ATTR_RDONLY));

	run_in(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS, sandbox);
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder);

	expect(res[ONE_UMOUNT], 0, "one level: a covering tmpfs can be unmounted");
	expect(res[ONE_REMOUNT], 0, "one level: a read-only bind can be remounted writable");
	expect(res[ONE_SETATTR], 0, "one level: mount_setattr can clear read-only");

	expect(res[UMOUNT], EINVAL, "two levels: umount of a covering tmpfs");
	expect(res[UMOUNT_DETACH], EINVAL, "two levels: lazy umount of a covering tmpfs");
	expect(res[REMOUNT], EPERM, "two levels: remount of a read-only bind as writable");
	expect(res[SETATTR], EPERM, "two levels: mount_setattr clearing read-only");
	expect(res[SETATTR_NOSUID], EPERM, "two levels: mount_setattr clearing nosuid");
	expect(res[SETATTR_NODEV], EPERM, "two levels: mount_setattr clearing nodev");
	expect(res[SETATTR_NOEXEC], EPERM, "two levels: mount_setattr clearing noexec");
	expect(res[SETATTR_ATIME], EPERM, "two levels: mount_setattr changing noatime");
	expect(res[SETATTR_NOSYMFOLLOW], 0, "two levels: nosymfollow is not locked, so no promise");
	expect(res[SUPERBLOCK], EPERM,
	       "two levels: remount of the super block of a read-only tmpfs");
	expect(res[BIND_ROOT], EINVAL, "two levels: bind of / without what is mounted on it");
	expect(res[MOVE], EINVAL, "two levels: move_mount of a locked mount");
	expect(res[MOVE_OLD], EINVAL, "two levels: mount(MS_MOVE) of a locked mount");
	expect(res[BENEATH], EINVAL, "two levels: mounting beneath a locked mount");
	expect(res[TREE_ROOT], EINVAL,
	       "two levels: open_tree clone of / without what is mounted on it");
	expect(res[RBIND_ROOT], 0, "two levels: a recursive bind of / is allowed");
	expect(res[UMOUNT_RBIND], EINVAL, "two levels: umount of the cover's copy below that bind");
	expect(res[REMOUNT_RBIND], EPERM,
	       "two levels: remount of the read-only bind's copy below it");
	expect(res[UMOUNT_ROOT_COPY], 0, "two levels: that bind as a whole can be unmounted");
	expect(res[TMPFS], 0, "two levels: mounting a tmpfs is allowed");
	expect(res[PROC], 0, "two levels: mounting a proc is allowed");
	expect(res[CHROOT], 0, "two levels: chroot is allowed");
	expect(res[HOSTNAME], 0, "two levels: sethostname is allowed");
	return done();
}
