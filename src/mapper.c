/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher writes the id maps of the first user namespace: newuidmap(1) and newgidmap(1) do,
 * which have the privilege that it takes, or root itself.
 *
 * These programs act for the process that starts them, so that must be the launcher, in the user
 * namespace around; and they get no privilege under no_new_privs, so the launcher takes that on
 * itself only after. The builder has it from its beginning. */
#include "mapper.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "channel.h"
#include "fail.h"
#include "helper.h"
#include "idmap.h"
#include "plan.h"
#include "subid.h"
#include "supervise.h"
#include "sys.h"
#include "util.h"

static const struct {
	const char *program, *missing, *bare;
} helpers[MAP_KINDS] = {
	[MAP_UID] = { "newuidmap",
		      "install it: Debian's package uidmap, elsewhere shadow or shadow-utils",
		      "as root: chmod u+s, or setcap cap_setuid=ep, on that file" },
	[MAP_GID] = { "newgidmap",
		      "install it: Debian's package uidmap, elsewhere shadow or shadow-utils",
		      "as root: chmod u+s, or setcap cap_setgid=ep, on that file" },
};

static int check_helper(size_t kind, struct fail *f)
{
	char path[HELPER_PATH_MAX];
	int r;

	if (helper_find(helpers[kind].program, path) < 0)
		return fail_hint(f,
				 fail(f, 0, "%s is not installed: it is not in %s",
				      helpers[kind].program, helper_places()),
				 helpers[kind].missing);
	r = helper_privileged(path);
	if (r == -EPERM)
		return fail_hint(
			f,
			fail(f, 0, "%s has no privilege: its file system is mounted nosuid", path),
			"in a container or sandbox it is the outer one that must map "
			"more ids");
	if (r < 0)
		return fail(f, -r, "%s", path);
	return r > 0 ? 0
		     : fail_hint(f,
				 fail(f, 0,
				      "%s has neither the set-user-ID bit nor a file capability, "
				      "without which it cannot write id maps",
				      path),
				 helpers[kind].bare);
}

