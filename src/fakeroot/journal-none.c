/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The database of a store, in a build without SQLite: there is none. */
#include "journal.h"

#include "fail.h"
#include "util.h"

int journal_open(struct journal **ret, const char *file, const struct journal_reader *read,
		 void *to, struct fail *f)
{
	int r = fail(f, EOPNOTSUPP, "Cannot open the database %s", file);

	(void)ret, (void)read, (void)to;
	return fail_hint(f, r, "this husk was built without SQLite: build it with libsqlite3-dev");
}

void journal_close(struct journal *j)
{
	(void)j;
}

int journal_begin(struct journal *j)
{
	(void)j;
	return -EOPNOTSUPP;
}

int journal_end(struct journal *j)
{
	(void)j;
	return -EOPNOTSUPP;
}

void journal_undo(struct journal *j)
{
	(void)j;
}

int journal_file(struct journal *j, const struct key *key, const struct store_attrs *attrs)
{
	(void)j, (void)key, (void)attrs;
	return -EOPNOTSUPP;
}

int journal_no_xattrs(struct journal *j, const struct key *key)
{
	(void)j, (void)key;
	return -EOPNOTSUPP;
}

int journal_xattr(struct journal *j, const struct key *key, const char *name, const void *value,
		  size_t size)
{
	(void)j, (void)key, (void)name, (void)value, (void)size;
	return -EOPNOTSUPP;
}
