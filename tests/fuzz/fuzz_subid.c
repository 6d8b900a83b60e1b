/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the content of /etc/subuid: the ranges of the caller, which has two names, and what
 * --map-auto makes of them. */
#include "fuzz.h"
#include "maps.h"

#include "fail.h"
#include "personality.h"
#include "subid.h"
#include "util.h"

/* The caller's ids inside and out are such that ranges can lie on both sides. */
static void plan_auto(const struct extents *ranges)
{
	static char command[] = "true";
	char *words[] = { command, NULL };
	struct caller caller = { .uid = 1000, .gid = 70, .join.pidfd = NO_FD };
	struct fail f = { 0 };
	struct plan p;
	int r;

	caller.subids[MAP_UID] = caller.subids[MAP_GID] = *ranges;
	plan_init(&p, &personality_husk);
	p.map_auto = p.uid_set = true;
	p.uid = 5;
	p.command = words;
	r = plan_check(&p, &caller, &f);
	demand((r < 0) == f.set);
	if (r == 0) {
		maps_demand(&p, MAP_UID, caller.uid, 5);
		maps_demand(&p, MAP_GID, caller.gid, 0);
	}
	plan_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char one[] = "user", two[] = "u2";
	char *names[] = { one, two };
	struct subid_owner owner = { .uid = 1000, .names = names, .n_names = 2 };
	struct extents ranges = { 0 };
	unsigned long long end = 0;
	/* not terminated: its length alone says where it ends */
	char *text = malloc(size > 0 ? size : 1);
	struct fail f = { 0 };
	size_t i, a, b;
	int r;

	demand(text != NULL);
	memcpy(text, data, size);
	r = subid_parse(text, size, &owner, "/etc/subuid", &ranges, &end, &f);
	demand((r < 0) == f.set);
	demand(end <= UINT32_MAX);
	for (i = 0; i < ranges.n; i++) {
		demand(!ranges_invalid(ranges.list[i].outside, ranges.list[i].count));
		demand((uint64_t)ranges.list[i].outside + ranges.list[i].count <= end);
	}
	if (r == 0) {
		demand(!ranges_overlap(&ranges, &a, &b));
		plan_auto(&ranges);
	}
	free(ranges.list);
	free(text);
	return 0;
}
