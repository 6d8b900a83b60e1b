/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new root can be attached over /, filled through its fd only and pivoted to without any
 * directory for it, on which root.c relies for the root. */

#include "kernel.h"

enum {
	ATTACH, OLD_TREE, NOT_NEW, FILL, ESCAPE, MOUNT_IN, CLONE_BEFORE,
	FCHDIR, PIVOT, UMOUNT, NEW_TREE, MOUNTS, PROC_GONE, CLONE_AFTER, CHROOT_CLONE,
	MAX
};

static int *res;

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int try_userns(void)
{
	pid_t pid = sys_clone3(CLONE_NEWUSER | CLONE_NEWNS, SIGCHLD, NULL);
	int e = err(pid);

	if (pid == 0)
		_exit(0);
	reap(pid);
	return e;
}

/* Mounts in reach of the root, by the old tree's /proc. */
static int count_mounts(void)
{
	int fd = openat(proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	char buf[65536];
	ssize_t len = read(fd, buf, sizeof(buf));
	int n = 0;

	close(fd);
	for (ssize_t i = 0; i < len; i++)
		n += buf[i] == '\n';
	return n;
}

static void chrooted(void)
{
	if (chroot("/tmp") == 0)
		res[CHROOT_CLONE] = try_userns();
}

static void builder(void)
{
	struct stat before, now, root, up;
	int fd, escape, bind, fs;

	run_in(0, chrooted);
	fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || stat("/", &before) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return;
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	res[ATTACH] = err(sys_move_mount(fd, "", AT_FDCWD, "/"));

	if (fstat(fd, &root) < 0 || stat("/", &now) < 0)
		return;
	res[OLD_TREE] = same(&before, &now) ? err(access("/proc/self", F_OK)) : EXDEV;
	res[NOT_NEW] = same(&root, &now) ? EEXIST : 0;
	res[FILL] = err(mkdirat(fd, "new", 0755)) ?: err(mkdirat(fd, "bind", 0755));

	escape = (int)sys_openat2(fd, "../..", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT);
	res[ESCAPE] = escape < 0 || fstat(escape, &up) < 0 ? errno : same(&up, &root) ? 0 : EXDEV;
	close(escape);

	bind = (int)sys_open_tree(AT_FDCWD, "/proc/self", OPEN_TREE_CLONE);
	escape = (int)sys_openat2(fd, "bind", O_PATH, RESOLVE_IN_ROOT);
	res[MOUNT_IN] = err(bind) ?: err(sys_move_mount(bind, "", escape, ""));
	close(escape);
	res[CLONE_BEFORE] = try_userns();

	res[FCHDIR] = err(fchdir(fd));
	res[PIVOT] = err(syscall(SYS_pivot_root, ".", "."));
	res[UMOUNT] = err(sys_umount(".", MNT_DETACH));
	if (stat("/", &now) == 0)
		res[NEW_TREE] = same(&root, &now) ? err(access("/new", F_OK)) : EXDEV;
	res[MOUNTS] = count_mounts();
	res[PROC_GONE] = err(access("/proc", F_OK));
	res[CLONE_AFTER] = try_userns();
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder);

	expect(res[CHROOT_CLONE], EPERM, "clone3(NEWUSER) of a process in a chroot");
	expect(res[ATTACH], 0, "a detached tmpfs is attached over /");
	expect(res[OLD_TREE], 0, "path lookups still see the old tree");
	expect(res[NOT_NEW], 0, "/ is not the new root yet");
	expect(res[FILL], 0, "the new root is filled through its fd");
	expect(res[ESCAPE], 0, "RESOLVE_IN_ROOT keeps .. in the new root");
	expect(res[MOUNT_IN], 0, "a clone from the old tree is mounted in the new root by fd");
	expect(res[CLONE_BEFORE], EPERM, "clone3(NEWUSER) while / is covered counts as chrooted");
	expect(res[FCHDIR], 0, "fchdir to the new root");
	expect(res[PIVOT], 0, "pivot_root(\".\", \".\")");
	expect(res[UMOUNT], 0, "umount2(\".\", MNT_DETACH) of the old root");
	expect(res[NEW_TREE], 0, "/ is the new root");
	expect(res[MOUNTS], 2, "only the new root and the mount in it are left");
	expect(res[PROC_GONE], ENOENT, "nothing of the old tree is left");
	expect(res[CLONE_AFTER], 0, "clone3(NEWUSER) after pivot_root");
	return done();
}
