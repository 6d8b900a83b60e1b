/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes JSON, RFC 8259, into memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A document that grows. Zeroed it is an empty one; json_free() lets go of its memory. */
struct json {
	char *text; /* not terminated by a NUL */
	size_t length, room;
	bool comma; /* the next value follows another in its object or array */
	bool failed; /* there was no memory, and the text is not whole */
};

/* Every function below writes one value; KEY is its name in an object, and NULL in an array or on
 * top. A want of memory is remembered in FAILED. */

/* Opens an object or array: BRACKET is { or [. */
void json_open(struct json *j, const char *key, char bracket);

/* Closes what is open: BRACKET is } or ]. */
void json_close(struct json *j, char bracket);

/* A string of any bytes, null for NULL. A byte that is part of no UTF-8 sequence becomes the lone
 * surrogate U+DC00 + byte, as Python's surrogateescape has it, so that nothing is lost. */
void json_string(struct json *j, const char *key, const char *value);

void json_number(struct json *j, const char *key, long long value);
void json_unsigned(struct json *j, const char *key, unsigned long long value);

void json_bool(struct json *j, const char *key, bool value);

void json_null(struct json *j, const char *key);

/* The document D as a value of this one. */
void json_value(struct json *j, const char *key, const struct json *d);

/* Ends a line: a document of its own may follow. */
void json_newline(struct json *j);

/* Frees the text. */
void json_free(struct json *j);
