/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Completes the sandbox from within and starts the command, as the ordered table at the end of this
 * file. */
#include "inside.h"

#include <linux/keyctl.h>
#include <sched.h>
#include <stdlib.h>

#include "audit.h"
#include "broken.h"
#include "channel.h"
#include "command.h"
#include "dest.h"
#include "fail.h"
#include "idmap.h"
#include "init.h"
#include "landlock.h"
#include "lock.h"
#include "net.h"
#include "ns.h"
#include "personality.h"
#include "proc.h"
#include "pty.h"
#include "sandbox.h"
#include "seccomp.h"
#include "sys.h"
#include "sysctl.h"
#include "util.h"
#include "wait.h"

bool inside_waits(const struct plan *p)
{
	return p->info_fd >= 0 || p->json_fd >= 0 || p->status_fd >= 0 || p->userns_block_fd >= 0 ||
	       p->watched;
}

/* What bubblewrap's callers match on; husk finds out more than what is likely, see diagnose.c. */
static int explain_clone(const struct plan *p, struct fail *f, int err)
{
	bool explains = p->as->explains;

	if (plan_joins_all(p)) /* nothing is made */
		return fail(f, err, "Can't make a process");
	switch (err) {
	case ENOSPC:
		return fail(f, 0, "Creating new namespace failed%s",
			    explains ? ""
				     : ": nesting depth or /proc/sys/user/max_*_namespaces "
				       "exceeded (ENOSPC)");
	case EPERM:
	case EACCES:
		return fail(f, 0, "No permissions to create new namespace%s",
			    explains ? ""
				     : ", likely because the kernel does not allow non-privileged "
				       "user namespaces");
	case EINVAL:
		return fail(f, 0, "Creating new namespace failed%s",
			    explains ? ""
				     : ", likely because the kernel does not support user "
				       "namespaces");
	}
	return fail(f, err, "Creating new namespace failed");
}

int inside_explain_clone(struct sandbox *sb, int err)
{
	return fail_refused(sb->fail, explain_clone(sb->plan, sb->fail, err), REFUSED_NAMESPACES,
			    err);
}

/* Should: die with the launcher, as a child of its own. Mustn't: be done before a change of ids,
 * which would undo it. */
static int step_launcher(struct sandbox *sb)
{
	return sb->plan->split ? wait_watch_launcher(sb) : 0;
}

/* Should: wait until the status has been written. Mustn't: run the command before. */
static int step_go(struct sandbox *sb)
{
	return sb->plan->split && inside_waits(sb->plan) ? wait_go(sb) : 0;
}

/* Should: give the caller the id asked for; it is 0 in the user namespace around this one. Mustn't:
 * deny setgroups again, which is inherited. */
static int step_maps(struct sandbox *sb)
{
	const struct plan *p = sb->plan;

	if (!p->two_levels || p->enters)
		return 0;
	if (p->ranges)
		return idmap_await(sb);
	return idmap_write(sb, p->uid, sb->outer_uid, p->gid, sb->outer_gid, p->owner_joined);
}

/* Should: mount what belongs to the new namespaces over the covers that wait for it. Mustn't:
 * clone, pivot, umount. */
static int step_mounts(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	size_t i;
	int r;

	if (sb->void_fd < 0)
		return 0;
	sb->root_fd = fd_close(sb->root_fd);
	dest_forget(sb);
	sb->root_fd = sys_open("/", O_PATH | O_CLOEXEC);
	if (sb->root_fd < 0)
		return fail(sb->fail, errno, "can't open /");
	fd_close(sb->cwd_fd);
	sb->cwd_fd = sys_open(".", O_PATH | O_CLOEXEC);
	if (sb->cwd_fd < 0)
		return fail(sb->fail, errno, "Can't open the hidden directory");
	for (i = 0; i < p->n_ops; i++) {
		r = p->ops[i].deferred ? proc_complete(sb, &p->ops[i]) : 0;
		if (r < 0)
			return r;
	}
	return proc_seal(sb);
}

static int step_loopback(struct sandbox *sb)
{
	int r = sb->plan->unshare & CLONE_NEWNET ? net_loopback_up() : 0;

	return r < 0 ? fail(sb->fail, -r, "loopback: Failed to bring up lo") : 0;
}

static int step_hostname(struct sandbox *sb)
{
	const char *name = sb->plan->hostname;

	if (name && sethostname(name, strlen(name)) < 0)
		return fail_hint(sb->fail, fail(sb->fail, errno, "Can't set hostname to %s", name),
				 errno == EINVAL ? "a host name has at most 64 bytes" : NULL);
	return 0;
}

/* Should: set what namespaces of the sandbox have of their own. Mustn't: come before lo is up, or
 * reach a namespace that is the host's. */
static int step_settings(struct sandbox *sb)
{
	return sysctl_write(sb);
}

/* Should: leave the caller's session keyring behind. Mustn't: go on with it: where no other can be
 * had, as when the user's quota of keys is used up, the command's key calls are refused and the
 * launcher is told. */
static int step_keyring(struct sandbox *sb)
{
	if (!sb->plan->as->fresh_keyring ||
	    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS)
		return 0;
	sb->refuse_keys = true;
	return channel_send(sb->socket, MESSAGE_KEYRING, 0);
}

/* Should: see that every mount has the flags that the plan asked for. Mustn't: run before the last
 * mount. */
