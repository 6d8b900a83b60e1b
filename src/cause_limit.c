/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds which limit of namespaces is reached: this user namespace's own, that of one around it, or
 * the depth to which they nest. */
#include "cause.h"

#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "ns.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

/* Each kind's way out, since hints are constant. */
#define RAISE(kind) "as root: sysctl user.max_" kind "_namespaces=10000"
static const struct {
	const char *kind, *hint;
} limits[] = {
	{ "cgroup", RAISE("cgroup") }, { "ipc", RAISE("ipc") },	  { "mnt", RAISE("mnt") },
	{ "net", RAISE("net") },       { "pid", RAISE("pid") },	  { "uts", RAISE("uts") },
	{ "user", RAISE("user") },     { "time", RAISE("time") },
};

/* Tries in a process of its own what the launch wanted, kind by kind. Returns the kind that has
 * reached its limit, by its place in the table of namespaces, or NS_MAX. */
static size_t find_limited(const struct diagnosis *d)
{
	const struct plan *p = d->plan;
	uint64_t wanted = p->unshare | CLONE_NEWNS;
	size_t i, user = 0;
	int status;
	pid_t pid;

	while (namespaces[user].flag != CLONE_NEWUSER)
		user++;
	pid = fork();
	if (pid == 0) {
		if (p->userns && unshare(CLONE_NEWUSER) < 0)
			_exit(errno == ENOSPC ? (int)user : NS_MAX);
		for (i = 0; i < NS_MAX; i++)
			if ((wanted & namespaces[i].flag) && unshare((int)namespaces[i].flag) < 0 &&
			    errno == ENOSPC)
				_exit((int)i);
		_exit(p->two_levels && unshare(CLONE_NEWUSER) < 0 && errno == ENOSPC ? (int)user
										     : NS_MAX);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) > NS_MAX)
		return NS_MAX;
	return (size_t)WEXITSTATUS(status);
}

static const char *hint_of(const char *kind)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++)
		if (streq(limits[i].kind, kind))
			return limits[i].hint;
	return NULL;
}

/* True in the first user namespace, where nothing around this one can be the cause. */
static bool is_outermost(const struct diagnosis *d)
{
	char map[64];
	unsigned inside, outside, count;

	return cause_read_line(d, "self/uid_map", map, sizeof map) &&
	       sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && count == UINT32_MAX;
}

void cause_of_limit(struct diagnosis *d)
{
	static const char unlimited[] = "2147483647"; /* what a new user namespace begins with */
	size_t limited = find_limited(d);
	bool outermost = is_outermost(d);
	char path[64], value[32] = "?";
	const char *kind;
	uint64_t flag;

	if (plan_joins_all(d->plan))
		return; /* nothing is made */
	if (limited == NS_MAX && d->plan->joins) {
		cause_found(
			d,
			"leave --disable-userns out of the sandbox to join, or enter it by "
			"--join-pid, "
			"or its user namespace by --userns, for which nothing is made there",
			"the user namespace that owns what is joined, or one around it, allows no "
			"more namespaces below it (its user.max_*_namespaces)");
		return;
	}
	if (limited == NS_MAX) {
		cause_found(
			d,
			"raise the limit with sysctl, or end sandboxes that are no longer needed",
			"nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)");
		return;
	}
	kind = namespaces[limited].name;
	flag = namespaces[limited].flag;
	snprintf(path, sizeof path, "sys/user/max_%s_namespaces", kind);
	cause_read_line(d, path, value, sizeof value);
	if (streq(value, "0"))
		cause_found(d, hint_of(kind), "user.max_%s_namespaces is 0", kind);
	else if (!streq(value, unlimited) && (flag != CLONE_NEWPID || !outermost))
		cause_found(d, hint_of(kind), "all %s of user.max_%s_namespaces are in use", value,
			    kind);
	else if (flag == CLONE_NEWUSER || flag == CLONE_NEWPID)
		cause_found(
			d,
			"nest less deep, or leave --disable-userns out of the sandbox around this "
			"one, or raise the limit there",
			"%s namespaces nest 32 deep at most, or one around this one allows no more "
			"of "
			"them (its user.max_%s_namespaces)",
			kind, kind);
	else
		cause_found(d, "raise it there, as root of that namespace",
			    "a user namespace around this one allows no more of them (its "
			    "user.max_%s_namespaces)",
			    kind);
}
