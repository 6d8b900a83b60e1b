/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* husk: runs a command in a sandbox made of namespaces and bind mounts, as an ordinary user.
 *
 * The map of the sources, in call order:
 *
 *   main.c         this file: words → plan → check → launch → exit status; alone prints errors
 *   personality.c  what differs between husk and the bwrap that it can be called as
 *   options.c      THE option table: words → struct plan, purely; parse.c: the walk by it;
 *                  opt_values.c opt_identity.c opt_root.c opt_command.c opt_limits.c opt_policy.c:
 *                  its handlers; rlimit.c setting.c: the names of limits, of settings;
 *                  slurp.c: what --args reads
 *   heap.c         the memory that malloc(3) gives
 *   sealed.c       husk itself, run from a copy that nobody can write to
 *   claim.c        the descriptors that options name: claimed before there are others
 *   envfile.c      --env-file: lines → edits of the environment (env.c builds it)
 *   caller.c       who calls, and whether with more privilege than it should have
 *   subid.c        which subordinate ids the caller has, for --map-auto; helper.c: programs of the
 *                  system
 *   plan.c         the plan, as data (plan_path.c: its paths); plan_check.c: what follows from the
 *                  options; rules.c: against each other;
 *                  rules_join.c: against who is joined; rules_masks.c: masks against what comes
 *                  after them; ranges.c: id maps put together
 *   explain.c      --help, --dump-options; facts.c: --explain, --explain-json
 *                  (fact_identity.c fact_limits.c fact_ops.c fact_walls.c; fact.c: one fact, for
 *                  a person and as JSON)
 *   offers.c       --features; trials.c: what the kernel offers, by trying
 *   launch.c       the launcher: preparations, first clone
 *   supervise.c    the launcher: messages, status, wait; survivors.c: what a dead init left;
 *                  watcher.c: ends a command without an init with the launcher; doze.c: sleeps
 *                  with little memory, as pid 1 does
 *   forward.c      the launcher: signals to the command, stops of it
 *   mapper.c       the launcher: id maps of ranges, by newuidmap and newgidmap
 *   relay.c        the launcher: between the caller's terminal and that of --pty
 *   status.c       --info-fd, --json-status-fd; events.c: --status-fd (ns.c: the namespaces)
 *   notify.c       starts and ends the supervisor of --fake-root-consistent: src/fakeroot
 *   channel.c      messages between the launcher and the inside
 *   trace.c        the time of each step, with HUSK_TRACE
 *   builder.c      first user namespace, step by step (steps.c walks the tables of steps); root.c:
 *                  the steps that make the root
 *   mount.c        a pair of functions an operation; the larger: overlay.c dev.c proc.c kernfs.c
 *                  create.c mask.c (place.c: where what is hidden lies; mountinfo.c: the table of
 *                  mounts; reach.c: what is reached)
 *   harbour.c      where mounts lie that no path may meet
 *   dest.c         destinations: looked up, and created, inside the new root
 *   join.c target.c  who owns the namespaces to join; walls.c: what else confines a process to
 *                  join (procfile.c: what /proc tells of processes)
 *   enter.c        the way into them
 *   timens.c       the clocks of a new time namespace
 *   inside.c       second user namespace: the last mounts, the walls
 *   idmap.c fds.c fdpass.c json.c net.c audit.c seccomp.c tty.c pty.c wait.c label.c landlock.c
 *   lock.c caps.c write.c: what the steps call
 *   diagnose.c     after a failure: why the kernel refused (cause.c: how that is told;
 *                  cause_permission.c cause_limit.c: of user namespaces, of how many)
 *   policy.c       seccomp policies, and filters made of names: filter.c family.c; src/policy
 *   init.c         pid 1 of the sandbox (spawn.c: starts the command; children.c: ends the others)
 *   selftest.c     --self-test: what the plan promises; probe.c: tries it, as the command;
 *                  probe_ids.c: who that is; probe_walls.c: filters, limits, Landlock
 *   command.c      the command: capabilities, directory, descriptors, filters; exec.c: execve
 *
 * fakeroot/ has the supervisor of --fake-root-consistent, a program of its own: see its main.c */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "caller.h"
#include "claim.h"
#include "diagnose.h"
#include "env.h"
#include "envfile.h"
#include "events.h"
#include "explain.h"
#include "facts.h"
#include "fail.h"
#include "heap.h"
#include "offers.h"
#include "json.h"
#include "launch.h"
#include "options.h"
#include "personality.h"
#include "plan.h"
#include "probe.h"
#include "sealed.h"
#include "selftest.h"
#include "slurp.h"
#include "trace.h"
#include "tty.h"
#include "util.h"

extern char **environ;

/* Mostly room for text that is hardly ever written. As part of the stack, or in front of other
 * variables, it would spread them over more pages, which this process and the init keep: as a
 * common symbol it is the last. */
