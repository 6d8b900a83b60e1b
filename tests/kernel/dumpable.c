/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One capability, or no dumpable flag, guards pid 1's memory, environment and fds from the
 * command, on which init.c relies to keep the caller's secrets. */

#include "kernel.h"
#include <dirent.h>
#include <linux/capability.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* What may be tried on a process. */
enum {
	SEIZE, READV, GETFD, MEM, ENVIRON, FD_LINK, EXE, ROOT, NS, FD_DIR, UID_MAP, CMDLINE,
	PROBES
};

static const char *const probe_name[PROBES] = {
	[SEIZE] = "ptrace",
	[READV] = "process_vm_readv",
	[GETFD] = "pidfd_getfd",
	[MEM] = "open of mem",
	[ENVIRON] = "open of environ",
	[FD_LINK] = "open of fd/1",
	[EXE] = "readlink of exe",
	[ROOT] = "open of root",
	[NS] = "open of ns/user",
	[FD_DIR] = "listing of fd",
	[UID_MAP] = "open of uid_map for writing",
	[CMDLINE] = "open of cmdline",
};

/* Who tries it on whom. */
enum {
	FULL_ON_CAP, FULL_ON_UNDUMPABLE, BARE_ON_UNDUMPABLE, OUTER_ON_UNDUMPABLE,
	BARE_ON_CAP, NESTED_ON_CAP, OUTER_ON_CAP, BARE_ON_BARE,
	FULL_ON_EXECED, OUTER_ON_EXECED,
	CASES
};

static int *res;
static int go, tell;

static int caps(uint64_t permitted)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	uint32_t low = (uint32_t)permitted, high = (uint32_t)(permitted >> 32);
	struct __user_cap_data_struct data[2] = {
		{ .effective = low, .permitted = low },
		{ .effective = high, .permitted = high },
	};

	return err(syscall(SYS_capset, &head, data));
}

static int try_seize(pid_t pid)
{
	return err(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
}

static int try_readv(pid_t pid)
{
	static char there[8], here[8];
	struct iovec from = { .iov_base = there, .iov_len = 8 };
	struct iovec to = { .iov_base = here, .iov_len = 8 };

	int e = err(process_vm_readv(pid, &to, 1, &from, 1, 0));

	/* Allowed, but another program: not its address. */
	return e == EFAULT ? 0 : e;
}

static int try_open(pid_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return err_close(open(path, flags | O_CLOEXEC));
}

static int try_list(pid_t pid, const char *name)
{
	char path[64];
	struct dirent *d;
	int n = 0, e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	dir = opendir(path);
	if (!dir)
		return errno;
	errno = 0;
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	e = errno;
	closedir(dir);
	return e ? e : n > 0 ? 0 : ENOENT;
}

static int try_readlink(pid_t pid, const char *name)
{
	char path[64], buf[256];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return err(readlink(path, buf, sizeof(buf)));
}

static int try_getfd(pid_t pid)
{
	int pidfd = (int)sys_pidfd_open(pid);
	int e = pidfd < 0 ? NOT_REACHED : err_close(syscall(SYS_pidfd_getfd, pidfd, 1, 0));

	close(pidfd);
	return e;
}

/* Tries everything in a process of its own, whose end lets go of a tracee. */
static void probe(int who, pid_t pid, bool bare, bool nested)
{
	int *r = &res[who * PROBES];
	pid_t self = fork();

	if (self != 0) {
		reap(self);
		return;
	}
	mortal();
	if ((bare && caps(0) != 0) || (nested && syscall(SYS_unshare, CLONE_NEWUSER) < 0))
		_exit(1);
	r[READV] = try_readv(pid);
	r[GETFD] = try_getfd(pid);
	r[MEM] = try_open(pid, "mem", O_RDWR);
	r[ENVIRON] = try_open(pid, "environ", O_RDONLY);
	r[FD_LINK] = try_open(pid, "fd/1", O_PATH);
	r[EXE] = try_readlink(pid, "exe");
	r[ROOT] = try_open(pid, "root", O_PATH | O_DIRECTORY);
	r[NS] = try_open(pid, "ns/user", O_RDONLY);
	r[FD_DIR] = try_list(pid, "fd");
	r[UID_MAP] = try_open(pid, "uid_map", O_WRONLY);
	r[CMDLINE] = try_open(pid, "cmdline", O_RDONLY);
	r[SEIZE] = try_seize(pid);
	_exit(0);
}

/* Lets the user outside look at this process. */
static void outer_turn(void)
{
	gate_open(tell);
	gate_pass(go);
}

/* Pid 1 of a sandbox, forked from the launcher without execve; the probes are its command's. */
static void pid1(void)
{
	probe(FULL_ON_CAP, 1, false, false);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	probe(FULL_ON_UNDUMPABLE, 1, false, false);
	probe(BARE_ON_UNDUMPABLE, 1, true, false);
	outer_turn();

	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (caps(1ULL << CAP_KILL) != 0)
		return;
	probe(BARE_ON_CAP, 1, true, false);
	probe(NESTED_ON_CAP, 1, true, true);
	outer_turn();
	if (caps(0) == 0)
		probe(BARE_ON_BARE, 1, true, false);
}

/* Pid 1 that executes this program again: its memory is then the inner user namespace's. */
static void pid1_execed(void)
{
	char fds[32];
	pid_t pid = fork();

	if (pid == 0) {
		mortal();
		gate_pass(go);
		probe(FULL_ON_EXECED, 1, false, false);
		gate_open(tell);
		_exit(0);
	}
	snprintf(fds, sizeof(fds), "%d", fcntl(go, F_DUPFD, 10));
	execl("/proc/self/exe", "dumpable", fds, NULL);
}

static int execed(const char *fd)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return 1;
	gate_open(atoi(fd));
	pause();
	return 0;
}

