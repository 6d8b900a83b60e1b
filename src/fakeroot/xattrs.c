/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Remembers the extended attributes that the kernel refuses root of a sandbox, and shows them.
 *
 * Which it refuses the name tells, xattr(7): those of trusted and of security, but for file
 * capabilities, which are real; and access control lists, where they name somebody who has no id in
 * the sandbox. All others are left to the kernel. */
#include "xattrs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "acl.h"
#include "ids.h"
#include "resolve.h"
#include "tasks.h"
#include "../util.h"

enum kind {
	KIND_REAL,
	KIND_PRETENDED,
	KIND_ACCESS,
	KIND_DEFAULT,
};

/* Of the calls whose names end in at, struct xattr_args of linux/xattr.h: Linux 6.13. */
struct value {
	uint64_t address;
	uint32_t size;
	uint32_t flags;
};

#define LAYOUT_AT 1

static bool begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static enum kind kind_of(const char *name)
{
	if (streq(name, XATTR_NAME_POSIX_ACL_ACCESS))
		return KIND_ACCESS;
	if (streq(name, XATTR_NAME_POSIX_ACL_DEFAULT))
		return KIND_DEFAULT;
	if (begins(name, XATTR_SECURITY_PREFIX) && !streq(name, XATTR_NAME_CAPS))
		return KIND_PRETENDED;
	return begins(name, XATTR_TRUSTED_PREFIX) ? KIND_PRETENDED : KIND_REAL;
}

/* Reads the name that argument N of the call is. What is wrong with one the kernel will say. */
static enum kind read_name(const struct call *c, int n, char name[static STORE_NAME_MAX + 1])
{
	if (call_read_string(c, c->args[n], name, STORE_NAME_MAX + 1) <= 0)
		return KIND_REAL;
	return kind_of(name);
}

/* Finds what the call says of a value. Returns false when the kernel would not take that. */
static bool read_operands(const struct call *c, int n, struct value *ret)
{
	if (c->row->layout == LAYOUT_AT)
		return c->args[n + 1] == sizeof *ret &&
		       call_read(c, c->args[n], ret, sizeof *ret) == 0;
	*ret = (struct value){ c->args[n], (uint32_t)c->args[n + 1], (uint32_t)c->args[n + 2] };
	return c->args[n + 1] <= UINT32_MAX;
}

/* The way to an open file that calls without a form for descriptors take, from /proc. */
static const char *way_to(const struct call *c, const struct file *file, char way[static 32])
{
	snprintf(way, 32, "self/fd/%d", file->fd);
	return fchdir(c->world->proc_fd) < 0 ? "" : way;
}

/* A change of nothing, for what comes with any change: it is refused on a read-only mount, and an
 * overlay makes the file one of its own, which may have another identity. */
static int touch(const struct call *c, struct file *file)
{
	struct statvfs mount;
	struct statfs type;
	char way[32];

	if (fstatvfs(file->fd, &mount) == 0 && (mount.f_flag & ST_RDONLY))
		return -EROFS;
	if (fstatfs(file->fd, &type) < 0 || type.f_type != OVERLAYFS_SUPER_MAGIC)
		return 0;
	/* chown(2) would drop the setuid bit; what it comes to is seen when the key is asked for */
	if ((S_ISLNK(file->stat.stx_mode)
		     ? fchownat(file->fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH)
		     : chmod(way_to(c, file, way), file->stat.stx_mode & 07777)) < 0 &&
	    errno == EROFS)
		return -EROFS;
	return file_key(c, file);
}

/* Whether the caller is root here, as those have to be whom such attributes are for. */
static bool is_root(const struct call *c)
{
	struct task_status status;

	return task_status(c, &status) == 0 &&
	       ids_of(c->world->ids, c->tid, NULL)->uid[IDS_EFFECTIVE] == 0;
}

static bool is_there(const struct call *c, const struct file *file, const char *name)
{
	const void *value;
	char way[32];

	return store_xattr(c->world->store, &file->key, name, &value) >= 0 ||
	       getxattr(way_to(c, file, way), name, NULL, 0) >= 0;
}

static long remember(const struct call *c, struct file *file, const char *name, const void *value,
		     const struct value *v)
{
	int r = touch(c, file);

	if (r < 0)
		return r;
	if ((v->flags & XATTR_CREATE) && is_there(c, file, name))
		return -EEXIST;
	if ((v->flags & XATTR_REPLACE) && !is_there(c, file, name))
		return -ENODATA;
	if (file->key.n == 0)
		return -EOPNOTSUPP;
	if (!call_valid(c))
		return -ESRCH;
	return store_xattr_set(c->world->store, &file->key, name, value, v->size);
}

