/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An overlay takes its layers as /proc/self/fd/N, and mountinfo shows those words, on which
 * mount.c relies to resolve each layer once and to show no host path. */

#include "kernel.h"

#include <sys/xattr.h>

enum {
	MOUNT,
	LOWER,
	UPPER,
	COPY_UP,
	LOWER_KEPT,
	REPLACE,
	INFO_FD,
	INFO_HOST,
	ONE_LOWER,
	RO,
	RO_WRITE,
	VALUE_OF_255,
	VALUE_OF_256,
	SHORT,
	SHORT_SEEN,
	SHORT_INFO,
	SHORT_INFO_HOST,
	LONG,
	LONG_CLONE,
	LONG_MOVE,
	LONG_SEEN,
	LONG_INFO,
	LONG_INFO_HOST,
	OTHER_NS,
	CAN_REPLACE,
	MAX
};

/* In the host paths of the layers, and nowhere else. */
#define MARK   "hostpath"

#define LAYERS 300

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

	snprintf(opt, sizeof(opt),
		 "userxattr,lowerdir=/proc/self/fd/%d:/proc/self/fd/%d,"
		 "upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d",
		 low1, low2, upper, work);
	res[MOUNT] = err(sys_mount("overlay", "/tmp/dst", "overlay", 0, opt));
	res[LOWER] = err(access("/tmp/dst/dir2/in2", F_OK));
	res[UPPER] =
		err(mkdir("/tmp/dst/new", 0755)) ?: err(access("/tmp/" MARK "/upper/new", F_OK));
	res[COPY_UP] = err(mkdir("/tmp/dst/dir1/x", 0755))
			       ?: err(access("/tmp/" MARK "/upper/dir1/x", F_OK));
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
	snprintf(opt, sizeof(opt), "userxattr,lowerdir=/proc/self/fd/%d:/proc/self/fd/%d", low1,
		 low2);
	res[RO] = err(sys_mount("overlay", "/tmp/ro", "overlay", 0, opt));
	res[RO_WRITE] = err(mkdir("/tmp/ro/x", 0755));
}

static int config(int fs, unsigned int cmd, const char *key, const void *value, int aux)
{
	return err(syscall(SYS_fsconfig, fs, cmd, key, value, aux));
}

