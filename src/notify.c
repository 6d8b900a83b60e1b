/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts the supervisor of --fake-root-consistent outside the sandbox, gives it the command's
 * system calls, ends it.
 *
 * It is a program of its own, so that what it needs is no part of the launcher: a child of the
 * launcher in a session of its own, where neither the terminal nor the sandbox reaches it, and
 * which the kernel ends with the launcher. */
#include "notify.h"

#include <limits.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fail.h"
#include "fakeroot/listen.h"
#include "fdpass.h"
#include "plan.h"
#include "sandbox.h"
#include "seccomp.h"
#include "sys.h"
#include "util.h"

#define END_TIME 5000 /* ms that it has to write down what it has promised */

#define PROGRAM	 "husk-fake-root"

/* The program's directory, from the launcher's or by itself: as it is built, as it is installed. */
static const char *const places[] = { "libexec/husk", "../libexec/husk", HUSK_LIBEXECDIR };

/* Opens the launcher's own directory, and tells who owns the launcher. */
static int open_own(int proc_fd, uid_t *ret_owner)
{
	char path[PATH_MAX];
	ssize_t n = readlinkat(proc_fd, "self/exe", path, sizeof path);
	struct stat st;
	char *end;
	int fd;

	if (n < 0 || fstatat(proc_fd, "self/exe", &st, 0) < 0)
		return neg_errno();
	if (n == sizeof path)
		return -ENAMETOOLONG;
	path[n] = '\0';
	end = strrchr(path, '/');
	if (!end)
		return -ENOENT;
	end[1] = '\0';
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*ret_owner = st.st_uid;
	return fd < 0 ? neg_errno() : fd;
}

/* Beside a launcher that lies in /tmp, say, anybody can make such a directory. */
static int is_trusted(int dir, uid_t owner)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return neg_errno();
	return (st.st_uid == owner || st.st_uid == 0) && !(st.st_mode & S_IWOTH);
}

/* Opens the directory PLACE, from the one at OWN, if the program is in it. Returns -ENOENT where it
 * is not. */
static int open_place(int own, const char *place)
{
	CLEANUP(fd_closep) int dir = openat(own, place, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0 && faccessat(dir, PROGRAM, X_OK, 0) == 0)
		return TAKE_FD(dir);
	return errno == ENOTDIR || errno == EACCES ? -ENOENT : neg_errno();
}

/* Finds the directory that the program is in. Returns a descriptor or -errno, with *RET_OTHERS
 * where it may be anybody's. */
static int find_program(int proc_fd, bool *ret_others)
{
	uid_t owner = (uid_t)-1; /* nobody */
	CLEANUP(fd_closep) int own = open_own(proc_fd, &owner);
	int dir, trusted;
	size_t i;

	if (own < 0)
		return own;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		dir = open_place(own, places[i]);
		if (dir == -ENOENT)
			continue;
		if (dir < 0)
			return dir;
		trusted = is_trusted(dir, owner);
		if (trusted > 0)
			return dir;
		fd_close(dir);
		if (trusted < 0)
			return trusted;
		*ret_others = true;
	}
	return -ENOENT;
}

static int explain_find(struct fail *f, int err, bool others)
{
	int r;

	if (others && err == ENOENT) {
		r = fail(f, 0, "The directory of " PROGRAM " is another user's, or open to all");
		return fail_hint(f, r,
				 "libexec/husk beside husk must belong to the owner of husk, or to "
				 "root");
	}
	r = fail(f, err, "Can't find " PROGRAM);
	return fail_hint(f, r,
			 "it is looked for in libexec/husk and ../libexec/husk from where husk is, "
			 "and in " HUSK_LIBEXECDIR ": copy it with husk, or use --fake-root");
}

/* Puts FD where the program expects it. */
static int move(int fd, int to)
{
	return dup2(fd, to) < 0 ? neg_errno() : 0;
}

/* The supervisor's process, until it is the program. It shares the launcher's memory. */
static int become(int dir, const char *file, int socket, int proc_fd)
{
	char *const argv[] = { (char *)PROGRAM, (char *)file, NULL };
	char *const env[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd, r = 0;

	/* out of the way of what they are to be */
	if (null < 0 || (dir = fcntl(dir, F_DUPFD_CLOEXEC, 10)) < 0 ||
	    (socket = fcntl(socket, F_DUPFD_CLOEXEC, 10)) < 0 ||
	    (proc_fd = fcntl(proc_fd, F_DUPFD_CLOEXEC, 10)) < 0 ||
	    (null = fcntl(null, F_DUPFD_CLOEXEC, 10)) < 0)
		return neg_errno();
	for (fd = 0; fd <= 2 && r == 0; fd++)
		r = move(null, fd);
	if (r == 0)
		r = move(socket, LISTEN_SOCKET);
	if (r == 0)
		r = move(proc_fd, LISTEN_PROC);
	if (r == 0 && (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0))
		r = neg_errno();
	if (r < 0)
		return r;
	sys_execveat(dir, PROGRAM, argv, env, 0);
	return neg_errno();
}

/* Starts it from DIR. Returns 0 or -errno. */
static int start(int dir, const char *file, int proc_fd, struct notify *ret)
{
	int pair[2];
	volatile int r = 0; /* two processes write to it */

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return neg_errno();
	/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork): it is only the parent that goes on with it */
	ret->pid = vfork();
	if (ret->pid == 0) {
		/* the launcher waits meanwhile, and means to find what is written here */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork) */
		r = become(dir, file, pair[1], proc_fd);
		_exit(1);
	}
	if (ret->pid < 0)
		r = neg_errno();
	close(pair[1]);
	ret->socket = pair[0];
	if (r == 0) {
		ret->pidfd = sys_pidfd_open(ret->pid);
		if (ret->pidfd >= 0)
			return 0;
		r = neg_errno();
		kill(ret->pid, SIGKILL);
	}
	if (ret->pid > 0)
		waitid(P_PID, (id_t)ret->pid, NULL, WEXITED);
	return r;
}

