/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads all that a descriptor holds. */
#pragma once

#include <stddef.h>

/* More than any list of options, of variables or of users is long; and no endless file fills the
 * memory. */
#define SLURP_MAX (64 << 20)

/* Reads FD from where it stands to its end. On success it is closed, and the data, the caller's to
 * free, is at *RET_DATA, with room for one byte after it, and its length in bytes in *RET_LENGTH.
 * Returns 0 or -errno, -EFBIG where there is more than SLURP_MAX bytes. */
int slurp_fd(int fd, char **ret_data, size_t *ret_length);
