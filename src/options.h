/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* THE option table, and the pure function from words to plan that walks it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct fail;
struct parse;
struct plan;

/* The headings of --help, in its order. */
enum option_group {
	GROUP_GENERAL,
	GROUP_NAMESPACES,
	GROUP_IDENTITY,
	GROUP_ROOT,
	GROUP_ENVIRONMENT,
	GROUP_LIMITS,
	GROUP_WALLS,
	GROUP_LIFETIME,
	GROUP_DESCRIPTORS,
	GROUP_MAX,
};

#define OPT_HUSK     1u /* husk's own word, unknown to the bwrap personality */
#define OPT_LAST     2u /* only the last one takes effect */
#define OPT_PERMS    4u /* --perms may come before it */
#define OPT_SIZE     8u /* --size may come before it */
#define OPT_LAYERS   16u /* --overlay-src may come before it */
#define OPT_MODIFIER 32u /* modifies the option that follows */
#define OPT_MOUNT    128u /* --mount-flags and --replace-symlink may come before it */
#define OPT_ONE	     64u /* bubblewrap says that it takes "one argument", not "an" */
#define OPT_MAKES    256u /* makes or changes a sandbox, as all do of the root and of namespaces */
#define OPT_JOIN     512u /* of those it joins a whole sandbox */

struct option {
	const char *name; /* with its dashes */
	const char *operands; /* their names, separated by spaces; "" for none */
	enum option_group group;
	unsigned flags; /* OPT_* */
	/* Acts on the operands as typed; returns 0 or -errno with the failure recorded. */
	int (*handler)(struct parse *p, const struct option *o, char **operands);
	unsigned long arg; /* the handler's: the offset of a field of struct plan, a CLONE_* flag,
			      an OP_* type, an ACTION_*, … */
	unsigned arg2; /* the handler's: OP_* flags, or how many layers an overlay needs */
	const char *help; /* one line */
};

extern const struct option options[]; /* sorted by name */
extern const size_t options_n;
extern const char *const option_groups[GROUP_MAX];

/* Reads a whole list of NUL-separated words from the caller's descriptor FD, and closes it unless
 * the command is to have it. On success the list, which the plan will own, is in *RET_DATA, its
 * length in bytes in *RET_LEN. Returns 0 or -errno. */
typedef int (*options_read_fn)(int fd, char **ret_data, size_t *ret_len);

/* How many operands the option takes. */
size_t option_arity(const struct option *o);

/* Finds an option by its word, for the personality of PLAN. Returns NULL when there is none. */
const struct option *option_find(const struct plan *plan, const char *word);

/* Parses WORDS, a NULL-terminated list without argv[0], into PLAN; both must outlive each other's
 * use. READ fetches the lists of --args. Returns 0, or -errno with F filled. Does no other input or
 * output. */
int options_parse(struct plan *plan, char **words, options_read_fn read, struct fail *f);
