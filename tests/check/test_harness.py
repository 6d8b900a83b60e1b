#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test harness keeps its own promises: who runs, what is left, what a terminal gives."""

import os
import sys
import time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import BASE, PYTHON, Case, descendants, main, remove_tree, wait_gone  # noqa: E402


class Running(Case):
    """Commands, their output, their end."""

    def test_ordinary_user(self):
        self.assertNotEqual(os.geteuid(), 0)
        self.assertNotIn('root', self.run_cmd(['id']).out)

    def test_much_input_and_output(self):
        r = self.run_cmd(['sh', '-c', 'cat; exit 3'], input='x' * 300000)
        self.assertEqual((r.rc, len(r.out), r.err), (3, 300000, ''))

    def test_input_that_nobody_reads(self):
        self.assertRuns(self.run_cmd(['true'], input='x' * 300000))

    def test_signal(self):
        self.assertEqual(self.run_cmd(['sh', '-c', 'kill -TERM $$']).rc, -15)

    def test_timeout_ends_descendants(self):
        for seconds in (0.5, 5, 30):
            r = self.run_cmd(['sh', '-c', 'setsid sleep 41 & echo $!; wait'], timeout=seconds)
            if r.out:
                break  # it has had the time to begin
        # the shell may be killed, or end by itself when its child has been
        self.assertTrue(r.timed_out)
        self.assertTrue(wait_gone(int(r.out)))

    def test_orphans_are_not_waited_for(self):
        start = time.monotonic()
        self.assertRuns(self.run_cmd(['sh', '-c', 'setsid sleep 100 & echo x']), 'x\n')
        self.assertLess(time.monotonic() - start, 50)
        self.assertEqual(len(descendants(os.getpid())), 1)

    def test_spawn(self):
        p = self.spawn(['sh', '-c', 'sleep 43 & echo $!; wait'])
        child = int(p.stdout.readline())
        self.assertEqual(descendants(p.pid), [child])
        self.assertFalse(wait_gone(child, 0.05))
        os.kill(child, 9)
        self.assertTrue(wait_gone(child))

    def test_fd_is_at_its_start(self):
        fd = self.fd('words')
        self.assertRuns(self.run_cmd(['cat', f'/dev/fd/{fd}'], pass_fds=[fd]), 'words')

    def test_fds_are_not_passed_unasked(self):
        fd = self.fd('words')
        self.assertFails(self.run_cmd(['sh', '-c', f'cat <&{fd}']))


class Hanging(Case):
    """A test that waits for ever fails."""

    time_limit = 3

    def test_limit(self):
        reader, _ = self.pipe()
        with self.assertRaisesRegex(AssertionError, 'more than 3 s'):
            os.read(reader, 1)


class Terminal(Case):
    """A controlling terminal with a foreground job."""

    def test_input_and_rest(self):
        r = self.pty(['sh', '-c', 'tty; read x; echo got $x; exit 4'], input=b'abc\nrest')
        self.assertEqual((r.rc, r.left), (4, b'rest'), r)
        # where the echo of the input falls is a matter of time
        self.assertRegex(r.out, r'/dev/pts/\d+')
        self.assertIn('got abc\r\n', r.out)

    def test_pushed_back_input(self):
        push = 'import fcntl, termios\nfor c in b"id": fcntl.ioctl(0, termios.TIOCSTI, bytes([c]))'
        r = self.pty([PYTHON, '-c', push])
        if 'Errno 5' in r.out:
            self.skipTest('this kernel refuses TIOCSTI')
        self.assertEqual((r.rc, r.left), (0, b'id'), r)

    def test_interrupt(self):
        script = 'trap "exit 9" INT; echo rea""dy; read x; exit 1'
        self.assertEqual(self.pty(['sh', '-c', script], expect=[('ready', '\x03')]).rc, 9)

    def test_timeout(self):
        r = self.pty(['sleep', '44'], timeout=0.3)
        self.assertEqual((r.rc, r.timed_out), (-9, True))


class Files(Case):
    """Trees and mount tables."""

    def test_tree(self):
        self.write('a/f', 'x')
        os.symlink('f', self.path('a/l'))
        os.mkfifo(self.path('p'))
        os.chmod(self.mkdir('a/b'), 0)
        before = self.tree(self.dir)
        self.assertEqual(list(before), ['.', 'a', 'a/b', 'a/f', 'a/l', 'p'])
        self.assertEqual(before['a/b'], ('dir', '0o0', 'unreadable'))
        self.assertEqual(before['a/l'], ('link', '0o777', 'f'))
        self.write('a/f', 'y')
        after = self.tree(self.dir)
        self.assertEqual([n for n in before if before[n] != after[n]], ['a/f'])

    def test_remove_tree(self):
        self.write('d/e/f')
        os.chmod(self.path('d/e'), 0)
        remove_tree(self.path('d'))
        self.assertEqual(os.listdir(self.dir), [])

    def test_remove_what_subordinate_ids_own(self):
        r = self.run_cmd(['unshare', '--map-auto', '--map-root-user', 'sh', '-c',
                          'mkdir d; touch d/f; chown -R 5:5 d; chmod 0 d'])
        self.assertRuns(r)
        remove_tree(self.path('d'))
        self.assertEqual(os.listdir(self.dir), [])

    def test_directory_is_of_this_run(self):
        self.assertTrue(self.dir.startswith(os.path.join(BASE, 'tests') + '/'))
        self.assertEqual(os.stat(self.dir).st_mode & 0o7777, 0o755)

    def test_mounts(self):
        argv = self.private_mounts(['cat', '/proc/self/mountinfo'],
                                   setup='mount -t tmpfs "a b" /mnt', propagation='shared')
        r = self.run_cmd(argv)
        self.assertRuns(r)
        (mount,) = [m for m in self.mounts(r.out) if m.point == '/mnt']
        self.assertEqual((mount.fstype, mount.source, mount.propagation),
                         ('tmpfs', 'a b', ('shared',)))
        self.assertIn('rw', mount.opts)
        self.assertNotIn('/mnt', [m.point for m in self.mounts() if m.source == 'a b'])
        self.assertEqual(self.normal_mounts(r.out), self.normal_mounts(self.run_cmd(argv).out))


if __name__ == '__main__':
    main(needs_husk=False)
