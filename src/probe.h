/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe of --self-test, and the checks that it makes. */
#pragma once

#include <limits.h>

/* What came of a check; the text says what was found where it is not as promised. */
enum outcome { HOLDS, BROKEN, UNKNOWN };

struct found {
	enum outcome outcome;
	char text[PATH_MAX + 256];
};

/* Tries from inside what the words, three a check, promise; prints TAP 14 to standard output. WORDS
 * are those after the program's name. Returns the exit status: 0 when all of it holds, else 1. */
int probe_main(char **words);

/* Says what was found that is not as promised, or why that cannot be told. */
void probe_broken(struct found *found, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void probe_unknown(struct found *found, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Each check tries a promise about OPERAND, and says in FOUND, where that holds until then, if it
 * is not kept. None keeps anything. */
#define CHECK(name) void name(const char *operand, struct found *found)

/* probe_ids.c */
CHECK(probe_capabilities); /* their set, as a number */
CHECK(probe_fake_devices); /* "" */
CHECK(probe_fake_root); /* "" */
CHECK(probe_fake_root_consistent); /* "" where ids cannot be set */
CHECK(probe_gid); /* the first and the last gid of each range, a space after each */
CHECK(probe_groups); /* "": they can be set */
CHECK(probe_no_new_privs); /* "" */
CHECK(probe_setgroups); /* "": they cannot be set */
CHECK(probe_uid); /* as for probe_gid() */

/* probe_walls.c */
CHECK(probe_families); /* the numbers of socket families to be refused, a space after each */
CHECK(probe_limit); /* the number of a limit, and what it has at most: soft, hard */
CHECK(probe_policy); /* the name of a seccomp policy */
CHECK(probe_signal); /* the pid of a process outside, which is not to be signalled */
CHECK(probe_tcp); /* "": no port that the kernel chooses is to be had */
CHECK(probe_userns); /* "": none can be made */

#undef CHECK
