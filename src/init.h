/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The init of a sandbox: the process beside the command. */
#pragma once

#include <stdbool.h>

struct plan;
struct sandbox;

/* True when the init has more to do than to wait for its children. */
bool init_watches(const struct plan *p);

/* True when the init is there only for the launcher's death: it leaves with the command, once the
 * launcher has confirmed by MESSAGE_GO that it has heard of the end. */
bool init_leaves(const struct plan *p);

/* Starts the command as a child, then reaps, forwards signals and reports. Does not return. */
_Noreturn void init_main(struct sandbox *sb);
