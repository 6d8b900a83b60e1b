/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pretended ids: what the calls of credentials(7) do to them, and how processes inherit them. */

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fakeroot/ids.h"
#include "util.h"

#include "tap.h"

#define KEEP IDS_KEEP
#define WHO  100

static const struct ids_cred root;

static bool uids(const struct ids_cred *c, uint32_t r, uint32_t e, uint32_t s, uint32_t f)
{
	if (c->uid[IDS_REAL] == r && c->uid[IDS_EFFECTIVE] == e && c->uid[IDS_SAVED] == s &&
	    c->uid[IDS_FS] == f)
		return true;
	note("%d %d %d %d", (int)c->uid[IDS_REAL], (int)c->uid[IDS_EFFECTIVE],
	     (int)c->uid[IDS_SAVED], (int)c->uid[IDS_FS]);
	return false;
}

/* The call by somebody whose capabilities are all there. */
static int64_t set(struct ids_cred *c, enum ids_call call, uint32_t a, uint32_t b, uint32_t s)
{
	const uint32_t id[] = { a, b, s };

	return ids_set(c, call, id, true, WHO, c);
}

static void become(struct ids_cred *c, uint32_t r, uint32_t e, uint32_t s)
{
	*c = root;
	set(c, IDS_SETRESUID, r, e, s);
}

static void test_setuid(void)
{
	struct ids_cred c = root;

	ok(set(&c, IDS_SETUID, 5, 0, 0) == 0 && uids(&c, 5, 5, 5, 5), "root's setuid sets all");
	ok(set(&c, IDS_SETUID, 0, 0, 0) == -EPERM && uids(&c, 5, 5, 5, 5), "there is no way back");
	ok(set(&c, IDS_SETUID, 5, 0, 0) == 0, "one's own id is always allowed");
	ok(set(&c, IDS_SETUID, KEEP, 0, 0) == -EINVAL, "-1 is no id");
	become(&c, 5, 6, 7);
	ok(set(&c, IDS_SETUID, 6, 0, 0) == -EPERM, "setuid: the effective id is not asked for");
	ok(set(&c, IDS_SETUID, 7, 0, 0) == 0 && uids(&c, 5, 7, 7, 7),
	   "setuid of a user sets the effective id only");
}

static void test_setreuid(void)
{
	struct ids_cred c = root;

	ok(set(&c, IDS_SETREUID, 5, 6, 0) == 0 && uids(&c, 5, 6, 6, 6),
	   "setreuid: the saved id follows the effective one");
	ok(set(&c, IDS_SETREUID, 6, 5, 0) == 0 && uids(&c, 6, 5, 5, 5), "ids are swapped");
	ok(set(&c, IDS_SETREUID, KEEP, 6, 0) == 0 && uids(&c, 6, 6, 5, 6),
	   "the real id as effective one leaves the saved one alone");
	ok(set(&c, IDS_SETREUID, KEEP, 5, 0) == 0 && uids(&c, 6, 5, 5, 5),
	   "and that one is allowed");
	ok(set(&c, IDS_SETREUID, 7, KEEP, 0) == -EPERM &&
		   set(&c, IDS_SETREUID, KEEP, 7, 0) == -EPERM,
	   "others are not");
	become(&c, 1, 2, 3);
	ok(set(&c, IDS_SETREUID, 3, KEEP, 0) == -EPERM, "the saved id is none for the real one");
}

static void test_setresuid(void)
{
	struct ids_cred c = root;

	ok(set(&c, IDS_SETRESUID, KEEP, KEEP, KEEP) == 0 && uids(&c, 0, 0, 0, 0),
	   "-1 changes nothing");
	ok(set(&c, IDS_SETRESUID, KEEP, 8, KEEP) == 0 && uids(&c, 0, 8, 0, 8),
	   "seteuid: the others stay, the one for files follows");
	ok(set(&c, IDS_SETRESUID, KEEP, 9, KEEP) == -EPERM, "then it is that of a user");
	ok(set(&c, IDS_SETRESUID, KEEP, 0, KEEP) == 0 && uids(&c, 0, 0, 0, 0),
	   "who can be root again: the saved id is 0");
	set(&c, IDS_SETRESUID, 1, 2, 3);
	ok(set(&c, IDS_SETRESUID, 3, 1, 2) == 0 && uids(&c, 3, 1, 2, 1),
	   "the three can be turned round");
	ok(set(&c, IDS_SETRESUID, 3, 1, 4) == -EPERM && uids(&c, 3, 1, 2, 1),
	   "one that is refused changes nothing");
}

