/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of options: limits and settings of the command and its namespaces. */
#include "handlers.h"

#include <string.h>

#include "fail.h"
#include "options.h"
#include "parse.h"
#include "plan.h"
#include "rlimit.h"
#include "setting.h"
#include "util.h"

/* The kernel's RESERVED_PIDS and PID_MAX_LIMIT: its pid_max is the first id not given out. */
#define PID_LIMIT_MIN 300
#define PID_LIMIT_MAX (4194304 - 1)

/* The plan's entry of RESOURCE, where the last option that names it counts: limits set one after
 * the other could only get lower. NULL: there is no memory for one. */
static struct limit *limit_of(struct parse *p, int resource)
{
	size_t i;

	for (i = 0; i < p->plan->n_limits; i++)
		if (p->plan->limits[i].resource == resource)
			return &p->plan->limits[i];
	return plan_append(&p->plan->limits, &p->plan->n_limits, sizeof *p->plan->limits);
}

int opt_rlimit(struct parse *p, const struct option *o, char **operands)
{
	static const char hint[] =
		"--rlimit NAME=SOFT[:HARD], numbers with K, M, G or T, or unlimited";
	const char *word = operands[0], *equals = strchrnul(word, '='), *colon;
	struct limit *limit, new = { 0 };

	(void)o;
	new.resource = rlimit_find(word, (size_t)(equals - word));
	if (new.resource < 0)
		return fail_hint(p->fail,
				 fail(p->fail, 0, "--rlimit %s: no limit of that name", word),
				 "as core cpu data fsize locks memlock msgqueue nice nofile nproc "
				 "rss rtprio rttime sigpending stack");
	if (!*equals)
		return fail_hint(p->fail, fail(p->fail, 0, "--rlimit %s: no value", word), hint);
	colon = strchrnul(equals, ':');
	if (rlimit_parse_value(equals + 1, (size_t)(colon - equals - 1), &new.soft) < 0)
		return fail_hint(p->fail, fail(p->fail, 0, "--rlimit %s: not a value", word), hint);
	new.hard = new.soft;
	if (*colon && rlimit_parse_value(colon + 1, strlen(colon + 1), &new.hard) < 0)
		return fail_hint(p->fail, fail(p->fail, 0, "--rlimit %s: not a value", word), hint);
	if (new.soft > new.hard)
		return fail(p->fail, 0, "--rlimit %s: the soft limit is above the hard one", word);
	limit = limit_of(p, new.resource);
	if (!limit)
		return parse_no_memory(p);
	*limit = new;
	return 0;
}

int opt_sysctl(struct parse *p, const struct option *o, char **operands)
{
	struct setting *setting, new = { .word = operands[0] };
	char **owned, *path;
	int r;

	(void)o;
	r = setting_parse(operands[0], &path, &new.value);
	if (r == -ENOMEM)
		return parse_no_memory(p);
	if (r < 0)
		return fail_hint(p->fail, fail(p->fail, 0, "--sysctl %s: no setting", operands[0]),
				 "--sysctl KEY=VALUE, as net.ipv4.ip_forward=1");
	owned = plan_append(&p->plan->owned, &p->plan->n_owned, sizeof *owned);
	if (!owned) {
		free(path);
		return parse_no_memory(p);
	}
	*owned = path;
	new.path = path;
	new.ns = setting_namespace(path);
	if (new.ns == 0)
		return fail_hint(p->fail,
				 fail(p->fail, 0, "--sysctl %s: it is no setting of a namespace",
				      operands[0]),
				 "those are net.*, fs.mqueue.*, user.max_*, and of kernel.* "
				 "domainname hostname msg* ns_last_pid pid_max sem* shm*");
	setting = plan_append(&p->plan->settings, &p->plan->n_settings, sizeof *setting);
	if (!setting)
		return parse_no_memory(p);
	*setting = new;
	return 0;
}

int opt_pid_limit(struct parse *p, const struct option *o, char **operands)
{
	uint64_t value;

	(void)o;
	if (parse_number(operands[0], 10, PID_LIMIT_MAX, &value) < 0 || value < PID_LIMIT_MIN)
		return fail_hint(
			p->fail,
			fail(p->fail, 0, "--pid-limit %s: a number from 300 to 4194303",
			     operands[0]),
			"the kernel keeps the first 300 ids for themselves; --rlimit nproc "
			"goes lower");
	p->plan->pid_limit = (uint32_t)value;
	return 0;
}

int opt_umask(struct parse *p, const struct option *o, char **operands)
{
	uint64_t mask;

	(void)o;
	if (parse_number(operands[0], 8, 0777, &mask) < 0)
		return fail(p->fail, 0, "--umask takes an octal argument <= 0777, not %s",
			    operands[0]);
	p->plan->umask_set = true;
	p->plan->umask = (mode_t)mask;
	return 0;
}
