#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Root inside has every capability, uses it, and can undo no mount of its sandbox."""

import os

from probe import BWRAP, HOST, HUSK, PROC, USR, ProbeCase, all_caps, main

PROC_MAGIC, TMPFS_MAGIC = '0x9fa0', '0x1021994'
CLEARS = {'ro': 1, 'nosuid': 2, 'nodev': 4}


class Locked:
    """The same attempts against each way to build the root; mixed into a test case.

    A sandbox hides the file data/secret below a tmpfs on data, shows data2 read-only, and has
    an empty writable directory work.
    """

    def setUp(self):
        super().setUp()
        self.secret = self.write('data/secret')
        self.write('data2/file')
        self.mkdir('work')
        self.mkdir('data2/below')

    def base(self):
        """The options, and the path of the test's directory inside."""
        raise NotImplementedError

    def attempt(self, *pairs, more=()):
        """Make calls in which D stands for the directory; the secret stays hidden."""
        args, top = self.base()
        self.assertEqual(self.probe([*args, *more], 'status CapEff'), [all_caps()])
        pairs = [(call.replace('D/', top + '/').replace(' D', ' ' + top), want)
                 for call, want in pairs]
        self.check([*args, *more], (f'access {top}/data/secret', 'ENOENT'), *pairs,
                   (f'access {top}/data/secret', 'ENOENT'),
                   (f'write {top}/data2/new', 'EROFS'))
        self.assertFalse(os.path.exists(self.path('data2/new')))

    def test_umount_of_the_cover(self):
        self.attempt(('umount D/data', 'EINVAL'))

    def test_lazy_umount_of_the_cover(self):
        self.attempt(('umount D/data 2', 'EINVAL'))

    def test_forced_umount_of_the_cover(self):
        self.attempt(('umount D/data 1', ('EINVAL', 'EPERM')))

    def test_umount_of_the_read_only_bind(self):
        self.attempt(('umount D/data2', 'EINVAL'), ('umount D/data2 2', 'EINVAL'))

    def test_umount_of_the_root(self):
        self.attempt(('umount / 2', ('EINVAL', 'EBUSY')))

    def test_remount_writable(self):
        self.attempt(('remount D/data2', 'EPERM'), ('remount D/data2 0x2', 'EPERM'),
                     ('remount D/data2 0x6', 'EPERM'))

    def test_clear_each_flag(self):
        for name, bit in CLEARS.items():
            with self.subTest(name):
                self.attempt((f'clear D/data2 {bit}', 'EPERM'),
                             (f'rclear D/data2 {bit}', 'EPERM'))

    def test_clear_the_flags_of_the_whole_tree(self):
        self.attempt(('rclear / 1', 'EPERM'))

    def test_bind_without_what_lies_below(self):
        self.attempt(('bind / D/work', 'EINVAL'), ('bind D D/work', 'EINVAL'))

    def test_copied_tree_without_what_lies_below(self):
        self.attempt(('tree /', 'EINVAL'), ('tree D D/work', 'EINVAL'))

    def test_recursive_bind_keeps_the_locks(self):
        self.attempt(('rbind D D/work', 'ok'),
                     ('access D/work/data/secret', 'ENOENT'),
                     ('umount D/work/data', 'EINVAL'),
                     ('umount D/work/data 2', 'EINVAL'),
                     ('clear D/work/data2', 'EPERM'),
                     ('remount D/work/data2', 'EPERM'),
                     ('write D/work/data2/new', 'EROFS'))

    def test_recursive_bind_of_the_read_only_part(self):
        self.attempt(('rbind D/data2 D/work', 'ok'), ('remount D/work', 'EPERM'),
                     ('clear D/work', 'EPERM'), ('write D/work/new', 'EROFS'))

    def test_detached_copy_keeps_the_locks(self):
        self.attempt(('rtree D D/work', 'ok'), ('umount D/work/data', 'EINVAL'),
                     ('clear D/work/data2', 'EPERM'), ('access D/work/data/secret', 'ENOENT'))

    def test_moving_the_cover_away(self):
        self.attempt(('move D/data D/work', 'EINVAL'), ('movemount D/data D/work', 'EINVAL'))

    def test_moving_the_read_only_bind(self):
        self.attempt(('move D/data2 D/work', 'EINVAL'),
                     ('movemount D/data2 D/work', 'EINVAL'))

    def test_mounting_beneath_the_cover(self):
        """MOVE_MOUNT_BENEATH would make the cover the top of two, of which one may go."""
        self.need_kernel(6, 5)
        self.attempt(('mount tmpfs D/work', 'ok'), ('movemount D/work D/data 0x200', 'EINVAL'),
                     ('umount D/data', 'EINVAL'))

    def test_reconfiguring_a_file_system(self):
        """A tmpfs of set-up belongs to another user namespace."""
        self.attempt(('reconfigure D/data size=4k', 'EPERM'), ('reconfigure D/data2', 'EPERM'),
                     ('reconfigure /', 'EPERM'))

    def test_pivoting_to_a_root_of_its_own(self):
        args, top = self.base()
        self.check(args, (f'mount tmpfs {top}/work', 'ok'), (f'mkdir {top}/work/old', 'ok'),
                   (f'pivot {top}/work {top}/work/old', ('ok', 'EINVAL')),
                   (f'umount /old{top}/data', ('EINVAL', 'ENOENT')),
                   (f'access /old{top}/data/secret', 'ENOENT'),
                   (f'remount /old{top}/data2', ('EPERM', 'ENOENT')),
                   (f'write /old{top}/data2/new', ('EROFS', 'ENOENT')))

    def test_after_another_mount_namespace(self):
        self.attempt(('unshare mnt', 'ok'), ('umount D/data', 'EINVAL'),
                     ('umount D/data 2', 'EINVAL'), ('remount D/data2', 'EPERM'),
                     ('clear D/data2', 'EPERM'), ('bind D D/work', 'EINVAL'))

    def test_after_another_user_namespace(self):
        self.attempt(('unshare user,mnt', 'ok'), ('umount D/data', 'EINVAL'),
                     ('remount D/data2', 'EPERM'), ('clear D/data2', 'EPERM'))

    def test_writable_sibling_does_not_help(self):
        """The mount under work is writable, its flags are still its own."""
        self.attempt(('write D/work/file', 'ok'), ('bind D/work D/data2/below', ('ok', 'EINVAL')),
                     ('umount D/data', 'EINVAL'))

    def test_joining_a_namespace_of_pid_1(self):
        self.attempt(('setns /proc/1/ns/mnt', ('EPERM', 'EACCES', 'ENOENT', 'EINVAL', 'ok')),
                     ('umount D/data', ('EINVAL', 'ENOENT')))

    def test_devices_are_not_reached(self):
        self.attempt(('mknod D/work/vda 0xfe00', 'EPERM'))

    def test_may_mount_a_tmpfs(self):
        self.attempt(('mount tmpfs D/work', 'ok'), ('mkdir D/work/x', 'ok'),
                     ('umount D/work', 'ok'))

    def test_may_mount_proc(self):
        self.attempt(('mount proc D/work', 'ok'), ('list D/work/self/task', '2 '), more=PROC)

    def test_may_chroot(self):
        args, top = self.base()
        self.check(args, (f'mkdir {top}/work/sub', 'ok'), (f'chroot {top}/work', 'ok'),
                   ('access /sub', 'ok'))

    def test_may_set_the_host_name(self):
        self.attempt(('sethostname other', 'ok'), more=['--unshare-uts'])

    def test_may_not_set_the_hosts_host_name(self):
        self.attempt(('sethostname other', 'EPERM'))

    def test_may_switch_lo(self):
        self.attempt(('lo', 'ok'), more=['--unshare-net'])

    def test_may_not_switch_the_hosts_lo(self):
        self.attempt(('lo', 'EPERM'))

    def test_may_use_system_v_queues(self):
        self.attempt(('msgget', 'ok'), more=['--unshare-ipc'])

    def test_may_make_every_namespace(self):
        self.attempt(*((f'fork unshare {kind}', 'ok') for kind in
                       ('user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'time')))

    def test_without_proc_the_fresh_one_reveals_nothing(self):
        """What husk mounted inside may go; below it is an empty cover, not the host's /proc."""
        self.attempt((f'fstype /proc', PROC_MAGIC), ('umount /proc 2', 'ok'),
                     ('fstype /proc', TMPFS_MAGIC), ('list /proc', '(empty)'),
                     ('mkdir /proc/x', 'EROFS'), ('remount /proc', 'EPERM'),
                     ('clear /proc', 'EPERM'), ('umount /proc 2', 'EINVAL'), more=PROC)

    def test_a_read_only_bind_on_the_fresh_proc(self):
        """It is mounted after the rest: that must not make it weaker."""
        more = [*PROC, '--ro-bind', self.path('data2'), '/proc/fs']
        self.attempt(('write /proc/fs/new', 'EROFS'), ('remount /proc/fs', ('EPERM', 'EINVAL')),
                     ('clear /proc/fs', ('EPERM', 'EINVAL')),
                     ('rclear /proc 1', ('EPERM', 'EINVAL', 'ok')),
                     ('write /proc/fs/new', 'EROFS'), ('clear /proc/fs 2', ('EPERM', 'EINVAL')),
                     more=more)

    def test_the_covers_of_the_fresh_proc(self):
        """Who can mount another proc gains nothing by lifting them, but they are no hole."""
        self.attempt(('open /proc/sysrq-trigger w', ('EACCES', 'EROFS', 'EPERM', 'ENOENT')),
                     ('open /proc/sys/kernel/core_pattern w', ('EACCES', 'EROFS', 'EPERM')),
                     ('umount /proc/sys 2', ('ok', 'EINVAL')),
                     ('open /proc/sys/kernel/core_pattern w', ('EACCES', 'EROFS', 'EPERM')),
                     more=PROC)

    def test_proc_may_be_mounted_again(self):
        self.attempt(('umount /proc 2', 'ok'), ('mount proc /proc', 'ok'),
                     ('fstype /proc', PROC_MAGIC), more=PROC)

    def test_the_copy_of_the_hosts_proc_is_out_of_reach(self):
        """No mount that the sandbox can reach shows the processes of the host."""
        args, _ = self.base()
        me = os.getpid()
        self.check([*args, *PROC], (f'access /proc/{me}', 'ENOENT'), ('umount /proc 2', 'ok'),
                   (f'access /proc/{me}', 'ENOENT'), ('movemount /proc /mnt', 'EINVAL'),
                   ('rbind /proc D/work'.replace('D', self.base()[1]), ('ok', 'EINVAL')),
                   (f'access {self.base()[1]}/work/{me}', 'ENOENT'),
                   (f'umount {self.base()[1]}/work 2', ('ok', 'EINVAL')))


class InPlace(Locked, ProbeCase):
    """`--ro-bind / /`: the namespace's own tree, changed in place."""

    def base(self):
        return [*HOST, '--tmpfs', self.path('data'), '--ro-bind', self.path('data2'),
                self.path('data2'), '--bind', self.path('work'), self.path('work')], self.dir

    def test_the_hosts_root_stays_read_only(self):
        self.attempt(('remount /', 'EPERM'), ('clear /', 'EPERM'), ('rclear /', 'EPERM'),
                     ('write D/new', 'EROFS'))


class NewRoot(Locked, ProbeCase):
    """Many binds on an empty root."""

    def base(self):
        return [*USR, '--dir', '/mnt', '--dir', '/tmp', '--bind', self.path('data'), '/d/data',
                '--tmpfs', '/d/data', '--ro-bind', self.path('data2'), '/d/data2',
                '--bind', self.path('work'), '/d/work', '--ro-bind-try', '/proc', '/proc',
                'PROBE'], '/d'

    # the directory of the mounts is the root's own tmpfs here, which hides nothing by itself

    def test_the_root_is_locked(self):
        self.attempt(('umount /usr', 'EINVAL'), ('remount /usr', 'EPERM'),
                     ('clear /usr', 'EPERM'), ('tree /', 'EINVAL'))


class Pretending:
    """What --fake-root answers success to does nothing."""

    def base(self):
        args, top = super().base()
        return ['--fake-root', *args], top

    def test_devices_are_not_reached(self):
        self.attempt(('mknod D/work/vda 0xfe00', 'ok'), ('access D/work/vda', 'ENOENT'))

    def test_a_pretended_user_may_no_more(self):
        self.attempt(('setuid 1', 'ok'), ('umount D/data', 'EINVAL'), ('remount D/data2', 'EPERM'),
                     ('clear D/data2', 'EPERM'), ('write D/data2/new', 'EROFS'))


class FakeRootInPlace(Pretending, InPlace):
    """The host's tree, as fake root."""


class FakeRootInNewRoot(Pretending, NewRoot):
    """A root of its own, as fake root."""


# enters a user namespace below, with all ids of this one, and tries again as its root
BELOW = r'''
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
cover, shown = sys.argv[1:]

def say(what, r):
    print(what, 'ok' if r == 0 else errno.errorcode[ctypes.get_errno()], flush=True)

def attr(path, flags):
    word = (ctypes.c_uint64 * 4)(0, flags, 0, 0)
    return libc.syscall(442, -100, path.encode(), 0, word, 32)

to_child, from_child = os.pipe(), os.pipe()
pid = os.fork()
if pid == 0:
    assert libc.unshare(0x10000000 | 0x20000) == 0
    os.write(from_child[1], b'x')
    os.read(to_child[0], 1)
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    say('umount', libc.umount2(cover.encode(), 2))
    say('remount', libc.mount(None, shown.encode(), None, 0x1000 | 0x20, None))
    say('clear', attr(shown, 1))
    say('bind', libc.mount(b'/', b'/proc', None, 0x1000, None))
    say('write', 0 if os.access(shown, os.W_OK) else -1)
    os._exit(0)
os.read(from_child[0], 1)
with open('/proc/self/uid_map') as f:
    last = [int(n) for n in f.read().split()[-3:]]
ids = last[0] + last[2]
for kind in 'uid', 'gid':
    with open(f'/proc/{pid}/{kind}_map', 'w') as f:
        f.write(f'0 0 1\n1 1 {ids - 1}\n')
os.write(to_child[1], b'x')
os.waitpid(pid, 0)
'''

# asks the kernel for what is around the sandbox's own user namespace
AROUND = r'''
import errno, fcntl, os
for name, call in (('user', 0xb702), ('user', 0xb701), ('mnt', 0xb701)):
    fd = os.open(f'/proc/self/ns/{name}', os.O_RDONLY)
    try:
        got = fcntl.ioctl(fd, call)
        own = os.fstat(got).st_ino == os.stat('/proc/self/ns/user').st_ino
        print(name, 'own' if own else 'another')
    except OSError as e:
        print(name, errno.errorcode[e.errno])
'''


class Ranged:
    """With more than one id, which are real."""

    def base(self):
        args, top = super().base()
        return ['--map-auto', *args], top

    def test_another_id_may_no_more(self):
        self.attempt(('setuid 33', 'ok'), ('umount D/data 2', 'EPERM'),
                     ('remount D/data2', 'EPERM'), ('clear D/data2', 'EPERM'))

    def test_as_root_of_all_ids_below(self):
        args, top = self.base()
        r = self.inside(BELOW, [*(a for a in args if a != 'PROBE'), *PROC],
                        argv=[f'{top}/data', f'{top}/data2'])
        self.assertRuns(r)
        got = dict(line.split() for line in r.out.splitlines())
        self.assertEqual((got['umount'], got['remount'], got['clear'], got['bind']),
                         ('EINVAL', 'EPERM', 'EPERM', 'EINVAL'))

    def test_the_user_namespace_around_cannot_be_had(self):
        args = [a for a in self.base()[0] if a != 'PROBE']
        self.assertRuns(self.inside(AROUND, [*args, *PROC]),
                        'user EPERM\nuser EPERM\nmnt own\n')


class RangedInPlace(Ranged, InPlace):
    """The host's tree, with subordinate ids."""


class RangedInNewRoot(Ranged, NewRoot):
    """A root of its own, with subordinate ids."""


class HostTree(ProbeCase):
    """No file system option: the host's tree, in one user namespace."""

    def test_the_hosts_mounts_are_locked(self):
        self.check([], ('status CapEff', all_caps()), ('umount /proc 2', 'EINVAL'),
                   ('umount /sys 2', 'EINVAL'), ('umount /dev 2', 'EINVAL'),
                   ('movemount /proc /mnt', 'EINVAL'))

    def test_what_lies_below_the_hosts_mounts_stays_hidden(self):
        self.check([], ('bind / /mnt', 'EINVAL'), ('tree /', 'EINVAL'))

    def test_a_fresh_proc_does_not_come_off_the_hosts(self):
        me = os.getpid()
        self.check(['--unshare-pid'], ('fstype /proc', PROC_MAGIC),
                   (f'access /proc/{me}', 'ENOENT'), ('umount /proc 2', ('ok', 'EINVAL')),
                   (f'access /proc/{me}', 'ENOENT'), ('umount /proc 2', ('ok', 'EINVAL')),
                   (f'access /proc/{me}', 'ENOENT'), ('umount /proc 2', ('ok', 'EINVAL')),
                   (f'access /proc/{me}', 'ENOENT'))

    def test_what_it_may(self):
        self.check(['--unshare-uts', '--unshare-net', '--unshare-ipc', '--unshare-pid'],
                   ('mount tmpfs /mnt', 'ok'), ('mkdir /mnt/p', 'ok'),
                   ('mount proc /mnt/p', 'ok'), ('sethostname x', 'ok'), ('lo', 'ok'),
                   ('msgget', 'ok'), ('chroot /mnt', 'ok'))


class Bwrap(ProbeCase):
    """The promise holds for capabilities that the bwrap personality was asked for, too."""

    def test_a_cover_stays(self):
        cover = self.write('data/secret').rpartition('/')[0]
        self.check([*HOST, '--tmpfs', cover, '--cap-add', 'ALL'], (f'umount {cover} 2', 'EINVAL'),
                   ('remount /', 'EPERM'), ('clear /', 'EPERM'), ('bind / /mnt', 'EINVAL'),
                   (f'access {cover}/secret', 'ENOENT'), program=BWRAP)


class Nested(ProbeCase):
    """A sandbox starts another one like itself."""

    ARGS = ('--unshare-all', *HOST, '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/run')

    def test_three_deep(self):
        layer = [HUSK, *self.ARGS, '--']
        r = self.run_cmd(layer * 3 + ['sh', '-c', 'id -u; echo $$; ls -d /proc/[0-9]* | wc -l'])
        self.assertRuns(r)
        user, pid, count = r.out.split()
        self.assertEqual(user, '0')
        self.assertLessEqual(int(pid), 2)
        self.assertLessEqual(int(count), 4)

    def test_the_outer_walls_hold_three_deep(self):
        cover = self.write('data/secret').rpartition('/')[0]
        layer = [HUSK, *self.ARGS]
        r = self.run_cmd([*layer, '--tmpfs', cover, '--', *layer, '--', *layer, '--',
                          self.prober(), f'umount {cover} 2', 'remount /',
                          f'access {cover}/secret'])
        self.assertRuns(r, 'EINVAL\nEPERM\nENOENT\n')

    def test_bwrap_in_husk(self):
        r = self.husk(*self.ARGS, '--', BWRAP, *self.ARGS, 'id', '-u')
        self.assertRuns(r, '0\n')

    def test_husk_in_bwrap(self):
        r = self.bwrap(*self.ARGS, HUSK, *self.ARGS, '--', 'id', '-u')
        self.assertRuns(r, '0\n')

    def test_on_the_hosts_tree(self):
        r = self.run_cmd([HUSK, HUSK, HUSK, *self.ARGS, 'id', '-u'])
        self.assertRuns(r, '0\n')

    def test_in_a_new_root(self):
        layer = [*USR, '--unshare-all', '--proc', '/proc', '--dev', '/dev']
        r = self.husk(*layer, '--ro-bind', HUSK, '/husk', '--', '/husk', *layer, '--', 'id', '-u')
        self.assertRuns(r, '0\n')


if __name__ == '__main__':
    main()
