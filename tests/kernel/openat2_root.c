/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* openat2 resolves a path as if its directory were the root, on which mount.c relies so that no
 * destination in the sandbox can lead to the host. */

#include "kernel.h"

enum {
	DOTDOT, DEEP_DOTDOT, ABSOLUTE, ABSOLUTE_LINK, DOTDOT_LINK, RELATIVE_LINK, MISSING,
	PLAIN_LINK,
	BENEATH_DOTDOT, BENEATH_ABSOLUTE, MAGIC_PLAIN, MAGIC_IN_ROOT, MAGIC_DENIED, MAGIC_INNER,
	NO_SYMLINKS,
	NO_SYMLINKS_LAST, NO_SYMLINKS_NONE, LAST_PATH,
	XDEV_MOUNT, XDEV_PLAIN, XDEV_PROC, XDEV_PROC_SELF, XDEV_PROC_MAGIC, XDEV_IN_ROOT,
	STORM_OTHER, STORM_LEFT, STORM_EAGAIN, STORM_FORWARD,
	MAX
};

#define LOOKUPS 20000

static int *res;
static int root;

/* 0 if @path, resolved in the root, is the same file as @want; EXDEV if another; or the errno. */
static int leads_to(const char *path, uint64_t resolve, const char *want)
{
	int fd = (int)sys_openat2(root, path, O_PATH, resolve);
	struct stat a, b;

	if (fd < 0)
		return errno;
	if (fstat(fd, &a) < 0 || stat(want, &b) < 0) {
		close(fd);
		return NOT_REACHED;
	}
	close(fd);
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? 0 : EXDEV;
}

static int opens(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	return err_close(sys_openat2(dirfd, path, flags, resolve));
}

static void in_root(void)
{
	char magic[64];
	int here;

	res[DOTDOT] = leads_to("..", RESOLVE_IN_ROOT, "/tmp/root");
	res[DEEP_DOTDOT] = leads_to("dir/../../../../dir", RESOLVE_IN_ROOT, "/tmp/root/dir");
	res[ABSOLUTE] = leads_to("/dir", RESOLVE_IN_ROOT, "/tmp/root/dir");
	res[ABSOLUTE_LINK] = leads_to("absolute", RESOLVE_IN_ROOT, "/tmp/root/dir");
	res[DOTDOT_LINK] = leads_to("dir/up/dir", RESOLVE_IN_ROOT, "/tmp/root/dir");
	res[RELATIVE_LINK] = leads_to("relative", RESOLVE_IN_ROOT, "/tmp/root/dir");
	res[MISSING] = leads_to("outside", RESOLVE_IN_ROOT, "/tmp/outside");
	res[PLAIN_LINK] = leads_to("outside", 0, "/tmp/outside");
	res[BENEATH_DOTDOT] = leads_to("..", RESOLVE_BENEATH, "/tmp");
	res[BENEATH_ABSOLUTE] = leads_to("absolute", RESOLVE_BENEATH, "/tmp/root/dir");

	here = open("/tmp/outside", O_PATH | O_CLOEXEC);
	snprintf(magic, sizeof(magic), "proc/self/fd/%d", here);
	res[MAGIC_PLAIN] = leads_to(magic, 0, "/tmp/outside");
	res[MAGIC_IN_ROOT] = leads_to(magic, RESOLVE_IN_ROOT, "/tmp/outside");
	res[MAGIC_DENIED] = leads_to(magic, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
				     "/tmp/outside");
	strcat(magic, "/below");
	res[MAGIC_INNER] = leads_to(magic, RESOLVE_NO_MAGICLINKS, "/tmp/outside/below");
	close(here);

	res[NO_SYMLINKS] = leads_to("relative/sub", RESOLVE_NO_SYMLINKS, "/tmp/root/dir/sub");
	res[NO_SYMLINKS_LAST] = leads_to("relative", RESOLVE_NO_SYMLINKS, "/tmp/root/dir");
	res[NO_SYMLINKS_NONE] = leads_to("dir/sub", RESOLVE_NO_SYMLINKS, "/tmp/root/dir/sub");
	/* The link itself, to mount over it. */
	res[LAST_PATH] = opens(root, "relative", O_PATH | O_NOFOLLOW, RESOLVE_IN_ROOT);
}

static void no_xdev(void)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	res[XDEV_PLAIN] = opens(root, "dir", O_PATH, RESOLVE_NO_XDEV);
	res[XDEV_MOUNT] = opens(root, "proc", O_PATH, RESOLVE_NO_XDEV);
	res[XDEV_IN_ROOT] = opens(root, "proc", O_PATH, RESOLVE_NO_XDEV | RESOLVE_IN_ROOT);
	res[XDEV_PROC] = opens(proc, "uptime", O_RDONLY, RESOLVE_NO_XDEV);
	res[XDEV_PROC_SELF] = opens(proc, "self/status", O_RDONLY, RESOLVE_NO_XDEV);
	res[XDEV_PROC_MAGIC] = opens(proc, "self/root", O_PATH, RESOLVE_NO_XDEV);
}

