#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What set-up makes in the root: files, modes, devices, overlays, and nothing on the host."""

import hashlib
import os

from probe import BWRAP, HOST, HUSK, PROC, USR, ProbeCase, main


class Destinations(ProbeCase):
    """The directory `data` is bound writable on /d, so that its parent is the host's."""

    def setUp(self):
        super().setUp()
        self.write('data/file', 'kept', 0o640)
        self.mkdir('src')
        self.before = self.tree(self.dir)

    def refuse(self, *words, name='/d/new', base=(), **kw):
        """husk says which destination is missing and leaves the host as it is."""
        r = self.husk('--bind', self.path('data'), '/d', *base, *words, '--', '/probe', **kw)
        self.assertFails(r, 125, 'husk: ')
        self.assertIn(name, r.err)
        self.assertEqual(self.tree(self.dir), self.before, r)

    def test_bind_on_a_missing_directory_of_the_host(self):
        self.refuse('--bind', self.path('src'), '/d/new')

    def test_bind_on_a_missing_file_of_the_host(self):
        self.refuse('--ro-bind', self.path('data/file'), '/d/new')

    def test_bind_below_a_missing_directory_of_the_host(self):
        self.refuse('--bind', self.path('src'), '/d/new/deep/er', name='/d/new')

    def test_tmpfs_on_a_missing_directory_of_the_host(self):
        self.refuse('--tmpfs', '/d/new')

    def test_proc_on_a_missing_directory_of_the_host(self):
        self.refuse('--unshare-pid', '--proc', '/d/new')

    def test_dev_on_a_missing_directory_of_the_host(self):
        self.refuse('--dev', '/d/new')

    def test_mqueue_on_a_missing_directory_of_the_host(self):
        self.refuse('--unshare-ipc', '--mqueue', '/d/new')

    def test_overlay_on_a_missing_directory_of_the_host(self):
        self.refuse('--overlay-src', self.path('src'), '--tmp-overlay', '/d/new')

    def test_data_on_a_missing_file_of_the_host(self):
        fd = self.fd('x')
        self.refuse('--ro-bind-data', fd, '/d/new', pass_fds=[fd])

    def test_dir_on_the_host(self):
        self.refuse('--dir', '/d/new')

    def test_file_on_the_host(self):
        fd = self.fd('x')
        self.refuse('--file', fd, '/d/new', pass_fds=[fd])

    def test_file_over_one_of_the_host(self):
        fd = self.fd('x')
        self.refuse('--file', fd, '/d/file', name='/d/file', pass_fds=[fd])

    def test_symlink_on_the_host(self):
        self.refuse('--symlink', 'x', '/d/new')

    def test_chmod_on_the_host(self):
        self.refuse('--chmod', '0777', '/d/file', name='/d/file')

    def test_missing_on_the_read_only_host(self):
        r = self.husk(*HOST, '--tmpfs', self.path('new'), '--', 'true')
        self.assertFails(r, 125, 'husk: ')
        self.assertIn(self.path('new'), r.err)
        self.assertEqual(self.tree(self.dir), self.before)

    def test_an_existing_directory_is_left_as_it_is(self):
        self.mkdir('data/sub', 0o700)
        self.check(['PROBE', '--bind', self.path('data'), '/d', '--dir', '/d/sub'],
                   ('mode /d/sub', '40700'))

    def test_as_bwrap_they_are_made(self):
        """As bubblewrap: a mount point that is missing on the host is made there."""
        self.check(['--bind', self.path('data'), '/d', '--tmpfs', '/d/new', 'PROBE'],
                   ('list /d/new', '(empty)'), program=BWRAP)
        self.assertTrue(os.path.isdir(self.path('data/new')))

    def test_below_a_tmpfs_they_are_made(self):
        self.check(['--tmpfs', '/t', '--bind', self.path('src'), '/t/a/b/c', '--ro-bind',
                    self.path('data/file'), '/t/f', 'PROBE'],
                   ('mode /t/a', '40755'), ('mode /t/a/b', '40755'), ('read /t/f', 'kept'))


