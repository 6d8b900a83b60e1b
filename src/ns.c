/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The eight kinds of namespaces, namespaces(7), in the order in which bubblewrap reports them. */
#include "ns.h"

#include "sys.h"

const struct ns namespaces[NS_MAX] = {
	{ CLONE_NEWCGROUP, "cgroup", "cgroup", "cgroup-namespace" },
	{ CLONE_NEWIPC, "ipc", "ipc", "ipc-namespace" },
	{ CLONE_NEWNS, "mnt", "mnt", "mnt-namespace" },
	{ CLONE_NEWNET, "net", "net", "net-namespace" },
	{ CLONE_NEWPID, "pid", "pid", "pid-namespace" },
	{ CLONE_NEWUTS, "uts", "uts", "uts-namespace" },
	{ CLONE_NEWUSER, "user", "user", NULL },
	{ CLONE_NEWTIME, "time", "time_for_children", NULL },
};
