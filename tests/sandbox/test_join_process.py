#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""All namespaces of a running sandbox joined at once."""

import json
import os
import shutil
import signal
import subprocess

from joining import IDS, JoinCase, asleep, children, comm, ids
from probe import BWRAP, HOST, HUSK, ORACLE, SMALL, main

# what may be said of a command that joins, by groups of the table and beyond them
MAKING = {'namespaces', 'root'}
ALSO = {'--as-pid-1', '--disable-userns', '--fake-root-consistent', '--file-label', '--hostname',
        '--landlock', '--landlock-abi', '--landlock-tcp', '--map-current-user', '--map-root-user',
        '--not-a-security-boundary', '--pid-limit', '--sysctl', '--userns-block-fd'}


class Joined(JoinCase):
    def join(self, pid, *args, **kw):
        return self.husk('--join-pid', pid, '--', *args, **kw)

    def test_every_namespace(self):
        for args in ((), ('--cap-drop', 'ALL'), ('--uid', '7')):
            with self.subTest(args=args):
                pid = self.small(*args)
                got = self.ids_inside(self.join(pid, 'readlink', *IDS.split()))
                self.assertEqual(got, ids(pid))

    def test_those_that_differ(self):
        pid = self.sandbox('--unshare-net')[2]
        self.assertEqual(self.ids_inside(self.join(pid, 'readlink', *IDS.split())), ids(pid))

    def test_none_is_left_out(self):
        """Whichever of them cannot be looked at: then nothing is joined."""
        self.need('strace')
        pid = self.small()
        refused = 0
        for number in range(1, 18):
            r = self.run_cmd(['strace', '-f', '-qq', '-o', '/dev/null', '-e',
                              f'inject=newfstatat,statx:error=ENOMEM:when={number}', HUSK,
                              '--join-pid', pid, '--', 'readlink', *IDS.split()])
            refused += r.rc == 125
            if r.rc == 0:
                self.assertEqual(r.out.split(), list(ids(pid).values()))
        self.assertGreater(refused, 8)

    def test_by_a_pidfd(self):
        pid = self.small()
        fd = os.pidfd_open(pid)
        os.set_inheritable(fd, True)
        r = self.husk('--join-fd', fd, '--', 'readlink', *IDS.split(), pass_fds=[fd])
        os.close(fd)
        self.assertEqual(self.ids_inside(r), ids(pid))

    def test_what_is_there(self):
        pid = self.small('--hostname', 'boxed', '--boottime', '500000', command=(
            'sh', '-c', 'echo text >/tmp/file; exec sleep 60'))
        r = self.join(pid, 'sh', '-c', 'hostname; cat /tmp/file; cut -d. -f1 /proc/uptime; '
                      'cat /proc/2/comm')
        name, text, uptime, first = r.out.split()
        self.assertEqual((name, text, first), ('boxed', 'text', 'sleep'))
        self.assertGreater(int(uptime), 500000)

    def test_power_over_them(self):
        """As the sandbox's own command has it, and no more."""
        pid = self.small()
        self.assertRuns(self.join(pid, 'ip', 'link', 'set', 'lo', 'down'))
        self.assertRuns(self.join(pid, 'hostname', 'x'))
        self.assertRuns(self.join(pid, 'hostname'), 'x\n')
        r = self.join(pid, 'sh', '-c', 'umount /tmp || mount -o remount,rw,bind / || '
                      'umount -l /dev || echo none')
        self.assertRuns(r, 'none\n')

    def test_lists_of_options(self):
        """Also where husk runs itself from a copy first, since the caller may write to its file."""
        program = shutil.copy(HUSK, self.path('own'))
        lists = [self.write(name, f'--setenv\0{name}\0of {name}\0') for name in 'ABC']
        for program in (HUSK, program):
            r = self.run_cmd(['sh', '-c', 'exec "$@" 3<$A 4<$B 5<$C', 'sh', program, '--join-pid',
                              self.small(), '--args', '3', '--args', '4', '--args', '5', '--',
                              'sh', '-c', 'echo $A, $B, $C'], env=dict(zip('ABC', lists)))
            self.assertRuns(r, 'of A, of B, of C\n')

    def test_ids(self):
        for args, want in (((), '0 0'), (('--uid', '7', '--gid', '8'), '7 8')):
            pid = self.small(*args)
            self.assertRuns(self.join(pid, 'sh', '-c', 'echo $(id -u) $(id -g)'), want + '\n')

    def test_an_id_that_is_not_there(self):
        r = self.husk('--join-pid', self.small(), '--uid', '5', 'true')
        self.assertFails(r, 125, 'uid 5')

    def test_a_nested_sandbox(self):
        """Made within another, joined from outside both."""
        p = self.spawn([HUSK, *SMALL, '--', HUSK, *SMALL, '--', 'sleep', '60'])
        found = []
        self.assertTrue(self.wait_until(lambda: found.extend(
            pid for pid in self.descendants(p.pid) if asleep(pid)) or found))
        self.assertEqual(self.ids_inside(self.join(found[0], 'readlink', *IDS.split())),
                         ids(found[0]))

    def test_from_within_a_sandbox(self):
        """Root of one sandbox joins another that it has made."""
        r = self.husk(*SMALL, '--', 'sh', '-c', f'''
            {HUSK} --unshare-all --ro-bind / / --proc /proc -- sleep 60 &
            until pid=$(pgrep -xf 'sleep 60'); do sleep 0.05; done
            readlink /proc/$pid/ns/pid
            {HUSK} --join-pid $pid -- readlink /proc/self/ns/pid
            kill $!''')
        self.assertEqual(len(set(r.out.split())), 1, r)
        self.assertEqual(len(r.out.split()), 2, r)


