#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Called by real root, who owns what lies in /proc/sys and /sys: a user namespace is no wall there.

Everything runs in a mount namespace of the test's own; files of /proc are opened for writing and
never written to.
"""

import os

from rows import (
    BWRAP, HOST, HUSK, ORACLE, PROC, SMALL, USR, RootProbeCase, all_caps, main)
from joining import JoinCase

BROKEN = {
    'proc-covered': ['Husk.test_knobs_with_a_fresh_proc', 'Bwrap.test_knobs_with_a_fresh_proc'],
    'root-without-sys-admin': ['Husk.test_no_sys_admin', 'Husk.test_no_second_proc',
                               'Husk.test_no_cover_is_lifted'],
}
SYS_ADMIN = 1 << 21
NOT_WRITABLE = ('EROFS', 'EACCES', 'EPERM', 'ENOENT')
KNOBS = ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/sys/vm/drop_caches',
         '/proc/sys/kernel/modprobe', '/proc/sys/kernel/hostname')


class Base(RootProbeCase):
    def knobs(self, where='/proc'):
        return [(f'open {knob.replace("/proc", where, 1)} w', NOT_WRITABLE) for knob in KNOBS]


class Husk(Base):
    def test_knobs_with_a_fresh_proc(self):
        for args in (SMALL, (*USR, *PROC, 'PROBE'), ('--bind', '/', '/', *PROC),
                     ('--dev-bind', '/', '/', *PROC)):
            with self.subTest(args=args):
                self.check(args, *self.knobs())

    def test_knobs_with_a_proc_that_may_be_refused(self):
        for args in ((*SMALL[:-2], '--proc-try', '/proc'), (*HOST, '--proc-try', '/proc')):
            self.check(args, *self.knobs())

    def test_nested(self):
        """The covers on the outer /proc keep the kernel from allowing another."""
        r = self.husk(*SMALL, HUSK, *SMALL, 'true')
        self.assertFails(r, 125, 'something is mounted on /proc/(sys|irq|bus|sysrq-trigger)')
        r = self.husk(*SMALL, HUSK, *SMALL[:-2], '--proc-try', '/proc', 'ls', '-A', '/proc')
        self.assertRuns(r, '')

    def test_knobs_on_the_hosts_tree(self):
        self.check(['--unshare-pid'], *self.knobs())

    def test_knobs_for_an_ordinary_id(self):
        self.check([*SMALL, '--uid', '1000', '--gid', '1000'], *self.knobs())

    def test_knobs_without_capabilities(self):
        self.check([*SMALL, '--cap-drop', 'ALL'], *self.knobs())

    def test_no_sys_admin(self):
        want = f'{int(all_caps(), 16) & ~SYS_ADMIN:016x}'
        for args in ((), HOST, SMALL, (*SMALL, '--uid', '7')):
            with self.subTest(args=args):
                self.assertEqual(self.status(args, 'CapEff', 'CapPrm', 'CapBnd'), [want] * 3)

    def test_sys_admin_when_it_is_named(self):
        got = self.status([*SMALL, '--cap-add', 'sys_admin'], 'CapEff')
        self.assertTrue(int(got[0], 16) & SYS_ADMIN)

    def test_a_fresh_sys_is_read_only(self):
        args = [*SMALL, '--sysfs', '/sys']
        self.check(args, ('write /sys/kernel/mm/ksm/run', ('EROFS', 'ENOENT', 'EPERM')),
                   ('open /sys/power/state w', ('EROFS', 'ENOENT')),
                   ('open /sys/kernel/profiling w', ('EROFS', 'ENOENT')),
                   ('open /sys/class/net/lo/mtu w', 'EROFS'), ('remount /sys', 'EPERM'),
                   ('umount /sys', 'EPERM'))

    def test_the_cgroups_are_read_only(self):
        """Those below the caller's own, which may be all of the machine's."""
        args = [*SMALL, '--cgroupfs', '/sys/fs/cgroup']
        self.check(args, (f'mkdir /sys/fs/cgroup/husk-test-{os.getpid()}', 'EROFS'),
                   ('open /sys/fs/cgroup/cgroup.procs w', 'EROFS'),
                   ('remount /sys/fs/cgroup', 'EPERM'), ('umount /sys/fs/cgroup', 'EPERM'))

    def test_no_second_proc(self):
        self.check(SMALL, ('mount proc /mnt', 'EPERM'), ('mount tmpfs /mnt', 'EPERM'),
                   ('fork unshare mnt', 'EPERM'), ('fork unshare pid', 'EPERM'))

    def test_no_cover_is_lifted(self):
        self.check(SMALL, ('umount /proc/sys 2', 'EPERM'), ('umount /proc 2', 'EPERM'),
                   ('remount /proc/sys', 'EPERM'), ('clear /proc/sys', 'EPERM'),
                   ('rclear /proc', 'EPERM'), ('move /proc/sys /mnt', 'EPERM'), *self.knobs())

    def test_no_second_proc_in_a_nested_namespace(self):
        """A user namespace of its own gives the command CAP_SYS_ADMIN, over nothing of ours."""
        self.check(SMALL, ('unshare user,mnt', ('ok', 'ENOSPC', 'EPERM')),
                   ('mount proc /mnt', 'EPERM'), ('umount /proc/sys 2', ('EINVAL', 'EPERM')),
                   ('umount /proc 2', ('EINVAL', 'EPERM')), ('remount /proc/sys', 'EPERM'),
                   ('clear /proc/sys', 'EPERM'), ('rclear /proc', 'EPERM'), *self.knobs())

    def test_no_second_proc_in_nested_user_and_pid_namespaces(self):
        r = self.husk(*SMALL, '--', 'unshare', '-Urmpf', self.prober(), 'mount proc /mnt',
                      'open /mnt/sys/kernel/core_pattern w', 'umount /proc/sys 2')
        self.assertEqual(r.rc, 0, r)
        first, second, third = r.out.split()
        self.assertIn(first, ('EPERM', 'EACCES'))
        self.assertIn(second, NOT_WRITABLE)
        self.assertIn(third, ('EINVAL', 'EPERM'))

    def test_by_husk_in_husk(self):
        """With the outer one's /proc, or none: another is refused it."""
        calls = [call for call, _ in self.knobs()]
        for inner in ((), HOST, ('--unshare-all', *HOST, '--proc-try', '/proc')):
            with self.subTest(inner=inner):
                r = self.run_cmd([HUSK, *SMALL, '--', HUSK, *inner, '--', self.prober(), *calls])
                self.assertEqual(r.rc, 0, r)
                self.assertEqual(len(r.out.split()), len(calls))
                self.assertLessEqual(set(r.out.split()), set(NOT_WRITABLE))

    def test_sys_is_read_only_with_the_host_read_only(self):
        self.check(SMALL, ('open /sys/kernel/uevent_helper w', NOT_WRITABLE),
                   ('write /root/husk-test-never', 'EROFS'))

    def test_pid_1_is_closed(self):
        for more in ((), ('--cap-drop', 'ALL')):
            with self.subTest(more=more):
                self.check([*SMALL, *more], ('ptrace 1', ('EPERM', 'EACCES')), ('readv 1', 'EPERM'),
                           ('getfd 1 0', 'EPERM'), ('open /proc/1/mem u', 'EACCES'),
                           ('read /proc/1/environ', 'EACCES'), ('open /proc/1/root d', 'EACCES'))

    def test_knobs_of_every_process_at_once(self):
        """What is on the way to them by another name: links of /proc, descriptors, other mounts."""
        self.check(SMALL, *((f'open {way}/kernel/core_pattern w', NOT_WRITABLE) for way in (
            '/proc/self/root/proc/sys', '/proc/1/root/proc/sys', '/proc/self/cwd/proc/sys',
            '/proc/thread-self/root/proc/sys', '/proc/fs/../sys')))

    def test_no_way_round_by_a_copy(self):
        """Neither a bind, nor a detached copy, nor a root of its own shows what is covered."""
        self.check(SMALL, ('bind /proc /mnt', 'EPERM'), ('rbind / /mnt', 'EPERM'),
                   ('tree /proc', 'EPERM'), ('rtree /proc', 'EPERM'), ('chroot /proc', 'ok'),
                   ('open /sys/kernel/core_pattern w', NOT_WRITABLE))

    def test_no_way_round_in_a_namespace_below(self):
        for kinds in ('user,mnt', 'user,mnt,pid', 'user,mnt,net,ipc,uts,cgroup'):
            with self.subTest(kinds):
                self.check(SMALL, (f'unshare {kinds}', ('ok', 'ENOSPC', 'EPERM')),
                           ('bind /proc /mnt', ('EINVAL', 'EPERM')), ('tree /proc', ('EINVAL',
                                                                                    'EPERM')),
                           ('rbind /proc /mnt', ('ok', 'EPERM')), *self.knobs(),
                           *self.knobs('/mnt'), ('umount /mnt/sys 2', ('EINVAL', 'EPERM')),
                           ('clear /mnt/sys', ('EPERM', 'EINVAL')), *self.knobs('/mnt'))


