/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts copied into a new user namespace's mount namespace are slaves until made private, on
 * which root.c relies for making them private before anything is opened. */

#include "kernel.h"

enum {
	HOST_SHARED, COPY_MASTER, COPY_SHARED, ARRIVED, ARRIVED_UMOUNT, ARRIVED_RO, UPWARD,
	PRIVATE_MASTER, PRIVATE_ARRIVED, SAME_SHARED, SAME_UPWARD,
	MAX
};

static int *res;
static int ready, mounted;

/* Whether the mountinfo line of the mount point @point has the optional field @field. */
static int has_field(const char *point, const char *field)
{
	int fd = openat(proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[4096], at[256], *sep;
	int found = NOT_REACHED;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %*s %*s %*s %255s", at) != 1 || strcmp(at, point) != 0)
			continue;
		sep = strstr(line, " - ");
		if (sep)
			*sep = '\0';
		found = strstr(line, field) != NULL;
	}
	if (f)
		fclose(f);
	return found;
}

/* spawn() with only what is tested here: propagation stays as the kernel made it. */
static pid_t spawn_copy(uint64_t flags)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid = sys_clone3(flags, SIGCHLD, NULL);

	if (pid != 0)
		return pid;
	mortal();
	if (flags & CLONE_NEWUSER && write_maps(0, uid, gid) != 0)
		_exit(98);
	return 0;
}

static void host_mounts(void)
{
	gate_pass(ready);
	if (sys_mount("later", "/tmp/later", "tmpfs", 0, NULL) < 0)
		_exit(1);
	make_dirs("/tmp/later/x", NULL);
	gate_open(mounted);
}

static void as_copied(void)
{
	pid_t pid = spawn_copy(CLONE_NEWUSER | CLONE_NEWNS);

	if (pid == 0) {
		res[COPY_SHARED] = has_field("/tmp", "shared:");
		res[COPY_MASTER] = has_field("/tmp", "master:");
		gate_open(ready);
		gate_pass(mounted);
		res[ARRIVED] = err(access("/tmp/later/x", F_OK));
		res[ARRIVED_UMOUNT] = err(sys_umount("/tmp/later", MNT_DETACH));
		if (sys_mount("up", "/tmp/up", "tmpfs", 0, NULL) == 0 &&
		    mkdir("/tmp/up/x", 0755) == 0)
			gate_open(ready);
		gate_pass(mounted);
		_exit(0);
	}
	host_mounts();
	gate_pass(ready);
	res[UPWARD] = err(access("/tmp/up/x", F_OK));
	gate_open(mounted);
	reap(pid);
	sys_umount("/tmp/later", MNT_DETACH);
}

/* A mount that arrives below a tree made read-only: what --ro-bind / / would be with slaves. */
static void read_only_slave(void)
{
	pid_t pid = spawn_copy(CLONE_NEWUSER | CLONE_NEWNS);

	if (pid == 0) {
		if (sys_mount_setattr(-1, "/tmp", AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0) < 0)
			_exit(1);
		gate_open(ready);
		gate_pass(mounted);
		res[ARRIVED_RO] = err(mkdir("/tmp/later/y", 0755));
		_exit(0);
	}
	host_mounts();
	reap(pid);
	sys_umount("/tmp/later", MNT_DETACH);
}

static void made_private(void)
{
	pid_t pid = spawn_copy(CLONE_NEWUSER | CLONE_NEWNS);

	if (pid == 0) {
		if (sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(1);
		res[PRIVATE_MASTER] = has_field("/tmp", "master:");
		gate_open(ready);
		gate_pass(mounted);
		res[PRIVATE_ARRIVED] = err(access("/tmp/later/x", F_OK));
		_exit(0);
	}
	host_mounts();
	reap(pid);
	sys_umount("/tmp/later", MNT_DETACH);
}

static void same_userns(void)
{
	pid_t pid = spawn_copy(CLONE_NEWNS);

	if (pid == 0) {
		res[SAME_SHARED] = has_field("/tmp", "shared:");
		if (sys_mount("up", "/tmp/up", "tmpfs", 0, NULL) == 0)
			mkdir("/tmp/up/x", 0755);
		_exit(0);
	}
	reap(pid);
	res[SAME_UPWARD] = err(access("/tmp/up/x", F_OK));
}

/* Stands for the host, with a shared /tmp, as under systemd. */
static void host(void)
{
	own_tmp();
	make_dirs("/tmp/later", "/tmp/up", NULL);
	if (sys_mount(NULL, "/tmp", NULL, MS_SHARED, NULL) < 0)
		return;
	res[HOST_SHARED] = has_field("/tmp", "shared:");
	as_copied();
	read_only_slave();
	made_private();
	same_userns();
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	ready = gate();
	mounted = gate();
	run_in(CLONE_NEWUSER | CLONE_NEWNS, host);

	expect(res[HOST_SHARED], 1, "the host's mount is shared");
	expect(res[COPY_SHARED], 0, "new user namespace: the copy is not shared");
	expect(res[COPY_MASTER], 1, "new user namespace: the copy is a slave");
	expect(res[ARRIVED], 0, "slave: a mount made later on the host appears");
	expect(res[ARRIVED_UMOUNT], 0, "slave: and can be unmounted inside: its top is not locked");
	expect(res[ARRIVED_RO], 0, "slave: and is writable below a tree made read-only");
	expect(res[UPWARD], ENOENT, "slave: a mount made inside does not appear on the host");
	expect(res[PRIVATE_MASTER], 0, "made private: the copy has no master");
	expect(res[PRIVATE_ARRIVED], ENOENT, "made private: a mount made later does not appear");
	expect(res[SAME_SHARED], 1, "contrast, same user namespace: the copy is shared");
	expect(res[SAME_UPWARD], 0,
	       "contrast, same user namespace: a mount made inside appears outside");
	return done();
}
