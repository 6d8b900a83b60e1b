/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* husk-fake-root: the supervisor of --fake-root-consistent, which answers system calls of a sandbox
 * as root would see them answered.
 *
 * The launcher starts it outside the sandbox's pid namespace. The command's process sends it the
 * descriptor by which the kernel hands over the calls that src/policy/fake-root-consistent.policy
 * names (seccomp_unotify(2)), and it enters the sandbox's user namespace and mount namespace: what
 * it can reach from then on the sandbox can reach too. It can only be asked: a call is answered
 * with what is pretended, or the kernel is told to do it. It ends with the sandbox, or with the
 * launcher.
 *
 *   main.c      this file: what it holds and what it lets go of, the loop
 *   call.c      one call: its arguments, the caller's memory
 *   tasks.c     who calls: its root, its directory in /proc
 *   resolve.c   which file a call means; key.c: what file that is
 *   stat.c      what is pretended of files is shown
 *   files.c     owners, modes, devices, names; pending.c: what the kernel does of it
 *   store.c     what is pretended of files; journal.c dbfiles.c: in a database
 *   ids.c       the ids that processes pretend to have; idcalls.c: asked for, and set
 *   xattrs.c    extended attributes that the kernel refuses; acl.c: access control lists */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../caps.h"
#include "../fail.h"
#include "../fdpass.h"
#include "../fds.h"
#include "../policy.h"
#include "../sys.h"
#include "../util.h"
#include "call.h"
#include "files.h"
#include "idcalls.h"
#include "ids.h"
#include "listen.h"
#include "pending.h"
#include "resolve.h"
#include "stat.h"
#include "store.h"
#include "tasks.h"
#include "xattrs.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

#define NUMBERS	  1024u /* of system calls in an ABI */
#define BATCH	  32u /* answers that wait for the database together */
#define KEPT_FDS  1024u
#define LEAST_FDS 256u
/* bytes that what is pretended may take; sanitizers map terabytes */
#ifdef __SANITIZE_ADDRESS__
#define MEMORY RLIM_INFINITY
#else
#define MEMORY (UINT64_C(1) << 30)
#endif

/* Of the capabilities over the sandbox: to look at its processes, to be in their roots, to find the
 * files that they find, to keep their ids with them. */
#define KEPT_CAPS                                                                        \
	(CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_SYS_CHROOT) | CAP_BIT(CAP_DAC_OVERRIDE) | \
	 CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_SYS_RESOURCE))

/* A row, as one ABI has it. */
struct entry {
	const struct call_row *row;
	bool short_ids;
};

struct loop {
	struct world world;
	struct entry entries[FILTER_ABIS][NUMBERS];
	struct seccomp_notif_sizes sizes;
	struct seccomp_notif *call;
	struct seccomp_notif_resp *answers; /* BATCH of them */
	size_t n_answers;
};

/* Where SIGTERM leads to: it is noticed when it comes before the wait for a call, and leaves one
 * that has begun. */
static sigjmp_buf ending;
static volatile sig_atomic_t waiting, ended;

static void handle_end(int sig)
{
	(void)sig;
	ended = 1;
	if (waiting)
		siglongjmp(ending, 1);
}

/* Whether ABI has the call NAME a second time, with ids of 32 bits instead of 16. */
static bool has_short_ids(const char *name, unsigned abi)
{
	char longer[64];
	int call;

	snprintf(longer, sizeof longer, "%s32", name);
	call = policy_call_find(longer);
	return call >= 0 && policy_calls[call].nr[abi] >= 0;
}

static void add_rows(struct loop *loop, const struct call_row *rows, size_t n)
{
	unsigned abi, nr;
	size_t i;
	int call;

	for (i = 0; i < n; i++) {
		call = policy_call_find(rows[i].name);
		for (abi = 0; call >= 0 && abi < FILTER_ABIS; abi++) {
			nr = (unsigned)policy_calls[call].nr[abi] & ~FILTER_X32_BIT;
			if (policy_calls[call].nr[abi] >= 0 && nr < NUMBERS)
				loop->entries[abi][nr] =
					(struct entry){ &rows[i],
							has_short_ids(rows[i].name, abi) };
		}
	}
}

static const struct entry *find_entry(const struct loop *loop, const struct seccomp_data *data,
				      enum filter_abi_index *ret_abi)
{
	unsigned nr = (unsigned)data->nr;

	*ret_abi =
		data->arch == policy_machine->arch[FILTER_COMPAT] ? FILTER_COMPAT : FILTER_NATIVE;
	if (*ret_abi == FILTER_NATIVE && policy_machine->x32 && (nr & FILTER_X32_BIT)) {
		*ret_abi = FILTER_X32;
		nr &= ~FILTER_X32_BIT;
	}
	if (nr >= NUMBERS || !loop->entries[*ret_abi][nr].row)
		return NULL;
	return &loop->entries[*ret_abi][nr];
}

