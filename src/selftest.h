/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --self-test: the promises of a plan, for the probe that tries them from inside. */
#pragma once

#include <stdbool.h>

struct caller;
struct fail;
struct plan;

/* Makes the probe the command of the checked plan P, with three words a check: its kind, what it is
 * about, and the promise. Opens what the checks need outside, the program itself and an abstract
 * socket, which the plan holds. PROC_FD is the caller's /proc; TERMINAL says that it has a
 * terminal. Returns 0, or -errno with F filled. */
int selftest_prepare(struct plan *p, const struct caller *caller, int proc_fd, bool terminal,
		     struct fail *f);
