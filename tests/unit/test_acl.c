/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Access control lists: which of them a sandbox of one id is refused, and what they mean for the
 * mode of a file. */

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <string.h>

#include "fakeroot/acl.h"

#include "tap.h"

struct list {
	uint32_t version;
	struct posix_acl_xattr_entry entries[8];
};

#define SIZE(n) (sizeof(uint32_t) + (n) * sizeof(struct posix_acl_xattr_entry))
#define NOBODY	0xffffffffu

/* u::rw- u:33:r-x g::r-- m::rwx o::r-- */
static const struct list usual = { 2,
				   { { ACL_USER_OBJ, 6, NOBODY },
				     { ACL_USER, 5, 33 },
				     { ACL_GROUP_OBJ, 4, NOBODY },
				     { ACL_MASK, 7, NOBODY },
				     { ACL_OTHER, 4, NOBODY } } };

static bool refused(const struct list *list, size_t n)
{
	return acl_is_refused(list, SIZE(n));
}

static void test_refused(void)
{
	struct list l = usual;
	size_t size, bad = 0;

	ok(refused(&usual, 5), "a list with somebody's name is one to pretend");
	for (size = 0; size < SIZE(5); size++)
		bad += acl_is_refused(&usual, size);
	ok(bad == 0, "one that is cut off is not");
	l.entries[1].e_id = 0;
	ok(!refused(&l, 5), "nor is one that names root only: that is real");
	l = usual;
	l.version = 1;
	ok(!refused(&l, 5), "nor one of another version");
	l = usual;
	l.entries[2].e_tag = ACL_USER;
	ok(!refused(&l, 5), "nor one without a group");
	l = usual;
	l.entries[3].e_tag = ACL_GROUP;
	ok(!refused(&l, 5), "nor one without the mask that names want");
	l = usual;
	l.entries[0] = usual.entries[1];
	l.entries[1] = usual.entries[0];
	ok(!refused(&l, 5), "nor one in disorder");
	l = usual;
	l.entries[4].e_tag = ACL_MASK;
	ok(!refused(&l, 5), "nor one that says a thing twice");
	l = usual;
	l.entries[1].e_perm = 8;
	ok(!refused(&l, 5), "nor one with an unknown permission");
	l = usual;
	l.entries[1].e_tag = 3;
	ok(!refused(&l, 5), "nor one with an unknown tag");
	l = usual;
	l.entries[1].e_id = NOBODY;
	ok(!refused(&l, 5), "nor one that names no id");
}

static void test_mode(void)
{
	struct list l = usual;

	ok(acl_mode(&usual, SIZE(5), 04000) == 04674, "the mask is the group's part of the mode");
	acl_chmod(&l, SIZE(5), 0751);
	ok(l.entries[0].e_perm == 7 && l.entries[3].e_perm == 5 && l.entries[4].e_perm == 1,
	   "and follows the mode");
	ok(l.entries[1].e_perm == 5 && l.entries[2].e_perm == 4, "the others stay");
}

int main(void)
{
	test_refused();
	test_mode();
	return done();
}
