/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds who or what allows this process no user namespace: the switches, filters and modules that
 * can refuse one, asked one by one. */
#include "cause.h"

#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "fail.h"
#include "plan.h"
#include "procfile.h"
#include "sys.h"
#include "util.h"

static bool switch_is(const struct diagnosis *d, const char *path, const char *value)
{
	char text[32];

	return cause_read_line(d, path, text, sizeof text) && streq(text, value);
}

/* True where this process is under a seccomp filter, as its status says. */
static bool filtered(const struct diagnosis *d)
{
	CLEANUP(fd_closep) int fd = openat(d->proc_fd, "self/status", O_RDONLY | O_CLOEXEC);
	char text[8192];

	return procfile_read_status(fd, text, sizeof text) > 0 &&
	       procfile_field(text, "\nSeccomp:", 10, NULL, 0) == 2; /* SECCOMP_MODE_FILTER */
}

/* Each call is made so that the kernel finds it wrong before it looks at anything else, and says so
 * by this error: any other answer comes from before the kernel. */
static const struct {
	const char *name;
	long number, args[4];
	int error;
} bad_calls[] = {
	{ "unshare", SYS_unshare, { CLONE_NEWUSER | 1 }, EINVAL },
	{ "clone3", SYS_clone3, { 0, 0 }, EINVAL },
	{ "mount", SYS_mount, { 0, 0, 1, 0 }, EFAULT },
	{ "umount2", SYS_umount2, { 1, 1 << 30 }, EINVAL },
	{ "openat2", SYS_openat2, { -1, 1, 1, 0 }, EINVAL },
	{ "open_tree", SYS_open_tree, { -1, 1, 1 << 30 }, EINVAL },
	{ "mount_setattr", SYS_mount_setattr, { -1, 1, 1 << 30, 0 }, EINVAL },
	{ "setns", SYS_setns, { -1, 0 }, EBADF },
};

bool cause_seccomp(struct diagnosis *d)
{
	static const char hint[] =
		"allow namespaces in the container's filter: --security-opt seccomp=FILE of docker "
		"and podman, RestrictNamespaces=no of systemd";
	const long *args;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_calls) && filtered(d); i++) {
		args = bad_calls[i].args;
		if (syscall(bad_calls[i].number, args[0], args[1], args[2], args[3], 0) == 0 ||
		    errno == bad_calls[i].error)
			continue;
		return cause_found(d, hint, "a seccomp filter refuses %s(2) with %s",
				   bad_calls[i].name,
				   errno == EPERM    ? "EPERM"
				   : errno == EACCES ? "EACCES"
				   : errno == ENOSYS ? "ENOSYS"
						     : fail_errno_text(errno));
	}
	return false;
}

static bool sysctl_refuses(struct diagnosis *d)
{
	return switch_is(d, "sys/kernel/unprivileged_userns_clone", "0") &&
	       cause_found(d, "as root: sysctl kernel.unprivileged_userns_clone=1",
			   "kernel.unprivileged_userns_clone is 0");
}

static uint64_t root_mount(void)
{
	struct statx stx;

	return sys_statx(AT_FDCWD, "/", AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &stx) == 0 &&
			       (stx.stx_mask & STATX_MNT_ID)
		       ? stx.stx_mnt_id
		       : 0;
}

/* True where entering the mount namespace anew leads to another root, as whoever has the
 * capabilities for that can try in a process of its own. */
static bool root_changes(const struct diagnosis *d)
{
	uint64_t root = root_mount();
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int ns = openat(d->proc_fd, "self/ns/mnt", O_RDONLY | O_CLOEXEC);

		_exit(setns(ns, CLONE_NEWNS) == 0 && root_mount() != root);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 1;
}

static bool chroot_refuses(struct diagnosis *d)
{
	return (!d->caller->root_is_mount || root_changes(d)) &&
	       cause_found(d, "leave the chroot, or enter the directory by pivot_root(2) instead",
			   "husk runs in a chroot, and there the kernel makes no user namespace");
}

/* True when ID is mapped in this user namespace. */
static bool is_mapped(const struct diagnosis *d, const char *path, unsigned id)
{
	CLEANUP(fd_closep) int fd = openat(d->proc_fd, path, O_RDONLY | O_CLOEXEC);
	unsigned inside, outside, count;
	bool mapped = fd < 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f)
		return true;
	while (!mapped && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		mapped = id >= inside && id - inside < count;
	fd = NO_FD;
	fclose(f);
	return mapped;
}

static bool ids_refuse(struct diagnosis *d)
{
	static const char hint[] = "map the user and the group in the user namespace around husk, "
				   "or become one that is mapped";

	if (!is_mapped(d, "self/uid_map", geteuid()))
		return cause_found(d, hint, "uid %u is not mapped in this user namespace",
				   geteuid());
	return !is_mapped(d, "self/gid_map", getegid()) &&
	       cause_found(d, hint, "gid %u is not mapped in this user namespace", getegid());
}

/* The security modules name what confines this process in one file, or each in its own. */
static bool read_label(const struct diagnosis *d, char *buf, size_t size)
{
	return (cause_read_line(d, "self/attr/apparmor/current", buf, size) && *buf) ||
	       (cause_read_line(d, "self/attr/current", buf, size) && *buf);
}

bool cause_apparmor(struct diagnosis *d)
{
	static const char restricted[] = "sys/kernel/apparmor_restrict_unprivileged_userns";
	char label[512], *mode;

	/* "profile (enforce)"; other modules' labels have no mode */
	if (read_label(d, label, sizeof label) && (mode = strstr(label, " (enforce)"))) {
		*mode = '\0';
		return cause_found(
			d,
			"let that profile say userns, capability and mount, and load it again "
			"with apparmor_parser -r",
			"the AppArmor profile %s does not allow it", label);
	}
	return switch_is(d, restricted, "1") &&
	       cause_found(d,
			   "give husk an AppArmor profile that says userns, or as root: sysctl "
			   "kernel.apparmor_restrict_unprivileged_userns=0",
			   "AppArmor does not allow it to programs without a profile "
			   "(kernel.apparmor_restrict_unprivileged_userns is 1)");
}

static bool selinux_refuses(struct diagnosis *d)
{
	char label[512];

	return d->fail->refused_err == EACCES && read_label(d, label, sizeof label) &&
	       strchr(label, ':') &&
	       cause_found(d, "allow that domain user_namespace create in the policy",
			   "SELinux does not allow it to %s", label);
}

/* What remains is told by the answer: security modules say EACCES, as a rule, and the kernel itself
 * EPERM, of which a chroot is all that could not be looked at. */
void cause_of_permission(struct diagnosis *d)
{
	if (cause_seccomp(d) || sysctl_refuses(d) || chroot_refuses(d) || ids_refuse(d) ||
	    cause_apparmor(d) || selinux_refuses(d))
		return;
	if (d->fail->refused_err == EPERM)
		cause_found(
			d,
			"leave the chroot, or enter the directory by pivot_root(2) instead; a "
			"security module that refuses says so in the kernel's log",
			"likely because husk runs in a chroot, or a security module does not allow "
			"it");
	else
		cause_found(d, "the kernel's log may name it",
			    "a security module does not allow it");
}
