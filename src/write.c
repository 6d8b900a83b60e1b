/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes all of a text, in as many calls as that takes. */
#include "write.h"

#include <limits.h>
#include <poll.h>

#include "util.h"

int write_within(int fd, const char *text, size_t length, int ms)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	ssize_t n = -1;
	int r;

	while (length > 0) {
		r = ms < 0 ? 1 : poll(&room, 1, ms);
		if (r == 0)
			return -ETIMEDOUT;
		/* what poll(2) calls writable has room for as much as this */
		if (r > 0)
			n = write(fd, text, ms >= 0 && length > PIPE_BUF ? PIPE_BUF : length);
		if (r > 0 && n < 0 && errno == EAGAIN)
			poll(&room, 1, ms);
		else if ((r < 0 || n < 0) && errno != EINTR)
			return neg_errno();
		if (r > 0 && n > 0) {
			text += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

int write_all(int fd, const char *text, size_t length)
{
	return write_within(fd, text, length, -1);
}
