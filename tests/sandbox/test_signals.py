#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signals: what is passed on, how often, what a caller's ignored and blocked ones become, and jobs
of an interactive shell."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from probe import BWRAP, HOST, HUSK, PATIENCE, SLOW, SMALL, USR, ProbeCase, main, wait_until

IN_PLACE = (*HOST, '--dev', '/dev')
KINDS = {'host tree': (), 'in place': IN_PLACE, 'pid namespace': SMALL}
KEPT = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGILL, signal.SIGTRAP,
        signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGSYS,
        signal.SIGPIPE, signal.SIGXCPU, signal.SIGXFSZ}
FORWARDED = [n for n in range(1, 65) if n not in KEPT]

# prints every signal that it gets; TERM ends it
LISTEN = '''
#include <stdint.h>
#include <stdio.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    uint64_t all = ~UINT64_C(0);
    struct signalfd_siginfo info;
    int fd;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
    fd = syscall(SYS_signalfd4, -1, &all, 8, 0);
    dprintf(1, "ready\\n");
    while (read(fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGCHLD)
            dprintf(1, "%u\\n", info.ssi_signo);
        if (info.ssi_signo == SIGTERM)
            return 3;
    }
}
'''

# with ignore|block NUMBER|all PROGRAM...: by system calls, since the C library spares some
WITH = '''
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct { void (*handler)(int); unsigned long flags; void *restorer; uint64_t mask; } ignore =
        { SIG_IGN, 0, NULL, 0 };
    uint64_t set = 0;
    int all = strcmp(argv[2], "all") == 0;
    for (int n = 1; n < 65; n++) {
        if (!all && n != atoi(argv[2]))
            continue;
        set |= UINT64_C(1) << (n - 1);
        if (strcmp(argv[1], "ignore") == 0)
            syscall(SYS_rt_sigaction, n, &ignore, NULL, 8);
    }
    if (strcmp(argv[1], "block") == 0)
        syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
    execv(argv[3], argv + 3);
    return 99;
}
'''

# says so when it has been continued; it forks nothing, as a child that is stopped before its execve
# holds up a parent that waits by vfork(2)
SITTER = '''
#include <signal.h>
#include <unistd.h>
static void went_on(int n)
{
    (void)n;
    write(1, "went-on\\n", 8);
}
int main(void)
{
    signal(SIGCONT, went_on);
    write(1, "ready\\n", 6);
    for (;;)
        pause();
}
'''


class Forwarded(ProbeCase):

    def listen(self, *args, program=HUSK):
        p = self.spawn([program, *args, '--', self.inside_c(LISTEN, 'listen')])
        self.assertEqual(p.stdout.readline(), b'ready\n')
        return p

    def ends(self, p):
        """TERM is the next that the command gets, and the last."""
        p.terminate()
        self.assertEqual(p.stdout.readline(), b'15\n')
        self.assertEqual(p.wait(10), 3)
        self.assertEqual(p.stdout.read(), b'')

    def test_each_once(self):
        for name, args in KINDS.items():
            with self.subTest(name):
                p = self.listen(*args)
                for number in FORWARDED:
                    if number != signal.SIGTERM:
                        p.send_signal(number)
                        self.assertEqual(p.stdout.readline(), b'%d\n' % number)
                self.ends(p)

    def test_child_is_not_passed_on(self):
        """Nor does it disturb anything."""
        for name, args in KINDS.items():
            with self.subTest(name):
                p = self.listen(*args)
                p.send_signal(signal.SIGCHLD)
                self.ends(p)

    def init_has_left(self, launcher):
        """The process that has set the sandbox up may still be on its way out."""
        try:
            return os.getsid(self.descendants(launcher)[0]) != launcher
        except ProcessLookupError:
            return False

    def test_of_a_group_twice(self):
        """kill(2) of a process group reaches the command directly, and again through husk."""
        for name, args in KINDS.items():
            with self.subTest(name):
                p = self.listen(*args)
                # the init leaves the group as soon as it has started the command
                self.assertTrue(wait_until(lambda p=p: self.init_has_left(p.pid)))
                os.killpg(p.pid, 40)
                self.assertEqual([p.stdout.readline() for _ in range(2)], [b'40\n'] * 2)
                self.ends(p)

    def test_of_a_group_once_in_a_session_of_its_own(self):
        p = self.listen(*SMALL, '--new-session')
        os.killpg(p.pid, 40)
        self.assertEqual(p.stdout.readline(), b'40\n')
        self.ends(p)

    def test_an_alarm_set_before_husk_reaches_the_command(self):
        for seconds in (1, 4, 16):
            p = self.spawn(['/usr/bin/python3', '-IS', '-c', 'import os, signal, sys\n'
                            f'signal.setitimer(signal.ITIMER_REAL, {seconds})\n'
                            'os.execv(sys.argv[1], sys.argv[1:])', HUSK, *SMALL, '--',
                            self.inside_c(LISTEN, 'listen')])
            if p.stdout.readline():
                break  # before the alarm, as it should be
        self.assertEqual(p.stdout.readline(), b'14\n')
        self.ends(p)

    def test_faults_are_husks_own(self):
        for number in sorted(KEPT - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}):
            with self.subTest(number):
                p = self.listen(*SMALL)
                p.send_signal(number)
                self.assertEqual(p.wait(10), -number)
                self.assertTrue(wait_until(lambda p=p: p.stdout.read(1) == b''))


