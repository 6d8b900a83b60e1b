/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small helpers that every source file may use: array sizes, owned descriptors, owned memory. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CLEANUP(f)    __attribute__((cleanup(f)))

/* The empty descriptor is -EBADF: a system call that is handed it fails with that very error. */
#define NO_FD (-EBADF)

/* Closes FD unless it is empty, keeps errno, and returns the empty descriptor. */
static inline int fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return NO_FD;
}

static inline void fd_closep(int *fd)
{
	*fd = fd_close(*fd);
}

/* Hands on the descriptor held in the variable, which is empty afterwards. */
#define TAKE_FD(fd)                 \
	({                          \
		int *fd_p_ = &(fd); \
		int fd_v_ = *fd_p_; \
		*fd_p_ = NO_FD;     \
		fd_v_;              \
	})

static inline void free_p(void *p)
{
	free(*(void **)p);
}

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* The last error as a return value; never 0, whatever errno holds. */
static inline int neg_errno(void)
{
	return errno > 0 ? -errno : -EIO;
}
