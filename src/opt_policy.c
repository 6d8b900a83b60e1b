/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of options: the seccomp policy, what is denied by name, and what is pretended. */
#include <string.h>

#include "fail.h"
#include "family.h"
#include "handlers.h"
#include "options.h"
#include "parse.h"
#include "plan.h"
#include "policy.h"
#include "sys.h"
#include "util.h"

int opt_policy(struct parse *p, const struct option *o, char **operands)
{
	const struct policy *policy = policy_find(operands[0]);

	if (!policy && !streq(operands[0], "none"))
		return fail_hint(
			p->fail,
			fail(p->fail, 0, "%s: there is no policy “%s”", o->name, operands[0]),
			"the policies are default, strict and none; husk --explain shows "
			"what one refuses");
	p->plan->seccomp_policy = policy;
	return 0;
}

int opt_fake_root(struct parse *p, const struct option *o, char **operands)
{
	(void)operands;
	/* the one that remembers can do all that the other one can */
	p->plan->consistent |= o->arg != 0;
	p->plan->pretence =
		policy_pretence(p->plan->consistent ? "fake-root-consistent" : "fake-root");
	/* who shares a pid namespace with its supervisor could kill it */
	if (p->plan->consistent)
		p->plan->unshare |= CLONE_NEWPID;
	return 0;
}

int opt_fake_root_db(struct parse *p, const struct option *o, char **operands)
{
	p->plan->fake_root_db = operands[0];
	return parse_path(p, o, operands[0]);
}

/* Calls ADD with each word of a list separated by commas. Returns 0 or -errno. */
static int each(struct parse *p, const struct option *o, const char *list,
		int (*add)(struct parse *p, const struct option *o, const char *word))
{
	char word[64];
	size_t length;
	int r;

	for (;; list += length + 1) {
		length = strcspn(list, ",");
		if (length >= sizeof word)
			return fail(p->fail, 0, "%s: “%s” is too long for a name", o->name, list);
		memcpy(word, list, length);
		word[length] = '\0';
		r = length > 0
			    ? add(p, o, word)
			    : fail_hint(p->fail, fail(p->fail, 0, "%s: a name is empty", o->name),
					"names are separated by one comma each, without blanks");
		if (r < 0 || list[length] == '\0')
			return r;
	}
}

static int unknown_call(struct parse *p, const struct option *o, const char *word)
{
	size_t i, distance, best = strlen(word) / 3 + 2, nearest = policy_calls_n;

	for (i = 0; i < policy_calls_n; i++) {
		distance = parse_distance(word, policy_call_name(i));
		if (distance < best) {
			best = distance;
			nearest = i;
		}
	}
	if (nearest < policy_calls_n)
		return fail(p->fail, 0, "%s: there is no system call “%s”; did you mean %s?",
			    o->name, word, policy_call_name(nearest));
	return fail_hint(p->fail,
			 fail(p->fail, 0, "%s: there is no system call “%s”", o->name, word),
			 "names are the kernel's, as openat or clone3; see syscalls(2)");
}

static int deny_call(struct parse *p, const struct option *o, const char *word)
{
	int call = policy_call_find(word);
	uint16_t *item;
	size_t i;

	if (call < 0)
		return unknown_call(p, o, word);
	for (i = 0; i < p->plan->n_denied_calls; i++)
		if (p->plan->denied_calls[i] == call)
			return 0;
	item = plan_append(&p->plan->denied_calls, &p->plan->n_denied_calls, sizeof *item);
	if (!item)
		return parse_no_memory(p);
	*item = (uint16_t)call;
	return 0;
}

static int deny_family(struct parse *p, const struct option *o, const char *word)
{
	int family = family_find(word);

	if (family < 0)
		return fail_hint(
			p->fail,
			fail(p->fail, 0, "%s: there is no socket family “%s”", o->name, word),
			"names are those of socket(2), as AF_INET6 or inet6, separated by "
			"commas");
	p->plan->denied_families |= UINT64_C(1) << family;
	return 0;
}

int opt_deny_syscalls(struct parse *p, const struct option *o, char **operands)
{
	return each(p, o, operands[0], deny_call);
}

int opt_deny_families(struct parse *p, const struct option *o, char **operands)
{
	return each(p, o, operands[0], deny_family);
}
