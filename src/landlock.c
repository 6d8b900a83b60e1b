/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Derives Landlock rules from the mounts of a plan, and puts the command behind them. */
#include "landlock.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "broken.h"
#include "fail.h"
#include "plan.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

/* linux/landlock.h of the newest interface that is used; older headers lack parts of it. */
#define ACCESS_EXECUTE	  (1ULL << 0)
#define ACCESS_WRITE_FILE (1ULL << 1)
#define ACCESS_READ_FILE  (1ULL << 2)
#define ACCESS_READ_DIR	  (1ULL << 3)
#define ACCESS_FIRST	  ((1ULL << 13) - 1) /* all that the first interface knows */
#define ACCESS_REFER	  (1ULL << 13)
#define ACCESS_TRUNCATE	  (1ULL << 14)
#define ACCESS_IOCTL_DEV  (1ULL << 15)
#define ACCESS_OF_FILES \
	(ACCESS_EXECUTE | ACCESS_WRITE_FILE | ACCESS_READ_FILE | ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)
#define ACCESS_READ	   (ACCESS_EXECUTE | ACCESS_READ_FILE | ACCESS_READ_DIR)
#define ACCESS_NET_BIND	   1ULL
#define ACCESS_NET_CONNECT 2ULL
#define SCOPE_ALL	   3ULL /* abstract unix sockets, signals */
#define RULE_PATH	   1
#define RULE_PORT	   2

