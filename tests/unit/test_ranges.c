/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Id maps put together, of one level and of two, and the lines of /etc/subuid. */

#include <string.h>

#include "fail.h"
#include "personality.h"
#include "plan.h"
#include "ranges.h"
#include "subid.h"
#include "util.h"

#include "tap.h"

static char command[] = "true";
static char *words[] = { command, NULL };

/* The maps of uids as text, "MAP" of one level or "FIRST/SECOND" of two, with LEVELS; or the
 * failure.
 */
static const char *planned(int levels, const struct extent *ranges, size_t n, uint32_t id)
{
	static char text[9000];
	struct caller caller = { .uid = 1000, .gid = 1000, .join.pidfd = NO_FD };
	struct op tmpfs = { .type = OP_TMPFS, .option = "--tmpfs", .dest = "/mnt", .fd = NO_FD };
	struct fail f = { 0 };
	struct op *op;
	struct plan p;
	size_t i;

	plan_init(&p, &personality_husk);
	p.command = words;
	p.uid_set = true;
	p.uid = id;
	for (i = 0; i < n; i++) {
		struct extent *e =
			plan_append(&p.asked[MAP_UID].list, &p.asked[MAP_UID].n, sizeof *e);

		*e = ranges[i];
		e->word = "WORD";
	}
	if (levels == 2) {
		op = plan_append(&p.ops, &p.n_ops, sizeof *op);
		*op = tmpfs;
	}
	if (plan_check(&p, &caller, &f) < 0) {
		strcpy(text, f.text);
	} else {
		i = ranges_text(&p.first[MAP_UID], text, sizeof text);
		text[i++] = '/';
		text[i] = '\0';
		ranges_text(&p.second[MAP_UID], text + i, sizeof text - i);
	}
	plan_free(&p);
	return text;
}

static void is(const char *got, const char *want)
{
	ok(strcmp(got, want) == 0, "%s", want);
	if (strcmp(got, want) != 0)
		printf("# got %s\n", got);
}

static void begins(const char *got, const char *want)
{
	ok(strncmp(got, want, strlen(want)) == 0, "%s", want);
	if (strncmp(got, want, strlen(want)) != 0)
		printf("# got %s\n", got);
}

static void check_maps(void)
{
	const struct extent two[] = { { 1, 5000, 10, NULL }, { 50, 6000, 5, NULL } };
	const struct extent around[] = { { 0, 990, 100, NULL } };
	const struct extent same_inside[] = { { 1, 5000, 10, NULL }, { 10, 6000, 5, NULL } };
	const struct extent same_outside[] = { { 1, 5000, 10, NULL }, { 50, 5009, 5, NULL } };
	const struct extent at_zero[] = { { 0, 5000, 10, NULL } };

	is(planned(1, two, 2, 0), "0 1000 1\n1 5000 10\n50 6000 5\n/");
	is(planned(2, two, 2, 0), "0 1000 1\n1 5000 10\n11 6000 5\n/0 0 1\n1 1 10\n50 11 5\n");
	is(planned(2, at_zero, 1, 10), "0 1000 1\n1 5000 10\n/10 0 1\n0 1 10\n");
	is(planned(1, around, 1, 10), "10 1000 1\n0 990 10\n11 1001 89\n/");
	is(planned(2, around, 1, 10),
	   "0 1000 1\n1 990 10\n11 1001 89\n/10 0 1\n0 1 10\n11 11 89\n");
	begins(planned(1, around, 1, 0), "--map-users WORD has the caller's own id, 1000");
	begins(planned(1, at_zero, 1, 0), "--map-users WORD overlaps with the caller");
	begins(planned(1, same_inside, 2, 0), "--map-users WORD and --map-users WORD overlap");
	begins(planned(1, same_outside, 2, 0), "--map-users WORD and --map-users WORD overlap");
}

static void check_invalid(void)
{
	ok(!ranges_invalid(0, 4294967295U), "all ids are a range");
	ok(ranges_invalid(0, 4294967296U), "one more are none");
	ok(ranges_invalid(4294967295U, 1), "4294967295 is no id");
	ok(!ranges_invalid(4294967294U, 1), "4294967294 is one");
	ok(ranges_invalid(7, 0), "no ids are no range");
}

/* The ranges in TEXT of the user me, whose uid is 77: "FIRST+COUNT ", or the failure. */
static const char *lines(const char *text)
{
	static char found[9000];
	char me[] = "me";
	char *names[] = { me };
	struct subid_owner owner = { .uid = 77, .names = names, .n_names = 1 };
	struct extents ranges = { 0 };
	unsigned long long end = 0;
	struct fail f = { 0 };
	size_t i, at = 0;

	found[0] = '\0';
	if (subid_parse(text, strlen(text), &owner, "F", &ranges, &end, &f) < 0)
		strcpy(found, f.text);
	else
		for (i = 0; i < ranges.n; i++)
			at += (size_t)snprintf(found + at, sizeof found - at, "%u+%u ",
					       ranges.list[i].outside, ranges.list[i].count);
	free(ranges.list);
	return found;
}

int main(void)
{
	check_maps();
	check_invalid();
	is(lines("me:5:6\n77:100:1\nyou:1:2\nme2:3:4\n"), "5+6 100+1 ");
	is(lines("me:5:6\nme:5:6"), "5+6 ");
	is(lines("you:5\n:\n\nme:1:1"), "1+1 ");
	is(lines("you:5:6\nme:1\n"), "F:2: malformed line: me:1");
	is(lines("me:5:6\nme:10:1"), "F: the caller's ranges 5:6 and 10:1 overlap");
	return done();
}
