/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints help, the option table, and the checked plan. */
#include "explain.h"

#include <string.h>

#include "caps.h"
#include "ns.h"
#include "options.h"
#include "personality.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

static const char *const group_keys[GROUP_MAX] = {
	[GROUP_GENERAL] = "general",	     [GROUP_NAMESPACES] = "namespaces",
	[GROUP_IDENTITY] = "identity",	     [GROUP_ROOT] = "root",
	[GROUP_ENVIRONMENT] = "environment", [GROUP_WALLS] = "walls",
	[GROUP_LIFETIME] = "lifetime",	     [GROUP_DESCRIPTORS] = "descriptors",
};

void explain_help(const struct plan *p, const char *program, FILE *out)
{
	size_t group, i;

	fprintf(out, "usage: %s [OPTIONS...] [--] COMMAND [ARGS...]\n", program);
	for (group = 0; group < GROUP_MAX; group++) {
		fprintf(out, "\n%s:\n", option_groups[group]);
		for (i = 0; i < options_n; i++) {
			char words[80];

			if (options[i].group != group || !option_find(p, options[i].name))
				continue;
			snprintf(words, sizeof words, "%s%s%s", options[i].name,
				 *options[i].operands ? " " : "", options[i].operands);
			fprintf(out, "    %-28s %s\n", words, options[i].help);
		}
	}
}

void explain_options(FILE *out)
{
	const char *name;
	unsigned cap;
	size_t i;

	for (i = 0; i < options_n; i++)
		fprintf(out, "%s\t%s\t%s\t%s\t%s\n", options[i].name, options[i].operands,
			group_keys[options[i].group], options[i].flags & OPT_HUSK ? "husk" : "both",
			options[i].help);
	for (cap = 0; (name = caps_name(cap)); cap++)
		fprintf(out, "cap\t%s\n", name);
}

