/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prepares the launch and makes its first clone. */
#include "launch.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <limits.h>

#include "builder.h"
#include "events.h"
#include "fail.h"
#include "inside.h"
#include "label.h"
#include "landlock.h"
#include "mapper.h"
#include "personality.h"
#include "sandbox.h"
#include "seccomp.h"
#include "signals.h"
#include "status.h"
#include "supervise.h"
#include "sysctl.h"
#include "sys.h"
#include "tty.h"
#include "util.h"
#include "watcher.h"

static int read_filters(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	size_t i;
	int r;

	sb->filters = calloc(p->n_seccomp_fds + 4, sizeof *sb->filters);
	sb->lock_fds = calloc(p->n_locks + 1, sizeof *sb->lock_fds);
	if (!sb->filters || !sb->lock_fds)
		return fail(sb->fail, ENOMEM, "Out of memory");
	r = seccomp_of_plan(p, sb->filters, &sb->n_filters, sb->fail);
	for (i = 0; i < p->n_seccomp_fds && r == 0; i++)
		r = seccomp_read(p->seccomp_fds[i], p->as->explains ? "--add-seccomp-fd" : NULL,
				 &sb->filters[sb->n_filters++], sb->fail);
	return r;
}

static int check_labels(const struct plan *p, struct fail *f)
{
	bool named = p->as->explains;
	int r = p->exec_label ? label_check(named ? "--exec-label " : "", p->exec_label, f) : 0;

	if (r == 0 && p->file_label)
		r = label_check(named ? "--file-label " : "", p->file_label, f);
	return r;
}

/* Fills in what the processes inside will need, before there are any. */
static int prepare(const struct launch *l, struct sandbox *sb)
{
	char *path;
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
		.notify_socket = NO_FD,
		.terminal = l->terminal || l->caller->join.terminal,
		.args_start = l->args_start,
		.args_length = l->args_length,
		.pty = NO_FD,
		.cwd_fd = NO_FD,
		.root_fd = NO_FD,
		.harbour_fd = NO_FD,
		.scratch_fd = NO_FD,
		.parent_fd = NO_FD,
		.masks_fd = NO_FD,
		.void_fd = NO_FD,
		.host_sys = NO_FD,
		.host_proc = NO_FD,
		.landlock_fd = NO_FD,
		.landlock_probe = NO_FD,
		.maps_from = NO_FD,
		.maps_to = NO_FD,
	};
	path = malloc(PATH_MAX);
	if (!path)
		return fail(sb->fail, ENOMEM, "Out of memory");
	sb->cwd = getcwd(path, PATH_MAX);
	/* removed, or too deep to be named: the command will start elsewhere */
	if (!sb->cwd && errno != ENOENT && errno != ERANGE && errno != ENAMETOOLONG &&
	    errno != EACCES) {
		r = fail(sb->fail, errno, "Can't tell the working directory");
		free(path);
		return r;
	}
	if (sb->cwd && sb->cwd[0] != '/') /* out of reach, getcwd(3) */
		sb->cwd = NULL;
	if (sb->cwd)
		sb->cwd = realloc(path, strlen(path) + 1);
	else
		free(path);
	sb->umask = umask(0);
	r = check_labels(l->plan, sb->fail);
	if (r == 0)
		r = read_filters(sb);
	if (r == 0)
		r = sysctl_remember(sb);
	if (r < 0)
		return r;
	sb->launcher = l->plan->dies_with_launcher ? sys_pidfd_open(getpid()) : NO_FD;
	if (sb->launcher < 0 && l->plan->dies_with_launcher)
		return fail_hint(sb->fail, fail(sb->fail, errno, "pidfd_open"),
				 errno == ENOSYS ? "husk needs Linux 5.14 or later" : NULL);
	return 0;
}

static uint64_t first_clone_flags(const struct plan *p)
{
	if (p->joins)
		return 0; /* the builder enters them first */
	if (p->userns_fd >= 0)
		return p->split ? 0 : p->unshare & CLONE_NEWPID;
	return CLONE_NEWNS | (p->userns ? CLONE_NEWUSER : 0) | (p->split ? 0 : p->unshare);
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
	/* vfork(2) takes no cgroup */
	return p->split && !p->ranges && p->userns_block_fd < 0 && p->pidns_fd < 0 && !p->joins &&
	       p->cgroup_fd < 0;
}

/* Runs the builder to its end in our memory. vfork(2) takes no namespaces: the builder makes them
 * itself. */
