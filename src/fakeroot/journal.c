/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The database of a store, in SQLite: a table of files and one of their extended attributes.
 *
 * It is locked as long as it is open (locking_mode=EXCLUSIVE), by a lock that ends with the process
 * however that ends. It is written ahead (journal_mode=WAL) and every transaction is on the disk
 * when it is said to be (synchronous=FULL): what SQLite promises then holds when the process is
 * killed and when the machine loses its power. Once it is open no path is looked up any more: the
 * process is going to be where the sandbox says what a path means.
 *
 * A sandbox may have been able to write beside the database, and into it. So SQLite opens these two
 * files, by no link, and deletes none; it sees no journal of the older kind, which could name
 * others to delete; and it is asked to run nothing from the database that is not ours. */
#include "journal.h"

#include <sqlite3.h>

#include "dbfiles.h"
#include "fail.h"
#include "util.h"

#define APPLICATION 1752527723 /* the bytes "husk" */
#define VERSION	    1
#define PATIENCE    3000 /* ms, in which a supervisor that is told to end has ended */
#define DIGITS(n)   #n
#define SET(w, n)   "PRAGMA " w "=" DIGITS(n)

enum statement {
	PUT_FILE,
	NO_FILE,
	PUT_XATTR,
	NO_XATTRS,
	STATEMENTS,
};

struct journal {
	sqlite3 *db;
	sqlite3_vfs files; /* by which SQLite reaches them */
	sqlite3_vfs vfs; /* by which SQLite reaches files */
	sqlite3_stmt *statements[STATEMENTS];
};

static const char schema[] =
	"CREATE TABLE file (fs INTEGER NOT NULL, ino INTEGER NOT NULL, handle BLOB NOT NULL, "
	"pretended INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL, "
	"mode INTEGER NOT NULL, rdev INTEGER NOT NULL, PRIMARY KEY (fs, ino, handle)) "
	"WITHOUT ROWID;"
	"CREATE TABLE xattr (fs INTEGER NOT NULL, ino INTEGER NOT NULL, handle BLOB NOT NULL, "
	"name BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (fs, ino, handle, name)) "
	"WITHOUT ROWID;";

/* In all of them, the first three operands are the key. */
static const char *const texts[] = {
	[PUT_FILE] = "INSERT OR REPLACE INTO file VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[NO_FILE] = "DELETE FROM file WHERE fs = ?1 AND ino = ?2 AND handle = ?3",
	[PUT_XATTR] = "INSERT INTO xattr VALUES (?1, ?2, ?3, ?4, ?5)",
	[NO_XATTRS] = "DELETE FROM xattr WHERE fs = ?1 AND ino = ?2 AND handle = ?3",
};

static const char set_application[] = SET("application_id", APPLICATION);
static const char set_version[] = SET("user_version", VERSION);
static const char all_files[] = "SELECT fs, ino, handle, pretended, uid, gid, mode, rdev FROM file";
static const char all_xattrs[] = "SELECT fs, ino, handle, name, value FROM xattr";

static int error_of(int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	default:
		return -EIO;
	}
}

/* What SQLite has against FILE, in words. */
static int refuse(struct journal *j, const char *file, int result, struct fail *f)
{
	int r;

	switch (result & 0xff) {
	case SQLITE_BUSY:
		r = fail(f, EBUSY, "The database %s is in use", file);
		return fail_hint(f, r,
				 "one sandbox at a time can use it: wait for the other one to "
				 "end, or name another file");
	case SQLITE_NOTADB:
		r = fail(f, 0, "%s is no database of --fake-root-db", file);
		return fail_hint(f, r, "name a file that does not exist yet, and it is made");
	case SQLITE_CORRUPT:
		r = fail(f, 0, "The database %s is damaged", file);
		return fail_hint(f, r, "sqlite3 FILE .recover may save what it holds");
	default:
		return fail(f, 0, "Cannot use the database %s: %s", file, sqlite3_errmsg(j->db));
	}
}

