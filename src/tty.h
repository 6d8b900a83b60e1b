/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The caller's terminal. */
#pragma once

#include <stdbool.h>

/* Stores in *RET whether the caller has a terminal: 0, 1 or 2 is one, or /dev/tty opens. A standard
 * descriptor that is closed is taken by /dev/null meanwhile, so that nothing of husk's lands there;
 * the command gets it closed. Returns 0 or -errno. */
int tty_reserve(bool *ret);