static pid_t clone_borrowing(struct sandbox *sb)
{
	int flags = (int)first_clone_flags(sb->plan);
	pid_t pid = vfork();

	if (pid != 0)
		return pid;
	/* the launcher waits meanwhile, and means to find what is written here */
	/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork) */
	if (unshare(flags) == 0) {
		trace_lap(&sb->trace, "builder", "namespaces");
		builder_main(sb);
	}
	fail_step(sb->fail, "namespaces", NULL);
	inside_explain_clone(sb, errno);
	_exit(1);
}

/* The cgroup that the sandbox is to be born in, or empty. */
static int cgroup_of(const struct sandbox *sb)
{
	return sb->plan->cgroup_fd >= 0 ? sb->plan->cgroup_fd : sb->caller->join.cgroup_fd;
}

static pid_t clone_copying(struct supervisor *su, struct sandbox *sb)
{
	bool in_cgroup = cgroup_of(sb) >= 0;
	struct clone_args args = {
		.flags = first_clone_flags(sb->plan) | CLONE_PIDFD |
			 (in_cgroup ? CLONE_INTO_CGROUP : 0),
		.cgroup = in_cgroup ? (uint64_t)cgroup_of(sb) : 0,
		.pidfd = (uint64_t)(uintptr_t)&su->builder,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = sys_clone3(&args);

	if (pid == 0) {
		trace_lap(&sb->trace, "builder", "namespaces");
		builder_main(sb);
	}
	return pid;
}

/* What the kernel says of a cgroup that it does not start a process in, cgroups(7). */
static int explain_cgroup(struct sandbox *sb, int err)
{
	static const struct {
		int err;
		const char *hint;
	} hints[] = {
		{ EACCES, "who calls must be in a cgroup of the same subtree, and may write the "
			  "cgroup.procs of the first ancestor of both" },
		{ EBADF, "it must be an open directory of a cgroup2 hierarchy" },
		{ EBUSY, "it has controllers enabled for its children: give one of those" },
		{ EOPNOTSUPP, "it is threaded, or invalid as cgroup.type says" },
		{ ENODEV, "it has been removed, or is being killed" },
	};
	const struct join *join = &sb->caller->join;
	size_t i;

	if (sb->plan->cgroup_fd < 0 && err != EPERM && err != ENOSPC)
		return fail_hint(sb->fail,
				 fail(sb->fail, err, "Following process %d into its cgroup %s",
				      (int)join->pid, join->cgroup),
				 "the caller must be allowed to write the cgroup.procs of that "
				 "cgroup and of the first one around both; to stay in the "
				 "caller's: --join-without cgroup");
	for (i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].err == err)
			return fail_hint(sb->fail,
					 fail(sb->fail, err, "--cgroup-fd %d", sb->plan->cgroup_fd),
					 hints[i].hint);
	return inside_explain_clone(sb, err);
}

static int clone_builder(struct supervisor *su, struct sandbox *sb)
{
	bool borrow = may_borrow(sb->plan);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail(sb->fail, errno, "socketpair");
	sb->socket = pair[1];
	sb->outer_socket = pair[0];
	su->socket = pair[0];
	sb->borrowed = borrow;
	trace_begin(&sb->trace);
	su->builder_pid = borrow ? clone_borrowing(sb) : clone_copying(su, sb);
	if (su->builder_pid < 0) {
		fail_step(sb->fail, "namespaces", NULL);
		return cgroup_of(sb) >= 0 ? explain_cgroup(sb, errno)
					  : inside_explain_clone(sb, errno);
	}
	/* a builder that borrowed is gone by now */
	if (borrow)
		waitid(P_PID, (id_t)su->builder_pid, NULL, WEXITED);
	if (borrow && sb->child_pid <= 0)
		return sb->fail->set
			       ? -EIO
			       : fail(sb->fail, 0, "The sandbox was killed while it was set up");
	/* its last step is no step of ours */
	if (borrow && !sb->fail->set)
		fail_step(sb->fail, NULL, NULL);
	return 0;
}

/* Sees to it that the launcher learns of its parent's end. The parent-death signal of prctl(2)
 * tells of the thread that started us, whose process may go on: so a pidfd does, and the signal
 * only continues us where we are stopped. Of a parent outside our pid namespace there is no pidfd.
 */