class Symlinks(ProbeCase):
    """A link in a destination leads inside the new root, whatever the host has there."""

    def setUp(self):
        super().setUp()
        self.write('src/file')

    def lands(self, *words, dest, found, more=()):
        self.check(['--dir', '/a/real', *words, '--bind', self.path('src'), dest, 'PROBE', *more],
                   (f'list {found}', 'file '))

    def test_absolute_link_in_the_middle(self):
        self.lands('--symlink', '/a', '/l', dest='/l/real', found='/a/real')

    def test_relative_link_in_the_middle(self):
        self.lands('--symlink', 'a', '/l', dest='/l/real', found='/a/real')

    def test_link_upwards_beyond_the_root(self):
        self.lands('--symlink', '../../../../a', '/b/l', dest='/b/l/real', found='/a/real')

    def test_link_at_the_end(self):
        self.lands('--symlink', '/a/real', '/l', dest='/l', found='/a/real')

    def test_link_that_names_a_host_directory(self):
        """The same path inside is made or refused; the host's is not touched."""
        self.mkdir('host')
        before = self.tree(self.path('host'))
        r = self.husk('--symlink', self.path('host'), '/l', '--bind', self.path('src'), '/l/x',
                      '--ro-bind', self.prober(), '/probe', '--', '/probe', 'list /l/x')
        self.assertIn((r.rc, r.out), ((0, 'file \n'), (125, '')), r)
        self.assertEqual(self.tree(self.path('host')), before)

    def test_dots_in_a_destination(self):
        self.lands(dest='/a/../a/./real/../../../a/real', found='/a/real')

    def test_destination_without_a_leading_slash(self):
        self.lands(dest='a/real', found='/a/real')

    def test_chain_of_links(self):
        words = ['--symlink', '/a', '/l0']
        for i in range(20):
            words += ['--symlink', f'/l{i}', f'/l{i + 1}']
        self.lands(*words, dest='/l20/real', found='/a/real')

    def test_loop(self):
        for dest in ('/x/new', '/x'):
            with self.subTest(dest):
                r = self.husk('--symlink', '/y', '/x', '--symlink', '/x', '/y', '--tmpfs', dest,
                              '--', '/probe')
                self.assertFails(r, 125, 'Too many levels of symbolic links')
                self.assertIn(dest, r.err)

    def test_through_a_file(self):
        fd = self.fd('x')
        r = self.husk('--file', fd, '/f', '--tmpfs', '/f/x', '--', '/probe', pass_fds=[fd])
        self.assertFails(r, 125, 'Not a directory')
        self.assertIn('/f/x', r.err)

    def test_through_a_magic_link(self):
        for link in ('/proc/self/root', '/proc/1/root', '/proc/self/cwd', '/proc/self/fd/0'):
            with self.subTest(link):
                r = self.husk('--ro-bind', '/proc', '/proc', '--tmpfs', link + self.path('x'), '--',
                              '/probe', cwd='/')
                self.assertFails(r, 125)
                self.assertFalse(os.path.exists(self.path('x')))

    def test_dangling_link_at_the_end(self):
        r = self.husk('--symlink', '/nowhere', '/l', '--bind', self.path('src'), '/l',
                      '--ro-bind', self.prober(), '/probe', '--', '/probe', 'list /nowhere')
        self.assertIn((r.rc, r.out), ((0, 'file \n'), (125, '')), r)
        self.assertFalse(os.path.lexists('/nowhere'))


