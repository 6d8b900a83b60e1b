/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds files as the callers find them: with their roots, directories and descriptors.
 *
 * The supervisor is in the sandbox's mount namespace and user namespace, so that every walk along a
 * path is one that the sandbox could do itself. Its root is made that of the caller: then .. and
 * absolute symlinks end where they do for the caller. Working directory and descriptors are reached
 * by the caller's directory in /proc, which is held open: of a process that is gone the kernel
 * finds nothing there, not what has its number now. */
#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "../util.h"
#include "tasks.h"

#define LOOK (STATX_BASIC_STATS | STATX_BTIME)

static int set_place(struct place *place, int base, int at, const char *path)
{
	place->again = NULL;
	place->base = base;
	place->at = at;
	place->path = path;
	return 0;
}

/* A place that is nowhere yet, and can be closed. */
static void no_place(struct place *ret)
{
	ret->opened = NO_FD;
	set_place(ret, NO_FD, 0, "");
}

/* The caller's own descriptors by the names that they have in its /proc, where "self" is nobody to
 * the supervisor: rewrites such a path to one below the caller's directory. */
static const char *own_descriptor(const char *path)
{
	static const char *const names[] = { "/proc/self/fd/", "/proc/thread-self/fd/",
					     "/dev/fd/" };
	size_t i, length;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		length = strlen(names[i]);
		if (strncmp(path, names[i], length) == 0 && path[length] >= '0' &&
		    path[length] <= '9')
			return path + length;
	}
	return NULL;
}

/* The place of descriptor FD of the caller, with PATH below it. */
static int place_below(struct place *place, int task, int fd, const char *path, size_t length)
{
	char name[24];

	if (fd == AT_FDCWD)
		strcpy(name, "cwd");
	else if (fd >= 0)
		snprintf(name, sizeof name, "fd/%d", fd);
	else
		return -EBADF;
	/* where it is too long with its beginning it is taken in two */
	if (strlen(name) + 1 + length >= PATH_MAX) {
		place->opened = openat(task, name, O_PATH | O_CLOEXEC);
		return place->opened < 0 ? neg_errno()
					 : set_place(place, place->opened, place->at, path);
	}
	if (length == 0) {
		strcpy(place->text, name);
		return set_place(place, task, place->at & ~AT_SYMLINK_NOFOLLOW, place->text);
	}
	memmove(place->text + strlen(name) + 1, path, length + 1);
	memcpy(place->text, name, strlen(name));
	place->text[strlen(name)] = '/';
	return set_place(place, task, place->at, place->text);
}

int resolve_at(const struct call *c, int dirfd, uint64_t address, int at, struct place *ret)
{
	const char *own;
	ssize_t length;
	int task;

	no_place(ret);
	ret->at = at & (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
	length = address == 0 && (at & AT_EMPTY_PATH)
			 ? 0
			 : call_read_string(c, address, ret->text, PATH_MAX);
	if (length < 0)
		return (int)length;
	if (length == 0) {
		ret->text[0] = '\0';
		if (!(at & AT_EMPTY_PATH))
			return -ENOENT;
	}
	task = task_enter_root(c);
	if (task < 0)
		return task;
	if (ret->text[0] != '/')
		return place_below(ret, task, dirfd, ret->text, (size_t)length);
	own = own_descriptor(ret->text);
	if (own && !(at & AT_SYMLINK_NOFOLLOW)) {
		char rest[PATH_MAX];

		strcpy(rest, own);
		strcpy(ret->text, "fd/");
		strcpy(ret->text + 3, rest);
		return set_place(ret, task, ret->at, ret->text);
	}
	return set_place(ret, AT_FDCWD, ret->at, ret->text);
}

int resolve_place(const struct call *c, struct place *ret)
{
	const struct call_row *row = c->row;
	int at = row->at | (row->flags >= 0 ? (int)c->args[row->flags] : 0);
	int dirfd = row->dirfd >= 0 ? (int)c->args[row->dirfd] : AT_FDCWD, task, r;

	if (row->fd < 0)
		return resolve_at(c, dirfd, c->args[row->path], at, ret);
	no_place(ret);
	if ((int)c->args[row->fd] < 0)
		return -EBADF;
	task = task_directory(c, false);
	if (task < 0)
		return task;
	r = place_below(ret, task, (int)c->args[row->fd], "", 0);
	ret->again = c;
	return r;
}

void place_close(struct place *place)
{
	place->opened = fd_close(place->opened);
}

int place_stat(struct place *place, struct statx *ret)
{
	if (sys_statx(place->base, place->path, place->at | AT_NO_AUTOMOUNT, LOOK, ret) == 0)
		return 0;
	/* the directory in /proc may be that of one before */
	if (place->again) {
		place->base = task_directory(place->again, true);
		place->again = NULL;
		return place_stat(place, ret);
	}
	return neg_errno();
}

/* The place that an open file is. */
static struct place *place_of_fd(struct place *place, int fd)
{
	place->opened = NO_FD;
	set_place(place, fd, AT_EMPTY_PATH, "");
	return place;
}

int file_key(const struct call *c, struct file *file)
{
	struct place place;
	int r = place_stat(place_of_fd(&place, file->fd), &file->stat);

	return r < 0 ? r : place_key(c, &place, &file->stat, &file->key);
}

/* Splits the path of PLACE, which begins in the caller's directory in /proc, behind the one magic
 * link that is the caller's own. Returns what that leads to, an open descriptor, or -errno. */
static int open_base(const struct place *place, const char **path)
{
	const char *text = *path, *rest = text + (text[0] == 'f' ? 3 : 0);
	size_t length = (size_t)(strchrnul(rest, '/') - text);
	char name[24];
	int fd;

	if (length >= sizeof name)
		return -EBADF;
	memcpy(name, text, length);
	name[length] = '\0';
	fd = openat(place->base, name, O_PATH | O_CLOEXEC);
	*path = text + length + (text[length] == '/');
	return fd < 0 ? neg_errno() : fd;
}

static int open_part(const struct place *place, const char *path, int flags)
{
	CLEANUP(fd_closep) int base = NO_FD;
	int from = place->base, fd;

	if (place->opened < 0 && from != AT_FDCWD) {
		base = open_base(place, &path);
		if (base < 0)
			return base;
		if (*path == '\0')
			return TAKE_FD(base);
		from = base;
	}
	fd = sys_openat2(from, path, (uint64_t)flags | O_PATH | O_CLOEXEC, RESOLVE_NO_MAGICLINKS);
	return fd < 0 ? neg_errno() : fd;
}

int place_open(const struct place *place)
{
	return open_part(place, place->path, place->at & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
}

int place_open_parent(struct place *place, const char **ret_name)
{
	char *name = strrchr(place->path, '/');

	/* what begins with a magic link is never without a slash */
	if (!name)
		return -ENOENT;
	*name++ = '\0';
	*ret_name = name;
	if (*name == '\0' || streq(name, ".") || streq(name, ".."))
		return -ENOENT;
	return open_part(place, place->path[0] ? place->path : "/", O_DIRECTORY);
}

int resolve_file(const struct call *c, struct file *ret)
{
	struct place place;
	int r = resolve_place(c, &place);

	ret->fd = r < 0 ? r : place_open(&place);
	place_close(&place);
	r = ret->fd < 0 ? ret->fd : file_key(c, ret);
	if (r < 0)
		file_close(ret);
	return r;
}

void file_close(struct file *file)
{
	file->fd = fd_close(file->fd);
}
