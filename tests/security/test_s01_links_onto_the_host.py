#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Set-up follows a link out of the new root and makes, changes or covers something on the host.

The attacker owns the root that is bound. The host is watched by the inodes, modes and times of all
that the links lead to: whatever is made there, and removed again, leaves its trace.
"""

import os

from rows import BWRAP, HOST, HUSK, ORACLE, ProbeCase, Race, main, stamps

BROKEN = {
    'destinations-in-root': ['Places.test_standard_places', 'Swapped.test_directory_and_link'],
    'host-unwritten': ['Places.test_the_host_in_place'],
    'openat2-needed': ['Places.test_without_openat2'],
}
ISOLATED = ('--unshare-pid', '--unshare-ipc', '--unshare-net', '--unshare-cgroup')


class LinkCase(ProbeCase):
    time_limit = 500  # hundreds of launches

    def setUp(self):
        super().setUp()
        self.victim = self.mkdir('victim')
        self.write('victim/file', 'precious')
        self.mkdir('victim/sub')
        os.symlink('/nowhere', self.path('victim/dangling'))
        for name in ('src', 'upper', 'work', 'root/proc', 'root/real'):
            self.mkdir(name)
        self.root = self.path('root')
        self.data = self.fd('overwritten')
        self.there = self.open(self.victim)
        self.links = {
            'absolute': self.victim, 'old': '/oldroot' + self.victim,
            'new': '/newroot/../..' + self.victim,
            'up': '../' * 12 + self.victim[1:], 'mixed': '/real/../../../' + self.victim[1:],
            'init': '/proc/1/root' + self.victim, 'self': '/proc/self/root' + self.victim,
            'cwd': '/proc/self/cwd', 'thread': '/proc/thread-self/cwd',
            'fd': f'/proc/self/fd/{self.there}',
        }
        for name, target in self.links.items():
            os.symlink(target, os.path.join(self.root, name))

    def operations(self, dest, program):
        """Every operation that makes or mounts something at dest."""
        src, fd = self.path('src'), self.data
        yield from (['--dir', dest], ['--file', fd, dest], ['--symlink', 'x', dest],
                    ['--bind', src, dest], ['--ro-bind', self.path('victim/file'), dest],
                    ['--tmpfs', dest], ['--dev', dest], ['--proc', dest],
                    ['--ro-bind-data', fd, dest], ['--chmod', '0777', dest],
                    ['--overlay-src', src, '--tmp-overlay', dest], ['--remount-ro', dest],
                    ['--overlay-src', src, '--overlay', self.path('upper'), self.path('work'),
                     dest],
                    ['--perms', '0777', '--tmpfs', dest], ['--mqueue', dest])
        if program == HUSK:
            yield from (['--mask', dest], ['--devpts', dest], ['--proc-subset', dest],
                        ['--sysfs', dest], ['--cgroupfs', dest],
                        ['--replace-symlink', '--tmpfs', dest],
                        ['--replace-symlink', '--ro-bind-data', fd, dest])

    def run_there(self, program, *args, **kw):
        return self.run_cmd([program, *args, '--', '/nothing'], cwd=self.victim,
                            pass_fds=[self.data, self.there], **kw)


class Places(LinkCase):
    """Each operation through each link, whether it fails or not, changes nothing."""

    def attack(self, program, *base, tails=('', '/new', '/file')):
        before, mine = stamps(self.victim), self.tree(self.root)
        for link in self.links:
            for tail in tails:
                for words in self.operations(f'/{link}{tail}', program):
                    r = self.run_there(program, *base, *words)
                    self.assertGreater(r.rc, 0, r)
                    self.assertEqual(stamps(self.victim), before, r)
        if program == HUSK:
            self.assertEqual(self.tree(self.root), mine)

    def test_in_a_bound_root(self):
        self.attack(HUSK, *ISOLATED, '--bind', self.root, '/')

    def test_in_a_bound_root_with_proc(self):
        """The magic links of a proc that is there lead nowhere either."""
        self.attack(HUSK, *ISOLATED, '--bind', self.root, '/', '--ro-bind', '/proc', '/proc',
                    tails=('/new',))

    def test_as_bwrap(self):
        self.attack(BWRAP, *ISOLATED, '--bind', self.root, '/', '--proc', '/proc',
                    tails=('/new', '/file'))

    def test_the_host_in_place(self):
        """With the host's tree as root the links do lead there: still nothing is made."""
        before = stamps(self.victim)
        for base in (['--bind', '/', '/'], [*HOST]):
            for name in ('absolute', 'up'):
                for words in self.operations(os.path.join(self.root, name, 'new'), HUSK):
                    r = self.run_there(HUSK, '--unshare-ipc', '--unshare-pid', *base, *words)
                    self.assertGreater(r.rc, 0, r)
                    self.assertEqual(stamps(self.victim), before, r)

    def test_standard_places(self):
        """/dev, /proc and /dev/pts of the root are links onto the host."""
        for name in ('dev', 'tmp', 'sys'):
            os.symlink(self.victim, os.path.join(self.root, name))
        os.rmdir(os.path.join(self.root, 'proc'))
        os.symlink('up', os.path.join(self.root, 'proc'))
        self.mkdir('root/d')
        os.symlink('../up', os.path.join(self.root, 'd/pts'))
        before = stamps(self.victim)
        for program in (HUSK, BWRAP):
            for words in (['--dev', '/dev'], ['--proc', '/proc'], ['--dev', '/dev/pts'],
                          ['--dev-bind', '/dev', '/dev'], ['--tmpfs', '/tmp/x'],
                          ['--dev', '/d/pts'], ['--dev', '/dev', '--proc', '/proc'],
                          ['--proc', '/proc/proc']):
                r = self.run_there(program, '--unshare-pid', '--bind', self.root, '/', *words)
                self.assertGreater(r.rc, 0, r)
                self.assertEqual(stamps(self.victim), before, r)

    def test_the_last_name_of_dev_is_a_link(self):
        """In what --dev mounts the names are husk's own, whatever lies below."""
        self.mkdir('root/dev/pts')
        for name in ('null', 'ptmx', 'console', 'shm'):
            os.symlink(os.path.join(self.victim, 'file'), os.path.join(self.root, 'dev', name))
        before = stamps(self.victim)
        for program in (HUSK, BWRAP):
            r = self.run_there(program, '--bind', self.root, '/', '--dev', '/dev')
            self.assertRegex(r.err, 'nothing')
            self.assertEqual(stamps(self.victim), before, r)

    def test_without_openat2(self):
        """Where the kernel lacks the call that keeps look-ups inside, nothing else is tried.

        The id maps need it as well, so it is also taken away from its nth use on.
        """
        self.need('strace')
        before = stamps(self.victim)
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            for words in (['--dir', '/up/new'], ['--file', self.data, '/up/file'],
                          ['--tmpfs', '/up/new'], ['--chmod', '0777', '/up/sub']):
                for first in range(1, 7):
                    r = self.run_there(
                        'strace', '-f', '-qq', '-o', self.path('log'), '-e', 'trace=openat2',
                        '-e', f'inject=openat2:error=ENOSYS:when={first}+', program, '--bind',
                        self.root, '/', *words)
                    self.assertFails(r, rc)
                    self.assertEqual(stamps(self.victim), before, r)

    def test_the_attack_is_real(self):
        """Debian's bwrap 0.8.0 does follow such links onto the host."""
        version = self.oracle('--version').out
        if not version.startswith('bubblewrap 0.8'):
            self.skipTest(f'not the version with the flaw: {version}')
        before = stamps(self.victim)
        self.run_there(ORACLE, '--bind', self.root, '/', '--dir', '/old/new')
        self.assertNotEqual(stamps(self.victim), before)


