/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is pretended about files: in memory, and through a database that outlives a crash. */

#include <fcntl.h>
#include <signal.h>
#if HAVE_SQLITE
#include <sqlite3.h>
#endif
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fail.h"
#include "fakeroot/store.h"
#include "util.h"

#include "tap.h"

static struct fail failure;
static char directory[] = "/tmp/husk-test-store-XXXXXX";

static struct key key_of(uint64_t ino, const char *handle)
{
	struct key key = { .fs = 7, .ino = ino, .n = (uint16_t)strlen(handle) };

	memcpy(key.handle, handle, key.n);
	return key;
}

static struct store_attrs owner(uid_t uid)
{
	return (struct store_attrs){ .set = STORE_UID, .uid = uid };
}

static bool has(const struct store *s, uint64_t ino, const char *handle, uid_t uid)
{
	const struct key key = key_of(ino, handle);
	const struct store_attrs *a = store_find(s, &key);

	return a && a->set == STORE_UID && a->uid == uid;
}

static int put(struct store *s, uint64_t ino, const char *handle, uid_t uid)
{
	const struct key key = key_of(ino, handle);
	const struct store_attrs a = owner(uid);

	return store_set(s, &key, &a);
}

static void test_records(void)
{
	CLEANUP(store_closep) struct store *s = NULL;
	const struct key key = key_of(1, "a"), other = key_of(1, "b");
	const struct store_attrs nothing = { 0 };
	struct key longer = key_of(2, "");

	ok(store_open(&s, NULL, &failure) == 0 && !store_find(s, &key) && store_count(s) == 0,
	   "an empty store");
	ok(!store_any(s, 7, 1) && put(s, 1, "a", 33) == 0 && has(s, 1, "a", 33), "a file is found");
	ok(!store_find(s, &other) && !has(s, 2, "a", 33), "another is not");
	ok(store_any(s, 7, 1) && !store_any(s, 7, 2) && !store_any(s, 8, 1), "numbers are known");
	ok(put(s, 1, "b", 44) == 0 && has(s, 1, "a", 33) && has(s, 1, "b", 44),
	   "a number that a file had before is told apart");
	ok(put(s, 1, "a", 55) == 0 && has(s, 1, "a", 55), "the last one counts");
	ok(store_set(s, &key, &nothing) == 0 && !store_find(s, &key) && store_count(s) == 1,
	   "a file of which nothing is pretended is forgotten");
	store_drop(s, &other);
	store_drop(s, &other);
	ok(store_count(s) == 0 && !store_any(s, 7, 1), "so is one that is dropped");
	longer.n = KEY_HANDLE_MAX + 1;
	ok(store_set(s, &longer, &nothing) == 0 &&
		   store_xattr_set(s, &longer, "a", "b", 1) == -EINVAL,
	   "a handle that is too long is refused");
	ok(!store_dirty(s) && store_commit(s) == 0, "there is nothing to commit");
}

static void test_many(void)
{
	CLEANUP(store_closep) struct store *s = NULL;
	uint64_t i;
	size_t bad = 0;

	store_open(&s, NULL, &failure);
	for (i = 0; i < 100000; i++)
		bad += put(s, i, "handle", (uid_t)i + 1) != 0;
	for (i = 0; i < 100000; i++)
		bad += !has(s, i, "handle", (uid_t)i + 1);
	for (i = 0; i < 100000; i += 2) {
		const struct key key = key_of(i, "handle");

		store_drop(s, &key);
	}
	for (i = 0; i < 100000; i++)
		bad += has(s, i, "handle", (uid_t)i + 1) != (i % 2 == 1);
	ok(bad == 0 && store_count(s) == 50000, "many files");
}

static bool xattr_is(const struct store *s, const struct key *key, const char *name,
		     const char *value)
{
	const void *bytes;
	ssize_t n = store_xattr(s, key, name, &bytes);

	return n == (ssize_t)strlen(value) && memcmp(bytes, value, (size_t)n) == 0;
}

