/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells who the command of a plan is: ids, what they are outside, groups, capabilities. */
#include "fact.h"

#include <unistd.h>

#include "caps.h"
#include "plan.h"
#include "ranges.h"
#include "sys.h"
#include "util.h"

static const char *user_namespace(const struct plan *p)
{
	if (p->userns_fd >= 0 || (plan_joins_all(p) && (p->joins & CLONE_NEWUSER)))
		return "joined";
	return p->userns ? "new" : "shared";
}

static void tell_caps(struct facts *t)
{
	const struct plan *p = t->plan;
	const char *name;
	unsigned cap;

	json_open(&t->json, "capabilities", '[');
	fact_line(t);
	fact_say(t, "capabilities:%s", p->caps == 0 ? " none" : p->caps == CAPS_ALL ? " all" : "");
	for (cap = 0; (name = caps_name(cap)); cap++) {
		if (!(p->caps & CAP_BIT(cap)))
			continue;
		json_string(&t->json, NULL, name);
		if (p->caps != CAPS_ALL)
			fact_say(t, " %s", name);
	}
	fact_say(t, "\n");
	json_close(&t->json, ']');
}

/* A user namespace hides the numbers of the caller's groups, not what they may do to files:
 * user_namespaces(7). */
static void tell_groups(struct facts *t)
{
	int n = getgroups(0, NULL), i;
	gid_t *groups = n > 0 ? calloc((size_t)n, sizeof *groups) : NULL;

	n = groups ? getgroups(n, groups) : 0;
	json_open(&t->json, "outer-groups", '[');
	for (i = 0; i < n; i++) {
		json_number(&t->json, NULL, groups[i]);
		if (i == 0)
			fact_line(t);
		fact_say(t,
			 i == 0 ? "these groups of the caller's still count for files: %u" : " %u",
			 groups[i]);
	}
	fact_say(t, n > 0 ? "\n" : "");
	json_close(&t->json, ']');
	free(groups);
}

/* A map: every extent as JSON, and to the person those of more than the caller's own id. */
static void tell_map(struct facts *t, const char *key, const char *ids, const struct extents *map)
{
	const struct extent *e;

	json_open(&t->json, key, '[');
	for (e = map->list; e < map->list + map->n; e++) {
		json_open(&t->json, NULL, '{');
		json_number(&t->json, "inside", e->inside);
		json_number(&t->json, "outside", e->outside);
		json_number(&t->json, "count", e->count);
		json_close(&t->json, '}');
		if (e == map->list)
			continue;
		fact_line(t);
		fact_say(t, "%s %u to %u are %u to %u outside\n", ids, e->inside,
			 e->inside + (e->count - 1), e->outside, e->outside + (e->count - 1));
	}
	json_close(&t->json, ']');
}

/* The ids that there are, where husk decides that. */
static void tell_maps(struct facts *t)
{
	const struct plan *p = t->plan;
	const struct caller *c = t->caller;
	struct extent users = { .inside = p->uid, .outside = c->uid, .count = 1 };
	struct extent groups = { .inside = p->gid, .outside = c->gid, .count = 1 };
	struct extents uids = { &users, 1 }, gids = { &groups, 1 };
	bool made = p->userns && p->userns_block_fd < 0;

	if (!made) {
		json_null(&t->json, "uid-map");
		json_null(&t->json, "gid-map");
		json_null(&t->json, "maps-by");
		json_null(&t->json, "setgroups");
		return;
	}
	tell_map(t, "uid-map", "uids", p->ranges ? &p->maps[MAP_UID] : &uids);
	tell_map(t, "gid-map", "gids", p->ranges ? &p->maps[MAP_GID] : &gids);
	fact_choice(t, "maps-by", p->helpers ? "newuidmap" : "husk",
		    p->helpers ? "the id maps are written by newuidmap and newgidmap" : NULL);
	json_bool(&t->json, "setgroups", ranges_setgroups(p));
	if (ranges_setgroups(p)) {
		fact_line(t);
		fact_say(t, "groups can be given up and taken: setgroups is allowed\n");
	}
}

void fact_identity_tell(struct facts *t)
{
	const struct plan *p = t->plan;
	const struct caller *c = t->caller;
	bool known = p->userns_fd < 0 && p->userns_block_fd < 0 && !plan_joins_all(p);

	fact_line(t);
	if (p->userns_fd >= 0)
		fact_say(t, "in the user namespace of descriptor %d\n", p->userns_fd);
	else if (plan_joins_all(p))
		fact_say(t, "in the namespaces of process %d\n", (int)c->join.pid);
	else if (p->userns_block_fd >= 0)
		fact_say(t, "id maps written by the caller, before descriptor %d ends\n",
			 p->userns_block_fd);
	else if (p->userns)
		fact_say(t, "uid %u is %u outside, gid %u is %u outside\n", p->uid, c->uid, p->gid,
			 c->gid);
	else
		fact_say(t, "uid %u, gid %u, as outside\n", c->uid, c->gid);
	if ((p->userns_fd >= 0 || plan_joins_all(p)) && (p->uid_set || p->gid_set)) {
		fact_line(t);
		fact_say(t, "uid %u, gid %u there\n", p->uid, p->gid);
	}
	if (known || p->uid_set)
		json_number(&t->json, "uid", p->uid);
	else
		json_null(&t->json, "uid");
	if (known || p->gid_set)
		json_number(&t->json, "gid", p->gid);
	else
		json_null(&t->json, "gid");
	json_number(&t->json, "outer-uid", c->uid);
	json_number(&t->json, "outer-gid", c->gid);
	tell_maps(t);
	tell_groups(t);
	json_string(&t->json, "user-namespace", user_namespace(p));
	json_number(&t->json, "levels",
		    p->two_levels ? 2 : !streq(user_namespace(p), "shared") + (p->userns2_fd >= 0));
	fact_line(t);
	fact_say(t, "%s\n",
		 streq(user_namespace(p), "shared") ? "no user namespace"
		 : p->owner_joined
			 ? "two user namespaces: the command has no power over what it joins"
		 : p->two_levels
			 ? "two user namespaces: the command can undo no mount of its sandbox"
			 : "one user namespace");
	tell_caps(t);
}
