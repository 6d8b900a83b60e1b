/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher while the sandbox lives: messages, signals, status, the end. */
#include "supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "channel.h"
#include "doze.h"
#include "events.h"
#include "fail.h"
#include "fds.h"
#include "forward.h"
#include "init.h"
#include "inside.h"
#include "mapper.h"
#include "personality.h"
#include "plan.h"
#include "signals.h"
#include "status.h"
#include "survivors.h"
#include "sys.h"
#include "util.h"
#include "watcher.h"

/* The sandbox has made its terminal. */
static int begin_relay(struct supervisor *su, int ends[static 2])
{
	int r = su->relay.master >= 0 ? -EINVAL
				      : relay_begin(&su->relay, su->proc_fd, ends[0], ends[1]);

	return r < 0 ? fail(su->fail, -r, "--pty: can't relay") : 0;
}

int supervise_wait(struct supervisor *su, int fd, short events)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = events },
		{ .fd = su->signals, .events = POLLIN },
		{ .fd = su->child, .events = POLLIN },
		{ .fd = su->parent, .events = POLLIN },
	};

	while (fds[0].revents == 0 && fds[2].revents == 0 && fds[3].revents == 0) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return fail(su->fail, errno, "poll");
		/* what comes with the end of the sandbox is ours */
		if (fds[1].revents && !fds[2].revents)
			forward_signal(su);
	}
	return fds[0].revents == 0;
}

/* One of the caller's descriptors for the status that has no room now, or empty. Whoever does not
 * read must not keep us from a signal, or from the parent's end, by a write that waits. */
static int without_room(const struct plan *p)
{
	const int all[] = { p->json_fd, p->status_fd };
	struct pollfd room = { .events = POLLOUT };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		room.fd = all[i];
		if (room.fd >= 0 && poll(&room, 1, 0) == 0)
			return room.fd;
	}
	return NO_FD;
}

/* Before the first status is written: returns as supervise_wait(). */
static int wait_for_room(struct supervisor *su)
{
	const struct plan *p = su->plan;
	int r = p->info_fd >= 0 ? supervise_wait(su, p->info_fd, POLLOUT) : 0, fd;

	while (r == 0 && (fd = without_room(p)) >= 0)
		r = supervise_wait(su, fd, POLLOUT);
	return r;
}

/* The sandbox has ended, and nobody reads what there is to say of it: whoever does not wait for
 * that ends us by a signal. Returns true when it can be said. */
static bool is_heard(struct supervisor *su)
{
	struct signalfd_siginfo info;
	int fd;

	while (!su->unheard && (fd = without_room(su->plan)) >= 0) {
		struct pollfd fds[] = {
			{ .fd = fd, .events = POLLOUT },
			{ .fd = su->signals, .events = POLLIN },
			{ .fd = su->parent, .events = POLLIN },
		};

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			su->unheard = true;
		su->unheard |= fds[2].revents != 0;
		if (fds[1].revents && read(su->signals, &info, sizeof info) == sizeof info &&
		    (signals_ending() & signals_one((int)info.ssi_signo))) {
			su->unheard = su->told = true;
			su->status = (int)info.ssi_signo;
		}
	}
	return !su->unheard;
}

/* The descriptor of --sync-fd, where there is no init to hold it, and the command does not get it.
 */
static int held_fd(const struct plan *p)
{
	return p->as_pid_1 && p->as->closes_fds ? p->sync_fd : NO_FD;
}

/* The sandbox's first process is known: tell the caller, wait where it wants to write the maps, let
 * it go on. */
static int child_known(struct supervisor *su, pid_t child)
{
	const struct plan *p = su->plan;
	const uint64_t *ids = su->namespaces_told ? su->namespaces : NULL;
	int r;

	su->child_pid = child;
	if (!inside_waits(p))
		return 0;
	r = wait_for_room(su);
	if (r != 0) /* its end, or the parent's, is seen to */
		return r < 0 ? r : 0;
	r = status_write_start(p, su->proc_fd, child, ids, su->fail);
	if (r != 0)
		return r < 0 ? r : 0;
	events_namespaces(p, su->proc_fd, child, ids);
	r = p->userns_block_fd >= 0 ? supervise_wait(su, p->userns_block_fd, POLLIN) : 0;
	if (r < 0)
		return r;
	if (p->watched && (su->watcher = watcher_start(su->child, held_fd(p), su->fail)) < 0)
		return su->watcher;
	r = channel_send(su->socket, MESSAGE_GO, 0);
	/* one that has ended says why, or its end does */
	return r < 0 && r != -EPIPE && r != -ECONNRESET
		       ? fail(su->fail, -r, "Can't tell the sandbox to go on")
		       : 0;
}

