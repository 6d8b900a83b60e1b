/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Adds the cause of a failure to it, and reads what may tell of one. */
#include "cause.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "fail.h"
#include "util.h"

bool cause_found(struct diagnosis *d, const char *hint, const char *format, ...)
{
	struct fail *f = d->fail;
	size_t used = strlen(f->text);
	va_list ap;

	if (f->err)
		used += (size_t)snprintf(f->text + used, sizeof f->text - used, ": %s",
					 fail_errno_text(f->err));
	if (used + 3 < sizeof f->text) {
		memcpy(f->text + used, ": ", 3);
		va_start(ap, format);
		vsnprintf(f->text + used + 2, sizeof f->text - used - 2, format, ap);
		va_end(ap);
	}
	f->err = 0;
	f->hint = hint;
	return true;
}

bool cause_read_line(const struct diagnosis *d, const char *path, char *buf, size_t size)
{
	CLEANUP(fd_closep) int fd = openat(d->proc_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n < 0)
		return false;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}
