/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON: commas, every kind of value, and any bytes in strings. */

#include <stdint.h>
#include <string.h>

#include "json.h"

#include "tap.h"

static int text_is(const struct json *j, const char *text)
{
	return !j->failed && j->length == strlen(text) && memcmp(j->text, text, j->length) == 0;
}

static void string_is(const char *value, const char *quoted, const char *what)
{
	struct json j = { 0 };

	json_string(&j, NULL, value);
	ok(text_is(&j, quoted), "%s", what);
	json_free(&j);
}

int main(void)
{
	struct json j = { 0 };
	size_t i;

	json_open(&j, NULL, '{');
	json_string(&j, "a", "b");
	json_number(&j, "n", -5);
	json_open(&j, "list", '[');
	json_bool(&j, NULL, true);
	json_null(&j, NULL);
	json_open(&j, NULL, '{');
	json_close(&j, '}');
	json_close(&j, ']');
	json_string(&j, "none", NULL);
	json_close(&j, '}');
	json_newline(&j);
	json_unsigned(&j, NULL, UINT64_MAX);
	ok(text_is(&j, "{\"a\": \"b\", \"n\": -5, \"list\": [true, null, {}], \"none\": null}\n"
		       "18446744073709551615"),
	   "values nest, with commas between them");
	json_free(&j);
	ok(j.length == 0 && !j.text && !j.comma, "freed, it is an empty document");

	string_is("", "\"\"", "an empty string");
	string_is("a\"b\\c", "\"a\\\"b\\\\c\"", "quotes and backslashes");
	string_is("\n\x1b\x7f", "\"\\u000a\\u001b\\u007f\"", "control characters");
	string_is("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9a",
		  "\"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9a\"",
		  "UTF-8 of two, three and four bytes stays");
	string_is("\xff\x80", "\"\\udcff\\udc80\"", "bytes that begin nothing");
	string_is("\xc3", "\"\\udcc3\"", "a sequence that the end cuts short");
	string_is("\xc0\xaf\xe0\x80\x80", "\"\\udcc0\\udcaf\\udce0\\udc80\\udc80\"",
		  "forms longer than need be");
	string_is("\xed\xa0\x80", "\"\\udced\\udca0\\udc80\"", "a surrogate");
	string_is("\xf4\x90\x80\x80", "\"\\udcf4\\udc90\\udc80\\udc80\"",
		  "past the last code point");

	for (i = 0; i < 1000; i++)
		json_string(&j, NULL, "0123456789");
	ok(!j.failed && j.length == 1000 * 14 - 2, "it grows");
	json_free(&j);
	return done();
}
