/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hides files and directories, in the way that holds best where they lie.
 *
 * A mount on the target holds against whoever is in the sandbox, but not against the host: when
 * somebody there renames another file over it, as every editor does, the kernel takes the mount
 * off (fs/namei.c, detach_mounts()) and the new file shows. So where the directory around the
 * target is read-only inside, it is covered itself by an overlay of two layers that nobody can
 * write: the directory, and above it one with a whiteout of the name. The name is then hidden
 * whatever the host puts there, even before it exists. The kernel makes no such overlay without
 * losing what is mounted below the directory, and one on / would be another root. Where a cover on
 * the target itself is all that there can be, it does only if nobody outside can rename: in a
 * directory of the launch's own, or in proc and sysfs, whose names are the kernel's. Elsewhere it
 * takes --mask-try to be content with it.
 *
 * What covers is of mode 000 and read-only, and made here: a /dev/null found somewhere could be
 * anything. A directory is covered by an empty one; a file by a device node that is no device's, a
 * whiteout, which is all that an unprivileged user can make: on a mount without devices nobody can
 * open it, whatever capabilities they have, where an empty file would be read by a root inside and
 * taken for the file's content. */
#include "mask.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "broken.h"
#include "channel.h"
#include "dest.h"
#include "fail.h"
#include "harbour.h"
#include "mount.h"
#include "mountinfo.h"
#include "overlay.h"
#include "place.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

enum { MASK_FILE, MASK_DIR };
_Static_assert(MASK_DIR + 1 == MASK_FDS, "a descriptor for each kind of cover");

static const char *const cover_names[] = { [MASK_FILE] = "file", [MASK_DIR] = "dir" };

#define COVER_ATTRS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static const char writable_inside[] = "its directory can be written inside";

/* Makes the tmpfs of the masks with the two covers in it. */
static int make_masks(struct sandbox *sb)
{
	CLEANUP(fd_closep) int tree = mount_new_tmpfs(sb, 0755, 0);
	int r = tree < 0 ? tree : harbour_attach(sb, tree, "masks");
	mode_t type = BROKEN("mask-unreadable") ? S_IFREG : S_IFCHR;

	if (r < 0)
		return r;
	if (mknodat(tree, cover_names[MASK_FILE], type, makedev(0, 0)) < 0 ||
	    mkdirat(tree, cover_names[MASK_DIR], 0) < 0 ||
	    fstatat(tree, cover_names[MASK_FILE], &sb->mask_covers[MASK_FILE], 0) < 0 ||
	    fstatat(tree, cover_names[MASK_DIR], &sb->mask_covers[MASK_DIR], 0) < 0)
		return neg_errno();
	sb->masks = calloc(sb->plan->n_ops, sizeof *sb->masks);
	if (!sb->masks)
		return -ENOMEM;
	sb->masks_fd = TAKE_FD(tree);
	return 0;
}

int mask_source(struct sandbox *sb, const struct op *op)
{
	int *covers = &sb->fds[op->first_fd], r = sb->masks_fd >= 0 ? 0 : make_masks(sb);
	size_t i;

	for (i = 0; i < MASK_FDS && r == 0; i++) {
		covers[i] = BROKEN("mask-made-here") && i == MASK_FILE
				    ? mount_clone(AT_FDCWD, "/dev/null")
				    : mount_clone(sb->masks_fd, cover_names[i]);
		r = covers[i] < 0 ? covers[i] : mount_set(covers[i], COVER_ATTRS, false);
	}
	return r < 0 ? fail(sb->fail, -r, "Can't make the covers of %s %s", op->option, op->dest)
		     : 0;
}

static void close_covers(struct sandbox *sb, const struct op *op)
{
	size_t i;

	for (i = 0; i < MASK_FDS; i++)
		sb->fds[op->first_fd + i] = fd_close(sb->fds[op->first_fd + i]);
}

static void kept_name(const struct sandbox *sb, const struct op *op, size_t cover,
		      char name[static 32])
{
	snprintf(name, 32, "%zu%s", (size_t)(op - sb->plan->ops), cover_names[cover]);
}

int mask_keep(struct sandbox *sb, const struct op *op)
{
	char name[32];
	size_t i;
	int r = 0;

	for (i = 0; i < MASK_FDS && r == 0; i++) {
		kept_name(sb, op, i, name);
		r = i == MASK_DIR ? mkdirat(sb->void_fd, name, 0755)
				  : mknodat(sb->void_fd, name, S_IFREG | 0444, 0);
		if (r == 0)
			r = sys_move_mount(sb->fds[op->first_fd + i], "", sb->void_fd, name,
					   MOVE_MOUNT_F_EMPTY_PATH);
	}
	if (r < 0)
		r = fail(sb->fail, errno, "Can't keep the covers of %s %s", op->option, op->dest);
	close_covers(sb, op);
	return r;
}

void mask_fetch(struct sandbox *sb, const struct op *op)
{
	char name[32];
	size_t i;

	for (i = 0; i < MASK_FDS; i++) {
		kept_name(sb, op, i, name);
		sb->fds[op->first_fd + i] = mount_clone(AT_FDCWD, name);
	}
}