static void test_setfsuid(void)
{
	struct ids_cred c = root;

	ok(set(&c, IDS_SETFSUID, 7, 0, 0) == 0 && uids(&c, 0, 0, 0, 7),
	   "setfsuid returns what was");
	ok(set(&c, IDS_SETFSUID, KEEP, 0, 0) == 7 && uids(&c, 0, 0, 0, 7), "with -1 it only asks");
	set(&c, IDS_SETRESUID, 1, 2, 3);
	ok(set(&c, IDS_SETFSUID, 9, 0, 0) == 2 && uids(&c, 1, 2, 3, 2),
	   "a user's is refused without a word");
	ok(set(&c, IDS_SETFSUID, 3, 0, 0) == 2 && uids(&c, 1, 2, 3, 3), "but for one's own ids");
}

static void test_groups_of(void)
{
	struct ids_cred c = root;
	const uint32_t id[] = { 4, 0, 0 };

	ok(set(&c, IDS_SETRESGID, 4, 5, 6) == 0 && uids(&c, 0, 0, 0, 0) && c.gid[IDS_SAVED] == 6 &&
		   c.gid[IDS_FS] == 5,
	   "group ids are set alike");
	ok(set(&c, IDS_SETGID, 0, 0, 0) == 0 && c.gid[IDS_REAL] == 0,
	   "by uid 0, whatever its groups");
	set(&c, IDS_SETUID, 5, 0, 0);
	ok(set(&c, IDS_SETGID, 7, 0, 0) == -EPERM, "and by no other");
	c = root;
	ok(ids_set(&c, IDS_SETGID, id, false, WHO, &c) == -EPERM,
	   "nor by one without the capability");
}

/* What setpriv(1) does: it gives up uid 0 first, and sets groups after it. */
static void test_keepcaps(void)
{
	struct ids_cred c = root;

	c.keep = true;
	c.keeper = WHO;
	set(&c, IDS_SETRESUID, 5, 5, 5);
	ok(ids_may(&c, WHO) && !ids_may(&c, WHO + 1) && !c.keep,
	   "who asked to keep capabilities keeps them, its children do not");
	ok(set(&c, IDS_SETRESGID, 7, 7, 7) == 0, "and may set group ids afterwards");
	c = root;
	c.keep = true;
	c.keeper = WHO + 1;
	set(&c, IDS_SETUID, 5, 0, 0);
	ok(!ids_may(&c, WHO), "what another thread asked for does not count");
}

/* glibc makes every thread call, and gives up if one has another answer. */
static void test_repeated(void)
{
	static const uint32_t values[] = { 0, 1, 2, KEEP };
	static const enum ids_call calls[] = { IDS_SETUID, IDS_SETREUID, IDS_SETRESUID };
	size_t i, which, failed = 0;

	for (i = 0; i < 4 * 4 * 4 * 4 * 4 * 4; i++) {
		const uint32_t id[] = { values[i & 3], values[i >> 2 & 3], values[i >> 4 & 3] };
		struct ids_cred c;

		become(&c, values[i >> 6 & 3], values[i >> 8 & 3], values[i >> 10 & 3]);
		for (which = 0; which < ARRAY_SIZE(calls); which++)
			if (set(&c, calls[which], id[0], id[1], id[2]) == 0)
				failed += set(&c, calls[which], id[0], id[1], id[2]) != 0;
	}
	ok(failed == 0, "the same call again has the same answer");
}

static void test_table(void)
{
	static const uint32_t one[] = { 9, 3, 3, 7 }, other[] = { 3, 7, 9, 3 },
			      fewer[] = { 3, 7, 9 };
	CLEANUP(ids_closep) struct ids *ids = NULL;
	struct ids_cred c = root;
	ssize_t a, b;

	ok(ids_open(&ids) == 0 && uids(ids_number(ids, 0), 0, 0, 0, 0) &&
		   ids_number(ids, 0)->n_groups == 1 && ids_number(ids, 0)->groups[0] == 0,
	   "0 is root with the group 0");
	set(&c, IDS_SETUID, 5, 0, 0);
	a = ids_intern(ids, &c, one, 4);
	b = ids_intern(ids, &c, other, 4);
	ok(a == 1 && b == 1, "equal credentials are one, whatever the order of groups");
	ok(ids_number(ids, 1)->groups[0] == 3 && ids_number(ids, 1)->groups[3] == 9,
	   "groups are sorted, as the kernel does");
	ok(ids_intern(ids, &c, fewer, 3) == 2 && ids_intern(ids, &c, NULL, 0) == 3 &&
		   ids_intern(ids, &root, fewer, 1) == 4,
	   "others are others");
	ok(uids(ids_number(ids, 1), 5, 5, 5, 5) && uids(ids_number(ids, 99), 0, 0, 0, 0),
	   "a number that there is none of is root's");
}

