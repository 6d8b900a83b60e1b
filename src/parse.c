/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks the words of a command line, and of the lists of --args, by the table of options. */
#include "parse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "broken.h"
#include "caps.h"
#include "fail.h"
#include "options.h"
#include "personality.h"
#include "plan.h"
#include "util.h"

size_t parse_distance(const char *a, const char *b)
{
	size_t row[65], la = strlen(a), lb = strlen(b), i, j, diagonal, above;

	if (la > 64 || lb > 64)
		return SIZE_MAX;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			above = row[j];
			row[j] = diagonal + (a[i - 1] != b[j - 1]);
			if (above + 1 < row[j])
				row[j] = above + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			diagonal = above;
		}
	}
	return row[lb];
}

static int unknown_option(struct parse *p, const char *word)
{
	const struct option *nearest = NULL;
	size_t i, distance, best = strlen(word) / 3 + 1;

	if (!p->plan->as->explains)
		return fail(p->fail, 0, "Unknown option %s", word);
	for (i = 0; i < options_n; i++) {
		size_t length = strlen(options[i].name);

		if (strncmp(word, options[i].name, length) == 0 && word[length] == '=')
			return fail(
				p->fail, 0,
				*options[i].operands
					? "Unknown option %s; the operand of %s is the next word"
					: "Unknown option %s; %s takes no operand",
				word, options[i].name);
		distance = parse_distance(word, options[i].name);
		if (distance < best) {
			best = distance;
			nearest = &options[i];
		}
	}
	if (nearest)
		return fail(p->fail, 0, "Unknown option %s; did you mean %s?", word, nearest->name);
	return fail_hint(p->fail, fail(p->fail, 0, "Unknown option %s", word),
			 "husk --help lists them");
}

/* True when an action is carried out where it stands, whatever follows. */
static bool stops_parsing(enum action action)
{
	return action == ACTION_HELP || action == ACTION_VERSION || action == ACTION_FEATURES ||
	       action == ACTION_DUMP_OPTIONS;
}

static int missing_operand(struct parse *p, const struct option *o, size_t arity)
{
	static const char *const many[] = { "", "an argument", "two arguments", "three arguments" };

	if (p->plan->as->explains)
		return fail(p->fail, 0, "%s takes %s: %s", o->name, many[arity], o->operands);
	return fail(p->fail, 0, "%s takes %s", o->name,
		    o->flags & OPT_ONE ? "one argument" : many[arity]);
}

/* Refuses option O when a modifier waits for another kind of it; O is NULL where words end. */
static int check_modifiers(struct parse *p, const struct option *o)
{
	unsigned flags = o ? o->flags : 0;

	if (p->perms_set && !(flags & OPT_PERMS))
		return fail(p->fail, 0,
			    "--perms must be followed by an option that creates a file");
	if (p->size_set && !(flags & OPT_SIZE))
		return fail(p->fail, 0, "--size must be followed by --tmpfs");
	if ((p->mount_attrs || p->over_link) && !(flags & OPT_MOUNT))
		return fail(p->fail, 0, "%s must be followed by an option that mounts something",
			    p->mount_attrs ? "--mount-flags" : "--replace-symlink");
	if (p->pending_layers > 0 && !(flags & OPT_LAYERS))
		return fail(p->fail, 0,
			    "--overlay-src must be followed by another --overlay-src or "
			    "one of --overlay, --tmp-overlay, or --ro-overlay");
	return 0;
}

/* Notes that only the last of a repeated option takes effect. */
static int note_repeat(struct parse *p, const struct option *o)
{
	size_t row = (size_t)(o - options);
	struct warning *warning;

	if (!(p->seen[row / 64] & CAP_BIT(row % 64))) {
		p->seen[row / 64] |= CAP_BIT(row % 64);
		return 0;
	}
	if (!(o->flags & OPT_LAST))
		return 0;
	warning = plan_append(&p->plan->warnings, &p->plan->n_warnings, sizeof *warning);
	if (!warning)
		return parse_no_memory(p);
	*warning = (struct warning){ .option = o->name, .prefixed = p->plan->level_prefix };
	return 0;
}

