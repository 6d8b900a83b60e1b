/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts the command, as the ordered table at the end of this file. */
#include "command.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "audit.h"
#include "broken.h"
#include "caps.h"
#include "channel.h"
#include "exec.h"
#include "fail.h"
#include "init.h"
#include "landlock.h"
#include "notify.h"
#include "personality.h"
#include "pty.h"
#include "rlimit.h"
#include "sandbox.h"
#include "seccomp.h"
#include "signals.h"
#include "sys.h"
#include "util.h"
#include "wait.h"

/* Copies a NULL-terminated list with its strings into one block of memory; EXTRA free slots follow
 * the last. */
static char **copy_list(char **list, size_t extra)
{
	size_t n, bytes = 0, length;
	char **copy, *to;

	for (n = 0; list[n]; n++)
		bytes += strlen(list[n]) + 1;
	copy = calloc(1, (n + 1 + extra) * sizeof *copy + bytes);
	if (!copy)
		return NULL;
	to = (char *)(copy + n + 1 + extra);
	for (n = 0; list[n]; n++) {
		length = strlen(list[n]) + 1;
		copy[n] = memcpy(to, list[n], length);
		to += length;
	}
	return copy;
}

int command_scrub(struct sandbox *sb)
{
	size_t length = strlen(sb->plan->as->name);
	char **env = copy_list(sb->env, 2);

	sb->command = copy_list(sb->plan->command, 0);
	sb->chdir = sb->plan->chdir ? strdup(sb->plan->chdir) : NULL;
	sb->argv0 = sb->plan->argv0 ? strdup(sb->plan->argv0) : NULL;
	sb->exec_label = sb->plan->exec_label ? strdup(sb->plan->exec_label) : NULL;
	if (!env || !sb->command || (sb->plan->chdir && !sb->chdir) ||
	    (sb->plan->argv0 && !sb->argv0) || (sb->plan->exec_label && !sb->exec_label))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the process ends */
		return fail(sb->fail, ENOMEM, "Out of memory");
	sb->env = env;
	if (sb->args_length > length) {
		memset(sb->args_start, 0, sb->args_length);
		memcpy(sb->args_start, sb->plan->as->name, length);
	}
	return 0;
}

/* Should: have exactly the capabilities of the plan. Mustn't: touch anything when that is what it
 * has. */
static int step_capabilities(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	/* of root bubblewrap limits the bounding set only in a new user namespace, the others only
	 * when asked */
	bool bwrap_root = !p->as->all_caps && sb->caller->uid == 0;
	bool in_userns = p->userns || p->userns_fd >= 0;
	uid_t uid = plan_joins_all(p) ? geteuid() : p->uid;
	int r = 0;

	if (p->as->all_caps && p->caps == CAPS_ALL && uid == 0)
		return 0;
	if (!bwrap_root || in_userns)
		r = caps_limit_bounding(p->caps);
	if (r == 0 && (!bwrap_root || p->caps_edited))
		r = caps_limit(p->caps, !p->as->all_caps || uid != 0);
	return r < 0 ? fail(sb->fail, -r, "Setting capabilities") : 0;
}

static int step_label(struct sandbox *sb)
{
	int r = sb->exec_label ? sandbox_proc_write(sb, "thread-self/attr/exec", sb->exec_label)
			       : 0;

	return r < 0 ? fail(sb->fail, -r, "label_exec %s", sb->exec_label) : 0;
}

/* Enters DIR, which no magic link may lead out of the sandbox. */
static int enter(const char *dir)
{
	CLEANUP(fd_closep)
	int fd = sys_openat2(AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_CLOEXEC,
			     BROKEN("chdir-no-magic-links") ? 0 : RESOLVE_NO_MAGICLINKS);

	if (fd < 0 || fchdir(fd) < 0)
		return neg_errno();
	return 0;
}

static const char *get_variable(const struct sandbox *sb, const char *name)
{
	size_t i, length = strlen(name);

	for (i = 0; i < sb->n_env; i++)
		if (strncmp(sb->env[i], name, length) == 0 && sb->env[i][length] == '=')
			return sb->env[i] + length + 1;
	return NULL;
}

/* PWD tells where the command starts, whatever it was before. */
static int set_pwd(struct sandbox *sb, const char *dir)
{
	char *pwd = malloc(strlen(dir) + sizeof "PWD=");
	size_t i;

	if (!pwd)
		return fail(sb->fail, ENOMEM, "Out of memory");
	stpcpy(stpcpy(pwd, "PWD="), dir);
	for (i = 0; i < sb->n_env; i++)
		if (strncmp(sb->env[i], "PWD=", 4) == 0)
			break;
	sb->env[i] = pwd;
	if (i == sb->n_env)
		sb->env[++sb->n_env] = NULL;
	return 0;
}

/* Enters DIR if it is there for the command. Returns 1 when it is, 0, or -errno with the failure
 * recorded when that could not be found out. */
