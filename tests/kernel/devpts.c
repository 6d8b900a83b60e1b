/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new devpts can be mounted with any id map, wants its gid mapped and needs ptmxmode, on which
 * dev.c relies for /dev/pts. */

#include "kernel.h"

enum {
	NO_ZERO, ZERO, MODE_DEFAULT, MODE_666, OPEN_PTMX, NUMBER, OWN_NUMBER, SLAVE, SLAVE_GONE,
	GID_UNMAPPED, INNER_OPEN, INNER_OWNER, INNER_MOUNT,
	MAX
};

static int *res;
static uint32_t inside_id;

static const char opts[] = "newinstance,ptmxmode=0666,mode=620";

/* U2 with uid 1000: uses what the builder mounted. */
static void sandbox(void)
{
	int fd = open("/tmp/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	char path[32];
	unsigned int n;

	res[INNER_OPEN] = err(fd);
	if (ioctl(fd, TIOCGPTN, &n) == 0) {
		snprintf(path, sizeof(path), "/tmp/pts/%u", n);
		res[INNER_OWNER] = stat(path, &st) < 0 ? NOT_REACHED : (int)st.st_uid;
	}
	close(fd);
	res[INNER_MOUNT] = err(sys_mount("d", "/tmp/other", "devpts", 0, opts));
}

static void start_sandbox(void)
{
	pid_t pid = sys_clone3(CLONE_NEWUSER | CLONE_NEWNS, SIGCHLD, NULL);

	if (pid == 0) {
		mortal();
		if (write_maps(1000, 0, 0) == 0)
			sandbox();
		_exit(0);
	}
	reap(pid);
}

static void builder(void)
{
	unsigned int n = 99;
	struct stat st;
	int fd;

	own_tmp();
	make_dirs("/tmp/pts", "/tmp/dflt", "/tmp/other", NULL);
	if (inside_id != 0) {
		res[NO_ZERO] = err(sys_mount("d", "/tmp/pts", "devpts", 0, opts));
		return;
	}
	if (sys_mount("d", "/tmp/dflt", "devpts", 0, "newinstance") == 0 &&
	    stat("/tmp/dflt/ptmx", &st) == 0)
		res[MODE_DEFAULT] = (int)(st.st_mode & 07777);
	res[GID_UNMAPPED] = err(sys_mount("d", "/tmp/other", "devpts", 0, "newinstance,gid=5"));
	res[ZERO] = err(sys_mount("d", "/tmp/pts", "devpts", MS_NOSUID | MS_NOEXEC, opts));
	if (stat("/tmp/pts/ptmx", &st) == 0)
		res[MODE_666] = (int)(st.st_mode & 07777);

	fd = open("/tmp/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	res[OPEN_PTMX] = err(fd);
	res[NUMBER] = err(ioctl(fd, TIOCGPTN, &n));
	res[OWN_NUMBER] = (int)n;
	if (ioctl(fd, TIOCSPTLCK, &(int){ 0 }) == 0)
		res[SLAVE] = err_close(open("/tmp/pts/0", O_RDWR | O_NOCTTY));
	close(fd);
	res[SLAVE_GONE] = err(access("/tmp/pts/0", F_OK));
	start_sandbox();
}

static void start_builder(uint32_t id)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid = sys_clone3(CLONE_NEWUSER | CLONE_NEWNS, SIGCHLD, NULL);

	if (pid == 0) {
		mortal();
		inside_id = id;
		if (write_maps(id, uid, gid) == 0)
			builder();
		_exit(0);
	}
	reap(pid);
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	start_builder(1000);
	start_builder(0);

	expect(res[NO_ZERO], 0,
	       "devpts where uid 0 is not mapped: ptmx is the mounter's since 4.8");
	expect(res[ZERO], 0, "devpts where uid 0 is mapped");
	expect(res[MODE_DEFAULT], 0, "without ptmxmode nobody may open its ptmx: mode 0000");
	expect(res[MODE_666], 0666, "ptmxmode=0666 is the mode of its ptmx");
	expect(res[GID_UNMAPPED], EINVAL, "gid=5 where gid 5 is not mapped");
	expect(res[OPEN_PTMX], 0, "its ptmx can be opened");
	expect(res[NUMBER], 0, "TIOCGPTN");
	expect(res[OWN_NUMBER], 0, "a new instance counts from 0");
	expect(res[SLAVE], 0, "the other end can be opened");
	expect(res[SLAVE_GONE], ENOENT, "and is gone when the master is closed");
	expect(res[INNER_OPEN], 0, "U2 without uid 0: opens the ptmx that the builder mounted");
	expect(res[INNER_OWNER], 1000, "U2 without uid 0: owns its end");
	expect(res[INNER_MOUNT], 0, "U2 without uid 0: may mount a devpts of its own");
	return done();
}
