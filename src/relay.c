/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Relays bytes between the caller and the sandbox's terminal.
 *
 * The terminal in the middle does all the work that a terminal does: it echoes, edits lines, turns
 * ^C and ^Z into signals. So the caller's own, when there is one, is made raw, and everything that
 * is typed goes through as it is. Nothing here ever waits, but in poll(2): whoever does not read
 * does not keep the launcher from its signals. */
#include "relay.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>

#include "signals.h"
#include "tty.h"
#include "util.h"

#define TO_ROOM	  16384
#define FROM_ROOM 131072
/* The kernel holds less than this of what was written to a terminal and not read. */
#define LEFT_MAX 1048576
/* Nobody tells when the terminal becomes ours again: a shell that brings a running job into the
 * foreground sends it nothing. */
#define FOREGROUND_MS 200
#define END_MS	      20
#define END_MS_MAX    1000

/* An open file of our own for descriptor FD, in which O_NONBLOCK is nobody else's: a terminal or a
 * pipe can be opened again by its link in /proc. Anything else is FD itself. */
static int open_again(int proc_fd, int fd, int flags, bool *ret_blocks)
{
	struct stat st = { 0 };
	char path[32];
	int again;

	if (fstat(fd, &st) < 0 || (!S_ISFIFO(st.st_mode) && !isatty(fd))) {
		*ret_blocks = S_ISSOCK(st.st_mode);
		return fd;
	}
	snprintf(path, sizeof path, "self/fd/%d", fd);
	again = openat(proc_fd, path, flags | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	*ret_blocks = again < 0;
	return again < 0 ? fd : again;
}

static bool is_master(int fd)
{
	unsigned number;

	return ioctl(fd, TIOCGPTN, &number) == 0;
}

int relay_begin(struct relay *r, int proc_fd, int master, int slave)
{
	struct termios t;
	bool blocks;

	r->master = master;
	r->slave = slave;
	if (!is_master(master) || tcgetattr(slave, &t) < 0)
		return neg_errno();
	if (fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return neg_errno();
	r->to = malloc(TO_ROOM);
	r->from = malloc(FROM_ROOM);
	r->tty = tty_prepare(isatty(STDIN_FILENO) ? STDIN_FILENO : NO_FD);
	if (!r->to || !r->from || !r->tty)
		return -ENOMEM;
	/* a reader that is gone is told by the write, not by a signal */
	r->pipe_ignored = signal(SIGPIPE, SIG_IGN) == SIG_IGN;
	r->in = open_again(proc_fd, STDIN_FILENO, O_RDONLY, &blocks);
	r->out = open_again(proc_fd, STDOUT_FILENO, O_WRONLY, &r->out_blocks);
	relay_resume(r);
	return 0;
}

void relay_resize(struct relay *r)
{
	struct winsize size;

	if (r->master >= 0 && tty_size(&size))
		ioctl(r->master, TIOCSWINSZ, &size);
}

void relay_signal(struct relay *r, int sig)
{
	ioctl(r->master, TIOCSIG, sig);
}

void relay_pause(struct relay *r)
{
	if (r->tty)
		tty_give_back(r->tty);
}

void relay_resume(struct relay *r)
{
	enum tty_place place;

	if (r->master < 0)
		return;
	place = tty_take(r->tty);
	if (place == TTY_GONE) {
		relay_hang_up(r);
		return;
	}
	r->in_waits = place == TTY_OTHERS;
	relay_resize(r);
}

static int close_copy(int fd)
{
	return fd > 2 ? fd_close(fd) : NO_FD;
}

void relay_hang_up(struct relay *r)
{
	r->in = close_copy(r->in);
	r->out = close_copy(r->out);
	r->slave = fd_close(r->slave);
	r->master = fd_close(r->master);
	r->from_start = r->from_end = r->to_start = r->to_end = 0;
}

/* True when the sandbox has read everything that was typed, the end of the file as well. */
static bool is_all_read(const struct relay *r)
{
	struct pollfd slave = { .fd = r->slave, .events = POLLIN };

	return r->to_start == r->to_end && poll(&slave, 1, 0) == 0;
}

/* Types the end of the file. A terminal forgets that it has ended as soon as somebody has seen it,
 * so this is done again for whoever reads next; and once more after a line without its end, which
 * the first one only makes readable. */
static void type_end(struct relay *r)
{
	struct termios modes;
	cc_t end = 4;

	if (tcgetattr(r->slave, &modes) == 0 && modes.c_cc[VEOF] != _POSIX_VDISABLE)
		end = modes.c_cc[VEOF];
	r->to[0] = (char)end;
	r->to_start = 0;
	r->to_end = 1;
}

int relay_poll(struct relay *r, struct pollfd fds[static RELAY_FDS])
{
	bool typed = r->to_start < r->to_end, shown = r->from_start < r->from_end;
	short wanted = 0;

	if (r->from_end < FROM_ROOM)
		wanted |= POLLIN;
	if (typed)
		wanted |= POLLOUT;
	fds[0] = (struct pollfd){ .fd = typed || r->in_ended || r->in_waits ? -1 : r->in,
				  .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = shown ? r->out : -1, .events = POLLOUT };
	fds[2] = (struct pollfd){ .fd = wanted ? r->master : -1, .events = wanted };
	if (r->master < 0)
		return -1;
	if (r->in_waits)
		return FOREGROUND_MS;
	return r->in_ended && !typed ? r->pause : -1;
}

static void read_in(struct relay *r)
{
	ssize_t n = read(r->in, r->to, TO_ROOM);
	bool terminal = isatty(STDIN_FILENO);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		r->to_start = 0;
		r->to_end = (size_t)n;
	} else if (terminal && tty_place(STDIN_FILENO) == TTY_OTHERS) {
		r->in_waits = true; /* since a moment ago */
	} else if (terminal) {
		relay_hang_up(r);
	} else {
		r->in_ended = true;
		r->pause = END_MS;
		type_end(r);
	}
}

static void write_in(struct relay *r)
{
	ssize_t n = write(r->master, r->to + r->to_start, r->to_end - r->to_start);

	if (n > 0)
		r->to_start += (size_t)n;
}

/* A terminal hands out a few KiB at a time: goes on until there is no more, or no more room.
 * Returns how much there was. */
static size_t read_out(struct relay *r)
{
	size_t before = r->from_end;
	ssize_t n = 1;

	while (n > 0 && r->from_end < FROM_ROOM) {
		n = read(r->master, r->from + r->from_end, FROM_ROOM - r->from_end);
		if (n > 0)
			r->from_end += (size_t)n;
	}
	return r->from_end - before;
}

static void write_out(struct relay *r)
{
	size_t length = r->from_end - r->from_start;
	ssize_t n;

	/* what poll(2) calls writable has room for as much as this */
	if (r->out_blocks && length > PIPE_BUF)
		length = PIPE_BUF;
	n = write(r->out, r->from + r->from_start, length);
	if (n > 0)
		r->from_start += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		r->pipe_broken = errno == EPIPE && !r->pipe_ignored;
		r->error = r->pipe_broken || errno == EIO ? 0 : errno;
		relay_hang_up(r); /* nobody will ever read it */
	}
	if (r->from_start == r->from_end)
		r->from_start = r->from_end = 0;
}