struct fail failure __attribute__((common));

/* What malloc(3) gives, on as few pages as it takes. */
struct heap heap;
char heap_first[HEAP_FIRST] __attribute__((common));

static const struct personality *choose_personality(const char *program)
{
	const char *slash = strrchr(program, '/');

	return streq(slash ? slash + 1 : program, "bwrap") ? &personality_bwrap : &personality_husk;
}

/* The option whose last operand is the word before END, or NULL. */
static const char *find_taker(const struct plan *p, char *const *end)
{
	size_t i;

	for (i = 0; i < p->n_ops; i++)
		if (p->ops[i].n_operands > 0 && p->ops[i].operands + p->ops[i].n_operands == end)
			return p->ops[i].option;
	for (i = 0; i < p->n_typed; i++)
		if (p->typed[i].n_operands > 0 &&
		    p->typed[i].operands + p->typed[i].n_operands == end)
			return p->typed[i].option;
	return NULL;
}

/* What was meant to be the command, the last word before END, may have been taken by an option that
 * lacks an operand. */
static int fail_no_command(const struct plan *p, char *const *end, struct fail *f)
{
	const char *taker = find_taker(p, end);

	return fail_hint(
		f,
		taker ? fail(f, 0, "no command is given: “%s” is an operand of %s", end[-1], taker)
		      : fail(f, 0, "no command is given"),
		"usage: husk [OPTIONS...] [--] COMMAND [ARGS...]; --help lists the "
		"options");
}

/* Prints TEXT to standard error; under explains, control characters of an operand do not reach the
 * terminal. */
static void print_text(const char *text, bool escape)
{
	for (; *text; text++) {
		bool c1 = (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] >= 0x80 &&
			  (unsigned char)text[1] < 0xa0;

		if (escape && c1) /* as one character of UTF-8 */
			fprintf(stderr, "\\xc2\\x%02x", (unsigned char)*++text);
		else if (escape && ((unsigned char)*text < 0x20 || *text == 0x7f))
			fprintf(stderr, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, stderr);
	}
}

static void print_failure(const struct plan *p, const struct fail *f)
{
	fprintf(stderr, "%s%s: ", p->level_prefix ? "<3>" : "", p->as->name);
	if (p->as->explains && f->step && strncmp(f->text, f->step, strlen(f->step)) != 0)
		fprintf(stderr, "%s: ", f->step);
	print_text(f->text, p->as->explains);
	if (f->err)
		fprintf(stderr, ": %s", fail_errno_text(f->err));
	fputc('\n', stderr);
	if (p->as->explains && f->hint)
		fprintf(stderr, "%s%s: hint: %s\n", p->level_prefix ? "<3>" : "", p->as->name,
			f->hint);
}

static void print_warnings(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n_warnings; i++)
		fprintf(stderr, "%s%s: Only the last %s option will take effect\n",
			p->warnings[i].prefixed ? "<4>" : "", p->as->name, p->warnings[i].option);
}

static int exit_status_of(const struct plan *p, const struct fail *f)
{
	switch (f->kind) {
	case FAIL_NOEXEC:
		return p->as->exit_noexec;
	case FAIL_NOTFOUND:
		return p->as->exit_notfound;
	case FAIL_SETUP:
		break;
	}
	return p->as->exit_setup;
}

/* Reads a list of --args from FD, and closes that, unless the command is to find it at its end: 0,
 * 1 and 2 it has, whatever else they are. */
static int read_list(int fd, char **ret_data, size_t *ret_length)
{
	int r, copy = fd <= 2 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : fd;

	if (copy < 0)
		return neg_errno();
	r = slurp_fd(copy, ret_data, ret_length);
	if (r < 0 && copy != fd)
		fd_close(copy);
	return r;
}

/* Where the kernel keeps the words and the environment that it shows of this process: one piece of
 * memory. */
static size_t args_length(char **argv, char **env)
{
	char *end = argv[0] + strlen(argv[0]) + 1;
	size_t i;

	for (i = 1; argv[i]; i++)
		if (argv[i] == end)
			end += strlen(end) + 1;
	for (i = 0; env[i]; i++)
		if (env[i] == end)
			end += strlen(end) + 1;
	return (size_t)(end - argv[0]);
}

/* What could not be printed is an error, as is what was lost before the last of it. */
static int flush(struct fail *f)
{
	return fflush(stdout) == 0 && !ferror(stdout)
		       ? 0
		       : fail(f, errno, "Can't write to the standard output");
}

