/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads all that a descriptor holds. */
#include "slurp.h"

#include "util.h"

int slurp_fd(int fd, char **ret_data, size_t *ret_length)
{
	size_t room = 4096, length = 0;
	char *data = malloc(room), *grown;
	ssize_t n;
	int r;

	for (;;) {
		n = data ? read(fd, data + length, room - length - 1) : -1;
		if (n < 0 && data && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += (size_t)n;
		if (room - length > 1)
			continue;
		if (room >= SLURP_MAX) {
			errno = EFBIG;
			n = -1;
			break;
		}
		room *= 2;
		grown = realloc(data, room);
		if (!grown) {
			n = -1;
			break;
		}
		data = grown;
	}
	if (n < 0) {
		r = data ? neg_errno() : -ENOMEM;
		free(data);
		return r;
	}
	close(fd);
	*ret_data = data;
	*ret_length = length;
	return 0;
}
