/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the sandbox's own terminal, and hands it to the launcher and the command.
 *
 * The launcher gets the master and relays. Were it opened by the launcher, its number would be one
 * of the host's /dev/pts, and ttyname(3) would find nothing, or another, inside. */
#include "pty.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "channel.h"
#include "fail.h"
#include "plan.h"
#include "sandbox.h"
#include "sys.h"
#include "tty.h"
#include "util.h"

#define OPEN_MASTER (O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)

/* A new terminal of the devpts beside PATH, when that is the device it should be. */
static int open_multiplexer(const char *path)
{
	CLEANUP(fd_closep) int fd = sys_openat2(AT_FDCWD, path, OPEN_MASTER, RESOLVE_NO_MAGICLINKS);
	struct stat st;

	if (fd < 0)
		return neg_errno();
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return -ENODEV;
	return TAKE_FD(fd);
}

/* A new terminal of a devpts that is mounted nowhere. */
static int open_private(void)
{
	CLEANUP(fd_closep) int fs = sys_fsopen("devpts", FSOPEN_CLOEXEC), mnt = NO_FD;
	int fd;

	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_SET_STRING, "ptmxmode", "0666", 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "620", 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return neg_errno();
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	fd = mnt < 0 ? -1 : openat(mnt, "ptmx", OPEN_MASTER);
	fd_close(mnt);
	return fd < 0 ? neg_errno() : fd;
}

static int open_master(void)
{
	int fd = open_multiplexer("/dev/ptmx");

	if (fd < 0)
		fd = open_multiplexer("/dev/pts/ptmx");
	return fd < 0 ? open_private() : fd;
}

/* What the caller's terminal is like. Where nobody types, what is read would be shown twice. */
static void set_up(const struct tty_model *model, int slave)
{
	struct termios modes;

	if (model->has_modes)
		tcsetattr(slave, TCSANOW, &model->modes);
	if (!model->types && tcgetattr(slave, &modes) == 0) {
		modes.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(slave, TCSANOW, &modes);
	}
	if (model->has_size)
		ioctl(slave, TIOCSWINSZ, &model->size);
}

int pty_make(struct sandbox *sb)
{
	CLEANUP(fd_closep) int master = NO_FD, slave = NO_FD;
	int unlock = 0, ends[2], r;

	if (!sb->plan->pty)
		return 0;
	master = open_master();
	if (master < 0)
		return fail_hint(sb->fail, fail(sb->fail, -master, "--pty: can't open a terminal"),
				 "the sysctl kernel.pty.max limits how many there are");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return fail(sb->fail, errno, "--pty: TIOCSPTLCK");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return fail(sb->fail, errno, "--pty: TIOCGPTPEER");
	set_up(sb->model, slave);
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return fail(sb->fail, errno, "--pty: TIOCSCTTY");
	ends[0] = master;
	ends[1] = slave;
	r = channel_send_fds(sb->socket, MESSAGE_TERMINAL, ends, 2);
	if (r < 0)
		return fail(sb->fail, -r, "--pty: can't reach the launcher");
	sb->pty = TAKE_FD(slave);
	return 0;
}

int pty_enter(struct sandbox *sb)
{
	int fd;

	if (!sb->plan->pty)
		return 0;
	if (sb->plan->init && (setpgid(0, 0) < 0 || tcsetpgrp(sb->pty, getpid()) < 0))
		return fail(sb->fail, errno, "--pty: can't take the foreground");
	for (fd = 0; fd <= 2; fd++)
		if (dup2(sb->pty, fd) < 0)
			return fail(sb->fail, errno, "--pty: dup2");
	return 0;
}

void pty_continue(const struct sandbox *sb, int command, int stopped)
{
	if (stopped)
		tcsetpgrp(sb->pty, command);
	kill(stopped ? -command : command, SIGCONT);
}
