#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other file system options of the bwrap personality, and the root that they make."""

import os

from compat import EACH, HOST, NEWPROC, PROC, USR, Compare, In, main

ROOT = (*USR, *PROC)


class RemountRo(Compare):

    def test_root(self):
        table = self.same_mounts(*ROOT, '--remount-ro', '/')
        self.assertIn('ro', table['/'].opts)

    def test_root_is_writable_without(self):
        self.same(*ROOT, 'touch', '/a')

    def test_root_refuses_new_files(self):
        self.same(*ROOT, '--remount-ro', '/', 'touch', '/a', rc=1)

    def test_tmpfs(self):
        self.same_mounts(*ROOT, '--tmpfs', '/t', '--remount-ro', '/t')

    def test_keeps_other_flags(self):
        table = self.same_mounts(*ROOT, '--bind', self.dir, '/m', '--remount-ro', '/m')
        self.assertLessEqual({'ro', 'nosuid', 'nodev'}, table['/m'].opts)

    def test_is_done_in_its_turn(self):
        self.same_error("Can't mkdir /t/a: Read-only file system",
                        *ROOT, '--tmpfs', '/t', '--remount-ro', '/t', '--dir', '/t/a', 'true')

    def test_of_what_is_no_mount_point(self):
        self.wrong("Can't remount readonly on /d", *ROOT, '--dir', '/d', '--remount-ro', '/d',
                   'true')

    def test_of_what_is_missing(self):
        self.wrong("Can't remount readonly on /d.*: No such file or directory",
                   *ROOT, '--remount-ro', '/d', 'true')

    def test_of_a_file(self):
        self.write('file')
        self.same(*ROOT, '--bind', 'file', '/f', '--remount-ro', '/f', 'sh', '-c', 'echo > /f',
                  rc=2)


class Tmpfs(Compare):

    def test_default(self):
        table = self.same_mounts(*ROOT, '--tmpfs', '/t')
        self.assertLessEqual({'rw', 'nosuid', 'nodev'}, table['/t'].opts)

    def test_mode(self):
        self.same(*ROOT, '--tmpfs', '/t', 'stat', '-c', '%a %u %g', '/t',
                  out=f'755 {os.getuid()} {os.getgid()}\n')

    def test_perms(self):
        self.same(*ROOT, '--perms', '1777', '--tmpfs', '/t', 'stat', '-c', '%a', '/t',
                  out='1777\n')

    def test_perms_0(self):
        self.same_mounts(*ROOT, '--perms', '0', '--tmpfs', '/t')

    def test_size(self):
        table = self.same_mounts(*ROOT, '--size', '1048576', '--tmpfs', '/t')
        self.assertIn('size=1024k', table['/t'].superopts)

    def test_size_in_hexadecimal(self):
        table = self.same_mounts(*ROOT, '--size', '0x100000', '--tmpfs', '/t')
        self.assertIn('size=1024k', table['/t'].superopts)

    def test_size_in_octal(self):
        table = self.same_mounts(*ROOT, '--size', '04000000', '--tmpfs', '/t')
        self.assertIn('size=1024k', table['/t'].superopts)

    def test_size_of_one_byte(self):
        self.same_mounts(*ROOT, '--size', '1', '--tmpfs', '/t')

    def test_size_is_enforced(self):
        self.same(*ROOT, '--size', '8192', '--tmpfs', '/t', 'sh', '-c',
                  'head -c 20000 /usr/bin/bwrap > /t/a 2>/t/../b || wc -c < /t/a', out='8192\n')

    def test_size_holds_for_one_tmpfs(self):
        self.same_mounts(*ROOT, '--size', '4096', '--tmpfs', '/t', '--tmpfs', '/u')

    def test_on_an_existing_directory(self):
        self.same(*HOST, '--tmpfs', '/tmp', 'ls', '-A', '/tmp', out='')

    def test_is_empty_after_the_sandbox(self):
        for _ in range(2):
            self.same(*HOST, '--tmpfs', '/mnt', 'sh', '-c', 'ls -A /mnt; touch /mnt/a', out='')

    def test_on_the_root(self):
        self.same_mounts('--tmpfs', '/', *ROOT)

    def test_on_the_root_with_perms(self):
        self.same('--perms', '0700', '--tmpfs', '/', *ROOT, 'stat', '-c', '%a', '/')

    def test_root_without_any_option(self):
        self.same_error('execvp true: No such file or directory', 'true')


