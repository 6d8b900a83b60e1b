/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The descriptors that options name. */
#pragma once

struct fail;
struct plan;

/* Makes sure that every descriptor that the plan names is open, and keeps those that are not the
 * command's from it. Must run before husk opens anything of its own, which could otherwise be taken
 * for one of them. Returns 0 or -errno with the failure recorded; as bwrap a --sync-fd or
 * --block-fd that is not open is dropped from the plan. */
int claim_fds(struct plan *p, struct fail *f);
