#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command types into the caller's terminal, for the caller's shell to run it afterwards."""

import re
import struct

from rows import BWRAP, HOST, HUSK, SMALL, ProbeCase, main

BROKEN = {
    'terminal-filter': ['Terminal.test_in_place'],
    'terminal-high-bits': ['Terminal.test_in_place'],
    'terminal-other-machines': ['Terminal.test_in_place'],
}

# tries to type a command at each descriptor, in every way the kernel offers; prints the errors
INJECT = r'''
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *low;

static long legacy(long fd, unsigned long request, void *argument)
{
	long r;

	asm volatile("int $0x80" : "=a"(r) : "a"(54L), "b"(fd), "c"(request), "d"(argument)
		     : "memory", "r8", "r9", "r10", "r11");
	r = (int)r;
	if (r < 0) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

static void say(const char *how, const char *where, unsigned long request, long r)
{
	printf("%s %s %lx: %s\n", how, where, request, r < 0 ? strerrorname_np(errno) : "ok");
	fflush(stdout);
}

/* What a device takes as an ioctl(2) may also come by a queue: see io_uring_enter(2), of
 * IORING_OP_URING_CMD. */
static long queued(int fd, unsigned long request, void *argument)
{
	struct io_uring_params p = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 1, &p);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	char *sq, *cq;

	if (ring < 0)
		return -1;
	sq = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqe == MAP_FAILED)
		return -1;
	memset(sqe, 0, sizeof *sqe);
	sqe->opcode = 46; /* IORING_OP_URING_CMD */
	sqe->fd = fd;
	sqe->off = (unsigned)request;
	sqe->addr = (unsigned long)argument;
	*(unsigned *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	close(ring);
	errno = cqe->res < 0 ? -cqe->res : 0;
	return cqe->res < 0 ? -1 : 0;
}

static void all(int fd, const char *where)
{
	static const unsigned long high[] = {
		0, 1UL << 32, 0xffffffffUL << 32, 1UL << 63, 0x12345678UL << 32
	};
	static const unsigned long request[] = { TIOCSTI, TIOCLINUX };
	unsigned i, k;

	for (k = 0; k < 2; k++) {
		low[0] = k ? 2 : 'i';
		for (i = 0; i < sizeof high / sizeof *high; i++)
			say("x86-64", where, request[k] | high[i],
			    syscall(SYS_ioctl, fd, request[k] | high[i], low));
		say("queue", where, request[k], queued(fd, request[k], low));
		say("i386", where, request[k], legacy(fd, request[k], low));
		say("x32", where, request[k], syscall(0x40000000 | 514, fd, request[k], low));
		say("x32", where, request[k], syscall(0x40000000 | 16, fd, request[k], low));
	}
}

int main(void)
{
	int fd;

	low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		   -1, 0);
	all(0, "stdin");
	all(1, "stdout");
	all(2, "stderr");
	fd = open("/dev/tty", O_RDWR);
	if (fd >= 0)
		all(fd, "tty");
	fd = open("/dev/console", O_RDWR);
	if (fd >= 0)
		all(fd, "console");
	return 0;
}
'''

# what a machine without x32, or a kernel that has no such queue for terminals, says instead
UNKNOWN = {'x32': ('EPERM', 'ENOSYS'), 'queue': ('EPERM', 'ENOSYS', 'EOPNOTSUPP', 'EINVAL')}
ALLOW, ERRNO = 0x7fff0000, 0x50000
SYS_IOCTL, SYS_UMASK = 16, 95


