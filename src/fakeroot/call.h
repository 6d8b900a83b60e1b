/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One system call that the kernel has handed over: its arguments, its memory, its answer. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../filter.h"

struct call;
struct ids;
struct keys;
struct pending;
struct store;
struct tasks;

/* The kernel is to do the call itself, which is always safe. */
#define CALL_CONTINUE LONG_MIN

#define CALL_NONE     (-1) /* no such argument */

/* What is known of a system call beforehand. The numbers of arguments start at 0. */
struct call_row {
	const char *name;
	/* Returns the answer, from 0 on, -errno, or CALL_CONTINUE. */
	long (*handle)(struct call *c);
	int8_t dirfd; /* the argument that is a directory */
	int8_t path; /* a path, whose address it is */
	int8_t flags; /* AT_* */
	int8_t fd; /* an open file, instead of all these */
	int8_t first; /* the first that is the handler's own */
	int8_t layout; /* the handler's own */
	int at; /* AT_* that are meant */
};

/* Forms of rows: what a call names its file by. */
#define BY_PATH(p)	       .dirfd = CALL_NONE, .path = (p), .flags = CALL_NONE, .fd = CALL_NONE
#define BY_PATH_AT(d, p)       .dirfd = (d), .path = (p), .flags = CALL_NONE, .fd = CALL_NONE
#define BY_PATH_FLAGS(d, p, f) .dirfd = (d), .path = (p), .flags = (f), .fd = CALL_NONE
#define BY_FD(n)	       .dirfd = CALL_NONE, .path = CALL_NONE, .flags = CALL_NONE, .fd = (n)
#define BY_NOTHING	       BY_FD(CALL_NONE)

/* What the supervisor keeps. */
struct world {
	int listener; /* what system calls are handed over by */
	int proc_fd; /* /proc of the pid namespace that the supervisor is in */
	struct store *store;
	struct ids *ids;
	struct tasks *tasks;
	struct keys *keys;
	struct pending *pending;
	uint64_t userns; /* the inode number of the sandbox's user namespace */
	bool follows; /* the kernel does not wake us on the caller's processor: we go there */
	bool confined; /* the sandbox may make files only where Landlock lets it */
	uint64_t caps; /* what the supervisor keeps there, as a set */
};

struct call {
	struct world *world;
	const struct call_row *row;
	uint64_t id; /* the kernel's, of the notification */
	pid_t tid; /* of the caller, as the supervisor sees it */
	enum filter_abi_index abi;
	bool short_ids; /* ids have 16 bits */
	uint64_t args[6];
};

/* Reads SIZE bytes of the caller's memory. Returns 0 or -EFAULT. process_vm_readv(2). */
int call_read(const struct call *c, uint64_t address, void *buf, size_t size);

/* Reads a string with its end. Returns its length, -EFAULT, or -ENAMETOOLONG when it does not end
 * within SIZE bytes. */
ssize_t call_read_string(const struct call *c, uint64_t address, char *buf, size_t size);

/* Writes SIZE bytes, if the caller still waits. Returns 0, -EFAULT or -ESRCH. */
int call_write(const struct call *c, uint64_t address, const void *buf, size_t size);

/* False when the caller waits no more, so that what was read may be another process's: nothing may
 * follow from it. */
bool call_valid(const struct call *c);

/* An id that is an argument; NO_ID for what is to stay. */
#define NO_ID UINT32_MAX
uint32_t call_id(const struct call *c, int arg);
