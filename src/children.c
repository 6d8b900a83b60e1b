/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The init's own children, which are the command and orphans: signals to them, and their end. */
#include "children.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "sandbox.h"
#include "sys.h"
#include "util.h"

/* Sends SIG to the child that the host's /proc calls PID: its number in our own pid namespace may
 * be another. Only we reap it, so that the number is nobody else's meanwhile. */
static void signal_child(const struct sandbox *sb, const char *pid, int sig)
{
	CLEANUP(fd_closep) int fd = sandbox_proc_open(sb, pid, O_RDONLY | O_DIRECTORY);

	if (fd >= 0)
		sys_pidfd_send_signal(fd, sig);
	else if (sb->plan->pidns_fd < 0) /* hidden from us, see hidepid in proc(5) */
		kill((pid_t)atoi(pid), sig);
}

/* Reads the direct children's pids, proc_pid_children(5), as the host's /proc has them, separated
 * by spaces, as many as SIZE bytes hold. Returns their length, or -1. */
static ssize_t read_children(const struct sandbox *sb, char *text, size_t size)
{
	CLEANUP(fd_closep)
	int fd = sandbox_proc_open(sb, "thread-self/children", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	/* a number cut short by the end of the buffer would be somebody else's */
	if (n == (ssize_t)size - 1 && strrchr(text, ' '))
		*strrchr(text, ' ') = '\0';
	return n;
}

int children_first(const struct sandbox *sb)
{
	char text[64];
	ssize_t n = read_children(sb, text, sizeof text);

	return n < 0 ? neg_errno() : n == 0 ? 0 : atoi(text);
}

void children_signal(const struct sandbox *sb, pid_t known, int sig)
{
	char text[4096], *pid, *save;
	ssize_t n = read_children(sb, text, sizeof text);

	for (pid = strtok_r(text, " ", &save); pid; pid = strtok_r(NULL, " ", &save))
		signal_child(sb, pid, sig);
	if (n < 0 && known > 0)
		kill(known, sig);
}

/* Reaps with FLAGS what has ended, and adds to *COUNT what of it was killed.
 * Returns how many there were, or -1 when there is no child any more. */
static int reap_killed(int flags, int *count)
{
	int n = 0, status = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, flags)) > 0) {
		*count += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		n++;
	}
	return pid < 0 && errno == ECHILD ? -1 : n;
}

int children_end(const struct sandbox *sb, pid_t known)
{
	int count = 0, n;

	if (sb->plan->unshare & CLONE_NEWPID) {
		if (kill(-1, SIGKILL) < 0 && errno != ESRCH)
			return neg_errno();
		reap_killed(0, &count);
	}
	while ((n = reap_killed(WNOHANG, &count)) >= 0) {
		children_signal(sb, known, SIGKILL);
		if (n == 0)
			poll(NULL, 0, 1);
	}
	return count;
}
