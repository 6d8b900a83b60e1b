/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a command; one system call of one of its processes fails, or that process is killed at it.
 *
 * strace(1) can do that with inject=CALL:when=N too, but it counts in every process by itself and
 * cannot name one: the first mount(2) of a launch's third process would never be reached, since the
 * launch has ended with the first one of its second process. Here an address is complete: the
 * process, in the order in which they begin; the call; how many times that process has made it.
 *
 * inject REPORT TIMEOUT list            -- COMMAND...     reports every call
 * inject REPORT TIMEOUT PROC:CALL:N:ERR -- COMMAND...     that call fails with errno ERR
 * inject REPORT TIMEOUT PROC:CALL:N:kill -- COMMAND...    the process dies by SIGKILL before it
 *
 * What tracing must not disturb:
 *  - A process is traced until it executes a program, from then on it is the sandboxed command.
 *  - This process is the subreaper, so that whatever outlives the launch becomes its child. It
 *    waits for all of them, tracees and children: a process whose parent is traced too stays
 *    visible to it until both have waited.
 *  - The kernel delivers signals that would be ignored, SIGCHLD above all, to a tracer: they
 *    interrupt calls that go on as restart_syscall(2), which nobody has made and is not counted.
 *  - A call that fails here has not happened, but for close(2), which frees the descriptor
 *    whatever it returns; and brk(2) returns no error but the old break. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "inject.c: say how this architecture's registers hold a call's number and result"
#endif

#define PROCESSES 64
#define CALLS 512
#define GRACE 3.0 /* seconds after the launcher's end until what is left counts as left */
#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | \
		 PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

struct process {
	pid_t pid;
	unsigned made[CALLS];
	bool alive, traced, fails; /* fails: its present call returns the error */
	long new_break; /* what its present brk(2) asks for and does not get */
};

static struct {
	int report;
	bool list, kill, hit;
	unsigned process, call, nth;
	int error;
	struct process processes[PROCESSES];
	unsigned n_processes, executed;
} run = { .report = -1 };

static volatile sig_atomic_t ticks;

static void on_tick(int number)
{
	(void)number;
	ticks++;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vdprintf(run.report, format, ap);
	va_end(ap);
}

/* The process with this pid; one that is new gets the next number. */
static struct process *find(pid_t pid)
{
	unsigned i;

	for (i = 0; i < run.n_processes; i++)
		if (run.processes[i].alive && run.processes[i].pid == pid)
			return &run.processes[i];
	if (run.n_processes == PROCESSES)
		exit(70);
	run.processes[i] = (struct process){ .pid = pid, .alive = true, .traced = true };
	run.n_processes++;
	return &run.processes[i];
}

static void set_register(pid_t pid, size_t offset, long value)
{
	ptrace(PTRACE_POKEUSER, pid, offset, value);
}

static void call_begins(struct process *p, unsigned call, long operand)
{
	unsigned number = (unsigned)(p - run.processes);

	if (call >= CALLS || call == SYS_restart_syscall || run.executed == 0)
		return;
	p->made[call]++;
	if (run.list)
		report("call %u %u %u\n", number, call, p->made[call]);
	if (run.list || number != run.process || call != run.call || p->made[call] != run.nth)
		return;
	run.hit = true;
	report("hit\n");
	if (run.kill) {
		kill(p->pid, SIGKILL);
	} else if (call == SYS_brk) {
		p->new_break = operand;
		set_register(p->pid, offsetof(struct user_regs_struct, rdi), 0);
	} else {
		p->fails = true;
		if (call != SYS_close)
			set_register(p->pid, offsetof(struct user_regs_struct, orig_rax), -1);
	}
}

static void syscall_stop(struct process *p)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof info, &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		call_begins(p, (unsigned)info.entry.nr, (long)info.entry.args[0]);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && p->new_break) {
		/* the C library compares the result with what the register held before */
		set_register(p->pid, offsetof(struct user_regs_struct, rdi), p->new_break);
		p->new_break = 0;
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && p->fails) {
		p->fails = false;
		set_register(p->pid, offsetof(struct user_regs_struct, rax), -run.error);
	}
}

