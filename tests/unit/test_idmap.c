/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of the id maps, at the ends of the range. */

#include <stdint.h>
#include <string.h>

#include "idmap.h"

#include "tap.h"

static bool is(uint32_t inside, uint32_t outside, const char *want)
{
	char text[40];

	memset(text, 'x', sizeof text);
	idmap_format(text, inside, outside);
	return strcmp(text, want) == 0;
}

int main(void)
{
	ok(is(0, 1000, "0 1000 1\n"), "root inside, the caller outside");
	ok(is(0, 0, "0 0 1\n"), "root in both");
	ok(is(4294967294U, 4294967294U, "4294967294 4294967294 1\n"), "the longest there is");
	ok(is(2147483648U, 1, "2147483648 1 1\n"), "ids are unsigned");
	return done();
}