class Made(ProbeCase):
    def test_dir(self):
        self.check(['--dir', '/x/y', 'PROBE'], ('mode /x', '40755'), ('mode /x/y', '40755'))

    def test_dir_with_perms(self):
        self.check(['--perms', '1750', '--dir', '/x', 'PROBE'], ('mode /x', '41750'))

    def test_the_umask_has_no_say(self):
        fd = self.fd('x')
        self.check(['--dir', '/x', '--tmpfs', '/t', '--file', fd, '/f', '--symlink', 'x', '/l',
                    'PROBE'], ('mode /x', '40755'), ('mode /t', '40755'), ('mode /f', '100666'),
                   pass_fds=[fd], umask=0o077)

    def test_the_umask_is_the_callers_again(self):
        r = self.husk(*HOST, '--', 'sh', '-c', 'umask', umask=0o027)
        self.assertRuns(r, '0027\n')

    def test_file(self):
        fd = self.fd('line\n' * 100000)
        r = self.husk(*USR, '--file', fd, '/d/f', '--', 'sha256sum', '/d/f', pass_fds=[fd])
        self.assertRuns(r)
        self.assertEqual(r.out.split()[0], hashlib.sha256(b'line\n' * 100000).hexdigest())

    def test_file_through_a_link(self):
        a, b = self.fd('one'), self.fd('second')
        self.check(['--file', a, '/f', '--symlink', '/f', '/l', '--file', b, '/l', 'PROBE'],
                   ('read /f', 'second'), ('readlink /l', '/f'), pass_fds=[a, b])

    def test_file_through_a_link_to_nothing(self):
        """Where it would be made is not where its link is, which was looked at."""
        self.mkdir('host')
        fd = self.fd('x')
        r = self.husk(*USR, '--bind', self.path('host'), '/h', '--symlink', '/h/new', '/l',
                      '--file', fd, '/l', '--', 'true', pass_fds=[fd])
        self.assertFails(r, 125, 'link that leads nowhere')
        self.assertEqual(os.listdir(self.path('host')), [])

    def test_file_from_a_pipe(self):
        r, w = self.pipe()
        os.write(w, b'piped')
        self.close(w)
        self.check(['--file', r, '/f', 'PROBE'], ('read /f', 'piped'), pass_fds=[r])

    def test_file_with_perms(self):
        fd = self.fd('x')
        self.check(['--perms', '0400', '--file', fd, '/f', 'PROBE'], ('mode /f', '100400'),
                   pass_fds=[fd])

    def test_bind_data(self):
        fd = self.fd('data')
        self.check(['--bind-data', fd, '/f', 'PROBE'], ('read /f', 'data'), ('mode /f', '100600'),
                   ('write /f DATA', 'ok'), ('read /f', 'DATA'), pass_fds=[fd])

    def test_ro_bind_data(self):
        fd = self.fd('data')
        self.check(['--perms', '0444', '--ro-bind-data', fd, '/f', 'PROBE'], ('read /f', 'data'),
                   ('mode /f', '100444'), ('write /f DATA', 'EROFS'), pass_fds=[fd])

    def test_data_of_one_descriptor_twice(self):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                fd = self.fd('data')
                self.check(['--ro-bind-data', fd, '/f', '--bind-data', fd, '/g', '--file', fd,
                            '/h', 'PROBE'], ('read /f', 'data'), ('read /g', 'data'),
                           ('read /h', 'data'), pass_fds=[fd], program=program)

    def test_data_leaves_no_file_behind(self):
        fd = self.fd('data')
        self.check(['--bind-data', fd, '/f', 'PROBE'], ('list /', 'f probe '), pass_fds=[fd])

    def test_symlink(self):
        self.check(['--symlink', '/some/where', '/x/l', 'PROBE'],
                   ('readlink /x/l', '/some/where'), ('mode /x', '40755'))

    def test_same_symlink_twice(self):
        self.check(['--symlink', 'a', '/l', '--symlink', 'a', '/l', 'PROBE'], ('readlink /l', 'a'))

    def test_another_symlink_in_its_place(self):
        r = self.husk('--symlink', 'a', '/l', '--symlink', 'b', '/l', '--', '/probe')
        self.assertFails(r, 125, '/l')

    def test_dir_where_a_file_is(self):
        fd = self.fd('x')
        r = self.husk('--file', fd, '/f', '--dir', '/f', '--', '/probe', pass_fds=[fd])
        self.assertFails(r, 125, '/f')

    def test_chmod(self):
        self.check(['--dir', '/x', '--chmod', '0711', '/x', 'PROBE'], ('mode /x', '40711'))

    def test_chmod_of_what_is_missing(self):
        r = self.husk('--chmod', '0711', '/x', '--', '/probe')
        self.assertFails(r, 125, '/x.*No such file')

    def test_tmpfs_mode(self):
        self.check(['--tmpfs', '/t', '--perms', '1777', '--tmpfs', '/u', 'PROBE'],
                   ('mode /t', '40755'), ('mode /u', '41777'))

    def test_tmpfs_size(self):
        for words in (('--size', '1048576'), ('--size', '0x100000'),
                      ('--perms', '0755', '--size', '1048576'),
                      ('--size', '1048576', '--perms', '0755')):
            with self.subTest(words=words):
                r = self.husk(*USR, *words, '--tmpfs', '/t', '--', 'stat', '-fc', '%S %b', '/t')
                self.assertRuns(r)
                size, blocks = map(int, r.out.split())
                self.assertEqual(size * blocks, 1 << 20)

    def test_mqueue(self):
        self.check(['--unshare-ipc', '--mqueue', '/q', 'PROBE'], ('fstype /q', '0x19800202'),
                   ('write /q/new', 'EINVAL'))


