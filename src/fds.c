/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Closes all descriptors but some. */
#include "fds.h"

#include <stdlib.h>

#include "sys.h"
#include "util.h"

/* They are few: qsort(3) would touch pages of stack and text of its own. */
static void sort(int *list, size_t n)
{
	size_t i, j;

	for (i = 1; i < n; i++)
		for (j = i; j > 0 && list[j - 1] > list[j]; j--) {
			int more = list[j - 1];

			list[j - 1] = list[j];
			list[j] = more;
		}
}

int fds_close_others(int *keep, size_t n, int from)
{
	size_t i;

	sort(keep, n);
	for (i = 0; i < n; i++) {
		if (keep[i] < from)
			continue;
		if (keep[i] > from && sys_close_range((unsigned)from, (unsigned)keep[i] - 1, 0) < 0)
			return neg_errno();
		from = keep[i] + 1;
	}
	return sys_close_range((unsigned)from, ~0U, 0) < 0 ? neg_errno() : 0;
}
