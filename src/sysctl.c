/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes settings to the namespaces of the sandbox, and to nothing else.
 *
 * /proc/sys shows whoever looks the settings of their own namespaces, and those of the machine
 * where a kernel has none of its own for a namespace: a pid_max of their own pid namespaces have
 * since Linux 6.14. The real root could then write the machine's. So the launcher opens every
 * setting before the first clone, and inside it must turn out to be another file. Of the last pid
 * given out there is one file for all, which writes to the pid namespace of whoever writes. */
#include "sysctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fail.h"
#include "sandbox.h"
#include "sys.h"
#include "util.h"

#define PID_MAX	      "kernel/pid_max"
#define LAST_PID      "kernel/ns_last_pid"
#define PID_MAX_SINCE "pid namespaces have one of their own since Linux 6.14"

/* One setting, of --sysctl or of --pid-limit. */
struct knob {
	const char *path; /* below /proc/sys */
	const char *value;
	const char *words; /* for errors: the option and what was typed, but for the value */
};

static int open_knob(struct sandbox *sb, const char *path, int flags)
{
	char full[512];

	if (snprintf(full, sizeof full, "sys/%s", path) >= (int)sizeof full)
		return -ENAMETOOLONG;
	return sandbox_proc_open(sb, full, flags);
}

int sysctl_remember(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	size_t i;

	if (p->n_settings == 0 && p->pid_limit == 0)
		return 0;
	sb->host_settings = malloc((p->n_settings + 1) * sizeof *sb->host_settings);
	if (!sb->host_settings)
		return fail(sb->fail, ENOMEM, "Out of memory");
	/* what the host has not, it cannot be */
	for (i = 0; i < p->n_settings; i++)
		sb->host_settings[i] = open_knob(sb, p->settings[i].path, O_PATH);
	sb->host_settings[i] = p->pid_limit ? open_knob(sb, PID_MAX, O_PATH) : NO_FD;
	return 0;
}

static int explain_open(struct sandbox *sb, const struct knob *k, int r)
{
	return fail_hint(sb->fail, fail(sb->fail, -r, "%s", k->words),
			 r == -ENOENT ? "the namespace has no setting of that name"
			 : r == -EACCES || r == -EPERM
				 ? streq(k->path, PID_MAX)
					   ? PID_MAX_SINCE
					   : "this kernel lets only the host's root change it"
			 : r == -EXDEV ? "something is mounted over /proc/sys"
				       : NULL);
}

/* Refuses FD when it is the setting of the host's, HOST. */
static int check_own(struct sandbox *sb, const struct knob *k, int fd, int host)
{
	struct stat have, avoid;

	if (host < 0 || streq(k->path, LAST_PID))
		return 0;
	if (fstat(fd, &have) < 0 || fstat(host, &avoid) < 0)
		return fail(sb->fail, errno, "%s", k->words);
	if (have.st_ino != avoid.st_ino || have.st_dev != avoid.st_dev)
		return 0;
	return fail_hint(sb->fail,
			 fail(sb->fail, 0,
			      "%s: on this kernel it is a setting of the whole machine", k->words),
			 streq(k->path, PID_MAX) ? PID_MAX_SINCE : NULL);
}

/* Refuses a text of which the kernel has kept only the beginning, as it does without a word. */
static int check_kept(struct sandbox *sb, const struct knob *k)
{
	CLEANUP(fd_closep) int fd = NO_FD;
	char text[4096];
	ssize_t n;

	if (k->value[strspn(k->value, "0123456789-+ \t")] == '\0')
		return 0;
	fd = open_knob(sb, k->path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, sizeof text);
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\0'))
		n--;
	if (n > 0 && (size_t)n < strlen(k->value) && memcmp(text, k->value, (size_t)n) == 0)
		return fail(sb->fail, 0, "%s: the kernel has cut the value short", k->words);
	return 0;
}

static int write_knob(struct sandbox *sb, const struct knob *k, int host)
{
	CLEANUP(fd_closep) int fd = open_knob(sb, k->path, O_WRONLY);
	size_t length = strlen(k->value);
	ssize_t n;
	int r;

	if (fd < 0)
		return explain_open(sb, k, fd);
	r = check_own(sb, k, fd, host);
	if (r < 0)
		return r;
	/* an empty value is a line without anything on it: nothing at all would not be written */
	n = length > 0 ? write(fd, k->value, length) : write(fd, "\n", 1) - 1;
	if (n < 0)
		return fail_hint(sb->fail, fail(sb->fail, errno, "%s", k->words),
				 errno == EINVAL || errno == ERANGE
					 ? "the kernel does not take that "
					   "value"
					 : NULL);
	if ((size_t)n < length)
		return fail(sb->fail, 0, "%s: the kernel has taken only a part of the value",
			    k->words);
	return check_kept(sb, k);
}

/* The names of a uts namespace can be set through /proc/sys by the host's root only. */
static int set_name(struct sandbox *sb, const struct knob *k)
{
	int r = streq(k->path, "kernel/hostname") ? sethostname(k->value, strlen(k->value))
						  : setdomainname(k->value, strlen(k->value));

	return r < 0 ? fail_hint(sb->fail, fail(sb->fail, errno, "%s", k->words),
				 errno == EINVAL ? "such a name has at most 64 bytes" : NULL)
		     : 0;
}

int sysctl_write(struct sandbox *sb)
{
	const struct plan *p = sb->plan;
	char value[16], words[1024];
	struct knob k = { .words = words };
	size_t i;
	int r = 0;

	for (i = 0; i < p->n_settings && r == 0; i++) {
		k.path = p->settings[i].path;
		k.value = p->settings[i].value;
		snprintf(words, sizeof words, "--sysctl %s", p->settings[i].word);
		r = p->settings[i].ns == CLONE_NEWUTS ? set_name(sb, &k)
						      : write_knob(sb, &k, sb->host_settings[i]);
	}
	if (r < 0 || p->pid_limit == 0)
		return r;
	k = (struct knob){ .path = PID_MAX, .value = value, .words = words };
	/* the kernel's number is the first that is not given out */
	snprintf(value, sizeof value, "%u", p->pid_limit + 1);
	snprintf(words, sizeof words, "--pid-limit %u", p->pid_limit);
	return write_knob(sb, &k, sb->host_settings[i]);
}
