/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The option table and the function from words to plan. */

#include <sched.h>
#include <stdint.h>

#include "caps.h"

#include "words.h"

static void table_is_sound(void)
{
	struct plan husk, bwrap;
	size_t i, sorted = 0, found = 0, helped = 0, own = 0;

	plan_init(&husk, &personality_husk);
	plan_init(&bwrap, &personality_bwrap);
	for (i = 0; i < options_n; i++) {
		const struct option *o = &options[i];
		bool is_own = o->flags & OPT_HUSK;

		sorted += i == 0 || strcmp(options[i - 1].name, o->name) < 0;
		found += option_find(&husk, o->name) == o &&
			 option_find(&bwrap, o->name) == (is_own ? NULL : o);
		helped += o->help && *o->help && o->handler && o->group < GROUP_MAX;
		own += is_own;
	}
	ok(sorted == options_n, "the table is sorted by name, without doubles");
	ok(found == options_n, "each row is found by its personalities and by no other");
	ok(helped == options_n, "each row has a help line, a handler and a group");
	ok(options_n - own == 68, "bubblewrap 0.12 has 68 options: %zu", options_n - own);
	for (i = 0; i < GROUP_MAX; i++)
		if (!option_groups[i])
			break;
	ok(i == GROUP_MAX, "each group has a heading");
}

/* Every row, given exactly its operands, is not refused for their number; with one less it is. */
static void arity_of_each(void)
{
	size_t i, k, few = 0, enough = 0, names = 0;

	for (i = 0; i < options_n; i++) {
		char *words[8] = { (char *)options[i].name }, *cut[8];
		size_t arity = option_arity(&options[i]);

		for (k = 1; k <= arity; k++)
			words[k] = "7";
		memcpy(cut, words, sizeof cut);
		if (arity > 0)
			cut[arity] = NULL;
		few += arity == 0 ||
		       (parse_as(&personality_husk, cut) < 0 && strstr(failure.text, "takes") &&
			strstr(failure.text, words[0]));
		names += arity == 0 || strstr(failure.text, options[i].operands);
		enough += parse_as(&personality_husk, words) == 0 ||
			  !strstr(failure.text, "takes an arg");
	}
	ok(few == options_n, "with too few operands each option says what it takes");
	ok(names == options_n, "and names its operands");
	ok(enough == options_n, "with all of them none does");
}

static void kinds_of_operands(void)
{
	ok(parse("--block-fd", "7", "c") == 0 && plan.block_fd == 7, "a descriptor");
	ok(parse("--block-fd", "2147483647", "c") == 0 && plan.block_fd == INT32_MAX,
	   "the greatest descriptor");
	ok(parse("--block-fd", "007", "c") == 0 && plan.block_fd == 7, "leading zeros are decimal");
	ok(parse("--uid", "4294967294", "c") == 0 && plan.uid == 4294967294U && plan.uid_set,
	   "the greatest uid");
	ok(parse("--gid", "0", "c") == 0 && plan.gid == 0 && plan.gid_set, "gid 0 is set");
	ok(parse("--perms", "7777", "--dir", "/x", "c") == 0 && plan.ops[0].mode == 07777 &&
		   plan.ops[0].mode_set,
	   "the greatest mode");
	ok(parse("--chmod", "0640", "/x", "c") == 0 && plan.ops[0].mode == 0640, "an octal mode");
	ok(parse("--size", "0x1000", "--tmpfs", "/x", "c") == 0 && plan.ops[0].size == 4096,
	   "a hexadecimal size");
	ok(parse("--size", "010", "--tmpfs", "/x", "c") == 0 && plan.ops[0].size == 8,
	   "an octal size");
	ok(parse("--hostname", "a b", "c") == 0 && strcmp(plan.hostname, "a b") == 0, "a string");
	ok(parse("--unshare-net", "--unshare-pid", "c") == 0 &&
		   plan.unshare == (CLONE_NEWNET | CLONE_NEWPID),
	   "namespaces add up");
	ok(parse("--unshare-net", "--share-net", "c") == 0 && plan.unshare == 0,
	   "net is taken back");
	ok(parse("--share-net", "--unshare-net", "c") == 0 && plan.unshare == CLONE_NEWNET,
	   "but not in advance");
	ok(parse("--new-session", "c") == 0 && plan.new_session, "a flag");
}

