/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns a plan into the checks that the probe makes inside. */
#include "selftest.h"

#include <linux/capability.h>
#include <inttypes.h>
#include <linux/keyctl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "caps.h"
#include "fail.h"
#include "family.h"
#include "ns.h"
#include "personality.h"
#include "plan.h"
#include "policy.h"
#include "ranges.h"
#include "rlimit.h"
#include "sys.h"
#include "util.h"

#define WORDS_A_CHECK 3

struct checks {
	struct plan *plan;
	int proc_fd;
	bool real_root;
	char **words; /* the probe's, NULL-terminated when done */
	size_t n;
	bool failed; /* there was no memory */
};

static void add_word(struct checks *c, const char *format, va_list ap)
{
	char **word = plan_append(&c->words, &c->n, sizeof *word);

	if (!word || vasprintf(word, format, ap) < 0)
		c->failed = true;
}

static void __attribute__((format(printf, 2, 3))) word(struct checks *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_word(c, format, ap);
	va_end(ap);
}

/* Adds a check of KIND about OPERAND; the promise follows. */
static void __attribute__((format(printf, 4, 5)))
check(struct checks *c, const char *kind, const char *operand, const char *format, ...)
{
	va_list ap;

	word(c, "%s", kind);
	word(c, "%s", operand);
	va_start(ap, format);
	add_word(c, format, ap);
	va_end(ap);
}

static void check_number(struct checks *c, const char *kind, unsigned long long number,
			 const char *promise)
{
	char text[32];

	snprintf(text, sizeof text, "%llu", number);
	check(c, kind, text, "%s", promise);
}

static void check_namespaces(struct checks *c)
{
	const struct plan *p = c->plan;
	uint64_t made = p->unshare | CLONE_NEWNS | (p->userns ? CLONE_NEWUSER : 0);
	char path[64], operand[64];
	struct stat st;
	size_t i;

	for (i = 0; i < NS_MAX; i++) {
		snprintf(path, sizeof path, "self/ns/%s", namespaces[i].name);
		if (!(made & namespaces[i].flag) || fstatat(c->proc_fd, path, &st, 0) < 0)
			continue;
		snprintf(operand, sizeof operand, "%s:%ju", namespaces[i].name,
			 (uintmax_t)st.st_ino);
		check(c, "namespace", operand, "the %s namespace is not the caller's",
		      namespaces[i].name);
	}
	if (p->unshare & CLONE_NEWPID)
		check_number(c, "pid", (unsigned)getpid(), "no process of the caller can be seen");
	if (p->hostname)
		check(c, "hostname", p->hostname, "the host name is %s", p->hostname);
}

/* What a later operation lies on says nothing about what is to be seen now. */
static bool is_covered(const struct plan *p, const struct op *op)
{
	const struct op *later;

	if (p->root_op && op < p->root_op)
		return true;
	for (later = op + 1; later < p->ops + p->n_ops; later++)
		if (later->type <= OP_MASK && plan_path_below(op->dest, later->dest))
			return true;
	return false;
}

static bool remounted(const struct plan *p, const struct op *op)
{
	const struct op *later;

	for (later = op + 1; later < p->ops + p->n_ops; later++)
		if (later->type == OP_REMOUNT_RO && plan_path_same(op->dest, later->dest))
			return true;
	return false;
}

/* The real root owns what it must not write. */
static void check_sysctls(struct checks *c, const struct op *op)
{
	char *path;

	if (!c->real_root || op->type != OP_PROC)
		return;
	if (asprintf(&path, "%s/sys/kernel/core_pattern", op->dest) < 0) {
		c->failed = true;
		return;
	}
	check(c, "readonly", path, "%s cannot be written", path);
	free(path);
}

/* Whether the caller itself can reach what OP binds by access MODE of access(2). */
static bool may_access(const struct checks *c, const struct op *op, int mode)
{
	char path[32];

	if (op->type == OP_BIND)
		return faccessat(AT_FDCWD, op->source, mode, 0) == 0;
	snprintf(path, sizeof path, "self/fd/%d", op->fd);
	return op->type != OP_BIND_FD || faccessat(c->proc_fd, path, mode, 0) == 0;
}

static void check_writing(struct checks *c, const struct op *op, bool readonly)
{
	/* what the caller cannot write outside is no more promised inside */
	if (readonly || may_access(c, op, W_OK))
		check(c, readonly ? "readonly" : "writable", op->dest, "%s can%s be written",
		      op->dest, readonly ? "not" : "");
}