class Early(ProbeCase):
    """Signals that come while the launch still waits for its caller's data."""

    def waits(self, *numbers, **kw):
        """Send them to a launch that waits for the data of a file; return its process and where
        the data come from."""
        r, w = self.pipe()
        p = self.spawn([HUSK, *USR, '--file', r, '/f', '--', 'cat', '/f'], pass_fds=[r], **kw)
        self.close(r)
        time.sleep(0.2)
        for number in numbers:
            p.send_signal(number)
        return p, w

    def goes_on(self, p, w):
        time.sleep(0.1)
        os.write(w, b'data')
        self.close(w)
        self.assertEqual((p.wait(10), p.stdout.read()), (0, b'data'))

    def test_what_is_harmless_does_not_end_it(self):
        self.goes_on(*self.waits(signal.SIGWINCH, signal.SIGCONT, signal.SIGURG, signal.SIGCHLD))

    def test_what_the_caller_ignores_does_not_end_it(self):
        self.goes_on(*self.waits(signal.SIGHUP, preexec_fn=lambda:
                                 signal.signal(signal.SIGHUP, signal.SIG_IGN)))

    def test_what_the_caller_ignores_does_not_end_a_block(self):
        r, w = self.pipe()
        for args in (IN_PLACE, SMALL):
            with self.subTest(args):
                p = self.spawn([HUSK, *args, '--block-fd', r, '--', 'echo', 'x'], pass_fds=[r],
                               preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
                time.sleep(0.2)
                p.send_signal(signal.SIGHUP)
                p.send_signal(signal.SIGWINCH)
                time.sleep(0.1)
                os.write(w, b'x')
                self.assertEqual((p.wait(10), p.stdout.read()), (0, b'x\n'))

    def test_others_end_it(self):
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM, 34, 64):
            with self.subTest(number):
                self.assertEqual(self.waits(number)[0].wait(10), -number)


class Inherited(ProbeCase):
    """The caller ignores or blocks signals before it starts husk."""

    def inside(self, how, number, program, args):
        """The sets that the command blocks and ignores, as numbers."""
        r = self.run_cmd([self.inside_c(WITH, 'with'), how, number, program, *args, '--',
                          self.prober(), 'status SigBlk', 'status SigIgn'])
        self.assertEqual(r.rc, 0, r)
        return [int(word, 16) for word in r.out.split()]

    def check_kinds(self, how, numbers):
        kinds = [(HUSK, args) for args in KINDS.values()] + [(BWRAP, HOST), (BWRAP, SMALL)]
        for program, args in kinds:
            blocked, ignored = self.inside('none', 0, program, args)
            for number in numbers:
                with self.subTest(number, program=program, args=args):
                    own = range(1, 65) if number == 'all' else [number]
                    spared = {signal.SIGKILL, signal.SIGSTOP}
                    if how == 'ignore':
                        spared.add(signal.SIGCHLD)  # husk waits for children
                    more = sum(1 << n - 1 for n in own if n not in spared)
                    want = [blocked | more, ignored] if how == 'block' else \
                        [blocked, ignored | more]
                    self.assertEqual([f'{m:016x}' for m in self.inside(how, number, program, args)],
                                     [f'{m:016x}' for m in want])

    def test_each_ignored(self):
        self.check_kinds('ignore', [*range(1, 65), 'all'])

    def test_each_blocked(self):
        self.check_kinds('block', [*range(1, 65), 'all'])

    def test_ended_by_a_signal_although_all_are_blocked(self):
        for args in KINDS.values():
            with self.subTest(args):
                r = self.run_cmd([self.inside_c(WITH, 'with'), 'block', 'all', HUSK, *args, '--',
                                  'sh', '-c', 'kill -KILL $$'])
                self.assertEqual(r.rc, -signal.SIGKILL, r)

    def test_as_with_nohup(self):
        """A hang-up reaches husk, and a command that ignores it as the caller did goes on."""
        p = self.spawn(['nohup', HUSK, *SMALL, '--', 'sh', '-c', 'echo ready; sleep 0.5; exit 6'],
                       stdin=subprocess.PIPE)
        self.assertEqual(p.stdout.readline(), b'ready\n')
        p.send_signal(signal.SIGHUP)
        self.assertEqual(p.wait(10), 6)


