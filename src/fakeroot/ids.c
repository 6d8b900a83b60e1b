/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pretended ids of processes: every distinct set of them once, in a table, and the rules by
 * which the kernel lets a process change its own. */
#include "ids.h"

#include <assert.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "util.h"

/* A sandbox can make new credentials without end, and none is ever known to be out of use. */
#define MAX_CREDS ((size_t)1 << 20)
#define MAX_BYTES ((size_t)1 << 27)
#define BUCKETS	  4096

struct entry {
	uint64_t hash;
	struct entry *next; /* in its bucket */
	size_t number;
	struct ids_cred cred;
};

struct ids {
	struct entry **entries; /* by number */
	size_t n, room, bytes;
	uint64_t base; /* of the limit's values: of credentials 0 */
	uint64_t seed;
	struct entry *buckets[BUCKETS];
};

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

static uint64_t hash_of(const struct ids *ids, const struct ids_cred *c, const uint32_t *groups,
			size_t n)
{
	uint64_t h = mix(ids->seed, n);
	size_t i;

	for (i = 0; i < IDS_N; i++)
		h = mix(h, (uint64_t)c->uid[i] << 32 | c->gid[i]);
	h = mix(h, (uint64_t)(uint32_t)c->keeper << 3 | c->confined << 2 | c->keep << 1 | c->kept);
	for (i = 0; i < n; i++)
		h = mix(h, groups[i]);
	return h;
}

