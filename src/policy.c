/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds policies and system calls by name, and makes filters of names. */
#include "policy.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>

#include "family.h"
#include "util.h"

#define REFUSE	  (SECCOMP_RET_ERRNO | EPERM)
#define NO_FAMILY (SECCOMP_RET_ERRNO | EAFNOSUPPORT)
#define NO_CALL	  (SECCOMP_RET_ERRNO | ENOSYS)

const struct policy *policy_find(const char *name)
{
	size_t i;

	for (i = 0; i < policies_n; i++)
		if (streq(policies[i].name, name))
			return &policies[i];
	return NULL;
}

const struct policy *policy_pretence(const char *name)
{
	size_t i;

	for (i = 0; i < pretences_n - 1; i++)
		if (streq(pretences[i].name, name))
			break;
	return &pretences[i];
}

const char *policy_call_name(size_t call)
{
	return policy_names + policy_calls[call].name;
}

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, policy_names + ((const struct policy_call *)row)->name);
}

int policy_call_find(const char *name)
{
	const struct policy_call *row =
		bsearch(name, policy_calls, policy_calls_n, sizeof policy_calls[0], compare_name);

	return row ? (int)(row - policy_calls) : -1;
}

/* Calls that another one makes, by the number in its first argument. */
struct entry {
	const char *name;
	uint32_t number;
};

static const struct entry socketcall_entries[] = {
	{ "socket", 1 },    { "bind", 2 },	  { "connect", 3 },	{ "listen", 4 },
	{ "accept", 5 },    { "getsockname", 6 }, { "getpeername", 7 }, { "socketpair", 8 },
	{ "send", 9 },	    { "recv", 10 },	  { "sendto", 11 },	{ "recvfrom", 12 },
	{ "shutdown", 13 }, { "setsockopt", 14 }, { "getsockopt", 15 }, { "sendmsg", 16 },
	{ "recvmsg", 17 },  { "accept4", 18 },	  { "recvmmsg", 19 },	{ "sendmmsg", 20 },
};
static const struct entry ipc_entries[] = {
	{ "semop", 1 },	  { "semget", 2 },  { "semctl", 3 },  { "semtimedop", 4 },
	{ "msgsnd", 11 }, { "msgrcv", 12 }, { "msgget", 13 }, { "msgctl", 14 },
	{ "shmat", 21 },  { "shmdt", 22 },  { "shmget", 23 }, { "shmctl", 24 },
};

/* What is denied, while filters are made of it. */
struct deny {
	const uint16_t *calls;
	size_t n_calls;
	uint32_t families[FAMILY_MAX];
	uint32_t socketcalls[ARRAY_SIZE(socketcall_entries)], ipcs[ARRAY_SIZE(ipc_entries)];
	struct filter_rule socket, socketcall[2], ipc;
};

static bool is_denied(const struct deny *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->n_calls; i++)
		if (streq(policy_call_name(d->calls[i]), name))
			return true;
	return false;
}

static struct filter_rule refuse_entries(const struct deny *d, const struct entry *entries,
					 size_t n, uint32_t *values)
{
	struct filter_rule rule = { .action = REFUSE, .mask = 0xffff, .values = values };
	size_t i;

	for (i = 0; i < n; i++)
		if (is_denied(d, entries[i].name))
			values[rule.n_values++] = entries[i].number;
	return rule;
}

static void prepare(struct deny *d, uint64_t families)
{
	static const uint32_t openers[] = { 1, 8 }; /* socketcall's socket and socketpair */
	unsigned i;

	d->socket = (struct filter_rule){ .action = NO_FAMILY,
					  .mask = UINT32_MAX,
					  .values = d->families };
	for (i = 0; i < FAMILY_MAX; i++)
		if (families >> i & 1)
			d->families[d->socket.n_values++] = i;
	d->socketcall[0] = refuse_entries(d, socketcall_entries, ARRAY_SIZE(socketcall_entries),
					  d->socketcalls);
	d->socketcall[0].mask = UINT32_MAX;
	/* the family is in memory, where a filter cannot look: none can be had this way */
	d->socketcall[1] = (struct filter_rule){
		.action = NO_FAMILY,
		.mask = UINT32_MAX,
		.values = openers,
		.n_values = families ? ARRAY_SIZE(openers) : 0,
	};
	d->ipc = refuse_entries(d, ipc_entries, ARRAY_SIZE(ipc_entries), d->ipcs);
}

static void add(struct filter_call *calls, size_t *n, const char *name, enum filter_abi_index abi,
		struct filter_call call)
{
	int row = policy_call_find(name);
	int32_t nr = row < 0 ? -1 : policy_calls[row].nr[abi];
	size_t i;

	for (i = 0; i < *n; i++)
		if (calls[i].nr == (uint32_t)nr)
			return;
	if (nr < 0)
		return;
	call.nr = (uint32_t)nr;
	calls[(*n)++] = call;
}

static int compare_nr(const void *a, const void *b)
{
	uint32_t x = ((const struct filter_call *)a)->nr, y = ((const struct filter_call *)b)->nr;

	return x < y ? -1 : x > y;
}

/* Fills CALLS, with room for all that are denied and 5 more. Returns how many there are. */
static size_t fill(const struct deny *d, enum filter_abi_index abi, struct filter_call *calls)
{
	struct filter_call socket = { .action = SECCOMP_RET_ALLOW,
				      .rules = &d->socket,
				      .n_rules = 1 };
	struct filter_call many = { .action = SECCOMP_RET_ALLOW,
				    .rules = d->socketcall,
				    .n_rules = 2 };
	struct filter_call ipc = { .action = SECCOMP_RET_ALLOW, .rules = &d->ipc, .n_rules = 1 };
	size_t i, n = 0;

	for (i = 0; i < d->n_calls; i++)
		add(calls, &n, policy_call_name(d->calls[i]), abi,
		    (struct filter_call){ .action = REFUSE });
	if (d->socket.n_values > 0) {
		add(calls, &n, "socket", abi, socket);
		add(calls, &n, "socketpair", abi, socket);
		add(calls, &n, "io_uring_setup", abi, (struct filter_call){ .action = NO_CALL });
	}
	if (d->socketcall[0].n_values + d->socketcall[1].n_values > 0)
		add(calls, &n, "socketcall", abi, many);
	if (d->ipc.n_values > 0)
		add(calls, &n, "ipc", abi, ipc);
	qsort(calls, n, sizeof *calls, compare_nr);
	return n;
}

int policy_deny(const uint16_t *calls, size_t n_calls, uint64_t families,
		struct sock_filter **ret_code)
{
	struct deny d = { .calls = calls, .n_calls = n_calls };
	struct filter filter = { .machine = policy_machine, .foreign = NO_CALL };
	size_t room = n_calls + 5;
	CLEANUP(free_p) struct filter_call *memory = calloc(FILTER_ABIS * room, sizeof *memory);
	CLEANUP(free_p) struct sock_filter *code = calloc(FILTER_ROOM, sizeof *code);
	unsigned abi;
	int r;

	if (!memory || !code)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): CLEANUP frees it */
		return -ENOMEM;
	prepare(&d, families);
	for (abi = 0; abi < FILTER_ABIS; abi++)
		filter.abis[abi] = (struct filter_abi){
			.calls = memory + abi * room,
			.n_calls = fill(&d, abi, memory + abi * room),
			.otherwise = SECCOMP_RET_ALLOW,
		};
	r = filter_assemble(&filter, code);
	if (r >= 0) {
		*ret_code = code;
		code = NULL;
	}
	return r;
}
