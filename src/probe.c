/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tries from inside what was promised: this runs as the command of --self-test. */
#include "probe.h"

#include <dirent.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#include "sys.h"
#include "util.h"

static void __attribute__((format(printf, 3, 0)))
say(struct found *found, enum outcome outcome, const char *format, va_list ap)
{
	found->outcome = outcome;
	vsnprintf(found->text, sizeof found->text, format, ap);
}

void probe_broken(struct found *found, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(found, BROKEN, format, ap);
	va_end(ap);
}

void probe_unknown(struct found *found, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(found, UNKNOWN, format, ap);
	va_end(ap);
}

static void probe_namespace(const char *operand, struct found *found)
{
	const char *colon = strchr(operand, ':');
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/self/ns/%.*s", (int)(colon - operand), operand);
	if (stat(path, &st) < 0)
		probe_unknown(found, "there is no /proc to look at it");
	else if (st.st_ino == strtoull(colon + 1, NULL, 10))
		probe_broken(found, "it is number %s", colon + 1);
}

static void probe_pid(const char *operand, struct found *found)
{
	pid_t pid = atoi(operand);

	if (pid != getpid() && (kill(pid, 0) == 0 || errno != ESRCH))
		probe_broken(found, "there is a process %d", (int)pid);
}

static void probe_hostname(const char *operand, struct found *found)
{
	char name[256] = "";

	gethostname(name, sizeof name - 1);
	if (!streq(name, operand))
		probe_broken(found, "it is %s", name);
}

static void probe_readonly(const char *path, struct found *found)
{
	char name[PATH_MAX];
	struct stat st;
	int fd;

	if (stat(path, &st) < 0) {
		probe_unknown(found, "%s: %s", path, strerror(errno));
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
		probe_broken(found, "a file could be opened there for writing");
	fd_close(fd);
}

/* The mount is writable; whose the files are, and what that one allows, is not husk's to promise.
 */
static void probe_writable(const char *path, struct found *found)
{
	struct statvfs fs;
	bool known = statvfs(path, &fs) == 0;

	if (known && (fs.f_flag & ST_RDONLY))
		probe_broken(found, "it is read-only");
	else if (!known || access(path, W_OK) < 0)
		probe_unknown(found, "%s: %s", path, strerror(errno));
}

static void probe_missing(const char *path, struct found *found)
{
	probe_unknown(found, "what was to be bound on %s is not there", path);
}

static void probe_locked(const char *path, struct found *found)
{
	if (access(path, F_OK) < 0)
		probe_unknown(found, "%s: %s", path, strerror(errno));
	else if (sys_umount2(path, MNT_DETACH) == 0)
		probe_broken(found, "it could be unmounted");
}

static void probe_locked_readonly(const char *path, struct found *found)
{
	if (sys_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL) == 0)
		probe_broken(found, "it could be made writable");
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
				probe_broken(found, "it shows %s", entry->d_name);
		closedir(directory);
	} else if (fd >= 0) {
		if (read(fd, &byte, 1) > 0)
			probe_broken(found, "its content can be read");
		close(fd);
	}
}

static void probe_proc(const char *path, struct found *found)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int pid;

	if (!directory) {
		probe_unknown(found, "%s: %s", path, strerror(errno));
		return;
	}
	while ((entry = readdir(directory))) {
		pid = atoi(entry->d_name);
		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			probe_broken(found, "it shows process %d", pid);
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
			probe_broken(found, "there is %s", entry->d_name);
	}
	if (directory)
		closedir(directory);
	else
		probe_unknown(found, "/: %s", strerror(errno));
}

static void probe_keyring(const char *operand, struct found *found)
{
	long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);

	if (id > 0 && id == atol(operand))
		probe_broken(found, "it is key %s", operand);
}

static void probe_seccomp(const char *operand, struct found *found)
{
	(void)operand;
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0)
		probe_broken(found, "there is no filter");
}

static void probe_descriptors(const char *kept, struct found *found)
{
	char word[16];
	int fd;

	for (fd = 3; fd < 1024; fd++) {
		snprintf(word, sizeof word, ":%d:", fd);
		if (fcntl(fd, F_GETFD) >= 0 && !strstr(kept, word))
			probe_broken(found, "%d is open", fd);
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
		probe_broken(found, "one of husk's own was connected to");
	fd_close(fd);
}

/* A filter answers before anybody asks what the descriptor is. */
static void probe_terminal(const char *operand, struct found *found)
{
	(void)operand;
	if (ioctl(-1, TIOCSTI, "") == 0 || errno != EPERM)
		probe_broken(found, "TIOCSTI is not refused");
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
	{ "families", probe_families },
	{ "gid", probe_gid },
	{ "groups", probe_groups },
	{ "hidden", probe_hidden },
	{ "hostname", probe_hostname },
	{ "keyring", probe_keyring },
	{ "limit", probe_limit },
	{ "listing", probe_listing },
	{ "locked", probe_locked },
	{ "locked-readonly", probe_locked_readonly },
	{ "missing", probe_missing },
	{ "namespace", probe_namespace },
	{ "no-new-privs", probe_no_new_privs },
	{ "pid", probe_pid },
	{ "policy", probe_policy },
	{ "proc", probe_proc },
	{ "readonly", probe_readonly },
	{ "seccomp", probe_seccomp },
	{ "setgroups", probe_setgroups },
	{ "signal", probe_signal },
	{ "socket", probe_socket },
	{ "tcp", probe_tcp },
	{ "terminal", probe_terminal },
	{ "uid", probe_uid },
	{ "userns", probe_userns },
	{ "writable", probe_writable },
};

/* A test's description must hold no newline and no #, which begins a directive; a message in
 * YAML, no quotation mark. What is SPECIAL gets a backslash. */
static void print_text(const char *text, const char *special)
{
	for (; *text; text++) {
		if (strchr(special, *text))
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
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!streq(probes[i].kind, words[0]))
			continue;
		found.outcome = HOLDS;
		probes[i].probe(words[1], &found);
	}
	printf("%sok %zu - ", found.outcome == BROKEN ? "not " : "", number);
	print_text(words[2], "#\\");
	if (found.outcome == UNKNOWN) {
		fputs(" # SKIP ", stdout);
		print_text(found.text, "#\\");
	}
	putchar('\n');
	if (found.outcome == BROKEN) {
		fputs("  ---\n  message: \"", stdout);
		print_text(found.text, "\"\\");
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
