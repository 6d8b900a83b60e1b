/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the id maps of a user namespace from inside it. */
#include "idmap.h"

#include <stdio.h>

#include "broken.h"
#include "fail.h"
#include "sandbox.h"

void idmap_format(char *buf, uint32_t inside, uint32_t outside)
{
	snprintf(buf, 40, "%u %u 1\n", inside, outside);
}

/* Writes TEXT to the calling process's own file PATH of /proc. */
static int write_own(struct sandbox *sb, const char *path, const char *text, const char *what)
{
	int r = sandbox_proc_write(sb, path, text);

	return r < 0 ? fail_refused(sb->fail, fail(sb->fail, -r, "%s", what), REFUSED_CAPABILITIES,
				    -r)
		     : 0;
}

int idmap_write(struct sandbox *sb, uint32_t uid_inside, uint32_t uid_outside, uint32_t gid_inside,
		uint32_t gid_outside, int deny_setgroups)
{
	char map[40];
	int r;

	idmap_format(map, uid_inside, uid_outside);
	r = write_own(sb, "self/uid_map", map, "setting up uid map");
	if (r == 0 && deny_setgroups && !BROKEN("groups-kept"))
		r = write_own(sb, "self/setgroups", "deny\n", "error writing to setgroups");
	idmap_format(map, gid_inside, gid_outside);
	return r == 0 ? write_own(sb, "self/gid_map", map, "setting up gid map") : r;
}
