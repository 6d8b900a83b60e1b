/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Closes all descriptors but some. */
#include "fds.h"

#include <stdlib.h>

#include "sys.h"
#include "util.h"

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int fds_close_others(int *keep, size_t n, int from)
{
	size_t i;

	qsort(keep, n, sizeof *keep, compare);
	for (i = 0; i < n; i++) {
		if (keep[i] < from)
			continue;
		if (keep[i] > from && sys_close_range((unsigned)from, (unsigned)keep[i] - 1, 0) < 0)
			return neg_errno();
		from = keep[i] + 1;
	}
	return sys_close_range((unsigned)from, ~0U, 0) < 0 ? neg_errno() : 0;
}
