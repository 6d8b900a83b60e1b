/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls by which processes ask for their ids, set them, and set their groups. */
#include "idcalls.h"

#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ids.h"
#include "../util.h"

#define SHORT_OVERFLOW 65534 /* what the kernel shows of an id that is too large for 16 bits */

/* A caller in a user namespace of its own has other ids than those of the sandbox, and real ones.
 */
static bool foreign(const struct call *c)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof path, "%d/ns/user", c->tid);
	return fstatat(c->world->proc_fd, path, &st, 0) < 0 || st.st_ino != c->world->userns;
}

static uint32_t shown(const struct call *c, uint32_t id)
{
	return c->short_ids && id > UINT16_MAX ? SHORT_OVERFLOW : id;
}

/* Writes N ids of the width that the call has. */
static int write_ids(const struct call *c, uint64_t address, const uint32_t *ids, size_t n)
{
	CLEANUP(free_p) uint16_t *half = NULL;
	size_t i;

	if (!c->short_ids)
		return call_write(c, address, ids, n * sizeof ids[0]);
	half = malloc(n * sizeof half[0]);
	if (!half)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		half[i] = (uint16_t)shown(c, ids[i]);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): CLEANUP frees it */
	return call_write(c, address, half, n * sizeof half[0]);
}

/* What may be set is what the kernel would let a process set that has these capabilities for real,
 * whatever else it pretends to be. */
static bool capable(pid_t tid, unsigned cap)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, tid };
	struct __user_cap_data_struct data[2];

	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective >> cap & 1);
}

/* Gives the caller the credentials CRED with the N groups GROUPS. */
static int assume(const struct call *c, const struct ids_cred *cred, const uint32_t *groups,
		  size_t n)
{
	ssize_t number = ids_intern(c->world->ids, cred, groups, n);

	if (number < 0)
		return (int)number;
	return call_valid(c) ? ids_assign(c->world->ids, c->tid, (size_t)number) : -ESRCH;
}

static long handle_get(struct call *c)
{
	static const enum ids_which which[] = {
		[IDS_GETUID] = IDS_REAL,
		[IDS_GETGID] = IDS_REAL,
		[IDS_GETEUID] = IDS_EFFECTIVE,
		[IDS_GETEGID] = IDS_EFFECTIVE,
	};
	size_t number, i;
	const struct ids_cred *cred = ids_of(c->world->ids, c->tid, &number);
	const uint32_t *ids = c->row->layout % 2 ? cred->gid : cred->uid;
	int r = 0;

	/* of a process that never pretended anything the kernel knows as much */
	if (number == 0 || foreign(c))
		return CALL_CONTINUE;
	if (c->row->layout < IDS_GETRESUID)
		return (long)shown(c, ids[which[c->row->layout]]);
	for (i = 0; i < 3 && r == 0; i++)
		r = write_ids(c, c->args[i], &ids[i], 1);
	return r;
}

static long handle_set(struct call *c)
{
	const struct ids_cred *old = ids_of(c->world->ids, c->tid, NULL);
	const uint32_t id[] = { call_id(c, 0), call_id(c, 1), call_id(c, 2) };
	struct ids_cred new;
	bool may = capable(c->tid, c->row->layout % 2 ? CAP_SETGID : CAP_SETUID);
	int64_t answer;
	int r;

	if (foreign(c))
		return CALL_CONTINUE;
	answer = ids_set(old, (enum ids_call)c->row->layout, id, may, c->tid, &new);
	if (answer < 0)
		return (long)answer;
	r = assume(c, &new, old->groups, old->n_groups);
	return r < 0 ? r : (long)shown(c, (uint32_t)answer);
}

static long handle_getgroups(struct call *c)
{
	const struct ids_cred *cred = ids_of(c->world->ids, c->tid, NULL);
	int room = (int)c->args[0], r;

	if (foreign(c))
		return CALL_CONTINUE;
	if (room < 0 || (room > 0 && (size_t)room < cred->n_groups))
		return -EINVAL;
	r = room && cred->n_groups ? write_ids(c, c->args[1], cred->groups, cred->n_groups) : 0;
	return r < 0 ? r : (long)cred->n_groups;
}

