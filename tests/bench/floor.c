/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel alone takes for a sandbox of the benchmark: no launcher that makes the same
 * namespaces and mounts for the same command can be faster on the same machine.
 *
 * It makes the calls that change something, in the order of husk's design, and no other: under its
 * own name with two levels of user namespaces, called bwrap with one and, as that, without waiting
 * for the end of process 1. It leaves out all that makes a launcher one that can be relied on: of
 * a command line it understands the words of the benchmark alone, nothing is checked, compared or
 * explained, a destination is a path without links, no signal is passed on, nobody watches whether
 * the launcher lives, and no memory is wiped. It needs Linux 6.15.
 * Never use it for a sandbox. */
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <errno.h>
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
#define OTHERS		(CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

int unshare(int flags);
int umount2(const char *target, int flags);
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);

struct capabilities {
	uint32_t version;
	int pid;
};

static bool two_levels, in_place;
static uint64_t namespaces;
static int root = -1; /* the new one, or none where the host's tree changes in place */
static int hidden = -1; /* what will be below the new /proc */
static int host_proc = -1; /* a clone of the host's /proc with its mounts */
static int devices[DEVICES];
static int told[2]; /* a pipe, by which process 1 tells a launcher that does not wait for its end */
static int proc; /* the host's, which is hidden soon */
static char **line; /* the words, and after "--" the command */
static char **command, **environment;

static const char *const device_names[DEVICES] = { "null",   "zero",	"full",
						   "random", "urandom", "tty" };

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

static void attach(int tree, const char *path)
{
	if (in_place)
		move_tree(tree, AT_FDCWD, path);
	else
		move_tree(tree, root, path + 1);
}

/* In the new root, with all that leads to it; what is there already is good. */
static void make_directory(const char *path)
{
	char parent[4096];

	if (in_place || mkdirat(root, path + 1, 0755) == 0 || errno != ENOENT)
		return;
	snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
	make_directory(parent);
	must(mkdirat(root, path + 1, 0755), path);
}

static void bind_tree(char **operands, uint64_t flags, bool must_exist)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | flags };
	int tree;

	if (in_place && strcmp(operands[1], "/") == 0) {
		set_flags((int)must(open("/", O_PATH | O_CLOEXEC), "/"), attr.attr_set,
			  AT_RECURSIVE);
		return;
	}
	tree = (int)syscall(SYS_open_tree_attr, AT_FDCWD, operands[0], CLONE_RECURSIVE, &attr,
			    sizeof attr);
	if (tree < 0 && !must_exist)
		return;
	must(tree, operands[0]);
	make_directory(operands[1]);
	attach(tree, operands[1]);
	close(tree);
}

static void op_ro_bind(char **operands)
{
	bind_tree(operands, MOUNT_ATTR_RDONLY, true);
}

static void op_ro_bind_try(char **operands)
{
	bind_tree(operands, MOUNT_ATTR_RDONLY, false);
}

static void op_bind(char **operands)
{
	bind_tree(operands, 0, true);
}

static void op_tmpfs(char **operands)
{
	int tree = new_tmpfs();

	make_directory(operands[0]);
	attach(tree, operands[0]);
	close(tree);
}

static void op_dir(char **operands)
{
	make_directory(operands[0]);
}

static void op_symlink(char **operands)
{
	must(symlinkat(operands[0], root, operands[1] + 1), operands[1]);
}

