/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pid 1 gets blocked signals through a signalfd, those of the terminal marked SI_KERNEL, and may
 * leave the caller's session keyring, on which init.c and launch.c rely. */

#include "kernel.h"
#include <linux/keyctl.h>
#include <sys/signalfd.h>
#include <termios.h>

enum {
	OUTSIDE, OUTSIDE_CODE, OUTSIDE_PID, INSIDE, INSIDE_CODE, INSIDE_PID, UNBLOCKED_TERM,
	UNBLOCKED_KILL,
	TTY_SIGNAL, TTY_CODE, TTY_GROUP, WINCH_CODE, HUP_LEADER, HUP_GROUP, KILL_CODE,
	KEY_MADE, KEY_BEFORE, KEY_JOIN, KEY_AFTER, KEY_READ, KEY_OUTSIDE, KEY_SEARCH_ID,
	MAX
};

static int *res;
static int go, tell;

/* Blocks all signals and returns a signalfd of them. */
static int block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return signalfd(-1, &all, SFD_CLOEXEC);
}

/* The next signal @sig on @fd within @ms, others passed over; 0, or ETIMEDOUT. */
static int signal_within(int fd, int sig, int ms, struct signalfd_siginfo *ret)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, ms) == 1)
		if (read(fd, ret, sizeof(*ret)) == sizeof(*ret) && (int)ret->ssi_signo == sig)
			return 0;
	return ETIMEDOUT;
}

static int next_signal(int fd, int sig, struct signalfd_siginfo *ret)
{
	return signal_within(fd, sig, 40000, ret);
}

static void pid1_blocked(void)
{
	struct signalfd_siginfo si = { 0 };
	int fd = block_all();
	pid_t pid;

	gate_open(tell);
	res[OUTSIDE] = next_signal(fd, SIGTERM, &si);
	res[OUTSIDE_CODE] = si.ssi_code;
	res[OUTSIDE_PID] = (int)si.ssi_pid;

	pid = fork();
	if (pid == 0)
		_exit(kill(1, SIGTERM));
	res[INSIDE] = next_signal(fd, SIGTERM, &si);
	res[INSIDE_CODE] = si.ssi_code;
	res[INSIDE_PID] = (int)si.ssi_pid == pid ? 0 : ESRCH;
	reap(pid);
}

static void blocked(void)
{
	pid_t pid = spawn(CLONE_NEWUSER | CLONE_NEWPID, NULL);

	if (pid == 0) {
		pid1_blocked();
		_exit(0);
	}
	gate_pass(tell);
	kill(pid, SIGTERM);
	reap(pid);
}

static void unblocked(void)
{
	pid_t pid = spawn(CLONE_NEWUSER | CLONE_NEWPID, NULL);

	if (pid == 0) {
		gate_open(tell);
		gate_pass(go);
		_exit(7);
	}
	gate_pass(tell);
	kill(pid, SIGTERM);
	gate_open(go);
	res[UNBLOCKED_TERM] = reap(pid);

	pid = spawn(CLONE_NEWUSER | CLONE_NEWPID, NULL);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	kill(pid, SIGKILL);
	res[UNBLOCKED_KILL] = reap(pid);
}

/* Pid 1 of a sandbox in the foreground group of a terminal, beside its launcher, this process. */
static void terminal(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave, fd;
	struct signalfd_siginfo si = { 0 };
	char path[32];
	unsigned int n;
	pid_t pid;

	if (setsid() < 0 || master < 0 || ioctl(master, TIOCSPTLCK, &(int){ 0 }) < 0 ||
	    ioctl(master, TIOCGPTN, &n) < 0)
		return;
	snprintf(path, sizeof(path), "/dev/pts/%u", n);
	slave = open(path, O_RDWR | O_CLOEXEC);
	if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return;
	fd = block_all();

	pid = spawn(CLONE_NEWUSER | CLONE_NEWPID, NULL);
	if (pid == 0) {
		close(fd);
		fd = block_all();
		close(master);
		gate_open(tell);
		res[TTY_SIGNAL] = next_signal(fd, SIGINT, &si);
		res[TTY_CODE] = si.ssi_code;
		gate_open(tell);
		res[KILL_CODE] = next_signal(fd, SIGINT, &si) ?: si.ssi_code;
		res[WINCH_CODE] = next_signal(fd, SIGWINCH, &si) ?: si.ssi_code;
		gate_open(tell);
		gate_pass(go);
		res[HUP_GROUP] = signal_within(fd, SIGHUP, 50, &si);
		_exit(0);
	}
	gate_pass(tell);
	if (write(master, "\003", 1) != 1)
		return;
	res[TTY_GROUP] = next_signal(fd, SIGINT, &si) ?: si.ssi_code;
	gate_pass(tell);
	kill(pid, SIGINT);
	ioctl(master, TIOCSWINSZ, &(struct winsize){ .ws_row = 7, .ws_col = 70 });
	gate_pass(tell);
	close(master);
	res[HUP_LEADER] = next_signal(fd, SIGHUP, &si) ?: si.ssi_code;
	gate_open(go);
	reap(pid);
}

