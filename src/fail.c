/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records the first thing that went wrong. */
#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

int fail(struct fail *f, int err, const char *format, ...)
{
	va_list ap;

	if (!f->set) {
		f->set = true;
		f->err = err;
		f->hint = NULL;
		f->refusal = REFUSED_NOTHING;
		va_start(ap, format);
		vsnprintf(f->text, sizeof f->text, format, ap);
		va_end(ap);
	}
	return err > 0 ? -err : -EINVAL;
}

int fail_refused(struct fail *f, int r, enum fail_refusal refusal, int err)
{
	if (f->set && f->refusal == REFUSED_NOTHING) {
		f->refusal = refusal;
		f->refused_err = err;
	}
	return r;
}

int fail_hint(struct fail *f, int r, const char *hint)
{
	if (f->set && !f->hint)
		f->hint = hint;
	return r;
}

void fail_step(struct fail *f, const char *name, const char *option)
{
	f->step = name;
	f->option = option;
	f->operands = NULL;
	f->n_operands = 0;
}

const char *fail_errno_text(int err)
{
	static const struct {
		int err;
		const char *text;
	} words[] = {
		{ EBUSY, "Device or resource busy" },
		{ ELOOP, "Too many levels of symbolic links" },
		{ EMFILE, "Too many open files" },
		{ ENAMETOOLONG, "File name too long" },
		{ ENFILE, "Too many open files in system" },
		{ ENODEV, "No such device" },
		{ ENOMEM, "Cannot allocate memory" },
		{ ENOTEMPTY, "Directory not empty" },
		{ ENOTTY, "Inappropriate ioctl for device" },
		{ EOVERFLOW, "Value too large for defined data type" },
		{ EPROTO, "Protocol error" },
		{ ESTALE, "Stale file handle" },
		{ EUSERS, "Too many users" },
		{ EXDEV, "Invalid cross-device link" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].err == err)
			return words[i].text;
	return strerror(err);
}
