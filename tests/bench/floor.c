/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel alone takes for the small sandbox of the benchmark: no launcher that makes the
 * same namespaces and mounts for the same command can be faster on the same machine.
 *
 * It makes the calls that change something, in the order of husk's design, and no other: under its
 * own name with two levels of user namespaces, called bwrap with one and, as that, without waiting
 * for the end of process 1. It leaves out all that makes
 * a launcher one that can be relied on: no word of the command line is understood but --share-net
 * and --, nothing is checked, compared or explained, no destination is looked up within the new
 * root, no signal is passed on, nobody watches whether the launcher lives, and no memory is wiped.
 * Never use it for a sandbox. */
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLONE_RECURSIVE (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)
#define DEVICES		6

int unshare(int flags);
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);

struct capabilities {
	uint32_t version;
	int pid;
};

static bool two_levels;
static uint64_t namespaces;
static int told[2]; /* a pipe, by which process 1 tells a launcher that does not wait for its end */
static int proc; /* the host's, which is hidden soon */
static char **command, **environment;

/* A call that fails makes the figure worthless. */
static long must(long result, const char *what)
{
	if (result < 0) {
		dprintf(2, "floor: %s failed\n", what);
		_exit(125);
	}
	return result;
}

/* PATH is one of the host's /proc. */
static void write_file(const char *path, const char *text)
{
	int fd = (int)must(openat(proc, path, O_WRONLY | O_CLOEXEC), path);

	must(write(fd, text, strlen(text)), path);
	close(fd);
}

static void write_maps(unsigned inside, unsigned outside, bool first)
{
	char map[40];

	snprintf(map, sizeof map, "%u %u 1", inside, outside);
	write_file("self/uid_map", map);
	if (first)
		write_file("self/setgroups", "deny");
	write_file("self/gid_map", map); /* the caller's group has the user's number */
}

static void set_flags(int fd, uint64_t flags, unsigned recursive)
{
	struct mount_attr attr = { .attr_set = flags };

	must(syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | recursive, &attr, sizeof attr),
	     "mount_setattr");
}

static int clone_tree(int dir, const char *path)
{
	return (int)must(syscall(SYS_open_tree, dir, path, CLONE_RECURSIVE), path);
}

static void move_tree(int tree, int dir, const char *path)
{
	must(syscall(SYS_move_mount, tree, "", dir, path,
		     MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH)),
	     path);
}

static int new_tmpfs(void)
{
	int fs = (int)must(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), "fsopen");

	must(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0755", 0), "mode");
	must(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "tmpfs");
	return (int)must(
		syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV),
		"fsmount");
}

static void fill_dev(int dev, const int *trees, const char *const *names)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd/0", "stdin" },	 { "/proc/self/fd/1", "stdout" },
		{ "/proc/self/fd/2", "stderr" }, { "/proc/self/fd", "fd" },
		{ "/proc/kcore", "core" },	 { "pts/ptmx", "ptmx" },
	};
	size_t i;

	for (i = 0; i < DEVICES; i++) {
		must(mknodat(dev, names[i], S_IFREG | 0444, 0), names[i]);
		move_tree(trees[i], dev, names[i]);
	}
	for (i = 0; i < sizeof links / sizeof *links; i++)
		must(symlinkat(links[i][0], dev, links[i][1]), links[i][1]);
	must(mkdirat(dev, "shm", 0755), "shm");
	must(mkdirat(dev, "pts", 0755), "pts");
	must(fchdir(dev), "fchdir");
	must(mount("devpts", "pts", "devpts", MS_NOSUID | MS_NOEXEC,
		   "newinstance,ptmxmode=0666,mode=620"),
	     "devpts");
	set_flags(dev, MOUNT_ATTR_NOSUID, AT_RECURSIVE);
}

/* The host's /proc, hidden where the new one will be, with an empty directory over it. */
static void hide_proc(int host)
{
	int tmpfs = new_tmpfs(), empty;

	move_tree(tmpfs, AT_FDCWD, "/proc");
	must(mkdirat(tmpfs, "empty", 0755), "empty");
	must(mkdirat(tmpfs, "proc", 0755), "proc");
	move_tree(host, tmpfs, "proc");
	empty = clone_tree(tmpfs, "empty");
	set_flags(empty,
		  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0);
	move_tree(empty, tmpfs, "");
	must(fchdir(tmpfs), "fchdir");
}

