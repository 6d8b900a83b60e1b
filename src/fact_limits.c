/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells the limits and settings of a plan. */
#include <inttypes.h>
#include <stdio.h>

#include "fact.h"
#include "json.h"
#include "plan.h"
#include "rlimit.h"
#include "util.h"

static void tell_limit(struct facts *t, const char *key, uint64_t value)
{
	if (value == UINT64_MAX) {
		json_null(&t->json, key);
		fact_say(t, ", %s unlimited", key);
	} else {
		json_unsigned(&t->json, key, value);
		fact_say(t, ", %s %ju", key, (uintmax_t)value);
	}
}

static void tell_rlimit(struct facts *t, const struct limit *l)
{
	json_open(&t->json, NULL, '{');
	json_string(&t->json, "name", rlimit_name(l->resource));
	fact_line(t);
	fact_say(t, "limit %s", rlimit_name(l->resource));
	tell_limit(t, "soft", l->soft);
	tell_limit(t, "hard", l->hard);
	fact_say(t, "\n");
	json_close(&t->json, '}');
}

static bool is_limited(const struct plan *p, int resource)
{
	size_t i;

	for (i = 0; i < p->n_limits; i++)
		if (p->limits[i].resource == resource)
			return true;
	return false;
}

void fact_limits_tell(struct facts *t)
{
	const struct plan *p = t->plan;
	const struct join *join = &t->caller->join;
	bool join_limits = !(p->join_without & WALL_LIMITS);
	const struct limit *l;
	const struct setting *s;
	char mask[16];

	json_open(&t->json, "rlimits", '[');
	for (l = p->limits; l < p->limits + p->n_limits; l++)
		tell_rlimit(t, l);
	for (l = join->limits; join_limits && l < join->limits + join->n_limits; l++)
		if (!is_limited(p, l->resource))
			tell_rlimit(t, l);
	json_close(&t->json, ']');
	fact_word(t, "joined-cgroup", p->cgroup_fd < 0 ? join->cgroup : NULL,
		  "in the cgroup of the process:");
	json_open(&t->json, "settings", '[');
	for (s = p->settings; s < p->settings + p->n_settings; s++)
		fact_word(t, NULL, s->word, "setting");
	json_close(&t->json, ']');
	if (p->pid_limit > 0) {
		json_number(&t->json, "pid-limit", p->pid_limit);
		fact_line(t);
		fact_say(t, "at most %u processes\n", p->pid_limit);
	} else {
		json_null(&t->json, "pid-limit");
	}
	snprintf(mask, sizeof mask, "%04o", (unsigned)p->umask);
	fact_word(t, "umask", p->umask_set ? mask : NULL, "umask");
}