static void refused_operands(void)
{
	static const char *const bad[][2] = {
		{ "--block-fd", "-1" },
		{ "--block-fd", "" },
		{ "--block-fd", "x" },
		{ "--block-fd", "3 " },
		{ "--block-fd", "2147483648" },
		{ "--block-fd", "18446744073709551617" },
		{ "--block-fd", "+3" },
		{ "--block-fd", " 3" },
		{ "--block-fd", "0x3" },
		{ "--uid", "4294967295" },
		{ "--uid", "-1" },
		{ "--uid", "root" },
		{ "--gid", "" },
		{ "--gid", "18446744073709551616" },
		{ "--perms", "10000" },
		{ "--perms", "8" },
		{ "--perms", "" },
		{ "--perms", "-1" },
		{ "--size", "0" },
		{ "--size", "-5" },
		{ "--size", "9223372036854775808" },
		{ "--size", "1k" },
		{ "--size", "" },
		{ "--cap-add", "cap_none" },
		{ "--cap-drop", "" },
		{ "--unsetenv", "" },
		{ "--unsetenv", "a=b" },
		{ "--chdir", "" },
		{ "--tmpfs", "" },
		{ "--lock-file", "" },
		{ "--overlay-src", "" },
	};
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		ok(parse((char *)bad[i][0], (char *)bad[i][1], "c") < 0 && failure.set &&
			   (strstr(failure.text, bad[i][1]) || strstr(failure.text, bad[i][0])),
		   "%s refuses “%s”", bad[i][0], bad[i][1]);
		ok(parse_bwrap((char *)bad[i][0], (char *)bad[i][1], "c") < 0, "as bwrap too");
	}
}

static void operations_in_order(void)
{
	const struct op *o;

	ok(parse("--ro-bind", "/a", "/b", "--tmpfs", "/c", "--dev-bind-try", "/d", "/e",
		 "--symlink", "t", "/l", "--bind-fd", "5", "/f", "--proc", "/p", "c") == 0 &&
		   plan.n_ops == 6,
	   "six operations");
	o = plan.ops;
	ok(o[0].type == OP_BIND && o[0].flags == OP_RO && strcmp(o[0].source, "/a") == 0 &&
		   strcmp(o[0].dest, "/b") == 0 && strcmp(o[0].option, "--ro-bind") == 0,
	   "a read-only bind");
	ok(o[1].type == OP_TMPFS && !o[1].mode_set && o[1].size == 0,
	   "a tmpfs without mode or size");
	ok(o[2].flags == (OP_DEVICES | OP_TRY), "a device bind that may be missing");
	ok(o[3].type == OP_SYMLINK && strcmp(o[3].source, "t") == 0, "a link");
	ok(o[4].type == OP_BIND_FD && o[4].fd == 5 && o[4].flags == 0, "a bind of a descriptor");
	ok(o[5].type == OP_PROC && o[5].fd < 0, "an operation without descriptor has none");
	ok(parse("--perms", "0700", "--dir", "/a", "--dir", "/b", "c") == 0 &&
		   plan.ops[0].mode_set && !plan.ops[1].mode_set,
	   "--perms counts for one operation");
	ok(parse("--overlay-src", "/a", "--overlay-src", "/b", "--ro-overlay", "/o",
		 "--overlay-src", "/c", "--overlay", "/u", "/w", "/p", "c") == 0 &&
		   plan.n_layers == 3 && plan.ops[0].n_layers == 2 &&
		   plan.ops[0].first_layer == 0 && plan.ops[1].n_layers == 1 &&
		   plan.ops[1].first_layer == 2 && strcmp(plan.ops[1].source, "/u") == 0 &&
		   strcmp(plan.ops[1].work, "/w") == 0,
	   "overlays take the layers before them");
}

static void modifiers(void)
{
	ok(parse("--perms", "0700", "--bind", "/", "/", "c") < 0 && says("--perms"),
	   "--perms before a bind");
	ok(parse("--perms", "0700", "--perms", "0700", "--dir", "/x", "c") < 0 && says("twice"),
	   "--perms twice");
	ok(parse("--size", "1", "--dir", "/x", "c") < 0 && says("--size"), "--size before --dir");
	ok(parse("--size", "1", "--perms", "0700", "--tmpfs", "/x", "c") == 0 &&
		   plan.ops[0].size == 1 && plan.ops[0].mode == 0700,
	   "both before --tmpfs");
	ok(parse("--overlay-src", "/a", "--tmpfs", "/x", "c") < 0 && says("--overlay-src"),
	   "a layer before a tmpfs");
	ok(parse("--overlay-src", "/a", "c") < 0 && says("--overlay-src"), "a layer at the end");
	ok(parse_bwrap("--overlay-src", "/a", "c") < 0, "as bwrap too");
	ok(parse("--overlay-src", "/a", "--ro-overlay", "/x", "c") < 0 && says("two"),
	   "a read-only overlay of one layer");
	ok(parse("--tmp-overlay", "/x", "c") < 0 && says("one"), "an overlay without layers");
	ok(parse("--perms", "0700", "c") < 0 && says("--perms"), "--perms before the command");
	ok(parse_bwrap("--perms", "0700", "c") == 0, "which bubblewrap lets pass");
}

