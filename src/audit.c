/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The self-audit: what the kernel says of the finished sandbox is compared with the plan.
 *
 * The mounts that can be reached must have the flags that the plan asked for.
 * The operation that answers for a mount is the last one whose destination is a prefix of the mount
 * point: looked up in a sorted array, so 1000 binds cost no million comparisons. Whether a mount
 * can be reached (reach.c) takes the whole table in memory, so it is asked only once there is one
 * that lacks something.
 *
 * The process that becomes the command is held against the plan too. */
#include "audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "attrs.h"
#include "broken.h"
#include "caps.h"
#include "fail.h"
#include "mountinfo.h"
#include "personality.h"
#include "procfile.h"
#include "reach.h"
#include "rules.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

#define FEW 16 /* operations, less than the mounts of a sandbox that has some of the host's */

struct owner {
	char *dest; /* normalised: no slash at the end, none doubled */
	size_t index; /* in plan.ops */
};

struct owners {
	struct owner *list; /* sorted by destination and index */
	size_t n;
	char *names; /* the memory of their destinations */
	uint64_t demand; /* all that any operation demands of its mounts */
	bool has_remounts; /* --remount-ro was given */
};

/* The attributes that the mount of OP must have, or those below it where it is not EXACT. */
static uint64_t demand_of(const struct op *op, bool exact)
{
	const uint64_t nosuid = MOUNT_ATTR_NOSUID, nodev = MOUNT_ATTR_NODEV,
		       ro = op->flags & OP_RO ? MOUNT_ATTR_RDONLY : 0;

	switch (op->type) {
	case OP_BIND:
	case OP_BIND_FD:
		return ro | nosuid | (op->flags & OP_DEVICES ? 0 : nodev) | op->attrs;
	case OP_BIND_DATA:
	case OP_OVERLAY:
	case OP_TMP_OVERLAY:
	case OP_RO_OVERLAY:
		return ro | nosuid | nodev | op->attrs;
	case OP_TMPFS:
	case OP_PROC:
	case OP_PROC_SUBSET:
		return nosuid | nodev | op->attrs;
	case OP_SYSFS:
	case OP_CGROUPFS:
		return nosuid | nodev | MOUNT_ATTR_NOEXEC | op->attrs;
	case OP_DEV:
		return nosuid | (exact ? nodev : 0) | op->attrs;
	case OP_DEVPTS:
		return nosuid | MOUNT_ATTR_NOEXEC | op->attrs;
	case OP_MASK:
		return MOUNT_ATTR_RDONLY | nosuid | nodev;
	case OP_MQUEUE:
		return op->attrs;
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

static int compare_owners(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;
	int r = strcmp(x->dest, y->dest);

	return r ? r : (x->index > y->index) - (x->index < y->index);
}

/* Writes "/a/b" for "//a/./b/", what a mount point looks like, to OUT, which has room for one byte
 * more than PATH. Returns the end of it, behind its NUL. */
static char *normalise(const char *path, char *out)
{
	size_t length;

	while (*path) {
		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length > 0 && !(length == 1 && *path == '.')) {
			*out++ = '/';
			memcpy(out, path, length);
			out += length;
		}
		path += length;
	}
	*out++ = '\0';
	return out;
}

/* Where operation I has its destination, as far as it is known. */
static const char *destination(const struct sandbox *sb, size_t i)
{
	return sb->resolved[i] ? sb->resolved[i] : sb->plan->ops[i].dest;
}

static int find_owners(const struct sandbox *sb, struct owners *o)
{
	const struct op *op;
	size_t i, room = 1;
	char *name;

	for (i = 0; i < sb->plan->n_ops; i++)
		room += strlen(destination(sb, i)) + 2;
	o->list = calloc(sb->plan->n_ops + 1, sizeof *o->list);
	o->names = name = malloc(room);
	if (!o->list || !name)
		return -ENOMEM;
	for (i = 0; i < sb->plan->n_ops; i++) {
		op = &sb->plan->ops[i];
		o->has_remounts |= op->type == OP_REMOUNT_RO;
		if (op->type >= OP_REMOUNT_RO || sb->skipped[i])
			continue;
		o->demand |= demand_of(op, true);
		o->list[o->n++] = (struct owner){ .dest = name, .index = i };
		name = normalise(destination(sb, i), name);
	}
	o->demand |= o->has_remounts ? MOUNT_ATTR_RDONLY : 0;
	qsort(o->list, o->n, sizeof *o->list, compare_owners);
	return 0;
}

/* The last operation on exactly the first LENGTH bytes of POINT, or NULL. */
static const struct owner *owner_at(const struct owners *o, const char *point, size_t length)
{
	size_t low = 0, high = o->n, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (mountinfo_compare(o->list[middle].dest, point, length) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || mountinfo_compare(o->list[low - 1].dest, point, length) != 0)
		return NULL;
	return &o->list[low - 1];
}

/* The name of the first of the attributes. */
static const char *attr_text(uint64_t attrs)
{
	const char *name;
	uint64_t bit;
	size_t i;

	for (i = 0; (name = attr_at(i, &bit)) && !(attrs & bit); i++)
		;
	return bit == MOUNT_ATTR_RDONLY ? "read-only" : name;
}

/* A --remount-ro after the operation O, or after none, that names exactly this mount. */
static const struct op *remounted(const struct sandbox *sb, const struct mountinfo *m,
				  const struct owner *o)
{
	size_t i = o ? o->index + 1 : 0;
	const struct op *op;

	for (; i < sb->plan->n_ops; i++) {
		op = &sb->plan->ops[i];
		if (op->type == OP_REMOUNT_RO &&
		    plan_path_same(op->dest, *m->point ? m->point : "/"))
			return op;
	}
	return NULL;
}

/* The attributes that the mount M should have and lacks, with the operation that demands them. */
static uint64_t lacking(const struct sandbox *sb, const struct owners *owners,
			const struct mountinfo *m, const struct op **ret_op)
{
	const struct owner *o = NULL, *found;
	size_t end, whole = strlen(m->point);

	for (end = 0; end <= whole; end = mountinfo_prefix(m->point, end)) {
		found = owner_at(owners, m->point, end);
		if (found && (!o || found->index > o->index))
			o = found;
	}
	*ret_op = owners->has_remounts ? remounted(sb, m, o) : NULL;
	if (*ret_op && !(m->attrs & MOUNT_ATTR_RDONLY))
		return MOUNT_ATTR_RDONLY;
	if (!o || (!sb->plan->as->audits_tree && !streq(o->dest, m->point)))
		return 0;
	*ret_op = &sb->plan->ops[o->index];
	return demand_of(*ret_op, streq(o->dest, m->point)) & ~m->attrs;
}

/* Whether what is seen at each destination complies, where nothing below counts and asking for a
 * few is less than asking for all. When this does not know, the table does. */
static bool destinations_comply(const struct sandbox *sb, const struct owners *owners)
{
	uint64_t attrs, demand;
	size_t i;

	if (sb->plan->as->audits_tree || owners->has_remounts || owners->n > FEW)
		return false;
	for (i = 0; i < owners->n; i++) {
		demand = demand_of(&sb->plan->ops[owners->list[i].index], true);
		if (demand != 0 &&
		    (mountinfo_at(owners->list[i].dest, &attrs) < 0 || (demand & ~attrs) != 0))
			return false;
	}
	return true;
}

/* Whether every mount complies, those that nobody can reach too: 1 or 0, or -errno. What has all
 * that any operation demands does, whosever it is. */
static int all_comply(const struct sandbox *sb, const struct owners *owners)
{
	CLEANUP(mountinfo_close) struct mountinfo_reader reader;
	struct mountinfo m;
	const struct op *op;
	int r = mountinfo_open(&reader, sb, owners->demand);

	if (r < 0)
		return r;
	while ((r = mountinfo_next(&reader, &m)) > 0)
		if (lacking(sb, owners, &m, &op) != 0)
			return 0;
	return r < 0 ? r : 1;
}

/* Demands that those comply that can be reached. */
static int check_reachable(struct sandbox *sb, const struct owners *owners)
{
	CLEANUP(reach_free) struct reach reach = { 0 };
	const struct op *op = NULL;
	const struct mountinfo *m;
	uint64_t missing;
	size_t i;
	int r = reach_read(&reach, sb);

	for (i = 0; r == 0 && i < reach.n_mounts; i++) {
		m = &reach.mounts[i].info;
		missing = lacking(sb, owners, m, &op);
		if (missing != 0 && reach_sees(&reach, i))
			r = op->type == OP_REMOUNT_RO
				    ? fail(sb->fail, EPERM, "%s %s: the mount is not read-only",
					   op->option, op->dest)
				    : fail(sb->fail, EPERM, "%s %s: the mount on %s/ is not %s",
					   op->option, op->dest, m->point, attr_text(missing));
	}
	return r;
}

/* By their destinations as typed the masks have been held against what follows them. Where links
 * have led elsewhere, they are here; where an overlay hides a name, it lies on the directory. */
static int check_masks(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	size_t i, j;

	for (i = 0; i < p->n_ops; i++)
		for (j = i + 1; p->ops[i].type == OP_MASK && j < p->n_ops; j++)
			if (!sb->skipped[j] &&
			    plan_uncovers(&p->ops[j], destination(sb, j), destination(sb, i),
					  sb->masks[i] == MASK_OVERLAY))
				return rules_fail_covered(&p->ops[i], &p->ops[j], sb->fail);
	return 0;
}

int audit_mounts(struct sandbox *sb)
{
	struct owners owners = { 0 };
	int r;

	if (BROKEN("audit-mounts"))
		return 0;
	r = find_owners(sb, &owners);
	if (r == 0)
		r = destinations_comply(sb, &owners) ? 1 : all_comply(sb, &owners);
	if (r == 0)
		r = check_reachable(sb, &owners);
	free(owners.list);
	free(owners.names);
	if (r < 0) /* what failed before stays */
		return fail(sb->fail, -r, "Can't read the finished mount table");
	return check_masks(sb);
}

/* The kernel does not show whether rules are in force. So what they must refuse is tried: nothing
 * allows to read a directory that no path leads to. */
static int check_rules(struct sandbox *sb)
{
	CLEANUP(fd_closep)
	int fd = openat(sb->landlock_probe, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		return 0;
	return fail(sb->fail, fd < 0 ? errno : EPERM, "the Landlock rules are not in force");
}

/* No capability but those of the plan. The bounding set, which gives nothing to who gains no
 * privilege by execve, is looked at where somebody has said what there is to be. */
static int check_capabilities(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	bool bwrap_root = !p->as->all_caps && sb->caller->uid == 0;
	uint64_t held;
	int r = caps_held(&held);

	if (r < 0)
		return fail(sb->fail, -r, "capget");
	/* of root bubblewrap limits only what execve will give */
	if (bwrap_root && !p->caps_edited)
		return 0;
	held &= ~p->caps;
	if ((p->caps_edited || plan_joins_all(p)) &&
	    (!bwrap_root || p->userns || p->userns_fd >= 0))
		held |= caps_bounding(~p->caps);
	if (held == 0)
		return 0;
	return fail(sb->fail, EPERM, "the command would have %s",
		    caps_name((unsigned)__builtin_ctzll(held)));
}

int audit_process(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	int r = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);

	if (r != 1)
		return fail(sb->fail, r < 0 ? errno : EPERM, "no_new_privs is not set");
	r = check_capabilities(sb);
	if (r < 0)
		return r;
	return p->landlock && !BROKEN("audit-landlock") ? check_rules(sb) : 0;
}

int audit_filtered(struct sandbox *sb)
{
	bool refused = true;

	if (sb->terminal && !BROKEN("terminal-filter"))
		refused = ioctl(-1, TIOCSTI, "") < 0 && errno == EPERM;
	if (sb->refuse_keys)
		refused &= syscall(SYS_request_key, NULL, NULL, NULL, 0) < 0 && errno == EPERM;
	return refused ? 0 : fail(sb->fail, EPERM, "no seccomp filter is in force");
}

/* How many filters the calling process has, from its file of /proc at FD, or -errno. */
static int count_filters(int fd)
{
	char status[8192];
	ssize_t n = procfile_read_status(fd, status, sizeof status);

	if (n < 0)
		return (int)n;
	return (int)procfile_field(status, "\nSeccomp_filters:", 10, NULL, 0);
}

int audit_filters_before(struct sandbox *sb, int *ret_fd)
{
	int n;

	*ret_fd = sandbox_proc_open(sb, "thread-self/status", O_RDONLY);
	n = *ret_fd < 0 ? *ret_fd : count_filters(*ret_fd);
	return n < 0 ? fail(sb->fail, -n, "Can't count the seccomp filters") : n;
}

int audit_filters(struct sandbox *sb, int fd, int want)
{
	int n = count_filters(fd);

	if (n == want || BROKEN("audit-filters") ||
	    /* one of them may refuse to read, if that was asked for */
	    (sb->plan->n_denied_calls > 0 && (n == -EPERM || n == -ENOSYS)))
		return 0;
	if (n < 0)
		return fail(sb->fail, -n, "Can't count the seccomp filters");
	return fail(sb->fail, EPERM, "%d seccomp filters are in force instead of %d", n, want);
}
