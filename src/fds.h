/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets of descriptors. */
#pragma once

#include <stddef.h>

/* Closes every descriptor from FROM on but the N in KEEP, which is sorted; empty ones in it do not
 * count. Returns 0 or -errno. close_range(2). */
int fds_close_others(int *keep, size_t n, int from);