/* True for an option that is of no use where a whole sandbox is joined. */
static bool makes_sandbox(const struct option *o)
{
	return o->group == GROUP_ROOT || (o->flags & OPT_MAKES) ||
	       (o->group == GROUP_NAMESPACES && !(o->flags & OPT_JOIN));
}

/* Keeps the words of an option, which errors refer to; N_OPS is how many operations there were
 * before it. */
static int note_words(struct parse *p, const struct option *o, char **operands, size_t arity,
		      size_t n_ops)
{
	struct plan *plan = p->plan;
	struct typed *typed;

	if (makes_sandbox(o))
		plan->making = o->name;
	if (plan->n_ops > n_ops) {
		plan->ops[n_ops].operands = operands;
		plan->ops[n_ops].n_operands = arity;
		return 0;
	}
	typed = plan_append(&plan->typed, &plan->n_typed, sizeof *typed);
	if (!typed)
		return parse_no_memory(p);
	*typed = (struct typed){ o->name, operands, arity };
	return 0;
}

/* Puts the option before a message that names none, where messages say what they are about. */
static void name_option(struct parse *p, const struct option *o)
{
	size_t length = strlen(o->name), room = sizeof p->fail->text - length - 2;
	char *text = p->fail->text;

	if (!p->plan->as->explains || strncmp(text, "--", 2) == 0)
		return;
	memmove(text + length + 2, text, room);
	memcpy(text, o->name, length);
	memcpy(text + length, ": ", 2);
	text[sizeof p->fail->text - 1] = '\0';
}

/* Lets the failure say which option it was about, unless an inner one is known. */
static int blame(struct parse *p, const struct option *o, char **operands, size_t arity, int r)
{
	if (!p->fail->option) {
		name_option(p, o);
		p->fail->option = o->name;
		p->fail->operands = operands;
		p->fail->n_operands = arity;
	}
	return r;
}

/* Parses the option at WORDS[0]. On success *RET_USED is the number of words it took. */
static int parse_option(struct parse *p, char **words, size_t *ret_used)
{
	const struct option *o = option_find(p->plan, words[0]);
	size_t i, arity, n_ops = p->plan->n_ops;
	int r;

	if (!o)
		return unknown_option(p, words[0]);
	arity = option_arity(o);
	for (i = 1; i <= arity; i++)
		if (!words[i])
			return blame(p, o, words + 1, i - 1, missing_operand(p, o, arity));
	r = check_modifiers(p, o);
	if (r == 0)
		r = note_repeat(p, o);
	if (r == 0)
		r = o->handler(p, o, words + 1);
	if (r == 0)
		r = note_words(p, o, words + 1, arity, n_ops);
	if (r < 0)
		return blame(p, o, words + 1, arity, r);
	if (!(o->flags & OPT_MODIFIER)) {
		p->perms_set = p->size_set = p->over_link = false;
		p->mount_attrs = 0;
		p->perms = 0;
		p->size = 0;
	}
	*ret_used = 1 + arity;
	return 0;
}

/* Parses options up to the command, whose first word is then at *RET_COMMAND; sets command_begun
 * when a -- or the command's own first word ended the options. */
static int parse_words(struct parse *p, char **words, char ***ret_command)
{
	size_t used = 0;
	int r;

	while (*words && !p->command_begun && !stops_parsing(p->plan->action)) {
		if (streq(*words, "--")) {
			p->command_begun = true;
			words++;
			break;
		}
		if ((*words)[0] != '-') {
			p->command_begun = true;
			break;
		}
		r = parse_option(p, words, &used);
		if (r < 0)
			return r;
		words += used;
	}
	*ret_command = words;
	return 0;
}

/* Splits LENGTH bytes of DATA, which end with a NUL, into a NULL-terminated list that the plan
 * owns. */
