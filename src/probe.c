/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tries from inside what was promised: this runs as the command of --self-test. */
#include "probe.h"

#include <dirent.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "caps.h"
#include "sys.h"
#include "util.h"

/* A path on which there is nothing, and nothing can be made. */
#define NOWHERE "/proc/self/husk-self-test/none"

/* What came of a check; the text says what was found where it is not as promised. */
enum outcome { HOLDS, BROKEN, UNKNOWN };

struct found {
	enum outcome outcome;
	char text[PATH_MAX + 256];
};

static void __attribute__((format(printf, 3, 4)))
say(struct found *found, enum outcome outcome, const char *format, ...)
{
	va_list ap;

	found->outcome = outcome;
	va_start(ap, format);
	vsnprintf(found->text, sizeof found->text, format, ap);
	va_end(ap);
}

static void probe_namespace(const char *operand, struct found *found)
{
	const char *colon = strchr(operand, ':');
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/self/ns/%.*s", (int)(colon - operand), operand);
	if (stat(path, &st) < 0)
		say(found, UNKNOWN, "there is no /proc to look at it");
	else if (st.st_ino == strtoull(colon + 1, NULL, 10))
		say(found, BROKEN, "it is number %s", colon + 1);
}

static void probe_pid(const char *operand, struct found *found)
{
	pid_t pid = atoi(operand);

	if (pid != getpid() && (kill(pid, 0) == 0 || errno != ESRCH))
		say(found, BROKEN, "there is a process %d", (int)pid);
}

static void probe_hostname(const char *operand, struct found *found)
{
	char name[256] = "";

	gethostname(name, sizeof name - 1);
	if (!streq(name, operand))
		say(found, BROKEN, "it is %s", name);
}

static void probe_readonly(const char *path, struct found *found)
{
	char name[PATH_MAX];
	struct stat st;
	int fd;

	if (stat(path, &st) < 0) {
		say(found, UNKNOWN, "%s: %s", path, strerror(errno));
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		snprintf(name, sizeof name, "%s/.husk-self-test-%d", path, (int)getpid());
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			unlink(name);
	} else {
		fd = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
	}
	if (fd >= 0)
		say(found, BROKEN, "a file could be opened there for writing");
	fd_close(fd);
}

static void probe_writable(const char *path, struct found *found)
{
	if (access(path, F_OK) < 0)
		say(found, UNKNOWN, "%s: %s", path, strerror(errno));
	else if (access(path, W_OK) < 0)
		say(found, BROKEN, "%s", strerror(errno));
}

static void probe_locked(const char *path, struct found *found)
{
	if (access(path, F_OK) < 0)
		say(found, UNKNOWN, "%s: %s", path, strerror(errno));
	else if (sys_umount2(path, MNT_DETACH) == 0)
		say(found, BROKEN, "it could be unmounted");
}

static void probe_locked_readonly(const char *path, struct found *found)
{
	if (sys_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL) == 0)
		say(found, BROKEN, "it could be made writable");
	else
		probe_locked(path, found);
}

static void probe_hidden(const char *path, struct found *found)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	char byte;

	if (directory) {
		while ((entry = readdir(directory)))
			if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
				say(found, BROKEN, "it shows %s", entry->d_name);
		closedir(directory);
	} else if (fd >= 0) {
		if (read(fd, &byte, 1) > 0)
			say(found, BROKEN, "its content can be read");
		close(fd);
	}
}

static void probe_proc(const char *path, struct found *found)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int pid;

	if (!directory) {
		say(found, UNKNOWN, "%s: %s", path, strerror(errno));
		return;
	}
	while ((entry = readdir(directory))) {
		pid = atoi(entry->d_name);
		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			say(found, BROKEN, "it shows process %d", pid);
	}
	closedir(directory);
}

static void probe_listing(const char *names, struct found *found)
{
	DIR *directory = opendir("/");
	struct dirent *entry;
	char name[NAME_MAX + 3];

	while (directory && (entry = readdir(directory))) {
		snprintf(name, sizeof name, "/%s/", entry->d_name);
		if (!streq(entry->d_name, ".") && !streq(entry->d_name, "..") &&
		    !strstr(names, name))
			say(found, BROKEN, "there is %s", entry->d_name);
	}
	if (directory)
		closedir(directory);
	else
		say(found, UNKNOWN, "/: %s", strerror(errno));
}