static void test_xattrs(void)
{
	CLEANUP(store_closep) struct store *s = NULL;
	const struct key key = key_of(1, "a"), other = key_of(2, "a");
	char names[100], big[STORE_VALUE_MAX + 1] = "", name[STORE_NAME_MAX + 2] = "";
	const void *value;
	int i, r = 0;

	store_open(&s, NULL, &failure);
	ok(!store_has_xattrs(s) && store_xattr(s, &key, "trusted.a", &value) == -ENODATA, "none");
	ok(store_xattr_set(s, &key, "trusted.a", "one", 3) == 0 &&
		   xattr_is(s, &key, "trusted.a", "one"),
	   "an attribute is found");
	ok(store_any(s, 7, 1) && !store_find(s, &key) && store_has_xattrs(s),
	   "a file has one and is its own otherwise");
	ok(store_xattr_set(s, &key, "trusted.a", "", 0) == 0 && xattr_is(s, &key, "trusted.a", ""),
	   "it is replaced, with nothing too");
	store_xattr_set(s, &key, "security.b", "x", 1);
	ok(store_xattr_list(s, &key, NULL, 0) == 21 &&
		   store_xattr_list(s, &key, names, 20) == -ERANGE &&
		   store_xattr_list(s, &key, names, 21) == 21 &&
		   memcmp(names, "trusted.a\0security.b", 21) == 0,
	   "names are listed");
	ok(store_xattr_list(s, &other, names, 20) == 0, "those of another file are none");
	ok(store_xattr_remove(s, &key, "trusted.a") == 0 &&
		   store_xattr_remove(s, &key, "trusted.a") == -ENODATA &&
		   xattr_is(s, &key, "security.b", "x"),
	   "one is removed");
	ok(store_xattr_set(s, &key, "a", big, sizeof big) == -E2BIG &&
		   store_xattr_set(s, &key, "", big, 1) == -ERANGE &&
		   store_xattr_set(s, &key, memset(name, 'n', STORE_NAME_MAX + 1), big, 1) ==
			   -ERANGE,
	   "values and names have an end");
	for (i = 0; i < 100 && r == 0; i++) {
		snprintf(names, sizeof names, "trusted.%d", i);
		r = store_xattr_set(s, &other, names, big, STORE_VALUE_MAX);
	}
	ok(r == -ENOSPC && i > 10 && i < 20, "what a file can have is limited");
	store_drop(s, &key);
	store_drop(s, &other);
	ok(!store_has_xattrs(s) && store_count(s) == 0, "all of it is forgotten");
}

