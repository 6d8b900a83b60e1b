/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the first clone, forwards signals, writes status, and waits for the end. */
#include "launch.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <limits.h>

#include "builder.h"
#include "channel.h"
#include "fail.h"
#include "inside.h"
#include "label.h"
#include "personality.h"
#include "sandbox.h"
#include "seccomp.h"
#include "status.h"
#include "sys.h"
#include "util.h"

static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };

struct launcher {
	const struct launch *l;
	struct fail *fail;
	int socket;
	int signals; /* signalfd, or empty */
	int builder; /* pidfd of the first clone, until it has ended */
	pid_t builder_pid;
	int child; /* pidfd of the sandbox's first process */
	bool ended; /* the command has, with this status: */
	int status;
	bool told; /* the status came from the init */
};

static sigset_t forwarded_set(void)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	return set;
}

/* The descriptors that options name are the launcher's to use, not the command's to find. */
static int claim_fds(const struct plan *p, struct fail *f)
{
	const struct {
		const char *option;
		int fd;
	} fds[] = {
		{ "--info-fd", p->info_fd },
		{ "--json-status-fd", p->json_fd },
		{ "--block-fd", p->block_fd },
		{ "--userns-block-fd", p->userns_block_fd },
		{ "--seccomp", p->seccomp_fd },
		{ "--userns", p->userns_fd },
		{ "--userns2", p->userns2_fd },
		{ "--pidns", p->pidns_fd },
		{ "--sync-fd", p->as_pid_1 ? NO_FD : p->sync_fd },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i].fd >= 0 && fcntl(fds[i].fd, F_SETFD, FD_CLOEXEC) < 0 &&
		    p->as->checks_fds)
			return fail_hint(f, fail(f, errno, "%s %d", fds[i].option, fds[i].fd),
					 "the caller has not opened that descriptor");
	for (i = 0; i < p->n_seccomp_fds && p->as->checks_fds; i++)
		if (fcntl(p->seccomp_fds[i], F_GETFD) < 0)
			return fail_hint(f,
					 fail(f, errno, "--add-seccomp-fd %d", p->seccomp_fds[i]),
					 "the caller has not opened that descriptor");
	for (i = 0; i < p->n_keep_fds; i++)
		if (fcntl(p->keep_fds[i], F_GETFD) < 0)
			return fail_hint(f, fail(f, errno, "--keep-fd %d", p->keep_fds[i]),
					 "the caller has not opened that descriptor");
	return 0;
}

static int read_filters(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	size_t i;
	int r;

	sb->filters = calloc(p->n_seccomp_fds + 1, sizeof *sb->filters);
	sb->lock_fds = calloc(p->n_locks + 1, sizeof *sb->lock_fds);
	if (!sb->filters || !sb->lock_fds)
		return fail(sb->fail, ENOMEM, "Out of memory");
	for (i = 0; i < p->n_seccomp_fds; i++) {
		r = seccomp_read(p->seccomp_fds[i], &sb->filters[i], sb->fail);
		if (r < 0)
			return r;
		fcntl(p->seccomp_fds[i], F_SETFD, FD_CLOEXEC);
	}
	sb->n_filters = p->n_seccomp_fds;
	return 0;
}

static int check_labels(const struct plan *p, struct fail *f)
{
	int r = p->exec_label ? label_check(p->exec_label, f) : 0;

	if (r == 0 && p->file_label)
		r = label_check(p->file_label, f);
	return r;
}

/* Fills in what the processes inside will need, before there are any. */
static int prepare(const struct launch *l, struct sandbox *sb, char cwd[static PATH_MAX])
{
	int r;

	*sb = (struct sandbox){
		.plan = l->plan,
		.caller = l->caller,
		.fail = sb->fail,
		.env = l->env,
		.n_env = l->n_env,
		.trace = l->trace,
		.proc_fd = l->proc_fd,
		.socket = NO_FD,
		.launcher = NO_FD,
		.terminal = l->terminal,
		.args_start = l->args_start,
		.args_length = l->args_length,
		.cwd_fd = NO_FD,
		.root_fd = NO_FD,
		.scratch_fd = NO_FD,
		.parent_fd = NO_FD,
		.void_fd = NO_FD,
		.host_proc = NO_FD,
	};
	sb->cwd = getcwd(cwd, PATH_MAX) && cwd[0] == '/' ? cwd : NULL;
	sb->umask = umask(0);
	umask(sb->umask);
	r = claim_fds(l->plan, sb->fail);
	if (r == 0)
		r = check_labels(l->plan, sb->fail);
	if (r == 0)
		r = read_filters(sb);
	if (r < 0)
		return r;
	sb->launcher_pid = getpid();
	sb->launcher = sys_pidfd_open(sb->launcher_pid);
	if (sb->launcher < 0)
		return fail_hint(sb->fail, fail(sb->fail, errno, "pidfd_open"),
				 "husk needs Linux 5.14 or later");
	return 0;
}

