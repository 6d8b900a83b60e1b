/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts overlays whose layers are named by descriptor. */
#include "overlay.h"

#include <stdio.h>
#include <sys/stat.h>

#include "fail.h"
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

/* Makes the tmpfs that takes the writes of a --tmp-overlay and attaches it on the destination, below the overlay. */
static int make_upper(struct sandbox *sb, const struct op *op, int *ret_upper, int *ret_work)
{
	CLEANUP(fd_closep) int tree = mount_new_tmpfs(sb, 0755, 0);
	int fd;

	if (tree < 0)
		return fail(sb->fail, -tree, "Can't mount tmpfs on %s", op->dest);
	if (mkdirat(tree, "upper", 0755) < 0 || mkdirat(tree, "work", 0755) < 0)
		return fail(sb->fail, errno, "Can't make the upper layer of %s", op->dest);
	/* attached first: a layer must lie on a mount of this namespace */
	fd = fcntl(tree, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return fail(sb->fail, errno, "Can't make the upper layer of %s", op->dest);
	if (mount_attach_tree(sb, op, DEST_DIR, &tree) < 0) {
		fd_close(fd);
		return -EINVAL;
	}
	*ret_upper = openat(fd, "upper", O_PATH | O_CLOEXEC);
	*ret_work = openat(fd, "work", O_PATH | O_CLOEXEC);
	fd_close(fd);
	return 0;
}

/* The lowerdir= of the layers, topmost first as the kernel has it, as names in /proc/self/fd. */
static char *lower_text(const struct sandbox *sb, const struct op *op)
{
	char *text = malloc(op->n_layers * FD_TEXT + 1), *end = text;
	size_t i;

	if (!text)
		return NULL;
	for (i = op->n_layers; i-- > 0;)
		end += sprintf(end, "%d%s", sb->fds[op->first_fd + i], i > 0 ? ":" : "");
	return text;
}

/* Makes the detached overlay. The layers' names are looked up from the directory of our descriptors. */
static int make_overlay(struct sandbox *sb, const struct op *op, int upper, int work)
{
	CLEANUP(fd_closep) int dir = sandbox_proc_open(sb, "self/fd", O_PATH | O_DIRECTORY);
	CLEANUP(free_p) char *lower = lower_text(sb, op);
	char upper_text[FD_TEXT], work_text[FD_TEXT];
	const char *options[] = { "source", "overlay", "lowerdir", lower, "userxattr", NULL,
				  NULL, NULL, NULL, NULL, NULL };
	int fd;

	if (dir < 0 || !lower)
		return dir < 0 ? dir : -ENOMEM;
	if (upper >= 0) {
		snprintf(upper_text, sizeof upper_text, "%d", upper);
		snprintf(work_text, sizeof work_text, "%d", work);
		options[4] = "upperdir";
		options[5] = upper_text;
		options[6] = "workdir";
		options[7] = work_text;
		options[8] = "userxattr";
	}
	if (fchdir(dir) < 0)
		return neg_errno();
	fd = mount_new("overlay", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
		       (op->flags & OP_RO ? MOUNT_ATTR_RDONLY : 0));
	if (fchdir(sb->cwd_fd) < 0) {
		fd_close(fd);
		return neg_errno();
	}
	return fd;
}

int overlay_attach(struct sandbox *sb, const struct op *op)
{
	int *fds = sb->fds + op->first_fd, r = 0;
	CLEANUP(fd_closep) int upper = NO_FD, work = NO_FD, tree = NO_FD;
	size_t i;

	if (op->type == OP_OVERLAY) {
		upper = TAKE_FD(fds[op->n_layers]);
		work = TAKE_FD(fds[op->n_layers + 1]);
	} else if (op->type == OP_TMP_OVERLAY) {
		r = make_upper(sb, op, &upper, &work);
	}
	if (r == 0) {
		tree = make_overlay(sb, op, upper, work);
		if (tree == -ELOOP)
			r = fail(sb->fail, 0, "Can't make overlay mount on %s: Overlay directories may not overlap",
				 op->dest);
		else if (tree < 0)
			r = fail(sb->fail, -tree, "Can't make overlay mount on %s", op->dest);
	}
	if (r == 0 && op->type == OP_TMP_OVERLAY)
		dest_own(sb, tree);
	if (r == 0)
		r = mount_attach_tree(sb, op, DEST_DIR, &tree);
	for (i = 0; i < op->n_layers; i++)
		fds[i] = fd_close(fds[i]);
	return r;
}
