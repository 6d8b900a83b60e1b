/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of options: namespaces, ids and capabilities. */
#include "handlers.h"

#include "caps.h"
#include "fail.h"
#include "options.h"
#include "parse.h"
#include "personality.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

int opt_unshare(struct parse *p, const struct option *o, char **operands)
{
	(void)operands;
	p->plan->unshare |= o->arg;
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
