/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target over the files of its corpus, as a test without a fuzzer: a file an input. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "fuzz.h"

#include "tap.h"

static void run_file(const char *directory, const char *name)
{
	char path[PATH_MAX];
	static uint8_t data[1 << 20];
	size_t size;
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "rb");
	if (!file) {
		ok(0, "%s cannot be read", path);
		return;
	}
	size = fread(data, 1, sizeof data, file);
	fclose(file);
	ok(LLVMFuzzerTestOneInput(data, size) == 0, "%s", name);
}

int main(int argc, char **argv)
{
	DIR *directory = argc > 1 ? opendir(argv[1]) : NULL;
	struct dirent *entry;

	if (!directory) {
		ok(0, "there is no corpus");
		return done();
	}
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			run_file(argv[1], entry->d_name);
	closedir(directory);
	ok(LLVMFuzzerTestOneInput((const uint8_t *)"", 0) == 0, "nothing at all");
	return done();
}
