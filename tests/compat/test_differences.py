#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the bwrap personality is stricter than bubblewrap on purpose, shown on both."""

import errno
import os
import random
import select
import signal
import struct
import time

from compat import (
    BWRAP, DEVHOST, HOST, NEWPROC, ORACLE, PATIENCE, PROC, PYTHON, SLOW, USR, Compare, In,
    main)

ROOT = (*USR, *PROC)
CAPS = ('grep', '^Cap', '/proc/self/status')
TIOCSTI, TIOCLINUX = 0x5412, 0x541c
PUSH = f'''
import ctypes, termios
libc = ctypes.CDLL(None, use_errno=True)
try:
    mode = termios.tcgetattr(0)
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, mode)
except termios.error:
    pass
for request in ({TIOCSTI}, {TIOCSTI} | 1 << 32, {TIOCLINUX}):
    ctypes.set_errno(0)
    libc.ioctl(0, ctypes.c_ulong(request), b"x")
    print(ctypes.get_errno(), end=" ")
'''


class Differ(Compare):

    def differ(self, ours, theirs, *args, **kw):
        """Ours prints one thing, the oracle another."""
        mine, other = self.sides(*args, **kw)
        self.assertEqual((mine.rc, mine.out), (0, ours), mine)
        self.assertEqual((other.rc, other.out), (0, theirs), other)


class Parents(Differ):
    """Parents of a destination get 0755, as bubblewrap's manual says."""

    OPS = (['--bind', '/usr'], ['--ro-bind', '/usr'], ['--dev-bind', '/usr'],
           ['--bind-try', '/usr'], ['--bind', '/etc/passwd'], ['--symlink', 'x'],
           ['--unshare-pid', '--proc'], ['--dev'], ['--unshare-ipc', '--mqueue'])

    def test_in_the_sandbox(self):
        for words in self.OPS:
            with self.subTest(' '.join(words)):
                self.differ('755\n755\n', '700\n700\n', *USR, *words, '/a/b/c', 'stat', '-c', '%a',
                            '/a', '/a/b')

    def test_on_the_host(self):
        for words in self.OPS:
            modes = []
            for program in (BWRAP, ORACLE):
                top = self.mkdir(f'{len(os.listdir(self.dir))}')
                self.assertRuns(self.side(program, (*USR, '--bind', top, '/m', *words, '/m/a/b/c',
                                                    'true')))
                modes.append(oct(os.stat(f'{top}/a').st_mode))
            with self.subTest(' '.join(words)):
                self.assertEqual(modes, ['0o40755', '0o40700'])


class Dev(Differ):
    """One user namespace does for --dev; nobody in it is the owner of a devpts, uid 0."""

    def test_owner_of_pts(self):
        self.differ('65534\n', f'{os.getuid()}\n', *USR, '--dev', '/dev', 'stat', '-c', '%u',
                    '/dev/pts')

    def test_map(self):
        mine, other = self.sides(*USR, *PROC, '--dev', '/dev', 'cat', '/proc/self/uid_map')
        self.assertEqual(mine.out.split(), [str(os.getuid()), str(os.getuid()), '1'])
        self.assertNotEqual(other.out.split()[1], str(os.getuid()))


class EmptyPaths(Differ):
    """An empty path is an error, where bubblewrap takes it for the root or ignores it."""

    def refused(self, *args):
        self.assertFails(self.side(BWRAP, (*ROOT, *args, 'true')), 1, r'\Abwrap: (?!execvp)')

    def test_destinations(self):
        for words in (['--bind', '/usr'], ['--ro-bind', '/usr'], ['--dev-bind', '/usr'],
                      ['--bind-try', '/usr'], ['--tmpfs'], ['--unshare-pid', '--proc'], ['--dev'],
                      ['--unshare-ipc', '--mqueue'], ['--dir'], ['--file', In(b'')],
                      ['--bind-data', In(b'')], ['--remount-ro'], ['--symlink', 'a'],
                      ['--chmod', '755'], ['--lock-file']):
            with self.subTest(' '.join(map(str, words[:2]))):
                self.refused(*words, '')

    def test_sources(self):
        for option in ('--bind', '--ro-bind', '--dev-bind', '--bind-try', '--ro-bind-try',
                       '--dev-bind-try'):
            with self.subTest(option):
                self.refused(option, '', '/m')

    def test_overlays(self):
        self.refused('--overlay-src', '', '--tmp-overlay', '/o')
        self.refused('--overlay-src', '/usr', '--tmp-overlay', '')

    def test_the_oracle_takes_them(self):
        for words in (['--dir', ''], ['--chmod', '755', ''], ['--bind-try', '', '/m'],
                      ['--remount-ro', '']):
            with self.subTest(words[0]):
                self.assertRuns(self.side(ORACLE, (*ROOT, *words, 'true')))


