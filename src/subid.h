/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The subordinate ids of a user: subuid(5), subgid(5), getsubids(1). */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct caller;
struct extents;
struct fail;

/* Whom a line may name: by uid, or by one of the names of the uid. */
struct subid_owner {
	uid_t uid;
	char **names;
	size_t n_names;
};

/* Reads TEXT of LENGTH bytes, the content of FILE, and appends the ranges of OWNER to *RET, a line
 * that says the same as an earlier one but once. Lines of others may be malformed. Stores the end
 * of the last range of anybody, at most 4294967295, in *RET_END where that is more. Returns 0, or
 * -errno with F filled: a malformed line of OWNER's, ranges of it that overlap. */
int subid_parse(const char *text, size_t length, const struct subid_owner *owner, const char *file,
		struct extents *ret, unsigned long long *ret_end, struct fail *f);

/* Finds all subordinate ids of the CALLER, of both kinds, and stores them there. Where
 * nsswitch.conf(5) has them come from elsewhere than the files, or these have none, getsubids(1) is
 * asked if it is installed. Returns 0, or -errno with F filled: a user without any is one. */
int subid_gather(struct caller *caller, struct fail *f);

/* After newuidmap(1) or newgidmap(1) has refused MAP, of KIND: adds to the failure in F why, as far
 * as the files tell. Returns R. */
int subid_explain(const struct caller *caller, size_t kind, const struct extents *map, int r,
		  struct fail *f);
