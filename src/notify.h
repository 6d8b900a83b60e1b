/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's part of --fake-root-consistent: its supervisor, started and ended. */
#pragma once

#include <sys/types.h>

struct fail;
struct plan;
struct sandbox;

struct notify {
	int pidfd; /* of the supervisor, or empty */
	pid_t pid;
	int socket; /* by which the command's process reaches it, or empty */
};

#define NOTIFY_NONE ((struct notify){ .pidfd = NO_FD, .socket = NO_FD })

/* Starts the supervisor, for a plan that asks for it. PROC_FD is the host's /proc. Returns 0, or
 * -errno with the failure recorded. */
int notify_start(const struct plan *p, int proc_fd, struct notify *ret, struct fail *f);

/* Hands the calls of the calling process, which is about to be the command, over to the supervisor,
 * and waits until that is ready to answer. Returns 0, or -errno with the failure recorded. */
int notify_listen(struct sandbox *sb);

/* Looks why the supervisor has ended: as it should, when nobody can call it any more, or not. It is
 * reaped, and N empty afterwards. Returns 0, or -errno with the failure recorded. */
int notify_ended(struct notify *n, struct fail *f);

/* Ends the supervisor, once there is no sandbox any more, and waits for that. */
void notify_end(struct notify *n);
