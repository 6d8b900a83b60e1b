/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks at what else than its namespaces confines a process that is to be joined.
 *
 * Whoever joins it must not be confined less. What can be had of its walls is taken over: the limit
 * of capabilities, the resource limits, the cgroup. What cannot, seccomp filters and Landlock
 * rules, is noticed: a process's filters are counted by the kernel; its rules are shown nowhere,
 * but a husk that has put some up keeps a mark of it, outside, where nobody in the sandbox can take
 * it away. Where the process is the first one of its pid namespace it may be an init, with fewer
 * walls than the command that it has started: then its children count as well. */
#include "walls.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "broken.h"
#include "caps.h"
#include "fail.h"
#include "plan.h"
#include "procfile.h"
#include "rlimit.h"
#include "sys.h"
#include "util.h"

/* So far up, and no further, husk looks for what it has in common with a sandbox. */
#define ANCESTORS_MAX 64
/* An ancestor of whom a child is known may be gone the next moment. */
#define CLIMBS_MAX 100

/* What the search for the walls of a process has found out on its way. */
struct search {
	int proc_fd;
	struct join *join;
	bool husks; /* a husk has made the sandbox */
	bool typed; /* from a terminal, against which each command has a filter */
	bool pretends; /* with --fake-root, as the command will */
	uint64_t own[RLIM_NLIMITS][2]; /* the caller's limits, soft and hard */
	uint64_t theirs[RLIM_NLIMITS][2]; /* the lowest of all that count */
};

/* True when one of the standard descriptors of process PID, a launcher, or its session, has a
 * terminal: a filter of husk's own is then what its command had from the beginning. */
static bool has_terminal(int proc_fd, pid_t pid)
{
	char text[1024], path[64], *end;
	struct stat st;
	int i, tty = 0;

	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%d/fd/%d", (int)pid, i);
		if (fstatat(proc_fd, path, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
		    (major(st.st_rdev) == TTY_MAJOR ||
		     (major(st.st_rdev) >= UNIX98_PTY_SLAVE_MAJOR &&
		      major(st.st_rdev) < UNIX98_PTY_SLAVE_MAJOR + 8)))
			return true;
	}
	if (procfile_read_of(proc_fd, pid, "stat", text, sizeof text) < 0)
		return false;
	end = strrchr(text, ')');
	return end && sscanf(end + 1, " %*c %*d %*d %*d %d", &tty) == 1 && tty != 0;
}

/* Reads the limits of the process that PATH is the file of, proc_pid_limits(5): a line each in the
 * order of their numbers, the name in 26 columns, then the soft and the hard value in 21 each. */
static int read_limits(int proc_fd, const char *path, uint64_t ret[static RLIM_NLIMITS][2])
{
	char text[4096], word[24], *line = text, *at;
	ssize_t n = procfile_read(proc_fd, path, text, sizeof text);
	size_t i, k;

	if (n < 0)
		return (int)n;
	for (i = 0; i < RLIM_NLIMITS; i++) {
		line = strchr(line, '\n');
		if (!line || strnlen(++line, 26) < 26)
			return -EPROTO;
		for (at = line + 26, k = 0; k < 2; k++) {
			int length = 0;

			if (sscanf(at, "%20s%n", word, &length) != 1 ||
			    rlimit_parse_value(word, strlen(word), &ret[i][k]) < 0)
				return -EPROTO;
			at += length;
		}
	}
	return 0;
}

static int add_limits(struct search *s, pid_t pid)
{
	uint64_t values[RLIM_NLIMITS][2] = { 0 };
	char path[64];
	size_t i, k;
	int r;

	snprintf(path, sizeof path, "%d/limits", (int)pid);
	r = BROKEN("join-limited") ? 0 : read_limits(s->proc_fd, path, values);
	for (i = 0; i < RLIM_NLIMITS && r == 0 && !BROKEN("join-limited"); i++)
		for (k = 0; k < 2; k++)
			if (values[i][k] < s->theirs[i][k])
				s->theirs[i][k] = values[i][k];
	return r;
}

/* Takes the walls of process PID into account. On success *RET_FIRST tells whether it is the first
 * of its pid namespace. */
