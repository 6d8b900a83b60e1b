/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Id maps of more than the caller's own id. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct caller;
struct extents;
struct fail;
struct plan;

#define RANGES_EXTENTS_MAX 340 /* in a map, user_namespaces(7) */
#define RANGES_TEXT_MAX	   4095 /* bytes of one that is written at once, in a page of memory */

/* True when no id is in [FIRST, FIRST + COUNT): it is empty, or reaches 4294967295, which means
 * none. */
int ranges_invalid(uint64_t first, uint64_t count);

/* Finds two of the ranges in R that share an id outside. Returns 1 with their places in *RET_A and
 * *RET_B, or 0. */
int ranges_overlap(const struct extents *r, size_t *ret_a, size_t *ret_b);

/* Puts the maps together as the command will see them: the caller's own id, wherever --uid or an
 * extent that holds it says, and beside it what is asked for, or with --map-auto the CALLER's
 * subordinate ids, from 0 on. Must come before the ids inside are decided, after it is known
 * whether a user namespace is made. Returns 0, or -errno with F filled. */
int ranges_place(struct plan *p, const struct caller *caller, struct fail *f);

/* Divides the maps among the levels of user namespaces: where there are two, the caller is 0 in the
 * first and the others follow, and the second has an extent for each of the first, as the kernel
 * demands. Returns 0, or -errno with F filled. */
int ranges_divide(struct plan *p, struct fail *f);

/* How many ids MAP, one of plan.maps, has beside the caller's own. */
uint64_t ranges_count(const struct extents *map);

/* True when the command may call setgroups(2): where gids of somebody else's are mapped it took
 * privilege, or newgidmap(1), to do so, and nobody denied it. */
bool ranges_setgroups(const struct plan *p);

/* Frees the extents of the plan. */
void ranges_free(struct plan *p);

/* Writes MAP as the kernel reads it into BUF of SIZE bytes. Returns its length, whether there was
 * room or not, without the NUL. */
size_t ranges_text(const struct extents *map, char *buf, size_t size);
