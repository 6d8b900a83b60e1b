#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--status-fd tells what happens, in order, true, for programs; --wait-all waits for the rest."""

import contextlib
import json
import os
import signal
import time

from probe import HOST, HUSK, PROC, SMALL, ProbeCase, main, wait_until
from harness import alive, children, first_process  # noqa: E402

KINDS = ('cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts', 'user', 'time')
LIVE = ['plan', 'namespaces', 'ready', 'exec', 'exit']


def is_reaped(pid):
    """Gone, and its parent, which has waited for it, knows."""
    return not os.path.exists(f'/proc/{pid}')


class EventCase(ProbeCase):

    def events(self, *args, command=('true',), pass_fds=()):
        """The events of a launch, as objects; the result is in self.last."""
        read, write = self.pipe()
        words = ['--', *command] if command else []
        self.last = self.run_cmd([HUSK, '--status-fd', write, *args, *words],
                                 pass_fds=[write, *pass_fds])
        self.close(write)
        with os.fdopen(os.dup(read), encoding='utf-8') as f:
            found = [json.loads(line) for line in f]
        times = [event['time'] for event in found]
        self.assertEqual(times, sorted(times))
        self.assertTrue(all(t <= time.monotonic_ns() for t in times))
        return found

    def names(self, *args, **kw):
        return [event['event'] for event in self.events(*args, **kw)]

    def error(self, *args, **kw):
        """The last event, which is an error; it says what standard error says."""
        event = self.events(*args, **kw)[-1]
        self.assertEqual(event['event'], 'error')
        self.assertEqual(event['status'], self.last.rc)
        self.assertIn(event['text'], self.last.err)
        if event['hint']:
            self.assertIn(event['hint'], self.last.err)
        return event


class Order(EventCase):

    def test_of_a_launch(self):
        for args in ((), HOST, (*HOST, *PROC), SMALL, ('--unshare-pid', '--as-pid-1'),
                     ('--bind-try', '/nothing', '/nothing', *HOST)):
            with self.subTest(args=args):
                self.assertEqual(self.names(*args), LIVE)

    def test_of_one_that_cannot_be_executed(self):
        for args in ((), SMALL, ('--unshare-pid', '--as-pid-1')):
            with self.subTest(args=args):
                self.assertEqual(self.names(*args, command=('/no/such/program',)),
                                 ['plan', 'namespaces', 'ready', 'error'])

    def test_of_one_that_is_wrong(self):
        self.assertEqual(self.names('--hostname', 'x'), ['error'])
        self.assertEqual(self.names('--no-such-option'), ['error'])
        self.assertEqual(self.names(command=()), ['error'])
        self.assertEqual(self.names('--bind', '/no/such', '/x'), ['plan', 'error'])
        self.assertEqual(self.names('--chdir', '/no/such'), ['plan', 'namespaces', 'error'])

    def test_ready_comes_before_the_command(self):
        read, write = self.pipe()
        block_r, block_w = self.pipe()
        p = self.spawn([HUSK, '--status-fd', write, '--block-fd', block_r, '--', 'sleep', '100'],
                       pass_fds=[write, block_r])
        self.close(write)
        with os.fdopen(os.dup(read), encoding='ascii') as f:
            self.assertEqual([json.loads(f.readline())['event'] for _ in range(2)], LIVE[:2])
            os.set_blocking(f.fileno(), False)
            time.sleep(0.1)
            self.assertEqual(f.readline(), '')
            os.set_blocking(f.fileno(), True)
            os.write(block_w, b'x')
            self.assertEqual([json.loads(f.readline())['event'] for _ in range(2)], LIVE[2:4])
            p.send_signal(signal.SIGTERM)
            event = json.loads(f.readline())
        self.assertEqual((event['event'], event['signal'], event['status']),
                         ('exit', signal.SIGTERM, None))


