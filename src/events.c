/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes what happens to a sandbox as JSON lines, for programs. */
#include "events.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "fail.h"
#include "json.h"
#include "ns.h"
#include "personality.h"
#include "plan.h"
#include "sys.h"
#include "util.h"
#include "write.h"

/* Of a process's flags in /proc/PID/stat, proc(5) and the kernel's sched.h: forked, no execve
 * since; about to end, or ended. */
#define PF_FORKNOEXEC 0x40
#define PF_EXITING    0x4
/* There is nothing more to do than to tell of a failure, for which nobody might ever make room. */
#define ERROR_MS 5000

/* As write_within(), where a reader that is gone must not end the launcher, signal(7). */
static int write_line(int fd, const struct json *j, int ms)
{
	struct timespec at_once = { 0, 0 };
	sigset_t pipe, before;
	int r;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pipe, &before);
	r = write_within(fd, j->text, j->length, ms);
	if (r == -EPIPE && !sigismember(&before, SIGPIPE))
		sigtimedwait(&pipe, NULL, &at_once);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

static void begin(struct json *j, const char *event)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	json_open(j, NULL, '{');
	json_string(j, "event", event);
	json_number(j, "time", now.tv_sec * 1000000000LL + now.tv_nsec);
}

/* Ends the object, writes it, as write_within(), and frees it. Returns 0 or -errno. */
static int end_within(const struct plan *p, struct json *j, int ms)
{
	int r;

	json_close(j, '}');
	json_newline(j);
	r = j->failed ? -ENOMEM : write_line(p->status_fd, j, ms);
	json_free(j);
	return r;
}

static int end(const struct plan *p, struct json *j)
{
	return end_within(p, j, -1);
}

static void write_words(struct json *j, const char *key, char *const *words, size_t n)
{
	size_t i;

	json_open(j, key, '[');
	for (i = 0; i < n && words[i]; i++)
		json_string(j, NULL, words[i]);
	json_close(j, ']');
}

int events_plan(const struct plan *p, const struct json *explanation, struct fail *f)
{
	struct json j = { 0 };
	int r;

	begin(&j, "plan");
	json_string(&j, "version", p->as->version);
	json_number(&j, "pid", getpid());
	json_value(&j, "plan", explanation);
	r = end(p, &j);
	return r < 0 ? fail_hint(f, fail(f, -r, "--status-fd %d", p->status_fd),
				 "it must be open for writing, with a reader")
		     : 0;
}

void events_namespaces(const struct plan *p, int proc_fd, pid_t child, const uint64_t *ids)
{
	struct json j = { 0 };
	char path[64];
	struct stat st;
	size_t i;

	if (p->status_fd < 0)
		return;
	begin(&j, "namespaces");
	json_number(&j, "pid", child);
	json_open(&j, "namespaces", '{');
	for (i = 0; i < NS_MAX; i++) {
		snprintf(path, sizeof path, "%d/ns/%s", (int)child, namespaces[i].of_command);
		if (ids && ids[i])
			json_number(&j, namespaces[i].name, (long long)ids[i]);
		else if (!ids && fstatat(proc_fd, path, &st, 0) == 0)
			json_number(&j, namespaces[i].name, (long long)st.st_ino);
		else
			json_null(&j, namespaces[i].name);
	}
	json_close(&j, '}');
	end(p, &j);
}

void events_plain(const struct plan *p, const char *event)
{
	struct json j = { 0 };

	if (p->status_fd < 0)
		return;
	begin(&j, event);
	end(p, &j);
}

void events_text(const struct plan *p, const char *event, const char *key, const char *value)
{
	struct json j = { 0 };

	if (p->status_fd < 0)
		return;
	begin(&j, event);
	json_string(&j, key, value);
	end(p, &j);
}

void events_proc(const struct plan *p, const char *dest, enum proc_shown shown)
{
	static const char *const names[] = {
		[PROC_FRESH] = "fresh",
		[PROC_HOST] = "host",
		[PROC_EMPTY] = "empty",
	};
	struct json j = { 0 };

	if (p->status_fd < 0)
		return;
	begin(&j, "proc");
	json_string(&j, "dest", dest);
	json_string(&j, "shown", names[shown]);
	end(p, &j);
}

void events_mask(const struct plan *p, const char *dest, enum mask_made made)
{
	static const char *const names[] = {
		[MASK_NONE] = "none",
		[MASK_OVERLAY] = "overlay",
		[MASK_COVER] = "cover",
	};
	struct json j = { 0 };

	if (p->status_fd < 0)
		return;
	begin(&j, "mask");
	json_string(&j, "dest", dest);
	json_string(&j, "made", names[made]);
	end(p, &j);
}

