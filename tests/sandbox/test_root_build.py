#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The root of the sandbox: its kinds, what each operation makes, where sources come from."""

import os
import resource

from probe import BWRAP, HOST, HUSK, PROC, USR, ProbeCase, main, mounts

TMPFS_MAGIC = '0x1021994'


def few_fds():
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


class Kinds(ProbeCase):
    def test_without_options_the_hosts_tree(self):
        host = os.stat('/')
        self.check([], ('inode /', f'{host.st_dev}:{host.st_ino}'))

    def test_without_options_the_tree_is_as_writable_as_before(self):
        self.check([], (f'write {self.path("new")}', 'ok'))
        self.assertTrue(os.path.exists(self.path('new')))

    def test_host_tree_read_only(self):
        self.check(HOST, (f'write {self.path("new")}', 'EROFS'), (f'access {self.dir}', 'ok'))

    def test_host_tree_writable(self):
        self.check(['--bind', '/', '/'], (f'write {self.path("new")}', 'ok'))

    def test_read_only_reaches_every_mount(self):
        """Whoever lists mounts inside finds ro on each, /dev/shm and /dev/pts too."""
        table = mounts('\n'.join(self.probe(HOST, 'read /proc/self/mountinfo')))
        self.assertEqual([m for m in table if 'ro' not in m.opts], [])
        self.assertGreater(len(table), 3)

    def test_root_bound_twice(self):
        self.check(['--bind', '/', '/', *HOST], (f'write {self.path("new")}', 'EROFS'))

    def test_an_empty_root(self):
        self.check(['PROBE'], ('fstype /', TMPFS_MAGIC), ('list /', 'probe '),
                   ('mkdir /new', 'ok'))

    def test_another_directory_as_root(self):
        for word in ('--bind', '--ro-bind'):
            with self.subTest(word):
                top = self.mkdir('root')
                self.write('root/probe')
                st = os.stat(top)
                self.check([word, top, '/', 'PROBE'], ('inode /', f'{st.st_dev}:{st.st_ino}'),
                           (f'mkdir /new{word}', 'ok' if word == '--bind' else 'EROFS'))

    def test_tmpfs_as_root(self):
        self.check(['--tmpfs', '/', 'PROBE'], ('fstype /', TMPFS_MAGIC), ('mkdir /d', 'ok'))

    def test_overlay_as_root(self):
        self.write('a/probe')
        self.mkdir('b')
        self.check(['--overlay-src', self.path('a'), '--overlay-src', self.path('b'),
                    '--ro-overlay', '/', 'PROBE'], ('list /', 'probe '), ('mkdir /d', 'EROFS'))

    def test_the_empty_root_can_be_made_read_only(self):
        self.check(['PROBE', '--dir', '/d', '--remount-ro', '/'], ('mkdir /new', 'EROFS'),
                   ('mkdir /d/new', 'EROFS'))

    def test_nothing_lies_over_the_root(self):
        """Where nobody would see it, be it named as itself or by a way back to it."""
        for before, last in (((), '--proc /'), (('--unshare-pid',), '--proc //.'),
                             ((), '--tmpfs /..'), (('--dir', '/d', '--bind', '/etc', '/d/..'), '')):
            for more in ((), ('--cap-drop', 'ALL')):
                r = self.husk(*USR, *more, *before, *last.split(), '--', 'true')
                self.assertEqual(r.rc, 125)
                self.assertIn(f'{last or "--bind /d/.."}: nothing can be mounted over the root',
                              r.err)

    def test_nothing_of_the_host_is_left(self):
        self.check(['PROBE', *PROC], ('list /', 'probe proc '), ('access /oldroot', 'ENOENT'),
                   ('access /newroot', 'ENOENT'), ('readlink /proc/self/root', '/'),
                   ('readlink /proc/1/root', ('/', 'EACCES', 'EPERM')))

    def test_a_kernel_that_sets_no_flags_while_it_clones(self):
        """Before Linux 6.15 a bind takes two calls; so it does where a filter refuses the one."""
        host = os.stat('/etc')
        script = 'stat -c %d:%i /etc; ! mkdir /etc/new 2>&1; grep -o " /etc r[ow]" $0'
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                r = self.husk('--deny-syscalls', 'open_tree_attr', '--', program, *USR,
                              '--ro-bind', '/etc', '/etc', '--ro-bind-try', '/missing', '/m',
                              *PROC, '--', 'sh', '-c', script, '/proc/self/mountinfo')
                self.assertEqual(r.rc, 0, r)
                self.assertIn(f'{host.st_dev}:{host.st_ino}\n', r.out)
                self.assertIn('Read-only', r.out)
                self.assertIn(' /etc ro', r.out)

    def test_what_shares_a_file_system_sees_nothing_of_the_other(self):
        """The root lies in one with the harbour, /dev in one with what is kept below /proc."""
        names = 'core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero '
        args = ['PROBE', *PROC, '--unshare-pid']
        self.check([*args, '--dev', '/dev', '--dev', '/other'],
                   ('list /', 'dev other probe proc '), ('list /dev', names),
                   ('list /other', names), ('list /dev/..', 'dev other probe proc '))
        self.check([*args[:1], '--dev', '/dev', *args[1:]], ('list /', 'dev probe proc '),
                   ('list /dev', names), ('umount /proc', 'ok'), ('list /proc', '(empty)'),
                   ('list /dev', names))

    def test_up_from_the_root_stays_there(self):
        self.check(['PROBE'], ('chdir ..', 'ok'), ('access probe', 'ok'),
                   ('chdir ../../..', 'ok'), ('access probe', 'ok'))


