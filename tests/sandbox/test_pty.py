#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--pty: what a user sees who sits at a terminal, played through a real one, or through tmux."""

import fcntl
import hashlib
import os
import re
import select
import signal
import struct
import termios
import time

from probe import HOST, HUSK, PATIENCE, PYTHON, SLOW, SMALL, ProbeCase, main, wait_until
from harness import first_process

HOST_TREE = ('--pty',)
OWN = (*SMALL, '--pty')
NO_PTS = (*HOST, '--pty')
SHELL = ['bash', '--norc', '--noprofile', '-i']
SIZE = 100_000_000
# prints that it is ready, then every signal that comes
SIGNALS = '''
import os, signal, time
def say(n, frame):
    os.write(1, b'got %d\\n' % n)
for n in (1, 2, 3, 15, 20, 28):
    signal.signal(n, say)
os.write(1, b'ready\\n')
while True:
    time.sleep(10)
'''


class Terminal:
    """A terminal with a program in it, and somebody who types and reads."""

    def __init__(self, case, argv, env=None, rows=24, columns=80):
        self.master, slave = os.openpty()
        self.resize(rows, columns)
        self.modes_before = self.modes()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.login_tty(slave)
                os.chdir(case.dir)
                os.execvpe(argv[0], argv, {**os.environ, 'PS1': 'prompt> ', **(env or {})})
            finally:
                os._exit(127)
        os.close(slave)
        self.out, self.status = b'', None
        os.set_blocking(self.master, False)
        case.addCleanup(self.end)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def modes(self):
        return termios.tcgetattr(self.master)

    def is_raw(self):
        return not self.modes()[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def send(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds):
        """Take what comes within so long; False at the end."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.out += data
        return bool(data)

    def expect(self, pattern, seconds=PATIENCE):
        """Read until the pattern is there; drop and return what is up to its end."""
        end = time.monotonic() + seconds * SLOW
        while True:
            match = re.search(pattern.encode(), self.out)
            if match:
                seen, self.out = self.out[:match.end()], self.out[match.end():]
                return seen.decode()
            if time.monotonic() > end or not self.read(0.1):
                raise AssertionError(f'no {pattern!r} in {self.out!r}')

    def wait(self, seconds=PATIENCE):
        """The status of the program, as subprocess has it; what it writes goes to out."""
        end = time.monotonic() + seconds * SLOW
        while self.status is None and time.monotonic() < end:
            open_ = self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif not open_:
                time.sleep(0.01)
        while self.read(0.02) and select.select([self.master], [], [], 0)[0]:
            pass
        return self.status

    def close(self):
        os.close(self.master)
        self.master = -1

    def end(self):
        if self.master >= 0:
            self.close()
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


class PtyCase(ProbeCase):
    def terminal(self, *args, **kw):
        """Husk as the only program of a terminal, and its session's leader."""
        return Terminal(self, [HUSK, *args], **kw)

    def shell(self):
        """An interactive shell at the prompt, that husk is a job of."""
        t = Terminal(self, SHELL)
        t.send('bind "set enable-bracketed-paste off"\n')
        t.expect('(?s)paste off.*prompt> ')
        return t


class Made(PtyCase):
    """The terminal is the sandbox's own, and like the caller's."""

    LOOK = 'tty; stty size; echo $(ps -o pid=,pgid=,sid=,tpgid= -p $$); ' \
           'stty -a | grep -c "kill = ^X"; :'

    def test_from_the_devpts_inside(self):
        t = self.terminal(*OWN, '--', 'sh', '-c', self.LOOK, rows=33, columns=77)
        self.assertEqual(t.wait(), 0)
        self.assertEqual(t.out.split(b'\r\n')[:3], [b'/dev/pts/0', b'33 77', b'2 2 1 2'])

    def test_from_the_hosts_devpts(self):
        t = self.terminal(*HOST_TREE, '--', 'sh', '-c', self.LOOK)
        self.assertEqual(t.wait(), 0)
        lines = t.out.decode().split('\r\n')
        self.assertRegex(lines[0], r'^/dev/pts/\d+$')
        pid, group, session, foreground = lines[2].split()
        self.assertEqual(pid, group)
        self.assertEqual(pid, foreground)
        self.assertNotEqual(pid, session)

    def test_output_that_cannot_be_written(self):
        r = self.run_cmd(['sh', '-c', f'{HUSK} --pty printf x >/dev/full'])
        self.assertFails(r, 125, '--pty: .*No space left on device')

    def test_private_without_a_devpts(self):
        t = self.terminal(*NO_PTS, '--', 'sh', '-c',
                          'tty; stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo yes')
        self.assertEqual(t.wait(), 0)
        self.assertEqual(t.out.split(b'\r\n')[:3], [b'not a tty', b'24 80', b'yes'])

    def test_in_every_kind_of_root(self):
        empty = ('--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink',
                 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64', '--pty')
        for args in (empty, (*empty, '--map-current-user'), (*empty, '--dev', '/dev'),
                     ('--pty', '--map-current-user'), (*HOST, '--dev-bind', '/dev', '/dev',
                                                       '--pty'),
                     (*OWN, '--uid', '7', '--gid', '7'), (*OWN, '--cap-drop', 'ALL'),
                     (*OWN, '--new-session'), ('--pty', '--unshare-pid')):
            with self.subTest(args):
                t = self.terminal(*args, '--', 'sh', '-c', 'stty size && exit 4')
                self.assertEqual(t.wait(), 4, t.out)
                self.assertIn(b'24 80', t.out)

    def test_modes_of_the_callers(self):
        t = Terminal(self, ['sh', '-c', 'stty kill ^X; exec "$@"', 'sh', HUSK, '--pty', '--', 'sh',
                            '-c', self.LOOK])
        self.assertEqual(t.wait(), 0)
        self.assertEqual(t.out.split(b'\r\n')[3], b'1')

    def test_all_three_descriptors_and_no_other(self):
        t = self.terminal(*OWN, '--', PYTHON, '-Ic',
                          'import os\nfor fd in (0, 1, 2): print(os.ttyname(fd))\n'
                          'print(sorted(os.listdir("/proc/self/fd")))')
        self.assertEqual(t.wait(), 0)
        self.assertEqual(t.out.split(b'\r\n')[:4],
                         [b'/dev/pts/0'] * 3 + [b"['0', '1', '2', '3']"])

    def test_nothing_leads_to_the_callers_terminal(self):
        """Neither /dev/console nor /dev/tty, nor a descriptor of the init."""
        t = self.terminal(*OWN, '--', 'sh', '-c',
                          'ls /dev/console; echo typed >/dev/tty; ls -l /proc/1/fd; stty -echo '
                          '</dev/tty; exit 0')
        self.assertEqual(t.wait(), 0)
        self.assertIn(b'No such file', t.out)
        self.assertIn(b'typed', t.out)
        self.assertNotIn(b'/dev/pts/1', t.out)
        self.assertEqual(t.modes(), t.modes_before)

    def test_as_pid_1(self):
        t = self.terminal(*OWN, '--as-pid-1', '--', 'sh', '-c', self.LOOK + '; exit 6')
        self.assertEqual(t.wait(), 6)
        self.assertEqual(t.out.split(b'\r\n')[:3], [b'/dev/pts/0', b'24 80', b'1 1 1 1'])

    def test_bwrap_does_not_know_it(self):
        self.assertFails(self.bwrap(*HOST, '--pty', 'true'), 1, 'Unknown option --pty')

    def test_explained(self):
        self.assertIn('on a terminal of its own', self.husk('--explain', *OWN, 'true').out)

    def test_nested(self):
        """Three deep, each in the other's terminal, a size from the outermost."""
        t = self.terminal(*OWN, '--', HUSK, *OWN, '--', HUSK, *OWN, '--', 'sh', '-c',
                          'tty; stty size; echo ready; read x; echo "[$x]"; exit 9')
        t.expect('/dev/pts/0\r\n24 80\r\nready')
        t.send('hello\n')
        t.expect('\\[hello\\]')
        self.assertEqual(t.wait(), 9)


class Typed(PtyCase):
    """What is typed acts inside."""

    def signals(self, *args):
        t = self.terminal(*args, '--', PYTHON, '-IS', '-c', SIGNALS)
        t.expect('ready')
        self.assertTrue(wait_until(t.is_raw))
        return t

    def test_interrupt_comes_once(self):
        for args in (OWN, HOST_TREE, NO_PTS):
            t = self.signals(*args)
            t.send('\x03')
            t.expect('got 2\r\n')
            t.send('\x1c')
            self.assertNotIn('got 2', t.expect('got 3\r\n'))

    def test_interrupt_ends_husk_by_its_signal(self):
        for args in (OWN, HOST_TREE):
            t = self.terminal(*args, '--', 'sh', '-c', 'echo ready; exec sleep 30')
            t.expect('ready')
            t.send('\x03')
            self.assertEqual(t.wait(), -signal.SIGINT)
            self.assertEqual(t.modes(), t.modes_before)

    def test_interrupt_in_raw_mode_is_a_byte(self):
        t = self.terminal(*OWN, '--', 'sh', '-c',
                          'stty raw -echo; echo ready; dd bs=1 count=1 2>&- | od -An -tx1')
        t.expect('ready')
        t.send('\x03')
        t.expect(' 03')
        self.assertEqual(t.wait(), 0)

    def test_end_of_file(self):
        t = self.terminal(*OWN, '--', 'sh', '-c', 'echo ready; cat; echo over')
        # the kernel writes the end of a line by itself, and what is typed may come before it
        t.expect('ready\r\n')
        t.send('text\n\x04')
        t.expect('text\r\ntext\r\nover')

    def test_echo_off(self):
        """As a prompt for a password has it."""
        t = self.terminal(*OWN, '--', 'bash', '-c', 'read -rsp "Password: " x; echo "<$x>"')
        t.expect('Password: ')
        t.send('secret\n')
        self.assertEqual(t.expect('<secret>'), '<secret>')

    def test_resize(self):
        for args in (OWN, HOST_TREE):
            t = self.terminal(*args, '--', 'sh', '-c',
                              'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done')
            t.expect('ready')
            t.resize(51, 132)
            t.expect('51 132')
            self.assertEqual(t.out.count(b'132'), 0)

    def test_resize_of_a_nested_one(self):
        t = self.terminal(*OWN, '--', HUSK, *OWN, '--', 'sh', '-c',
                          'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done')
        t.expect('ready')
        t.resize(50, 131)
        t.expect('50 131')

    def test_signals_sent_to_the_launcher(self):
        t = self.signals(*OWN)
        for number in (1, 2, 3, 15, 28):
            os.kill(t.pid, number)
            t.expect(f'got {number}\r\n')

    def test_interrupt_of_a_terminal_that_is_not_typed_at(self):
        """Standard input is a pipe: the terminal sends the signal to the launcher."""
        t = self.shell()
        path = self.write('signals.py', SIGNALS)
        t.send(f'sleep 30 | {HUSK} {" ".join(OWN)} -- {PYTHON} -IS {path}\n')
        t.expect('ready')
        t.send('\x1c')
        t.expect('got 3\r+\n')
        t.send('\x1a')
        t.expect('got 20\r+\n')


class Jobs(PtyCase):
    """Stopping and continuing, by the shell outside and the one inside."""

    READ = f'{HUSK} {" ".join(OWN)} -- sh -c "echo ready; read x; echo got \\$x; exit 5"\n'

    def stopped(self, t):
        """At the shell's prompt again, with the terminal as the shell wants it."""
        t.expect('Stopped')
        t.expect('prompt> ')
        t.send('stty -a\n')
        t.expect(' icanon ')
        t.expect(' echo ')
        t.expect('prompt> ')

    def foreground(self, t):
        """Not before: what is typed earlier takes the stop back, or is the shell's."""
        t.send('fg\n')
        t.expect('fg\r\n.*husk')
        self.assertTrue(wait_until(t.is_raw))
        self.assertTrue(wait_until(lambda: all(self.state(p) != 'T'
                                               for p in self.descendants(t.pid))))

    @staticmethod
    def in_foreground(pid):
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as f:
            fields = f.read().rpartition(') ')[2].split()
        return fields[2] == fields[5]

    @staticmethod
    def state(pid):
        try:
            with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as f:
                return f.read().rpartition(') ')[2][0]
        except OSError:
            return ''

    def test_stop_and_foreground(self):
        for line in (self.READ, self.READ.replace(' '.join(OWN), '--pty')):
            t = self.shell()
            t.send(line)
            t.expect('\nready')
            for _ in range(3):
                t.send('\x1a')
                self.stopped(t)
                self.foreground(t)
            t.send('some text\n')
            t.expect('got some text')
            t.expect('prompt> ')
            t.send('echo status $?\n')
            t.expect('status 5')

    def test_everything_inside_is_stopped(self):
        """A child of the command too, and it goes on."""
        t = self.shell()
        t.send(f'{HUSK} {" ".join(OWN)} -- bash -c "while :; do echo tick; sleep 0.1; done"\n')
        t.expect('tick\r\ntick')
        t.send('\x1a')
        self.stopped(t)
        t.out = b''
        t.read(0.3)
        t.read(0.3)
        self.assertNotIn(b'tick', t.out)
        t.send('fg\n')
        t.expect('tick\r\ntick')
        t.send('\x03')
        t.expect('prompt> ')

    def test_background(self):
        t = self.shell()
        fifo = self.path('fifo')
        os.mkfifo(fifo)
        t.send(f'{HUSK} {" ".join(OWN)} -- bash -c "echo ready; read x <{fifo}; echo la\'\'ter; '
               'exit 3"\n')
        t.expect('\nready')
        t.send('\x1a')
        self.stopped(t)
        t.send('bg\n')
        with open(fifo, 'w', encoding='ascii') as f:
            f.write('\n')
        t.expect('later')
        t.send('wait %1; echo status $?\n')
        t.expect('status 3')
        t.send('stty -a\n')
        t.expect(' icanon ')

    def test_begun_in_the_background(self):
        """It does not touch the terminal until it is brought to the foreground."""
        t = self.shell()
        t.send(self.READ[:-1] + ' &\n')
        t.expect('(\n|> )ready')
        t.send('echo still he""re; stty -a\n')
        t.expect('still here')
        t.expect(' icanon ')
        self.foreground(t)
        t.send('some text\n')
        self.assertIn('some text', t.expect('got some text'))

    def test_ends_in_the_background(self):
        t = self.shell()
        t.send(f'{HUSK} {" ".join(OWN)} -- sh -c "stty size; exit 3" & wait $!; echo status $?\n')
        t.expect('24 80')
        t.expect('status 3')

    def test_resized_while_stopped(self):
        t = self.shell()
        t.send(f'{HUSK} {" ".join(OWN)} -- sh -c "echo ready; read x; stty size"\n')
        t.expect('\nready')
        t.send('\x1a')
        self.stopped(t)
        t.resize(44, 99)
        self.foreground(t)
        t.send('\n')
        t.expect('44 99')

    def test_a_stop_sent_to_the_command(self):
        t = self.shell()
        t.send(f'{HUSK} {" ".join(OWN)} -- sh -c "kill -STOP \\$\\$; echo on again"\n')
        self.stopped(t)
        t.send('fg\n')
        t.expect('on again')

    def test_a_stop_sent_to_the_launcher(self):
        t = self.shell()
        t.send(self.READ)
        t.expect('\nready')
        [launcher] = [p for p in self.descendants(t.pid) if self.name(p) == 'husk'][:1]
        os.kill(launcher, signal.SIGTSTP)
        self.stopped(t)
        self.foreground(t)
        os.kill(launcher, signal.SIGSTOP)
        t.expect('Stopped')
        self.foreground(t)
        t.send('text\n')
        t.expect('got text')

    @staticmethod
    def name(pid):
        try:
            with open(f'/proc/{pid}/comm', encoding='ascii') as f:
                return f.read().strip()
        except OSError:
            return ''

    def test_nobody_would_continue_it(self):
        """As the leader of its session husk cannot stop: the command goes on at once."""
        t = self.terminal(*OWN, '--', 'sh', '-c', 'echo ready; read x; echo got $x')
        t.expect('ready')
        t.send('\x1a')
        t.expect(r'\^Z')
        t.send('text\n')
        t.expect('got text')
        self.assertEqual(t.wait(), 0)

    def test_pipeline_stops_as_one(self):
        t = self.shell()
        t.send(self.READ[:-1] + ' | cat\n')
        t.expect('\nready')
        t.send('\x1a')
        self.stopped(t)
        self.foreground(t)
        t.send('text\n')
        t.expect('got text')

    def test_shell_inside(self):
        for args in (OWN, HOST_TREE):
            t = self.terminal(*args, '--', *SHELL)
            self.assertNotIn('no job control', t.expect('prompt> '))
            t.send('sleep 100 &\n')
            t.expect('\\[1\\] \\d+')
            t.send('jobs\n')
            t.expect('Running +sleep 100')
            t.send('fg\n')
            t.expect('fg\r\nsleep 100')
            self.assertTrue(wait_until(lambda: any(self.in_foreground(p)
                                                   for p in self.descendants(t.pid)
                                                   if self.name(p) == 'sleep')))
            t.send('\x1a')
            t.expect('Stopped +sleep 100')
            t.send('bg; kill %1; wait; echo ki""lled\n')
            t.expect('killed')
            t.send('exit 8\n')
            self.assertEqual(t.wait(), 8)
            self.assertEqual(t.modes(), t.modes_before)

    def test_shell_inside_suspends_itself(self):
        t = self.shell()
        t.send(f'{HUSK} {" ".join(OWN)} -- bash --norc --noprofile -i\n')
        self.assertTrue(wait_until(t.is_raw))
        t.expect('prompt> ')
        t.send('echo in""ner; suspend\n')
        t.expect('inner')
        self.stopped(t)
        t.send('fg\n')
        t.expect('prompt> ')
        t.send('tty; exit 7\n')
        t.expect('/dev/pts/0')
        t.expect('prompt> ')
        t.send('echo status $?\n')
        t.expect('status 7')

    def test_nested_stop(self):
        t = self.shell()
        t.send(f'{HUSK} {" ".join(OWN)} -- ' + self.READ)
        t.expect('\nready')
        for _ in range(2):
            t.send('\x1a')
            self.stopped(t)
            self.foreground(t)
        t.send('text\n')
        t.expect('got text')


class Restored(PtyCase):
    """The caller's terminal has its modes back, however it ends."""

    def running(self, *args, command=('sh', '-c', 'echo ready; exec sleep 30')):
        t = self.terminal(*(args or OWN), '--', *command)
        t.expect('ready')
        self.assertTrue(wait_until(t.is_raw))
        return t

    def back(self, t, status):
        self.assertEqual(t.wait(), status)
        self.assertEqual(t.modes(), t.modes_before)

    def test_after_the_end(self):
        t = self.running(command=('sh', '-c', 'stty raw -echo; echo ready; read x; exit 3'))
        t.send('\n')
        self.back(t, 3)

    def test_after_a_signal_of_the_command(self):
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT):
            t = self.running(command=('sh', '-c', f'echo ready; read x; kill -{int(number)} $$'))
            t.send('\n')
            self.back(t, -number)

    def test_after_a_signal_to_the_launcher(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT,
                       signal.SIGUSR1, signal.SIGALRM, signal.SIGRTMIN + 3):
            with self.subTest(number):
                t = self.running()
                os.kill(t.pid, number)
                self.back(t, -number)

    def test_after_a_fault_of_the_launcher(self):
        for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE,
                       signal.SIGABRT, signal.SIGSYS, signal.SIGTRAP, signal.SIGXCPU):
            with self.subTest(number):
                t = self.running()
                before = set(self.descendants(t.pid))
                os.kill(t.pid, number)
                self.back(t, -number)
                self.assertTrue(wait_until(lambda: not any(map(self.alive, before))))

    def test_after_a_failed_launch(self):
        t = self.terminal(*OWN, '--', '/no/such/program')
        self.assertEqual(t.wait(), 127)
        self.assertIn(b'No such file or directory\r\n', t.out)
        self.assertEqual(t.modes(), t.modes_before)

    def test_after_the_inits_end(self):
        t = self.running()
        os.kill(first_process(t.pid), signal.SIGKILL)
        self.assertEqual(t.wait(), 125)
        self.assertEqual(t.modes(), t.modes_before)

    def test_hang_up_ends_the_sandbox(self):
        """Of a session's leader, and of a job of a shell."""
        for args in (OWN, HOST_TREE):
            t = self.running(*args)
            self.assertTrue(wait_until(lambda t=t: len(self.descendants(t.pid)) == 2))
            inside = self.descendants(t.pid)
            t.close()
            self.assertTrue(wait_until(lambda: not any(map(self.alive, inside))))
        t = self.shell()
        t.send(f'{HUSK} {" ".join(OWN)} -- sh -c "echo ready; exec sleep 30"\n')
        t.expect('\nready')
        inside = self.descendants(t.pid)
        t.close()
        self.assertTrue(wait_until(lambda: not any(map(self.alive, inside))))

    def test_hang_up_ends_what_is_stopped(self):
        """The command, with its launcher, or only a child that it waits for."""
        for args in (OWN, HOST_TREE):
            t = self.shell()
            t.send(f'{HUSK} {" ".join(args)} -- sh -c "echo ready; read x"\n')
            t.expect('\nready')
            inside = self.descendants(t.pid)
            t.send('\x1a')
            t.expect('Stopped')
            t.close()
            self.assertTrue(wait_until(lambda: not any(map(self.alive, inside))))
            t = self.running(*args, command=('bash', '-c', 'trap "" HUP; (trap - HUP; echo ready; '
                                             'kill -STOP $BASHPID); exit 3'))
            inside = self.descendants(t.pid)
            t.close()
            self.assertTrue(wait_until(lambda: not any(map(self.alive, inside))))

    def test_hang_up_reaches_the_command(self):
        mark = self.path('mark')
        t = self.running(*OWN, '--bind', self.dir, self.dir, command=(
            'sh', '-c', f'trap "echo HUP >{mark}; exit" HUP; echo ready; while :; do sleep 0.05; '
            'done'))
        t.close()
        self.assertTrue(wait_until(lambda: os.path.exists(mark)))


