/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the operands of --map-users and --map-groups: after a byte that says who calls and how,
 * words that end in NUL, those that begin with g for groups. */
#include "fuzz.h"
#include "maps.h"

#include "fail.h"
#include "options.h"
#include "personality.h"
#include "util.h"

static int read_nothing(int fd, char **ret_data, size_t *ret_length)
{
	(void)fd;
	(void)ret_data;
	(void)ret_length;
	return -EBADF;
}

/* The command line: the options that HOW asks for, the words with theirs, and a command. */
static char **make_words(uint8_t how, char **operands)
{
	static char users[] = "--map-users", groups[] = "--map-groups", tmpfs[] = "--tmpfs",
		    mnt[] = "/mnt", uid[] = "--uid", gid[] = "--gid", seven[] = "7",
		    current[] = "--map-current-user", command[] = "true";
	size_t n = 0, i;
	char **words;

	while (operands[n])
		n++;
	words = calloc(2 * n + 8, sizeof *words);
	demand(words != NULL);
	n = 0;
	for (i = 0; operands[i]; i++) {
		words[n++] = operands[i][0] == 'g' ? groups : users;
		words[n++] = operands[i] + (operands[i][0] == 'g');
	}
	if (how & 1) {
		words[n++] = tmpfs;
		words[n++] = mnt;
	}
	if (how & 2) {
		words[n++] = how & 4 ? uid : gid;
		words[n++] = seven;
	}
	if (how & 8)
		words[n++] = current;
	words[n++] = command;
	return words;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size > 0 ? data[0] : 0;
	struct caller caller = { .uid = how & 16 ? 0 : 1000,
				 .gid = how & 32 ? 0 : 1000,
				 .maps_ids = (how & 64) != 0,
				 .join.pidfd = NO_FD };
	char *text = copy_text(data + (size > 0), size - (size > 0));
	char **operands = split_text(text, size - (size > 0));
	char **words = make_words(how, operands);
	struct fail f = { 0 };
	struct plan p;
	int r;

	plan_init(&p, &personality_husk);
	r = options_parse(&p, words, read_nothing, &f);
	if (r == 0)
		r = plan_check(&p, &caller, &f);
	demand((r < 0) == f.set);
	demand(r == 0 || f.text[0] != '\0');
	if (r == 0) {
		maps_demand(&p, MAP_UID, caller.uid, p.uid);
		maps_demand(&p, MAP_GID, caller.gid, p.gid);
	}
	plan_free(&p);
	free(words);
	free(operands);
	free(text);
	return 0;
}
