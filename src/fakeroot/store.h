/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is pretended about files: a record per file, in memory, and in a database if there is one.
 *
 * A file is known by a key, which has to name the file itself, not a place or a number that another
 * file can have later; with a database, beyond the life of this kernel.
 *
 * With a database, what is changed is shown at once and written by store_commit(): whoever answers
 * a call of the sandbox commits first, since the answer is what promises that it will be found
 * again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fail;
struct store;

#define KEY_HANDLE_MAX	136 /* bytes */
#define STORE_NAME_MAX	255 /* bytes of the name of an attribute: XATTR_NAME_MAX */
#define STORE_VALUE_MAX 65536 /* bytes of its value: XATTR_SIZE_MAX */
#define STORE_FILE_MAX	(1 << 20) /* bytes of all attributes of a file, with their names */

/* A file. Its number is shared with files that are no more; the rest tells them apart. */
struct key {
	uint64_t fs, ino; /* the file system, and the number in it */
	uint16_t n; /* bytes of the handle */
	uint8_t handle[KEY_HANDLE_MAX]; /* what else names the file, which only who made it reads */
};

/* Which of the fields are pretended; of the others the file's own are shown. */
enum store_field {
	STORE_UID = 1,
	STORE_GID = 2,
	STORE_MODE = 4, /* the lower 12 bits of mode */
	STORE_TYPE = 8, /* the type in mode, and rdev */
};

struct store_attrs {
	unsigned set; /* enum store_field */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	dev_t rdev;
};

/* An empty store; with FILE, what that database holds, which is made if there is none, readable to
 * its owner only. A database that is in use by another store, or is none of ours, is an error. The
 * caller's to close. Returns 0 or -errno. */
int store_open(struct store **ret, const char *file, struct fail *f);

/* Lets go of S, which may be NULL. What was not committed is lost. */
void store_close(struct store *s);
void store_closep(struct store **s);

/* How many files something is pretended of. */
size_t store_count(const struct store *s);

/* Whether something may be pretended of a file that has or had the number INO: quick, and false of
 * most. */
bool store_any(const struct store *s, uint64_t fs, uint64_t ino);

/* What is pretended of a file: valid until the next call that changes the store.
 * NULL if nothing is but extended attributes. */
const struct store_attrs *store_find(const struct store *s, const struct key *key);

/* Pretends ATTRS, all of them, from now on: a field that is not set there is the file's own again.
 * Extended attributes stay. Returns 0, -EINVAL for a key that is too long, -ENOMEM, or -ENOSPC
 * when the store is full. */
int store_set(struct store *s, const struct key *key, const struct store_attrs *attrs);

/* Forgets all about a file. */
void store_drop(struct store *s, const struct key *key);

/* Whether anything was changed that is not in the database yet. */
bool store_dirty(const struct store *s);

/* Writes to the database what was changed since the last time, so that it is found again after a
 * crash of this process or of the machine. Returns 0 or -errno: then nothing of it was written,
 * and the next call tries again. */
int store_commit(struct store *s);

/* Whether any file has a pretended extended attribute. */
bool store_has_xattrs(const struct store *s);

/* The value of the attribute NAME, a string, of a file, at *RET, which is valid until the next call
 * that changes the store and may be NULL if there is none of its bytes wanted. Returns its length
 * in bytes, or -ENODATA. */
ssize_t store_xattr(const struct store *s, const struct key *key, const char *name,
		    const void **ret);

/* Gives it SIZE bytes of VALUE. Returns 0, -ERANGE for a name that is empty or too long, -E2BIG for
 * such a value, -ENOSPC when the file has too much of them or the store is full, or -ENOMEM. */
int store_xattr_set(struct store *s, const struct key *key, const char *name, const void *value,
		    size_t size);

/* Takes it away. Returns 0 or -ENODATA. */
int store_xattr_remove(struct store *s, const struct key *key, const char *name);

/* The names of a file's attributes, each ended by a NUL, in the SIZE bytes at NAMES. Returns the
 * bytes that they take, or -ERANGE when that is more than SIZE; SIZE 0 only asks. */
ssize_t store_xattr_list(const struct store *s, const struct key *key, char *names, size_t size);
