/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds out, after a failure, why the kernel refused. */
#pragma once

struct caller;
struct fail;
struct plan;

/* Where F is a refusal, see enum fail_refusal, reads the switches that may be the cause by PROC_FD,
 * the host's /proc as the launcher has it, and adds to F what it found and the way out. Forks where
 * it has to try what is refused. Does nothing for a personality that does not explain. */
void diagnose(const struct plan *p, const struct caller *caller, int proc_fd, struct fail *f);
