/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares the paths of a plan by their text, as typed. */
#include <string.h>

#include "plan.h"

/* The next component of *PATH, its length in *LENGTH; "." and empty ones are passed over. NULL at
 * the end. */
static const char *next_component(const char **path, size_t *length)
{
	const char *start;

	for (;;) {
		while (**path == '/')
			(*path)++;
		start = *path;
		*length = strcspn(start, "/");
		*path += *length;
		if (*length == 0)
			return NULL;
		if (!(*length == 1 && start[0] == '.'))
			return start;
	}
}

bool plan_path_below(const char *path, const char *dir)
{
	const char *a, *b;
	size_t la, lb;

	for (;;) {
		b = next_component(&dir, &lb);
		if (!b)
			return true;
		a = next_component(&path, &la);
		if (!a || la != lb || memcmp(a, b, la) != 0)
			return false;
	}
}

bool plan_path_same(const char *a, const char *b)
{
	return plan_path_below(a, b) && plan_path_below(b, a);
}

bool plan_uncovers(const struct op *later, const char *later_dest, const char *dest, bool itself)
{
	return later->type < OP_MASK && later->type != OP_TMPFS &&
	       plan_path_below(dest, later_dest) && (itself || !plan_path_below(later_dest, dest));
}
