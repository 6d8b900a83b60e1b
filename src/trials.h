/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tries what the kernel offers to the caller. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ns.h"

/* Who tries: the caller; root of a user namespace of the caller's; or such a root, and surely not
 * the host's. */
enum trial_as { AS_CALLER, AS_ROOT, AS_OTHER_ROOT };

struct trial {
	const char *section, *key; /* what it is told under */
	enum trial_as as;
	bool (*run)(void);
};

#define TRIALS_MAX 64
extern const struct trial trials[];
extern const size_t trials_n;

/* What the trials found out. */
struct trial_results {
	int user_err; /* 0, or the errno with which the caller is refused a user namespace */
	bool kinds[NS_MAX]; /* by the table of namespaces: the caller can make one */
	bool found[TRIALS_MAX]; /* by trial */
};

/* Makes every trial, which takes some milliseconds. Returns the results, which the caller frees, or
 * NULL for want of memory. */
struct trial_results *trials_run(void);

void trials_free(struct trial_results *r);
