/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A limit on user namespaces written in U1 holds in U2, whose root cannot raise it, on which
 * builder.c relies for --disable-userns. */

#include "kernel.h"
#include <linux/nsfs.h>

enum {
	FREE, WRITE, SECOND, NESTED, CLONE3, RAISE, RAISED_READ, NESTED_RAISED, NESTED_NET,
	JOIN_UP,
	MAX
};

#define LIMIT "sys/user/max_user_namespaces"

static int *res;

static int try_unshare(unsigned long flags)
{
	pid_t pid = fork();

	if (pid == 0) {
		mortal();
		_exit(err(syscall(SYS_unshare, flags)));
	}
	return reap(pid);
}

static int try_clone3(void)
{
	pid_t pid = sys_clone3(CLONE_NEWUSER, SIGCHLD, NULL);
	int e = err(pid);

	if (pid == 0)
		_exit(0);
	reap(pid);
	return e;
}

static int read_limit(void)
{
	int fd = openat(proc_fd, LIMIT, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return NOT_REACHED;
	close(fd);
	return atoi(text);
}

static void u2(void)
{
	int own;

	res[NESTED] = try_unshare(CLONE_NEWUSER);
	res[CLONE3] = try_clone3();
	res[NESTED_NET] = try_unshare(CLONE_NEWNET);
	res[RAISE] = write_proc(LIMIT, "1000");
	res[RAISED_READ] = read_limit();
	res[NESTED_RAISED] = try_unshare(CLONE_NEWUSER);
	own = openat(proc_fd, "self/ns/user", O_RDONLY | O_CLOEXEC);
	res[JOIN_UP] = own < 0 ? NOT_REACHED : err_close(ioctl(own, NS_GET_PARENT));
}

static void unlimited(void)
{
	res[FREE] = try_clone3();
}

/* Makes none before: a namespace that ended counts until the kernel frees it. */
static void u1(void)
{
	res[WRITE] = write_proc(LIMIT, "1");
	res[SECOND] = run_in(CLONE_NEWUSER, u2);
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	run_in(CLONE_NEWUSER, unlimited);
	run_in(CLONE_NEWUSER, u1);

	expect(res[FREE], 0, "contrast: without a limit U1 may make user namespaces");
	expect(res[WRITE], 0, "U1 writes 1 into its max_user_namespaces");
	expect(res[SECOND], 0, "then one more, U2, can be made");
	expect(res[NESTED], ENOSPC, "U2: unshare(NEWUSER)");
	expect(res[CLONE3], ENOSPC, "U2: clone3(NEWUSER)");
	expect(res[NESTED_NET], 0, "U2: another kind of namespace is not limited by it");
	expect(res[RAISE], 0, "U2's root may write its own max_user_namespaces");
	expect(res[RAISED_READ], 1000, "U2 reads what it wrote");
	expect(res[NESTED_RAISED], ENOSPC, "U2: unshare(NEWUSER) all the same");
	expect(res[JOIN_UP], EPERM, "U2: NS_GET_PARENT of its own user namespace, to join U1");
	return done();
}
