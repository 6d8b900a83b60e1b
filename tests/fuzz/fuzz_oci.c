/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the seccomp profiles of container engines: rules come of them, or a message. */
#include <setjmp.h>

#include "fuzz.h"

/* not found by a directory of headers: there is another seccomp.h beside it */
#include "../../src/oci/profile.h"

static jmp_buf refused;

void profile_die(const char *format, ...)
{
	demand(format[0] != '\0');
	longjmp(refused, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct profile_target target = { .caps = 1,
						      .kernel = { 6, 1 },
						      .quiet = true };
	struct json_tokener *tokener = json_tokener_new();
	char *text = copy_text(data, size);
	static struct profile profile;
	json_object *root;

	memset(&profile, 0, sizeof profile);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tokener, text, (int)size);
	json_tokener_free(tokener);
	if (setjmp(refused) == 0 && root)
		profile_read(&profile, root, &target);
	if (profile.filter)
		seccomp_release(profile.filter);
	json_object_put(root);
	free(text);
	return 0;
}
