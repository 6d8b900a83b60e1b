/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an ordinary user may write into uid_map, gid_map and setgroups, and when, on which idmap.c
 * relies. */

#include "kernel.h"

enum {
	UID_FIRST, GID_BEFORE_DENY, DENY, GID_AFTER_DENY, UID_TWICE, DENY_AFTER, SETGROUPS,
	UID_OTHER, UID_TWO,
	NESTED_DENY, NESTED_STATE, NESTED_UID, NESTED_GID, NESTED_SEES, NESTED_UNMAPPED,
	MAX_ID, MAX_ID_SEES, OVER_ID,
	BARE_UID, BARE_MOUNT, BARE_MKDIR, MAPPED_MKDIR, EXTENTS_NONE,
	MAX
};

static int *res;
static uid_t caller_uid;
static gid_t caller_gid;

static int map(const char *file, uint32_t inside, uint32_t outside, uint32_t count)
{
	char path[32], text[64];

	snprintf(path, sizeof(path), "self/%s", file);
	snprintf(text, sizeof(text), "%u %u %u\n", inside, outside, count);
	return write_proc(path, text);
}

/* In a new user namespace without any map. */
static void bare(void (*fn)(void))
{
	pid_t pid = sys_clone3(CLONE_NEWUSER | CLONE_NEWNS, SIGCHLD, NULL);

	if (pid == 0) {
		mortal();
		fn();
		_exit(0);
	}
	reap(pid);
}

static void order(void)
{
	res[UID_FIRST] = map("uid_map", 0, caller_uid, 1);
	res[GID_BEFORE_DENY] = map("gid_map", 0, caller_gid, 1);
	res[DENY] = write_proc("self/setgroups", "deny");
	res[GID_AFTER_DENY] = map("gid_map", 0, caller_gid, 1);
	res[UID_TWICE] = map("uid_map", 1, caller_uid, 1);
	res[DENY_AFTER] = write_proc("self/setgroups", "allow");
	res[SETGROUPS] = err(setgroups(0, NULL));
}

static void refused(void)
{
	res[UID_OTHER] = map("uid_map", 0, caller_uid + 1, 1);
	res[UID_TWO] = map("uid_map", 0, caller_uid, 2);
	res[EXTENTS_NONE] = write_proc("self/uid_map", "\n");
	res[OVER_ID] = map("uid_map", 4294967295U, caller_uid, 1);
	res[MAX_ID] = map("uid_map", 4294967294U, caller_uid, 1);
	res[MAX_ID_SEES] = getuid() == 4294967294U ? 0 : ERANGE;
}

static void unmapped(void)
{
	res[BARE_UID] = (int)getuid();
	res[BARE_MOUNT] = err(sys_mount("t", "/tmp", "tmpfs", 0, NULL));
	res[BARE_MKDIR] = err(mkdir("/tmp/x", 0755));
	write_proc("self/setgroups", "deny");
	if (map("uid_map", 0, caller_uid, 1) == 0 && map("gid_map", 0, caller_gid, 1) == 0)
		res[MAPPED_MKDIR] = err(mkdir("/tmp/x", 0755));
}

/* U2: maps itself from U1's 0 to 1234. */
static void nested(void)
{
	char state[8] = "";
	int fd = openat(proc_fd, "self/setgroups", O_RDONLY | O_CLOEXEC);

	if (read(fd, state, sizeof(state) - 1) > 0)
		res[NESTED_STATE] = strcmp(state, "deny\n") == 0 ? 0 : EINVAL;
	close(fd);
	res[NESTED_UNMAPPED] = map("uid_map", 1234, caller_uid, 1);
	res[NESTED_UID] = map("uid_map", 1234, 0, 1);
	res[NESTED_GID] = map("gid_map", 1234, 0, 1);
	res[NESTED_SEES] = getuid() == 1234 && getgid() == 1234 ? 0 : ERANGE;
	res[NESTED_DENY] = write_proc("self/setgroups", "allow");
}

static void outer(void)
{
	bare(nested);
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	caller_uid = geteuid();
	caller_gid = getegid();

	bare(order);
	bare(refused);
	bare(unmapped);
	run_in(CLONE_NEWUSER, outer);

	expect(res[UID_FIRST], 0, "the caller maps its own uid, before setgroups is denied");
	expect(res[GID_BEFORE_DENY], EPERM, "gid_map before setgroups is denied");
	expect(res[DENY], 0, "setgroups is denied");
	expect(res[GID_AFTER_DENY], 0, "gid_map after setgroups is denied");
	expect(res[UID_TWICE], EPERM, "a second write of uid_map");
	expect(res[DENY_AFTER], EPERM, "allowing setgroups again");
	expect(res[SETGROUPS], EPERM, "setgroups(2) once denied");

	expect(res[UID_OTHER], EPERM, "mapping another's uid");
	expect(res[UID_TWO], EPERM, "mapping the own uid with the next");
	expect(res[EXTENTS_NONE], EINVAL, "an empty map");
	expect(res[OVER_ID], EINVAL, "4294967295 as inside id");
	expect(res[MAX_ID], 0, "4294967294 as inside id");
	expect(res[MAX_ID_SEES], 0, "getuid() is then 4294967294");

	expect(res[BARE_UID], 65534, "without a map getuid() is the overflow uid");
	expect(res[BARE_MOUNT], 0, "without a map a tmpfs can be mounted");
	expect(res[BARE_MKDIR], EOVERFLOW, "without a map mkdir on that tmpfs");
	expect(res[MAPPED_MKDIR], 0, "with a map mkdir on that tmpfs");

	expect(res[NESTED_STATE], 0, "U2 inherits the denied setgroups");
	expect(res[NESTED_UNMAPPED], EPERM, "U2 naming the caller's uid as the host does");
	expect(res[NESTED_UID], 0, "U2 maps its own uid, 0 in U1, to another");
	expect(res[NESTED_GID], 0, "U2 maps its own gid without a denial of its own");
	expect(res[NESTED_SEES], 0, "U2's getuid() and getgid() are the mapped ones");
	expect(res[NESTED_DENY], EPERM, "U2 allowing setgroups");
	return done();
}
