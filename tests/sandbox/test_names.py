#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What names and numbers of the caller lead to: never to something of husk's own."""

import fcntl
import os
import struct

from probe import BWRAP, HOST, HUSK, USR, ProbeCase, main


class OwnDescriptors(ProbeCase):
    """A number that the caller has not opened is not one of the descriptors that husk opens."""

    def test_keep_fd(self):
        for fd in range(3, 12):
            self.assertFails(self.husk(*HOST, '--keep-fd', fd, '--', 'true'), 125,
                             f'--keep-fd {fd}: Bad file descriptor')

    def test_bind_fd(self):
        for fd in range(3, 12):
            self.assertFails(self.husk(*HOST, '--bind-fd', fd, '/mnt', '--', 'true'), 125,
                             f'--bind-fd {fd}: Bad file descriptor')

    def test_bind_fd_as_bwrap(self):
        for fd in range(3, 12):
            self.assertFails(self.bwrap(*HOST, '--bind-fd', fd, '/mnt', '--', 'true'), 1,
                             f"Can't find source path /proc/self/fd/{fd}")

    def test_userns(self):
        for fd in range(3, 12):
            self.assertFails(self.husk(*HOST, '--userns', fd, '--', 'true'), 125,
                             f'--userns {fd}: Bad file descriptor')


class DotDot(ProbeCase):
    """A source path that passes through / by ".." is looked up on the host, not in the new root."""

    def test_to_a_name_that_the_new_root_lacks(self):
        r = self.husk(*USR, '--ro-bind', '/etc/../etc/hostname', '/h', '--', 'cat', '/h')
        with open('/etc/hostname', encoding='utf-8') as f:
            self.assertRuns(r, f.read())

    def test_to_a_name_that_the_new_root_has(self):
        self.write('mine', 'of the sandbox')
        r = self.husk(*USR, '--ro-bind', self.path('mine'), '/etc/hostname', '--ro-bind',
                      '/usr/../etc/hostname', '/h', '--', 'cat', '/h')
        with open('/etc/hostname', encoding='utf-8') as f:
            self.assertRuns(r, f.read())

    def test_in_a_symlink(self):
        os.symlink('../' * 20 + 'etc/hostname', self.path('link'))
        r = self.husk(*USR, '--ro-bind', self.path('link'), '/h', '--', 'cat', '/h')
        with open('/etc/hostname', encoding='utf-8') as f:
            self.assertRuns(r, f.read())

    def test_in_a_destination_after_data(self):
        fd = self.fd('data')
        r = self.husk(*USR, '--bind-data', fd, '/d', '--dir', '/a', '--dir', '/a/../../b', '--',
                      'ls', '-d', '/b', pass_fds=[fd])
        self.assertRuns(r, '/b\n')

    def test_in_a_destination_is_audited(self):
        self.assertRuns(self.husk(*USR, '--dir', '/a', '--ro-bind', '/usr', '/a/../u', '--', 'ls',
                                  '-d', '/u'), '/u\n')

    def test_host_is_not_below_a_bind_of_it(self):
        """A recursive bind of / shows the host's tree, and nothing of the root being built."""
        fd = self.fd('secret')
        r = self.husk(*USR, '--ro-bind-data', fd, '/d', '--ro-bind', '/', '/host', '--',
                      'ls', '/host/proc/self/stat', '/host/usr/bin/env', pass_fds=[fd])
        self.assertRuns(r, '/host/proc/self/stat\n/host/usr/bin/env\n')


class Root(ProbeCase):

    def test_one_that_may_be_missing_and_is(self):
        r = self.husk('--ro-bind-try', self.path('none'), '/', *USR, '--', 'ls', '/')
        self.assertRuns(r, 'bin\nlib\nlib64\nsbin\nusr\n')

    def test_one_that_may_be_missing_after_others(self):
        self.assertFails(self.husk(*USR, '--ro-bind-try', '/', '/', '--', 'true'), 125,
                         'must be the first operation')

    def test_what_it_covers_still_needs_its_source(self):
        self.assertFails(self.husk('--ro-bind', self.path('none'), '/x', *HOST, '--', 'true'), 125,
                         "Can't find source path")


class Try(ProbeCase):

    def test_a_missing_source_leaves_the_place_as_it_is(self):
        self.mkdir('place')
        for option in ('--ro-bind-try', '--bind-try', '--dev-bind-try'):
            r = self.husk('--dev-bind', '/', '/', option, self.path('none'), self.path('place'),
                          '--', 'touch', self.path('place', option))
            self.assertRuns(r)
            self.assertTrue(os.path.exists(self.path('place', option)))


class Lock(ProbeCase):

    def test_holds_though_the_caller_has_the_file_open(self):
        name = self.write('lock', '')
        for program in (HUSK, BWRAP):
            with self.subTest(program), open(name, 'r+b') as mine, open(name, 'r+b') as other:
                p = self.spawn([program, *HOST, '--unshare-pid', '--lock-file', name, 'sh', '-c',
                                'echo; exec sleep 30'], pass_fds=[mine.fileno()])
                p.stdout.readline()
                with self.assertRaises(OSError):
                    fcntl.fcntl(other, fcntl.F_SETLK, self.flock())
                p.kill()

    @staticmethod
    def flock():
        return struct.pack('hhqqi', fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


if __name__ == '__main__':
    main()
