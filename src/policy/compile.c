/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Run by the build: compiles the policies to BPF, with the names and numbers of system calls that
 * libseccomp has, as a C file for the launcher, which then needs no libseccomp.
 *
 *	compile MACHINE NEWER OUTPUT NAME=POLICY...
 *
 * MACHINE is a name of filter_machines, NEWER a file of calls that libseccomp may lack. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../filter.h"
#include "text.h"

#define NUMBERS	    1024 /* beyond every table of system calls */
#define ARM_PRIVATE 0xf0000
#define ENOSYS_ALL  (SECCOMP_RET_ERRNO | ENOSYS)
#define SHORT_ID    0xffff

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct text_call *)a)->name, ((const struct text_call *)b)->name);
}

/* The call of that name, which is added if there is none; NUMBER is its in ABI unless it has one.
 */
static void add_number(struct text *text, const char *name, unsigned abi, int number)
{
	size_t i;

	for (i = 0; i < text->n_calls && strcmp(text->calls[i].name, name) != 0; i++)
		;
	if (i == TEXT_CALLS)
		text_die("compile", 0, "more than %d system calls", TEXT_CALLS);
	if (i == text->n_calls)
		text->calls[text->n_calls++] = (struct text_call){
			.name = strcpy(text_memory(strlen(name) + 1), name),
			.nr = { -1, -1, -1 },
		};
	if (text->calls[i].nr[abi] < 0)
		text->calls[i].nr[abi] = number;
}

/* Asks libseccomp for the calls of one ABI. */
static void add_abi(struct text *text, unsigned abi, uint32_t arch, unsigned first)
{
	unsigned number;
	char *name;

	for (number = first; number < first + NUMBERS; number++) {
		name = seccomp_syscall_resolve_num_arch(arch, (int)number);
		if (name)
			add_number(text, name, abi, (int)number);
		free(name);
	}
}

static void add_newer(struct text *text, const struct filter_machine *machine, const char *path)
{
	FILE *in = fopen(path, "r");
	char line[256], name[64];
	int number, place = 0;
	unsigned abi;

	if (!in)
		text_die(path, 0, "%s", strerror(errno));
	while (fgets(line, sizeof line, in)) {
		place++;
		if (line[0] == '#')
			continue;
		if (sscanf(line, "%d %63s", &number, name) != 2 || number < 424)
			text_die(path, place, "not a number from 424 on and a name");
		for (abi = 0; abi < FILTER_ABIS; abi++)
			if (abi != FILTER_X32 || machine->x32)
				add_number(text, name, abi,
					   abi == FILTER_X32 ? number | (int)FILTER_X32_BIT
							     : number);
	}
	fclose(in);
}

static void read_numbers(struct text *text, const struct filter_machine *machine, const char *newer)
{
	text->calls = text_memory(TEXT_CALLS * sizeof *text->calls);
	add_abi(text, FILTER_NATIVE, machine->arch[FILTER_NATIVE], 0);
	add_abi(text, FILTER_COMPAT, machine->arch[FILTER_COMPAT], 0);
	if (machine->arch[FILTER_COMPAT] == SCMP_ARCH_ARM)
		add_abi(text, FILTER_COMPAT, SCMP_ARCH_ARM, ARM_PRIVATE);
	if (machine->x32)
		add_abi(text, FILTER_X32, SCMP_ARCH_X32, FILTER_X32_BIT);
	add_newer(text, machine, newer);
	qsort(text->calls, text->n_calls, sizeof text->calls[0], compare_names);
}

static int compare_nr(const void *a, const void *b)
{
	uint32_t x = ((const struct filter_call *)a)->nr, y = ((const struct filter_call *)b)->nr;

	return x < y ? -1 : x > y;
}

/* True for a call that an ABI has a second time, with ids of 32 bits instead of 16: chown beside
 * chown32. */
static bool has_short_ids(const struct text *text, const struct text_call *call, unsigned abi)
{
	size_t i, length = strlen(call->name);

	for (i = 0; i < text->n_calls; i++)
		if (text->calls[i].nr[abi] >= 0 &&
		    strncmp(text->calls[i].name, call->name, length) == 0 &&
		    strcmp(text->calls[i].name + length, "32") == 0)
			return true;
	return false;
}

/* The rules of CALL where its ids have 16 bits, which is all that the kernel looks at. */
static const struct filter_rule *short_rules(const struct text_call *call)
{
	struct filter_rule *rules = text_memory(sizeof call->rules);
	uint32_t *values;
	size_t i, k;

	memcpy(rules, call->rules, sizeof call->rules);
	for (i = 0; i < call->n_rules; i++) {
		if (!(call->ids >> i & 1))
			continue;
		values = text_memory(rules[i].n_values * sizeof *values);
		for (k = 0; k < rules[i].n_values; k++)
			values[k] = rules[i].values[k] & SHORT_ID;
		rules[i].values = values;
		rules[i].mask = SHORT_ID;
	}
	return rules;
}

/* What a policy says of the numbers of one ABI. */
static struct filter_abi number_calls(const struct text *text, unsigned abi)
{
	struct filter_call *calls = text_memory(TEXT_CALLS * sizeof *calls);
	struct filter_abi ret = { .calls = calls, .otherwise = text->otherwise };
	size_t i;

