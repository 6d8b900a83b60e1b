#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sandbox changes its view: by a namespace within, or by calls that a filter does not know.

Tried by every call that makes or enters a namespace or moves mounts, of each ABI that the machine
runs.
"""

import re

from rows import BWRAP, HOST, HUSK, PROC, SMALL, USR, ProbeCase, main
from harness import strace_calls

BROKEN = {
    'userns-limit': ['UserNamespaces.test_disabled', 'UserNamespaces.test_every_way'],
    'userns-limit-outside': ['UserNamespaces.test_the_limit_cannot_be_lifted'],
    'policy-loaded,audit-filters': ['Strict', 'Audit.test_a_policy_that_is_not_loaded'],
    'landlock-restricted,audit-landlock': 'Audit.test_rules_that_are_not_in_force',
    'audit-filters': 'Audit.test_a_filter_that_is_not_there',
    'audit-landlock': 'Audit.test_rules_that_are_not_there',
}

# tries all of it, each in a process of its own; prints "NAME: ERROR", a line each
TRY = r'''
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *low;

static long legacy(long nr, long a, long b, long c, long d, long e)
{
	long r;

	asm volatile("push %%rbp\n\tint $0x80\n\tpop %%rbp"
		     : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory", "r8", "r9", "r10", "r11");
	r = (int)r;
	if (r < 0) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

/* Says how a call ended. A child that it made ends at once. */
static void say(const char *name, long r)
{
	printf("%s: %s\n", name, r < 0 ? strerrorname_np(errno) : "ok");
	fflush(stdout);
	_exit(0);
}

#define TRY(name, call)                                  \
	do {                                             \
		pid_t pid_ = fork();                     \
		if (pid_ == 0)                           \
			say(name, (call));               \
		waitpid(pid_, NULL, 0);                  \
	} while (0)

static long clones(long r)
{
	if (r == 0)
		_exit(0);
	return r;
}

static long clone_new(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };

	return clones(syscall(SYS_clone3, &args, sizeof args));
}

static long clone_plain(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	return clones(syscall(SYS_clone3, &args, sizeof args));
}

static long ask(const char *ns, unsigned long what)
{
	int fd = open(ns, O_RDONLY), of = fd < 0 ? -1 : ioctl(fd, what);

	return of < 0 ? -1 : setns(of, 0);
}

int main(void)
{
	int user = open("/proc/self/ns/user", O_RDONLY), mnt = open("/proc/self/ns/mnt", O_RDONLY);

	low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		   -1, 0);
	TRY("unshare user", unshare(CLONE_NEWUSER));
	TRY("unshare mnt", unshare(CLONE_NEWNS));
	TRY("unshare all", unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID));
	TRY("clone user", clones(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)));
	TRY("clone mnt", clones(syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0)));
	TRY("clone3 user", clone_new());
	TRY("clone3 plain", clone_plain());
	TRY("setns own user", setns(user, CLONE_NEWUSER));
	TRY("setns own mnt", setns(mnt, CLONE_NEWNS));
	TRY("owner of mnt", ask("/proc/self/ns/mnt", NS_GET_USERNS));
	TRY("parent of user", ask("/proc/self/ns/user", NS_GET_PARENT));
	TRY("mount", syscall(SYS_mount, "t", "/mnt", "tmpfs", 0, NULL));
	TRY("umount", syscall(SYS_umount2, "/proc", 2));
	TRY("pivot_root", syscall(SYS_pivot_root, ".", "."));
	TRY("chroot", chroot("/"));
	TRY("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	TRY("fspick", syscall(SYS_fspick, AT_FDCWD, "/", 0));
	TRY("fsconfig", syscall(SYS_fsconfig, 0, 0, NULL, NULL, 0));
	TRY("fsmount", syscall(SYS_fsmount, 0, 0, 0));
	TRY("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
	TRY("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/", AT_FDCWD, "/mnt", 0));
	TRY("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, low, 32));
	TRY("open_tree_attr", syscall(467, AT_FDCWD, "/", 0, low, 32));
	TRY("io_uring_setup", syscall(SYS_io_uring_setup, 1, low));
	TRY("io_uring_enter", syscall(SYS_io_uring_enter, 0, 1, 0, 0, NULL, 0));
	TRY("io_uring_register", syscall(SYS_io_uring_register, 0, 0, NULL, 0));
	TRY("ptrace", syscall(SYS_ptrace, 0x4206, 1, 0, 0));
	TRY("unknown 900", syscall(900));
	TRY("unknown 999999", syscall(999999));
	TRY("unknown x32", syscall(0x40000000 | 272, CLONE_NEWUSER));
	TRY("unshare i386 user", legacy(310, CLONE_NEWUSER, 0, 0, 0, 0));
	TRY("unshare i386 mnt", legacy(310, CLONE_NEWNS, 0, 0, 0, 0));
	TRY("clone i386 user", clones(legacy(120, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)));
	TRY("setns i386", legacy(346, user, 0, 0, 0, 0));
	strcpy(low, "/proc");
	TRY("umount i386", legacy(52, (long)low, 2, 0, 0, 0));
	TRY("fsopen i386", legacy(430, (long)low, 0, 0, 0, 0));
	TRY("open_tree i386", legacy(428, AT_FDCWD, (long)low, 1, 0, 0));
	TRY("move_mount i386", legacy(429, AT_FDCWD, (long)low, AT_FDCWD, (long)low, 0));
	TRY("mount_setattr i386", legacy(442, AT_FDCWD, (long)low, 0, (long)low + 8, 32));
	TRY("io_uring_setup i386", legacy(425, 1, (long)low, 0, 0, 0));
	TRY("unknown i386", legacy(900, 0, 0, 0, 0, 0));
	return 0;
}
'''


def attempts(case, program, *args):
    """What each call inside such a sandbox gives: {name: "ok" or an error}."""
    r = case.run_cmd([program, *args, '--', case.inside_c(TRY, 'try')])
    case.assertEqual(r.rc, 0, r)
    return dict(re.findall(r'(?m)^(.*): (\w+)$', r.out))


class UserNamespaces(ProbeCase):
    """With --disable-userns no way leads to another one."""

    def test_disabled(self):
        for program, more in ((HUSK, ()), (HUSK, ('--cap-drop', 'ALL')), (HUSK, ('--uid', '7')),
                              (BWRAP, ('--unshare-user',)),
                              (BWRAP, ('--unshare-user', '--cap-add', 'ALL'))):
            with self.subTest(program, more=more):
                self.check([*SMALL, *more, '--disable-userns'], ('fork unshare user', 'ENOSPC'),
                           ('fork unshare user,mnt', ('ENOSPC', 'EPERM')), program=program)

    def test_every_way(self):
        """No kind of call gets one, as a program of this machine or as one of 32 bits."""
        for program, more in ((HUSK, ()), (HUSK, ('--cap-drop', 'ALL')),
                              (BWRAP, ('--unshare-user',)),
                              (BWRAP, ('--unshare-user', '--cap-add', 'ALL'))):
            got = attempts(self, program, *SMALL, *more, '--disable-userns')
            for how in ('unshare', 'clone', 'clone3', 'unshare i386', 'clone i386'):
                self.assertEqual(got[f'{how} user'], 'ENOSPC', got)

    def test_the_outer_one_cannot_be_joined(self):
        """The mounts are owned by the command's own; whose child that is cannot be asked for."""
        for more in ((), ('--disable-userns',)):
            got = attempts(self, HUSK, *SMALL, *more)
            self.assertEqual(got['parent of user'], 'EPERM')
            self.assertEqual((got['owner of mnt'], got['setns own user']), ('EINVAL', 'EINVAL'))

    def test_the_limit_cannot_be_lifted(self):
        self.check([*SMALL, '--disable-userns'],
                   ('write /proc/sys/user/max_user_namespaces 1000', ('EROFS', 'EACCES', 'ok')),
                   ('fork unshare user', 'ENOSPC'), ('mount proc /mnt', 'ok'),
                   ('write /mnt/sys/user/max_user_namespaces 1000', ('EROFS', 'EACCES', 'ok')),
                   ('fork unshare user', 'ENOSPC'))

    def test_disabled_and_asserted(self):
        for program, more in ((HUSK, ()), (BWRAP, ('--unshare-user',))):
            r = self.run_cmd([program, *SMALL, *more, '--disable-userns',
                              '--assert-userns-disabled', 'true'])
            self.assertRuns(r)

    def test_asserted_and_not_disabled(self):
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            r = self.run_cmd([program, *SMALL, '--assert-userns-disabled', 'echo', 'ran'])
            self.assertFails(r, rc, 'user namespace')
            self.assertEqual(r.out, '')

    def test_not_disabled_by_itself(self):
        self.check(SMALL, ('fork unshare user', 'ok'))


