/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds out whether the caller has a terminal. */
#include "tty.h"

#include <fcntl.h>
#include <termios.h>

#include "util.h"

int tty_reserve(bool *ret)
{
	struct termios t;
	int fd, r;

	*ret = false;
	for (fd = 0; fd <= 2; fd++) {
		if (tcgetattr(fd, &t) == 0) {
			*ret = true;
		} else if (errno == EBADF) {
			r = open("/dev/null", O_RDWR | O_CLOEXEC);
			if (r < 0)
				return neg_errno();
		}
	}
	if (*ret)
		return 0;
	fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	*ret = fd >= 0 || errno != ENXIO; /* there is one, but for "no such device" */
	fd_close(fd);
	return 0;
}