class NoWindow(Differ):

    def test_killed_right_after_the_start(self):
        for _ in range(60):
            r, w = self.pipe()
            p = self.spawn([BWRAP, *DEVHOST, '--unshare-pid', '--die-with-parent', 'sleep', '60'],
                           pass_fds=[w])
            self.close(w)
            time.sleep(random.uniform(0, 0.008))
            p.kill()
            self.assertTrue(select.select([r], [], [], PATIENCE * SLOW)[0], 'the sandbox lives on')
            self.close(r)

    def test_killed_right_after_the_start_without_a_pid_namespace(self):
        for _ in range(60):
            r, w = self.pipe()
            p = self.spawn([BWRAP, *DEVHOST, '--die-with-parent', 'sleep', '60'], pass_fds=[w])
            self.close(w)
            time.sleep(random.uniform(0, 0.008))
            p.kill()
            self.assertTrue(select.select([r], [], [], PATIENCE * SLOW)[0], 'the sandbox lives on')
            self.close(r)

    @staticmethod
    def runs_by_now(shell):
        """The launcher is at work: it has made its first process."""
        pid = shell.pid
        for _ in range(2):
            with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
                children = f.read().split()
            if not children:
                return False
            pid = children[0]
        return True

    def test_parent_killed_right_after_the_start(self):
        for _ in range(30):
            r, w = self.pipe()
            p = self.spawn(['sh', '-c', '"$@" & echo; wait', 'sh', BWRAP, *DEVHOST,
                            '--unshare-pid', '--die-with-parent', 'sleep', '60'], pass_fds=[w])
            self.close(w)
            p.stdout.readline()
            # a parent that died before the launcher ran cannot be detected
            while not self.runs_by_now(p):
                time.sleep(0.001)
            time.sleep(random.uniform(0, 0.010))
            p.kill()
            self.assertTrue(select.select([r], [], [], PATIENCE * SLOW)[0], 'the sandbox lives on')
            self.close(r)


class Secrets(Differ):
    """What pid 1 shows of the caller."""

    def seen(self, program, name, *options):
        """What the command reads in /proc/1/NAME."""
        env = {'PATH': '/usr/bin', 'TOKEN': 'hunter2'}
        return self.side(program, (*USR, *NEWPROC, '--dev', '/dev', *options, 'sh', '-c',
                                   f'tr "\\0" "\\n" < /proc/1/{name}; true'), env=env).out

    def test_clearenv(self):
        self.assertIn('hunter2', self.seen(ORACLE, 'environ', '--clearenv'))
        self.assertEqual(self.seen(BWRAP, 'environ', '--clearenv'), '')

    def test_clearenv_with_all_capabilities(self):
        self.assertEqual(self.seen(BWRAP, 'environ', '--clearenv', '--cap-add', 'ALL', '--uid',
                                   '0'), '')

    def test_unsetenv(self):
        self.assertNotIn('hunter2', self.seen(BWRAP, 'environ', '--unsetenv', 'TOKEN'))

    def test_command_line(self):
        path = self.mkdir('a-secret-project')
        self.assertIn('a-secret', self.seen(ORACLE, 'cmdline', '--bind', path, '/m'))
        self.assertNotIn('a-secret', self.seen(BWRAP, 'cmdline', '--bind', path, '/m'))

    def test_command_line_with_all_capabilities(self):
        path = self.mkdir('a-secret-project')
        self.assertNotIn('a-secret', self.seen(BWRAP, 'cmdline', '--bind', path, '/m', '--cap-add',
                                               'ALL', '--uid', '0'))

    def test_word_of_setenv(self):
        self.assertIn('geheim', self.seen(ORACLE, 'cmdline', '--setenv', 'KEY', 'geheim'))
        self.assertNotIn('geheim', self.seen(BWRAP, 'cmdline', '--setenv', 'KEY', 'geheim'))


