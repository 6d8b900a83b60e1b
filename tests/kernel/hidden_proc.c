/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sandbox may mount a proc only while it has an uncovered, writable one, and a hidden clone
 * counts, on which builder.c relies to hide the host's /proc below a cover. */

#include "kernel.h"
#include <dirent.h>

enum {
	COVERED, HIDDEN, HIDDEN_RO, HIDDEN_RO_RO, PARTIAL,
	UMOUNT_OWN, NO_SELF, ENTRIES, MKDIR, UMOUNT_COVER, DETACH_COVER, REMOUNT_COVER, DOTDOT,
	TREE_PARENT, AGAIN, KEPT_OLD,
	MAX
};

static int *res;
static int slot;

/* Mounts a fresh proc as a sandbox does. */
static void fresh(void)
{
	res[slot] = err(sys_mount("p", "/proc", "proc", 0, NULL));
}

static void fresh_ro(void)
{
	res[slot] = err(sys_mount("p", "/proc", "proc", MS_RDONLY, NULL));
}

static void in_sandbox(int where, void (*fn)(void))
{
	slot = where;
	run_in(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, fn);
}

/* Hides a clone of /proc, with the attributes @attr, below an empty read-only directory. */
static int hide(uint64_t attr)
{
	int clone, empty;

	clone = (int)sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | AT_RECURSIVE);
	if (clone < 0 || (attr && sys_mount_setattr(clone, "", AT_RECURSIVE, attr, 0) < 0))
		return -1;
	if (sys_mount("hide", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, NULL) < 0)
		return -1;
	make_dirs("/proc/host", "/proc/empty", NULL);
	empty = (int)sys_open_tree(AT_FDCWD, "/proc/empty", OPEN_TREE_CLONE);
	if (empty < 0 || sys_mount_setattr(empty, "", 0, MOUNT_ATTR_RDONLY, 0) < 0 ||
	    sys_move_mount(clone, "", AT_FDCWD, "/proc/host") < 0 ||
	    sys_move_mount(empty, "", AT_FDCWD, "/proc") < 0)
		return -1;
	close(clone);
	close(empty);
	return 0;
}

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		return NOT_REACHED;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static ino_t inode(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* The command: unmounts what the sandbox mounted, then tries the cover below. */
static void command(void)
{
	fresh();
	res[UMOUNT_OWN] = err(sys_umount("/proc", 0));
	res[NO_SELF] = err(access("/proc/self", F_OK));
	res[ENTRIES] = entries("/proc");
	res[MKDIR] = err(mkdir("/proc/x", 0755));
	res[UMOUNT_COVER] = err(sys_umount("/proc", 0));
	res[DETACH_COVER] = err(sys_umount("/proc", MNT_DETACH));
	res[REMOUNT_COVER] = err(sys_mount(NULL, "/proc", NULL, MS_REMOUNT | MS_BIND, NULL));
	res[DOTDOT] = inode("/proc/..") == inode("/") ? 0 : EXDEV;
	res[TREE_PARENT] = err_close(sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE));
	res[AGAIN] = err(sys_mount("p", "/proc", "proc", 0, NULL));
}

static void builder_covered(void)
{
	if (sys_mount("cover", "/proc", "tmpfs", 0, NULL) == 0)
		in_sandbox(COVERED, fresh);
}

/* What a container does to its /proc, and what a writable clone taken from there is worth. */
static void builder_partial(void)
{
	if (sys_mount("cover", "/proc/fs", "tmpfs", 0, NULL) == 0 && hide(0) == 0)
		in_sandbox(PARTIAL, fresh);
}

static void builder_hidden(void)
{
	if (hide(0) == 0)
		in_sandbox(HIDDEN, command);
}

static void builder_hidden_ro(void)
{
	if (hide(MOUNT_ATTR_RDONLY) < 0)
		return;
	in_sandbox(HIDDEN_RO, fresh);
	in_sandbox(HIDDEN_RO_RO, fresh_ro);
}

/* The host's own /proc in place, a fresh one over it: the contrast. */
static void uncover(void)
{
	if (sys_mount("p", "/proc", "proc", 0, NULL) == 0 && sys_umount("/proc", 0) == 0)
		res[KEPT_OLD] = err(access("/proc/self", F_OK));
}

static void builder_plain(void)
{
	in_sandbox(KEPT_OLD, uncover);
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder_covered);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder_partial);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder_hidden);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder_hidden_ro);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder_plain);

	expect(res[COVERED], EPERM, "host's proc fully covered: mounting a proc");
	expect(res[PARTIAL], EPERM, "host's proc partly covered before the clone: mounting a proc");
	expect(res[HIDDEN], 0, "hidden writable clone of the host's proc: mounting a proc");
	expect(res[HIDDEN_RO], EPERM, "hidden read-only clone: mounting a writable proc");
	expect(res[HIDDEN_RO_RO], 0, "hidden read-only clone: mounting a read-only proc");

	expect(res[KEPT_OLD], 0, "no cover: the command unmounts its proc and sees the host's");
	expect(res[UMOUNT_OWN], 0, "cover: the command unmounts its proc");
	expect(res[NO_SELF], ENOENT, "cover: then there is no /proc/self");
	expect(res[ENTRIES], 2, "cover: then /proc holds only . and ..");
	expect(res[MKDIR], EROFS, "cover: mkdir in it");
	expect(res[UMOUNT_COVER], EINVAL, "cover: umount of it");
	expect(res[DETACH_COVER], EINVAL, "cover: lazy umount of it");
	expect(res[REMOUNT_COVER], EPERM, "cover: remount of it as writable");
	expect(res[DOTDOT], 0, "cover: its .. is the root, not what it covers");
	expect(res[TREE_PARENT], EINVAL, "cover: clone of / without it");
	expect(res[AGAIN], 0, "cover: a second fresh proc can be mounted over it");
	return done();
}
