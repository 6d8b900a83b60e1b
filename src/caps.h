/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Capabilities: their names, and giving a process exactly the set that the plan says
 * (capabilities(7)). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CAPS_ALL     UINT64_MAX
#define CAP_BIT(cap) (UINT64_C(1) << (cap))

/* Reads a capability's name, with or without CAP_ and in either case, or ALL. On success stores its
 * bit, or CAPS_ALL, in *RET and returns 0; -EINVAL for a name that no kernel has. */
int caps_parse(const char *name, uint64_t *ret);

/* The name of capability number CAP in lower case with its prefix, or NULL when there is none. */
const char *caps_name(unsigned cap);

/* Reads the calling process's effective set into *RET. Returns 0 or -errno. capget(2). */
int caps_effective(uint64_t *ret);

/* Reads the calling process's sets, a bit each: all that it has or could come to have itself.
 * Returns 0 or -errno. capget(2). */
int caps_held(uint64_t *ret);

/* Returns those of SET, a bit each, that are in the calling process's bounding set.
 * PR_CAPBSET_READ(2const). */
uint64_t caps_bounding(uint64_t set);

/* Drops every capability outside SET from the bounding set. Returns 0 or -errno. */
int caps_limit_bounding(uint64_t set);

/* Limits the calling process to SET: permitted and effective; with AMBIENT also inheritable and
 * ambient, so that an exec by a uid other than 0 keeps it, and else nothing is inheritable.
 * Capabilities that the kernel does not have are left out. Returns 0 or -errno. */
int caps_limit(uint64_t set, bool ambient);

/* Makes of the capabilities that the calling process is permitted those in SET effective, and no
 * others, until it says otherwise. Returns 0 or -errno. */
int caps_set_effective(uint64_t set);
