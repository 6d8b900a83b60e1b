/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints help and the option table. */
#include "explain.h"

#include <string.h>

#include "caps.h"
#include "options.h"
#include "util.h"

static const char *const group_keys[GROUP_MAX] = {
	[GROUP_GENERAL] = "general",
	[GROUP_NAMESPACES] = "namespaces",
	[GROUP_IDENTITY] = "identity",
	[GROUP_ROOT] = "root",
	[GROUP_ENVIRONMENT] = "environment",
	[GROUP_LIMITS] = "limits",
	[GROUP_WALLS] = "walls",
	[GROUP_LIFETIME] = "lifetime",
	[GROUP_DESCRIPTORS] = "descriptors",
};

void explain_help(const struct plan *p, const char *program, FILE *out)
{
	size_t group, i;

	fprintf(out, "usage: %s [OPTIONS...] [--] COMMAND [ARGS...]\n", program);
	for (group = 0; group < GROUP_MAX; group++) {
		fprintf(out, "\n%s:\n", option_groups[group]);
		for (i = 0; i < options_n; i++) {
			char words[80];

			if (options[i].group != group || !option_find(p, options[i].name))
				continue;
			snprintf(words, sizeof words, "%s%s%s", options[i].name,
				 *options[i].operands ? " " : "", options[i].operands);
			fprintf(out, "    %-28s %s\n", words, options[i].help);
		}
	}
}

void explain_options(FILE *out)
{
	const char *name;
	unsigned cap;
	size_t i;

	for (i = 0; i < options_n; i++)
		fprintf(out, "%s\t%s\t%s\t%s\t%s\n", options[i].name, options[i].operands,
			group_keys[options[i].group], options[i].flags & OPT_HUSK ? "husk" : "both",
			options[i].help);
	for (cap = 0; (name = caps_name(cap)); cap++)
		fprintf(out, "cap\t%s\n", name);
}
