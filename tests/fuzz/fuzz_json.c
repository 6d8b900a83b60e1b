/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes JSON strings: whatever the bytes, reading what was written gives them back. */
#include "fuzz.h"

#include "json.h"

static unsigned hex(const char *digits)
{
	char word[5] = { digits[0], digits[1], digits[2], digits[3], '\0' };
	char *end;
	unsigned long value = strtoul(word, &end, 16);

	demand(*end == '\0');
	return (unsigned)value;
}

/* Reads the string at TEXT back into OUT. Returns its length. */
static size_t read_back(const char *text, size_t length, char *out)
{
	size_t i, n = 0;
	unsigned code;

	demand(length >= 2 && text[0] == '"' && text[length - 1] == '"');
	for (i = 1; i < length - 1; i++) {
		demand((unsigned char)text[i] >= 0x20 && text[i] != '"');
		if (text[i] != '\\') {
			out[n++] = text[i];
			continue;
		}
		i++;
		demand(i < length - 1);
		if (text[i] == '"' || text[i] == '\\') {
			out[n++] = text[i];
			continue;
		}
		demand(text[i] == 'u' && i + 4 < length - 1);
		code = hex(text + i + 1);
		/* a control character, or a byte of no sequence as a lone surrogate */
		demand(code < 0x80 || (code >= 0xdc80 && code <= 0xdcff));
		out[n++] = (char)(code & 0xff);
		i += 4;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = copy_text(data, size), *back;
	struct json j = { 0 };

	json_string(&j, NULL, text);
	demand(!j.failed);
	back = malloc(j.length + 1);
	demand(back != NULL);
	demand(read_back(j.text, j.length, back) == strlen(text));
	demand(memcmp(back, text, strlen(text)) == 0);
	free(back);
	json_free(&j);
	free(text);
	return 0;
}
