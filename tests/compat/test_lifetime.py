#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How sandboxes of the bwrap personality end, and what outlives what."""

import os
import select
import signal

from compat import (DEVHOST, EACH, HOST, NEWPROC, PATIENCE, PROC, PYTHON, SLOW, USR, Compare,
                    main)

SLEEP = ('sh', '-c', 'echo; exec sleep 60')


def ended(fd, timeout=PATIENCE * SLOW):
    """Whether the last holder of a pipe's other end goes within timeout seconds."""
    return bool(select.select([fd], [], [], timeout)[0])


class Status(Compare):

    def test_zero(self):
        self.same(*HOST, 'true')

    def test_one(self):
        self.same(*HOST, 'false', rc=1)

    def test_255(self):
        self.same(*HOST, 'sh', '-c', 'exit 255', rc=255)

    def test_every_way_to_run_it(self):
        for words in ((), ('--unshare-pid',), ('--unshare-pid', '--as-pid-1'), ('--new-session',),
                      ('--die-with-parent',), ('--unshare-all', '--sync-fd', '0')):
            with self.subTest(words):
                self.same(*HOST, *words, 'sh', '-c', 'exit 42', rc=42)

    def test_signals(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL,
                       signal.SIGSEGV, signal.SIGTERM, signal.SIGUSR1, signal.SIGRTMIN):
            with self.subTest(number):
                self.same(*HOST, 'sh', '-c', f'kill -{int(number)} $$', rc=128 + number)

    def test_signals_with_a_pid_namespace(self):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGABRT):
            with self.subTest(number):
                self.same(*HOST, '--unshare-pid', 'sh', '-c', f'kill -{int(number)} $$',
                          rc=128 + number)

    def test_kill_of_oneself_is_ignored_as_pid_1(self):
        self.same(*HOST, '--unshare-pid', '--as-pid-1', 'sh', '-c', 'kill -TERM $$; exit 3', rc=3)

    def test_kill_of_init_is_ignored(self):
        self.same(*HOST, '--unshare-pid', 'sh', '-c', 'kill -KILL 1; kill -TERM 1; exit 4', rc=4)

    def test_only_the_command_counts(self):
        self.same(*DEVHOST, '--unshare-pid', 'sh', '-c', '(sleep .2; exit 9) & exit 5', rc=5)

    def test_failure_of_our_own(self):
        self.same(*HOST, '--dir', '/nonexistent', 'true', rc=1)

    def test_output_is_all_there(self):
        self.same(*HOST, '--unshare-pid', 'seq', '100000')


class AsPid1(Compare):

    def test_pid(self):
        self.same(*HOST, '--unshare-pid', '--as-pid-1', 'sh', '-c', 'echo $$ $PPID', out='1 0\n')

    def test_no_other_process(self):
        self.same(*USR, *NEWPROC, '--as-pid-1', 'sh', '-c', 'echo /proc/[0-9]*', out='/proc/1\n')

    def test_its_end_is_everybody_s(self):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                self.assertRuns(self.run_cmd(
                    [program, *DEVHOST, '--unshare-pid', '--as-pid-1', 'sh', '-c',
                     'sleep 60 >&2 & exit 0'], pass_fds=[w]))
                self.close(w)
                self.assertTrue(ended(r))

    def test_with_a_failing_command(self):
        self.same_error('execvp /nonexistent: No such file or directory',
                        *HOST, '--unshare-pid', '--as-pid-1', '/nonexistent')


class Sessions(Compare):

    def session(self, *options):
        """Session and process group of the command, as its pid namespace numbers them."""
        return self.same(*USR, *NEWPROC, *options, PYTHON, '-Ic',
                         'import os; print(os.getsid(0), os.getpgid(0))').out

    def test_the_caller_s_by_default(self):
        self.assertEqual(self.session(), '0 0\n')

    def test_new(self):
        self.assertEqual(self.session('--new-session'), '1 1\n')

    def test_new_as_pid_1(self):
        self.assertEqual(self.session('--new-session', '--as-pid-1'), '1 1\n')

    def test_new_session_has_no_terminal(self):
        for program in EACH:
            with self.subTest(program):
                r = self.pty([program, *DEVHOST, '--new-session', 'sh', '-c', ': < /dev/tty'])
                self.assertNotEqual(r.rc, 0, r)

    def test_the_terminal_is_kept_by_default(self):
        for program in EACH:
            with self.subTest(program):
                r = self.pty([program, *DEVHOST, 'sh', '-c', 'echo there > /dev/tty'])
                self.assertEqual((r.rc, r.out), (0, 'there\r\n'))

    def test_terminal_is_passed_on(self):
        for program in EACH:
            with self.subTest(program):
                r = self.pty([program, *DEVHOST, 'sh', '-c', 'test -t 0 -a -t 1 -a -t 2'])
                self.assertEqual(r.rc, 0, r)


class Orphans(Compare):

    def leaves(self, *options):
        """bwrap returns while a child of the command lives on."""
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                result = self.run_cmd([program, *DEVHOST, *options, 'sh', '-c',
                                       'sleep 60 >&2 & exit 6'], pass_fds=[w])
                self.assertEqual((result.rc, result.timed_out), (6, False), result)
                self.close(w)
                self.assertFalse(ended(r, 0.3))

    def test_live_on(self):
        self.leaves()

    def test_live_on_with_a_pid_namespace(self):
        self.leaves('--unshare-pid')

    def test_live_on_with_an_init(self):
        self.leaves('--sync-fd', '0')

    def test_live_on_with_a_status_fd(self):
        self.leaves('--unshare-pid', '--json-status-fd', '1')

    def test_are_init_s_children(self):
        self.same(*DEVHOST, *NEWPROC, 'sh', '-c',
                  'pid=$(sh -c "sleep 60 >&2 & echo \\$!"); grep PPid /proc/$pid/status',
                  out='PPid:\t1\n')

    def test_init_ends_with_the_last(self):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                hold_r, hold_w = self.pipe()
                self.assertRuns(self.run_cmd(
                    [program, *DEVHOST, '--unshare-pid', '--sync-fd', w, 'sh', '-c',
                     f'head -c1 <&{hold_r} >&2 & exit 0'], pass_fds=[w, hold_r]))
                self.close(w)
                self.assertFalse(ended(r, 0.2))
                self.close(hold_w)
                self.assertTrue(ended(r))


