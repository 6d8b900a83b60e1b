/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes single guards out, so that the tests of tests/security can be seen to miss them.
 *
 * In a build with -Dbroken=true, which is none to install, BROKEN("name") is true when the variable
 * HUSK_BROKEN holds that name, alone or in a list with commas. In every other build it is the
 * constant false, and neither the name nor what follows from it is in the program.
 *
 * A name stands for one guard, in whatever places it is; tests/security/broken.py runs the tests
 * that must fail without it. */
#pragma once

#include <stdbool.h>

#ifdef HUSK_BROKEN
#include <stdlib.h>
#include <string.h>

static inline bool broken_named(const char *name)
{
	const char *at = getenv("HUSK_BROKEN");
	size_t length = strlen(name);

	for (; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(at, name, length) == 0 && (at[length] == '\0' || at[length] == ','))
			return true;
	return false;
}

/* What the variable says outlives the memory of the caller's environment, which is overwritten. */
__attribute__((constructor)) static void broken_keep(void)
{
	const char *value = getenv("HUSK_BROKEN");

	if (value)
		setenv("HUSK_BROKEN", value, 1);
}

#define BROKEN(name) broken_named(name)
#else
#define BROKEN(name) false
#endif
