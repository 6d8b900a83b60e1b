/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks a table of named steps, and gives the steps their access to the process's own files in
 * /proc. */
#include "broken.h"
#include "fail.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

int steps_run(struct sandbox *sb, const char *who, const struct step *steps, size_t n)
{
	size_t i;
	int r;

	trace_begin(&sb->trace);
	for (i = 0; i < n; i++) {
		fail_step(sb->fail, steps[i].name, steps[i].option);
		r = steps[i].run(sb);
		trace_lap(&sb->trace, who, steps[i].name);
		if (r < 0)
			return sb->fail->set ? r : fail(sb->fail, -r, "%s", steps[i].name);
	}
	return 0;
}

void sandbox_begin_op(struct sandbox *sb, const struct op *op)
{
	fail_step(sb->fail, op->option, op->option);
	sb->fail->operands = op->operands;
	sb->fail->n_operands = op->n_operands;
}

int sandbox_proc_open(const struct sandbox *sb, const char *path, int flags)
{
	int fd = sys_openat2(
		sb->proc_fd, path, (uint64_t)flags | O_CLOEXEC,
		BROKEN("proc-without-mounts") ? 0 : RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);

	return fd < 0 ? neg_errno() : fd;
}

int sandbox_proc_write(const struct sandbox *sb, const char *path, const char *text)
{
	CLEANUP(fd_closep) int fd = sandbox_proc_open(sb, path, O_WRONLY);

	if (fd < 0)
		return fd;
	if (write(fd, text, strlen(text)) < 0)
		return neg_errno();
	return 0;
}
