#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Labels where SELinux is on: the command's own, and those of what the set-up makes.

Runs in the guest selinux of tools/check-kernel, whose policy is Debian's and is not enforced.
"""

import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import BWRAP, HUSK, Case, main  # noqa: E402

USR = ('--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib',
       '--symlink', 'usr/lib64', '/lib64', '--proc', '/proc', '--unshare-pid')
EXEC = 'system_u:system_r:init_t:s0'
FILE = 'system_u:object_r:tmp_t:s0'
CURRENT = ('tr', '-d', '\\0\\n', '--')


def current():
    """The label of this process."""
    with open('/proc/self/attr/current', encoding='ascii') as f:
        return f.read().rstrip('\0\n')


class Labels(Case):
    def label(self, program, *args):
        r = self.run_cmd([program, *USR, *args, 'cat', '/proc/self/attr/current'])
        self.assertRuns(r)
        return r.out.rstrip('\0\n')

    def labels(self, program, *args):
        """What ls -Z shows of the paths that the options args make below /t."""
        r = self.run_cmd([program, *USR, '--tmpfs', '/t', *args,
                          'sh', '-c', 'cd /t; ls -dZ *'])
        self.assertRuns(r)
        return {line.split()[1]: line.split()[0] for line in r.out.splitlines()}

    def test_selinux_is_on(self):
        self.assertRuns(self.run_cmd(['selinuxenabled']))
        self.assertRegex(current(), r'^\w+:\w+:\w+:s0')

    def test_exec_label(self):
        self.assertNotEqual(current(), EXEC)
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                self.assertEqual(self.label(program, '--exec-label', EXEC), EXEC)

    def test_exec_label_on_the_hosts_tree(self):
        r = self.husk('--exec-label', EXEC, 'cat', '/proc/self/attr/current')
        self.assertRuns(r)
        self.assertEqual(r.out.rstrip('\0\n'), EXEC)

    def test_without_exec_label(self):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                self.assertEqual(self.label(program), current())

    def test_file_label(self):
        fd = self.fd('text')
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                os.lseek(fd, 0, os.SEEK_SET)
                r = self.run_cmd([program, *USR, '--file-label', FILE, '--tmpfs', '/t',
                                  '--dir', '/t/dir', '--file', str(fd), '/t/file',
                                  '--symlink', 'x', '/t/link', 'sh', '-c', 'cd /t; ls -dZ *'],
                                 pass_fds=(fd,))
                self.assertRuns(r)
                self.assertEqual(sorted(r.out.split()),
                                 sorted([FILE, 'dir', FILE, 'file', FILE, 'link']), r)

    def test_without_file_label(self):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                (label,) = self.labels(program, '--dir', '/t/dir').values()
                self.assertNotEqual(label, FILE)

    def test_file_label_is_not_the_commands(self):
        """It is for the set-up: what the command makes has the policy's label."""
        r = self.husk(*USR, '--file-label', FILE, 'cat', '/proc/self/attr/fscreate')
        self.assertRuns(r, '')

    def test_label_that_the_policy_does_not_know(self):
        for option in ('--exec-label', '--file-label'):
            r = self.husk(*USR, option, 'no_u:such_r:label_t:s0', 'true')
            self.assertFails(r, 125, f'{option} no_u:such_r:label_t:s0: invalid label')


if __name__ == '__main__':
    main()
