/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the options of a plan against each other, as a table. */
#include "rules.h"

#include <sys/resource.h>

#include "fail.h"
#include "personality.h"
#include "plan.h"
#include "policy.h"
#include "sys.h"
#include "util.h"

static bool userns_and_unshare(const struct plan *p)
{
	return p->userns_fd >= 0 && p->userns_asked;
}

static bool userns_and_unshare_try(const struct plan *p)
{
	return p->userns_fd >= 0 && p->userns_try;
}

static bool disable_without_user(const struct plan *p)
{
	return p->disable_userns && !p->userns_asked && !p->as->always_userns;
}

static bool disable_and_block(const struct plan *p)
{
	return p->disable_userns && p->userns_block_fd >= 0;
}

static bool disable_and_join(const struct plan *p)
{
	return p->disable_userns && p->userns_fd >= 0;
}

static bool block_without_info(const struct plan *p)
{
	return p->userns_block_fd >= 0 && p->info_fd < 0;
}

static bool block_without_user(const struct plan *p)
{
	return p->userns_block_fd >= 0 && !p->userns_asked;
}

static bool pid1_without_pid(const struct plan *p)
{
	return p->as_pid_1 && !(p->unshare & CLONE_NEWPID);
}

static bool pid1_and_lock(const struct plan *p)
{
	return p->as_pid_1 && p->n_locks > 0;
}

static bool uid_without_user(const struct plan *p)
{
	return p->uid_set && !p->userns && p->userns_fd < 0 && !plan_joins_all(p);
}

static bool gid_without_user(const struct plan *p)
{
	return p->gid_set && !p->userns && p->userns_fd < 0 && !plan_joins_all(p);
}

static bool hostname_without_uts(const struct plan *p)
{
	return p->hostname && !(p->unshare & CLONE_NEWUTS);
}

static bool block_and_join(const struct plan *p)
{
	return p->userns_block_fd >= 0 && (p->userns2_fd >= 0 || p->pidns_fd >= 0);
}

static bool status_fd_shared(const struct plan *p)
{
	const int status[] = { p->info_fd, p->json_fd, p->status_fd };
	const int others[] = { p->block_fd, p->userns_block_fd, p->seccomp_fd };
	size_t i, j;
	bool shared = false;

	for (i = 0; i < ARRAY_SIZE(status); i++) {
		for (j = 0; j < ARRAY_SIZE(others) && status[i] >= 0; j++)
			shared |= others[j] == status[i];
		for (j = 0; j < p->n_keep_fds && status[i] >= 0; j++)
			shared |= p->keep_fds[j] == status[i];
	}
	return shared;
}

static bool status_fd_mixed(const struct plan *p)
{
	return p->status_fd >= 0 && (p->status_fd == p->info_fd || p->status_fd == p->json_fd);
}

static bool pid1_and_wait_all(const struct plan *p)
{
	return p->as_pid_1 && p->wait_all;
}

static bool later_try_on_root(const struct plan *p)
{
	size_t i;

	for (i = 1; i < p->n_ops; i++)
		if ((p->ops[i].flags & OP_TRY) && plan_path_same(p->ops[i].dest, "/"))
			return true;
	return false;
}

static bool any_op(const struct plan *p, enum op_type type)
{
	size_t i;

	for (i = 0; i < p->n_ops; i++)
		if (p->ops[i].type == type)
			return true;
	return false;
}

static bool sysfs_without_net(const struct plan *p)
{
	return !(p->unshare & CLONE_NEWNET) && p->netns_fd < 0 && any_op(p, OP_SYSFS);
}

static bool cgroupfs_without_cgroup(const struct plan *p)
{
	return !(p->unshare & CLONE_NEWCGROUP) && p->cgroupns_fd < 0 && any_op(p, OP_CGROUPFS);
}

static bool subset_without_pid(const struct plan *p)
{
	return !(p->unshare & CLONE_NEWPID) && p->pidns_fd < 0 && any_op(p, OP_PROC_SUBSET);
}

static bool database_alone(const struct plan *p)
{
	return p->fake_root_db && !p->consistent;
}

/* What of another user namespace is joined is out of the supervisor's reach. */
static bool consistent_and_mntns(const struct plan *p)
{
	return p->consistent && p->mntns_fd >= 0 && p->userns_fd < 0;
}