int mapper_check(const struct plan *p, struct fail *f)
{
	size_t kind;
	int r = 0;

	fail_step(f, "id maps", p->map_auto ? "--map-auto" : NULL);
	for (kind = 0; kind < MAP_KINDS && r == 0; kind++)
		r = p->first[kind].n > 1 ? check_helper(kind, f) : 0;
	if (r == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		r = fail_hint(f,
			      fail(f, 0,
				   "no_new_privs is set on the caller: newuidmap and newgidmap "
				   "cannot have their privilege"),
			      "start husk outside of the sandbox or service (NoNewPrivileges=) "
			      "that has set it");
	if (r == 0)
		fail_step(f, NULL, NULL);
	return r;
}

/* The words of a helper's command line: its name, the process, and three numbers an extent. One
 * piece of memory, the caller's to free. */
static char **make_words(size_t kind, pid_t pid, const struct extents *map)
{
	size_t n = 3 + 3 * map->n, room = 16, i;
	char **words = calloc(1, n * sizeof *words + (n - 1) * room), *text;

	if (!words)
		return NULL;
	text = (char *)(words + n);
	for (i = 0; i < n - 1; i++)
		words[i] = text + i * room;
	snprintf(words[0], room, "%s", helpers[kind].program);
	snprintf(words[1], room, "%d", (int)pid);
	for (i = 0; i < map->n; i++) {
		snprintf(words[2 + 3 * i], room, "%" PRIu32, map->list[i].inside);
		snprintf(words[3 + 3 * i], room, "%" PRIu32, map->list[i].outside);
		snprintf(words[4 + 3 * i], room, "%" PRIu32, map->list[i].count);
	}
	return words;
}

/* Reads what the helper says into BUF until it closes its end, awake for signals. Returns 0, or 1
 * where the sandbox has ended meanwhile, or -errno with the failure recorded. */
static int listen_to(struct supervisor *su, int output, char *buf, size_t size)
{
	size_t length = 0;
	char more[256];
	ssize_t n = 1;
	int r = 0;

	while (n > 0 && r == 0) {
		r = supervise_wait(su, output, POLLIN);
		n = r == 0 ? read(output, more, sizeof more) : 0;
		if (n > 0 && length + (size_t)n < size) {
			memcpy(buf + length, more, (size_t)n);
			length += (size_t)n;
		}
	}
	buf[length] = '\0';
	return r;
}

/* Its lines as one. */
static void join_lines(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	for (; *text; text++)
		if (*text == '\n')
			*text = ';';
}

static int explain(struct supervisor *su, size_t kind, int status, char *said)
{
	int r;

	join_lines(said);
	if (WIFSIGNALED(status))
		r = fail(su->fail, 0, "%s was killed by signal %d", helpers[kind].program,
			 WTERMSIG(status));
	else
		r = fail(su->fail, 0, "%s could not write the map: %s", helpers[kind].program,
			 *said ? said : "it does not say why");
	r = subid_explain(su->caller, kind, &su->plan->first[kind], r, su->fail);
	if (strstr(said, "different user"))
		r = fail_hint(su->fail, r,
			      "it serves only who has the user and group ids of /etc/passwd: "
			      "leave newgrp(1) and its like");
	return r;
}

/* Waits for the helper's end, which has closed its output or been killed. */
static int reap(pid_t pid)
{
	int status = 0;
	pid_t r;

	do {
		r = waitpid(pid, &status, 0);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? SIGKILL : status;
}

static int write_by_helper(struct supervisor *su, size_t kind)
{
	char path[HELPER_PATH_MAX], said[2048];
	CLEANUP(free_p) char **words = NULL;
	CLEANUP(fd_closep) int output = NO_FD;
	int r, status;
	pid_t pid;

	words = make_words(kind, su->builder_pid, &su->plan->first[kind]);
	if (!words)
		return fail(su->fail, ENOMEM, "Out of memory");
	r = helper_find(helpers[kind].program, path);
	pid = r < 0 ? r : helper_start(path, words, 1, &output);
	if (pid < 0)
		return fail(su->fail, -pid, "%s", helpers[kind].program);
	r = listen_to(su, output, said, sizeof said);
	if (r != 0)
		kill(pid, SIGKILL); /* its real user is the caller */
	status = reap(pid);
	if (r != 0)
		return r;
	if (status != 0)
		return su->told ? 1 : explain(su, kind, status, said);
	/* a warning */
	if (*said)
		dprintf(2, "%s", said);
	return 0;
}

static int write_map(struct supervisor *su, size_t kind)
{
	const struct extents *map = &su->plan->first[kind];
	int r;

	if (map->n <= 1)
		return 0;
	if (su->plan->helpers)
		return write_by_helper(su, kind);
	r = idmap_write_map(su->proc_fd, su->builder_pid, kind, map);
	if (r == 0)
		return 0;
	fail(su->fail, -r, "setting up the %s map", kind == MAP_UID ? "uid" : "gid");
	return fail_hint(su->fail, r,
			 r == -EPERM ? "each id outside must be one that /proc/self/uid_map, or "
				       "gid_map, has for the caller"
				     : NULL);
}

int mapper_write(struct supervisor *su)
{
	size_t kind;
	int r = 0;

	su->maps_due = false;
	fail_step(su->fail, "id maps", su->plan->map_auto ? "--map-auto" : NULL);
	for (kind = 0; kind < MAP_KINDS && r == 0; kind++)
		r = write_map(su, kind);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = fail(su->fail, errno, "prctl(PR_SET_NO_NEW_PRIVS)");
	if (r != 0)
		return r < 0 ? r : 0;
	r = channel_send(su->socket, MESSAGE_GO, 0);
	return r < 0 && r != -EPIPE && r != -ECONNRESET
		       ? fail(su->fail, -r, "Can't tell the sandbox to go on")
		       : 0;
}
