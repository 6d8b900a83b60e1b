#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Limits and settings of the command: what holds for it, and for nothing of the set-up."""

import os
import re
import resource

from probe import HOST, SMALL, ProbeCase, main


class Rlimit(ProbeCase):
    def limits(self, *args):
        """The lines of /proc/self/limits inside, as {name: (soft, hard)}."""
        r = self.husk(*HOST, *args, '--', 'cat', '/proc/self/limits')
        self.assertRuns(r)
        return {line[:26].strip(): tuple(line[26:].split()[:2])
                for line in r.out.splitlines()[1:]}

    def test_both(self):
        self.assertEqual(self.limits('--rlimit', 'nofile=100:200')['Max open files'],
                         ('100', '200'))

    def test_soft_alone_sets_both(self):
        self.assertEqual(self.limits('--rlimit', 'nofile=64')['Max open files'], ('64', '64'))

    def test_names(self):
        """Every limit goes by its name in getrlimit(2), as lowered to what every caller may."""
        sizes = ('AS', 'rlimit_data', 'stack', 'fsize')
        zero = ('core', 'nice', 'rtprio')
        counts = ('RLIMIT_CPU', 'locks', 'memlock', 'msgqueue', 'nproc', 'rss', 'rttime',
                  'sigpending', 'nofile')
        shown = self.limits(*(w for value, names in (('1G', sizes), ('0', zero), ('1000', counts))
                              for name in names for w in ('--rlimit', f'{name}={value}')))
        self.assertEqual(len(shown), 16)
        for name, (soft, hard) in shown.items():
            self.assertEqual(soft, hard, name)
        values = sorted(soft for soft, _ in shown.values())
        self.assertEqual(values, ['0'] * 3 + ['1000'] * 9 + ['1073741824'] * 4)
        self.assertEqual(shown['Max address space'], ('1073741824',) * 2)
        self.assertEqual(shown['Max locked memory'], ('1000',) * 2)
        self.assertEqual(shown['Max core file size'], ('0',) * 2)

    def test_unlimited(self):
        self.assertEqual(self.limits('--rlimit', 'core=0:unlimited')['Max core file size'],
                         ('0', 'unlimited'))

    def test_the_last_counts(self):
        got = self.limits('--rlimit', 'nofile=200:300', '--rlimit', 'nofile=100:300')
        self.assertEqual(got['Max open files'], ('100', '300'))

    def test_it_holds(self):
        r = self.husk(*HOST, '--rlimit', 'fsize=4K', '--tmpfs', '/tmp', '--', 'sh', '-c',
                      'trap "" XFSZ; head -c 8192 /usr/bin/env >/tmp/x; wc -c </tmp/x')
        self.assertEqual(r.out.split(), ['4096'], r)

    def test_it_cannot_be_raised_again(self):
        self.assertFails(self.husk(*HOST, '--rlimit', 'nofile=64', '--', 'sh', '-c',
                                   'ulimit -n 65'))

    def test_set_up_is_not_limited(self):
        """Mounts by the hundred and data of a megabyte need descriptors and file sizes."""
        binds = [w for i in range(100) for w in ('--bind', '/usr/bin', f'/m/{i}')]
        r = self.husk('--tmpfs', '/', *USR_ARGS, *binds, '--file', self.fd(b'x' * 100000), '/data',
                      '--rlimit', 'nofile=16', '--rlimit', 'fsize=1', '--', 'sh', '-c',
                      'ulimit -n; wc -c </data', pass_fds=[3, 4, 5, 6, 7, 8, 9])
        self.assertEqual((r.rc, r.out.split()), (0, ['16', '100000']), r)

    def test_above_the_callers(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self.assertFails(self.husk(*HOST, '--rlimit', f'nofile={hard + 1}', '--', 'true'), 125,
                         f'--rlimit nofile={hard + 1}: Operation not permitted\nhusk: hint: '
                         '.*ulimit -H')
        self.assertFails(self.husk(*HOST, '--rlimit', f'nofile=5:{hard + 2}', '--', 'true'), 125,
                         f'--rlimit nofile=5:{hard + 2}: Operation not permitted')

    def test_the_last_one_of_a_name_counts(self):
        got = self.limits('--rlimit', 'core=0', '--rlimit', 'nofile=50', '--rlimit', 'core=4K:8K')
        self.assertEqual((got['Max core file size'], got['Max open files']),
                         (('4096', '8192'), ('50', '50')))

    def test_bad_operands(self):
        for word, want in (('nofiles=1', 'no limit of that name'), ('nofile', 'no value'),
                           ('nofile=', 'not a value'), ('nofile=1x', 'not a value'),
                           ('nofile=1:', 'not a value'), ('nofile=-1', 'not a value'),
                           ('nofile=18446744073709551615', 'not a value'),
                           ('as=99999999999T', 'not a value'), ('=1', 'no limit of that name'),
                           ('nofile=2:1', 'the soft limit is above the hard one')):
            with self.subTest(word):
                self.assertFails(self.husk('--rlimit', word, '--', 'true'), 125,
                                 f'--rlimit {word}: {want}')

    def test_explained(self):
        r = self.husk('--explain', '--umask', '7', '--rlimit', 'core=0:unlimited', '--', 'true')
        self.assertRuns(r)
        self.assertIn('limits and settings:\n  limit core, soft 0, hard unlimited\n'
                      '  umask 0007\n', r.out)

    def test_not_as_bwrap(self):
        self.assertFails(self.bwrap('--rlimit', 'core=0', 'true'), 1, 'Unknown option --rlimit')


class Umask(ProbeCase):
    def test_the_commands(self):
        r = self.husk(*HOST, '--umask', '027', '--', 'sh', '-c', 'umask')
        self.assertRuns(r, '0027\n')

    def test_nothing_else_is_made_with_it(self):
        r = self.husk('--tmpfs', '/', *USR_ARGS, '--umask', '0777', '--dir', '/a/b', '--file',
                      self.fd('x'), '/f', '--', 'stat', '-c', '%a', '/a', '/a/b', '/f',
                      pass_fds=list(range(3, 10)))
        self.assertRuns(r, '755\n755\n666\n')

    def test_without_it_the_callers(self):
        r = self.run_cmd(['sh', '-c', 'umask 031; exec "$@"', 'sh', os.environ['HUSK'], *SMALL,
                          '--', 'sh', '-c', 'umask'])
        self.assertRuns(r, '0031\n')

    def test_bad_operands(self):
        for word in ('1777', '8', 'u=rwx', ''):
            with self.subTest(word):
                self.assertFails(self.husk('--umask', word, '--', 'true'), 125,
                                 f'--umask takes an octal argument <= 0777, not {word}')


class Sysctl(ProbeCase):
    ALL = ('--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-pid', '--proc', '/proc')

    def values(self, *settings, args=ALL):
        """The settings of these KEY=VALUE as they are inside, by /proc/sys."""
        words = [w for s in settings for w in ('--sysctl', s)]
        paths = []
        for s in settings:
            key = s.partition('=')[0]
            dots = key.find('/') < 0 or 0 <= key.find('.') < key.find('/')
            paths.append('/proc/sys/' + (key.replace('.', '/') if dots else key))
        r = self.husk(*HOST, *args, *words, '--', 'cat', *paths)
        self.assertRuns(r)
        return [' '.join(line.split()) for line in r.out.splitlines()]

    def host(self, path):
        with open(f'/proc/sys/{path}', encoding='utf-8') as f:
            return f.read()

    def test_of_the_network(self):
        before = self.host('net/ipv4/ip_forward')
        self.assertEqual(self.values('net.ipv4.ip_forward=1', 'net/ipv4/conf/lo/rp_filter=2',
                                     'net.ipv4.ping_group_range=0 0'), ['1', '2', '0 0'])
        self.assertEqual(self.host('net/ipv4/ip_forward'), before)

    def test_of_ipc(self):
        self.need_kernel(6, 9)
        before = self.host('kernel/msgmax')
        self.assertEqual(self.values('kernel.msgmax=4096', 'fs.mqueue.msg_max=20',
                                     'kernel.shmmni=100'), ['4096', '20', '100'])
        self.assertEqual(self.host('kernel/msgmax'), before)

    def test_of_uts(self):
        self.assertEqual(self.values('kernel.hostname=here', 'kernel.domainname=there'),
                         ['here', 'there'])

    def test_of_processes(self):
        self.need_kernel(6, 14)
        self.assertEqual(self.values('kernel.pid_max=1000'), ['1000'])

    def test_of_the_last_process(self):
        """There is one file for all namespaces, which tells of the reader's."""
        if not os.path.exists('/proc/sys/kernel/ns_last_pid'):
            self.skipTest('this kernel is built without CONFIG_CHECKPOINT_RESTORE')
        r = self.husk(*HOST, *self.ALL, '--sysctl', 'kernel.ns_last_pid=500', '--', 'sh', '-c',
                      'echo $$')
        self.assertRuns(r)
        self.assertGreater(int(r.out), 500)

    def test_of_users(self):
        self.assertEqual(self.values('user.max_net_namespaces=3'), ['3'])
        self.assertFails(self.husk(*HOST, '--sysctl', 'user.max_uts_namespaces=0', '--', 'unshare',
                                   '--uts', 'true'), 1, 'No space')

    def test_without_capabilities(self):
        self.assertEqual(self.values('net.ipv4.ip_forward=1', args=(
            *self.ALL, '--cap-drop', 'ALL', '--map-current-user')), ['1'])

    def test_the_last_counts(self):
        self.assertEqual(self.values('net.ipv4.ip_forward=1', 'net.ipv4.ip_forward=0'), ['0', '0'])

    def refused(self, setting, err, args=ALL):
        self.assertFails(self.husk(*HOST, *args, '--sysctl', setting, '--', 'true'), 125,
                         f'--sysctl {re.escape(setting)}{err}')

    def test_of_a_shared_namespace(self):
        for setting, option in (('net.ipv4.ip_forward=1', 'net'), ('kernel.msgmax=1', 'ipc'),
                                ('fs.mqueue.msg_max=1', 'ipc'), ('kernel.hostname=x', 'uts'),
                                ('kernel.domainname=x', 'uts'), ('kernel.pid_max=999', 'pid')):
            with self.subTest(setting):
                self.refused(setting, f" requires --unshare-{option}\n.*the host's own", args=())

    def test_what_another_option_sets(self):
        for words in (('--sysctl', 'kernel.hostname=x', '--hostname', 'y'),
                      ('--sysctl', 'kernel/pid_max=350', '--pid-limit', 400)):
            r = self.husk('--unshare-all', *words, 'true')
            self.assertFails(r, 125, f'{words[0]} {words[1]} is not compatible with {words[2]}')

    def test_of_the_whole_machine(self):
        for setting in ('kernel.core_pattern=x', 'vm.swappiness=1', 'kernel.semx=1',
                        'fs.file-max=1', 'network.x=1', 'kernel.pid_max.x=1', 'user.x=1'):
            with self.subTest(setting):
                self.refused(setting, ': it is no setting of a namespace\nhusk: hint: those are')

    def test_no_setting(self):
        for setting in ('net.ipv4.ip_forward', 'kernel=1', '=1', '', 'net..x=1', '.net.x=1',
                        'net.x.=1', 'net/../kernel/core_pattern=x', 'net/./x=1', '/net/x=1'):
            with self.subTest(setting):
                self.refused(setting, ': no setting\nhusk: hint: --sysctl KEY=VALUE')

    def test_unknown(self):
        self.refused('net.ipv4.no_such=1', ': No such file.*\n.*no setting of that name')

    def test_bad_values(self):
        self.refused('net.ipv4.ip_forward=x', ': Invalid argument\n.*does not take that value')
        self.refused('net.ipv4.ip_forward=1 2', ': the kernel has taken only a part')
        self.refused('kernel.hostname=' + 'x' * 65, ': Invalid argument\n.*at most 64')

    def test_what_a_namespace_may_not(self):
        self.refused('net.core.rmem_max=1', ": (Permission denied\n.*host's root|No such file)")

    def test_explained(self):
        r = self.husk('--explain', *self.ALL, '--sysctl', 'net.ipv4.ip_forward=1', '--', 'true')
        self.assertIn('  setting net.ipv4.ip_forward=1\n', r.out)


class PidLimitOfAnyKernel(ProbeCase):
    def test_the_machines_is_left_alone(self):
        """Older kernels have one for the whole machine: that is said, and nothing runs."""
        r = self.husk(*HOST, '--unshare-pid', '--proc', '/proc', '--pid-limit', '400', '--', 'true')
        if self.has_kernel(6, 14):
            self.assertRuns(r)
        else:
            self.assertFails(r, 125, '--pid-limit 400: .*\nhusk: hint: pid namespaces have one of '
                             'their own since Linux 6.14')


class PidLimit(ProbeCase):
    """Processes are counted by forks that wait, until one fails."""

    BOMB = r'''
        #include <stdio.h>
        #include <string.h>
        #include <unistd.h>
        #include <errno.h>
        int main(void)
        {
            int n = 1;
            pid_t pid;
            while ((pid = fork()) > 0 && n < 2000)
                n++;
            if (pid == 0)
                for (;;)
                    pause();
            printf("%d %s\n", n, strerror(errno));
            return 0;
        }'''

    def bomb(self, *args, before=()):
        r = self.husk(*HOST, '--unshare-pid', '--proc', '/proc', *args, '--', *before,
                      self.inside_c(self.BOMB, 'bomb'), timeout=60)
        self.assertRuns(r)
        return r.out

    def setUp(self):
        super().setUp()
        self.need_kernel(6, 14)

    def test_it_holds(self):
        """With the init there are as many as said."""
        before = self.host()
        self.assertEqual(self.bomb('--pid-limit', '320'), '319 Resource temporarily unavailable\n')
        self.assertEqual(self.host(), before)

    def host(self):
        with open('/proc/sys/kernel/pid_max', encoding='utf-8') as f:
            return f.read()

    def test_pid_max(self):
        self.check([*HOST, '--unshare-pid', '--proc', '/proc', '--pid-limit', '320'],
                   ('read /proc/sys/kernel/pid_max', '321'))

    def test_root_inside_cannot_raise_it(self):
        got = self.bomb('--pid-limit', '320', before=('sh', '-c', 'echo 100000 '
                                                      '>/proc/sys/kernel/pid_max; exec "$@"', 'sh'))
        self.assertEqual(got, '319 Resource temporarily unavailable\n')

    def test_nor_by_another_user_namespace(self):
        got = self.bomb('--pid-limit', '320', before=('sh', '-c', 'echo 100000 '
                                                      '>/proc/sys/kernel/pid_max; exec "$@"', 'sh',
                                                      'unshare', '--user', '--map-root-user'))
        self.assertEqual(got, '319 Resource temporarily unavailable\n')

    def test_a_lower_nproc_stays(self):
        self.assertTrue(self.bomb('--pid-limit', '320', '--rlimit', 'nproc=20').startswith('19 '))

    def test_a_higher_nproc_does_not(self):
        r = self.husk(*HOST, '--unshare-pid', '--pid-limit', '320', '--rlimit', 'nproc=400', '--',
                      'grep', 'processes', '/proc/self/limits')
        self.assertRegex(r.out, ' 320 +320 ', r)

    def test_numbers(self):
        for word in ('299', '0', '-1', '4194304', 'x', '', '300k'):
            with self.subTest(word):
                self.assertFails(self.husk('--unshare-pid', '--pid-limit', word, '--', 'true'),
                                 125, f'--pid-limit {word}: a number from 300 to 4194303')
        for word in ('300', '4194303'):
            self.assertRuns(self.husk('--unshare-pid', '--pid-limit', word, '--', 'true'))

    def test_of_shared_processes(self):
        self.assertFails(self.husk('--pid-limit', '400', '--', 'true'), 125,
                         '--pid-limit requires --unshare-pid')


class CgroupFd(ProbeCase):
    def test_no_cgroup(self):
        self.assertFails(self.husk('--cgroup-fd', '0', '--', 'true'), 125,
                         '--cgroup-fd 0: Bad file descriptor\nhusk: hint: .*cgroup2')

    def test_not_open(self):
        self.assertFails(self.husk('--cgroup-fd', '99', '--', 'true'), 125,
                         'not opened that descriptor')


USR_ARGS = ('--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib',
            '/lib', '--symlink', 'usr/lib64', '/lib64')

if __name__ == '__main__':
    main()
