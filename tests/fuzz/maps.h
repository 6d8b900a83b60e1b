/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What must be true of the id maps of any plan that is accepted. */
#pragma once

#include <stdbool.h>

#include "fuzz.h"

#include "plan.h"
#include "ranges.h"

/* Whether two ranges share an id, counted in 64 bits. */
static inline bool maps_meet(uint64_t a, uint64_t n, uint64_t b, uint64_t m)
{
	return a < b + m && b < a + n;
}

/* Every id is one, and is there once. */
static inline void maps_demand_valid(const struct extents *map)
{
	size_t i, j;

	demand(map->n >= 1 && map->n <= 340);
	for (i = 0; i < map->n; i++) {
		const struct extent *e = &map->list[i];

		demand(e->count > 0);
		demand((uint64_t)e->inside + e->count <= UINT32_MAX);
		demand((uint64_t)e->outside + e->count <= UINT32_MAX);
		for (j = 0; j < i; j++) {
			const struct extent *o = &map->list[j];

			demand(!maps_meet(e->inside, e->count, o->inside, o->count));
			demand(!maps_meet(e->outside, e->count, o->outside, o->count));
		}
	}
}

/* The kernel takes it: map_write() in its user_namespace.c. */
static inline void maps_demand_written(const struct extents *map)
{
	char text[RANGES_TEXT_MAX + 1];
	size_t length = ranges_text(map, text, sizeof text);

	maps_demand_valid(map);
	demand(length <= 4095 && strlen(text) == length);
}

/* Where ID is around the namespace of MAP, by an extent that also holds the COUNT - 1 ids after it;
 * UINT64_MAX where it has none. */
static inline uint64_t maps_outside(const struct extents *map, uint64_t id, uint64_t count)
{
	size_t i;

	for (i = 0; i < map->n; i++) {
		const struct extent *e = &map->list[i];

		if (id >= e->inside && id + count <= (uint64_t)e->inside + e->count)
			return e->outside + (id - e->inside);
	}
	return UINT64_MAX;
}

/* The caller is in it, and what is written comes to what the command is promised. */
static inline void maps_demand(const struct plan *p, size_t kind, uint32_t caller, uint32_t id)
{
	const struct extents *map = &p->maps[kind], *first = &p->first[kind];
	size_t i;

	if (!p->ranges)
		return;
	maps_demand_valid(map);
	maps_demand_written(first);
	demand(map->list[0].outside == caller && map->list[0].inside == id);
	demand(maps_outside(first, p->two_levels ? 0 : id, 1) == caller);
	if (p->two_levels)
		maps_demand_written(&p->second[kind]);
	for (i = 0; i < map->n; i++) {
		const struct extent *e = &map->list[i];
		uint64_t at = p->two_levels ? maps_outside(&p->second[kind], e->inside, e->count)
					    : e->inside;

		demand(maps_outside(first, at, e->count) == e->outside);
	}
}
