/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Creates directories, links and files in the new root. */
#include "create.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "dest.h"
#include "fail.h"
#include "harbour.h"
#include "mount.h"
#include "personality.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"
#include "wait.h"

/* Copies all that FROM holds to TO. Returns 0, or -errno; that of waiting is recorded. */
static int copy_all(struct sandbox *sb, int from, int to)
{
	char buf[16384];
	ssize_t n, done, w;
	int r;

	for (;;) {
		r = wait_readable(sb, from);
		if (r < 0)
			return r;
		n = read(from, buf, sizeof buf);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return neg_errno();
		for (done = 0; done < n; done += w) {
			w = write(to, buf + done, (size_t)(n - done));
			if (w < 0 && errno == EINTR)
				w = 0;
			else if (w < 0)
				return neg_errno();
		}
	}
}

/* Copies the data of OP's descriptor; one that several operations name is rewound for the next of
 * them. */
static int copy_data(struct sandbox *sb, const struct op *op, int to)
{
	off_t start = 0;
	int r;

	if (op->fd_shared) {
		start = lseek(op->fd, 0, SEEK_CUR);
		if (start < 0 && errno == ESPIPE)
			return fail(sb->fail, 0,
				    "%s %d %s: the descriptor is named twice, and its data can be "
				    "read only once",
				    op->option, op->fd, op->dest);
	}
	r = copy_all(sb, op->fd, to);
	if (r < 0)
		return sb->plan->as->explains
			       ? fail(sb->fail, -r, "Can't copy descriptor %d to file %s", op->fd,
				      op->dest)
			       : fail(sb->fail, -r, "Can't write data to file %s", op->dest);
	if (op->fd_shared && lseek(op->fd, start, SEEK_SET) < 0)
		return fail(sb->fail, errno, "Can't write data to file %s", op->dest);
	return 0;
}

int create_dir(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int parent = NO_FD, fd = NO_FD;
	struct stat st;
	char name[256];
	int r;

	fd = dest_open(sb, op->dest, O_PATH);
	if (fd >= 0 && fstat(fd, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0
					   : fail(sb->fail, ENOTDIR, "Can't mkdir %s", op->dest);
	parent = dest_parent(sb, op, name);
	if (parent < 0)
		return parent;
	r = dest_check_writable(sb, op, parent);
	if (r < 0)
		return r;
	if (mkdirat(parent, name, op->mode_set ? op->mode : 0755) < 0)
		return fail(sb->fail, errno, "Can't mkdir %s", op->dest);
	return 0;
}

#define FILE_FLAGS (O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* Opens OP's destination for writing, empty: EXISTING, or NAME made below PARENT. Both have been
 * looked at, so no path may lead elsewhere by now. Returns a descriptor or -errno. */
static int open_checked(const struct sandbox *sb, const struct op *op, int parent, const char *name,
			int existing)
{
	char link[32];
	int fd;

	snprintf(link, sizeof link, "self/fd/%d", existing);
	fd = existing >= 0 ? openat(sb->proc_fd, link, FILE_FLAGS | O_TRUNC)
			   : openat(parent, name, FILE_FLAGS | O_CREAT | O_EXCL,
				    op->mode_set ? op->mode : 0666);
	return fd < 0 ? neg_errno() : fd;
}

/* The same where a file may be made wherever the path leads, through a link too. */
static int open_anywhere(const struct sandbox *sb, const struct op *op)
{
	struct open_how how = {
		.flags = FILE_FLAGS | O_CREAT | O_TRUNC,
		.mode = op->mode_set ? op->mode : 0666,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do {
		fd = (int)syscall(SYS_openat2, sb->root_fd, op->dest, &how, sizeof how);
	} while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? neg_errno() : fd;
}

int create_file(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int parent = NO_FD, existing = NO_FD, fd = NO_FD;
	char name[256];
	int r;

	parent = dest_parent(sb, op, name);
	if (parent < 0)
		return parent;
	existing = dest_open(sb, op->dest, O_PATH);
	r = dest_check_writable(sb, op, existing >= 0 ? existing : parent);
	if (r < 0)
		return r;
	fd = sb->plan->as->creates_on_host ? open_anywhere(sb, op)
					   : open_checked(sb, op, parent, name, existing);
	if (fd == -EEXIST)
		return dest_fail_dangling(sb, op);
	if (fd < 0)
		return fail(sb->fail, -fd, "Can't create file %s", op->dest);
	return copy_data(sb, op, fd);
}

int create_symlink(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int parent = NO_FD;
	char name[256], target[PATH_MAX];
	ssize_t n;
	int r;

	parent = dest_parent(sb, op, name);
	if (parent < 0)
		return parent;
	n = readlinkat(parent, name, target, sizeof target - 1);
	if (n >= 0) {
		target[n] = '\0';
		if (streq(target, op->source))
			return 0;
	}
	r = dest_check_writable(sb, op, parent);
	if (r < 0)
		return r;
	if (symlinkat(op->source, parent, name) < 0)
		return fail(sb->fail, errno, "Can't make symlink at %s", op->dest);
	return 0;
}

int create_chmod(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int fd = dest_open(sb, op->dest, O_PATH);
	char link[32];
	int r;

	if (fd < 0)
		return fail(sb->fail, -fd, "Can't chmod %#o %s", (unsigned)op->mode, op->dest);
	r = dest_check_writable(sb, op, fd);
	if (r < 0)
		return r;
	/* an O_PATH descriptor is changed through its link in /proc */
	snprintf(link, sizeof link, "self/fd/%d", fd);
	if (fchmodat(sb->proc_fd, link, op->mode, 0) < 0)
		return fail(sb->fail, errno, "Can't chmod %#o %s", (unsigned)op->mode, op->dest);
	return 0;
}

static int make_scratch(struct sandbox *sb)
{
	CLEANUP(fd_closep) int tree = mount_new_tmpfs(sb, 0700, 0);
	int r = tree < 0 ? tree : harbour_attach(sb, tree, "scratch");

	if (r == 0)
		sb->scratch_fd = TAKE_FD(tree);
	return r;
}

int create_data_source(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int file = NO_FD, tree = NO_FD;
	char name[32];
	int r;

	r = sb->scratch_fd >= 0 ? 0 : make_scratch(sb);
	if (r < 0)
		return fail(sb->fail, -r, "Can't create tmpfile for %s", op->dest);
	/* the name stays: what is unlinked cannot be attached, and once the harbour is gone nobody
	 * reaches it by name */
	snprintf(name, sizeof name, "%zu", (size_t)(op - sb->plan->ops));
	file = openat(sb->scratch_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
		      op->mode_set ? op->mode : 0600);
	if (file < 0)
		return fail(sb->fail, errno, "Can't create tmpfile for %s", op->dest);
	r = copy_data(sb, op, file);
	if (r < 0)
		return r;
	tree = mount_clone(sb->scratch_fd, name);
	if (tree < 0)
		return fail(sb->fail, -tree, "Can't create tmpfile for %s", op->dest);
	r = mount_set(tree, op->attrs | (op->flags & OP_RO ? MOUNT_ATTR_RDONLY : 0), false);
	if (r < 0)
		return fail(sb->fail, -r, "Can't remount readonly on %s", op->dest);
	sb->fds[op->first_fd] = TAKE_FD(tree);
	return 0;
}
