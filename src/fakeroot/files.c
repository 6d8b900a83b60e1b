/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pretends that owners, modes and devices can be made, and notices what goes.
 *
 * What the kernel can do is left to it, in the caller, with the caller's rights. Two things are
 * done here: a chown(2) that changes nobody, for what the kernel does beside (it drops the setuid
 * bits, notes the time, refuses it on a read-only mount); and the empty file that a pretended
 * device is, which is made with no more rights than the caller has. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../caps.h"
#include "../util.h"
#include "ids.h"
#include "pending.h"
#include "resolve.h"
#include "tasks.h"

#define OVERFLOW_ID 65534u /* of files whose owner has no id here, user_namespaces(7) */

/* What a chown(2) of a file that changes nobody comes to: an error that one which does would be
 * refused with too. */
static int touch_owner(const struct file *file)
{
	if (fchownat(file->fd, "", NO_ID, NO_ID, AT_EMPTY_PATH) == 0 || errno != EROFS)
		return 0;
	return -EROFS;
}

/* The kernel takes the setuid bits off what changes its owner; of a pretended mode it knows
 * nothing. */
static void drop_bits(struct store_attrs *attrs, const struct statx *stat)
{
	if (!(attrs->set & STORE_MODE) || !S_ISREG(stat->stx_mode))
		return;
	attrs->mode &= ~(mode_t)S_ISUID;
	if (attrs->mode & S_IXGRP)
		attrs->mode &= ~(mode_t)S_ISGID;
}

/* Pretends ID, or lets the real one be seen again where that is the same. */
static void set_id(struct store_attrs *attrs, unsigned field, uint32_t id, uint32_t real)
{
	if (id == NO_ID)
		return;
	if (field == STORE_UID)
		attrs->uid = id;
	else
		attrs->gid = id;
	if (id == real && id != OVERFLOW_ID)
		attrs->set &= ~field;
	else
		attrs->set |= field;
}

static struct store_attrs attrs_of(const struct call *c, const struct key *key)
{
	const struct store_attrs *attrs = store_find(c->world->store, key);

	return attrs ? *attrs : (struct store_attrs){ 0 };
}

/* What has no identity that lasts, as a pipe, is not remembered. */
static long remember(const struct call *c, const struct file *file, const struct store_attrs *attrs)
{
	if (!call_valid(c))
		return -ESRCH;
	return file->key.n > 0 ? store_set(c->world->store, &file->key, attrs) : 0;
}

/* True when the kernel can do it: the ids are those that the file has, and nothing is pretended. */
static bool is_real_owner(const struct call *c, struct place *place, uint32_t uid, uint32_t gid)
{
	struct statx stat;

	if (place_stat(place, &stat) < 0)
		return true; /* or will tell what is wrong */
	return (uid == NO_ID || (uid == stat.stx_uid && uid != OVERFLOW_ID)) &&
	       (gid == NO_ID || (gid == stat.stx_gid && gid != OVERFLOW_ID)) &&
	       !place_known(c, place, &stat);
}

static long chown_file(const struct call *c, struct place *place, uint32_t uid, uint32_t gid)
{
	CLEANUP(file_close) struct file file = { .fd = place_open(place) };
	struct store_attrs attrs;
	int r = file.fd < 0 ? file.fd : 0;

	if (r == 0 && !call_valid(c))
		return -ESRCH;
	if (r == 0 && (r = touch_owner(&file)) < 0)
		return r;
	if (r == 0)
		r = file_key(c, &file);
	if (r < 0)
		return CALL_CONTINUE;
	attrs = attrs_of(c, &file.key);
	set_id(&attrs, STORE_UID, uid, file.stat.stx_uid);
	set_id(&attrs, STORE_GID, gid, file.stat.stx_gid);
	drop_bits(&attrs, &file.stat);
	return remember(c, &file, &attrs);
}

