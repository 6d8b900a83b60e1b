/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tries what the kernel offers, each thing in a process of its own that leaves nothing behind.
 *
 * A call counts as there when the kernel answers it with anything but that it does not know it, or
 * that nobody may. Most are made with arguments that are wrong. What only root of a user namespace
 * may do is tried as that. */
#include "trials.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "fail.h"
#include "policy.h"
#include "seccomp.h"
#include "sys.h"
#include "util.h"

#define PIDFS_MAGIC_NUMBER 0x50494446
#define BENEATH		   0x200 /* MOVE_MOUNT_BENEATH, Linux 6.5 */
#define SET_STRING	   1 /* FSCONFIG_SET_STRING */
#define SET_FD		   5 /* FSCONFIG_SET_FD */
#define CGROUP_OF_A_CHILD  UINT64_C(0x200000000) /* CLONE_INTO_CGROUP, Linux 5.7 */
#define NO_SUCH_DESCRIPTOR INT32_MAX

/* True unless the last call, which returned R, is unknown to the kernel or refused to everybody. */
static bool answered(long r)
{
	return r >= 0 || (errno != ENOSYS && errno != EPERM && errno != EACCES);
}

/* Bare calls that can do no harm: their arguments are wrong. */

static bool has_open_tree(void)
{
	return answered(sys_open_tree(NO_SUCH_DESCRIPTOR, "", AT_EMPTY_PATH));
}

static bool has_open_tree_attr(void)
{
	static const struct mount_attr attr;

	return answered(sys_open_tree_attr(NO_SUCH_DESCRIPTOR, "", AT_EMPTY_PATH, &attr));
}

static bool has_mount_setattr(void)
{
	static const struct mount_attr attr;

	return answered(sys_mount_setattr(NO_SUCH_DESCRIPTOR, "", AT_EMPTY_PATH, &attr));
}

static bool has_move_mount(void)
{
	return answered(
		sys_move_mount(NO_SUCH_DESCRIPTOR, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
}

/* Flags that the kernel does not know are EINVAL, before any descriptor is looked at. */
static bool has_move_mount_beneath(void)
{
	return sys_move_mount(NO_SUCH_DESCRIPTOR, "", NO_SUCH_DESCRIPTOR, "",
			      BENEATH | MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 &&
	       errno == EBADF;
}

static bool has_fsopen(void)
{
	CLEANUP(fd_closep) int fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);

	return fd >= 0;
}

static bool has_openat2(void)
{
	CLEANUP(fd_closep) int fd = sys_openat2(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);

	return fd >= 0;
}

static bool has_statmount(void)
{
	return answered(syscall(SYS_statmount, NULL, NULL, 0, 0));
}

static bool has_listmount(void)
{
	return answered(syscall(SYS_listmount, NULL, NULL, 0, 0));
}

static bool has_unique_mount_ids(void)
{
	struct statx stx;

	return sys_statx(AT_FDCWD, "/", 0, STATX_MNT_ID_UNIQUE, &stx) == 0 &&
	       (stx.stx_mask & STATX_MNT_ID_UNIQUE);
}

/* Mounted to stay: the mount namespace ends with the trial. */
static bool has_tmpfs(void)
{
	return sys_mount("tmpfs", "/", "tmpfs", 0, NULL) == 0;
}

static bool has_overlay(void)
{
	return sys_mount("overlay", "/", "overlay", MS_RDONLY, "lowerdir=/usr:/etc") == 0;
}

static bool has_overlay_layers(void)
{
	CLEANUP(fd_closep) int fd = sys_fsopen("overlay", FSOPEN_CLOEXEC);

	return sys_fsconfig(fd, SET_STRING, "lowerdir+", "/", 0) == 0;
}

static bool has_overlay_layers_by_fd(void)
{
	CLEANUP(fd_closep) int fd = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	CLEANUP(fd_closep) int layer = open("/", O_PATH | O_CLOEXEC);

	return sys_fsconfig(fd, SET_FD, "lowerdir+", NULL, layer) == 0;
}

static bool has_pidfd(void)
{
	CLEANUP(fd_closep) int fd = sys_pidfd_open(getpid());

	return fd >= 0;
}

static bool has_pidfs(void)
{
	CLEANUP(fd_closep) int fd = sys_pidfd_open(getpid());
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PIDFS_MAGIC_NUMBER;
}

static bool has_clone3(void)
{
	return answered(syscall(SYS_clone3, NULL, 0));
}

static bool has_clone_into_cgroup(void)
{
	struct {
		struct clone_args args;
		uint64_t room[4]; /* for headers older than the field */
	} a = { .args = { .flags = CGROUP_OF_A_CHILD, .exit_signal = SIGCHLD } };
	uint64_t cgroup = NO_SUCH_DESCRIPTOR;
	long pid;

	memcpy((char *)&a + 80, &cgroup, sizeof cgroup); /* its place in CLONE_ARGS_SIZE_VER2 */
	pid = syscall(SYS_clone3, &a, 88);
	if (pid == 0)
		_exit(0);
	return pid < 0 && errno == EBADF;
}

static bool has_close_range(void)
{
	return sys_close_range(NO_SUCH_DESCRIPTOR, NO_SUCH_DESCRIPTOR, 0) == 0;
}

static bool has_user_notification(void)
{
	struct seccomp_notif_sizes sizes;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0;
}

static bool has_fake_root(void)
{
	struct seccomp_program program = seccomp_of_pretence(policy_pretence("fake-root"));
	struct fail f = { .set = false };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && seccomp_install(&program, &f) == 0 &&
	       chown("/", 1, 1) == 0;
}

/* A process that is the first of a new pid namespace: what its proc allows. */
static bool in_pid_namespace(bool (*look)(void))
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) < 0)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(sys_mount("proc", "/proc", "proc", 0, NULL) < 0 || !look());
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool yes(void)
{
	return true;
}

