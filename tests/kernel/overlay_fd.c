/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An overlay takes its layers as /proc/self/fd/N, and mountinfo shows those words, on which
 * mount.c relies to resolve each layer once and to show no host path. */

#include "kernel.h"

enum {
	MOUNT, LOWER, UPPER, COPY_UP, LOWER_KEPT, REPLACE, INFO_FD, INFO_HOST,
	ONE_LOWER, RO, RO_WRITE,
	PLUS_STRING, PLUS_FD, PLUS_CREATE, PLUS_MOUNT, PLUS_SEEN, PLUS_INFO_HOST,
	PLUS_STRING_CREATE, PLUS_STRING_INFO_HOST, PLUS_STRING_INFO_FD,
	OTHER_NS,
	MAX
};

/* In the host paths of the layers, and nowhere else. */
#define MARK "hostpath"

static int *res;
static int low1, low2, upper, work;

/* Whether the options of the mount at @point, in mountinfo, hold @text. */
static int options_hold(const char *point, const char *text)
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
			found = strstr(sep, text) != NULL;
	}
	if (f)
		fclose(f);
	return found;
}

static void by_mount(void)
{
	char opt[512];

	snprintf(opt, sizeof(opt), "userxattr,lowerdir=/proc/self/fd/%d:/proc/self/fd/%d,"
		 "upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", low1, low2, upper, work);
	res[MOUNT] = err(sys_mount("overlay", "/tmp/dst", "overlay", 0, opt));
	res[LOWER] = err(access("/tmp/dst/dir2/in2", F_OK));
	res[UPPER] = err(mkdir("/tmp/dst/new", 0755)) ?:
		     err(access("/tmp/" MARK "/upper/new", F_OK));
	res[COPY_UP] = err(mkdir("/tmp/dst/dir1/x", 0755)) ?:
		       err(access("/tmp/" MARK "/upper/dir1/x", F_OK));
	res[LOWER_KEPT] = err(access("/tmp/" MARK "/low1/dir1/x", F_OK));
	res[REPLACE] = err(rmdir("/tmp/dst/empty")) ?: err(mkdir("/tmp/dst/empty", 0755));
	res[INFO_FD] = options_hold("/tmp/dst", "lowerdir=/proc/self/fd/");
	res[INFO_HOST] = options_hold("/tmp/dst", MARK);
}

static void read_only(void)
{
	char opt[256];

	snprintf(opt, sizeof(opt), "userxattr,lowerdir=/proc/self/fd/%d", low1);
	res[ONE_LOWER] = err(sys_mount("overlay", "/tmp/one", "overlay", 0, opt));
	snprintf(opt, sizeof(opt), "userxattr,lowerdir=/proc/self/fd/%d:/proc/self/fd/%d",
		 low1, low2);
	res[RO] = err(sys_mount("overlay", "/tmp/ro", "overlay", 0, opt));
	res[RO_WRITE] = err(mkdir("/tmp/ro/x", 0755));
}

static int config(int fs, unsigned int cmd, const char *key, const void *value, int aux)
{
	return err(syscall(SYS_fsconfig, fs, cmd, key, value, aux));
}