class Command(JoinCase):
    """What can be said of the command holds."""

    def setUp(self):
        super().setUp()
        self.first, self.target = self.sandbox(*SMALL, '--tmpfs', '/tmp')[1:]

    def join(self, *args, **kw):
        return self.husk('--join-pid', self.target, *args, **kw)

    def test_status(self):
        self.assertEqual(self.join('sh', '-c', 'exit 9').rc, 9)
        self.assertEqual(self.join('sh', '-c', 'kill -9 $$').rc, -9)
        self.assertFails(self.join('/no/such'), 127)
        self.assertFails(self.join('/etc/passwd'), 126)

    def test_the_program_is_the_sandboxs(self):
        self.assertFails(self.join(self.write('prog', '#!/bin/sh\n', 0o755)), 127)

    def test_environment(self):
        r = self.join('--clearenv', '--setenv', 'A', 'b', '--chdir', '/usr', 'env')
        self.assertEqual(sorted(r.out.split()), ['A=b', 'PWD=/usr'], r)

    def test_directory(self):
        self.assertRuns(self.join('pwd', cwd='/usr/bin'), '/usr/bin\n')
        r = self.join('sh', '-c', 'pwd; readlink /proc/self/cwd /proc/self/root', cwd=self.dir)
        self.assertNotIn('husk-test', r.out)
        self.assertFails(self.join('--chdir', self.dir, 'true'), 125, 'chdir')

    def test_no_descriptor_leaks(self):
        secret = [self.open('/') for _ in range(3)]
        r = self.join('ls', '-l', '/proc/self/fd', pass_fds=secret)
        links = [line.split(' -> ')[1] for line in r.out.splitlines() if ' -> ' in line]
        self.assertEqual(len(links), 4, r)
        self.assertNotIn('/', links)

    def test_kept_descriptors(self):
        fd, other = self.fd('kept'), self.open('/')
        r = self.join('--keep-fd', fd, 'sh', '-c', f'cat <&{fd}; ls /proc/self/fd | wc -l',
                      pass_fds=[fd, other])
        self.assertRuns(r, 'kept5\n')
        fd = self.fd('inherited')
        r = self.join('--inherit-fds', 'sh', '-c', f'cat <&{fd}; ls /proc/self/fd | wc -l',
                      pass_fds=[fd])
        self.assertEqual(r.rc, 0, r)
        self.assertRegex(r.out, r'^inherited\d+$')
        self.assertNotIn('socket:', self.join('--inherit-fds', 'ls', '-l', '/proc/self/fd').out)

    def test_keyring(self):
        r = self.join('cat', '/proc/keys')
        self.assertEqual(r.rc, 0, r)
        self.assertRegex(r.out, '_ses')

    def test_session(self):
        r = self.join('--new-session', 'sh', '-c', 'cut -d" " -f6 /proc/self/stat; echo $$')
        self.assertEqual(r.rc, 0, r)

    def test_descriptors_for_the_caller(self):
        read, write = self.pipe()
        block, unblock = self.pipe()
        p = self.spawn([HUSK, '--join-pid', self.target, '--json-status-fd', write, '--block-fd',
                        block, '--', 'sh', '-c', 'exit 4'], pass_fds=[write, block])
        self.close(write)
        with os.fdopen(os.dup(read)) as f:
            info = json.loads(f.readline())
            for kind in ('cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'):
                self.assertEqual(f'{kind}:[{info[kind + "-namespace"]}]', ids(self.target)[kind])
            self.assertIsNone(p.poll())
            os.write(unblock, b'x')
            self.assertEqual(json.loads(f.readline()), {'exit-code': 4})
        self.assertEqual(p.wait(5), 4)

    def test_lock_file(self):
        self.assertRuns(self.join('--lock-file', '/etc/passwd', 'true'))
        self.assertFails(self.join('--lock-file', self.write('lock'), 'true'), 125, 'lock file')

    def test_signals_are_passed_on(self):
        p = self.spawn([HUSK, '--join-pid', self.target, '--', 'sh', '-c',
                        'trap "exit 3" TERM; echo on; while :; do sleep 0.1; done'])
        p.stdout.read(3)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(10), 3)

    def test_dies_with_the_launcher(self):
        p = self.spawn([HUSK, '--join-pid', self.target, '--', 'sh', '-c', 'sleep 44 & sleep 44'])
        self.assertTrue(self.wait_until(lambda: [comm(x) for x in self.descendants(p.pid)].count(
            'sleep') == 2))
        inside = self.descendants(p.pid)
        p.kill()
        p.wait()
        for pid in inside:
            self.assertTrue(self.wait_gone(pid))
        self.assertTrue(self.alive(self.target))

    def test_nobody_else_ends_with_the_sandbox(self):
        """With its pid namespace alone, too. All of it is in a namespace, for the others' sake."""
        script = f'''
            sleep 61 & other=$!
            {HUSK} --unshare-pid --ro-bind / / -- sleep 62 &
            until target=$(pgrep -xf 'sleep 62'); do sleep 0.05; done
            {HUSK} --pidns 7 -- sleep 63 7</proc/$target/ns/pid & joined=$!
            until pgrep -xf 'sleep 63' >pid; do sleep 0.05; done
            kill -9 $(ps -o ppid= -p $target)
            wait $joined
            kill -0 $other && echo lives'''
        r = self.run_cmd(['unshare', '-Urpf', '--kill-child', '--mount-proc', 'sh', '-c', script])
        self.assertEqual(r.out, 'lives\n', r)

    def test_ends_with_the_sandbox(self):
        p = self.spawn([HUSK, '--join-pid', self.target, '--', 'sleep', '60'])
        self.assertTrue(self.wait_until(
            lambda: 'sleep' in [comm(x) for x in self.descendants(p.pid)]))
        os.kill(self.target, signal.SIGKILL)
        self.assertNotEqual(p.wait(10), 0)

    def test_leaves_nothing_behind(self):
        self.assertRuns(self.join('sh', '-c', 'setsid sleep 45 & true'))
        self.assertEqual(children(self.first), [self.target])

    def test_options_that_make_a_sandbox(self):
        """Each of them is refused by its name; nothing is silently left out."""
        operands = {'FD': '0', 'SECONDS': '1', 'OCTAL': '755', 'BYTES': '1', 'PID': '1',
                    'NUMBER': '400', 'SETTING': 'net.ipv4.ip_forward=1', 'VERSION': '1',
                    'PORT': 'bind:80'}
        for line in self.husk('--dump-options').out.splitlines():
            name, kinds, group, *_ = line.split('\t') + ['', '']
            if not (group in MAKING or name in ALSO) or name.startswith('--join-'):
                continue
            words = [name, *(operands.get(kind, '/x') for kind in kinds.split())]
            if name == '--mount-flags':
                words = [name, 'noexec']
            with self.subTest(name):
                r = self.join(*words, '--tmpfs', '/a', 'true')
                self.assertFails(r, 125, '--join-pid is not compatible with --|must be followed'
                                 '|takes|two|needs|at least|[Ii]nvalid')
                if group == 'namespaces' or name in ALSO:
                    self.assertFails(self.join(*words, 'true'), 125,
                                     f'--join-pid is not compatible with {name}')


