#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Predictable temporary names: somebody else has made the place ready that set-up is going to use.

husk has no such place: it makes no name outside of what its operands say.
"""

import re

from rows import BWRAP, HUSK, SMALL, ProbeCase, main


class Paths(ProbeCase):
    """S8: no name that somebody else could have made ready."""

    WRITES = re.compile(r'^(mkdir|mkdirat|symlink|symlinkat|link|linkat|rename|renameat|renameat2|'
                        r'unlink|unlinkat|rmdir|mknod|mknodat|creat|chmod|fchmodat|chown|fchownat|'
                        r'truncate|bind)\(')

    def test_s08_nothing_but_proc_and_the_operands(self):
        """Every absolute path that is opened for writing or made, as strace sees it."""
        self.need('strace')
        fd = self.fd('x')
        args = [*SMALL, '--tmpfs', '/mnt', '--dir', '/mnt/d', '--file', fd, '/mnt/f', '--bind',
                self.dir, self.dir, '--ro-bind-data', fd, '/mnt/g', '--symlink', 'x', '/mnt/l']
        allowed = ('/proc', '/mnt', self.dir, '/dev')
        for program in (HUSK, BWRAP):
            log = self.path('log')
            r = self.run_cmd(['strace', '-f', '-qq', '-s', '4096', '-o', log, program, *args, '--',
                              '/usr/bin/true'], pass_fds=[fd])
            self.assertRuns(r)
            with open(log, encoding='utf-8', errors='replace') as f:
                lines = [line.partition(' ')[2].strip() for line in f]
            wrong = []
            for line in lines:
                opens = re.match(r'open\w*\(', line) and re.search(
                    r'O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE)', line)
                path = re.search(r'"(/[^"]*)"', line)
                if (opens or self.WRITES.match(line)) and path and not path[1].startswith(allowed):
                    wrong.append(line)
            self.assertEqual(wrong, [])
            self.assertEqual([line for line in lines if re.search(
                r'"[^"]*(newroot|oldroot|/tmp/\.|XXXX)', line)], [])


if __name__ == '__main__':
    main()