static void answer_call(struct loop *loop)
{
	struct seccomp_notif_resp *to = &loop->answers[loop->n_answers++];
	const struct seccomp_notif *from = loop->call;
	struct call c = { .world = &loop->world, .id = from->id, .tid = (pid_t)from->pid };
	const struct entry *entry = find_entry(loop, &from->data, &c.abi);
	long answer = CALL_CONTINUE;

	*to = (struct seccomp_notif_resp){ .id = from->id };
	if (entry) {
		c.row = entry->row;
		c.short_ids = entry->short_ids;
		memcpy(c.args, from->data.args, sizeof c.args);
		pending_settle(&c);
		tasks_settle(&c);
		answer = c.row->handle(&c);
	}
	if (answer == CALL_CONTINUE)
		to->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (answer < 0)
		to->error = (int)answer;
	else
		to->val = answer;
}

static int more_waits(const struct loop *loop)
{
	struct pollfd listener = { .fd = loop->world.listener, .events = POLLIN };

	return loop->n_answers < BATCH && poll(&listener, 1, 0) > 0 && (listener.revents & POLLIN);
}

/* Sends the answers, with what they promise made to last. A caller that is gone takes none. */
static void send_answers(struct loop *loop)
{
	size_t i;

	if (store_dirty(loop->world.store) && store_commit(loop->world.store) < 0)
		for (i = 0; i < loop->n_answers; i++)
			if (loop->answers[i].flags == 0 && loop->answers[i].error == 0)
				loop->answers[i] =
					(struct seccomp_notif_resp){ .id = loop->answers[i].id,
								     .error = -EIO };
	for (i = 0; i < loop->n_answers; i++)
		ioctl(loop->world.listener, SECCOMP_IOCTL_NOTIF_SEND, &loop->answers[i]);
	loop->n_answers = 0;
}

/* Takes one call. Returns 1, 0 when it was none, or -errno; -ENOENT when nobody can make one any
 * more, of which kernels before 6.11 say nothing. */
static int receive(struct loop *loop)
{
	int r;

	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): fail() never returns 0 */
	memset(loop->call, 0, loop->sizes.seccomp_notif);
	waiting = 1;
	if (ended)
		return -ENOENT;
	r = ioctl(loop->world.listener, SECCOMP_IOCTL_NOTIF_RECV, loop->call);
	waiting = 0;
	if (r == 0)
		return 1;
	return errno == EINTR ? 0 : neg_errno();
}

/* One that was killed before its call was taken is no call: -ENOENT as well. */
static bool is_over(const struct loop *loop)
{
	struct pollfd listener = { .fd = loop->world.listener, .events = POLLIN };

	return ended || (poll(&listener, 1, 0) > 0 && (listener.revents & POLLHUP));
}

static int serve(struct loop *loop)
{
	int r;

	if (sigsetjmp(ending, 0))
		return 0;
	for (;;) {
		r = receive(loop);
		if (r == -ENOENT && is_over(loop))
			return 0;
		if (r < 0 && r != -ENOENT)
			return r;
		if (r <= 0) {
			/* it was to go with others, which do not wait for it */
			send_answers(loop);
			continue;
		}
		answer_call(loop);
		if (store_dirty(loop->world.store) && more_waits(loop))
			continue;
		send_answers(loop);
	}
}

/* Says to the command's process, or whoever comes in its place, how it stands. A hint cannot be
 * handed on as such. */
static void tell(bool failed, const struct fail *f)
{
	struct listen_answer answer = { .failed = failed, .err = f->hint ? 0 : f->err };
	const char *parts[] = { f->text, f->hint && f->err ? ": " : "",
				f->hint && f->err ? fail_errno_text(f->err) : "",
				f->hint ? "; " : "", f->hint ? f->hint : "" };
	size_t i, length, used = 0;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		length = strnlen(parts[i], sizeof answer.text - 1 - used);
		memcpy(answer.text + used, parts[i], length);
		used += length;
	}
	send(LISTEN_SOCKET, &answer, sizeof answer, MSG_NOSIGNAL);
}

/* Waits for the descriptors. Returns 1, or 0 when there will be none. */
static int take_descriptors(struct world *world, int fds[static LISTEN_FDS])
{
	size_t n_fds = 0;
	char byte = 0;
	ssize_t n;

	do {
		n = fdpass_receive(LISTEN_SOCKET, &byte, 1, 0, fds, LISTEN_FDS, &n_fds);
	} while (n == -EINTR && !ended);
	if (n <= 0 || n_fds != LISTEN_FDS)
		return 0;
	world->confined = byte & LISTEN_CONFINED;
	return 1;
}

/* Enters the sandbox, and keeps what it takes to look at its processes. What that changes undoes
 * the kernel's promise to end us with the launcher, so it is made again. */
