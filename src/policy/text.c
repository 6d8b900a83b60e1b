/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a policy file; default.policy says what its lines are. */
#include "text.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../family.h"

#define ALLOW	 SECCOMP_RET_ALLOW
#define ERROR(e) (SECCOMP_RET_ERRNO | (e))
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const struct {
	const char *word;
	uint32_t value;
} answers[] = {
	{ "allow", ALLOW },
	{ "EPERM", ERROR(EPERM) },
	{ "ENOSYS", ERROR(ENOSYS) },
	{ "EAFNOSUPPORT", ERROR(EAFNOSUPPORT) },
	{ "pretend", ERROR(0) },
	{ "notify", SECCOMP_RET_USER_NOTIF },
}, constants[] = {
	{ "NO_ID", UINT32_MAX },
	{ "PR_SET_KEEPCAPS", PR_SET_KEEPCAPS },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "S_IFCHR", S_IFCHR },
	{ "S_IFBLK", S_IFBLK },
	{ "TIOCSTI", TIOCSTI },
	{ "TIOCLINUX", TIOCLINUX },
	{ "CLONE_NEWNS", CLONE_NEWNS },
	{ "CLONE_NEWCGROUP", CLONE_NEWCGROUP },
	{ "CLONE_NEWUTS", CLONE_NEWUTS },
	{ "CLONE_NEWIPC", CLONE_NEWIPC },
	{ "CLONE_NEWUSER", CLONE_NEWUSER },
	{ "CLONE_NEWPID", CLONE_NEWPID },
	{ "CLONE_NEWNET", CLONE_NEWNET },
	{ "CLONE_NEWTIME", CLONE_NEWTIME },
};

/* Where the reader is, and the line being read. */
struct place {
	struct text *text;
	const char *path, *file;
	int line;
};