static void probe_capabilities(const char *operand, struct found *found)
{
	uint64_t given = strtoull(operand, NULL, 10), held = 0;
	unsigned cap;
	int bounding;

	if (caps_held(&held) < 0) {
		say(found, UNKNOWN, "capget: %s", strerror(errno));
		return;
	}
	for (cap = 0; (bounding = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) >= 0; cap++)
		if (!(held & CAP_BIT(cap)) != !(given & CAP_BIT(cap)) ||
		    (bounding && !(given & CAP_BIT(cap))))
			say(found, BROKEN, "it %s %s", held & CAP_BIT(cap) ? "has" : "could get",
			    caps_name(cap) ? caps_name(cap) : "an unknown one");
}

static void probe_no_new_privs(const char *operand, struct found *found)
{
	(void)operand;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		say(found, BROKEN, "it is not set");
}

static void probe_setgroups(const char *operand, struct found *found)
{
	(void)operand;
	if (setgroups(0, NULL) == 0)
		say(found, BROKEN, "setgroups worked");
}

/* A device on a path where nothing can be. */
static void probe_fake_devices(const char *operand, struct found *found)
{
	(void)operand;
	if (mknod(NOWHERE, S_IFCHR | 0600, makedev(1, 3)) < 0)
		say(found, BROKEN, "mknod: %s", strerror(errno));
	else if (mknod(NOWHERE, S_IFREG | 0600, 0) == 0 || errno != ENOENT)
		say(found, BROKEN, "the same is answered for a file");
}

static void probe_fake_root(const char *operand, struct found *found)
{
	if (chown(NOWHERE, 1, 0) < 0 || lchown(NOWHERE, (uid_t)-1, 1) < 0)
		say(found, BROKEN, "chown: %s", strerror(errno));
	else if (chown(NOWHERE, 0, (gid_t)-1) == 0)
		say(found, BROKEN, "an owner that is mapped is pretended");
	else if (setgroups(0, NULL) < 0 || setgid(1) < 0 || setuid(1) < 0)
		say(found, BROKEN, "setuid, setgid or setgroups: %s", strerror(errno));
	else if (getuid() == 1 || getgid() == 1)
		say(found, BROKEN, "an id has changed");
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
static void probe_fake_root_consistent(const char *operand, struct found *found)
{
	CLEANUP(fd_closep) int fd = memfd_create("husk-self-test", MFD_CLOEXEC);
	struct stat st;

	if (fd < 0)
		say(found, UNKNOWN, "memfd_create: %s", strerror(errno));
	else if (fchown(fd, 1, 2) < 0 || fstat(fd, &st) < 0)
		say(found, BROKEN, "fchown: %s", strerror(errno));
	else if (st.st_uid != 1 || st.st_gid != 2)
		say(found, BROKEN, "an owner is not remembered");
	else if (operand[0] && !takes(become_other, 1))
		say(found, BROKEN, "an id is not remembered");
}

static void probe_groups(const char *operand, struct found *found)
{
	const gid_t group = getgid();

	(void)operand;
	if (setgroups(1, &group) < 0 || setgroups(0, NULL) < 0)
		say(found, BROKEN, "setgroups is refused");
}

static void probe_ids(int (*take)(unsigned id), const char *ids, struct found *found)
{
	const char *at;
	char *end;
	unsigned long id, past = 0;

	for (at = ids; *at; at = end + 1) {
		id = strtoul(at, &end, 10);
		if (!takes(take, (unsigned)id))
			say(found, BROKEN, "%lu is none", id);
		past = id >= past ? id + 1 : past;
	}
	if (past < UINT32_MAX && takes(take, (unsigned)past))
		say(found, BROKEN, "%lu is one", past);
}

static int take_uid(unsigned id)
{
	return setresuid(id, id, id);
}

static int take_gid(unsigned id)
{
	return setresgid(id, id, id);
}

static void probe_uid(const char *ids, struct found *found)
{
	probe_ids(take_uid, ids, found);
}

static void probe_gid(const char *ids, struct found *found)
{
	probe_ids(take_gid, ids, found);
}

static void probe_userns(const char *operand, struct found *found)
{
	(void)operand;
	if (unshare(CLONE_NEWUSER) == 0)
		say(found, BROKEN, "unshare made one");
}

static void probe_keyring(const char *operand, struct found *found)
{
	long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);

	if (id > 0 && id == atol(operand))
		say(found, BROKEN, "it is key %s", operand);
}