class Bwrap(Base):
    def test_knobs_with_a_fresh_proc(self):
        for args in (SMALL, ('--bind', '/', '/', *PROC), ('--dev-bind', '/', '/', *PROC)):
            with self.subTest(args=args):
                self.check(args, *self.knobs(), program=BWRAP)

    def test_knobs_in_a_user_namespace(self):
        self.check([*SMALL, '--unshare-user'], *self.knobs(), program=BWRAP)

    def test_the_attack_is_real(self):
        """In Debian's bwrap 0.8.0 root opens them for writing."""
        self.need(ORACLE)
        got = self.probe(SMALL, *(call for call, _ in self.knobs()), program=ORACLE)
        self.assertIn('ok', got)


class Joined(JoinCase, Base):
    """The pid namespace is one that root has made without husk."""

    def test_knobs(self):
        target = self.unshared('--net', '--uts', '--ipc', '--cgroup', '--time', '--pid', '--fork',
                               '--kill-child', '--mount-proc')
        for args in ((), (*HOST, '--proc', '/proc')):
            r = self.joined(target, ['pid'], *args, command=(
                self.prober(), *(call for call, _ in self.knobs()), 'umount /proc/sys 2',
                'mount proc /mnt'))
            self.assertEqual(r.rc, 0, r)
            self.assertLessEqual(set(r.out.split()), set(NOT_WRITABLE), r)


if __name__ == '__main__':
    main(root=True)
