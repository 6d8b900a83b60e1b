/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resolves destinations inside the new root and creates what is missing there.
 *
 * Every look-up is openat2(RESOLVE_IN_ROOT) from the root's descriptor: neither "..", nor an
 * absolute symlink, nor a magic link leads out of it. Consecutive destinations that share a parent
 * on a file system of our own find that parent in the sandbox's memory: nobody else can change such
 * a directory, so this costs no safety. */
#include "dest.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "broken.h"
#include "fail.h"
#include "personality.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

void dest_close(struct dest *d)
{
	if (!d->fd_borrowed)
		d->fd = fd_close(d->fd);
}

void dest_forget(struct sandbox *sb)
{
	sb->parent_fd = fd_close(sb->parent_fd);
}

int dest_own(struct sandbox *sb, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return neg_errno();
	sb->own_devs[sb->n_own_devs++] = st.st_dev;
	return 0;
}

int dest_is_own(const struct sandbox *sb, const struct op *op, int fd)
{
	struct stat st;
	size_t i;

	if (fstat(fd, &st) < 0)
		return fail(sb->fail, errno, "Can't find destination %s", op->dest);
	if (BROKEN("host-unwritten"))
		return 1;
	for (i = 0; i < sb->n_own_devs; i++)
		if (sb->own_devs[i] == st.st_dev)
			return 1;
	return 0;
}

int dest_check_writable(struct sandbox *sb, const struct op *op, int fd)
{
	int own = sb->plan->as->creates_on_host ? 1 : dest_is_own(sb, op, fd);

	if (own != 0)
		return own < 0 ? own : 0;
	return fail_hint(sb->fail,
			 fail(sb->fail, EPERM,
			      "%s %s: set-up changes nothing on the host's file systems",
			      op->option, op->dest),
			 "do it there before, or put a --tmpfs of the sandbox below it");
}

/* openat2(2) in the new root; EAGAIN means that a rename went on meanwhile, and trying again always
 * ends. */
static int open_in_root(struct sandbox *sb, const char *path, int flags, uint64_t more)
{
	int fd;

	do {
		fd = sys_openat2(sb->root_fd, *path ? path : ".", (uint64_t)flags | O_CLOEXEC,
				 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | more);
	} while (fd < 0 && errno == EAGAIN);
	if (BROKEN("destinations-in-root") ||
	    (BROKEN("openat2-needed") && fd < 0 && errno == ENOSYS)) {
		fd_close(fd);
		fd = openat(sb->root_fd, path[strspn(path, "/")] ? path + strspn(path, "/") : ".",
			    flags | O_CLOEXEC);
	}
	return fd < 0 ? neg_errno() : fd;
}

int dest_open(struct sandbox *sb, const char *path, int flags)
{
	return open_in_root(sb, path, flags, 0);
}

/* The path of FD as the kernel has it, from the process's own root. Returns its length or -errno.
 */
static ssize_t read_path(struct sandbox *sb, int fd, char target[static PATH_MAX])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof link, "self/fd/%d", fd);
	n = readlinkat(sb->proc_fd, link, target, PATH_MAX - 1);
	if (n < 0)
		return neg_errno();
	target[n] = '\0';
	return n;
}

int dest_path(struct sandbox *sb, int fd, char ret_full[static PATH_MAX], const char **ret_inside)
{
	char root[PATH_MAX];
	ssize_t skip = read_path(sb, sb->root_fd, root), n = read_path(sb, fd, ret_full);

	if (skip < 0 || n < 0)
		return skip < 0 ? (int)skip : (int)n;
	if (skip == 1 || skip > n)
		skip = 0; /* the root is / */
	*ret_inside = ret_full[skip] ? ret_full + skip : "/";
	return 0;
}

int dest_resolved(struct sandbox *sb, const struct op *op, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	sb->resolved[op - sb->plan->ops] = copy;
	return 0;
}

/* Remembers where the destination of OP, which holds symlinks or "..", really is, for what comes
 * later: operations are compared by path. FD is the place, or its parent where NAME is given. */