void relay_flush(struct relay *r)
{
	struct pollfd out = { .events = POLLOUT };
	size_t before;

	do {
		read_out(r);
		before = r->from_end - r->from_start;
		out.fd = r->out;
		if (before == 0 || poll(&out, 1, 0) <= 0)
			return;
		write_out(r);
	} while (r->master >= 0 && r->from_end - r->from_start < before);
}

void relay_move(struct relay *r, const struct pollfd fds[static RELAY_FDS])
{
	bool idle = !fds[0].revents && !fds[1].revents && !fds[2].revents;

	if (r->in_waits && tty_place(STDIN_FILENO) != TTY_OTHERS)
		relay_resume(r);
	if (r->in_ended && r->master >= 0 && is_all_read(r))
		type_end(r);
	else if (idle && r->pause < END_MS_MAX)
		r->pause *= 2;
	if (fds[0].revents)
		read_in(r);
	if (r->master >= 0 && r->to_start < r->to_end)
		write_in(r);
	if (r->master >= 0 && fds[2].revents & (POLLIN | POLLHUP) && read_out(r) > 0 &&
	    !r->out_blocks)
		/* NOLINTNEXTLINE(bugprone-branch-clone): whether there is more is asked first */
		write_out(r);
	else if (r->master >= 0 && fds[1].revents)
		write_out(r);
}

/* A signal that has come and means the end, or 0. */
static int signal_of(int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof info) != sizeof info ||
	    !(signals_ending() & signals_one((int)info.ssi_signo)))
		return 0;
	return (int)info.ssi_signo;
}

int relay_end(struct relay *r, int signals)
{
	struct pollfd fds[] = { { .fd = -1, .events = POLLOUT },
				{ .fd = signals, .events = POLLIN } };
	size_t left = LEFT_MAX, n = 0;
	int sig = 0;

	while (r->master >= 0 && sig == 0) {
		if (r->from_start == r->from_end)
			r->from_start = r->from_end = 0;
		n = read_out(r);
		left = n < left ? left - n : 0;
		if (r->from_end == 0 || left == 0)
			break;
		fds[0].fd = r->out;
		if (poll(fds, ARRAY_SIZE(fds), 0) == 0) {
			/* whoever has to wait may want to type ^C at it */
			relay_pause(r);
			poll(fds, ARRAY_SIZE(fds), -1);
		}
		if (fds[1].revents)
			sig = signal_of(signals);
		else if (fds[0].revents)
			write_out(r);
	}
	relay_pause(r);
	relay_hang_up(r);
	return sig;
}
