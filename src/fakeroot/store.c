/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is pretended about files: a hash table of records, and which of them the database lacks. */
#include "store.h"

#include <assert.h>
#include <sys/random.h>

#include "fail.h"
#include "journal.h"
#include "util.h"

#define FIRST_BUCKETS 1024 /* a power of two */
#define STORE_MAX     ((size_t)1 << 29) /* bytes of memory that a sandbox can make a store take */

struct xattr {
	struct xattr *next;
	size_t size; /* of the value */
	unsigned name_size; /* with its NUL */
	char bytes[]; /* the name, the value */
};

/* A record that says nothing any more stays until the database has forgotten it too. */
struct record {
	struct record *next; /* in its bucket */
	struct record *next_dirty;
	struct store_attrs attrs;
	struct xattr *xattrs;
	size_t xattr_bytes; /* of their names and values */
	uint64_t hash;
	bool dirty, xattrs_dirty;
	/* its key, with no room for a longer handle than it has */
	uint64_t fs, ino;
	uint16_t n;
	uint8_t handle[];
};

struct store {
	struct record **buckets;
	size_t n_buckets, n_records, n_xattrs, bytes;
	uint64_t seed; /* so that no sandbox can choose where its files go */
	struct record *dirty;
	struct journal *journal; /* or NULL */
};

static uint64_t hash_of(const struct store *s, uint64_t fs, uint64_t ino)
{
	uint64_t h = (s->seed ^ fs) * 0x9e3779b97f4a7c15u;

	h = (h ^ h >> 32 ^ ino) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

static struct record **place_of(const struct store *s, uint64_t hash)
{
	return &s->buckets[hash & (s->n_buckets - 1)];
}

static bool is_of(const struct record *r, const struct key *key)
{
	return r->ino == key->ino && r->fs == key->fs && r->n == key->n &&
	       memcmp(r->handle, key->handle, key->n) == 0;
}

static struct record *find(const struct store *s, const struct key *key)
{
	struct record *r;

	if (s->n_records == 0 || key->n > KEY_HANDLE_MAX)
		return NULL;
	for (r = *place_of(s, hash_of(s, key->fs, key->ino)); r; r = r->next)
		if (is_of(r, key))
			return r;
	return NULL;
}

bool store_any(const struct store *s, uint64_t fs, uint64_t ino)
{
	const struct record *r;

	if (s->n_records == 0)
		return false;
	for (r = *place_of(s, hash_of(s, fs, ino)); r; r = r->next)
		if (r->ino == ino && r->fs == fs)
			return true;
	return false;
}

/* More buckets, when there are as many records; without memory for them chains grow longer. */
static void grow(struct store *s)
{
	size_t old = s->n_buckets, i;
	struct record **before = s->buckets, *r, *next, **place;
	struct record **buckets = calloc(old * 2, sizeof(struct record *));

	if (!buckets)
		return;
	s->buckets = buckets;
	s->n_buckets = old * 2;
	for (i = 0; i < old; i++) {
		for (r = before[i]; r; r = next) {
			next = r->next;
			place = place_of(s, r->hash);
			r->next = *place;
			*place = r;
		}
	}
	free(before);
}

/* The record of a file, made if there is none. */
static int get(struct store *s, const struct key *key, struct record **ret)
{
	struct record *r, **place;
	size_t size;

	if (key->n > KEY_HANDLE_MAX)
		return -EINVAL;
	*ret = find(s, key);
	if (*ret)
		return 0;
	size = sizeof *r + key->n;
	if (s->bytes + size > STORE_MAX)
		return -ENOSPC;
	r = calloc(1, size);
	if (!r)
		return -ENOMEM;
	if (s->n_records >= s->n_buckets)
		grow(s);
	r->hash = hash_of(s, key->fs, key->ino);
	r->fs = key->fs;
	r->ino = key->ino;
	r->n = key->n;
	memcpy(r->handle, key->handle, key->n);
	place = place_of(s, r->hash);
	r->next = *place;
	*place = r;
	s->n_records++;
	s->bytes += size;
	*ret = r;
	return 0;
}

static void free_xattr(struct store *s, struct record *r, struct xattr **place)
{
	struct xattr *x = *place;

	*place = x->next;
	r->xattr_bytes -= x->name_size + x->size;
	s->bytes -= sizeof *x + x->name_size + x->size;
	s->n_xattrs--;
	free(x);
}

static void free_record(struct store *s, struct record *r)
{
	struct record **place = place_of(s, r->hash);

	while (*place != r)
		place = &(*place)->next;
	*place = r->next;
	while (r->xattrs)
		free_xattr(s, r, &r->xattrs);
	s->n_records--;
	s->bytes -= sizeof *r + r->n;
	free(r);
}

/* After R was changed: it goes if it says nothing any more. */
static void changed(struct store *s, struct record *r)
{
	if (s->journal) {
		if (!r->dirty) {
			r->dirty = true;
			r->next_dirty = s->dirty;
			s->dirty = r;
		}
	} else if (!r->attrs.set && !r->xattrs) {
		free_record(s, r);
	}
}

static int load_file(void *to, const struct key *key, const struct store_attrs *attrs)
{
	struct record *r;
	int e = get(to, key, &r);

	if (e == 0)
		r->attrs = *attrs;
	return e;
}

static int load_xattr(void *to, const struct key *key, const char *name, const void *value,
		      size_t size)
{
	return store_xattr_set(to, key, name, value, size);
}

int store_open(struct store **ret, const char *file, struct fail *f)
{
	static const struct journal_reader reader = { load_file, load_xattr };
	CLEANUP(store_closep) struct store *s = calloc(1, sizeof *s);
	struct journal *journal;
	int r;

	if (s)
		s->buckets = calloc(FIRST_BUCKETS, sizeof(struct record *));
	if (!s || !s->buckets)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): CLEANUP frees it */
		return fail(f, ENOMEM, "Cannot remember what is pretended");
	s->n_buckets = FIRST_BUCKETS;
	if (getrandom(&s->seed, sizeof s->seed, GRND_NONBLOCK) < 0)
		s->seed = (uintptr_t)s;
	if (file) {
		r = journal_open(&journal, file, &reader, s, f);
		if (r < 0)
			return r;
		s->journal = journal;
	}
	*ret = s;
	s = NULL;
	return 0;
}

