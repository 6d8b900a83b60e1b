/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Completes a plan by what follows from its options, once they are allowed beside each other. */
#include <linux/capability.h>

#include "broken.h"
#include "caps.h"
#include "dev.h"
#include "fail.h"
#include "mask.h"
#include "personality.h"
#include "plan.h"
#include "policy.h"
#include "ranges.h"
#include "rules.h"
#include "sys.h"
#include "util.h"

/* An in-place root opens every source before the tree is changed: more than this many go one by one
 * instead. */
#define IN_PLACE_FDS 128

static int decide_namespaces(struct plan *p, const struct caller *caller, struct fail *f)
{
	if ((p->unshare & CLONE_NEWCGROUP) && !caller->has_cgroupns)
		return fail(f, 0,
			    "Cannot create new cgroup namespace because the kernel does not "
			    "support it");
	if (p->cgroup_try && caller->has_cgroupns)
		p->unshare |= CLONE_NEWCGROUP;
	p->joins = caller->join.kinds;
	/* of a joined pid namespace a child can be made */
	p->unshare &= ~(p->joins & ~(uint64_t)CLONE_NEWPID);
	p->owner_joined = caller->join.n_owners > 0 && p->userns_fd < 0 && !plan_joins_all(p);
	p->guarded = p->as->own_options && (p->pidns_fd >= 0 || plan_joins_all(p));
	if (plan_joins_all(p))
		return 0;
	p->userns = p->userns_asked || (p->userns_try && caller->has_userns) ||
		    (p->userns_fd < 0 && (caller->uid != 0 || p->as->always_userns));
	return 0;
}

/* Root that joins a process without a user namespace of its own is who that is: else it would be
 * the host's root where there may be none. */
static bool becomes_target(const struct plan *p, const struct caller *caller)
{
	return plan_joins_all(p) && !(p->joins & CLONE_NEWUSER) && caller->uid == 0 &&
	       !BROKEN("join-as-target");
}

static void decide_identity(struct plan *p, const struct caller *caller)
{
	bool root = p->as->map_root && !p->map_current && p->userns;
	uint64_t start;

	if (becomes_target(p, caller)) {
		p->uid = p->uid_set ? p->uid : caller->join.uid;
		p->gid = p->gid_set ? p->gid : caller->join.gid;
		p->uid_set = p->gid_set = true;
	}
	if (!p->uid_set)
		p->uid = root ? 0 : caller->uid;
	if (!p->gid_set)
		p->gid = root ? 0 : caller->gid;
	if (plan_joins_all(p))
		start = becomes_target(p, caller) && p->uid != 0 ? 0 : caller->join.bounding;
	else if (p->as->all_caps)
		start = CAPS_ALL;
	else if (caller->uid != 0)
		start = 0;
	else
		start = caller->effective;
	p->caps = (start & p->caps_keep) | p->caps_add;
	/* where one level must do, the command would own the mounts of its sandbox */
	if (p->as->confine_root &&
	    (caller->real_root || p->userns_fd >= 0 || p->userns_block_fd >= 0) &&
	    !(p->caps_named & CAP_BIT(CAP_SYS_ADMIN)) && !BROKEN("root-without-sys-admin"))
		p->caps &= ~CAP_BIT(CAP_SYS_ADMIN);
}

/* One level does where two bring nothing (the host's tree, whose mounts the first copy locks
 * already, but not a fresh proc on it; a command without capabilities) or would break a promise
 * (--userns, --userns-block-fd). In the user namespace of joined namespaces the command would have
 * power over them: it gets one of its own below that. */
