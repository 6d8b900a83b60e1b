#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Called by real root, whose user namespace is no wall: the walls that husk puts up instead.

Everything runs in a mount namespace of the test's own; files of /proc are opened for writing and
never written to.
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'sandbox'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import USER  # noqa: E402
from probe import BWRAP, HOST, HUSK, PROC, SMALL, USR, RootProbeCase, all_caps, main  # noqa: E402

SYS_ADMIN = 1 << 21
KNOBS = ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/sys/vm/drop_caches',
         '/proc/sys/kernel/modprobe', '/proc/sys/kernel/hostname')
NOT_WRITABLE = ('EROFS', 'EACCES', 'EPERM', 'ENOENT')


class Base(RootProbeCase):
    def knobs(self, where='/proc'):
        return [(f'open {knob.replace("/proc", where, 1)} w', NOT_WRITABLE) for knob in KNOBS]


class Husk(Base):
    def test_s18_knobs_with_a_fresh_proc(self):
        for args in (SMALL, (*USR, *PROC, 'PROBE'), ('--bind', '/', '/', *PROC),
                     ('--dev-bind', '/', '/', *PROC)):
            with self.subTest(args=args):
                self.check(args, *self.knobs())

    def test_s18_knobs_with_a_proc_that_may_be_refused(self):
        for args in ((*SMALL[:-2], '--proc-try', '/proc'), (*HOST, '--proc-try', '/proc')):
            self.check(args, *self.knobs())

    def test_nested(self):
        """The covers on the outer /proc keep the kernel from allowing another."""
        r = self.husk(*SMALL, HUSK, *SMALL, 'true')
        self.assertFails(r, 125, 'something is mounted on /proc/(sys|irq|bus|sysrq-trigger)')
        r = self.husk(*SMALL, HUSK, *SMALL[:-2], '--proc-try', '/proc', 'ls', '-A', '/proc')
        self.assertRuns(r, '')

    def test_features(self):
        """What root finds out is what others do; nothing of the machine's is written to."""
        def read_pid_max():
            with open('/proc/sys/kernel/pid_max', encoding='ascii') as f:
                return f.read()
        before = read_pid_max()
        mine = json.loads(self.husk('--features').out)
        others = json.loads(self.run_cmd(self.as_user([HUSK, '--features'])).out)
        self.assertEqual(mine, others)
        self.assertEqual(read_pid_max(), before)

    def test_s18_knobs_on_the_hosts_tree(self):
        self.check(['--unshare-pid'], *self.knobs())

    def test_s18_knobs_for_an_ordinary_id(self):
        self.check([*SMALL, '--uid', '1000', '--gid', '1000'], *self.knobs())

    def test_s18_knobs_without_capabilities(self):
        self.check([*SMALL, '--cap-drop', 'ALL'], *self.knobs())

    def test_s18_no_sys_admin(self):
        want = f'{int(all_caps(), 16) & ~SYS_ADMIN:016x}'
        for args in ((), HOST, SMALL, (*SMALL, '--uid', '7')):
            with self.subTest(args=args):
                self.assertEqual(self.status(args, 'CapEff', 'CapPrm', 'CapBnd'), [want] * 3)

    def test_s18_sys_admin_when_it_is_named(self):
        got = self.status([*SMALL, '--cap-add', 'sys_admin'], 'CapEff')
        self.assertTrue(int(got[0], 16) & SYS_ADMIN)

    def test_a_mask_of_roots_own_file(self):
        self.check([*SMALL, '--mask', '/etc/shadow'], ('access /etc/shadow', 'ENOENT'),
                   ('access /etc/passwd', 'ok'), ('umount /etc 2', 'EPERM'))
        self.check([*SMALL, '--mask', '/etc/shadow', '--cap-add', 'ALL'],
                   ('umount /etc 2', 'EINVAL'), ('remount /etc', 'EPERM'),
                   ('access /etc/shadow', 'ENOENT'))

    def test_s18_a_fresh_sys_is_read_only(self):
        args = [*SMALL, '--sysfs', '/sys']
        self.check(args, ('write /sys/kernel/mm/ksm/run', ('EROFS', 'ENOENT', 'EPERM')),
                   ('open /sys/power/state w', ('EROFS', 'ENOENT')),
                   ('open /sys/kernel/profiling w', ('EROFS', 'ENOENT')),
                   ('open /sys/class/net/lo/mtu w', 'EROFS'), ('remount /sys', 'EPERM'),
                   ('umount /sys', 'EPERM'))

    def test_s18_the_cgroups_are_read_only(self):
        """Those below the caller's own, which may be all of the machine's."""
        args = [*SMALL, '--cgroupfs', '/sys/fs/cgroup']
        self.check(args, ('mkdir /sys/fs/cgroup/husk-test', 'EROFS'),
                   ('open /sys/fs/cgroup/cgroup.procs w', 'EROFS'),
                   ('remount /sys/fs/cgroup', 'EPERM'), ('umount /sys/fs/cgroup', 'EPERM'))

    def test_s18_no_second_proc(self):
        self.check(SMALL, ('mount proc /mnt', 'EPERM'), ('mount tmpfs /mnt', 'EPERM'),
                   ('fork unshare mnt', 'EPERM'), ('fork unshare pid', 'EPERM'))

    def test_s18_no_cover_is_lifted(self):
        self.check(SMALL, ('umount /proc/sys 2', 'EPERM'), ('umount /proc 2', 'EPERM'),
                   ('remount /proc/sys', 'EPERM'), ('clear /proc/sys', 'EPERM'),
                   ('rclear /proc', 'EPERM'), ('move /proc/sys /mnt', 'EPERM'), *self.knobs())

    def test_s18_no_second_proc_in_a_nested_namespace(self):
        """A user namespace of its own gives the command CAP_SYS_ADMIN, over nothing of ours."""
        self.check(SMALL, ('unshare user,mnt', ('ok', 'ENOSPC', 'EPERM')),
                   ('mount proc /mnt', 'EPERM'), ('umount /proc/sys 2', ('EINVAL', 'EPERM')),
                   ('umount /proc 2', ('EINVAL', 'EPERM')), ('remount /proc/sys', 'EPERM'),
                   ('clear /proc/sys', 'EPERM'), ('rclear /proc', 'EPERM'), *self.knobs())

    def test_s18_no_second_proc_in_nested_user_and_pid_namespaces(self):
        r = self.husk(*SMALL, '--', 'unshare', '-Urmpf', self.prober(), 'mount proc /mnt',
                      'open /mnt/sys/kernel/core_pattern w', 'umount /proc/sys 2')
        if r.rc == 0:
            first, second, third = r.out.split()
            self.assertIn(first, ('EPERM', 'EACCES'))
            self.assertIn(second, NOT_WRITABLE)
            self.assertIn(third, ('EINVAL', 'EPERM'))

    def test_s18_by_husk_in_husk(self):
        layer = [HUSK, *SMALL, '--']
        r = self.run_cmd([*layer, *layer, self.prober(), *(call for call, _ in self.knobs())])
        if r.rc == 0:
            self.assertLessEqual(set(r.out.split()), set(NOT_WRITABLE))

    def test_sys_is_read_only_with_the_host_read_only(self):
        self.check(SMALL, ('open /sys/kernel/uevent_helper w', NOT_WRITABLE),
                   ('write /root/husk-test-never', 'EROFS'))

    def test_runs(self):
        self.assertRuns(self.husk('id', '-u'), '0\n')
        self.assertRuns(self.husk(*SMALL, '--', 'id', '-u'), '0\n')

    def test_map(self):
        self.check(SMALL, ('read /proc/self/setgroups', 'deny'), ('setgroups', 'EPERM'))

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

    def test_s15_pid_1_is_closed(self):
        for more in ((), ('--cap-drop', 'ALL')):
            with self.subTest(more=more):
                self.check([*SMALL, *more], ('ptrace 1', ('EPERM', 'EACCES')), ('readv 1', 'EPERM'),
                           ('getfd 1 0', 'EPERM'), ('open /proc/1/mem u', 'EACCES'),
                           ('read /proc/1/environ', 'EACCES'), ('open /proc/1/root d', 'EACCES'))

    def test_nothing_is_left(self):
        before = self.mounts()
        self.assertRuns(self.husk(*SMALL, '--tmpfs', '/mnt', '--', 'true'))
        self.assertEqual([m.point for m in self.mounts()], [m.point for m in before])


