/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the masks of a plan against the operations that come after them. */
#include "rules.h"

#include <linux/capability.h>

#include "caps.h"
#include "fail.h"
#include "plan.h"

int rules_fail_covered(const struct op *mask, const struct op *later, struct fail *f)
{
	return fail_hint(f,
			 fail(f, 0, "%s %s would hide nothing: a later %s covers it with %s",
			      mask->option, mask->dest, later->option, later->dest),
			 "give the mask after that one");
}

static int check_covered(const struct plan *p, struct fail *f)
{
	const struct op *op, *later;

	for (op = p->ops; op < p->ops + p->n_ops; op++)
		for (later = op + 1; op->type == OP_MASK && later < p->ops + p->n_ops; later++)
			if (plan_uncovers(later, later->dest, op->dest, false))
				return rules_fail_covered(op, later, f);
	return 0;
}

int rules_check_masks(const struct plan *p, struct fail *f)
{
	const struct op *op;
	int r = check_covered(p, f);

	if (r < 0)
		return r;
	for (op = p->ops; op < p->ops + p->n_ops; op++)
		if (op->type == OP_MASK && op->on_fresh && !(op->flags & OP_TRY) &&
		    (p->caps & CAP_BIT(CAP_SYS_ADMIN)))
			return fail_hint(f,
					 fail(f, 0,
					      "%s %s: the command could take it off again, as it "
					      "can unmount what it lies on",
					      op->option, op->dest),
					 "add --cap-drop CAP_SYS_ADMIN, or be content with "
					 "--mask-try");
	return 0;
}