class Content(EventCase):

    def test_namespaces_are_those_of_the_command(self):
        script = 'for n in ' + ' '.join(KINDS) + '; do stat -L -c %i /proc/self/ns/$n; done'
        for args in ((), SMALL, (*SMALL, '--unshare-time'), (*HOST, *PROC, '--unshare-net')):
            with self.subTest(args=args):
                told = self.events(*args, command=('sh', '-c', script))[1]['namespaces']
                self.assertEqual(told, dict(zip(KINDS, map(int, self.last.out.split()))))

    def test_pid_is_that_of_the_sandbox(self):
        read, write = self.pipe()
        # with capabilities pid 1 does not let others look at it
        self.spawn([HUSK, '--status-fd', write, *SMALL, '--cap-drop', 'ALL', '--', 'sleep', '100'],
                   pass_fds=[write])
        with os.fdopen(os.dup(read), encoding='ascii') as f:
            f.readline()
            event = json.loads(f.readline())
        self.assertEqual(os.stat(f'/proc/{event["pid"]}/ns/pid').st_ino,
                         event['namespaces']['pid'])

    def test_plan(self):
        words = ('--unshare-pid', '--uid', '7')
        event = self.events(*words, command=('true', 'a\nb', b'\xff'))[0]
        self.assertEqual(event['plan']['command']['words'], ['true', 'a\nb', '\udcff'])
        self.assertEqual(event['plan']['identity']['uid'], 7)
        r = self.husk('--explain-json', *words, 'true', 'a\nb', b'\xff')
        explained = json.loads(r.out)
        self.assertEqual(event['plan'].keys(), explained.keys())
        for key in ('identity', 'namespaces', 'root', 'operations', 'command'):
            self.assertEqual(event['plan'][key], explained[key])

    def test_exit_status(self):
        event = self.events(command=('sh', '-c', 'exit 3'))[-1]
        self.assertEqual((event['status'], event['signal'], event['core']), (3, None, False))
        event = self.events('--unshare-pid', command=('sh', '-c', 'kill -9 $$'))[-1]
        self.assertEqual((event['status'], event['signal']), (None, 9))

    def test_exit_core(self):
        script = f'cd {self.dir}; ulimit -c unlimited; kill -QUIT $$'
        event = self.events('--bind', '/', '/', command=('sh', '-c', script))[-1]
        self.assertEqual((event['signal'], event['core']), (signal.SIGQUIT, True))

    def test_exit_usage(self):
        burn = 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'
        usage = self.events(command=('sh', '-c', burn))[-1]['usage']
        self.assertGreater(usage['user-us'], 10000)
        self.assertGreater(usage['max-rss-kib'], 500)
        # of those as well that were left behind
        usage = self.events('--unshare-pid', '--wait-all',
                            command=('sh', '-c', f'({burn}) & exit 0'))[-1]['usage']
        self.assertGreater(usage['user-us'], 10000)

    def test_exit_orphans(self):
        left = 'sleep 100 & setsid sleep 100 & (setsid sleep 100 & exit 0) & wait $!; exit 0'
        for args in ((), ('--unshare-pid',)):
            with self.subTest(args=args):
                event = self.events(*args, command=('sh', '-c', left))[-1]
                self.assertEqual(event['orphans-killed'], 3)
                self.assertEqual(self.events(*args)[-1]['orphans-killed'], 0)


class Errors(EventCase):

    def test_of_an_operation(self):
        event = self.error('--ro-bind', '/no/such', '/x')
        self.assertEqual((event['step'], event['operation'], event['operands']),
                         ('--ro-bind', '--ro-bind', ['/no/such', '/x']))
        self.assertEqual((event['errno'], event['error'], event['status']),
                         (2, 'No such file or directory', 125))

    def test_of_an_option(self):
        event = self.error('--chdir', '/no', '--chdir', '/such')
        self.assertEqual((event['step'], event['operation'], event['operands']),
                         ('directory', '--chdir', ['/such']))

    def test_of_a_word(self):
        event = self.error('--uid', 'root')
        self.assertEqual((event['step'], event['operation'], event['operands'], event['errno']),
                         ('options', '--uid', ['root'], None))
        event = self.error('--bind', '/only', command=())
        self.assertEqual((event['operation'], event['operands']), ('--bind', ['/only']))

    def test_of_options_together(self):
        event = self.error('--hostname', 'x')
        self.assertEqual((event['step'], event['operation']), ('plan', None))

    def test_of_the_command(self):
        event = self.error(command=('/no/such/program',))
        self.assertEqual((event['step'], event['errno'], event['status']), ('exec', 2, 127))
        self.assertEqual((event['operation'], event['operands']), (None, ['/no/such/program']))
        event = self.error(command=('/etc/passwd',))
        self.assertEqual((event['step'], event['errno'], event['status']), ('exec', 13, 126))

    def test_in_a_list_of_words(self):
        words = self.fd(b'--uid\0root\0')
        event = self.error('--args', words, pass_fds=[words])
        self.assertEqual((event['operation'], event['operands']), ('--uid', ['root']))


