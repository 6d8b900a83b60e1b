/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seccomp policies of src/policy, compiled in, and filters made of names at run time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "filter.h"

/* What is answered to system calls: a wall, which refuses what it does not know, or a pretence,
 * which changes the answer to what it names and allows all else. */
struct policy {
	const char *name;
	const struct sock_filter *code;
	size_t n_code;
	const char *refuses; /* a line of the policy each: what is not simply allowed, and why */
};

/* A system call: its name in policy_names, its number in each ABI, or -1. */
struct policy_call {
	uint16_t name;
	int32_t nr[FILTER_ABIS];
};

/* Written by src/policy/compile.c when husk is built. */
extern const struct policy policies[];
extern const size_t policies_n;
extern const struct policy pretences[];
extern const size_t pretences_n;
extern const struct policy_call policy_calls[]; /* sorted by name */
extern const size_t policy_calls_n;
extern const char policy_names[];
extern const struct filter_machine *const policy_machine;

/* The policy called NAME that is a wall, or NULL. */
const struct policy *policy_find(const char *name);

/* The one that is a pretence, which is there. */
const struct policy *policy_pretence(const char *name);

/* The index in policy_calls of the system call called NAME, or -1. */
int policy_call_find(const char *name);

/* The name of the system call at an index of policy_calls. */
const char *policy_call_name(size_t call);

/* Makes a filter that answers EPERM to the N_CALLS system calls, indexes of policy_calls, and
 * EAFNOSUPPORT to sockets of the FAMILIES, a bit each, on every ABI of the machine; also where a
 * call is reached through socketcall(2) or ipc(2). With families io_uring, which opens sockets
 * without socket(2), is answered ENOSYS. Returns the number of instructions, which *RET_CODE owns,
 * or -errno. */
int policy_deny(const uint16_t *calls, size_t n_calls, uint64_t families,
		struct sock_filter **ret_code);