class Dev(ProbeCase):
    ARGS = ('--dev', '/dev', 'PROBE')

    def test_what_is_in_it(self):
        names = 'core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero'
        got = self.probe(self.ARGS, 'list /dev')
        self.assertEqual(sorted(got[0].split()), names.split())

    def test_the_devices_are_the_hosts(self):
        r = self.husk(*USR, '--dev', '/dev', '--', 'stat', '-c', '%n %F %t:%T', '/dev/null',
                      '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty')
        self.assertRuns(r, ''.join(f'/dev/{name} character special file {number}\n'
                                   for name, number in (
                                       ('null', '1:3'), ('zero', '1:5'), ('full', '1:7'),
                                       ('random', '1:8'), ('urandom', '1:9'), ('tty', '5:0'))))

    def test_the_links(self):
        self.check(self.ARGS, ('readlink /dev/stdin', '/proc/self/fd/0'),
                   ('readlink /dev/stdout', '/proc/self/fd/1'),
                   ('readlink /dev/stderr', '/proc/self/fd/2'),
                   ('readlink /dev/fd', '/proc/self/fd'), ('readlink /dev/core', '/proc/kcore'),
                   ('readlink /dev/ptmx', 'pts/ptmx'), ('mode /dev/shm', '40755'))

    def test_a_terminal_can_be_made(self):
        r = self.husk(*USR, *PROC, '--dev', '/dev', '--', '/usr/bin/python3', '-IS', '-c',
                      'import os; m, s = os.openpty(); print(os.ttyname(s))')
        self.assertRuns(r, '/dev/pts/0\n')

    def test_the_terminal_is_the_console(self):
        r = self.pty([HUSK, *USR, *PROC, '--dev', '/dev', '--', 'sh', '-c',
                      'test -c /dev/console && echo console >/dev/console'])
        self.assertEqual((r.rc, r.out), (0, 'console\r\n'), r)

    def test_no_device_can_be_added(self):
        self.check(self.ARGS, ('mknod /dev/sda 0x800', 'EPERM'))

    def test_on_another_place(self):
        self.check(['--dev', '/x/dev', 'PROBE'], ('mode /x/dev/null', '20666'),
                   ('open /x/dev/null u', 'ok'))


