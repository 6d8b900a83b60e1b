/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the options of a plan against the walls around the process that is joined. */
#include "rules.h"

#include "fail.h"
#include "plan.h"
#include "rlimit.h"

/* Filters and Landlock rules cannot be copied from another process. */
static const char *lacks(const struct plan *p, unsigned wall, const char **ret_hint)
{
	bool own_filters = p->seccomp_fd >= 0 || p->n_seccomp_fds > 0 || p->seccomp_policy ||
			   p->n_denied_calls > 0 || p->denied_families;

	switch (wall) {
	case WALL_SECCOMP:
		*ret_hint = "give it filters of its own, with --add-seccomp-fd or "
			    "--seccomp-policy, or do without: --join-without seccomp";
		return own_filters ? NULL : "runs under seccomp filters";
	case WALL_LANDLOCK:
		*ret_hint = "no other process can have them: --join-without landlock does without";
		return "is behind Landlock rules";
	case WALL_CGROUP:
		*ret_hint = "call husk in that cgroup, open it for --cgroup-fd, or stay in the "
			    "caller's: --join-without cgroup";
		return "is in a cgroup";
	default:
		return NULL;
	}
}

/* A limit of the command's that is above that of the process. */
static int check_limits(const struct plan *p, const struct join *join, struct fail *f)
{
	const struct limit *l, *most;

	for (l = p->limits; l < p->limits + p->n_limits; l++)
		for (most = join->limits; most < join->limits + join->n_limits; most++)
			if (l->resource == most->resource && l->hard > most->hard)
				return fail_hint(
					f,
					fail(f, 0, "--rlimit %s: process %d has a lower limit",
					     rlimit_name(l->resource), (int)join->pid),
					"the sandbox's limits hold for who joins it, but for "
					"--join-without limits");
	return 0;
}

int rules_check_walls(const struct plan *p, const struct caller *caller, struct fail *f)
{
	const struct join *join = &caller->join;
	const char *what, *hint = NULL;
	unsigned wall;

	if (!plan_joins_all(p))
		return 0;
	for (wall = WALL_CGROUP; wall <= WALL_SECCOMP; wall <<= 1) {
		what = join->lacking & ~p->join_without & wall ? lacks(p, wall, &hint) : NULL;
		if (!what)
			continue;
		return fail_hint(f,
				 fail(f, 0, "Process %d %s that the command would not %s%s%s",
				      (int)join->pid, what, wall == WALL_CGROUP ? "be in" : "have",
				      wall == WALL_CGROUP ? ": " : "",
				      wall == WALL_CGROUP ? join->cgroup : ""),
				 hint);
	}
	return p->join_without & WALL_LIMITS ? 0 : check_limits(p, join, f);
}
