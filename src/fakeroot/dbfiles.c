/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the files of a database, and keeps SQLite from all others: a sandbox may have been able to
 * write beside them, and a journal of the older kind could name any file of the caller's to
 * delete. */
#include "dbfiles.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fail.h"
#include "util.h"

/* The database and the log that belongs to it; nothing else is asked for, or then in vain. */
static int files_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret)
{
	sqlite3_vfs *system = sqlite3_vfs_find(NULL);

	(void)vfs;
	if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL))) {
		file->pMethods = NULL;
		return SQLITE_CANTOPEN;
	}
	return system->xOpen(system, name, file, flags, ret);
}

static int files_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs, (void)name, (void)sync;
	return SQLITE_OK;
}

/* Whether there is a file: of a journal that is no log there never is. */
static int files_access(sqlite3_vfs *vfs, const char *name, int what, int *ret)
{
	static const char log[] = "-wal";
	sqlite3_vfs *system = sqlite3_vfs_find(NULL);
	size_t length = strlen(name);

	(void)vfs;
	*ret = 0;
	if (length < sizeof log || !streq(name + length - (sizeof log - 1), log))
		return SQLITE_OK;
	return system->xAccess(system, name, what, ret);
}

int dbfiles_register(sqlite3_vfs *ret)
{
	const sqlite3_vfs *system = sqlite3_vfs_find(NULL);

	if (!system)
		return SQLITE_ERROR;
	*ret = *system;
	ret->pNext = NULL;
	ret->zName = "husk";
	ret->xOpen = files_open;
	ret->xDelete = files_delete;
	ret->xAccess = files_access;
	return sqlite3_vfs_register(ret, 0);
}

char *dbfiles_spell(const char *file)
{
	const char *name = strrchr(file, '/');
	size_t length = name ? (size_t)(name - file) + 1 : 0;
	CLEANUP(free_p) char *directory = strndup(length ? file : ".", length ? length : 1);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): CLEANUP frees it */
	CLEANUP(free_p) char *real = directory ? realpath(directory, NULL) : NULL;
	char *path;

	return real && asprintf(&path, "%s/%s", real, file + length) >= 0 ? path : NULL;
}

int dbfiles_make(const char *file, const char *path, bool *ret_empty, struct fail *f)
{
	CLEANUP(fd_closep)
	int fd =
		path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW,
			    0600)
		     : NO_FD;
	struct stat st;
	int r;

	if (path && fd < 0 && errno == ELOOP) {
		r = fail(f, 0, "The database %s is a symbolic link", file);
		return fail_hint(f, r, "name the file itself");
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = fail(f, errno, "Cannot open the database %s", file);
		return fail_hint(f, r,
				 "its directory must exist, and both must be the caller's to "
				 "write");
	}
	*ret_empty = st.st_size == 0;
	if (!S_ISREG(st.st_mode))
		return fail(f, 0, "The database %s is not a regular file", file);
	return 0;
}