class Overlay(ProbeCase):
    def setUp(self):
        super().setUp()
        self.write('a/both', 'from a')
        self.write('a/only-a', 'a')
        self.write('b/both', 'from b')
        self.write('b/only-b', 'b')
        self.layers = ['--overlay-src', self.path('a'), '--overlay-src', self.path('b')]

    def test_the_last_layer_is_on_top(self):
        self.check([*self.layers, '--ro-overlay', '/o', 'PROBE'], ('read /o/both', 'from b'),
                   ('read /o/only-a', 'a'), ('read /o/only-b', 'b'), ('write /o/new', 'EROFS'))

    def test_tmp_overlay_forgets(self):
        before = self.tree(self.dir)
        self.check([*self.layers, '--tmp-overlay', '/o', 'PROBE'], ('write /o/both new', 'ok'),
                   ('write /o/more', 'ok'), ('unlink /o/only-a', 'ok'),
                   ('access /o/only-a', 'ENOENT'))
        self.assertEqual(self.tree(self.dir), before)

    def test_tmp_overlay_of_one_layer(self):
        self.check(['--overlay-src', self.path('a'), '--tmp-overlay', '/o', 'PROBE'],
                   ('read /o/both', 'from a'), ('write /o/more', 'ok'))

    def test_overlay_keeps_what_is_written(self):
        self.mkdir('upper')
        self.mkdir('work')
        before = self.tree(self.path('a'))
        self.check([*self.layers, '--overlay', self.path('upper'), self.path('work'), '/o',
                    'PROBE'], ('write /o/more text', 'ok'), ('unlink /o/only-a', 'ok'))
        with open(self.path('upper/more'), encoding='ascii') as f:
            self.assertEqual(f.read(), 'text')
        self.assertEqual(self.tree(self.path('a')), before)
        self.check([*self.layers, '--overlay', self.path('upper'), self.path('work'), '/o',
                    'PROBE'], ('read /o/more', 'text'), ('access /o/only-a', 'ENOENT'))

    def test_odd_names_of_layers(self):
        for name in ('co:lon', 'com,ma', 'back\\slash', 'quo"te', 'new\nline', 'bl ank', '-dash',
                     'equal=sign', 'colon:,\\:'):
            with self.subTest(name):
                self.write(os.path.join(name, 'file'), 'found')
                self.check(['--overlay-src', self.path(name), '--overlay-src', self.path('a'),
                            '--ro-overlay', '/o', 'PROBE'], ('read /o/file', 'found'),
                           ('read /o/only-a', 'a'))

    def test_odd_names_of_upper_and_work(self):
        upper, work = self.mkdir('up,per:x\\'), self.mkdir('wo,rk:x\\')
        self.check([*self.layers, '--overlay', upper, work, '/o', 'PROBE'],
                   ('write /o/more', 'ok'))
        self.assertTrue(os.path.exists(os.path.join(upper, 'more')))

    def test_in_the_hosts_tree(self):
        self.mkdir('here')
        self.check([*HOST, *self.layers, '--tmp-overlay', self.path('here')],
                   (f'read {self.path("here/both")}', 'from b'))

    def test_layers_of_a_tree_covered_before(self):
        self.check([*HOST, '--tmpfs', self.dir, *self.layers, '--ro-overlay', '/mnt'],
                   ('read /mnt/both', 'from b'))

    def test_layer_with_mounts_in_it(self):
        """The host's root has /proc and more mounted on it."""
        r = self.husk('--overlay-src', '/', '--tmp-overlay', '/', 'true')
        self.assertFails(r, 125, "^husk: --tmp-overlay: Can't make overlay mount on /: .*\n"
                                 'husk: hint: other file systems are mounted below a source')

    def many(self, count):
        words = []
        for i in range(count):
            self.write(f'l{i}/f{i}', str(i))
            words += ['--overlay-src', self.path(f'l{i}')]
        return words

    def test_many_layers(self):
        """More than fit into a value of fsconfig(2)."""
        words = self.many(500)
        self.check([*words, '--ro-overlay', '/o', 'PROBE'], ('read /o/f0', '0'),
                   ('read /o/f499', '499'), ('write /o/f0 x', 'EROFS'))
        r = self.husk(*words, '--overlay-src', self.dir, '--ro-overlay', '/o', 'true')
        self.assertFails(r, 125, 'mount on /o: .*\n.*no more than 500 layers')

    def test_many_layers_that_take_writes(self):
        self.mkdir('upper')
        self.mkdir('work')
        words = self.many(100)
        self.check([*words, '--tmp-overlay', '/o', 'PROBE'], ('read /o/f99', '99'),
                   ('write /o/more text', 'ok'), ('read /o/more', 'text'))
        self.check([*words, '--overlay', self.path('upper'), self.path('work'), '/o', 'PROBE'],
                   ('read /o/f99', '99'), ('write /o/more text', 'ok'))
        self.assertTrue(os.path.exists(self.path('upper/more')))

    def test_many_layers_show_no_path(self):
        r = self.husk(*HOST, *self.many(100), '--mount-flags', 'noexec', '--ro-overlay', '/mnt',
                      'cat', '/proc/self/mountinfo')
        self.assertRuns(r)
        (mount,) = [m for m in self.mounts(r.out) if m.point == '/mnt']
        self.assertLessEqual({'nosuid', 'nodev', 'noexec', 'ro'}, mount.opts)
        self.assertNotIn(self.dir, r.out)


if __name__ == '__main__':
    main()
