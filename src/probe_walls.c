/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checks of --self-test that try a wall: what must be refused is attempted, and would do no
 * harm if it were not. */
#include "probe.h"

#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include "rlimit.h"
#include "sys.h"
#include "util.h"

/* What a flag that unshare(2) does not know makes of the others: nothing is done. */
#define NO_SUCH_FLAG 1

void probe_families(const char *operand, struct found *found)
{
	const char *at = operand;
	bool refused = true;
	int fd;

	for (; *at && refused; at = strchr(at, ' ') + 1) {
		fd = socket(atoi(at), SOCK_STREAM | SOCK_CLOEXEC, 0);
		refused = fd < 0 && errno != ESOCKTNOSUPPORT && errno != EPROTONOSUPPORT;
		fd_close(fd);
	}
	if (!refused)
		probe_broken(found, "a socket can be made");
}

void probe_limit(const char *operand, struct found *found)
{
	char *at;
	int resource = (int)strtol(operand, &at, 10);
	uint64_t now[2], soft = strtoull(at, &at, 10), hard = strtoull(at, NULL, 10);

	if (rlimit_get(resource, now) < 0 || now[0] > soft || now[1] > hard)
		probe_broken(found, "it is higher");
}

/* Whether a system call has been answered as a filter does. */
static bool is_refused(long result)
{
	return result < 0 && (errno == EPERM || errno == ENOSYS);
}

/* The first call that only the strict policy refuses, and that is answered all the same. */
static const char *find_answered(void)
{
	if (!is_refused(unshare(CLONE_NEWUSER | NO_SUCH_FLAG)))
		return "unshare";
	if (!is_refused(mount(NULL, NULL, NULL, 0, NULL)))
		return "mount";
	if (!is_refused(ptrace(PTRACE_PEEKUSER, -1, NULL, NULL)))
		return "ptrace";
	return is_refused(setns(-1, 0)) ? NULL : "setns";
}

void probe_policy(const char *operand, struct found *found)
{
	const char *call = streq(operand, "strict") ? find_answered() : NULL;

	if (!is_refused(syscall(SYS_userfaultfd, ~0U)))
		call = "userfaultfd";
	else if (!is_refused(syscall(SYS_io_uring_setup, 0, NULL)))
		call = "io_uring_setup";
	if (call)
		probe_broken(found, "%s is answered", call);
}

void probe_signal(const char *operand, struct found *found)
{
	if (kill(atoi(operand), 0) == 0 || errno != EPERM)
		probe_broken(found, "husk's launcher can be sent one");
}

void probe_tcp(const char *operand, struct found *found)
{
	const struct sockaddr_in any = { .sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CLEANUP(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)operand;
	if (fd < 0)
		return; /* then there is none at all */
	if (bind(fd, (const struct sockaddr *)&any, sizeof any) == 0 || errno != EACCES)
		probe_broken(found, "one can be bound to");
	else if (connect(fd, (const struct sockaddr *)&any, sizeof any) == 0 || errno != EACCES)
		probe_broken(found, "one can be connected to");
}

void probe_userns(const char *operand, struct found *found)
{
	(void)operand;
	if (unshare(CLONE_NEWUSER) == 0)
		probe_broken(found, "unshare made one");
}