static int add_walls(struct search *s, pid_t pid, bool *ret_first)
{
	char status[8192];
	ssize_t n = procfile_status_of(s->proc_fd, pid, status, sizeof status);
	uint64_t filters, bounding, own = s->pretends + s->typed;
	bool strict;

	if (n < 0)
		return (int)n;
	bounding = procfile_field(status, "\nCapBnd:", 16, NULL, 0);
	if (!BROKEN("join-bounded"))
		s->join->bounding &= bounding;
	filters = procfile_field(status, "\nSeccomp_filters:", 10, NULL, 0);
	strict = procfile_field(status, "\nSeccomp:", 10, NULL, 0) == 1; /* SECCOMP_MODE_STRICT */
	if ((filters > own || strict) && !BROKEN("join-filtered"))
		s->join->lacking |= WALL_SECCOMP;
	/* which of another launcher's refuses what nobody can tell */
	s->join->terminal |= s->typed || (!s->husks && (filters > 0 || strict));
	*ret_first = procfile_field(status, "\nNSpid:", 10, NULL, 0) == 1;
	return add_limits(s, pid);
}

static int fail_process(struct fail *f, int r, const char *pid)
{
	return fail(f, -r, "Can't tell what confines process %s", pid);
}

/* All those that count. */
static int gather_processes(struct search *s, struct fail *f)
{
	char children[4096] = "", name[64], *pid, *save;
	bool first, ignored;
	ssize_t n;
	int r = add_walls(s, s->join->pid, &first);

	snprintf(name, sizeof name, "%d", (int)s->join->pid);
	if (r < 0)
		return fail_process(f, r, name);
	if (!first)
		return 0;
	snprintf(name, sizeof name, "task/%d/children", (int)s->join->pid);
	n = procfile_read_of(s->proc_fd, s->join->pid, name, children, sizeof children);
	if (n == -ENOENT)
		return 0; /* a kernel without such lists */
	snprintf(name, sizeof name, "%d", (int)s->join->pid);
	if (n < 0)
		return fail_process(f, (int)n, name);
	/* a number cut short by the end of the buffer would be somebody else's */
	if (n == sizeof children - 1 && (pid = strrchr(children, ' ')))
		*pid = '\0';
	for (pid = strtok_r(children, " ", &save); pid; pid = strtok_r(NULL, " ", &save)) {
		r = add_walls(s, atoi(pid), &ignored);
		if (r < 0 && r != -ENOENT && r != -ESRCH)
			return fail_process(f, r, pid);
	}
	return 0;
}

/* The limits that are lower than the caller's. */
static int choose_limits(struct search *s)
{
	struct join *join = s->join;
	struct limit *l;
	int i;

	for (i = 0; i < RLIM_NLIMITS; i++) {
		if (s->theirs[i][0] == s->own[i][0] && s->theirs[i][1] == s->own[i][1])
			continue;
		l = plan_append(&join->limits, &join->n_limits, sizeof *l);
		if (!l)
			return -ENOMEM;
		*l = (struct limit){ .resource = i,
				     .soft = s->theirs[i][0],
				     .hard = s->theirs[i][1] };
	}
	return 0;
}

/* The parent of a process, 0 when it has none here, or -errno: -ESRCH when it is gone. */
static pid_t parent_of(int proc_fd, const char *who)
{
	char status[8192];
	ssize_t n = procfile_status(proc_fd, who, status, sizeof status);

	if (n < 0)
		return n == -ENOENT ? -ESRCH : (pid_t)n;
	return (pid_t)procfile_field(status, "\nPPid:", 10, NULL, 0);
}

/* The ancestors of the caller, the nearest first, as far as the pid namespace goes. Returns their
 * number or -errno. */
static int find_ancestors(int proc_fd, pid_t ret[static ANCESTORS_MAX])
{
	char name[16] = "self";
	int n = 0;
	pid_t pid = 0;

	while (n < ANCESTORS_MAX && (pid = parent_of(proc_fd, name)) > 0) {
		ret[n++] = pid;
		snprintf(name, sizeof name, "%d", (int)pid);
	}
	return pid < 0 && pid != -ESRCH ? pid : n;
}

/* True when the program of process PID is called husk. */
static bool is_husk(int proc_fd, pid_t pid)
{
	char path[64], link[4096], *name;
	ssize_t n;

	snprintf(path, sizeof path, "%d/exe", (int)pid);
	n = readlinkat(proc_fd, path, link, sizeof link - 1);
	if (n <= 0)
		return false;
	link[n] = '\0';
	name = strrchr(link, '/');
	if (!name)
		return false;
	name += strncmp(name, "/memfd:", 7) == 0 ? 7 : 1;
	return streq(name, "husk") || streq(name, "husk (deleted)");
}