static pid_t start(void (*fn)(void))
{
	pid_t pid = spawn(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, NULL);

	if (pid != 0)
		return pid;
	if (sys_mount("p", "/proc", "proc", 0, NULL) == 0)
		fn();
	_exit(0);
}

static void judge(int who, const char *what, const int want[PROBES])
{
	for (int i = 0; i < PROBES; i++)
		expect(res[who * PROBES + i], want[i], "%s: %s", what, probe_name[i]);
}

int main(int argc, char **argv)
{
	static const int allowed[PROBES] = { 0 };
	static const int guarded[PROBES] = {
		[SEIZE] = EPERM, [READV] = EPERM, [GETFD] = EPERM, [MEM] = EACCES,
		[ENVIRON] = EACCES, [FD_LINK] = EACCES, [EXE] = EACCES, [ROOT] = EACCES,
		[NS] = EACCES,
	};
	int closed[PROBES];
	pid_t pid;

	if (argc == 2)
		return execed(argv[1]);

	ordinary_user();
	res = results((size_t)CASES * PROBES);
	go = gate();
	tell = gate();
	memcpy(closed, guarded, sizeof(closed));
	closed[FD_DIR] = EACCES;
	closed[UID_MAP] = EACCES;

	pid = start(pid1);
	gate_pass(tell);
	probe(OUTER_ON_UNDUMPABLE, pid, false, false);
	gate_open(go);
	gate_pass(tell);
	probe(OUTER_ON_CAP, pid, false, false);
	gate_open(go);
	reap(pid);

	pid = start(pid1_execed);
	gate_pass(tell);
	probe(OUTER_ON_EXECED, pid, false, false);
	kill(pid, SIGKILL);
	reap(pid);

	judge(BARE_ON_BARE, "no capabilities, on a pid 1 without any", allowed);
	judge(BARE_ON_CAP, "no capabilities, on a pid 1 with one", guarded);
	judge(NESTED_ON_CAP, "all in a nested user namespace, on a pid 1 with one", guarded);
	judge(OUTER_ON_CAP, "caller outside, on a pid 1 with one", allowed);
	judge(FULL_ON_CAP, "all capabilities, on a dumpable pid 1", allowed);
	judge(FULL_ON_UNDUMPABLE, "all capabilities, on an undumpable pid 1", closed);
	judge(BARE_ON_UNDUMPABLE, "no capabilities, on an undumpable pid 1", closed);
	judge(OUTER_ON_UNDUMPABLE, "caller outside, on an undumpable pid 1", closed);
	judge(FULL_ON_EXECED, "all capabilities, on an undumpable pid 1 executed inside", allowed);
	judge(OUTER_ON_EXECED, "caller outside, on an undumpable pid 1 executed inside", allowed);
	return done();
}
