#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A sandbox in a cgroup of the caller's: root delegates a subtree, an ordinary user uses it."""

import contextlib
import os
import pwd
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'sandbox'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import USER  # noqa: E402
from probe import HOST, HUSK, RootProbeCase, main  # noqa: E402

# moves itself to the first cgroup, opens the second as 9, and goes on as the user
START = '''
echo $$ >"$1/cgroup.procs" && exec 9<"$2" && shift 2 && exec "$@"'''


class CgroupCase(RootProbeCase):
    """top is the user's, with the cgroups leaf and box, and other, which is root's."""

    def setUp(self):
        super().setUp()
        self.top = os.path.join(self.hierarchy(), f'husk-test-{os.getpid()}')
        self.leaf, self.box = f'{self.top}/leaf', f'{self.top}/box'
        self.other = f'{self.top}-other'
        for path in (self.top, self.leaf, self.box, self.other):
            os.mkdir(path)
            self.addCleanup(self.remove, path)
        user = pwd.getpwnam(USER)
        for path in (self.top, self.leaf, self.box):
            for name in ('.', 'cgroup.procs', 'cgroup.subtree_control'):
                os.chown(os.path.join(path, name), user.pw_uid, user.pw_gid)

    def remove(self, path):
        def gone():
            """Not as long as somebody in it is still on the way out."""
            with contextlib.suppress(OSError):
                os.rmdir(path)
            return not os.path.exists(path)
        self.assertTrue(self.wait_until(gone), path)

    def hierarchy(self):
        found = [m.point for m in self.mounts() if m.fstype == 'cgroup2' and m.root == '/' and
                 os.access(m.point, os.W_OK)]
        if found:
            return found[-1]
        path = self.mkdir('cgroup')
        if subprocess.run(['mount', '-t', 'cgroup2', 'none', path], check=False).returncode:
            self.skipTest('no cgroup2 hierarchy')
        self.addCleanup(subprocess.run, ['umount', path], check=False)
        return path

    def own(self, r):
        self.assertRuns(r)
        return [line[3:] for line in r.out.splitlines() if line.startswith('0::')]


class Cgroup(CgroupCase):
    """--cgroup-fd."""

    def inside(self, *args, box=None, command=('cat', '/proc/self/cgroup')):
        return self.run_cmd(['sh', '-c', START, 'sh', self.leaf, box or self.box,
                             *self.as_user([HUSK, *args, '--cgroup-fd', '9', '--', *command])])

    def test_the_command_is_there(self):
        self.assertEqual([os.path.basename(p) for p in self.own(self.inside(*HOST))], ['box'])

    def test_and_every_process_of_the_sandbox(self):
        r = self.inside('--unshare-pid', *HOST, '--proc', '/proc', command=(
            'sh', '-c', 'sleep 0 & cat /proc/[0-9]*/cgroup | grep ^0:: | sort -u'))
        self.assertEqual([os.path.basename(p) for p in self.own(r)], ['box'])

    def test_the_launcher_is_not(self):
        r = self.inside(*HOST, command=('sh', '-c', f'cat {self.leaf}/cgroup.procs | wc -l; '
                                        f'cat {self.box}/cgroup.procs | wc -l'))
        self.assertRuns(r)
        launcher, sandbox = map(int, r.out.split())
        self.assertEqual(launcher, 1, r)
        self.assertGreaterEqual(sandbox, 3, r)

    def test_it_is_the_root_of_a_cgroup_namespace(self):
        for more in ((), ('--cap-drop', 'ALL'), ('--unshare-pid', '--proc', '/proc')):
            with self.subTest(more):
                self.assertEqual(self.own(self.inside('--unshare-cgroup', *HOST, *more)), ['/'])
        r = self.inside('--unshare-cgroup', *HOST, '--cgroupfs', '/mnt', command=(
            'sh', '-c', 'wc -l </mnt/cgroup.procs; mkdir /mnt/sub && rmdir /mnt/sub'))
        self.assertRuns(r)
        self.assertGreaterEqual(int(r.out), 2)

    def test_whole(self):
        self.assertEqual(self.own(self.inside('--unshare-all', *HOST, '--proc', '/proc')), ['/'])

    def test_the_descriptor_is_not_passed_on(self):
        r = self.inside(*HOST, command=('sh', '-c', 'ls /proc/self/fd'))
        self.assertNotIn('9', r.out.split(), r)

    def test_without_the_right(self):
        self.assertFails(self.inside(*HOST, box=self.other), 125,
                         '--cgroup-fd 9: Permission denied\nhusk: hint: .*cgroup.procs')

    def test_without_it_nothing_moves(self):
        r = self.run_cmd(['sh', '-c', START, 'sh', self.leaf, self.box, *self.as_user(
            [HUSK, *HOST, '--', 'cat', '/proc/self/cgroup'])])
        self.assertEqual([os.path.basename(p) for p in self.own(r)], ['leaf'])


if __name__ == '__main__':
    main(root=True)