static int enter_existing(struct sandbox *sb, const char *dir)
{
	static const int absent[] = { ENOENT, ENOTDIR, EACCES,	     ELOOP,
				      ESTALE, EIO,     ENAMETOOLONG, ENOTCONN };
	int r = enter(dir);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(absent); i++)
		if (r == -absent[i])
			return 0;
	return r < 0 ? fail(sb->fail, -r, "Can't chdir to %s", dir) : 1;
}

/* Should: start where the caller said, or where the caller was, or at home, or at the root.
 * Mustn't: stay in a directory that set-up used. */
static int step_directory(struct sandbox *sb)
{
	const char *home = get_variable(sb, "HOME");
	int r;

	if (BROKEN("directory-entered"))
		return 0;
	if (sb->chdir) {
		r = sb->chdir[0] == '/' ? 0 : enter("/");
		if (r == 0)
			r = enter(sb->chdir);
		if (r < 0)
			return fail(sb->fail, -r, "Can't chdir to %s", sb->chdir);
		return set_pwd(sb, sb->chdir);
	}
	r = sb->cwd ? enter_existing(sb, sb->cwd) : 0;
	if (r != 0)
		return r < 0 ? r : set_pwd(sb, sb->cwd);
	r = home && home[0] != '/' ? enter("/") : 0;
	if (r == 0 && home)
		r = enter_existing(sb, home);
	if (r != 0)
		return r < 0 ? r : set_pwd(sb, home);
	r = enter("/");
	return r < 0 ? fail(sb->fail, -r, "Can't chdir to /") : set_pwd(sb, "/");
}