class Reader(EventCase):

    def test_that_is_gone(self):
        read, write = self.pipe()
        self.close(read)
        r = self.run_cmd([HUSK, '--status-fd', write, 'true'], pass_fds=[write])
        self.assertFails(r, 125, 'Broken pipe')

    def test_that_goes(self):
        read, write = self.pipe()
        p = self.spawn([HUSK, '--status-fd', write, 'sh', '-c', 'sleep 0.3; exit 5'],
                       pass_fds=[write])
        self.close(write)
        os.read(read, 1)
        self.close(read)
        self.assertEqual(p.wait(5), 5)

    def test_sees_the_end(self):
        """Nothing in the sandbox holds the descriptor."""
        read, write = self.pipe()
        p = self.spawn([HUSK, '--status-fd', write, *SMALL, 'sleep', '100'], pass_fds=[write])
        self.close(write)
        with os.fdopen(os.dup(read), 'rb') as f:
            for _ in range(4):
                f.readline()
            p.kill()
            self.assertEqual(f.read(), b'')

    def test_shares_with_nobody(self):
        read, write = self.pipe()
        for option in ('--info-fd', '--json-status-fd', '--block-fd'):
            r = self.run_cmd([HUSK, '--status-fd', write, option, write, 'true'],
                             pass_fds=[write])
            self.assertFails(r, 125, '--status-fd')


class Stalled(EventCase):
    """A reader that does not read keeps the launcher from nothing but writing."""

    @staticmethod
    def fill(write):
        os.set_blocking(write, False)
        try:
            while True:
                os.write(write, b' ' * 4096)
        except BlockingIOError:
            os.set_blocking(write, True)

    def full(self):
        """A pipe that holds no more."""
        read, write = self.pipe()
        self.fill(write)
        return read, write

    def start(self, write, *args):
        """A sandbox on whose status nobody can write; its launcher and first process."""
        p = self.spawn([HUSK, *args, *SMALL, '--', 'sleep', '100'], pass_fds=[write])
        return p, self.first(p.pid)

    @staticmethod
    def first(launcher):
        """The process that is the first of its pid namespace, once it is there."""
        def ids(pid):
            with contextlib.suppress(OSError), open(f'/proc/{pid}/status', encoding='ascii',
                                                    errors='replace') as f:
                return next(line for line in f if line.startswith('NSpid:')).split()[1:]
            return []
        found = wait_until(lambda: [pid for pid in children(launcher) if len(ids(pid)) == 2])
        return found[0]

    def ends(self, p, inside):
        """The first signal is the sandbox's, the next the launcher's, which has to wait."""
        p.terminate()
        self.assertTrue(wait_until(lambda: is_reaped(inside)))
        time.sleep(0.2)
        self.assertIsNone(p.poll())
        p.terminate()
        self.assertEqual(p.wait(5), -signal.SIGTERM)

    def test_from_the_beginning(self):
        for option in ('--json-status-fd', '--info-fd'):
            with self.subTest(option):
                write = self.full()[1]
                p, inside = self.start(write, option, str(write))
                p.terminate()
                self.assertTrue(wait_until(lambda i=inside: is_reaped(i)))
                if option == '--json-status-fd':
                    p.terminate()
                self.assertEqual(p.wait(5), -signal.SIGTERM)

    def test_later(self):
        read, write = self.pipe()
        p = self.spawn([HUSK, '--status-fd', str(write), *SMALL, '--', 'sleep', '100'],
                       pass_fds=[write])
        with os.fdopen(os.dup(read), 'rb') as f:
            while b'"exec"' not in f.readline():
                pass
        self.fill(write)
        self.ends(p, first_process(p.pid))

    def test_a_signal_that_comes_with_the_end(self):
        """It is the launcher's, which would wait on if it had passed it on to nobody."""
        full = self.full()[1]
        waiting, inside = self.start(full, '--json-status-fd', str(full))
        self.ends_at_once(waiting, inside)
        read, write = self.pipe()
        running = self.spawn([HUSK, '--status-fd', str(write), *SMALL, '--', 'sleep', '100'],
                             pass_fds=[write])
        with os.fdopen(os.dup(read), 'rb') as f:
            while b'"exec"' not in f.readline():
                pass
        self.fill(write)
        self.ends_at_once(running, first_process(running.pid))

    def ends_at_once(self, p, inside):
        """The launcher finds its sandbox dead and a signal, both together."""
        p.send_signal(signal.SIGSTOP)
        self.assertTrue(wait_until(lambda: ' (husk) T ' in self.stat(p.pid)))
        os.kill(inside, signal.SIGKILL)
        self.assertTrue(wait_until(lambda: not alive(inside)))
        p.terminate()
        p.send_signal(signal.SIGCONT)
        self.assertEqual(p.wait(5), -signal.SIGTERM)

    @staticmethod
    def stat(pid):
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as f:
            return f.read()

    def test_of_an_error(self):
        write = self.full()[1]
        r = self.run_cmd([HUSK, '--status-fd', write, '--hostname', 'x', 'true'], pass_fds=[write])
        self.assertFails(r, 125, '--unshare-uts')

    def test_it_reads_after_all(self):
        read, write = self.full()
        p, inside = self.start(write, '--json-status-fd', str(write))
        p.terminate()
        self.assertTrue(wait_until(lambda: not alive(inside)))
        self.close(write)
        with os.fdopen(os.dup(read), 'rb') as f:
            self.assertIn(b'{ "exit-code": 143 }', f.read())
        self.assertEqual(p.wait(5), -signal.SIGTERM)

    def test_the_parent_dies(self):
        write = self.full()[1]
        p = self.spawn(['sh', '-c', '"$@" & echo $!; wait', 'sh', HUSK, '--die-with-parent',
                        '--json-status-fd', str(write), *SMALL, '--', 'sleep', '100'],
                       pass_fds=[write])
        launcher = int(p.stdout.readline())
        inside = self.first(launcher)
        time.sleep(0.2)
        p.kill()
        self.assertTrue(wait_until(lambda: not alive(launcher) and not alive(inside)))


