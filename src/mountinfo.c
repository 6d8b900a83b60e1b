/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the mount table of the calling process, a mount at a time.
 *
 * A line of mountinfo costs the kernel a microsecond or several: it asks the file system for its
 * options, and the hierarchies of cgroups for paths. Since Linux 6.8 statmount(2) tells what is
 * wanted alone, and of a mount that has the right attributes nothing else is wanted: a call a
 * mount, and half the time. */
#include "mountinfo.h"

#include <stdlib.h>
#include <string.h>

#include "attrs.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

/* Of linux/mount.h, which older systems have without it: what to ask for, and struct statmount. */
#define ASK_BASIC 0x2 /* STATMOUNT_MNT_BASIC */
#define ASK_POINT 0x10 /* STATMOUNT_MNT_POINT */
struct told {
	uint32_t size, options;
	uint64_t mask;
	uint32_t major, minor;
	uint64_t magic;
	uint32_t flags, type;
	uint64_t id, parent;
	uint32_t old_id, old_parent; /* as mountinfo has them */
	uint64_t attrs; /* MOUNT_ATTR_* */
	uint64_t propagation, peer_group, master, from;
	uint32_t root, point; /* where in the text */
	uint64_t more[50];
	char text[];
};
_Static_assert(sizeof(struct told) == 512, "as the kernel has it");

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
	char *fields[6] = { NULL }, *end;
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

/* Asks for the mounts that follow the one listed last. Returns how many there are, or -errno. */
static ssize_t list(struct mountinfo_reader *r, uint64_t last)
{
	const struct sys_mount_request request = {
		.size = sizeof request,
		.id = UINT64_MAX, /* LSMT_ROOT */
		.param = last,
	};
	ssize_t n = sys_listmount(&request, r->ids, ARRAY_SIZE(r->ids));

	r->n_ids = n > 0 ? (size_t)n : 0;
	r->next_id = 0;
	return n < 0 ? neg_errno() : n;
}

/* What is told of the mount ID, MASK of it, is the beginning of RET. Returns 0 or -errno. */
static int tell(uint64_t id, uint64_t mask, void *ret, size_t size)
{
	const struct sys_mount_request request = {
		.size = sizeof request,
		.id = id,
		.param = mask,
	};

	return sys_statmount(&request, ret, size) < 0 ? neg_errno() : 0;
}

static int ask(struct mountinfo_reader *r, uint64_t id, uint64_t mask)
{
	return tell(id, mask, r->piece, r->room);
}

int mountinfo_at(const char *point, uint64_t *ret_attrs)
{
	struct told told;
	struct statx st;
	int r;

	/* a file system that does not answer has nothing to say here */
	if (sys_statx(AT_FDCWD, *point ? point : "/",
		      AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		      STATX_MNT_ID_UNIQUE, &st) < 0)
		return neg_errno();
	if (!(st.stx_mask & STATX_MNT_ID_UNIQUE))
		return -ENOSYS;
	if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return -EINVAL;
	r = tell(st.stx_mnt_id, ASK_BASIC, &told, sizeof told);
	*ret_attrs = r < 0 ? 0 : told.attrs;
	return r;
}

int mountinfo_open(struct mountinfo_reader *r, const struct sandbox *sb, uint64_t complete)
{
	r->fd = NO_FD;
	r->complete = complete;
	r->piece = r->first;
	r->room = sizeof r->first;
	r->begin = r->end = 0;
	if (list(r, 0) > 0 && ask(r, r->ids[0], ASK_BASIC) == 0)
		return 0;
	/* an older kernel, or a filter that does not know the calls */
	r->fd = sandbox_proc_open(sb, "self/mountinfo", O_RDONLY);
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

/* Takes the next mount that is not complete from those listed. One that is gone again is none. */
static int next_listed(struct mountinfo_reader *r, struct mountinfo *ret)
{
	struct told *told;
	uint64_t id;
	ssize_t n;
	int error;

	for (;;) {
		if (r->next_id == r->n_ids) {
			n = r->n_ids == ARRAY_SIZE(r->ids) ? list(r, r->ids[r->n_ids - 1]) : 0;
			if (n <= 0)
				return (int)n;
		}
		id = r->ids[r->next_id++];
		error = ask(r, id, ASK_BASIC);
		told = (struct told *)(void *)r->piece;
		if (error == 0 && (r->complete & ~told->attrs) == 0)
			continue;
		if (error == 0)
			error = ask(r, id, ASK_BASIC | ASK_POINT);
		while (error == -EOVERFLOW && grow(r) == 0)
			error = ask(r, id, ASK_BASIC | ASK_POINT);
		if (error < 0 && error != -ENOENT)
			return error;
		if (error == 0)
			break;
	}
	told = (struct told *)(void *)r->piece;
	ret->id = told->old_id;
	ret->parent = told->old_parent;
	ret->attrs = told->attrs;
	ret->point = told->text + told->point;
	if (streq(ret->point, "/"))
		ret->point[0] = '\0';
	return 1;
}

/* Takes the next line. */
static int next_line(struct mountinfo_reader *r, struct mountinfo *ret)
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

int mountinfo_next(struct mountinfo_reader *r, struct mountinfo *ret)
{
	int n;

	if (r->fd < 0)
		return next_listed(r, ret);
	do {
		n = next_line(r, ret);
	} while (n > 0 && (r->complete & ~ret->attrs) == 0);
	return n;
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
