/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher between the caller's standard input and output and the sandbox's terminal. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct tty;

/* How many descriptors a relay waits for. */
#define RELAY_FDS 3

struct relay {
	int master, slave; /* the sandbox's terminal, or empty: not yet, or hung up */
	int in, out; /* standard input, output: by open files of our own where that can be */
	bool in_ended; /* there is no more input: its reader sees the end of the file */
	bool in_waits; /* the terminal is another group's, whose input it is */
	bool out_blocks; /* a write may block: only as much as surely fits */
	int pause; /* ms until it is looked whether the end of the input was read */
	struct tty *tty; /* the caller's */
	char *to; /* what goes to the sandbox, */
	size_t to_start, to_end;
	char *from; /* and what comes from it */
	size_t from_start, from_end;
	bool pipe_ignored; /* the caller ignores SIGPIPE */
	bool pipe_broken; /* nobody reads the output any more, and SIGPIPE is to tell */
	int error; /* the errno that output was lost by, a hang-up aside, or 0 */
};

/* A relay that has no terminal yet. */
#define RELAY_NONE ((struct relay){ .master = NO_FD, .slave = NO_FD, .in = NO_FD, .out = NO_FD })

/* Begins to relay for the terminal whose two ends are MASTER and SLAVE, which the relay takes:
 * makes the caller's terminal raw where there is one and it is ours. PROC_FD is the host's /proc.
 * Returns 0 or -errno; -ENOTTY when they are no ends of a terminal. pty(7). */
int relay_begin(struct relay *r, int proc_fd, int master, int slave);

/* Fills in what to wait for. Returns for how many ms at most, or -1. */
int relay_poll(struct relay *r, struct pollfd fds[static RELAY_FDS]);

/* Moves what can be moved without waiting, as poll(2) has filled FDS in. */
void relay_move(struct relay *r, const struct pollfd fds[static RELAY_FDS]);

/* Gives the sandbox's terminal the size of the caller's; the kernel then sends SIGWINCH. */
void relay_resize(struct relay *r);

/* Sends SIG, which is SIGINT, SIGQUIT or SIGTSTP, to the foreground process group in the sandbox.
 * ioctl_tty(2), TIOCSIG. */
void relay_signal(struct relay *r, int sig);

/* Shows what the sandbox has written so far, as far as that is read at once. */
void relay_flush(struct relay *r);

/* Gives the caller's terminal back, for the time that we are stopped. */
void relay_pause(struct relay *r);

/* Goes on after a stop, in the foreground or in the background. */
void relay_resume(struct relay *r);

/* Hangs the sandbox's terminal up: its processes get SIGHUP, and the end of the file. */
void relay_hang_up(struct relay *r);

/* When nobody writes any more: writes what is left, waiting for the reader, but not when a signal
 * comes that SIGNALS, a signalfd or empty, tells of. Then gives the caller's terminal back and
 * closes all. Returns that signal, or 0. */
int relay_end(struct relay *r, int signals);
