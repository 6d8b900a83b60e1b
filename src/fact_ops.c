/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells the operations of a plan on the root. */
#include "attrs.h"
#include "fact.h"
#include "json.h"
#include "plan.h"
#include "sys.h"
#include "util.h"

#define LIKE_PROC (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* What an operation mounts, with which attributes; no file system for one that mounts nothing new.
 */
static const char *mounted_by(const struct op *op, uint64_t *ret_attrs)
{
	const uint64_t nosuid = MOUNT_ATTR_NOSUID, nodev = MOUNT_ATTR_NODEV;

	*ret_attrs = op->attrs | (op->flags & OP_RO ? MOUNT_ATTR_RDONLY : 0) | nosuid;
	switch (op->type) {
	case OP_BIND:
	case OP_BIND_FD:
		*ret_attrs |= op->flags & OP_DEVICES ? 0 : nodev;
		return "bind";
	case OP_BIND_DATA:
		*ret_attrs |= nodev;
		return "bind";
	case OP_OVERLAY:
	case OP_TMP_OVERLAY:
	case OP_RO_OVERLAY:
		*ret_attrs |= nodev;
		return "overlay";
	case OP_TMPFS:
	case OP_DEV:
		*ret_attrs |= nodev;
		return "tmpfs";
	case OP_PROC:
	case OP_PROC_SUBSET:
		*ret_attrs |= LIKE_PROC;
		return "proc";
	case OP_SYSFS:
		*ret_attrs |= LIKE_PROC;
		return "sysfs";
	case OP_CGROUPFS:
		*ret_attrs |= LIKE_PROC;
		return "cgroup2";
	case OP_DEVPTS:
		*ret_attrs |= MOUNT_ATTR_NOEXEC;
		return "devpts";
	case OP_MASK:
		*ret_attrs |= LIKE_PROC | MOUNT_ATTR_RDONLY;
		break;
	case OP_MQUEUE:
		*ret_attrs = op->attrs;
		return "mqueue";
	case OP_REMOUNT_RO:
		*ret_attrs = MOUNT_ATTR_RDONLY;
		break;
	case OP_DIR:
	case OP_FILE:
	case OP_SYMLINK:
	case OP_CHMOD:
	case OP_TYPE_MAX:
		*ret_attrs = 0;
		break;
	}
	return NULL;
}

static void tell_mounted(struct facts *t, const struct op *op)
{
	uint64_t attrs, bit;
	const char *fs = mounted_by(op, &attrs), *name;
	size_t i;

	json_string(&t->json, "filesystem", fs);
	json_open(&t->json, "flags", '[');
	if (fs && !(attrs & MOUNT_ATTR_RDONLY)) {
		json_string(&t->json, NULL, "rw");
		fact_say(t, " (rw");
	}
	for (i = 0; (name = attr_at(i, &bit)); i++) {
		if (!(attrs & bit))
			continue;
		json_string(&t->json, NULL, name);
		fact_say(t, "%s%s", bit == MOUNT_ATTR_RDONLY ? " (" : ",", name);
	}
	if (fs || attrs)
		fact_say(t, ")");
	json_close(&t->json, ']');
	json_bool(&t->json, "devices", op->flags & OP_DEVICES);
	if (op->flags & OP_DEVICES)
		fact_say(t, " with devices");
	json_bool(&t->json, "replace-symlink", op->over_link);
	if (op->over_link)
		fact_say(t, " over a symbolic link");
}

static void tell_sources(struct facts *t, const struct op *op)
{
	const struct plan *p = t->plan;
	size_t i;

	json_string(&t->json, "source", op->source);
	if (op->source) {
		fact_say(t, op->type == OP_SYMLINK ? " to " : " from ");
		fact_say_word(t, op->source);
	}
	if (op->fd >= 0) {
		json_number(&t->json, "fd", op->fd);
		fact_say(t, " from descriptor %d", op->fd);
	} else {
		json_null(&t->json, "fd");
	}
	json_string(&t->json, "work", op->work);
	if (op->work) {
		fact_say(t, " working in ");
		fact_say_word(t, op->work);
	}
	json_open(&t->json, "layers", '[');
	for (i = 0; i < op->n_layers; i++) {
		json_string(&t->json, NULL, p->layers[op->first_layer + i]);
		fact_say(t, i == 0 ? " over " : ", ");
		fact_say_word(t, p->layers[op->first_layer + i]);
	}
	json_close(&t->json, ']');
}

static void tell_modifiers(struct facts *t, const struct op *op)
{
	char mode[16];

	snprintf(mode, sizeof mode, "%04o", (unsigned)op->mode);
	json_string(&t->json, "mode", op->mode_set ? mode : NULL);
	if (op->mode_set)
		fact_say(t, " mode %s", mode);
	if (op->size) {
		json_number(&t->json, "size", (long long)op->size);
		fact_say(t, " size %zu", op->size);
	} else {
		json_null(&t->json, "size");
	}
	json_bool(&t->json, "try", op->flags & OP_TRY);
	if (op->flags & OP_TRY)
		fact_say(t, op->source ? " if it exists" : " if it can be");
}

void fact_ops_tell(struct facts *t)
{
	const struct plan *p = t->plan;
	const struct op *op;

	for (op = p->ops; op < p->ops + p->n_ops; op++) {
		json_open(&t->json, NULL, '{');
		json_string(&t->json, "option", op->option);
		json_string(&t->json, "destination", op->dest);
		fact_line(t);
		fact_say(t, "%s ", op->option + 2);
		fact_say_word(t, op->dest);
		tell_sources(t, op);
		tell_mounted(t, op);
		tell_modifiers(t, op);
		json_bool(&t->json, "deferred", op->deferred);
		json_bool(&t->json, "covered", p->root_op && op < p->root_op);
		if (p->root_op && op < p->root_op)
			fact_say(t, ", covered by the root that follows");
		fact_say(t, "\n");
		json_close(&t->json, '}');
	}
	if (p->n_ops == 0) {
		fact_line(t);
		fact_say(t, "none\n");
	}
}