static bool argv0_and_probe(const struct plan *p)
{
	return p->self_test && p->argv0;
}

static bool locks_and_consistent(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n_limits; i++)
		if (p->limits[i].resource == RLIMIT_LOCKS)
			return p->consistent;
	return false;
}

static bool limit_without_pid(const struct plan *p)
{
	return p->pid_limit > 0 && !(p->unshare & CLONE_NEWPID);
}

static bool cgroup_and_block(const struct plan *p)
{
	return p->cgroup_fd >= 0 && p->userns_block_fd >= 0 && (p->unshare & CLONE_NEWCGROUP);
}

static bool maps_asked(const struct plan *p)
{
	return p->map_auto || p->asked[MAP_UID].n > 0 || p->asked[MAP_GID].n > 0;
}

static bool maps_and_auto(const struct plan *p)
{
	return p->map_auto && (p->asked[MAP_UID].n > 0 || p->asked[MAP_GID].n > 0);
}

static bool maps_and_join_user(const struct plan *p)
{
	return maps_asked(p) && (p->userns_fd >= 0 || p->userns2_fd >= 0);
}

static bool maps_and_block(const struct plan *p)
{
	return maps_asked(p) && p->userns_block_fd >= 0;
}

/* Of a user namespace whose maps others write, the caller's own ids cannot be promised. */
static bool current_and_other_maps(const struct plan *p)
{
	return p->map_current && !(p->uid_set && p->gid_set) &&
	       (p->userns_fd >= 0 || p->userns_block_fd >= 0);
}

static bool maps_and_consistent(const struct plan *p)
{
	return maps_asked(p) && p->consistent;
}

static bool maps_and_owner(const struct plan *p)
{
	return maps_asked(p) && p->owner_joined;
}

static bool keep_and_inherit(const struct plan *p)
{
	return p->inherit_fds && p->n_keep_fds > 0;
}

static bool shift_without_time(const struct plan *p)
{
	return plan_shifts(p) && !(p->unshare & CLONE_NEWTIME);
}

static bool shift_and_block(const struct plan *p)
{
	return plan_shifts(p) && p->userns_block_fd >= 0;
}

static bool mntns_and_root(const struct plan *p)
{
	return p->mntns_fd >= 0 &&
	       (p->n_ops > 0 || p->file_label || p->not_a_boundary || p->landlock);
}

static bool join_twice(const struct plan *p)
{
	return p->join_fd >= 0 && p->join_pid > 0;
}

static bool without_and_no_join(const struct plan *p)
{
	return p->join_without && !plan_joins_all(p);
}

static bool join_and_block(const struct plan *p)
{
	return p->userns_block_fd >= 0 && p->joins;
}

static bool owner_and_disable(const struct plan *p)
{
	return p->disable_userns && p->owner_joined;
}

struct rule {
	bool (*broken)(const struct plan *p);
	const char *text;
	const char *hint;
};

