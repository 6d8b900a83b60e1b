/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the mount table of the calling process, a line at a time. */
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

/* Takes LINE, without its newline, to pieces: id, parent, major:minor, root, mount point, mount
 * options, … Returns false when it is no line of the table. */
static bool parse(char *line, struct mountinfo *ret)
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

int mountinfo_open(struct mountinfo_reader *r, const struct sandbox *sb)
{
	r->fd = sandbox_proc_open(sb, "self/mountinfo", O_RDONLY);
	r->piece = r->first;
	r->room = sizeof r->first;
	r->begin = r->end = 0;
	return r->fd < 0 ? r->fd : 0;
}

void mountinfo_close(struct mountinfo_reader *r)
{
	r->fd = fd_close(r->fd);
	if (r->piece != r->first)
		free(r->piece);
	r->piece = r->first;
}

/* Doubles the room for a line that is longer. */
static int grow(struct mountinfo_reader *r)
{
	char *piece = malloc(2 * r->room);

	if (!piece)
		return -ENOMEM;
	memcpy(piece, r->piece, r->end);
	if (r->piece != r->first)
		free(r->piece);
	r->piece = piece;
	r->room *= 2;
	return 0;
}

/* Reads on behind what is left of the last piece. Returns the number of bytes, 0 at the end, or
 * -errno. */
static ssize_t read_on(struct mountinfo_reader *r)
{
	ssize_t n;

	r->end -= r->begin;
	memmove(r->piece, r->piece + r->begin, r->end);
	r->begin = 0;
	if (r->end == r->room && grow(r) < 0)
		return -ENOMEM;
	n = read(r->fd, r->piece + r->end, r->room - r->end);
	if (n < 0)
		return neg_errno();
	r->end += (size_t)n;
	return n;
}

int mountinfo_next(struct mountinfo_reader *r, struct mountinfo *ret)
{
	char *line, *end;
	ssize_t n;

	while (!(end = memchr(r->piece + r->begin, '\n', r->end - r->begin))) {
		n = read_on(r);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return r->end == 0 ? 0 : -EPROTO;
	}
	*end = '\0';
	line = r->piece + r->begin;
	r->begin = (size_t)(end + 1 - r->piece);
	return parse(line, ret) ? 1 : -EPROTO;
}

int mountinfo_compare(const char *path, const char *point, size_t length)
{
	int r = strncmp(path, point, length);

	return r ? r : path[length] != '\0';
}

size_t mountinfo_prefix(const char *point, size_t length)
{
	return point[length] ? length + 1 + strcspn(point + length + 1, "/") : length + 1;
}
