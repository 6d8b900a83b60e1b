/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How several seccomp filters combine and how many bits of an ioctl number count, on which
 * seccomp.c relies for the terminal filter that precedes the caller's. */

#include "kernel.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <termios.h>

enum {
	NO_NNP, NEWEST, OLDER_STRICTER, LATER_ALLOW,
	HIGH_NUMBER, EXACT_PLAIN, EXACT_HIGH, EXACT_INJECTED, LOW_PLAIN, LOW_HIGH, LOW_OTHER,
	MAX
};

/* A number that a wide argument can hide; on 32 bits there is no wider one. */
#define HIGH(nr) ((unsigned long)((nr) | (uint64_t)1 << 32))
#define WIDE     (sizeof(long) > 4)
#define NR offsetof(struct seccomp_data, nr)
/* The halves of the second argument, little endian. */
#define ARG1_LOW offsetof(struct seccomp_data, args[1])
#define ARG1_HIGH (offsetof(struct seccomp_data, args[1]) + 4)

static int *res;

static int install(const struct sock_filter *code, size_t n)
{
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = (struct sock_filter *)code };

	return err(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
}

/* From now on the call @nr has the action @action. */
static int filter_call(uint32_t nr, uint32_t action)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install(code, sizeof(code) / sizeof(*code));
}

/* From now on ioctl(TIOCSTI) fails with EDOM: when all 64 bits are equal, or the low 32. */
static int filter_tiocsti(bool exact)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG1_LOW),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, exact ? ARG1_HIGH : NR),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, exact ? 0 : SYS_ioctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install(code, sizeof(code) / sizeof(*code));
}

static void without_nnp(void)
{
	res[NO_NNP] = filter_call(SYS_getppid, SECCOMP_RET_ALLOW);
}

static void nnp(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(1);
}

static void newest(void)
{
	nnp();
	if (filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV) == 0 &&
	    filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EDOM) == 0)
		res[NEWEST] = err(syscall(SYS_getppid));
}

static void later_allow(void)
{
	nnp();
	if (filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV) == 0 &&
	    filter_call(SYS_getppid, SECCOMP_RET_ALLOW) == 0)
		res[LATER_ALLOW] = err(syscall(SYS_getppid));
}

static void older_stricter(void)
{
	nnp();
	if (filter_call(SYS_getppid, SECCOMP_RET_KILL_PROCESS) == 0 &&
	    filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EDOM) == 0)
		syscall(SYS_getppid);
}

/* A terminal of this process's own; returns the slave, or -1. */
static int own_terminal(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	char path[32];
	unsigned int n;

	if (setsid() < 0 || master < 0 || ioctl(master, TIOCSPTLCK, &(int){ 0 }) < 0 ||
	    ioctl(master, TIOCGPTN, &n) < 0)
		return -1;
	snprintf(path, sizeof(path), "/dev/pts/%u", n);
	slave = open(path, O_RDWR | O_CLOEXEC);
	return ioctl(slave, TIOCSCTTY, 0) < 0 ? -1 : slave;
}

static int tiocsti(int fd, unsigned long nr)
{
	return err(syscall(SYS_ioctl, fd, nr, "\n"));
}

static void ioctl_number(void)
{
	int fds[2], n = 0;

	if (pipe(fds) < 0 || write(fds[1], "abc", 3) != 3)
		return;
	res[HIGH_NUMBER] = err(syscall(SYS_ioctl, fds[0], HIGH(FIONREAD), &n)) ?: n;
}

static void exact(void)
{
	int tty = own_terminal(), n = 0;

	nnp();
	if (tty < 0 || filter_tiocsti(true) != 0)
		return;
	res[EXACT_PLAIN] = tiocsti(tty, TIOCSTI);
	res[EXACT_HIGH] = tiocsti(tty, HIGH(TIOCSTI));
	if (ioctl(tty, FIONREAD, &n) == 0)
		res[EXACT_INJECTED] = n;
}

static void low(void)
{
	int tty = own_terminal(), n;

	nnp();
	if (tty < 0 || filter_tiocsti(false) != 0)
		return;
	res[LOW_PLAIN] = tiocsti(tty, TIOCSTI);
	res[LOW_HIGH] = tiocsti(tty, HIGH(TIOCSTI));
	res[LOW_OTHER] = err(ioctl(tty, FIONREAD, &n));
}

/* Whether this kernel lets a process without capabilities use TIOCSTI at all. */
static bool legacy_tiocsti(void)
{
	int fd = openat(proc_fd, "sys/dev/tty/legacy_tiocsti", O_RDONLY | O_CLOEXEC);
	char c = '1';

	if (fd >= 0) {
		if (read(fd, &c, 1) != 1)
			c = '1';
		close(fd);
	}
	return c == '1';
}

int main(void)
{
	bool legacy;

	ordinary_user();
	res = results(MAX);
	legacy = legacy_tiocsti();
	run_in(0, without_nnp);
	run_in(0, newest);
	run_in(0, later_allow);
	res[OLDER_STRICTER] = run_in(0, older_stricter);
	run_in(0, ioctl_number);
	run_in(0, exact);
	run_in(0, low);

	expect(res[NO_NNP], EACCES, "a filter without no_new_privs");
	expect(res[NEWEST], EDOM, "two filters, equal action: the newest one's errno");
	expect(res[LATER_ALLOW], EXDEV, "a newer filter that allows does not undo an older one");
	expect(res[OLDER_STRICTER], 128 + SIGSYS, "an older filter that kills beats a newer errno");

	expect(res[HIGH_NUMBER], 3, "the kernel ignores bits above 32 of an ioctl number");
	expect(res[EXACT_PLAIN], EDOM, "filter on all 64 bits: TIOCSTI is refused");
	expect(res[EXACT_HIGH], !WIDE ? EDOM : legacy ? 0 : EIO,
	       "filter on all 64 bits: with a high bit it passes");
	expect(res[EXACT_INJECTED], WIDE && legacy ? 1 : 0, "filter on all 64 bits: and injects");
	expect(res[LOW_PLAIN], EDOM, "filter on the low 32 bits: TIOCSTI is refused");
	expect(res[LOW_HIGH], EDOM, "filter on the low 32 bits: with a high bit too");
	expect(res[LOW_OTHER], 0, "filter on the low 32 bits: other ioctls pass");
	return done();
}
