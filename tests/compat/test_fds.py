#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file descriptors that the bwrap personality passes on, holds and waits on."""

import contextlib
import fcntl
import os
import struct

from compat import (DEVHOST, EACH, HOST, NEWPROC, PATIENCE, PROC, SLOW, USR, Compare, In, Out,
                    deny, main, open_end)

LS = ('ls', '/proc/self/fd')


class Inherited(Compare):

    def test_standard_streams(self):
        self.same(*HOST, *LS)

    def test_all_others_too(self):
        fds = [self.open('/usr'), self.open('/etc/passwd'), *self.pipe()]
        r = self.same(*HOST, *LS, pass_fds=fds)
        self.assertLessEqual({str(fd) for fd in fds}, set(r.out.split()))

    def test_high_numbers(self):
        os.dup2(self.open('/usr'), 900, inheritable=True)
        self.addCleanup(os.close, 900)
        self.assertIn('900', self.same(*HOST, *LS, pass_fds=[900]).out.split())

    def test_with_a_pid_namespace(self):
        self.same(*USR, *NEWPROC, *LS, pass_fds=[self.open('/usr')])

    def test_as_pid_1(self):
        self.same(*USR, *NEWPROC, '--as-pid-1', *LS, pass_fds=[self.open('/usr')])

    def test_closed_standard_streams_stay_closed(self):
        self.same(*HOST, 'sh', '-c', 'ls /proc/$$/fd', under=['sh', '-c', 'exec "$@" <&-', 'sh'])

    def test_init_closes_its_own(self):
        r, w = self.pipe()
        for program in EACH:
            with self.subTest(program):
                p = self.spawn([program, *USR, *NEWPROC, 'sh', '-c', f'exec {w}>&-; echo; '
                                'exec sleep 60'], pass_fds=[w])
                p.stdout.readline()
                kids = self.descendants(p.pid)
                self.assertTrue(self.wait_until(lambda: not any(self.holds(k, r) for k in kids)))

    def holds(self, pid, fd):
        """Whether a process has the pipe open that fd is an end of."""
        name = os.readlink(f'/proc/self/fd/{fd}')
        with contextlib.suppress(FileNotFoundError):  # it has ended just now
            for n in os.listdir(f'/proc/{pid}/fd'):
                with contextlib.suppress(FileNotFoundError):  # it is letting go just now
                    if os.readlink(f'/proc/{pid}/fd/{n}') == name:
                        return True
        return False

    def test_those_of_options(self):
        for option in ('--info-fd', '--json-status-fd'):
            with self.subTest(option):
                self.same(*HOST, option, Out(), *LS)

    def test_sync_fd(self):
        self.same(*HOST, '--sync-fd', In(b''), *LS)

    def test_sync_fd_as_pid_1(self):
        self.same(*HOST, '--unshare-pid', '--proc', '/proc', '--as-pid-1', '--sync-fd', In(b''),
                  *LS)

    def test_block_fd(self):
        self.same(*HOST, '--block-fd', In(b'x'), *LS)

    def test_seccomp(self):
        self.same(*HOST, '--seccomp', In(deny(9999, 1)), *LS)

    def test_add_seccomp_fd(self):
        self.same(*HOST, '--add-seccomp-fd', In(deny(9999, 1)), *LS)


class SyncFd(Compare):

    def test_open_while_the_command_runs(self):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                p = self.spawn([program, *HOST, '--sync-fd', w, 'cat'], pass_fds=[w], stdin=-1)
                self.close(w)
                self.assertTrue(open_end(r, 0.2))
                p.stdin.close()
                self.assertFalse(open_end(r, PATIENCE * SLOW))

    def test_open_while_an_orphan_runs(self):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                hold_r, hold_w = self.pipe()
                result = self.run_cmd([program, *DEVHOST, '--unshare-pid', '--sync-fd', w, 'sh',
                                       '-c', f'head -c1 <&{hold_r} >&2 & exit 0'],
                                      pass_fds=[w, hold_r])
                self.assertRuns(result)
                self.close(w)
                self.assertTrue(open_end(r, 0.2))
                self.close(hold_w)
                self.assertFalse(open_end(r, PATIENCE * SLOW))

    def test_that_is_not_open(self):
        self.same(*HOST, '--sync-fd', '99', 'true')


