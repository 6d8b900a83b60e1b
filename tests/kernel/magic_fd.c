/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file inherited from another mount namespace cannot be cloned through its fd, but through its
 * path again, on which mount.c relies for --bind-fd and /proc/self/fd sources. */

#include "kernel.h"

enum {
	BY_LINK, BY_FD, BY_BIND, BY_LINK_REC, BY_LINK_FILE, READLINK, REOPEN, SAME, CLONE, ATTACH,
	OWN_LINK,
	DELETED, DELETED_LINK, COVERED, COVERED_SAME,
	MAX
};

static int *res;
static int dir_fd, file_fd, gone_fd, covered_fd;

static int same(int a, int b)
{
	struct stat x, y;

	if (fstat(a, &x) < 0 || fstat(b, &y) < 0)
		return NOT_REACHED;
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino ? 0 : EXDEV;
}

/* /proc/self/fd/N of @fd. */
static const char *magic(int fd)
{
	static char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

/* Reads the link text of @fd and opens that path here; an fd, or -1. */
static int reopen(int fd, char text[256])
{
	ssize_t len = readlink(magic(fd), text, 255);

	if (len < 0)
		return -1;
	text[len] = '\0';
	return open(text, O_PATH | O_CLOEXEC);
}

static void builder(void)
{
	char text[256] = "";
	int fd, tree;

	res[BY_LINK] = err_close(sys_open_tree(AT_FDCWD, magic(dir_fd), OPEN_TREE_CLONE));
	res[BY_LINK_REC] = err_close(sys_open_tree(AT_FDCWD, magic(dir_fd),
						   OPEN_TREE_CLONE | AT_RECURSIVE));
	res[BY_LINK_FILE] = err_close(sys_open_tree(AT_FDCWD, magic(file_fd), OPEN_TREE_CLONE));
	res[BY_FD] = err_close(sys_open_tree(dir_fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH));
	res[BY_BIND] = err(sys_mount(magic(dir_fd), "/tmp/dst", NULL, MS_BIND, NULL));

	fd = reopen(dir_fd, text);
	res[READLINK] = strcmp(text, "/tmp/src") == 0 ? 0 : EINVAL;
	res[REOPEN] = err(fd);
	res[SAME] = same(fd, dir_fd);
	res[OWN_LINK] = err_close(sys_open_tree(AT_FDCWD, magic(fd), OPEN_TREE_CLONE));
	tree = (int)sys_open_tree(fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	res[CLONE] = err(tree);
	res[ATTACH] = err(sys_move_mount(tree, "", AT_FDCWD, "/tmp/dst")) ?:
		      err(access("/tmp/dst/file", F_OK));

	res[DELETED] = err(reopen(gone_fd, text));
	res[DELETED_LINK] = strcmp(text, "/tmp/gone (deleted)") == 0 ? 0 : EINVAL;
	fd = reopen(covered_fd, text);
	res[COVERED] = err(fd);
	res[COVERED_SAME] = same(fd, covered_fd);
}

/* Stands for the caller, in another mount namespace than the builder. */
static void caller(void)
{
	own_tmp();
	make_dirs("/tmp/src", "/tmp/dst", "/tmp/gone", "/tmp/covered", NULL);
	dir_fd = open("/tmp/src", O_PATH | O_CLOEXEC);
	file_fd = open("/tmp/src/file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	gone_fd = open("/tmp/gone", O_PATH | O_CLOEXEC);
	covered_fd = open("/tmp/covered", O_PATH | O_CLOEXEC);
	if (dir_fd < 0 || file_fd < 0 || gone_fd < 0 || covered_fd < 0 || rmdir("/tmp/gone") < 0 ||
	    sys_mount("c", "/tmp/covered", "tmpfs", 0, NULL) < 0)
		return;
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder);
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, caller);

	expect(res[BY_LINK], EINVAL, "open_tree(CLONE) of /proc/self/fd/N, an inherited directory");
	expect(res[BY_LINK_REC], EINVAL, "the same with AT_RECURSIVE");
	expect(res[BY_LINK_FILE], EINVAL, "open_tree(CLONE) of /proc/self/fd/N, an inherited file");
	expect(res[BY_FD], EINVAL, "open_tree(CLONE|EMPTY_PATH) of the inherited fd");
	expect(res[BY_BIND], EINVAL, "mount(MS_BIND) of /proc/self/fd/N");

	expect(res[READLINK], 0, "the link's text is its path");
	expect(res[REOPEN], 0, "that path can be opened here");
	expect(res[SAME], 0, "device and inode are the inherited fd's");
	expect(res[OWN_LINK], 0, "open_tree(CLONE) of /proc/self/fd/N of an fd opened here");
	expect(res[CLONE], 0, "open_tree(CLONE|EMPTY_PATH) of an fd opened here");
	expect(res[ATTACH], 0, "the clone is attached and holds the directory's files");

	expect(res[DELETED_LINK], 0, "a removed directory's link text ends in (deleted)");
	expect(res[DELETED], ENOENT, "and leads nowhere");
	expect(res[COVERED], 0, "a covered directory's link text can be opened");
	expect(res[COVERED_SAME], EXDEV, "but is another inode: the comparison is needed");
	return done();
}
