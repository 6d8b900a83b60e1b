/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes JSON, RFC 8259, into memory. */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct json *j, const char *text, size_t length)
{
	size_t room = j->room;
	char *grown;

	while (room - j->length < length)
		room = room ? room * 2 : 512;
	if (room != j->room) {
		grown = realloc(j->text, room);
		if (!grown) {
			j->failed = true;
			return;
		}
		j->text = grown;
		j->room = room;
	}
	memcpy(j->text + j->length, text, length);
	j->length += length;
}

static void put_text(struct json *j, const char *text)
{
	put(j, text, strlen(text));
}

/* The length of the UTF-8 sequence at S, or 0 where there is none; RFC 3629. */
static size_t sequence(const unsigned char *s)
{
	size_t n, i;

	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2
	    : (s[0] & 0xf0) == 0xe0	 ? 3
	    : (s[0] & 0xf8) == 0xf0	 ? 4
					 : 0;
	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* forms longer than need be, surrogates, and what is past the last code point */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) || s[0] > 0xf4)
		return 0;
	return n;
}

static void put_quoted(struct json *j, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char escape[8];
	size_t n;

	put(j, "\"", 1);
	for (; *s; s += n ? n : 1) {
		n = sequence(s);
		if (n == 0)
			snprintf(escape, sizeof escape, "\\udc%02x", *s);
		else if (*s == '"' || *s == '\\')
			snprintf(escape, sizeof escape, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			snprintf(escape, sizeof escape, "\\u%04x", *s);
		else {
			put(j, (const char *)s, n);
			continue;
		}
		put_text(j, escape);
	}
	put(j, "\"", 1);
}

static void begin(struct json *j, const char *key)
{
	if (j->comma)
		put(j, ", ", 2);
	j->comma = true;
	if (key) {
		put_quoted(j, key);
		put(j, ": ", 2);
	}
}

void json_open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	put(j, &bracket, 1);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	put(j, &bracket, 1);
	j->comma = true;
}

void json_string(struct json *j, const char *key, const char *value)
{
	if (!value) {
		json_null(j, key);
		return;
	}
	begin(j, key);
	put_quoted(j, value);
}

void json_number(struct json *j, const char *key, long long value)
{
	char text[32];

	begin(j, key);
	snprintf(text, sizeof text, "%lld", value);
	put_text(j, text);
}

void json_unsigned(struct json *j, const char *key, unsigned long long value)
{
	char text[32];

	begin(j, key);
	snprintf(text, sizeof text, "%llu", value);
	put_text(j, text);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	put_text(j, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	put_text(j, "null");
}

void json_value(struct json *j, const char *key, const struct json *d)
{
	begin(j, key);
	put(j, d->text, d->length);
	j->failed |= d->failed;
}

void json_newline(struct json *j)
{
	put(j, "\n", 1);
	j->comma = false;
}

void json_free(struct json *j)
{
	free(j->text);
	*j = (struct json){ 0 };
}
