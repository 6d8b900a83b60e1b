/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hides a name holds against a rename in another mount namespace, on which mask.c relies: a
 * whiteout does, a mount on the target does not; what can be mounted on a symbolic link; and that
 * root inside cannot open a whiteout. */

#include "kernel.h"

#include <sys/sysmacros.h>

enum {
	WHITEOUT,
	OVERLAY,
	HIDDEN,
	SIBLING,
	RENAMED_HIDDEN,
	LATER_HIDDEN,
	COVER,
	COVERED,
	UNCOVERED,
	FILE_ON_LINK,
	LINK_SHOWS,
	DIR_ON_LINK,
	NODE_READ,
	NODE_WRITTEN,
	NODE_BOUND,
	NODE_READ_THERE,
	MAX
};

static int *res;

static void make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		_exit(93);
	close(fd);
}

static int size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -errno : (int)st.st_size;
}

/* The sandbox: its mounts are its own, its files those of the host. */
static void inside(int ready, int renamed)
{
	if (syscall(SYS_unshare, CLONE_NEWNS) < 0)
		_exit(92);
	res[OVERLAY] = err(
		sys_mount("none", "/tmp/d", "overlay", MS_RDONLY, "lowerdir=/tmp/white:/tmp/d"));
	res[HIDDEN] = err(open("/tmp/d/name", O_RDONLY | O_CLOEXEC));
	res[SIBLING] = size_of("/tmp/d/other");
	res[COVER] = err(sys_mount("/tmp/empty", "/tmp/c/name", NULL, MS_BIND, NULL));
	res[COVERED] = size_of("/tmp/c/name");
	gate_open(ready);
	gate_pass(renamed);
	res[RENAMED_HIDDEN] = err(open("/tmp/d/name", O_RDONLY | O_CLOEXEC));
	res[LATER_HIDDEN] = err(open("/tmp/d/later", O_RDONLY | O_CLOEXEC));
	res[UNCOVERED] = size_of("/tmp/c/name");
}

static void links(void)
{
	int file = (int)sys_open_tree(AT_FDCWD, "/tmp/new", OPEN_TREE_CLONE);
	int dir = (int)sys_open_tree(AT_FDCWD, "/tmp/white", OPEN_TREE_CLONE);
	int link;

	if (symlink("empty", "/tmp/link") < 0)
		_exit(91);
	link = open("/tmp/link", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	res[DIR_ON_LINK] = err(sys_move_mount(dir, "", link, ""));
	res[FILE_ON_LINK] = err(sys_move_mount(file, "", link, ""));
	res[LINK_SHOWS] = size_of("/tmp/link");
}

/* As root of the namespace, with every capability in it. */
static void node(void)
{
	make_file("/tmp/covered", "secret");
	res[NODE_READ] = err(open("/tmp/white/name", O_RDONLY | O_CLOEXEC));
	res[NODE_WRITTEN] = err(open("/tmp/white/name", O_WRONLY | O_CLOEXEC));
	res[NODE_BOUND] = err(sys_mount("/tmp/white/name", "/tmp/covered", NULL, MS_BIND, NULL));
	res[NODE_READ_THERE] = err(open("/tmp/covered", O_RDONLY | O_CLOEXEC));
}

static void host(void)
{
	int ready = gate(), renamed = gate();
	pid_t pid;

	own_tmp();
	make_dirs("/tmp/white", "/tmp/d", "/tmp/c", NULL);
	make_file("/tmp/d/name", "old");
	make_file("/tmp/d/other", "other");
	make_file("/tmp/c/name", "old");
	make_file("/tmp/empty", "");
	make_file("/tmp/new", "newer");
	make_file("/tmp/newest", "newest");
	res[WHITEOUT] = err(mknod("/tmp/white/name", S_IFCHR, makedev(0, 0)));
	if (mknod("/tmp/white/later", S_IFCHR, makedev(0, 0)) < 0)
		_exit(90);
	pid = fork();
	if (pid == 0) {
		mortal();
		inside(ready, renamed);
		_exit(0);
	}
	gate_pass(ready);
	make_file("/tmp/d/later", "later");
	if (rename("/tmp/newest", "/tmp/d/name") < 0 || link("/tmp/new", "/tmp/new2") < 0 ||
	    rename("/tmp/new2", "/tmp/c/name") < 0)
		_exit(89);
	gate_open(renamed);
	reap(pid);
	links();
	node();
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, host);

	expect(res[WHITEOUT], 0, "an ordinary user makes a whiteout");
	expect(res[OVERLAY], 0, "a directory is covered by an overlay of itself");
	expect(res[HIDDEN], ENOENT, "whose whiteout hides a name");
	expect(res[SIBLING], 5, "and nothing else");
	expect(res[RENAMED_HIDDEN], ENOENT, "also when another file is renamed over it outside");
	expect(res[LATER_HIDDEN], ENOENT, "also when it is made only then");
	expect(res[COVER], 0, "a file is covered by a bind");
	expect(res[COVERED], 0, "and shows the cover");
	expect(res[UNCOVERED], 5, "until another is renamed over it outside");
	expect(res[FILE_ON_LINK], 0, "a file is mounted on a symbolic link itself");
	expect(res[LINK_SHOWS], 5, "and shows instead of it");
	expect(res[DIR_ON_LINK], EINVAL, "a directory is not");
	expect(res[NODE_READ], EACCES, "root inside cannot open a whiteout for reading");
	expect(res[NODE_WRITTEN], EACCES, "nor for writing");
	expect(res[NODE_BOUND], 0, "it is bound on a file");
	expect(res[NODE_READ_THERE], EACCES, "which cannot be opened then");
	return done();
}
