/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the launcher, the command's process and the supervisor of --fake-root-consistent say to each
 * other. */
#pragma once

#include <stdint.h>

/* The supervisor is started as
 *
 *	husk-fake-root [FILE]
 *
 * with these descriptors, and with the name of a database if there is one. */
#define LISTEN_SOCKET 3 /* SOCK_SEQPACKET, its other end inherited by the command's process */
#define LISTEN_PROC   4 /* /proc */

/* The command's process sends one byte, that of LISTEN_* which holds, with these descriptors, */
#define LISTEN_CONFINED 1 /* by Landlock, which holds for no other process: make no file for it */

enum listen_fd {
	LISTEN_LISTENER, /* by which the kernel hands its calls over */
	LISTEN_USERNS, /* its namespaces */
	LISTEN_MNTNS,
	LISTEN_FDS,
};

/* and waits for this. */
struct listen_answer {
	int32_t failed;
	int32_t err; /* errno, or 0 where the text says it all */
	char text[5000]; /* with a path in it */
};