static int keep_descriptors(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	size_t i;

	if (p->inherit_fds || BROKEN("descriptors-closed"))
		return 0;
	if (sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return fail(sb->fail, errno, "close_range");
	for (i = 0; i < p->n_keep_fds; i++)
		if (fcntl(p->keep_fds[i], F_SETFD, 0) < 0)
			return fail(sb->fail, errno, "--keep-fd %d", p->keep_fds[i]);
	return 0;
}

/* Should: leave the command 0, 1, 2 and what was asked for. Mustn't: close the channel, by which a
 * failing execve is told. */
static int step_descriptors(struct sandbox *sb)
{
	return sb->plan->as->closes_fds ? keep_descriptors(sb) : 0;
}

static int filter(struct sandbox *sb, size_t from, size_t to)
{
	size_t i;
	int r = 0;

	for (i = from; i < to && r == 0; i++)
		r = seccomp_install(&sb->filters[i], sb->fail);
	return r;
}

int command_filter(struct sandbox *sb)
{
	return filter(sb, 0, sb->n_filters);
}

/* Installs the filters that husk has made for the plan, the first OWN of all, and sees that they
 * are there: of the caller's, which follow, the kernel's word must do, since they may refuse the
 * question. */
static int filter_own(struct sandbox *sb, size_t own)
{
	size_t want = seccomp_count(sb->plan);
	int fd = NO_FD, before, r;

	if (own == 0 && want == 0)
		return 0;
	before = audit_filters_before(sb, &fd);
	if (before < 0)
		return before;
	r = filter(sb, 0, own);
	return r < 0 ? r : audit_filters(sb, fd, before + (int)want);
}

/* Should: have its own filters below the caller's, whose answers then stand. Mustn't: be followed
 * by anything that a filter could refuse, but execve. */
static int step_seccomp(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	size_t own = sb->n_filters - p->n_seccomp_fds - (p->seccomp_fd >= 0);
	int r;

	r = sb->plan->consistent ? notify_listen(sb) : 0;
	if (r < 0)
		return r;
	r = sb->terminal && !BROKEN("terminal-filter") ? seccomp_refuse_terminal() : 0;
	if (r == 0 && sb->refuse_keys)
		r = seccomp_refuse_keyring();
	if (r < 0)
		return fail(sb->fail, -r, "prctl(PR_SET_SECCOMP)");
	/* the caller's may refuse the question */
	if (sb->terminal || sb->refuse_keys)
		r = audit_filtered(sb);
	if (r == 0)
		r = filter_own(sb, own);
	return r < 0 ? r : filter(sb, own, sb->n_filters);
}

/* Who is root inside can raise the limit of its own pid namespace again. The same number as a limit
 * of the user's processes, which the kernel counts in the sandbox's user namespace and in all below
 * it, it cannot. Of the real root the kernel does not count them. */
static int limit_processes(struct sandbox *sb)
{
	uint64_t most = sb->plan->pid_limit, now[2];

	if (most == 0 || !sb->plan->userns)
		return 0;
	if (rlimit_get(RLIMIT_NPROC, now) < 0 ||
	    rlimit_set(RLIMIT_NPROC, now[0] < most ? now[0] : most, now[1] < most ? now[1] : most) <
		    0)
		return fail(sb->fail, errno, "--pid-limit %u", sb->plan->pid_limit);
	return 0;
}

/* VALUE of a limit in words, in BUF where it is a number. */
static const char *limit_text(uint64_t value, char *buf, size_t size)
{
	if (value == RLIM_INFINITY)
		return "unlimited";
	snprintf(buf, size, "%" PRIu64, value);
	return buf;
}

static int fail_limit(struct sandbox *sb, const struct limit *l, int err)
{
	bool one = l->soft == l->hard;
	char soft[24], hard[24];

	return fail_hint(sb->fail,
			 fail(sb->fail, err, "--rlimit %s=%s%s%s", rlimit_name(l->resource),
			      limit_text(l->soft, soft, sizeof soft), one ? "" : ":",
			      one ? "" : limit_text(l->hard, hard, sizeof hard)),
			 err == EPERM ? "a limit cannot be above the caller's hard limit, which "
					"ulimit -H shows"
				      : NULL);
}

static int set_limits(struct sandbox *sb, const struct limit *limits, size_t n)
{
	const struct limit *l;

	for (l = limits; l < limits + n; l++)
		if (rlimit_set(l->resource, l->soft, l->hard) < 0)
			return fail_limit(sb, l, errno);
	return 0;
}

/* Should: limit the command, those of a joined process first, and nothing of the set-up, to which a
 * limit would be a failure at a place that nobody understands; let the lower one of --rlimit nproc
 * and --pid-limit hold. Mustn't: name what the command line said, which is gone by now. */
static int step_limits(struct sandbox *sb)
{
	const struct join *join = &sb->caller->join;
	int r = 0;

	if (!(sb->plan->join_without & WALL_LIMITS))
		r = set_limits(sb, join->limits, join->n_limits);
	if (r == 0)
		r = set_limits(sb, sb->plan->limits, sb->plan->n_limits);
	return r < 0 ? r : limit_processes(sb);
}

/* Should: give back what the launcher had changed of the caller's. Mustn't: follow the filters. */
static int step_restore(struct sandbox *sb)
{
	umask(sb->plan->umask_set ? sb->plan->umask : sb->umask);
	if (init_watches(sb->plan) && signals_mask(SIG_SETMASK, &sb->signals, NULL) < 0)
		return fail(sb->fail, errno, "sigprocmask");
	return 0;
}

/* Should: be in the foreground of its own terminal, with that as 0, 1 and 2. Mustn't: be stopped
 * for it: the signals are blocked until they are restored. */
static int step_terminal(struct sandbox *sb)
{
	return pty_enter(sb);
}

/* Should: say that all is set up but the filters, which could forbid to say so. Mustn't: be needed
 * by anybody but the reader of --status-fd. */
static int step_ready(struct sandbox *sb)
{
	return sb->plan->status_fd >= 0 ? channel_send(sb->socket, MESSAGE_READY, 0) : 0;
}

/* Should: leave the watch over the launcher to the kernel where no init stays. Mustn't: follow the
 * filters, which may refuse what it takes; precede a change of capabilities, which may undo it. */
static int step_watch(struct sandbox *sb)
{
	return sb->plan->init ? 0 : wait_watch_launcher(sb);
}

static const struct step command_steps[] = {
	{ "capabilities", step_capabilities, NULL },
	{ "label", step_label, "--exec-label" },
	{ "directory", step_directory, "--chdir" },
	{ "terminal", step_terminal, "--pty" },
	{ "descriptors", step_descriptors, NULL },
	{ "limits", step_limits, "--rlimit" },
	{ "restore", step_restore, NULL },
	{ "landlock", landlock_restrict, "--landlock" },
	{ "ready", step_ready, NULL },
	{ "watch", step_watch, NULL },
	{ "self-audit", audit_process, NULL },
	{ "seccomp", step_seccomp, NULL },
};

void command_exec(struct sandbox *sb)
{
	char **argv = sb->command ? sb->command : sb->plan->command;
	const char *file = argv[0];
	int r;

	if (!sb->command) {
		sb->chdir = sb->plan->chdir;
		sb->argv0 = sb->plan->argv0;
		sb->exec_label = sb->plan->exec_label;
	}
	if (steps_run(sb, "command", command_steps, ARRAY_SIZE(command_steps)) < 0)
		return;
	trace_total(&sb->trace, "command", "all, up to execve");
	fail_step(sb->fail, NULL, NULL);
	if (sb->argv0)
		argv[0] = (char *)sb->argv0;
	if (sb->plan->self_test) {
		sys_execveat(sb->plan->self_exe, "", argv, sb->env, AT_EMPTY_PATH);
		r = neg_errno();
	} else {
		r = exec_search(file, argv, sb->env);
	}
	sb->fail->kind = r == -ENOENT ? FAIL_NOTFOUND : FAIL_NOEXEC;
	r = fail(sb->fail, -r, "execvp %s", file);
	/* more than that cannot be asked: the filters hold already */
	if (sb->fail->kind == FAIL_NOTFOUND && sb->plan->root == ROOT_NEW)
		fail_hint(sb->fail, r,
			  "the root holds only what the options put there, and a program needs its "
			  "dynamic linker and libraries too: a small root is among the examples in "
			  "husk(1), --ro-bind / / shows the host's");
}