/* Before it is known whether a user namespace is implied, as bubblewrap has it. */
static const struct rule early_rules[] = {
	{ userns_and_unshare, "--userns is not compatible with --unshare-user",
	  "leave one of them out" },
	{ userns_and_unshare_try, "--userns is not compatible with --unshare-user-try",
	  "name the namespaces one by one instead of --unshare-all" },
	{ disable_without_user, "--disable-userns requires --unshare-user", NULL },
	{ disable_and_block, "--disable-userns is not compatible with --userns-block-fd", NULL },
	{ disable_and_join, "--disable-userns is not compatible with --userns", NULL },
	{ block_without_user, "--userns-block-fd requires --unshare-user", NULL },
	{ block_without_info, "--userns-block-fd requires --info-fd",
	  "the caller learns from it whose id maps to write" },
	{ block_and_join, "--userns-block-fd is not compatible with --userns2 or --pidns", NULL },
	{ status_fd_shared,
	  "The descriptor of --info-fd, --json-status-fd or --status-fd has another use as well",
	  "the sandbox closes it early, so that its reader sees the end: give it one of its own" },
	{ status_fd_mixed, "--status-fd has the descriptor of --info-fd or --json-status-fd",
	  "their formats differ: give it one of its own" },
	{ later_try_on_root, "A root that may be missing must be the first operation",
	  "put the --bind-try on / before the others, or use --bind" },
	{ pid1_without_pid, "Specifying --as-pid-1 requires --unshare-pid", NULL },
	{ pid1_and_lock, "Specifying --as-pid-1 and --lock-file is not permitted",
	  "the init process holds the locks" },
	{ pid1_and_wait_all, "Specifying --as-pid-1 and --wait-all is not permitted",
	  "the init process waits" },
	{ shift_without_time, "--boottime and --monotonic require --unshare-time",
	  "the clocks of a time namespace that has processes cannot be set any more" },
	{ shift_and_block, "--boottime and --monotonic are not compatible with --userns-block-fd",
	  NULL },
	{ mntns_and_root, "--mntns takes no option for the root",
	  "the mounts of a joined namespace stay as they are" },
	{ join_twice, "--join-pid is not compatible with --join-fd", NULL },
	{ maps_and_auto, "--map-auto is not compatible with --map-users or --map-groups",
	  "it takes all subordinate ids of both kinds" },
	{ maps_and_join_user,
	  "--map-auto, --map-users and --map-groups are not compatible with --userns or --userns2",
	  "a user namespace that is joined has its id maps already" },
	{ maps_and_block,
	  "--map-auto, --map-users and --map-groups are not compatible with --userns-block-fd",
	  "with that the caller writes the id maps" },
	{ current_and_other_maps,
	  "--map-current-user is not compatible with --userns or --userns-block-fd",
	  "others write the id maps there: --uid and --gid choose among the ids that they have" },
	{ maps_and_consistent,
	  "--map-auto, --map-users and --map-groups are not compatible with "
	  "--fake-root-consistent",
	  "it pretends what they make real: leave one of them out; --fake-root with them pretends "
	  "devices alone" },
	{ database_alone, "--fake-root-db requires --fake-root-consistent",
	  "what --fake-root pretends is not remembered" },
	{ locks_and_consistent, "--rlimit locks is not compatible with --fake-root-consistent",
	  "it tells processes apart by that limit, which limits nothing" },
	{ consistent_and_mntns, "--fake-root-consistent with --mntns requires --userns",
	  "its supervisor enters the mounts as root of the user namespace that owns them" },
	{ argv0_and_probe, "--argv0 is not compatible with --self-test",
	  "the probe that is run instead of a command is told by that word what it is" },
	{ without_and_no_join, "--join-without requires --join-pid or --join-fd", NULL },
	{ keep_and_inherit, "--keep-fd is not compatible with --inherit-fds",
	  "--inherit-fds keeps them all" },
};

static const struct rule late_rules[] = {
	{ join_and_block, "--userns-block-fd is not compatible with joined namespaces",
	  "their user namespace has its id maps already" },
	{ owner_and_disable,
	  "--disable-userns is not compatible with namespaces of another user namespace",
	  "the limit would hold for everybody else there" },
	{ maps_and_owner,
	  "--map-auto, --map-users and --map-groups are not compatible with namespaces of another "
	  "user namespace",
	  "no ids can be had there but those that it has" },
	{ uid_without_user, "Specifying --uid requires --unshare-user or --userns", NULL },
	{ gid_without_user, "Specifying --gid requires --unshare-user or --userns", NULL },
	{ limit_without_pid, "--pid-limit requires --unshare-pid",
	  "the limit is that of a pid namespace of the sandbox's own; --rlimit nproc needs none" },
	{ cgroup_and_block,
	  "--cgroup-fd with --unshare-cgroup is not compatible with --userns-block-fd",
	  "leave out --unshare-cgroup" },
	{ sysfs_without_net, "--sysfs requires --unshare-net",
	  "the kernel lets only its owner mount the sysfs of a network namespace; the host's is "
	  "had "
	  "with --ro-bind /sys /sys" },
	{ cgroupfs_without_cgroup, "--cgroupfs requires --unshare-cgroup",
	  "the kernel lets only its owner mount the cgroups of a cgroup namespace; the host's are "
	  "had "
	  "with --ro-bind /sys/fs/cgroup /sys/fs/cgroup" },
	{ subset_without_pid, "--proc-subset requires --unshare-pid",
	  "the processes to be shown are those of a pid namespace of the sandbox's own" },
	{ hostname_without_uts, "Specifying --hostname requires --unshare-uts",
	  "without it the name would be the host's own" },
};

