/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes words → plan: NUL-separated words after a byte that says who calls by which name. */
#include <errno.h>

#include "fuzz.h"

#include "facts.h"
#include "fail.h"
#include "json.h"
#include "options.h"
#include "personality.h"
#include "plan.h"

/* --args finds a short list that ends in the middle of an option. */
static int read_list(int fd, char **ret_data, size_t *ret_length)
{
	static const char list[] = "--ro-bind\0/usr\0/usr\0--setenv\0A\0b\0--perms\0"
				   "0700";

	if (fd > 100)
		return -EBADF;
	*ret_data = malloc(sizeof list + 1);
	demand(*ret_data != NULL);
	memcpy(*ret_data, list, sizeof list);
	*ret_length = fd == 3 ? sizeof list : fd == 4 ? sizeof list - 1 : 0;
	return 0;
}

static void plan_words(const struct personality *as, const struct caller *caller, char **words)
{
	struct fail f = { 0 };
	struct json j = { 0 };
	struct plan p;
	int r;

	plan_init(&p, as);
	r = options_parse(&p, words, read_list, &f);
	if (r == 0 && p.action == ACTION_RUN)
		r = plan_check(&p, caller, &f);
	/* what fails says why, what does not can be explained */
	demand((r < 0) == f.set);
	demand(r == 0 || f.text[0] != '\0');
	if (r == 0 && p.action == ACTION_RUN) {
		facts_write(&p, caller, &j);
		demand(!j.failed && j.length > 0);
		json_free(&j);
	}
	plan_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size > 0 ? data[0] : 0;
	struct caller caller = {
		.uid = how & 2 ? 0 : 1000,
		.gid = how & 2 ? 0 : 1000,
		.real_root = (how & 2) != 0,
		.has_cgroupns = !(how & 4),
		.has_userns = !(how & 8),
		.root_is_mount = !(how & 16),
		.effective = how & 2 ? ~0ULL : 0,
		.max_fds = how & 32 ? 64 : 1024,
		.landlock_abi = how >> 6,
	};
	char *text = copy_text(data + (size > 0), size - (size > 0));
	char **words = split_text(text, size - (size > 0));

	plan_words(how & 1 ? &personality_bwrap : &personality_husk, &caller, words);
	free(words);
	free(text);
	return 0;
}
