/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs husk from a copy of its program that nobody can write to.
 *
 * A command that is a link to /proc/self/exe makes the kernel run husk inside, and /proc/PID/exe of
 * that leads whoever is there to husk's own file, outside. The kernel lets nobody write to a file
 * that is run: but who joins a sandbox may be run from another file than the sandbox itself, an
 * update's, and end before those who have opened it. So where the caller may write to the file, and
 * with it a command of the same user, a copy is run instead, before anything is done: a file in
 * memory, sealed. */
#include "sealed.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "broken.h"
#include "fail.h"
#include "personality.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

#define SELF  "/proc/self/exe"
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

extern char **environ;

/* True when somebody in namespaces that are joined could come to see the program. */
static bool is_exposed(const struct plan *p)
{
	return plan_joins_all(p) || p->pidns_fd >= 0 || p->mntns_fd >= 0;
}

/* True when whoever has the caller's ids may write to the file, or may make it so. */
static bool is_writable(const struct stat *st)
{
	return access(SELF, W_OK) == 0 || st->st_uid == geteuid();
}

/* True when this process runs such a copy. */
static bool is_sealed(void)
{
	CLEANUP(fd_closep) int self = open(SELF, O_RDONLY | O_CLOEXEC);
	int seals = self < 0 ? -1 : fcntl(self, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_WRITE);
}

/* Makes the sealed copy, of SIZE bytes. Returns its descriptor or -errno. */
static int copy(size_t size)
{
	CLEANUP(fd_closep) int from = open(SELF, O_RDONLY | O_CLOEXEC), to = NO_FD;
	ssize_t n;

	if (from < 0)
		return neg_errno();
	to = sys_memfd_create("husk", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (to < 0)
		return neg_errno();
	while (size > 0) {
		n = sendfile(to, from, NULL, size);
		if (n <= 0)
			return n < 0 ? neg_errno() : -EIO;
		size -= (size_t)n;
	}
	return fcntl(to, F_ADD_SEALS, SEALS) < 0 ? neg_errno() : TAKE_FD(to);
}

/* Gives the lists of --args that have been read, and their descriptors closed, once more. Nobody
 * may have opened anything since: it would have the number of one of them. */
static int restore_args(const struct plan *p)
{
	const struct args *a;
	size_t done;
	ssize_t n;
	int fd;

	for (a = p->args; a < p->args + p->n_args; a++) {
		fd = sys_memfd_create("args", MFD_NOEXEC_SEAL);
		if (fd < 0)
			return neg_errno();
		for (done = 0; done < a->length; done += (size_t)n) {
			n = write(fd, a->data + done, a->length - done);
			if (n < 0)
				return neg_errno();
		}
		if (lseek(fd, 0, SEEK_SET) < 0 || (fd != a->fd && dup2(fd, a->fd) < 0))
			return neg_errno();
		if (fd != a->fd)
			close(fd);
	}
	return 0;
}

int sealed_run(const struct plan *p, char **argv, struct fail *f)
{
	CLEANUP(fd_closep) int sealed = NO_FD;
	struct stat st;
	int r;

	if (!is_exposed(p) || BROKEN("join-sealed"))
		return 0;
	if (is_sealed()) {
		/* the name that an execve gives */
		prctl(PR_SET_NAME, p->as->name, 0, 0, 0);
		return 0;
	}
	if (stat(SELF, &st) < 0)
		return fail(f, errno, "Can't look at " SELF);
	if (!is_writable(&st))
		return 0;
	r = restore_args(p);
	if (r == 0)
		r = sealed = copy((size_t)st.st_size);
	if (r >= 0) {
		sys_execveat(sealed, "", argv, environ, AT_EMPTY_PATH);
		r = neg_errno();
	}
	return fail_hint(f,
			 fail(f, -r, "Can't run a copy of husk's file, which its caller can write"),
			 "run a husk that belongs to another user; or see whether the sysctl "
			 "vm.memfd_noexec is 2");
}
