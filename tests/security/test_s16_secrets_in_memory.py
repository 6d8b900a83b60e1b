#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the caller's environment and command line hold is found in the memory of a process inside.

Every process that the command can see is searched, the first one too: its command line, its
environment and its memory. The mount table shows of the host's paths only the field for them.
"""

import os

from rows import BWRAP, HOST, HUSK, ORACLE, PROC, USR, ProbeCase, main, mounts

BROKEN = {
    'scrubbed': 'Secrets.test_command_line',
    'init-closed,scrubbed': ['Secrets.test_cleared_environment', 'Secrets.test_unset_variable'],
}

# looks for each word of argv in every readable cmdline, environ and mem of /proc
SEARCH = r'''
import os, re, sys
words = [bytes(reversed(w.encode())) for w in sys.argv[1:]]
me = str(os.getpid())
def chunks(pid):
    for name in ('cmdline', 'environ', 'comm', 'stat', 'status'):
        try:
            with open(f'/proc/{pid}/{name}', 'rb') as f:
                yield name, f.read()
        except OSError:
            pass
    try:
        maps, mem = open(f'/proc/{pid}/maps'), open(f'/proc/{pid}/mem', 'rb', 0)
        for line in maps:
            low, high = (int(x, 16) for x in line.split()[0].split('-'))
            if high - low < 1 << 28:
                try:
                    mem.seek(low)
                    yield 'mem ' + line.split()[-1], mem.read(high - low)
                except (OSError, ValueError, OverflowError):
                    pass
    except OSError:
        pass
print('searched', end='')
for pid in filter(str.isdigit, os.listdir('/proc')):
    print('', pid, end='')
    if pid == me:
        parts = [c for c in chunks(pid) if c[0] in ('environ',)]
    else:
        parts = chunks(pid)
    for name, data in parts:
        for w in words:
            if w in data:
                print(f'\nFOUND {w} in {pid} {name}', end='')
print()
'''


class Secrets(ProbeCase):
    """Words of the caller's environment and command line, looked for from inside."""

    SECRET = 'sekrit-value-4711'

    def search(self, args, words, program=None, **kw):
        back = [word[::-1] for word in words]
        r = self.inside(SEARCH, args, program, back, **kw)
        self.assertRuns(r)
        self.assertIn('searched', r.out)
        self.assertGreaterEqual(len(r.out.splitlines()[0].split()), 2)
        return r.out

    def nothing(self, args, words=None, **kw):
        out = self.search(args, words or [self.SECRET], **kw)
        self.assertNotIn('FOUND', out, out)

    def with_secret(self):
        return dict(os.environ, TOKEN=self.SECRET)

    def test_cleared_environment(self):
        self.nothing([*HOST, *PROC, '--clearenv'], env=self.with_secret())

    def test_cleared_environment_in_a_new_root(self):
        self.nothing([*USR, *PROC, '--clearenv'], env=self.with_secret())

    def test_unset_variable(self):
        self.nothing([*HOST, *PROC, '--unsetenv', 'TOKEN'], env=self.with_secret())

    def test_replaced_variable(self):
        self.nothing([*HOST, *PROC, '--setenv', 'TOKEN', 'x'], env=self.with_secret())

    def test_without_capabilities(self):
        self.nothing([*HOST, *PROC, '--clearenv', '--cap-drop', 'ALL'], env=self.with_secret())

    def test_for_an_ordinary_id(self):
        self.nothing([*HOST, *PROC, '--clearenv', '--map-current-user', '--cap-drop', 'ALL'],
                     env=self.with_secret())

    def test_as_bwrap(self):
        self.nothing([*HOST, *PROC, '--clearenv'], env=self.with_secret(), program=BWRAP)

    def test_as_bwrap_with_capabilities(self):
        self.nothing([*HOST, *PROC, '--clearenv', '--cap-add', 'ALL'], env=self.with_secret(),
                     program=BWRAP)

    def test_command_line(self):
        """The host's paths and the values given on the command line stay outside."""
        self.mkdir('host-path-4712')
        args = ['--bind', self.path('host-path-4712'), '/x', *USR, *PROC]
        for more in ((), ('--cap-drop', 'ALL'), ('--uid', '5')):
            with self.subTest(more=more):
                self.nothing([*args, *more], ['host-path-4712'])

    def test_command_line_as_bwrap(self):
        self.mkdir('host-path-4712')
        args = ['--bind', self.path('host-path-4712'), '/x', *USR, *PROC]
        self.nothing(args, ['host-path-4712'], program=BWRAP)

    def test_a_list_of_arguments(self):
        self.mkdir('host-path-4712')
        fd = self.fd(f'--bind\0{self.path("host-path-4712")}\0/x\0')
        self.nothing([*USR, *PROC, '--args', fd], ['host-path-4712'], pass_fds=[fd])

    def test_what_is_not_passed_is_not_found(self):
        """Neither a variable that was not passed on nor the file's path is in pid 1's memory."""
        path = self.write('secretfile', 'A=1\n')
        for more in ((), ('--cap-drop', 'ALL')):
            self.nothing([*HOST, *PROC, *more, '--clearenv', '--env', 'B', '--env-file', path],
                         [self.SECRET, path], env=dict(self.with_secret(), B='x'))

    def test_what_is_passed_on_is_all(self):
        """Without --clearenv the command has its environment: but nobody the command line."""
        args = ['--setenv', 'B', 'x', '--bind', self.mkdir('host-path-4713'), '/x', *USR, *PROC]
        for more in ((), ('--cap-drop', 'ALL'), ('--wait-all',)):
            out = self.search([*args, *more], [self.SECRET, 'host-path-4713'],
                              env=self.with_secret())
            self.assertNotRegex(out, 'FOUND .*host-path')
            self.assertNotRegex(out, 'in 1 ')

    def test_a_value_set_and_unset(self):
        """A value that was set and then unset is nobody's."""
        self.nothing([*HOST, *PROC, '--setenv', 'B', self.SECRET, '--unsetenv', 'B'])

    def test_of_who_joins(self):
        """A command that joins brings its caller's words along: what it is given, no more."""
        p = self.spawn([HUSK, *HOST, *PROC, '--', 'sh', '-c', 'echo; exec sleep 60'],
                       env=self.with_secret())
        p.stdout.readline()
        pid = self.descendants(p.pid)[-1]
        r = self.run_cmd([HUSK, '--join-pid', pid, '--clearenv', '--setenv', 'B', 'joined-4714',
                          '--unsetenv', 'B', '--', '/usr/bin/python3', '-I', '-c', SEARCH,
                          'joined-4714'[::-1]])
        self.assertRuns(r)
        self.assertNotIn('FOUND', r.out)

    def test_the_search_finds_a_secret(self):
        """The control: what is in the environment is found, in pid 1 or in the command."""
        out = self.search([*HOST, *PROC], [self.SECRET], env=self.with_secret())
        self.assertIn('FOUND', out)

    def test_the_attack_is_real(self):
        """Debian's bwrap 0.8.0 shows the command line that it was given."""
        self.mkdir('host-path-4712')
        out = self.search(['--bind', self.path('host-path-4712'), '/x', *USR, *PROC],
                          ['host-path-4712'], program=ORACLE)
        self.assertIn('FOUND', out)


