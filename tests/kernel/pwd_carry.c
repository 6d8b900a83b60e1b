/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A working directory in a hidden mount is carried into the copied mount namespace, the one way to
 * that mount, on which inside.c relies to spoil the hidden proc for later ones. */

#include "kernel.h"

enum {
	CARRIED, COVER, OWN, HOST_SEEN, NESTED, CONTRAST_OWN, CONTRAST_NESTED, CONTRAST_PWD,
	MAX
};

static int *res;
static int own, nested;
static bool spoil;

static void mount_nested(void)
{
	res[nested] = err(sys_mount("p", "/proc", "proc", 0, NULL));
}

/* Mounts its own proc and covers a part of it, as for the real root; may spoil the hidden one. */
static void sandbox(void)
{
	res[own] = err(sys_mount("p", "/proc", "proc", 0, NULL));
	if (sys_mount("c", "/proc/sys", "tmpfs", MS_RDONLY, NULL) < 0)
		return;
	if (spoil) {
		/* The working directory is the hidden proc. */
		res[CARRIED] = err(access("self", F_OK));
		res[COVER] = err(sys_mount("s", ".", "tmpfs", MS_RDONLY, NULL));
		if (chdir("/") < 0)
			return;
		res[HOST_SEEN] = err(access("/proc/sys/kernel", F_OK));
	} else {
		res[CONTRAST_PWD] = err(access("self", F_OK));
	}
	run_in(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, mount_nested);
}

static void builder(void)
{
	int clone, empty;

	clone = (int)sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | AT_RECURSIVE);
	if (clone < 0 || sys_mount("hide", "/proc", "tmpfs", 0, NULL) < 0)
		return;
	make_dirs("/proc/host", "/proc/empty", NULL);
	empty = (int)sys_open_tree(AT_FDCWD, "/proc/empty", OPEN_TREE_CLONE);
	if (empty < 0 || sys_move_mount(clone, "", AT_FDCWD, "/proc/host") < 0 ||
	    (spoil ? chdir("/proc/host") : chdir("/")) < 0 ||
	    sys_move_mount(empty, "", AT_FDCWD, "/proc") < 0)
		return;
	run_in(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, sandbox);
}

int main(void)
{
	ordinary_user();
	res = results(MAX);

	spoil = true;
	own = OWN;
	nested = NESTED;
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder);
	expect(res[OWN], 0, "the sandbox mounts its own proc");
	expect(res[CARRIED], 0, "its working directory is the copy of the hidden proc");
	expect(res[COVER], 0, "a tmpfs mounted on \".\" covers the hidden proc");
	expect(res[HOST_SEEN], ENOENT, "the sandbox's own proc stays partly covered");
	expect(res[NESTED], EPERM, "then a nested user namespace mounting a proc");

	spoil = false;
	own = CONTRAST_OWN;
	nested = CONTRAST_NESTED;
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder);
	expect(res[CONTRAST_OWN], 0, "contrast: the sandbox mounts its own proc");
	expect(res[CONTRAST_PWD], ENOENT, "contrast: its working directory is no proc");
	expect(res[CONTRAST_NESTED], 0, "contrast: a nested user namespace mounts a proc");
	return done();
}