/* Makes a read-only overlay of two layers, added as strings or as fds, and attaches it. */
static void by_fsconfig(bool by_fd, const char *point, int *ret_add, int *ret_create)
{
	int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	const int layer[2] = { low1, low2 };
	char path[32];
	int fd, e = config(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);

	for (int i = 0; i < 2 && e == 0; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", layer[i]);
		e = by_fd ? config(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, layer[i])
			  : config(fs, FSCONFIG_SET_STRING, "lowerdir+", path, 0);
	}
	*ret_add = e;
	if (e == 0) {
		*ret_create = config(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
		fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
		if (by_fd)
			res[PLUS_MOUNT] = err(sys_move_mount(fd, "", AT_FDCWD, point));
		else
			sys_move_mount(fd, "", AT_FDCWD, point);
		close(fd);
	}
	close(fs);
}

/* Layers that are in another mount namespace than the mounter's. */
static void elsewhere(void)
{
	char opt[256];

	snprintf(opt, sizeof(opt), "userxattr,lowerdir=/proc/self/fd/%d:/proc/self/fd/%d",
		 low1, low2);
	res[OTHER_NS] = err(sys_mount("overlay", "/tmp/one", "overlay", 0, opt));
}

static void builder(void)
{
	own_tmp();
	make_dirs("/tmp/dst", "/tmp/ro", "/tmp/one", "/tmp/plus", "/tmp/plusfd", "/tmp/" MARK,
		  "/tmp/" MARK "/low1", "/tmp/" MARK "/low1/dir1", "/tmp/" MARK "/low1/empty",
		  "/tmp/" MARK "/low2", "/tmp/" MARK "/low2/dir2", "/tmp/" MARK "/low2/dir2/in2",
		  "/tmp/" MARK "/upper", "/tmp/" MARK "/work", NULL);
	low1 = open("/tmp/" MARK "/low1", O_PATH | O_DIRECTORY);
	low2 = open("/tmp/" MARK "/low2", O_PATH | O_DIRECTORY);
	upper = open("/tmp/" MARK "/upper", O_PATH | O_DIRECTORY);
	work = open("/tmp/" MARK "/work", O_PATH | O_DIRECTORY);

	by_mount();
	read_only();
	by_fsconfig(false, "/tmp/plus", &res[PLUS_STRING], &res[PLUS_STRING_CREATE]);
	res[PLUS_STRING_INFO_FD] = options_hold("/tmp/plus", "lowerdir+=/proc/self/fd/");
	res[PLUS_STRING_INFO_HOST] = options_hold("/tmp/plus", MARK);
	by_fsconfig(true, "/tmp/plusfd", &res[PLUS_FD], &res[PLUS_CREATE]);
	res[PLUS_SEEN] = err(access("/tmp/plusfd/dir2/in2", F_OK));
	res[PLUS_INFO_HOST] = options_hold("/tmp/plusfd", MARK);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, elsewhere);
}

int main(void)
{
	ordinary_user();
	res = results(MAX);
	run_in(CLONE_NEWUSER | CLONE_NEWNS, builder);

	expect(res[MOUNT], 0, "overlay with its layers as /proc/self/fd/N, userxattr");
	expect(res[LOWER], 0, "a lower layer is seen");
	expect(res[UPPER], 0, "a new directory goes to the upper layer");
	expect(res[COPY_UP], 0, "a changed directory goes to the upper layer");
	expect(res[LOWER_KEPT], ENOENT, "the lower layer is not changed");
	expect(res[REPLACE], 0, "a lower directory can be removed and made again");
	expect(res[INFO_FD], 1, "mountinfo shows lowerdir=/proc/self/fd/N as given");
	expect(res[INFO_HOST], 0, "mountinfo's options show no host path");

	expect(res[ONE_LOWER], EINVAL, "one lower layer without an upper one");
	expect(res[RO], 0, "two lower layers without an upper one");
	expect(res[RO_WRITE], EROFS, "is read-only");

	expect(res[OTHER_NS], EINVAL, "layers that belong to another mount namespace");

	if (res[PLUS_STRING] == EINVAL) {
		skip("this kernel has no lowerdir+");
		return done();
	}
	expect(res[PLUS_STRING], 0,
	       "fsconfig adds layers as strings /proc/self/fd/N with lowerdir+");
	expect(res[PLUS_STRING_CREATE], 0, "lowerdir+ by string: the overlay is made");
	expect(res[PLUS_STRING_INFO_FD], 1,
	       "lowerdir+ by string: mountinfo shows the words as given");
	expect(res[PLUS_STRING_INFO_HOST], 0, "lowerdir+ by string: mountinfo shows no host path");

	if (res[PLUS_FD] == EINVAL) {
		skip("this kernel's lowerdir+ takes no fd");
		return done();
	}
	expect(res[PLUS_FD], 0, "fsconfig adds layers as fds with lowerdir+");
	expect(res[PLUS_CREATE], 0, "lowerdir+ by fd: the overlay is made");
	expect(res[PLUS_MOUNT], 0, "lowerdir+ by fd: the overlay is attached");
	expect(res[PLUS_SEEN], 0, "lowerdir+ by fd: a lower layer is seen");
	expect(res[PLUS_INFO_HOST], 1,
	       "lowerdir+ by fd: mountinfo DOES show the host path, so not for husk");
	return done();
}
