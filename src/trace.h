/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints what time each step of a launch takes, where HUSK_TRACE asks for it. */
#pragma once

#include <stdbool.h>

/* A stopwatch. Zeroed it is one that is off, and then nothing below does anything. */
struct trace {
	bool on;
	long long start, lap; /* nanoseconds: of the wall clock; of CLOCK_MONOTONIC */
};

/* Starts the watch if ON. */
void trace_start(struct trace *t, bool on);

/* Begins a lap: in a process of its own, whose clock may be another, or after a pause. */
void trace_begin(struct trace *t);

/* Ends the lap, which was for STEP of the process WHO, prints its time and begins another. */
void trace_lap(struct trace *t, const char *who, const char *step);

/* Prints the time since the start. */
void trace_total(const struct trace *t, const char *who, const char *step);
