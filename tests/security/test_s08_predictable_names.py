#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Predictable temporary names: somebody else has made the place ready that set-up is going to use.

husk has no such place: it makes no name outside of what its operands say.
"""

import re

from rows import BWRAP, HUSK, ORACLE, SMALL, ProbeCase, main

WRITES = re.compile(r'^(mkdir|mkdirat|symlink|symlinkat|link|linkat|rename|renameat|renameat2|'
                    r'unlink|unlinkat|rmdir|mknod|mknodat|creat|chmod|fchmodat|chown|fchownat|'
                    r'truncate|bind)\(')
OPENS = re.compile(r'^open\w*\(.*O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE)')
STAGING = re.compile(r'"[^"]*(newroot|oldroot|/tmp/\.|XXXX)')


class Names(ProbeCase):
    def setUp(self):
        super().setUp()
        self.data = self.fd('x')
        self.args = [*SMALL, '--tmpfs', '/mnt', '--dir', '/mnt/d', '--file', self.data, '/mnt/f',
                     '--bind', self.dir, self.dir, '--ro-bind-data', self.data, '/mnt/g',
                     '--symlink', 'x', '/mnt/l']

    def calls(self, program):
        """The system calls of a launch, as strace sees them."""
        self.need('strace')
        log = self.path('log')
        self.assertRuns(self.run_cmd(['strace', '-f', '-qq', '-s', '4096', '-o', log, program,
                                      *self.args, '--', '/usr/bin/true'], pass_fds=[self.data]))
        with open(log, encoding='utf-8', errors='replace') as f:
            return [line.partition(' ')[2].strip() for line in f]

    def foreign(self, program):
        """Calls that make, change or open for writing what no operand names, or that stage."""
        allowed, found = ('/proc', '/mnt', self.dir, '/dev'), []
        for line in self.calls(program):
            path = re.search(r'"(/[^"]*)"', line)
            if (OPENS.match(line) or WRITES.match(line)) and path and \
                    not path[1].startswith(allowed) or STAGING.search(line):
                found.append(line)
        return found

    def test_nothing_but_proc_and_the_operands(self):
        """Every absolute path that is opened for writing or made, as strace sees it."""
        for program in (HUSK, BWRAP):
            self.assertEqual(self.foreign(program), [])

    def test_the_attack_is_real(self):
        """Debian's bwrap 0.8.0 stages its root below names that are always the same."""
        self.assertNotEqual(self.foreign(ORACLE), [])

    def test_public_directories_that_refuse_everything(self):
        """Whatever others have put below /tmp and its like, nothing is wanted there."""
        public = ('/run', '/var/tmp', '/dev/shm', '/mnt', '/media', '/var/lock')
        hostile = '\n'.join(f'[ ! -d {d} ] || mount -t tmpfs -o ro,mode=000 t {d}' for d in public)
        for program in (HUSK, BWRAP):
            data = self.fd('x')
            r = self.run_cmd(self.private_mounts(
                [program, '--unshare-all', '--ro-bind', '/', '/', '--dev', '/dev', '--proc',
                 '/proc', '--tmpfs', '/opt', '--ro-bind-data', data, '/opt/f', '--', 'cat',
                 '/opt/f'], f'{hostile}\nmount --bind /tmp /tmp\nmount -o remount,bind,ro /tmp'),
                pass_fds=[data])
            self.assertRuns(r, 'x')


if __name__ == '__main__':
    main()
