/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts overlays whose layers are named by descriptor. */
#include "overlay.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "attrs.h"
#include "fail.h"
#include "harbour.h"
#include "mount.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

/* The largest text of a descriptor and the colon after it. */
#define FD_TEXT 12

/* What the kernel takes, with the NUL: as one value of fsconfig(2), as the data of mount(2). */
#define FSCONFIG_VALUE_MAX 256
#define MOUNT_DATA_MAX	   4096
#define LAYERS_MAX	   500

static int open_layer(struct sandbox *sb, const char *path, int *ret)
{
	*ret = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
	if (*ret >= 0)
		return 0;
	*ret = NO_FD;
	return fail(sb->fail, errno, "Can't find source path %s", path);
}

int overlay_source(struct sandbox *sb, const struct op *op)
{
	int *fds = sb->fds + op->first_fd;
	size_t i;
	int r = 0;

	for (i = 0; i < op->n_layers && r == 0; i++)
		r = open_layer(sb, sb->plan->layers[op->first_layer + i], &fds[i]);
	if (op->type != OP_OVERLAY || r < 0)
		return r;
	r = open_layer(sb, op->source, &fds[op->n_layers]);
	return r < 0 ? r : open_layer(sb, op->work, &fds[op->n_layers + 1]);
}

/* Makes the tmpfs that takes the writes of a --tmp-overlay. A layer must lie on a mount that is
 * attached, so it goes to the harbour; the overlay keeps it alive. */
static int make_upper(struct sandbox *sb, const struct op *op, int *ret_upper, int *ret_work)
{
	CLEANUP(fd_closep) int tree = mount_new_tmpfs(sb, 0755, 0);
	char name[32];
	int r;

	if (tree < 0)
		return tree;
	snprintf(name, sizeof name, "%zu", (size_t)(op - sb->plan->ops));
	r = harbour_attach(sb, tree, name);
	if (r < 0)
		return r;
	if (mkdirat(tree, "upper", 0755) < 0 || mkdirat(tree, "work", 0755) < 0)
		return neg_errno();
	*ret_upper = openat(tree, "upper", O_PATH | O_CLOEXEC);
	if (*ret_upper < 0)
		return neg_errno();
	*ret_work = openat(tree, "work", O_PATH | O_CLOEXEC);
	return *ret_work < 0 ? neg_errno() : 0;
}

/* The options of an overlay, with the memory behind them. Layers and directories are named by
 * descriptor: the names are looked up from the directory of our descriptors. */
struct options {
	char *lower; /* the layers, topmost first as the kernel has it */
	char upper[FD_TEXT], work[FD_TEXT];
};

static void options_free(struct options *o)
{
	free(o->lower);
}

static int options_make(struct options *o, const struct sandbox *sb, const struct op *op, int upper,
			int work)
{
	char *end;
	size_t i;

	end = o->lower = malloc(op->n_layers * FD_TEXT);
	if (!o->lower)
		return -ENOMEM;
	for (i = op->n_layers; i-- > 0;)
		end += sprintf(end, "%d%s", sb->fds[op->first_fd + i], i > 0 ? ":" : "");
	snprintf(o->upper, sizeof o->upper, "%d", upper);
	snprintf(o->work, sizeof o->work, "%d", work);
	return 0;
}

static unsigned overlay_attrs(const struct op *op)
{
	return MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (op->flags & OP_RO ? MOUNT_ATTR_RDONLY : 0) |
	       (unsigned)op->attrs;
}

static int make_short(const struct op *op, const struct options *o, bool writable)
{
	const char *pairs[10] = { "lowerdir", o->lower };
	size_t n = 2;

	if (writable) {
		pairs[n++] = "upperdir";
		pairs[n++] = o->upper;
		pairs[n++] = "workdir";
		pairs[n++] = o->work;
	}
	pairs[n] = "userxattr";
	return mount_new("overlay", pairs, overlay_attrs(op));
}

/* With more layers than fit into a value of fsconfig(2): mount(2) takes a page of options. It
 * mounts on a path, so on one in the harbour, and a clone of that is the detached overlay. */
