/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells a single fact of a plan, to a person and as JSON at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "json.h"

struct caller;
struct plan;

struct facts {
	const struct plan *plan;
	const struct caller *caller;
	struct json json;
	FILE *out; /* for a person, or NULL */
	const char *title; /* of the section, until it has been printed */
};

/* Says something to the person, if there is one. */
void fact_say(struct facts *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Begins a line of the section, which is ended by saying a newline. */
void fact_line(struct facts *t);

/* Says a word as a shell would read it back, without a control character for the terminal. */
void fact_say_word(struct facts *t, const char *word);

/* Each of these tells a member KEY of the JSON, and a line that begins with WORDS to the person; no
 * line where there is nothing to say: a flag that is not set, an empty descriptor, no word. */

void fact_flag(struct facts *t, const char *key, bool value, const char *words);

void fact_fd(struct facts *t, const char *key, int fd, const char *words);

void fact_word(struct facts *t, const char *key, const char *value, const char *words);

/* A list of N descriptors or words. */
void fact_fds(struct facts *t, const char *key, const int *fds, size_t n, const char *words);
void fact_words(struct facts *t, const char *key, const char *const *values, size_t n,
		const char *words);

/* A choice, by its name in the JSON, and in words or not at all for the person. */
void fact_choice(struct facts *t, const char *key, const char *value, const char *words);

/* The larger sections, in files of their own. */

/* Who the command is: fact_identity.c. */
void fact_identity_tell(struct facts *t);

/* The operations on the root, in their order: fact_ops.c. */
void fact_ops_tell(struct facts *t);

/* Limits of the command, those of a joined process too, and settings: fact_limits.c. */
void fact_limits_tell(struct facts *t);

/* What stands between the command and the host: fact_walls.c. */
void fact_walls_tell(struct facts *t);
