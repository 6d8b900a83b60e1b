/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* THE table of options, with what each does to the plan. The same table feeds help, completions and
 * the checks of the man page. */
#include "options.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "caps.h"
#include "fail.h"
#include "parse.h"
#include "personality.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

const char *const option_groups[GROUP_MAX] = {
	[GROUP_GENERAL] = "General",
	[GROUP_NAMESPACES] = "Namespaces",
	[GROUP_IDENTITY] = "Identity and capabilities",
	[GROUP_ROOT] = "The root, in the order of the command line",
	[GROUP_ENVIRONMENT] = "Environment",
	[GROUP_WALLS] = "Walls",
	[GROUP_LIFETIME] = "Lifetime and terminal",
	[GROUP_DESCRIPTORS] = "Descriptors",
};

int parse_no_memory(struct parse *p)
{
	return fail(p->fail, ENOMEM, "Out of memory");
}

/* Reads an unsigned number that fills the whole word, at most MAX. */
static int parse_number(const char *word, int base, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long value;

	if (word[0] < '0' || word[0] > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(word, &end, base);
	if (errno != 0 || *end != '\0' || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

int parse_fd(struct parse *p, const char *word, int *ret)
{
	uint64_t value;

	if (parse_number(word, 10, INT_MAX, &value) < 0)
		return fail_hint(
			p->fail, fail(p->fail, 0, "Invalid fd: %s", word),
			"a descriptor is a number from 0, opened by the caller, as in 3<file");
	*ret = (int)value;
	return 0;
}

static int check_path(struct parse *p, const struct option *o, const char *path)
{
	if (path[0] != '\0')
		return 0;
	return fail_hint(p->fail, fail(p->fail, 0, "%s: a path is empty", o->name),
			 "is a variable unset in the script that calls?");
}

/* handlers: plain fields */

static int opt_flag(struct parse *p, const struct option *o, char **operands)
{
	(void)operands;
	*(bool *)((char *)p->plan + o->arg) = true;
	return 0;
}

static int opt_fd(struct parse *p, const struct option *o, char **operands)
{
	return parse_fd(p, operands[0], (int *)((char *)p->plan + o->arg));
}

static int opt_string(struct parse *p, const struct option *o, char **operands)
{
	*(const char **)((char *)p->plan + o->arg) = operands[0];
	return 0;
}

static int opt_action(struct parse *p, const struct option *o, char **operands)
{
	(void)operands;
	p->plan->action = (enum action)o->arg;
	return 0;
}

/* handlers: namespaces and identity */

static int opt_unshare(struct parse *p, const struct option *o, char **operands)
{
	(void)operands;
	p->plan->unshare |= o->arg;
	return 0;
}

static int opt_unshare_all(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	p->plan->unshare |= p->plan->as->unshare_all & ~(uint64_t)CLONE_NEWCGROUP;
	p->plan->userns_try = true;
	p->plan->cgroup_try = true;
	return 0;
}

static int opt_share_net(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	p->plan->unshare &= ~(uint64_t)CLONE_NEWNET;
	return 0;
}

static int parse_id(struct parse *p, const char *kind, const char *word, uint32_t *ret)
{
	uint64_t value;

	if (parse_number(word, 10, UINT32_MAX - 1, &value) < 0)
		return fail_hint(p->fail, fail(p->fail, 0, "Invalid %s: %s", kind, word),
				 "an id is a number from 0 to 4294967294; names are not looked up");
	*ret = (uint32_t)value;
	return 0;
}

static int opt_uid(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	p->plan->uid_set = true;
	return parse_id(p, "uid", operands[0], &p->plan->uid);
}

static int opt_gid(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	p->plan->gid_set = true;
	return parse_id(p, "gid", operands[0], &p->plan->gid);
}

static int opt_map_root(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	p->plan->map_current = false;
	p->plan->uid_set = p->plan->gid_set = true;
	p->plan->uid = p->plan->gid = 0;
	return 0;
}

static int opt_map_current(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	p->plan->map_current = true;
	p->plan->uid_set = p->plan->gid_set = false;
	return 0;
}

static int opt_cap(struct parse *p, const struct option *o, char **operands)
{
	struct plan *plan = p->plan;
	uint64_t caps;

	if (caps_parse(operands[0], &caps) < 0)
		return fail_hint(p->fail, fail(p->fail, 0, "unknown cap: %s", operands[0]),
				 "capabilities(7) has the names; ALL stands for every one");
	plan->caps_edited = true;
	if (streq(o->name, "--cap-add")) {
		plan->caps_add |= caps;
		plan->caps_named |= caps;
	} else {
		plan->caps_keep &= ~caps;
		plan->caps_add &= ~caps;
		plan->caps_named &= ~caps;
	}
	return 0;
}

/* handlers: the root */

/* Appends an operation for DEST, which takes the modifiers waiting. Returns NULL on failure. */
static struct op *add_op(struct parse *p, const struct option *o, enum op_type type,
			 const char *dest)
{
	struct op *op;

	if (check_path(p, o, dest) < 0)
		return NULL;
	op = plan_append(&p->plan->ops, &p->plan->n_ops, sizeof *op);
	if (!op) {
		parse_no_memory(p);
		return NULL;
	}
	op->type = type;
	op->option = o->name;
	op->dest = dest;
	op->fd = NO_FD;
	op->flags = o->arg2;
	op->mode_set = p->perms_set;
	op->mode = p->perms;
	op->size = p->size;
	return op;
}

static int opt_dest(struct parse *p, const struct option *o, char **operands)
{
	return add_op(p, o, (enum op_type)o->arg, operands[0]) ? 0 : -EINVAL;
}

static int opt_bind(struct parse *p, const struct option *o, char **operands)
{
	struct op *op;

	if (check_path(p, o, operands[0]) < 0)
		return -EINVAL;
	op = add_op(p, o, OP_BIND, operands[1]);
	if (!op)
		return -EINVAL;
	op->source = operands[0];
	return 0;
}

static int opt_symlink(struct parse *p, const struct option *o, char **operands)
{
	struct op *op;

	if (check_path(p, o, operands[0]) < 0)
		return -EINVAL;
	op = add_op(p, o, OP_SYMLINK, operands[1]);
	if (!op)
		return -EINVAL;
	op->source = operands[0];
	return 0;
}

static int opt_fd_dest(struct parse *p, const struct option *o, char **operands)
{
	struct op *op;
	int fd = NO_FD, r;

	r = parse_fd(p, operands[0], &fd);
	if (r < 0)
		return r;
	op = add_op(p, o, (enum op_type)o->arg, operands[1]);
	if (!op)
		return -EINVAL;
	op->fd = fd;
	return 0;
}

static int parse_octal(struct parse *p, const struct option *o, const char *word, mode_t *ret)
{
	uint64_t value;

	if (parse_number(word, 8, 07777, &value) < 0)
		return fail(p->fail, 0,
			    p->plan->as->explains ? "%s takes an octal argument <= 07777, not %s"
						  : "%s takes an octal argument <= 07777",
			    o->name, word);
	*ret = (mode_t)value;
	return 0;
}

static int opt_chmod(struct parse *p, const struct option *o, char **operands)
{
	struct op *op;
	mode_t mode = 0;
	int r;

	r = parse_octal(p, o, operands[0], &mode);
	if (r < 0)
		return r;
	op = add_op(p, o, OP_CHMOD, operands[1]);
	if (!op)
		return -EINVAL;
	op->mode_set = true;
	op->mode = mode;
	return 0;
}

static int opt_perms(struct parse *p, const struct option *o, char **operands)
{
	if (p->perms_set)
		return fail(p->fail, 0, "--perms given twice for the same action");
	p->perms_set = true;
	return parse_octal(p, o, operands[0], &p->perms);
}

static int opt_size(struct parse *p, const struct option *o, char **operands)
{
	uint64_t value;

	(void)o;
	if (p->size_set)
		return fail(p->fail, 0, "--size given twice for the same action");
	if (parse_number(operands[0], 0, UINT64_MAX - 1, &value) < 0 || value == 0)
		return fail(p->fail, 0, "--size takes a non-zero number of bytes");
	if (value > SIZE_MAX / 2)
		return fail(p->fail, 0, "--size (for tmpfs) is limited to %zu", SIZE_MAX / 2);
	p->size_set = true;
	p->size = (size_t)value;
	return 0;
}

static int opt_overlay_src(struct parse *p, const struct option *o, char **operands)
{
	const char **layer;

	if (check_path(p, o, operands[0]) < 0)
		return -EINVAL;
	layer = plan_append(&p->plan->layers, &p->plan->n_layers, sizeof *layer);
	if (!layer)
		return parse_no_memory(p);
	*layer = operands[0];
	p->pending_layers++;
	return 0;
}

/* Appends an overlay over the layers waiting; the option's arg2 is how many it must have. */
static struct op *add_overlay(struct parse *p, const struct option *o, enum op_type type,
			      const char *dest)
{
	struct op *op;

	if (p->pending_layers < o->arg2) {
		fail(p->fail, 0, "%s requires at least %s --overlay-src", o->name,
		     o->arg2 == 1 ? "one" : "two");
		return NULL;
	}
	op = add_op(p, o, type, dest);
	if (!op)
		return NULL;
	op->flags = type == OP_RO_OVERLAY ? OP_RO : 0;
	op->n_layers = p->pending_layers;
	op->first_layer = p->plan->n_layers - p->pending_layers;
	p->pending_layers = 0;
	return op;
}

static int opt_overlay(struct parse *p, const struct option *o, char **operands)
{
	struct op *op;

	if (check_path(p, o, operands[0]) < 0 || check_path(p, o, operands[1]) < 0)
		return -EINVAL;
	op = add_overlay(p, o, OP_OVERLAY, operands[2]);
	if (!op)
		return -EINVAL;
	op->source = operands[0];
	op->work = operands[1];
	return 0;
}

static int opt_lower_overlay(struct parse *p, const struct option *o, char **operands)
{
	return add_overlay(p, o, (enum op_type)o->arg, operands[0]) ? 0 : -EINVAL;
}

/* handlers: environment, walls, descriptors */

static int add_env(struct parse *p, enum env_type type, const char *name, const char *value)
{
	struct env_edit *edit;

	if (name && (name[0] == '\0' || strchr(name, '=')))
		return p->plan->as->explains
			       ? fail(p->fail, 0, "“%s” is not the name of a variable", name)
			       : fail(p->fail, 0,
				      type == ENV_SET ? "setenv failed" : "unsetenv failed");
	edit = plan_append(&p->plan->env, &p->plan->n_env, sizeof *edit);
	if (!edit)
		return parse_no_memory(p);
	*edit = (struct env_edit){ .type = type, .name = name, .value = value };
	return 0;
}

static int opt_setenv(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	return add_env(p, ENV_SET, operands[0], operands[1]);
}

static int opt_unsetenv(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	return add_env(p, ENV_UNSET, operands[0], NULL);
}

static int opt_clearenv(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	return add_env(p, ENV_CLEAR, NULL, NULL);
}

static int opt_argv0(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	if (p->plan->argv0)
		return fail(p->fail, 0, "--argv0 used multiple times");
	p->plan->argv0 = operands[0];
	return 0;
}

static int opt_lock_file(struct parse *p, const struct option *o, char **operands)
{
	const char **lock;

	if (check_path(p, o, operands[0]) < 0)
		return -EINVAL;
	lock = plan_append(&p->plan->locks, &p->plan->n_locks, sizeof *lock);
	if (!lock)
		return parse_no_memory(p);
	*lock = operands[0];
	return 0;
}

static int opt_chdir(struct parse *p, const struct option *o, char **operands)
{
	if (check_path(p, o, operands[0]) < 0)
		return -EINVAL;
	p->plan->chdir = operands[0];
	return 0;
}

static int opt_seccomp(struct parse *p, const struct option *o, char **operands)
{
	if (p->plan->n_seccomp_fds > 0)
		return fail(p->fail, 0, "--seccomp cannot be combined with --add-seccomp-fd");
	return opt_fd(p, o, operands);
}

static int opt_add_seccomp(struct parse *p, const struct option *o, char **operands)
{
	int fd = NO_FD, r, *item;

	(void)o;
	if (p->plan->seccomp_fd >= 0)
		return fail(p->fail, 0, "--add-seccomp-fd cannot be combined with --seccomp");
	r = parse_fd(p, operands[0], &fd);
	if (r < 0)
		return r;
	item = plan_append(&p->plan->seccomp_fds, &p->plan->n_seccomp_fds, sizeof *item);
	if (!item)
		return parse_no_memory(p);
	*item = fd;
	return 0;
}

static int opt_keep_fd(struct parse *p, const struct option *o, char **operands)
{
	int fd = NO_FD, r, *item;

	(void)o;
	r = parse_fd(p, operands[0], &fd);
	if (r < 0)
		return r;
	item = plan_append(&p->plan->keep_fds, &p->plan->n_keep_fds, sizeof *item);
	if (!item)
		return parse_no_memory(p);
	*item = fd;
	return 0;
}

#define FIELD(name) offsetof(struct plan, name)

/* clang-format off: a row, its help below it */
/* THE table, sorted by name. */
const struct option options[] = {
	{ "--add-seccomp-fd", "FD", GROUP_WALLS, 0, opt_add_seccomp, 0, 0,
	  "Load a seccomp filter from FD; repeatable" },
	{ "--args", "FD", GROUP_GENERAL, 0, parse_args_list, 0, 0,
	  "Read NUL-separated words from FD, as if they stood here" },
	{ "--argv0", "VALUE", GROUP_ENVIRONMENT, 0, opt_argv0, 0, 0,
	  "Give the command VALUE as its argv[0]" },
	{ "--as-pid-1", "", GROUP_LIFETIME, 0, opt_flag, FIELD(as_pid_1), 0,
	  "Run the command as process 1, without an init" },
	{ "--assert-userns-disabled", "", GROUP_WALLS, 0, opt_flag, FIELD(assert_userns_disabled),
	  0, "Fail unless further user namespaces are impossible inside" },
	{ "--bind", "SRC DEST", GROUP_ROOT, 0, opt_bind, 0, 0,
	  "Bind SRC on DEST, with its submounts, writable" },
	{ "--bind-data", "FD DEST", GROUP_ROOT, OPT_PERMS, opt_fd_dest, OP_BIND_DATA, 0,
	  "Bind a file with the content of FD on DEST" },
	{ "--bind-fd", "FD DEST", GROUP_ROOT, 0, opt_fd_dest, OP_BIND_FD, 0,
	  "Bind the open directory or file FD on DEST" },
	{ "--bind-try", "SRC DEST", GROUP_ROOT, 0, opt_bind, 0, OP_TRY,
	  "As --bind, but a missing SRC is no error" },
	{ "--block-fd", "FD", GROUP_DESCRIPTORS, OPT_LAST, opt_fd, FIELD(block_fd), 0,
	  "Wait for a byte or the end of FD before the command starts" },
	{ "--cap-add", "CAP", GROUP_IDENTITY, 0, opt_cap, 0, 0,
	  "Give the command capability CAP, or ALL" },
	{ "--cap-drop", "CAP", GROUP_IDENTITY, 0, opt_cap, 0, 0,
	  "Take capability CAP, or ALL, from the command" },
	{ "--chdir", "DIR", GROUP_ENVIRONMENT, OPT_LAST | OPT_ONE, opt_chdir, 0, 0,
	  "Start the command in DIR" },
	{ "--chmod", "OCTAL PATH", GROUP_ROOT, 0, opt_chmod, 0, 0,
	  "Set the mode of PATH, which must exist" },
	{ "--clearenv", "", GROUP_ENVIRONMENT, 0, opt_clearenv, 0, 0, "Unset every variable" },
	{ "--dev", "DEST", GROUP_ROOT, 0, opt_dest, OP_DEV, 0, "Mount a minimal /dev on DEST" },
	{ "--dev-bind", "SRC DEST", GROUP_ROOT, 0, opt_bind, 0, OP_DEVICES,
	  "As --bind, and device nodes work" },
	{ "--dev-bind-try", "SRC DEST", GROUP_ROOT, 0, opt_bind, 0, OP_DEVICES | OP_TRY,
	  "As --dev-bind, but a missing SRC is no error" },
	{ "--die-with-parent", "", GROUP_LIFETIME, 0, opt_flag, FIELD(die_with_parent), 0,
	  "Kill the sandbox when husk or its parent dies" },
	{ "--dir", "DEST", GROUP_ROOT, OPT_PERMS, opt_dest, OP_DIR, 0, "Make a directory" },
	{ "--disable-userns", "", GROUP_WALLS, 0, opt_flag, FIELD(disable_userns), 0,
	  "Make further user namespaces impossible inside" },
	{ "--dump-options", "", GROUP_GENERAL, OPT_HUSK, opt_action, ACTION_DUMP_OPTIONS, 0,
	  "Print the option table for programs, a tab-separated line an option" },
	{ "--exec-label", "LABEL", GROUP_WALLS, OPT_LAST, opt_string, FIELD(exec_label), 0,
	  "Run the command with this SELinux label" },
	{ "--explain", "", GROUP_GENERAL, OPT_HUSK, opt_action, ACTION_EXPLAIN, 0,
	  "Print what would be done, and do nothing" },
	{ "--file", "FD DEST", GROUP_ROOT, OPT_PERMS, opt_fd_dest, OP_FILE, 0,
	  "Make a file with the content of FD" },
	{ "--file-label", "LABEL", GROUP_WALLS, OPT_LAST, opt_string, FIELD(file_label), 0,
	  "Give files made during set-up this SELinux label" },
	{ "--gid", "GID", GROUP_IDENTITY, OPT_LAST, opt_gid, 0, 0, "The group id inside" },
	{ "--help", "", GROUP_GENERAL, 0, opt_action, ACTION_HELP, 0, "Print this help" },
	{ "--hostname", "NAME", GROUP_ENVIRONMENT, OPT_LAST, opt_string, FIELD(hostname), 0,
	  "Set the host name; needs --unshare-uts" },
	{ "--info-fd", "FD", GROUP_DESCRIPTORS, OPT_LAST, opt_fd, FIELD(info_fd), 0,
	  "Write the sandbox's process and namespaces to FD as JSON" },
	{ "--inherit-fds", "", GROUP_DESCRIPTORS, OPT_HUSK, opt_flag, FIELD(inherit_fds), 0,
	  "Leave the command every descriptor of the caller" },
	{ "--json-status-fd", "FD", GROUP_DESCRIPTORS, OPT_LAST, opt_fd, FIELD(json_fd), 0,
	  "Write status to FD as JSON lines" },
	{ "--keep-fd", "FD", GROUP_DESCRIPTORS, OPT_HUSK, opt_keep_fd, 0, 0,
	  "Leave the command the descriptor FD; repeatable" },
	{ "--level-prefix", "", GROUP_GENERAL, 0, opt_flag, FIELD(level_prefix), 0,
	  "Begin messages with a syslog level such as <3>" },
	{ "--lock-file", "DEST", GROUP_LIFETIME, 0, opt_lock_file, 0, 0,
	  "Hold a read lock on DEST while the sandbox runs" },
	{ "--map-current-user", "", GROUP_IDENTITY, OPT_HUSK, opt_map_current, 0, 0,
	  "Keep the caller's own uid and gid inside" },
	{ "--map-root-user", "", GROUP_IDENTITY, OPT_HUSK, opt_map_root, 0, 0,
	  "Be root inside: the default" },
	{ "--mqueue", "DEST", GROUP_ROOT, 0, opt_dest, OP_MQUEUE, 0,
	  "Mount the POSIX message queues on DEST; needs --unshare-ipc" },
	{ "--new-session", "", GROUP_LIFETIME, 0, opt_flag, FIELD(new_session), 0,
	  "Run the command in a session of its own, without the terminal" },
	{ "--not-a-security-boundary", "", GROUP_WALLS, 0, opt_flag, FIELD(not_a_boundary), 0,
	  "Carry on when a submount cannot be made read-only" },
	{ "--overlay", "RWSRC WORKDIR DEST", GROUP_ROOT, OPT_LAYERS, opt_overlay, 0, 1,
	  "Mount the overlay layers on DEST, writes going to RWSRC" },
	{ "--overlay-src", "SRC", GROUP_ROOT, OPT_LAYERS | OPT_MODIFIER, opt_overlay_src, 0, 0,
	  "A layer, lowest first, for the overlay that follows" },
	{ "--perms", "OCTAL", GROUP_ROOT, OPT_PERMS | OPT_SIZE | OPT_MODIFIER, opt_perms, 0, 0,
	  "The mode of what the next option makes" },
	{ "--pidns", "FD", GROUP_NAMESPACES, OPT_LAST, opt_fd, FIELD(pidns_fd), 0,
	  "Join this pid namespace, or make a child of it" },
	{ "--proc", "DEST", GROUP_ROOT, 0, opt_dest, OP_PROC, 0,
	  "Mount /proc on DEST, fresh with a new pid namespace" },
	{ "--remount-ro", "DEST", GROUP_ROOT, OPT_ONE, opt_dest, OP_REMOUNT_RO, 0,
	  "Make the mount on DEST read-only, but not its submounts" },
	{ "--ro-bind", "SRC DEST", GROUP_ROOT, 0, opt_bind, 0, OP_RO,
	  "Bind SRC on DEST, with its submounts, read-only" },
	{ "--ro-bind-data", "FD DEST", GROUP_ROOT, OPT_PERMS, opt_fd_dest, OP_BIND_DATA, OP_RO,
	  "As --bind-data, read-only" },
	{ "--ro-bind-fd", "FD DEST", GROUP_ROOT, 0, opt_fd_dest, OP_BIND_FD, OP_RO,
	  "As --bind-fd, read-only" },
	{ "--ro-bind-try", "SRC DEST", GROUP_ROOT, 0, opt_bind, 0, OP_RO | OP_TRY,
	  "As --ro-bind, but a missing SRC is no error" },
	{ "--ro-overlay", "DEST", GROUP_ROOT, OPT_LAYERS, opt_lower_overlay, OP_RO_OVERLAY, 2,
	  "Mount the overlay layers on DEST, read-only" },
	{ "--seccomp", "FD", GROUP_WALLS, OPT_LAST, opt_seccomp, FIELD(seccomp_fd), 0,
	  "Load a seccomp filter from FD; only one" },
	{ "--setenv", "VAR VALUE", GROUP_ENVIRONMENT, 0, opt_setenv, 0, 0, "Set a variable" },
	{ "--share-net", "", GROUP_NAMESPACES, 0, opt_share_net, 0, 0,
	  "Keep the network after --unshare-all" },
	{ "--size", "BYTES", GROUP_ROOT, OPT_PERMS | OPT_SIZE | OPT_MODIFIER, opt_size, 0, 0,
	  "The size of the --tmpfs that follows" },
	{ "--symlink", "TARGET DEST", GROUP_ROOT, 0, opt_symlink, 0, 0,
	  "Make a symbolic link to TARGET" },
	{ "--sync-fd", "FD", GROUP_DESCRIPTORS, OPT_LAST, opt_fd, FIELD(sync_fd), 0,
	  "Hold FD open while the sandbox runs" },
	{ "--tmp-overlay", "DEST", GROUP_ROOT, OPT_LAYERS, opt_lower_overlay, OP_TMP_OVERLAY, 1,
	  "Mount the overlay layers on DEST, writes going to memory" },
	{ "--tmpfs", "DEST", GROUP_ROOT, OPT_PERMS | OPT_SIZE, opt_dest, OP_TMPFS, 0,
	  "Mount an empty tmpfs on DEST" },
	{ "--uid", "UID", GROUP_IDENTITY, OPT_LAST, opt_uid, 0, 0, "The user id inside" },
	{ "--unsetenv", "VAR", GROUP_ENVIRONMENT, 0, opt_unsetenv, 0, 0, "Unset a variable" },
	{ "--unshare-all", "", GROUP_NAMESPACES, 0, opt_unshare_all, 0, 0,
	  "Every namespace that can be made" },
	{ "--unshare-cgroup", "", GROUP_NAMESPACES, 0, opt_unshare, CLONE_NEWCGROUP, 0,
	  "A new cgroup namespace" },
	{ "--unshare-cgroup-try", "", GROUP_NAMESPACES, 0, opt_flag, FIELD(cgroup_try), 0,
	  "A new cgroup namespace, if the kernel has them" },
	{ "--unshare-ipc", "", GROUP_NAMESPACES, 0, opt_unshare, CLONE_NEWIPC, 0,
	  "A new ipc namespace" },
	{ "--unshare-net", "", GROUP_NAMESPACES, 0, opt_unshare, CLONE_NEWNET, 0,
	  "A new network namespace, with only lo" },
	{ "--unshare-pid", "", GROUP_NAMESPACES, 0, opt_unshare, CLONE_NEWPID, 0,
	  "A new pid namespace" },
	{ "--unshare-time", "", GROUP_NAMESPACES, OPT_HUSK, opt_unshare, CLONE_NEWTIME, 0,
	  "A new time namespace" },
	{ "--unshare-user", "", GROUP_NAMESPACES, 0, opt_flag, FIELD(userns_asked), 0,
	  "A new user namespace; implied" },
	{ "--unshare-user-try", "", GROUP_NAMESPACES, 0, opt_flag, FIELD(userns_try), 0,
	  "A new user namespace, if the kernel allows it" },
	{ "--unshare-uts", "", GROUP_NAMESPACES, 0, opt_unshare, CLONE_NEWUTS, 0,
	  "A new uts namespace" },
	{ "--userns", "FD", GROUP_NAMESPACES, OPT_LAST, opt_fd, FIELD(userns_fd), 0,
	  "Join this user namespace instead of making one" },
	{ "--userns-block-fd", "FD", GROUP_DESCRIPTORS, OPT_LAST, opt_fd, FIELD(userns_block_fd), 0,
	  "Let the caller write the id maps; wait for FD" },
	{ "--userns2", "FD", GROUP_NAMESPACES, OPT_LAST, opt_fd, FIELD(userns2_fd), 0,
	  "Switch to this user namespace once the root is built" },
	{ "--version", "", GROUP_GENERAL, 0, opt_action, ACTION_VERSION, 0, "Print the version" },
};
/* clang-format on */

const size_t options_n = ARRAY_SIZE(options);
_Static_assert(ARRAY_SIZE(options) <= 128, "struct parse remembers 128 rows");

size_t option_arity(const struct option *o)
{
	const char *c;
	size_t n = o->operands[0] != '\0';

	for (c = o->operands; *c; c++)
		n += *c == ' ';
	return n;
}

static int compare_name(const void *word, const void *row)
{
	return strcmp(word, ((const struct option *)row)->name);
}

const struct option *option_find(const struct plan *plan, const char *word)
{
	const struct option *o = bsearch(word, options, options_n, sizeof options[0], compare_name);

	if (o && (o->flags & OPT_HUSK) && !plan->as->own_options)
		return NULL;
	return o;
}
