/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells a single fact, to a person and as JSON at once. */
#include "fact.h"

#include <stdarg.h>
#include <string.h>

void fact_say(struct facts *t, const char *format, ...)
{
	va_list ap;

	if (!t->out)
		return;
	va_start(ap, format);
	vfprintf(t->out, format, ap);
	va_end(ap);
}

void fact_line(struct facts *t)
{
	if (t->title)
		fact_say(t, "%s:\n", t->title);
	t->title = NULL;
	fact_say(t, "  ");
}

void fact_say_word(struct facts *t, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./=:,+@%";
	const unsigned char *c;

	if (*word && strspn(word, plain) == strlen(word)) {
		fact_say(t, "%s", word);
		return;
	}
	fact_say(t, "$'");
	for (c = (const unsigned char *)word; *c; c++) {
		if (*c < 0x20 || *c >= 0x7f)
			fact_say(t, "\\x%02x", *c);
		else
			fact_say(t, *c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
	}
	fact_say(t, "'");
}

void fact_flag(struct facts *t, const char *key, bool value, const char *words)
{
	json_bool(&t->json, key, value);
	if (value && words) {
		fact_line(t);
		fact_say(t, "%s\n", words);
	}
}

void fact_fd(struct facts *t, const char *key, int fd, const char *words)
{
	if (fd < 0) {
		json_null(&t->json, key);
		return;
	}
	json_number(&t->json, key, fd);
	fact_line(t);
	fact_say(t, "%s descriptor %d\n", words, fd);
}

void fact_word(struct facts *t, const char *key, const char *value, const char *words)
{
	json_string(&t->json, key, value);
	if (!value)
		return;
	fact_line(t);
	fact_say(t, "%s ", words);
	fact_say_word(t, value);
	fact_say(t, "\n");
}

void fact_fds(struct facts *t, const char *key, const int *fds, size_t n, const char *words)
{
	size_t i;

	json_open(&t->json, key, '[');
	for (i = 0; i < n; i++)
		fact_fd(t, NULL, fds[i], words);
	json_close(&t->json, ']');
}

void fact_words(struct facts *t, const char *key, const char *const *values, size_t n,
		const char *words)
{
	size_t i;

	json_open(&t->json, key, '[');
	for (i = 0; i < n; i++)
		fact_word(t, NULL, values[i], words);
	json_close(&t->json, ']');
}

void fact_choice(struct facts *t, const char *key, const char *value, const char *words)
{
	json_string(&t->json, key, value);
	if (words) {
		fact_line(t);
		fact_say(t, "%s\n", words);
	}
}