class MountTable(ProbeCase):
    """Of the host's paths mountinfo shows the field that the kernel has for them, and no other."""

    def test_field_4_alone(self):
        at = {n: self.mkdir(f'{n}-4715') for n in ('bound', 'lower', 'other', 'upper', 'work',
                                                   'masked')}
        self.write('masked-4715/file')
        words = ['--ro-bind', at['bound'], '/a', '--overlay-src', at['lower'], '--overlay-src',
                 at['other'], '--tmp-overlay', '/b', '--overlay-src', at['lower'], '--overlay',
                 at['upper'], at['work'], '/c', '--overlay-src', at['lower'], '--overlay-src',
                 at['other'], '--ro-overlay', '/d', '--ro-bind', at['masked'], '/e']
        for program, more in ((HUSK, ('--mask', '/e/file')), (BWRAP, ())):
            r = self.run_cmd([program, *USR, *PROC, *words, *more, '--', 'cat',
                              '/proc/self/mountinfo'])
            self.assertRuns(r)
            self.assertGreater(r.out.count(' overlay '), 2)
            for m in mounts(r.out):
                rest = ' '.join((m.point, m.source, *m.opts, *m.superopts, *m.optional))
                self.assertNotIn('4715', rest)
                if m.point not in ('/a', '/e'):
                    self.assertNotIn('4715', m.root)


if __name__ == '__main__':
    main()