static bool has_fresh_proc(void)
{
	return in_pid_namespace(yes);
}

static bool may_write_pid_max(void)
{
	CLEANUP(fd_closep) int fd = open("/proc/sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);

	return fd >= 0;
}

/* Where it is not the namespace's own, only the host's root may open it for writing. */
static bool has_own_pid_max(void)
{
	return in_pid_namespace(may_write_pid_max);
}

const struct trial trials[] = {
	{ "mounts", "open_tree", AS_ROOT, has_open_tree },
	{ "mounts", "open_tree_attr", AS_ROOT, has_open_tree_attr },
	{ "mounts", "mount_setattr", AS_ROOT, has_mount_setattr },
	{ "mounts", "move_mount", AS_ROOT, has_move_mount },
	{ "mounts", "move-mount-beneath", AS_ROOT, has_move_mount_beneath },
	{ "mounts", "fsopen", AS_ROOT, has_fsopen },
	{ "mounts", "openat2", AS_CALLER, has_openat2 },
	{ "mounts", "statmount", AS_CALLER, has_statmount },
	{ "mounts", "listmount", AS_CALLER, has_listmount },
	{ "mounts", "unique-mount-ids", AS_CALLER, has_unique_mount_ids },
	{ "mounts", "tmpfs", AS_ROOT, has_tmpfs },
	{ "mounts", "fresh-proc", AS_ROOT, has_fresh_proc },
	{ "mounts", "overlay", AS_ROOT, has_overlay },
	{ "mounts", "overlay-lowerdir-plus", AS_ROOT, has_overlay_layers },
	{ "mounts", "overlay-lowerdir-fd", AS_ROOT, has_overlay_layers_by_fd },
	{ "processes", "pidfd", AS_CALLER, has_pidfd },
	{ "processes", "pidfs", AS_CALLER, has_pidfs },
	{ "processes", "clone3", AS_CALLER, has_clone3 },
	{ "processes", "clone-into-cgroup", AS_CALLER, has_clone_into_cgroup },
	{ "processes", "close_range", AS_CALLER, has_close_range },
	{ "processes", "own-pid-max", AS_OTHER_ROOT, has_own_pid_max },
	{ "seccomp", "user-notification", AS_CALLER, has_user_notification },
	{ "seccomp", "fake-root", AS_ROOT, has_fake_root },
};

const size_t trials_n = ARRAY_SIZE(trials);
_Static_assert(ARRAY_SIZE(trials) <= TRIALS_MAX, "there is room for every result");

/* Runs one trial in a process of its own: none can disturb another. */
static void try(void (*run)(struct trial_results *r, size_t i), struct trial_results *r, size_t i)
{
	pid_t pid = fork();

	if (pid == 0) {
		run(r, i);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static bool write_map(const char *path, const char *text)
{
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return write(fd, text, strlen(text)) > 0;
}

/* Makes the calling process root of a user and a mount namespace. Returns 0 or a positive errno. */
static int go_inside(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[32];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return errno;
	snprintf(map, sizeof map, "0 %u 1\n", uid);
	if (!write_map("/proc/self/uid_map", map))
		return errno;
	write_map("/proc/self/setgroups", "deny\n");
	snprintf(map, sizeof map, "0 %u 1\n", gid);
	if (!write_map("/proc/self/gid_map", map) ||
	    sys_mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return errno;
	return 0;
}

static void try_user(struct trial_results *r, size_t i)
{
	(void)i;
	r->user_err = go_inside();
}

static void try_kind(struct trial_results *r, size_t i)
{
	r->kinds[i] = go_inside() == 0 && unshare((int)namespaces[i].flag) == 0;
}

static void try_one(struct trial_results *r, size_t i)
{
	if (trials[i].as == AS_OTHER_ROOT && geteuid() == 0 &&
	    (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0 ||
	     prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0))
		return;
	if (trials[i].as != AS_CALLER && go_inside() != 0)
		return;
	r->found[i] = trials[i].run();
}

struct trial_results *trials_run(void)
{
	struct trial_results *r =
		mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (r == MAP_FAILED)
		return NULL;
	r->user_err = EIO;
	try(try_user, r, 0);
	for (i = 0; i < NS_MAX; i++)
		try(try_kind, r, i);
	for (i = 0; i < ARRAY_SIZE(trials); i++)
		try(try_one, r, i);
	return r;
}

void trials_free(struct trial_results *r)
{
	if (r)
		munmap(r, sizeof *r);
}
