/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts id maps together: of the caller's own id, of extents that are asked for, of subordinate ids.
 *
 * The command is the caller, whatever its id is called inside, and so are the files of set-up: the
 * caller is in every map. An extent that holds the caller's id is taken apart around it, so that
 * the caller has an extent of its own, the first. */
#include "ranges.h"

#include <inttypes.h>
#include <stdio.h>

#include "fail.h"
#include "plan.h"
#include "util.h"

#define NO_ID UINT32_MAX

static const struct {
	const char *ids, *option, *own, *file;
} words[MAP_KINDS] = {
	[MAP_UID] = { "uids", "--map-users", "--uid", "/etc/subuid" },
	[MAP_GID] = { "gids", "--map-groups", "--gid", "/etc/subgid" },
};

int ranges_invalid(uint64_t first, uint64_t count)
{
	return count == 0 || first >= NO_ID || count > NO_ID - first;
}

static bool holds(uint32_t first, uint32_t count, uint32_t id)
{
	return id >= first && id - first < count;
}

/* Whether two ranges have an id in common. */
static bool meet(uint32_t a, uint32_t n, uint32_t b, uint32_t m)
{
	return holds(a, n, b) || holds(b, m, a);
}

int ranges_overlap(const struct extents *r, size_t *ret_a, size_t *ret_b)
{
	size_t i, j;

	for (i = 0; i < r->n; i++)
		for (j = 0; j < i; j++)
			if (meet(r->list[i].outside, r->list[i].count, r->list[j].outside,
				 r->list[j].count)) {
				*ret_a = j;
				*ret_b = i;
				return 1;
			}
	return 0;
}

static int append(struct extents *to, uint32_t inside, uint32_t outside, uint64_t count,
		  const char *word)
{
	struct extent *e;

	if (count == 0)
		return 0;
	e = plan_append(&to->list, &to->n, sizeof *e);
	if (!e)
		return -ENOMEM;
	*e = (struct extent){ inside, outside, (uint32_t)count, word };
	return 0;
}

/* The name of extent E for an error: as typed, or where it comes from. */
static const char *name_of(const struct extent *e, size_t kind, char *buf, size_t size)
{
	if (e->word)
		snprintf(buf, size, "%s %s", words[kind].option, e->word);
	else
		snprintf(buf, size, "%s %" PRIu32 " to %" PRIu32 " of the caller's",
			 words[kind].ids, e->outside, e->outside + (e->count - 1));
	return buf;
}

static int fail_overlap(const struct extent *a, const struct extent *b, size_t kind, bool inside,
			struct fail *f)
{
	char first[128], second[128];

	return fail_hint(f,
			 fail(f, 0, "%s and %s overlap: they have %s %s in common",
			      name_of(a, kind, first, sizeof first),
			      name_of(b, kind, second, sizeof second), words[kind].ids,
			      inside ? "inside" : "outside"),
			 "an id inside is one outside, and no other is the same one");
}

/* Where the caller's OWN id is to be inside. An extent that holds it says so, unless an option
 * does.
 */
static uint32_t find_caller(const struct extents *asked, uint32_t own, bool said,
			    uint32_t otherwise)
{
	size_t i;

	for (i = 0; i < asked->n && !said; i++)
		if (holds(asked->list[i].outside, asked->list[i].count, own))
			return asked->list[i].inside + (own - asked->list[i].outside);
	return otherwise;
}

/* Adds extent E without the caller's id, which is OWN outside and ID inside. */
static int add_asked(struct extents *map, const struct extent *e, size_t kind, struct fail *f)
{
	uint32_t id = map->list[0].inside, own = map->list[0].outside, before;
	bool inside = holds(e->inside, e->count, id), outside = holds(e->outside, e->count, own);

	if (!inside && !outside)
		return append(map, e->inside, e->outside, e->count, e->word);
	before = own - e->outside;
	if (outside && e->inside + before == id) {
		if (append(map, e->inside, e->outside, before, e->word) < 0)
			return -ENOMEM;
		return append(map, e->inside + before + 1, own + 1, (uint64_t)e->count - before - 1,
			      e->word);
	}
	if (outside)
		return fail_hint(f,
				 fail(f, 0,
				      "%s %s has the caller's own id, %" PRIu32
				      ", which is %" PRIu32 " inside already",
				      words[kind].option, e->word, own, id),
				 "leave it out of the range, or leave out what says which id the "
				 "caller has inside");
	return fail_hint(
		f,
		fail(f, 0, "%s %s overlaps with the caller, who is %" PRIu32 " inside",
		     words[kind].option, e->word, id),
		kind == MAP_UID
			? "begin at 1, as in --map-users 1:100000:65535, or move the caller with "
			  "--uid"
			: "begin at 1, as in --map-groups 1:100000:65535, or move the caller with "
			  "--gid");
}

/* Adds the subordinate ids, from 0 on, around the caller's. */
static int add_subordinate(struct extents *map, const struct extents *from, size_t kind,
			   struct fail *f)
{
	uint32_t id = map->list[0].inside, own = map->list[0].outside, next = 0, done;
	uint64_t take;
	size_t i;