int notify_start(const struct plan *p, int proc_fd, struct notify *ret, struct fail *f)
{
	CLEANUP(fd_closep) int dir = NO_FD;
	bool others = false;
	int r;

	fail_step(f, "fake root", "--fake-root-consistent");
	dir = find_program(proc_fd, &others);
	if (dir < 0)
		return explain_find(f, -dir, others);
	r = start(dir, p->fake_root_db, proc_fd, ret);
	if (r < 0)
		return fail(f, -r, "Can't start " PROGRAM);
	fail_step(f, NULL, NULL);
	return 0;
}

static int explain_listen(struct fail *f, int err)
{
	static const struct {
		int err;
		const char *hint;
	} hints[] = {
		{ EBUSY,
		  "a process has one supervisor of system calls at most, and this one has that of "
		  "a container or sandbox around it: run husk outside of it, or use --fake-root" },
		{ EINVAL, "it must be built with CONFIG_SECCOMP_FILTER" },
	};
	size_t i;
	int r = fail(f, err, "The kernel does not hand system calls over");

	for (i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].err == err)
			fail_hint(f, r, hints[i].hint);
	return fail_hint(f, r,
			 "a filter of a container around this one may refuse it: use "
			 "--fake-root");
}

/* Sends the descriptors with one byte, and waits for the answer. */
static int introduce(int socket, char byte, const int fds[LISTEN_FDS], struct listen_answer *ret)
{
	ssize_t n;
	int r = fdpass_send(socket, &byte, 1, fds, LISTEN_FDS);

	if (r < 0)
		return r;
	do {
		n = recv(socket, ret, sizeof *ret, 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? neg_errno() : n == sizeof *ret ? 0 : -ECONNRESET;
}

static int hand_over(struct sandbox *sb, int fds[static LISTEN_FDS])
{
	CLEANUP(fd_closep) int ns = sandbox_proc_open(sb, "self/ns", O_PATH | O_DIRECTORY);
	struct listen_answer answer = { 0 };
	int r;

	if (ns < 0)
		return fail(sb->fail, -ns, "Can't open the namespaces");
	fds[LISTEN_USERNS] = openat(ns, "user", O_RDONLY | O_CLOEXEC);
	fds[LISTEN_MNTNS] = openat(ns, "mnt", O_RDONLY | O_CLOEXEC);
	if (fds[LISTEN_USERNS] < 0 || fds[LISTEN_MNTNS] < 0)
		return fail(sb->fail, errno, "Can't open the namespaces");
	fds[LISTEN_LISTENER] = seccomp_listen(sb->plan->pretence);
	if (fds[LISTEN_LISTENER] < 0)
		return explain_listen(sb->fail, -fds[LISTEN_LISTENER]);
	r = introduce(sb->notify_socket, sb->plan->landlock ? LISTEN_CONFINED : 0, fds, &answer);
	if (r < 0)
		return fail(sb->fail, -r, "The supervisor of the fake root does not answer");
	answer.text[sizeof answer.text - 1] = '\0';
	return answer.failed ? fail(sb->fail, answer.err, "The supervisor of the fake root: %s",
				    answer.text)
			     : 0;
}

int notify_listen(struct sandbox *sb)
{
	int fds[LISTEN_FDS] = { NO_FD, NO_FD, NO_FD }, r;
	size_t i;

	fail_step(sb->fail, "fake root", "--fake-root-consistent");
	r = hand_over(sb, fds);
	for (i = 0; i < LISTEN_FDS; i++)
		fd_close(fds[i]);
	sb->notify_socket = fd_close(sb->notify_socket);
	return r;
}

int notify_ended(struct notify *n, struct fail *f)
{
	siginfo_t info = { 0 };
	int err = waitid(P_PIDFD, (id_t)n->pidfd, &info, WEXITED) < 0 ? errno : 0;

	*n = (struct notify){ .pidfd = fd_close(n->pidfd), .socket = fd_close(n->socket) };
	if (err == 0 && info.si_code == CLD_EXITED && info.si_status == 0)
		return 0;
	fail_step(f, "fake root", "--fake-root-consistent");
	if (err > 0)
		return fail(f, err, "The supervisor of the fake root has ended");
	return fail(f, 0, "The supervisor of the fake root has ended (%s %d)",
		    info.si_code == CLD_EXITED ? "exit status" : "signal", info.si_status);
}

void notify_end(struct notify *n)
{
	struct pollfd ended = { .fd = n->pidfd, .events = POLLIN };

	n->socket = fd_close(n->socket);
	if (n->pidfd < 0)
		return;
	sys_pidfd_send_signal(n->pidfd, SIGTERM);
	while (poll(&ended, 1, END_TIME) < 0 && errno == EINTR)
		;
	sys_pidfd_send_signal(n->pidfd, SIGKILL);
	waitid(P_PIDFD, (id_t)n->pidfd, NULL, WEXITED);
	n->pidfd = fd_close(n->pidfd);
}
