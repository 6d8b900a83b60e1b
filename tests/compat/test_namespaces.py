#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which namespaces the bwrap personality makes, and what is in them."""

import os
import time

from compat import DEVHOST, HOST, NEWPROC, PROC, PYTHON, USR, Compare, main

LINKS = (PYTHON, '-Ic', 'import os\nfor n in sorted(os.listdir("/proc/self/ns")):\n'
                        '    print(n, os.readlink("/proc/self/ns/" + n))')


class Kinds(Compare):

    def made(self, *expected, args):
        """Both make exactly these namespaces, besides user and mnt."""
        here = {n: os.readlink(f'/proc/self/ns/{n}') for n in os.listdir('/proc/self/ns')}
        for r in self.sides(*HOST, *args, *LINKS):
            self.assertRuns(r)
            inside = dict(line.split() for line in r.out.splitlines())
            new = {n for n in inside if inside[n] != here[n] and not n.endswith('_for_children')}
            self.assertEqual(new, {'user', 'mnt', *expected}, r)

    def test_none_asked_for(self):
        self.made(args=())

    def test_user(self):
        self.made(args=['--unshare-user'])

    def test_user_try(self):
        self.made(args=['--unshare-user-try'])

    def test_ipc(self):
        self.made('ipc', args=['--unshare-ipc'])

    def test_pid(self):
        self.made('pid', args=['--unshare-pid'])

    def test_net(self):
        self.made('net', args=['--unshare-net'])

    def test_uts(self):
        self.made('uts', args=['--unshare-uts'])

    def test_cgroup(self):
        self.made('cgroup', args=['--unshare-cgroup'])

    def test_cgroup_try(self):
        self.made('cgroup', args=['--unshare-cgroup-try'])

    def test_all_but_time(self):
        self.made('ipc', 'pid', 'net', 'uts', 'cgroup', args=['--unshare-all'])

    def test_share_net_after_all(self):
        self.made('ipc', 'pid', 'uts', 'cgroup', args=['--unshare-all', '--share-net'])

    def test_share_net_before_all(self):
        self.made('ipc', 'pid', 'net', 'uts', 'cgroup', args=['--share-net', '--unshare-all'])

    def test_share_net_takes_unshare_net_back(self):
        self.made(args=['--unshare-net', '--share-net'])


class Refused(Compare):

    def limit(self, kind):
        """A prefix under which no namespace of this kind can be made."""
        return self.under_mounts(f'echo 0 > /proc/sys/user/max_{kind}_namespaces')

    def test_limits(self):
        for kind, words in (('net', ['--unshare-net']), ('pid', ['--unshare-pid']),
                            ('ipc', ['--unshare-ipc']), ('uts', ['--unshare-uts']),
                            ('cgroup', ['--unshare-cgroup'])):
            with self.subTest(kind):
                self.same_error('Creating new namespace failed: nesting depth or '
                                '/proc/sys/user/max_*_namespaces exceeded (ENOSPC)',
                                *HOST, *words, 'true', under=self.limit(kind))

    def test_no_mount_namespaces_left(self):
        self.same_error('Creating new namespace failed: nesting depth or '
                        '/proc/sys/user/max_*_namespaces exceeded (ENOSPC)',
                        *HOST, 'true', under=self.limit('mnt'))

    def test_no_user_namespaces_left(self):
        under = self.private_mounts([], 'echo 0 > /proc/sys/user/max_user_namespaces')
        self.same_error('Creating new namespace failed: nesting depth or '
                        '/proc/sys/user/max_*_namespaces exceeded (ENOSPC)',
                        *HOST, '--unshare-user', 'true', under=under)

    def test_try_does_without_user_namespaces(self):
        under = self.private_mounts([], 'echo 0 > /proc/sys/user/max_user_namespaces')
        self.same(*HOST, '--unshare-user-try', 'echo', 'in', under=under, out='in\n')

    def test_all_does_without_user_namespaces(self):
        under = self.private_mounts([], 'echo 0 > /proc/sys/user/max_user_namespaces')
        self.same(*HOST, '--unshare-all', 'echo', 'in', under=under, out='in\n')

    def test_in_a_chroot(self):
        top = self.mkdir('top')
        self.wrong('No permissions to create (a )?new namespace', *HOST, '--unshare-user', 'true',
                   under=self.private_mounts(['chroot', top], f'mount --rbind / {top}'))


class Userns(Compare):

    def test_disable(self):
        self.same(*HOST, '--unshare-user', '--disable-userns', 'unshare', '-Ur', 'true', rc=1)

    def test_disable_then_assert(self):
        self.same(*HOST, '--unshare-user', '--disable-userns', '--assert-userns-disabled', 'true')

    def test_assert_alone(self):
        self.same_error('creation of new user namespaces was not disabled as requested',
                        *HOST, '--assert-userns-disabled', 'true')

    def test_disable_keeps_the_ids(self):
        self.same(*HOST, '--unshare-user', '--disable-userns', 'id')

    def test_disable_with_dev(self):
        self.same(*USR, '--unshare-user', '--disable-userns', '--dev', '/dev', *PROC,
                  'unshare', '-Ur', 'true', rc=1)

    def test_disable_leaves_nothing_else(self):
        self.same(*HOST, '--unshare-user', '--disable-userns', 'unshare', '-m', 'true', rc=1)

    def test_a_sandbox_in_the_sandbox(self):
        inner = ('/usr/bin/bwrap', *HOST, '--unshare-all', 'echo', 'in')
        self.same(*HOST, '--unshare-all', '--proc', '/proc', *inner, out='in\n')