static int make_long(struct sandbox *sb, const struct op *op, const struct options *o,
		     bool writable)
{
	CLEANUP(fd_closep) int tree = mount_new_tmpfs(sb, 0755, 0);
	char data[MOUNT_DATA_MAX], where[32];
	int n, r;

	if (tree < 0)
		return tree;
	snprintf(where, sizeof where, "%zu-layers", (size_t)(op - sb->plan->ops));
	r = harbour_attach(sb, tree, where);
	if (r < 0)
		return r;
	if (mkdirat(tree, "overlay", 0755) < 0)
		return neg_errno();
	n = snprintf(data, sizeof data, "userxattr,lowerdir=%s", o->lower);
	if (writable && n < MOUNT_DATA_MAX)
		n += snprintf(data + n, sizeof data - (size_t)n, ",upperdir=%s,workdir=%s",
			      o->upper, o->work);
	if (n >= MOUNT_DATA_MAX)
		return -E2BIG;
	snprintf(where, sizeof where, "%d/overlay", tree);
	if (sys_mount("overlay", where, "overlay", attrs_ms(overlay_attrs(op)), data) < 0)
		return neg_errno();
	return mount_clone(tree, "overlay");
}

/* Makes the detached overlay. */
static int make_overlay(struct sandbox *sb, const struct op *op, int upper, int work)
{
	CLEANUP(fd_closep) int dir = sandbox_proc_open(sb, "self/fd", O_PATH | O_DIRECTORY);
	CLEANUP(options_free) struct options options = { 0 };
	int fd, r = dir < 0 ? dir : options_make(&options, sb, op, upper, work);

	if (r < 0)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): CLEANUP frees them */
		return r;
	if (fchdir(dir) < 0)
		return neg_errno();
	fd = strlen(options.lower) < FSCONFIG_VALUE_MAX ? make_short(op, &options, upper >= 0)
							: make_long(sb, op, &options, upper >= 0);
	if (fchdir(sb->cwd_fd) < 0) {
		fd_close(fd);
		return neg_errno();
	}
	return fd;
}

int overlay_of_two(struct sandbox *sb, int upper, int lower, unsigned attrs)
{
	CLEANUP(fd_closep) int dir = sandbox_proc_open(sb, "self/fd", O_PATH | O_DIRECTORY);
	char layers[2 * FD_TEXT];
	const char *const options[] = { "lowerdir", layers, "redirect_dir", "nofollow", NULL };
	int fd;

	if (dir < 0)
		return dir;
	snprintf(layers, sizeof layers, "%d:%d", upper, lower);
	if (fchdir(dir) < 0)
		return neg_errno();
	fd = mount_new("overlay", options, attrs);
	if (mount_return(sb) < 0) {
		fd_close(fd);
		return neg_errno();
	}
	return fd;
}

/* True when other file systems are mounted below a layer. Where a more privileged namespace mounted
 * them, the kernel clones none without the other, for an overlay as little as for us:
 * has_locked_children(). */
static bool is_mounted_on(const struct sandbox *sb, const struct op *op)
{
	size_t i;

	for (i = 0; i < op->n_layers; i++) {
		int fd = sys_open_tree(sb->fds[op->first_fd + i], "",
				       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

		if (fd < 0 && errno == EINVAL)
			return true;
		fd_close(fd);
	}
	return false;
}

static int explain(struct sandbox *sb, const struct op *op, int err)
{
	const char *hint = NULL;

	if (err == ELOOP)
		return fail(sb->fail, 0,
			    "Can't make overlay mount on %s: Overlay directories may not overlap",
			    op->dest);
	if (err == E2BIG || (err == EINVAL && op->n_layers > LAYERS_MAX))
		hint = "the kernel takes no more than 500 layers";
	else if (err == EINVAL && is_mounted_on(sb, op))
		hint = "other file systems are mounted below a source, and an overlay would show "
		       "what they cover: name directories without mounts in them";
	else if (err == EINVAL && op->type == OP_OVERLAY)
		hint = "RWSRC and WORKDIR must be two directories of one writable file system that "
		       "can hold them; an overlay cannot";
	return fail_hint(sb->fail, fail(sb->fail, err, "Can't make overlay mount on %s", op->dest),
			 hint);
}

int overlay_attach(struct sandbox *sb, const struct op *op)
{
	CLEANUP(fd_closep) int upper = NO_FD, work = NO_FD, tree = NO_FD;
	int *fds = sb->fds + op->first_fd, r = 0;
	size_t i;

	if (op->type == OP_OVERLAY) {
		upper = TAKE_FD(fds[op->n_layers]);
		work = TAKE_FD(fds[op->n_layers + 1]);
	} else if (op->type == OP_TMP_OVERLAY) {
		r = make_upper(sb, op, &upper, &work);
	}
	if (r == 0)
		r = tree = make_overlay(sb, op, upper, work);
	if (r >= 0 && op->type == OP_TMP_OVERLAY)
		r = dest_own(sb, tree);
	if (r < 0)
		return explain(sb, op, -r);
	for (i = 0; i < op->n_layers; i++)
		fds[i] = fd_close(fds[i]);
	return mount_attach_tree(sb, op, DEST_DIR, tree);
}
