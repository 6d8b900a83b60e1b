#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The /dev and the /proc that the bwrap personality makes."""

import os
import re

from compat import EACH, HOST, NEWPROC, ORACLE, PROC, PYTHON, USR, Compare, main, plain

COVERED = 'mount -t tmpfs x /proc/fs'


class Dev(Compare):

    def test_what_is_in_it(self):
        files = self.same_listing('/dev', [*USR, *PROC, '--dev', '/dev'])
        self.assertEqual(files['/dev/core'][3], '/proc/kcore')

    def test_devices(self):
        self.same(*USR, '--dev', '/dev', 'stat', '-c', '%n %a %t %T %u',
                  *[f'/dev/{n}' for n in ('null', 'zero', 'full', 'random', 'urandom', 'tty')])

    def test_mounts(self):
        table = self.same_mounts(*USR, *PROC, '--dev', '/dev')
        self.assertLessEqual({'nosuid', 'noexec'}, table['/dev/pts'].opts)

    def test_null_zero_full_work(self):
        self.same(*USR, '--dev', '/dev', 'sh', '-c', 'echo a > /dev/null; '
                  'head -c 3 /dev/zero | wc -c; echo a > /dev/full', rc=1)

    def test_random(self):
        self.same(*USR, '--dev', '/dev', 'sh', '-c', 'head -c 9 /dev/urandom | wc -c', out='9\n')

    def test_standard_streams(self):
        self.same(*USR, *PROC, '--dev', '/dev', 'sh', '-c', 'cat /dev/stdin > /dev/stdout',
                  input='text', out='text')

    def test_shm_is_writable(self):
        self.same(*USR, '--dev', '/dev', 'sh', '-c', 'touch /dev/shm/a; stat -c %a /dev/shm',
                  out='755\n')

    def test_dev_itself_is_writable(self):
        self.same(*USR, '--dev', '/dev', 'touch', '/dev/a')

    def test_a_new_terminal_can_be_opened(self):
        self.same(*USR, *PROC, '--dev', '/dev', PYTHON, '-Ic',
                  'import os, stat\nm, s = os.openpty()\nprint(os.ttyname(s))\n'
                  'st = os.fstat(s)\nprint(oct(st.st_mode), st.st_uid)')

    def test_at_another_place(self):
        self.same_listing('/d', [*USR, '--dev', '/d'])

    def test_mounts_at_another_place(self):
        self.same_mounts(*USR, *PROC, '--dev', '/a/d')

    def test_on_the_host_s_dev(self):
        self.same_mounts(*HOST, '--dev', '/dev')

    def test_twice(self):
        self.same_mounts(*USR, *PROC, '--dev', '/dev', '--dev', '/dev')

    def test_bind_below_it(self):
        self.same_mounts(*USR, *PROC, '--dev', '/dev', '--dev-bind', '/dev/null', '/dev/x',
                         '--bind', self.dir, '/dev/shm')

    def test_read_only(self):
        self.same(*USR, '--dev', '/dev', '--remount-ro', '/dev', 'touch', '/dev/a', rc=1)

    def test_ids(self):
        self.same(*USR, *PROC, '--dev', '/dev', 'id')

    def test_no_console_without_a_terminal(self):
        self.same(*USR, '--dev', '/dev', 'ls', '-d', '/dev/console', rc=2)

    def on_terminal(self, program, *words):
        if program == ORACLE:
            self.need(ORACLE)
        r = self.pty([program, *USR, *PROC, '--dev', '/dev', *words])
        self.assertEqual(r.rc, 0, r)
        return plain(r.out)

    def test_console_is_the_terminal_of_stdout(self):
        outs = [self.on_terminal(program, 'sh', '-c', 'exec 3>&1; '
                                 '[ "$(stat -c %t,%T /dev/console)" = "$(stat -c %t,%T - <&3)" ]'
                                 ' || stat -c %t,%T /dev/console; tty < /dev/tty'
                                 ' > /dev/null; stat -c "%F %a" /dev/console; '
                                 'echo works > /dev/console') for program in EACH]
        self.assertEqual(*outs)

    def test_console_mount(self):
        tables = []
        for program in EACH:
            out = self.on_terminal(program, 'grep', '/dev/console', '/proc/self/mountinfo')
            tables.append([(m.fstype, sorted(m.opts), sorted(m.superopts))
                           for m in self.mounts(out.replace('\r', ''))])
        self.assertEqual(*tables)

    def test_dev_tty_is_the_controlling_terminal(self):
        outs = [self.on_terminal(program, 'sh', '-c', 'echo there > /dev/tty') for program in EACH]
        self.assertEqual(outs, ['there\r\n'] * 2)


class Proc(Compare):

    def test_new_with_a_pid_namespace(self):
        table = self.same_mounts(*USR, *NEWPROC)
        self.assertLessEqual({'rw', 'nosuid', 'nodev', 'noexec'}, table['/proc'].opts)

    def test_shows_the_sandbox_only(self):
        self.same(*USR, *NEWPROC, 'sh', '-c', 'echo /proc/[0-9]*', out='/proc/1 /proc/2\n')

    def test_the_host_s_without_a_pid_namespace(self):
        self.same_mounts(*USR, '--proc', '/proc')

    def test_the_host_s_shows_the_host(self):
        self.same(*USR, '--proc', '/proc', 'test', '-d', f'/proc/{os.getpid()}')

    def test_at_another_place(self):
        self.same_mounts(*USR, *PROC, '--unshare-pid', '--proc', '/a/b')

    def test_on_the_host_s_proc(self):
        self.same_mounts(*HOST, *NEWPROC)

    def test_twice(self):
        self.same_mounts(*HOST, *NEWPROC, '--proc', '/mnt')

    def test_dangerous_files_cannot_be_written(self):
        for path in ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger',
                     '/proc/sys/vm/drop_caches'):
            with self.subTest(path):
                self.same(*USR, *NEWPROC, PYTHON, '-Ic',
                          f'import os\nos.close(os.open("{path}", os.O_WRONLY))', rc=1)

    def test_remount_ro(self):
        self.same_mounts(*USR, *NEWPROC, '--remount-ro', '/proc')

    def test_tmpfs_over_a_part(self):
        self.same_mounts(*USR, *NEWPROC, '--tmpfs', '/proc/acpi')

    def test_where_the_host_s_is_partly_covered(self):
        self.same_error("Can't mount proc on /proc: Operation not permitted",
                        *USR, *NEWPROC, 'true', under=self.under_mounts(COVERED))

    def test_the_host_s_where_it_is_partly_covered(self):
        self.same_mounts(*USR, '--proc', '/proc', under=self.under_mounts(COVERED))

    def test_a_second_proc_can_be_mounted_inside(self):
        self.same(*HOST, *NEWPROC, '--unshare-user', '--uid', '0', '--cap-add', 'ALL', '--tmpfs',
                  '/mnt', 'mount', '-t', 'proc', 'proc', '/mnt')

    def test_not_a_word_of_the_host_s_mounts(self):
        for program in EACH:
            r = self.side(program, (*USR, *NEWPROC, '--tmpfs', '/tmp', 'cat', '/proc/1/mounts'))
            self.assertRuns(r)
            self.assertNotIn('cgroup', r.out)

    def test_self_is_the_command(self):
        self.same(*USR, *NEWPROC, 'readlink', '/proc/self', out='2\n')

    def test_kernel_view(self):
        r = self.same(*USR, *NEWPROC, 'sh', '-c', 'ls /proc | grep -v "[0-9]"')
        self.assertTrue(re.search('^sys$', r.out, re.M))


if __name__ == '__main__':
    main()