class Bytes(PtyCase):
    """Nothing is lost, and nothing waits for ever."""

    time_limit = 150

    # SIZE bytes of lines that are all different, as fast as can be
    WRITE = '''
import hashlib, os, sys
size, h = int(sys.argv[1]), hashlib.sha256()
block = b''.join(b'%015d\\n' % i for i in range(4096))
while size > 0:
    data = block[:size]
    h.update(data)
    while data:
        data = data[os.write(1, data):]
    size -= len(block)
print(h.hexdigest())
'''

    def sum_of(self, f, slow=0):
        """The hash of all but the last line, which must be the same."""
        h, last = hashlib.sha256(), b''
        while True:
            data = f.read(65536)
            if not data:
                break
            data = last + data
            h.update(data[:-65])
            last = data[-65:]
            if slow:
                time.sleep(slow)
        return h.hexdigest(), last.strip().decode()

    def relay(self, size, *args, slow=0, raw='stty -opost; '):
        p = self.spawn([HUSK, *args, '--', 'sh', '-c', raw + 'exec "$@"', 'sh', PYTHON, '-IS',
                        '-c', self.WRITE, str(size)])
        got, want = self.sum_of(p.stdout, slow)
        self.assertEqual(got, want)
        self.assertEqual(p.wait(10), 0)

    def test_many(self):
        self.relay(SIZE, *OWN)

    def test_slow_reader(self):
        self.relay(3_000_000, *OWN, slow=0.02)

    def test_last_bytes(self):
        """A command that writes and ends at once, many times."""
        for i in range(60):
            size = 997 * i
            r = self.husk(*(OWN, HOST_TREE)[i % 2], '--', PYTHON, '-IS', '-c',
                          f'import os; os.write(1, b"x" * {size} + b".")')
            self.assertRuns(r, 'x' * size + '.')

    def test_child_in_the_background_still_writes(self):
        """What was written before the command's end arrives whole."""
        fifo = self.path('fifo')
        os.mkfifo(fifo)
        for args in (OWN, HOST_TREE):
            script = f'exec 3<>{fifo}; (i=0; while :; do echo $i; i=$((i + 1)); ' \
                     '[ $i != 20 ] || echo >&3; done) & read x <&3; echo the command ends'
            r = self.husk(*args, '--', 'sh', '-c', script)
            self.assertRuns(r)
            lines = r.out.split('\r\n')
            self.assertIn('the command ends', lines)
            numbers = [int(line) for line in lines[:-1] if line.isdigit()]
            self.assertEqual(numbers, list(range(len(numbers))))
            self.assertGreater(len(numbers), 10)

    def test_orphans_that_are_waited_for(self):
        r = self.husk(*OWN, '--wait-all', '--', 'sh', '-c',
                      'trap "" HUP; (while kill -0 $$ 2>&-; do sleep 0.01; done; seq 20000) & '
                      'echo the command ends')
        want = ''.join(f'{i}\r\n' for i in range(1, 20001))
        self.assertRuns(r, 'the command ends\r\n' + want)

    def test_reader_that_is_gone(self):
        """Its terminal is hung up, as if the window were closed."""
        r = self.run_cmd(['sh', '-c', f'{HUSK} {" ".join(OWN)} -- yes | head -n 1'])
        self.assertRuns(r, 'y\r\n')

    def test_reader_that_is_gone_is_told(self):
        """Of a command that does not care as well."""
        command = "trap '' HUP; seq 100000; exit 0"
        p = self.spawn([HUSK, *OWN, '--', 'sh', '-c', command])
        p.stdout.close()
        self.assertEqual(p.wait(20), -signal.SIGPIPE)

    def test_reader_that_is_gone_and_its_signal_ignored(self):
        command = "trap '' HUP; seq 100000; exit 0"
        p = self.spawn([HUSK, *OWN, '--', 'sh', '-c', command],
                       restore_signals=False)
        p.stdout.close()
        self.assertEqual(p.wait(20), 125)
        self.assertIn(b"can't write the output: Broken pipe", p.stderr.read())
        p.stderr.close()

    def test_reader_that_never_reads(self):
        """The launcher still gets its signals."""
        p = self.spawn([HUSK, *OWN, '--', 'yes'])
        time.sleep(0.5)
        p.terminate()
        self.assertTrue(wait_until(lambda: not self.descendants(p.pid)))

        def told():
            """Again and again: one that comes before the launcher knows of the end is passed on."""
            p.terminate()
            return p.poll() is not None
        self.assertTrue(wait_until(told))
        self.assertEqual(p.wait(10), -signal.SIGTERM)

    def test_reader_that_never_reads_and_a_user(self):
        """The command has ended, and its output waits: the terminal is its user's again."""
        t = self.shell()
        # 115 KB: more than a pipe and a terminal hold, less than the launcher does alone
        t.send(f'{HUSK} {" ".join(OWN)} -- seq 18000 | sleep 100\n')
        self.assertTrue(wait_until(t.is_raw))
        self.assertTrue(wait_until(lambda: not t.is_raw()))
        t.send('\x03')
        t.expect('\\^C\r*\n')
        t.expect('prompt> ')

    def test_input_of_a_pipe(self):
        for args in (OWN, HOST_TREE, NO_PTS):
            self.assertRuns(self.husk(*args, '--', 'cat', input='one\ntwo\n'), 'one\r\ntwo\r\n')

    def test_input_without_a_last_newline(self):
        self.assertRuns(self.husk(*OWN, '--', 'cat', input='one'), 'one')

    def test_input_that_is_long(self):
        lines = ''.join(f'{i:070}\n' for i in range(20000))
        r = self.husk(*OWN, '--', 'cat', input=lines)
        self.assertRuns(r, lines.replace('\n', '\r\n'))

    def test_input_of_a_file(self):
        with open(self.write('file', 'text\n'), 'rb') as f:
            p = self.spawn([HUSK, *OWN, '--', 'cat'], stdin=f)
            self.assertEqual(p.stdout.read(), b'text\r\n')

    def test_input_ends_for_everyone(self):
        """Whoever reads after the end sees the end as well."""
        r = self.husk(*OWN, '--', 'sh', '-c', 'cat; cat; sleep 0.3; cat; echo over', input='x\n')
        self.assertRuns(r, 'x\r\nover\r\n')

    def test_no_input(self):
        self.assertRuns(self.husk(*OWN, '--', 'sh', '-c', 'cat; echo over'), 'over\r\n')

    def test_shell_that_reads_a_pipe(self):
        r = self.husk(*OWN, '--', *SHELL, input='echo o""ne; tty\n')
        self.assertIn('one\r\n', r.out)
        self.assertIn('/dev/pts/0\r\n', r.out)
        self.assertRuns(r)

    def test_output_of_a_closed_descriptor(self):
        r = self.run_cmd(['sh', '-c', f'{HUSK} {" ".join(OWN)} -- sh -c "[ -t 0 ]; echo $?" '
                          '<&- 2>&-'])
        self.assertRuns(r, '0\r\n')

    def test_output_to_a_file_and_a_socket(self):
        with open(self.path('out'), 'wb') as f:
            p = self.spawn([HUSK, *OWN, '--', 'seq', '20000'], stdout=f)
            self.assertEqual(p.wait(20), 0)
        want = ''.join(f'{i}\r\n' for i in range(1, 20001)).encode()
        with open(self.path('out'), 'rb') as f:
            self.assertEqual(f.read(), want)
        script = 'import socket, subprocess, sys\na, b = socket.socketpair()\n' \
                 'p = subprocess.Popen(sys.argv[1:], stdin=b, stdout=b)\nb.close()\n' \
                 'a.send(b"text\\n")\na.shutdown(socket.SHUT_WR)\n' \
                 'print(b"".join(iter(lambda: a.recv(65536), b"")))'
        r = self.run_cmd([PYTHON, '-c', script, HUSK, *OWN, '--', 'cat'])
        self.assertRuns(r, "b'text\\r\\n'\n")

    def test_status(self):
        for args in (OWN, HOST_TREE):
            self.assertEqual(self.husk(*args, '--', 'sh', '-c', 'exit 42').rc, 42)
            self.assertEqual(self.husk(*args, '--', 'sh', '-c', 'kill -9 $$').rc, -9)
            self.assertFails(self.husk(*args, '--', '/no/such'), 127, 'No such file')


