/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of options: the values that operands are read as, and the plainest fields of a plan. */
#include "broken.h"
#include "handlers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "fail.h"
#include "options.h"
#include "parse.h"
#include "personality.h"
#include "plan.h"
#include "util.h"

int parse_no_memory(struct parse *p)
{
	return fail(p->fail, ENOMEM, "Out of memory");
}

int parse_number(const char *word, int base, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long value;

	if (word[0] < '0' || word[0] > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(word, &end, base);
	if (errno != 0 || *end != '\0' || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

int parse_fd(struct parse *p, const char *word, int *ret)
{
	uint64_t value;

	if (parse_number(word, 10, INT_MAX, &value) < 0)
		return fail_hint(
			p->fail, fail(p->fail, 0, "Invalid fd: %s", word),
			"a descriptor is a number from 0, opened by the caller, as in 3<file");
	*ret = (int)value;
	return 0;
}

int parse_path(struct parse *p, const struct option *o, const char *path)
{
	if (path[0] != '\0' || BROKEN("paths-not-empty"))
		return 0;
	return fail_hint(p->fail, fail(p->fail, 0, "%s: a path is empty", o->name),
			 "is a variable unset in the script that calls?");
}

int parse_id(struct parse *p, const char *kind, const char *word, uint32_t *ret)
{
	uint64_t value;

	if (parse_number(word, 10, UINT32_MAX - 1, &value) < 0)
		return fail_hint(p->fail, fail(p->fail, 0, "Invalid %s: %s", kind, word),
				 "an id is a number from 0 to 4294967294; names are not looked up");
	*ret = (uint32_t)value;
	return 0;
}

int parse_octal(struct parse *p, const struct option *o, const char *word, mode_t *ret)
{
	uint64_t value;

	if (parse_number(word, 8, 07777, &value) < 0)
		return fail(p->fail, 0,
			    p->plan->as->explains ? "%s takes an octal argument <= 07777, not %s"
						  : "%s takes an octal argument <= 07777",
			    o->name, word);
	*ret = (mode_t)value;
	return 0;
}

int opt_flag(struct parse *p, const struct option *o, char **operands)
{
	(void)operands;
	*(bool *)((char *)p->plan + o->arg) = true;
	return 0;
}

int opt_fd(struct parse *p, const struct option *o, char **operands)
{
	return parse_fd(p, operands[0], (int *)((char *)p->plan + o->arg));
}

int opt_string(struct parse *p, const struct option *o, char **operands)
{
	*(const char **)((char *)p->plan + o->arg) = operands[0];
	return 0;
}

int opt_action(struct parse *p, const struct option *o, char **operands)
{
	(void)operands;
	p->plan->action = (enum action)o->arg;
	return 0;
}