class Bwrap(Base):
    def test_s18_knobs_with_a_fresh_proc(self):
        for args in (SMALL, ('--bind', '/', '/', *PROC), ('--dev-bind', '/', '/', *PROC)):
            with self.subTest(args=args):
                self.check(args, *self.knobs(), program=BWRAP)

    def test_s18_knobs_in_a_user_namespace(self):
        self.check([*SMALL, '--unshare-user'], *self.knobs(), program=BWRAP)

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


class Groups(Base):
    def test_s11_a_group_that_is_denied_stays_denied(self):
        """A file open to all but one group: its members cannot leave the group inside."""
        path = self.write('negative', 'secret', 0o604)
        os.chown(path, 0, 4242)
        for program, args in ((HUSK, ()), (HUSK, SMALL), (BWRAP, SMALL)):
            with self.subTest(program, args=args):
                r = self.run_cmd(['setpriv', f'--reuid={USER}', '--regid', USER, '--groups=4242',
                                  program, *args, '--', self.prober(), f'read {path}',
                                  'setgroups', f'read {path}'])
                self.assertRuns(r, 'EACCES\nEPERM\nEACCES\n')

    def test_s07_an_effective_id_of_another_user_is_refused(self):
        """husk is not made to be installed setuid, and says so."""
        for words in ((f'--ruid={USER}', '--euid=0', '--clear-groups'),
                      (f'--rgid={USER}', '--egid=0', '--clear-groups')):
            r = self.run_cmd(['setpriv', *words, HUSK, 'id'])
            self.assertFails(r, 125, 'setuid|set-user-ID|privilege')

    def test_s07_a_setuid_copy_is_refused(self):
        copy = self.path('husk')
        for mode in (0o4755, 0o2755):
            subprocess.run(['cp', HUSK, copy], check=True)
            os.chmod(copy, mode)
            r = self.run_cmd(self.as_user([copy, 'id']))
            self.assertFails(r, 125, 'setuid|set-user-ID|privilege')

    def test_s07_file_capabilities_are_refused(self):
        self.need('setcap')
        copy = self.path('husk')
        subprocess.run(['cp', HUSK, copy], check=True)
        subprocess.run(['setcap', 'cap_sys_admin+ep', copy], check=True)
        r = self.run_cmd(self.as_user([copy, 'id']))
        self.assertFails(r, 125, 'capabilit')


if __name__ == '__main__':
    main(root=True)