class Refused(JoinCase):
    def test_the_init_of_a_sandbox(self):
        """It is closed to everybody; the way out is named."""
        first, pid = self.sandbox(*SMALL)[1:]
        r = self.husk('--join-pid', first, 'true')
        self.assertFails(r, 125, f'process {first}: Permission denied')
        self.assertRegex(r.err, 'hint: .*pgrep -P')
        self.assertRuns(self.husk('--join-pid', pid, 'true'))

    def test_nothing_to_join(self):
        r = self.husk('--join-pid', os.getpid(), 'true')
        self.assertFails(r, 125, 'no other namespace')
        self.assertIn('the launcher of a sandbox is outside of it', r.err)

    def test_an_id_that_is_not_there(self):
        pid = self.small()
        for option in ('--uid', '--gid'):
            r = self.husk('--join-pid', pid, option, '5', 'true')
            self.assertFails(r, 125, f'unable to switch to {option[2:]} 5: Invalid argument')
            self.assertIn('must have that id', r.err)

    def test_no_process(self):
        p = self.spawn(['true'])
        p.wait()
        r = self.husk('--join-pid', p.pid, 'true')
        self.assertFails(r, 125, f'--join-pid {p.pid}: No such process')
        for word in ('0', '-1', 'x', '', '99999999999'):
            self.assertFails(self.husk('--join-pid', word, 'true'), 125, 'Invalid pid')

    def test_another_users(self):
        self.assertFails(self.husk('--join-pid', '1', 'true'), 125, 'process 1: Permission denied')

    def test_no_pidfd(self):
        fd = self.open('/dev/null')
        r = self.husk('--join-fd', fd, 'true', pass_fds=[fd])
        self.assertFails(r, 125, f'--join-fd {fd}: the descriptor is no pidfd')

    def test_a_pidfd_of_the_dead(self):
        p = self.spawn(['sleep', '60'])
        fd = os.pidfd_open(p.pid)
        os.set_inheritable(fd, True)
        p.kill()
        p.wait()
        r = self.husk('--join-fd', fd, 'true', pass_fds=[fd])
        os.close(fd)
        self.assertFails(r, 125, f'--join-fd {fd}: ')

    def test_both(self):
        fd = self.open('/dev/null')
        r = self.husk('--join-fd', fd, '--join-pid', '1', 'true', pass_fds=[fd])
        self.assertFails(r, 125, '--join')

    def test_explained(self):
        pid = self.small()
        plan = json.loads(self.husk('--explain-json', '--join-pid', pid, '--', 'ls').out)
        self.assertEqual(plan['namespaces']['process'], pid)
        self.assertEqual({entry['kind'] for entry in plan['namespaces']['joined']},
                         {'cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts', 'user', 'time'})
        self.assertEqual(plan['root']['kind'], 'joined')
        self.assertIn(f'of process {pid}:', self.husk('--explain', '--join-pid', pid, 'ls').out)