/* The names of the layers are looked up from the directory of our descriptors: "10:11". */
static void by_fsconfig(void)
{
	int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	char value[257];
	int fd;

	memset(value, '/', 256);
	value[256] = '\0';
	res[VALUE_OF_256] = config(fs, FSCONFIG_SET_STRING, "lowerdir", value, 0);
	value[255] = '\0';
	res[VALUE_OF_255] = config(fs, FSCONFIG_SET_STRING, "lowerdir", value, 0);
	close(fs);

	fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	snprintf(value, sizeof(value), "%d:%d", low1, low2);
	config(fs, FSCONFIG_SET_STRING, "lowerdir", value, 0);
	config(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
	res[SHORT] = config(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	sys_move_mount(fd, "", AT_FDCWD, "/tmp/short");
	close(fd);
	close(fs);
	res[SHORT_SEEN] = err(access("/tmp/short/dir2/in2", F_OK));
	snprintf(value, sizeof(value), "lowerdir=%d:%d", low1, low2);
	res[SHORT_INFO] = options_hold("/tmp/short", value);
	res[SHORT_INFO_HOST] = options_hold("/tmp/short", MARK);
}

/* More layers than a value of fsconfig(2) holds, by mount(2), then cloned and attached elsewhere.
 */
static void many(void)
{
	char opt[4096] = "userxattr,lowerdir=", name[32];
	int fd, i;

	for (i = 0; i < LAYERS; i++) {
		snprintf(name, sizeof(name), "/tmp/" MARK "/%d", i);
		mkdir(name, 0755);
		fd = open(name, O_PATH | O_DIRECTORY);
		sprintf(opt + strlen(opt), "%s%d", i > 0 ? ":" : "", fd);
	}
	mkdirat(fd, "in-last", 0755);
	res[LONG] = err(sys_mount("overlay", "/tmp/one", "overlay", 0, opt));
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/tmp/one", OPEN_TREE_CLONE | AT_RECURSIVE);
	res[LONG_CLONE] = err(fd);
	res[LONG_MOVE] = err(sys_move_mount(fd, "", AT_FDCWD, "/tmp/long"));
	res[LONG_SEEN] = err(access("/tmp/long/in-last", F_OK));
	res[LONG_INFO] = options_hold("/tmp/long", strstr(opt, "lowerdir="));
	res[LONG_INFO_HOST] = options_hold("/tmp/long", MARK);
}

static void in_fd_dir(void (*f)(void))
{
	if (fchdir(proc_fd) == 0 && chdir("self/fd") == 0)
		f();
	if (chdir("/") < 0)
		_exit(99);
}

/* Layers that are in another mount namespace than the mounter's. */
static void elsewhere(void)
{
	char opt[256];

	snprintf(opt, sizeof(opt), "userxattr,lowerdir=/proc/self/fd/%d:/proc/self/fd/%d", low1,
		 low2);
	res[OTHER_NS] = err(sys_mount("overlay", "/tmp/one", "overlay", 0, opt));
}

static void builder(void)
{
	own_tmp();
	make_dirs("/tmp/dst", "/tmp/ro", "/tmp/one", "/tmp/short", "/tmp/long", "/tmp/" MARK,
		  "/tmp/" MARK "/low1", "/tmp/" MARK "/low1/dir1", "/tmp/" MARK "/low1/empty",
		  "/tmp/" MARK "/low2", "/tmp/" MARK "/low2/dir2", "/tmp/" MARK "/low2/dir2/in2",
		  "/tmp/" MARK "/upper", "/tmp/" MARK "/work", NULL);
	low1 = open("/tmp/" MARK "/low1", O_PATH | O_DIRECTORY);
	low2 = open("/tmp/" MARK "/low2", O_PATH | O_DIRECTORY);
	upper = open("/tmp/" MARK "/upper", O_PATH | O_DIRECTORY);
	work = open("/tmp/" MARK "/work", O_PATH | O_DIRECTORY);

	by_mount();
	read_only();
	res[CAN_REPLACE] = err(setxattr("/tmp/" MARK "/upper", "user.test", "", 0, 0));
	in_fd_dir(by_fsconfig);
	in_fd_dir(many);
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
	if (res[CAN_REPLACE] == EOPNOTSUPP)
		/* a tmpfs has them since 6.6: so without, --tmp-overlay cannot do this */
		expect(res[REPLACE], EIO,
		       "a lower directory made again where the upper layer "
		       "has no user attributes");
	else
		expect(res[REPLACE], 0, "a lower directory can be removed and made again");
	expect(res[INFO_FD], 1, "mountinfo shows lowerdir=/proc/self/fd/N as given");
	expect(res[INFO_HOST], 0, "mountinfo's options show no host path");

	expect(res[ONE_LOWER], EINVAL, "one lower layer without an upper one");
	expect(res[RO], 0, "two lower layers without an upper one");
	expect(res[RO_WRITE], EROFS, "is read-only");

	expect(res[OTHER_NS], EINVAL, "layers that belong to another mount namespace");

	expect(res[VALUE_OF_255], 0, "fsconfig takes a value of 255 bytes");
	expect(res[VALUE_OF_256], EINVAL, "and none of 256");
	expect(res[SHORT], 0, "fsconfig: layers named from the directory of our descriptors");
	expect(res[SHORT_SEEN], 0, "fsconfig: a lower layer is seen");
	expect(res[SHORT_INFO], 1, "fsconfig: mountinfo shows the words as given");
	expect(res[SHORT_INFO_HOST], 0, "fsconfig: mountinfo shows no host path");

	expect(res[LONG], 0, "mount(2) takes %d layers", LAYERS);
	expect(res[LONG_CLONE], 0, "what it has mounted can be cloned");
	expect(res[LONG_MOVE], 0, "and the clone attached elsewhere");
	expect(res[LONG_SEEN], 0, "mount(2): the last layer is seen");
	expect(res[LONG_INFO], 1, "mount(2): mountinfo shows the words as given");
	expect(res[LONG_INFO_HOST], 0, "mount(2): mountinfo shows no host path");
	return done();
}
