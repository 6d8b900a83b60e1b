/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fuzz targets share: the entry that libFuzzer calls, and data as words. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops the run, which a fuzzer and a test both see. */
static inline void demand(int condition)
{
	if (!condition)
		abort();
}

/* Copies DATA and ends it with a NUL; the caller frees it. */
static inline char *copy_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	demand(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* The NUL-separated words of TEXT, which has SIZE bytes before its last NUL, as a NULL-terminated
 * list that the caller frees. */
static inline char **split_text(char *text, size_t size)
{
	char **words = calloc(size + 2, sizeof *words);
	size_t i, n = 0;

	demand(words != NULL);
	for (i = 0; i < size; i += strlen(text + i) + 1)
		words[n++] = text + i;
	return words;
}
