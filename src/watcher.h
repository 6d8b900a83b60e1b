/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that ends a command without an init when the launcher is dead. */
#pragma once

struct fail;

/* Starts it, for the process of the pidfd CHILD. It holds the descriptor SYNC, or none, until that
 * process has ended. Returns its pidfd, for watcher_end(), once it watches, or -errno with the
 * failure recorded. clone(2), pidfd_open(2). */
int watcher_start(int child, int sync, struct fail *f);

/* Ends and reaps it; empty is nobody. */
void watcher_end(int watcher);
