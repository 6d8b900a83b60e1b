/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends what is left of a sandbox without a pid namespace when somebody has killed its init.
 *
 * The init would have ended everybody, and the kernel does it in a pid namespace. Here nobody is
 * their parent any more; but all of them are in the user namespace that was made for them, which
 * no process can leave but for one below it. */
#include "survivors.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "sys.h"
#include "util.h"

/* Whether the process, a directory of /proc, lives in USERNS or below. */
static bool is_inside(int process, ino_t userns)
{
	struct stat st;
	int fd, parent;

	/* of a zombie the user namespace can still be seen, this one not */
	if (fstatat(process, "ns/mnt", &st, 0) < 0)
		return false;
	fd = openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fstat(fd, &st) == 0) {
		if (st.st_ino == userns) {
			fd_close(fd);
			return true;
		}
		parent = ioctl(fd, NS_GET_PARENT); /* close-on-exec */
		fd_close(fd);
		fd = parent;
	}
	fd_close(fd);
	return false;
}

/* Kills those that are found in one pass. Returns how many. */
static int kill_found(int proc_fd, ino_t userns)
{
	int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CLEANUP(fd_closep) int process = NO_FD;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		process = openat(proc_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process >= 0 && is_inside(process, userns) &&
		    sys_pidfd_send_signal(process, SIGKILL) == 0)
			n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

void survivors_kill(int proc_fd, int userns)
{
	CLEANUP(fd_closep)
	int self = openat(proc_fd, "self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (self < 0 || fstat(userns, &st) < 0 || is_inside(self, st.st_ino))
		return;
	while (kill_found(proc_fd, st.st_ino) > 0)
		poll(NULL, 0, 1);
}