/* One number that SQL, which may fail, asks for. */
static int number(struct journal *j, const char *sql, sqlite3_int64 *ret)
{
	sqlite3_stmt *statement;
	int r = sqlite3_prepare_v2(j->db, sql, -1, &statement, NULL);

	if (r != SQLITE_OK)
		return r;
	r = sqlite3_step(statement);
	if (r == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return r == SQLITE_ROW ? SQLITE_OK : r == SQLITE_DONE ? SQLITE_CORRUPT : r;
}

/* Whether the tables are ours, to the letter: other ones could make SQLite run more than we ask. */
static int compare_schema(struct journal *j)
{
	sqlite3_stmt *statement;
	const char *text;
	int r = sqlite3_prepare_v2(
		j->db, "SELECT group_concat(sql, ';') || ';' FROM sqlite_master ORDER BY rowid", -1,
		&statement, NULL);

	if (r != SQLITE_OK)
		return r;
	r = sqlite3_step(statement);
	if (r == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(statement, 0);
		r = text && streq(text, schema) ? SQLITE_OK : SQLITE_CORRUPT;
	}
	sqlite3_finalize(statement);
	return r;
}

static int make_schema(struct journal *j)
{
	int r = sqlite3_exec(j->db, schema, NULL, NULL, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_exec(j->db, set_application, NULL, NULL, NULL);
	return r == SQLITE_OK ? sqlite3_exec(j->db, set_version, NULL, NULL, NULL) : r;
}

/* Sees whose database it is; a new one becomes ours. */
static int claim(struct journal *j, const char *file, struct fail *f)
{
	sqlite3_int64 application = 0, version = 0, things = 0;
	int r;

	r = number(j, "PRAGMA application_id", &application);
	if (r == SQLITE_OK)
		r = number(j, "PRAGMA user_version", &version);
	if (r == SQLITE_OK)
		r = number(j, "SELECT count(*) FROM sqlite_master", &things);
	if (r != SQLITE_OK)
		return refuse(j, file, r, f);
	if (application == 0 && version == 0 && things == 0) {
		r = make_schema(j);
		/* an empty one of somebody else's has another kind of journal */
		r = r == SQLITE_CANTOPEN ? SQLITE_NOTADB : r;
	} else if (application != APPLICATION) {
		return refuse(j, file, SQLITE_NOTADB, f);
	} else if (version != VERSION) {
		r = fail(f, 0, "The database %s has format %lld, and this husk knows %d", file,
			 (long long)version, VERSION);
		return fail_hint(f, r, "use the husk that made it, or name another file");
	} else {
		r = compare_schema(j);
	}
	return r == SQLITE_OK ? 0 : refuse(j, file, r, f);
}

/* Takes the lock, and keeps it; nothing is written into a database that is not ours. One that is
 * EMPTY gets its log first, so that the tables come at once or not at all. */
static int lock(struct journal *j, const char *file, bool empty, struct fail *f)
{
	static const char prepare_log[] = "PRAGMA locking_mode=EXCLUSIVE; "
					  "PRAGMA journal_mode=MEMORY; PRAGMA journal_mode=WAL";
	int r = sqlite3_exec(j->db, empty ? prepare_log : "PRAGMA locking_mode=EXCLUSIVE", NULL,
			     NULL, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_exec(j->db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
	if (r != SQLITE_OK)
		return refuse(j, file, r, f);
	r = claim(j, file, f);
	if (r < 0)
		return r;
	r = sqlite3_exec(j->db,
			 "COMMIT; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
			 "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=0",
			 NULL, NULL, NULL);
	/* the first time that it writes it opens the directory as well */
	if (r == SQLITE_OK)
		r = sqlite3_exec(j->db, set_version, NULL, NULL, NULL);
	sqlite3_file_control(j->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &(int){ 1 });
	return r == SQLITE_OK ? 0 : refuse(j, file, r, f);
}

/* A NULL for an empty value is as good as any pointer to it. */
static const void *blob(sqlite3_stmt *row, int column, size_t *ret_length)
{
	const void *value = sqlite3_column_blob(row, column);

	*ret_length = (size_t)sqlite3_column_bytes(row, column);
	return value ? value : "";
}

static int read_key(sqlite3_stmt *row, struct key *ret)
{
	size_t length;
	const void *handle = blob(row, 2, &length);

	if (length > KEY_HANDLE_MAX)
		return -EBADMSG;
	ret->fs = (uint64_t)sqlite3_column_int64(row, 0);
	ret->ino = (uint64_t)sqlite3_column_int64(row, 1);
	ret->n = (uint16_t)length;
	memcpy(ret->handle, handle, length);
	return 0;
}

static int read_file(sqlite3_stmt *row, const struct journal_reader *read, void *to)
{
	struct key key;
	int e = read_key(row, &key);
	const struct store_attrs attrs = {
		.set = (unsigned)sqlite3_column_int(row, 3),
		.uid = (uid_t)sqlite3_column_int64(row, 4),
		.gid = (gid_t)sqlite3_column_int64(row, 5),
		.mode = (mode_t)sqlite3_column_int(row, 6),
		.rdev = (dev_t)sqlite3_column_int64(row, 7),
	};

	if (attrs.set == 0 || attrs.set > (STORE_UID | STORE_GID | STORE_MODE | STORE_TYPE))
		return -EBADMSG;
	return e < 0 ? e : read->file(to, &key, &attrs);
}

static int read_xattr(sqlite3_stmt *row, const struct journal_reader *read, void *to)
{
	char text[STORE_NAME_MAX + 1];
	struct key key;
	size_t length, size;
	const void *name = blob(row, 3, &length), *value;
	int e = read_key(row, &key);

	if (e < 0 || length > STORE_NAME_MAX || memchr(name, '\0', length))
		return -EBADMSG;
	memcpy(text, name, length);
	text[length] = '\0';
	value = blob(row, 4, &size);
	return read->xattr(to, &key, text, value, size);
}

/* Hands each row of SQL to ROW. Returns 0, -errno of ROW, or what SQLite says, at *RET_RESULT. */
static int each(struct journal *j, const char *sql,
		int (*row)(sqlite3_stmt *row, const struct journal_reader *read, void *to),
		const struct journal_reader *read, void *to, int *ret_result)
{
	sqlite3_stmt *statement;
	int e = 0, r = sqlite3_prepare_v2(j->db, sql, -1, &statement, NULL);

	if (r == SQLITE_OK) {
		while (e == 0 && (r = sqlite3_step(statement)) == SQLITE_ROW)
			e = row(statement, read, to);
		sqlite3_finalize(statement);
	}
	*ret_result = r == SQLITE_DONE || r == SQLITE_ROW ? SQLITE_OK : r;
	return e;
}

static int load(struct journal *j, const char *file, const struct journal_reader *read, void *to,
		struct fail *f)
{
	int e, result;

	e = each(j, all_files, read_file, read, to, &result);
	if (e == 0 && result == SQLITE_OK)
		e = each(j, all_xattrs, read_xattr, read, to, &result);
	if (result != SQLITE_OK)
		return refuse(j, file, result, f);
	if (e == -ENOMEM || e == -ENOSPC)
		return fail(f, -e, "Cannot remember all that the database %s holds", file);
	return e < 0 ? refuse(j, file, SQLITE_CORRUPT, f) : 0;
}

static int prepare(struct journal *j)
{
	size_t i;
	int r = SQLITE_OK;

	for (i = 0; i < STATEMENTS && r == SQLITE_OK; i++)
		r = sqlite3_prepare_v3(j->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &j->statements[i], NULL);
	return r;
}

static int open_database(struct journal *j, const char *path)
{
	int r = dbfiles_register(&j->files);

	if (r != SQLITE_OK)
		return r;
	r = sqlite3_open_v2(path, &j->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
			    j->files.zName);
	if (r != SQLITE_OK)
		return r;
	sqlite3_busy_timeout(j->db, PATIENCE);
	sqlite3_db_config(j->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(j->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(j->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(j->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	return sqlite3_exec(j->db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0", NULL, NULL,
			    NULL);
}

int journal_open(struct journal **ret, const char *file, const struct journal_reader *read,
		 void *to, struct fail *f)
{
	CLEANUP(free_p) char *path = dbfiles_spell(file);
	struct journal *j;
	bool empty = false;
	int r;

	r = dbfiles_make(file, path, &empty, f);
	if (r < 0)
		return r;
	j = calloc(1, sizeof *j);
	if (!j)
		return fail(f, ENOMEM, "Cannot open the database %s", file);
	r = open_database(j, path);
	r = r == SQLITE_OK ? lock(j, file, empty, f) : refuse(j, file, r, f);
	if (r == 0)
		r = load(j, file, read, to, f);
	if (r == 0) {
		r = prepare(j);
		r = r == SQLITE_OK ? 0 : refuse(j, file, r, f);
	}
	if (r < 0) {
		journal_close(j);
		return r;
	}
	*ret = j;
	return 0;
}

void journal_close(struct journal *j)
{
	size_t i;

	if (!j)
		return;
	for (i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(j->statements[i]);
	sqlite3_close(j->db);
	sqlite3_vfs_unregister(&j->files);
	free(j);
}

int journal_begin(struct journal *j)
{
	return error_of(sqlite3_exec(j->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
}

int journal_end(struct journal *j)
{
	return error_of(sqlite3_exec(j->db, "COMMIT", NULL, NULL, NULL));
}

/* After some errors SQLite has done it by itself. */
void journal_undo(struct journal *j)
{
	if (!sqlite3_get_autocommit(j->db))
		sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
}

/* Runs a statement whose first three operands are the key; the others are bound. */
static int run(sqlite3_stmt *s, const struct key *key)
{
	int r;

	sqlite3_bind_int64(s, 1, (sqlite3_int64)key->fs);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)key->ino);
	r = sqlite3_bind_blob(s, 3, key->handle, key->n, SQLITE_STATIC);
	if (r == SQLITE_OK)
		r = sqlite3_step(s);
	sqlite3_reset(s);
	return error_of(r);
}

int journal_file(struct journal *j, const struct key *key, const struct store_attrs *attrs)
{
	sqlite3_stmt *s = j->statements[PUT_FILE];

	if (!attrs->set)
		return run(j->statements[NO_FILE], key);
	sqlite3_bind_int(s, 4, (int)attrs->set);
	sqlite3_bind_int64(s, 5, attrs->uid);
	sqlite3_bind_int64(s, 6, attrs->gid);
	sqlite3_bind_int(s, 7, (int)attrs->mode);
	sqlite3_bind_int64(s, 8, (sqlite3_int64)attrs->rdev);
	return run(s, key);
}

int journal_no_xattrs(struct journal *j, const struct key *key)
{
	return run(j->statements[NO_XATTRS], key);
}

int journal_xattr(struct journal *j, const struct key *key, const char *name, const void *value,
		  size_t size)
{
	sqlite3_stmt *s = j->statements[PUT_XATTR];
	int r = sqlite3_bind_blob(s, 4, name, (int)strlen(name), SQLITE_STATIC);

	if (r == SQLITE_OK)
		r = sqlite3_bind_blob(s, 5, size ? value : "", (int)size, SQLITE_STATIC);
	return r == SQLITE_OK ? run(s, key) : error_of(r);
}