static void decide_levels(struct plan *p)
{
	p->two_levels = p->userns && p->userns_block_fd < 0 &&
			((p->caps != 0 && p->n_ops > 0) || p->disable_userns || p->owner_joined);
	if (p->owner_joined && p->userns2_fd >= 0)
		p->two_levels = false; /* that is the second */
	p->split = p->two_levels || p->joins || p->userns2_fd >= 0 || p->pidns_fd >= 0 ||
		   (p->userns_fd >= 0 && (p->unshare & (CLONE_NEWPID | CLONE_NEWTIME))) ||
		   /* the root of a cgroup namespace is the cgroup of whoever makes it */
		   (p->cgroup_fd >= 0 && (p->unshare & CLONE_NEWCGROUP));
	/* once a process is in it, a time namespace's clocks are fixed */
	p->enters = plan_shifts(p) || p->guarded;
	p->split |= p->enters;
	p->init = !p->as_pid_1 &&
		  (p->as->kills_orphans || (p->unshare & CLONE_NEWPID) || p->pidns_fd >= 0 ||
		   p->n_locks > 0 || p->sync_fd >= 0 || p->die_with_parent);
	p->dies_with_launcher = p->as->dies_with_launcher || p->die_with_parent;
	p->watched = p->dies_with_launcher && p->as_pid_1;
}

static bool is_bind_of_root(const struct op *op)
{
	return op->type == OP_BIND && plan_path_same(op->source, "/") && op->source[0] == '/';
}

/* How many source descriptors an operation holds while it waits for its turn. */
static size_t op_fds(const struct op *op)
{
	switch (op->type) {
	case OP_BIND:
	case OP_BIND_FD:
	case OP_BIND_DATA:
	case OP_PROC:
		return 1;
	case OP_DEV:
		return DEV_FDS;
	case OP_MASK:
		return MASK_FDS;
	case OP_OVERLAY:
		return op->n_layers + 2;
	case OP_TMP_OVERLAY:
	case OP_RO_OVERLAY:
		return op->n_layers;
	case OP_TMPFS:
	case OP_MQUEUE:
	case OP_SYSFS:
	case OP_CGROUPFS:
	case OP_PROC_SUBSET:
	case OP_DEVPTS:
	case OP_REMOUNT_RO:
	case OP_DIR:
	case OP_FILE:
	case OP_SYMLINK:
	case OP_CHMOD:
	case OP_TYPE_MAX:
		break;
	}
	return 0;
}

/* The last mount on /: it covers whatever came before it. One that may turn out missing counts only
 * where nothing came before. */
static struct op *find_root_op(const struct plan *p)
{
	size_t i;

	for (i = p->n_ops; i-- > 0;)
		if (p->ops[i].type <= OP_TMPFS && p->ops[i].type != OP_PROC &&
		    (i == 0 || !(p->ops[i].flags & OP_TRY)) && plan_path_same(p->ops[i].dest, "/"))
			return &p->ops[i];
	return NULL;
}

/* The host's tree as it is, but with a fresh /proc for a new pid namespace, and covers on it for
 * the real root. */
static int plan_host_proc(struct plan *p, const struct caller *caller)
{
	struct op *op;

	if (p->root == ROOT_JOINED ||
	    (!(p->unshare & CLONE_NEWPID) && p->pidns_fd < 0 && !caller->real_root))
		return 0;
	op = plan_append(&p->ops, &p->n_ops, sizeof *op);
	if (!op)
		return -ENOMEM;
	*op = (struct op){ .type = OP_PROC, .option = "--proc", .dest = "/proc", .fd = NO_FD };
	return 0;
}

static int decide_root(struct plan *p, const struct caller *caller)
{
	bool overlay = false;
	size_t i;

	p->root = p->mntns_fd >= 0 || plan_joins_all(p) ? ROOT_JOINED : ROOT_NEW;
	if (p->root == ROOT_NEW && p->n_ops == 0 && p->as->host_tree) {
		p->root = ROOT_HOST;
		if (plan_host_proc(p, caller) < 0)
			return -ENOMEM;
	}

	for (i = 0; i < p->n_ops; i++) {
		p->ops[i].first_fd = p->n_fds;
		p->n_fds += op_fds(&p->ops[i]);
		overlay |= p->ops[i].n_layers > 0 || p->ops[i].type == OP_MASK;
	}
	p->root_op = find_root_op(p);
	if (p->root_op && is_bind_of_root(p->root_op) && caller->root_is_mount && !overlay &&
	    p->n_fds <= IN_PLACE_FDS && p->n_fds <= caller->max_fds / 2)
		p->root = ROOT_IN_PLACE;
	return 0;
}