/* A sandbox that makes new credentials without end. */
static void test_flood(void)
{
	CLEANUP(ids_closep) struct ids *ids = NULL;
	static uint32_t groups[IDS_GROUPS_MAX];
	struct ids_cred c = root;
	ssize_t r = 0;
	uint32_t i;

	for (i = 0; i < IDS_GROUPS_MAX; i++)
		groups[i] = i;
	ids_open(&ids);
	for (i = 1; i < 100000 && r >= 0; i++) {
		c.uid[IDS_REAL] = i;
		r = ids_intern(ids, &c, groups, IDS_GROUPS_MAX);
	}
	ok(r == -EAGAIN && i > 100, "there is an end to what is remembered");
	ok(ids_intern(ids, &root, groups, 1) == 0, "what is there is found all the same");
}

static void child(const struct ids *ids, int out)
{
	size_t number = 99;

	ids_of(ids, getpid(), &number);
	if (write(out, &number, sizeof number) != sizeof number)
		_exit(1);
	_exit(0);
}

/* What a child of this process, which has the limit, is found to be. */
static size_t inherited(const struct ids *ids)
{
	size_t number = 99;
	int pipes[2];

	if (pipe(pipes) < 0)
		return 99;
	if (fork() == 0)
		child(ids, pipes[1]);
	wait(NULL);
	if (read(pipes[0], &number, sizeof number) != sizeof number)
		number = 98;
	close(pipes[0]);
	close(pipes[1]);
	return number;
}

static void test_processes(void)
{
	CLEANUP(ids_closep) struct ids *ids = NULL;
	struct ids_cred c = root;
	struct rlimit before, limit;
	size_t number;
	pid_t pid;

	getrlimit(RLIMIT_LOCKS, &before);
	ids_open(&ids);
	ok(uids(ids_of(ids, getpid(), &number), 0, 0, 0, 0) && number == 0,
	   "nobody pretends at first");
	set(&c, IDS_SETUID, 5, 0, 0);
	ids_intern(ids, &c, NULL, 0);
	ok(ids_assign(ids, getpid(), 1) == 0 && uids(ids_of(ids, getpid(), NULL), 5, 5, 5, 5),
	   "credentials are given to a process");
	ok(inherited(ids) == 1, "its children inherit them");
	getrlimit(RLIMIT_LOCKS, &limit);
	limit.rlim_cur += 1000;
	setrlimit(RLIMIT_LOCKS, &limit);
	ok(uids(ids_of(ids, getpid(), &number), 0, 0, 0, 0) && number == 0,
	   "a process that changes the limit is root again");
	setrlimit(RLIMIT_LOCKS, &before);
	pid = fork();
	if (pid == 0)
		_exit(0);
	wait(NULL);
	ok(ids_assign(ids, pid, 1) == -ESRCH && ids_of(ids, pid, NULL)->uid[0] == 0,
	   "a process that is gone is none to assign them");
	limit = before;
	limit.rlim_cur = 0;
	limit.rlim_max = 0;
	setrlimit(RLIMIT_LOCKS, &limit);
	ok(ids_assign(ids, getpid(), 1) == -EAGAIN, "nor one whose hard limit is too low");
}

/* With a hard limit from before, the numbers lie below it. */
static void test_limited(void)
{
	CLEANUP(ids_closep) struct ids *ids = NULL;
	struct rlimit limit = { 50, 50 };
	size_t number;
	int status = 1;

	if (fork() == 0) {
		setrlimit(RLIMIT_LOCKS, &limit);
		ids_open(&ids);
		ids_intern(ids, &root, NULL, 0);
		_exit(ids_assign(ids, getpid(), 1) == 0 &&
				      ids_of(ids, getpid(), &number)->n_groups == 0 && number == 1
			      ? 0
			      : 1);
	}
	wait(&status);
	ok(status == 0, "a hard limit leaves room below it");
}

int main(void)
{
	test_setuid();
	test_setreuid();
	test_setresuid();
	test_setfsuid();
	test_groups_of();
	test_keepcaps();
	test_repeated();
	test_table();
	test_flood();
	test_limited();
	test_processes();
	return done();
}
