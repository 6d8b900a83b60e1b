#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The classes of failure that sandbox launchers have had, one test name per row of the list.

The other rows are in tests/security, or else: 4 to 7, 12, 15 and 16 in test_descriptors,
test_walls, test_bad_input and test_environment; 11 in test_identity and tests/root; 18 in
tests/root; 19 in test_propagation.
"""

from probe import BWRAP, HOST, HUSK, PROC, SMALL, ProbeCase, main, mounts


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
