/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher while the sandbox lives. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "notify.h"
#include "relay.h"

struct caller;
struct fail;
struct message;
struct plan;

struct supervisor {
	const struct plan *plan;
	struct fail *fail;
	const struct caller *caller;
	int proc_fd;
	int socket; /* the launcher's end of the channel */
	struct message
		*inbox; /* its last message: as part of the stack it would take pages there */
	int signals; /* signalfd, or empty */
	int builder; /* pidfd of the first clone, until it has ended, or empty */
	pid_t builder_pid;
	int parent; /* pidfd of our parent, with --die-with-parent, or empty */
	bool terminal; /* the caller has one, whose shell is to see the command stop */
	int early; /* a signal that came before the sandbox was known */
	bool resumes; /* we do, after a stop, see forward.c, which knows the next two as well */
	bool continued; /* a signal has continued us since this was cleared */
	bool stop_again; /* the caller's terminal has stopped us meanwhile */
	uint64_t
		namespaces[8]; /* ids that the sandbox itself has told, in the order of the table */
	bool namespaces_told;
	struct relay relay; /* for --pty */
	struct notify notify; /* for --fake-root-consistent */
	bool maps_due; /* the builder will ask for its id maps */
	int child; /* pidfd of the sandbox's first process, once it is known */
	int watcher; /* pidfd of who ends it when we are dead, see watcher.c, or empty */
	bool ended; /* the command has, with this wait status: */
	int status;
	bool unheard; /* nobody reads the status, and somebody has ended us */
	bool told; /* the status came from the init */
	int orphans; /* that the init killed */
	pid_t child_pid; /* of the sandbox's first process */
	int mark; /* that the command is behind Landlock rules, or empty */
	int userns; /* its user namespace, where the init's death would leave others, or empty */
};

/* Waits for EVENTS of FD, as poll(2) has them, awake for signals and the sandbox's end. Returns 0,
 * or 1 where that or the parent's comes before, or -errno with the failure recorded. */
int supervise_wait(struct supervisor *su, int fd, short events);

/* Waits for the end of the sandbox, forwarding signals and writing status. CHILD is the pid of its
 * first process where the builder has left it, else 0. Closes every descriptor above 2 that it does
 * not need. Returns 0 with the status in SU, or -errno with the failure recorded. */
int supervise_to_end(struct supervisor *su, pid_t child);
