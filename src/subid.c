/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds out which subordinate ids a user has.
 *
 * newuidmap(1) grants what the same files give to the caller's name or number. The name comes from
 * /etc/passwd, and of a user who is not there from id(1), since the launcher has no name services
 * of the C library. */
#include "subid.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>

#include "fail.h"
#include "helper.h"
#include "plan.h"
#include "ranges.h"
#include "slurp.h"
#include "sys.h"
#include "util.h"

static const struct {
	const char *file, *ids, *flag;
} kinds[MAP_KINDS] = {
	[MAP_UID] = { "/etc/subuid", "uids", "--add-subuids" },
	[MAP_GID] = { "/etc/subgid", "gids", "--add-subgids" },
};

/* Where useradd(8) begins, login.defs(5), and how many ids it gives. */
#define FIRST_FREE 100000
#define USUAL	   65536

struct line {
	const char *at;
	size_t length;
};

/* Takes the next of the fields, or lines, that end at SEPARATOR. */
static bool take(struct line *from, char separator, struct line *ret)
{
	const char *end;

	if (!from->at)
		return false;
	end = memchr(from->at, separator, from->length);
	*ret = (struct line){ from->at, end ? (size_t)(end - from->at) : from->length };
	*from = end ? (struct line){ end + 1, from->length - ret->length - 1 }
		    : (struct line){ NULL, 0 };
	return true;
}

/* A decimal number that fills FIELD. */
static bool number(const struct line *field, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < field->length; i++) {
		if (field->at[i] < '0' || field->at[i] > '9' || value > UINT32_MAX)
			return false;
		value = value * 10 + (uint64_t)(field->at[i] - '0');
	}
	*ret = value;
	return field->length > 0;
}

static bool is_word(const struct line *field, const char *word)
{
	return field->length == strlen(word) && memcmp(field->at, word, field->length) == 0;
}

static bool is_owner(const struct line *field, const struct subid_owner *o)
{
	uint64_t uid;
	size_t i;

	for (i = 0; i < o->n_names; i++)
		if (is_word(field, o->names[i]))
			return true;
	return number(field, &uid) && uid == o->uid;
}

static int add(struct extents *to, uint64_t first, uint64_t count)
{
	struct extent *e;
	size_t i;

	for (i = 0; i < to->n; i++)
		if (to->list[i].outside == first && to->list[i].count == count)
			return 0;
	e = plan_append(&to->list, &to->n, sizeof *e);
	if (!e)
		return -ENOMEM;
	e->outside = (uint32_t)first;
	e->count = (uint32_t)count;
	return 0;
}

static int check_overlap(const struct extents *r, const char *file, struct fail *f)
{
	const struct extent *l = r->list;
	size_t a, b;

	if (r->n == 0 || !ranges_overlap(r, &a, &b))
		return 0;
	return fail_hint(f,
			 fail(f, 0,
			      "%s: the caller's ranges %" PRIu32 ":%" PRIu32 " and %" PRIu32
			      ":%" PRIu32 " overlap",
			      file, l[a].outside, l[a].count, l[b].outside, l[b].count),
			 "one of the two lines must be changed, or name the ids with --map-users "
			 "and --map-groups");
}

int subid_parse(const char *text, size_t length, const struct subid_owner *owner, const char *file,
		struct extents *ret, unsigned long long *ret_end, struct fail *f)
{
	struct line rest = { text, length }, line, fields, name, first, count;
	uint64_t start = 0, n = 0;
	size_t row = 1;
	bool right;

	for (; take(&rest, '\n', &line); row++) {
		fields = line;
		take(&fields, ':', &name);
		right = take(&fields, ':', &first) && take(&fields, ':', &count) && !fields.at &&
			number(&first, &start) && number(&count, &n) && !ranges_invalid(start, n);
		if (right && start + n > *ret_end)
			*ret_end = start + n;
		if (!is_owner(&name, owner))
			continue;
		if (!right)
			return fail_hint(f,
					 fail(f, 0, "%s:%zu: malformed line: %.*s", file, row,
					      (int)(line.length < 200 ? line.length : 200),
					      line.at),
					 "a line is NAME:FIRST:COUNT, ids end at 4294967294");
		if (add(ret, start, n) < 0)
			return fail(f, ENOMEM, "Out of memory");
	}
	return check_overlap(ret, file, f);
}

/* Reads a file whole; one that is missing is empty. */
static int read_file(const char *path, char **ret, size_t *ret_length, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	*ret = NULL;
	*ret_length = 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	r = fd < 0 ? neg_errno() : slurp_fd(fd, ret, ret_length);
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? fail(f, -r, "%s", path) : 0;
}

