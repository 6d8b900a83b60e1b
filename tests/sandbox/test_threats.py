#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The classes of failure that sandbox launchers have had, one test name per row of the list.

Rows 1 and 8 are in tests/security; rows 4 to 7, 12, 15 and 16 in test_descriptors, test_walls,
test_bad_input and test_environment; row 11 in test_identity and tests/root; row 18 in tests/root;
row 19 in test_propagation.
"""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'security'))
from rows import (  # noqa: E402
    BWRAP, HOST, HUSK, ORACLE, PROC, SMALL, USR, ProbeCase, main, mounts, stamps)

# swaps two names for each other until it is killed: husk must never find itself on the wrong side
SWAP = r'''
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	while (syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0)
		if (getppid() == 1)
			break;
	perror(argv[1]);
	return 1;
}
'''


class Sources(ProbeCase):
    """S2: what is bound is what was checked, with the flags that were asked for."""

    def test_s02_descriptor_of_a_renamed_directory(self):
        """After the fd was opened its name is given to another directory."""
        for program in (HUSK, BWRAP):
            for option in ('--bind-fd', '--ro-bind-fd'):
                with self.subTest(program, option=option):
                    self.write('d/mine')
                    st = os.stat(self.path('d'))
                    fd = self.open(self.path('d'), os.O_PATH)
                    os.rename(self.path('d'), self.path('moved'))
                    self.write('d/other')
                    self.check([option, fd, '/x', 'PROBE'], ('list /x', 'mine '),
                               ('inode /x', f'{st.st_dev}:{st.st_ino}'), pass_fds=[fd],
                               program=program)
                    shutil.rmtree(self.path('d'))
                    shutil.rmtree(self.path('moved'))

    def test_s02_descriptor_of_a_removed_directory(self):
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            fd = self.open(self.mkdir('d'), os.O_PATH)
            os.rmdir(self.path('d'))
            self.write('d (deleted)/other')
            self.write('d/other')
            r = self.run_cmd([program, *HOST, '--tmpfs', '/mnt', '--bind-fd', fd, '/mnt/x', '--',
                              'ls', '/mnt/x'], pass_fds=[fd])
            self.assertFails(r, rc)
            shutil.rmtree(self.path('d'))

    def test_s02_name_of_a_descriptor_that_was_replaced(self):
        self.write('d/mine')
        fd = self.open(self.path('d'), os.O_PATH)
        os.rename(self.path('d'), self.path('moved'))
        self.write('d/other')
        self.check(['--ro-bind', f'/proc/self/fd/{fd}', '/x', 'PROBE'], ('list /x', 'mine '),
                   pass_fds=[fd])

    def race(self, option, check):
        """The source changes places with another directory all the time."""
        self.write('a/is-a')
        self.write('b/is-b')
        p = self.spawn([self.inside_c(SWAP, 'swap'), self.path('a'), self.path('b')])
        seen = set()
        for _ in range(60):
            r = self.husk('--ro-bind', self.prober(), '/probe', option, self.path('a'), '/x', '--',
                          '/probe', 'list /x', 'write /x/new')
            self.assertIn(r.rc, (0, 125), r)
            if r.rc == 0:
                check(r)
                seen.add(r.out)
        self.assertIsNone(p.poll())
        p.kill()
        return seen

    def test_s02_race_at_the_source(self):
        """Either directory may come, never without its flag."""
        def check(r):
            self.assertRegex(r.out, '^is-[ab] \nEROFS\n$', r)
        self.race('--ro-bind', check)
        self.assertEqual(sorted(os.listdir(self.path('a')) + os.listdir(self.path('b'))),
                         ['is-a', 'is-b'])

    def test_s02_race_at_a_descriptor(self):
        """The fd's inode comes, or an error."""
        self.write('a/is-a')
        self.write('b/is-b')
        fd = self.open(self.path('a'), os.O_PATH)
        p = self.spawn([self.inside_c(SWAP, 'swap'), self.path('a'), self.path('b')])
        for i in range(100):
            r = self.run_cmd([(HUSK, BWRAP)[i % 2], '--ro-bind', self.prober(), '/probe',
                              '--bind-fd', fd, '/x', '--', '/probe', 'list /x'], pass_fds=[fd])
            if r.rc == 0:
                self.assertEqual(r.out, 'is-a \n', r)
            else:
                self.assertRegex(r.err, 'Race condition|No such file|removed')
        self.assertIsNone(p.poll())
        p.kill()


