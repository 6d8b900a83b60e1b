/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of options: limits and settings of the command and its namespaces. */
#include "handlers.h"

#include <string.h>

#include "fail.h"
#include "options.h"
#include "parse.h"
#include "plan.h"
#include "rlimit.h"
#include "util.h"

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
	limit = plan_append(&p->plan->limits, &p->plan->n_limits, sizeof *limit);
	if (!limit)
		return parse_no_memory(p);
	*limit = new;
	return 0;
}

int opt_umask(struct parse *p, const struct option *o, char **operands)
{
	mode_t mask = 0;

	if (parse_octal(p, o, operands[0], &mask) < 0)
		return -EINVAL;
	if (mask > 0777)
		return fail(p->fail, 0, "--umask takes an octal argument <= 0777, not %s",
			    operands[0]);
	p->plan->umask_set = true;
	p->plan->umask = mask;
	return 0;
}
