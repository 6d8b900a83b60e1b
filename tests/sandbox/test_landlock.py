#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--landlock is a second wall: it holds where a descriptor, a socket or a pid leads out."""

import json
import os
import signal
import socket
import time

from probe import HOST, HUSK, PROC, PYTHON, USR, ProbeCase, main

# makes calls given as expressions, prints the result or the name of the error of each
TRY = '''
import errno, os, signal, socket, sys
def connect(address, kind=socket.AF_INET):
    with socket.socket(kind) as s:
        s.settimeout(5)
        s.connect(address)
def bind(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.0.1', port))
def put(path, fd=None):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd))
def get(path, fd=None):
    f = os.open(path, os.O_RDONLY, dir_fd=fd)
    os.read(f, 1)
for call in sys.argv[1:]:
    try:
        eval(call)
        print('ok')
    except OSError as e:
        print(errno.errorcode[e.errno])
'''


class Landlock(ProbeCase):

    def setUp(self):
        super().setUp()
        r = self.husk('--explain-json', '--landlock', 'true')
        if r.rc != 0:
            self.skipTest('this kernel has no Landlock')
        self.abi = json.loads(r.out)['walls']['landlock-abi']

    def try_inside(self, args, *calls, pass_fds=()):
        r = self.run_cmd([HUSK, *args, '--', PYTHON, '-c', TRY, *calls], pass_fds=pass_fds)
        self.assertRuns(r)
        return r.out.split()

    def both(self, args, *calls, without, behind, pass_fds=()):
        """The results of the calls without the wall and behind it."""
        got = self.try_inside(args, *calls, pass_fds=pass_fds)
        self.assertEqual(dict(zip(calls, got)), dict(zip(calls, without)))
        got = self.try_inside((*args, '--landlock'), *calls, pass_fds=pass_fds)
        self.assertEqual(dict(zip(calls, got)), dict(zip(calls, behind)))

    def newer(self, abi):
        if self.abi < abi:
            self.skipTest(f'Landlock {self.abi} is older than {abi}')