/* Without a pid namespace the init ends everybody as soon as we are gone, unless it is gone first.
 */
static bool init_ends_all(const struct plan *p)
{
	return p->init && p->dies_with_launcher && !(p->unshare & CLONE_NEWPID);
}

static int adopt(struct supervisor *su, pid_t pid)
{
	su->child = sys_pidfd_open(pid);
	if (su->child < 0) {
		fail(su->fail, errno, "pidfd_open");
		/* the command may run by now; a child of ours, so the number is nobody else's */
		if (!init_ends_all(su->plan))
			kill(pid, SIGKILL);
		return -EIO;
	}
	if (su->builder >= 0)
		waitid(P_PIDFD, (id_t)su->builder, NULL, WEXITED);
	su->builder = fd_close(su->builder);
	if (su->early) {
		sys_pidfd_send_signal(su->child, su->early);
		su->told = false;
	}
	return child_known(su, pid);
}

/* A command without an init has nobody to say that its execve worked: the channel ends then, and
 * also when it dies before. */
static int execed_alone(const struct supervisor *su)
{
	int r;

	if (su->plan->status_fd < 0 || su->plan->init || su->fail->set || su->child < 0)
		return 0;
	r = events_has_execed(su->proc_fd, su->child_pid);
	if (r > 0)
		events_plain(su->plan, "exec");
	return r < 0 ? fail(su->fail, -r, "Can't tell whether the command runs") : 0;
}

/* Takes one message. Returns 1, 0 when there was none, or -errno with the failure recorded. */
static int receive(struct supervisor *su)
{
	int fds[CHANNEL_FDS] = { NO_FD, NO_FD };
	struct message *m = su->inbox;
	int r = channel_receive_fds(su->socket, m, fds);

	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return fail(su->fail, -r, "Can't hear the sandbox");
	if (r <= 0) {
		su->socket = fd_close(su->socket);
		su->ended |= su->builder < 0 && su->child < 0; /* nobody is left */
		return execed_alone(su);
	}
	switch (m->type) {
	case MESSAGE_PID:
		r = adopt(su, m->value);
		break;
	case MESSAGE_NAMESPACES:
		memcpy(su->namespaces, m->namespaces, sizeof su->namespaces);
		su->namespaces_told = true;
		break;
	case MESSAGE_FAIL:
		if (!su->fail->set)
			*su->fail = m->fail;
		break;
	case MESSAGE_EXIT:
		su->told = true;
		su->status = m->value;
		su->early = 0;
		if (init_leaves(su->plan))
			channel_send(su->socket, MESSAGE_GO, 0);
		break;
	case MESSAGE_USERNS:
		fd_close(su->userns);
		su->userns = fds[0];
		break;
	case MESSAGE_MAPS:
		r = mapper_write(su);
		break;
	case MESSAGE_STOP:
		if (!su->ended)
			forward_stop(su, m->value);
		break;
	case MESSAGE_TERMINAL:
		r = begin_relay(su, fds);
		break;
	case MESSAGE_KEYRING:
		status_write_text(su->plan, "session-keyring", "refused");
		events_text(su->plan, "keyring", "session-keyring", "refused");
		break;
	case MESSAGE_READY:
		events_landlock(su->plan);
		events_plain(su->plan, "ready");
		break;
	case MESSAGE_EXEC:
		events_plain(su->plan, "exec");
		break;
	case MESSAGE_ORPHANS:
		su->orphans = m->value;
		break;
	case MESSAGE_PROC:
		events_proc(su->plan, su->plan->ops[m->value >> 2].dest,
			    (enum proc_shown)(m->value & 3));
		break;
	case MESSAGE_MASK:
		events_mask(su->plan, su->plan->ops[m->value >> 2].dest,
			    (enum mask_made)(m->value & 3));
		break;
	case MESSAGE_CONTINUE:
	case MESSAGE_GO:
	case MESSAGE_RESUMED:
		break;
	}
	return r < 0 ? r : 1;
}

/* Reaps the sandbox's first process, if it has ended. */
static void reap(struct supervisor *su, int pidfd)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return;
	if (pidfd == su->builder && info.si_code == CLD_EXITED && info.si_status == 0) {
		/* it has done its work; the sandbox will say its pid, or has ended before */
		su->builder = fd_close(su->builder);
		su->ended |= su->socket < 0 && su->child < 0;
		return;
	}
	su->ended = true;
	/* what it said before its end */
	while (su->socket >= 0 && is_heard(su) && receive(su) > 0)
		;
	/* an init that was killed could not end the others */
	if (info.si_code != CLD_EXITED && su->userns >= 0)
		survivors_kill(su->proc_fd, su->userns);
	if (!su->told)
		su->status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
}

