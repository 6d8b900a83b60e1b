/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells a checked plan, for a person or as JSON, from one table. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct caller;
struct json;
struct plan;

/* Prints the checked plan P of CALLER to OUT: with AS_JSON as one object on one line, whose members
 * husk(1) names, else for a person. Returns 0, or -ENOMEM when the object could not be made; what
 * OUT itself says is left to be asked with ferror(3). */
int facts_print(const struct plan *p, const struct caller *caller, bool as_json, FILE *out);

/* Writes that object to J, which is empty. */
void facts_write(const struct plan *p, const struct caller *caller, struct json *j);
