#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file systems of namespaces, flags for mounts, and mounts over symbolic links."""

import os

from probe import HOST, HUSK, SMALL, USR, ProbeCase, main

SYSFS, CGROUP2, PROC, TMPFS, DEVPTS = '0x62656572', '0x63677270', '0x9fa0', '0x1021994', '0x1cd1'
NET = ('--unshare-net', *HOST, '--sysfs', '/sys')
CGROUP = ('--unshare-cgroup', *HOST, '--cgroupfs', '/sys/fs/cgroup')


class Sysfs(ProbeCase):
    def test_of_the_own_network(self):
        self.check(NET, ('fstype /sys', SYSFS), ('list /sys/class/net', 'lo '),
                   ('access /sys/kernel', 'ok'))

    def test_without_capabilities(self):
        self.check([*NET, '--cap-drop', 'ALL'], ('list /sys/class/net', 'lo '),
                   ('umount /sys 2', 'EPERM'))

    def test_as_another_user(self):
        self.check([*NET, '--map-current-user'], ('list /sys/class/net', 'lo '))

    def test_in_a_new_root(self):
        self.check(['--unshare-net', *USR, '--sysfs', '/sys', 'PROBE'], ('fstype /sys', SYSFS))

    def test_below_it_lies_an_empty_cover(self):
        """What the sandbox mounted itself may go; the host's /sys does not come back."""
        self.check(NET, ('umount /sys 2', 'ok'), ('fstype /sys', TMPFS), ('list /sys', '(empty)'),
                   ('mkdir /sys/x', 'EROFS'), ('remount /sys', 'EPERM'), ('clear /sys', 'EPERM'),
                   ('umount /sys 2', 'EINVAL'), ('list /sys', '(empty)'))

    def test_its_flags(self):
        got = self.husk(*NET, '--', 'grep', ' /sys .* - sysfs ', '/proc/self/mountinfo')
        self.assertIn('rw,nosuid,nodev,noexec', got.out.splitlines()[-1])

    def test_of_a_shared_network(self):
        self.assertFails(self.husk(*HOST, '--sysfs', '/sys', '--', 'true'), 125,
                         '--sysfs requires --unshare-net\nhusk: hint: .*only its owner')

    def test_in_a_sandbox(self):
        layer = [HUSK, *NET, '--unshare-pid', '--proc', '/proc', '--']
        r = self.run_cmd([*layer, *layer, 'ls', '/sys/class/net'])
        self.assertRuns(r, 'lo\n')

    def test_where_the_hosts_has_covers(self):
        """As in a container: the kernel refuses, and the error says what for."""
        r = self.run_cmd(self.private_mounts([HUSK, *NET, '--', 'true'],
                                             'mount -t tmpfs t /sys/class'))
        self.assertFails(r, 125, r"Can't mount sysfs on /sys: Operation not permitted\n.*hint")


class Cgroupfs(ProbeCase):
    def test_of_the_own_root(self):
        self.check(CGROUP, ('fstype /sys/fs/cgroup', CGROUP2),
                   ('access /sys/fs/cgroup/cgroup.procs', 'ok'))

    def test_below_it_lies_an_empty_cover(self):
        self.check(CGROUP, ('umount /sys/fs/cgroup 2', 'ok'), ('fstype /sys/fs/cgroup', TMPFS),
                   ('list /sys/fs/cgroup', '(empty)'), ('umount /sys/fs/cgroup 2', 'EINVAL'))

    def test_on_a_sysfs(self):
        """Its place exists only once the sysfs does."""
        self.check([*NET, '--unshare-cgroup', '--cgroupfs', '/sys/fs/cgroup'],
                   ('fstype /sys/fs/cgroup', CGROUP2), ('umount /sys 2', 'ok'),
                   ('list /sys', '(empty)'))

    def test_a_file_on_a_sysfs(self):
        self.write('file', 'x')
        self.check([*NET, '--ro-bind', self.path('file'), '/sys/kernel/notes', '--tmpfs',
                    '/sys/class'], ('read /sys/kernel/notes', 'x'),
                   ('list /sys/class', '(empty)'))

    def test_of_a_shared_namespace(self):
        self.assertFails(self.husk(*HOST, '--cgroupfs', '/sys/fs/cgroup', '--', 'true'), 125,
                         '--cgroupfs requires --unshare-cgroup\nhusk: hint: .*only its owner')


