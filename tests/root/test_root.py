#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Called by real root, whose user namespace is no wall: the walls that husk puts up instead.

Everything runs in a mount namespace of the test's own; files of /proc are opened for writing and
never written to.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'sandbox'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from probe import BWRAP, HOST, HUSK, PROC, SMALL, RootProbeCase, main  # noqa: E402


def read_pid_max():
    """The limit of the whole machine."""
    with open('/proc/sys/kernel/pid_max', encoding='ascii') as f:
        return f.read()


class Husk(RootProbeCase):
    def test_a_limit_of_processes_is_never_the_machines(self):
        """Where a pid namespace has none of its own, root could set the machine's."""
        before = read_pid_max()
        r = self.husk(*SMALL, '--pid-limit', '400', '--', 'true')
        if self.has_kernel(6, 14):
            self.assertRuns(r)
        else:
            self.assertFails(r, 125, '--pid-limit 400: .*whole machine\n.*since Linux 6.14')
        self.assertEqual(read_pid_max(), before)

    def test_features(self):
        """What root finds out is what others do; nothing of the machine's is written to."""
        before = read_pid_max()
        mine = json.loads(self.husk('--features').out)
        others = json.loads(self.run_cmd(self.as_user([HUSK, '--features'])).out)
        self.assertEqual(mine['map-auto'].keys(), others['map-auto'].keys())
        del mine['map-auto'], others['map-auto']
        self.assertEqual(mine, others)
        self.assertEqual(read_pid_max(), before)

    def test_fake_root(self):
        """One id is mapped for root too, and no device is made."""
        work = self.mkdir('work')
        r = self.husk('--fake-root', '--chdir', work, '--', 'sh', '-c',
                      'touch f && chown 33:44 f && stat -c %u:%g f && mknod n b 8 0 && ls &&'
                      ' setpriv --reuid 33 --clear-groups id -u')
        self.assertRuns(r, '0:0\nf\n0\n')
        self.assertEqual(os.stat(os.path.join(work, 'f')).st_uid, 0)
        self.assertRuns(self.husk('--fake-root', '--self-test'))

    def test_a_sandbox_in_a_sandbox(self):
        """The covers on /proc keep the inner one from a /proc of its own; the way out is named."""
        outer = [HUSK, *SMALL, '--']
        r = self.run_cmd([*outer, HUSK, *SMALL, 'true'])
        self.assertFails(r, 125, 'something is mounted on /proc/')
        self.assertIn('hint: --proc-try', r.err)
        r = self.run_cmd([*outer, HUSK, '--unshare-all', *HOST, '--proc-try', '/proc', '--',
                          'sh', '-c', 'id -u; ls -A /proc'])
        self.assertRuns(r, '0\n')

    def test_a_mask_of_roots_own_file(self):
        self.check([*SMALL, '--mask', '/etc/shadow'], ('access /etc/shadow', 'ENOENT'),
                   ('access /etc/passwd', 'ok'), ('umount /etc 2', 'EPERM'))
        self.check([*SMALL, '--mask', '/etc/shadow', '--cap-add', 'ALL'],
                   ('umount /etc 2', 'EINVAL'), ('remount /etc', 'EPERM'),
                   ('access /etc/shadow', 'ENOENT'))

    def test_runs(self):
        self.assertRuns(self.husk('id', '-u'), '0\n')
        self.assertRuns(self.husk(*SMALL, '--', 'id', '-u'), '0\n')

    def test_s05_the_launcher_cannot_be_overwritten(self):
        """As root, who may write every file, with the launcher in a writable tree."""
        with open(HUSK, 'rb') as f:
            before = f.read()
        script = 'for i in 1 2 3; do for p in /proc/[0-9]*; do ' \
                 'echo X 2>/dev/null >>$p/exe; : 2>/dev/null >$p/exe; done; done; true'
        for program in (HUSK, BWRAP):
            self.run_cmd([program, '--bind', '/', '/', *PROC, '--', 'sh', '-c', script])
            with open(HUSK, 'rb') as f:
                self.assertEqual(f.read(), before)

    def test_nothing_is_left(self):
        before = self.mounts()
        self.assertRuns(self.husk(*SMALL, '--tmpfs', '/mnt', '--', 'true'))
        self.assertEqual([m.point for m in self.mounts()], [m.point for m in before])


class Bwrap(RootProbeCase):
    def test_keeps_the_callers_capabilities(self):
        """As bubblewrap: root without a user namespace stays root."""
        with open('/proc/self/status', encoding='ascii') as f:
            mine = next(line.split()[1] for line in f if line.startswith('CapEff'))
        self.assertEqual(self.status(HOST, 'CapEff', program=BWRAP), [mine])

    def test_no_user_namespace_unless_asked_for(self):
        mine = os.readlink('/proc/self/ns/user')
        self.check(HOST, ('readlink /proc/self/ns/user', mine), program=BWRAP)

    def test_a_user_namespace_when_asked_for(self):
        mine = os.readlink('/proc/self/ns/user')
        got = self.probe([*HOST, '--unshare-user'], 'readlink /proc/self/ns/user', program=BWRAP)
        self.assertNotEqual(got, [mine])

    def test_without_capabilities(self):
        self.assertEqual(self.status([*HOST, '--cap-drop', 'ALL'], 'CapEff', 'CapPrm',
                                     program=BWRAP), ['0' * 16] * 2)

    def test_nothing_is_left(self):
        before = self.mounts()
        r = self.bwrap(*SMALL, '--tmpfs', '/mnt', 'true')
        self.assertRuns(r)
        self.assertEqual([m.point for m in self.mounts()], [m.point for m in before])


if __name__ == '__main__':
    main(root=True)