class Sources(ProbeCase):
    def test_in_the_hosts_tree_although_covered(self):
        """A source means the host's, whatever an operation before it has put there."""
        self.write('home/x/file')
        home = self.path('home')
        for kind in (HOST, [*USR, 'PROBE']):
            with self.subTest(kind=kind):
                # the program is found by its bind, or beside the tmpfs
                self.check([*kind, '--tmpfs', home, '--ro-bind', home + '/x', home + '/x'],
                           (f'list {home}', 'x '), (f'access {home}/x/file', 'ok'))

    def test_two_swapped(self):
        self.write('a/is-a')
        self.write('b/is-b')
        a, b = self.path('a'), self.path('b')
        self.check([*HOST, '--bind', a, b, '--bind', b, a], (f'list {a}', 'is-b '),
                   (f'list {b}', 'is-a '))

    def test_a_covered_source_once_more(self):
        """The second bind of a finds the host's a, not the first operation's b."""
        self.write('a/is-a')
        self.write('b/is-b')
        self.mkdir('c')
        a, b, c = self.path('a'), self.path('b'), self.path('c')
        self.check([*HOST, '--bind', b, a, '--bind', a, c], (f'list {c}', 'is-a '))

    def test_writable_below_read_only(self):
        self.mkdir('work')
        self.check([*HOST, '--bind', self.path('work'), self.path('work')],
                   (f'write {self.path("work/f")}', 'ok'), (f'write {self.path("f")}', 'EROFS'))

    def test_through_a_symlink(self):
        self.write('real/file')
        os.symlink('real', self.path('link'))
        self.check(['PROBE', '--bind', self.path('link'), '/x'], ('list /x', 'file '))

    def test_a_file(self):
        path = self.write('file', 'content')
        self.check(['PROBE', '--ro-bind', path, '/x'], ('read /x', 'content'),
                   ('write /x', 'EROFS'))

    def test_relative_to_the_working_directory(self):
        self.write('real/file')
        self.check(['PROBE', '--bind', 'real', '/x', '--bind', '.', '/y'], ('list /x', 'file '),
                   ('list /y', 'real '))

    def test_descriptor_by_its_proc_name(self):
        self.write('real/file')
        fd = self.open(self.path('real'), os.O_PATH)
        for name in ('/proc/self/fd/', '/dev/fd/'):
            with self.subTest(name):
                self.check(['PROBE', '--ro-bind', f'{name}{fd}', '/x'], ('list /x', 'file '),
                           pass_fds=[fd])

    def test_below_a_descriptor_by_its_proc_name(self):
        self.write('real/sub/file')
        fd = self.open(self.path('real'), os.O_PATH)
        self.check(['PROBE', '--ro-bind', f'/proc/self/fd/{fd}/sub', '/x'], ('list /x', 'file '),
                   pass_fds=[fd])

    def test_link_to_a_descriptor(self):
        self.write('real/file')
        fd = self.open(self.path('real'), os.O_PATH)
        os.symlink(f'/proc/self/fd/{fd}', self.path('link'))
        self.check(['PROBE', '--ro-bind', self.path('link'), '/x'], ('list /x', 'file '),
                   pass_fds=[fd])

    def test_file_descriptor_by_its_proc_name(self):
        fd = self.open(self.write('file', 'content'))
        self.check(['PROBE', '--ro-bind', f'/proc/self/fd/{fd}', '/x'], ('read /x', 'content'),
                   pass_fds=[fd])

    def test_bind_fd(self):
        self.write('real/file')
        st = os.stat(self.path('real'))
        fd = self.open(self.path('real'), os.O_PATH)
        self.check(['PROBE', '--bind-fd', fd, '/x'], ('inode /x', f'{st.st_dev}:{st.st_ino}'),
                   ('write /x/new', 'ok'), pass_fds=[fd])

    def test_ro_bind_fd(self):
        fd = self.open(self.mkdir('real'), os.O_PATH)
        self.check(['PROBE', '--ro-bind-fd', fd, '/x'], ('write /x/new', 'EROFS'), pass_fds=[fd])

    def test_bind_fd_of_a_file(self):
        fd = self.open(self.write('file', 'content'))
        self.check(['PROBE', '--bind-fd', fd, '/x'], ('read /x', 'content'), pass_fds=[fd])

    def test_the_same_descriptor_twice(self):
        self.write('real/file')
        fd = self.open(self.path('real'), os.O_PATH)
        self.check(['PROBE', '--bind-fd', fd, '/x', '--ro-bind-fd', fd, '/y'],
                   ('list /x', 'file '), ('list /y', 'file '), ('write /x/n', 'ok'),
                   ('write /y/m', 'EROFS'), pass_fds=[fd])

    def test_try_passes_over_what_is_missing(self):
        for word in ('--bind-try', '--ro-bind-try', '--dev-bind-try'):
            self.check(['PROBE', word, self.path('no'), '/x'], ('list /', 'probe '))

    def test_submounts_come_along(self):
        """In a namespace where a tmpfs lies below the source."""
        top = self.mkdir('top/sub').rpartition('/')[0]
        argv = self.private_mounts(
            [HUSK, '--ro-bind', self.prober(), '/probe', '--bind', top, '/x', '--ro-bind', top,
             '/y', '--', '/probe', 'access /x/sub/f', 'write /x/sub/new', 'write /y/sub/new2'],
            f'mount -t tmpfs t {top}/sub; touch {top}/sub/f')
        self.assertRuns(self.run_cmd(argv), 'ok\nok\nEROFS\n')

    def many(self, *base, program='/probe', below='/m'):
        """1000 binds, each of another directory, with few descriptors to spare."""
        words = []
        for i in range(1000):
            self.mkdir(f's/{i}/is-{i}')
            words += ['--ro-bind', self.path('s', str(i)), f'{below}/{i}']
        r = self.husk(*base, *words, '--', program, f'list {below}/0', f'list {below}/999', 'fds',
                      preexec_fn=few_fds)
        self.assertRuns(r, 'is-0 \nis-999 \n0 1 2\n')

    def test_a_thousand_binds_in_place(self):
        self.many(*HOST, '--tmpfs', '/mnt', program=self.prober(), below='/mnt/m')

    def test_a_thousand_binds_on_a_new_root(self):
        self.many('--ro-bind', self.prober(), '/probe')


