/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of a plan held against each other. */
#pragma once

struct caller;
struct fail;
struct op;
struct plan;

/* The rules that hold as typed, before it is known whether a user namespace is implied. Returns 0,
 * or -EINVAL with F filled. */
int rules_check_early(const struct plan *p, struct fail *f);

/* The rules that need to know whether a user namespace is made. Returns 0, or -EINVAL with F
 * filled. */
int rules_check_late(const struct plan *p, struct fail *f);

/* Refuses what is pretended for a root to a command that is none, once its ids are known. Returns
 * 0, or -EINVAL with F filled. */
int rules_check_pretence(const struct plan *p, struct fail *f);

/* Refuses a command that would be confined less than the process that it joins, unless the plan
 * says that it may be. Returns 0, or -EINVAL with F filled. */
int rules_check_walls(const struct plan *p, const struct caller *caller, struct fail *f);

/* Records that LATER, which comes after MASK, would show again what that hides. Returns -EINVAL. */
int rules_fail_covered(const struct op *mask, const struct op *later, struct fail *f);

/* Refuses a mask that a later operation would cover, by its destination as typed, or that the
 * command could take off again, as it can what lies on a mount of the sandbox's own, once it is
 * known what those are. Returns 0 or -errno with F filled. */
int rules_check_masks(const struct plan *p, struct fail *f);
