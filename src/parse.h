/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of parsing, which the handlers of options and the walk through the words share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fail;
struct option;
struct plan;

struct parse {
	struct plan *plan;
	struct fail *fail;
	int (*read)(int fd, char **ret_data, size_t *ret_length); /* options_read_fn */
	bool nested; /* inside a list of --args */
	uint64_t seen[4]; /* rows of the table met so far, a bit each */
	/* modifiers waiting for their option */
	bool perms_set, size_set;
	uint64_t mount_attrs; /* of --mount-flags */
	bool over_link;
	mode_t perms;
	size_t size;
	size_t pending_layers;
	bool command_begun;
	char **prefix; /* the command's first words, when a list of --args began it */
};

/* Records that there is no memory. Returns -ENOMEM. */
int parse_no_memory(struct parse *p);

/* The number of single-letter edits between two words of at most 64 bytes; SIZE_MAX if one has
 * more.
 */
size_t parse_distance(const char *a, const char *b);

/* Reads the number of a descriptor. Returns 0, or -EINVAL with the failure recorded. */
int parse_fd(struct parse *p, const char *word, int *ret);

/* The handler of --args: parses the words of a list in their place. */
int parse_args_list(struct parse *p, const struct option *o, char **operands);
