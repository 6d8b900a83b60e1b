#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Namespaces and id maps that a front end hands to the bwrap personality."""

import fcntl
import json
import os

from compat import EACH, HOST, NEWPROC, USR, Compare, In, main, open_end, read_all

LS = ('ls', '/proc/self/fd')


class UsernsFd(Compare):

    def fd_of(self, pid, kind):
        return self.open(f'/proc/{pid}/ns/{kind}')

    def test_the_command_is_in_it(self):
        fd = self.fd_of(self.namespace('--user', '--map-root-user'), 'user')
        r = self.same(*HOST, '--userns', fd, 'readlink', '/proc/self/ns/user', pass_fds=[fd])
        self.assertEqual(r.out, f'user:[{os.fstat(fd).st_ino}]\n')

    def test_ids(self):
        fd = self.fd_of(self.namespace('--user', '--map-root-user'), 'user')
        self.same(*HOST, '--userns', fd, '--uid', '0', '--gid', '0', 'id', pass_fds=[fd])

    def test_default_ids(self):
        fd = self.fd_of(self.namespace('--user', '--map-root-user'), 'user')
        self.same(*HOST, '--userns', fd, 'cat', '/proc/self/uid_map', pass_fds=[fd])

    def test_capabilities(self):
        fd = self.fd_of(self.namespace('--user', '--map-root-user'), 'user')
        self.same(*HOST, '--userns', fd, 'grep', '^Cap', '/proc/self/status', pass_fds=[fd])

    def test_mounts(self):
        fd = self.fd_of(self.namespace('--user', '--map-root-user'), 'user')
        self.same_mounts(*USR, *NEWPROC, '--tmpfs', '/tmp', '--userns', fd, pass_fds=[fd])

    def test_uid_that_is_not_mapped(self):
        fd = self.fd_of(self.namespace('--user', '--map-root-user'), 'user')
        self.same_error('unable to switch to uid 5: Invalid argument',
                        *HOST, '--userns', fd, '--uid', '5', 'true', pass_fds=[fd])

    def test_not_open(self):
        self.same_error('Joining specified user namespace failed: Bad file descriptor',
                        *HOST, '--userns', '99', 'true')

    def test_no_namespace(self):
        self.same_error('Joining the specified user namespace failed, it might not be a '
                        'descendant of the current user namespace.',
                        *HOST, '--userns', In(b''), 'true')

    def test_second(self):
        outer = self.namespace('--user', '--map-root-user', '--', 'unshare', '--user',
                               f'--map-user={os.getuid()}', f'--map-group={os.getgid()}')
        inner = self.fd_of(outer, 'user')
        parent = self.parent_of(inner)
        r = self.same(*HOST, '--userns', parent, '--userns2', inner, 'readlink',
                      '/proc/self/ns/user', pass_fds=[inner, parent])
        self.assertEqual(r.out, f'user:[{os.fstat(inner).st_ino}]\n')

    def parent_of(self, fd):
        """The user namespace that a user namespace is in."""
        parent = fcntl.ioctl(fd, 0xb702)
        os.set_inheritable(parent, True)
        self.addCleanup(os.close, parent)
        return parent

    def test_second_not_open(self):
        self.wrong('Setting userns2 failed: Bad file descriptor', *HOST, '--userns2', '99', 'true')


class PidnsFd(Compare):

    def setUp(self):
        super().setUp()
        pid = self.namespace('--user', '--map-root-user', '--pid', '--fork')
        self.user, self.pid = (self.open(f'/proc/{pid}/ns/{n}') for n in ('user', 'pid'))

    def joined(self, *args, **kw):
        return self.same(*HOST, '--userns', self.user, '--pidns', self.pid, *args,
                         pass_fds=[self.user, self.pid], **kw)

    def test_the_command_is_in_it(self):
        r = self.joined('readlink', '/proc/self/ns/pid')
        self.assertEqual(r.out, f'pid:[{os.fstat(self.pid).st_ino}]\n')

    def test_exit_status(self):
        self.joined('sh', '-c', 'exit 9', rc=9)

    def test_killed(self):
        self.joined('sh', '-c', 'kill -9 $$', rc=137)

    def test_with_a_new_one_below_it(self):
        self.joined('--unshare-pid', 'sh', '-c', 'echo $$', out='2\n')

    def test_new_proc_shows_it(self):
        self.joined('--proc', '/proc', 'sh', '-c', 'tr "\\0" " " < /proc/1/cmdline',
                    out='sleep 3600 ')


class PidnsNotThere(Compare):

    def test_not_open(self):
        self.wrong('Setting pidns failed: Bad file descriptor',
                   *HOST, '--unshare-user', '--pidns', '99', 'true')


class UsernsBlockFd(Compare):

    def test_the_front_end_writes_the_maps(self):
        for program in EACH:
            with self.subTest(program):
                self.assertEqual(self.mapped(program, '5', 'id', '-u'), (b'5\n', 0))

    def test_with_a_pid_namespace(self):
        for program in EACH:
            with self.subTest(program):
                self.assertEqual(self.mapped(program, '6', '--unshare-pid', 'id', '-u'),
                                 (b'6\n', 0))

    def mapped(self, program, uid, *args):
        """Start with --userns-block-fd, write the maps from outside; return output and status."""
        info_r, info_w = self.pipe()
        block_r, block_w = self.pipe()
        p = self.spawn([program, *HOST, '--unshare-user', '--uid', uid, '--gid', uid, '--info-fd',
                        info_w, '--userns-block-fd', block_r, *args], pass_fds=[info_w, block_r])
        self.close(info_w)
        pid = json.loads(read_all(info_r))['child-pid']
        self.assertTrue(open_end(p.stdout, 0.1))
        for name, text in (('uid_map', f'{uid} {os.getuid()} 1'), ('setgroups', 'deny'),
                           ('gid_map', f'{uid} {os.getgid()} 1')):
            with open(f'/proc/{pid}/{name}', 'w', encoding='ascii') as f:
                f.write(text)
        os.write(block_w, b'1')
        return p.stdout.read(), p.wait(5)


if __name__ == '__main__':
    main()
