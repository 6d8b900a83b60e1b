/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The caller's terminal: found, looked at, made raw, and given back. */
#include "tty.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "signals.h"
#include "util.h"

int tty_reserve(bool *ret)
{
	struct termios t;
	int fd, r;

	*ret = false;
	for (fd = 0; fd <= 2; fd++) {
		if (tcgetattr(fd, &t) == 0) {
			*ret = true;
		} else if (errno == EBADF) {
			r = open("/dev/null", O_RDWR | O_CLOEXEC);
			if (r < 0)
				return neg_errno();
		}
	}
	if (*ret)
		return 0;
	fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	*ret = fd >= 0 || errno != ENXIO; /* there is one, but for "no such device" */
	fd_close(fd);
	return 0;
}

bool tty_size(struct winsize *ret)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (ioctl(fd, TIOCGWINSZ, ret) == 0)
			return true;
	return false;
}

enum tty_place tty_place(int fd)
{
	pid_t group = tcgetpgrp(fd);

	if (group < 0)
		return errno == EIO ? TTY_GONE : TTY_OURS;
	return group == getpgrp() ? TTY_OURS : TTY_OTHERS;
}

void tty_look(struct tty_model *ret)
{
	int fd;

	*ret = (struct tty_model){ .types = isatty(STDIN_FILENO) };
	ret->has_size = tty_size(&ret->size);
	/* one that a shell edits a line on meanwhile has the modes for that */
	for (fd = 0; fd <= 2 && !ret->has_modes; fd++)
		ret->has_modes = tty_place(fd) == TTY_OURS && tcgetattr(fd, &ret->modes) == 0;
}

/* The handler of fatal signals knows no variable: it finds this by the stack it runs on. */
struct tty {
	int fd;
	bool raw; /* the modes are changed */
	struct termios saved;
	char stack[32768] __attribute__((aligned(16)));
};

void tty_give_back(struct tty *t)
{
	/* another group's terminal has that group's modes by now */
	if (t->raw && tty_place(t->fd) == TTY_OURS)
		tcsetattr(t->fd, TCSANOW, &t->saved);
	t->raw = false;
}

/* Of what it calls all is safe in a handler, signal-safety(7). */
static void handle_fatal(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *c = context;
	struct tty *t = (struct tty *)((char *)c->uc_stack.ss_sp - offsetof(struct tty, stack));

	(void)info;
	tty_give_back(t);
	/* the handler is gone by now: a fault will happen again, and any other signal comes again
	 * when this returns */
	kill(getpid(), sig);
}

/* True for a signal whose default is to do no harm, or to stop. */
static bool is_harmless(int sig)
{
	static const int harmless[] = { SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN,
					SIGTTOU, SIGURG,  SIGWINCH };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(harmless); i++)
		if (sig == harmless[i])
			return true;
	return false;
}

struct tty *tty_prepare(int fd)
{
	struct sigaction fatal = { .sa_sigaction = handle_fatal,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND };
	struct sigaction old;
	struct tty *t = calloc(1, sizeof *t);
	stack_t stack;
	int sig;

	if (!t)
		return NULL;
	t->fd = fd;
	stack = (stack_t){ .ss_sp = t->stack, .ss_size = sizeof t->stack };
	if (fd < 0 || sigaltstack(&stack, NULL) < 0)
		return t;
	for (sig = 1; sig < _NSIG; sig++)
		if (!is_harmless(sig) && sigaction(sig, NULL, &old) == 0 &&
		    old.sa_handler == SIG_DFL)
			sigaction(sig, &fatal, NULL);
	return t;
}

static struct termios raw_of(struct termios modes)
{
	modes.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL |
				     IXON | IXOFF);
	modes.c_oflag &= ~(tcflag_t)OPOST;
	modes.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	modes.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
	modes.c_cflag |= CS8;
	modes.c_cc[VMIN] = 1;
	modes.c_cc[VTIME] = 0;
	return modes;
}

enum tty_place tty_take(struct tty *t)
{
	enum tty_place place = tty_place(t->fd);
	uint64_t stop = signals_one(SIGTTOU);
	struct termios raw;

	if (t->fd < 0 || place != TTY_OURS) {
		t->raw = false; /* a shell has given it modes of its own */
		return place;
	}
	/* where we were stopped with it raw it still may be: the modes known then stay */
	if (!t->raw && tcgetattr(t->fd, &t->saved) < 0)
		return TTY_OURS;
	t->raw = true;
	raw = raw_of(t->saved);
	/* should it become another group's right now, then stop, as any program would */
	signals_mask(SIG_UNBLOCK, &stop, NULL);
	tcsetattr(t->fd, TCSANOW, &raw);
	signals_mask(SIG_BLOCK, &stop, NULL);
	return TTY_OURS;
}