void text_die(const char *file, int line, const char *format, ...)
{
	va_list ap;

	if (line > 0)
		fprintf(stderr, "%s:%d: ", file, line);
	else
		fprintf(stderr, "%s: ", file);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *text_memory(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		text_die("compile", 0, "out of memory");
	return memory;
}

static uint32_t read_answer(const struct place *at, const char *word)
{
	size_t i;

	for (i = 0; i < sizeof answers / sizeof answers[0]; i++)
		if (strcmp(answers[i].word, word) == 0)
			return answers[i].value;
	text_die(at->path, at->line, "“%s” is no answer", word);
}

static uint32_t read_value(const struct place *at, const char *word)
{
	char *end;
	unsigned long value = strtoul(word, &end, 0);
	int family = family_find(word);
	size_t i;

	if (*word >= '0' && *word <= '9' && *end == '\0' && value <= UINT32_MAX)
		return (uint32_t)value;
	for (i = 0; i < sizeof constants / sizeof constants[0]; i++)
		if (strcmp(constants[i].word, word) == 0)
			return constants[i].value;
	if (family < 0)
		text_die(at->path, at->line, "“%s” is no value", word);
	return (uint32_t)family;
}

/* Reads "argN", "argN&MASK" or "idN". Returns whether it is an id. */
static bool read_argument(const struct place *at, const char *word, struct filter_rule *rule)
{
	bool id = strncmp(word, "id", 2) == 0;
	const char *number = word + (id ? 2 : 3);

	if ((!id && strncmp(word, "arg", 3) != 0) || *number < '0' || *number > '5' ||
	    (number[1] && (id || number[1] != '&')))
		text_die(at->path, at->line, "“%s” is not argN, argN&MASK or idN", word);
	rule->arg = (unsigned)(*number - '0');
	rule->mask = number[1] ? read_value(at, number + 2) : UINT32_MAX;
	return id;
}

/* Reads "argN in|notin|has VALUE...", the words after an "if". */
static struct filter_rule read_condition(const struct place *at, char *rest, uint32_t action,
					 bool *ret_id)
{
	struct filter_rule rule = { .action = action };
	uint32_t *values = text_memory(64 * sizeof *values);
	char *save, *arg = strtok_r(rest, " ", &save), *test = strtok_r(NULL, " ", &save), *word;

	if (!test)
		text_die(at->path, at->line,
			 "a condition is an argument, in, notin or has, "
			 "and values");
	*ret_id = read_argument(at, arg, &rule);
	if (strcmp(test, "in") == 0)
		rule.test = FILTER_IN;
	else if (strcmp(test, "notin") == 0)
		rule.test = FILTER_NOT_IN;
	else if (strcmp(test, "has") == 0)
		rule.test = FILTER_HAS;
	else
		text_die(at->path, at->line, "“%s” is no test", test);
	while ((word = strtok_r(NULL, " ", &save)) && rule.n_values < 64)
		values[rule.n_values++] = read_value(at, word);
	if (word || rule.n_values == 0)
		text_die(at->path, at->line, "a condition has 1 to 64 values");
	if (rule.test == FILTER_HAS) {
		rule.mask = 0;
		while (rule.n_values > 0)
			rule.mask |= values[--rule.n_values];
	}
	rule.values = values;
	return rule;
}

static int compare_name(const void *name, const void *call)
{
	return strcmp(name, ((const struct text_call *)call)->name);
}

/* Adds what the line says of one call. A name of another machine is no error, an unknown one is. */
static void add(const struct place *at, const char *name, uint32_t action,
		const struct filter_rule *rule, bool id)
{
	struct text_call *call = bsearch(name, at->text->calls, at->text->n_calls,
					 sizeof at->text->calls[0], compare_name);

	if (!call) {
		if (seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR)
			text_die(at->path, at->line, "no system call is called “%s”", name);
		return;
	}
	if (rule) {
		if (call->n_rules == TEXT_RULES)
			text_die(at->path, at->line, "too many conditions for %s", name);
		call->ids |= (unsigned)id << call->n_rules;
		call->rules[call->n_rules++] = *rule;
		return;
	}
	if (call->file && strcmp(call->file, at->file) == 0)
		text_die(at->path, at->line, "%s stands in two lines", name);
	call->action = action;
	call->file = at->file;
}

static void remember(const struct place *at, const char *line, const char *reason)
{
	struct text *text = at->text;
	size_t length = strlen(line) + strlen(reason) + 8;

	text->refuses = realloc(text->refuses, text->n_refuses + length);
	if (!text->refuses)
		text_die(at->path, at->line, "out of memory");
	text->n_refuses +=
		(size_t)sprintf(text->refuses + text->n_refuses, "%s # %s\n", line, reason);
}

static void include(const struct place *at, const char *name)
{
	const char *slash = strrchr(at->path, '/');
	char *path = text_memory(strlen(at->path) + strlen(name) + 1);

	sprintf(path, "%.*s%s", slash ? (int)(slash - at->path + 1) : 0, at->path, name);
	text_read(at->text, path);
	free(path);
}

static void read_line(const struct place *at, char *line)
{
	char *reason = strchr(line, '#'), *condition, *save, *word, *end;
	struct filter_rule rule, *with = NULL;
	uint32_t action;
	bool id = false;

	if (reason)
		*reason++ = '\0';
	for (end = line + strlen(line); end > line && end[-1] == ' ';)
		*--end = '\0';
	while (reason && *reason == ' ')
		reason++;
	if (*line == '\0')
		return;
	if (strncmp(line, "include ", 8) == 0) {
		include(at, line + 8);
		return;
	}
	if (strncmp(line, "otherwise ", 10) == 0) {
		at->text->otherwise = read_answer(at, line + 10);
		return;
	}
	if (strncmp(line, "allow ", 6) != 0) {
		if (!reason || !*reason)
			text_die(at->path, at->line, "a refusal must have a reason");
		remember(at, line, reason);
	}
	condition = strstr(line, " if ");
	if (condition)
		*condition = '\0';
	action = read_answer(at, strtok_r(line, " ", &save));
	if (condition) {
		rule = read_condition(at, condition + 4, action, &id);
		with = &rule;
	}
	while ((word = strtok_r(NULL, " ", &save)))
		add(at, word, action, with, id);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the calls point to the values */
}

void text_read(struct text *text, const char *path)
{
	FILE *in = fopen(path, "r");
	char *copy = text_memory(strlen(path) + 1), line[8192];
	size_t length = 0, from;
	struct place at = { .text = text, .path = path, .file = strcpy(copy, path) };

	if (!in)
		text_die(path, 0, "%s", strerror(errno));
	/* a backslash at the end joins a line to the next, with one blank between */
	while (fgets(line + length, (int)(sizeof line - length), in)) {
		at.line++;
		from = length + strspn(line + length, " \t");
		memmove(line + length, line + from, strlen(line + from) + 1);
		length = strcspn(line, "\n");
		line[length] = '\0';
		if (length > 0 && line[length - 1] == '\\' && line[0] != '#') {
			length--;
			continue;
		}
		read_line(&at, line);
		length = 0;
	}
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the calls point to the name */
	fclose(in);
}
