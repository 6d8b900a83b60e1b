/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes status as JSON, with bubblewrap's keys in bubblewrap's order. */
#include "status.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fail.h"
#include "ns.h"
#include "plan.h"
#include "sys.h"
#include "util.h"
#include "write.h"

/* Formats pid and namespaces with FIRST before the pid, BETWEEN before each further key. Returns
 * the length. */
static int format(const struct plan *p, int proc_fd, pid_t child, const uint64_t *ids,
		  const char *first, const char *between, const char *last, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s\"child-pid\": %d", first, (int)child);
	uint64_t shown = p->unshare | p->joins | CLONE_NEWNS;
	char path[64];
	struct stat st;
	size_t i;

	for (i = 0; i < NS_MAX; i++) {
		if (!namespaces[i].json || !(shown & namespaces[i].flag))
			continue;
		snprintf(path, sizeof path, "%d/ns/%s", (int)child, namespaces[i].name);
		if (ids)
			st.st_ino = ids[i];
		else if (fstatat(proc_fd, path, &st, 0) < 0)
			return neg_errno();
		n += snprintf(buf + n, size - (size_t)n, ",%s\"%s\": %ju", between,
			      namespaces[i].json, (uintmax_t)st.st_ino);
	}
	return n + snprintf(buf + n, size - (size_t)n, "%s", last);
}

int status_write_start(const struct plan *p, int proc_fd, pid_t child, const uint64_t *ids,
		       struct fail *f)
{
	char buf[1024];
	int n, r;

	if (p->info_fd >= 0) {
		n = format(p, proc_fd, child, ids, "{\n    ", "\n    ", "\n}\n", buf, sizeof buf);
		if (n == -ENOENT)
			return 1;
		r = n < 0 ? n : write_all(p->info_fd, buf, (size_t)n);
		if (r < 0)
			return fail(f, -r, "Write to info_fd");
		if (p->info_fd != p->json_fd)
			close(p->info_fd);
	}
	if (p->json_fd >= 0) {
		n = format(p, proc_fd, child, ids, "{ ", " ", " }\n", buf, sizeof buf);
		if (n == -ENOENT)
			return 1;
		r = n < 0 ? n : write_all(p->json_fd, buf, (size_t)n);
		if (r < 0)
			return fail(f, -r, "Write to info_fd");
	}
	return 0;
}

void status_write_number(const struct plan *p, const char *key, int value)
{
	char buf[128];
	int n = snprintf(buf, sizeof buf, "{ \"%s\": %d }\n", key, value);

	if (p->json_fd >= 0)
		write_all(p->json_fd, buf, (size_t)n);
}

void status_write_text(const struct plan *p, const char *key, const char *value)
{
	char buf[256];
	int n = snprintf(buf, sizeof buf, "{ \"%s\": \"%s\" }\n", key, value);

	if (p->json_fd >= 0)
		write_all(p->json_fd, buf, (size_t)n);
}