class ProcSubset(ProbeCase):
    ARGS = ('--unshare-pid', *HOST, '--proc-subset', '/proc')

    def test_only_processes(self):
        r = self.husk(*self.ARGS, '--', 'sh', '-c', 'ls /proc; cat /proc/self/comm')
        self.assertRuns(r)
        self.assertRegex(r.out, r'^(\d+\n)+self\nthread-self\ncat\n$')

    def test_its_flags(self):
        r = self.husk(*self.ARGS, '--', 'grep', ' - proc .*subset=pid', '/proc/self/mountinfo')
        self.assertIn('nosuid,nodev,noexec', r.out, r)

    def test_below_it_lies_an_empty_cover(self):
        self.check(self.ARGS, ('access /proc/sys', 'ENOENT'), ('umount /proc 2', 'ok'),
                   ('list /proc', '(empty)'), ('umount /proc 2', 'EINVAL'))

    def test_without_capabilities(self):
        self.check([*self.ARGS, '--cap-drop', 'ALL'], ('fstype /proc', PROC),
                   ('access /proc/meminfo', 'ENOENT'))

    def test_of_shared_processes(self):
        self.assertFails(self.husk(*HOST, '--proc-subset', '/proc', '--', 'true'), 125,
                         '--proc-subset requires --unshare-pid')


class Devpts(ProbeCase):
    ARGS = (*HOST, '--dev-bind', '/dev', '/dev', '--devpts', '/dev/pts')

    def test_an_instance_of_its_own(self):
        self.check(self.ARGS, ('fstype /dev/pts', DEVPTS), ('list /dev/pts', 'ptmx '),
                   ('umount /dev/pts 2', 'EINVAL'))

    def test_it_works(self):
        r = self.husk(*self.ARGS, '--', '/usr/bin/python3', '-c',
                      'import os; m = os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY);'
                      'import fcntl, struct, termios;'
                      'print(struct.unpack("i", fcntl.ioctl(m, 0x80045430, b"\\0" * 4))[0],'
                      'os.listdir("/dev/pts"))')
        self.assertRuns(r)
        self.assertIn('0', r.out)

    def test_as_another_user_without_capabilities(self):
        self.check([*self.ARGS, '--map-current-user', '--cap-drop', 'ALL'],
                   ('list /dev/pts', 'ptmx '))

    def test_its_flags(self):
        r = self.husk(*self.ARGS, '--', 'grep', ' /dev/pts ', '/proc/self/mountinfo')
        self.assertIn('rw,nosuid,noexec', r.out.splitlines()[-1])