static int step_audit(struct sandbox *sb)
{
	const struct plan *p = sb->plan;

	return p->root == ROOT_HOST || p->root == ROOT_JOINED || p->not_a_boundary
		       ? 0
		       : audit_mounts(sb);
}

static int step_assert_userns(struct sandbox *sb)
{
	/* where the command could write it again */
	if (sb->plan->disable_userns && BROKEN("userns-limit-outside"))
		return sandbox_proc_write(sb, "sys/user/max_user_namespaces", "0");
	if (!sb->plan->assert_userns_disabled)
		return 0;
	if (unshare(CLONE_NEWUSER) == 0)
		return fail_hint(
			sb->fail,
			fail(sb->fail, 0,
			     "creation of new user namespaces was not disabled as requested"),
			"add --disable-userns");
	/* refused for good, and not for want of something */
	return errno == ENOSPC || errno == EUSERS || errno == EPERM || errno == EACCES ||
			       errno == EINVAL || errno == ENOSYS
		       ? 0
		       : fail(sb->fail, errno, "Can't tell whether user namespaces are disabled");
}

/* Should: let the caller look at the finished sandbox, and join it, before the command runs.
 * Mustn't: be long after the block ends: a sandbox held ready is as good as its last steps are
 * short. */
static int step_block(struct sandbox *sb)
{
	int fd = sb->plan->block_fd;
	ssize_t n;
	char byte;
	int r;

	if (fd < 0)
		return 0;
	r = wait_readable(sb, fd);
	if (r < 0)
		return r;
	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && sb->plan->as->explains)
		return fail(sb->fail, errno, "--block-fd %d", fd);
	return 0;
}

/* Should: read the caller's last filter as late as can be, since a front end may still be writing
 * it. Mustn't: leave that to the command's process, which a caller that never ends it would hold up
 * while nobody watches. */
static int step_filter(struct sandbox *sb)
{
	int r;

	if (sb->plan->seccomp_fd < 0)
		return 0;
	r = wait_readable(sb, sb->plan->seccomp_fd);
	if (r < 0)
		return r;
	r = seccomp_read(sb->plan->seccomp_fd, sb->plan->as->explains ? "--seccomp" : NULL,
			 &sb->filters[sb->n_filters], sb->fail);
	sb->n_filters += r == 0;
	return r;
}

static int step_session(struct sandbox *sb)
{
	if ((sb->plan->new_session || sb->plan->pty) && setsid() < 0)
		return fail(sb->fail, errno, "setsid");
	return 0;
}

/* Should: give the session a terminal of its own, where that is asked for, from the /dev that the
 * command will see. Mustn't: put it on 0, 1 and 2 yet, which other options may have named. */
static int step_terminal(struct sandbox *sb)
{
	return pty_make(sb);
}

/* Should: leave nothing of the caller's command line and environment where the command could read
 * it: pid 1 keeps what the command needs on its heap. Mustn't: change what the command gets. */
static int step_scrub(struct sandbox *sb)
{
	return sb->plan->init && !BROKEN("scrubbed") ? command_scrub(sb) : 0;
}

static const struct step inside_steps[] = {
	{ "launcher", step_launcher, NULL },
	{ "go", step_go, NULL },
	{ "id maps", step_maps, NULL },
	{ "mounts inside", step_mounts, NULL },
	{ "loopback", step_loopback, NULL },
	{ "host name", step_hostname, "--hostname" },
	{ "settings", step_settings, NULL },
	{ "keyring", step_keyring, NULL },
	{ "audit", step_audit, NULL },
	{ "landlock rules", landlock_prepare, "--landlock" },
	{ "user namespaces", step_assert_userns, "--assert-userns-disabled" },
	{ "locks", lock_files, "--lock-file" },
	{ "block", step_block, "--block-fd" },
	{ "filter", step_filter, "--seccomp" },
	{ "session", step_session, "--new-session" },
	{ "terminal", step_terminal, "--pty" },
	{ "scrub", step_scrub, NULL },
};

/* Tells the launcher our pid as the host's /proc has it, which is the launcher's; and before that
 * our namespaces, where we are closed to it as to everybody else. */
static int tell_pid(struct sandbox *sb)
{
	char pid[32];
	ssize_t n = readlinkat(sb->proc_fd, "self", pid, sizeof pid - 1);
	uint64_t ids[NS_MAX];
	int r = 0;

	if (n < 0)
		return fail(sb->fail, errno, "Can't tell the sandbox's pid");
	if (sb->plan->guarded && inside_waits(sb->plan)) {
		ns_read(sb->proc_fd, ids);
		r = channel_send_namespaces(sb->socket, ids);
	}
	pid[n] = '\0';
	if (r == 0)
		r = channel_send(sb->socket, MESSAGE_PID, atoi(pid));
	return r < 0 ? fail(sb->fail, -r, "Can't tell the sandbox's pid") : 0;
}

_Noreturn void inside_main(struct sandbox *sb)
{
	if ((!sb->tells_pid || tell_pid(sb) == 0) &&
	    steps_run(sb, "inside", inside_steps, ARRAY_SIZE(inside_steps)) == 0) {
		if (sb->plan->init)
			init_main(sb);
		command_exec(sb);
	}
	channel_send_fail(sb->socket, sb->fail);
	_exit(1);
}
