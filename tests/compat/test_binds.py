#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the bind options of the bwrap personality mount, from where, and with which flags."""

import os
import socket

from compat import HOST, PROC, USR, Compare, main

ROOT = (*USR, *PROC)


class Binds(Compare):

    def setUp(self):
        super().setUp()
        self.write('src/file', 'text')

    def flags(self, option, *expected):
        """The mount has these flags, as the oracle's has."""
        table = self.same_mounts(*ROOT, option, self.path('src'), '/m')
        self.assertLessEqual(set(expected), table['/m'].opts)

    def test_bind(self):
        self.flags('--bind', 'rw', 'nosuid', 'nodev')

    def test_bind_try(self):
        self.flags('--bind-try', 'rw', 'nosuid', 'nodev')

    def test_ro_bind(self):
        self.flags('--ro-bind', 'ro', 'nosuid', 'nodev')

    def test_ro_bind_try(self):
        self.flags('--ro-bind-try', 'ro', 'nosuid', 'nodev')

    def test_dev_bind(self):
        self.flags('--dev-bind', 'rw', 'nosuid')

    def test_dev_bind_try(self):
        self.flags('--dev-bind-try', 'rw', 'nosuid')

    def test_bind_is_writable(self):
        tree = self.same_tree(*ROOT, '--bind', 'TREE', '/m', 'sh', '-c', 'echo a > /m/b')
        self.assertIn('b', tree)

    def test_ro_bind_is_not(self):
        self.same(*ROOT, '--ro-bind', self.path('src'), '/m', 'touch', '/m/file', rc=1)

    def test_device_on_a_bind_cannot_be_opened(self):
        self.same(*ROOT, '--bind', '/dev/null', '/n', 'cat', '/n', rc=1)

    def test_device_on_a_ro_bind_cannot_be_opened(self):
        self.same(*HOST, 'cat', '/dev/zero', rc=1)

    def test_device_on_a_dev_bind_can(self):
        self.same(*ROOT, '--dev-bind', '/dev/null', '/n', 'cat', '/n', out='')

    def test_file_on_a_new_file(self):
        self.same(*ROOT, '--bind', self.path('src/file'), '/f', 'cat', '/f', out='text')

    def test_file_below_new_directories(self):
        self.same(*ROOT, '--bind', self.path('src/file'), '/a/b/f', 'cat', '/a/b/f', out='text')

    def test_file_on_an_existing_file(self):
        self.same(*HOST, '--bind', self.path('src/file'), '/etc/passwd', 'cat', '/etc/passwd',
                  out='text')

    def test_socket(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(self.path('src/sock'))
            self.same(*ROOT, '--bind', self.path('src/sock'), '/s', 'stat', '-c', '%F', '/s',
                      out='socket\n')

    def test_fifo(self):
        os.mkfifo(self.path('src/fifo'))
        self.same(*ROOT, '--bind', self.path('src/fifo'), '/s', 'stat', '-c', '%F', '/s',
                  out='fifo\n')

    def test_source_is_followed_when_it_is_a_link(self):
        os.symlink('src', self.path('link'))
        self.same(*ROOT, '--bind', self.path('link'), '/m', 'cat', '/m/file', out='text')

    def test_mountinfo_shows_the_resolved_source(self):
        os.symlink('src', self.path('link'))
        self.same_mounts(*ROOT, '--bind', self.path('link'), '/m')

    def test_relative_source(self):
        self.same(*ROOT, '--bind', 'src', '/m', 'cat', '/m/file', out='text')

    def test_source_is_the_working_directory(self):
        self.same(*ROOT, '--bind', '.', '/m', 'ls', '/m', out='src\n')

    def test_relative_destination_is_below_the_root(self):
        self.same(*ROOT, '--bind', 'src', 'm', 'cat', '/m/file', out='text')

    def test_untidy_destination(self):
        self.same_mounts(*ROOT, '--bind', 'src', '//a/./b//')

    def test_dots_in_the_destination(self):
        self.same(*ROOT, '--dir', '/a', '--bind', 'src', '/a/../m', 'cat', '/m/file', out='text')

    def test_names_with_odd_characters(self):
        name = 'a b\tc\\d,e:f=g#\u00e9'
        self.write(f'{name}/file', 'odd')
        self.same(*ROOT, '--bind', self.path(name), f'/{name}', 'cat', f'/{name}/file', out='odd')

    def test_odd_names_in_mountinfo(self):
        self.same_mounts(*ROOT, '--bind', self.mkdir('a b\tc\\d,e'), '/a b\tc\\d,e')

    def test_later_binds_cover_earlier_ones(self):
        self.write('two/file', 'two')
        self.same(*ROOT, '--bind', 'src', '/m', '--bind', 'two', '/m', 'cat', '/m/file', out='two')

    def test_later_parents_cover_earlier_children(self):
        self.same(*ROOT, '--bind', 'src', '/m/n', '--tmpfs', '/m', 'ls', '/m', out='')

    def test_root_in_the_middle_covers_all_before(self):
        self.same('--tmpfs', '/etc', *HOST, 'test', '-f', '/etc/passwd')

    def test_root_twice(self):
        self.same_mounts('--bind', '/', '/', *HOST)

    def test_bind_in_a_bind(self):
        self.write('two/sub/.keep')
        self.write('two/sub/file', 'inner')
        self.same(*ROOT, '--ro-bind', 'two', '/m', '--bind', 'src', '/m/sub', 'cat', '/m/sub/file',
                  out='text')

    def test_writable_below_read_only(self):
        self.mkdir('ro/rw')
        self.same_mounts(*ROOT, '--ro-bind', 'ro', '/m', '--bind', 'src', '/m/rw')

    def test_read_only_below_writable(self):
        self.mkdir('rw/ro')
        self.same_mounts(*ROOT, '--bind', 'rw', '/m', '--ro-bind', 'src', '/m/ro')

    def test_source_is_the_host_s_even_after_it_is_covered(self):
        self.same(*ROOT, '--tmpfs', self.dir, '--bind', self.path('src'), '/m', 'cat', '/m/file',
                  out='text')

    def test_two_hundred(self):
        words = [w for i in range(200) for w in ('--ro-bind', 'src', f'/m{i}')]
        self.same_mounts(*ROOT, *words)


class Sources(Compare):

    def test_missing(self):
        for option in ('--bind', '--ro-bind', '--dev-bind'):
            with self.subTest(option):
                self.same_error("Can't find source path /nonexistent: No such file or directory",
                                option, '/nonexistent', '/m', 'true')

    def test_missing_is_tried(self):
        for option in ('--bind-try', '--ro-bind-try', '--dev-bind-try'):
            with self.subTest(option):
                self.same(*ROOT, option, '/nonexistent', '/m', 'sh', '-c', 'ls -d /m', rc=2)

    def test_try_ignores_a_dangling_link(self):
        os.symlink('nowhere', self.path('link'))
        self.same(*ROOT, '--bind-try', self.path('link'), '/m', 'true')

    def test_try_ignores_only_what_is_missing(self):
        self.write('file')
        self.same_error("Can't find source path file/x: Not a directory",
                        *ROOT, '--bind-try', 'file/x', '/m', 'true')

    def test_loop_of_links(self):
        os.symlink('loop', self.path('loop'))
        self.same_error("Can't find source path loop: Too many levels of symbolic links",
                        *ROOT, '--bind-try', 'loop', '/m', 'true')

    def test_own_parent_without_permissions_is_searched(self):
        self.write('closed/sub/file', 'text')
        os.chmod(self.path('closed'), 0)
        self.addCleanup(os.chmod, self.path('closed'), 0o755)
        self.same(*ROOT, '--bind', 'closed/sub', '/m', 'cat', '/m/file', out='text')

    def test_parent_of_root_s_that_may_not_be_searched(self):
        self.assertFalse(os.access('/root', os.X_OK))
        self.same_error("Can't find source path /root/x: Permission denied",
                        *ROOT, '--bind-try', '/root/x', '/m', 'true')

    def test_relative_name_is_shown_as_typed(self):
        self.same_error("Can't find source path ./no/../x: No such file or directory",
                        *ROOT, '--bind', './no/../x', '/m', 'true')

    def test_too_long_a_name(self):
        name = '/' + 'x' * 256
        self.same_error(f"Can't find source path {name}: File name too long",
                        *ROOT, '--bind', name, '/m', 'true')

    def test_file_that_nobody_may_read_is_bound(self):
        self.write('secret', 'x', mode=0)
        self.same(*ROOT, '--bind', 'secret', '/m', 'stat', '-c', '%a', '/m', out='0\n')


class Submounts(Compare):
    """The mounts below a source come along and get the flags too."""

    def mounts_of(self, option, setup, *more):
        top = self.mkdir('top')
        under = self.under_mounts(f'mount -t tmpfs -o mode=755 a {top}; mkdir {top}/sub\n'
                                  f'{setup.format(sub=top + "/sub")}')
        return self.same_mounts(*ROOT, option, top, '/m', *more, under=under)

    def test_bind(self):
        table = self.mounts_of('--bind', 'mount -t tmpfs b {sub}')
        self.assertLessEqual({'rw', 'nosuid', 'nodev'}, table['/m/sub'].opts)

    def test_ro_bind(self):
        table = self.mounts_of('--ro-bind', 'mount -t tmpfs b {sub}')
        self.assertLessEqual({'ro', 'nosuid', 'nodev'}, table['/m/sub'].opts)

    def test_dev_bind(self):
        table = self.mounts_of('--dev-bind', 'mount -t tmpfs b {sub}')
        self.assertLessEqual({'rw', 'nosuid'}, table['/m/sub'].opts)

    def test_flags_they_have_are_kept(self):
        table = self.mounts_of('--bind', 'mount -t tmpfs -o ro,noexec,noatime b {sub}')
        self.assertLessEqual({'ro', 'noexec', 'noatime'}, table['/m/sub'].opts)

    def test_flags_the_top_has_are_kept(self):
        self.mounts_of('--bind', 'mount -o remount,bind,noexec,nodiratime {sub}/..')

    def test_two_on_one_place(self):
        self.mounts_of('--ro-bind', 'mount -t tmpfs b {sub}; mount -t tmpfs c {sub}')

    def test_deep_ones(self):
        self.mounts_of('--ro-bind', 'mount -t tmpfs -o mode=755 b {sub}; mkdir {sub}/x\n'
                                    'mount -t tmpfs c {sub}/x')

    def test_mount_on_a_file(self):
        self.mounts_of('--ro-bind', 'touch {sub}/f; mount --bind /etc/passwd {sub}/f')

    def test_names_with_blanks(self):
        self.mounts_of('--ro-bind', 'mkdir "{sub}/a b"; mount -t tmpfs b "{sub}/a b"')

    def test_siblings_with_a_common_beginning(self):
        self.mounts_of('--ro-bind', 'mkdir {sub}-2; mount -t tmpfs b {sub}; '
                                    'mount -t tmpfs c {sub}-2')

    def test_remount_ro_leaves_them_writable(self):
        table = self.mounts_of('--bind', 'mount -t tmpfs b {sub}', '--remount-ro', '/m')
        self.assertIn('ro', table['/m'].opts)
        self.assertIn('rw', table['/m/sub'].opts)

    def test_remount_ro_of_one_of_them(self):
        table = self.mounts_of('--bind', 'mount -t tmpfs b {sub}', '--remount-ro', '/m/sub')
        self.assertIn('rw', table['/m'].opts)
        self.assertIn('ro', table['/m/sub'].opts)

    def test_only_what_is_below_the_source_comes(self):
        top = self.mkdir('top')
        under = self.under_mounts(f'mount -t tmpfs a {top}; mkdir {top}/x {top}/y\n'
                                  f'mount -t tmpfs b {top}/x; mount -t tmpfs c {top}/y')
        self.same_mounts(*ROOT, '--bind', f'{top}/x', '/m', under=under)


if __name__ == '__main__':
    main()
