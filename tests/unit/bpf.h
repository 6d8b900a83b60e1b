/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a filter answers, by an interpreter of BPF, and the numbers of calls, by libseccomp, for the
 * unit tests of policies. */
#ifndef TESTS_UNIT_BPF_H
#define TESTS_UNIT_BPF_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define ALLOW	 SECCOMP_RET_ALLOW
#define ERROR(e) (SECCOMP_RET_ERRNO | (e))

/* libseccomp's, whose header has the name of ours */
int seccomp_syscall_resolve_name_arch(uint32_t arch, const char *name);
char *seccomp_syscall_resolve_num_arch(uint32_t arch, int num);

/* The texts, put in by the assembler, since whoever runs the test may not see the sources:
 * text_NAME of each, by a header that changes whenever one of them does. */
#define EMBED(symbol, file)                            \
	extern const char symbol[];                    \
	__asm__(".pushsection .rodata\n" #symbol ":\n" \
		".incbin \"" #file "\"\n.byte 0\n.popsection\n")
#include "policy-texts.h"

struct run {
	uint32_t answer;
	unsigned steps;
	bool looked; /* at an argument */
};

static inline struct run run(const struct sock_filter *code, size_t n,
			     const struct seccomp_data *data)
{
	struct run r = { .answer = UINT32_MAX };
	uint32_t a = 0;
	size_t pc = 0;

	for (; pc < n; pc++) {
		const struct sock_filter *i = &code[pc];

		r.steps++;
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + i->k, sizeof a);
			r.looked |= i->k >= offsetof(struct seccomp_data, args);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			r.answer = i->k;
			return r;
		default:
			return r;
		}
	}
	return r;
}

static const struct {
	const char *name;
	uint32_t arch;
	enum filter_abi_index abi;
} abis[] = {
#if defined(__x86_64__) || defined(__i386__)
	{ "x86-64", AUDIT_ARCH_X86_64, FILTER_NATIVE },
	{ "i386", AUDIT_ARCH_I386, FILTER_COMPAT },
#else
	{ "arm64", AUDIT_ARCH_AARCH64, FILTER_NATIVE },
	{ "arm", AUDIT_ARCH_ARM, FILTER_COMPAT },
#endif
};

/* The number that libseccomp gives, or the list of newer calls; -1 for none. */
static inline int number_of(uint32_t arch, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);
	const char *line;
	char word[64], *found;
	int i;

	/* the calls that socketcall and ipc make as well have a number below 0 there */
	for (i = 0; i < 1024 && nr < 0; i++) {
		found = seccomp_syscall_resolve_num_arch(arch, i);
		if (found && strcmp(found, name) == 0)
			nr = i;
		free(found);
	}
	for (line = text_newer; nr < 0 && line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%d %63s", &nr, word) != 2 || strcmp(word, name) != 0)
			nr = -1;
	}
	return nr;
}

#endif