class Hostname(Compare):

    def test_set(self):
        self.same('--unshare-uts', '--hostname', 'a.b', *HOST, 'uname', '-n', out='a.b\n')

    def test_not_the_host_s(self):
        before = os.uname().nodename
        self.same('--unshare-uts', '--hostname', 'other', *HOST, 'true')
        self.assertEqual(os.uname().nodename, before)

    def test_unchanged_without_the_option(self):
        self.same('--unshare-uts', *HOST, 'uname', '-n', out=os.uname().nodename + '\n')

    def test_empty(self):
        self.same('--unshare-uts', '--hostname', '', *HOST, 'uname', '-n', out='\n')

    def test_64_bytes(self):
        self.same('--unshare-uts', '--hostname', 'a' * 64, *HOST, 'uname', '-n',
                  out='a' * 64 + '\n')

    def test_65_bytes(self):
        name = 'a' * 65
        self.same_error(f"Can't set hostname to {name}: Invalid argument",
                        '--unshare-uts', '--hostname', name, *HOST, 'true')

    def test_unshare_uts_may_come_later(self):
        self.same('--hostname', 'x', *HOST, '--unshare-uts', 'uname', '-n', out='x\n')

    def test_unshare_all_does(self):
        self.same('--unshare-all', '--hostname', 'x', *HOST, 'uname', '-n', out='x\n')


class Net(Compare):

    def test_loopback_is_up_with_its_addresses(self):
        r = self.same(*HOST, '--unshare-net', 'cat', '/proc/net/if_inet6', '/proc/net/fib_trie')
        self.assertIn('127.0.0.1', r.out)

    def test_no_other_interface(self):
        self.same(*HOST, '--unshare-net', 'sh', '-c', 'tail -n +3 /proc/net/dev | cut -d: -f1',
                  out='    lo\n')

    def test_loopback_answers(self):
        self.same(*HOST, '--unshare-net', PYTHON, '-Ic',
                  'import socket\ns = socket.create_server(("127.0.0.1", 0))\n'
                  'c = socket.create_connection(s.getsockname())\ns.accept()[0].send(b"x")\n'
                  'print(c.recv(1))', out="b'x'\n")

    def test_host_interfaces_are_kept_by_default(self):
        with open('/proc/self/net/dev', encoding='ascii') as f:
            here = [line.partition(':')[0] for line in f]
        r = self.same_words(*HOST, 'sh', '-c', 'cut -d: -f1 /proc/net/dev')
        self.assertEqual(sorted(r.out.splitlines()), sorted(line.rstrip('\n') for line in here))


class Pids(Compare):

    def test_command_is_not_pid_1(self):
        self.same(*HOST, '--unshare-pid', 'sh', '-c', 'echo $$', out='2\n')

    def test_two_processes(self):
        self.same(*USR, *NEWPROC, 'sh', '-c', 'echo /proc/[0-9]*', out='/proc/1 /proc/2\n')

    def test_pid_1_has_no_parent(self):
        self.same(*USR, *NEWPROC, 'grep', 'PPid', '/proc/1/status', '/proc/self/status')

    def test_host_pids_are_seen_without(self):
        r = self.same(*HOST, 'sh', '-c', 'test -d /proc/$PPID && echo yes', out='yes\n')
        self.assertEqual(r.err, '')

    def test_orphans_are_reaped(self):
        self.same(*DEVHOST, *NEWPROC, 'sh', '-c',
                  'pid=$(sh -c "sleep .1 >&2 & echo \\$!"); until ! [ -d /proc/$pid ]; do '
                  'sleep .02; done; echo gone', out='gone\n')


class Ipc(Compare):

    def test_queues_of_the_host_are_not_seen(self):
        self.same(*HOST, '--unshare-ipc', 'sh', '-c', 'wc -l < /proc/sysvipc/msg', out='1\n')


class Time(Compare):

    def test_clock_is_the_host_s(self):
        r = self.same(*HOST, '--unshare-all', 'sh', '-c', 'readlink /proc/self/ns/time')
        self.assertEqual(r.out.strip(), os.readlink('/proc/self/ns/time'))

    def test_uptime(self):
        for r in self.sides(*HOST, '--unshare-all', 'cut', '-d.', '-f1', '/proc/uptime'):
            self.assertAlmostEqual(int(r.out), time.clock_gettime(time.CLOCK_BOOTTIME), delta=30)


if __name__ == '__main__':
    main()
