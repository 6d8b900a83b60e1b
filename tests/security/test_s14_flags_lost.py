#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bind, or a change of flags, takes a flag away from a mount or from one below it.

Where the host mounted something without set-user-ID, devices, programs, symbolic links or records
of access, it stays so inside, however deep; what husk was asked to add is added everywhere.
"""

from rows import (
    BWRAP, HOST, HUSK, ORACLE, PROC, SMALL, USR, ProbeCase, main, mounts)

BROKEN = {
    'audit-mounts,submount-flags': 'Nested.test_a_read_only_bind',
    'flags-kept': ['Nested.test_a_bind', 'InPlace.test_mounts_of_the_callers'],
}
# as mount(8) takes them, and what of them the mount table shows
FLAGS = ('ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'relatime', 'strictatime',
         'nosymfollow')
TIMES = {'noatime', 'relatime', 'strictatime'}


def flags_of(mount):
    """The flags of a mount that take something away; access times are kept best by none of them."""
    return mount.opts - {'rw', 'relatime'}


class FlagCase(ProbeCase):
    """top/FLAG is a mount with that flag, top/FLAG/deep one with all but it."""

    def setUp(self):
        super().setUp()
        self.top, self.to = self.mkdir('top'), self.mkdir('to')
        lines = []
        for flag in FLAGS:
            self.mkdir(f'top/{flag}')
            # of the kinds of access times only one counts
            rest = [f for f in FLAGS if f != flag and f not in TIMES]
            rest.append('noatime' if flag in TIMES - {'noatime'} else 'relatime')
            where = f'{self.top}/{flag}'
            lines += [f'mount -t tmpfs t {where}', f'mkdir {where}/deep',
                      f'mount -t tmpfs -o {",".join(rest)} t {where}/deep',
                      f'mount -o remount,bind,{flag} {where}']
        self.script = '\n'.join(lines)

    def tables(self, program, args, top, to):
        """The mounts below top on the host and those below to inside, by their paths there."""
        text = 'read /proc/self/mountinfo'
        script = f'cat /proc/self/mountinfo; echo ----; exec {program} "$@" -- ' \
                 f'{self.prober()} "{text}"'
        r = self.run_cmd(self.private_mounts(['sh', '-c', script, 'sh', *args], self.script))
        self.assertEqual(r.rc, 0, r)
        before, after = r.out.split('----\n')
        return [{m.point.removeprefix(where): m for m in mounts(table)
                 if m.point.startswith(where + '/')}
                for table, where in ((before, top), (after, to))]

    def only_more(self, args, more=frozenset(), program=HUSK, top=None, to=None):
        """Each mount has inside what it had, and more."""
        before, after = self.tables(program, args, top or self.top, to or self.to)
        self.assertEqual(len(before), 2 * len(FLAGS), before)
        self.assertEqual(set(after), set(before))
        for point, mount in before.items():
            self.assertLessEqual(flags_of(mount) | more, after[point].opts, point)
            if 'relatime' not in mount.opts:
                self.assertNotIn('relatime', after[point].opts, point)


class Nested(FlagCase):
    BASE = ('--ro-bind', '/', '/')

    def both(self, args, more):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                self.only_more(args, more, program)

    def test_a_bind(self):
        self.both([*self.BASE, '--bind', self.top, self.to], {'nosuid', 'nodev'})

    def test_a_bind_with_devices(self):
        self.both([*self.BASE, '--dev-bind', self.top, self.to], {'nosuid'})

    def test_a_read_only_bind(self):
        self.both([*self.BASE, '--ro-bind', self.top, self.to], {'ro', 'nosuid', 'nodev'})

    def test_in_a_new_root(self):
        for program in (HUSK, BWRAP):
            self.only_more([*USR, '--proc', '/proc', '--ro-bind', '/tmp', '/tmp', '--ro-bind',
                            self.top, '/x'], {'ro', 'nosuid', 'nodev'}, program, to='/x')

    def test_with_flags_of_the_callers(self):
        self.only_more([*self.BASE, '--mount-flags', 'noexec,nosymfollow', '--bind', self.top,
                        self.to], {'nosuid', 'nodev', 'noexec', 'nosymfollow'})

    def test_a_bind_of_a_bind(self):
        self.both([*self.BASE, '--bind', self.top, self.to, '--remount-ro', self.to],
                  {'nosuid', 'nodev'})

    def test_with_every_namespace(self):
        self.only_more([*SMALL, '--ro-bind', self.top, self.to], {'ro', 'nosuid', 'nodev'})

    def test_the_attack_is_real(self):
        """Debian's bwrap 0.8.0 lets symbolic links be followed again."""
        version = self.oracle('--version').out
        if not version.startswith('bubblewrap 0.8'):
            self.skipTest(f'not the version with the flaw: {version}')
        before, after = self.tables(ORACLE, [*self.BASE, '--bind', self.top, self.to], self.top,
                                    self.to)
        self.assertIn('nosymfollow', before['/nosymfollow'].opts)
        self.assertNotIn('nosymfollow', after['/nosymfollow'].opts)


class InPlace(FlagCase):
    """The namespace's own tree, changed where it is."""

    def test_mounts_of_the_callers(self):
        for program in (HUSK, BWRAP):
            self.only_more(HOST, {'ro', 'nosuid', 'nodev'}, program, to=self.top)
            self.only_more(['--bind', '/', '/'], {'nosuid', 'nodev'}, program, to=self.top)

    def test_the_hosts_tree_as_it_is(self):
        self.only_more([], to=self.top)

    def test_the_hosts_own(self):
        with open('/proc/self/mountinfo', encoding='utf-8') as f:
            before = {m.point: m for m in mounts(f.read())}
        after = {m.point: m for m in mounts('\n'.join(self.probe(
            HOST, 'read /proc/self/mountinfo')))}
        for point, mount in after.items():
            want = flags_of(before[point]) | {'ro', 'nosuid', 'nodev'}
            self.assertLessEqual(want, mount.opts, point)


class Later(ProbeCase):
    """What comes after."""

    def table(self, *args):
        return {m.point: m for m in mounts('\n'.join(self.probe(
            args, 'read /proc/self/mountinfo')))}

    def test_remount_ro_keeps_the_others(self):
        table = self.table('--tmpfs', '/t', '--remount-ro', '/t', 'PROBE', *PROC)
        self.assertLessEqual({'ro', 'nosuid', 'nodev'}, table['/t'].opts)

    def test_remount_ro_of_a_bind_with_flags(self):
        table = self.table('--mount-flags', 'noexec,nosymfollow', '--bind', self.dir, '/t',
                           '--remount-ro', '/t', 'PROBE', *PROC)
        self.assertLessEqual({'ro', 'nosuid', 'nodev', 'noexec', 'nosymfollow'}, table['/t'].opts)

    def test_the_command_cannot_take_them_away(self):
        """Root inside, with every capability, flag by flag."""
        flags = {'ro': 1, 'nosuid': 2, 'nodev': 4, 'noexec': 8}
        self.check([*HOST, '--mount-flags', ','.join(flags), '--bind', self.dir, '/mnt'],
                   *((f'clear /mnt {bit}', 'EPERM') for bit in flags.values()),
                   ('remount /mnt', 'EPERM'), ('write /mnt/new', 'EROFS'))


if __name__ == '__main__':
    main()