class Order(ProbeCase):
    def test_a_later_operation_covers_an_earlier_one(self):
        self.write('real/file')
        self.check(['PROBE', '--bind', self.path('real'), '/x', '--tmpfs', '/x'],
                   ('list /x', '(empty)'))
        self.check(['PROBE', '--tmpfs', '/x', '--bind', self.path('real'), '/x'],
                   ('list /x', 'file '))

    def test_a_later_operation_below_an_earlier_one(self):
        self.write('real/file')
        self.check(['PROBE', '--tmpfs', '/x', '--bind', self.path('real'), '/x/y/z'],
                   ('list /x', 'y '), ('list /x/y/z', 'file '))

    def test_a_later_cover_hides_what_lies_below(self):
        self.check(['PROBE', '--dir', '/x/y', '--tmpfs', '/x/y/z', '--tmpfs', '/x'],
                   ('list /x', '(empty)'))

    def test_proc_twice(self):
        self.check(['PROBE', '--unshare-pid', '--proc', '/proc', '--proc', '/p'],
                   ('list /p/1/task', '1 '), ('list /proc/1/task', '1 '))

    def test_something_on_the_fresh_proc(self):
        fd = self.fd('mine')
        self.check(['PROBE', '--unshare-pid', '--proc', '/proc', '--ro-bind-data', fd,
                    '/proc/version'], ('read /proc/version', 'mine'), pass_fds=[fd])

    def test_a_cover_over_the_fresh_proc(self):
        self.check(['PROBE', '--unshare-pid', '--proc', '/proc', '--tmpfs', '/proc'],
                   ('list /proc', '(empty)'))