static const char *file(const char *name)
{
	static char path[200];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static void test_database(void)
{
	CLEANUP(store_closep) struct store *s = NULL;
	const struct key key = key_of(UINT64_MAX, "a\nb"), empty = key_of(3, "");
	const struct store_attrs all = { .set = STORE_UID | STORE_GID | STORE_MODE | STORE_TYPE,
					 .uid = 4294967294u,
					 .gid = 4000000000u,
					 .mode = S_IFCHR | 06755,
					 .rdev = (dev_t)0xfedcba9876543210u };
	const struct store_attrs *a;
	struct stat st = { 0 };

	umask(0);
	ok(store_open(&s, file("db"), &failure) == 0, "a database is made");
	ok(stat(file("db"), &st) == 0 && (st.st_mode & 07777) == 0600, "that is its owner's only");
	ok(store_set(s, &key, &all) == 0 && store_dirty(s) && store_commit(s) == 0 &&
		   !store_dirty(s),
	   "a record is committed");
	put(s, 5, "gone", 1);
	store_xattr_set(s, &empty, "trusted.x", "a\0b", 3);
	store_xattr_set(s, &empty, "trusted.y", "", 0);
	store_commit(s);
	put(s, 6, "lost", 1);
	store_xattr_set(s, &empty, "trusted.z", "z", 1);
	store_xattr_remove(s, &empty, "trusted.z");
	store_drop(s, &(struct key){ .fs = 7, .ino = 5, .n = 4, .handle = "gone" });
	ok(!has(s, 5, "gone", 1), "what is dropped is not seen");
	store_commit(s);
	put(s, 8, "uncommitted", 1);
	store_close(s);
	s = NULL;
	ok(store_open(&s, file("db"), &failure) == 0 && store_count(s) == 3, "it is opened again");
	a = store_find(s, &key);
	ok(a && a->set == all.set && a->uid == all.uid && a->gid == all.gid &&
		   a->mode == all.mode && a->rdev == all.rdev,
	   "every bit of a record comes back");
	ok(store_xattr_list(s, &empty, NULL, 0) == 20 && xattr_is(s, &empty, "trusted.y", ""),
	   "so do attributes");
	ok(has(s, 6, "lost", 1) && !has(s, 8, "uncommitted", 1), "committed is what was committed");
}

static bool refused(const char *name, const char *words)
{
	struct store *s = NULL;
	struct fail f = { 0 };

	if (store_open(&s, file(name), &f) < 0 && strstr(f.text, words))
		return true;
	note("%s", f.text);
	store_close(s);
	return false;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(file(name), "w");

	fputs(text, f);
	fclose(f);
}

/* Carries out a statement on the database NAME, as another program would. */
static void execute(const char *name, const char *statement)
{
#if HAVE_SQLITE
	sqlite3 *db = NULL;

	ok(sqlite3_open(file(name), &db) == SQLITE_OK &&
		   sqlite3_exec(db, statement, NULL, NULL, NULL) == SQLITE_OK,
	   "another program writes to %s", name);
	sqlite3_close(db);
#else
	(void)name;
	(void)statement;
#endif
}

static void test_refused(void)
{
	CLEANUP(store_closep) struct store *s = NULL;
	char command[400];
	pid_t pid;

	store_open(&s, file("locked"), &failure);
	pid = fork();
	if (pid == 0)
		_exit(refused("locked", "is in use") ? 0 : 1);
	else {
		int status = 1;

		waitpid(pid, &status, 0);
		ok(status == 0, "a database that is in use is refused");
	}
	write_file("text", "some text that is longer than the header of a database is, "
			   "so that there is something to read: at least a hundred bytes of it");
	ok(refused("text", "is no database of --fake-root-db"), "so is a file of another kind");
	snprintf(command, sizeof command, "cat '%s' | grep -q 'so that there is'", file("text"));
	ok(system(command) == 0, "which stays as it was");
	execute("foreign", "CREATE TABLE t (a)");
	ok(refused("foreign", "is no database of"), "so is another one's database");
	store_close(s);
	s = NULL;
	execute("locked", "PRAGMA user_version=2");
	ok(refused("locked", "has format 2"), "so is a later format");
	mkdir(file("directory"), 0700);
	ok(refused("directory", "Cannot open") && refused("none/such", "Cannot open"),
	   "so are a directory and a path that leads nowhere");
}

/* A writer that says on OUT what it has committed. */
static void write_forever(int out)
{
	struct store *s = NULL;
	uint32_t i;

	store_open(&s, file("crash"), &failure);
	for (i = 0;; i++) {
		put(s, i % 500, "crash", i + 1);
		if (store_commit(s) < 0 || write(out, &i, sizeof i) != sizeof i)
			_exit(1);
	}
}

static void test_crash(void)
{
	uint32_t said[500] = { 0 }, i;
	int pipes[2], status, round;
	size_t lost = 0, n, most = 0;
	const struct store_attrs *a;
	struct store *s = NULL;
	pid_t pid;

	for (round = 0; round < 20; round++) {
		if (pipe(pipes) < 0)
			break;
		pid = fork();
		if (pid == 0)
			write_forever(pipes[1]);
		close(pipes[1]);
		for (n = 0; read(pipes[0], &i, sizeof i) == sizeof i; n++) {
			said[i % 500] = i + 1;
			if (n == (size_t)round * 7)
				kill(pid, SIGKILL);
		}
		most = n > most ? n : most;
		close(pipes[0]);
		waitpid(pid, &status, 0);
		if (store_open(&s, file("crash"), &failure) < 0) {
			note("%s", failure.text);
			lost++;
			break;
		}
		for (i = 0; i < 500; i++) {
			const struct key key = key_of(i, "crash");

			/* the writer may have done one more than it could say */
			a = store_find(s, &key);
			lost += said[i] && (!a || a->uid < said[i]);
		}
		store_close(s);
	}
	ok(lost == 0 && round == 20 && most > 100,
	   "whoever is killed has lost nothing it committed");
}

/* A disk that is full: a limit on the size of files has the same effect. */
static void test_full(void)
{
	CLEANUP(store_closep) struct store *s = NULL;
	uint32_t i;
	int r = 0;

	if (fork() == 0) {
		signal(SIGXFSZ, SIG_IGN);
		store_open(&s, file("full"), &failure);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 100000, 100000 });
		for (i = 0; i < 10000 && r == 0; i++) {
			put(s, i, "full", 1);
			r = store_commit(s);
		}
		_exit(r < 0 && store_dirty(s) && has(s, 0, "full", 1) ? (i > 5 ? 7 : 8) : 1);
	}
	wait(&r);
	ok(WEXITSTATUS(r) == 7, "what cannot be written is said");
	ok(store_open(&s, file("full"), &failure) == 0 && has(s, 0, "full", 1),
	   "the rest is there");
}

/* Once it is open, the paths of this process mean other things: all that is done is done by
 * descriptors. */
static void test_moved(void)
{
	CLEANUP(store_closep) struct store *s = NULL;
	char moved[200];
	int r;
	uint32_t i;

	mkdir(file("here"), 0700);
	r = store_open(&s, file("here/db"), &failure);
	snprintf(moved, sizeof moved, "%s", file("there"));
	rename(file("here"), moved);
	for (i = 0; i < 10000 && r == 0; i++) {
		put(s, i, "a handle of some length, so that pages are filled", 1);
		if (i % 40 == 0)
			r = store_commit(s);
	}
	ok(r == 0 && store_commit(s) == 0 && i == 10000, "what is committed needs no path");
	store_close(s);
	s = NULL;
	ok(access(file("here"), F_OK) < 0 && store_open(&s, file("there/db"), &failure) == 0 &&
		   store_count(s) == 10000,
	   "nor does closing");
}

int main(void)
{
	char command[100];

	if (!mkdtemp(directory))
		return skip_all("no directory");
	test_records();
	test_many();
	test_xattrs();
	if (HAVE_SQLITE) {
		test_database();
		test_refused();
		test_moved();
		test_crash();
		test_full();
	} else {
		ok(refused("db", "Cannot open the database"), "a build without SQLite says so");
	}
	snprintf(command, sizeof command, "rm -r '%s'", directory);
	ok(system(command) == 0, "the files are removed");
	return done();
}
