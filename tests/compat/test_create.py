#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the bwrap personality creates for destinations, in the sandbox and on the host."""

import os

from compat import HOST, NEWPROC, PROC, USR, Compare, In, main

ROOT = (*USR, *PROC)


class Inside(Compare):
    """In the sandbox's own root."""

    def test_empty_root(self):
        self.same_listing('/', ROOT)

    def test_dir(self):
        self.same_listing('/a', [*ROOT, '--dir', '/a/b/c'])

    def test_dir_with_perms(self):
        self.same_listing('/a', [*ROOT, '--perms', '0711', '--dir', '/a/b/c'])

    def test_dir_with_perms_for_the_owner_only(self):
        self.same_listing('/a', [*ROOT, '--perms', '0500', '--dir', '/a/b/c'])

    def test_dir_with_perms_for_the_group(self):
        self.same_listing('/a', [*ROOT, '--perms', '0750', '--dir', '/a/b/c'])

    def test_tmpfs(self):
        self.same_listing('/a', [*ROOT, '--tmpfs', '/a/b/c'])

    def test_tmpfs_with_perms(self):
        self.same_listing('/a', [*ROOT, '--perms', '0700', '--tmpfs', '/a/b/c'])

    def test_file(self):
        self.same_listing('/a', [*ROOT, '--file', In(b'x'), '/a/b/c'])

    def test_file_with_perms(self):
        self.same_listing('/a', [*ROOT, '--perms', '0600', '--file', In(b'x'), '/a/b/c'])

    def test_bind_data(self):
        self.same_listing('/a', [*ROOT, '--bind-data', In(b'x'), '/a/b/c'])

    def test_bind_data_with_perms(self):
        self.same_listing('/a', [*ROOT, '--perms', '0644', '--ro-bind-data', In(b'x'), '/a/b/c'])

    def test_bind_of_a_directory(self):
        for option in ('--bind', '--ro-bind', '--dev-bind', '--bind-try'):
            with self.subTest(option):
                self.same_listing('/a', [*ROOT, option, self.dir, '/a/b/c'],
                                  parents=['/a', '/a/b'])

    def test_bind_of_a_file(self):
        self.write('file')
        self.same_listing('/a', [*ROOT, '--bind', 'file', '/a/b/c'], parents=['/a', '/a/b'])

    def test_proc(self):
        self.same_listing('/a', [*USR, '--unshare-pid', '--proc', '/a/b/c'],
                          parents=['/a', '/a/b'])

    def test_dev(self):
        self.same_listing('/a', [*ROOT, '--dev', '/a/b/c'], parents=['/a', '/a/b'])

    def test_mqueue(self):
        self.same_listing('/a', [*ROOT, '--unshare-ipc', '--mqueue', '/a/b/c'],
                          parents=['/a', '/a/b'])

    def test_symlink(self):
        self.same_listing('/a', [*ROOT, '--symlink', 'x', '/a/b/c'], parents=['/a', '/a/b'])

    def test_parents_that_exist_are_left_alone(self):
        self.same_listing('/a', [*ROOT, '--perms', '700', '--dir', '/a', '--dir', '/a/b',
                                 '--bind', self.dir, '/a/b/c'])

    def test_umask(self):
        self.same_listing('/a', [*ROOT, '--dir', '/a/b', '--file', In(b''), '/a/c'], umask=0o077)

    def test_destination_with_slashes_behind(self):
        self.same_listing('/a', [*ROOT, '--dir', '/a/b//', '--tmpfs', '/a//c/'])