class Terminal(ProbeCase):
    """The terminal sends to the whole group."""

    def test_a_new_size_comes_once(self):
        for name, args in KINDS.items():
            with self.subTest(name):
                pid, master = pty.fork()
                if pid == 0:
                    os.execv(HUSK, [HUSK, *args, '--', self.inside_c(LISTEN, 'listen')])
                with os.fdopen(master, 'r+b', buffering=0) as m:
                    self.read_until(m, b'ready')
                    fcntl.ioctl(m, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 90, 0, 0))
                    self.read_until(m, b'28')
                    time.sleep(0.2)
                    os.kill(pid, signal.SIGTERM)
                    text = self.read_until(m, b'15')
                self.assertNotIn(b'28', text)
                os.waitpid(pid, 0)

    def read_until(self, file, word):
        text = b''
        while word not in text:
            self.assertTrue(select.select([file], [], [], PATIENCE * SLOW)[0], text)
            text += os.read(file.fileno(), 100)
        return text


class Jobs(ProbeCase):
    """husk is a job of an interactive shell."""

    time_limit = 240

    SHELLS = ('bash --norc --noediting -i', 'dash -i')
    # as nothing is to be matched that is only echoed
    WHILE = 'while jobs | grep Stop""ped; do sleep 0.1; done'
    UNTIL = 'until jobs | grep Stop""ped; do sleep 0.1; done\n'
    LIST = 'ps -o stat=,comm= | sed s/^/PS:/; echo lis""ted\n'

    def shell(self, shell, *expect):
        env = dict(os.environ, PS1='prompt> ', ENV='')
        r = self.pty(shell.split(), expect=[('prompt> ', f'HUSK={HUSK}\n'), *expect], env=env,
                     timeout=self.time_limit)
        self.assertFalse(r.timed_out, r)
        return r.out

    def jobs(self):
        sitter = self.inside_c(SITTER, 'sitter')
        return [(shell, f'$HUSK {" ".join(args)} -- {sitter}')
                for shell in self.SHELLS for args in KINDS.values()]

    def stopped(self, out):
        """Everything that the shell's job consists of is stopped, but an init."""
        lines = [line[3:].split() for line in out.splitlines() if line.startswith('PS:')]
        return [state for state, name in lines if name == 'sitter']

    def test_suspend_and_foreground(self):
        for shell, command in self.jobs():
            with self.subTest(shell, command=command):
                out = self.shell(shell, ('prompt> ', f'{command}\n'), ('ready', '\x1a'),
                                 ('Stopped', self.LIST), ('listed', 'fg\n'), ('went-on', '\x1a'),
                                 ('Stopped', 'fg\n'), ('went-on', '\x03'),
                                 ('prompt> ', 'echo st""=$?\n'), ('st=', 'exit\n'))
                self.assertIn('st=130', out)
                states = self.stopped(out)
                self.assertGreaterEqual(len(states), 1, out)
                self.assertEqual({s[0] for s in states}, {'T'}, out)

    def test_at_once_after_fg(self):
        """A ^Z that comes before husk itself has gone on stops the job once.

        Its launcher has to wait for its processor, its init for longer, and the command has one to
        itself.
        """
        cpu = min(os.sched_getaffinity(0))
        self.spawn(['taskset', '-c', str(cpu), 'sh', '-c', 'while :; do :; done'])
        slow = 'pid=$(jobs -p %1); init=$(ps -o pid= --ppid $pid); chrt -i -p 0 $init; ' \
            f'renice 19 $pid; for p in $pid $init; do taskset -cp {cpu} $p; done; echo sl""ow\n'
        sitter = self.inside_c(SITTER, 'sitter')
        for name, args in {**KINDS, 'terminal': (*SMALL, '--pty')}.items():
            with self.subTest(name):
                out = self.shell('bash --norc --noediting -i',
                                 ('prompt> ', f'$HUSK {" ".join(args)} -- {sitter}\n'),
                                 ('ready', '\x1a'), ('Stopped', slow), ('slow', 'fg\n'),
                                 *[('went-on', '\x1a'), ('Stopped', 'fg\n')] * 60,
                                 ('went-on', '\x03'),
                                 ('prompt> ', 'echo st""=$?\n'), ('st=', 'exit\n'))
                self.assertIn('st=130', out)
                self.assertEqual(out.count('Stopped'), 61, out)

    def test_background(self):
        for shell, command in self.jobs():
            with self.subTest(shell, command=command):
                out = self.shell(shell, ('prompt> ', f'{command}\n'), ('ready', '\x1a'),
                                 ('Stopped', 'bg\n'),
                                 ('went-on', 'kill %1; wait %1; echo st""=$?\n'),
                                 ('st=', 'exit\n'))
                self.assertIn('st=143', out)

    def test_of_the_commands_own_accord(self):
        """As ssh does at ~^Z: it stops itself alone, not its group."""
        for shell in self.SHELLS:
            for name, args in KINDS.items():
                with self.subTest(shell, kind=name):
                    script = 'kill -TSTP \\$\\$; echo af\\"\\"ter'
                    command = f'$HUSK {" ".join(args)} -- sh -c "{script}"'
                    out = self.shell(shell, ('prompt> ', f'{command}\n'), ('Stopped', 'fg\n'),
                                     ('after', 'echo st""=$?\n'), ('st=', 'exit\n'))
                    self.assertIn('st=0', out)

    def test_continued_inside(self):
        """The command alone is continued, or killed: husk does not stay stopped."""
        for word, status in (('CONT', 4), ('KILL', 137)):
            mark = self.path(f'pid-{word}')
            command = f'$HUSK -- sh -c "echo \\$\\$ >{mark}; kill -STOP \\$\\$; exit 4"'
            with self.subTest(word):
                out = self.shell('bash --norc --noediting -i', ('prompt> ', f'{command} &\n'),
                                 ('prompt> ', self.UNTIL),
                                 ('Stopped', f'kill -{word} $(cat {mark}); {self.WHILE}; '
                                  'wait $!; echo st""=$?\n'), ('st=', 'exit\n'))
                self.assertIn(f'st={status}', out)

    def test_told_to_stop(self):
        """kill -TSTP of the launcher alone stops the command and the job; -CONT continues both."""
        out = self.shell('bash --norc --noediting -i',
                         ('prompt> ', f'$HUSK -- {self.inside_c(SITTER, "sitter")} &\n'),
                         ('ready', 'kill -TSTP $!\n'), ('prompt> ', self.UNTIL),
                         ('Stopped', self.LIST), ('listed', 'kill -CONT $!\n'),
                         ('went-on', 'kill $!; wait %1; echo st""=$?\n'), ('st=', 'exit\n'))
        self.assertEqual({s[0] for s in self.stopped(out)}, {'T'}, out)
        self.assertIn('st=143', out)

    def test_reading_in_the_background_stops_the_job(self):
        out = self.shell('bash --norc --noediting -i', ('prompt> ', '$HUSK -- cat &\n'),
                         ('prompt> ', self.UNTIL), ('Stopped', 'fg\n'),
                         ('cat', 'typed\n'), ('typed\r\n', '\x04'),
                         ('prompt> ', 'echo st""=$?\n'),
                         ('st=', 'exit\n'))
        self.assertIn('st=0', out)

    def test_nothing_stops_without_a_shell(self):
        """As the only job of a terminal, whose group is orphaned, ^Z does nothing."""
        for name, args in KINDS.items():
            with self.subTest(name):
                pid, master = pty.fork()
                if pid == 0:
                    os.execv(HUSK, [HUSK, *args, '--', 'sh', '-c', 'echo ready; read x; exit 8'])
                with os.fdopen(master, 'r+b', buffering=0) as m:
                    text = b''
                    while b'ready' not in text:
                        text += os.read(m.fileno(), 100)
                    os.write(m.fileno(), b'\x1a')
                    time.sleep(0.2)
                    os.write(m.fileno(), b'x\n')
                    self.assertTrue(wait_until(lambda pid=pid: not self.alive(pid)))
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 8)


if __name__ == '__main__':
    main()
