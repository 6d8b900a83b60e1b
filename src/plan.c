/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan as data: begun empty, added to, asked, freed. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "caps.h"
#include "ranges.h"
#include "sys.h"
#include "util.h"

const char *const wall_names[WALLS_N] = { "cgroup", "landlock", "limits", "seccomp" };

void plan_init(struct plan *p, const struct personality *as)
{
	*p = (struct plan){
		.as = as,
		.caps_keep = CAPS_ALL,
		.userns_fd = NO_FD,
		.userns2_fd = NO_FD,
		.pidns_fd = NO_FD,
		.netns_fd = NO_FD,
		.ipcns_fd = NO_FD,
		.utsns_fd = NO_FD,
		.cgroupns_fd = NO_FD,
		.timens_fd = NO_FD,
		.mntns_fd = NO_FD,
		.join_fd = NO_FD,
		.sync_fd = NO_FD,
		.block_fd = NO_FD,
		.userns_block_fd = NO_FD,
		.cgroup_fd = NO_FD,
		.info_fd = NO_FD,
		.json_fd = NO_FD,
		.status_fd = NO_FD,
		.self_exe = NO_FD,
		.self_socket = NO_FD,
		.seccomp_fd = NO_FD,
	};
}

void plan_free(struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n_owned; i++)
		free(p->owned[i]);
	free(p->owned);
	free(p->args);
	free(p->ops);
	free(p->layers);
	free(p->env);
	free(p->limits);
	free(p->settings);
	free(p->locks);
	free(p->seccomp_fds);
	free(p->denied_calls);
	free(p->keep_fds);
	ranges_free(p);
	free(p->ports);
	free(p->typed);
	free(p->warnings);
	plan_init(p, p->as);
}

void *plan_append(void *items, size_t *n, size_t size)
{
	char *array, *grown;

	memcpy(&array, items, sizeof array);
	/* begins with room for four, and grows at every power of two after: *N is the length, and
	 * its own record of the room. What was too small once stays in the heap. */
	if (*n == 0 || (*n >= 4 && (*n & (*n - 1)) == 0)) {
		grown = reallocarray(array, *n ? *n * 2 : 4, size);
		if (!grown)
			return NULL;
		array = grown;
		memcpy(items, &array, sizeof array);
	}
	memset(array + *n * size, 0, size);
	return array + (*n)++ * size;
}

const struct typed *plan_find_typed(const struct plan *p, const char *option)
{
	size_t i;

	for (i = p->n_typed; i-- > 0;)
		if (streq(p->typed[i].option, option))
			return &p->typed[i];
	return NULL;
}

int plan_ns_fd(const struct plan *p, uint64_t kind)
{
	switch (kind) {
	case CLONE_NEWCGROUP:
		return p->cgroupns_fd;
	case CLONE_NEWIPC:
		return p->ipcns_fd;
	case CLONE_NEWNS:
		return p->mntns_fd;
	case CLONE_NEWNET:
		return p->netns_fd;
	case CLONE_NEWPID:
		return p->pidns_fd;
	case CLONE_NEWUTS:
		return p->utsns_fd;
	case CLONE_NEWUSER:
		return p->userns_fd;
	case CLONE_NEWTIME:
		return p->timens_fd;
	default:
		return NO_FD;
	}
}

bool plan_joins_all(const struct plan *p)
{
	return p->join_fd >= 0 || p->join_pid > 0;
}

bool plan_shifts(const struct plan *p)
{
	return p->boottime.typed || p->monotonic.typed;
}

uint64_t plan_shown(const struct op *op)
{
	switch (op->type) {
	case OP_PROC:
	case OP_PROC_SUBSET:
		return CLONE_NEWPID;
	case OP_MQUEUE:
		return CLONE_NEWIPC;
	case OP_SYSFS:
		return CLONE_NEWNET;
	case OP_CGROUPFS:
		return CLONE_NEWCGROUP;
	case OP_BIND:
	case OP_BIND_FD:
	case OP_BIND_DATA:
	case OP_OVERLAY:
	case OP_TMP_OVERLAY:
	case OP_RO_OVERLAY:
	case OP_DEV:
	case OP_TMPFS:
	case OP_DEVPTS:
	case OP_MASK:
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

bool plan_shows_joined(const struct plan *p, const struct op *op)
{
	return plan_shown(op) & p->joins & ~p->unshare;
}