class Flags(ProbeCase):
    """--mount-flags, tried on one mount of each operation."""

    ALL = 'ro,nosuid,nodev,noexec,nosymfollow'

    def options(self, args, point):
        r = self.husk(*args, '--', '/bin/cat', '/proc/self/mountinfo', pass_fds=list(range(3, 9)))
        self.assertRuns(r)
        mine = [m for m in self.mounts(r.out) if m.point == point]
        return mine[-1].opts

    def test_on_each_operation(self):
        self.mkdir('up')
        self.mkdir('work')
        self.mkdir('at')
        at = self.path('at')
        layers = ['--overlay-src', '/usr/share', '--overlay-src', '/usr/bin']
        for words in (['--bind', '/usr', at], ['--dev-bind', '/usr', at],
                      ['--ro-bind-try', '/usr', at], ['--tmpfs', at],
                      ['--bind-fd', str(self.open('/usr/bin')), at],
                      ['--proc', at], ['--unshare-pid', '--proc', at],
                      ['--unshare-pid', '--proc-subset', at], ['--unshare-net', '--sysfs', at],
                      ['--unshare-cgroup', '--cgroupfs', at], ['--unshare-ipc', '--mqueue', at],
                      ['--devpts', at], ['--dev', at], [*layers, '--tmp-overlay', at],
                      [*layers, '--ro-overlay', at],
                      [*layers, '--overlay', self.path('up'), self.path('work'), at]):
            before = [*HOST, *(w for w in words[:1] if w.startswith('--unshare'))]
            words = words[len(before) - len(HOST):]
            if '--overlay-src' in words:
                split = 4
            else:
                split = 0
            with self.subTest(words):
                got = self.options([*before, *words[:split], '--mount-flags', self.ALL,
                                    *words[split:]], at)
                self.assertLessEqual(set(self.ALL.split(',')), got)

    def test_on_data(self):
        at = self.write('at')
        got = self.options([*HOST, '--mount-flags', self.ALL, '--bind-data',
                            str(self.fd('x')), at], at)
        self.assertLessEqual(set(self.ALL.split(',')), got)

    def test_on_the_root(self):
        got = self.options(['--mount-flags', 'nodiratime', '--tmpfs', '/', *USR, '--proc',
                            '/proc', '--mount-flags', 'noexec', '--tmpfs', '/x'], '/')
        self.assertIn('nodiratime', got)
        self.assertNotIn('noexec', got)

    def test_on_the_root_in_place(self):
        r = self.husk('--mount-flags', 'noexec', *HOST, '--', 'true')
        self.assertFails(r, 126, 'Permission denied')

    def test_noexec_holds(self):
        tool = self.write('tool', '#!/bin/sh\necho ran\n', 0o755)
        self.assertRuns(self.husk(*HOST, '--ro-bind', self.dir, self.dir, '--', tool), 'ran\n')
        r = self.husk(*HOST, '--mount-flags', 'noexec', '--ro-bind', self.dir, self.dir, '--', tool)
        self.assertFails(r, 126)
        self.check([*HOST, '--mount-flags', 'noexec', '--bind', self.path(), self.path('.')],
                   (f'remount {self.dir}', 'EPERM'), (f'clear {self.dir} 8', 'EPERM'))

    def test_submounts_too(self):
        args = self.private_mounts([HUSK, *HOST, '--mount-flags', 'noexec', '--bind',
                                    self.mkdir('a'), self.dir, '--', 'cat',
                                    '/proc/self/mountinfo'],
                                   f'mkdir {self.path("a")}/b; mount -t tmpfs t {self.path("a")}/b')
        r = self.run_cmd(args)
        self.assertRuns(r)
        mine = [m.opts for m in self.mounts(r.out) if m.point == f'{self.dir}/b']
        self.assertEqual(len(mine), 1, r)
        self.assertIn('noexec', mine[0])

    def test_nosymfollow_holds(self):
        self.write('file', 'x')
        os.symlink('file', self.path('link'))
        self.check([*HOST, '--mount-flags', 'nosymfollow', '--bind', self.dir, '/mnt'],
                   ('read /mnt/file', 'x'), ('open /mnt/link r', 'ELOOP'))

    def test_access_times(self):
        got = self.options([*HOST, '--mount-flags', 'noatime,nodiratime', '--tmpfs', '/tmp'],
                           '/tmp')
        self.assertLessEqual({'noatime', 'nodiratime'}, got)

    def test_access_times_of_the_hosts_are_locked(self):
        self.assertFails(self.husk(*HOST, '--mount-flags', 'noatime', '--bind', '/usr', '/usr',
                                   '--', 'true'), 125, 'not permitted\n.*hint: .*locks how')

    def test_for_the_next_mount_only(self):
        r = self.options([*HOST, '--mount-flags', 'noexec', '--tmpfs', '/tmp', '--tmpfs', '/srv'],
                         '/srv')
        self.assertNotIn('noexec', r)

    def test_with_other_modifiers(self):
        for words in (['--perms', '0700', '--mount-flags', 'noexec', '--size', '4096'],
                      ['--mount-flags', 'noexec', '--perms', '0700']):
            got = self.options([*HOST, *words, '--mount-flags', 'nodiratime', '--tmpfs', '/tmp'],
                               '/tmp')
            self.assertLessEqual({'noexec', 'nodiratime'}, got)

    def test_unknown(self):
        for word in ('suid', 'exec', 'rw', 'noexec,', '', 'ro,dev', 'NOEXEC', 'atime'):
            with self.subTest(word):
                self.assertFails(self.husk('--mount-flags', word, '--tmpfs', '/x', '--', 'true'),
                                 125, f'--mount-flags {word}: no flag is called “.*”\n'
                                 'husk: hint: the flags are nodev .*noexec')

    def test_before_what_mounts_nothing(self):
        for words in (['--dir', '/x'], ['--symlink', 'a', '/x'], ['--remount-ro', '/'],
                      ['--chmod', '0', '/x'], ['--setenv', 'A', 'b'], ['--', 'true'], ['true']):
            with self.subTest(words):
                self.assertFails(self.husk('--mount-flags', 'ro', *words), 125,
                                 '--mount-flags must be followed by')

    def test_explained(self):
        r = self.husk('--explain', *HOST, '--mount-flags', 'noexec,nosymfollow', '--tmpfs', '/tmp',
                      '--', 'true')
        self.assertIn('tmpfs /tmp (rw,nosuid,nodev,noexec,nosymfollow)', r.out)