class Others(JoinCase):
    """With the tools that others have."""

    def test_made_by_unshare(self):
        pid = self.unshared('--user', '--map-root-user', '--mount', '--net', '--uts', '--pid',
                            '--fork', '--kill-child', '--mount-proc')
        r = self.husk('--join-pid', pid, '--', 'readlink', *IDS.split())
        self.assertEqual(self.ids_inside(r), ids(pid))

    def test_made_by_bwrap(self):
        for program in (BWRAP, ORACLE):
            self.need(program)
            p = self.spawn([program, '--unshare-all', *HOST, '--dev', '/dev', '--proc', '/proc',
                            '--', 'sleep', '60'])
            found = []
            self.assertTrue(self.wait_until(lambda q=p, f=found: f.extend(
                pid for pid in self.descendants(q.pid) if asleep(pid)) or f))
            r = self.husk('--join-pid', found[0], '--', 'sh', '-c',
                          f'readlink {IDS}; grep CapBnd /proc/self/status')
            got = r.out.split()
            self.assertEqual(got[:8], list(ids(found[0]).values()), r)
            self.assertEqual(got[-1], '0' * 16)

    def test_nsenter_enters_husks(self):
        pid = self.small('--hostname', 'boxed')
        r = self.run_cmd(['nsenter', '--preserve-credentials', '-t', str(pid), '-U', '-m', '-u',
                          '-n', '-i', '-p', '-C', 'sh', '-c', f'hostname; readlink {IDS}'])
        name, *links = r.out.split()
        self.assertEqual(name, 'boxed', r)
        self.assertEqual(dict(zip(ids(pid), links))['net'], ids(pid)['net'])

    def test_nsenter_enters_a_joined_command(self):
        pid = self.small('--hostname', 'boxed')
        p = self.spawn([HUSK, '--join-pid', pid, '--', 'sleep', '77'])
        found = []
        self.assertTrue(self.wait_until(lambda: found.extend(
            x for x in self.descendants(p.pid) if asleep(x)) or found))
        r = subprocess.run(['nsenter', '--preserve-credentials', '-t', str(found[0]), '-U', '-u',
                            'hostname'], capture_output=True, text=True, check=False)
        self.assertEqual(r.stdout, 'boxed\n', r)


if __name__ == '__main__':
    main()
