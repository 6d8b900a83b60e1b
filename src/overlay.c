/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts overlays whose layers are named by descriptor. */
#include "overlay.h"

#include <stdio.h>
#include <sys/stat.h>

#include "fail.h"
#include "harbour.h"
#include "mount.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

/* The largest text of a descriptor and the colon after it. */
#define FD_TEXT 12

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
 * descriptor. */
struct options {
	const char **pairs; /* for mount_new() */
	char *texts; /* FD_TEXT bytes a descriptor */
	char lower[256]; /* the longest value that the kernel takes */
};

static void options_free(struct options *o)
{
	free(o->pairs);
	free(o->texts);
}

static const char *fd_text(struct options *o, size_t slot, int fd)
{
	snprintf(o->texts + slot * FD_TEXT, FD_TEXT, "%d", fd);
	return o->texts + slot * FD_TEXT;
}

/* Adds the layers, topmost first as the kernel has it: as one value, or where that would be too
 * long one by one, which the kernel takes since 6.7. */
static const char **add_layers(struct options *o, const struct sandbox *sb, const struct op *op,
			       const char **pair)
{
	size_t i, length = 0;

	for (i = op->n_layers; i-- > 0 && length < sizeof o->lower;)
		length += (size_t)snprintf(o->lower + length, sizeof o->lower - length, "%d%s",
					   sb->fds[op->first_fd + i], i > 0 ? ":" : "");
	if (length < sizeof o->lower) {
		*pair++ = "lowerdir";
		*pair++ = o->lower;
		return pair;
	}
	for (i = op->n_layers; i-- > 0;) {
		*pair++ = "lowerdir+";
		*pair++ = fd_text(o, i, sb->fds[op->first_fd + i]);
	}
	return pair;
}

static int options_make(struct options *o, const struct sandbox *sb, const struct op *op, int upper,
			int work)
{
	const char **pair;

	o->pairs = calloc(2 * op->n_layers + 8, sizeof *o->pairs);
	o->texts = malloc((op->n_layers + 2) * FD_TEXT);
	if (!o->pairs || !o->texts)
		return -ENOMEM;
	pair = o->pairs;
	pair = add_layers(o, sb, op, pair);
	if (upper >= 0) {
		*pair++ = "upperdir";
		*pair++ = fd_text(o, op->n_layers, upper);
		*pair++ = "workdir";
		*pair++ = fd_text(o, op->n_layers + 1, work);
	}
	*pair = "userxattr";
	return 0;
}

/* Makes the detached overlay. The names of its layers are looked up from the directory of our
 * descriptors. */
static int make_overlay(struct sandbox *sb, const struct op *op, int upper, int work)
{
	CLEANUP(fd_closep) int dir = sandbox_proc_open(sb, "self/fd", O_PATH | O_DIRECTORY);
	CLEANUP(options_free) struct options options = { 0 };
	int fd, r = dir < 0 ? dir : options_make(&options, sb, op, upper, work);

	if (r < 0)
		return r;
	if (fchdir(dir) < 0)
		return neg_errno();
	fd = mount_new("overlay", options.pairs,
		       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			       (op->flags & OP_RO ? MOUNT_ATTR_RDONLY : 0) | (unsigned)op->attrs);
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

static int explain(struct sandbox *sb, const struct op *op, int err)
{
	if (err == ELOOP)
		return fail(sb->fail, 0,
			    "Can't make overlay mount on %s: Overlay directories may not overlap",
			    op->dest);
	return fail_hint(sb->fail, fail(sb->fail, err, "Can't make overlay mount on %s", op->dest),
			 err == EINVAL ? "RWSRC and WORKDIR must be two directories of one "
					 "writable file system that "
					 "can hold them; an overlay cannot"
				       : NULL);
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
	for (i = 0; i < op->n_layers; i++)
		fds[i] = fd_close(fds[i]);
	if (r >= 0 && op->type == OP_TMP_OVERLAY)
		r = dest_own(sb, tree);
	if (r < 0)
		return explain(sb, op, -r);
	return mount_attach_tree(sb, op, DEST_DIR, tree);
}
