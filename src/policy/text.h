/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A policy file as data, for the program that compiles policies. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../filter.h"

#define TEXT_RULES 8 /* conditions that a call may have */
#define TEXT_CALLS 600

/* A system call of the machine: its number in each ABI or -1, and what the policy says of it. */
struct text_call {
	const char *name;
	int32_t nr[FILTER_ABIS];
	uint32_t action; /* without a condition; 0 while no line has said it */
	struct filter_rule rules[TEXT_RULES];
	size_t n_rules;
	unsigned ids; /* a bit for each rule that is about an argument that is an id */
	const char *file; /* of the line that set the action */
};

struct text {
	struct text_call *calls; /* sorted by name */
	size_t n_calls;
	char *refuses; /* every line with a reason, as written but on one line */
	size_t n_refuses;
	uint32_t otherwise; /* the answer to what no line names; 0 while no line has said it */
};

/* Reads a policy, and what it includes from the same directory. Ends the program with a message
 * that names the line when something is wrong with it. */
void text_read(struct text *text, const char *path);

/* Ends the program with a message about LINE of FILE; 0 for no line. */
_Noreturn void text_die(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* malloc(3), or the end of the program. */
void *text_memory(size_t size);
