/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pretended ids of processes, and what the calls that set them do to them: credentials(7). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ids;

#define IDS_GROUPS_MAX 65536 /* NGROUPS_MAX */

enum ids_which {
	IDS_REAL,
	IDS_EFFECTIVE,
	IDS_SAVED,
	IDS_FS,
	IDS_N,
};

/* What a process pretends to be. Equal credentials are one and have one number, 0 being those of
 * root with the group 0. */
struct ids_cred {
	uint32_t uid[IDS_N], gid[IDS_N];
	bool keep; /* PR_SET_KEEPCAPS, for the thread below alone */
	bool kept; /* it has given up uid 0 with that set: it may still change its ids */
	pid_t keeper;
	bool confined; /* by Landlock, as are its children: no file may be made for it */
	size_t n_groups;
	uint32_t groups[]; /* sorted */
};

/* The calls. Of each there is one for users and one for groups, which follows it. */
enum ids_call {
	IDS_GETUID,
	IDS_GETGID,
	IDS_GETEUID,
	IDS_GETEGID,
	IDS_GETRESUID,
	IDS_GETRESGID,
	IDS_SETUID,
	IDS_SETGID,
	IDS_SETREUID,
	IDS_SETREGID,
	IDS_SETRESUID,
	IDS_SETRESGID,
	IDS_SETFSUID,
	IDS_SETFSGID,
	IDS_GETGROUPS,
	IDS_SETGROUPS,
	IDS_KEEPCAPS, /* prctl(PR_SET_KEEPCAPS) */
	IDS_CALLS,
};

#define IDS_KEEP UINT32_MAX /* the -1 that leaves an id alone */

/* A table that holds root's credentials only. The caller's to close. Returns 0 or -ENOMEM. */
int ids_open(struct ids **ret);

/* Frees it; IDS may be NULL. */
void ids_close(struct ids *ids);
void ids_closep(struct ids **ids);

/* The credentials of that number, or root's if there is none. Valid until ids_close(). */
const struct ids_cred *ids_number(const struct ids *ids, size_t number);

/* Finds the number of credentials like CRED with the N groups GROUPS, in any order, or adds them.
 * Returns it, -ENOMEM, or -EAGAIN when there are too many to remember. */
ssize_t ids_intern(struct ids *ids, const struct ids_cred *cred, const uint32_t *groups, size_t n);

/* What a set…id call of CALL, that is IDS_SETUID to IDS_SETFSGID, with the ids ID (as many as it
 * has operands) makes of OLD. MAY says that the process may really set ids: it has CAP_SETUID,
 * CAP_SETGID for groups; WHO is its thread. The new credentials, but for the groups, are put in
 * *NEW. Returns what the call returns: 0, the previous id for IDS_SETFSUID and IDS_SETFSGID, or
 * -errno, with *NEW untouched. */
int64_t ids_set(const struct ids_cred *old, enum ids_call call, const uint32_t id[3], bool may,
		pid_t who, struct ids_cred *new);

/* Whether the thread WHO could set groups. */
bool ids_may(const struct ids_cred *cred, pid_t who);

/* The credentials of thread TID, and their number at *RET_NUMBER unless that is NULL. They are
 * found by a resource limit of the process that means nothing to the kernel, RLIMIT_LOCKS: a child
 * inherits it and execve(2) keeps it. A process that has none of ours is root. */
const struct ids_cred *ids_of(const struct ids *ids, pid_t tid, size_t *ret_number);

/* Gives the process of thread TID credentials. Returns 0 or -errno. */
int ids_assign(const struct ids *ids, pid_t tid, size_t number);
