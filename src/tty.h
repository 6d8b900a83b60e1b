/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The caller's terminal. */
#pragma once

#include <stdbool.h>
#include <sys/ioctl.h>
#include <termios.h>

struct tty;

/* Stores in *RET whether the caller has a terminal: 0, 1 or 2 is one, or /dev/tty opens. A standard
 * descriptor that is closed is taken by /dev/null meanwhile, so that nothing of husk's lands there;
 * the command gets it closed. Returns 0 or -errno. */
int tty_reserve(bool *ret);

/* What a new terminal is to be like: the caller's. */
struct tty_model {
	bool has_modes; /* of the first of 0, 1, 2 that is a terminal, when it is ours to use */
	struct termios modes;
	bool has_size;
	struct winsize size;
	bool types; /* somebody types: 0 is a terminal */
};

/* Looks at the caller's terminal, before its modes are changed. */
void tty_look(struct tty_model *ret);

/* Who has the terminal, tcgetpgrp(3). */
enum tty_place {
	TTY_OURS, /* our process group, or it is nobody's controlling terminal that we know */
	TTY_OTHERS, /* another group: we are in the background */
	TTY_GONE, /* it has hung up */
};
enum tty_place tty_place(int fd);

/* Makes what is needed to change the modes of the terminal on descriptor FD and to give them back
 * in every way of dying but SIGKILL: from then on every signal that would end the process, and that
 * nobody has taken, gives them back first. FD may be empty. Returns NULL for want of memory.
 * sigaltstack(2). */
struct tty *tty_prepare(int fd);

/* Puts the terminal into raw mode, unless it is another group's; called again, as after a stop, it
 * does so again. Returns who has it. termios(3). */
enum tty_place tty_take(struct tty *t);

/* Gives the terminal its modes back, if they are changed and it is still ours. */
void tty_give_back(struct tty *t);

/* The size of the first of 0, 1, 2 that is a terminal. Returns false when none is. */
bool tty_size(struct winsize *ret);
