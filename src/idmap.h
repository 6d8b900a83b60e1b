/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uid_map, gid_map and setgroups of a user namespace. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct extents;
struct sandbox;

/* Formats one extent of a map into BUF of at least 40 bytes: INSIDE OUTSIDE 1. */
void idmap_format(char *buf, uint32_t inside, uint32_t outside);

/* Maps one uid and one gid for the calling process, which has just entered a new user namespace:
 * INSIDE in it is OUTSIDE in its parent. With DENY_SETGROUPS setgroups(2) is denied first, as the
 * kernel demands of a caller without privilege, once and for every namespace below.
 * user_namespaces(7). Returns 0 or -errno with the failure recorded. */
int idmap_write(struct sandbox *sb, uint32_t uid_inside, uint32_t uid_outside, uint32_t gid_inside,
		uint32_t gid_outside, int deny_setgroups);

/* Has the maps of the first user namespace, which the calling process has just entered, written:
 * those that hold nobody but the caller by itself, those of ranges by the launcher, which is around
 * it and may have privilege there. Returns 0 or -errno with the failure recorded. */
int idmap_request(struct sandbox *sb);

/* Writes MAP of KIND, MAP_UID or MAP_GID, for the user namespace of the process PID of the proc
 * file system PROC_FD, to whose parent the calling process belongs, with CAP_SETUID or CAP_SETGID
 * there. Returns 0 or -errno. */
int idmap_write_map(int proc_fd, pid_t pid, size_t kind, const struct extents *map);

/* The maps of the second user namespace have ranges as well, and are written by somebody in the
 * first. Each returns 0 or -errno with the failure recorded.
 *
 * Where the sandbox is born in it, that is the builder: it makes a promise before it clones, and
 * writes then; the sandbox waits. */
int idmap_promise(struct sandbox *sb);
int idmap_write_second(struct sandbox *sb, pid_t pid);
int idmap_await(struct sandbox *sb);

/* Where the builder itself enters it, that is a process that it forks before, and which it has
 * write then. */
int idmap_fork_writer(struct sandbox *sb);
int idmap_have_written(struct sandbox *sb);