class Mqueue(Compare):

    def test_mount(self):
        self.same_mounts(*ROOT, '--unshare-ipc', '--mqueue', '/q')

    def test_needs_its_own_ipc_namespace(self):
        self.same_error("Can't mount mqueue on /q: Operation not permitted",
                        *ROOT, '--mqueue', '/q', 'true')

    def test_on_an_existing_directory(self):
        self.same_mounts(*HOST, '--unshare-ipc', '--mqueue', '/mnt')


class Files(Compare):

    def test_file(self):
        self.same(*ROOT, '--file', In(b'a\0b\n'), '/f', 'cat', '/f', out='a\0b\n')

    def test_file_mode(self):
        self.same(*ROOT, '--file', In(b''), '/f', 'stat', '-c', '%a %s %F', '/f',
                  out='666 0 regular empty file\n')

    def test_file_perms(self):
        self.same(*ROOT, '--perms', '0440', '--file', In(b'x'), '/f', 'stat', '-c', '%a', '/f',
                  out='440\n')

    def test_umask_does_not_matter(self):
        self.same(*ROOT, '--file', In(b''), '/f', '--dir', '/d', 'stat', '-c', '%a', '/f', '/d',
                  umask=0o077, out='666\n755\n')

    def test_file_is_part_of_the_root(self):
        self.assertNotIn('/f', self.same_mounts(*ROOT, '--file', In(b''), '/f'))

    def test_file_replaces_the_content(self):
        self.same(*ROOT, '--file', In(b'longer'), '/f', '--file', In(b'new'), '/f', 'cat', '/f',
                  out='new')

    def test_file_keeps_the_mode_of_an_existing_one(self):
        self.same(*ROOT, '--perms', '600', '--file', In(b'a'), '/f', '--file', In(b'b'), '/f',
                  'stat', '-c', '%a', '/f')

    def test_large_file(self):
        self.same(*ROOT, '--file', In(bytes(range(256)) * 5000), '/f', 'sha256sum', '/f')

    def test_file_from_a_pipe(self):
        for program in (0, 1):
            with self.subTest(program):
                self.assertRuns(self.from_pipe(program, '--file'), 'piped')

    def test_bind_data_from_a_pipe(self):
        for program in (0, 1):
            with self.subTest(program):
                self.assertRuns(self.from_pipe(program, '--bind-data'), 'piped')

    def from_pipe(self, program, option):
        """The copy ends where the pipe ends."""
        run = (self.bwrap, self.oracle)[program]
        r, w = self.pipe()
        os.write(w, b'piped')
        self.close(w)
        result = run(*ROOT, option, r, '/f', 'cat', '/f', pass_fds=[r])
        self.close(r)
        return result

    def test_fd_at_its_end_gives_an_empty_file(self):
        fd = self.fd('text')
        os.lseek(fd, 0, os.SEEK_END)
        self.same(*ROOT, '--file', fd, '/f', 'cat', '/f', pass_fds=[fd], out='')

    def test_bind_data(self):
        self.same(*ROOT, '--bind-data', In(b'text'), '/f', 'cat', '/f', out='text')

    def test_bind_data_mode(self):
        self.same(*ROOT, '--bind-data', In(b''), '/f', 'stat', '-c', '%a %u', '/f',
                  out=f'600 {os.getuid()}\n')

    def test_bind_data_perms(self):
        self.same(*ROOT, '--perms', '0644', '--ro-bind-data', In(b''), '/f', 'stat', '-c', '%a',
                  '/f', out='644\n')

    def test_bind_data_is_writable(self):
        self.same(*ROOT, '--bind-data', In(b'a'), '/f', 'sh', '-c', 'echo b > /f; cat /f',
                  out='b\n')

    def test_ro_bind_data_is_not(self):
        self.same(*ROOT, '--perms', '666', '--ro-bind-data', In(b'a'), '/f', 'sh', '-c',
                  'echo b > /f', rc=2)

    def test_bind_data_is_a_mount(self):
        for option, word in (('--bind-data', 'rw'), ('--ro-bind-data', 'ro')):
            r = self.sides(*ROOT, option, In(b'a'), '/f', 'cat', '/proc/self/mountinfo')
            for table in ({m.point: m for m in self.mounts(side.out)} for side in r):
                self.assertLessEqual({word, 'nosuid', 'nodev'}, table['/f'].opts)

    def test_bind_data_covers_a_file_on_a_read_only_mount(self):
        self.same(*HOST, '--ro-bind-data', In(b'mine'), '/etc/passwd', 'cat', '/etc/passwd',
                  out='mine')

    def test_bind_data_is_removed_from_any_directory(self):
        self.same(*ROOT, '--bind-data', In(b'a'), '/f', 'sh', '-c', 'ls -A /; ls -A /tmp', rc=2)

    def test_bind_data_leaves_nothing_on_the_host(self):
        before = set(os.listdir('/tmp'))
        self.same('--bind', '/', '/', '--ro-bind-data', In(b'a'), '/etc/passwd', 'true')
        self.assertEqual([n for n in set(os.listdir('/tmp')) - before if 'bindfile' in n], [])

    def test_fd_that_is_not_open(self):
        for option in ('--file', '--bind-data', '--ro-bind-data'):
            with self.subTest(option):
                self.same_error("Can't write data to file /f: Bad file descriptor",
                                *ROOT, option, '99', '/f', 'true')

    def test_fd_is_a_directory(self):
        self.same_error("Can't write data to file /f: Is a directory",
                        *ROOT, '--file', self.open('/'), '/f', 'true', pass_fds=self._open_fds)

    def test_data_fds_are_closed_in_the_command(self):
        self.same(*HOST, '--tmpfs', '/mnt', '--file', In(b'a'), '/mnt/a', '--bind-data', In(b'b'),
                  '/mnt/b', 'ls', '/proc/self/fd')