/* 1 when LINK, of the directory FDS of a process's descriptors, leads to the mark of a launcher
 * that has put up Landlock rules, 0 when it does not, or nobody may look, else -errno. */
static int is_mark(int fds, const char *link)
{
	static const char mark[] = "/memfd:" LANDLOCK_MARK " ";
	char text[64];
	ssize_t n = readlinkat(fds, link, text, sizeof text - 1);

	/* "." and ".." are no links, and the mark has no long name */
	if (n < 0)
		return errno == EINVAL || errno == ENAMETOOLONG || errno == ENOENT ||
				       errno == EACCES || errno == ESRCH
			       ? 0
			       : neg_errno();
	text[n] = '\0';
	return strncmp(text, mark, sizeof mark - 1) == 0;
}

/* The same of all that process PID, a launcher, has. */
static int is_marked(int proc_fd, pid_t pid)
{
	struct dirent *entry;
	char path[64];
	int fd, r = 0;
	DIR *dir;

	snprintf(path, sizeof path, "%d/fd", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		r = errno == ENOENT || errno == EACCES || errno == ESRCH ? 0 : neg_errno();
		fd_close(fd);
		return r;
	}
	while (r == 0) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			r = errno == 0 || errno == ENOENT ? 0 : neg_errno(); /* gone meanwhile */
			break;
		}
		r = is_mark(fd, entry->d_name);
	}
	closedir(dir);
	return r;
}

/* True when WORD is among the options of process PID, a launcher, as it was called. */
static bool has_word(int proc_fd, pid_t pid, const char *word)
{
	char text[16384], *at;
	ssize_t n = procfile_read_of(proc_fd, pid, "cmdline", text, sizeof text);

	for (at = text; n > 0 && at < text + n && !streq(at, "--"); at += strlen(at) + 1)
		if (streq(at, word))
			return true;
	return false;
}