static long handle_chown(struct call *c)
{
	uint32_t uid = call_id(c, c->row->first), gid = call_id(c, c->row->first + 1);
	struct place place;
	long answer = CALL_CONTINUE;

	if (task_is_foreign(c) || resolve_place(c, &place) < 0)
		return CALL_CONTINUE;
	if (!is_real_owner(c, &place, uid, gid))
		answer = chown_file(c, &place, uid, gid);
	place_close(&place);
	return answer;
}

/* True when the kernel would keep a bit of MODE to itself, or all: of another owner's file, or the
 * setgid bit of one whose group the caller is not in. */
static bool is_mode_refused(const struct statx *stat, mode_t mode)
{
	return stat->stx_uid == OVERFLOW_ID || ((mode & S_ISGID) && stat->stx_gid == OVERFLOW_ID);
}

static long chmod_file(const struct call *c, struct place *place, mode_t mode)
{
	CLEANUP(file_close) struct file file = { .fd = place_open(place) };
	struct store_attrs attrs;
	bool refused;
	long r;

	if (file.fd < 0 || file_key(c, &file) < 0)
		return CALL_CONTINUE;
	attrs = attrs_of(c, &file.key);
	refused = is_mode_refused(&file.stat, mode);
	if (!refused && !(attrs.set & STORE_MODE))
		return CALL_CONTINUE;
	r = touch_owner(&file);
	if (r < 0)
		return r;
	attrs.set = refused ? attrs.set | STORE_MODE : attrs.set & ~(unsigned)STORE_MODE;
	attrs.mode = (attrs.mode & S_IFMT) | mode;
	r = remember(c, &file, &attrs);
	/* the other bits are real, where that is possible */
	return r < 0 || file.stat.stx_uid == OVERFLOW_ID ? r : CALL_CONTINUE;
}

static long handle_chmod(struct call *c)
{
	mode_t mode = (mode_t)c->args[c->row->first] & 07777;
	struct place place;
	struct statx stat;
	long answer = CALL_CONTINUE;

	if (resolve_place(c, &place) < 0)
		return CALL_CONTINUE;
	if (place_stat(&place, &stat) == 0 && !S_ISLNK(stat.stx_mode) &&
	    (is_mode_refused(&stat, mode) || place_known(c, &place, &stat)))
		answer = chmod_file(c, &place, mode);
	place_close(&place);
	return answer;
}

/* What a new file of the caller's shows as its owner. Returns false when that is the real one. */
static bool new_owner(const struct call *c, struct store_attrs *attrs)
{
	const struct ids_cred *cred = ids_of(c->world->ids, c->tid, NULL);

	set_id(attrs, STORE_UID, cred->uid[IDS_FS], 0);
	set_id(attrs, STORE_GID, cred->gid[IDS_FS], 0);
	return attrs->set != 0;
}

/* Makes the file that stands for a device, with the caller's umask and capabilities. It is an empty
 * one: what is written to the device stays in it. */
static long make_device(const struct call *c, int dir, const char *name, mode_t mode,
			struct store_attrs *attrs, const struct task_status *status)
{
	CLEANUP(file_close) struct file file = { .fd = NO_FD };
	mode_t before;
	int r;

	if (!call_valid(c))
		return -ESRCH;
	if (caps_set_effective(c->world->caps & status->effective) < 0)
		return -EPERM;
	before = umask(status->umask);
	r = mknodat(dir, name, S_IFREG | (mode & 0777), 0) < 0 ? neg_errno() : 0;
	umask(before);
	caps_set_effective(c->world->caps);
	if (r < 0)
		return r;
	/* where that is not remembered the empty file stays: another may have its name by now */
	file.fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	r = file.fd < 0 ? neg_errno() : file_key(c, &file);
	return r < 0 ? r : store_set(c->world->store, &file.key, attrs);
}

