#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who enters a running sandbox is not within the limits of its cgroup, or brings root along.

Root delegates a subtree of cgroups, an ordinary user uses it: see tests/root/test_cgroup.py. What
else a newcomer must not be without is in test_s10_joining.py.
"""

import os
import pwd
import subprocess
import sys

from rows import HUSK, SMALL, USER, RootProbeCase, main
from joining import JoinCase, asleep

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'root'))
from test_cgroup import START, CgroupCase  # noqa: E402

BROKEN = {
    'join-in-cgroup': ['Joined.test_it_goes_where_the_sandbox_is',
                       'Joined.test_it_is_not_silently_elsewhere'],
    'join-as-target': ['Roots.test_who_joins_is_who_is_there'],
}


class Joined(CgroupCase):
    """Who joins a sandbox is in its cgroup, or below it, or knows that it is not."""

    def hierarchy(self):
        """Where it is looked for: one of the mount namespace's own if need be."""
        found = super().hierarchy()
        if found not in ('/sys/fs/cgroup', '/sys/fs/cgroup/unified'):
            subprocess.run(['mount', '-t', 'cgroup2', 'none', '/sys/fs/cgroup'], check=True)
            self.addCleanup(subprocess.run, ['umount', '/sys/fs/cgroup'], check=False)
            return '/sys/fs/cgroup'
        return found

    def words(self, cgroup, *args):
        """A command line that runs husk as the user in a cgroup."""
        return ['sh', '-c', 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"', 'sh', cgroup,
                *self.as_user([HUSK, *map(str, args)])]

    def sandbox(self, cgroup):
        """The command of one that is in this cgroup."""
        p = self.spawn(self.words(cgroup, *SMALL, '--', 'sleep', '60'))
        found = []
        self.assertTrue(self.wait_until(lambda: found.extend(
            pid for pid in self.descendants(p.pid) if asleep(pid)) or found, 20))
        return found[0]

    def join(self, pid, cgroup, *args, command=('cat', '/proc/self/cgroup')):
        return self.run_cmd(self.words(cgroup, '--join-pid', pid, *args, '--', *command))

    def cgroup_of(self, pid):
        with open(f'/proc/{pid}/cgroup', encoding='ascii') as f:
            return os.path.basename([line for line in f if line.startswith('0::')][0].strip())

    def joined_in(self, pid, cgroup, *args):
        """The cgroup, as the host names it, of a command that joins."""
        p = self.spawn(self.words(cgroup, '--join-pid', pid, *args, '--', 'sleep', '61'))
        found = []
        self.assertTrue(self.wait_until(lambda: found.extend(
            x for x in self.descendants(p.pid) if asleep(x)) or found, 20))
        return [self.cgroup_of(x) for x in (found[0], p.pid)]

    def test_it_goes_where_the_sandbox_is(self):
        """The launcher stays where its caller put it."""
        self.assertEqual(self.joined_in(self.sandbox(self.box), self.leaf), ['box', 'leaf'])

    def test_it_stays_below(self):
        """Of what is around its caller it gets rid of nothing."""
        below = f'{self.box}/below'
        os.mkdir(below)
        self.addCleanup(self.remove, below)
        self.assertEqual(self.joined_in(self.sandbox(self.box), below), ['below', 'below'])

    def test_it_is_not_silently_elsewhere(self):
        pid = self.sandbox(self.other)
        r = self.join(pid, self.leaf)
        self.assertFails(r, 125, f'Following process {pid} into its cgroup .*other: Permission')
        self.assertIn('--join-without cgroup', r.err)
        self.assertRuns(self.join(pid, self.leaf, '--join-without', 'cgroup'))
        self.assertEqual(self.joined_in(pid, self.leaf, '--join-without', 'cgroup'),
                         ['leaf', 'leaf'])

    def test_as_it_is_told(self):
        """--cgroup-fd says where."""
        pid = self.sandbox(self.other)
        r = self.run_cmd(['sh', '-c', START, 'sh', self.leaf, self.box, *self.as_user(
            [HUSK, '--join-pid', str(pid), '--cgroup-fd', '9', '--', 'true'])])
        self.assertRuns(r)

    def test_a_cgroup_that_is_not_mounted(self):
        pid = self.sandbox(self.box)
        argv = self.words(self.leaf, '--join-pid', pid, '--', 'true')
        r = self.run_cmd(['unshare', '-m', 'sh', '-c',
                          'exec 8>"$1/cgroup.procs"; umount -l "$2" || exit 9; shift 2; '
                          'echo $$ >&8; exec "$@"', 'sh', self.leaf, os.path.dirname(self.top),
                          *argv[5:]])
        self.assertFails(r, 125, f'Process {pid} is in a cgroup that the command would not be in: '
                         '.*/box\n.*--join-without cgroup')

    def test_explained(self):
        r = self.run_cmd(self.words(self.leaf, '--explain', '--join-pid', self.sandbox(self.box),
                                    'true'))
        self.assertRuns(r)
        self.assertRegex(r.out, 'in the cgroup of the process: .*/box')


class Roots(JoinCase, RootProbeCase):
    """Root joins processes of the host's own user namespace, where nothing takes its power away."""

    def made(self, *args):
        return self.unshared('--mount', '--pid', '--fork', '--kill-child', '--mount-proc', *args)

    def fields(self, pid, *args):
        """Who a command is that joins, and what it may."""
        r = self.husk('--join-pid', pid, *args, '--', 'sh', '-c',
                      'grep -E "^(Uid|Gid|Groups|Cap(Prm|Eff|Bnd))" /proc/self/status; '
                      ': >>/proc/sys/kernel/core_pattern && echo writable')
        found = dict(line.split(':\t', 1) for line in r.out.splitlines() if ':\t' in line)
        return {key: value.split() for key, value in found.items()}, 'writable' in r.out

    def test_who_joins_is_who_is_there(self):
        user = pwd.getpwnam(USER)
        pid = self.made('--setuid', str(user.pw_uid), '--setgid', str(user.pw_gid))
        got, writes = self.fields(pid)
        self.assertEqual(got['Uid'], [str(user.pw_uid)] * 4)
        self.assertEqual(got['Gid'], [str(user.pw_gid)] * 4)
        self.assertEqual((got['Groups'], got['CapPrm'], got['CapEff'], got['CapBnd']),
                         ([], *[['0' * 16]] * 3))
        self.assertFalse(writes)

    def test_unless_it_says_otherwise(self):
        user = pwd.getpwnam(USER)
        pid = self.made('--setuid', str(user.pw_uid), '--setgid', str(user.pw_gid))
        got, _ = self.fields(pid, '--uid', '0', '--gid', '0')
        self.assertEqual((got['Uid'], got['Gid']), (['0'] * 4, ['0'] * 4))
        self.assertFalse(int(got['CapEff'][0], 16) & 1 << 21)

    def test_root_stays_root(self):
        """With what the process may have at most, but no power over mounts."""
        with open(f'/proc/{self.made()}/status', encoding='ascii') as f:
            bounding = int([line for line in f if line.startswith('CapBnd')][0].split()[1], 16)
        got, _ = self.fields(self.made())
        self.assertEqual(got['Uid'], ['0'] * 4)
        self.assertEqual(int(got['CapEff'][0], 16), bounding & ~(1 << 21))
        self.assertEqual(got['CapBnd'], got['CapEff'])


if __name__ == '__main__':
    main(root=True)
