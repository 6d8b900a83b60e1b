/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seccomp filters as data: what each system call of each ABI is answered, made into BPF code. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sock_filter;

/* The ABIs of a machine, each with system call numbers of its own. */
enum filter_abi_index {
	FILTER_NATIVE,
	FILTER_COMPAT, /* i386, arm */
	FILTER_X32, /* of x86-64: numbers from FILTER_X32_BIT on */
	FILTER_ABIS,
};

#define FILTER_X32_BIT 0x40000000u
#define FILTER_ROOM    4096u /* instructions that a filter may have: the kernel's limit */

struct filter_machine {
	const char *name; /* as meson's host_machine.cpu_family() has it */
	uint32_t arch[2]; /* AUDIT_ARCH_* of FILTER_NATIVE and FILTER_COMPAT */
	bool x32;
};

extern const struct filter_machine filter_machines[];
extern const size_t filter_machines_n;

enum filter_test {
	FILTER_IN, /* the masked argument is one of the values */
	FILTER_NOT_IN, /* it is none of them */
	FILTER_HAS, /* it has at least one bit of the mask */
};

/* An answer that depends on the low 32 bits of an argument. Nothing wider is compared: what the
 * kernel takes as an int must not be hidden by bits that it ignores. */
struct filter_rule {
	uint32_t action; /* SECCOMP_RET_* with its data */
	enum filter_test test;
	unsigned arg; /* 0 to 5 */
	uint32_t mask;
	const uint32_t *values;
	size_t n_values; /* at most 250 */
};

struct filter_call {
	uint32_t nr;
	uint32_t action; /* where no rule applies */
	const struct filter_rule *rules; /* the first that applies decides */
	size_t n_rules;
};

struct filter_abi {
	const struct filter_call *calls; /* sorted by number, without duplicates */
	size_t n_calls;
	uint32_t otherwise; /* the answer to every other number */
};

struct filter {
	const struct filter_machine *machine;
	struct filter_abi abis[FILTER_ABIS];
	uint32_t foreign; /* the answer to an architecture that the machine should not have */
};

/* Writes the filter as BPF code, a balanced tree of comparisons an ABI, to CODE, which has room for
 * FILTER_ROOM instructions. Returns their number, -E2BIG when there are more, or -ENOMEM.
 * Documentation/userspace-api/seccomp_filter.rst. */
int filter_assemble(const struct filter *filter, struct sock_filter *code);