class Masks(ProbeCase):
    """S3: what husk takes for /proc and /dev/null is that."""

    def test_s03_a_faked_proc_is_not_written_to(self):
        fake = ' '.join(f'/proc/self/{n} /proc/1/{n} /proc/thread-self/{n}'
                        for n in ('uid_map', 'gid_map', 'setgroups'))
        argv = self.private_mounts(
            ['sh', '-c', f'{HUSK} --ro-bind / / true; echo $?; cat {fake}'],
            'mount -t tmpfs t /proc; mkdir /proc/self /proc/1 /proc/thread-self; '
            f'touch {fake}')
        r = self.run_cmd(argv)
        self.assertEqual(r.out, '125\n', r)
        self.assertIn('/proc', r.err)

    def test_s03_a_faked_null_is_refused(self):
        for program, rc in ((HUSK, '125'), (BWRAP, '1')):
            argv = self.private_mounts(
                ['sh', '-c', f'{program} {" ".join(USR)} --dev /dev -- stat -c %F:%t:%T '
                 '/dev/null; echo $?'], f'mount --bind {self.write("fake")} /dev/null')
            r = self.run_cmd(argv)
            self.assertIn(r.out, (f'{rc}\n', 'character special file:1:3\n0\n'), r)

    def test_s03_a_null_of_the_root_is_not_used(self):
        """The root's own /dev/null may be a link or a file: --dev covers it."""
        root = self.mkdir('root')
        for name in ('dev', 'usr'):
            self.mkdir(f'root/{name}')
        os.symlink('../victim', self.path('root/dev/null'))
        self.write('victim', 'precious')
        r = self.husk('--bind', root, '/', '--ro-bind', '/usr', '/usr', '--dev', '/dev', '--',
                      '/usr/bin/stat', '-c', '%F', '/dev/null')
        self.assertIn((r.rc, r.out), ((0, 'character special file\n'), (127, '')), r)
        with open(self.path('victim'), encoding='ascii') as f:
            self.assertEqual(f.read(), 'precious')


class Flags(ProbeCase):
    """S14: a mount's flags only grow on their way into the sandbox, below a bind too."""

    OPTIONS = ('ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'strictatime',
               'nosymfollow')

    def test_s14_flags_of_submounts(self):
        top, to = self.mkdir('top'), self.mkdir('to')
        lines = []
        for option in self.OPTIONS:
            self.mkdir(f'top/{option}/deep')
            lines.append(f'mount -t tmpfs -o {option} t {top}/{option}')
        lines.append(f'mount -t tmpfs -o {",".join(self.OPTIONS[:5])} t {top}/nodev')
        probe = self.prober()
        for program in (HUSK, BWRAP):
            for option, more in (('--bind', {'nosuid', 'nodev'}), ('--dev-bind', {'nosuid'}),
                                 ('--ro-bind', {'ro', 'nosuid', 'nodev'})):
                with self.subTest(program, option=option):
                    script = f'cat /proc/self/mountinfo; echo ----; exec {program} --ro-bind / / ' \
                             f'{option} {top} {to} -- {probe} "read /proc/self/mountinfo"'
                    r = self.run_cmd(self.private_mounts(['sh', '-c', script], '\n'.join(lines)))
                    self.assertEqual(r.rc, 0, r)
                    before, after = r.out.split('----\n')
                    before = {m.point.removeprefix(top): m for m in mounts(before)
                              if m.point.startswith(top + '/')}
                    after = {m.point.removeprefix(to): m for m in mounts(after)
                             if m.point.startswith(to + '/')}
                    self.assertEqual(set(after), set(before))
                    for point, mount in before.items():
                        want = (mount.opts - {'rw'}) | more
                        self.assertLessEqual(want, after[point].opts, point)

    def test_s14_flags_in_place(self):
        """The host's own mounts, changed in place, lose no flag either."""
        with open('/proc/self/mountinfo', encoding='utf-8') as f:
            before = {m.point: m for m in mounts(f.read())}
        after = {m.point: m for m in mounts('\n'.join(self.probe(
            HOST, 'read /proc/self/mountinfo')))}
        for point, mount in after.items():
            want = (before[point].opts - {'rw'}) | {'ro', 'nosuid', 'nodev'}
            self.assertLessEqual(want, mount.opts, point)

    def test_s14_remount_ro_keeps_the_others(self):
        lines = self.probe(['--tmpfs', '/t', '--remount-ro', '/t', 'PROBE', *PROC],
                           'read /proc/self/mountinfo')
        table = {m.point: m for m in mounts('\n'.join(lines))}
        self.assertLessEqual({'ro', 'nosuid', 'nodev'}, table['/t'].opts)


class Signals(ProbeCase):
    """S15, in time: pid 1 is closed before the command runs, while it runs and after."""

    def test_s15_at_every_moment(self):
        """A command that tries from its first instruction on never gets in."""
        for more in ((), ('--cap-drop', 'ALL')):
            for _ in range(20):
                self.check([*SMALL, *more], *((f'{call}', ('EPERM', 'EACCES')) for call in (
                    'ptrace 1', 'readv 1', 'getfd 1 0', 'open /proc/1/mem u') * 3))


if __name__ == '__main__':
    main()
