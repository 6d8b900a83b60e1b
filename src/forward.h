/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happens to the launcher happens to the command, and a stop the other way. */
#pragma once

#include <stdbool.h>

struct supervisor;

/* Reads one signal from su->signals, which does not block, and passes it on to the command, unless
 * that has it already; or ends a launch whose sandbox is not known yet. Returns false when there
 * was none. signalfd(2). */
bool forward_signal(struct supervisor *su);

/* The init has told that the command was stopped by SIG: stops the launcher too, until somebody
 * continues it or the command, and tells the init that it runs again. */
void forward_stop(struct supervisor *su, int sig);