class Files(Landlock):

    def test_a_descriptor_that_leads_out(self):
        """A directory of the host's that the command was left is a way around every mount."""
        self.write('secret', 'x')
        self.mkdir('d')
        fd = self.open(self.dir)
        self.both((*USR, '--keep-fd', fd), f'get("secret", {fd})', f'put("new", {fd})',
                  f'put("secret", {fd})', f'os.listdir(os.open("d", 0, dir_fd={fd}))',
                  f'os.rename("d", "d", src_dir_fd={fd}, dst_dir_fd={fd})',
                  without=('ok',) * 5, behind=('EACCES',) * 5, pass_fds=[fd])

    def test_what_is_bound_writable_is_writable(self):
        """All that can be done to files, renaming and truncating among it."""
        args = (*USR, '--bind', self.dir, '/w', '--tmpfs', '/t')
        calls = [c.replace('W', place) for place in ('/w', '/t') for c in (
            'put("W/f")', 'os.mkdir("W/d")', 'os.rename("W/f", "W/d/f")',
            'os.truncate("W/d/f", 0)', 'os.symlink("x", "W/l")', 'os.mkfifo("W/p")',
            'os.link("W/d/f", "W/h")', 'os.unlink("W/h")', 'os.unlink("W/l")', 'get("W/d/f")',
            'os.unlink("W/p")', 'os.unlink("W/d/f")', 'os.rmdir("W/d")')]
        want = ['ok'] * len(calls)
        if self.abi >= 2:
            self.both(args, *calls, without=want, behind=want)

    def test_what_is_bound_readonly(self):
        self.write('f', 'x')
        self.both((*USR, '--ro-bind', self.dir, '/r'), 'get("/r/f")', 'os.listdir("/r")',
                  'put("/r/n")', 'os.unlink("/r/f")',
                  without=('ok', 'ok', 'EROFS', 'EROFS'), behind=('ok', 'ok', 'EROFS', 'EROFS'))

    def test_programs_run(self):
        r = self.husk('--landlock', *USR, *PROC, '--dev', '/dev', '--', 'sh', '-c',
                      'ls / | tr "\\n" " "; echo $((1+1)) > /dev/null; (exit 3)')
        self.assertEqual((r.rc, r.err), (3, ''))
        self.assertIn('usr', r.out)

    def test_the_root_of_husks_own_making(self):
        """It can be listed; nothing that was not asked for can be made on it."""
        self.both((*USR, '--dir', '/made'), 'os.listdir("/")', 'put("/f")', 'put("/made/f")',
                  without=('ok', 'ok', 'ok'), behind=('ok', 'EACCES', 'ok'))

    def test_a_file(self):
        data = self.fd('data')
        args = (*USR, '--file', data, '/f')
        self.assertEqual(self.try_inside((*args, '--landlock'), 'get("/f")', 'os.truncate("/f", 0)',
                                         pass_fds=[data]), ['ok', 'ok'])

    def test_what_a_later_mount_covers(self):
        """Its right to write is not left to what lies over it."""
        self.write('f', 'x')
        fd = self.open(self.dir)
        args = (*USR, '--bind', '/tmp', '/m', '--ro-bind', self.dir, '/m', '--keep-fd', fd,
                '--landlock')
        # /m is the directory now: a rule on it is one on that inode, wherever it is met
        self.assertEqual(self.try_inside(args, 'get("/m/f")', f'get("f", {fd})',
                                         f'put("n", {fd})', pass_fds=[fd]),
                         ['ok', 'ok', 'EACCES'])

    def test_a_destination_without_a_slash(self):
        """It is seen from the root, not from the directory of the caller."""
        self.mkdir('w')
        args = (*USR, '--bind', self.path('w'), 'w', '--proc', 'proc', '--unshare-pid')
        for cwd in ('/', '/usr', self.dir):
            with self.subTest(cwd=cwd):
                r = self.run_cmd([HUSK, '--landlock', *args, '--', 'sh', '-c', 'echo x > /w/f'],
                                 cwd=cwd)
                self.assertRuns(r)
        r = self.run_cmd([HUSK, *HOST, '--tmpfs', 'tmp', '--landlock', '--', 'sh', '-c',
                          'echo x > /tmp/f'], cwd='/usr')
        self.assertRuns(r)

    def test_remounted_readonly(self):
        fd = self.open(self.mkdir('d'))
        args = (*USR, '--bind', self.path('d'), '/m', '--remount-ro', '/m', '--keep-fd', fd)
        self.both(args, f'put("n", {fd})', without=('ok',), behind=('EACCES',), pass_fds=[fd])

    def test_the_hosts_tree(self):
        """All of it stays writable where nothing else was asked for."""
        name = self.path('f')
        self.both((), f'put("{name}")', without=('ok',), behind=('ok',))

    def test_fresh_proc_and_dev(self):
        self.both((*HOST, *PROC, '--dev', '/dev'),
                  'os.write(os.open("/proc/self/comm", os.O_WRONLY), b"x")',
                  'put("/dev/null")', 'put("/dev/shm/f")', 'os.openpty()',
                  without=('ok',) * 4, behind=('ok',) * 4)

    def test_missing_binds(self):
        args = (*USR, '--bind', self.dir, '/m', '--bind-try', '/no/such', '/m', '--landlock')
        self.assertEqual(self.try_inside(args, 'put("/m/f")'), ['ok'])

    def test_no_mounts(self):
        """The kernel's own rule: behind Landlock nobody rearranges the mounts."""
        calls = ('mount tmpfs /tmp',)
        self.assertEqual(self.probe((*HOST, *PROC), *calls), ['ok'])
        self.assertEqual(self.probe((*HOST, *PROC, '--landlock'), *calls), ['EPERM'])

    def test_no_other_sandbox(self):
        r = self.husk(*HOST, *PROC, '--landlock', '--', HUSK, *HOST, 'true')
        self.assertFails(r, 125, 'behind Landlock, which lets nobody change mounts\n.*hint: .*'
                                 '--landlock')


class Others(Landlock):

    def setUp(self):
        super().setUp()
        self.newer(6)

    def test_abstract_sockets(self):
        name = f'\0husk-{os.getpid()}-{time.monotonic_ns()}'
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(name)
            s.listen()
            self.both(HOST, f'connect({name!r}, socket.AF_UNIX)', without=('ok',),
                      behind=('EPERM',))

    def test_signals(self):
        victim = self.spawn(['sleep', '100'])
        self.both(HOST, f'os.kill({victim.pid}, 0)', f'os.kill({victim.pid}, signal.SIGCONT)',
                  'os.kill(os.getpid(), signal.SIGCONT)', without=('ok', 'ok', 'ok'),
                  behind=('EPERM', 'EPERM', 'ok'))

    def test_signals_among_its_own(self):
        # a job in the background opens /dev/null, which is no device on the host's tree
        r = self.husk('--landlock', *HOST, '--dev', '/dev', '--', 'sh', '-c',
                      'sleep 100 & kill $!; wait $!')
        self.assertEqual(r.rc, 128 + signal.SIGTERM)

    def test_its_own_are_still_ended(self):
        p = self.spawn([HUSK, '--landlock', *HOST, '--', 'sh', '-c',
                        'trap "exit 7" TERM; echo up; while :; do sleep 0.05; done'])
        p.stdout.readline()
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(5), 7)
        r = self.husk('--landlock', *HOST, '--', 'sh', '-c', 'setsid sleep 100 & exit 2')
        self.assertEqual(r.rc, 2)
        self.assertTrue(self.wait_until(lambda: not self.descendants(os.getpid())))


