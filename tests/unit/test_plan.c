/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options against each other, and what follows from them: one check per rule. */

#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>

#include "caps.h"

#include "words.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const struct caller user = {
	.max_fds = 1024,
	.uid = 1000,
	.gid = 100,
	.has_cgroupns = true,
	.has_userns = true,
	.root_is_mount = true,
};
static const struct caller root = {
	.max_fds = 1024,
	.real_root = true,
	.has_cgroupns = true,
	.has_userns = true,
	.root_is_mount = true,
	.effective = 0xff | CAP_BIT(CAP_SYS_ADMIN),
};

static int check(int r, const struct caller *caller)
{
	return r < 0 ? r : plan_check(&plan, caller, &failure);
}

#define husk(...)	check(parse(__VA_ARGS__, "c"), &user)
#define bwrap(...)	check(parse_bwrap(__VA_ARGS__, "c"), &user)
#define root_husk(...)	check(parse(__VA_ARGS__, "c"), &root)
#define root_bwrap(...) check(parse_bwrap(__VA_ARGS__, "c"), &root)

static void rules(void)
{
	ok(husk("--userns", "3", "--unshare-user") < 0 && says("--unshare-user"),
	   "--userns, --unshare-user");
	ok(husk("--userns", "3", "--unshare-user-try") < 0 && says("--unshare-user-try"),
	   "--userns, --unshare-user-try");
	ok(husk("--userns", "3", "--unshare-all") < 0, "--userns, --unshare-all");
	ok(husk("--userns", "3") == 0 && !plan.userns, "--userns alone");
	ok(husk("--userns", "3", "--map-current-user") < 0 && says("--map-current-user") &&
		   husk("--userns", "3", "--map-current-user", "--uid", "1", "--gid", "1") == 0,
	   "--userns, --map-current-user: its ids are what they are");
	ok(husk("--userns-block-fd", "3", "--info-fd", "4", "--unshare-user",
		"--map-current-user") < 0 &&
		   says("--map-current-user"),
	   "--userns-block-fd, --map-current-user");
	ok(bwrap("--disable-userns") < 0 && says("--unshare-user"), "--disable-userns as bwrap");
	ok(bwrap("--disable-userns", "--unshare-user") == 0, "with a user namespace asked for");
	ok(husk("--disable-userns") == 0 && plan.two_levels, "as husk there always is one");
	ok(husk("--unshare-user", "--disable-userns", "--userns-block-fd", "3", "--info-fd", "4") <
			   0 &&
		   says("--userns-block-fd"),
	   "--disable-userns, --userns-block-fd");
	ok(husk("--disable-userns", "--userns", "3") < 0 && says("--userns"),
	   "--disable-userns, --userns");
	ok(husk("--userns-block-fd", "3", "--info-fd", "4") < 0 && says("--unshare-user"),
	   "--userns-block-fd without --unshare-user");
	ok(husk("--userns-block-fd", "3", "--unshare-user") < 0 && says("--info-fd"),
	   "--userns-block-fd without --info-fd");
	ok(husk("--userns-block-fd", "3", "--unshare-user", "--info-fd", "4") == 0, "with both");
	ok(husk("--as-pid-1") < 0 && says("--unshare-pid"), "--as-pid-1 without --unshare-pid");
	ok(husk("--as-pid-1", "--unshare-pid") == 0 && !plan.init, "--as-pid-1 has no init");
	ok(husk("--as-pid-1", "--unshare-pid", "--lock-file", "/x") < 0 && says("--lock-file"),
	   "--as-pid-1, --lock-file");
	ok(husk("--hostname", "x") < 0 && says("--unshare-uts"),
	   "--hostname without --unshare-uts");
	ok(husk("--hostname", "x", "--unshare-uts") == 0, "with it");
	ok(husk("--hostname", "x", "--unshare-all") == 0, "and with all");
	ok(husk("--boottime", "1") < 0 && says("--unshare-time"),
	   "--boottime without --unshare-time");
	ok(husk("--monotonic", "1") < 0 && says("--unshare-time"),
	   "--monotonic without --unshare-time");
	ok(husk("--monotonic", "1", "--unshare-all") == 0, "with all");
	ok(husk("--boottime", "1", "--unshare-time", "--unshare-user", "--info-fd", "4",
		"--userns-block-fd", "3") < 0 &&
		   says("--userns-block-fd"),
	   "--boottime, --userns-block-fd");
	ok(husk("--netns", "3", "--unshare-net") < 0 && says("--netns 3") &&
		   says("--unshare-net"),
	   "--netns, --unshare-net");
	ok(husk("--netns", "3", "--unshare-all") == 0, "but with all");
	ok(husk("--netns", "3", "--unshare-net", "--share-net") == 0, "and when it is taken back");
	ok(husk("--mntns", "3", "--tmpfs", "/x") < 0 && says("--mntns"), "--mntns, --tmpfs");
	ok(husk("--mntns", "3") == 0 && plan.root == ROOT_JOINED, "--mntns alone");
	ok(husk("--mntns", "3", "--fake-root-consistent") < 0 && says("--userns") &&
		   husk("--mntns", "3", "--userns", "4", "--fake-root-consistent") == 0,
	   "--mntns, --fake-root-consistent: only with --userns");
	ok(husk("--join-pid", "3", "--fake-root-consistent") < 0 && says("--join-pid") &&
		   says("--fake-root-consistent"),
	   "--join-pid, --fake-root-consistent");
	ok(husk("--join-pid", "3", "--tmpfs", "/x") < 0 && says("--tmpfs"), "--join-pid, --tmpfs");
	ok(husk("--join-fd", "3", "--unshare-net") < 0 && says("--join-fd") &&
		   says("--unshare-net"),
	   "--join-fd, --unshare-net");
	ok(husk("--join-pid", "3", "--join-fd", "3") < 0 && says("--join-fd"),
	   "--join-pid, --join-fd");
	ok(husk("--join-pid", "3", "--chdir", "/", "--uid", "1") == 0 && !plan.userns &&
		   plan.guarded && plan.split && plan.root == ROOT_JOINED,
	   "--join-pid makes nothing");
	ok(husk("--keep-fd", "3", "--inherit-fds") < 0 && says("--inherit-fds"),
	   "--keep-fd, --inherit-fds");
	ok(root_bwrap("--uid", "5") < 0 && says("--uid"), "--uid of root without user namespace");
	ok(root_bwrap("--gid", "5") < 0 && says("--gid"), "--gid of root without user namespace");
	ok(root_bwrap("--gid", "5", "--unshare-user") == 0, "with one");
	ok(root_husk("--uid", "5") == 0, "as husk there always is one");
}

