/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of options: namespaces, ids and capabilities. */
#include "handlers.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "caps.h"
#include "fail.h"
#include "options.h"
#include "parse.h"
#include "personality.h"
#include "plan.h"
#include "ranges.h"
#include "sys.h"
#include "util.h"

/* What a clock may be shifted by at most, in seconds: half of what the kernel's can count. */
#define SHIFT_MAX 4611686018

int opt_unshare(struct parse *p, const struct option *o, char **operands)
{
	(void)operands;
	p->plan->unshare |= o->arg;
	p->plan->unshare_named |= o->arg;
	return 0;
}

int opt_unshare_all(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	p->plan->unshare |= p->plan->as->unshare_all & ~(uint64_t)CLONE_NEWCGROUP;
	p->plan->userns_try = true;
	p->plan->cgroup_try = true;
	return 0;
}

int opt_share_net(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	p->plan->unshare &= ~(uint64_t)CLONE_NEWNET;
	p->plan->unshare_named &= ~(uint64_t)CLONE_NEWNET;
	return 0;
}

int opt_join_pid(struct parse *p, const struct option *o, char **operands)
{
	uint64_t pid;

	(void)o;
	if (parse_number(operands[0], 10, INT_MAX, &pid) < 0 || pid == 0)
		return fail_hint(p->fail, fail(p->fail, 0, "Invalid pid: %s", operands[0]),
				 "a process id is a number from 1, as ps prints it");
	p->plan->join_pid = (pid_t)pid;
	return 0;
}

int opt_join_without(struct parse *p, const struct option *o, char **operands)
{
	const char *word = operands[0];
	size_t length, i;

	for (;; word += length + 1) {
		length = strcspn(word, ",");
		for (i = 0; i < WALLS_N; i++)
			if (strlen(wall_names[i]) == length &&
			    memcmp(wall_names[i], word, length) == 0)
				break;
		if (i == WALLS_N)
			return fail_hint(p->fail,
					 fail(p->fail, 0, "%s: there is no wall “%.*s”", o->name,
					      (int)length, word),
					 "the walls are cgroup, landlock, limits and seccomp, with "
					 "commas between them");
		p->plan->join_without |= 1u << i;
		if (word[length] == '\0')
			return 0;
	}
}

/* Reads a fraction of up to nine digits as nanoseconds. */
static int parse_nanoseconds(const char *digits, int64_t *ret)
{
	uint64_t value;
	size_t i, n = strlen(digits);

	if (n == 0 || n > 9 || parse_number(digits, 10, 999999999, &value) < 0)
		return -EINVAL;
	for (i = n; i < 9; i++)
		value *= 10;
	*ret = (int64_t)value;
	return 0;
}

/* The clock goes on from the caller's by seconds, negative ones back, that may have a fraction: the
 * kernel counts in whole seconds, rounded down, and nanoseconds. */
int opt_shift(struct parse *p, const struct option *o, char **operands)
{
	struct shift *shift = (struct shift *)((char *)p->plan + o->arg);
	bool back = operands[0][0] == '-';
	const char *number = operands[0] + back, *point = strchrnul(number, '.');
	size_t length = (size_t)(point - number);
	char whole[16] = "";
	uint64_t seconds;

	*shift = (struct shift){ .typed = operands[0] };
	if (length < sizeof whole)
		memcpy(whole, number, length);
	if (parse_number(whole, 10, SHIFT_MAX, &seconds) < 0 ||
	    (*point && parse_nanoseconds(point + 1, &shift->nanoseconds) < 0))
		return fail_hint(
			p->fail, fail(p->fail, 0, "Invalid %s: %s", o->name + 2, operands[0]),
			"a number of seconds such as 86400, -60 or 0.5, at most 4611686018");
	shift->seconds = back ? -(int64_t)seconds : (int64_t)seconds;
	if (back && shift->nanoseconds > 0) {
		shift->seconds--;
		shift->nanoseconds = 1000000000 - shift->nanoseconds;
	}
	return 0;
}

/* Three decimal numbers with colons between them, and nothing else. */
static int parse_triple(const char *word, uint64_t ret[static 3])
{
	char part[16];
	size_t i, length;

	for (i = 0; i < 3; i++, word += length + 1) {
		length = strcspn(word, ":");
		if (length >= sizeof part || (word[length] == '\0') != (i == 2))
			return -EINVAL;
		memcpy(part, word, length);
		part[length] = '\0';
		if (parse_number(part, 10, UINT32_MAX, &ret[i]) < 0)
			return -EINVAL;
	}
	return 0;
}

int opt_uid(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	p->plan->uid_set = true;
	return parse_id(p, "uid", operands[0], &p->plan->uid);
}

int opt_gid(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	p->plan->gid_set = true;
	return parse_id(p, "gid", operands[0], &p->plan->gid);
}

/* A range of ids: INNER:OUTER:COUNT. */
int opt_map_ids(struct parse *p, const struct option *o, char **operands)
{
	struct extents *asked = (struct extents *)((char *)p->plan + o->arg);
	uint64_t value[3];
	struct extent *e;

	if (parse_triple(operands[0], value) < 0)
		return fail_hint(p->fail,
				 fail(p->fail, 0, "%s %s: not a range", o->name, operands[0]),
				 "three numbers, INNER:OUTER:COUNT, such as 1:100000:65535");
	if (ranges_invalid(value[0], value[2]) || ranges_invalid(value[1], value[2]))
		return fail_hint(
			p->fail, fail(p->fail, 0, "%s %s: not a range", o->name, operands[0]),
			value[2] == 0 ? "an empty range maps nothing: the third number is a count"
				      : "ids end at 4294967294");
	e = plan_append(&asked->list, &asked->n, sizeof *e);
	if (!e)
		return parse_no_memory(p);
	*e = (struct extent){ (uint32_t)value[0], (uint32_t)value[1], (uint32_t)value[2],
			      operands[0] };
	return 0;
}

int opt_map_root(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	p->plan->map_current = false;
	p->plan->uid_set = p->plan->gid_set = true;
	p->plan->uid = p->plan->gid = 0;
	return 0;
}

int opt_map_current(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	p->plan->map_current = true;
	p->plan->uid_set = p->plan->gid_set = false;
	return 0;
}

int opt_cap(struct parse *p, const struct option *o, char **operands)
{
	struct plan *plan = p->plan;
	uint64_t caps;

	if (caps_parse(operands[0], &caps) < 0)
		return fail_hint(p->fail, fail(p->fail, 0, "unknown cap: %s", operands[0]),
				 "capabilities(7) has the names; ALL stands for every one");
	plan->caps_edited = true;
	if (streq(o->name, "--cap-add")) {
		plan->caps_add |= caps;
		plan->caps_named |= caps;
	} else {
		plan->caps_keep &= ~caps;
		plan->caps_add &= ~caps;
		plan->caps_named &= ~caps;
	}
	return 0;
}
