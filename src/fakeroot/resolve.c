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
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "../util.h"

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200 /* Linux 6.5 */
#endif

#define TASKS	     64u
#define FILE_SYSTEMS 32u
#define LOOK	     (STATX_BASIC_STATS | STATX_BTIME)

/* A handle with the room that the kernel's has behind it. */
union handle {
	struct file_handle head;
	uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

struct task {
	pid_t tid;
	int fd; /* its directory in /proc */
};

/* A directory that is somebody's root. */
struct root {
	uint32_t major, minor;
	uint64_t ino, mount;
};

struct tasks {
	struct task known[TASKS]; /* by tid */
	struct root root; /* ours */
	struct {
		uint64_t dev, fs;
	} file_systems[FILE_SYSTEMS];
	size_t n_file_systems;
};

struct tasks *tasks_new(void)
{
	struct tasks *tasks = calloc(1, sizeof *tasks);
	size_t i;

	for (i = 0; tasks && i < TASKS; i++)
		tasks->known[i] = (struct task){ .fd = NO_FD };
	return tasks;
}

void tasks_free(struct tasks *tasks)
{
	size_t i;

	for (i = 0; tasks && i < TASKS; i++)
		fd_close(tasks->known[i].fd);
	free(tasks);
}

/* Opens the caller's directory in /proc, or takes the one that is open, unless it is to be NEW. */
static int task_directory(const struct call *c, bool new)
{
	struct task *task = &c->world->tasks->known[(unsigned)c->tid % TASKS];
	char number[16];

	if (task->tid == c->tid && !new)
		return task->fd;
	snprintf(number, sizeof number, "%d", c->tid);
	fd_close(task->fd);
	task->fd = openat(c->world->proc_fd, number, O_PATH | O_DIRECTORY | O_CLOEXEC);
	task->tid = task->fd < 0 ? 0 : c->tid;
	return task->fd < 0 ? neg_errno() : task->fd;
}

/* Makes the caller's root ours, if it is not. A caller that is gone has none, so this tells as well
 * that its directory in /proc is not that of another one before. */
static int enter_root(const struct call *c)
{
	struct tasks *tasks = c->world->tasks;
	struct statx at;
	struct root root;
	int fd = task_directory(c, false), tries;

	for (tries = 0;; tries++) {
		if (fd >= 0 && sys_statx(fd, "root", 0, STATX_INO | STATX_MNT_ID, &at) == 0)
			break;
		if (tries > 0)
			return neg_errno();
		fd = task_directory(c, true);
	}
	root = (struct root){ at.stx_dev_major, at.stx_dev_minor, at.stx_ino, at.stx_mnt_id };
	if (memcmp(&root, &tasks->root, sizeof root) != 0) {
		CLEANUP(fd_closep)
		int to = openat(fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (to < 0 || fchdir(to) < 0 || chroot(".") < 0)
			return neg_errno();
		tasks->root = root;
	}
	return fd;
}

static int set_place(struct place *place, int base, int at, const char *path)
{
	place->again = NULL;
	place->base = base;
	place->at = at;
	place->path = path;
	return 0;
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

	ret->opened = NO_FD;
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
	task = enter_root(c);
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
	ret->opened = NO_FD;
	ret->at = 0;
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

/* The name of a file system: that which it keeps over a restart, where it has one. */
static uint64_t file_system(const struct call *c, const struct place *place,
			    const struct statx *stat)
{
	struct tasks *tasks = c->world->tasks;
	uint64_t dev = makedev(stat->stx_dev_major, stat->stx_dev_minor), fs = dev;
	struct statfs at;
	size_t i;
	int fd;

	for (i = 0; i < tasks->n_file_systems; i++)
		if (tasks->file_systems[i].dev == dev)
			return tasks->file_systems[i].fs;
	fd = openat(place->base, place->path,
		    O_PATH | O_CLOEXEC | (place->at & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
	if (fd >= 0 && fstatfs(fd, &at) == 0 && memcmp(&at.f_fsid, &(fsid_t){ 0 }, 8) != 0)
		memcpy(&fs, &at.f_fsid, sizeof fs);
	fd_close(fd);
	i = tasks->n_file_systems < FILE_SYSTEMS ? tasks->n_file_systems++ : dev % FILE_SYSTEMS;
	tasks->file_systems[i].dev = dev;
	tasks->file_systems[i].fs = fs;
	return fs;
}

bool place_known(const struct call *c, const struct place *place, const struct statx *stat)
{
	return store_any(c->world->store, file_system(c, place, stat), stat->stx_ino);
}

int place_key(const struct call *c, const struct place *place, const struct statx *stat,
	      struct key *ret)
{
	int follow = place->at & AT_SYMLINK_NOFOLLOW ? 0 : AT_SYMLINK_FOLLOW, mount, r;
	int at = follow | (place->at & AT_EMPTY_PATH);
	union handle handle = { .head.handle_bytes = MAX_HANDLE_SZ };

	*ret = (struct key){ .fs = file_system(c, place, stat), .ino = stat->stx_ino };
	r = name_to_handle_at(place->base, place->path, &handle.head, &mount, at);
	if (r < 0 && errno == EOPNOTSUPP) {
		handle.head.handle_bytes = MAX_HANDLE_SZ;
		r = name_to_handle_at(place->base, place->path, &handle.head, &mount,
				      at | AT_HANDLE_FID);
	}
	if (r == 0) {
		memcpy(ret->handle, &handle.head.handle_type, sizeof(int));
		memcpy(ret->handle + sizeof(int), handle.head.f_handle, handle.head.handle_bytes);
		ret->n = (uint16_t)(sizeof(int) + handle.head.handle_bytes);
		return 0;
	}
	if (errno != EOPNOTSUPP && errno != EINVAL && errno != EOVERFLOW)
		return neg_errno();
	memcpy(ret->handle, &stat->stx_btime.tv_sec, 8);
	memcpy(ret->handle + 8, &stat->stx_btime.tv_nsec, 4);
	ret->n = stat->stx_mask & STATX_BTIME ? 12 : 0;
	return 0;
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

int task_status(const struct call *c, struct task_status *ret)
{
	CLEANUP(fd_closep) int fd = NO_FD;
	int task = task_directory(c, true);
	char text[4096], *line;
	struct stat userns;
	ssize_t n;

	if (task < 0)
		return task;
	if (fstatat(task, "ns/user", &userns, 0) < 0)
		return neg_errno();
	if (userns.st_ino != c->world->userns)
		return -EXDEV;
	fd = openat(task, "status", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n < 0)
		return neg_errno();
	text[n] = '\0';
	line = strstr(text, "\nUmask:");
	ret->umask = line ? (mode_t)strtoul(line + 7, NULL, 8) : 0077;
	line = strstr(text, "\nCapEff:");
	ret->effective = line ? strtoull(line + 8, NULL, 16) : 0;
	return 0;
}