class Ports(Landlock):

    def setUp(self):
        super().setUp()
        self.newer(4)

    def test_connect(self):
        with socket.socket() as one, socket.socket() as other:
            ports = []
            for s in (one, other):
                s.bind(('127.0.0.1', 0))
                s.listen()
                ports.append(s.getsockname()[1])
            calls = [f'connect(("127.0.0.1", {port}))' for port in ports]
            self.both(HOST, *calls, without=('ok', 'ok'), behind=('ok', 'ok'))
            args = (*HOST, '--landlock-tcp', f'connect:{ports[0]}')
            self.assertEqual(self.try_inside(args, *calls, 'bind(0)'), ['ok', 'EACCES', 'EACCES'])

    def test_bind(self):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
        args = (*HOST, '--unshare-net', '--landlock-tcp', f'bind:{port}')
        self.assertEqual(self.try_inside(args, f'bind({port})', f'bind({port - 1})',
                                         f'connect(("127.0.0.1", {port}))'),
                         ['ok', 'EACCES', 'EACCES'])

    def test_several(self):
        args = (*HOST, '--unshare-net', '--landlock-tcp', 'bind:7001', '--landlock-tcp',
                'bind:7002', '--landlock-tcp', 'connect:7003')
        self.assertEqual(self.try_inside(args, 'bind(7001)', 'bind(7002)', 'bind(7003)',
                                         'connect(("127.0.0.1", 7003))'),
                         ['ok', 'ok', 'EACCES', 'ECONNREFUSED'])


class Words(Landlock):

    def test_bad_ports(self):
        for word in ('80', 'bind', 'bind:', 'bind:x', 'bind:65536', 'udp:1', ':1', 'connect:-1',
                     'bind:1:2', ''):
            with self.subTest(word):
                self.assertFails(self.husk('--landlock-tcp', word, 'true'), 125,
                                 f'Invalid port: {word}')

    def test_a_version_too_new(self):
        r = self.husk('--landlock-abi', '999', 'true')
        self.assertFails(r, 125, f'needs version 999 of Landlock, this kernel has {self.abi}')
        self.assertRuns(self.husk('--landlock-abi', str(self.abi), 'true'))
        for word in ('0', 'x', '-1', ''):
            self.assertFails(self.husk('--landlock-abi', word, 'true'), 125, 'Invalid version')

    def test_a_kernel_without(self):
        self.need('strace')
        for error in ('ENOSYS', 'EOPNOTSUPP'):
            r = self.run_cmd(['strace', '-f', '-o', '/dev/null', '-e',
                              f'inject=landlock_create_ruleset:error={error}', HUSK,
                              '--landlock', 'echo', 'ran'])
            self.assertFails(r, 125, 'This kernel has no Landlock')
            self.assertEqual(r.out, '')

    def test_a_kernel_that_does_not_say(self):
        self.need('strace')
        r = self.run_cmd(['strace', '-f', '-o', '/dev/null', '-e',
                          'inject=landlock_create_ruleset:error=EPERM', HUSK, '--landlock',
                          'echo', 'ran'])
        self.assertFails(r, 125, "Can't tell which Landlock .*: Operation not permitted")
        self.assertEqual(r.out, '')

    def test_a_rule_that_fails_stops_the_launch(self):
        self.need('strace')
        for call in ('landlock_add_rule', 'landlock_restrict_self'):
            r = self.run_cmd(['strace', '-f', '-o', '/dev/null', '-e', f'trace={call}',
                              '-e', f'inject={call}:error=ENOMEM', HUSK, '--landlock', *HOST,
                              'echo', 'ran'])
            self.assertFails(r, 125, call)
            self.assertEqual(r.out, '')

    def test_status(self):
        read, write = self.pipe()
        self.assertRuns(self.run_cmd([HUSK, '--status-fd', write, '--landlock', *HOST, 'true'],
                                     pass_fds=[write]))
        self.close(write)
        with os.fdopen(os.dup(read), encoding='ascii') as f:
            told = [e for e in map(json.loads, f) if e['event'] == 'landlock']
        self.assertEqual(len(told), 1)
        self.assertEqual((told[0]['abi'], told[0]['tcp'], told[0]['sockets-and-signals']),
                         (self.abi, False, self.abi >= 6))


if __name__ == '__main__':
    main()
