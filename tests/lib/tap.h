/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Test Anything Protocol for C tests: one line per check, the plan at the end.
 *
 *	int main(void)
 *	{
 *		ok(parse("x") == 0, "a word is accepted");
 *		skip("no overlay in this kernel");
 *		return done();
 *	}
 *
 * A program that dies before done() has printed no plan, which is a failure. done() returns 0,
 * since the lines tell the result; a whole file is skipped with `return skip_all("why");` first.
 */
#ifndef TESTS_LIB_TAP_H
#define TESTS_LIB_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_number;

/* '#' starts a directive: it must not come from a description. */
__attribute__((format(printf, 1, 0)))
static inline void tap_text(const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	for (const char *p = line; *p; p++)
		putchar(*p == '#' ? '~' : *p == '\n' ? ' ' : *p);
}

/* Prints the result of one check; a failed one names its place. Returns cond. */
__attribute__((format(printf, 4, 5)))
static inline bool tap_ok(bool cond, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", cond ? "" : "not ", ++tap_number);
	va_start(ap, fmt);
	tap_text(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!cond)
		printf("# failed at %s:%d\n", file, line);
	fflush(stdout);
	return cond;
}

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

/* Reports one check as skipped, for the reason given. */
__attribute__((format(printf, 1, 2)))
static inline void skip(const char *fmt, ...)
{
	va_list ap;

	printf("ok %d - # SKIP ", ++tap_number);
	va_start(ap, fmt);
	tap_text(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* Reports the whole file as skipped; only before the first check. Returns main's value. */
__attribute__((format(printf, 1, 2)))
static inline int skip_all(const char *fmt, ...)
{
	va_list ap;

	printf("1..0 # SKIP ");
	va_start(ap, fmt);
	tap_text(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return 0;
}

/* Adds a comment, for whoever reads a failure. */
__attribute__((format(printf, 1, 2)))
static inline void note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* Prints the plan. Returns main's value: 1 when nothing was checked, else 0. */
static inline int done(void)
{
	printf("1..%d\n", tap_number);
	fflush(stdout);
	return tap_number ? 0 : 1;
}

#endif