static void identity(void)
{
	husk("--new-session");
	ok(plan.uid == 0 && plan.gid == 0 && plan.userns, "husk: root");
	husk("--map-current-user");
	ok(plan.uid == 1000 && plan.gid == 100, "--map-current-user: the caller");
	husk("--uid", "7");
	ok(plan.uid == 7 && plan.gid == 0, "--uid alone");
	husk("--map-current-user", "--gid", "7");
	ok(plan.uid == 1000 && plan.gid == 7, "--map-current-user and --gid");
	bwrap("--new-session");
	ok(plan.uid == 1000 && plan.gid == 100 && plan.userns, "bwrap: the caller, in a namespace");
	root_bwrap("--new-session");
	ok(!plan.userns && plan.uid == 0, "bwrap of root: no user namespace");
	root_husk("--new-session");
	ok(plan.userns, "husk of root: one");
}

static void capabilities(void)
{
	husk("--new-session");
	ok(plan.caps == CAPS_ALL, "husk: all");
	husk("--cap-drop", "ALL");
	ok(plan.caps == 0, "none when all are dropped");
	husk("--cap-drop", "ALL", "--cap-add", "chown");
	ok(plan.caps == 1, "and one is added");
	bwrap("--new-session");
	ok(plan.caps == 0, "bwrap: none");
	bwrap("--cap-add", "CAP_CHOWN");
	ok(plan.caps == 1, "but what is added");
	root_bwrap("--new-session");
	ok(plan.caps == root.effective, "bwrap of root: root's own");
	root_bwrap("--unshare-user");
	ok(plan.caps == root.effective, "the same in a user namespace");
	root_husk("--new-session");
	ok(plan.caps == (CAPS_ALL & ~CAP_BIT(CAP_SYS_ADMIN)), "husk of root: no CAP_SYS_ADMIN");
	root_husk("--cap-add", "chown");
	ok(!(plan.caps & CAP_BIT(CAP_SYS_ADMIN)), "nor when another is named");
	root_husk("--cap-add", "sys_admin");
	ok(plan.caps == CAPS_ALL, "unless it is");
	root_husk("--cap-add", "sys_admin", "--cap-drop", "sys_admin");
	ok(!(plan.caps & CAP_BIT(CAP_SYS_ADMIN)), "and stays named");
	husk("--userns", "3");
	ok(!(plan.caps & CAP_BIT(CAP_SYS_ADMIN)), "--userns: no CAP_SYS_ADMIN");
	husk("--userns", "3", "--cap-add", "sys_admin");
	ok(plan.caps & CAP_BIT(CAP_SYS_ADMIN), "unless it is named");
}

