/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resource limits by name. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The limit called by the LENGTH bytes of NAME: as in getrlimit(2), with or without RLIMIT_, in
 * either case. Returns RLIMIT_*, or -EINVAL when there is none of that name. */
int rlimit_find(const char *name, size_t length);

/* The name of RLIMIT_* RESOURCE, in lower case without RLIMIT_. */
const char *rlimit_name(int resource);

/* Reads the LENGTH bytes of WORD: a number, which K, M, G or T may follow for powers of 1024, or
 * "unlimited", which is RLIM_INFINITY. Returns 0 or -EINVAL. */
int rlimit_parse_value(const char *word, size_t length, uint64_t *ret);

/* The soft and the hard value of the calling process's limit. Returns 0, or -1 with errno set. */
int rlimit_get(int resource, uint64_t ret[static 2]);

/* Sets both values of the calling process's limit. Returns 0, or -1 with errno set. prlimit(2). */
int rlimit_set(int resource, uint64_t soft, uint64_t hard);
