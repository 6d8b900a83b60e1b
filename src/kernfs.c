/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts sysfs, cgroup2 and the message queues: each by whoever owns the namespace that it shows,
 * which the kernel asks of nobody but them. */
#include "kernfs.h"

#include "fail.h"
#include "mount.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

#define LIKE_PROC (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static const struct {
	enum op_type op;
	const char *type;
	uint64_t attrs;
	const char *hint; /* to EPERM */
} table[] = {
	{ OP_MQUEUE, "mqueue", 0, "message queues belong to an ipc namespace: add --unshare-ipc" },
	{ OP_SYSFS, "sysfs", LIKE_PROC,
	  "the kernel allows it only where a /sys without anything mounted over its parts is "
	  "visible, and only read-only where that is: --mount-flags ro" },
	{ OP_CGROUPFS, "cgroup2", LIKE_PROC, NULL },
};

int kernfs_attach(struct sandbox *sb, const struct op *op)
{
	static const char *const none[] = { NULL };
	size_t i = 0;
	int r;

	while (table[i].op != op->type)
		i++;
	r = mount_fresh(sb, op, table[i].type, none, (unsigned)(table[i].attrs | op->attrs));
	if (r < 0)
		return fail_hint(
			sb->fail,
			fail(sb->fail, -r, "Can't mount %s on %s", table[i].type, op->dest),
			r == -EPERM ? table[i].hint : NULL);
	return 0;
}
