/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds out which mounts a path can come to: those at whose mount point, or a prefix of it, no
 * mount of the same parent lies, the parent's own root included. The look-ups are by prefix, in a
 * hash table. */
#include "reach.h"

#include <stdint.h>

#include "util.h"

/* FNV-1a of a mount's parent and the first LENGTH bytes of its mount point. */
static size_t hash_of(long parent, const char *point, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)parent;
	size_t i;

	for (i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)point[i]) * 0x100000001b3u;
	return (size_t)(hash ^ hash >> 32);
}

/* Makes the hash table: at most half of it is full. */
static int index_mounts(struct reach *r)
{
	const struct reach_mount *m;
	size_t i;

	for (r->mask = 63; r->mask < 2 * r->n_mounts;)
		r->mask = 2 * r->mask + 1;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): the slots are pointers */
	r->slots = calloc(r->mask + 1, sizeof *r->slots);
	if (!r->slots)
		return -ENOMEM;
	for (m = r->mounts; m < r->mounts + r->n_mounts; m++) {
		i = hash_of(m->info.parent, m->info.point, strlen(m->info.point));
		while (r->slots[i & r->mask])
			i++;
		r->slots[i & r->mask] = m;
	}
	return 0;
}

/* Appends a mount with a copy of its mount point. */
static int add(struct reach *r, const struct mountinfo *info)
{
	struct reach_mount *grown;

	if ((r->n_mounts & (r->n_mounts - 1)) == 0) { /* at every power of two */
		grown = reallocarray(r->mounts, r->n_mounts ? 2 * r->n_mounts : 1, sizeof *grown);
		if (!grown)
			return -ENOMEM;
		r->mounts = grown;
	}
	r->mounts[r->n_mounts] = (struct reach_mount){ .info = *info, .reach = UNKNOWN };
	r->mounts[r->n_mounts].info.point = strdup(info->point);
	return r->mounts[r->n_mounts++].info.point ? 0 : -ENOMEM;
}

int reach_read(struct reach *r, const struct sandbox *sb)
{
	CLEANUP(mountinfo_close) struct mountinfo_reader reader;
	int result = mountinfo_open(&reader, sb, MOUNTINFO_ALL);
	struct mountinfo info;

	while (result >= 0 && (result = mountinfo_next(&reader, &info)) > 0)
		result = add(r, &info);
	return result < 0 ? result : index_mounts(r);
}

void reach_free(struct reach *r)
{
	size_t i;

	for (i = 0; i < r->n_mounts; i++)
		free(r->mounts[i].info.point);
	free(r->mounts);
	free(r->slots);
	*r = (struct reach){ 0 };
}

static bool mount_at(const struct reach *r, long parent, const char *point, size_t length)
{
	size_t i = hash_of(parent, point, length);
	const struct reach_mount *m;

	for (; (m = r->slots[i & r->mask]); i++)
		if (m->info.parent == parent &&
		    mountinfo_compare(m->info.point, point, length) == 0)
			return true;
	return false;
}

/* Neighbours in the table mostly have one parent: the last one found is tried first. */
static struct reach_mount *by_id(struct reach *r, long id)
{
	size_t i;

	if (r->last && r->last->info.id == id)
		return r->last;
	for (i = 0; i < r->n_mounts; i++)
		if (r->mounts[i].info.id == id)
			return r->last = &r->mounts[i];
	return NULL;
}

static bool is_reachable(struct reach *r, struct reach_mount *m)
{
	size_t end, whole = strlen(m->info.point);
	struct reach_mount *parent;

	if (m->reach != UNKNOWN)
		return m->reach == YES;
	m->reach = NO; /* for now: a mount may be its own parent */
	parent = by_id(r, m->info.parent);
	if (parent && parent != m) {
		/* a mount of the same parent on the parent's root or a shorter prefix hides it */
		for (end = strlen(parent->info.point); end < whole;
		     end = mountinfo_prefix(m->info.point, end))
			if (mount_at(r, parent->info.id, m->info.point, end))
				return false;
		if (!is_reachable(r, parent))
			return false;
	}
	m->reach = YES;
	return true;
}

bool reach_sees(struct reach *r, size_t index)
{
	struct reach_mount *m = &r->mounts[index];

	/* a mount whose own root is covered shows nothing of itself */
	return !mount_at(r, m->info.id, m->info.point, strlen(m->info.point)) && is_reachable(r, m);
}
