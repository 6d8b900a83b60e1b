/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes all of a text. */
#pragma once

#include <stddef.h>

/* Writes the LENGTH bytes of TEXT to FD, also where that does not block. Gives up when there was no
 * room for MS milliseconds, or never with -1; it then returns -ETIMEDOUT. Returns 0 or another
 * -errno. write(2), pipe(7). */
int write_within(int fd, const char *text, size_t length, int ms);

/* The same, however long it takes. */
int write_all(int fd, const char *text, size_t length);