/* True when two processes are in one namespace of this kind, as far as they can be looked at. */
static bool share(int proc_fd, const char *kind, const char *who, pid_t pid)
{
	char path[64];
	struct stat a, b;

	snprintf(path, sizeof path, "%s/ns/%s", who, kind);
	if (fstatat(proc_fd, path, &a, 0) < 0)
		return false;
	snprintf(path, sizeof path, "%d/ns/%s", (int)pid, kind);
	return fstatat(proc_fd, path, &b, 0) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Looks at process PID, which may have made the sandbox. What a process inside says of itself, by
 * its name, its words or a terminal of its own making, must not make walls seem to be husk's own;
 * that it has a mark may. */
static int look_at(struct search *s, const struct plan *p, pid_t pid)
{
	int marked = BROKEN("join-marked") ? 0 : is_marked(s->proc_fd, pid);
	char name[16];

	if (marked < 0)
		return marked;
	if (marked)
		s->join->lacking |= WALL_LANDLOCK;
	snprintf(name, sizeof name, "%d", (int)s->join->pid);
	if (!share(s->proc_fd, "user", "self", pid) || share(s->proc_fd, "mnt", name, pid) ||
	    !is_husk(s->proc_fd, pid))
		return 0;
	s->husks = true;
	s->typed |= has_terminal(s->proc_fd, pid);
	s->pretends |= p->pretence && has_word(s->proc_fd, pid, "--fake-root");
	return 0;
}

/* Looks at the ancestors of the process, however many those inside have put between it and its
 * launcher, up to one of the N of OURS. Returns 0 or -errno: -ESRCH when one of them was gone
 * before it could tell who comes next. */
static int climb(struct search *s, const struct plan *p, const pid_t *ours, int n)
{
	char name[16];
	pid_t pid;
	int i, r;

	snprintf(name, sizeof name, "%d", (int)s->join->pid);
	while ((pid = parent_of(s->proc_fd, name)) > 0) {
		for (i = 0; i < n; i++)
			if (ours[i] == pid)
				return 0;
		r = look_at(s, p, pid);
		if (r < 0)
			return r;
		snprintf(name, sizeof name, "%d", (int)pid);
	}
	return pid;
}

/* Looks at whoever has made the sandbox, and those around it: what the process and the caller have
 * in common confines both. */
static int look_at_launchers(struct search *s, const struct plan *p)
{
	pid_t ours[ANCESTORS_MAX];
	int n = find_ancestors(s->proc_fd, ours), i, r = -ESRCH;

	for (i = 0; i < CLIMBS_MAX && n >= 0 && r == -ESRCH; i++)
		r = climb(s, p, ours, n);
	return n < 0 ? n : r;
}

/* The path in the line of TEXT, a file /proc/PID/cgroup, that begins with HIERARCHY, its number and
 * controllers; copied to RET. Returns false when there is none. */
static bool find_path(const char *text, const char *hierarchy, size_t length, char *ret,
		      size_t size)
{
	const char *line, *end;

	for (line = text; line && *line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (strncmp(line, hierarchy, length) != 0)
			continue;
		snprintf(ret, size, "%.*s",
			 (int)((end ? end : strchr(line, '\0')) - line - (int)length),
			 line + length);
		return true;
	}
	return false;
}

/* Opens the directory of the cgroup PATH where such hierarchies are mounted. Returns -ENOENT when
 * it is not there. */
static int open_cgroup(const char *path)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;
	int top, fd = NO_FD;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mounts) && fd < 0; i++) {
		top = open(mounts[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (top >= 0 && fstatfs(top, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			fd = sys_openat2(top, path + 1, O_PATH | O_DIRECTORY | O_CLOEXEC,
					 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
		fd_close(top);
	}
	return fd < 0 ? -ENOENT : fd;
}

/* Who is in the same cgroup of every hierarchy with controllers, or in one below it, is within the
 * same limits. Into a cgroup2 the command can be born; hierarchies of the first version, of which
 * one without controllers, as systemd's, counts nothing, it could only be moved about in. */
static int gather_cgroup(struct search *s, struct fail *f)
{
	struct join *join = s->join;
	char theirs[8192], ours[8192], want[4096], have[4096], *line, *save, *path;
	ssize_t n = procfile_read_of(s->proc_fd, join->pid, "cgroup", theirs, sizeof theirs);
	size_t length;

	if (n >= 0)
		n = procfile_read(s->proc_fd, "self/cgroup", ours, sizeof ours);
	if (n == -ENOENT || BROKEN("join-in-cgroup"))
		return 0; /* a kernel without cgroups */
	if (n >= 0 && (strlen(theirs) == sizeof theirs - 1 || strlen(ours) == sizeof ours - 1))
		n = -EOVERFLOW; /* the line that counts may be among those left out */
	if (n < 0)
		return fail(f, (int)-n, "Can't tell the cgroup of process %d", (int)join->pid);
	for (line = strtok_r(theirs, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		path = strchr(line, ':');
		if (!path || strncmp(path, ":name=", 6) == 0 || !(path = strchr(path + 1, ':')))
			continue;
		length = (size_t)(++path - line);
		if (strlen(path) >= sizeof want)
			return fail(f, ENAMETOOLONG, "The cgroup of process %d", (int)join->pid);
		strcpy(want, path);
		if (!find_path(ours, line, length, have, sizeof have) ||
		    plan_path_below(have, want))
			continue;
		free(join->cgroup);
		join->cgroup = strdup(want);
		if (!join->cgroup)
			return fail(f, ENOMEM, "Out of memory");
		join->cgroup_fd = strncmp(line, "0::", 3) == 0 ? open_cgroup(want) : NO_FD;
		if (join->cgroup_fd < 0) {
			join->lacking |= WALL_CGROUP;
			return 0;
		}
	}
	return 0;
}

int walls_check_cgroup(int proc_fd, const struct join *join, struct fail *f)
{
	char text[8192], path[4096];
	ssize_t n = procfile_read(proc_fd, "self/cgroup", text, sizeof text);

	if (n > 0 && find_path(text, "0::", 3, path, sizeof path) && streq(path, join->cgroup))
		return 0;
	return fail(f, n < 0 ? (int)-n : EXDEV,
		    "The cgroup %s of process %d is not the one entered", join->cgroup,
		    (int)join->pid);
}

int walls_gather(const struct plan *p, int proc_fd, struct join *ret, struct fail *f)
{
	struct search s = { .proc_fd = proc_fd, .join = ret };
	int r = read_limits(proc_fd, "self/limits", s.own);

	if (r < 0)
		return fail_process(f, r, "self");
	memcpy(s.theirs, s.own, sizeof s.own);
	r = look_at_launchers(&s, p);
	r = r < 0 ? fail(f, -r, "Can't tell who has made the sandbox of process %d", (int)ret->pid)
		  : gather_processes(&s, f);
	if (r == 0 && choose_limits(&s) < 0)
		r = fail(f, ENOMEM, "Out of memory");
	if (r == 0 && p->cgroup_fd < 0 && !(p->join_without & WALL_CGROUP))
		r = gather_cgroup(&s, f);
	return r;
}
