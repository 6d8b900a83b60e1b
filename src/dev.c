/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds the minimal /dev: verified device nodes of the host on a tmpfs, with a devpts instance of
 * its own. */
#include "dev.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "broken.h"
#include "fail.h"
#include "mount.h"
#include "proc.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

/* Numbers from the kernel's Documentation/admin-guide/devices.txt. */
static const struct {
	const char *name;
	unsigned major, minor;
} devices[] = {
	{ "null", 1, 3 },   { "zero", 1, 5 },	 { "full", 1, 7 },
	{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

#define CONSOLE ARRAY_SIZE(devices)
_Static_assert(CONSOLE + 1 == DEV_FDS, "a descriptor for each device and one for the console");

static const struct {
	const char *name;
	const char *target;
} links[] = {
	{ "stdin", "/proc/self/fd/0" },	 { "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" }, { "fd", "/proc/self/fd" },
	{ "core", "/proc/kcore" },	 { "ptmx", "pts/ptmx" },
};

/* The terminal of standard output becomes the console; without one, or when its path leads
 * elsewhere, none does. Nor does it where the command has a terminal of its own, and is to leave
 * the caller's alone. */
static void source_console(struct sandbox *sb, int *ret)
{
	CLEANUP(fd_closep) int tree = NO_FD;
	char path[PATH_MAX];
	struct stat want, have;
	ssize_t n;

	if (fstat(STDOUT_FILENO, &want) < 0 || !S_ISCHR(want.st_mode) || !isatty(STDOUT_FILENO))
		return;
	n = readlinkat(sb->proc_fd, "self/fd/1", path, sizeof path - 1);
	if (n < 0)
		return;
	path[n] = '\0';
	tree = mount_clone(AT_FDCWD, path);
	if (tree < 0 ||
	    (!BROKEN("console-compared") &&
	     (fstat(tree, &have) < 0 || !S_ISCHR(have.st_mode) || have.st_rdev != want.st_rdev)))
		return;
	*ret = TAKE_FD(tree);
}

int dev_source(struct sandbox *sb, const struct op *op)
{
	int *fds = sb->fds + op->first_fd;
	char path[32];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		snprintf(path, sizeof path, "/dev/%s", devices[i].name);
		fds[i] = mount_clone(AT_FDCWD, path);
		if (fds[i] < 0)
			return fail(sb->fail, -fds[i], "Can't find source path %s", path);
		if (fstat(fds[i], &st) < 0)
			return fail(sb->fail, errno, "Can't get type of source %s", path);
		if (BROKEN("devices-compared"))
			continue;
		if (!S_ISCHR(st.st_mode) ||
		    st.st_rdev != makedev(devices[i].major, devices[i].minor))
			return fail_hint(sb->fail,
					 fail(sb->fail, 0, "%s is not the device %u:%u", path,
					      devices[i].major, devices[i].minor),
					 "the caller's own /dev is not what it should be");
	}
	if (sb->terminal && !sb->plan->pty)
		source_console(sb, &fds[CONSOLE]);
	return 0;
}

static int add_device(struct sandbox *sb, const struct op *op, int dev, const char *name, int *tree)
{
	int r = 0;

	if (mknodat(dev, name, S_IFREG | 0444, 0) < 0)
		r = fail(sb->fail, errno, "Can't create file %s/%s", op->dest, name);
	else if (sys_move_mount(*tree, "", dev, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		r = fail(sb->fail, errno, "Can't bind mount /dev/%s on %s/%s", name, op->dest,
			 name);
	/* its descriptor goes with all the others before the command: closing each would cost */
	*tree = NO_FD;
	return r;
}

static int add_pts(struct sandbox *sb, const struct op *op, int dev)
{
	int r = 0;

	if (mkdirat(dev, "pts", 0755) < 0)
		return fail(sb->fail, errno, "Can't create %s/devpts", op->dest);
	if (fchdir(dev) < 0 || sys_mount("devpts", "pts", "devpts", MS_NOSUID | MS_NOEXEC,
					 "newinstance,ptmxmode=0666,mode=620") < 0)
		r = fail(sb->fail, errno, "Can't mount devpts on %s/pts", op->dest);
	if (mount_return(sb) < 0)
		return fail(sb->fail, errno, "Can't return to the working directory");
	return r;
}

static int fill(struct sandbox *sb, const struct op *op, int dev)
{
	int *fds = sb->fds + op->first_fd;
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(devices) && r == 0; i++)
		r = add_device(sb, op, dev, devices[i].name, &fds[i]);
	for (i = 0; i < ARRAY_SIZE(links) && r == 0; i++)
		if (symlinkat(links[i].target, dev, links[i].name) < 0)
			r = fail(sb->fail, errno, "Can't create symlink %s/%s", op->dest,
				 links[i].name);
	if (r == 0 && mkdirat(dev, "shm", 0755) < 0)
		r = fail(sb->fail, errno, "Can't create %s/shm", op->dest);
	if (r == 0)
		r = add_pts(sb, op, dev);
	if (r == 0 && fds[CONSOLE] >= 0)
		r = add_device(sb, op, dev, "console", &fds[CONSOLE]);
	return r;
}

int dev_attach(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int dev = proc_share_void(sb, "dev");
	int r;

	/* no void, a second /dev, or a kernel that clones no detached mount */
	if (dev == -ENOENT || dev == -EEXIST || dev == -EINVAL)
		dev = mount_new_tmpfs(sb, 0755, 0);
	r = dev < 0 ? dev : mount_attach_tree(sb, op, DEST_DIR, dev);
	if (r < 0)
		return fail(sb->fail, -r, "Can't mount tmpfs on %s", op->dest);
	r = fill(sb, op, dev);
	if (r == 0)
		r = mount_set(dev, MOUNT_ATTR_NOSUID | op->attrs, true);
	return r < 0 ? mount_explain_flags(sb, op, -r) : 0;
}

int dev_attach_pts(struct sandbox *sb, const struct op *op)
{
	static const char *const options[] = { "newinstance", NULL,  "ptmxmode", "0666",
					       "mode",	      "620", NULL };
	CLEANUP(fd_closep)
	int tree = mount_new("devpts", options,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | (unsigned)op->attrs);

	if (tree < 0)
		return fail(sb->fail, -tree, "Can't mount devpts on %s", op->dest);
	return mount_attach_tree(sb, op, DEST_DIR, tree);
}