static void namespaces(void)
{
	struct caller old = user;
	const uint64_t all =
		CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWCGROUP;

	husk("--unshare-all");
	ok(plan.unshare == (all | CLONE_NEWTIME), "husk: all kinds");
	bwrap("--unshare-all");
	ok(plan.unshare == all, "bwrap: bubblewrap's set, never time");
	husk("--unshare-all", "--share-net");
	ok(!(plan.unshare & CLONE_NEWNET), "but the network");
	old.has_cgroupns = false;
	ok(check(parse("--unshare-all", "c"), &old) == 0 && !(plan.unshare & CLONE_NEWCGROUP),
	   "a kernel without cgroup namespaces, all");
	ok(check(parse("--unshare-cgroup-try", "c"), &old) == 0 && plan.unshare == 0, "one tried");
	ok(check(parse("--unshare-cgroup", "c"), &old) < 0 && says("cgroup"), "one demanded");
}

static void roots(void)
{
	struct caller chrooted = user;

	husk("--new-session");
	ok(plan.root == ROOT_HOST && plan.n_ops == 0, "nothing asked for: the host's tree");
	husk("--unshare-pid");
	ok(plan.root == ROOT_HOST && plan.n_ops == 1 && plan.ops[0].type == OP_PROC,
	   "with a fresh proc for a new pid namespace");
	bwrap("--new-session");
	ok(plan.root == ROOT_NEW, "as bwrap an empty one");
	husk("--ro-bind", "/", "/");
	ok(plan.root == ROOT_IN_PLACE, "a leading bind of / in place");
	husk("--ro-bind", "//./", "//");
	ok(plan.root == ROOT_IN_PLACE, "however it is written");
	husk("--bind", "/usr", "/");
	ok(plan.root == ROOT_NEW, "another directory as root is new");
	husk("--tmpfs", "/x");
	ok(plan.root == ROOT_NEW, "so is what has no root");
	husk("--ro-bind", "/", "/", "--tmpfs", "/");
	ok(plan.root == ROOT_NEW, "and a second root");
	chrooted.root_is_mount = false;
	check(parse("--ro-bind", "/", "/", "c"), &chrooted);
	ok(plan.root == ROOT_NEW, "in a chroot nothing is done in place");
}