class Terminal(Differ):

    def setUp(self):
        super().setUp()
        try:
            with open('/proc/sys/dev/tty/legacy_tiocsti', encoding='ascii') as f:
                self.kernel_refuses = f.read() == '0\n'
        except FileNotFoundError:
            self.kernel_refuses = False

    def push(self, program, *options, **kw):
        """Errno of TIOCSTI, of TIOCSTI with a high bit, of TIOCLINUX; what is left to read."""
        r = self.pty([program, *DEVHOST, *options, PYTHON, '-Ic', PUSH], **kw)
        self.assertEqual(r.rc, 0, r)
        return [int(word) for word in r.out.split()], r.left

    def test_refused(self):
        errors, left = self.push(BWRAP)
        self.assertEqual(left, b'')
        self.assertNotIn(0, errors)
        self.assertEqual(len(set(errors)), 1, errors)

    def test_the_oracle_lets_them_through(self):
        if self.kernel_refuses:
            self.skipTest('the kernel refuses TIOCSTI itself')
        errors, left = self.push(ORACLE)
        self.assertEqual((errors[:2], left), ([0, 0], b'xx'))

    def test_refused_as_pid_1(self):
        self.assertEqual(self.push(BWRAP, '--unshare-pid', '--as-pid-1')[1], b'')

    def test_refused_with_all_capabilities(self):
        self.assertEqual(self.push(BWRAP, '--uid', '0', '--cap-add', 'ALL')[1], b'')

    def test_other_requests_work(self):
        r = self.pty([BWRAP, *DEVHOST, 'stty', 'size'])
        self.assertEqual((r.rc, r.out), (0, '24 80\r\n'))

    def test_filter_of_the_caller_decides(self):
        number = {'x86_64': 16}.get(os.uname().machine, 29)
        program = b''.join(struct.pack('HBBI', *words) for words in (
            (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | errno.EDOM),
            (0x06, 0, 0, 0x7fff0000)))
        fd = self.fd(program)
        errors, _ = self.push(BWRAP, '--add-seccomp-fd', fd, pass_fds=[fd])
        self.assertEqual(errors, [errno.EDOM] * 3)

    def test_seen_through_dev_tty_only(self):
        push = 'import fcntl\nfcntl.ioctl(open("/dev/tty"), %#x, b"x")' % TIOCSTI
        r = self.pty(['sh', '-c', '"$@" < /dev/null > /dev/null 2> /dev/null', 'sh', BWRAP,
                      *DEVHOST, PYTHON, '-Ic', push])
        self.assertEqual((r.rc, r.left), (1, b''))


class Numbers(Differ):

    def test_large_uid(self):
        self.assertRuns(self.side(BWRAP, (*HOST, '--uid', '4294967294', 'id', '-u')),
                        '4294967294\n')

    def test_large_gid(self):
        self.assertRuns(self.side(BWRAP, (*HOST, '--gid', '4294967294', 'id', '-g')),
                        '4294967294\n')

    def test_uid_beyond_int(self):
        self.assertRuns(self.side(BWRAP, (*HOST, '--uid', '2147483648', 'id', '-u')),
                        '2147483648\n')
        self.assertFails(self.side(ORACLE, (*HOST, '--uid', '2147483648', 'id', '-u')), 1,
                         'Invalid uid: 2147483648')

    def test_the_uid_that_means_none(self):
        self.fails('Invalid uid: 4294967295', '--uid', '4294967295', *HOST, 'true')

    def test_uid_beyond_32_bits(self):
        self.fails('Invalid uid: 4294967296', '--uid', '4294967296', *HOST, 'true')

    def test_gid_beyond_64_bits(self):
        self.fails('Invalid gid: 18446744073709551616', '--gid', '18446744073709551616', *HOST,
                   'true')

    def test_fd_beyond_32_bits(self):
        self.fails('Invalid fd: 4294967296', '--args', '4294967296', *HOST, 'true')


class CapabilityNames(Differ):

    def test_every_way_to_write_it(self):
        expected = self.side(ORACLE, (*HOST, '--cap-add', 'CAP_NET_ADMIN', *CAPS)).out
        for name in ('CAP_NET_ADMIN', 'cap_net_admin', 'NET_ADMIN', 'net_admin', 'Net_Admin'):
            with self.subTest(name):
                self.assertRuns(self.side(BWRAP, (*HOST, '--cap-add', name, *CAPS)), expected)

    def test_the_oracle_wants_the_prefix(self):
        self.assertFails(self.side(ORACLE, (*HOST, '--cap-add', 'net_admin', *CAPS)), 1,
                         'unknown cap: net_admin')

    def test_to_drop(self):
        expected = self.side(ORACLE, (*HOST, '--cap-add', 'ALL', '--cap-drop', 'CAP_KILL',
                                      *CAPS)).out
        self.assertRuns(self.side(BWRAP, (*HOST, '--cap-add', 'All', '--cap-drop', 'kill', *CAPS)),
                        expected)