static uint64_t first_clone_flags(const struct plan *p)
{
	if (p->userns_fd >= 0)
		return p->split ? 0 : p->unshare & CLONE_NEWPID;
	return CLONE_NEWNS | (p->userns ? CLONE_NEWUSER : 0) | (p->split ? 0 : p->unshare);
}

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Lets go of everything that the sandbox has by now: a pipe must end when the command closes it. */
static void close_others(const struct launcher *la, const struct plan *p)
{
	int keep[] = { la->socket,     la->signals, la->builder, la->child,
		       la->l->proc_fd, p->json_fd,  p->info_fd,	 p->userns_block_fd };
	int from = 3;
	size_t i;

	qsort(keep, ARRAY_SIZE(keep), sizeof *keep, compare_fds);
	for (i = 0; i < ARRAY_SIZE(keep); i++) {
		if (keep[i] < from)
			continue;
		if (keep[i] > from)
			sys_close_range((unsigned)from, (unsigned)keep[i] - 1, 0);
		from = keep[i] + 1;
	}
	sys_close_range((unsigned)from, ~0U, 0);
}

/* The sandbox's first process is known: tell the caller, wait where it wants to write the maps, let
 * it go on. */
static int child_known(struct launcher *la, pid_t child)
{
	const struct plan *p = la->l->plan;
	ssize_t n;
	char byte;
	int r;

	if (!inside_waits(p))
		return 0;
	r = status_write_start(p, la->l->proc_fd, child, la->fail);
	if (r < 0)
		return r;
	if (p->userns_block_fd >= 0) {
		do {
			n = read(p->userns_block_fd, &byte, 1);
		} while (n < 0 && errno == EINTR);
	}
	channel_send(la->socket, MESSAGE_GO, 0);
	return 0;
}

static int adopt_child(struct launcher *la, pid_t pid)
{
	la->child = sys_pidfd_open(pid);
	if (la->child < 0)
		return fail(la->fail, errno, "pidfd_open");
	if (la->builder >= 0 || la->l->plan->pidns_fd < 0)
		waitid(P_PID, (id_t)la->builder_pid, NULL, WEXITED);
	la->builder = fd_close(la->builder);
	return child_known(la, pid);
}

/* A builder that only makes the sandbox may borrow our memory and let us sleep meanwhile, which
 * saves the copy of it and a wake-up. One that reads the caller's descriptors may take long, and
 * must leave us awake for signals. */
static bool may_borrow(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n_ops; i++)
		if (p->ops[i].fd >= 0)
			return false;
	return p->split && p->userns_block_fd < 0 && p->pidns_fd < 0;
}

/* Runs the builder to its end in our memory. vfork(2) takes no namespaces: the builder makes them
 * itself. */
static pid_t clone_borrowing(struct sandbox *sb)
{
	int flags = (int)first_clone_flags(sb->plan);
	pid_t pid = vfork();

	if (pid != 0)
		return pid;
	if (unshare(flags) == 0)
		builder_main(sb);
	sb->fail->step = "namespaces";
	inside_explain_clone(sb, errno);
	_exit(1);
}

