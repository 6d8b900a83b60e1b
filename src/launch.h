/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's own process: makes the sandbox and waits for it. */
#pragma once

#include <stddef.h>

#include "trace.h"

struct caller;
struct fail;
struct plan;

/* What main.c knows of this process. */
struct launch {
	const struct plan *plan;
	const struct caller *caller;
	int proc_fd; /* verified */
	int terminal; /* the caller has one */
	struct trace trace; /* HUSK_TRACE, begun with the program */
	int parent; /* getppid(), as early as possible, for --die-with-parent */
	char **env; /* the command's, with two free slots at the end */
	size_t n_env;
	char *args_start; /* where the kernel shows this process's words and environment */
	size_t args_length;
};

/* Runs the plan to its end. On success *RET_STATUS is the command's wait status. Returns 0, or
 * -errno with the failure recorded. */
int launch_run(struct launch *l, int *ret_status, struct fail *f);

/* Dies of signal SIG like the command, without a core of its own. Returns where it cannot, as in
 * pid 1. */
void launch_die_of(int sig);
