/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checks of --self-test that try who the command is: its capabilities, ids and groups, those
 * that are pretended too. */
#include "probe.h"

#include <grp.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "caps.h"
#include "sys.h"
#include "util.h"

/* A path on which there is nothing, and nothing can be made. */
#define NOWHERE "/proc/self/husk-self-test/none"

void probe_capabilities(const char *operand, struct found *found)
{
	uint64_t given = strtoull(operand, NULL, 10), held = 0;
	unsigned cap;
	int bounding;

	if (caps_held(&held) < 0) {
		probe_unknown(found, "capget: %s", strerror(errno));
		return;
	}
	for (cap = 0; (bounding = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) >= 0; cap++)
		if (!(held & CAP_BIT(cap)) != !(given & CAP_BIT(cap)) ||
		    (bounding && !(given & CAP_BIT(cap))))
			probe_broken(found, "it %s %s", held & CAP_BIT(cap) ? "has" : "could get",
				     caps_name(cap) ? caps_name(cap) : "an unknown one");
}

void probe_no_new_privs(const char *operand, struct found *found)
{
	(void)operand;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		probe_broken(found, "it is not set");
}

void probe_setgroups(const char *operand, struct found *found)
{
	(void)operand;
	if (setgroups(0, NULL) == 0)
		probe_broken(found, "setgroups worked");
}

/* A device on a path where nothing can be. */
void probe_fake_devices(const char *operand, struct found *found)
{
	(void)operand;
	if (mknod(NOWHERE, S_IFCHR | 0600, makedev(1, 3)) < 0)
		probe_broken(found, "mknod: %s", strerror(errno));
	else if (mknod(NOWHERE, S_IFREG | 0600, 0) == 0 || errno != ENOENT)
		probe_broken(found, "the same is answered for a file");
}

void probe_fake_root(const char *operand, struct found *found)
{
	if (chown(NOWHERE, 1, 0) < 0 || lchown(NOWHERE, (uid_t)-1, 1) < 0)
		probe_broken(found, "chown: %s", strerror(errno));
	else if (chown(NOWHERE, 0, (gid_t)-1) == 0)
		probe_broken(found, "an owner that is mapped is pretended");
	else if (setgroups(0, NULL) < 0 || setgid(1) < 0 || setuid(1) < 0)
		probe_broken(found, "setuid, setgid or setgroups: %s", strerror(errno));
	else if (getuid() == 1 || getgid() == 1)
		probe_broken(found, "an id has changed");
	else
		probe_fake_devices(operand, found);
}

/* Takes, in a process that ends with it, each of the ids in turn, by TAKE. */
static bool takes(int (*take)(unsigned id), unsigned id)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(take(id) == 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Becomes ID, with one group, and is so. */
static int become_other(unsigned id)
{
	gid_t got = 0;

	if (setgroups(1, &id) < 0 || setgid(id) < 0 || setuid(id) < 0)
		return -1;
	return getgroups(1, &got) == 1 && got == id && getegid() == id && geteuid() == id ? 0 : -1;
}

/* The file has no name, and the process ends: of neither anything stays pretended. Ids are for who
 * may set them, which OPERAND says. */
void probe_fake_root_consistent(const char *operand, struct found *found)
{
	CLEANUP(fd_closep) int fd = memfd_create("husk-self-test", MFD_CLOEXEC);
	struct stat st;

	if (fd < 0)
		probe_unknown(found, "memfd_create: %s", strerror(errno));
	else if (fchown(fd, 1, 2) < 0 || fstat(fd, &st) < 0)
		probe_broken(found, "fchown: %s", strerror(errno));
	else if (st.st_uid != 1 || st.st_gid != 2)
		probe_broken(found, "an owner is not remembered");
	else if (operand[0] && !takes(become_other, 1))
		probe_broken(found, "an id is not remembered");
}

void probe_groups(const char *operand, struct found *found)
{
	const gid_t group = getgid();

	(void)operand;
	if (setgroups(1, &group) < 0 || setgroups(0, NULL) < 0)
		probe_broken(found, "setgroups is refused");
}

static void try_ids(int (*take)(unsigned id), const char *ids, struct found *found)
{
	const char *at;
	char *end;
	unsigned long id, past = 0;

	for (at = ids; *at; at = end + 1) {
		id = strtoul(at, &end, 10);
		if (!takes(take, (unsigned)id))
			probe_broken(found, "%lu is none", id);
		past = id >= past ? id + 1 : past;
	}
	if (past < UINT32_MAX && takes(take, (unsigned)past))
		probe_broken(found, "%lu is one", past);
}

static int take_uid(unsigned id)
{
	return setresuid(id, id, id);
}

static int take_gid(unsigned id)
{
	return setresgid(id, id, id);
}

void probe_uid(const char *ids, struct found *found)
{
	try_ids(take_uid, ids, found);
}

void probe_gid(const char *ids, struct found *found)
{
	try_ids(take_gid, ids, found);
}