	for (i = 0; i < from->n; i++) {
		const struct extent *e = &from->list[i];

		if (holds(e->outside, e->count, own))
			return fail_hint(f,
					 fail(f, 0,
					      "%s gives the caller its own id, %" PRIu32
					      ", as a subordinate one: the ranges overlap",
					      words[kind].file, own),
					 "the range there must be changed, or named with "
					 "--map-users and --map-groups");
		for (done = 0; done < e->count; done += (uint32_t)take) {
			next += next == id;
			take = e->count - done;
			if (next < id && take > id - next)
				take = id - next;
			if (ranges_invalid(next, take))
				return fail(f, 0, "There are more subordinate ids than ids");
			if (append(map, next, e->outside + done, take, NULL) < 0)
				return -ENOMEM;
			next += (uint32_t)take;
		}
	}
	return 0;
}

static int check_overlaps(const struct extents *map, size_t kind, struct fail *f)
{
	const struct extent *l = map->list;
	size_t a, b;

	if (map->n > RANGES_EXTENTS_MAX)
		return fail_hint(f,
				 fail(f, 0, "A map of %zu ranges of %s: the kernel takes %d",
				      map->n, words[kind].ids, RANGES_EXTENTS_MAX),
				 "fewer and longer ranges hold as many ids");
	if (ranges_overlap(map, &a, &b))
		return fail_overlap(&l[a], &l[b], kind, false, f);
	for (a = 0; a < map->n; a++)
		for (b = 0; b < a; b++)
			if (meet(l[a].inside, l[a].count, l[b].inside, l[b].count))
				return fail_overlap(&l[b], &l[a], kind, true, f);
	return 0;
}

static int place(struct plan *p, const struct caller *c, size_t kind, uint32_t id, struct fail *f)
{
	struct extents *map = &p->maps[kind];
	size_t i;
	int r = append(map, id, kind == MAP_UID ? c->uid : c->gid, 1, NULL);

	if (r == 0 && p->map_auto)
		r = add_subordinate(map, &c->subids[kind], kind, f);
	for (i = 0; i < p->asked[kind].n && r == 0; i++)
		r = add_asked(map, &p->asked[kind].list[i], kind, f);
	if (r == 0)
		r = check_overlaps(map, kind, f);
	return r < 0 && !f->set ? fail(f, -r, "Out of memory") : r;
}

int ranges_place(struct plan *p, const struct caller *c, struct fail *f)
{
	int r;

	if (!p->map_auto && p->asked[MAP_UID].n == 0 && p->asked[MAP_GID].n == 0)
		return 0;
	if (!p->uid_set)
		p->uid = find_caller(&p->asked[MAP_UID], c->uid, p->map_current,
				     p->map_current ? c->uid : 0);
	if (!p->gid_set)
		p->gid = find_caller(&p->asked[MAP_GID], c->gid, p->map_current,
				     p->map_current ? c->gid : 0);
	p->uid_set = p->gid_set = true;
	fail_step(f, "id maps", p->map_auto ? "--map-auto" : NULL);
	r = place(p, c, MAP_UID, p->uid, f);
	if (r == 0)
		r = place(p, c, MAP_GID, p->gid, f);
	p->ranges = p->maps[MAP_UID].n > 1 || p->maps[MAP_GID].n > 1;
	p->helpers = p->ranges && !c->maps_ids;
	fail_step(f, NULL, NULL);
	return r;
}

static int check_text(const struct extents *map, size_t kind, struct fail *f)
{
	size_t length = ranges_text(map, NULL, 0);

	return length <= RANGES_TEXT_MAX
		       ? 0
		       : fail_hint(
				 f,
				 fail(f, 0,
				      "A map of %zu ranges of %s takes %zu bytes: the kernel takes "
				      "%d",
				      map->n, words[kind].ids, length, RANGES_TEXT_MAX),
				 "fewer and longer ranges hold as many ids");
}

/* The first level has the ids in a row, the caller's as 0: it is root there. */
static int divide(struct plan *p, size_t kind)
{
	const struct extents *map = &p->maps[kind];
	uint32_t at = 0;
	size_t i;
	int r = 0;

	for (i = 0; i < map->n && r == 0; i++) {
		const struct extent *e = &map->list[i];

		r = append(&p->first[kind], p->two_levels ? at : e->inside, e->outside, e->count,
			   e->word);
		if (r == 0 && p->two_levels)
			r = append(&p->second[kind], e->inside, at, e->count, e->word);
		at += e->count;
	}
	return r;
}

int ranges_divide(struct plan *p, struct fail *f)
{
	size_t kind;
	int r = 0;

	for (kind = 0; kind < MAP_KINDS && p->ranges && r == 0; kind++) {
		r = divide(p, kind);
		if (r < 0)
			return fail(f, -r, "Out of memory");
		r = check_text(&p->first[kind], kind, f);
		if (r == 0)
			r = check_text(&p->second[kind], kind, f);
	}
	return r;
}

size_t ranges_text(const struct extents *map, char *buf, size_t size)
{
	size_t i, length = 0;

	for (i = 0; i < map->n; i++) {
		const struct extent *e = &map->list[i];
		bool room = length < size;

		length += (size_t)snprintf(room ? buf + length : NULL, room ? size - length : 0,
					   "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", e->inside,
					   e->outside, e->count);
	}
	return length;
}

uint64_t ranges_count(const struct extents *map)
{
	uint64_t total = 0;
	size_t i;

	for (i = 1; i < map->n; i++)
		total += map->list[i].count;
	return total;
}

bool ranges_setgroups(const struct plan *p)
{
	return p->ranges && p->maps[MAP_GID].n > 1;
}

void ranges_free(struct plan *p)
{
	size_t i;

	for (i = 0; i < MAP_KINDS; i++) {
		free(p->asked[i].list);
		free(p->maps[i].list);
		free(p->first[i].list);
		free(p->second[i].list);
	}
}
