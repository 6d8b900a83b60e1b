/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the data of --args, as both personalities read it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#include "fail.h"
#include "options.h"
#include "personality.h"
#include "plan.h"
#include "slurp.h"

static void plan_list(const struct personality *as, int fd)
{
	char number[16], args[] = "--args", end[] = "--", command[] = "true";
	char *words[] = { args, number, end, command, NULL };
	struct fail f = { 0 };
	struct plan p;
	int r, copy = dup(fd);

	demand(copy >= 0 && lseek(copy, 0, SEEK_SET) == 0);
	snprintf(number, sizeof number, "%d", copy);
	plan_init(&p, as);
	r = options_parse(&p, words, slurp_fd, &f);
	demand((r < 0) == f.set);
	/* a list may end the options, but the words after it stay the command's */
	if (r == 0 && p.action == ACTION_RUN) {
		size_t n = 0;

		while (p.command[n])
			n++;
		demand(n > 0 && strcmp(p.command[n - 1], "true") == 0);
	}
	plan_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("args", MFD_CLOEXEC);

	demand(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	plan_list(&personality_husk, fd);
	plan_list(&personality_bwrap, fd);
	close(fd);
	return 0;
}