class ReplaceSymlink(ProbeCase):
    def setUp(self):
        super().setUp()
        self.new = self.write('new', 'new')
        self.target = self.write('d/target', 'target')
        self.link = self.path('d/link')
        os.symlink('target', self.link)

    def test_a_file_over_a_link_of_the_hosts(self):
        before = self.tree(self.dir)
        self.check([*HOST, '--replace-symlink', '--ro-bind', self.new, self.link],
                   (f'read {self.link}', 'new'), (f'read {self.target}', 'target'),
                   (f'umount {self.link} 2', 'EINVAL'))
        self.assertEqual(self.tree(self.dir), before)

    def test_without_it_the_link_is_followed(self):
        self.check([*HOST, '--ro-bind', self.new, self.link], (f'read {self.link}', 'new'),
                   (f'read {self.target}', 'new'))

    def test_a_link_that_leads_nowhere(self):
        os.symlink('nowhere', self.path('d/dangling'))
        self.check([*HOST, '--replace-symlink', '--ro-bind', self.new, self.path('d/dangling')],
                   (f'read {self.path("d/dangling")}', 'new'))

    def test_data_over_a_link(self):
        r = self.husk(*HOST, '--replace-symlink', '--ro-bind-data', self.fd('data'), self.link,
                      '--', 'cat', self.link, self.target, pass_fds=list(range(3, 9)))
        self.assertRuns(r, 'datatarget')

    def test_through_links_on_the_way(self):
        os.symlink('d', self.path('way'))
        self.check([*HOST, '--replace-symlink', '--ro-bind', self.new, self.path('way/link')],
                   (f'read {self.link}', 'new'), (f'read {self.target}', 'target'))

    def test_a_directory_over_a_link_of_the_sandboxs(self):
        self.check([*USR, '--dir', '/a', '--symlink', 'a', '/l', '--replace-symlink', '--bind',
                    self.path('d'), '/l', 'PROBE'], ('read /l/target', 'target'),
                   ('list /a', '(empty)'), ('readlink /l', 'EINVAL'))

    def test_a_directory_over_a_link_of_the_hosts(self):
        os.symlink('d', self.path('way'))
        before = self.tree(self.dir)
        for words in (['--tmpfs'], ['--bind', '/usr'], ['--unshare-pid', '--proc'][1:]):
            with self.subTest(words):
                self.assertFails(self.husk('--unshare-pid', *HOST, '--replace-symlink', *words,
                                           self.path('way'), '--', 'true'), 125,
                                 "symbolic link on a file system of the host's.*\n.*hint")
        self.assertEqual(self.tree(self.dir), before)

    def test_proc_over_a_link(self):
        self.check(['--unshare-pid', *USR, '--symlink', 'usr', '/proc', '--replace-symlink',
                    '--proc', '/proc', 'PROBE'], ('fstype /proc', PROC))

    def test_what_is_no_link(self):
        self.check([*HOST, '--replace-symlink', '--ro-bind', self.new, self.target],
                   (f'read {self.target}', 'new'))

    def test_a_missing_destination(self):
        self.check([*USR, '--replace-symlink', '--ro-bind', self.new, '/x/y', 'PROBE'],
                   ('read /x/y', 'new'))

    def test_before_what_mounts_nothing(self):
        self.assertFails(self.husk('--replace-symlink', '--file', '0', '/x', '--', 'true'), 125,
                         '--replace-symlink must be followed by an option that mounts')

    def test_not_as_bwrap(self):
        for word in ('--replace-symlink', '--sysfs', '--mount-flags', '--devpts', '--cgroupfs'):
            self.assertFails(self.bwrap(word, '/x', 'true'), 1, f'Unknown option {word}')


class All(ProbeCase):
    def test_together(self):
        self.check([*SMALL, '--sysfs', '/sys', '--cgroupfs', '/sys/fs/cgroup', '--mqueue',
                    '/dev/shm', '--proc-subset', '/srv'],
                   ('fstype /sys', SYSFS), ('fstype /sys/fs/cgroup', CGROUP2),
                   ('fstype /proc', PROC), ('access /srv/1', 'ok'), ('access /srv/sys', 'ENOENT'))


if __name__ == '__main__':
    main()