static void build_root(void)
{
	static const char *const paths[DEVICES] = { "/dev/null",   "/dev/zero",	   "/dev/full",
						    "/dev/random", "/dev/urandom", "/dev/tty" };
	const char *names[DEVICES];
	int trees[DEVICES], host_proc = two_levels ? clone_tree(AT_FDCWD, "/proc") : -1, dev;
	size_t i;

	if (two_levels)
		set_flags(host_proc, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, AT_RECURSIVE);
	for (i = 0; i < DEVICES; i++) {
		trees[i] = clone_tree(AT_FDCWD, paths[i]);
		names[i] = paths[i] + strlen("/dev/");
	}
	set_flags((int)must(open("/", O_PATH | O_CLOEXEC), "/"),
		  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, AT_RECURSIVE);
	dev = new_tmpfs();
	move_tree(dev, AT_FDCWD, "/dev");
	fill_dev(dev, trees, names);
	if (two_levels)
		hide_proc(host_proc);
}

static void raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = (int)must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");

	must(ioctl(fd, SIOCSIFFLAGS, &request), "lo");
}

static _Noreturn void run_command(void)
{
	const struct capabilities header = { .version = 0x20080522 };
	const uint32_t none[6] = { 0 };
	int cap;

	if (!two_levels) {
		for (cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
			;
		must(syscall(SYS_capset, &header, none), "capset");
	}
	must(chdir("/"), "chdir");
	execve(command[0], command, environment);
	must(-1, command[0]);
	_exit(126);
}

/* The status of the only child that there is, or will be. */
static int child_status(void)
{
	int status;

	must(wait4(-1, &status, __WALL, NULL), "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Process 1. */
static _Noreturn void inside(unsigned uid)
{
	unsigned char status;

	if (two_levels)
		write_maps(0, 0, false);
	else {
		write_maps(uid, uid, true);
		build_root();
	}
	must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
	if (namespaces & CLONE_NEWNET)
		raise_loopback();
	if (two_levels) {
		syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
		must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable");
	}
	if (vfork() == 0)
		run_command();
	status = (unsigned char)child_status();
	if (!two_levels)
		must(write(told[1], &status, 1), "pipe");
	_exit(status);
}

static void clone_inside(uint64_t flags, int signal, unsigned uid)
{
	struct clone_args args = { .flags = flags, .exit_signal = (uint64_t)signal };

	if (must(syscall(SYS_clone3, &args, sizeof args), "clone3") == 0)
		inside(uid);
}

int main(int argc, char **argv, char **env)
{
	const char *slash = strrchr(argv[0], '/');
	unsigned uid = getuid();
	unsigned char status;
	int i;

	namespaces = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	two_levels = strcmp(slash ? slash + 1 : argv[0], "bwrap") != 0;
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--share-net") == 0)
			namespaces &= ~(uint64_t)CLONE_NEWNET;
	if (i + 1 >= argc)
		return 125;
	command = argv + i + 1;
	environment = env;
	proc = (int)must(open("/proc", O_PATH | O_CLOEXEC), "/proc");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	if (!two_levels) {
		must(pipe2(told, O_CLOEXEC), "pipe");
		clone_inside(namespaces | CLONE_NEWUSER | CLONE_NEWNS, SIGCHLD, uid);
		close(told[1]);
		return read(told[0], &status, 1) == 1 ? status : 125;
	}
	namespaces |= CLONE_NEWTIME;
	if (vfork() == 0) {
		must(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
		write_maps(0, uid, true);
		must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
		build_root();
		clone_inside(namespaces | CLONE_NEWUSER | CLONE_NEWNS | CLONE_PARENT, 0, uid);
		_exit(0);
	}
	/* the builder, which ends first, and the sandbox, which is a child of ours too */
	i = child_status();
	return i == 0 ? child_status() : i;
}
