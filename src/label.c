/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks SELinux labels through the kernel's own files: libselinux would cost every start 0.24 ms,
 * or a dlopen(3) that a static program has not. Applying a label is a write to the process's file
 * in /proc, proc_pid_attr(5); labels are the kernel's, untranslated. */
#include "label.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fail.h"
#include "util.h"

int label_check(const char *label, struct fail *f)
{
	CLEANUP(fd_closep) int fd = NO_FD;
	struct statfs fs;

	if (statfs("/sys/fs/selinux", &fs) < 0 || (unsigned)fs.f_type != SELINUX_MAGIC)
		return fail(f, 0, "labeling not supported on this system");
	fd = open("/sys/fs/selinux/context", O_RDWR | O_CLOEXEC);
	if (fd < 0 || write(fd, label, strlen(label) + 1) < 0)
		return fail(f, 0, "invalid label %s", label);
	return 0;
}