static pid_t clone_copying(struct launcher *la, struct sandbox *sb)
{
	struct clone_args args = {
		.flags = first_clone_flags(sb->plan) | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&la->builder,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = sys_clone3(&args);

	if (pid == 0)
		builder_main(sb);
	return pid;
}

static int clone_builder(struct launcher *la, struct sandbox *sb)
{
	bool borrow = may_borrow(sb->plan);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail(sb->fail, errno, "socketpair");
	sb->socket = pair[1];
	sb->outer_socket = pair[0];
	la->socket = pair[0];
	sb->borrowed = borrow;
	la->builder_pid = borrow ? clone_borrowing(sb) : clone_copying(la, sb);
	close(pair[1]);
	if (la->builder_pid < 0) {
		sb->fail->step = "namespaces";
		return inside_explain_clone(sb, errno);
	}
	if (!borrow)
		return 0;
	if (sb->child_pid > 0)
		return adopt_child(la, sb->child_pid);
	waitid(P_PID, (id_t)la->builder_pid, NULL, WEXITED);
	return sb->fail->set ? -EIO
			     : fail(sb->fail, 0, "The sandbox was killed while it was set up");
}

/* Takes one message. Returns 1, 0 when there was none, or -errno with the failure recorded. */
static int receive(struct launcher *la)
{
	struct message m;
	int r = channel_receive(la->socket, &m, true);

	if (r == -EAGAIN)
		return 0;
	if (r <= 0) {
		la->socket = fd_close(la->socket);
		la->ended |= la->builder < 0 && la->child < 0; /* nobody is left */
		return 0;
	}
	switch (m.type) {
	case MESSAGE_PID:
		r = adopt_child(la, m.value);
		if (r < 0)
			return r;
		break;
	case MESSAGE_FAIL:
		if (!la->fail->set)
			*la->fail = m.fail;
		break;
	case MESSAGE_EXIT:
		la->told = true;
		la->status = m.value;
		break;
	case MESSAGE_KEYRING:
		status_write_text(la->l->plan, "session-keyring", "refused");
		break;
	case MESSAGE_GO:
		break;
	}
	return 1;
}

/* Passes a signal on, but not one that the terminal has sent to the whole group already. A hang-up
 * it sends to the session's leader alone. */
static void forward(struct launcher *la)
{
	struct signalfd_siginfo info;

	if (read(la->signals, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_code == SI_KERNEL && !la->l->plan->new_session &&
	    !(info.ssi_signo == SIGHUP && getsid(0) == getpid()))
		return;
	if (la->child >= 0)
		sys_pidfd_send_signal(la->child, (int)info.ssi_signo);
	else
		sys_pidfd_send_signal(la->builder, SIGKILL);
}

/* Reaps the sandbox's first process, if it has ended. */
static void reap(struct launcher *la, int pidfd)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return;
	if (pidfd == la->builder && info.si_code == CLD_EXITED && info.si_status == 0) {
		la->builder = fd_close(
			la->builder); /* it has done its work, and the sandbox will say its pid */
		return;
	}
	la->ended = true;
	/* what it said before its end */
	while (la->socket >= 0 && receive(la) > 0)
		;
	if (!la->told)
		la->status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
}

/* The builder ends before its time only when it failed, or when it was the sandbox all along. */
static int wait_for_end(struct launcher *la)
{
	const struct plan *p = la->l->plan;
	int r = 0;

	while (!la->ended && !(la->told && !p->as->kills_orphans)) {
		/* where the end is waited for anyway, what the sandbox says before it can wait too
		 */
		bool later = la->child >= 0 && p->as->kills_orphans && p->json_fd < 0;
		struct pollfd fds[] = {
			{ .fd = later ? -1 : la->socket, .events = POLLIN },
			{ .fd = la->signals, .events = POLLIN },
			{ .fd = la->child >= 0 ? la->child : la->builder, .events = POLLIN },
		};

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return fail(la->fail, errno, "poll");
		/* what was said before the end comes first */
		if (fds[0].revents)
			r = receive(la);
		else if (fds[1].revents)
			forward(la);
		else if (fds[2].revents)
			reap(la, fds[2].fd);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Stops what has begun: the launcher itself failed. */
static void abandon(struct launcher *la)
{
	if (la->child >= 0)
		sys_pidfd_send_signal(la->child, SIGKILL);
	if (la->builder >= 0)
		sys_pidfd_send_signal(la->builder, SIGKILL);
}

static int supervise(struct launcher *la, struct sandbox *sb)
{
	const struct plan *p = la->l->plan;
	int r = 0;

	if (!p->split) {
		la->child = TAKE_FD(la->builder);
		r = child_known(la, la->builder_pid);
	}
	close_others(la, p);
	sb->launcher = NO_FD;
	if (r == 0)
		r = wait_for_end(la);
	if (r < 0) {
		abandon(la);
		return r;
	}
	if ((la->child < 0 || (p->init && p->as->explains)) && !la->told && !la->fail->set)
		return fail(la->fail, 0, "The sandbox was killed from outside");
	return la->fail->set ? -EIO : 0;
}

int launch_run(const struct launch *l, int *ret_status, struct fail *f)
{
	struct launcher la = { .l = l,
			       .fail = f,
			       .socket = NO_FD,
			       .signals = NO_FD,
			       .builder = NO_FD,
			       .child = NO_FD };
	struct sandbox sb = { .fail = f };
	char cwd[PATH_MAX];
	sigset_t set = forwarded_set();
	int r;

	signal(SIGCHLD, SIG_DFL);
	/* the parent may have died since it was last seen */
	if (l->plan->die_with_parent &&
	    (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != l->parent))
		return fail(f, 0, "The parent has died");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(f, errno, "prctl(PR_SET_NO_NEW_PRIVS)");
	r = prepare(l, &sb, cwd);
	if (r < 0)
		return r;
	if (l->plan->as->forwards) {
		sigprocmask(SIG_BLOCK, &set, &sb.signals);
		la.signals = signalfd(-1, &set, SFD_CLOEXEC);
	} else {
		sigprocmask(SIG_BLOCK, NULL, &sb.signals);
	}
	r = clone_builder(&la, &sb);
	if (r < 0)
		return r;
	r = supervise(&la, &sb);
	if (r < 0)
		return r;
	status_write_number(l->plan, "exit-code",
			    WIFSIGNALED(la.status) ? 128 + WTERMSIG(la.status)
						   : WEXITSTATUS(la.status));
	*ret_status = la.status;
	return 0;
}

void launch_die_of(int sig)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	kill(getpid(), sig);
}