class OnTheHost(Compare):
    """Below a writable bind the destinations are made on the host, as bubblewrap does."""

    def made(self, *args, parents=('a', 'a/b'), **kw):
        """What the options make below a directory of the host bound to /m."""
        return self.same_tree(*ROOT, '--bind', 'TREE', '/m', *args, 'true', parents=parents, **kw)

    def test_directory_for_a_bind(self):
        self.assertEqual(self.made('--bind', '/usr', '/m/a/b/c')['a/b/c'], ('dir', '0o755', None))

    def test_directory_for_a_dev_bind(self):
        self.made('--dev-bind', '/usr', '/m/a/b/c')

    def test_file_for_a_bind(self):
        self.assertEqual(self.made('--ro-bind', '/etc/passwd', '/m/a/b/c')['a/b/c'][:2],
                         ('file', '0o444'))

    def test_file_for_a_device(self):
        self.made('--dev-bind', '/dev/null', '/m/a/b/c')

    def test_nothing_for_a_try_without_source(self):
        self.assertEqual(list(self.made('--bind-try', '/nonexistent', '/m/a/b', parents=())), ['.'])

    def test_dir(self):
        self.made('--dir', '/m/a/b/c', parents=())

    def test_dir_with_perms(self):
        self.made('--perms', '0700', '--dir', '/m/a/b/c', parents=())

    def test_tmpfs(self):
        self.made('--tmpfs', '/m/a/b/c', parents=())

    def test_tmpfs_with_perms(self):
        self.made('--perms', '1777', '--tmpfs', '/m/a/b/c', parents=())

    def test_file(self):
        self.made('--file', In(b'text'), '/m/a/b/c', parents=())

    def test_file_over_a_file(self):
        def prepare(top):
            with open(os.path.join(top, 'c'), 'w', encoding='ascii') as f:
                f.write('a longer text')
            os.chmod(f.name, 0o600)
        self.made('--file', In(b'text'), '/m/c', parents=(), prepare=prepare)

    def test_bind_data(self):
        self.made('--bind-data', In(b'text'), '/m/a/b/c', parents=())

    def test_proc(self):
        self.made('--unshare-pid', '--proc', '/m/a/b/c')

    def test_dev(self):
        self.made('--dev', '/m/a/b/c')

    def test_mqueue(self):
        self.made('--unshare-ipc', '--mqueue', '/m/a/b/c')

    def test_symlink(self):
        self.assertEqual(self.made('--symlink', 'x', '/m/a/b/c')['a/b/c'],
                         ('link', '0o777', 'x'))

    def test_lock_file_is_not_made(self):
        tree = self.same_tree(*ROOT, '--bind', 'TREE', '/m', '--lock-file', '/m/lock', 'true', rc=1)
        self.assertEqual(list(tree), ['.'])

    def test_umask_of_the_caller_does_not_matter(self):
        self.made('--dir', '/m/a/b', '--file', In(b''), '/m/c', parents=(), umask=0o077)

    def test_parents_made_before_an_error_stay(self):
        self.same_tree(*ROOT, '--bind', 'TREE', '/m', '--dir', '/m/a', '--chmod', '700', '/m/b',
                       'true', rc=1)


class Refused(Compare):
    """What cannot be made."""

    def test_directory(self):
        for words in (['--dir'], ['--tmpfs'], ['--proc'], ['--dev'], ['--bind', '/usr'],
                      ['--unshare-ipc', '--mqueue']):
            with self.subTest(words):
                self.same_error("Can't mkdir /nonexistent: Read-only file system",
                                *HOST, *words, '/nonexistent', 'true')

    def test_parents(self):
        for words in (['--dir'], ['--tmpfs'], ['--proc'], ['--dev'], ['--bind', '/usr'],
                      ['--bind', '/etc/passwd'], ['--symlink', 'a'], ['--file', In(b'')],
                      ['--bind-data', In(b'')]):
            with self.subTest(words[0]):
                self.same_error("Can't mkdir parents for /nonexistent/a: Read-only file system",
                                *HOST, *words, '/nonexistent/a', 'true')

    def test_file_for_a_bind(self):
        self.same_error("Can't create file at /nonexistent: Read-only file system",
                        *HOST, '--bind', '/etc/passwd', '/nonexistent', 'true')

    def test_file_for_data(self):
        self.same_error("Can't create file at /nonexistent: Read-only file system",
                        *HOST, '--bind-data', In(b''), '/nonexistent', 'true')

    def test_file(self):
        self.same_error("Can't create file /nonexistent: Read-only file system",
                        *HOST, '--file', In(b''), '/nonexistent', 'true')

    def test_existing_file_on_a_read_only_mount(self):
        self.same_error("Can't create file /etc/passwd: Read-only file system",
                        *HOST, '--file', In(b''), '/etc/passwd', 'true')

    def test_symlink(self):
        self.same_error("Can't make symlink at /nonexistent: Read-only file system",
                        *HOST, '--symlink', 'a', '/nonexistent', 'true')

    def test_dir_where_a_file_is(self):
        self.wrong('/etc/passwd', *HOST, '--dir', '/etc/passwd', 'true')

    def test_file_as_a_parent(self):
        self.wrong("Can't mkdir parents for /etc/passwd/x/y: Not a directory",
                   *HOST, '--dir', '/etc/passwd/x/y', 'true')

    def test_file_where_a_directory_is(self):
        self.same_error("Can't create file /d: Is a directory",
                        *ROOT, '--dir', '/d', '--file', In(b''), '/d', 'true')

    def test_name_too_long(self):
        name = 'x' * 256
        self.same_error(f"Can't mkdir /{name}: File name too long", *ROOT, '--dir', f'/{name}',
                        'true')

    def test_parent_without_permission_of_the_host(self):
        self.same_error("Can't mkdir /root/x: Permission denied",
                        '--bind', '/', '/', '--dir', '/root/x', 'true')

    def test_the_command_does_not_run_after_an_error(self):
        self.same_tree(*HOST, '--bind', 'TREE', 'TREE', '--dir', '/nonexistent', 'touch',
                       'TREE/ran', rc=1)

    def test_ops_after_an_error_are_not_done(self):
        self.same_tree(*ROOT, '--bind', 'TREE', '/m', '--symlink', 'a', '/usr/x', '--dir', '/m/a',
                       'true', rc=1)

    def test_new_proc_is_no_place_for_files(self):
        self.wrong("Can't mkdir /proc/x: No such file or directory",
                   *USR, *NEWPROC, '--dir', '/proc/x', 'true')


if __name__ == '__main__':
    main()
