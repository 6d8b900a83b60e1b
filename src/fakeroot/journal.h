/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The database of a store: what is pretended about files, kept on disk by SQLite. */
#pragma once

#include <stddef.h>

#include "store.h"

struct journal;

/* Who gets what a database holds; each returns 0 or -errno, which ends the reading. */
struct journal_reader {
	int (*file)(void *to, const struct key *key, const struct store_attrs *attrs);
	int (*xattr)(void *to, const struct key *key, const char *name, const void *value,
		     size_t size);
};

/* Opens FILE or makes it, with a lock on it, and hands what it holds to READ. The caller's to
 * close. Returns 0 or -errno. */
int journal_open(struct journal **ret, const char *file, const struct journal_reader *read,
		 void *to, struct fail *f);

/* Lets go of J, which may be NULL. */
void journal_close(struct journal *j);

/* Writing takes place between journal_begin() and journal_end(), which puts all of it on the disk
 * or, as does journal_undo(), nothing. All return 0 or -errno. */
int journal_begin(struct journal *j);
int journal_end(struct journal *j);
void journal_undo(struct journal *j);

/* What is pretended of a file is ATTRS: nothing, when ATTRS has no field set. */
int journal_file(struct journal *j, const struct key *key, const struct store_attrs *attrs);

/* Takes away all extended attributes of a file. */
int journal_no_xattrs(struct journal *j, const struct key *key);

/* Adds one to those of a file, which has none of that name. */
int journal_xattr(struct journal *j, const struct key *key, const char *name, const void *value,
		  size_t size);