static mode_t shown_mode(const struct call *c, const struct key *key, const struct statx *stat)
{
	const struct store_attrs *attrs = store_find(c->world->store, key);

	return attrs && (attrs->set & STORE_MODE) ? attrs->mode : stat->stx_mode;
}

/* A list gives its file a mode, which is real unless the file is somebody's who has no id here. */
static long remember_list(const struct call *c, struct file *file, const char *name, enum kind kind,
			  const void *value, const struct value *v)
{
	const struct store_attrs *found;
	struct store_attrs attrs = { 0 };
	mode_t mode;
	char way[32];
	long r;

	if (S_ISLNK(file->stat.stx_mode))
		return -EOPNOTSUPP;
	if (kind == KIND_DEFAULT && !S_ISDIR(file->stat.stx_mode))
		return -EACCES;
	r = remember(c, file, name, value, v);
	if (r < 0 || kind == KIND_DEFAULT)
		return r;
	mode = acl_mode(value, v->size, shown_mode(c, &file->key, &file->stat) & 07777);
	found = store_find(c->world->store, &file->key);
	if (found)
		attrs = *found;
	if (chmod(way_to(c, file, way), mode) == 0 && !(attrs.set & STORE_MODE))
		return 0;
	attrs.set |= STORE_MODE;
	attrs.mode = (attrs.mode & S_IFMT) | mode;
	return store_set(c->world->store, &file->key, &attrs);
}

/* What the kernel is about to make real is pretended no more. */
static void forget(const struct call *c, const char *name)
{
	CLEANUP(file_close) struct file file = { .fd = NO_FD };

	if (store_has_xattrs(c->world->store) && resolve_file(c, &file) == 0 && call_valid(c))
		store_xattr_remove(c->world->store, &file.key, name);
}

static long handle_set(struct call *c)
{
	CLEANUP(file_close) struct file file = { .fd = NO_FD };
	CLEANUP(free_p) void *value = NULL;
	char name[STORE_NAME_MAX + 1];
	enum kind kind = read_name(c, c->row->first, name);
	struct value v;

	if (kind == KIND_REAL || !read_operands(c, c->row->first + 1, &v) ||
	    v.size > STORE_VALUE_MAX || v.flags > (XATTR_CREATE | XATTR_REPLACE))
		return CALL_CONTINUE;
	value = malloc(v.size + 1);
	if (!value)
		return -ENOMEM;
	if (v.size && call_read(c, v.address, value, v.size) < 0)
		return -EFAULT;
	if (kind != KIND_PRETENDED && !acl_is_refused(value, v.size)) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): CLEANUP frees it */
		forget(c, name);
		return CALL_CONTINUE;
	}
	if (!is_root(c) || resolve_file(c, &file) < 0)
		return CALL_CONTINUE;
	return kind == KIND_PRETENDED ? remember(c, &file, name, value, &v)
				      : remember_list(c, &file, name, kind, value, &v);
}

/* Finds the key of the call's file if there may be a record of it. */
static bool find_key(const struct call *c, struct key *ret, struct statx *ret_stat)
{
	struct place place;
	bool found;

	if (!store_has_xattrs(c->world->store) || resolve_place(c, &place) < 0)
		return false;
	found = place_stat(&place, ret_stat) == 0 && place_known(c, &place, ret_stat) &&
		place_key(c, &place, ret_stat, ret) == 0;
	place_close(&place);
	return found;
}

static long write_value(const struct call *c, const struct value *v, const void *value, size_t size)
{
	int r;

	if (v->size == 0)
		return (long)size;
	if (v->size < size)
		return -ERANGE;
	r = size ? call_write(c, v->address, value, size) : 0;
	return r < 0 ? r : (long)size;
}

static long handle_get(struct call *c)
{
	CLEANUP(free_p) void *list = NULL;
	char name[STORE_NAME_MAX + 1];
	const void *value;
	enum kind kind;
	struct statx stat;
	struct key key;
	struct value v;
	ssize_t size;

	if (!store_has_xattrs(c->world->store))
		return CALL_CONTINUE;
	kind = read_name(c, c->row->first, name);
	if (kind == KIND_REAL || !read_operands(c, c->row->first + 1, &v) ||
	    !find_key(c, &key, &stat))
		return CALL_CONTINUE;
	size = store_xattr(c->world->store, &key, name, &value);
	if (size < 0)
		return CALL_CONTINUE;
	if (kind != KIND_ACCESS)
		return write_value(c, &v, value, (size_t)size);
	list = malloc((size_t)size);
	if (!list)
		return -ENOMEM;
	memcpy(list, value, (size_t)size);
	acl_chmod(list, (size_t)size, shown_mode(c, &key, &stat));
	return write_value(c, &v, list, (size_t)size);
}