class Mountinfo(ProbeCase):
    def test_no_host_path_but_in_the_fourth_field(self):
        """What the kernel shows of a bind's source is all there is."""
        for part in ('lower', 'upper', 'work', 'ro', 'rw'):
            self.write(f'{part}/file')
        fd = self.fd('data')
        lines = self.probe(
            [*USR, *PROC, '--dev', '/dev', '--ro-bind', self.path('ro'), '/ro',
             '--bind', self.path('rw'), '/rw', '--overlay-src', self.path('lower'), '--overlay',
             self.path('upper'), self.path('work'), '/o', '--overlay-src', self.path('lower'),
             '--tmp-overlay', '/t', '--overlay-src', self.path('lower'), '--overlay-src',
             self.path('ro'), '--ro-overlay', '/r', '--bind-data', fd, '/data', 'PROBE'],
            'read /proc/self/mountinfo', pass_fds=[fd])
        self.assertGreater(len(lines), 10)
        for line in lines:
            fields = line.split(' ')
            del fields[3]
            self.assertNotIn('husk-test', ' '.join(fields))
            self.assertNotRegex(' '.join(fields), 'oldroot|newroot')

    def test_only_what_was_asked_for(self):
        points = {m.point for m in mounts('\n'.join(self.probe(
            ['PROBE', *PROC, '--tmpfs', '/t'], 'read /proc/self/mountinfo')))}
        covers = {p for p in points if p.startswith('/proc/')}
        self.assertEqual(points - covers, {'/', '/probe', '/proc', '/t'})

    def test_every_mount_is_private(self):
        for args in ([], HOST, ['PROBE', *USR, *PROC]):
            with self.subTest(args=args):
                table = mounts('\n'.join(self.probe(['--unshare-pid', *args],
                                                    'read /proc/self/mountinfo')))
                self.assertEqual({m.propagation for m in table}, {('private',)})

    def flags(self, *words, point='/x'):
        table = mounts('\n'.join(self.probe([*words, 'PROBE', *PROC],
                                            'read /proc/self/mountinfo')))
        return [m for m in table if m.point == point][-1].opts

    def test_flags_of_each_bind(self):
        source = self.mkdir('s')
        for word, have, lack in (('--bind', {'rw', 'nosuid', 'nodev'}, {'ro'}),
                                 ('--ro-bind', {'ro', 'nosuid', 'nodev'}, {'rw'}),
                                 ('--dev-bind', {'rw', 'nosuid'}, {'ro', 'nodev'})):
            with self.subTest(word):
                got = self.flags(word, source, '/x')
                self.assertEqual(got & (have | lack), have)

    def test_flags_of_what_is_made(self):
        self.assertGreaterEqual(self.flags('--tmpfs', '/x'), {'rw', 'nosuid', 'nodev'})
        self.assertGreaterEqual(self.flags('--dev', '/x'), {'nosuid'})
        self.assertGreaterEqual(self.flags(point='/proc'), {'nosuid', 'nodev', 'noexec'})
        self.assertGreaterEqual(self.flags(point='/'), {'nosuid', 'nodev'})

    def test_remount_ro_takes_one_mount(self):
        self.check(['PROBE', '--tmpfs', '/x', '--tmpfs', '/x/y', '--remount-ro', '/x'],
                   ('mkdir /x/new', 'EROFS'), ('mkdir /x/y/new', 'ok'))


if __name__ == '__main__':
    main()
