#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the host mounts later appears in the sandbox, a hole in a read-only bind.

As root in a mount namespace of its own whose mounts are made shared, as a host's under systemd.
"""

import subprocess

from rows import BWRAP, HOST, HUSK, ORACLE, PROC, SMALL, USR, RootProbeCase, main

BROKEN = {
    'private-mounts': ['Propagation.test_a_later_mount_is_not_seen',
                       'Propagation.test_a_read_only_bind_stays_read_only',
                       'Propagation.test_every_mount_inside_is_private'],
}


class Propagation(RootProbeCase):
    """husk is run by the ordinary user; the host is root's."""

    def setUp(self):
        super().setUp()
        subprocess.run(['mount', '--make-rshared', '/'], check=True)
        self.where = self.mkdir('here')

    def later(self, program, *args, look, root=False):
        """Start a sandbox, mount a tmpfs on the directory outside, look from inside."""
        argv = [program, *args, '--', 'sh', '-c', f'echo ready; read go; {look}']
        p = self.spawn(argv if root else self.as_user(argv), stdin=subprocess.PIPE)
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

    def test_a_later_mount_is_not_seen(self):
        for name, args in self.KINDS.items():
            with self.subTest(name):
                self.assertEqual(self.later(HUSK, *args, look=f'ls {self.where}'), '')

    def test_a_later_mount_is_not_seen_below_a_bind(self):
        out = self.later(HUSK, *USR, '--ro-bind', self.dir, '/x', look='ls /x/here')
        self.assertEqual(out, '')

    def test_a_read_only_bind_stays_read_only(self):
        for name in ('in place', 'pid namespace'):
            with self.subTest(name):
                out = self.later(HUSK, *self.KINDS[name], look=f'touch {self.where}/w && echo HOLE')
                self.assertNotIn('HOLE', out)
                self.assertIn('Read-only', out)

    def test_a_read_only_bind_stays_read_only_below_its_place(self):
        out = self.later(HUSK, *USR, '--ro-bind', self.dir, '/x',
                         look='touch /x/here/w && echo HOLE')
        self.assertNotIn('HOLE', out)
        self.assertIn('Read-only', out)

    def test_for_a_sandbox_of_roots(self):
        """Called by root itself, in one user namespace or in two."""
        for args in (HOST, SMALL, (*USR, '--ro-bind', self.dir, self.dir)):
            with self.subTest(args=args):
                out = self.later(HUSK, *args, look=f'ls {self.where}; touch {self.where}/w && '
                                 'echo HOLE', root=True)
                self.assertNotIn('HOLE', out)
                self.assertNotIn('late', out)

    def test_an_unmount_outside_takes_nothing_away(self):
        """What was there at the start stays, and what lies below it stays hidden."""
        subprocess.run(['mount', '-t', 'tmpfs', 'early', self.where], check=True)
        self.write('here/early')
        p = self.spawn(self.as_user([HUSK, *HOST, '--', 'sh', '-c',
                                     f'echo ready; read go; ls {self.where}']),
                       stdin=subprocess.PIPE)
        self.assertEqual(p.stdout.readline(), b'ready\n')
        subprocess.run(['umount', self.where], check=True)
        self.assertEqual(p.communicate(b'go\n', 10)[0], b'early\n')

    def test_every_mount_inside_is_private(self):
        for args in ((), HOST, SMALL, (*USR, *PROC, '--ro-bind', '/tmp', '/tmp')):
            with self.subTest(args=args):
                r = self.run_cmd(self.as_user([HUSK, *args, '--', 'cat', '/proc/self/mountinfo']))
                self.assertRuns(r)
                self.assertEqual({m.propagation for m in self.mounts(r.out)}, {('private',)})

    def test_nothing_goes_out(self):
        """What the sandbox mounts does not appear on the host, with root's rights neither."""
        r = self.run_cmd(self.as_user([HUSK, '--', 'mount', '-t', 'tmpfs', 'inner', '/mnt']))
        self.assertRuns(r)
        self.assertEqual([m for m in self.mounts() if m.source == 'inner'], [])

    def test_as_bwrap_removable_media_appear(self):
        """The difference on purpose: bubblewrap's sandboxes see later mounts."""
        out = self.later(BWRAP, *HOST, look=f'ls {self.where}')
        self.assertEqual(out, 'late\n')

    def test_as_bwrap_without_a_way_back(self):
        r = self.run_cmd(self.as_user([BWRAP, *HOST, 'cat', '/proc/self/mountinfo']))
        kinds = {m.propagation for m in self.mounts(r.out)}
        self.assertNotIn(('shared',), kinds)
        self.assertNotIn(('master', 'shared'), kinds)

    def test_the_attack_is_real(self):
        """Debian's bwrap lets the later mount in, writable."""
        self.need(ORACLE)
        out = self.later(ORACLE, *HOST, look=f'touch {self.where}/w && echo HOLE')
        self.assertIn('HOLE', out)


if __name__ == '__main__':
    main(root=True)
