/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds out who owns the namespaces that are to be joined.
 *
 * To join a namespace takes CAP_SYS_ADMIN in the user namespace that owns it and in one's own,
 * user_namespaces(7). An ordinary user gets the first by entering the owner, where everything is
 * permitted to whoever made it; from there nothing leads back to what is owned further out. So the
 * owners must lie one within the other: they are entered from the outermost on, and in each one
 * what it owns is joined. What the caller's own user namespace owns only a privileged caller can
 * join, before the first of these steps. */
#include "join.h"

#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "caps.h"
#include "fail.h"
#include "ns.h"
#include "personality.h"
#include "plan.h"
#include "sys.h"
#include "target.h"
#include "util.h"

/* User namespaces can be nested 32 deep, user_namespaces(7). */
#define DEPTH_MAX 33

/* 1 when both are one file, 0 when they are not, or -errno. */
static int same_file(int a, int b)
{
	struct stat x, y;

	if (fstat(a, &x) < 0 || fstat(b, &y) < 0)
		return neg_errno();
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* 1 when the namespace FD is the caller's own of the kind NS, 0 when it is not, or -errno. */
static int is_own(int proc_fd, const struct ns *ns, int fd)
{
	struct stat x, y;
	char path[32];

	stpcpy(stpcpy(path, "self/ns/"), ns->name);
	if (fstatat(proc_fd, path, &x, 0) < 0 || fstat(fd, &y) < 0)
		return neg_errno();
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* 1 when the user namespace OUTER is around INNER, at whatever distance, 0 when it is not, as far
 * as the caller can see, or -errno. */
static int is_around(int outer, int inner)
{
	int fd = fcntl(inner, F_DUPFD_CLOEXEC, 3), parent, depth, found = fd < 0 ? neg_errno() : 0;

	for (depth = 0; depth < DEPTH_MAX && fd >= 0 && found == 0; depth++) {
		parent = ioctl(fd, NS_GET_PARENT);
		if (parent < 0 && errno != EPERM)
			found = neg_errno();
		fd_close(fd);
		fd = parent;
		if (fd >= 0)
			found = same_file(fd, outer);
	}
	fd_close(fd);
	return found;
}

static int check_kind(const struct ns *ns, int fd, struct fail *f)
{
	int kind = ioctl(fd, NS_GET_NSTYPE);

	if (kind < 0 && errno != ENOTTY)
		return fail(f, errno, "--%sns %d", ns->name, fd);
	if (kind < 0)
		return fail_hint(
			f, fail(f, 0, "--%sns %d: the descriptor is no namespace", ns->name, fd),
			"open it from /proc/PID/ns");
	if ((uint64_t)kind != ns->flag)
		return fail_hint(f,
				 fail(f, 0,
				      "--%sns %d: the descriptor is a namespace of another kind",
				      ns->name, fd),
				 "each kind has a file of its name in /proc/PID/ns");
	return 0;
}

/* Puts the user namespace FD at its place among the owners. On success it is the entry at *RET. */
static int place_owner(struct join *join, int fd, struct ns_owner **ret)
{
	struct ns_owner *o = join->owners;
	size_t i, at = 0;
	int r;

	for (i = 0; i < join->n_owners; i++) {
		r = same_file(o[i].fd, fd);
		if (r != 0) {
			*ret = &o[i];
			return r < 0 ? r : 0;
		}
		r = is_around(o[i].fd, fd);
		if (r > 0)
			at = i + 1;
		else if (r == 0)
			r = is_around(fd, o[i].fd);
		if (r <= 0)
			return r < 0 ? r : -EXDEV;
	}
	memmove(o + at + 1, o + at, (join->n_owners - at) * sizeof *o);
	o[at] = (struct ns_owner){ .fd = fcntl(fd, F_DUPFD_CLOEXEC, 3) };
	join->n_owners++;
	*ret = &o[at];
	return o[at].fd < 0 ? neg_errno() : 0;
}

static int add_owner(struct join *join, const struct ns *ns, int fd, int proc_fd, struct fail *f)
{
	CLEANUP(fd_closep) int user = ioctl(fd, NS_GET_USERNS);
	struct ns_owner *owner;
	int r;

	if (user < 0)
		return fail_hint(f, fail(f, errno, "--%sns %d", ns->name, fd),
				 "it belongs to a user namespace around the caller's, from which "
				 "nothing can be joined");
	r = is_own(proc_fd, &namespaces[NS_USER], user);
	if (r > 0) {
		join->own |= ns->flag;
		return 0;
	}
	r = r < 0 ? r : place_owner(join, user, &owner);
	if (r == -EXDEV)
		return fail_hint(f,
				 fail(f, 0,
				      "--%sns %d: it and another namespace to join belong to "
				      "unrelated user namespaces",
				      ns->name, fd),
				 "namespaces can be joined together only if their owners are one, "
				 "or lie one within the other");
	if (r < 0)
		return fail(f, -r, "--%sns %d", ns->name, fd);
	owner->kinds |= ns->flag;
	return 0;
}

/* The user namespace that the command is to be in must lie within all owners. */
static int add_last(struct join *join, int fd, struct fail *f)
{
	struct ns_owner *owner;
	int r = place_owner(join, fd, &owner);

	if (r == 0 && owner == &join->owners[join->n_owners - 1])
		return 0;
	if (r < 0 && r != -EXDEV)
		return fail(f, -r, "--userns %d", fd);
	return fail_hint(f,
			 fail(f, 0,
			      "--userns %d: it is not within the user namespace that owns the "
			      "namespaces to join",
			      fd),
			 "leave it out: the owner is then entered by itself");
}

/* What the caller's user namespace owns cannot be had by entering another. */
static int check_own(const struct plan *p, const struct join *join, struct fail *f)
{
	uint64_t caps;
	size_t i;
	int r;

	if (!join->own)
		return 0;
	r = caps_effective(&caps);
	if (r < 0)
		return fail(f, -r, "capget");
	if (caps & CAP_BIT(CAP_SYS_ADMIN))
		return 0;
	for (i = 0; !(join->own & namespaces[i].flag); i++)
		;
	return fail_hint(
		f,
		fail(f, EPERM, "--%sns %d", namespaces[i].name, plan_ns_fd(p, namespaces[i].flag)),
		"it belongs to the caller's own user namespace: only root there can join "
		"it");
}

/* The caller is in the namespace NS already, and so will the sandbox be: but what shows it can be
 * mounted by its owner alone, which the sandbox is not. */
static int check_shown(const struct plan *p, const struct ns *ns, int fd, struct fail *f)
{
	/* the host's tree gets a fresh /proc by itself */
	const char *option = p->n_ops == 0 && p->mntns_fd < 0 && ns->flag == CLONE_NEWPID
				     ? "a fresh /proc"
				     : NULL;
	const struct op *op;

	if (p->unshare & ns->flag)
		return 0;
	for (op = p->ops; op < p->ops + p->n_ops && !option; op++)
		if ((plan_shown(op) & ns->flag) && !(op->flags & OP_TRY))
			option = op->option;
	if (!option)
		return 0;
	return fail_hint(f,
			 fail(f, 0,
			      "--%sns %d: it is the caller's own already, and %s takes one of "
			      "another owner",
			      ns->name, fd, option),
			 "leave it out, and bind what the host has mounted");
}

int join_gather(const struct plan *p, int proc_fd, struct join *ret, struct fail *f)
{
	size_t i;
	int fd, r = 0;

	if (!p->as->own_options)
		return 0;
	if (plan_joins_all(p))
		return target_gather(p, proc_fd, ret, f);
	for (i = 0; i < NS_MAX && r == 0; i++) {
		fd = i == NS_USER ? NO_FD : plan_ns_fd(p, namespaces[i].flag);
		if (fd < 0)
			continue;
		r = check_kind(&namespaces[i], fd, f);
		ret->kinds |= namespaces[i].flag;
		if (r < 0)
			break;
		r = is_own(proc_fd, &namespaces[i], fd);
		if (r < 0)
			return fail(f, -r, "--%sns %d", namespaces[i].name, fd);
		r = r > 0 ? check_shown(p, &namespaces[i], fd, f)
			  : add_owner(ret, &namespaces[i], fd, proc_fd, f);
	}
	if (r == 0 && ret->n_owners > 0 && p->userns_fd >= 0)
		r = add_last(ret, p->userns_fd, f);
	return r < 0 ? r : check_own(p, ret, f);
}
