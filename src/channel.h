/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The channel between the launcher and the processes inside: one message a record on a
 * SOCK_SEQPACKET pair. */
#pragma once

#include <sys/types.h>

#include "fail.h"
#include "ns.h"

enum message_type {
	MESSAGE_PID, /* the builder made the sandbox: its pid as the launcher sees it */
	MESSAGE_NAMESPACES, /* the sandbox, before its pid: the ids follow */
	MESSAGE_FAIL, /* something failed: a struct fail follows */
	MESSAGE_EXIT, /* the init process: the command ended, with this wait status */
	MESSAGE_READY, /* all is set up, the filters and execve follow */
	MESSAGE_EXEC, /* the init process: the command's execve has worked */
	MESSAGE_ORPHANS, /* the init process: it has killed so many that the command left */
	MESSAGE_KEYRING, /* no session keyring could be had: its calls are refused instead */
	MESSAGE_PROC, /* what --proc-try shows: an operation's number << 2 | enum proc_shown */
	MESSAGE_MASK, /* what a mask came to: an operation's number << 2 | enum mask_made */
	MESSAGE_USERNS, /* the builder: what to know survivors of the init by comes with it */
	MESSAGE_MAPS, /* the builder: it waits for its id maps */
	MESSAGE_STOP, /* the init process: the command stopped, by this signal, and we have a
			 terminal */
	MESSAGE_CONTINUE, /* the init process: it goes on, and the launcher has not said: */
	MESSAGE_RESUMED, /* the launcher: it runs again since MESSAGE_STOP, and so is the command
			    to, or not */
	MESSAGE_TERMINAL, /* the two ends of the sandbox's own terminal come with it */
	MESSAGE_GO, /* the launcher: it has written, or heard, the status: carry on */
};

struct message {
	enum message_type type;
	int value;
	union {
		struct fail fail; /* of MESSAGE_FAIL, and on the wire only as much as is used */
		uint64_t namespaces[NS_MAX]; /* of MESSAGE_NAMESPACES, in the order of the table */
	};
};

/* Sends TYPE with VALUE. Returns 0 or -errno. */
int channel_send(int fd, enum message_type type, int value);

/* Sends a failure. Returns 0 or -errno. */
int channel_send_fail(int fd, const struct fail *f);

/* Sends the IDS of namespaces. Returns 0 or -errno. */
int channel_send_namespaces(int fd, const uint64_t ids[NS_MAX]);

/* Receives one message into *RET. Returns 1, 0 when every writer is gone, or -errno (-EAGAIN with
 * NONBLOCK when there is none). */
int channel_receive(int fd, struct message *ret, int nonblock);

#define CHANNEL_FDS 2 /* that may come with a message */

/* Sends TYPE with the N descriptors FDS, at most CHANNEL_FDS. Returns 0 or -errno. unix(7),
 * SCM_RIGHTS. */
int channel_send_fds(int fd, enum message_type type, const int *fds, size_t n);

/* As channel_receive() with NONBLOCK, and stores what descriptors come with the message in RET_FDS,
 * which else is left as it is; they are the caller's to close. */
int channel_receive_fds(int fd, struct message *ret, int ret_fds[static CHANNEL_FDS]);
