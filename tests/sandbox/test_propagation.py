#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mounts that the host makes later: unseen inside, and never a hole in a read-only bind.

As root in a mount namespace of its own whose mounts are made shared, as a host's under systemd.
"""

import subprocess

from probe import BWRAP, HOST, HUSK, ORACLE, PROC, SMALL, USR, RootProbeCase, main


class Propagation(RootProbeCase):
    """husk is run by the ordinary user; the host is root's."""

    def setUp(self):
        super().setUp()
        subprocess.run(['mount', '--make-rshared', '/'], check=True)
        self.where = self.mkdir('here')

    def later(self, program, *args, look):
        """Start a sandbox, mount a tmpfs on the directory outside, look from inside."""
        p = self.spawn(self.as_user([program, *args, '--', 'sh', '-c',
                                     f'echo ready; read go; {look}']), stdin=subprocess.PIPE)
        self.assertEqual(p.stdout.readline(), b'ready\n')
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=1777', 'late', self.where], check=True)
        try:
            with open(f'{self.where}/late', 'w', encoding='ascii') as f:
                f.write('x')
            out, err = p.communicate(b'go\n', 10)
        finally:
            subprocess.run(['umount', self.where], check=True)
        return out.decode() + err.decode()

    KINDS = {'host tree': (), 'in place': HOST, 'pid namespace': SMALL,
             'writable in place': ('--bind', '/', '/')}

    def test_s19_a_later_mount_is_not_seen(self):
        for name, args in self.KINDS.items():
            with self.subTest(name):
                self.assertEqual(self.later(HUSK, *args, look=f'ls {self.where}'), '')

    def test_s19_a_later_mount_is_not_seen_below_a_bind(self):
        out = self.later(HUSK, *USR, '--ro-bind', self.dir, '/x', look='ls /x/here')
        self.assertEqual(out, '')

    def test_s19_a_read_only_bind_stays_read_only(self):
        for name in ('in place', 'pid namespace'):
            with self.subTest(name):
                out = self.later(HUSK, *self.KINDS[name], look=f'touch {self.where}/w && echo HOLE')
                self.assertNotIn('HOLE', out)
                self.assertIn('Read-only', out)

    def test_s19_every_mount_inside_is_private(self):
        for args in ((), HOST, SMALL, (*USR, *PROC, '--ro-bind', '/tmp', '/tmp')):
            with self.subTest(args=args):
                r = self.run_cmd(self.as_user([HUSK, *args, '--', 'cat', '/proc/self/mountinfo']))
                self.assertRuns(r)
                self.assertEqual({m.propagation for m in self.mounts(r.out)}, {('private',)})

    def test_s19_nothing_goes_out(self):
        """What the sandbox mounts does not appear on the host, with root's rights neither."""
        r = self.run_cmd(self.as_user([HUSK, '--', 'mount', '-t', 'tmpfs', 'inner', '/mnt']))
        self.assertRuns(r)
        self.assertEqual([m for m in self.mounts() if m.source == 'inner'], [])

    def test_s19_as_bwrap_removable_media_appear(self):
        """The difference on purpose: bubblewrap's sandboxes see later mounts."""
        out = self.later(BWRAP, *HOST, look=f'ls {self.where}')
        self.assertEqual(out, 'late\n')

    def test_s19_as_bwrap_without_a_way_back(self):
        r = self.run_cmd(self.as_user([BWRAP, *HOST, 'cat', '/proc/self/mountinfo']))
        kinds = {m.propagation for m in self.mounts(r.out)}
        self.assertNotIn(('shared',), kinds)
        self.assertNotIn(('master', 'shared'), kinds)

    def test_the_test_sees_a_hole(self):
        """Debian's bwrap lets the later mount in, writable."""
        self.need(ORACLE)
        out = self.later(ORACLE, *HOST, look=f'touch {self.where}/w && echo HOLE')
        self.assertIn('HOLE', out)


if __name__ == '__main__':
    main(root=True)