/* Lets a stopped process go on. */
static void stopped(struct process *p, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16, deliver = 0, how = PTRACE_SYSCALL;
	unsigned long child;

	if (sig == (SIGTRAP | 0x80)) {
		syscall_stop(p);
	} else if (event == PTRACE_EVENT_EXEC) {
		if (++run.executed > 1) {
			p->traced = false;
			how = PTRACE_DETACH;
			report("exec\n");
		}
	} else if (event == PTRACE_EVENT_STOP) {
		how = sig == SIGTRAP ? PTRACE_SYSCALL : PTRACE_LISTEN;
	} else if (event) {
		if (ptrace(PTRACE_GETEVENTMSG, p->pid, 0, &child) == 0)
			find((pid_t)child);
	} else {
		deliver = sig;
	}
	ptrace(how, p->pid, 0, deliver);
}

static pid_t start(char **command)
{
	int go[2];
	pid_t pid;
	char byte;

	if (pipe2(go, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		exit(70);
	if (pid == 0) {
		close(go[1]);
		if (read(go[0], &byte, 1) == 1)
			execv(command[0], command);
		_exit(70);
	}
	if (ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 ||
	    write(go[1], "", 1) != 1)
		exit(70);
	close(go[0]);
	close(go[1]);
	return pid;
}

/* Reports and kills what is left: tracees, and what the subreaper has got. */
static void kill_left(bool tell)
{
	char path[64], name[64] = "", children[4096] = "", *pid, *save;
	unsigned i;
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, children, sizeof children - 1);

	close(fd);
	children[n > 0 ? n : 0] = '\0';
	for (pid = strtok_r(children, " ", &save); pid; pid = strtok_r(NULL, " ", &save)) {
		snprintf(path, sizeof path, "/proc/%s/comm", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, name, sizeof name - 1);
		name[n > 0 ? n - 1 : 0] = '\0';
		close(fd);
		if (tell)
			report("left %s\n", name);
		kill(atoi(pid), SIGKILL);
	}
	for (i = 0; i < run.n_processes; i++)
		if (run.processes[i].alive)
			kill(run.processes[i].pid, SIGKILL);
}

/* Waits for the launcher, then for everybody, until the time is up. */
static void watch(pid_t launcher, double timeout)
{
	double end = now() + timeout;
	bool ended = false, over = false;
	struct process *p;
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno == ECHILD)
			return;
		if (now() > end) {
			if (!over && !ended)
				report("hang\n");
			kill_left(!over && ended);
			over = true;
			end = now() + 0.1;
		}
		if (pid < 0)
			continue;
		p = find(pid);
		if (WIFSTOPPED(status)) {
			stopped(p, status);
			continue;
		}
		p->alive = false;
		if (pid == launcher && !over) {
			ended = true;
			end = now() + GRACE;
			report("end %d\n", status);
		}
	}
}

static void parse(char *spec)
{
	char *action = NULL;

	run.list = strcmp(spec, "list") == 0;
	if (run.list)
		return;
	run.process = (unsigned)strtoul(spec, &spec, 10);
	run.call = (unsigned)strtoul(spec + 1, &spec, 10);
	run.nth = (unsigned)strtoul(spec + 1, &action, 10);
	run.kill = strcmp(action, ":kill") == 0;
	run.error = atoi(action + 1);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_tick };
	struct itimerval timer = { { 0, 100000 }, { 0, 100000 } };
	pid_t launcher;

	if (argc < 6)
		return 70;
	run.report = atoi(argv[1]);
	fcntl(run.report, F_SETFD, FD_CLOEXEC);
	parse(argv[3]);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	launcher = start(argv + 5);
	report("pid %d\n", (int)launcher);
	/* after the fork, which does not inherit it, and which the kernel would not let go on */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	watch(launcher, atof(argv[2]));
	return 0;
}