class BlockFd(Compare):

    def test_waits_for_a_byte(self):
        self.waits(lambda w: os.write(w, b'x'))

    def test_waits_for_the_end(self):
        self.waits(self.close)

    def waits(self, release):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                p = self.spawn([program, *HOST, '--block-fd', r, 'echo', 'ran'], pass_fds=[r])
                self.assertTrue(open_end(p.stdout, 0.3))
                release(w)
                self.assertEqual((p.stdout.read(), p.wait(5)), (b'ran\n', 0))

    def test_after_the_set_up(self):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                top = self.mkdir(os.path.basename(os.path.dirname(program)))
                p = self.spawn([program, *HOST, '--bind', top, '/mnt', '--dir', '/mnt/a',
                                '--block-fd', r, 'true'], pass_fds=[r])
                self.assertTrue(self.wait_until(lambda: os.path.isdir(f'{top}/a')))
                self.assertIsNone(p.poll())
                self.close(w)
                self.assertEqual(p.wait(5), 0)

    def test_with_data_at_once(self):
        self.same(*HOST, '--block-fd', In(b'x'), 'echo', 'a', out='a\n')

    def test_that_is_not_open(self):
        self.same(*HOST, '--block-fd', '99', 'true')

    def test_takes_one_byte(self):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                os.write(w, b'12')
                self.close(w)
                self.assertRuns(self.run_cmd([program, *HOST, '--block-fd', r, 'true'],
                                             pass_fds=[r]))
                self.assertEqual(os.read(r, 9), b'2')


class LockFile(Compare):

    def held(self, path):
        """Whether somebody has a lock on the file; one that is taken to see it would be in the way
        of the program's own."""
        lock = struct.pack('hhqqi', fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        with open(path, 'r+b') as f:
            kind = struct.unpack_from('h', fcntl.fcntl(f, fcntl.F_GETLK, lock))[0]
        return kind != fcntl.F_UNLCK

    def test_held_while_the_command_runs(self):
        self.write('lock')
        for program in EACH:
            with self.subTest(program):
                p = self.spawn([program, *HOST, '--lock-file', self.path('lock'), 'cat'], stdin=-1)
                self.assertTrue(self.wait_until(lambda: self.held(self.path('lock'))))
                p.stdin.close()
                self.assertEqual(p.wait(5), 0)
                self.assertTrue(self.wait_until(lambda: not self.held(self.path('lock'))))

    def test_held_while_an_orphan_runs(self):
        self.write('lock')
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                p = self.spawn([program, *DEVHOST, '--unshare-pid', '--lock-file',
                                self.path('lock'), 'sh', '-c', f'head -c1 <&{r} >&2 & read x'],
                               pass_fds=[r], stdin=-1)
                self.assertTrue(self.wait_until(lambda: self.held(self.path('lock'))))
                p.stdin.close()
                p.wait(5)
                self.assertTrue(self.held(self.path('lock')))
                self.close(w)
                self.assertTrue(self.wait_until(lambda: not self.held(self.path('lock'))))

    def test_two(self):
        for name in ('a', 'b'):
            self.write(name)
        for program in EACH:
            with self.subTest(program):
                self.spawn([program, *HOST, '--lock-file', self.path('a'), '--lock-file',
                            self.path('b'), 'sleep', '60'])
                self.assertTrue(self.wait_until(
                    lambda: self.held(self.path('a')) and self.held(self.path('b'))))

    def test_is_a_read_lock(self):
        self.write('lock')
        with open(self.path('lock'), 'rb') as f:
            fcntl.lockf(f, fcntl.LOCK_SH)
            self.same(*HOST, '--lock-file', self.path('lock'), 'true')

    def test_path_is_the_sandbox_s(self):
        self.write('lock')
        self.same(*USR, *PROC, '--bind', self.path('lock'), '/l', '--lock-file', '/l', 'true')

    def test_missing(self):
        self.wrong('Unable to open lock file /nonexistent: No such file or directory',
                   *HOST, '--lock-file', '/nonexistent', 'sleep', '0.3')

    def test_without_a_pid_namespace_there_is_an_init(self):
        self.write('lock')
        for program in EACH:
            with self.subTest(program):
                p = self.spawn([program, *HOST, '--lock-file', self.path('lock'), 'sleep', '60'])
                self.assertTrue(self.wait_until(lambda: len(self.descendants(p.pid)) == 2))


if __name__ == '__main__':
    main()