static void levels(void)
{
	husk("--ro-bind", "/", "/");
	ok(plan.two_levels && plan.split, "capabilities and mounts: two levels");
	husk("--new-session");
	ok(!plan.two_levels, "the host's tree: one");
	husk("--unshare-pid");
	ok(plan.two_levels, "with a proc of its own: two");
	husk("--ro-bind", "/", "/", "--cap-drop", "ALL");
	ok(!plan.two_levels, "no capabilities: one");
	husk("--ro-bind", "/", "/", "--userns", "3");
	ok(!plan.two_levels, "--userns: one");
	husk("--ro-bind", "/", "/", "--unshare-user", "--userns-block-fd", "3", "--info-fd", "4");
	ok(!plan.two_levels, "--userns-block-fd: one");
	bwrap("--ro-bind", "/", "/");
	ok(!plan.two_levels, "bwrap: one");
	bwrap("--ro-bind", "/", "/", "--cap-add", "ALL");
	ok(plan.two_levels, "but two for capabilities");
	bwrap("--unshare-user", "--disable-userns");
	ok(plan.two_levels, "and for --disable-userns");
	root_bwrap("--ro-bind", "/", "/");
	ok(!plan.two_levels && !plan.userns, "bwrap of root: none");
}

static void lifetime(void)
{
	husk("--new-session");
	ok(plan.init && plan.dies_with_launcher, "husk has an init and dies with its launcher");
	bwrap("--new-session");
	ok(!plan.init && !plan.dies_with_launcher, "bwrap does neither");
	bwrap("--die-with-parent");
	ok(plan.dies_with_launcher, "unless asked");
	bwrap("--unshare-pid");
	ok(plan.init, "a pid namespace has an init");
	bwrap("--lock-file", "/x");
	ok(plan.init, "a lock needs one");
	bwrap("--sync-fd", "3");
	ok(plan.init, "so does --sync-fd");
}

static void deferred(void)
{
	husk("--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--tmpfs", "/tmp", "--bind",
	     "/x", "/proc/y", "--mqueue", "/q");
	ok(plan.ops[1].deferred && !plan.ops[0].deferred && !plan.ops[2].deferred,
	   "a fresh proc waits for the sandbox");
	ok(plan.ops[3].deferred, "so does what lies on it");
	ok(plan.ops[4].deferred, "and the message queues");
	husk("--ro-bind", "/", "/", "--proc", "/proc");
	ok(!plan.ops[1].deferred, "the host's proc does not");
	husk("--unshare-pid", "--bind", "/x", "/procx", "--proc", "/proc");
	ok(!plan.ops[0].deferred, "nor does a name that only begins the same");
}

static void descriptors(void)
{
	husk("--bind-fd", "3", "/a", "--file", "4", "/b", "--bind-fd", "3", "/c");
	ok(plan.ops[0].fd_shared && !plan.ops[1].fd_shared && plan.ops[2].fd_shared,
	   "a descriptor named twice is known");
}

static void paths(void)
{
	ok(plan_path_same("/a//b/./c/", "/a/b/c"), "slashes and dots do not count");
	ok(plan_path_same("/", "//."), "the root has many names");
	ok(!plan_path_same("/a", "/ab"), "a name that goes on is another");
	ok(!plan_path_same("/a/..", "/"), "two dots are not resolved by text");
	ok(plan_path_below("/a/b", "/a") && plan_path_below("/a", "/a"), "below, or the same");
	ok(!plan_path_below("/a", "/a/b") && !plan_path_below("/ab", "/a"),
	   "not above, not beside");
	ok(plan_path_below("/anything", "/"), "everything is below the root");
}

static void appending(void)
{
	int *numbers = NULL, *item;
	size_t n = 0, i, right = 0;

	for (i = 0; i < 1000; i++) {
		item = plan_append(&numbers, &n, sizeof *numbers);
		right += item && *item == 0;
		if (item)
			*item = (int)i;
	}
	for (i = 0; i < 1000; i++)
		right += numbers[i] == (int)i;
	ok(n == 1000 && right == 2000, "an array grows, its elements zeroed");
	free(numbers);
}

int main(void)
{
	rules();
	identity();
	capabilities();
	namespaces();
	roots();
	levels();
	lifetime();
	deferred();
	descriptors();
	paths();
	appending();
	plan_free(&plan);
	return done();
}
