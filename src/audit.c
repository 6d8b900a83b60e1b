/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The self-audit: what the kernel says of the finished sandbox is compared with the plan.
 *
 * The mounts that can be reached must have the flags that the plan asked for.
 * A mount can be reached when no mount of the same parent lies on a prefix of its mount point, the
 * parent's own root included. The operation that answers for it is the last one whose destination
 * is a prefix of the mount point. The look-ups go by prefix, of mounts in a hash table and of
 * operations in a sorted array, so 1000 binds cost no million comparisons.
 *
 * It is mountinfo that is read, on every kernel: at 1000 mounts listmount(2) with a statmount(2)
 * each takes half as long again.
 *
 * The process that becomes the command is held against the plan too. */
#include "audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "attrs.h"
#include "broken.h"
#include "caps.h"
#include "fail.h"
#include "mountinfo.h"
#include "personality.h"
#include "rules.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

struct mount {
	struct mountinfo info;
	enum { UNKNOWN, NO, YES } reach; /* can a path come to it? */
};

struct owner {
	char *dest; /* normalised: no slash at the end, none doubled */
	size_t index; /* in plan.ops */
};

struct table {
	struct mount *mounts;
	size_t n_mounts;
	const struct mount **slots; /* hash table of them, by parent and mount point */
	size_t mask; /* one less than its size, which is a power of two */
	struct mount *last; /* by_id()'s latest */
	struct owner *owners; /* sorted by destination and index */
	char *names; /* the memory of their destinations */
	size_t n_owners;
	bool has_remounts; /* --remount-ro was given */
};

/* FNV-1a of a mount's parent and the first LENGTH bytes of its mount point. */
static size_t hash_of(long parent, const char *point, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)parent;
	size_t i;

	for (i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)point[i]) * 0x100000001b3u;
	return (size_t)(hash ^ hash >> 32);
}

static int compare_owners(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;
	int r = strcmp(x->dest, y->dest);

	return r ? r : (x->index > y->index) - (x->index < y->index);
}

/* Makes the hash table: at most half of it is full. */
static int index_mounts(struct table *t)
{
	const struct mount *m;
	size_t i;

	for (t->mask = 63; t->mask < 2 * t->n_mounts;)
		t->mask = 2 * t->mask + 1;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): the slots are pointers */
	t->slots = calloc(t->mask + 1, sizeof *t->slots);
	if (!t->slots)
		return -ENOMEM;
	for (m = t->mounts; m < t->mounts + t->n_mounts; m++) {
		i = hash_of(m->info.parent, m->info.point, strlen(m->info.point));
		while (t->slots[i & t->mask])
			i++;
		t->slots[i & t->mask] = m;
	}
	return 0;
}

static int read_mounts(char *text, struct table *t)
{
	char *line, *end;
	size_t lines = 0;

	for (line = text; (line = strchr(line, '\n')); line++)
		lines++;
	t->mounts = calloc(lines + 1, sizeof *t->mounts);
	if (!t->mounts)
		return -ENOMEM;
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (!mountinfo_parse(line, &t->mounts[t->n_mounts++].info))
			return -EPROTO;
	}
	return index_mounts(t);
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

static int find_owners(const struct sandbox *sb, struct table *t)
{
	size_t i, room = 1;
	char *name;

	for (i = 0; i < sb->plan->n_ops; i++)
		room += strlen(destination(sb, i)) + 2;
	t->owners = calloc(sb->plan->n_ops + 1, sizeof *t->owners);
	t->names = name = malloc(room);
	if (!t->owners || !name)
		return -ENOMEM;
	for (i = 0; i < sb->plan->n_ops; i++) {
		t->has_remounts |= sb->plan->ops[i].type == OP_REMOUNT_RO;
		if (sb->plan->ops[i].type >= OP_REMOUNT_RO || sb->skipped[i])
			continue;
		t->owners[t->n_owners++] = (struct owner){ .dest = name, .index = i };
		name = normalise(destination(sb, i), name);
	}
	qsort(t->owners, t->n_owners, sizeof *t->owners, compare_owners);
	return 0;
}

/* Compares OWNER's destination with the first LENGTH bytes of POINT. */
static int compare_prefix(const char *name, const char *point, size_t length)
{
	int r = strncmp(name, point, length);

	return r ? r : name[length] != '\0';
}

/* The last operation on exactly the first LENGTH bytes of POINT, or NULL. */
static const struct owner *owner_at(const struct table *t, const char *point, size_t length)
{
	size_t low = 0, high = t->n_owners, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (compare_prefix(t->owners[middle].dest, point, length) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || compare_prefix(t->owners[low - 1].dest, point, length) != 0)
		return NULL;
	return &t->owners[low - 1];
}

static bool mount_at(const struct table *t, long parent, const char *point, size_t length)
{
	size_t i = hash_of(parent, point, length);
	const struct mount *m;

	for (; (m = t->slots[i & t->mask]); i++)
		if (m->info.parent == parent && compare_prefix(m->info.point, point, length) == 0)
			return true;
	return false;
}