class Strict(ProbeCase):
    """Under the strict policy none of the calls does anything, whatever the capabilities."""

    def test_every_call(self):
        allowed = {'clone3 plain'}
        for more in ((), ('--disable-userns',), ('--cap-drop', 'ALL'), ('--uid', '7')):
            with self.subTest(more=more):
                got = attempts(self, HUSK, *SMALL, *more, '--seccomp-policy', 'strict')
                self.assertGreater(len(got), 40)
                wrong = {n: e for n, e in got.items() if e not in ('EPERM', 'ENOSYS')
                         and n not in allowed}
                self.assertEqual(wrong, {})
                self.assertEqual({n: e for n, e in got.items() if n.startswith('unknown')
                                  and e != 'ENOSYS'}, {})
                self.assertEqual(got['clone3 plain'], 'ENOSYS', 'its flags could not be seen')
                self.assertEqual(got['open_tree_attr'], 'ENOSYS', 'newer than many a filter')

    def test_the_attempts_are_real(self):
        """Without the policy most of them are the command's right, or fail of another reason."""
        got = attempts(self, HUSK, *SMALL)
        for name in ('unshare user', 'clone user', 'clone3 user', 'unshare mnt', 'fsopen',
                     'unshare i386 user', 'clone i386 user', 'mount', 'io_uring_setup'):
            self.assertIn(got[name], ('ok', 'EINVAL', 'EFAULT'), name)
        self.assertEqual(got['unknown 900'], 'ENOSYS')

    def test_the_default_policy(self):
        """It leaves a fake root its namespaces, and takes queues and unknown calls."""
        got = attempts(self, HUSK, *SMALL, '--seccomp-policy', 'default')
        self.assertEqual(got['unshare user'], 'ok')
        for name, error in got.items():
            if 'io_uring' in name or 'unknown' in name:
                self.assertEqual(error, 'ENOSYS', name)


