/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pidfd of the launcher tells inside a new pid namespace that the launcher died, where getppid()
 * cannot, on which init.c and inside.c rely for their death with it. */

#include "kernel.h"
#include <linux/capability.h>
#include <pwd.h>

enum {
	AFTER_SET, AFTER_SAME_ID, AFTER_CAPSET, AFTER_UNSHARE, AFTER_FORK,
	MAPPED, BEFORE_SETUID, AFTER_SETUID, AFTER_SETGID,
	ALIVE, PPID_ALIVE, DEAD, PPID_DEAD, LATE_PDEATHSIG,
	MAX
};

static int *res;
static int go, tell;

static int pdeathsig(void)
{
	int sig = NOT_REACHED;

	prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0);
	return sig;
}

static void changes_of_credentials(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	res[AFTER_SET] = pdeathsig();
	pid = fork();
	if (pid == 0) {
		res[AFTER_FORK] = pdeathsig();
		_exit(0);
	}
	reap(pid);
	if (setresuid(0, 0, 0) == 0)
		res[AFTER_SAME_ID] = pdeathsig();
	if (syscall(SYS_capset, &head, data) == 0)
		res[AFTER_CAPSET] = pdeathsig();
	if (syscall(SYS_unshare, CLONE_NEWUSER) == 0)
		res[AFTER_UNSHARE] = pdeathsig();
}

static void ranges_child(void)
{
	gate_open(tell);
	gate_pass(go);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	res[BEFORE_SETUID] = pdeathsig();
	if (setresgid(5, 5, 5) == 0)
		res[AFTER_SETGID] = pdeathsig();
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (setresuid(5, 5, 5) == 0)
		res[AFTER_SETUID] = pdeathsig();
	_exit(0);
}

/* The id named in the first row of @file for the user @name or @id, or 0. */
static unsigned int subid(const char *file, const char *id)
{
	FILE *f = fopen(file, "re");
	char line[256];
	unsigned int first = 0, n;
	size_t len = strlen(id);

	while (f && !first && fgets(line, sizeof(line), f))
		if (strncmp(line, id, len) == 0 && line[len] == ':' &&
		    sscanf(line + len, ":%u:%u", &n, &(unsigned int){ 0 }) == 2)
			first = n;
	if (f)
		fclose(f);
	return first;
}

static int map_range(const char *tool, const char *file, pid_t pid, const char *user,
		     unsigned int own)
{
	char target[16], self[16], sub[16];
	pid_t helper;

	snprintf(target, sizeof(target), "%d", pid);
	snprintf(self, sizeof(self), "%u", own);
	snprintf(sub, sizeof(sub), "%u", subid(file, user));
	helper = fork();
	if (helper == 0) {
		mortal();
		execlp(tool, tool, target, "0", self, "1", "1", sub, "10", NULL);
		_exit(127);
	}
	return reap(helper);
}

/* Ids can change only where more than one is mapped: only with newuidmap. */
static void changes_of_ids(const char *user)
{
	pid_t pid = sys_clone3(CLONE_NEWUSER, SIGCHLD, NULL);

	if (pid == 0) {
		mortal();
		ranges_child();
	}
	gate_pass(tell);
	res[MAPPED] = map_range("newuidmap", "/etc/subuid", pid, user, geteuid()) ?:
		      map_range("newgidmap", "/etc/subgid", pid, user, getegid());
	if (res[MAPPED] == 0)
		gate_open(go);
	else
		kill(pid, SIGKILL);
	reap(pid);
}

static void inside(int launcher)
{
	struct pollfd p = { .fd = launcher, .events = POLLIN };

	res[ALIVE] = poll(&p, 1, 0);
	res[PPID_ALIVE] = getppid();
	gate_open(tell);
	res[DEAD] = poll(&p, 1, 40000) == 1 ? p.revents : 0;
	res[PPID_DEAD] = getppid();
	/* Too late: the parent is dead, so nothing comes. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	usleep(1000);
	res[LATE_PDEATHSIG] = 0;
	gate_open(tell);
	_exit(0);
}

static void launcher_dies(void)
{
	pid_t launcher = fork();
	int pidfd;

	if (launcher == 0) {
		mortal();
		pidfd = (int)sys_pidfd_open(getpid());
		if (sys_clone3(CLONE_NEWUSER | CLONE_NEWPID, SIGCHLD, NULL) == 0) {
			alarm(CHILD_SECONDS);
			inside(pidfd);
		}
		pause();
	}
	gate_pass(tell);
	kill(launcher, SIGKILL);
	/* Not reaped yet: a zombie's pidfd is readable too. */
	gate_pass(tell);
	reap(launcher);
	/* The orphan comes to this process, a subreaper. */
	waitpid(-1, NULL, __WALL);
}

int main(int argc, char **argv)
{
	struct passwd *pw;
	const char *user;
	pid_t pid;

	if (argc == 2 && strcmp(argv[1], "pdeathsig") == 0)
		return pdeathsig();

	ordinary_user();
	pw = getpwuid(geteuid());
	user = pw ? pw->pw_name : "nobody in passwd";
	res = results(MAX);
	go = gate();
	tell = gate();
	run_in(CLONE_NEWUSER, changes_of_credentials);
	expect(res[AFTER_SET], SIGKILL, "PDEATHSIG is set");
	expect(res[AFTER_FORK], 0, "a forked child has none");
	expect(res[AFTER_SAME_ID], SIGKILL, "setresuid to the same ids keeps it");
	expect(res[AFTER_CAPSET], SIGKILL, "dropping all capabilities keeps it");
	expect(res[AFTER_UNSHARE], SIGKILL, "unshare(CLONE_NEWUSER) keeps it");

	pid = fork();
	if (pid == 0) {
		mortal();
		execv("/proc/self/exe", (char *[]){ argv[0], (char *)"pdeathsig", NULL });
		_exit(127);
	}
	expect(reap(pid), SIGKILL, "execve keeps it");

	if (subid("/etc/subuid", user) && access("/usr/bin/newuidmap", X_OK) == 0) {
		changes_of_ids(user);
		expect(res[MAPPED], 0, "newuidmap and newgidmap map a range");
		expect(res[BEFORE_SETUID], SIGKILL, "PDEATHSIG is set after unshare");
		expect(res[AFTER_SETGID], 0, "setresgid to another gid clears it");
		expect(res[AFTER_SETUID], 0, "setresuid to another uid clears it");
	} else {
		skip("no newuidmap or no /etc/subuid row for %s: ids cannot change", user);
	}

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	launcher_dies();
	expect(res[ALIVE], 0,
	       "inside a new pid namespace: the launcher's pidfd is silent while it lives");
	expect(res[PPID_ALIVE], 0, "inside: getppid() is 0 while it lives");
	expect(res[DEAD], POLLIN, "inside: the pidfd becomes readable when it dies");
	expect(res[PPID_DEAD], 0, "inside: getppid() is 0 when it is dead, so proves nothing");
	expect(res[LATE_PDEATHSIG], 0, "inside: PDEATHSIG set too late does not kill");
	return done();
}
