/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locks the files of --lock-file, for as long as the process that does it lives. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>

#include "fail.h"
#include "sandbox.h"

int lock_files(struct sandbox *sb)
{
	/* of the open file, not of the process: a POSIX lock would go with any other descriptor of
	 * the caller's on the same file */
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	size_t i;
	int fd;

	for (i = 0; i < sb->plan->n_locks; i++) {
		fd = open(sb->plan->locks[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return fail(sb->fail, errno, "Unable to open lock file %s",
				    sb->plan->locks[i]);
		if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
			return fail(sb->fail, errno, "Unable to lock file %s", sb->plan->locks[i]);
		sb->lock_fds[i] = fd;
	}
	return 0;
}
