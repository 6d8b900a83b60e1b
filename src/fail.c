/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records the first thing that went wrong. */
#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int fail(struct fail *f, int err, const char *format, ...)
{
	va_list ap;

	if (!f->set) {
		f->set = true;
		f->err = err;
		f->hint = NULL;
		va_start(ap, format);
		vsnprintf(f->text, sizeof f->text, format, ap);
		va_end(ap);
	}
	return err > 0 ? -err : -EINVAL;
}

int fail_hint(struct fail *f, int r, const char *hint)
{
	if (f->set && !f->hint)
		f->hint = hint;
	return r;
}
