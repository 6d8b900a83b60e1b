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

int label_check(const char *prefix, const char *label, struct fail *f)
{
	CLEANUP(fd_closep) int fd = NO_FD;
	struct statfs fs;

	if (statfs("/sys/fs/selinux", &fs) < 0 || (unsigned)fs.f_type != SELINUX_MAGIC)
		return fail_hint(
			f,
			fail(f, 0, "%s%s%slabeling not supported on this system", prefix,
			     *prefix ? label : "", *prefix ? ": " : ""),
			"labels are SELinux's, which this kernel has not switched on, or whose "
			"file system is not mounted on /sys/fs/selinux");
	fd = open("/sys/fs/selinux/context", O_RDWR | O_CLOEXEC);
	if (fd < 0 || write(fd, label, strlen(label) + 1) < 0)
		return fail_hint(f,
				 *prefix ? fail(f, 0, "%s%s: invalid label", prefix, label)
					 : fail(f, 0, "invalid label %s", label),
				 "the policy that is loaded must know it: such as "
				 "system_u:object_r:tmp_t:s0");
	return 0;
}
