/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the directory around a name that is to be hidden, and what bears the name there. */
#include "place.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "dest.h"
#include "fail.h"
#include "sandbox.h"
#include "util.h"

/* Splits a path without slashes at its end: the directory to DIR, the rest to NAME. */
static int split(const char *path, size_t length, char dir[static PATH_MAX],
		 char name[static NAME_MAX + 1])
{
	size_t start = length;

	while (start > 0 && path[start - 1] != '/')
		start--;
	if (length - start > NAME_MAX || start >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(name, path + start, length - start);
	name[length - start] = '\0';
	memcpy(dir, path, start);
	strcpy(dir + start, start > 0 ? "" : "/");
	return 0;
}

/* True when NAME, of LENGTH bytes, is a whole component of PATH. */
static bool has_component(const char *path, const char *name, size_t length)
{
	const char *at;

	for (at = strstr(path, name); at; at = strstr(at + 1, name))
		if ((at == path || at[-1] == '/') && (at[length] == '/' || at[length] == '\0'))
			return true;
	return false;
}

/* True when links such as /proc/self in OP's destination have led to our own directory in a proc,
 * at INSIDE: every process is led to another one, proc(5), and ours is gone before the command
 * looks. */
static bool is_ours(struct sandbox *sb, const struct op *op, int target, const char *inside)
{
	char pid[24], seen[24]; /* as we know it, and as the caller's /proc does */
	struct statfs fs;
	ssize_t n;

	if (fstatfs(target, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return false;
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	n = readlinkat(sb->proc_fd, "self", seen, sizeof seen - 1);
	seen[n > 0 ? n : 0] = '\0';
	return (has_component(inside, pid, strlen(pid)) &&
		!has_component(op->dest, pid, strlen(pid))) ||
	       (n > 0 && has_component(inside, seen, (size_t)n) &&
		!has_component(op->dest, seen, (size_t)n));
}

/* Finds the target itself: links in the operand have led to it, so that its own directory is the
 * one that holds it. */
static int find_existing(struct sandbox *sb, const struct op *op, struct place *at)
{
	char full[PATH_MAX], dir[PATH_MAX];
	const char *inside;
	struct stat want, have = { 0 };
	int r = dest_path(sb, at->target, full, &inside);

	if (r == 0 && streq(inside, "/"))
		return fail(sb->fail, 0, "%s %s: the root cannot be hidden", op->option, op->dest);
	if (r == 0 && is_ours(sb, op, at->target, inside))
		return fail_hint(
			sb->fail,
			fail(sb->fail, 0,
			     "%s %s: it is another file for every process, and this is "
			     "husk's own",
			     op->option, op->dest),
			"no mount can hide what each process has of its own in /proc: leave /proc "
			"out, or hide it as a whole");
	if (r == 0)
		r = split(inside, strlen(inside), dir, at->name);
	if (r == 0)
		r = at->parent = dest_open(sb, dir, O_PATH | O_DIRECTORY);
	if (r < 0)
		return fail(sb->fail, -r, "%s %s: its directory", op->option, op->dest);
	/* the kernel's path of what was renamed or removed meanwhile leads elsewhere */
	if (fstat(at->target, &want) < 0 ||
	    (fstatat(at->parent, at->name, &have, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT))
		return fail(sb->fail, errno, "%s %s", op->option, op->dest);
	if (want.st_dev != have.st_dev || want.st_ino != have.st_ino)
		return fail(sb->fail, 0, "%s %s: it was moved, replaced or removed meanwhile",
			    op->option, op->dest);
	return 0;
}

static int find_missing(struct sandbox *sb, const struct op *op, struct place *at)
{
	size_t length = strlen(op->dest);
	char dir[PATH_MAX];
	struct stat st;
	int r;

	while (length > 0 && op->dest[length - 1] == '/')
		length--;
	r = split(op->dest, length, dir, at->name);
	if (r == 0)
		r = at->parent = dest_open(sb, dir, O_PATH | O_DIRECTORY);
	if (r < 0)
		return fail_hint(sb->fail,
				 fail(sb->fail, -r, "%s %s: its directory", op->option, op->dest),
				 "a name can be hidden before it exists, its directory cannot");
	if (fstatat(at->parent, at->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return fail_hint(sb->fail,
				 fail(sb->fail, 0,
				      "%s %s: it is a symbolic link that leads nowhere", op->option,
				      op->dest),
				 "name what it is to lead to");
	return 0;
}

int place_find(struct sandbox *sb, const struct op *op, struct place *at)
{
	int r;

	at->parent = NO_FD;
	at->inside = "/";
	at->target = dest_open(sb, op->dest, O_PATH);
	if (at->target < 0 && at->target != -ENOENT)
		return fail(sb->fail, -at->target, "%s %s", op->option, op->dest);
	r = at->target >= 0 ? find_existing(sb, op, at) : find_missing(sb, op, at);
	if (r < 0)
		return r;
	r = dest_path(sb, at->parent, at->full, &at->inside);
	return r < 0 ? fail(sb->fail, -r, "%s %s: its directory", op->option, op->dest) : 0;
}

int place_is_firm(struct sandbox *sb, const struct op *op, const struct place *at)
{
	struct statfs fs;

	if (fstatfs(at->parent, &fs) < 0)
		return fail(sb->fail, errno, "%s %s: its directory", op->option, op->dest);
	if (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC)
		return 1;
	return dest_is_own(sb, op, at->parent);
}

void place_close(struct place *at)
{
	at->target = fd_close(at->target);
	at->parent = fd_close(at->parent);
}