void store_close(struct store *s)
{
	struct record *r, *next;
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->n_buckets; i++) {
		for (r = s->buckets[i]; r; r = next) {
			next = r->next;
			while (r->xattrs)
				free_xattr(s, r, &r->xattrs);
			free(r);
		}
	}
	free(s->buckets);
	journal_close(s->journal);
	free(s);
}

void store_closep(struct store **s)
{
	store_close(*s);
	*s = NULL;
}

size_t store_count(const struct store *s)
{
	return s->n_records;
}

const struct store_attrs *store_find(const struct store *s, const struct key *key)
{
	const struct record *r = find(s, key);

	return r && r->attrs.set ? &r->attrs : NULL;
}

int store_set(struct store *s, const struct key *key, const struct store_attrs *attrs)
{
	struct record *r;
	int e;

	if (!attrs->set && !find(s, key))
		return 0;
	e = get(s, key, &r);
	if (e < 0)
		return e;
	r->attrs = *attrs;
	changed(s, r);
	return 0;
}

void store_drop(struct store *s, const struct key *key)
{
	struct record *r = find(s, key);

	if (!r)
		return;
	r->attrs.set = 0;
	r->xattrs_dirty = r->xattrs_dirty || r->xattrs;
	while (r->xattrs)
		free_xattr(s, r, &r->xattrs);
	changed(s, r);
}

bool store_dirty(const struct store *s)
{
	return s->dirty;
}

static int write_record(struct journal *j, const struct record *r)
{
	struct key key = { .fs = r->fs, .ino = r->ino, .n = r->n };
	const struct xattr *x;
	int e;

	memcpy(key.handle, r->handle, r->n);
	e = journal_file(j, &key, &r->attrs);
	if (e < 0 || !r->xattrs_dirty)
		return e;
	e = journal_no_xattrs(j, &key);
	for (x = r->xattrs; x && e == 0; x = x->next)
		e = journal_xattr(j, &key, x->bytes, x->bytes + x->name_size, x->size);
	return e;
}