/* Adds a copy of FIELD to the owner's names. */
static int add_name(struct subid_owner *o, const struct line *field)
{
	char *name = strndup(field->at, field->length);
	char **slot = name ? plan_append(&o->names, &o->n_names, sizeof *slot) : NULL;

	if (!slot) {
		free(name);
		return -ENOMEM;
	}
	*slot = name;
	return 0;
}

static void forget_owner(struct subid_owner *o)
{
	size_t i;

	for (i = 0; i < o->n_names; i++)
		free(o->names[i]);
	free(o->names);
}

/* The first line that a program of the system prints, in *RET, or nothing. The memory behind it is
 * *RET_TEXT, the caller's to free. */
static int ask(const char *program, char *const *argv, char **ret_text, size_t *ret_length)
{
	char path[HELPER_PATH_MAX];
	int status, r = helper_find(program, path);

	*ret_text = NULL;
	*ret_length = 0;
	if (r == 0)
		r = helper_output(path, argv, ret_text, ret_length, &status);
	if (r == 0 && status != 0)
		*ret_length = 0;
	return r;
}

/* A user of the C library's name services who is in no file. */
static int ask_name(struct subid_owner *o)
{
	char id[] = "id", flag[] = "-un";
	char *const argv[] = { id, flag, NULL };
	struct line rest = { NULL, 0 }, name;
	char *text;
	int r = ask("id", argv, &text, &rest.length);

	rest.at = text;
	if (r == 0 && take(&rest, '\n', &name) && name.length > 0)
		r = add_name(o, &name);
	free(text);
	return r == -ENOENT ? 0 : r;
}

/* The names of the uid, of which there may be several: passwd(5). */
static int find_names(struct subid_owner *o, struct fail *f)
{
	struct line rest, line, name, field;
	uint64_t uid;
	char *text;
	int r = read_file("/etc/passwd", &text, &rest.length, f);

	rest.at = text;
	while (r == 0 && take(&rest, '\n', &line)) {
		if (take(&line, ':', &name) && name.length > 0 && take(&line, ':', &field) &&
		    take(&line, ':', &field) && number(&field, &uid) && uid == o->uid)
			r = add_name(o, &name);
	}
	free(text);
	if (r == 0 && o->n_names == 0)
		r = ask_name(o);
	return r < 0 && !f->set ? fail(f, -r, "Can't tell the caller's name") : r;
}

/* Whether nsswitch.conf(5) has subordinate ids come from elsewhere than the files. */
static bool is_elsewhere(void)
{
	struct line rest = { NULL, 0 }, line, name;
	struct fail ignored = { 0 };
	bool elsewhere = false;
	char *text;

	if (read_file("/etc/nsswitch.conf", &text, &rest.length, &ignored) < 0)
		return false;
	rest.at = text;
	while (take(&rest, '\n', &line)) {
		if (!take(&line, ':', &name) || !is_word(&name, "subid") || !line.at)
			continue;
		while (line.length > 0 && (*line.at == ' ' || *line.at == '\t'))
			line = (struct line){ line.at + 1, line.length - 1 };
		elsewhere = line.length > 0 && strncmp(line.at, "files", 5) != 0;
	}
	free(text);
	return elsewhere;
}

/* A line of getsubids(1): NUMBER: NAME FIRST COUNT. */
static int ask_ranges(const struct subid_owner *o, size_t kind, struct extents *ret, struct fail *f)
{
	char program[] = "getsubids", flag[] = "-g";
	char *const uids[] = { program, o->names[0], NULL };
	char *const gids[] = { program, flag, o->names[0], NULL };
	struct line rest, line, field, first = { 0 }, count = { 0 };
	uint64_t start, n;
	char *text;
	int r = ask(program, kind == MAP_UID ? uids : gids, &text, &rest.length);

	rest.at = text;
	while (r == 0 && take(&rest, '\n', &line)) {
		while (take(&line, ' ', &field)) {
			first = count;
			count = field;
		}
		if (number(&first, &start) && number(&count, &n) && !ranges_invalid(start, n))
			r = add(ret, start, n);
	}
	free(text);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? fail(f, -r, "getsubids") : check_overlap(ret, program, f);
}

/* The caller's ranges of one kind. *RET_END is as for subid_parse(). */
static int find_ranges(const struct subid_owner *o, size_t kind, bool elsewhere,
		       struct extents *ret, unsigned long long *ret_end, struct fail *f)
{
	struct extents in_file = { 0 };
	size_t length;
	char *text;
	int r = read_file(kinds[kind].file, &text, &length, f);

	if (r == 0)
		r = subid_parse(text, length, o, kinds[kind].file, &in_file, ret_end, f);
	free(text);
	if (r == 0 && (elsewhere || in_file.n == 0) && o->n_names > 0)
		r = ask_ranges(o, kind, ret, f);
	if (elsewhere)
		free(in_file.list);
	else if (ret->n == 0)
		*ret = in_file;
	return r;
}

