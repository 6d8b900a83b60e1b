/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of options: the operations that build the root, and what modifies them. */
#include "handlers.h"

#include <stdint.h>
#include <string.h>

#include "attrs.h"
#include "fail.h"
#include "options.h"
#include "parse.h"
#include "personality.h"
#include "plan.h"
#include "util.h"

/* Appends an operation for DEST, which takes the modifiers waiting. Returns NULL on failure. */
static struct op *add_op(struct parse *p, const struct option *o, enum op_type type,
			 const char *dest)
{
	struct op *op;

	if (parse_path(p, o, dest) < 0)
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
	op->attrs = p->mount_attrs;
	op->over_link = p->over_link;
	return op;
}

int opt_dest(struct parse *p, const struct option *o, char **operands)
{
	return add_op(p, o, (enum op_type)o->arg, operands[0]) ? 0 : -EINVAL;
}

int opt_mask(struct parse *p, const struct option *o, char **operands)
{
	if (operands[0][0] != '\0' && plan_path_same(operands[0], "/"))
		return fail(p->fail, 0, "%s %s: the root cannot be hidden", o->name, operands[0]);
	return opt_dest(p, o, operands);
}

int opt_bind(struct parse *p, const struct option *o, char **operands)
{
	struct op *op;

	if (parse_path(p, o, operands[0]) < 0)
		return -EINVAL;
	op = add_op(p, o, OP_BIND, operands[1]);
	if (!op)
		return -EINVAL;
	op->source = operands[0];
	return 0;
}

int opt_symlink(struct parse *p, const struct option *o, char **operands)
{
	struct op *op;

	if (parse_path(p, o, operands[0]) < 0)
		return -EINVAL;
	op = add_op(p, o, OP_SYMLINK, operands[1]);
	if (!op)
		return -EINVAL;
	op->source = operands[0];
	return 0;
}

int opt_fd_dest(struct parse *p, const struct option *o, char **operands)
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

int opt_chmod(struct parse *p, const struct option *o, char **operands)
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

int opt_perms(struct parse *p, const struct option *o, char **operands)
{
	if (p->perms_set)
		return fail(p->fail, 0, "--perms given twice for the same action");
	p->perms_set = true;
	return parse_octal(p, o, operands[0], &p->perms);
}

int opt_size(struct parse *p, const struct option *o, char **operands)
{
	uint64_t value;

	(void)o;
	if (p->size_set)
		return fail(p->fail, 0, "--size given twice for the same action");
	if (parse_number(operands[0], 0, UINT64_MAX - 1, &value) < 0 || value == 0)
		return fail(p->fail, 0,
			    p->plan->as->explains
				    ? "--size takes a non-zero number of bytes, not %s"
				    : "--size takes a non-zero number of bytes",
			    operands[0]);
	if (value > SIZE_MAX / 2)
		return fail(p->fail, 0,
			    p->plan->as->explains
				    ? "--size (for tmpfs) is limited to %zu, less than %s"
				    : "--size (for tmpfs) is limited to %zu",
			    SIZE_MAX / 2, operands[0]);
	p->size_set = true;
	p->size = (size_t)value;
	return 0;
}

int opt_mount_flags(struct parse *p, const struct option *o, char **operands)
{
	const char *word = operands[0];
	uint64_t bit;
	size_t length;

	(void)o;
	for (;; word += length + 1) {
		length = strcspn(word, ",");
		bit = attr_find(word, length);
		if (bit == 0)
			return fail_hint(p->fail,
					 fail(p->fail, 0,
					      "--mount-flags %s: no flag is called “%.*s”",
					      operands[0], (int)length, word),
					 "the flags are nodev nodiratime noatime noexec nosuid "
					 "nosymfollow ro, with commas between them");
		p->mount_attrs |= bit;
		if (word[length] == '\0')
			return 0;
	}
}

int opt_replace_symlink(struct parse *p, const struct option *o, char **operands)
{
	(void)o;
	(void)operands;
	p->over_link = true;
	return 0;
}

int opt_overlay_src(struct parse *p, const struct option *o, char **operands)
{
	const char **layer;

	if (parse_path(p, o, operands[0]) < 0)
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

int opt_overlay(struct parse *p, const struct option *o, char **operands)
{
	struct op *op;

	if (parse_path(p, o, operands[0]) < 0 || parse_path(p, o, operands[1]) < 0)
		return -EINVAL;
	op = add_overlay(p, o, OP_OVERLAY, operands[2]);
	if (!op)
		return -EINVAL;
	op->source = operands[0];
	op->work = operands[1];
	return 0;
}

int opt_lower_overlay(struct parse *p, const struct option *o, char **operands)
{
	return add_overlay(p, o, (enum op_type)o->arg, operands[0]) ? 0 : -EINVAL;
}