	for (i = 0; i < text->n_calls; i++) {
		const struct text_call *call = &text->calls[i];

		if (call->nr[abi] < 0 || (!call->action && call->n_rules == 0))
			continue;
		calls[ret.n_calls++] = (struct filter_call){
			.nr = (uint32_t)call->nr[abi],
			.action = call->action ? call->action : SECCOMP_RET_ALLOW,
			.rules = call->ids && has_short_ids(text, call, abi) ? short_rules(call)
									     : call->rules,
			.n_rules = call->n_rules,
		};
	}
	qsort(calls, ret.n_calls, sizeof *calls, compare_nr);
	return ret;
}

static void write_string(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n\"\n\t\"", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

/* A policy that names what is to be done, and allows all else, is a pretence, no wall: that holds
 * for x32 and a foreign architecture too, which a wall does not let through. Returns which it is.
 */
static bool write_policy(FILE *out, const struct text *numbers,
			 const struct filter_machine *machine, size_t index, const char *path)
{
	struct text text = { .n_calls = numbers->n_calls };
	struct sock_filter *code = text_memory(FILTER_ROOM * sizeof *code);
	struct filter filter = { .machine = machine };
	bool wall;
	int i, n;

	text.calls = text_memory(text.n_calls * sizeof *text.calls);
	memcpy(text.calls, numbers->calls, text.n_calls * sizeof *text.calls);
	text_read(&text, path);
	wall = !text.otherwise;
	if (wall)
		text.otherwise = ENOSYS_ALL;
	filter.foreign = text.otherwise;
	filter.abis[FILTER_NATIVE] = number_calls(&text, FILTER_NATIVE);
	filter.abis[FILTER_COMPAT] = number_calls(&text, FILTER_COMPAT);
	if (wall)
		filter.abis[FILTER_X32].otherwise = ENOSYS_ALL;
	else
		filter.abis[FILTER_X32] = number_calls(&text, FILTER_X32);
	n = filter_assemble(&filter, code);
	if (n < 0)
		text_die(path, 0, "makes a filter that is too long");
	fprintf(out, "static const struct sock_filter code_%zu[] = {\n", index);
	for (i = 0; i < n; i++)
		fprintf(out, "\t{ 0x%x, %u, %u, 0x%x },\n", code[i].code, code[i].jt, code[i].jf,
			code[i].k);
	fprintf(out, "};\nstatic const char refuses_%zu[] =\n\t\"", index);
	write_string(out, text.refuses ? text.refuses : "");
	fputs("\";\n", out);
	return wall;
}

static void write_calls(FILE *out, const struct text *text)
{
	size_t i, offset = 0;

	fputs("const char policy_names[] =", out);
	for (i = 0; i < text->n_calls; i++)
		fprintf(out, "\n\t\"%s\\0\"", text->calls[i].name);
	fputs(";\nconst struct policy_call policy_calls[] = {\n", out);
	for (i = 0; i < text->n_calls; i++) {
		const struct text_call *call = &text->calls[i];

		fprintf(out, "\t{ %zu, { %d, %d, %d } },\n", offset, call->nr[0], call->nr[1],
			call->nr[2]);
		offset += strlen(call->name) + 1;
	}
	fprintf(out, "};\nconst size_t policy_calls_n = %zu;\n", text->n_calls);
}

/* Writes the table called TABLE of those of the N policies that are walls, or are not. */
static void write_table(FILE *out, const char *table, char **policies, const bool *walls, size_t n,
			bool wall)
{
	size_t i, rows = 0;

	fprintf(out, "const struct policy %s[] = {\n", table);
	for (i = 0; i < n; i++) {
		if (walls[i] != wall)
			continue;
		rows++;
		fprintf(out,
			"\t{ \"%s\", code_%zu, sizeof code_%zu / sizeof code_%zu[0], "
			"refuses_%zu },\n",
			policies[i], i, i, i, i);
	}
	fprintf(out, "};\nconst size_t %s_n = %zu;\n", table, rows);
}

int main(int argc, char **argv)
{
	const struct filter_machine *machine = NULL;
	struct text text = { 0 };
	char **policies = argv + 4, *path;
	bool walls[16];
	size_t i, n;
	FILE *out;

	if (argc < 5 || argc > 20)
		text_die(argv[0], 0, "usage: compile MACHINE NEWER OUTPUT NAME=POLICY...");
	for (i = 0; i < filter_machines_n && !machine; i++)
		if (strcmp(filter_machines[i].name, argv[1]) == 0)
			machine = &filter_machines[i];
	if (!machine)
		text_die(argv[0], 0, "unknown machine %s", argv[1]);
	read_numbers(&text, machine, argv[2]);
	out = fopen(argv[3], "w");
	if (!out)
		text_die(argv[3], 0, "%s", strerror(errno));
	fputs("/* Written by compile from the files in src/policy. */\n"
	      "#include <linux/filter.h>\n#include \"policy.h\"\n\n",
	      out);
	write_calls(out, &text);
	n = (size_t)argc - 4;
	for (i = 0; i < n; i++) {
		path = strchr(policies[i], '=');
		if (!path)
			text_die(argv[0], 0, "%s is not NAME=POLICY", policies[i]);
		*path++ = '\0';
		walls[i] = write_policy(out, &text, machine, i, path);
	}
	write_table(out, "policies", policies, walls, n, true);
	write_table(out, "pretences", policies, walls, n, false);
	fprintf(out, "const struct filter_machine *const policy_machine = &filter_machines[%zu];\n",
		(size_t)(machine - filter_machines));
	if (fclose(out) != 0)
		text_die(argv[3], 0, "%s", strerror(errno));
	return 0;
}
