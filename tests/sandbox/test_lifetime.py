#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exit statuses, signals, orphans, and the death of the launcher at any moment."""

import os
import pty
import random
import resource
import signal
import subprocess
import time

from probe import BWRAP, HOST, HUSK, PATIENCE, SMALL, ProbeCase, main, wait_until
from harness import children, first_process

# prints "ready", then the number of each signal it gets; ends with 3 on TERM
TRAP = '''
import os, signal, sys
def say(n, frame):
    os.write(1, b'%d\\n' % n)
    if n == signal.SIGTERM:
        os._exit(3)
for n in (1, 2, 3, 10, 12, 15, 28):
    signal.signal(n, say)
os.write(1, b'ready\\n')
while True:
    signal.pause()
'''
IN_PLACE = (*HOST, '--dev', '/dev')
KINDS = {'host tree': (), 'in place': IN_PLACE, 'pid namespace': SMALL}


class Status(ProbeCase):
    def test_of_the_command(self):
        for code in (0, 1, 3, 125, 255):
            with self.subTest(code):
                self.assertEqual(self.husk('sh', '-c', f'exit {code}').rc, code)

    def test_of_the_command_in_a_pid_namespace(self):
        for program in (HUSK, BWRAP):
            for code in (0, 7, 255):
                r = self.run_cmd([program, *SMALL, 'sh', '-c', f'exit {code}'])
                self.assertEqual(r.rc, code, r)

    def test_own_failure(self):
        self.assertFails(self.husk('--bind', '/no/where', '/x', 'true'), 125)

    def test_bad_command_line(self):
        self.assertFails(self.husk('--no-such-option'), 125)

    def test_cannot_execute(self):
        path = self.write('file', 'x', 0o644)
        self.assertFails(self.husk(path), 126, 'Permission denied')

    def test_cannot_execute_a_directory(self):
        self.assertFails(self.husk('/usr'), 126)

    def test_cannot_execute_a_script_of_a_directory(self):
        self.assertFails(self.husk(self.write('file', '#!/usr\n', 0o755)), 126)

    def test_not_found(self):
        for args in KINDS.values():
            self.assertFails(self.husk(*args, 'no-such-program'), 127, 'no-such-program')

    def test_not_found_by_path(self):
        self.assertFails(self.husk('/no/such/program'), 127, '/no/such/program')

    def test_bwrap_has_one_status_for_all(self):
        path = self.write('file', 'x', 0o644)
        for words in (('--bind', '/no', '/x', 'true'), (*HOST, path), (*HOST, 'no-such')):
            self.assertFails(self.bwrap(*words), 1, 'bwrap: ')

    def test_dies_of_the_commands_signal(self):
        for name, args in KINDS.items():
            for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT,
                           signal.SIGUSR1, signal.SIGPIPE, signal.SIGINT):
                with self.subTest(name, signal=number):
                    r = self.husk(*args, '--', 'sh', '-c', f'kill -{int(number)} $$')
                    self.assertEqual(r.rc, -number, r)

    def test_leaves_no_core_of_its_own(self):
        r = self.husk(*SMALL, '--', 'sh', '-c', 'kill -ABRT $$')
        self.assertEqual((r.rc, os.listdir(self.dir)), (-signal.SIGABRT, []), r)

    def test_one_core_at_most(self):
        """The command's core is there, and none of husk's."""
        with open('/proc/sys/kernel/core_pattern', encoding='ascii') as f:
            pattern = f.read().strip()
        if '/' in pattern or pattern.startswith('|'):
            self.skipTest(f'cores go to {pattern}')
        for name, args in KINDS.items():
            with self.subTest(name):
                cwd = self.mkdir(f'cores-{len(args)}', 0o777)
                writable = ('--bind', cwd, cwd) if args else ()
                r = self.run_cmd([HUSK, *args, *writable, '--', self.inside_c(
                    '#include <stdlib.h>\nint main(void) { abort(); }', 'aborts')], cwd=cwd,
                    preexec_fn=lambda: resource.setrlimit(
                        resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
                self.assertEqual(r.rc, -signal.SIGABRT, r)
                cores = os.listdir(cwd)
                self.assertEqual(len(cores), 1, cores)
                with open(os.path.join(cwd, cores[0]), 'rb') as f:
                    self.assertIn(b'aborts', f.read(20000))

    def test_as_process_1_it_exits_with_128_and_the_number(self):
        """No signal without a handler ends process 1, its own neither."""
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
            with self.subTest(number):
                r = self.run_cmd(['unshare', '--user', '--map-root-user', '--pid', '--fork',
                                  '--mount-proc', HUSK, *IN_PLACE, '--', 'sh', '-c',
                                  f'kill -{int(number)} $$'])
                self.assertEqual(r.rc, 128 + number, r)

    def test_the_shell_sees_128_and_the_number(self):
        r = self.run_cmd(['sh', '-c', f'{HUSK} sh -c "kill -9 \\$\\$"; echo $?'])
        self.assertEqual(r.out, '137\n', r)

    def test_bwrap_exits_with_128_and_the_number(self):
        for args in (HOST, SMALL):
            self.assertEqual(self.bwrap(*args, 'sh', '-c', 'kill -9 $$').rc, 137)

    def test_ignored_sigchld_of_the_caller_does_no_harm(self):
        for program in (HUSK, BWRAP):
            for args in (HOST, SMALL):
                r = self.run_cmd([program, *args, 'sh', '-c', 'exit 5'], preexec_fn=lambda:
                                 signal.signal(signal.SIGCHLD, signal.SIG_IGN))
                self.assertEqual(r.rc, 5, r)

    def test_blocked_signals_of_the_caller_stay_blocked(self):
        def block():
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        for args in KINDS.values():
            self.check(args, ('status SigBlk', f'{1 << (signal.SIGUSR1 - 1):016x}'),
                       preexec_fn=block)

    def test_no_signal_is_blocked_or_ignored_by_husk(self):
        for args in KINDS.values():
            got = self.status(args, 'SigBlk', 'SigIgn')
            with open('/proc/self/status', encoding='ascii') as f:
                mine = dict(line.split(':\t') for line in f.read().splitlines() if ':\t' in line)
            # Python ignores some signals for itself, and restores them for its children
            python = (1 << signal.SIGPIPE - 1) | (1 << signal.SIGXFSZ - 1)
            ignored = int(mine['SigIgn'], 16) & ~python
            self.assertEqual(got, [mine['SigBlk'], f'{ignored:016x}'])


class Signals(ProbeCase):
    def trap(self, *args, program=HUSK):
        p = self.spawn([program, *args, '--', '/usr/bin/python3', '-IS', '-u', '-c', TRAP])
        self.assertEqual(p.stdout.readline(), b'ready\n')
        return p

    def test_forwarded(self):
        for name, args in KINDS.items():
            with self.subTest(name):
                p = self.trap(*args)
                for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1,
                               signal.SIGUSR2, signal.SIGWINCH):
                    p.send_signal(number)
                    self.assertEqual(p.stdout.readline(), b'%d\n' % number)
                p.terminate()
                self.assertEqual(p.stdout.readline(), b'15\n')
                self.assertEqual(p.wait(10), 3)

    def test_terminated_by_the_forwarded_one(self):
        for name, args in KINDS.items():
            with self.subTest(name):
                p = self.spawn([HUSK, *args, '--', 'sh', '-c', 'echo ready; exec sleep 30'])
                self.assertEqual(p.stdout.readline(), b'ready\n')
                p.terminate()
                self.assertEqual(p.wait(10), -signal.SIGTERM)

    def test_bwrap_does_not_forward(self):
        p = self.trap(*HOST, program=BWRAP)
        p.terminate()
        self.assertEqual(p.wait(10), -signal.SIGTERM)

    def test_stop_and_continue(self):
        """A stopped launcher is only stopped: continued it goes on."""
        p = self.trap(*SMALL)
        p.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        self.assertIsNone(p.poll())
        p.send_signal(signal.SIGCONT)
        p.send_signal(signal.SIGUSR1)
        self.assertIn(p.stdout.readline(), (b'10\n', b'18\n'))
        p.terminate()
        self.assertEqual(p.wait(10), 3)

    def test_a_stopped_command_goes_on(self):
        p = self.spawn([HUSK, *SMALL, '--', 'sh', '-c', 'echo ready; kill -STOP $$; exit 4'])
        p.stdout.readline()
        inner = wait_until(lambda: [pid for pid in self.descendants(p.pid)
                                    if self.state(pid) == 'T'])
        self.assertTrue(inner)
        for pid in inner:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(p.wait(10), 4)

    @staticmethod
    def state(pid):
        try:
            with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as f:
                return f.read().rpartition(') ')[2][0]
        except OSError:
            return ''


class Terminal(ProbeCase):
    """The command counts how often each signal comes."""

    COUNT = '''
import os, signal, time
seen = []
for n in (1, 2, 3, 28):
    signal.signal(n, lambda n, f: seen.append(n))
os.write(1, b'ready\\n')
while not seen:
    time.sleep(0.01)
time.sleep(0.3)
os.write(1, b'seen %s\\n' % str(seen).encode())
'''

    def test_interrupt_comes_once(self):
        for name, args in KINDS.items():
            with self.subTest(name):
                r = self.pty([HUSK, *args, '--', '/usr/bin/python3', '-IS', '-c',
                              self.COUNT], expect=[('ready', '\x03')])
                self.assertIn('seen [2]', r.out)

    def test_quit_comes_once(self):
        r = self.pty([HUSK, *SMALL, '--', '/usr/bin/python3', '-IS', '-c', self.COUNT],
                     expect=[('ready', '\x1c')])
        self.assertIn('seen [3]', r.out)

    def test_interrupt_ends_husk_by_its_signal(self):
        r = self.pty([HUSK, *SMALL, '--', 'sh', '-c', 'echo ready; exec sleep 20'],
                     expect=[('ready', '\x03')])
        self.assertEqual(r.rc, -signal.SIGINT, r)

    def test_hang_up_reaches_the_command_of_a_session_leader(self):
        """The kernel sends the hang-up to the leader alone: husk hands it on."""
        for name, args in KINDS.items():
            with self.subTest(name):
                mark = self.path(f'mark-{len(args)}')
                script = f'trap "echo HUP >{mark}; exit" HUP; echo ready; while :; do ' \
                         'sleep 0.05; done'
                pid, master = pty.fork()
                if pid == 0:
                    os.execv(HUSK, [HUSK, *args, *(('--bind', self.dir, self.dir) if args else
                                                   ()), '--', 'sh', '-c', script])
                with os.fdopen(master, 'rb', buffering=0) as m:
                    text = b''
                    while b'ready' not in text:
                        text += m.read(100)
                self.addCleanup(self.reap, pid)
                self.assertTrue(wait_until(lambda: os.path.exists(mark)), text)

    @staticmethod
    def reap(pid):
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass

    def test_new_session(self):
        script = 'import os; print(os.getsid(0) == os.getpid() or os.getsid(0));\n' \
                 'try: os.open("/dev/tty", os.O_RDWR); print("terminal")\n' \
                 'except OSError as e: print(e.strerror)'
        for args in (IN_PLACE, SMALL):
            with self.subTest(args=args):
                r = self.pty([HUSK, *args, '--new-session', '--', '/usr/bin/python3', '-IS', '-c',
                              script])
                self.assertIn('No such device or address', r.out)

    def test_without_new_session_the_terminal_is_there(self):
        r = self.pty([HUSK, *SMALL, '--', 'sh', '-c', 'exec 3<>/dev/tty && echo there'])
        self.assertIn('there', r.out)

    def test_job_control_of_a_shell(self):
        """The command may take the terminal's foreground, as an interactive shell does."""
        r = self.pty([HUSK, *SMALL, '--', 'bash', '-ic', 'sleep 0.01 & wait; echo done'])
        self.assertIn('done', r.out)
        self.assertNotIn('no job control', r.out)

    def test_terminal_is_left_to_the_caller(self):
        r = self.pty(['sh', '-c', f'{HUSK} true; stty size'])
        self.assertEqual(r.out, '24 80\r\n')


class Orphans(ProbeCase):
    """The command ends and leaves a child behind that has closed everything."""

    def left(self, program, *args, patience=0.2):
        """Whether the child shows itself within patience seconds of the command's end."""
        mark = self.path('alive')
        script = f'setsid sh -c "while :; do touch {mark}; sleep 0.05; done" ' \
                 '</dev/null >/dev/null 2>&1 & ' \
                 f'while ! [ -e {mark} ]; do sleep 0.01; done; exit 0'
        r = self.run_cmd([program, *args, *(('--bind', self.dir, self.dir) if args else ()),
                          '--', 'sh', '-c', script])
        self.assertRuns(r)
        os.unlink(mark)
        found = self.wait_until(lambda: os.path.exists(mark), patience)
        if found:
            os.unlink(mark)
        return found

    def test_killed(self):
        for name, args in KINDS.items():
            with self.subTest(name):
                self.assertFalse(self.left(HUSK, *args))

    def test_of_bwrap_live_on(self):
        for args in (IN_PLACE, SMALL):
            with self.subTest(args=args):
                self.assertTrue(self.left(BWRAP, *args, patience=PATIENCE))

    def test_reparented_ones_are_reaped(self):
        script = 'for i in 1 2 3 4 5; do (sh -c : &); done; sleep 0.2; ' \
                 'for i in $(seq 600); do found=$(grep -l "State:.Z" /proc/[0-9]*/status); ' \
                 '[ "$found" ] || exit 0; sleep 0.1; done; echo "$found"'
        r = self.husk(*SMALL, '--', 'sh', '-c', script)
        self.assertEqual(r.out, '', r)

    ORPHANS = '''
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* starts 4000 orphans that end at once, waits until process 1, or a subreaper, has got and reaped
   them all: then 4000 pipe ends are closed, and no zombie is left */
int main(int argc, char **argv)
{
    int ends[2];
    char c;
    for (int i = 0; argc > 1 && i < 300; i++) {
        FILE *list = popen("grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l", "r");
        int n = -1;
        if (fscanf(list, "%d", &n) != 1)
            return 9;
        pclose(list);
        if (n <= 5)
            return 0;
        usleep(200000);
    }
    if (argc > 1)
        return 1;
    if (pipe(ends) < 0)
        return 1;
    for (int i = 0; i < 4000; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return 2;
        if (pid == 0) {
            if (fork() == 0)
                _exit(0);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    close(ends[1]);
    if (read(ends[0], &c, 1) != 0)
        return 3;
    execl(argv[0], argv[0], "count", NULL);
    return 4;
}
'''

    def test_thousands_are_reaped(self):
        r = self.husk(*SMALL, '--', self.inside_c(self.ORPHANS, 'orphans'))
        self.assertRuns(r)

    def test_thousands_are_reaped_without_a_pid_namespace(self):
        """The zombies, if any, would be the children of the init."""
        p = self.spawn([HUSK, '--', 'sh', '-c', f'{self.inside_c(self.ORPHANS, "orphans")}; '
                        'echo done; sleep 100'])
        self.assertEqual(p.stdout.readline(), b'done\n')
        init = first_process(p.pid)
        self.assertTrue(wait_until(lambda: len(children(init)) == 1))

    def test_output_of_the_command_arrives_whole(self):
        r = self.husk(*SMALL, '--', 'sh', '-c', 'seq 100000')
        self.assertEqual(r.out.count('\n'), 100000)

    def test_as_pid_1(self):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                r = self.run_cmd([program, *SMALL, '--as-pid-1', 'sh', '-c', 'echo $$'])
                self.assertRuns(r, '1\n')

    def test_status_as_pid_1(self):
        self.assertEqual(self.husk(*SMALL, '--as-pid-1', '--', 'sh', '-c', 'exit 9').rc, 9)

    def test_lock_file(self):
        """The lock is held while the sandbox runs, and gone after."""
        lock = self.write('lock')
        p = self.spawn([HUSK, *HOST, '--lock-file', lock, '--', 'sh', '-c', 'echo ready; cat'],
                       stdin=subprocess.PIPE)
        p.stdout.readline()
        self.assertTrue(wait_until(lambda: not self.lockable(lock)))
        p.stdin.close()
        p.wait(10)
        self.assertTrue(wait_until(lambda: self.lockable(lock)))

    def lockable(self, path):
        r = self.run_cmd(['/usr/bin/python3', '-IS', '-c', 'import fcntl, sys\n'
                          'fcntl.lockf(open(sys.argv[1], "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)',
                          path])
        return r.rc == 0


class Killed(ProbeCase):
    """The launcher gets SIGKILL at a random time after its start: nothing survives."""

    def survivors(self, program, args, runs, longest):
        """Kill that many launchers; nothing of what they started may live on."""
        rng = random.Random(runs)
        mark = self.path('mark')
        before = set(self.descendants(os.getpid()))
        for _ in range(runs):
            p = subprocess.Popen([program, *args, '--bind', self.dir, self.dir, '--',
                                  self.sleeper(), mark], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0, longest))
            p.kill()
            p.wait()
        self.assertTrue(wait_until(lambda: not self.kin(before)), self.kin(before))

    def kin(self, before):
        """What lives below this process (a subreaper) and did not before."""
        return [pid for pid in self.descendants(os.getpid()) if pid not in before]

    def sleeper(self):
        return self.inside_c('#include <fcntl.h>\n#include <unistd.h>\n'
                             'int main(int c, char **v) { open(v[1], O_CREAT | O_WRONLY, 0600);'
                             ' for (;;) pause(); }', 'sleeper')

    def test_as_husk(self):
        self.survivors(HUSK, SMALL, 100, 0.01)
        self.assertLessEqual(set(os.listdir(self.dir)), {'mark'})

    def test_as_husk_without_pid_namespace(self):
        self.survivors(HUSK, HOST, 60, 0.008)

    def test_as_bwrap_with_die_with_parent(self):
        self.survivors(BWRAP, (*SMALL, '--die-with-parent'), 40, 0.008)

    def test_when_it_has_run_for_a_while(self):
        for program, args in ((HUSK, SMALL), (HUSK, IN_PLACE), (HUSK, ()),
                              (BWRAP, (*SMALL, '--die-with-parent'))):
            with self.subTest(program, args=args):
                p = self.spawn([program, *args, '--', 'sh', '-c', 'echo ready; sleep 30 & wait'])
                p.stdout.readline()
                inside = self.descendants(p.pid)
                self.assertTrue(inside)
                p.kill()
                p.wait()
                for pid in inside:
                    self.assertTrue(self.wait_gone(pid), pid)

    def test_the_parent_of_the_launcher_dies(self):
        """--die-with-parent: the shell that started the launcher is killed."""
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                p = self.spawn(['sh', '-c', '"$@"; exit $?', 'sh', program, *SMALL,
                                '--die-with-parent', '--', 'sh', '-c', 'echo ready; sleep 30'])
                p.stdout.readline()
                inside = self.descendants(p.pid)
                self.assertGreaterEqual(len(inside), 2)
                p.kill()
                p.wait()
                for pid in inside:
                    self.assertTrue(self.wait_gone(pid), pid)

    def test_init_is_killed(self):
        p = self.spawn([HUSK, *SMALL, '--', 'sh', '-c', 'echo ready; exec sleep 30'])
        p.stdout.readline()
        os.kill(first_process(p.pid), signal.SIGKILL)
        self.assertNotEqual(p.wait(10), 0)


if __name__ == '__main__':
    main()