static bool same(const struct ids_cred *a, const struct ids_cred *b, const uint32_t *groups,
		 size_t n)
{
	return memcmp(a->uid, b->uid, sizeof a->uid) == 0 &&
	       memcmp(a->gid, b->gid, sizeof a->gid) == 0 && a->keep == b->keep &&
	       a->kept == b->kept && a->confined == b->confined && a->keeper == b->keeper &&
	       a->n_groups == n && (n == 0 || memcmp(a->groups, groups, n * sizeof groups[0]) == 0);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int add(struct ids *ids, uint64_t hash, const struct ids_cred *c, const uint32_t *groups,
	       size_t n)
{
	size_t size = sizeof(struct entry) + n * sizeof groups[0], room = ids->room * 2 + 16;
	struct entry *e, **entries;

	if (ids->n == MAX_CREDS || ids->bytes + size > MAX_BYTES)
		return -EAGAIN;
	if (ids->n == ids->room) {
		entries = realloc(ids->entries, room * sizeof(struct entry *));
		if (!entries)
			return -ENOMEM;
		ids->entries = entries;
		ids->room = room;
	}
	e = malloc(size);
	if (!e)
		return -ENOMEM;
	e->hash = hash;
	e->number = ids->n;
	e->cred = *c;
	e->cred.n_groups = n;
	if (n)
		memcpy(e->cred.groups, groups, n * sizeof groups[0]);
	e->next = ids->buckets[hash % BUCKETS];
	ids->buckets[hash % BUCKETS] = e;
	ids->entries[ids->n++] = e;
	ids->bytes += size;
	return 0;
}

ssize_t ids_intern(struct ids *ids, const struct ids_cred *cred, const uint32_t *groups, size_t n)
{
	CLEANUP(free_p) uint32_t *sorted = NULL;
	uint64_t hash;
	struct entry *e;
	int r;

	if (n > 1) {
		sorted = malloc(n * sizeof sorted[0]);
		if (!sorted)
			return -ENOMEM;
		memcpy(sorted, groups, n * sizeof sorted[0]);
		qsort(sorted, n, sizeof sorted[0], by_number);
		groups = sorted;
	}
	hash = hash_of(ids, cred, groups, n);
	for (e = ids->buckets[hash % BUCKETS]; e; e = e->next)
		if (e->hash == hash && same(&e->cred, cred, groups, n))
			return (ssize_t)e->number;
	r = add(ids, hash, cred, groups, n);
	return r < 0 ? r : (ssize_t)ids->n - 1;
}

/* The values of the limit that are ours lie where nobody else's do, at random; but below a hard
 * limit if this process has one, which those of the sandbox have inherited. */
static uint64_t choose_base(void)
{
	struct rlimit locks;
	uint64_t random = 0;

	if (getrlimit(RLIMIT_LOCKS, &locks) == 0 && locks.rlim_max != RLIM_INFINITY)
		return locks.rlim_max > MAX_CREDS ? locks.rlim_max - MAX_CREDS : 0;
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
		random = (uint64_t)getpid() << 32;
	return (uint64_t)1 << 62 | (random & (((uint64_t)1 << 62) - MAX_CREDS));
}

int ids_open(struct ids **ret)
{
	static const struct ids_cred root;
	static const uint32_t groups[] = { 0 };
	CLEANUP(ids_closep) struct ids *ids = calloc(1, sizeof *ids);
	ssize_t r;

	if (!ids)
		return -ENOMEM;
	if (getrandom(&ids->seed, sizeof ids->seed, GRND_NONBLOCK) < 0)
		ids->seed = (uintptr_t)ids;
	ids->base = choose_base();
	r = ids_intern(ids, &root, groups, ARRAY_SIZE(groups));
	if (r < 0)
		return (int)r;
	*ret = ids;
	ids = NULL;
	return 0;
}

void ids_close(struct ids *ids)
{
	size_t i;

	if (!ids)
		return;
	for (i = 0; i < ids->n; i++)
		free(ids->entries[i]);
	free(ids->entries);
	free(ids);
}

void ids_closep(struct ids **ids)
{
	ids_close(*ids);
	*ids = NULL;
}

const struct ids_cred *ids_number(const struct ids *ids, size_t number)
{
	return &ids->entries[number < ids->n ? number : 0]->cred;
}

bool ids_may(const struct ids_cred *cred, pid_t who)
{
	return cred->uid[IDS_EFFECTIVE] == 0 || (cred->kept && cred->keeper == who);
}

/* Whether ID is one of those of HAVE that the bits of WHICH name, or is left alone. */
static bool among(uint32_t id, const uint32_t have[IDS_N], unsigned which)
{
	size_t i;

	if (id == IDS_KEEP)
		return true;
	for (i = 0; i < IDS_N; i++)
		if (which >> i & 1 && have[i] == id)
			return true;
	return false;
}

#define R (1u << IDS_REAL)
#define E (1u << IDS_EFFECTIVE)
#define S (1u << IDS_SAVED)
#define F (1u << IDS_FS)

/* Sets one of them, unless it is to be left alone. */
static void put(uint32_t to[IDS_N], enum ids_which which, uint32_t id)
{
	if (id != IDS_KEEP)
		to[which] = id;
}

/* The functions of kernel/sys.c, __sys_setuid() and so on, for users as for groups. */
static int set_one(const uint32_t have[IDS_N], uint32_t id, bool may, uint32_t to[IDS_N])
{
	if (id == IDS_KEEP)
		return -EINVAL;
	if (may)
		to[IDS_REAL] = to[IDS_SAVED] = id;
	else if (!among(id, have, R | S))
		return -EPERM;
	to[IDS_EFFECTIVE] = id;
	return 0;
}

static int set_two(const uint32_t have[IDS_N], const uint32_t id[2], bool may, uint32_t to[IDS_N])
{
	if (!may && (!among(id[0], have, R | E) || !among(id[1], have, R | E | S)))
		return -EPERM;
	put(to, IDS_REAL, id[0]);
	put(to, IDS_EFFECTIVE, id[1]);
	if (id[0] != IDS_KEEP || (id[1] != IDS_KEEP && id[1] != have[IDS_REAL]))
		to[IDS_SAVED] = to[IDS_EFFECTIVE];
	return 0;
}

static int set_three(const uint32_t have[IDS_N], const uint32_t id[3], bool may, uint32_t to[IDS_N])
{
	size_t i;

	for (i = 0; i < 3; i++)
		if (!may && !among(id[i], have, R | E | S))
			return -EPERM;
	for (i = 0; i < 3; i++)
		put(to, (enum ids_which)i, id[i]);
	return 0;
}

/* Never fails: whoever wants to know asks again, with -1. */
static uint32_t set_fs(const uint32_t have[IDS_N], uint32_t id, bool may, uint32_t to[IDS_N])
{
	if (id != IDS_KEEP && (may || among(id, have, R | E | S | F)))
		to[IDS_FS] = id;
	return have[IDS_FS];
}

static bool any_root(const struct ids_cred *c)
{
	return c->uid[IDS_REAL] == 0 || c->uid[IDS_EFFECTIVE] == 0 || c->uid[IDS_SAVED] == 0;
}

/* Who gives up uid 0 altogether gives up what it may, unless it has asked to keep it: that is
 * cap_emulate_setxuid(). It then raises its capabilities again by capset(2), of which we hear
 * nothing. */
static void drop(const struct ids_cred *old, pid_t who, struct ids_cred *new)
{
	if (!any_root(old) || any_root(new))
		return;
	new->kept = old->keep && old->keeper == who;
	new->keep = false;
	new->keeper = new->kept ? who : 0;
}

int64_t ids_set(const struct ids_cred *old, enum ids_call call, const uint32_t id[3], bool may,
		pid_t who, struct ids_cred *new)
{
	bool group = (call - IDS_SETUID) % 2;
	const uint32_t *have = group ? old->gid : old->uid;
	struct ids_cred work = *old;
	uint32_t *to = group ? work.gid : work.uid;
	int64_t r;

	may = may && ids_may(old, who);
	if (call == IDS_SETUID || call == IDS_SETGID)
		r = set_one(have, id[0], may, to);
	else if (call == IDS_SETREUID || call == IDS_SETREGID)
		r = set_two(have, id, may, to);
	else if (call == IDS_SETRESUID || call == IDS_SETRESGID)
		r = set_three(have, id, may, to);
	else
		r = set_fs(have, id[0], may, to);
	if (r < 0)
		return r;
	if (call < IDS_SETFSUID)
		to[IDS_FS] = to[IDS_EFFECTIVE];
	if (!group)
		drop(old, who, &work);
	*new = work;
	return r;
}

const struct ids_cred *ids_of(const struct ids *ids, pid_t tid, size_t *ret_number)
{
	uint64_t now[2]; /* struct rlimit64 */
	size_t number = 0;

	if (syscall(SYS_prlimit64, tid, RLIMIT_LOCKS, NULL, now) == 0 && now[0] >= ids->base &&
	    now[0] - ids->base < ids->n)
		number = (size_t)(now[0] - ids->base);
	if (ret_number)
		*ret_number = number;
	return &ids->entries[number]->cred;
}

int ids_assign(const struct ids *ids, pid_t tid, size_t number)
{
	uint64_t limits[2];

	if (syscall(SYS_prlimit64, tid, RLIMIT_LOCKS, NULL, limits) < 0)
		return neg_errno();
	limits[0] = ids->base + number;
	if (limits[0] >= limits[1])
		return -EAGAIN;
	return syscall(SYS_prlimit64, tid, RLIMIT_LOCKS, limits, NULL) < 0 ? neg_errno() : 0;
}
