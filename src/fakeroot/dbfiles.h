/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a database, and which of them SQLite may reach. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>

struct fail;

/* Fills *RET with a way to files that opens a database and the log beside it, and nothing else,
 * deletes nothing, and sees no other journal; and makes it known by its name, until
 * sqlite3_vfs_unregister(). Returns what SQLite returns. https://www.sqlite.org/vfs.html */
int dbfiles_register(sqlite3_vfs *ret);

/* Spells FILE out, its directory without any link, so that SQLite takes it for a path whatever it
 * begins with. Returns the caller's to free, or NULL with errno. */
char *dbfiles_spell(const char *file);

/* Makes FILE, which is at PATH, or sees that it is what a database can be: no link. PATH may be
 * NULL, with the reason in errno. It is closed again, before SQLite has locks in it, which any
 * closing would take away. *RET_EMPTY tells whether it is empty. Returns 0 or -errno. */
int dbfiles_make(const char *file, const char *path, bool *ret_empty, struct fail *f);