class Links(Compare):

    def test_symlink(self):
        self.same(*ROOT, '--symlink', 'usr/share', '/a', 'readlink', '/a', out='usr/share\n')

    def test_target_may_be_missing(self):
        self.same(*ROOT, '--symlink', '../no where', '/a', 'readlink', '/a', out='../no where\n')

    def test_existing_file(self):
        self.wrong("Can't make symlink at /etc/passwd", *HOST, '--symlink', 'a', '/etc/passwd',
                   'true')

    def test_existing_directory(self):
        self.wrong("Can't make symlink at /d", *ROOT, '--dir', '/d', '--symlink', 'a', '/d',
                   'true')

    def test_other_link(self):
        self.wrong("Can't make symlink at /a", *ROOT, '--symlink', 'b', '/a', '--symlink', 'c',
                   '/a', 'true')


class Dirs(Compare):

    def test_dir(self):
        self.same(*ROOT, '--dir', '/d', 'stat', '-c', '%a %u', '/d', out=f'755 {os.getuid()}\n')

    def test_perms(self):
        self.same(*ROOT, '--perms', '01700', '--dir', '/d', 'stat', '-c', '%a', '/d', out='1700\n')

    def test_existing_one_is_left_alone(self):
        self.same(*ROOT, '--perms', '700', '--dir', '/d', '--perms', '755', '--dir', '/d', 'stat',
                  '-c', '%a', '/d', out='700\n')

    def test_existing_one_on_a_read_only_mount(self):
        self.same(*HOST, '--dir', '/usr/bin', 'true')

    def test_the_root(self):
        self.same(*ROOT, '--dir', '/', 'true')

    def test_is_no_mount(self):
        self.assertNotIn('/d', self.same_mounts(*ROOT, '--dir', '/d'))