def bpf(number, action):
    """A filter with this action for one system call of x86-64, the rest allowed."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, action), (0x06, 0, 0, ALLOW)]
    return b''.join(struct.pack('HBBI', *insn) for insn in code)


class Terminal(ProbeCase):
    """Nothing appears in the queue of the terminal, whatever is tried inside."""

    def inject(self, *args, program=HUSK, **kw):
        snippet = self.inside_c(INJECT, 'inject')
        r = self.pty([program, *args, *(['--'] if program else []), snippet] if program else
                     [snippet], **kw)
        tried = re.findall(r'(?m)^(\S+) (\S+) (\S+): (\w+)\r$', r.out)
        return r, tried

    def refused(self, *args, program=HUSK):
        """Each try ends with EPERM; x32, and queues for terminals, the kernel may not have."""
        r, tried = self.inject(*args, program=program)
        self.assertEqual(r.rc, 0, r)
        self.assertGreaterEqual(len(tried), 54, r)
        wrong = [t for t in tried if t[3] not in UNKNOWN.get(t[0], ('EPERM',))]
        self.assertEqual(wrong, [])
        self.assertEqual(r.left, b'')

    def test_host_tree(self):
        self.refused()

    def test_in_place(self):
        self.refused(*HOST)

    def test_with_its_own_dev(self):
        """Its /dev/console is the terminal, too."""
        r, tried = self.inject(*SMALL)
        self.assertEqual({t[1] for t in tried}, {'stdin', 'stdout', 'stderr', 'tty', 'console'}, r)
        self.refused(*SMALL)

    def test_under_a_policy(self):
        for policy in ('default', 'strict'):
            r, tried = self.inject(*SMALL, '--seccomp-policy', policy)
            self.assertGreaterEqual(len(tried), 48, r)
            self.assertEqual([t for t in tried if t[3] == 'ok'], [])
            self.assertEqual(r.left, b'')

    def test_in_a_session_of_its_own(self):
        r, tried = self.inject(*SMALL, '--new-session')
        self.assertEqual([t for t in tried if t[3] == 'ok'], [])
        self.assertEqual(r.left, b'')

    def test_without_capabilities(self):
        self.refused(*HOST, '--cap-drop', 'ALL', '--map-current-user')

    def test_as_bwrap(self):
        self.refused(*SMALL, program=BWRAP)

    def test_as_bwrap_with_capabilities(self):
        self.refused(*SMALL, '--cap-add', 'ALL', program=BWRAP)

    def test_only_stdin_is_the_terminal(self):
        snippet = self.inside_c(INJECT, 'inject')
        for redirect in ('>{0} 2>&1', '<&- >{0} 2>&1', '</dev/null >{0}', '</dev/null >{0} 2>&1'):
            with self.subTest(redirect):
                out = self.path('out')
                r = self.pty(['sh', '-c', f'{HUSK} -- {snippet} ' + redirect.format(out)])
                with open(out, encoding='ascii') as f:
                    text = f.read()
                tried = re.findall(r'(?m)^(\S+) (\S+) \S+: (\w+)$', text + r.out.replace('\r', ''))
                self.assertTrue([t for t in tried if t[1] == 'tty'], text)
                # /dev/null takes what is queued for it
                self.assertEqual([t for t in tried if t[2] in ('ok', 'EIO') and
                                  t[:2] != ('queue', 'stdin')], [])
                self.assertEqual(r.left, b'')

    def test_the_callers_filter_decides_between_equal_actions(self):
        """The caller's filter is the newest: its number is what the command sees."""
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                fd = self.fd(bpf(SYS_IOCTL, ERRNO | 77))
                r, tried = self.inject(*HOST, '--seccomp', fd, program=program, pass_fds=[fd])
                native = {t[3] for t in tried if t[0] == 'x86-64'}
                self.assertEqual(native, {'EBADFD'}, r)
                self.assertEqual(r.left, b'')

    def test_the_callers_filter_cannot_allow_it(self):
        fd = self.fd(bpf(SYS_UMASK, ERRNO | 77))
        r, tried = self.inject(*HOST, '--seccomp', fd, pass_fds=[fd])
        self.assertEqual([t for t in tried if t[3] == 'ok'], [])
        self.assertEqual(r.left, b'')

    def test_the_attack_is_real(self):
        """Without a sandbox the text arrives where the kernel still has the call."""
        r, tried = self.inject(program=None)
        sti = [t for t in tried if t[0] == 'x86-64' and t[2] == '5412']
        if {t[3] for t in sti} == {'EIO'}:
            self.skipTest('dev.tty.legacy_tiocsti is 0')
        self.assertIn(b'i', r.left)


if __name__ == '__main__':
    main()
