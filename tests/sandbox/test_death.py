#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing of a sandbox outlives its launcher, at whatever moment and of whatever signal that dies.

This process is a subreaper: what a launcher leaves behind becomes its child. So nothing is left
exactly when wait(2) says that there is no child. HUSK_OFFSETS, the number of moments at which each
kind of sandbox is killed, is small here; make check-load takes 1000.
"""

import contextlib
import os
import resource
import select
import signal
import statistics
import threading
import time
import unittest

from probe import BWRAP, HOST, HUSK, PATIENCE, SLOW, SMALL, ProbeCase, main, wait_until
from harness import first_process, name_of, strace_calls

OFFSETS = int(os.environ.get('HUSK_OFFSETS', '20'))
TREE = (*HOST, '--dev', '/dev')
DIES = ('--die-with-parent',)
ALL = ('--cap-add', 'ALL')
KINDS = {
    'husk, two levels, pid namespace': (HUSK, *SMALL),
    'husk, one level, pid namespace': (HUSK, *SMALL, '--cap-drop', 'ALL'),
    'husk, two levels': (HUSK, *TREE),
    'husk, one level': (HUSK,),
    'husk, two levels, pid namespace, with a supervisor': (HUSK, *SMALL,
                                                           '--fake-root-consistent'),
    'husk, one level, pid namespace, with a supervisor': (HUSK, '--fake-root-consistent'),
    'bwrap, two levels, pid namespace': (BWRAP, *SMALL, *DIES, *ALL),
    'bwrap, one level, pid namespace': (BWRAP, *SMALL, *DIES),
    'bwrap, two levels': (BWRAP, '--unshare-user', *TREE, *DIES, *ALL),
    'bwrap, one level': (BWRAP, *TREE, *DIES),
}
# the command has no init beside it
AS_PID_1 = {
    'husk, two levels, as process 1': (HUSK, *SMALL, '--as-pid-1'),
    'husk, one level, as process 1': (HUSK, *SMALL, '--cap-drop', 'ALL', '--as-pid-1'),
    'husk, as process 1, with a supervisor': (HUSK, *SMALL, '--as-pid-1',
                                              '--fake-root-consistent'),
    'bwrap, two levels, as process 1': (BWRAP, *SMALL, *DIES, *ALL, '--as-pid-1'),
    'bwrap, one level, as process 1': (BWRAP, *SMALL, *DIES, '--as-pid-1'),
}
EVERY = {**KINDS, **AS_PID_1}
WITHOUT = [kind for name, kind in KINDS.items() if 'pid namespace' not in name]
OTHERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV,
          signal.SIGABRT, signal.SIGBUS, signal.SIGPIPE, signal.SIGALRM, signal.SIGUSR1,
          signal.SIGSYS, signal.SIGRTMIN)

# those that husk dies of itself
FAULTS = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGPIPE, signal.SIGSYS}

# forks a daemon in a session of its own, then says so; both do away with their parent-death signal,
# and the daemon, but not this process, survives what can be caught
DAEMON = '''
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>
static void stay(void)
{
    for (;;)
        pause();
}
int main(int argc, char **argv)
{
    int ready[2];
    char c;
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    if (pipe(ready) < 0 || fork() == 0) {
        setsid();
        if (fork() > 0)
            _exit(0);
        for (int n = 1; n < 65; n++)
            signal(n, SIG_IGN);
        prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        write(ready[1], "x", 1);
        for (int n = 0; n < 1024; n++)
            close(n);
        stay();
    }
    close(ready[1]);
    if (read(ready[0], &c, 1) == 1)
        write(1, "x", 1);
    if (argc > 1)
        return 0;
    stay();
}
'''

# sixteen lines of descent; in each the parent forks, leaves and is gone, for some seconds, after
# which the last of the line stays
SPAWNER = '''
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static time_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}
int main(void)
{
    time_t end = now() + 100;
    for (int i = 0; i < 16; i++)
        if (fork() == 0) {
            setsid();
            while (now() < end)
                if (fork() > 0)
                    _exit(0);
            for (;;)
                pause();
        }
    write(1, "x", 1);
    for (;;)
        pause();
}
'''


class DeathCase(ProbeCase):
    """Starts launchers as children of this very process and counts what they leave."""

    time_limit = 600

    def setUp(self):
        super().setUp()
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        self.said, self.says = self.pipe()
        self.quiet = self.open('/dev/null', os.O_RDWR)

    def start(self, *argv, **kw):
        """Start argv in a process group of its own; what it writes is for hear()."""
        actions = [(os.POSIX_SPAWN_DUP2, self.quiet, 0), (os.POSIX_SPAWN_DUP2, self.says, 1),
                   (os.POSIX_SPAWN_DUP2, self.quiet, 2)]
        for fd in (self.quiet, self.says, self.said):
            actions.append((os.POSIX_SPAWN_CLOSE, fd))
        kw.setdefault('setpgroup', 0)
        # which Python ignores for itself
        return os.posix_spawn(argv[0], argv, os.environ, file_actions=actions,
                              setsigdef=[signal.SIGPIPE, signal.SIGXFSZ], **kw)

    def hear(self):
        """Wait for a byte of the command's."""
        self.assertTrue(select.select([self.said], [], [], PATIENCE * SLOW)[0], 'nothing was said')
        os.read(self.said, 1)

    def running(self, *argv):
        """Start argv and wait until its command says so."""
        pid = self.start(*argv)
        self.hear()
        return pid

    def survivors(self):
        """The processes that are left so long after the deaths, dead ones aside."""
        end = time.monotonic() + PATIENCE * SLOW
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    if time.monotonic() > end:
                        return self.descendants(os.getpid(), True)
                    time.sleep(0.0003)
            except ChildProcessError:
                return []

    def gone(self):
        """Nothing is left."""
        left = self.survivors()
        names = []
        for pid in left:
            with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as f:
                names.append(f.read()[:60])
        self.assertEqual(names, [])

    @staticmethod
    def stop(pids):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # the builder, on its way out
                os.kill(pid, signal.SIGSTOP)

    def daemon(self):
        return self.inside_c(DAEMON, 'daemon')


