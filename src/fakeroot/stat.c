/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows what is pretended of a file, in the form of each call and ABI. Where nothing is, the kernel
 * answers. */
#include "stat.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../util.h"
#include "resolve.h"
#include "tasks.h"

enum layout {
	LAYOUT_STAT, /* that of the ABI's oldest call in use */
	LAYOUT_64, /* struct stat64 of an ABI of 32 bits */
	LAYOUT_STATX,
};

/* arch/x86/include/asm/compat.h, arch/arm64/include/asm/compat.h: struct compat_stat */
struct stat_32 {
	uint32_t dev, ino;
	uint16_t mode, nlink, uid, gid;
	uint32_t rdev, size, blksize, blocks;
	uint32_t times[6];
	uint32_t unused[2];
};

/* arch/x86/include/asm/sys_ia32.h, arch/arm64/include/asm/stat.h: struct stat64 */
struct stat_64 {
	uint64_t dev;
	uint8_t pad0[4];
	uint32_t low_ino, mode, nlink, uid, gid;
	uint64_t rdev;
	uint8_t pad3[4];
	int64_t size;
	uint32_t blksize;
	uint64_t blocks;
	uint32_t times[6];
	uint64_t ino;
}
#ifdef __x86_64__
__attribute__((packed)) /* its numbers of 64 bits lie as i386 has them */
#endif
;

static void put_times(void *times, const struct statx *stat)
{
	const struct statx_timestamp *all[] = { &stat->stx_atime, &stat->stx_mtime,
						&stat->stx_ctime };
	uint32_t to[6];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		to[2 * i] = (uint32_t)all[i]->tv_sec;
		to[2 * i + 1] = all[i]->tv_nsec;
	}
	memcpy(times, to, sizeof to);
}

static struct timespec time_of(const struct statx_timestamp *t)
{
	return (struct timespec){ .tv_sec = t->tv_sec, .tv_nsec = t->tv_nsec };
}

