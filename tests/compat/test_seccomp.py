#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The seccomp programs that the bwrap personality reads and installs."""

import errno
import os
import struct

from compat import EACH, HOST, NEWPROC, USR, Compare, In, deny, main, open_end

UNAME = {'x86_64': 63, 'aarch64': 160, 'riscv64': 160}


class Seccomp(Compare):

    def setUp(self):
        super().setUp()
        machine = os.uname().machine
        if machine not in UNAME:
            self.skipTest(f'no number for uname on {machine}')
        self.uname = UNAME[machine]

    def test_filter_holds(self):
        r = self.same(*HOST, '--seccomp', In(deny(self.uname, errno.EXDEV)), 'uname', rc=1)
        self.assertIn(os.strerror(errno.EXDEV), r.err)

    def test_added_filter_holds(self):
        r = self.same(*HOST, '--add-seccomp-fd', In(deny(self.uname, errno.EXDEV)), 'uname', rc=1)
        self.assertIn(os.strerror(errno.EXDEV), r.err)

    def test_last_seccomp_wins(self):
        r = self.same(*HOST, '--seccomp', In(deny(self.uname, errno.EXDEV)), '--seccomp',
                      In(deny(self.uname, errno.EDOM)), 'uname', rc=1)
        self.assertIn(os.strerror(errno.EDOM), r.err)

    def test_last_added_decides_between_equals(self):
        r = self.same(*HOST, '--add-seccomp-fd', In(deny(self.uname, errno.EXDEV)),
                      '--add-seccomp-fd', In(deny(self.uname, errno.EDOM)), 'uname', rc=1)
        self.assertIn(os.strerror(errno.EDOM), r.err)

    def test_number_of_filters(self):
        filters = [w for _ in range(3) for w in ('--add-seccomp-fd', In(deny(9999, 1)))]
        self.same(*HOST, *filters, 'grep', 'Seccomp', '/proc/self/status')

    def test_holds_for_init_too(self):
        self.same(*USR, *NEWPROC, '--add-seccomp-fd', In(deny(9999, 1)), 'sh', '-c',
                  'until grep "^Seccomp:.2" /proc/1/status; do sleep .02; done',
                  out='Seccomp:\t2\n')

    def test_holds_as_pid_1(self):
        self.same(*USR, *NEWPROC, '--as-pid-1', '--seccomp', In(deny(9999, 1)), 'grep',
                  'Seccomp', '/proc/self/status')

    def test_set_up_is_not_filtered(self):
        number = {'x86_64': 165}.get(os.uname().machine, 40)
        self.same(*HOST, '--tmpfs', '/mnt', '--seccomp', In(deny(number, 1)), 'true')

    def test_length(self):
        for option in ('--seccomp', '--add-seccomp-fd'):
            with self.subTest(option):
                self.same_error('Invalid seccomp data, must be multiple of 8',
                                *HOST, option, In(b'1234567'), 'true')

    def test_invalid_program(self):
        self.wrong('Unable to set up system call filtering as requested: prctl.PR_SET_SECCOMP. '
                   'reported EINVAL', *HOST, '--seccomp', In(b'12345678'), 'true')

    def test_empty_program(self):
        self.wrong('Unable to set up system call filtering as requested',
                   *HOST, '--seccomp', In(b''), 'true')

    def test_fd_that_is_not_open(self):
        for option in ('--seccomp', '--add-seccomp-fd'):
            with self.subTest(option):
                self.same_error("Can't read seccomp data: Bad file descriptor",
                                *HOST, option, '99', 'true')

    def test_is_read_after_block_fd(self):
        for program in EACH:
            with self.subTest(program):
                fd = self.fd(b'')
                r, w = self.pipe()
                p = self.spawn([program, *HOST, '--block-fd', r, '--seccomp', fd, 'uname'],
                               pass_fds=[r, fd])
                self.assertTrue(open_end(p.stdout, 0.3))
                os.pwrite(fd, deny(self.uname, errno.EXDEV), 0)
                self.close(w)
                self.assertEqual(p.wait(5), 1)
                self.assertIn(os.strerror(errno.EXDEV).encode(), p.stderr.read())

    def test_filter_that_kills(self):
        kill = deny(self.uname, 0).replace(struct.pack('I', 0x50000), struct.pack('I', 0x80000000))
        self.same(*HOST, '--seccomp', In(kill), 'uname', rc=128 + 31)


if __name__ == '__main__':
    main()
