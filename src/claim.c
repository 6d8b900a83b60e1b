/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims the descriptors that options name before husk has any of its own. */
#include "claim.h"

#include <fcntl.h>

#include "fail.h"
#include "personality.h"
#include "plan.h"
#include "util.h"

/* Says why fcntl(2) has just refused FD. */
static int not_open(const struct plan *p, struct fail *f, const char *option, int fd,
		    const char *bwrap_text)
{
	const char *hint = "the caller has not opened that descriptor";
	const struct args *a;
	int err = errno;

	for (a = p->args; a < p->args + p->n_args; a++)
		if (a->fd == fd)
			hint = "--args has read that descriptor, and closed it";

	if (!p->as->explains && *bwrap_text)
		return fail(f, err, "%s", bwrap_text);
	return fail_hint(f, fail(f, err, "%s %d", option, fd), err == EBADF ? hint : NULL);
}

/* Makes FD husk's own, unless the command may see it, as it does 0, 1 and 2 whatever else they are
 * for; as bwrap it does not get even these. */
static int claim(const struct plan *p, int fd, bool commands)
{
	return fcntl(fd, F_SETFD, commands || (p->as->closes_fds && fd <= 2) ? 0 : FD_CLOEXEC);
}

/* The named fields of the plan. */
static int claim_named(struct plan *p, struct fail *f)
{
	const struct {
		int *fd;
		const char *option, *bwrap_text;
		bool optional; /* as bwrap it is dropped when it is not open */
		bool commands; /* the command may see it */
	} named[] = {
		{ &p->info_fd, "--info-fd", "Write to info_fd", false, false },
		{ &p->json_fd, "--json-status-fd", "Write to info_fd", false, false },
		{ &p->status_fd, "--status-fd", "", false, false },
		{ &p->seccomp_fd, "--seccomp", "Can't read seccomp data", false, false },
		{ &p->cgroup_fd, "--cgroup-fd", "", false, false },
		{ &p->userns_fd, "--userns", "Joining specified user namespace failed", false,
		  false },
		{ &p->userns2_fd, "--userns2", "Setting userns2 failed", false, false },
		{ &p->pidns_fd, "--pidns", "Setting pidns failed", false, false },
		{ &p->netns_fd, "--netns", "", false, false },
		{ &p->ipcns_fd, "--ipcns", "", false, false },
		{ &p->utsns_fd, "--utsns", "", false, false },
		{ &p->cgroupns_fd, "--cgroupns", "", false, false },
		{ &p->timens_fd, "--timens", "", false, false },
		{ &p->mntns_fd, "--mntns", "", false, false },
		{ &p->join_fd, "--join-fd", "", false, false },
		{ &p->userns_block_fd, "--userns-block-fd", "", true, false },
		{ &p->block_fd, "--block-fd", "", true, false },
		{ &p->sync_fd, "--sync-fd", "", true, p->as_pid_1 && !p->as->closes_fds },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(named); i++) {
		if (*named[i].fd < 0 || claim(p, *named[i].fd, named[i].commands) == 0)
			continue;
		if (!named[i].optional || p->as->explains || errno != EBADF)
			return not_open(p, f, named[i].option, *named[i].fd, named[i].bwrap_text);
		*named[i].fd = NO_FD;
	}
	return 0;
}

/* What operations read from or bind. */
static int claim_operations(const struct plan *p, struct fail *f)
{
	const struct op *op;

	for (op = p->ops; op < p->ops + p->n_ops; op++) {
		if (op->fd < 0 || claim(p, op->fd, false) == 0)
			continue;
		if (p->as->explains || errno != EBADF)
			return not_open(p, f, op->option, op->fd, "");
		if (op->type == OP_BIND_FD)
			return fail(f, ENOENT, "Can't find source path /proc/self/fd/%d", op->fd);
		return fail(f, EBADF, "Can't write data to file %s", op->dest);
	}
	return 0;
}

int claim_fds(struct plan *p, struct fail *f)
{
	size_t i;
	int r;

	r = claim_named(p, f);
	for (i = 0; i < p->n_seccomp_fds && r == 0; i++)
		if (claim(p, p->seccomp_fds[i], false) < 0)
			r = not_open(p, f, "--add-seccomp-fd", p->seccomp_fds[i],
				     "Can't read seccomp data");
	for (i = 0; i < p->n_keep_fds && r == 0; i++)
		if (fcntl(p->keep_fds[i], F_GETFD) < 0)
			r = not_open(p, f, "--keep-fd", p->keep_fds[i], "");
	return r < 0 ? r : claim_operations(p, f);
}