class Audit(ProbeCase):
    """A wall that was asked for and is not there stops the launch."""

    def landlock(self):
        if self.husk('--landlock', 'true').rc != 0:
            self.skipTest('this kernel has no Landlock')

    def faked(self, call, number, *args):
        """The result of a launch whose call of this number is said to have worked and did not, and
        those calls, one a process at most."""
        log = self.path(f'log{number}')
        r = self.run_cmd(['strace', '-f', '-qq', '-o', log, '-e',
                          f'inject={call}:retval=0:when={number}', HUSK, *args, '--', 'echo',
                          'ran'])
        return r, [call for _, call in strace_calls(log) if 'INJECTED' in call]

    def test_rules_that_are_not_there(self):
        self.need('strace')
        self.landlock()
        for args in (HOST, SMALL, (), ('--cap-drop', 'ALL'), (*SMALL, '--uid', '5')):
            with self.subTest(args=args):
                r, calls = self.faked('landlock_restrict_self', 1, *args, '--landlock')
                self.assertTrue(calls)
                self.assertNotIn('ran', r.out)
                self.assertFails(r, 125, 'self-audit: the Landlock rules are not in force')

    def test_rules_that_are_not_in_force(self):
        """Whether husk has them put up or not: they hold, or nothing runs."""
        self.landlock()
        secret = self.open('/')
        r = self.husk(*USR, *PROC, '--landlock', '--keep-fd', secret, '--', 'cat',
                      f'/proc/self/fd/{secret}/etc/hostname', pass_fds=[secret])
        self.assertNotEqual(r.rc, 0, r)
        self.assertEqual(r.out, '')

    def test_a_filter_that_is_not_there(self):
        self.need('strace')
        for args in (('--seccomp-policy', 'strict'), ('--deny-syscalls', 'uname'),
                     ('--seccomp-policy', 'default', '--deny-socket-families', 'inet6')):
            faked = 0
            for number in range(1, 9):
                r, calls = self.faked('prctl', number, *HOST, *args)
                if any('PR_SET_SECCOMP' in call for call in calls):
                    faked += 1
                    self.assertNotIn('ran', r.out)
                    self.assertFails(r, 125, 'seccomp filters are in force instead of')
            self.assertEqual(faked, len(args) // 2)

    def test_a_policy_that_is_not_loaded(self):
        """Whether husk loads it or not: it holds, or nothing runs."""
        r = self.husk(*HOST, '--seccomp-policy', 'strict', '--', 'unshare', '-U', 'true')
        self.assertNotEqual(r.rc, 0, r)

    def test_who_refuses_the_question_is_not_asked(self):
        """A filter of the caller's, or of names, may refuse to read: the launch goes on."""
        self.assertRuns(self.husk(*HOST, '--deny-syscalls', 'pread64,prctl', '--', self.prober()))


class Capabilities(ProbeCase):
    SETS = ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')

    def test_none_unless_asked_for(self):
        """As bwrap, and without capabilities, none can come back either."""
        for program, args in ((BWRAP, SMALL), (BWRAP, (*HOST, *PROC)),
                              (HUSK, (*SMALL, '--cap-drop', 'ALL'))):
            self.assertEqual(set(self.status(args, *self.SETS, program=program)), {'0' * 16})

    def test_no_mount_is_undone_by_a_namespace_within(self):
        """With every capability of a nested user namespace, covers stay and stay read-only."""
        cover = ['--tmpfs', '/opt', '--remount-ro', '/opt']
        for more in ((), ('--cap-drop', 'ALL')):
            self.check([*SMALL, *cover, *more], ('unshare user,mnt', 'ok'),
                       ('umount /opt 2', 'EINVAL'), ('umount /opt', 'EINVAL'),
                       ('remount /opt', 'EPERM'), ('clear /opt', 'EPERM'),
                       ('rclear /', 'EPERM'), ('movemount /opt /mnt', 'EINVAL'),
                       ('write /opt/x', 'EROFS'))


if __name__ == '__main__':
    main()