static long handle_setgroups(struct call *c)
{
	const struct ids_cred *cred = ids_of(c->world->ids, c->tid, NULL);
	size_t n = (uint32_t)c->args[0], i;
	CLEANUP(free_p) uint32_t *groups = NULL;
	const uint16_t *half;
	int r;

	if (foreign(c))
		return CALL_CONTINUE;
	if (!ids_may(cred, c->tid) || !capable(c->tid, CAP_SETGID))
		return -EPERM;
	if (n > IDS_GROUPS_MAX)
		return -EINVAL;
	groups = calloc(n + 1, sizeof groups[0]);
	if (!groups)
		return -ENOMEM;
	r = call_read(c, c->args[1], groups,
		      n * (c->short_ids ? sizeof half[0] : sizeof groups[0]));
	if (r < 0)
		return r;
	half = (const uint16_t *)groups;
	for (i = n; i-- > 0;) {
		if (c->short_ids)
			groups[i] = half[i] == UINT16_MAX ? IDS_KEEP : half[i];
		if (groups[i] == IDS_KEEP)
			return -EINVAL;
	}
	return assume(c, cred, groups, n);
}

static long handle_prctl(struct call *c)
{
	const struct ids_cred *old = ids_of(c->world->ids, c->tid, NULL);
	struct ids_cred new = *old;

	if (c->args[0] != PR_SET_KEEPCAPS || c->args[1] > 1 || foreign(c))
		return CALL_CONTINUE;
	new.keep = c->args[1] == 1;
	new.keeper = new.keep || new.kept ? c->tid : 0;
	assume(c, &new, old->groups, old->n_groups);
	return CALL_CONTINUE;
}

/* The limit by which processes are told apart is out of their reach: it limits nothing, and
 * pam_limits resets it in the middle of su. What is set is taken for done; what there is may be
 * seen. */
static long handle_limit(struct call *c)
{
	static const uint64_t unlimited[] = { UINT64_MAX, UINT64_MAX };
	bool prlimit = c->row->first == 1;

	if (prlimit && c->args[2] == 0)
		return CALL_CONTINUE;
	return prlimit && c->args[3] ? call_write(c, c->args[3], unlimited, sizeof unlimited) : 0;
}

#define ROW(n, h, l)                                                              \
	{                                                                         \
		.name = (n), .handle = (h), BY_NOTHING, .first = 0, .layout = (l) \
	}
/* i386 has a second of each, with ids of 32 bits. */
#define ROWS(n, h, l) ROW(n, h, l), ROW(n "32", h, l)

const struct call_row ids_rows[] = {
	ROWS("getuid", handle_get, IDS_GETUID),
	ROWS("getgid", handle_get, IDS_GETGID),
	ROWS("geteuid", handle_get, IDS_GETEUID),
	ROWS("getegid", handle_get, IDS_GETEGID),
	ROWS("getresuid", handle_get, IDS_GETRESUID),
	ROWS("getresgid", handle_get, IDS_GETRESGID),
	ROWS("setuid", handle_set, IDS_SETUID),
	ROWS("setgid", handle_set, IDS_SETGID),
	ROWS("setreuid", handle_set, IDS_SETREUID),
	ROWS("setregid", handle_set, IDS_SETREGID),
	ROWS("setresuid", handle_set, IDS_SETRESUID),
	ROWS("setresgid", handle_set, IDS_SETRESGID),
	ROWS("setfsuid", handle_set, IDS_SETFSUID),
	ROWS("setfsgid", handle_set, IDS_SETFSGID),
	ROWS("getgroups", handle_getgroups, IDS_GETGROUPS),
	ROWS("setgroups", handle_setgroups, IDS_SETGROUPS),
	ROW("prctl", handle_prctl, IDS_KEEPCAPS),
	{ "setrlimit", handle_limit, BY_NOTHING, .first = 0 },
	{ "prlimit64", handle_limit, BY_NOTHING, .first = 1 },
};
const size_t ids_rows_n = ARRAY_SIZE(ids_rows);