/* No ranges: says which line to add where, and by which command. */
static int fail_missing(const struct subid_owner *o, const struct extents *ranges,
			unsigned long long end, bool elsewhere, struct fail *f)
{
	bool uids = ranges[MAP_UID].n == 0, gids = ranges[MAP_GID].n == 0;
	unsigned long long first = end > FIRST_FREE ? end : FIRST_FREE;
	const char *files = uids && gids ? "/etc/subuid and /etc/subgid have"
			    : uids	 ? "/etc/subuid has"
					 : "/etc/subgid has";
	char number[16], flags[128] = "", *hint = NULL;
	const char *name = o->n_names > 0 ? o->names[0] : number;
	size_t kind;
	int r;

	snprintf(number, sizeof number, "%u", o->uid);
	r = fail(f, 0, "%s no line for %s (uid %u), who has no subordinate %s", files, name, o->uid,
		 uids && gids ? "ids" : kinds[uids ? MAP_UID : MAP_GID].ids);
	if (elsewhere)
		return fail_hint(f, r,
				 "nsswitch.conf has them come from elsewhere than these files: "
				 "getsubids, of Debian's package uidmap, must be installed, and "
				 "know some");
	for (kind = 0; kind < MAP_KINDS; kind++)
		if (ranges[kind].n == 0)
			snprintf(flags + strlen(flags), sizeof flags - strlen(flags),
				 " %s %llu-%llu", kinds[kind].flag, first, first + USUAL - 1);
	/* not freed: it is as long-lived as the failure */
	if (asprintf(&hint, "as root: usermod%s %s; or add the line %s:%llu:%d to %s", flags, name,
		     name, first, USUAL,
		     uids && gids ? "both files" : kinds[uids ? MAP_UID : MAP_GID].file) < 0)
		return r;
	return fail_hint(f, r, hint);
}

int subid_gather(struct caller *caller, struct fail *f)
{
	struct subid_owner owner = { .uid = caller->uid };
	bool elsewhere = is_elsewhere();
	unsigned long long end = 0;
	size_t kind;
	int r = find_names(&owner, f);

	for (kind = 0; kind < MAP_KINDS && r == 0; kind++)
		r = find_ranges(&owner, kind, elsewhere, &caller->subids[kind], &end, f);
	if (r == 0 && (caller->subids[MAP_UID].n == 0 || caller->subids[MAP_GID].n == 0))
		r = fail_missing(&owner, caller->subids, end, elsewhere, f);
	forget_owner(&owner);
	return r;
}

/* The first ids of MAP's that are not in RANGES: from *RET_FIRST to *RET_LAST. The caller's own, in
 * the first extent, need not be. */
static bool find_uncovered(const struct extents *map, const struct extents *ranges,
			   uint32_t *ret_first, uint32_t *ret_last)
{
	uint64_t at, next, end;
	size_t i, k;

	for (i = 1; i < map->n; i++) {
		end = (uint64_t)map->list[i].outside + map->list[i].count;
		for (at = map->list[i].outside; at < end; at = next) {
			/* where the range that holds it ends, or the next one begins */
			bool held = false;

			next = end;
			for (k = 0; k < ranges->n; k++) {
				uint64_t first = ranges->list[k].outside;
				uint64_t past = first + ranges->list[k].count;

				held |= first <= at && at < past;
				if (at < past && past < next && first <= at)
					next = past;
				if (at < first && first < next)
					next = first;
			}
			if (held)
				continue;
			*ret_first = (uint32_t)at;
			*ret_last = (uint32_t)(next - 1);
			return true;
		}
	}
	return false;
}

int subid_explain(const struct caller *caller, size_t kind, const struct extents *map, int r,
		  struct fail *f)
{
	struct subid_owner owner = { .uid = caller->uid };
	struct fail ignored = { 0 };
	struct extents ranges = { 0 };
	unsigned long long end = 0;
	uint32_t first, last;
	char *hint = NULL;

	if (find_names(&owner, &ignored) == 0 && owner.n_names > 0 &&
	    find_ranges(&owner, kind, is_elsewhere(), &ranges, &end, &ignored) == 0 &&
	    find_uncovered(map, &ranges, &first, &last) &&
	    asprintf(&hint,
		     "the %s %" PRIu32 " to %" PRIu32
		     " are none of the caller's subordinate ids; as root: usermod %s %" PRIu32
		     "-%" PRIu32 " %s; or add the line %s:%" PRIu32 ":%" PRIu32 " to %s",
		     kinds[kind].ids, first, last, kinds[kind].flag, first, last, owner.names[0],
		     owner.names[0], first, last - first + 1, kinds[kind].file) < 0)
		hint = NULL;
	free(ranges.list);
	forget_owner(&owner);
	return hint ? fail_hint(f, r, hint) : r;
}
