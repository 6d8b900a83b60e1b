/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uid_map, gid_map and setgroups of the calling process's user namespace. */
#pragma once

#include <stdint.h>

struct sandbox;

/* Formats one extent of a map into BUF of at least 40 bytes: INSIDE OUTSIDE 1. */
void idmap_format(char *buf, uint32_t inside, uint32_t outside);

/* Maps one uid and one gid for the calling process, which has just entered a new user namespace:
 * INSIDE in it is OUTSIDE in its parent. With DENY_SETGROUPS setgroups(2) is denied first, as the
 * kernel demands of a caller without privilege, once and for every namespace below.
 * user_namespaces(7). Returns 0 or -errno with the failure recorded. */
int idmap_write(struct sandbox *sb, uint32_t uid_inside, uint32_t uid_outside, uint32_t gid_inside,
		uint32_t gid_outside, int deny_setgroups);
