/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the id maps of a user namespace, from inside it or from the one around it. */
#include "idmap.h"

#include <stdio.h>
#include <sys/wait.h>

#include "broken.h"
#include "channel.h"
#include "fail.h"
#include "ranges.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"
#include "wait.h"

static const char *const files[MAP_KINDS] = { [MAP_UID] = "uid_map", [MAP_GID] = "gid_map" };

void idmap_format(char *buf, uint32_t inside, uint32_t outside)
{
	snprintf(buf, 40, "%u %u 1\n", inside, outside);
}

/* Writes TEXT to the calling process's own file PATH of /proc. */
static int write_own(struct sandbox *sb, const char *path, const char *text, const char *what)
{
	int r = sandbox_proc_write(sb, path, text);

	return r < 0 ? fail_refused(sb->fail, fail(sb->fail, -r, "%s", what), REFUSED_CAPABILITIES,
				    -r)
		     : 0;
}

static int write_uid(struct sandbox *sb, uint32_t inside, uint32_t outside)
{
	char map[40];

	idmap_format(map, inside, outside);
	return write_own(sb, "self/uid_map", map, "setting up uid map");
}

static int write_gid(struct sandbox *sb, uint32_t inside, uint32_t outside, int deny_setgroups)
{
	char map[40];
	int r = 0;

	idmap_format(map, inside, outside);
	if (deny_setgroups && !BROKEN("groups-kept"))
		r = write_own(sb, "self/setgroups", "deny\n", "error writing to setgroups");
	return r == 0 ? write_own(sb, "self/gid_map", map, "setting up gid map") : r;
}

int idmap_write(struct sandbox *sb, uint32_t uid_inside, uint32_t uid_outside, uint32_t gid_inside,
		uint32_t gid_outside, int deny_setgroups)
{
	int r = write_uid(sb, uid_inside, uid_outside);

	return r == 0 ? write_gid(sb, gid_inside, gid_outside, deny_setgroups) : r;
}

/* Writes those maps of the first user namespace that hold nobody but the caller. */
static int write_single(struct sandbox *sb)
{
	const struct extents *uids = &sb->plan->first[MAP_UID], *gids = &sb->plan->first[MAP_GID];
	int r = 0;

	if (uids->n == 1)
		r = write_uid(sb, uids->list->inside, uids->list->outside);
	if (r == 0 && gids->n == 1)
		r = write_gid(sb, gids->list->inside, gids->list->outside, true);
	return r;
}

int idmap_request(struct sandbox *sb)
{
	int r = write_single(sb);

	if (r == 0) {
		r = channel_send(sb->socket, MESSAGE_MAPS, 0);
		if (r < 0)
			fail(sb->fail, -r, "Can't ask for id maps");
	}
	if (r == 0)
		r = wait_go(sb);
	/* whoever wrote it may have thought otherwise */
	if (r == 0 && (geteuid() != sb->plan->first[MAP_UID].list[0].inside ||
		       getegid() != sb->plan->first[MAP_GID].list[0].inside))
		r = fail(sb->fail, 0, "The id maps are not those asked for");
	return r;
}

int idmap_write_map(int proc_fd, pid_t pid, size_t kind, const struct extents *map)
{
	char path[32], text[RANGES_TEXT_MAX + 1];
	size_t length = ranges_text(map, text, sizeof text);
	CLEANUP(fd_closep) int fd = NO_FD;

	if (length > RANGES_TEXT_MAX)
		return -E2BIG;
	snprintf(path, sizeof path, "%d/%s", (int)pid, files[kind]);
	fd = sys_openat2(proc_fd, path, O_WRONLY | O_CLOEXEC,
			 RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return neg_errno();
	return write(fd, text, length) < 0 ? neg_errno() : 0;
}

/* Both maps. */
static int write_maps(const struct sandbox *sb, pid_t pid)
{
	int r = idmap_write_map(sb->proc_fd, pid, MAP_UID, &sb->plan->second[MAP_UID]);

	return r == 0 ? idmap_write_map(sb->proc_fd, pid, MAP_GID, &sb->plan->second[MAP_GID]) : r;
}

static int fail_second(struct sandbox *sb, int err)
{
	fail_step(sb->fail, "id maps", NULL);
	return fail(sb->fail, err, "setting up the id maps of the second user namespace");
}

int idmap_promise(struct sandbox *sb)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(sb->fail, errno, "pipe");
	sb->maps_from = ends[0];
	sb->maps_to = ends[1];
	return 0;
}

int idmap_write_second(struct sandbox *sb, pid_t pid)
{
	int r = write_maps(sb, pid);

	if (r < 0)
		return fail_second(sb, -r);
	return write(sb->maps_to, "", 1) == 1 ? 0 : fail(sb->fail, errno, "pipe");
}

/* Waits for a byte; without one who was to write has ended, and said why. */
static bool is_written(int fd)
{
	char byte;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	return n == 1;
}

int idmap_await(struct sandbox *sb)
{
	int r;

	sb->maps_to = fd_close(sb->maps_to);
	r = wait_readable(sb, sb->maps_from);
	if (r < 0)
		return r;
	if (!is_written(sb->maps_from))
		_exit(1);
	sb->maps_from = fd_close(sb->maps_from);
	return 0;
}

/* The calling process as the host's /proc has it. */
static pid_t own_pid(const struct sandbox *sb)
{
	char pid[32];
	ssize_t n = readlinkat(sb->proc_fd, "self", pid, sizeof pid - 1);

	pid[n > 0 ? n : 0] = '\0';
	return atoi(pid);
}

int idmap_fork_writer(struct sandbox *sb)
{
	pid_t pid = own_pid(sb);
	int r = idmap_promise(sb);

	if (r < 0)
		return r;
	sb->maps_writer = fork();
	if (sb->maps_writer < 0)
		return fail(sb->fail, errno, "fork");
	if (sb->maps_writer == 0) {
		sb->maps_to = fd_close(sb->maps_to);
		_exit(is_written(sb->maps_from) ? -write_maps(sb, pid) : 0);
	}
	sb->maps_from = fd_close(sb->maps_from);
	return 0;
}

int idmap_have_written(struct sandbox *sb)
{
	int status, r = write(sb->maps_to, "", 1) == 1 ? 0 : neg_errno();
	pid_t pid;

	sb->maps_to = fd_close(sb->maps_to);
	do {
		pid = waitpid(sb->maps_writer, &status, 0);
	} while (pid < 0 && errno == EINTR);
	if (r == 0 && pid < 0)
		r = neg_errno();
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		r = WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	return r < 0 ? fail_second(sb, -r) : 0;
}