class DieWithParent(Compare):

    def running(self, program, *options):
        """Start a shell whose child is the launcher; return shell, launcher's pid, pipe end."""
        r, w = self.pipe()
        shell = self.spawn(['sh', '-c', '"$@" & echo $! >&2; wait', 'sh', program, *DEVHOST,
                            *options, *SLEEP], pass_fds=[w])
        self.close(w)
        pid = int(shell.stderr.readline())
        shell.stdout.readline()
        return shell, pid, r

    def killed(self, whom, number, dies, *options):
        for program in EACH:
            with self.subTest(program):
                shell, pid, r = self.running(program, *options)
                os.kill(shell.pid if whom == 'parent' else pid, number)
                self.assertEqual(ended(r, PATIENCE * SLOW if dies else 0.4), dies)

    def test_parent_killed(self):
        self.killed('parent', signal.SIGKILL, True, '--die-with-parent')

    def test_parent_killed_with_a_pid_namespace(self):
        self.killed('parent', signal.SIGKILL, True, '--die-with-parent', '--unshare-pid')

    def test_parent_killed_as_pid_1(self):
        self.killed('parent', signal.SIGKILL, True, '--die-with-parent', '--unshare-pid',
                    '--as-pid-1')

    def test_launcher_killed(self):
        self.killed('launcher', signal.SIGKILL, True, '--die-with-parent')

    def test_launcher_terminated(self):
        self.killed('launcher', signal.SIGTERM, True, '--die-with-parent', '--unshare-pid')

    def test_parent_killed_without_the_option(self):
        self.killed('parent', signal.SIGKILL, False)

    def test_parent_killed_without_the_option_with_a_pid_namespace(self):
        self.killed('parent', signal.SIGKILL, False, '--unshare-pid')

    def test_launcher_killed_without_the_option(self):
        self.killed('launcher', signal.SIGKILL, False, '--unshare-pid')

    def test_with_dev(self):
        self.killed('parent', signal.SIGKILL, True, '--die-with-parent', '--dev', '/dev')

    def test_with_uid(self):
        self.killed('parent', signal.SIGKILL, True, '--die-with-parent', '--uid', '0',
                    '--unshare-all')

    def test_nothing_dies_before(self):
        self.same(*HOST, '--die-with-parent', '--unshare-pid', 'sh', '-c', 'sleep .2; echo done',
                  out='done\n')


class Signals(Compare):

    def sent(self, number):
        """Send a signal to the launcher: it dies of it, the sandbox goes on."""
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                p = self.spawn([program, *HOST, '--unshare-pid', *SLEEP], pass_fds=[w])
                self.close(w)
                p.stdout.readline()
                p.send_signal(number)
                self.assertEqual(p.wait(5), -number)
                self.assertFalse(ended(r, 0.3))

    def test_term_is_not_forwarded(self):
        self.sent(signal.SIGTERM)

    def test_int_is_not_forwarded(self):
        self.sent(signal.SIGINT)

    def test_usr1_is_not_forwarded(self):
        self.sent(signal.SIGUSR1)

    def test_hup_is_not_forwarded(self):
        self.sent(signal.SIGHUP)

    def state(self, *options, **kw):
        """What the command ignores, blocks and catches."""
        return self.same(*HOST, *options, 'grep', '^Sig\\(Blk\\|Ign\\|Cgt\\):',
                         '/proc/self/status', **kw)

    def test_dispositions_and_mask(self):
        self.state()

    def test_dispositions_and_mask_with_a_pid_namespace(self):
        self.state('--unshare-pid', '--proc', '/proc')

    def test_ignored_signals_stay_ignored(self):
        r = self.state(under=['sh', '-c', 'trap "" HUP USR1; exec "$@"', 'sh'])
        self.assertRegex(r.out, 'SigIgn:.*01\n')

    def test_blocked_signals_stay_blocked(self):
        self.state(under=[PYTHON, '-Ic', 'import os, signal, sys\n'
                          'signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])\n'
                          'os.execv(sys.argv[1], sys.argv[1:])'])

    def test_interrupt_of_the_whole_group(self):
        for program in EACH:
            with self.subTest(program):
                r = self.pty([program, *DEVHOST, 'sh', '-c', 'kill -INT 0; sleep 5'])
                self.assertEqual(r.rc, -signal.SIGINT, r)


class Cleanup(Compare):

    def test_no_process_is_left(self):
        for program in EACH:
            with self.subTest(program):
                self.assertRuns(self.run_cmd([program, *USR, *PROC, '--unshare-all', 'true']))
                self.assertTrue(self.wait_until(lambda: not self.descendants(os.getpid())))

    def test_no_process_is_left_after_an_error(self):
        for program in EACH:
            with self.subTest(program):
                self.assertFails(self.run_cmd([program, *HOST, '--unshare-all', '--dir', '/no',
                                               'true']), 1)
                self.assertTrue(self.wait_until(lambda: not self.descendants(os.getpid())))


if __name__ == '__main__':
    main()