class Chmod(Compare):

    def test_dir(self):
        self.same(*ROOT, '--dir', '/d', '--chmod', '0711', '/d', 'stat', '-c', '%a', '/d',
                  out='711\n')

    def test_in_its_turn(self):
        self.same_error("Can't chmod 0711 /d: No such file or directory",
                        *ROOT, '--chmod', '711', '/d', '--dir', '/d', 'true')

    def test_follows_a_link(self):
        self.same(*ROOT, '--dir', '/d', '--symlink', 'd', '/l', '--chmod', '700', '/l', 'stat',
                  '-c', '%a', '/d', out='700\n')

    def test_read_only(self):
        self.same_error("Can't chmod 0755 /etc: Read-only file system",
                        *HOST, '--chmod', '755', '/etc', 'true')

    def test_set_id_bits(self):
        self.same(*ROOT, '--dir', '/d', '--chmod', '7755', '/d', 'stat', '-c', '%a', '/d')

    def test_zero(self):
        self.same(*ROOT, '--dir', '/d', '--chmod', '0', '/d', 'stat', '-c', '%a', '/d', out='0\n')

    def test_the_root(self):
        self.same(*ROOT, '--chmod', '711', '/', 'stat', '-c', '%a', '/', out='711\n')

    def test_changes_the_host_s_file_of_a_bind(self):
        tree = self.same_tree(*ROOT, '--bind', 'TREE', '/m', '--chmod', '700', '/m', 'true')
        self.assertEqual(tree['.'][1], '0o700')


class Roots(Compare):
    """The mount on / and the host's mounts that come with it."""

    def test_host_read_only(self):
        self.same_mounts(*HOST)

    def test_host_writable(self):
        self.same_mounts('--bind', '/', '/')

    def test_host_with_devices(self):
        self.same_mounts('--dev-bind', '/', '/')

    def test_made_of_parts(self):
        self.same_mounts(*USR, '--ro-bind', '/etc', '/etc', '--tmpfs', '/tmp', '--dev', '/dev',
                         *NEWPROC, '--bind', self.dir, '/work/dir', '--remount-ro', '/')

    def top(self):
        """A directory with the places that a root needs."""
        for name in ('usr', 'proc'):
            self.mkdir(f'top/{name}')
        for name in ('bin', 'lib', 'lib64'):
            os.symlink(f'usr/{name}', self.path('top', name))
        return self.path('top')

    def test_a_directory_as_root(self):
        self.same_mounts('--bind', self.top(), '/', '--ro-bind', '/usr', '/usr', *PROC)

    def test_read_only_directory_as_root(self):
        self.same_mounts('--ro-bind', self.top(), '/', '--ro-bind', '/usr', '/usr', *PROC)

    def test_order_of_tmp(self):
        self.same(*HOST, '--tmpfs', '/tmp', '--bind', self.dir, '/tmp/x', 'ls', '/tmp', out='x\n')

    def test_host_is_not_seen_through_dots(self):
        self.same(*ROOT, 'sh', '-c', 'cd /../../../..; pwd; ls -d etc', rc=2)

    def test_nothing_of_ours_stays_mounted_on_the_host(self):
        with open('/proc/self/mountinfo', encoding='utf-8') as f:
            before = f.read()
        self.same(*ROOT, '--tmpfs', '/tmp', 'true')
        with open('/proc/self/mountinfo', encoding='utf-8') as f:
            self.assertEqual(f.read(), before)

    def test_host_mounts_made_later_appear(self):
        self.mkdir('sub')
        for name in ('ready', 'go'):
            os.mkfifo(self.path(name))
        script = '"$@" & read x < ready; mount -t tmpfs late sub; echo > go; wait $!'
        inside = 'echo > /m/ready; read x < /m/go; grep -c " /m/sub .* - tmpfs late " ' \
                 '/proc/self/mountinfo'
        for program in EACH:
            with self.subTest(program):
                self.assertRuns(self.run_cmd(self.private_mounts(
                    ['sh', '-c', script, 'sh', program, *ROOT, '--bind', self.dir, '/m',
                     'sh', '-c', inside], propagation='shared')), '1\n')


if __name__ == '__main__':
    main()
