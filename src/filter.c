/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes seccomp filters: the architecture first, then x32, then a balanced tree of system calls.
 *
 * The kernel tries a new filter with every system call number, to remember which are allowed
 * whatever their arguments; so installing costs the sum of all paths through the filter. Numbers
 * next to each other with the same answer are one leaf, and a path to a leaf is a handful of
 * comparisons. */
#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

const struct filter_machine filter_machines[] = {
	{ "x86_64", { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 }, true },
	{ "x86", { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 }, true }, /* may run on a 64-bit kernel */
	{ "aarch64", { AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM }, false },
};
const size_t filter_machines_n = ARRAY_SIZE(filter_machines);

struct code {
	struct sock_filter *to;
	size_t n; /* counts on when the room is used up, so that the end tells */
};

/* Numbers from START up to the next leaf's, with one answer. */
struct leaf {
	uint32_t start;
	struct filter_call call; /* its number does not count */
};

static void emit(struct code *c, unsigned code, uint32_t k, size_t jt, size_t jf)
{
	if (c->n < FILTER_ROOM)
		c->to[c->n] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };
	c->n++;
}

static void emit_load(struct code *c, size_t offset)
{
	emit(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_return(struct code *c, uint32_t action)
{
	emit(c, BPF_RET | BPF_K, action, 0, 0);
}

/* The place of the low half of an argument. */
static size_t low_half(unsigned arg)
{
	return offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t) +
	       (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
}

static void emit_rule(struct code *c, const struct filter_rule *rule)
{
	bool in = rule->test == FILTER_IN;
	size_t i;

	emit_load(c, low_half(rule->arg));
	if (rule->test == FILTER_HAS) {
		emit(c, BPF_JMP | BPF_JSET | BPF_K, rule->mask, 0, 1);
		emit_return(c, rule->action);
		return;
	}
	if (rule->mask != UINT32_MAX)
		emit(c, BPF_ALU | BPF_AND | BPF_K, rule->mask, 0, 0);
	/* a value that is found leads to the return, or past it */
	for (i = 0; i < rule->n_values; i++)
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, rule->values[i], rule->n_values - i, 0);
	if (in)
		emit(c, BPF_JMP | BPF_JA, 1, 0, 0);
	emit_return(c, rule->action);
}

static void emit_leaf(struct code *c, const struct leaf *leaf)
{
	size_t i;

	for (i = 0; i < leaf->call.n_rules; i++)
		emit_rule(c, &leaf->call.rules[i]);
	emit_return(c, leaf->call.action);
}

/* Emits a tree that leads from the loaded number to one of the N leaves. */
static void emit_tree(struct code *c, const struct leaf *leaves, size_t n)
{
	size_t half = n / 2, at = c->n, below;

	if (n == 1) {
		emit_leaf(c, leaves);
		return;
	}
	emit(c, BPF_JMP | BPF_JGE | BPF_K, leaves[half].start, 0, 0);
	emit_tree(c, leaves, half);
	below = c->n - at - 1;
	if (below > UINT8_MAX) {
		/* too far for a comparison: it leads to a jump, put in before the lower half */
		emit(c, 0, 0, 0, 0);
		if (c->n > FILTER_ROOM)
			return;
		memmove(&c->to[at + 2], &c->to[at + 1], below * sizeof *c->to);
		c->to[at].jf = 1;
		c->to[at + 1] = (struct sock_filter){ BPF_JMP | BPF_JA, 0, 0, (uint32_t)below };
	} else if (at < FILTER_ROOM) {
		c->to[at].jt = (uint8_t)below;
	}
	emit_tree(c, leaves + half, n - half);
}

static void add_leaf(struct leaf *leaves, size_t *n, uint32_t start, const struct filter_call *call)
{
	const struct filter_call *last = *n > 0 ? &leaves[*n - 1].call : NULL;

	if (last && last->n_rules == 0 && call->n_rules == 0 && last->action == call->action)
		return;
	leaves[(*n)++] = (struct leaf){ start, *call };
}

static int emit_abi(struct code *c, const struct filter_abi *abi)
{
	struct filter_call other = { .action = abi->otherwise };
	CLEANUP(free_p) struct leaf *leaves = calloc(2 * abi->n_calls + 1, sizeof *leaves);
	uint32_t next = 0;
	size_t i, n = 0;

	if (!leaves)
		return -ENOMEM;
	for (i = 0; i < abi->n_calls; i++) {
		if (abi->calls[i].nr > next || n == 0)
			add_leaf(leaves, &n, next, &other);
		/* the other answer may have no number of its own before the first call */
		if (abi->calls[i].nr == 0)
			n = 0;
		add_leaf(leaves, &n, abi->calls[i].nr, &abi->calls[i]);
		next = abi->calls[i].nr + 1;
	}
	add_leaf(leaves, &n, next, &other);
	emit_tree(c, leaves, n);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): CLEANUP frees it */
	return 0;
}

int filter_assemble(const struct filter *filter, struct sock_filter *code)
{
	struct code c = { .to = code };
	size_t to_compat, to_x32 = 0;
	int r;

	emit_load(&c, offsetof(struct seccomp_data, arch));
	emit(&c, BPF_JMP | BPF_JEQ | BPF_K, filter->machine->arch[FILTER_NATIVE], 1, 0);
	to_compat = c.n;
	emit(&c, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_load(&c, offsetof(struct seccomp_data, nr));
	if (filter->machine->x32) {
		emit(&c, BPF_JMP | BPF_JGE | BPF_K, FILTER_X32_BIT, 0, 1);
		to_x32 = c.n;
		emit(&c, BPF_JMP | BPF_JA, 0, 0, 0);
	}
	r = emit_abi(&c, &filter->abis[FILTER_NATIVE]);
	if (r == 0 && to_x32 && c.n < FILTER_ROOM) {
		code[to_x32].k = (uint32_t)(c.n - to_x32 - 1);
		r = emit_abi(&c, &filter->abis[FILTER_X32]);
	}
	if (r < 0)
		return r;
	code[to_compat].k = (uint32_t)(c.n - to_compat - 1);
	emit(&c, BPF_JMP | BPF_JEQ | BPF_K, filter->machine->arch[FILTER_COMPAT], 1, 0);
	emit_return(&c, filter->foreign);
	emit_load(&c, offsetof(struct seccomp_data, nr));
	r = emit_abi(&c, &filter->abis[FILTER_COMPAT]);
	if (r < 0)
		return r;
	return c.n > FILTER_ROOM ? -E2BIG : (int)c.n;
}