static long find_key(void)
{
	return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "husk-test", 0);
}

static long old_key, old_session;

static void key_inside(void)
{
	char buf[16];

	res[KEY_BEFORE] = err(find_key());
	res[KEY_JOIN] = err(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
	res[KEY_AFTER] = err(find_key());
	res[KEY_READ] = err(syscall(SYS_keyctl, KEYCTL_READ, old_key, buf, sizeof(buf)));
	res[KEY_SEARCH_ID] = err(syscall(SYS_keyctl, KEYCTL_SEARCH, old_session, "user",
					 "husk-test", 0));
}

static void keyring(void)
{
	old_session = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (old_session < 0) {
		res[KEY_MADE] = errno;
		return;
	}
	old_key = syscall(SYS_add_key, "user", "husk-test", "secret", 6, KEY_SPEC_SESSION_KEYRING);
	res[KEY_MADE] = err(old_key);
	run_in(CLONE_NEWUSER | CLONE_NEWPID, key_inside);
	res[KEY_OUTSIDE] = err(find_key());
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	go = gate();
	tell = gate();
	run_in(0, blocked);
	run_in(0, unblocked);
	run_in(0, terminal);
	run_in(0, keyring);

	expect(res[OUTSIDE], 0, "pid 1 reads a blocked SIGTERM from outside by signalfd");
	expect(res[OUTSIDE_CODE], SI_USER, "its si_code is SI_USER");
	expect(res[OUTSIDE_PID], 0, "its sender, outside the pid namespace, is 0");
	expect(res[INSIDE], 0, "pid 1 reads a blocked SIGTERM from inside by signalfd");
	expect(res[INSIDE_CODE], SI_USER, "its si_code is SI_USER");
	expect(res[INSIDE_PID], 0, "its sender is the pid inside");
	expect(res[UNBLOCKED_TERM], 7,
	       "a SIGTERM from outside that pid 1 neither blocks nor handles is lost");
	expect(res[UNBLOCKED_KILL], 128 + SIGKILL, "SIGKILL from outside kills pid 1");

	expect(res[TTY_SIGNAL], 0, "^C reaches pid 1, in the terminal's foreground group");
	expect(res[TTY_CODE], SI_KERNEL, "with si_code SI_KERNEL");
	expect(res[TTY_GROUP], SI_KERNEL, "^C reaches the launcher, with si_code SI_KERNEL");
	expect(res[KILL_CODE], SI_USER, "SIGINT by kill(2) has si_code SI_USER");
	expect(res[WINCH_CODE], SI_KERNEL,
	       "a changed window size: SIGWINCH with si_code SI_KERNEL");
	expect(res[HUP_LEADER], SI_KERNEL,
	       "a closed terminal: the session leader gets SIGHUP, SI_KERNEL");
	expect(res[HUP_GROUP], ETIMEDOUT, "a closed terminal: the foreground group gets none");

	if (res[KEY_MADE] == EDQUOT || res[KEY_MADE] == ENOSYS) {
		skip("no key can be made here: %s", strerror(res[KEY_MADE]));
		return done();
	}
	expect(res[KEY_MADE], 0, "the caller has a key in its session keyring");
	expect(res[KEY_BEFORE], 0, "a new user namespace alone does not hide it");
	expect(res[KEY_JOIN], 0, "KEYCTL_JOIN_SESSION_KEYRING in the user namespace");
	expect(res[KEY_AFTER], ENOKEY, "then the key is not found");
	expect(res[KEY_READ], EACCES, "nor read by its number");
	expect(res[KEY_SEARCH_ID], EACCES, "nor is the old session keyring searched by its number");
	expect(res[KEY_OUTSIDE], 0, "the caller still has its own");
	return done();
}