/* The next longer prefix of POINT after LENGTH bytes that ends a component. */
static size_t next_prefix(const char *point, size_t length)
{
	return point[length] ? length + 1 + strcspn(point + length + 1, "/") : length + 1;
}

/* Neighbours in the table mostly have one parent: the last one found is tried first. */
static struct mount *by_id(struct table *t, long id)
{
	size_t i;

	if (t->last && t->last->info.id == id)
		return t->last;
	for (i = 0; i < t->n_mounts; i++)
		if (t->mounts[i].info.id == id)
			return t->last = &t->mounts[i];
	return NULL;
}

static bool is_reachable(struct table *t, struct mount *m)
{
	size_t end, whole = strlen(m->info.point);
	struct mount *parent;

	if (m->reach != UNKNOWN)
		return m->reach == YES;
	m->reach = NO; /* for now: a mount may be its own parent */
	parent = by_id(t, m->info.parent);
	if (parent && parent != m) {
		/* a mount of the same parent on the parent's root or a shorter prefix hides it */
		for (end = strlen(parent->info.point); end < whole;
		     end = next_prefix(m->info.point, end))
			if (mount_at(t, parent->info.id, m->info.point, end))
				return false;
		if (!is_reachable(t, parent))
			return false;
	}
	m->reach = YES;
	return true;
}

/* A mount whose own root is covered shows nothing of itself. */
static bool is_seen(struct table *t, struct mount *m)
{
	return !mount_at(t, m->info.id, m->info.point, strlen(m->info.point)) && is_reachable(t, m);
}

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
static const struct op *remounted(struct sandbox *sb, const struct mount *m, const struct owner *o)
{
	size_t i = o ? o->index + 1 : 0;
	const struct op *op;

	for (; i < sb->plan->n_ops; i++) {
		op = &sb->plan->ops[i];
		if (op->type == OP_REMOUNT_RO &&
		    plan_path_same(op->dest, *m->info.point ? m->info.point : "/"))
			return op;
	}
	return NULL;
}

static int check_mount(struct sandbox *sb, const struct table *t, const struct mount *m)
{
	const struct owner *o = NULL, *found;
	size_t end, whole = strlen(m->info.point);
	const struct op *op;
	uint64_t missing;

	for (end = 0; end <= whole; end = next_prefix(m->info.point, end)) {
		found = owner_at(t, m->info.point, end);
		if (found && (!o || found->index > o->index))
			o = found;
	}
	op = t->has_remounts ? remounted(sb, m, o) : NULL;
	if (op && !(m->info.attrs & MOUNT_ATTR_RDONLY))
		return fail(sb->fail, EPERM, "%s %s: the mount is not read-only", op->option,
			    op->dest);
	if (!o || (!sb->plan->as->audits_tree && !streq(o->dest, m->info.point)))
		return 0;
	op = &sb->plan->ops[o->index];
	missing = demand_of(op, streq(o->dest, m->info.point)) & ~m->info.attrs;
	if (missing == 0)
		return 0;
	return fail(sb->fail, EPERM, "%s %s: the mount on %s/ is not %s", op->option, op->dest,
		    m->info.point, attr_text(missing));
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
	CLEANUP(free_p) char *text = mountinfo_read(sb);
	struct table t = { 0 };
	size_t i;
	int r;

	if (BROKEN("audit-mounts"))
		return 0;
	if (!text)
		return fail(sb->fail, errno, "Can't read the finished mount table");
	r = read_mounts(text, &t);
	if (r == 0)
		r = find_owners(sb, &t);
	if (r < 0)
		fail(sb->fail, -r, "Can't read the finished mount table");
	for (i = 0; i < t.n_mounts && r == 0; i++)
		if (is_seen(&t, &t.mounts[i]))
			r = check_mount(sb, &t, &t.mounts[i]);
	free(t.slots);
	free(t.owners);
	free(t.names);
	free(t.mounts);
	return r < 0 ? r : check_masks(sb);
}

int audit_process(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	/* of root bubblewrap limits only what execve will give */
	bool limited = p->as->all_caps || sb->caller->uid != 0 || p->caps_edited;
	uint64_t held;
	int r;

	r = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	if (r != 1)
		return fail(sb->fail, r < 0 ? errno : EPERM, "no_new_privs is not set");
	r = caps_held(&held);
	if (r < 0)
		return fail(sb->fail, -r, "capget");
	if (limited && (held & ~p->caps) != 0)
		return fail(sb->fail, EPERM, "the command would have %s",
			    caps_name((unsigned)__builtin_ctzll(held & ~p->caps)));
	return 0;
}

int audit_filtered(struct sandbox *sb)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2
		       ? 0
		       : fail(sb->fail, EPERM, "no seccomp filter is in force");
}
