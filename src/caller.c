/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathers facts about the caller before the plan is checked. */
#include "caller.h"

#include <linux/magic.h>
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "broken.h"
#include "caps.h"
#include "fail.h"
#include "join.h"
#include "personality.h"
#include "plan.h"
#include "subid.h"
#include "sys.h"
#include "util.h"

/* AT_SECURE alone is also set by transitions of AppArmor and SELinux, which give nothing. */
static bool has_file_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint64_t permitted;
	unsigned cap;

	if (!getauxval(AT_SECURE) || syscall(SYS_capget, &header, data) < 0)
		return false;
	permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	for (cap = 0; cap < 64; cap++)
		if ((permitted & CAP_BIT(cap)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) != 1)
			return true;
	return false;
}

int caller_refuse_privilege(struct fail *f)
{
	if (BROKEN("privilege-refused"))
		return 0;
	if (getauxval(AT_EUID) == getauxval(AT_UID) && getauxval(AT_EGID) == getauxval(AT_GID) &&
	    !has_file_capabilities())
		return 0;
	return fail_hint(f, fail(f, 0, "refusing to run with more privilege than the caller's"),
			 "remove the set-user-ID or set-group-ID bit, or the file capabilities, "
			 "from the program");
}

int caller_open_proc(struct fail *f)
{
	CLEANUP(fd_closep) int fd = sys_open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return fail(f, errno, "Can't open /proc");
	if (fstatfs(fd, &fs) < 0)
		return fail(f, errno, "Can't open /proc");
	if (fs.f_type != PROC_SUPER_MAGIC && !BROKEN("proc-magic"))
		return fail_hint(f, fail(f, 0, "/proc is not a proc file system"),
				 "mount one: namespaces are set up through it");
	return TAKE_FD(fd);
}

/* Whoever may write core_pattern, or could but for a read-only mount, is the host's root. */
static bool is_real_root(int proc_fd)
{
	struct stat st;

	/* /proc is root's: whoever has another id is not root. Whoever has the same may be another,
	 * to whom all that have no id here look alike. */
	if (fstat(proc_fd, &st) == 0 && st.st_uid != getauxval(AT_EUID))
		return false;
	if (faccessat(proc_fd, "sys/kernel/core_pattern", W_OK, 0) == 0 || errno == EROFS)
		return true;
	if (errno == EACCES)
		return false;
	/* /proc does not tell: whoever owns the other files of root's is taken for root */
	return fstatat(proc_fd, "uptime", &st, 0) < 0 || st.st_uid == geteuid();
}

static bool root_is_mount(void)
{
	struct statx stx;

	return sys_statx(AT_FDCWD, "/", AT_SYMLINK_NOFOLLOW, 0, &stx) == 0 &&
	       (stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
	       (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* Whether the kernel has a kind of namespaces: 1 or 0, or -errno with the failure recorded. One
 * that it has must not be left out because this could not be found out. */
static int has_kind(int proc_fd, const char *link, struct fail *f)
{
	if (faccessat(proc_fd, link, F_OK, 0) == 0)
		return 1;
	return errno == ENOENT ? 0 : fail(f, errno, "Can't look at /proc/%s", link);
}

/* The same of cgroup namespaces, which are as old as cgroup2 in all that husk runs on. A file that
 * is there for everybody is asked first: for a link of its own the kernel makes the process's
 * directories of /proc, and clears them away again, which takes as long as some namespaces. */
static int has_cgroupns(int proc_fd, struct fail *f)
{
	return faccessat(proc_fd, "cgroups", F_OK, 0) == 0 ? 1
							   : has_kind(proc_fd, "self/ns/cgroup", f);
}

/* Whether another user namespace can be made, as far as its limit tells; as has_kind(). */
static int userns_available(int proc_fd, struct fail *f)
{
	CLEANUP(fd_closep)
	int fd = openat(proc_fd, "sys/user/max_user_namespaces", O_RDONLY | O_CLOEXEC);
	char digit;

	if (fd >= 0 && read(fd, &digit, 1) == 1 && digit == '0')
		return 0;
	return has_kind(proc_fd, "self/ns/user", f);
}

/* The version of Landlock that this kernel has, 0 for none, or -errno when it does not say;
 * landlock_create_ruleset(2). */
static int landlock_abi(void)
{
	int abi = sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi >= 0)
		return abi;
	return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : neg_errno();
}

/* What the caller may map without a helper, and for --map-auto which ids there are. */
static int gather_ids(const struct plan *plan, struct caller *c, struct fail *f)
{
	const uint64_t needed = CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID);
	uint64_t effective;
	int r = caps_effective(&effective);

	if (r < 0)
		return fail(f, -r, "capget");
	c->maps_ids = (effective & needed) == needed;
	if (!plan->map_auto)
		return 0;
	fail_step(f, "id maps", "--map-auto");
	r = subid_gather(c, f);
	if (r == 0)
		fail_step(f, NULL, NULL);
	return r;
}

int caller_gather(const struct plan *plan, int proc_fd, struct caller *ret, struct fail *f)
{
	struct caller c = {
		.uid = (uid_t)getauxval(AT_UID),
		.gid = (gid_t)getauxval(AT_GID),
		.join.pidfd = NO_FD,
		.join.cgroup_fd = NO_FD,
	};
	struct rlimit files;
	int r, cgroup, user = 1;

	c.real_root = is_real_root(proc_fd);
	cgroup = has_cgroupns(proc_fd, f);
	if (cgroup >= 0 && plan->userns_try && c.uid == 0)
		user = userns_available(proc_fd, f);
	if (cgroup < 0 || user < 0)
		return cgroup < 0 ? cgroup : user;
	c.has_cgroupns = cgroup;
	c.has_userns = user;
	c.root_is_mount = root_is_mount();
	c.landlock_abi = plan->landlock ? landlock_abi() : 0;
	c.max_fds = 64;
	if (plan->n_ops > 8 && getrlimit(RLIMIT_NOFILE, &files) == 0)
		c.max_fds = files.rlim_cur;
	r = c.uid == 0 || plan->as->refuses_caps ? caps_effective(&c.effective) : 0;
	if (r < 0)
		return fail(f, -r, "capget (for uid == 0) failed");
	if (c.uid != 0 && c.effective != 0)
		return fail(f, 0, "Unexpected capabilities but not setuid, old file caps config?");
	if (plan->map_auto || plan->asked[MAP_UID].n > 0 || plan->asked[MAP_GID].n > 0) {
		r = gather_ids(plan, &c, f);
		if (r < 0)
			return r;
	}
	*ret = c;
	return join_gather(plan, proc_fd, &ret->join, f);
}