/* Prints a word as a shell would read it back, without a control character for the terminal. */
static void print_word(const char *word, FILE *out)
{
	const unsigned char *c;

	if (*word &&
	    strspn(word,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%") ==
		    strlen(word)) {
		fputs(word, out);
		return;
	}
	fputs("$'", out);
	for (c = (const unsigned char *)word; *c; c++) {
		if (*c < 0x20 || *c >= 0x7f)
			fprintf(out, "\\x%02x", *c);
		else if (*c == '\'' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else
			fputc(*c, out);
	}
	fputc('\'', out);
}

static void print_identity(const struct plan *p, const struct caller *caller, FILE *out)
{
	if (p->userns_fd >= 0)
		fprintf(out, "identity:\n  in the user namespace of descriptor %d\n", p->userns_fd);
	else if (p->userns_block_fd >= 0)
		fprintf(out,
			"identity:\n  id maps written by the caller, before descriptor %d ends\n",
			p->userns_block_fd);
	else if (p->userns)
		fprintf(out, "identity:\n  uid %u is %u outside, gid %u is %u outside\n", p->uid,
			caller->uid, p->gid, caller->gid);
	else
		fprintf(out, "identity:\n  uid %u, gid %u, as outside\n", caller->uid, caller->gid);
	fprintf(out, "  %s\n",
		!p->userns && p->userns_fd < 0 ? "no user namespace"
		: p->two_levels
			? "two user namespaces: the command can undo no mount of its sandbox"
			: "one user namespace");
}

static void print_caps(const struct plan *p, FILE *out)
{
	const char *name;
	unsigned cap;

	fputs("  capabilities:", out);
	if (p->caps == 0)
		fputs(" none", out);
	else if (p->caps == CAPS_ALL)
		fputs(" all", out);
	else
		for (cap = 0; (name = caps_name(cap)); cap++)
			if (p->caps & CAP_BIT(cap))
				fprintf(out, " %s", name);
	fputc('\n', out);
}

static void print_namespaces(const struct plan *p, FILE *out)
{
	uint64_t made = p->unshare | CLONE_NEWNS | (p->userns ? CLONE_NEWUSER : 0);
	size_t i;

	fputs("namespaces:\n  new:", out);
	for (i = 0; i < NS_MAX; i++)
		if (made & namespaces[i].flag)
			fprintf(out, " %s", namespaces[i].name);
	fputs("\n  the caller's:", out);
	for (i = 0; i < NS_MAX; i++)
		if (!(made & namespaces[i].flag))
			fprintf(out, " %s", namespaces[i].name);
	fputc('\n', out);
	if (p->pidns_fd >= 0)
		fprintf(out, "  pid: from descriptor %d\n", p->pidns_fd);
	if (p->userns2_fd >= 0)
		fprintf(out, "  user, once the root is built: from descriptor %d\n", p->userns2_fd);
	if (p->hostname) {
		fputs("  host name: ", out);
		print_word(p->hostname, out);
		fputc('\n', out);
	}
}

static const char *flags_text(const struct op *op)
{
	switch (op->type) {
	case OP_BIND:
	case OP_BIND_FD:
		if (op->flags & OP_DEVICES)
			return "rw,nosuid, with devices";
		return op->flags & OP_RO ? "ro,nosuid,nodev" : "rw,nosuid,nodev";
	case OP_BIND_DATA:
	case OP_OVERLAY:
	case OP_TMP_OVERLAY:
	case OP_RO_OVERLAY:
		return op->flags & OP_RO ? "ro,nosuid,nodev" : "rw,nosuid,nodev";
	case OP_TMPFS:
		return "rw,nosuid,nodev";
	case OP_PROC:
		return "rw,nosuid,nodev,noexec";
	case OP_DEV:
		return "tmpfs, rw,nosuid,nodev, with the basic devices";
	case OP_MQUEUE:
		return "rw";
	case OP_REMOUNT_RO:
		return "ro";
	case OP_DIR:
	case OP_FILE:
	case OP_SYMLINK:
	case OP_CHMOD:
	case OP_TYPE_MAX:
		break;
	}
	return NULL;
}

static void print_op(const struct plan *p, const struct op *op, FILE *out)
{
	const char *flags = flags_text(op);
	size_t i;

	fprintf(out, "  %s ", op->option + 2);
	print_word(op->dest, out);
	if (op->source) {
		fputs(op->type == OP_SYMLINK ? " to " : " from ", out);
		print_word(op->source, out);
	}
	if (op->fd >= 0)
		fprintf(out, " from descriptor %d", op->fd);
	for (i = 0; i < op->n_layers; i++) {
		fputs(i == 0 ? " over " : ", ", out);
		print_word(p->layers[op->first_layer + i], out);
	}
	if (flags)
		fprintf(out, " (%s)", flags);
	if (op->mode_set)
		fprintf(out, " mode %04o", (unsigned)op->mode);
	if (op->size)
		fprintf(out, " size %zu", op->size);
	if (op->flags & OP_TRY)
		fputs(" if it exists", out);
	fputc('\n', out);
}

static void print_root(const struct plan *p, FILE *out)
{
	static const char *const kinds[] = {
		[ROOT_HOST] = "the host's tree as it is",
		[ROOT_IN_PLACE] = "the host's tree, with the flags of the first mount",
		[ROOT_NEW] = "new, empty but for what follows",
	};
	size_t i;

	fprintf(out, "root:\n  %s\n", kinds[p->root]);
	fprintf(out, "  mounts the host makes later %s\n",
		p->as->private_mounts ? "do not appear" : "appear");
	fputs("mounts and files, in this order:\n", out);
	for (i = 0; i < p->n_ops; i++)
		print_op(p, &p->ops[i], out);
	if (p->n_ops == 0)
		fputs("  none\n", out);
}

static void print_walls(const struct plan *p, FILE *out)
{
	fputs("walls:\n  no_new_privs, setgroups denied\n", out);
	fputs("  TIOCSTI and TIOCLINUX refused when there is a terminal\n", out);
	if (p->as->fresh_keyring)
		fputs("  a session keyring of its own\n", out);
	if (p->disable_userns)
		fputs("  no further user namespaces\n", out);
	if (p->seccomp_fd >= 0 || p->n_seccomp_fds > 0)
		fprintf(out, "  %zu seccomp filters of the caller's\n",
			p->n_seccomp_fds + (p->seccomp_fd >= 0));
	if (p->exec_label) {
		fputs("  SELinux label ", out);
		print_word(p->exec_label, out);
		fputc('\n', out);
	}
	if (!(p->unshare & CLONE_NEWPID) && p->pidns_fd < 0)
		fputs("  without --unshare-pid the command can attack other processes of its "
		      "user\n",
		      out);
	if (p->dies_with_launcher)
		fputs("  the sandbox dies with the launcher\n", out);
}

void explain_plan(const struct plan *p, const struct caller *caller, FILE *out)
{
	size_t i;

	print_identity(p, caller, out);
	print_caps(p, out);
	print_namespaces(p, out);
	print_root(p, out);
	print_walls(p, out);
	fputs("environment:\n", out);
	for (i = 0; i < p->n_env; i++) {
		fputs(p->env[i].type == ENV_SET	    ? "  set "
		      : p->env[i].type == ENV_UNSET ? "  unset "
						    : "  clear",
		      out);
		if (p->env[i].name)
			print_word(p->env[i].name, out);
		if (p->env[i].value) {
			fputc('=', out);
			print_word(p->env[i].value, out);
		}
		fputc('\n', out);
	}
	if (p->n_env == 0)
		fputs("  the caller's\n", out);
	fputs("command:\n ", out);
	for (i = 0; p->command[i]; i++) {
		fputc(' ', out);
		print_word(p->command[i], out);
	}
	fprintf(out, "\n  %s\n", p->init ? "beside an init process" : "without an init process");
}
