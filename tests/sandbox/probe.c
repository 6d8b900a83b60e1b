/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes raw system calls inside a sandbox: each argument is one call, each line of output its
 * result, "ok", a value or the name of the error. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIND 0x1000
#define REC 0x4000
#define REMOUNT 0x20
#define MOVE 0x2000
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static unsigned long number(const char *word)
{
	return word ? strtoul(word, NULL, 0) : 0;
}

static int mount_words(const char *from, const char *to, const char *type, unsigned long flags,
		       const char *data)
{
	return (int)syscall(SYS_mount, from, to, type, flags, data);
}

/* mounts */

static int call_mount(char **a)
{
	return mount_words(a[2], a[1], a[0], number(a[2] ? a[3] : NULL), a[2] && a[3] ? a[4] : "");
}

static int call_bind(char **a)
{
	return mount_words(a[0], a[1], NULL, BIND, NULL);
}

static int call_rbind(char **a)
{
	return mount_words(a[0], a[1], NULL, BIND | REC, NULL);
}

static int call_move(char **a)
{
	return mount_words(a[0], a[1], NULL, MOVE, NULL);
}

static int call_remount(char **a)
{
	return mount_words(NULL, a[0], NULL, REMOUNT | BIND | number(a[1]), NULL);
}

static int call_umount(char **a)
{
	return (int)syscall(SYS_umount2, a[0], number(a[1]));
}

static int setattr(const char *path, unsigned long clear, unsigned flags)
{
	struct mount_attr attr = { .attr_clr = clear };

	return (int)syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attr, sizeof attr);
}

static int call_clear(char **a)
{
	return setattr(a[0], a[1] ? number(a[1]) : MOUNT_ATTR_RDONLY, 0);
}

static int call_rclear(char **a)
{
	return setattr(a[0], a[1] ? number(a[1]) : MOUNT_ATTR_RDONLY, AT_RECURSIVE);
}

/* Changes the file system behind a mount, not the mount. */
static int call_reconfigure(char **a)
{
	return mount_words(NULL, a[0], NULL, REMOUNT, a[1] ? a[1] : "");
}

static int call_movemount(char **a)
{
	return (int)syscall(SYS_move_mount, AT_FDCWD, a[0], AT_FDCWD, a[1], number(a[2]));
}

/* A copy of one mount, attached elsewhere. */
static int tree(char **a, unsigned flags)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, a[0], OPEN_TREE_CLONE | flags);

	if (fd < 0)
		return -1;
	return a[1] ? (int)syscall(SYS_move_mount, fd, "", AT_FDCWD, a[1], 4) : 0;
}

static int call_tree(char **a)
{
	return tree(a, 0);
}

static int call_rtree(char **a)
{
	return tree(a, AT_RECURSIVE);
}

static int call_pivot(char **a)
{
	return (int)syscall(SYS_pivot_root, a[0], a[1]);
}

/* files */

static int call_open(char **a)
{
	int flags = O_CLOEXEC, fd;
	const char *c;

	for (c = a[1] ? a[1] : "r"; *c; c++)
		flags |= *c == 'w' ? O_WRONLY : *c == 'u' ? O_RDWR : *c == 'c' ? O_CREAT :
			 *c == 't' ? O_TRUNC : *c == 'd' ? O_DIRECTORY : 0;
	fd = open(a[0], flags, 0600);
	return fd < 0 ? -1 : close(fd);
}

static int call_write(char **a)
{
	int fd = open(a[0], O_WRONLY | O_CREAT, 0600);
	const char *text = a[1] ? a[1] : "x";

	if (fd < 0)
		return -1;
	return write(fd, text, strlen(text)) < 0 ? -1 : close(fd);
}

static int call_mkdir(char **a)
{
	return mkdir(a[0], 0755);
}

static int call_unlink(char **a)
{
	return unlink(a[0]);
}

static int call_mknod(char **a)
{
	return mknod(a[0], S_IFCHR | 0600, number(a[1]));
}

static int call_chmod(char **a)
{
	return chmod(a[0], (mode_t)number(a[1]));
}

static int call_access(char **a)
{
	return access(a[0], F_OK);
}

static int call_chdir(char **a)
{
	return chdir(a[0]);
}

static int call_chroot(char **a)
{
	return chroot(a[0]);
}

/* namespaces and identity */