static long handle_remove(struct call *c)
{
	CLEANUP(file_close) struct file file = { .fd = NO_FD };
	char name[STORE_NAME_MAX + 1];
	int r;

	if (!store_has_xattrs(c->world->store) || read_name(c, c->row->first, name) == KIND_REAL ||
	    !is_root(c) || resolve_file(c, &file) < 0)
		return CALL_CONTINUE;
	r = touch(c, &file);
	if (r < 0)
		return r;
	if (!call_valid(c))
		return -ESRCH;
	r = store_xattr_remove(c->world->store, &file.key, name);
	return r == -ENODATA ? CALL_CONTINUE : r;
}

static bool in_list(const char *list, size_t length, const char *name)
{
	const char *at;

	for (at = list; at < list + length; at += strlen(at) + 1)
		if (streq(at, name))
			return true;
	return false;
}

/* Adds the names in the SIZE bytes at MORE that LIST, which has room for them, lacks. */
static size_t merge(char *list, size_t length, const char *more, size_t size)
{
	size_t real = length, n;
	const char *at;

	for (at = more; at < more + size; at += n) {
		n = strlen(at) + 1;
		if (!in_list(list, real, at)) {
			memcpy(list + length, at, n);
			length += n;
		}
	}
	return length;
}

/* The real names first, then the pretended ones. */
static long list_names(const struct call *c, const struct file *file, const struct value *v)
{
	const size_t room = XATTR_LIST_MAX;
	CLEANUP(free_p) char *list = NULL, *more = NULL;
	ssize_t size = store_xattr_list(c->world->store, &file->key, NULL, 0), length;
	char way[32];

	if (size <= 0)
		return CALL_CONTINUE;
	more = malloc((size_t)size);
	list = malloc(room + (size_t)size);
	if (!list || !more)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): CLEANUP frees them */
		return -ENOMEM;
	store_xattr_list(c->world->store, &file->key, more, (size_t)size);
	length = listxattr(way_to(c, file, way), list, room);
	length = (ssize_t)merge(list, length < 0 ? 0 : (size_t)length, more, (size_t)size);
	return length > XATTR_LIST_MAX ? -E2BIG : write_value(c, v, list, (size_t)length);
}

static long handle_list(struct call *c)
{
	CLEANUP(file_close) struct file file = { .fd = NO_FD };
	struct value v = { .address = c->args[c->row->first] };
	uint64_t size = c->args[c->row->first + 1];
	struct statx stat;
	struct key key;

	v.size = (uint32_t)(size < UINT32_MAX ? size : UINT32_MAX);
	if (!find_key(c, &key, &stat) || resolve_file(c, &file) < 0)
		return CALL_CONTINUE;
	return list_names(c, &file, &v);
}

/* clang-format off: one row a line */
#define LINK AT_SYMLINK_NOFOLLOW
const struct call_row xattrs_rows[] = {
	{ "setxattr", handle_set, BY_PATH(0), .first = 1 },
	{ "lsetxattr", handle_set, BY_PATH(0), .first = 1, .at = LINK },
	{ "fsetxattr", handle_set, BY_FD(0), .first = 1 },
	{ "setxattrat", handle_set, BY_PATH_FLAGS(0, 1, 2), .first = 3, .layout = LAYOUT_AT },
	{ "getxattr", handle_get, BY_PATH(0), .first = 1 },
	{ "lgetxattr", handle_get, BY_PATH(0), .first = 1, .at = LINK },
	{ "fgetxattr", handle_get, BY_FD(0), .first = 1 },
	{ "getxattrat", handle_get, BY_PATH_FLAGS(0, 1, 2), .first = 3, .layout = LAYOUT_AT },
	{ "listxattr", handle_list, BY_PATH(0), .first = 1 },
	{ "llistxattr", handle_list, BY_PATH(0), .first = 1, .at = LINK },
	{ "flistxattr", handle_list, BY_FD(0), .first = 1 },
	{ "listxattrat", handle_list, BY_PATH_FLAGS(0, 1, 2), .first = 3 },
	{ "removexattr", handle_remove, BY_PATH(0), .first = 1 },
	{ "lremovexattr", handle_remove, BY_PATH(0), .first = 1, .at = LINK },
	{ "fremovexattr", handle_remove, BY_FD(0), .first = 1 },
	{ "removexattrat", handle_remove, BY_PATH_FLAGS(0, 1, 2), .first = 3 },
};
/* clang-format on */
const size_t xattrs_rows_n = ARRAY_SIZE(xattrs_rows);