struct ruleset {
	uint64_t files, net, scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

/* Every right over files that the interface ABI knows. */
static uint64_t all_files(int abi)
{
	return ACCESS_FIRST | (abi >= LANDLOCK_ABI_REFER ? ACCESS_REFER : 0) |
	       (abi >= LANDLOCK_ABI_TRUNCATE ? ACCESS_TRUNCATE : 0) |
	       (abi >= LANDLOCK_ABI_IOCTL ? ACCESS_IOCTL_DEV : 0);
}

/* Allows ALLOWED on what PATH is in the sandbox, seen from its root whether or not it begins with a
 * slash, but no writing where its mount is read-only. */
static int allow_path(struct sandbox *sb, const char *path, uint64_t allowed)
{
	CLEANUP(fd_closep) int root = open("/", O_PATH | O_CLOEXEC), fd = NO_FD;
	struct path_rule rule = { .allowed = allowed };
	struct statvfs mount;
	struct stat st;

	if (root < 0)
		return fail(sb->fail, errno, "can't open /");
	fd = openat(root, path, O_PATH | O_CLOEXEC);
	/* covered by a later mount, or missing as --bind-try allows: then there is nothing to allow
	 */
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP
			       ? 0
			       : fail(sb->fail, errno, "Can't open %s for its rule", path);
	if (fstat(fd, &st) < 0 || fstatvfs(fd, &mount) < 0)
		return fail(sb->fail, errno, "Can't look at %s for its rule", path);
	if (mount.f_flag & ST_RDONLY)
		rule.allowed &= ACCESS_READ;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= ACCESS_OF_FILES;
	rule.fd = fd;
	if (sys_landlock_add_rule(sb->landlock_fd, RULE_PATH, &rule, 0) < 0)
		return fail(sb->fail, errno, "landlock_add_rule for %s", path);
	return 0;
}

/* What an operation lets the command do at its destination. */
static uint64_t rights_of(const struct op *op, int abi)
{
	switch (op->type) {
	case OP_RO_OVERLAY:
		return ACCESS_READ;
	case OP_MASK:
	case OP_REMOUNT_RO:
	case OP_SYMLINK:
	case OP_CHMOD:
		return 0;
	case OP_BIND:
	case OP_BIND_FD:
	case OP_BIND_DATA:
	case OP_OVERLAY:
	case OP_TMP_OVERLAY:
	case OP_PROC:
	case OP_DEV:
	case OP_TMPFS:
	case OP_MQUEUE:
	case OP_SYSFS:
	case OP_CGROUPFS:
	case OP_PROC_SUBSET:
	case OP_DEVPTS:
	case OP_DIR:
	case OP_FILE:
	case OP_TYPE_MAX:
		break;
	}
	return op->flags & OP_RO ? ACCESS_READ : all_files(abi);
}

/* A rule belongs to what is on top now: an operation that was passed over, or whose destination a
 * later one covers, has none. */
static bool has_rule(const struct sandbox *sb, const struct op *op)
{
	const struct plan *p = sb->plan;
	const struct op *later;

	if ((p->root_op && op < p->root_op) || sb->skipped[op - p->ops])
		return false;
	for (later = op + 1; later < p->ops + p->n_ops; later++)
		if (rights_of(later, 1) != 0 && later->type != OP_DIR && later->type != OP_FILE &&
		    !sb->skipped[later - p->ops] && plan_path_below(op->dest, later->dest))
			return false;
	return true;
}

/* The root that husk makes itself may only be listed: what lies on it is what was asked for, and a
 * rule on it would hold for all that is mounted below. */
static int allow_files(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	int abi = sb->plan->landlock_abi, r = 0;
	const struct op *op;
	uint64_t rights;

	if (p->root == ROOT_HOST)
		return allow_path(sb, "/", all_files(abi));
	if (!p->root_op)
		r = allow_path(sb, "/", ACCESS_READ_DIR);
	for (op = p->ops; op < p->ops + p->n_ops && r == 0; op++) {
		rights = rights_of(op, abi);
		if (rights != 0 && has_rule(sb, op))
			r = allow_path(sb, op->dest, rights);
	}
	return r;
}

/* The probe of --self-test is husk itself, wherever that lies outside. */
static int allow_probe(struct sandbox *sb)
{
	struct path_rule rule = {
		.allowed = ACCESS_EXECUTE | ACCESS_READ_FILE,
		.fd = sb->plan->self_exe,
	};

	if (rule.fd >= 0 && sys_landlock_add_rule(sb->landlock_fd, RULE_PATH, &rule, 0) < 0)
		return fail(sb->fail, errno, "landlock_add_rule for the probe");
	return 0;
}

static int allow_ports(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	struct port_rule rule;
	size_t i;

	for (i = 0; i < p->n_ports; i++) {
		rule.allowed = p->ports[i].connect ? ACCESS_NET_CONNECT : ACCESS_NET_BIND;
		rule.port = p->ports[i].port;
		if (sys_landlock_add_rule(sb->landlock_fd, RULE_PORT, &rule, 0) < 0)
			return fail(sb->fail, errno, "landlock_add_rule for port %u",
				    p->ports[i].port);
	}
	return 0;
}

/* Makes a directory that lies nowhere, for the audit to see the rules refuse it. */
static int make_refused(struct sandbox *sb)
{
	CLEANUP(fd_closep) int fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fd >= 0 && sys_fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		sb->landlock_probe = sys_fsmount(fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	return sb->landlock_probe < 0 ? fail(sb->fail, errno, "Can't make a directory to refuse")
				      : 0;
}

int landlock_prepare(struct sandbox *sb)
{
	int abi = sb->plan->landlock_abi, r;
	struct ruleset attr = {
		.files = all_files(abi),
		.net = sb->plan->n_ports > 0 ? ACCESS_NET_BIND | ACCESS_NET_CONNECT : 0,
		.scoped = abi >= LANDLOCK_ABI_SCOPE && !BROKEN("landlock-scope") ? SCOPE_ALL : 0,
	};
	/* a kernel takes the fields it knows, and refuses further ones that are not zero */
	size_t size = abi >= LANDLOCK_ABI_SCOPE ? sizeof attr
		      : abi >= LANDLOCK_ABI_TCP ? offsetof(struct ruleset, scoped)
						: offsetof(struct ruleset, net);

	if (!sb->plan->landlock)
		return 0;
	sb->landlock_fd = sys_landlock_create_ruleset(&attr, size, 0);
	if (sb->landlock_fd < 0)
		return fail(sb->fail, errno, "landlock_create_ruleset");
	r = make_refused(sb);
	if (r == 0)
		r = allow_files(sb);
	if (r == 0)
		r = allow_probe(sb);
	return r < 0 ? r : allow_ports(sb);
}

int landlock_mark(const struct plan *p, int *ret, struct fail *f)
{
	*ret = p->landlock ? sys_memfd_create(LANDLOCK_MARK, MFD_CLOEXEC | MFD_NOEXEC_SEAL) : NO_FD;
	return p->landlock && *ret < 0 ? fail(f, errno, "memfd_create") : 0;
}

int landlock_restrict(struct sandbox *sb)
{
	if (!sb->plan->landlock)
		return 0;
	if (!BROKEN("landlock-restricted") && sys_landlock_restrict_self(sb->landlock_fd, 0) < 0)
		return fail_hint(sb->fail, fail(sb->fail, errno, "landlock_restrict_self"),
				 errno == E2BIG ? "16 layers of Landlock can be stacked" : NULL);
	sb->landlock_fd = fd_close(sb->landlock_fd);
	return 0;
}