/* True for a mount of a file system that belongs to a namespace of the sandbox. */
static bool is_fresh(const struct plan *p, const struct op *op)
{
	if (plan_shows_joined(p, op))
		return false;
	return op->type == OP_PROC ? (p->unshare & CLONE_NEWPID) || p->pidns_fd >= 0
				   : plan_shown(op) != 0;
}

/* A fresh proc and its like belong to namespaces that exist only in the sandbox: they, and what
 * lies on or below one, wait for it. Those of joined namespaces are the builder's. */
static void decide_deferred(struct plan *p)
{
	size_t i = p->root_op ? (size_t)(p->root_op - p->ops) : 0, j, first = p->n_ops;

	if (!p->split)
		return;
	for (; i < p->n_ops; i++) {
		struct op *op = &p->ops[i];
		bool fresh = is_fresh(p, op);

		for (j = first; j < i && !op->on_fresh; j++)
			op->on_fresh = p->ops[j].deferred && is_fresh(p, &p->ops[j]) &&
				       plan_path_below(op->dest, p->ops[j].dest);
		op->deferred = fresh || op->on_fresh;
		if (fresh && first == p->n_ops)
			first = i;
	}
}

/* The real root owns every file of a sysfs, that of a network namespace of its own too, and every
 * cgroup below its own, which as a rule is the root of them all. */
static void confine_kernfs(struct plan *p, const struct caller *caller)
{
	size_t i;

	for (i = 0; caller->real_root && i < p->n_ops; i++)
		if (p->ops[i].type == OP_SYSFS ||
		    (p->ops[i].type == OP_CGROUPFS && p->cgroup_fd < 0))
			p->ops[i].attrs |= MOUNT_ATTR_RDONLY;
}

/* What the kernel cannot do is refused before anything is done. */
static int decide_landlock(struct plan *p, const struct caller *caller, struct fail *f)
{
	int needed = p->n_ports > 0 && p->landlock_min < LANDLOCK_ABI_TCP ? LANDLOCK_ABI_TCP
									  : p->landlock_min;

	p->landlock_abi = caller->landlock_abi;
	if (!p->landlock || (caller->landlock_abi > 0 && caller->landlock_abi >= needed))
		return 0;
	if (caller->landlock_abi < 0)
		return fail(f, -caller->landlock_abi, "Can't tell which Landlock this kernel has");
	if (caller->landlock_abi == 0)
		return fail_hint(f, fail(f, 0, "This kernel has no Landlock"),
				 "it must be built with it and started with landlock in lsm=");
	return fail_hint(f,
			 fail(f, 0, "%s needs version %d of Landlock, this kernel has %d",
			      needed > p->landlock_min ? "--landlock-tcp" : "--landlock-abi",
			      needed, caller->landlock_abi),
			 "a newer kernel has more; --landlock alone takes what there is");
}

static void find_shared_fds(struct plan *p)
{
	size_t i, j;

	for (i = 0; i < p->n_ops; i++)
		for (j = 0; p->ops[i].fd >= 0 && j < p->n_ops; j++)
			p->ops[i].fd_shared |= i != j && p->ops[j].fd == p->ops[i].fd;
}

int plan_check(struct plan *p, const struct caller *caller, struct fail *f)
{
	int r;

	r = rules_check_early(p, f);
	if (r < 0)
		return r;
	r = decide_namespaces(p, caller, f);
	if (r < 0)
		return r;
	r = rules_check_late(p, f);
	if (r == 0)
		r = rules_check_walls(p, caller, f);
	if (r < 0)
		return r;
	r = ranges_place(p, caller, f);
	if (r < 0)
		return r;
	decide_identity(p, caller);
	if (p->pretence && p->ranges)
		p->pretence = policy_pretence("fake-devices"); /* ids are real */
	r = rules_check_pretence(p, f);
	if (r == 0)
		r = decide_landlock(p, caller, f);
	if (r < 0)
		return r;
	r = decide_root(p, caller);
	if (r < 0)
		return fail(f, -r, "Out of memory");
	decide_levels(p);
	r = ranges_divide(p, f);
	if (r < 0)
		return r;
	decide_deferred(p);
	confine_kernfs(p, caller);
	find_shared_fds(p);
	return rules_check_masks(p, f);
}
