#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A launch that waits for its caller: it can be ended, and ends cleanly."""

import json
import os
import pty
import signal
import subprocess
import time

from probe import HOST, HUSK, PROC, USR, ProbeCase, main, wait_until


class Waiting(ProbeCase):

    def ends_by(self, number, *args, **kw):
        """A launch that waits ends by the signal, and leaves no process."""
        p = self.spawn([HUSK, *args], **kw)
        time.sleep(0.2)
        self.assertIsNone(p.poll())
        p.send_signal(number)
        self.assertEqual(p.wait(5), -number)
        self.assertTrue(wait_until(lambda: not self.descendants(os.getpid())))

    def test_for_block_fd(self):
        r, _ = self.pipe()
        for args in ((*HOST,), (*HOST, *PROC), (*USR, *PROC), ()):
            with self.subTest(args=args):
                self.ends_by(signal.SIGTERM, *args, '--block-fd', r, '--', 'true', pass_fds=[r])

    def test_for_the_data_of_a_file(self):
        r, _ = self.pipe()
        for option in ('--file', '--bind-data'):
            with self.subTest(option):
                self.ends_by(signal.SIGINT, *USR, *PROC, option, r, '/f', '--', 'true',
                             pass_fds=[r])

    def test_for_a_filter(self):
        r, _ = self.pipe()
        self.ends_by(signal.SIGTERM, *USR, *PROC, '--seccomp', r, '--', 'true', pass_fds=[r])

    def test_for_id_maps(self):
        r, _ = self.pipe()
        info_r, info_w = self.pipe()
        self.ends_by(signal.SIGTERM, *HOST, *PROC, '--unshare-user', '--info-fd', info_w,
                     '--userns-block-fd', r, '--', 'true', pass_fds=[r, info_w])

    def test_interrupt_key(self):
        """Also when it is typed while the sandbox is being made, and not there to get it."""
        r, _ = self.pipe()
        out = self.pty([HUSK, *HOST, *PROC, '--info-fd', '1', '--block-fd', r, '--', 'sh', '-c',
                        'echo started'], expect=[('child-pid', '\x03')], pass_fds=[r])
        self.assertNotIn('started', out.out)
        self.assertFalse(out.timed_out)


    def test_interrupt_key_before_there_is_a_sandbox(self):
        """The launcher, which alone can have got it, is held up where it has just blocked it."""
        self.need('strace')
        for args in ((*HOST, *PROC), HOST):
            with self.subTest(args=args):
                log = self.path(f'log-{len(args)}')
                pid, terminal = pty.fork()
                if pid == 0:
                    os.execvp('strace', ['strace', '-I', 'never', '-f', '-o', log,
                                         '-e', 'inject=signalfd4:delay_exit=800000:when=1', HUSK,
                                         *args, '--', 'sh', '-c', 'sleep 2; echo started'])
                self.assertTrue(wait_until(lambda: os.path.exists(log)))
                time.sleep(0.4)
                os.write(terminal, b'\x03')
                out = b''
                try:
                    while data := os.read(terminal, 1000):
                        out += data
                except OSError:
                    pass  # the terminal has hung up
                os.close(terminal)
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]),
                                 -signal.SIGINT)
                self.assertNotIn(b'started', out)


class FrontEndMaps(ProbeCase):
    """With --userns-block-fd one level must do: the command lacks what would undo its mounts."""

    def test_mounts_hold(self):
        block_r, block_w = self.pipe()
        info_r, info_w = self.pipe()
        self.mkdir('hidden')
        self.write('hidden/secret', 'x')
        hidden, new = self.path('hidden'), self.path('new')
        script = (f'mount -o remount,rw,bind / 2>/dev/null; umount {hidden} 2>/dev/null; '
                  f'ls {hidden}; touch {new} 2>/dev/null; id -u')
        p = self.spawn([HUSK, *HOST, *PROC, '--tmpfs', self.path('hidden'), '--unshare-user',
                        '--info-fd', info_w, '--userns-block-fd', block_r, '--', 'sh', '-c',
                        script], pass_fds=[info_w, block_r], stdout=subprocess.PIPE)
        self.close(info_w)
        with os.fdopen(os.dup(info_r), encoding='ascii') as f:
            child = json.load(f)['child-pid']
        for name, text in (('uid_map', f'0 {os.getuid()} 1'), ('setgroups', 'deny'),
                           ('gid_map', f'0 {os.getgid()} 1')):
            with open(f'/proc/{child}/{name}', 'w', encoding='ascii') as f:
                f.write(text)
        os.write(block_w, b'x')
        out, _ = p.communicate(timeout=10)
        self.assertEqual(out.strip() if isinstance(out, str) else out.decode().strip(), '0')
        self.assertFalse(os.path.exists(self.path('new')))


class Directory(ProbeCase):

    def test_relative_home_is_in_the_sandbox(self):
        gone = self.mkdir('gone')
        for home in ('proc', '.', '..'):
            with self.subTest(home):
                r = self.husk(*USR, '--unshare-all', '--proc', '/proc', '--setenv', 'HOME', home,
                              '--', 'pwd', '-P', cwd=gone)
                self.assertRuns(r, '/proc\n' if home == 'proc' else '/\n')

    def test_tmpfs_on_a_directory_that_may_not_be_searched(self):
        os.mkdir(self.path('closed'), 0o000)
        r = self.husk(*HOST, '--tmpfs', self.path('closed'), '--', 'ls', '-A', self.path('closed'))
        self.assertRuns(r, '')

    def test_proc_on_a_directory_that_may_not_be_searched(self):
        r = self.husk(*HOST, '--unshare-pid', '--proc', '/root', '--', 'ls', '-d', '/root/1')
        self.assertRuns(r, '/root/1\n')


if __name__ == '__main__':
    main()
