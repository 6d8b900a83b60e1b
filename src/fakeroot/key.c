/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The identity of files: the kernel's handle, which no other file will ever have.
 *
 * To ask for a handle takes a second walk along the path. So what was found out is remembered by
 * what stat tells of a file, with its times of birth and change: another file with the same number
 * would have to be made, and its predecessor changed, within one tick of the clock. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "../util.h"
#include "resolve.h"

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200 /* Linux 6.5 */
#endif

#define FILE_SYSTEMS 32u
#define KEYS	     4096u

/* A handle with the room that the kernel's has behind it. */
union handle {
	struct file_handle head;
	uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

struct known_key {
	struct statx_timestamp born, changed;
	struct key key;
};

struct keys {
	struct {
		uint64_t dev, fs;
	} file_systems[FILE_SYSTEMS];
	size_t n_file_systems;
	struct known_key known[KEYS]; /* by inode number */
};

struct keys *keys_new(void)
{
	return calloc(1, sizeof(struct keys));
}

void keys_free(struct keys *keys)
{
	free(keys);
}

/* The name of a file system: that which it keeps over a restart, where it has one. */
static uint64_t file_system(const struct call *c, const struct place *place,
			    const struct statx *stat)
{
	struct keys *keys = c->world->keys;
	uint64_t dev = makedev(stat->stx_dev_major, stat->stx_dev_minor), fs = dev;
	CLEANUP(fd_closep) int fd = NO_FD;
	struct statfs at;
	size_t i;

	for (i = 0; i < keys->n_file_systems; i++)
		if (keys->file_systems[i].dev == dev)
			return keys->file_systems[i].fs;
	if (place->path[0] != '\0')
		fd = openat(place->base, place->path,
			    O_PATH | O_CLOEXEC |
				    (place->at & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
	/* what cannot be asked now may be asked another time */
	if (fstatfs(place->path[0] != '\0' ? fd : place->base, &at) < 0)
		return dev;
	if (memcmp(&at.f_fsid, &(fsid_t){ 0 }, 8) != 0)
		memcpy(&fs, &at.f_fsid, sizeof fs);
	i = keys->n_file_systems < FILE_SYSTEMS ? keys->n_file_systems++ : dev % FILE_SYSTEMS;
	keys->file_systems[i].dev = dev;
	keys->file_systems[i].fs = fs;
	return fs;
}

bool place_known(const struct call *c, const struct place *place, const struct statx *stat)
{
	return store_any(c->world->store, file_system(c, place, stat), stat->stx_ino);
}

static bool is_same_time(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
	return a->tv_nsec == b->tv_nsec && a->tv_sec == b->tv_sec;
}

static int ask_key(const struct place *place, const struct statx *stat, struct key *ret)
{
	int follow = place->at & AT_SYMLINK_NOFOLLOW ? 0 : AT_SYMLINK_FOLLOW, mount, r;
	int at = follow | (place->at & AT_EMPTY_PATH);
	union handle handle = { .head.handle_bytes = MAX_HANDLE_SZ };

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

int place_key(const struct call *c, const struct place *place, const struct statx *stat,
	      struct key *ret)
{
	struct known_key *known = &c->world->keys->known[stat->stx_ino % KEYS];
	uint64_t fs = file_system(c, place, stat);
	int r;

	if (known->key.ino == stat->stx_ino && known->key.fs == fs && known->key.n > 0 &&
	    (stat->stx_mask & STATX_BTIME) && is_same_time(&known->born, &stat->stx_btime) &&
	    is_same_time(&known->changed, &stat->stx_ctime)) {
		*ret = known->key;
		return 0;
	}
	*ret = (struct key){ .fs = fs, .ino = stat->stx_ino };
	r = ask_key(place, stat, ret);
	if (r == 0)
		*known = (struct known_key){ stat->stx_btime, stat->stx_ctime, *ret };
	return r;
}