class SameFdTwice(Differ):

    def twice(self, first, second):
        fd = self.fd('text')
        words = (*ROOT, first, fd, '/a', second, fd, '/b', 'cat', '/a')
        self.assertRuns(self.side(BWRAP, words, pass_fds=[fd]), 'text')
        os.lseek(fd, 0, os.SEEK_SET)
        self.assertRuns(self.side(BWRAP, (*words[:-1], '/b'), pass_fds=[fd]), 'text')

    def test_file(self):
        self.twice('--file', '--file')

    def test_the_oracle_refuses_it(self):
        fd = self.fd('text')
        self.assertFails(self.side(ORACLE, (*ROOT, '--file', fd, '/a', '--file', fd, '/b', 'true'),
                                   pass_fds=[fd]), 1, 'Bad file descriptor')

    def test_bind_data(self):
        self.twice('--ro-bind-data', '--ro-bind-data')

    def test_one_of_each(self):
        self.twice('--file', '--bind-data')

    def test_info_and_status(self):
        r, w = self.pipe()
        self.assertRuns(self.side(BWRAP, (*HOST, '--info-fd', w, '--json-status-fd', w, 'true'),
                                  pass_fds=[w]))
        self.close(w)
        with os.fdopen(os.dup(r), encoding='ascii') as f:
            self.assertRegex(f.read(), r'(?s)"child-pid".*"child-pid".*\{ "exit-code": 0 \}\n\Z')


class Joined(Differ):
    """What --userns and --pidns were given is not left open for the command."""

    def test_userns(self):
        holder = self.spawn(['unshare', '--user', '--map-root-user', 'sh', '-c',
                             'echo; exec sleep 60'])
        holder.stdout.readline()
        fd = os.open(f'/proc/{holder.pid}/ns/user', os.O_RDONLY)
        self.addCleanup(os.close, fd)
        ours, theirs = self.sides(*HOST, '--userns', fd, 'ls', f'/proc/self/fd/{fd}',
                                  pass_fds=[fd])
        self.assertEqual((ours.rc, theirs.rc), (2, 0))


class Arguments(Differ):
    """There is no limit to the number of words."""

    def test_in_a_list(self):
        mine, other = self.sides('--args', In(b'--share-net\0' * 20000), *HOST, 'true')
        self.assertEqual((mine.rc, other.rc), (0, 1))

    def test_on_the_command_line(self):
        mine, other = self.sides(*['--share-net'] * 9000, *HOST, 'true')
        self.assertEqual((mine.rc, other.rc), (0, 1))


class Launch(Differ):

    def test_sandbox_of_the_oracle_in_ours(self):
        inner = (ORACLE, *HOST, '--unshare-all', '--dev', '/dev', '--proc', '/proc', 'echo', 'in')
        self.assertRuns(self.side(BWRAP, (*HOST, *NEWPROC, '--dev', '/dev', *inner)), 'in\n')

    def test_ours_in_a_sandbox_of_the_oracle(self):
        inner = (BWRAP, *HOST, '--unshare-all', '--dev', '/dev', '--proc', '/proc', 'echo', 'in')
        self.assertRuns(self.side(ORACLE, (*HOST, *NEWPROC, '--dev', '/dev', *inner)), 'in\n')

    def test_a_bad_info_fd_leaves_no_process(self):
        p = self.spawn([BWRAP, *HOST, '--info-fd', '99', 'true'])
        self.assertEqual(p.wait(5), 1)
        self.assertTrue(self.wait_until(lambda: not self.descendants(os.getpid())))
        p = self.spawn([ORACLE, *HOST, '--info-fd', '99', 'true'])
        self.assertEqual(p.wait(5), 1)
        self.assertTrue(self.descendants(os.getpid()))

    def test_killed_by_a_signal_of_the_front_end(self):
        p = self.spawn([BWRAP, *HOST, '--die-with-parent', '--unshare-pid', 'sleep', '60'])
        self.assertTrue(self.wait_until(lambda: len(self.descendants(p.pid)) >= 2))
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(5), -signal.SIGTERM)


if __name__ == '__main__':
    main()
