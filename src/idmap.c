/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the id maps of a user namespace from inside it. */
#include "idmap.h"

#include <stdio.h>

#include "fail.h"
#include "sandbox.h"

void idmap_format(char *buf, uint32_t inside, uint32_t outside)
{
	snprintf(buf, 40, "%u %u 1\n", inside, outside);
}

int idmap_write(struct sandbox *sb, uint32_t uid_inside, uint32_t uid_outside, uint32_t gid_inside,
		uint32_t gid_outside, int deny_setgroups)
{
	char map[40];
	int r;

	idmap_format(map, uid_inside, uid_outside);
	r = sandbox_proc_write(sb, "self/uid_map", map);
	if (r < 0)
		return fail(sb->fail, -r, "setting up uid map");
	if (deny_setgroups) {
		r = sandbox_proc_write(sb, "self/setgroups", "deny\n");
		if (r < 0)
			return fail(sb->fail, -r, "error writing to setgroups");
	}
	idmap_format(map, gid_inside, gid_outside);
	r = sandbox_proc_write(sb, "self/gid_map", map);
	if (r < 0)
		return fail(sb->fail, -r, "setting up gid map");
	return 0;
}
