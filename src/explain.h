/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the option table, for people and for programs. */
#pragma once

#include <stdio.h>

struct plan;

/* The usage line and every option of the plan's personality, by group. PROGRAM is the name as
 * called. */
void explain_help(const struct plan *p, const char *program, FILE *out);

/* The option table for programs: name, operands, group, "both" or "husk", help, tab-separated, a
 * line an option; then a line "cap" and name for each capability. */
void explain_options(FILE *out);