static char **split_words(struct parse *p, char *data, size_t length)
{
	char **words, **owned;
	size_t i, n = 0;

	for (i = 0; i < length; i++)
		n += data[i] == '\0';
	owned = plan_append(&p->plan->owned, &p->plan->n_owned, sizeof *owned);
	words = calloc(n + 1, sizeof *words);
	if (!owned || !words) {
		free(words);
		parse_no_memory(p);
		return NULL;
	}
	*owned = (char *)words;
	for (i = 0, n = 0; i < length; i += strlen(data + i) + 1)
		words[n++] = data + i;
	return words;
}

int parse_args_list(struct parse *p, const struct option *o, char **operands)
{
	char *data, **owned, **words, **command;
	struct args *args;
	size_t length;
	int fd = NO_FD, r;

	(void)o;
	if (p->nested)
		return fail(p->fail, 0, "--args not supported in arguments file");
	r = parse_fd(p, operands[0], &fd);
	if (r < 0)
		return r;
	owned = plan_append(&p->plan->owned, &p->plan->n_owned, sizeof *owned);
	if (!owned)
		return parse_no_memory(p);
	r = p->read(fd, &data, &length);
	if (r < 0)
		return p->plan->as->explains
			       ? fail_hint(p->fail, fail(p->fail, -r, "--args %s", operands[0]),
					   "the caller opens it, as in 3<words")
			       : fail(p->fail, -r, "Can't read --args data");
	*owned = data;
	args = plan_append(&p->plan->args, &p->plan->n_args, sizeof *args);
	if (!args)
		return parse_no_memory(p);
	*args = (struct args){ .fd = fd, .data = data, .length = length };
	/* the reader leaves room for one byte after the data */
	if (length > 0 && data[length - 1] != '\0') {
		if (p->plan->as->args_terminated && !BROKEN("args-terminated"))
			return fail_hint(p->fail,
					 fail(p->fail, 0,
					      "--args %s: the last word has no NUL after it",
					      operands[0]),
					 "end every word with a NUL, the last one too, as printf "
					 "'%s\\0' does");
		data[length++] = '\0';
	}
	words = split_words(p, data, length);
	if (!words)
		return -ENOMEM;
	p->nested = true;
	r = parse_words(p, words, &command);
	p->nested = false;
	if (r < 0)
		return r;
	if (p->plan->as->args_command) {
		p->prefix = command;
		return 0;
	}
	p->command_begun = false;
	return check_modifiers(p, NULL);
}

/* Makes the command from the words that a list of --args began it with and those of the command
 * line. */
static int join_command(struct parse *p, char **rest)
{
	size_t n_prefix = 0, n_rest = 0;
	char **command, **owned;

	while (p->prefix && p->prefix[n_prefix])
		n_prefix++;
	while (rest[n_rest])
		n_rest++;
	if (n_prefix == 0) {
		p->plan->command = n_rest > 0 ? rest : NULL;
		return 0;
	}
	owned = plan_append(&p->plan->owned, &p->plan->n_owned, sizeof *owned);
	command = calloc(n_prefix + n_rest + 1, sizeof *command);
	if (!owned || !command) {
		free(command);
		return parse_no_memory(p);
	}
	*owned = (char *)command;
	memcpy(command, p->prefix, n_prefix * sizeof *command);
	memcpy(command + n_prefix, rest, n_rest * sizeof *command);
	p->plan->command = command;
	return 0;
}

int options_parse(struct plan *plan, char **words, options_read_fn read, struct fail *f)
{
	static const char *const probe[] = { SELFTEST_NAME, NULL };
	struct parse p = { .plan = plan, .fail = f, .read = read };
	char **rest;
	int r;

	r = parse_words(&p, words, &rest);
	if (r < 0)
		return r;
	if (stops_parsing(plan->action))
		return 0;
	if (plan->as->last_modifier_counts || p.pending_layers > 0) {
		r = check_modifiers(&p, NULL);
		if (r < 0)
			return r;
	}
	r = join_command(&p, rest);
	if (r < 0)
		return r;
	if (plan->self_test && plan->command)
		return fail_hint(f, fail(f, 0, "--self-test takes no command"),
				 "it runs a probe instead");
	if (plan->self_test)
		plan->command = (char **)probe;
	if (!plan->command)
		plan->action = ACTION_USAGE;
	return 0;
}
