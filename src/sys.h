/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System calls that the C library lacks, or whose wrappers differ between libraries.
 *
 * Each is the kernel's call by its own name after sys_, returning -1 with errno set like any
 * wrapper. <sys/mount.h> is never included: its struct mount_attr collides with the kernel's in
 * glibc 2.36. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule	    445
#define SYS_landlock_restrict_self  446
#endif

#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif

#ifndef LANDLOCK_CREATE_RULESET_VERSION
#define LANDLOCK_CREATE_RULESET_VERSION 1U
#endif

static inline int sys_mount(const char *source, const char *target, const char *type,
			    unsigned long flags, const void *data)
{
	return (int)syscall(SYS_mount, source, target, type, flags, data);
}

static inline int sys_umount2(const char *target, int flags)
{
	return (int)syscall(SYS_umount2, target, flags);
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

static inline int sys_open_tree_attr(int dirfd, const char *path, unsigned flags,
				     const struct mount_attr *attr)
{
	return (int)syscall(SYS_open_tree_attr, dirfd, path, flags, attr, sizeof *attr);
}

static inline int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to,
				 unsigned flags)
{
	return (int)syscall(SYS_move_mount, from_fd, from, to_fd, to, flags);
}

static inline int sys_mount_setattr(int dirfd, const char *path, unsigned flags,
				    const struct mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof *attr);
}

static inline int sys_fsopen(const char *type, unsigned flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

static inline int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}

static inline int sys_fsmount(int fd, unsigned flags, unsigned attrs)
{
	return (int)syscall(SYS_fsmount, fd, flags, attrs);
}

/* struct mnt_id_req, which older systems' linux/mount.h lacks. */
struct sys_mount_request {
	uint32_t size, spare;
	uint64_t id; /* of a mount, or all ones for the root of the tree */
	uint64_t param; /* what to tell of it, or the last one listed */
};

static inline int sys_statmount(const struct sys_mount_request *request, void *ret, size_t size)
{
	return (int)syscall(SYS_statmount, request, ret, size, 0);
}

static inline ssize_t sys_listmount(const struct sys_mount_request *request, uint64_t *ret,
				    size_t n)
{
	return syscall(SYS_listmount, request, ret, n, 0);
}

/* open(2) of what is there; musl's own sets the flag O_CLOEXEC once more, by another call. */
static inline int sys_open(const char *path, int flags)
{
	return openat(AT_FDCWD, path, flags);
}

static inline int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags, .resolve = resolve };

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

static inline int sys_statx(int dirfd, const char *path, int flags, unsigned mask,
			    struct statx *ret)
{
	return (int)syscall(SYS_statx, dirfd, path, flags, mask, ret);
}

static inline pid_t sys_clone3(const struct clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof *args);
}

static inline int sys_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1U
#endif
#ifndef MFD_ALLOW_SEALING
#define MFD_ALLOW_SEALING 2U
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 16U
#endif

/* Whether a program may be in it is said since Linux 6.3; earlier kernels refuse to be told. */
static inline int sys_memfd_create(const char *name, unsigned flags)
{
	int fd = (int)syscall(SYS_memfd_create, name, flags);

	return fd < 0 && errno == EINVAL
		       ? (int)syscall(SYS_memfd_create, name, flags & ~(MFD_NOEXEC_SEAL | MFD_EXEC))
		       : fd;
}

/* The attributes are passed as memory: linux/landlock.h of an older system lacks fields of them. */
static inline int sys_landlock_create_ruleset(const void *attr, size_t size, unsigned flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags);
}

static inline int sys_landlock_add_rule(int ruleset, int type, const void *rule, unsigned flags)
{
	return (int)syscall(SYS_landlock_add_rule, ruleset, type, rule, flags);
}

static inline int sys_landlock_restrict_self(int ruleset, unsigned flags)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, flags);
}

static inline int sys_execveat(int dirfd, const char *path, char *const *argv, char *const *env,
			       int flags)
{
	return (int)syscall(SYS_execveat, dirfd, path, argv, env, flags);
}
