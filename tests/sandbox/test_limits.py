#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Limits and settings of the command: what holds for it, and for nothing of the set-up."""

import os
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
                         r'--rlimit nofile: Operation not permitted\nhusk: hint: .*ulimit -H')

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
                self.assertFails(self.husk('--umask', word, '--', 'true'), 125, '--umask takes')


USR_ARGS = ('--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib',
            '/lib', '--symlink', 'usr/lib64', '/lib64')

if __name__ == '__main__':
    main()