static void check_operation(struct checks *c, const struct op *op)
{
	bool readonly = (op->flags & OP_RO) || (op->attrs & MOUNT_ATTR_RDONLY) ||
			op->type == OP_RO_OVERLAY || remounted(c->plan, op);

	if ((op->flags & OP_TRY) && !may_access(c, op, F_OK)) {
		check(c, "missing", op->dest, "%s is bound", op->dest);
		return;
	}
	switch (op->type) {
	case OP_MASK:
		check(c, "hidden", op->dest, "%s cannot be read", op->dest);
		break;
	case OP_PROC:
	case OP_PROC_SUBSET:
		if (c->plan->unshare & CLONE_NEWPID)
			check(c, "proc", op->dest, "%s shows only processes of the sandbox",
			      op->dest);
		check_sysctls(c, op);
		break;
	case OP_BIND:
	case OP_BIND_FD:
	case OP_BIND_DATA:
	case OP_OVERLAY:
	case OP_TMP_OVERLAY:
	case OP_RO_OVERLAY:
	case OP_TMPFS:
		check_writing(c, op, readonly);
		break;
	case OP_DEV:
	case OP_MQUEUE:
	case OP_SYSFS:
	case OP_CGROUPFS:
	case OP_DEVPTS:
	case OP_REMOUNT_RO:
	case OP_DIR:
	case OP_FILE:
	case OP_SYMLINK:
	case OP_CHMOD:
	case OP_TYPE_MAX:
		return;
	}
	/* what the sandbox mounts itself, the command may unmount, and finds an empty cover below
	 */
	if (op->type <= OP_MASK && !op->deferred &&
	    (c->plan->two_levels || !(c->plan->caps & CAP_BIT(CAP_SYS_ADMIN))))
		check(c, readonly ? "locked-readonly" : "locked", op->dest,
		      "the mount on %s cannot be changed or undone", op->dest);
}

/* The first component of PATH. */
static const char *first_name(const char *path, int *length)
{
	path += strspn(path, "/");
	*length = (int)strcspn(path, "/");
	return path;
}

static void check_root(struct checks *c)
{
	const struct plan *p = c->plan;
	char *names = NULL, *grown;
	const struct op *op;
	const char *name;
	int length;

	if (p->root != ROOT_NEW || p->root_op)
		return;
	for (op = p->ops; op < p->ops + p->n_ops; op++) {
		name = first_name(op->dest, &length);
		if (asprintf(&grown, "%s%.*s/", names ? names : "/", length, name) < 0) {
			c->failed = true;
			break;
		}
		free(names);
		names = grown;
	}
	check(c, "listing", names ? names : "/", "nothing lies in / but what was asked for");
	free(names);
}

/* The first and the last id of every extent. */
static void check_ids(struct checks *c, const char *kind, const struct extents *map)
{
	char *ids = strdup(""), *grown;
	size_t i;

	for (i = 0; i < map->n && ids; i++) {
		const struct extent *e = &map->list[i];

		if (asprintf(&grown, "%s%u %u ", ids, e->inside, e->inside + (e->count - 1)) < 0)
			grown = NULL;
		free(ids);
		ids = grown;
	}
	c->failed |= !ids;
	if (ids)
		check(c, kind, ids, "the %ss of the map can be taken, and no other", kind);
	free(ids);
}

static void check_privileges(struct checks *c, const struct caller *caller)
{
	const struct plan *p = c->plan;
	const uint64_t ids = CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID);
	long keyring = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);

	check(c, "no-new-privs", "", "no program gives privileges (no_new_privs)");
	if (p->userns || caller->uid != 0)
		check_number(c, "capabilities", p->caps,
			     p->caps == CAPS_ALL ? "all capabilities, in the sandbox alone"
			     : p->caps == 0	 ? "no capability at all"
						 : "the capabilities asked for and no other");
	if (p->pretence && p->n_denied_calls == 0 && p->n_seccomp_fds == 0 && p->seccomp_fd < 0)
		check(c, p->pretence->name, (p->caps & ids) == ids ? "ids" : "",
		      p->consistent ? "what --fake-root-consistent pretends is what is shown"
				    : "what --fake-root pretends succeeds, and is not done");
	if (p->userns && p->userns_block_fd < 0 && (!p->pretence || p->ranges) &&
	    !ranges_setgroups(p))
		check(c, "setgroups", "", "groups can be neither given up nor taken");
	if (ranges_setgroups(p) && (p->caps & CAP_BIT(CAP_SETGID)))
		check(c, "groups", "", "groups can be given up and taken");
	if (p->ranges && (p->caps & CAP_BIT(CAP_SETUID)))
		check_ids(c, "uid", &p->maps[MAP_UID]);
	if (p->ranges && (p->caps & CAP_BIT(CAP_SETGID)))
		check_ids(c, "gid", &p->maps[MAP_GID]);
	if (p->disable_userns)
		check(c, "userns", "", "no further user namespace can be made");
	if (p->as->fresh_keyring && keyring > 0)
		check_number(c, "keyring", (unsigned long)keyring,
			     "the session keyring is not the caller's");
}

