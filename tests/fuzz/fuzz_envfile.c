/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the content of --env-file: its lines are variables, or it is refused by a line. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#include "envfile.h"
#include "fail.h"
#include "options.h"
#include "personality.h"
#include "plan.h"
#include "slurp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[32], option[] = "--env-file", command[] = "true";
	char *words[] = { option, path, command, NULL };
	int r, fd = memfd_create("env", MFD_CLOEXEC);
	struct fail f = { 0 };
	struct plan p;
	size_t i;

	demand(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	plan_init(&p, &personality_husk);
	demand(options_parse(&p, words, slurp_fd, &f) == 0);
	r = envfile_load(&p, &f);
	demand((r < 0) == f.set);
	for (i = 0; r == 0 && i < p.n_env; i++)
		demand(p.env[i].type != ENV_SET ||
		       (p.env[i].name[0] != '\0' && !strchr(p.env[i].name, '=')));
	plan_free(&p);
	close(fd);
	return 0;
}