int store_commit(struct store *s)
{
	struct record *r, *next;
	int e;

	if (!s->dirty)
		return 0;
	e = journal_begin(s->journal);
	if (e < 0)
		return e;
	for (r = s->dirty; r && e == 0; r = r->next_dirty)
		e = write_record(s->journal, r);
	if (e == 0)
		e = journal_end(s->journal);
	if (e < 0) {
		journal_undo(s->journal);
		return e;
	}
	for (r = s->dirty; r; r = next) {
		next = r->next_dirty;
		r->dirty = r->xattrs_dirty = false;
		if (!r->attrs.set && !r->xattrs)
			free_record(s, r);
	}
	s->dirty = NULL;
	return 0;
}

bool store_has_xattrs(const struct store *s)
{
	return s->n_xattrs > 0;
}

/* Where the pointer to the attribute is, or to the end of the list. */
static struct xattr **find_xattr(struct record *r, const char *name)
{
	struct xattr **place = &r->xattrs;

	while (*place && !streq((*place)->bytes, name))
		place = &(*place)->next;
	return place;
}

ssize_t store_xattr(const struct store *s, const struct key *key, const char *name,
		    const void **ret)
{
	struct record *r = store_has_xattrs(s) ? find(s, key) : NULL;
	const struct xattr *x = r ? *find_xattr(r, name) : NULL;

	if (!x)
		return -ENODATA;
	*ret = x->bytes + x->name_size;
	return (ssize_t)x->size;
}

/* At the end of the list, whose order is that of their making. */
static int add_xattr(struct store *s, struct record *r, const char *name, const void *value,
		     size_t size)
{
	size_t name_size = strlen(name) + 1;
	struct xattr **place = find_xattr(r, name), *x;
	size_t before = *place ? (*place)->name_size + (*place)->size : 0;

	if (r->xattr_bytes - before + name_size + size > STORE_FILE_MAX ||
	    s->bytes + sizeof *x + name_size + size > STORE_MAX)
		return -ENOSPC;
	x = malloc(sizeof *x + name_size + size);
	if (!x)
		return -ENOMEM;
	if (*place)
		free_xattr(s, r, place);
	x->size = size;
	x->name_size = (unsigned)name_size;
	memcpy(x->bytes, name, name_size);
	if (size)
		memcpy(x->bytes + name_size, value, size);
	x->next = *place;
	*place = x;
	r->xattr_bytes += name_size + size;
	s->bytes += sizeof *x + name_size + size;
	s->n_xattrs++;
	return 0;
}

int store_xattr_set(struct store *s, const struct key *key, const char *name, const void *value,
		    size_t size)
{
	size_t name_length = strnlen(name, STORE_NAME_MAX + 1);
	struct record *r;
	int e;

	if (name_length == 0 || name_length > STORE_NAME_MAX)
		return -ERANGE;
	if (size > STORE_VALUE_MAX)
		return -E2BIG;
	e = get(s, key, &r);
	if (e < 0)
		return e;
	e = add_xattr(s, r, name, value, size);
	r->xattrs_dirty = r->xattrs_dirty || (e == 0 && s->journal);
	changed(s, r);
	return e;
}

int store_xattr_remove(struct store *s, const struct key *key, const char *name)
{
	struct record *r = find(s, key);
	struct xattr **place = r ? find_xattr(r, name) : NULL;

	if (!r || !*place)
		return -ENODATA;
	free_xattr(s, r, place);
	r->xattrs_dirty = true;
	changed(s, r);
	return 0;
}

ssize_t store_xattr_list(const struct store *s, const struct key *key, char *names, size_t size)
{
	const struct record *r = store_has_xattrs(s) ? find(s, key) : NULL;
	const struct xattr *x;
	size_t total = 0;

	for (x = r ? r->xattrs : NULL; x; x = x->next) {
		if (size && total + x->name_size > size)
			return -ERANGE;
		if (size)
			memcpy(names + total, x->bytes, x->name_size);
		total += x->name_size;
	}
	return (ssize_t)total;
}
