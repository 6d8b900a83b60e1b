/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lets whoever sleeps long drop the memory that only the start needed.
 *
 * Of a sandbox two processes of husk stay, and nearly all that they have in memory is text and
 * tables that will not be used again, or only at the end: from there the kernel reads them again.
 * What lives for less than a second pays nothing for that.
 *
 * One page fault maps sixteen pages around. So what runs between the dropping and the sleeping is
 * in one place, which is not dropped, and calls the kernel without the C library. */
#include "doze.h"

#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "util.h"

#define SECOND 1000 /* ms */

/* More than the deepest of our functions has used of the stack. */
#define STACK 131072

struct drop {
	uintptr_t keep, page; /* two pages from the first on stay; the size of one */
	struct {
		uintptr_t start, end;
	} ranges[8];
	size_t n;
};

/* A system call, in line where it is known how, returning -errno. */
static inline long call(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = 0;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = 0;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
#else
	long r = syscall(number, a, b, c, d, 0);

	return r < 0 ? neg_errno() : r;
#endif
}

static void add(struct drop *drop, uintptr_t start, uintptr_t end)
{
	if (start < end && drop->n < ARRAY_SIZE(drop->ranges)) {
		drop->ranges[drop->n].start = start;
		drop->ranges[drop->n++].end = end;
	}
}

/* Adds what the program itself has of its file and never writes to; the C library's is everybody's.
 */
static int add_program(struct dl_phdr_info *info, size_t size, void *data)
{
	struct drop *drop = data;
	uintptr_t start, end, stop = drop->keep + 2 * drop->page;
	size_t i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD || (info->dlpi_phdr[i].p_flags & PF_W))
			continue;
		start = (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr) & -drop->page;
		end = (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz +
		       drop->page - 1) &
		      -drop->page;
		if (drop->keep < end && stop > start) {
			add(drop, start, drop->keep);
			start = stop;
		}
		add(drop, start, end);
	}
	return 1; /* it is the first */
}

/* Drops, and makes the system call. Too large for no more than two pages it must not become. */
static __attribute__((noinline)) long drop_and_call(const struct drop *drop, long number, long a,
						    long b, long c, long d)
{
	size_t i;

	for (i = 0; i < drop->n; i++)
		call(SYS_madvise, (long)drop->ranges[i].start,
		     (long)(drop->ranges[i].end - drop->ranges[i].start), MADV_DONTNEED, 0);
	return call(number, a, b, c, d);
}

/* Finds what to drop, and drops it before the system call. */
static long doze(long number, long a, long b, long c, long d)
{
	struct drop drop = { .page = (uintptr_t)sysconf(_SC_PAGESIZE) };
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & -drop.page;

	drop.keep = (uintptr_t)drop_and_call & -drop.page;
	/* of the stack, what lies deeper than drop_and_call() can */
	add(&drop, here - STACK, here - drop.page);
	dl_iterate_phdr(add_program, &drop);
	return drop_and_call(&drop, number, a, b, c, d);
}

int doze_poll(struct pollfd *fds, size_t n)
{
	long r = poll(fds, n, SECOND);

	if (r != 0)
		return (int)r;
	r = doze(SYS_ppoll, (long)(uintptr_t)fds, (long)n, 0, 0);
	if (r >= 0)
		return (int)r;
	errno = (int)-r;
	return -1;
}

static void wake(int sig)
{
	(void)sig;
}

void doze_soon(void)
{
	const struct sigaction action = { .sa_handler = wake };

	if (sigaction(SIGALRM, &action, NULL) == 0)
		alarm(SECOND / 1000);
}

void doze_wait(void)
{
	siginfo_t info;

	doze(SYS_waitid, P_ALL, 0, (long)(uintptr_t)&info, WEXITED | WNOWAIT);
}