static int join(struct world *world, const int fds[static LISTEN_FDS], pid_t launcher)
{
	struct stat userns;

	if (setns(fds[LISTEN_USERNS], CLONE_NEWUSER) < 0 ||
	    setns(fds[LISTEN_MNTNS], CLONE_NEWNS) < 0)
		return neg_errno();
	if (caps_limit(KEPT_CAPS, false) < 0 || caps_effective(&world->caps) < 0)
		return neg_errno();
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return neg_errno();
	if (getppid() != launcher)
		_exit(1);
	if (fstat(fds[LISTEN_USERNS], &userns) < 0)
		return neg_errno();
	world->userns = userns.st_ino;
	return 0;
}

static int limit(int resource, rlim_t most)
{
	struct rlimit now, to = { most, most };

	if (getrlimit(resource, &now) < 0)
		return neg_errno();
	if (now.rlim_max < most)
		to.rlim_cur = to.rlim_max = now.rlim_max;
	return setrlimit(resource, &to) < 0 ? neg_errno() : 0;
}

/* Gives up what it will not need. */
static int settle_down(void)
{
	struct sigaction action = { .sa_handler = handle_end };
	int keep[] = { LISTEN_SOCKET, LISTEN_PROC };
	sigset_t all;
	int r;

	sigfillset(&all);
	sigdelset(&all, SIGTERM);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (sigaction(SIGTERM, &action, NULL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return neg_errno();
	umask(077);
	r = fds_close_others(keep, ARRAY_SIZE(keep), 3);
	if (r == 0)
		r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_DATA, MEMORY);
	return r == 0 ? limit(RLIMIT_NOFILE, KEPT_FDS) : r;
}

/* Makes the tables, and asks the kernel what it wants to hand over. */
static int prepare(struct loop *loop, const char *file, struct fail *f)
{
	struct world *world = &loop->world;
	struct rlimit fds;
	int r;

	if (getrlimit(RLIMIT_NOFILE, &fds) < 0 || fds.rlim_cur < LEAST_FDS)
		return fail_hint(f, fail(f, EMFILE, "fewer than 256 descriptors may be open"),
				 "raise the hard limit that ulimit -Hn shows");
	add_rows(loop, stat_rows, stat_rows_n);
	add_rows(loop, files_rows, files_rows_n);
	add_rows(loop, xattrs_rows, xattrs_rows_n);
	add_rows(loop, ids_rows, ids_rows_n);
	world->tasks = tasks_new();
	world->keys = keys_new();
	world->pending = pending_new();
	if (!world->tasks || !world->keys || !world->pending)
		return fail(f, ENOMEM, "Out of memory");
	r = ids_open(&world->ids);
	if (r < 0)
		return fail(f, -r, "Out of memory");
	r = store_open(&world->store, file, f);
	if (r < 0)
		return r;
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &loop->sizes) < 0)
		return fail(f, errno, "seccomp(SECCOMP_GET_NOTIF_SIZES)");
	loop->call =
		calloc(1, loop->sizes.seccomp_notif > sizeof *loop->call ? loop->sizes.seccomp_notif
									 : sizeof *loop->call);
	/* of an answer the kernel reads what it knew when there was no more than this */
	loop->answers = calloc(BATCH, sizeof *loop->answers);
	return loop->call && loop->answers ? 0 : fail(f, ENOMEM, "Out of memory");
}

static void let_go(struct loop *loop)
{
	pending_end(&loop->world);
	if (loop->world.store)
		store_commit(loop->world.store);
	store_close(loop->world.store);
	ids_close(loop->world.ids);
	tasks_free(loop->world.tasks);
	keys_free(loop->world.keys);
	free(loop->call);
	free(loop->answers);
	free(loop);
}

int main(int argc, char **argv)
{
	struct loop *loop = calloc(1, sizeof *loop);
	struct fail *f = calloc(1, sizeof *f);
	pid_t launcher = getppid();
	int fds[LISTEN_FDS], r, status = 0;

	if (!loop || !f || settle_down() < 0) {
		free(loop);
		free(f);
		return 1;
	}
	loop->world.proc_fd = LISTEN_PROC;
	r = prepare(loop, argc > 1 ? argv[1] : NULL, f);
	if (take_descriptors(&loop->world, fds)) {
		loop->world.listener = fds[LISTEN_LISTENER];
		if (r == 0 && (r = join(&loop->world, fds, launcher)) < 0)
			fail(f, -r, "can't enter the sandbox");
		close(fds[LISTEN_USERNS]);
		close(fds[LISTEN_MNTNS]);
		tell(r < 0, f);
		loop->world.follows = ioctl(loop->world.listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
					    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) < 0;
		close(LISTEN_SOCKET);
		if (r == 0)
			status = serve(loop) < 0;
	}
	let_go(loop);
	free(f);
	return status;
}