/* Why the directory cannot be covered by an overlay, or NULL; with its mount's attributes. */
static int check_directory(struct sandbox *sb, const struct place *at, const char **ret_why,
			   uint64_t *ret_attrs)
{
	CLEANUP(mountinfo_close) struct mountinfo_reader reader;
	size_t length = strlen(at->full);
	bool below = false, known = false;
	struct mountinfo m = { 0 };
	struct statx stx;
	int r = mountinfo_open(&reader, sb, MOUNTINFO_ALL);

	if (r < 0)
		return r;
	if (sys_statx(at->parent, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return neg_errno();
	while ((r = mountinfo_next(&reader, &m)) > 0) {
		if ((uint64_t)m.id == stx.stx_mnt_id) {
			known = true;
			*ret_attrs = m.attrs;
		}
		below |= (uint64_t)m.parent == stx.stx_mnt_id &&
			 strncmp(m.point, at->full, length) == 0 && m.point[length] == '/';
	}
	if (r < 0 || !known)
		return r < 0 ? r : -ENOENT;
	*ret_why = !(*ret_attrs & MOUNT_ATTR_RDONLY)  ? writable_inside
		   : streq(at->inside, "/")	      ? "it lies in the root"
		   : below			      ? "something is mounted below its directory"
		   : !(*ret_attrs & MOUNT_ATTR_NODEV) ? "device nodes work in its directory"
						      : NULL;
	return 0;
}

static int add_whiteout(int dir, const char *name)
{
	if (mknodat(dir, name, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST)
		return neg_errno();
	return 0;
}

/* Notes what hides the destination of OP, and tells the launcher. */
static int note(struct sandbox *sb, const struct op *op, enum mask_made made, const char *path)
{
	int number = (int)(op - sb->plan->ops), r = dest_resolved(sb, op, path);

	if (r < 0)
		return fail(sb->fail, -r, "Out of memory");
	sb->masks[number] = made;
	return sb->plan->status_fd >= 0
		       ? channel_send(sb->socket, MESSAGE_MASK, (int)((unsigned)number << 2 | made))
		       : 0;
}

/* Adds whiteouts to WHITE for the masks that follow OP directly, as far as they lie in the same
 * directory, and chooses them: overlays can be stacked only twice. */
static int choose_neighbours(struct sandbox *sb, const struct op *op, const struct place *at,
			     int white)
{
	const struct op *end = sb->plan->ops + sb->plan->n_ops, *next;
	struct place other;
	int r = 0;

	for (next = op + 1; next < end && next->type == OP_MASK && !next->deferred && r == 0;
	     next++) {
		if (sb->masks[next - sb->plan->ops] != MASK_NONE)
			continue;
		r = place_find(sb, next, &other);
		if (r == 0 && streq(other.full, at->full)) {
			r = add_whiteout(white, other.name);
			if (r < 0)
				fail(sb->fail, -r, "%s %s", next->option, next->dest);
			sb->masks[next - sb->plan->ops] = MASK_CHOSEN;
		}
		place_close(&other);
	}
	return r;
}

/* Ends the choice: the overlay on PATH has been made, or with NULL it has not. */
static int settle_neighbours(struct sandbox *sb, const char *path)
{
	size_t i;
	int r = 0;

	for (i = 0; i < sb->plan->n_ops && r == 0; i++) {
		if (sb->masks[i] != MASK_CHOSEN)
			continue;
		sb->masks[i] = MASK_NONE;
		r = path ? note(sb, &sb->plan->ops[i], MASK_OVERLAY, path) : 0;
	}
	return r;
}

/* The directory of whiteouts, with the mode of the one that it is laid over, since an overlay's
 * root is that of its uppermost layer. Returns its descriptor or -errno. */
static int make_whiteouts(struct sandbox *sb, const struct op *op, const struct place *at)
{
	CLEANUP(fd_closep) int dir = NO_FD;
	struct stat st;
	char name[32];
	int r;

	snprintf(name, sizeof name, "%zu", (size_t)(op - sb->plan->ops));
	if (mkdirat(sb->masks_fd, name, 0700) < 0 || fstat(at->parent, &st) < 0)
		return neg_errno();
	dir = openat(sb->masks_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return neg_errno();
	r = add_whiteout(dir, at->name);
	if (r < 0)
		return r;
	return fchmod(dir, st.st_mode & 07777) < 0 ? neg_errno() : TAKE_FD(dir);
}

/* Covers the directory by an overlay. Returns 1, 0 when the kernel makes none of it, for the reason
 * *RET_ERR, or -errno with the failure recorded. */
static int hide_name(struct sandbox *sb, const struct op *op, const struct place *at,
		     uint64_t attrs, int *ret_err)
{
	CLEANUP(fd_closep) int white = make_whiteouts(sb, op, at), tree = NO_FD, seen = NO_FD;
	int r;

	if (white < 0)
		return fail(sb->fail, -white, "Can't make the whiteout of %s %s", op->option,
			    op->dest);
	r = choose_neighbours(sb, op, at, white);
	if (r < 0)
		return r;
	tree = overlay_of_two(sb, white, at->parent,
			      (unsigned)(attrs & ~(uint64_t)MOUNT_ATTR__ATIME) | MOUNT_ATTR_NOSUID);
	if (tree == -ENOMEM || tree == -EMFILE || tree == -ENFILE || tree == -ENOSPC ||
	    tree == -EINTR) /* another time there would be one: no reason to be content with less */
		return fail(sb->fail, -tree, "%s %s", op->option, op->dest);
	if (tree < 0) {
		*ret_err = -tree;
		return settle_neighbours(sb, NULL);
	}
	if (sys_move_mount(tree, "", at->parent, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail(sb->fail, errno, "%s %s", op->option, op->dest);
	dest_forget(sb);
	seen = dest_open(sb, op->dest, O_PATH);
	if (seen != -ENOENT)
		return fail(sb->fail, seen < 0 ? -seen : 0, "%s %s: it is still there", op->option,
			    op->dest);
	r = note(sb, op, MASK_OVERLAY, at->inside);
	if (r == 0)
		r = settle_neighbours(sb, at->inside);
	return r < 0 ? r : 1;
}

/* Covers what is there. */
static int cover_target(struct sandbox *sb, const struct op *op, const struct place *at)
{
	CLEANUP(fd_closep) int seen = NO_FD;
	const struct stat *cover;
	char full[PATH_MAX];
	const char *inside;
	struct stat st;
	int r;

	if (fstat(at->target, &st) < 0)
		return fail(sb->fail, errno, "%s %s", op->option, op->dest);
	cover = &sb->mask_covers[S_ISDIR(st.st_mode) ? MASK_DIR : MASK_FILE];
	r = sb->fds[op->first_fd + (S_ISDIR(st.st_mode) ? MASK_DIR : MASK_FILE)];
	if (r < 0)
		return fail(sb->fail, -r, "Can't find the covers of %s %s", op->option, op->dest);
	if (sys_move_mount(r, "", at->target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail(sb->fail, errno, "%s %s", op->option, op->dest);
	dest_forget(sb);
	seen = dest_open(sb, op->dest, O_PATH);
	if (seen < 0 && seen != -ENOENT)
		return fail(sb->fail, -seen, "%s %s", op->option, op->dest);
	if (seen >= 0 && fstat(seen, &st) < 0)
		return fail(sb->fail, errno, "%s %s", op->option, op->dest);
	if (!BROKEN("mask-seen") &&
	    (seen < 0 || st.st_dev != cover->st_dev || st.st_ino != cover->st_ino))
		return fail(sb->fail, 0, "%s %s: it was moved, replaced or removed meanwhile",
			    op->option, op->dest);
	r = dest_path(sb, seen, full, &inside);
	return r < 0 ? fail(sb->fail, -r, "%s %s", op->option, op->dest)
		     : note(sb, op, MASK_COVER, inside);
}

static int refuse(struct sandbox *sb, const struct op *op, bool exists, const char *why, int err)
{
	bool writable = streq(why, writable_inside);

	if (BROKEN("mask-refused"))
		return 0;
	if (!exists)
		return fail_hint(sb->fail,
				 fail(sb->fail, err ? err : ENOENT,
				      "%s %s: a missing name cannot be hidden here, because %s",
				      op->option, op->dest, why),
				 writable
					 ? "make it first, or make its directory read-only inside, "
					   "as with --ro-bind"
					 : "make it first");
	return fail_hint(sb->fail,
			 fail(sb->fail, err,
			      "%s %s: what the host may put in its place would show, because %s",
			      op->option, op->dest, why),
			 writable ? "make its directory read-only inside, as with --ro-bind, or be "
				    "content with --mask-try"
				  : "be content with --mask-try");
}

/* Chooses how OP is hidden. */
static int hide(struct sandbox *sb, const struct op *op, const struct place *at)
{
	const char *why = "it lies on what only the sandbox can mount";
	bool exists = at->target >= 0;
	uint64_t attrs = 0;
	int r, err = 0;

	r = exists ? place_is_firm(sb, op, at) : 0;
	if (r != 0)
		return r < 0 ? r : cover_target(sb, op, at);
	r = op->deferred ? 0 : check_directory(sb, at, &why, &attrs);
	if (r < 0)
		return fail(sb->fail, -r, "%s %s: can't read the mount table", op->option,
			    op->dest);
	if (!why) {
		r = hide_name(sb, op, at, attrs, &err);
		if (r != 0)
			return r < 0 ? r : 0;
		why = "the kernel makes no overlay of its directory";
	}
	return exists && (op->flags & OP_TRY) ? cover_target(sb, op, at)
					      : refuse(sb, op, exists, why, err);
}

int mask_attach(struct sandbox *sb, const struct op *op)
{
	struct place at;
	int r;

	/* with a mask beside it already */
	if (sb->masks[op - sb->plan->ops] != MASK_NONE) {
		close_covers(sb, op);
		return 0;
	}
	r = place_find(sb, op, &at);
	if (r == 0)
		r = hide(sb, op, &at);
	place_close(&at);
	close_covers(sb, op);
	return r;
}