/* What is tried of the filters, where no other filter of the caller's answers. */
static void check_filters(struct checks *c)
{
	const struct plan *p = c->plan;
	char families[FAMILY_MAX * 3 + 1] = "", *end = families;
	int i;

	if (p->seccomp_policy || p->n_denied_calls || p->denied_families || p->n_seccomp_fds ||
	    p->seccomp_fd >= 0)
		check(c, "seccomp", "", "system calls are filtered");
	if (p->n_denied_calls || p->n_seccomp_fds || p->seccomp_fd >= 0)
		return;
	if (p->seccomp_policy)
		check(c, "policy", p->seccomp_policy->name, "what the policy %s refuses is refused",
		      p->seccomp_policy->name);
	for (i = 0; i < FAMILY_MAX; i++)
		if (p->denied_families >> i & 1)
			end += snprintf(end, 4, "%d ", i);
	if (p->denied_families)
		check(c, "families", families, "no socket of a denied family can be made");
}

static void check_limits(struct checks *c)
{
	const struct limit *l, *last = c->plan->limits + c->plan->n_limits;
	char operand[64];

	for (l = c->plan->limits; l < last; l++) {
		snprintf(operand, sizeof operand, "%d %" PRIu64 " %" PRIu64, l->resource, l->soft,
			 l->hard);
		check(c, "limit", operand, "the limit %s is no higher than asked for",
		      rlimit_name(l->resource));
	}
}

static void check_landlock(struct checks *c)
{
	const struct plan *p = c->plan;
	size_t i;

	if (p->landlock_abi >= LANDLOCK_ABI_SCOPE && !((p->unshare | p->joins) & CLONE_NEWPID))
		check_number(c, "signal", (unsigned)getpid(),
			     "no process outside can be sent a signal");
	for (i = 0; i < p->n_ports && p->ports[i].port != 0; i++)
		;
	if (p->n_ports > 0 && i == p->n_ports)
		check(c, "tcp", "", "no TCP port can be used but those asked for");
}

static void check_descriptors(struct checks *c)
{
	const struct plan *p = c->plan;
	char *kept, *grown;
	size_t i;

	if (p->inherit_fds)
		return;
	kept = strdup(":");
	for (i = 0; i < p->n_keep_fds && kept; i++) {
		if (asprintf(&grown, "%s%d:", kept, p->keep_fds[i]) < 0)
			grown = NULL;
		free(kept);
		kept = grown;
	}
	c->failed |= !kept;
	check(c, "descriptors", kept ? kept : ":", "no descriptor is open but those asked for");
	free(kept);
}

/* An abstract socket beside the caller, with a name that the kernel makes up: unix(7). */
static int check_socket(struct checks *c)
{
	struct plan *p = c->plan;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof address.sun_family;

	if (!(p->unshare & CLONE_NEWNET) && p->landlock_abi < LANDLOCK_ABI_SCOPE)
		return 0;
	p->self_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->self_socket < 0 || bind(p->self_socket, (struct sockaddr *)&address, length) < 0 ||
	    listen(p->self_socket, 1) < 0)
		return neg_errno();
	length = sizeof address;
	if (getsockname(p->self_socket, (struct sockaddr *)&address, &length) < 0)
		return neg_errno();
	word(c, "socket");
	word(c, "%.*s", (int)(length - sizeof address.sun_family - 1), address.sun_path + 1);
	word(c, "no abstract socket outside can be reached");
	return 0;
}

int selftest_prepare(struct plan *p, const struct caller *caller, int proc_fd, bool terminal,
		     struct fail *f)
{
	struct checks c = { .plan = p, .proc_fd = proc_fd, .real_root = caller->real_root };
	const struct op *op;
	char **end;
	int r;

	p->self_exe = openat(proc_fd, "self/exe", O_PATH | O_CLOEXEC);
	if (p->self_exe < 0)
		return fail(f, errno, "Can't open husk itself");
	word(&c, "%s", SELFTEST_NAME);
	check_namespaces(&c);
	check_root(&c);
	for (op = p->ops; op < p->ops + p->n_ops; op++)
		if (!is_covered(p, op))
			check_operation(&c, op);
	check_privileges(&c, caller);
	check_filters(&c);
	check_limits(&c);
	check_landlock(&c);
	check_descriptors(&c);
	if (terminal)
		check(&c, "terminal", "", "nothing can be typed into the terminal");
	r = check_socket(&c);
	if (r < 0)
		return fail(f, -r, "Can't make a socket for the self-test");
	end = plan_append(&c.words, &c.n, sizeof *end);
	if (!end || c.failed)
		return fail(f, ENOMEM, "Out of memory");
	p->command = c.words;
	return 0;
}