static int note_resolved(struct sandbox *sb, const struct op *op, int fd, const char *name)
{
	char place[PATH_MAX], path[PATH_MAX + 256];
	const char *inside = NULL;
	int r = dest_path(sb, fd, place, &inside);

	if (r < 0)
		return r;
	stpcpy(stpcpy(stpcpy(path, inside), "/"), name);
	return dest_resolved(sb, op, path);
}

static bool has_dotdot(const char *path)
{
	const char *at = path;

	while ((at = strstr(at, ".."))) {
		if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
			return true;
		at += 2;
	}
	return false;
}

/* Opens an existing destination. Most hold no symlink or ".."; only where one does is the path
 * noted.
 */
static int open_existing(struct sandbox *sb, const struct op *op)
{
	bool follow = sb->plan->as->dest_symlinks && !op->over_link;
	int fd, r;

	fd = open_in_root(sb, op->dest, O_PATH | (op->over_link ? O_NOFOLLOW : 0),
			  RESOLVE_NO_SYMLINKS);
	if (fd != -ELOOP && !(fd >= 0 && has_dotdot(op->dest)))
		return fd;
	if (fd < 0)
		fd = open_in_root(sb, op->dest, O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
	if (fd < 0)
		return fd;
	r = note_resolved(sb, op, fd, "");
	if (r < 0) {
		fd_close(fd);
		return r;
	}
	return fd;
}

static int refuse_creation(struct sandbox *sb, const struct op *op, const char *path)
{
	return fail_hint(sb->fail,
			 fail(sb->fail, ENOENT,
			      "%s %s: nothing is created on the host's file systems, and %s is "
			      "missing there",
			      op->option, op->dest, path),
			 "make it first, or put a --tmpfs or --dir of the sandbox above it");
}

/* Parents are 0755, but as closed to group and others as what is made below them. */
static mode_t parent_mode(const struct op *op)
{
	mode_t mode = op->mode_set ? op->mode : op->type == OP_BIND_DATA ? 0600 : 0755;

	return 0755 & ~(mode & 0070 ? 0 : 0070) & ~(mode & 0007 ? 0 : 0007);
}

/* Makes the directory PATH, whose parent is PARENT, if the personality may; it is not there yet. */
static int make_dir(struct sandbox *sb, const struct op *op, int parent, const char *path,
		    const char *name)
{
	int own = sb->plan->as->creates_on_host ? 1 : dest_is_own(sb, op, parent);

	if (own <= 0)
		return own < 0 ? own : refuse_creation(sb, op, path);
	if (mkdirat(parent, name, parent_mode(op)) < 0 && errno != EEXIST)
		return fail(sb->fail, errno, "Can't mkdir parents for %s", op->dest);
	return 0;
}

/* Opens the directory that the first LENGTH bytes of OP's destination name, made if need be. */
static int open_parents(struct sandbox *sb, const struct op *op, size_t length)
{
	char path[PATH_MAX];
	size_t start = length, end;
	int fd, r;

	if (length >= sizeof path)
		return fail(sb->fail, ENAMETOOLONG, "Can't mkdir parents for %s", op->dest);
	memcpy(path, op->dest, length);
	path[length] = '\0';
	/* go up to the first ancestor that exists, then down again */
	while ((fd = open_in_root(sb, path, O_PATH | O_DIRECTORY, 0)) == -ENOENT && start > 0) {
		while (start > 0 && path[start - 1] == '/')
			start--;
		while (start > 0 && path[start - 1] != '/')
			start--;
		path[start] = '\0';
	}
	while (fd >= 0 && start < length) {
		const char *name;

		end = start + strcspn(op->dest + start, "/");
		if (end > length)
			end = length;
		memcpy(path + start, op->dest + start, end - start);
		path[end] = '\0';
		name = path + start;
		if (*name != '\0' && !streq(name, ".")) {
			r = make_dir(sb, op, fd, path, name);
			fd_close(fd);
			fd = r < 0 ? r : open_in_root(sb, path, O_PATH | O_DIRECTORY, 0);
			if (r < 0)
				return r;
		}
		path[end] = '/';
		start = end + 1;
	}
	if (fd < 0)
		return fail(sb->fail, -fd, "Can't mkdir parents for %s", op->dest);
	return fd;
}

/* Splits a destination: the length of its parent's text, and its last component. */
static int split(struct sandbox *sb, const struct op *op, size_t *ret_length,
		 char ret_name[static 256])
{
	size_t end = strlen(op->dest), start;

	while (end > 0 && (op->dest[end - 1] == '/' ||
			   (op->dest[end - 1] == '.' && (end == 1 || op->dest[end - 2] == '/'))))
		end--;
	start = end;
	while (start > 0 && op->dest[start - 1] != '/')
		start--;
	if (end - start > 255)
		return fail(sb->fail, ENAMETOOLONG, "Can't mkdir %s", op->dest);
	memcpy(ret_name, op->dest + start, end - start);
	ret_name[end - start] = '\0';
	*ret_length = start;
	return 0;
}

int dest_parent(struct sandbox *sb, const struct op *op, char ret_name[static 256])
{
	size_t length = 0;
	int r = split(sb, op, &length, ret_name);

	return r < 0 ? r : open_parents(sb, op, length);
}

/* True when the remembered parent is the one of a destination split at LENGTH into a plain name. */
static bool parent_known(const struct sandbox *sb, const struct op *op, size_t length,
			 const char *name)
{
	return sb->parent_fd >= 0 && length == sb->parent_length &&
	       memcmp(op->dest, sb->parent_path, length) == 0 && *name && !streq(name, ".") &&
	       !streq(name, "..");
}

/* Creates NAME below PARENT. Returns 0, -EEXIST when it is there already, or -errno with the
 * failure recorded. */
static int create(struct sandbox *sb, const struct op *op, enum dest_kind kind, int parent,
		  const char *name)
{
	int r;

	if (kind == DEST_DIR)
		r = mkdirat(parent, name, 0755);
	else
		r = mknodat(parent, name, S_IFREG | 0444, 0);
	if (r == 0)
		return 0;
	if (errno == EEXIST)
		return -EEXIST;
	return fail(sb->fail, errno,
		    kind == DEST_DIR ? "Can't mkdir %s" : "Can't create file at %s", op->dest);
}

/* The text of OP's parent directory, LENGTH bytes of its destination, which fits. */
static const char *parent_text(const struct op *op, size_t length, char text[static PATH_MAX])
{
	memcpy(text, op->dest, length);
	text[length] = '\0';
	return text;
}

int dest_fail_dangling(struct sandbox *sb, const struct op *op)
{
	return fail_hint(sb->fail,
			 fail(sb->fail, ENOENT,
			      "%s %s: the destination is a symbolic link that leads nowhere",
			      op->option, op->dest),
			 "make what it points to first");
}

/* Creates a destination that is missing, and remembers its parent when that is on a file system of
 * our own. */
static int create_missing(struct sandbox *sb, const struct op *op, enum dest_kind kind,
			  size_t length, struct dest *ret)
{
	CLEANUP(fd_closep) int parent = open_parents(sb, op, length), plain = NO_FD;
	char text[PATH_MAX];
	int own, r;

	if (parent < 0)
		return parent;
	own = dest_is_own(sb, op, parent);
	if (own < 0)
		return own;
	if (!own && !sb->plan->as->creates_on_host)
		return refuse_creation(sb, op, op->dest);
	r = create(sb, op, kind, parent, ret->to);
	if (r == -EEXIST)
		return dest_fail_dangling(sb, op);
	if (r < 0)
		return r;
	plain = open_in_root(sb, parent_text(op, length, text), O_PATH, RESOLVE_NO_SYMLINKS);
	if (plain < 0 || has_dotdot(op->dest))
		r = note_resolved(sb, op, parent, ret->to);
	if (r < 0)
		return fail(sb->fail, -r, "Can't find destination %s", op->dest);
	ret->fd_borrowed = own && plain >= 0;
	ret->fd = TAKE_FD(parent);
	if (ret->fd_borrowed) {
		sb->parent_fd = ret->fd;
		sb->parent_path = op->dest;
		sb->parent_length = length;
	}
	return 0;
}

static int explain_existing(struct sandbox *sb, const struct op *op, int err)
{
	if (err == ELOOP)
		return fail(sb->fail, ELOOP, "Can't mount on %s", op->dest);
	if (err == ENOTDIR)
		return fail_hint(sb->fail,
				 fail(sb->fail, ENOTDIR, "Can't mkdir parents for %s", op->dest),
				 "a component of the destination is a file");
	return fail(sb->fail, err, "Can't find destination %s", op->dest);
}

/* Makes room for a directory where LINK, of a name that is to be replaced, is a symlink: the kernel
 * lets a file be mounted on a link, but no directory. Returns 0, or -errno with the failure
 * recorded. */
static int replace_link(struct sandbox *sb, const struct op *op, struct dest *ret)
{
	CLEANUP(fd_closep) int parent = dest_parent(sb, op, ret->to);
	int r = parent < 0 ? parent : dest_is_own(sb, op, parent);

	if (r < 0)
		return r;
	if (r == 0)
		return fail_hint(sb->fail,
				 fail(sb->fail, ENOTDIR,
				      "%s %s: it is a symbolic link on a file system of the host's",
				      op->option, op->dest),
				 "the kernel mounts files on symbolic links, but no directories: "
				 "leave --replace-symlink out, or name what the link leads to");
	if (unlinkat(parent, ret->to, 0) < 0)
		return fail(sb->fail, errno, "Can't replace the symbolic link %s", op->dest);
	r = create(sb, op, DEST_DIR, parent, ret->to);
	if (r < 0)
		return r;
	ret->fd = TAKE_FD(parent);
	ret->fd_borrowed = false;
	return 0;
}

/* Whether FD, the destination of OP, is a symlink: 1 or 0, or -errno with the failure recorded. */
static int is_link(struct sandbox *sb, const struct op *op, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(sb->fail, errno, "Can't find destination %s", op->dest);
	return S_ISLNK(st.st_mode);
}

/* Whether the destination of OP, which is there, is the root: a mount over it is one that nobody
 * ever sees. */
static bool is_root(const struct sandbox *sb, const struct op *op)
{
	const char *resolved = sb->resolved[op - sb->plan->ops];

	return plan_path_same(resolved ? resolved : op->dest, "/");
}

int dest_find(struct sandbox *sb, const struct op *op, enum dest_kind kind, struct dest *ret)
{
	size_t length = 0;
	int fd, r;

	r = split(sb, op, &length, ret->to);
	if (r < 0)
		return r;
	if (parent_known(sb, op, length, ret->to)) {
		r = create(sb, op, kind, sb->parent_fd, ret->to);
		if (r != -EEXIST) {
			ret->fd = sb->parent_fd;
			ret->fd_borrowed = true;
			return r;
		}
	}
	dest_forget(sb);
	fd = open_existing(sb, op);
	if (fd == -ENOENT)
		return create_missing(sb, op, kind, length, ret);
	if (fd < 0)
		return explain_existing(sb, op, -fd);
	if (sb->plan->as->explains && is_root(sb, op)) {
		fd_close(fd);
		return fail_hint(sb->fail,
				 fail(sb->fail, 0, "%s %s: nothing can be mounted over the root",
				      op->option, op->dest),
				 "a --bind, --tmpfs or overlay on / itself makes the root");
	}
	if ((op->over_link && kind == DEST_DIR) ||
	    (!sb->plan->as->dest_symlinks && sb->resolved[op - sb->plan->ops])) {
		r = is_link(sb, op, fd);
		if (r != 0)
			fd_close(fd);
		if (r < 0)
			return r;
		if (r > 0)
			return op->over_link
				       ? replace_link(sb, op, ret)
				       : fail(sb->fail, 0, "Can't mount on symlink destination %s",
					      op->dest);
	}
	ret->to[0] = '\0';
	ret->fd = fd;
	ret->fd_borrowed = false;
	return 0;
}
