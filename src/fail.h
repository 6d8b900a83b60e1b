/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct fail: the first thing that went wrong, as data, from any process up to main.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What kind of failure it is, which decides the exit status. */
enum fail_kind {
	FAIL_SETUP, /* husk's own work failed, or the command line is wrong */
	FAIL_NOEXEC, /* the command was found and cannot be executed */
	FAIL_NOTFOUND, /* the command was not found */
};

/* What the kernel refused, where there is more to find out about it: see diagnose.c. */
enum fail_refusal {
	REFUSED_NOTHING,
	REFUSED_NAMESPACES, /* to make namespaces */
	REFUSED_CAPABILITIES, /* what the capabilities over a namespace just made should allow */
	REFUSED_PROC, /* to mount a fresh proc */
};

/* step and hint point to constant strings, option and operands to the plan's: every process of a
 * launch is a fork of one image, so the pointers mean the same in all of them. */
struct fail {
	bool set;
	enum fail_kind kind;
	int err; /* errno, or 0 when the text says it all */
	const char *step; /* what husk was doing: "id maps", "bind", … or NULL */
	const char *hint; /* the way out, or NULL */
	const char *option; /* the option being carried out, as typed, or NULL */
	char *const
		*operands; /* its operands as typed, or NULL for those of the last such option */
	size_t n_operands;
	enum fail_refusal refusal;
	int refused_err; /* the errno of that */
	char text[9000]; /* two operands of PATH_MAX and the words around them */
};

/* Records a failure unless F holds one already: the first writer wins. ERR is a positive errno, or
 * 0 when the text says it all. Returns -ERR, or -EINVAL when ERR is 0, so that the caller can
 * return it. */
int fail(struct fail *f, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Notes what is being done: the step NAME, for no option in particular unless OPTION is one. Both
 * are constant strings. */
void fail_step(struct fail *f, const char *name, const char *option);

/* What errno ERR means, in glibc's words whatever the C library: callers match on them. */
const char *fail_errno_text(int err);

/* Notes that the failure just recorded is a refusal, with the positive errno ERR. The first one
 * stays. Returns R. */
int fail_refused(struct fail *f, int r, enum fail_refusal refusal, int err);

/* Adds the way out to the failure just recorded; HINT is a constant string. The first hint stays.
 * Returns R. */
int fail_hint(struct fail *f, int r, const char *hint);