static long handle_mknod(struct call *c)
{
	mode_t mode = (mode_t)c->args[c->row->first];
	uint32_t dev = (uint32_t)c->args[c->row->first + 1];
	struct store_attrs attrs = {
		.set = STORE_TYPE,
		.mode = mode & S_IFMT,
		.rdev = makedev((dev & 0xfff00) >> 8, (dev & 0xff) | (dev >> 12 & 0xfff00)),
	};
	struct task_status status;
	struct place place;
	const char *name;
	long answer = CALL_CONTINUE;
	int dir;

	if (c->world->confined || (!S_ISCHR(mode) && !S_ISBLK(mode)))
		return CALL_CONTINUE;
	if (task_status(c, &status) < 0 || !(status.effective >> CAP_MKNOD & 1))
		return CALL_CONTINUE;
	if (ids_of(c->world->ids, c->tid, NULL)->confined)
		return CALL_CONTINUE;
	if (new_owner(c, &attrs) && (attrs.set & STORE_UID))
		return CALL_CONTINUE;
	if (resolve_place(c, &place) < 0)
		return CALL_CONTINUE;
	dir = place_open_parent(&place, &name);
	if (dir >= 0)
		answer = make_device(c, dir, name, mode, &attrs, &status);
	fd_close(dir);
	place_close(&place);
	return answer;
}

/* A directory with the setgid bit hands its group on. */
static void inherit_group(const struct call *c, int dir, struct store_attrs *attrs)
{
	struct file parent = { .fd = dir };
	struct store_attrs its;

	if (file_key(c, &parent) < 0)
		return;
	its = attrs_of(c, &parent.key);
	if (((its.set & STORE_MODE ? its.mode : parent.stat.stx_mode) & S_ISGID))
		set_id(attrs, STORE_GID, its.set & STORE_GID ? its.gid : parent.stat.stx_gid,
		       parent.stat.stx_gid);
}

static long handle_mkdir(struct call *c)
{
	struct store_attrs attrs = { 0 };
	struct place place;
	const char *name;
	struct stat there;
	int dir;

	if (!new_owner(c, &attrs) && store_count(c->world->store) == 0)
		return CALL_CONTINUE;
	if (resolve_place(c, &place) < 0)
		return CALL_CONTINUE;
	dir = place_open_parent(&place, &name);
	if (dir >= 0)
		inherit_group(c, dir, &attrs);
	if (dir >= 0 && attrs.set && fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT)
		pending_make(c, TAKE_FD(dir), name, &attrs);
	fd_close(dir);
	place_close(&place);
	return CALL_CONTINUE;
}

/* The file at the place of C's row may be about to lose a name. */
static void may_go(const struct call *c)
{
	CLEANUP(file_close) struct file file = { .fd = NO_FD };
	struct place place;
	struct statx stat;

	if (store_count(c->world->store) == 0 || resolve_place(c, &place) < 0)
		return;
	if (place_stat(&place, &stat) == 0 && place_known(c, &place, &stat) &&
	    (stat.stx_nlink == 1 || S_ISDIR(stat.stx_mode)))
		file.fd = place_open(&place);
	place_close(&place);
	if (file.fd >= 0 && file_key(c, &file) == 0)
		pending_unlink(c, &file);
}

static long handle_unlink(struct call *c)
{
	may_go(c);
	return CALL_CONTINUE;
}

/* What has the new name goes, unless the two are exchanged. */
static long handle_rename(struct call *c)
{
	if (c->row->first < 0 || !(c->args[c->row->first] & RENAME_EXCHANGE))
		may_go(c);
	return CALL_CONTINUE;
}

/* Neither our root nor a file that something is waited for keeps a mount busy. */
static long handle_umount(struct call *c)
{
	task_enter_root(c);
	pending_forget(c);
	return CALL_CONTINUE;
}

/* The caller confines itself, which does not hold for us: it is remembered with its ids, as those
 * are of its children too. */
