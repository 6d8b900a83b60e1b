/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The eight kinds of namespaces, namespaces(7), in the order in which bubblewrap reports them. */
#include "ns.h"

#include <string.h>
#include <sys/stat.h>

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

void ns_read(int proc_fd, uint64_t ret[NS_MAX])
{
	char path[64];
	struct stat st;
	size_t i;

	for (i = 0; i < NS_MAX; i++) {
		stpcpy(stpcpy(path, "self/ns/"), namespaces[i].of_command);
		ret[i] = fstatat(proc_fd, path, &st, 0) == 0 ? st.st_ino : 0;
	}
}