static int kinds(const char *words)
{
	static const struct { const char *name; int flag; } table[] = {
		{ "user", CLONE_NEWUSER }, { "mnt", CLONE_NEWNS }, { "pid", CLONE_NEWPID },
		{ "net", CLONE_NEWNET }, { "ipc", CLONE_NEWIPC }, { "uts", CLONE_NEWUTS },
		{ "cgroup", CLONE_NEWCGROUP }, { "time", CLONE_NEWTIME },
	};
	int flags = 0;
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++)
		if (words && strstr(words, table[i].name))
			flags |= table[i].flag;
	return flags;
}

static int call_unshare(char **a)
{
	return unshare(kinds(a[0]));
}

static int call_setns(char **a)
{
	int fd = open(a[0], O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : setns(fd, 0);
}

static int call_sethostname(char **a)
{
	return sethostname(a[0], strlen(a[0]));
}

static int call_setgroups(char **a)
{
	(void)a;
	return (int)syscall(SYS_setgroups, 0, NULL);
}

static int call_setuid(char **a)
{
	return (int)syscall(SYS_setuid, number(a[0]));
}

/* Brings lo down and up again: 0 when it was up before. */
static int call_lo(char **a)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), was;

	(void)a;
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return -1;
	was = request.ifr_flags & IFF_UP;
	request.ifr_flags = 0;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return -1;
	request.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return -1;
	errno = ENETDOWN;
	return was ? 0 : -1;
}

/* Makes and removes a System V message queue. */
static int call_msgget(char **a)
{
	int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);

	(void)a;
	return id < 0 ? -1 : msgctl(id, IPC_RMID, NULL);
}

/* other processes */

static int call_ptrace(char **a)
{
	return (int)ptrace(PTRACE_SEIZE, (pid_t)number(a[0]), NULL, NULL);
}

static int call_readv(char **a)
{
	static char here[64];
	struct iovec local = { here, sizeof here }, remote = { (void *)number(a[1]), sizeof here };

	if (!a[1])
		remote.iov_base = here;
	return process_vm_readv((pid_t)number(a[0]), &local, 1, &remote, 1, 0) < 0 ? -1 : 0;
}

static int call_getfd(char **a)
{
	int pidfd = (int)syscall(SYS_pidfd_open, number(a[0]), 0);

	if (pidfd < 0)
		return -1;
	return syscall(SYS_pidfd_getfd, pidfd, number(a[1]), 0) < 0 ? -1 : 0;
}

static int call_kill(char **a)
{
	return kill((pid_t)number(a[0]), (int)number(a[1]));
}

/* The value of a link, the text of a file: printed instead of "ok". */
static char text[65536];

