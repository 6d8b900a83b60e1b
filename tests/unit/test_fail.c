/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct fail: the first writer wins, and no text is too long for it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

#include "tap.h"

int main(void)
{
	struct fail f = { 0 };
	size_t i, room = sizeof f.text;
	char *path = malloc(20000);

	ok(fail(&f, ENOENT, "bind %s on %s", "/a", "/b") == -ENOENT,
	   "it returns the error to hand on");
	ok(f.set && f.err == ENOENT && strcmp(f.text, "bind /a on /b") == 0 && !f.hint,
	   "and keeps all");
	ok(fail(&f, EPERM, "later") == -EPERM, "a second failure returns its own error");
	ok(f.err == ENOENT && strcmp(f.text, "bind /a on /b") == 0, "but the first stays");
	ok(fail_hint(&f, -ENOENT, "one") == -ENOENT && strcmp(f.hint, "one") == 0, "a hint");
	fail_hint(&f, -ENOENT, "two");
	ok(strcmp(f.hint, "one") == 0, "the first hint stays");

	ok(fail_refused(&f, -ENOENT, REFUSED_PROC, EPERM) == -ENOENT && f.refusal == REFUSED_PROC &&
		   f.refused_err == EPERM,
	   "a refusal");
	fail_refused(&f, -ENOENT, REFUSED_NAMESPACES, EIO);
	ok(f.refusal == REFUSED_PROC && f.refused_err == EPERM, "the first refusal stays");

	memset(&f, 0, sizeof f);
	ok(fail_refused(&f, -EIO, REFUSED_PROC, EIO) == -EIO && f.refusal == REFUSED_NOTHING,
	   "no refusal without failure");
	ok(fail_hint(&f, -EIO, "none") == -EIO && !f.hint && !f.set, "no hint without failure");
	ok(fail(&f, 0, "the text says it all") == -EINVAL && f.err == 0, "a failure without errno");

	memset(&f, 0, sizeof f);
	memset(path, 'x', 19999);
	path[19999] = '\0';
	fail(&f, EINVAL, "%s", path);
	ok(strlen(f.text) == room - 1, "a text too long is cut");
	memset(&f, 0, sizeof f);
	path[4095] = '\0';
	fail(&f, EINVAL, "bind %s on %s failed", path, path);
	ok(strlen(f.text) == 4095 * 2 + strlen("bind  on  failed"), "two of the longest paths fit");

	memset(&f, 0, sizeof f);
	fail(&f, EINVAL, "%s", "%s%n%d");
	ok(strcmp(f.text, "%s%n%d") == 0, "an operand is no format");
	for (i = 1; i < 200; i++)
		if (fail(&f, (int)i, "x") != -(int)i)
			break;
	ok(i == 200, "any errno is returned negative");
	free(path);
	return done();
}
