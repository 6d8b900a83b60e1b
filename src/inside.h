/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sandbox: from the finished root to the command. */
#pragma once

#include <stdbool.h>

struct plan;
struct sandbox;

/* The process in the sandbox's namespaces: completes the mounts, puts up the walls, starts the
 * command, and stays as its init where the plan says so. Does not return; failures go to the
 * launcher by the channel. */
_Noreturn void inside_main(struct sandbox *sb);

/* True when the launcher has something to write or to wait for before the work may go on. */
bool inside_waits(const struct plan *p);

/* Records why namespaces could not be made, with the way out for the errno ERR. Returns -ERR. */
int inside_explain_clone(struct sandbox *sb, int err);