static void unknown_words(void)
{
	ok(parse("--ro-bnd", "/", "/", "c") < 0 && says("did you mean --ro-bind?"),
	   "one letter missing");
	ok(parse("--unshare-nett", "c") < 0 && says("did you mean --unshare-net?"), "one too many");
	ok(parse("--tmpsf", "/x", "c") < 0 && says("did you mean --tmpfs?"), "two swapped");
	ok(parse("--uid=5", "c") < 0 && says("next word"), "an operand behind an equals sign");
	ok(parse("--unshare-net=1", "c") < 0 && says("--unshare-net takes no operand"),
	   "and where there is none");
	ok(parse("--qqqqqqqqqqqq", "c") < 0 && says("Unknown option --qqqqqqqqqqqq") &&
		   !strstr(failure.text, "mean"),
	   "nothing is near");
	ok(parse_bwrap("--ro-bnd", "c") < 0 && strcmp(failure.text, "Unknown option --ro-bnd") == 0,
	   "bubblewrap's words for it");
	ok(parse_bwrap("--keep-fd", "3", "c") < 0 && says("Unknown option --keep-fd"),
	   "husk's own words are unknown to bwrap");
	ok(parse("-", "c") < 0 && says("Unknown option -"), "a single dash");
	ok(parse_bwrap("--keep-fdd", "c") < 0 && !strstr(failure.text, "mean"), "no hint as bwrap");
}

static void command(void)
{
	ok(parse("echo", "--bind") == 0 && strcmp(plan.command[0], "echo") == 0 &&
		   strcmp(plan.command[1], "--bind") == 0,
	   "what follows the command is the command's");
	ok(parse("--", "--bind") == 0 && strcmp(plan.command[0], "--bind") == 0,
	   "after two dashes too");
	ok(parse("--", "--", "c") == 0 && strcmp(plan.command[0], "--") == 0,
	   "only the first two count");
	ok(parse("--new-session") == 0 && plan.action == ACTION_USAGE, "no command");
	ok(parse("--") == 0 && plan.action == ACTION_USAGE, "none behind two dashes");
	ok(parse("") == 0 && strcmp(plan.command[0], "") == 0, "an empty word is a command");
	ok(parse("--version", "--nonsense") == 0 && plan.action == ACTION_VERSION,
	   "--version stops the parsing");
	ok(parse("--nonsense", "--help") < 0, "but what came before counts");
	ok(parse("--explain", "c") == 0 && plan.action == ACTION_EXPLAIN,
	   "--explain needs a command");
	ok(parse_bwrap("--explain", "c") < 0, "and is husk's");
}

static void repeats(void)
{
	ok(parse("--uid", "1", "--uid", "2", "c") == 0 && plan.uid == 2 && plan.n_warnings == 1 &&
		   strcmp(plan.warnings[0].option, "--uid") == 0,
	   "the last --uid counts, with a warning");
	ok(parse("--fake-root-db", "a", "--fake-root-db", "b", "c") == 0 && plan.n_warnings == 1,
	   "one database as well");
	ok(parse("--tmpfs", "/a", "--tmpfs", "/a", "c") == 0 && plan.n_warnings == 0,
	   "a repeated operation is none");
	ok(parse("--level-prefix", "--uid", "1", "--uid", "2", "c") == 0 &&
		   plan.warnings[0].prefixed,
	   "the prefix counts for warnings after it");
	ok(parse("--uid", "1", "--uid", "2", "--level-prefix", "c") == 0 &&
		   !plan.warnings[0].prefixed,
	   "not for those before");
	ok(parse("--argv0", "a", "--argv0", "b", "c") < 0 && says("--argv0"),
	   "--argv0 twice is refused");
	ok(parse("--seccomp", "3", "--add-seccomp-fd", "4", "c") < 0 && says("--seccomp"),
	   "both ways to give a filter");
	ok(parse("--add-seccomp-fd", "3", "--seccomp", "4", "c") < 0, "in either order");
	ok(parse("--add-seccomp-fd", "3", "--add-seccomp-fd", "4", "c") == 0 &&
		   plan.n_seccomp_fds == 2 && plan.seccomp_fds[0] == 3 && plan.seccomp_fds[1] == 4,
	   "several filters, in order");
}