static int watch_parent(const struct launch *l, struct supervisor *su)
{
	if (!l->plan->die_with_parent)
		return 0;
	if (l->parent > 0) {
		su->parent = sys_pidfd_open(l->parent);
		if (su->parent < 0 && errno != ESRCH)
			return fail(su->fail, errno, "pidfd_open");
	}
	if (prctl(PR_SET_PDEATHSIG, l->parent > 0 ? SIGCONT : SIGKILL, 0, 0, 0) < 0)
		return fail(su->fail, errno, "prctl(PR_SET_PDEATHSIG)");
	/* the parent may have died since it was last seen */
	if (getppid() != l->parent)
		return fail(su->fail, 0, "The parent has died");
	return 0;
}

/* Blocks what is to be passed on, and notes the caller's mask for the command. */
static int take_signals(const struct plan *p, struct supervisor *su, struct sandbox *sb)
{
	uint64_t set = signals_forwarded();

	if (!p->as->forwards && !p->dies_with_launcher)
		return 0;
	if (signals_mask(SIG_BLOCK, p->as->forwards ? &set : NULL, &sb->signals) < 0)
		return fail(su->fail, errno, "sigprocmask");
	if (!p->as->forwards)
		return 0;
	su->signals = signals_fd(set, SFD_NONBLOCK);
	return su->signals < 0 ? fail(su->fail, errno, "signalfd") : 0;
}

/* Notes what has come since: what the terminal sent to the whole process group, the sandbox was not
 * in yet. */
static void note_early(const struct supervisor *su, struct sandbox *sb)
{
	struct signalfd_siginfo info;

	while (read(su->signals, &info, sizeof info) == sizeof info)
		sb->early |= signals_one((int)info.ssi_signo);
}

int launch_run(struct launch *l, int *ret_status, struct fail *f)
{
	struct supervisor su = {
		.plan = l->plan,
		.caller = l->caller,
		.fail = f,
		.proc_fd = l->proc_fd,
		.socket = NO_FD,
		.signals = NO_FD,
		.builder = NO_FD,
		.child = NO_FD,
		.watcher = NO_FD,
		.userns = NO_FD,
		.mark = NO_FD,
		.parent = NO_FD,
		.terminal = l->terminal,
		.relay = RELAY_NONE,
		.notify = NOTIFY_NONE,
		.maps_due = l->plan->ranges,
	};
	struct tty_model model;
	struct sandbox sb = { .fail = f };
	int r;

	signal(SIGCHLD, SIG_DFL);
	r = watch_parent(l, &su);
	if (r < 0)
		return r;
	/* else the builder's first act, and ours when the helpers have had their privilege */
	if (!l->plan->ranges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(f, errno, "prctl(PR_SET_NO_NEW_PRIVS)");
	r = l->plan->helpers ? mapper_check(l->plan, f) : 0;
	if (r >= 0)
		r = landlock_mark(l->plan, &su.mark, f);
	if (r >= 0)
		r = prepare(l, &sb);
	if (r < 0)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the process ends */
		return r;
	r = take_signals(l->plan, &su, &sb);
	if (r < 0)
		return r;
	if (l->plan->pty)
		tty_look(&model);
	sb.model = &model;
	trace_lap(&l->trace, "launcher", "preparations");
	if (su.signals >= 0)
		note_early(&su, &sb);
	r = l->plan->consistent ? notify_start(l->plan, l->proc_fd, &su.notify, f) : 0;
	if (r < 0)
		return r;
	sb.notify_socket = su.notify.socket;
	r = clone_builder(&su, &sb);
	/* with all of the builder's time, where it borrowed our memory */
	trace_lap(&l->trace, "launcher", sb.borrowed ? "builder" : "clone");
	if (r == 0)
		r = supervise_to_end(&su, sb.child_pid);
	if (l->plan->consistent)
		notify_end(&su.notify);
	trace_lap(&l->trace, "launcher", "wait");
	if (r < 0) {
		watcher_end(su.watcher);
		return r;
	}
	if (!su.unheard) {
		status_write_number(l->plan, "exit-code",
				    WIFSIGNALED(su.status) ? 128 + WTERMSIG(su.status)
							   : WEXITSTATUS(su.status));
		events_exit(l->plan, su.status, su.orphans);
	}
	watcher_end(su.watcher); /* whose usage is not the command's */
	/* as the command would have died, whether it noticed or not */
	*ret_status = su.relay.pipe_broken ? SIGPIPE : su.status;
	return 0;
}

void launch_die_of(int sig)
{
	uint64_t set = signals_one(sig);

	/* a limit of 0 would not hold for a core that goes to a program, core(5) */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	signal(sig, SIG_DFL);
	signals_mask(SIG_UNBLOCK, &set, NULL);
	kill(getpid(), sig);
}