class WaitAll(EventCase):

    def test_waits_for_what_is_left(self):
        for args in ((), ('--unshare-pid',), SMALL):
            with self.subTest(args=args):
                r = self.husk(*args, '--wait-all', '--', 'sh', '-c',
                              '(setsid sh -c "sleep 0.3; echo late") & exit 4')
                self.assertEqual((r.rc, r.out), (4, 'late\n'))

    def test_without_it_they_are_killed(self):
        """So the pipe that they hold ends."""
        for args in ((), ('--unshare-pid',), SMALL):
            with self.subTest(args=args):
                p = self.spawn([HUSK, *args, '--', 'sh', '-c', '(setsid sleep 100) & exit 4'])
                self.assertEqual((p.stdout.read(), p.wait(5)), (b'', 4))

    def test_the_commands_signal(self):
        r = self.husk('--wait-all', '--', 'sh', '-c', 'sleep 0.2 & kill -TERM $$')
        self.assertEqual(r.rc, -signal.SIGTERM)

    def test_signals_reach_what_is_left(self):
        # up is said when the command has been reaped
        left = ('sh -c "trap \'echo heard; exit\' TERM; while kill -0 $$ 2>&-; do sleep 0.01; '
                'done; echo up; while :; do sleep 0.05; done" & exit 4')
        for args in ((), ('--unshare-pid',)):
            with self.subTest(args=args):
                read, write = self.pipe()
                p = self.spawn([HUSK, *args, '--wait-all', '--', 'sh', '-c', left],
                               stdout=write)
                self.close(write)
                with os.fdopen(os.dup(read), encoding='ascii') as f:
                    self.assertEqual(f.readline(), 'up\n')
                    p.send_signal(signal.SIGTERM)
                    self.assertEqual(f.readline(), 'heard\n')
                self.assertEqual(p.wait(5), 4)

    def test_still_dies_with_the_launcher(self):
        for args in ((), ('--unshare-pid',)):
            with self.subTest(args=args):
                read, write = self.pipe()
                p = self.spawn([HUSK, *args, '--wait-all', '--', 'sh', '-c',
                                'echo up; sleep 100 & exit 4'], stdout=write)
                self.close(write)
                with os.fdopen(os.dup(read), encoding='ascii') as f:
                    self.assertEqual(f.readline(), 'up\n')
                    p.kill()
                    self.assertEqual(f.read(), '')
                self.assertTrue(wait_until(lambda: not self.descendants(os.getpid())))

    def test_needs_an_init(self):
        self.assertFails(self.husk('--unshare-pid', '--as-pid-1', '--wait-all', 'true'), 125,
                         '--wait-all')


if __name__ == '__main__':
    main()
