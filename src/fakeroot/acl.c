/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads access control lists, and keeps them and the mode of their file in step. */
#include "acl.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <string.h>

#define HEADER sizeof(struct posix_acl_xattr_header)
#define ENTRY  sizeof(struct posix_acl_xattr_entry)
#define PERMS  (ACL_READ | ACL_WRITE | ACL_EXECUTE)

/* The entry at OFFSET, in the machine's order of bytes. */
static struct posix_acl_xattr_entry entry_at(const void *acl, size_t offset)
{
	struct posix_acl_xattr_entry e;

	memcpy(&e, (const char *)acl + offset, sizeof e);
	e.e_tag = le16toh(e.e_tag);
	e.e_perm = le16toh(e.e_perm);
	e.e_id = le32toh(e.e_id);
	return e;
}

/* Entries come in the order of their tags, whose values ascend: the owner, users, the group,
 * groups, the mask, others. Of users and groups there may be several, and with any of them there
 * has to be a mask. */
bool acl_is_refused(const void *acl, size_t size)
{
	unsigned last = 0, seen = 0;
	bool refused = false;
	uint32_t version;
	size_t at;

	if (size < HEADER || (size - HEADER) % ENTRY != 0)
		return false;
	memcpy(&version, acl, sizeof version);
	if (le32toh(version) != POSIX_ACL_XATTR_VERSION)
		return false;
	for (at = HEADER; at < size; at += ENTRY) {
		const struct posix_acl_xattr_entry e = entry_at(acl, at);
		bool named = e.e_tag == ACL_USER || e.e_tag == ACL_GROUP;

		if ((e.e_tag & (e.e_tag - 1)) != 0 || e.e_tag == 0 || e.e_tag > ACL_OTHER ||
		    (e.e_perm & ~PERMS) != 0)
			return false;
		if (e.e_tag < last || (e.e_tag == last && !named))
			return false;
		if (named && e.e_id == UINT32_MAX)
			return false;
		refused = refused || (named && e.e_id != 0);
		seen |= e.e_tag;
		last = e.e_tag;
	}
	if ((seen & (ACL_USER | ACL_GROUP)) && !(seen & ACL_MASK))
		return false;
	return refused && (seen & ACL_USER_OBJ) && (seen & ACL_GROUP_OBJ) && (seen & ACL_OTHER);
}

/* Where in a mode the permissions of a tag are: the group's are those of the mask, if there is one,
 * and there is one in all lists that are refused. */
static int shift_of(unsigned tag)
{
	return tag == ACL_USER_OBJ ? 6 : tag == ACL_MASK ? 3 : tag == ACL_OTHER ? 0 : -1;
}

mode_t acl_mode(const void *acl, size_t size, mode_t mode)
{
	size_t at;

	for (at = HEADER; at + ENTRY <= size; at += ENTRY) {
		const struct posix_acl_xattr_entry e = entry_at(acl, at);
		int shift = shift_of(e.e_tag);

		if (shift >= 0)
			mode = (mode & ~((mode_t)PERMS << shift)) | (mode_t)e.e_perm << shift;
	}
	return mode;
}

void acl_chmod(void *acl, size_t size, mode_t mode)
{
	size_t at;
	uint16_t perms;

	for (at = HEADER; at + ENTRY <= size; at += ENTRY) {
		int shift = shift_of(entry_at(acl, at).e_tag);

		if (shift < 0)
			continue;
		perms = htole16((uint16_t)(mode >> shift & PERMS));
		memcpy((char *)acl + at + offsetof(struct posix_acl_xattr_entry, e_perm), &perms,
		       sizeof perms);
	}
}