static void environment_and_capabilities(void)
{
	ok(parse("--setenv", "A", "b", "--unsetenv", "C", "--clearenv", "c") == 0 &&
		   plan.n_env == 3 && plan.env[0].type == ENV_SET &&
		   strcmp(plan.env[0].value, "b") == 0 && plan.env[1].type == ENV_UNSET &&
		   plan.env[2].type == ENV_CLEAR,
	   "edits in order");
	ok(parse("--cap-drop", "ALL", "--cap-add", "net_admin", "c") == 0 && plan.caps_keep == 0 &&
		   plan.caps_add == CAP_BIT(12) && plan.caps_named == CAP_BIT(12),
	   "all but one");
	ok(parse("--cap-add", "net_admin", "--cap-drop", "CAP_NET_ADMIN", "c") == 0 &&
		   plan.caps_add == 0 && plan.caps_named == 0,
	   "the last word counts");
	ok(parse("--cap-add", "aLL", "c") == 0 && plan.caps_add == CAPS_ALL, "ALL in any case");
	ok(parse("--map-current-user", "c") == 0 && plan.map_current, "the current user");
	ok(parse("--uid", "5", "--map-root-user", "c") == 0 && plan.uid == 0 && plan.uid_set &&
		   !plan.map_current,
	   "root again");
}

static void argument_lists(void)
{
	static const char two[] = "--uid\0007\0--new-session",
			  with_command[] = "--uid\0007\0--\0echo\0a";
	static const char bare[] = "echo\0a", nested[] = "--args\0003";
	static const struct list table[] = {
		{ 3, two, sizeof two },
		{ 4, with_command, sizeof with_command },
		{ 5, two, sizeof two - 1 },
		{ 6, "", 0 },
		{ 7, nested, sizeof nested },
		{ 8, bare, sizeof bare },
		{ 0 },
	};

	lists = table;
	ok(parse("--args", "3", "c") == 0 && plan.uid == 7 && plan.new_session,
	   "options from a list");
	ok(parse("--args", "3", "--uid", "8", "c") == 0 && plan.uid == 8,
	   "the command line goes on");
	ok(parse("--args", "4", "b") == 0 && strcmp(plan.command[0], "echo") == 0 &&
		   strcmp(plan.command[1], "a") == 0 && strcmp(plan.command[2], "b") == 0 &&
		   !plan.command[3],
	   "words behind two dashes begin the command");
	ok(parse("--args", "8", "--uid", "x") == 0 && strcmp(plan.command[2], "--uid") == 0,
	   "so does a bare word");
	ok(parse_bwrap("--args", "4", "b") == 0 && strcmp(plan.command[0], "b") == 0 &&
		   plan.uid == 7,
	   "bubblewrap ignores them");
	ok(parse("--args", "5", "c") < 0 && says("NUL"), "no NUL at the end");
	ok(parse_bwrap("--args", "5", "c") == 0 && plan.new_session, "which bubblewrap takes");
	ok(parse("--args", "6", "c") == 0 && plan.n_ops == 0, "an empty list");
	ok(parse("--args", "7", "c") < 0 && says("--args"), "a list in a list");
	ok(parse("--args", "9", "c") < 0 && failure.err == EBADF && says("9"),
	   "a closed descriptor");
	ok(parse("--args", "6") == 0 && plan.action == ACTION_USAGE, "no command anywhere");
}

static void long_list(void)
{
	size_t i, n = 100000, length = 0;
	char *data = malloc(n * 16);
	struct list table[] = { { 3, data, 0 }, { 0 } };

	for (i = 0; i < n / 2; i++)
		length += (size_t)sprintf(data + length, "--dir%c/%zu", 0, i) + 1;
	table[0].length = length;
	lists = table;
	ok(parse("--args", "3", "c") == 0 && plan.n_ops == n / 2 &&
		   strcmp(plan.ops[n / 2 - 1].dest, "/49999") == 0,
	   "a hundred thousand words");
	lists = NULL;
	free(data);
}

int main(void)
{
	table_is_sound();
	arity_of_each();
	kinds_of_operands();
	refused_operands();
	operations_in_order();
	modifiers();
	unknown_words();
	command();
	repeats();
	environment_and_capabilities();
	argument_lists();
	long_list();
	plan_free(&plan);
	return done();
}