static int inform(const struct plan *p, const char *program, struct fail *f)
{
	int r = 0;

	switch (p->action) {
	case ACTION_HELP:
		explain_help(p, program, stdout);
		break;
	case ACTION_VERSION:
		puts(p->as->version);
		break;
	case ACTION_DUMP_OPTIONS:
		explain_options(stdout);
		break;
	case ACTION_FEATURES:
		r = offers_print(p->as, stdout, f);
		break;
	case ACTION_USAGE:
		explain_help(p, program, stderr);
		break;
	case ACTION_RUN:
	case ACTION_EXPLAIN:
	case ACTION_EXPLAIN_JSON:
		break;
	}
	if (r == 0)
		r = flush(f);
	if (r < 0)
		print_failure(p, f);
	return r < 0 || p->action == ACTION_USAGE ? p->as->exit_setup : 0;
}

static bool explains(const struct plan *p)
{
	return p->action == ACTION_EXPLAIN || p->action == ACTION_EXPLAIN_JSON;
}

static int tell_plan(const struct plan *p, const struct caller *caller, struct fail *f)
{
	struct json explanation;
	int r;

	facts_write(p, caller, &explanation);
	r = events_plan(p, &explanation, f);
	json_free(&explanation);
	return r;
}

/* Carries out the plan. *RET_PHASE says how far it came, for a failure that no step explains. */
static int run(struct plan *p, char **argv, struct trace *trace, int *ret_status,
	       const char **ret_phase, struct fail *f)
{
	struct caller caller;
	struct launch l = { .plan = p,
			    .caller = &caller,
			    .parent = p->die_with_parent ? getppid() : 0 };
	bool terminal;
	int r;

	*ret_phase = "plan";
	r = claim_fds(p, f);
	if (r < 0)
		return r;
	r = tty_reserve(&terminal);
	if (r < 0)
		return fail(f, -r, "/dev/null");
	trace_lap(trace, "launcher", "descriptors");
	l.terminal = terminal;
	l.proc_fd = caller_open_proc(f);
	if (l.proc_fd < 0)
		return l.proc_fd;
	r = envfile_load(p, f);
	if (r == 0)
		r = caller_gather(p, l.proc_fd, &caller, f);
	trace_lap(trace, "launcher", "caller");
	if (r == 0)
		r = plan_check(p, &caller, f);
	if (r < 0)
		return r;
	trace_lap(trace, "launcher", "plan");
	if (explains(p)) {
		r = facts_print(p, &caller, p->action == ACTION_EXPLAIN_JSON, stdout);
		return r < 0 ? fail(f, -r, "Out of memory") : flush(f);
	}
	r = p->self_test ? selftest_prepare(p, &caller, l.proc_fd, terminal, f) : 0;
	if (r < 0)
		return r;
	r = p->status_fd >= 0 ? tell_plan(p, &caller, f) : 0;
	if (r < 0)
		return r;
	r = env_build(p, environ, &l.env, &l.n_env);
	if (r < 0)
		return fail(f, -r, "Out of memory");
	trace_lap(trace, "launcher", "environment");
	*ret_phase = "launch";
	l.trace = *trace;
	l.args_start = argv[0];
	l.args_length = args_length(argv, environ);
	r = launch_run(&l, ret_status, f);
	if (r < 0)
		diagnose(p, &caller, l.proc_fd, f);
	return r;
}

int main(int argc, char **argv)
{
	const char *phase = "options";
	struct trace trace;
	struct plan plan;
	int r, status = 0;

	if (argc > 0 && streq(argv[0], SELFTEST_NAME))
		return probe_main(argv + 1);
	failure.set = false;
	failure.kind = FAIL_SETUP;
	fail_step(&failure, NULL, NULL);
	plan_init(&plan, choose_personality(argc > 0 ? argv[0] : "husk"));
	trace_start(&trace, getenv("HUSK_TRACE") != NULL);
	r = argc > 0 ? caller_refuse_privilege(&failure)
		     : fail(&failure, 0, "called without a name");
	if (r == 0)
		r = options_parse(&plan, argv + 1, plan.as->closes_fds ? read_list : slurp_fd,
				  &failure);
	trace_lap(&trace, "launcher", "options");
	/* its copy begins anew, and prints the warnings */
	if (r == 0 && (plan.action == ACTION_RUN || explains(&plan)))
		r = sealed_run(&plan, argv, &failure);
	print_warnings(&plan);
	/* whoever forgot the command need not read every option */
	if (r == 0 && plan.action == ACTION_USAGE && plan.as->explains)
		r = fail_no_command(&plan, argv + argc, &failure);
	if (r == 0 && plan.action != ACTION_RUN && !explains(&plan))
		return inform(&plan, argv[0], &failure);
	if (r == 0)
		r = run(&plan, argv, &trace, &status, &phase, &failure);
	if (r < 0) {
		status = exit_status_of(&plan, &failure);
		print_failure(&plan, &failure);
		events_error(&plan, &failure, phase, status);
		return status;
	}
	if (WIFSIGNALED(status)) {
		if (plan.as->dies_of_signal)
			launch_die_of(WTERMSIG(status));
		_exit(128 + WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status)); /* nothing is left to flush */
}