/* With --die-with-parent: dies, and the sandbox with us. */
static int parent_died(struct supervisor *su)
{
	relay_pause(&su->relay);
	kill(getpid(), SIGKILL);
	/* as process 1 of a pid namespace we cannot */
	return fail(su->fail, 0, "The parent has died");
}

/* The builder ends before its time only when it failed, or when it was the sandbox all along. */
static int wait_for_end(struct supervisor *su)
{
	const struct plan *p = su->plan;
	bool stops = p->pty || (su->terminal && p->as->forwards && !p->new_session);
	int r = 0;

	while (!su->ended && !(su->told && !p->as->kills_orphans)) {
		/* where the end is waited for anyway, what the sandbox says before it can wait too
		 */
		bool later = su->child >= 0 && p->as->kills_orphans && p->json_fd < 0 &&
			     p->status_fd < 0 && !stops && !su->maps_due;
		/* what it says would be written on */
		int full = without_room(p);
		struct pollfd fds[5 + RELAY_FDS] = {
			{ .fd = full >= 0 ? full
				: later	  ? -1
					  : su->socket,
			  .events = full >= 0 ? POLLOUT : POLLIN },
			{ .fd = su->signals, .events = POLLIN },
			{ .fd = su->child >= 0 ? su->child : su->builder, .events = POLLIN },
			{ .fd = su->parent, .events = POLLIN },
			{ .fd = su->notify.pidfd, .events = POLLIN },
		};

		int n = p->pty ? poll(fds, ARRAY_SIZE(fds), relay_poll(&su->relay, fds + 5))
			       : doze_poll(fds, 5);

		if (n < 0 && errno != EINTR)
			return fail(su->fail, errno, "poll");
		if (fds[3].revents)
			return parent_died(su);
		/* what was said before the end comes first */
		if (fds[0].revents)
			r = full >= 0 ? 0 : receive(su);
		/* who has ended has no use for a signal, which would be lost */
		else if (fds[2].revents)
			reap(su, fds[2].fd);
		else if (fds[1].revents)
			forward_signal(su);
		else if (fds[4].revents)
			r = notify_ended(&su->notify, su->fail);
		else if (p->pty)
			relay_move(&su->relay, fds + 5);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Stops what has begun: the launcher itself failed. */
static void abandon(struct supervisor *su)
{
	if (su->child >= 0 && !init_ends_all(su->plan))
		sys_pidfd_send_signal(su->child, SIGKILL);
	if (su->builder >= 0)
		sys_pidfd_send_signal(su->builder, SIGKILL);
}

/* Lets go of everything that the sandbox has by now: a pipe must end when the command closes it. */
static int close_others(struct supervisor *su)
{
	int keep[] = { su->socket,
		       su->signals,
		       su->builder,
		       su->child,
		       su->parent,
		       su->proc_fd,
		       su->notify.pidfd,
		       su->plan->json_fd,
		       su->plan->info_fd,
		       su->plan->status_fd,
		       su->plan->userns_block_fd,
		       su->plan->self_socket,
		       held_fd(su->plan),
		       su->mark };
	int r;

	/* its number may soon be another's */
	su->notify.socket = fd_close(su->notify.socket);
	r = fds_close_others(keep, ARRAY_SIZE(keep), 3);
	return r < 0 ? fail(su->fail, -r, "close_range") : 0;
}

int supervise_to_end(struct supervisor *su, pid_t child)
{
	const struct plan *p = su->plan;
	int r = close_others(su), known, sig;

	su->inbox = malloc(sizeof *su->inbox);
	if (r == 0 && !su->inbox)
		r = fail(su->fail, ENOMEM, "Out of memory");
	if (child > 0) {
		known = adopt(su, child);
		r = r < 0 ? r : known;
	} else if (!p->split) {
		su->child = TAKE_FD(su->builder);
		r = r < 0 ? r : child_known(su, su->builder_pid);
	}
	if (r == 0)
		r = wait_for_end(su);
	free(su->inbox);
	/* its output must not wait for a reader while the sandbox lives */
	if (r < 0)
		abandon(su);
	/* whoever ends what is left to be shown dies of it */
	if (p->pty && (sig = relay_end(&su->relay, su->signals)) != 0)
		su->status = sig;
	if (r == 0 && su->relay.error != 0)
		r = fail(su->fail, su->relay.error, "--pty: can't write the output");
	if (r < 0)
		return r;
	is_heard(su);
	if ((su->child < 0 || (p->init && p->as->explains)) && !su->told && !su->fail->set)
		return fail(su->fail, 0, "The sandbox was killed from outside");
	return su->fail->set ? -EIO : 0;
}