/* A device's number as the kernel puts it into 32 bits. */
static uint32_t short_dev(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

static long write_stat(const struct call *c, const struct statx *stat, uint64_t address)
{
	struct stat to = {
		.st_dev = makedev(stat->stx_dev_major, stat->stx_dev_minor),
		.st_ino = stat->stx_ino,
		.st_mode = stat->stx_mode,
		.st_nlink = stat->stx_nlink,
		.st_uid = stat->stx_uid,
		.st_gid = stat->stx_gid,
		.st_rdev = makedev(stat->stx_rdev_major, stat->stx_rdev_minor),
		.st_size = (off_t)stat->stx_size,
		.st_blksize = stat->stx_blksize,
		.st_blocks = (blkcnt_t)stat->stx_blocks,
		.st_atim = time_of(&stat->stx_atime),
		.st_mtim = time_of(&stat->stx_mtime),
		.st_ctim = time_of(&stat->stx_ctime),
	};

	return call_write(c, address, &to, sizeof to);
}

static uint16_t short_id(uint32_t id)
{
	return (uint16_t)(id > UINT16_MAX ? 65534 : id);
}

static long write_stat_32(const struct call *c, const struct statx *stat, uint64_t address)
{
	struct stat_32 to = {
		.dev = short_dev(stat->stx_dev_major, stat->stx_dev_minor),
		.ino = (uint32_t)stat->stx_ino,
		.mode = stat->stx_mode,
		.nlink = (uint16_t)stat->stx_nlink,
		.uid = short_id(stat->stx_uid),
		.gid = short_id(stat->stx_gid),
		.rdev = short_dev(stat->stx_rdev_major, stat->stx_rdev_minor),
		.size = (uint32_t)stat->stx_size,
		.blksize = stat->stx_blksize,
		.blocks = (uint32_t)stat->stx_blocks,
	};

	if (stat->stx_ino > UINT32_MAX || stat->stx_size > INT32_MAX ||
	    stat->stx_nlink > UINT16_MAX)
		return -EOVERFLOW;
	put_times(&to.times, stat);
	return call_write(c, address, &to, sizeof to);
}

static long write_stat_64(const struct call *c, const struct statx *stat, uint64_t address)
{
	struct stat_64 to = {
		.dev = short_dev(stat->stx_dev_major, stat->stx_dev_minor),
		.low_ino = (uint32_t)stat->stx_ino,
		.mode = stat->stx_mode,
		.nlink = stat->stx_nlink,
		.uid = stat->stx_uid,
		.gid = stat->stx_gid,
		.rdev = short_dev(stat->stx_rdev_major, stat->stx_rdev_minor),
		.size = (int64_t)stat->stx_size,
		.blksize = stat->stx_blksize,
		.blocks = stat->stx_blocks,
		.ino = stat->stx_ino,
	};

	put_times(&to.times, stat);
	return call_write(c, address, &to, sizeof to);
}

/* What the store has of the file, put into *STAT. */
static void pretend(const struct store_attrs *attrs, struct statx *stat)
{
	if (attrs->set & STORE_UID)
		stat->stx_uid = attrs->uid;
	if (attrs->set & STORE_GID)
		stat->stx_gid = attrs->gid;
	if (attrs->set & STORE_MODE)
		stat->stx_mode = (uint16_t)((stat->stx_mode & ~07777U) | (attrs->mode & 07777));
	if (attrs->set & STORE_TYPE) {
		stat->stx_mode =
			(uint16_t)((stat->stx_mode & ~(unsigned)S_IFMT) | (attrs->mode & S_IFMT));
		stat->stx_rdev_major = major(attrs->rdev);
		stat->stx_rdev_minor = minor(attrs->rdev);
		stat->stx_size = stat->stx_blocks = 0;
	}
}

static long show(const struct call *c, struct place *place, struct statx *stat,
		 const struct store_attrs *attrs)
{
	const uint64_t *own = &c->args[c->row->first];
	unsigned kept = AT_STATX_SYNC_TYPE | AT_NO_AUTOMOUNT;

	if (c->row->layout == LAYOUT_STATX) {
		if (sys_statx(place->base, place->path, place->at | (int)(c->args[2] & kept),
			      (unsigned)own[0], stat) < 0)
			return CALL_CONTINUE;
		pretend(attrs, stat);
		return call_write(c, own[1], stat, sizeof *stat);
	}
	pretend(attrs, stat);
	if (c->row->layout == LAYOUT_64)
		return write_stat_64(c, stat, own[0]);
	return c->abi == FILTER_COMPAT ? write_stat_32(c, stat, own[0])
				       : write_stat(c, stat, own[0]);
}

static long handle_stat(struct call *c)
{
	const struct store_attrs *attrs;
	struct place place;
	struct statx stat;
	long answer = CALL_CONTINUE;
	struct key key;

	if (store_count(c->world->store) == 0)
		return CALL_CONTINUE;
	if (resolve_place(c, &place) < 0)
		return CALL_CONTINUE;
	if (place_stat(&place, &stat) == 0 && place_known(c, &place, &stat) &&
	    place_key(c, &place, &stat, &key) == 0) {
		attrs = store_find(c->world->store, &key);
		if (attrs && attrs->set && !task_is_foreign(c))
			answer = show(c, &place, &stat, attrs);
	}
	place_close(&place);
	return answer;
}

/* clang-format off: one row a line */
const struct call_row stat_rows[] = {
	{ "stat", handle_stat, BY_PATH(0), .first = 1 },
	{ "lstat", handle_stat, BY_PATH(0), .first = 1, .at = AT_SYMLINK_NOFOLLOW },
	{ "fstat", handle_stat, BY_FD(0), .first = 1 },
	{ "newfstatat", handle_stat, BY_PATH_FLAGS(0, 1, 3), .first = 2 },
	{ "stat64", handle_stat, BY_PATH(0), .first = 1, .layout = LAYOUT_64 },
	{ "lstat64", handle_stat, BY_PATH(0), .first = 1, .layout = LAYOUT_64,
	  .at = AT_SYMLINK_NOFOLLOW },
	{ "fstat64", handle_stat, BY_FD(0), .first = 1, .layout = LAYOUT_64 },
	{ "fstatat64", handle_stat, BY_PATH_FLAGS(0, 1, 3), .first = 2, .layout = LAYOUT_64 },
	{ "statx", handle_stat, BY_PATH_FLAGS(0, 1, 2), .first = 3, .layout = LAYOUT_STATX },
};
/* clang-format on */
const size_t stat_rows_n = ARRAY_SIZE(stat_rows);
