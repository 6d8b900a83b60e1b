/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns words into a plan, and a plan into a checked one, for the unit tests. */
#ifndef TESTS_UNIT_WORDS_H
#define TESTS_UNIT_WORDS_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "options.h"
#include "personality.h"
#include "plan.h"

#include "tap.h"

/* What the reader of lists finds at each descriptor, in memory; a length of 0 ends the table. */
struct list {
	int fd;
	const char *data;
	size_t length;
};
static const struct list *lists;
static struct plan plan;
static struct fail failure;

static inline int read_list(int fd, char **ret_data, size_t *ret_length)
{
	const struct list *l;

	for (l = lists; l && l->data; l++)
		if (l->fd == fd) {
			*ret_data = malloc(l->length + 1);
			memcpy(*ret_data, l->data, l->length);
			*ret_length = l->length;
			return 0;
		}
	return -EBADF;
}

/* Parses the words, which end with NULL, for a personality; the plan and the failure are global. */
static inline int parse_as(const struct personality *as, char **words)
{
	static bool used;

	if (used)
		plan_free(&plan);
	used = true;
	plan_init(&plan, as);
	memset(&failure, 0, sizeof failure);
	return options_parse(&plan, words, read_list, &failure);
}

#define WORDS(...)	 ((char *[]){ __VA_ARGS__, NULL })
#define parse(...)	 parse_as(&personality_husk, WORDS(__VA_ARGS__))
#define parse_bwrap(...) parse_as(&personality_bwrap, WORDS(__VA_ARGS__))

/* The failure's text or hint holds the words. */
static inline bool says(const char *words)
{
	if (failure.set && strstr(failure.text, words))
		return true;
	if (failure.set && failure.hint && strstr(failure.hint, words))
		return true;
	note("\"%s\" is not in \"%s\"", words, failure.set ? failure.text : "(no failure)");
	return false;
}

#endif
