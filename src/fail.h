/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct fail: the first thing that went wrong, as data, from any process up to main.c. */
#pragma once

#include <stdbool.h>

/* What kind of failure it is, which decides the exit status. */
enum fail_kind {
	FAIL_SETUP, /* husk's own work failed, or the command line is wrong */
	FAIL_NOEXEC, /* the command was found and cannot be executed */
	FAIL_NOTFOUND, /* the command was not found */
};

/* step and hint point to constant strings: every process of a launch is a fork of one image, so the
 * pointers mean the same in all of them. */
struct fail {
	bool set;
	enum fail_kind kind;
	int err; /* errno, or 0 when the text says it all */
	const char *step; /* what husk was doing: "id maps", "bind", … or NULL */
	const char *hint; /* the way out, or NULL */
	char text[9000]; /* two operands of PATH_MAX and the words around them */
};

/* Records a failure unless F holds one already: the first writer wins. ERR is a positive errno, or
 * 0 when the text says it all. Returns -ERR, or -EINVAL when ERR is 0, so that the caller can
 * return it. */
int fail(struct fail *f, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What errno ERR means, in glibc's words whatever the C library: callers match on them. */
const char *fail_errno_text(int err);

/* Adds the way out to the failure just recorded; HINT is a constant string. The first hint stays.
 * Returns R. */
int fail_hint(struct fail *f, int r, const char *hint);