class Swapped(Race, LinkCase):
    """Somebody lets a directory of the root and a link change places all the time."""

    def race(self, exchanges, *operations):
        before = stamps(self.victim)
        for i in self.launches(os.path.join(self.root, 'real'), os.path.join(self.root, 'up'),
                               exchanges):
            r = self.run_there((HUSK, BWRAP)[i % 2], '--unshare-pid', '--bind', self.root, '/',
                               *operations[i // 2 % len(operations)])
            self.assertGreater(r.rc, 0, r)
            self.assertFalse(r.timed_out)
        self.assertEqual(stamps(self.victim), before)

    def test_directory_and_link(self):
        self.race(100000, ['--dir', '/real/made'], ['--file', self.data, '/real/file'],
                  ['--tmpfs', '/real/new'], ['--bind', self.path('src'), '/real/a/b'],
                  ['--symlink', 'x', '/real/link'], ['--ro-bind-data', self.data, '/real/data'])

    def test_what_is_there_on_both_sides(self):
        """The same names are in the directory and where the link leads: none is taken for it."""
        self.write('root/real/file')
        self.mkdir('root/real/sub')
        self.race(50000, ['--chmod', '0777', '/real/file'], ['--chmod', '0777', '/real/sub'],
                  ['--file', self.data, '/real/file'], ['--dev', '/real/sub'],
                  ['--proc', '/real/sub'], ['--tmpfs', '/real/sub', '--dir', '/real/sub/x'],
                  ['--overlay-src', self.path('src'), '--tmp-overlay', '/real/sub'])


if __name__ == '__main__':
    main()
