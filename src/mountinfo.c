/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the mount table of the calling process. */
#include "mountinfo.h"

#include <stdlib.h>
#include <string.h>

#include "attrs.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

/* Undoes mountinfo's octal escapes in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* The attributes in a list as mountinfo has it. */
static uint64_t parse_attrs(const char *list)
{
	uint64_t attrs = 0;
	size_t length;

	for (;; list += length + 1) {
		length = strcspn(list, ",");
		attrs |= attr_find(list, length);
		if (list[length] == '\0')
			return attrs;
	}
}

/* The number that TEXT begins with; strtol(3) would take longer than all the rest of a line. */
static long parse_number(const char *text)
{
	long n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (*text - '0');
	return n;
}

/* One line: id, parent, major:minor, root, mount point, mount options, … */
bool mountinfo_parse(char *line, struct mountinfo *ret)
{
	char *fields[6], *end;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = line;
		end = strchr(line, ' ');
		if (!end || end == line)
			return false;
		*end = '\0';
		line = end + 1;
	}
	ret->id = parse_number(fields[0]);
	ret->parent = parse_number(fields[1]);
	ret->point = fields[4];
	if (strchr(ret->point, '\\'))
		unescape(ret->point);
	if (streq(ret->point, "/"))
		ret->point[0] = '\0';
	ret->attrs = parse_attrs(fields[5]);
	return true;
}

char *mountinfo_read(struct sandbox *sb)
{
	CLEANUP(fd_closep) int fd = sandbox_proc_open(sb, "self/mountinfo", O_RDONLY);
	/* a mount takes some 120 bytes: most tables fit at once */
	size_t length = 0, room = 16384 + 160 * sb->plan->n_ops;
	char *text = malloc(room), *grown;
	ssize_t n;

	while (fd >= 0 && text) {
		n = read(fd, text + length, room - length - 1);
		if (n < 0)
			break;
		if (n == 0) {
			text[length] = '\0';
			return text;
		}
		length += (size_t)n;
		if (room - length < 8192) {
			room *= 2;
			grown = realloc(text, room);
			if (!grown)
				break;
			text = grown;
		}
	}
	free(text);
	return NULL;
}
