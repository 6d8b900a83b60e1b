#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A source is exchanged between the check and the bind, or between the bind and its flags.

What is bound is what was checked: of a descriptor its very inode, of a path one of the two that it
has led to, with the flags that were asked for on that mount and on no other.
"""

import os
import shutil

from rows import BWRAP, HOST, HUSK, ProbeCase, Race, main, stamps

BROKEN = {
    'source-compared': ['Descriptors.test_covered_directory', 'Swapped.test_at_a_descriptor'],
    'source-flags,audit-mounts': ['Swapped.test_at_a_path'],
}


class Descriptors(ProbeCase):
    """After the fd was opened its name is given to something else."""

    def test_renamed_directory(self):
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

    def test_covered_directory(self):
        """Where the path leads now there is something else, which is not bound in its place."""
        self.mkdir('d')
        for program in (HUSK, BWRAP):
            for option in ('--bind-fd', '--ro-bind-fd'):
                r = self.run_cmd(self.private_mounts(
                    [program, *HOST, option, '9', '/mnt', '--', 'ls', '/mnt'],
                    f'exec 9<{self.path("d")}; mount -t tmpfs t {self.path("d")}; '
                    f'touch {self.path("d")}/other'), pass_fds=[])
                self.assertNotEqual(r.rc, 0, r)
                self.assertEqual(r.out, '', r)

    def test_removed_directory(self):
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            fd = self.open(self.mkdir('d'), os.O_PATH)
            os.rmdir(self.path('d'))
            self.write('d (deleted)/other')
            self.write('d/other')
            r = self.run_cmd([program, *HOST, '--tmpfs', '/mnt', '--bind-fd', fd, '/mnt/x', '--',
                              'ls', '/mnt/x'], pass_fds=[fd])
            self.assertFails(r, rc)
            shutil.rmtree(self.path('d'))

    def test_name_of_a_replaced_directory(self):
        self.write('d/mine')
        fd = self.open(self.path('d'), os.O_PATH)
        os.rename(self.path('d'), self.path('moved'))
        self.write('d/other')
        self.check(['--ro-bind', f'/proc/self/fd/{fd}', '/x', 'PROBE'], ('list /x', 'mine '),
                   pass_fds=[fd])


class Swapped(Race, ProbeCase):
    """The source changes places with something else all the time."""

    def setUp(self):
        super().setUp()
        self.write('a/is-a')
        self.write('b/is-b')
        self.mkdir('links')
        os.symlink('../b', self.path('links/up'))
        self.write('links/dir/is-dir')

    def bound(self, program, *words, **kw):
        """What /x holds, and whether it can be written to."""
        return self.run_cmd([program, '--ro-bind', self.prober(), '/probe', *words, '/x', '--',
                             '/probe', 'list /x', 'write /x/new'], **kw)

    def test_at_a_path(self):
        """Either directory may come, never without its flag."""
        before, seen = {n: stamps(self.path(n)) for n in 'ab'}, set()
        for i in self.launches(self.path('a'), self.path('b'), 50000):
            r = self.bound((HUSK, BWRAP)[i % 2], '--ro-bind', self.path('a'))
            if r.rc == 0:
                self.assertRegex(r.out, '^is-[ab] \nEROFS\n$', r)
                seen.add(r.out)
            else:
                self.assertEqual(r.rc, (125, 1)[i % 2], r)
        self.assertEqual(len(seen), 2, 'the race was none')
        after = [stamps(self.path(n)) for n in 'ab']
        self.assertEqual({len(s) for s in after}, {2})
        self.assertEqual({s[2] for d in after for s in d.values()},
                         {s[2] for d in before.values() for s in d.values()})

    def test_at_a_directory_and_a_link(self):
        """The same where one of them is a link to a third."""
        for i in self.launches(self.path('links/dir'), self.path('links/up'), 50000):
            r = self.bound((HUSK, BWRAP)[i % 2], '--ro-bind', self.path('links/dir'))
            if r.rc == 0:
                self.assertRegex(r.out, '^is-(dir|b) \nEROFS\n$', r)

    def test_at_a_descriptor(self):
        """The descriptor's inode comes, or an error."""
        fd, came = self.open(self.path('a'), os.O_PATH), 0
        for i in self.launches(self.path('a'), self.path('b'), 100000):
            r = self.bound((HUSK, BWRAP)[i % 2], ('--bind-fd', '--ro-bind-fd')[i // 2 % 2], fd,
                           pass_fds=[fd])
            if r.rc == 0:
                self.assertRegex(r.out, '^(is-a |new is-a |is-a new )\n', r)
                came += 1
            else:
                self.assertRegex(r.err, 'Race condition|No such file|removed')
        self.assertGreater(came, 0)


if __name__ == '__main__':
    main()