class Offsets(DeathCase):
    """The launcher is killed at moments spread from its start to a little past the command's."""

    def start_up(self, argv):
        """The median time (s) from a launcher's start to the command's."""
        times = []
        for _ in range(9):
            begin = time.monotonic()
            pid = self.running(*argv)
            times.append(time.monotonic() - begin)
            os.kill(pid, signal.SIGKILL)
            self.gone()
        return statistics.median(times)

    def drain(self):
        while select.select([self.said], [], [], 0)[0]:
            os.read(self.said, 100)

    def killed_at(self, argv, number, offset):
        pid = self.start(*argv)
        end = time.monotonic() + offset
        while time.monotonic() < end:
            pass
        os.kill(pid, number)
        self.gone()

    def spread(self, kind, numbers, count):
        argv = (*kind, '--', self.daemon())
        longest = 1.3 * self.start_up(argv)
        for i in range(count):
            number = numbers[i % len(numbers)]
            with self.subTest(signal=number, offset=f'{longest * i / count * 1e3:.3f} ms'):
                self.killed_at(argv, number, longest * i / count)
            self.drain()

    def test_killed(self):
        for name, kind in EVERY.items():
            with self.subTest(name):
                self.spread(kind, [signal.SIGKILL], OFFSETS)

    def test_of_other_signals(self):
        for name, kind in EVERY.items():
            passed_on = kind[0] == HUSK and name in AS_PID_1  # to who takes no notice
            numbers = [n for n in OTHERS if not passed_on or n in FAULTS]
            with self.subTest(name):
                self.spread(kind, numbers, max(len(numbers), OFFSETS // 2))

    def test_the_whole_process_group_is_killed(self):
        """As by kill %1 in a shell: without a pid namespace the init must not be in it."""
        def killpg(pid, number):
            os.killpg(pid, number)
        for name, kind in EVERY.items():
            argv = (*kind, '--', self.daemon())
            longest = 1.3 * self.start_up(argv)
            for i in range(max(10, OFFSETS // 4)):
                with self.subTest(name, i=i):
                    pid = self.start(*argv)
                    time.sleep(longest * i / max(10, OFFSETS // 4))
                    killpg(pid, signal.SIGKILL)
                    self.gone()


class Descendants(DeathCase):
    """Whatever the command's descendants have done to themselves, they go with the launcher."""

    def test_daemons(self):
        for name, kind in EVERY.items():
            with self.subTest(name):
                pid = self.running(*kind, '--', self.daemon())
                os.kill(pid, signal.SIGKILL)
                self.gone()

    def test_daemons_when_the_group_is_killed(self):
        for name, kind in EVERY.items():
            with self.subTest(name):
                pid = self.running(*kind, '--', self.daemon())
                os.killpg(pid, signal.SIGKILL)
                self.gone()

    def test_daemons_when_the_command_ends(self):
        for kind in [kind for kind in EVERY.values() if kind[0] == HUSK]:
            with self.subTest(kind[1:]):
                pid = self.running(*kind, '--', self.daemon(), 'end')
                self.assertEqual(os.waitpid(pid, 0)[1], 0)
                self.gone()

    def test_daemons_when_the_init_is_killed(self):
        """Without a pid namespace nobody is their parent then; the launcher still knows them."""
        for name, kind in KINDS.items():
            with self.subTest(name):
                pid = self.running(*kind, '--', self.daemon())
                os.kill(first_process(pid), signal.SIGKILL)
                self.gone()

    def test_daemons_below_when_the_init_is_killed(self):
        """Those that have made themselves a user namespace too."""
        for kind in WITHOUT:
            with self.subTest(kind):
                pid = self.running(*kind, '--', 'unshare', '-U', self.daemon())
                os.kill(first_process(pid), signal.SIGKILL)
                self.gone()

    def test_what_keeps_forking(self):
        spawner = self.inside_c(SPAWNER, 'spawner')
        for kind in EVERY.values():
            with self.subTest(kind):
                pid = self.running(*kind, '--', spawner)
                os.kill(pid, signal.SIGKILL)
                begin = time.monotonic()
                self.gone()
                self.assertLess(time.monotonic() - begin, 90 * SLOW)

    def test_stopped(self):
        for name, kind in KINDS.items():
            with self.subTest(name):
                pid = self.running(*kind, '--', 'sh', '-c', 'printf x; kill -STOP $$')
                self.assertTrue(wait_until(lambda pid=pid: 'T' in self.states(pid)))
                os.kill(pid, signal.SIGKILL)
                self.gone()

    def test_all_stopped(self):
        """The launcher, the init, the command and its daemon are stopped, then the first is killed.

        Without a pid namespace the init must go on to do its work.
        """
        for name, kind in EVERY.items():
            with self.subTest(name):
                pid = self.running(*kind, '--', self.daemon())
                everybody = [pid, *self.descendants(pid)]
                self.assertGreaterEqual(len(everybody), 3)
                self.stop(everybody)
                os.kill(pid, signal.SIGKILL)
                self.gone()

    def test_many(self):
        """More children than one read of the list gives, each with one of its own."""
        script = 'for i in $(seq 400); do (sleep 60 & wait) & done; printf x; wait'
        for kind in WITHOUT:
            with self.subTest(kind):
                pid = self.running(*kind, '--', 'sh', '-c', script)
                os.kill(pid, signal.SIGKILL)
                self.gone()

    def test_of_another_user_id(self):
        """Root of a namespace with more ids starts what is another user."""
        self.need('newuidmap')
        holder = self.spawn(['unshare', '--map-auto', '--map-root-user', 'sh', '-c',
                             'echo; exec sleep 60'])
        holder.stdout.readline()
        fd = self.open(f'/proc/{holder.pid}/ns/user')
        script = 'import os\nif os.fork() == 0:\n os.setresuid(5, 5, 5)\n os.setsid()\n' \
                 ' os.write(1, b"x")\nimport signal\nwhile True: signal.pause()'
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                pid = self.running(program, '--userns', str(fd), *TREE, *DIES,
                                   *(ALL if program == BWRAP else ()), '--', '/usr/bin/python3',
                                   '-IS', '-c', script)
                inside = self.descendants(pid)
                os.kill(pid, signal.SIGKILL)
                for victim in inside:
                    self.assertTrue(self.wait_gone(victim), victim)

    def test_the_launch_fails_when_the_command_runs(self):
        """Late, as the launcher is kept from what it does then: the init is still to end them."""
        self.need('strace')
        log = self.path('log')
        self.start('/usr/bin/strace', '-f', '-qq', '-o', log, '-e', 'trace=pidfd_open', '-e',
                   'inject=pidfd_open:error=ENOMEM:delay_enter=500000:when=2', HUSK, *TREE, '--',
                   self.daemon())
        self.gone()
        self.assertTrue([call for _, call in strace_calls(log) if 'INJECTED' in call])

    @staticmethod
    def states(pid):
        found = ''
        for child in DeathCase.descendants(pid):
            try:
                with open(f'/proc/{child}/stat', encoding='ascii', errors='replace') as f:
                    found += f.read().rpartition(') ')[2][0]
            except OSError:
                pass
        return found


class Watcher(DeathCase):
    """The process that does it for a command that is process 1."""

    def watcher_of(self, pid):
        """The launcher's child that is the same program, in a session of its own."""
        def look():
            found[:] = [child for child in self.descendants(pid) if name_of(child) == name_of(pid)
                        and self.session(child) == child]
            return len(found) == 1
        found = []
        self.assertTrue(wait_until(look), found)
        return found[0]

    @staticmethod
    def session(pid):
        try:
            return os.getsid(pid)
        except ProcessLookupError:
            return None

    @staticmethod
    def open_files(pid):
        try:
            return {os.readlink(f'/proc/{pid}/fd/{fd}') for fd in os.listdir(f'/proc/{pid}/fd')}
        except FileNotFoundError:
            return set()  # closed meanwhile

    def test_holds_nothing_of_the_callers(self):
        for name, kind in AS_PID_1.items():
            with self.subTest(name):
                pid = self.running(*kind, '--', 'sh', '-c', 'printf x; exec sleep 60')
                watcher = self.watcher_of(pid)
                self.assertTrue(wait_until(lambda w=watcher:
                                           self.open_files(w) == {'anon_inode:[pidfd]'}),
                                self.open_files(watcher))
                os.kill(pid, signal.SIGKILL)
                self.gone()

    def test_is_gone_with_the_launcher(self):
        """Nobody has to wait for it but the launcher."""
        for name, kind in AS_PID_1.items():
            with self.subTest(name):
                pid = self.start(*kind, '--', 'true')
                self.assertEqual(os.waitpid(pid, 0)[1], 0)
                self.assertRaises(ChildProcessError, os.waitpid, -1, os.WNOHANG)

    def test_only_where_it_is_needed(self):
        for kind in (*KINDS.values(), (BWRAP, *SMALL, '--as-pid-1')):
            with self.subTest(kind):
                pid = self.running(*kind, '--', 'sh', '-c', 'printf x; exec sleep 60')
                init = first_process(pid)
                os.kill(pid, signal.SIGKILL)
                if kind[-1] == '--as-pid-1':
                    os.kill(init, signal.SIGKILL)
                self.gone()


class Parent(DeathCase):
    """--die-with-parent means the process that started the launcher, not its thread."""

    def from_a_thread(self, argv):
        """Start argv from a thread, which then ends."""
        pids = []
        thread = threading.Thread(target=lambda: pids.append(self.start(*argv)))
        thread.start()
        thread.join()
        return pids[0]

    def test_its_thread_may_end(self):
        for name, kind in EVERY.items():
            with self.subTest(name):
                pid = self.from_a_thread((*kind, *DIES, '--', self.daemon()))
                self.hear()
                time.sleep(0.1)
                self.assertEqual(os.waitpid(pid, os.WNOHANG), (0, 0))
                os.kill(pid, signal.SIGKILL)
                self.gone()

    def ends(self, kind, stopped):
        """A shell starts the launcher and is killed."""
        shell = self.start('/bin/sh', '-c', '"$@" & wait', 'sh', *kind, *DIES, '--', self.daemon())
        self.hear()
        if stopped:
            self.stop(self.descendants(shell))
        os.kill(shell, signal.SIGKILL)
        self.gone()

    def test_it_ends(self):
        for name, kind in EVERY.items():
            with self.subTest(name):
                self.ends(kind, False)

    def test_it_ends_while_all_are_stopped(self):
        for name, kind in EVERY.items():
            with self.subTest(name):
                self.ends(kind, True)

    def test_it_ends_while_the_launch_waits(self):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                fd, _ = self.pipe()
                shell = self.start('/bin/sh', '-c', 'printf x; "$@" & wait', 'sh', program,
                                   *SMALL, *DIES, '--block-fd', str(fd), '--', 'true')
                self.hear()
                self.assertTrue(wait_until(lambda s=shell: len(self.descendants(s)) >= 2))
                os.kill(shell, signal.SIGKILL)
                self.gone()


if __name__ == '__main__':
    unittest.TestCase.longMessage = True
    main()