void events_landlock(const struct plan *p)
{
	struct json j = { 0 };

	if (p->status_fd < 0 || !p->landlock)
		return;
	begin(&j, "landlock");
	json_number(&j, "abi", p->landlock_abi);
	json_bool(&j, "rename", p->landlock_abi >= LANDLOCK_ABI_REFER);
	json_bool(&j, "truncate", p->landlock_abi >= LANDLOCK_ABI_TRUNCATE);
	json_bool(&j, "tcp", p->n_ports > 0);
	json_bool(&j, "devices", p->landlock_abi >= LANDLOCK_ABI_IOCTL);
	json_bool(&j, "sockets-and-signals", p->landlock_abi >= LANDLOCK_ABI_SCOPE);
	end(p, &j);
}

/* The option that failed with its operands, or null and none: or the program, if it was that. */
static void write_operation(struct json *j, const struct plan *p, const struct fail *f)
{
	const struct typed *typed = NULL;
	bool known = f->option && f->operands;

	if (f->kind != FAIL_SETUP && p->command) {
		json_null(j, "operation");
		write_words(j, "operands", p->command, 1);
		return;
	}
	if (f->option && !known)
		typed = plan_find_typed(p, f->option);
	if (typed || known)
		json_string(j, "operation", f->option);
	else
		json_null(j, "operation");
	write_words(j, "operands", typed ? typed->operands : f->operands,
		    typed   ? typed->n_operands
		    : known ? f->n_operands
			    : 0);
}

void events_error(const struct plan *p, const struct fail *f, const char *phase, int exit_status)
{
	int err = f->refusal == REFUSED_NOTHING ? f->err : f->refused_err;
	struct json j = { 0 };

	if (p->status_fd < 0)
		return;
	begin(&j, "error");
	json_string(&j, "step", f->kind != FAIL_SETUP ? "exec" : f->step ? f->step : phase);
	write_operation(&j, p, f);
	if (err)
		json_number(&j, "errno", err);
	else
		json_null(&j, "errno");
	json_string(&j, "error", err ? fail_errno_text(err) : NULL);
	json_string(&j, "text", f->text);
	json_string(&j, "hint", f->hint);
	json_number(&j, "status", exit_status);
	end_within(p, &j, ERROR_MS);
}

static void write_usage(struct json *j)
{
	struct rusage u;

	if (getrusage(RUSAGE_CHILDREN, &u) < 0)
		return;
	json_open(j, "usage", '{');
	json_number(j, "user-us", u.ru_utime.tv_sec * 1000000LL + u.ru_utime.tv_usec);
	json_number(j, "system-us", u.ru_stime.tv_sec * 1000000LL + u.ru_stime.tv_usec);
	json_number(j, "max-rss-kib", u.ru_maxrss);
	json_number(j, "minor-faults", u.ru_minflt);
	json_number(j, "major-faults", u.ru_majflt);
	json_number(j, "blocks-in", u.ru_inblock);
	json_number(j, "blocks-out", u.ru_oublock);
	json_number(j, "voluntary-switches", u.ru_nvcsw);
	json_number(j, "involuntary-switches", u.ru_nivcsw);
	json_close(j, '}');
}

void events_exit(const struct plan *p, int status, int orphans)
{
	struct json j = { 0 };

	if (p->status_fd < 0)
		return;
	begin(&j, "exit");
	if (WIFSIGNALED(status)) {
		json_null(&j, "status");
		json_number(&j, "signal", WTERMSIG(status));
	} else {
		json_number(&j, "status", WEXITSTATUS(status));
		json_null(&j, "signal");
	}
	json_bool(&j, "core", WIFSIGNALED(status) && WCOREDUMP(status));
	json_number(&j, "orphans-killed", orphans);
	write_usage(&j);
	end(p, &j);
}

/* The flags of a process; as of one that ends without an execve where it cannot be seen; or
 * -errno. */
static long process_flags(int proc_fd, pid_t pid)
{
	char text[512], *field;
	ssize_t n;
	CLEANUP(fd_closep) int fd = NO_FD;
	int i;

	snprintf(text, sizeof text, "%d/stat", (int)pid);
	fd = openat(proc_fd, text, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n < 0) /* ended, or hidden: see hidepid in proc(5) */
		return errno == ENOENT || errno == ESRCH || errno == EACCES
			       ? PF_FORKNOEXEC | PF_EXITING
			       : neg_errno();
	text[n] = '\0';
	/* the name, in brackets, may hold anything; the flags are the seventh field after it */
	field = strrchr(text, ')');
	for (i = 0; field && i < 7; i++)
		field = strchr(field + 1, ' ');
	return field ? strtol(field, NULL, 10) : -ENODATA;
}

int events_has_execed(int proc_fd, pid_t pid)
{
	long flags;
	int tries = 0;

	/* execve ends a vfork(2) a moment before it clears the flag */
	while ((flags = process_flags(proc_fd, pid)) >= 0 && flags & PF_FORKNOEXEC &&
	       !(flags & PF_EXITING) && tries++ < 1000)
		sched_yield();
	return flags < 0 ? (int)flags : !(flags & PF_FORKNOEXEC);
}