class FullScreen(PtyCase):
    """Real programs, in tmux."""

    def tmux(self, *words):
        r = self.run_cmd(['tmux', '-S', self.path('socket'), '-f', '/dev/null', *words])
        self.assertRuns(r)
        return r.out

    def start(self, *command):
        self.need('tmux', command[0])
        words = [HUSK, *OWN, '--bind', self.dir, self.dir, '--', *command]
        self.tmux('new-session', '-d', '-x', '80', '-y', '24',
                  ' '.join(f"'{w}'" for w in words) + '; echo status $?; sleep 30')
        self.addCleanup(self.run_cmd, ['tmux', '-S', self.path('socket'), 'kill-server'])

    def keys(self, *keys):
        self.tmux('send-keys', *keys)

    def screen(self, pattern):
        """Wait until the pattern is on the screen."""
        def look():
            self.shown = self.tmux('capture-pane', '-p')
            return re.search(pattern, self.shown)
        self.assertTrue(wait_until(look), self.shown)

    def test_vim_edits_and_saves(self):
        path = self.write('file', 'old\n')
        self.start('vim', '-u', 'NONE', '-N', path)
        self.screen('old')
        self.keys('i', 'new text ', 'Escape', ':wq', 'Enter')
        self.screen('status 0')
        with open(path, encoding='ascii') as f:
            self.assertEqual(f.read(), 'new text old\n')

    def test_vim_follows_the_window(self):
        self.start('vim', '-u', 'NONE', '-N')
        self.screen('~')
        self.tmux('resize-window', '-x', '61', '-y', '17')

        def look():
            self.keys(':echo &columns &lines', 'Enter')
            return '61 17' in self.tmux('capture-pane', '-p')
        self.assertTrue(wait_until(look))
        self.keys(':q', 'Enter')
        self.screen('status 0')

    def test_less_pages(self):
        path = self.write('file', ''.join(f'line {i}\n' for i in range(1, 1001)))
        self.start('less', path)
        self.screen('line 23')
        self.keys('Space')
        self.screen('line 46\n:')
        self.assertNotIn('line 23\n', self.shown)
        self.keys('G')
        self.screen('line 1000')
        self.keys('q')
        self.screen('status 0')


if __name__ == '__main__':
    main()
