/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints what time each step of a launch takes. */
#include "trace.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Of all clocks only the wall's is the same in every time namespace. */
static long long now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void print(const char *who, const char *step, long long ns)
{
	dprintf(STDERR_FILENO, "husk-trace: %-8s %-24s %8lld us\n", who, step, ns / 1000);
}

void trace_start(struct trace *t, bool on)
{
	t->on = on;
	if (!on)
		return;
	t->start = now(CLOCK_REALTIME);
	t->lap = now(CLOCK_MONOTONIC);
}

void trace_begin(struct trace *t)
{
	if (t->on)
		t->lap = now(CLOCK_MONOTONIC);
}

void trace_lap(struct trace *t, const char *who, const char *step)
{
	long long end;

	if (!t->on)
		return;
	end = now(CLOCK_MONOTONIC);
	print(who, step, end - t->lap);
	t->lap = now(CLOCK_MONOTONIC);
}

void trace_total(const struct trace *t, const char *who, const char *step)
{
	if (t->on)
		print(who, step, now(CLOCK_REALTIME) - t->start);
}
