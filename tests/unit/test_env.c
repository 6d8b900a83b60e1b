/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The environment that follows from the caller's and the plan's edits. */

#include "env.h"

#include "words.h"

static char **built, **from;
static size_t n;

/* Frees what was built: the list, and the strings that are not the caller's own. */
static void release(void)
{
	size_t i, k;

	for (i = 0; built && i < n; i++) {
		for (k = 0; from[k] && from[k] != built[i]; k++)
			;
		if (!from[k])
			free(built[i]);
	}
	free(built);
	built = NULL;
}

static void build(char **words, char **environ_)
{
	release();
	from = environ_;
	parse_as(&personality_husk, words);
	if (env_build(&plan, environ_, &built, &n) < 0)
		n = SIZE_MAX;
}

/* The environment built is exactly this list, in this order. */
static bool is(char **want)
{
	size_t i;

	for (i = 0; want[i]; i++)
		if (i >= n || strcmp(want[i], built[i]) != 0)
			return false;
	return i == n;
}

int main(void)
{
	char **none = WORDS(NULL), **odd = WORDS("A=1", "A=2", "odd");
	char **old = WORDS("A=1", "B=2", "AB=3");

	build(WORDS("c"), old);
	ok(is(old), "without edits it is the caller's");
	build(WORDS("--setenv", "C", "x", "c"), old);
	ok(is(WORDS("A=1", "B=2", "AB=3", "C=x")), "a new variable comes last");
	build(WORDS("--setenv", "A", "x", "c"), old);
	ok(n == 3 && (strcmp(built[0], "A=x") == 0 || strcmp(built[2], "A=x") == 0),
	   "one is replaced");
	build(WORDS("--unsetenv", "A", "c"), old);
	ok(is(WORDS("B=2", "AB=3")), "one is removed, its namesakes are not");
	build(WORDS("--clearenv", "c"), old);
	ok(is(none), "all are removed");
	build(WORDS("--clearenv", "--setenv", "A", "", "c"), old);
	ok(is(WORDS("A=")), "an empty value");
	build(WORDS("--setenv", "A", "x", "--unsetenv", "A", "--setenv", "A", "y", "c"), none);
	ok(is(WORDS("A=y")), "edits act in order");
	build(WORDS("--unsetenv", "A", "c"), odd);
	ok(is(WORDS("odd")), "doubles go together, an odd string stays");
	build(WORDS("c"), none);
	ok(is(none) && built, "an empty environment");
	release();
	plan_free(&plan);
	return done();
}