static void probe_seccomp(const char *operand, struct found *found)
{
	(void)operand;
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0)
		say(found, BROKEN, "there is no filter");
}

static void probe_descriptors(const char *kept, struct found *found)
{
	char word[16];
	int fd;

	for (fd = 3; fd < 1024; fd++) {
		snprintf(word, sizeof word, ":%d:", fd);
		if (fcntl(fd, F_GETFD) >= 0 && !strstr(kept, word))
			say(found, BROKEN, "%d is open", fd);
	}
}

static void probe_socket(const char *name, struct found *found)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path + 1, name, length);
	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) == 0)
		say(found, BROKEN, "one of husk's own was connected to");
	fd_close(fd);
}

/* A filter answers before anybody asks what the descriptor is. */
static void probe_terminal(const char *operand, struct found *found)
{
	(void)operand;
	if (ioctl(-1, TIOCSTI, "") == 0 || errno != EPERM)
		say(found, BROKEN, "TIOCSTI is not refused");
}

static const struct {
	const char *kind;
	void (*probe)(const char *operand, struct found *found);
} probes[] = {
	{ "capabilities", probe_capabilities },
	{ "descriptors", probe_descriptors },
	{ "fake-devices", probe_fake_devices },
	{ "fake-root", probe_fake_root },
	{ "fake-root-consistent", probe_fake_root_consistent },
	{ "gid", probe_gid },
	{ "groups", probe_groups },
	{ "hidden", probe_hidden },
	{ "hostname", probe_hostname },
	{ "keyring", probe_keyring },
	{ "listing", probe_listing },
	{ "locked", probe_locked },
	{ "locked-readonly", probe_locked_readonly },
	{ "namespace", probe_namespace },
	{ "no-new-privs", probe_no_new_privs },
	{ "pid", probe_pid },
	{ "proc", probe_proc },
	{ "readonly", probe_readonly },
	{ "seccomp", probe_seccomp },
	{ "setgroups", probe_setgroups },
	{ "socket", probe_socket },
	{ "terminal", probe_terminal },
	{ "uid", probe_uid },
	{ "userns", probe_userns },
	{ "writable", probe_writable },
};

static const struct {
	const char *kind;
	const char *(*probe)(const char *operand);
} walls[] = {
	{ "families", probe_families }, { "limit", probe_limit }, { "policy", probe_policy },
	{ "signal", probe_signal },	{ "tcp", probe_tcp },
};

/* A test's description must hold no newline and no #, which begins a directive. */
static void print_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '#' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			printf("\\x%02x", (unsigned char)*text);
		else
			putchar(*text);
	}
}

static bool try(size_t number, char **words)
{
	struct found found = { .outcome = UNKNOWN };
	const char *text;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!streq(probes[i].kind, words[0]))
			continue;
		found.outcome = HOLDS;
		probes[i].probe(words[1], &found);
	}
	for (i = 0; i < ARRAY_SIZE(walls); i++) {
		if (!streq(walls[i].kind, words[0]))
			continue;
		found.outcome = HOLDS;
		text = walls[i].probe(words[1]);
		if (text)
			say(&found, BROKEN, "%s", text);
	}
	printf("%sok %zu - ", found.outcome == BROKEN ? "not " : "", number);
	print_text(words[2]);
	if (found.outcome == UNKNOWN) {
		fputs(" # SKIP ", stdout);
		print_text(found.text);
	}
	putchar('\n');
	if (found.outcome == BROKEN) {
		fputs("  ---\n  message: \"", stdout);
		print_text(found.text);
		fputs("\"\n  ...\n", stdout);
	}
	return found.outcome != BROKEN;
}

int probe_main(char **words)
{
	size_t n = 0, i;
	bool all = true;

	while (words[n])
		n++;
	/* destinations need not begin with a slash */
	if (chdir("/") < 0)
		return 1;
	printf("TAP version 14\n1..%zu\n", n / 3);
	for (i = 0; i + 2 < n; i += 3)
		all &= try(i / 3 + 1, words + i);
	return fflush(stdout) == 0 && all ? 0 : 1;
}