static int call_readlink(char **a)
{
	ssize_t n = readlink(a[0], text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? -1 : 0;
}

static int call_read(char **a)
{
	int fd = open(a[0], O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	/* /proc gives a page at a time */
	while ((n = read(fd, text + length, sizeof text - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	if (length > 0 && text[length - 1] == '\n')
		text[length - 1] = '\0';
	close(fd);
	return n < 0 ? -1 : 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a directory, sorted. */
static int call_list(char **a)
{
	int fd = open(a[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buffer[4096], *entry, *names[2048];
	size_t i, count = 0;
	long n;

	if (fd < 0)
		return -1;
	while ((n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
		for (entry = buffer; entry < buffer + n; entry += *(unsigned short *)(entry + 16))
			if (entry[19] != '.' && count < sizeof names / sizeof *names)
				names[count++] = strdup(entry + 19);
	close(fd);
	qsort(names, count, sizeof *names, compare);
	for (i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", names[i]);
	if (count == 0)
		strcpy(text, "(empty)");
	return n < 0 ? -1 : 0;
}

/* The type of a path's file system as a hexadecimal magic number. */
static int call_fstype(char **a)
{
	struct statfs st;

	if (statfs(a[0], &st) < 0)
		return -1;
	sprintf(text, "0x%lx", (unsigned long)st.f_type);
	return 0;
}

static int call_mode(char **a)
{
	struct stat st;

	if (lstat(a[0], &st) < 0)
		return -1;
	sprintf(text, "%o", st.st_mode);
	return 0;
}

/* Device and inode, decimal. */
static int call_inode(char **a)
{
	struct stat st;

	if (stat(a[0], &st) < 0)
		return -1;
	sprintf(text, "%lu:%lu", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
	return 0;
}

/* The open descriptors. */
static int call_fds(char **a)
{
	int fd;

	(void)a;
	text[0] = '\0';
	for (fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			sprintf(text + strlen(text), "%s%d", text[0] ? " " : "", fd);
	return 0;
}

/* One line of /proc/self/status. */
static int call_status(char **a)
{
	char line[256], path[64];
	FILE *f;

	sprintf(path, "/proc/%s/status", a[1] ? a[1] : "self");
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, a[0], strlen(a[0])) == 0 && line[strlen(a[0])] == ':')
			sscanf(line + strlen(a[0]) + 1, " %255[^\n]", text);
	return f ? fclose(f) : -1;
}

/* The environment, a variable a word. */
static int call_environment(char **a)
{
	char **variable;

	(void)a;
	for (variable = environ; *variable; variable++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", *variable);
	return 0;
}

/* The serial number of the session keyring. */
static int call_keyring(char **a)
{
	long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);

	(void)a;
	sprintf(text, "%ld", id);
	return id < 0 ? -1 : 0;
}

/* The signal that comes when the parent dies. */
static int call_deathsig(char **a)
{
	int sig = -1, r = prctl(PR_GET_PDEATHSIG, &sig);

	(void)a;
	sprintf(text, "%d", sig);
	return r;
}

/* Leaves a process behind that is nobody's child and in a session of its own, for ever. */
static int call_daemon(char **a)
{
	pid_t pid = fork();

	(void)a;
	if (pid == 0) {
		if (setsid() < 0 || fork() != 0)
			_exit(0);
		for (;;)
			pause();
	}
	return pid < 0 || waitpid(pid, NULL, 0) < 0 ? -1 : 0;
}

/* Prints what there is and stays until the end of standard input. */
static int call_stay(char **a)
{
	char byte;

	(void)a;
	puts("stays");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

static int call_exit(char **a)
{
	fflush(stdout);
	_exit((int)number(a[0]));
}

static int perform(char *words);

/* Performs the rest of the words in a child. */
static int call_fork(char **a)
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		printf("%s\n", perform(a[0]) < 0 ? strerrorname_np(errno) : text[0] ? text : "ok");
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	return 1;
}

static const struct {
	const char *name;
	int (*function)(char **words);
} calls[] = {
	{ "mount", call_mount }, { "bind", call_bind }, { "rbind", call_rbind },
	{ "move", call_move }, { "remount", call_remount }, { "umount", call_umount },
	{ "clear", call_clear }, { "rclear", call_rclear }, { "movemount", call_movemount },
	{ "reconfigure", call_reconfigure }, { "tree", call_tree }, { "rtree", call_rtree },
	{ "pivot", call_pivot }, { "open", call_open }, { "write", call_write },
	{ "mkdir", call_mkdir }, { "unlink", call_unlink }, { "mknod", call_mknod },
	{ "chmod", call_chmod }, { "access", call_access }, { "chdir", call_chdir },
	{ "chroot", call_chroot }, { "unshare", call_unshare }, { "setns", call_setns },
	{ "sethostname", call_sethostname }, { "setgroups", call_setgroups },
	{ "setuid", call_setuid }, { "lo", call_lo }, { "msgget", call_msgget },
	{ "ptrace", call_ptrace }, { "readv", call_readv }, { "getfd", call_getfd },
	{ "kill", call_kill }, { "readlink", call_readlink }, { "read", call_read },
	{ "list", call_list }, { "fstype", call_fstype }, { "mode", call_mode },
	{ "inode", call_inode }, { "fds", call_fds }, { "status", call_status },
	{ "environment", call_environment }, { "keyring", call_keyring },
	{ "deathsig", call_deathsig }, { "daemon", call_daemon }, { "stay", call_stay },
	{ "exit", call_exit },
};

/* Performs one call. Returns 0, 1 when its result is printed already, or -1 with errno. */
static int perform(char *words)
{
	char *word[8] = { NULL }, *name = strsep(&words, " ");
	size_t i;

	text[0] = '\0';
	if (strcmp(name, "fork") == 0)
		return call_fork(&words);
	for (i = 0; i < 7 && words; i++)
		word[i] = strsep(&words, " ");
	for (i = 0; i < sizeof calls / sizeof *calls; i++)
		if (strcmp(name, calls[i].name) == 0)
			return calls[i].function(word);
	fprintf(stderr, "probe: no call %s\n", name);
	exit(70);
}

int main(int argc, char **argv)
{
	int i, r;

	setvbuf(stdout, NULL, _IOFBF, 65536);
	for (i = 1; i < argc; i++) {
		r = perform(argv[i]);
		if (r < 0)
			puts(strerrorname_np(errno));
		else if (r == 0)
			puts(text[0] ? text : "ok");
	}
	return 0;
}