static long handle_confine(struct call *c)
{
	struct ids *ids = c->world->ids;
	const struct ids_cred *cred = ids_of(ids, c->tid, NULL);
	struct ids_cred confined = *cred;
	ssize_t number;
	int r;

	confined.confined = true;
	number = ids_intern(ids, &confined, cred->groups, cred->n_groups);
	if (number < 0)
		return number;
	if (!call_valid(c))
		return -ESRCH;
	r = ids_assign(ids, c->tid, (size_t)number);
	return r < 0 ? r : CALL_CONTINUE;
}

/* A file system whose server is in the sandbox could ask us while we wait for it. Its type has any
 * length: fuse.NAME. */
static long handle_mount(struct call *c)
{
	char type[16];
	ssize_t r = call_read_string(c, c->args[c->row->first], type, sizeof type);

	if ((r > 0 || r == -ENAMETOOLONG) && strncmp(type, "fuse", 4) == 0)
		return -ENODEV;
	return CALL_CONTINUE;
}

static long handle_roots(struct call *c)
{
	tasks_change(c);
	return handle_umount(c);
}

/* clang-format off: one row a line */
#define LINK AT_SYMLINK_NOFOLLOW
const struct call_row files_rows[] = {
	{ "chown", handle_chown, BY_PATH(0), .first = 1 },
	{ "chown32", handle_chown, BY_PATH(0), .first = 1 },
	{ "lchown", handle_chown, BY_PATH(0), .first = 1, .at = LINK },
	{ "lchown32", handle_chown, BY_PATH(0), .first = 1, .at = LINK },
	{ "fchown", handle_chown, BY_FD(0), .first = 1 },
	{ "fchown32", handle_chown, BY_FD(0), .first = 1 },
	{ "fchownat", handle_chown, BY_PATH_FLAGS(0, 1, 4), .first = 2 },
	{ "chmod", handle_chmod, BY_PATH(0), .first = 1 },
	{ "fchmod", handle_chmod, BY_FD(0), .first = 1 },
	{ "fchmodat", handle_chmod, BY_PATH_AT(0, 1), .first = 2 },
	{ "fchmodat2", handle_chmod, BY_PATH_FLAGS(0, 1, 3), .first = 2 },
	{ "mknod", handle_mknod, BY_PATH(0), .first = 1, .at = LINK },
	{ "mknodat", handle_mknod, BY_PATH_AT(0, 1), .first = 2, .at = LINK },
	{ "mkdir", handle_mkdir, BY_PATH(0), .first = 1, .at = LINK },
	{ "mkdirat", handle_mkdir, BY_PATH_AT(0, 1), .first = 2, .at = LINK },
	{ "unlink", handle_unlink, BY_PATH(0), .at = LINK },
	{ "unlinkat", handle_unlink, BY_PATH_AT(0, 1), .at = LINK },
	{ "rmdir", handle_unlink, BY_PATH(0), .at = LINK },
	{ "rename", handle_rename, BY_PATH(1), .first = CALL_NONE, .at = LINK },
	{ "renameat", handle_rename, BY_PATH_AT(2, 3), .first = CALL_NONE, .at = LINK },
	{ "landlock_restrict_self", handle_confine, BY_NOTHING },
	{ "mount", handle_mount, BY_NOTHING, .first = 2 },
	{ "fsopen", handle_mount, BY_NOTHING, .first = 0 },
	{ "chroot", handle_roots, BY_NOTHING },
	{ "pivot_root", handle_roots, BY_NOTHING },
	{ "setns", handle_roots, BY_NOTHING },
	{ "unshare", handle_roots, BY_NOTHING },
	{ "umount", handle_umount, BY_NOTHING },
	{ "umount2", handle_umount, BY_NOTHING },
	{ "renameat2", handle_rename, BY_PATH_AT(2, 3), .first = 4, .at = LINK },
};
/* clang-format on */
const size_t files_rows_n = ARRAY_SIZE(files_rows);
