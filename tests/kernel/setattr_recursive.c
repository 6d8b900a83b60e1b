/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One mount_setattr sets flags on every mount of a detached tree and takes none away, on which
 * mount.c relies for read-only binds. */

#include "kernel.h"
#include <sys/statfs.h>

/* What statfs(2) calls the flags; ST_NOSYMFOLLOW is not in every header. */
enum {
	RDONLY = 0x0001, NOSUID = 0x0002, NODEV = 0x0004, NOEXEC = 0x0008, NOATIME = 0x0400,
	NOSYMFOLLOW = 0x2000,
};

enum {
	CLONE, SETATTR, ATTACH, TOP, SUB, DEEP, SOURCE, WRITE_TOP, WRITE_DEEP, EXISTING,
	EXISTING_ATIME,
	OLD_REMOUNT, OLD_TOP, OLD_SUB,
	NOSYM, NOSYM_LINK, NOSYM_FLAG, NOSYM_PLAIN,
	BUSY, BUSY_NONE, BOTH_TIMES,
	MAX
};

static int *res;

/* The flags @want that the mount at @path has. */
static int flags_of(const char *path, int want)
{
	struct statfs st;

	return statfs(path, &st) < 0 ? NOT_REACHED : (int)st.f_flags & want;
}

static void whole_tree(void)
{
	int fd = (int)sys_open_tree(AT_FDCWD, "/tmp/src", OPEN_TREE_CLONE | AT_RECURSIVE);
	const int all = RDONLY | NOSUID | NODEV;

	res[CLONE] = err(fd);
	res[SETATTR] = err(sys_mount_setattr(fd, "", AT_RECURSIVE, MOUNT_ATTR_RDONLY |
					     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0));
	res[ATTACH] = err(sys_move_mount(fd, "", AT_FDCWD, "/tmp/dst"));
	res[TOP] = flags_of("/tmp/dst", all);
	res[SUB] = flags_of("/tmp/dst/sub", all);
	res[DEEP] = flags_of("/tmp/dst/sub/deep", all);
	res[SOURCE] = flags_of("/tmp/src", all);
	res[WRITE_TOP] = err(mkdir("/tmp/dst/x", 0755));
	res[WRITE_DEEP] = err(mkdir("/tmp/dst/sub/deep/x", 0755));
	res[EXISTING] = flags_of("/tmp/dst/sub/deep", NOEXEC);
	res[EXISTING_ATIME] = flags_of("/tmp/dst/sub", NOATIME);
	close(fd);
}

static void old_remount(void)
{
	if (sys_mount("/tmp/src", "/tmp/old", NULL, MS_BIND | MS_REC, NULL) < 0)
		return;
	res[OLD_REMOUNT] = err(sys_mount(NULL, "/tmp/old", NULL,
					 MS_REMOUNT | MS_BIND | MS_REC | MS_RDONLY, NULL));
	res[OLD_TOP] = flags_of("/tmp/old", RDONLY);
	res[OLD_SUB] = flags_of("/tmp/old/sub", RDONLY);
}

static void nosymfollow(void)
{
	int fd = (int)sys_open_tree(AT_FDCWD, "/tmp/src", OPEN_TREE_CLONE);

	res[NOSYM] = err(sys_mount_setattr(fd, "", 0, MOUNT_ATTR_NOSYMFOLLOW, 0));
	if (sys_move_mount(fd, "", AT_FDCWD, "/tmp/nosym") < 0)
		return;
	close(fd);
	res[NOSYM_LINK] = err(access("/tmp/nosym/link", F_OK));
	res[NOSYM_FLAG] = flags_of("/tmp/nosym", NOSYMFOLLOW);
	res[NOSYM_PLAIN] = err(access("/tmp/src/link", F_OK));
}

/* A writer in one submount: all or nothing. */
static void busy(void)
{
	int fd = (int)sys_open_tree(AT_FDCWD, "/tmp/src", OPEN_TREE_CLONE | AT_RECURSIVE);
	int writer;

	if (sys_move_mount(fd, "", AT_FDCWD, "/tmp/busy") < 0)
		return;
	writer = open("/tmp/busy/sub/deep/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (writer < 0)
		return;
	res[BUSY] = err(sys_mount_setattr(fd, "", AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0));
	res[BUSY_NONE] = flags_of("/tmp/busy", RDONLY);
	close(writer);
	res[BOTH_TIMES] = err(sys_mount_setattr(fd, "", 0, MOUNT_ATTR_NOATIME, 0));
	close(fd);
}

static void builder(void)
{
	own_tmp();
	make_dirs("/tmp/src", "/tmp/dst", "/tmp/old", "/tmp/nosym", "/tmp/busy", NULL);
	if (sys_mount("a", "/tmp/src", "tmpfs", 0, NULL) < 0)
		return;
	make_dirs("/tmp/src/sub", NULL);
	if (symlink("sub", "/tmp/src/link") < 0 ||
	    sys_mount("b", "/tmp/src/sub", "tmpfs", MS_NOATIME, NULL) < 0)
		return;
	make_dirs("/tmp/src/sub/deep", NULL);
	if (sys_mount("c", "/tmp/src/sub/deep", "tmpfs", MS_NOEXEC, NULL) < 0)
		return;
	whole_tree();
	old_remount();
	nosymfollow();
	busy();
}

int main(void)
{
	const int all = RDONLY | NOSUID | NODEV;

	ordinary_user();
	res = results(MAX);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder);

	expect(res[CLONE], 0, "open_tree(CLONE|RECURSIVE)");
	expect(res[SETATTR], 0, "mount_setattr(AT_RECURSIVE) on the detached tree");
	expect(res[ATTACH], 0, "the tree is attached");
	expect(res[TOP], all, "its top is read-only, nosuid, nodev");
	expect(res[SUB], all, "a mount on it is read-only, nosuid, nodev");
	expect(res[DEEP], all, "a mount on that is read-only, nosuid, nodev");
	expect(res[SOURCE], 0, "the source keeps its own flags");
	expect(res[WRITE_TOP], EROFS, "writing to the top");
	expect(res[WRITE_DEEP], EROFS, "writing to the deepest mount");
	expect(res[EXISTING], NOEXEC, "noexec of a mount below is kept");
	expect(res[EXISTING_ATIME], NOATIME, "noatime of a mount below is kept");

	expect(res[OLD_REMOUNT], 0,
	       "contrast: mount(MS_REMOUNT|MS_BIND|MS_REC|MS_RDONLY) succeeds");
	expect(res[OLD_TOP], RDONLY, "contrast: and makes the top read-only");
	expect(res[OLD_SUB], 0, "contrast: but nothing below it");

	expect(res[NOSYM], 0, "mount_setattr sets nosymfollow");
	expect(res[NOSYM_LINK], ELOOP, "nosymfollow: following a link");
	expect(res[NOSYM_FLAG], NOSYMFOLLOW, "nosymfollow: statfs shows it");
	expect(res[NOSYM_PLAIN], 0, "nosymfollow: the source still follows links");

	expect(res[BUSY], EBUSY, "read-only with a file open for writing through the tree");
	expect(res[BUSY_NONE], 0, "then no mount of the tree was changed");
	expect(res[BOTH_TIMES], EINVAL, "setting an atime mode without clearing MOUNT_ATTR__ATIME");
	return done();
}