/* Lookups of @path while a child renames; returns how many were EAGAIN, notes any other failure. */
static int storm(const char *path)
{
	pid_t pid = fork();
	int again = 0;

	if (pid == 0) {
		mortal();
		for (;;) {
			rename("/tmp/from", "/tmp/to");
			rename("/tmp/to", "/tmp/from");
		}
	}
	for (int i = 0; i < LOOKUPS; i++) {
		int e = opens(root, path, O_PATH, RESOLVE_IN_ROOT), tries = 0;

		while (e == EAGAIN && tries++ < 1000) {
			again++;
			e = opens(root, path, O_PATH, RESOLVE_IN_ROOT);
		}
		if (e == EAGAIN)
			res[STORM_LEFT]++;
		else if (e != 0)
			res[STORM_OTHER] = e;
	}
	kill(pid, SIGKILL);
	reap(pid);
	return again;
}

static void builder(void)
{
	own_tmp();
	make_dirs("/tmp/outside", "/tmp/outside/below", "/tmp/root", "/tmp/root/dir",
		  "/tmp/root/dir/sub", "/tmp/root/proc", "/tmp/from", NULL);
	if (symlink("/dir", "/tmp/root/absolute") < 0 ||
	    symlink("dir", "/tmp/root/relative") < 0 ||
	    symlink("../../../..", "/tmp/root/dir/up") < 0 ||
	    symlink("/tmp/outside", "/tmp/root/outside") < 0 ||
	    sys_mount("/proc", "/tmp/root/proc", NULL, MS_BIND | MS_REC, NULL) < 0)
		return;
	root = open("/tmp/root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	in_root();
	no_xdev();
	res[STORM_OTHER] = res[STORM_LEFT] = 0;
	res[STORM_EAGAIN] = storm("dir/../dir/..");
	res[STORM_FORWARD] = storm("/dir/sub");
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder);

	expect(res[DOTDOT], 0, "IN_ROOT: .. of the root is the root");
	expect(res[DEEP_DOTDOT], 0, "IN_ROOT: many .. end at the root");
	expect(res[ABSOLUTE], 0, "IN_ROOT: an absolute path begins at the root");
	expect(res[ABSOLUTE_LINK], 0, "IN_ROOT: an absolute link begins at the root");
	expect(res[DOTDOT_LINK], 0, "IN_ROOT: a link of .. ends at the root");
	expect(res[RELATIVE_LINK], 0, "IN_ROOT: a relative link is followed");
	expect(res[MISSING], ENOENT, "IN_ROOT: a link to a path that only the host has");
	expect(res[PLAIN_LINK], 0, "contrast: without IN_ROOT that link leads to the host");
	expect(res[BENEATH_DOTDOT], EXDEV, "BENEATH: .. of the root");
	expect(res[BENEATH_ABSOLUTE], EXDEV, "BENEATH: an absolute link");

	expect(res[MAGIC_PLAIN], 0, "contrast: a magic link leads out of the root");
	expect(res[MAGIC_IN_ROOT], EXDEV, "IN_ROOT: a magic link");
	expect(res[MAGIC_DENIED], ELOOP, "IN_ROOT|NO_MAGICLINKS: a magic link");
	expect(res[MAGIC_INNER], ELOOP, "NO_MAGICLINKS: a magic link on the way");
	expect(res[NO_SYMLINKS], ELOOP, "NO_SYMLINKS: a link on the way");
	expect(res[NO_SYMLINKS_LAST], ELOOP, "NO_SYMLINKS: a link at the end");
	expect(res[NO_SYMLINKS_NONE], 0, "NO_SYMLINKS: a path without links");
	expect(res[LAST_PATH], 0, "IN_ROOT: O_PATH|O_NOFOLLOW opens the last link itself");

	expect(res[XDEV_PLAIN], 0, "NO_XDEV: a path in one mount");
	expect(res[XDEV_MOUNT], EXDEV, "NO_XDEV: a mount point");
	expect(res[XDEV_IN_ROOT], EXDEV, "NO_XDEV|IN_ROOT: a mount point");
	expect(res[XDEV_PROC], 0, "NO_XDEV: a file of proc from proc's own fd");
	expect(res[XDEV_PROC_SELF], 0, "NO_XDEV: self/status from proc's own fd");
	expect(res[XDEV_PROC_MAGIC], EXDEV, "NO_XDEV: a magic link of proc");

	note("%d of %d lookups with .. gave EAGAIN", res[STORM_EAGAIN], LOOKUPS);
	expect(res[STORM_OTHER], 0, "IN_ROOT amid renames: no lookup fails but with EAGAIN");
	expect(res[STORM_LEFT], 0, "IN_ROOT amid renames: every EAGAIN ends when tried again");
	expect(res[STORM_FORWARD], 0, "IN_ROOT amid renames: a path without .. never gives EAGAIN");
	return done();
}