static int check(const struct plan *p, const struct rule *rules, size_t n, struct fail *f)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (rules[i].broken(p))
			return fail_hint(f, fail(f, 0, "%s", rules[i].text), rules[i].hint);
	return 0;
}

/* Of two options that set the same thing one would be lost. */
static int check_twice(const struct plan *p, const struct setting *s, struct fail *f)
{
	const char *other = NULL;

	if (p->hostname && streq(s->path, "kernel/hostname"))
		other = "--hostname";
	else if (p->pid_limit > 0 && streq(s->path, "kernel/pid_max"))
		other = "--pid-limit";
	if (!other)
		return 0;
	return fail_hint(f, fail(f, 0, "--sysctl %s is not compatible with %s", s->word, other),
			 "they set the same thing: leave one of them out");
}

/* A setting whose namespace is shared would be the host's. */
static int check_settings(const struct plan *p, struct fail *f)
{
	static const struct {
		uint64_t ns;
		const char *option;
	} options[] = {
		{ CLONE_NEWNET, "--unshare-net" },   { CLONE_NEWIPC, "--unshare-ipc" },
		{ CLONE_NEWUTS, "--unshare-uts" },   { CLONE_NEWPID, "--unshare-pid" },
		{ CLONE_NEWUSER, "--unshare-user" },
	};
	uint64_t made = p->unshare | (p->userns ? CLONE_NEWUSER : 0);
	size_t i, k;

	for (i = 0; i < p->n_settings; i++) {
		if (check_twice(p, &p->settings[i], f) < 0)
			return -EINVAL;
		for (k = 0; k < ARRAY_SIZE(options); k++)
			if (p->settings[i].ns == options[k].ns && !(made & options[k].ns))
				return fail_hint(f,
						 fail(f, 0, "--sysctl %s requires %s",
						      p->settings[i].word, options[k].option),
						 "without it the setting would be the host's own");
	}
	return 0;
}

/* A kind of namespaces that is both made and joined. A pid namespace may be: the new one is a child
 * of the other. */
static int check_kinds(const struct plan *p, struct fail *f)
{
	static const struct {
		uint64_t flag;
		const char *name;
	} kinds[] = {
		{ CLONE_NEWNET, "net" },       { CLONE_NEWIPC, "ipc" },	  { CLONE_NEWUTS, "uts" },
		{ CLONE_NEWCGROUP, "cgroup" }, { CLONE_NEWTIME, "time" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((p->unshare_named & kinds[i].flag) && plan_ns_fd(p, kinds[i].flag) >= 0)
			return fail_hint(f,
					 fail(f, 0, "--%sns %d is not compatible with --unshare-%s",
					      kinds[i].name, plan_ns_fd(p, kinds[i].flag),
					      kinds[i].name),
					 "a namespace is either made or joined: leave one of them "
					 "out");
	return 0;
}

int rules_check_early(const struct plan *p, struct fail *f)
{
	/* its text depends on what was typed */
	if (plan_joins_all(p) && p->making)
		return fail_hint(f,
				 fail(f, 0, "--join-%s is not compatible with %s",
				      p->join_fd >= 0 ? "fd" : "pid", p->making),
				 "the sandbox to join is made already: only what concerns the "
				 "command can be chosen");
	int r = check(p, early_rules, ARRAY_SIZE(early_rules), f);

	return r < 0 ? r : check_kinds(p, f);
}

int rules_check_late(const struct plan *p, struct fail *f)
{
	int r = check(p, late_rules, ARRAY_SIZE(late_rules), f);

	return r < 0 ? r : check_settings(p, f);
}

int rules_check_pretence(const struct plan *p, struct fail *f)
{
	bool mapped = p->userns && p->userns_block_fd < 0;

	if (!p->pretence || p->ranges ||
	    ((p->uid == 0 || (!mapped && !p->uid_set)) &&
	     (p->gid == 0 || (!mapped && !p->gid_set))))
		return 0;
	return fail_hint(f,
			 fail(f, 0, "--%s requires uid 0 and gid 0 inside, not %u and %u",
			      p->pretence->name, p->uid, p->gid),
			 "what it pretends is what root may do: leave out --uid, --gid and "
			 "--map-current-user");
}