static void op_dev(char **operands)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd/0", "stdin" },	 { "/proc/self/fd/1", "stdout" },
		{ "/proc/self/fd/2", "stderr" }, { "/proc/self/fd", "fd" },
		{ "/proc/kcore", "core" },	 { "pts/ptmx", "ptmx" },
	};
	size_t i;
	int dev;

	if (hidden >= 0)
		must(mkdirat(hidden, "dev", 0755), "dev");
	dev = hidden >= 0 ? clone_tree(hidden, "dev") : new_tmpfs();
	make_directory(operands[0]);
	attach(dev, operands[0]);
	for (i = 0; i < DEVICES; i++) {
		must(mknodat(dev, device_names[i], S_IFREG | 0444, 0), device_names[i]);
		move_tree(devices[i], dev, device_names[i]);
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

static void mount_proc(int dir)
{
	must(fchdir(dir), "fchdir");
	must(mount("proc", ".", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
}

/* With two levels the host's /proc is hidden where the new one will be, and an empty directory lies
 * over it. */
static void op_proc(char **operands)
{
	int empty;

	make_directory(operands[0]);
	if (!two_levels) {
		empty = (int)must(openat(root, operands[0] + !in_place, O_PATH | O_CLOEXEC),
				  operands[0]);
		mount_proc(empty);
		return;
	}
	attach(hidden, operands[0]);
	must(mkdirat(hidden, "empty", 0755), "empty");
	must(mkdirat(hidden, "proc", 0755), "proc");
	move_tree(host_proc, hidden, "proc");
	empty = clone_tree(hidden, "empty");
	set_flags(empty,
		  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0);
	move_tree(empty, hidden, "");
	must(fchdir(hidden), "fchdir");
}

/* The words of the benchmark. */
static const struct word {
	const char *name;
	int operands;
	uint64_t namespaces;
	void (*make)(char **operands);
} words[] = {
	{ "--unshare-all", 0, OTHERS | CLONE_NEWNET, NULL },
	{ "--unshare-user", 0, 0, NULL },
	{ "--unshare-pid", 0, CLONE_NEWPID, NULL },
	{ "--unshare-ipc", 0, CLONE_NEWIPC, NULL },
	{ "--unshare-uts", 0, CLONE_NEWUTS, NULL },
	{ "--unshare-net", 0, CLONE_NEWNET, NULL },
	{ "--unshare-cgroup-try", 0, CLONE_NEWCGROUP, NULL },
	{ "--share-net", 0, 0, NULL },
	{ "--die-with-parent", 0, 0, NULL },
	{ "--new-session", 0, 0, NULL },
	{ "--setenv", 2, 0, NULL },
	{ "--unsetenv", 1, 0, NULL },
	{ "--chdir", 1, 0, NULL },
	{ "--ro-bind", 2, 0, op_ro_bind },
	{ "--ro-bind-try", 2, 0, op_ro_bind_try },
	{ "--bind", 2, 0, op_bind },
	{ "--tmpfs", 1, 0, op_tmpfs },
	{ "--dir", 1, 0, op_dir },
	{ "--symlink", 2, 0, op_symlink },
	{ "--dev", 1, 0, op_dev },
	{ "--proc", 1, 0, op_proc },
};

/* The word at ARG, which must be one of them. */
static const struct word *find_word(const char *arg)
{
	size_t i;

	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].name, arg) == 0)
			return &words[i];
	must(-1, arg);
	return NULL;
}

/* What has to be opened before the host's tree changes or is gone. */
static void open_sources(void)
{
	char path[20];
	size_t i;

	for (i = 0; i < DEVICES; i++) {
		snprintf(path, sizeof path, "/dev/%s", device_names[i]);
		devices[i] = clone_tree(AT_FDCWD, path);
	}
	if (!two_levels)
		return;
	host_proc = clone_tree(AT_FDCWD, "/proc");
	set_flags(host_proc, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, AT_RECURSIVE);
	hidden = new_tmpfs();
}

static void build_root(void)
{
	const struct word *word;
	char **arg;

	open_sources();
	if (!in_place) {
		root = new_tmpfs();
		move_tree(root, AT_FDCWD, "/"); /* where paths do not lead yet */
	}
	for (arg = line; strcmp(*arg, "--") != 0; arg += 1 + word->operands) {
		word = find_word(*arg);
		if (word->make)
			word->make(arg + 1);
	}
	if (in_place)
		return;
	must(fchdir(root), "root");
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", 2 /* MNT_DETACH */), "umount2");
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

	if (two_levels) {
		write_maps(0, 0, false);
		mount_proc((int)must(open("/proc", O_PATH | O_CLOEXEC), "/proc"));
	} else {
		write_maps(uid, uid, true);
		build_root();
	}
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

/* What a word says of the sandbox as a whole. */
static void read_word(char **arg)
{
	namespaces |= find_word(*arg)->namespaces;
	if (strcmp(*arg, "--unshare-all") == 0 && two_levels)
		namespaces |= CLONE_NEWTIME;
	if (strcmp(*arg, "--share-net") == 0)
		namespaces &= ~(uint64_t)CLONE_NEWNET;
	if (strcmp(*arg, "--ro-bind") == 0 && strcmp(arg[2], "/") == 0)
		in_place = true;
}

int main(int argc, char **argv, char **env)
{
	const char *slash = strrchr(argv[0], '/');
	unsigned uid = getuid();
	unsigned char status;
	int i;

	two_levels = strcmp(slash ? slash + 1 : argv[0], "bwrap") != 0;
	line = argv + 1;
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i += 1 + find_word(argv[i])->operands)
		read_word(argv + i);
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
