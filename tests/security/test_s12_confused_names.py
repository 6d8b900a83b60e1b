#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A name is taken for an option, for a part of one, or for another name.

Empty names, names that look like options, with every byte that means something to somebody, of all
lengths: they come out as they went in, by every operation that takes a path, or are refused. What
no test thinks of is left to tests/fuzz.
"""

import os

from rows import BWRAP, HOST, HUSK, PYTHON, ProbeCase, main

BROKEN = {
    'paths-not-empty': ['Empty.test_destinations', 'Empty.test_sources'],
    'args-terminated': 'Lists.test_without_its_last_terminator',
}
NAMES = (b'new\nline', b'com,ma', b'co:lon', b'back\\slash', b'back\\040slash', b'bl ank',
         b'\xff\xfe\x80 not utf-8', b'--', b'--bind', b'-', b'tab\ttab', b'"quoted"', b"'",
         b'$HOME', b'*', b'%s%n', b'(deleted)', b'x (deleted)', 'ünïcödé'.encode(), b'\x01\x7f',
         b'trailing ', b' leading', b'.hidden', b'...', b'equal=sign', b'x' * 255)
TAKES_SOURCE = ('--bind', '--ro-bind', '--dev-bind', '--bind-try', '--ro-bind-try',
                '--dev-bind-try')
TAKES_DEST = ('--tmpfs', '--dir', '--proc', '--dev', '--mqueue', '--remount-ro', '--lock-file',
              '--chdir')
TAKES_FD_AND_PATH = ('--bind-fd', '--ro-bind-fd', '--file', '--bind-data', '--ro-bind-data')
ONLY_HUSK = ('--mask', '--mask-try', '--proc-try', '--proc-subset', '--devpts', '--sysfs',
             '--cgroupfs', '--env-file')
# prints what each directory below /mnt holds, and what there is to read, as bytes
LOOK = r"""
import os
out = []
for kind in sorted(os.listdir(b'/mnt')):
    for name in os.listdir(b'/mnt/' + kind):
        at = b'/mnt/' + kind + b'/' + name
        if os.path.islink(at):
            text = os.readlink(at)
        elif os.path.isdir(at):
            text = b'f' if b'f' in os.listdir(at) else b'dir'
        else:
            text = open(at, 'rb').read()
        out.append((kind, name, text))
print(ascii((out, os.getcwdb(), os.environb[b'PWD'])))
"""


class Odd(ProbeCase):
    """Names that are no mistake go through as they are."""

    def test_as_source_and_destination(self):
        for name in NAMES:
            source = os.fsencode(self.dir) + b'/' + name
            os.mkdir(source)
            with open(source + b'/f', 'wb') as f:
                f.write(b'found')
            for program in (HUSK, BWRAP):
                with self.subTest(name, program=program):
                    r = self.run_cmd([program, *HOST, '--tmpfs', '/mnt', '--ro-bind', source,
                                      b'/mnt/' + name, '--', 'cat', b'/mnt/' + name + b'/f'])
                    self.assertRuns(r, 'found')

    def test_relative_source_with_a_leading_dash(self):
        self.write('--ro-bind/f', 'found')
        r = self.husk(*HOST, '--tmpfs', '/mnt', '--ro-bind', '--ro-bind', '/mnt/--',
                      '--', 'cat', '/mnt/--/f')
        self.assertRuns(r, 'found')

    def test_made_by_set_up(self):
        for name in NAMES:
            with self.subTest(name):
                fd = self.fd('found')
                r = self.run_cmd([HUSK, *HOST, '--tmpfs', '/mnt', '--file', str(fd),
                                  b'/mnt/' + name, '--symlink', name, b'/mnt/l', '--', 'sh', '-c',
                                  'cat /mnt/l && readlink -n /mnt/l'], pass_fds=[fd])
                self.assertEqual(r.rc, 0, r)
                self.assertEqual(r.out.encode('utf-8', 'surrogateescape'), b'found' + name)

    def test_in_the_environment_and_the_command(self):
        for name in (*NAMES, b'', b'\n', b'='):
            with self.subTest(name):
                r = self.run_cmd([HUSK, *HOST, '--setenv', 'A', name, '--', 'sh', '-c',
                                  'printf %s "$A$1"', 'sh', name])
                self.assertEqual(r.rc, 0, r)
                self.assertEqual(r.out.encode('utf-8', 'surrogateescape'), name * 2)

    def test_as_directory(self):
        for name in NAMES:
            os.mkdir(os.fsencode(self.dir) + b'/' + name)
            with self.subTest(name):
                r = self.run_cmd([HUSK, *HOST, '--chdir', os.fsencode(self.dir) + b'/' + name,
                                  '--', 'sh', '-c', 'printf %s "$PWD"'])
                self.assertEqual(r.out.encode('utf-8', 'surrogateescape'),
                                 os.fsencode(self.dir) + b'/' + name)

    def test_a_path_of_4095_bytes(self):
        """The longest there is: components of 200 bytes under the test's directory."""
        path = self.dir
        fd = os.open(path, os.O_PATH)
        while len(path) + 202 < 4095:
            name = 'd' * min(200, 4095 - len(path) - 1)
            os.mkdir(name, dir_fd=fd)
            nxt = os.open(name, os.O_PATH, dir_fd=fd)
            os.close(fd)
            fd, path = nxt, f'{path}/{name}'
        last = 'e' * (4095 - len(path) - 1)
        os.mkdir(last, dir_fd=fd)
        path += '/' + last
        os.close(os.open('f', os.O_CREAT | os.O_WRONLY, dir_fd=os.open(path, os.O_PATH)))
        self.assertEqual(len(path), 4095)
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                r = self.run_cmd([program, *HOST, '--tmpfs', '/mnt', '--ro-bind', path, '/mnt/x',
                                  '--', 'ls', '/mnt/x'])
                self.assertRuns(r, 'f\n')

    def test_a_destination_of_4095_bytes(self):
        path = '/mnt' + ('/' + 'd' * 200) * 20
        path += '/' + 'e' * (4095 - len(path) - 1)
        r = self.husk(*HOST, '--tmpfs', '/mnt', '--tmpfs', path, '--', 'true')
        self.assertRuns(r)

    def test_as_a_mistake_they_are_named_as_typed(self):
        for name in (b'com,ma', b'back\\slash', b'%s%n%d', b'bl ank', 'ünï'.encode()):
            with self.subTest(name):
                r = self.run_cmd([HUSK, '--bind', b'/no/' + name, '/x', 'true'])
                self.assertFails(r, 125)
                self.assertIn(b'/no/' + name, r.err.encode('utf-8', 'surrogateescape'))

    def test_a_path_of_4096_bytes_is_refused(self):
        """One more than the kernel takes: nothing is cut off to make it fit."""
        path = '/mnt' + ('/' + 'd' * 200) * 20
        path += '/' + 'e' * (4096 - len(path) - 1)
        for words in (['--tmpfs', path], ['--bind', path, '/mnt'], ['--bind', '/usr', path],
                      ['--proc', path], ['--mask', path],
                      ['--overlay-src', path, '--tmp-overlay', '/mnt'],
                      ['--overlay-src', '/usr', '--tmp-overlay', path], ['--chmod', '0', path],
                      ['--remount-ro', path], ['--lock-file', path], ['--chdir', path],
                      ['--env-file', path]):
            with self.subTest(words[0]):
                r = self.husk(*HOST, '--tmpfs', '/mnt', *words, '--', 'echo', 'ran')
                self.assertFails(r, 125, 'name too long|too long')
                self.assertEqual(r.out, '')

    def test_every_operation_at_4095_bytes(self):
        path = '/mnt' + ('/' + 'd' * 200) * 20
        path += '/' + 'e' * (4095 - len(path) - 1)
        fd = self.fd('found')
        for words in (['--dir', path], ['--bind', '/usr', path], ['--symlink', '/usr', path],
                      ['--overlay-src', '/usr', '--tmp-overlay', path], ['--proc', path],
                      ['--dir', path, '--chmod', '0711', path], ['--file', fd, path],
                      ['--tmpfs', path, '--remount-ro', path]):
            with self.subTest(words[0]):
                r = self.husk('--unshare-pid', *HOST, '--tmpfs', '/mnt', *words, '--', 'test',
                              '-e', path, pass_fds=[fd])
                self.assertRuns(r)


class Every(ProbeCase):
    """Each name in every operation that takes a path, all in one sandbox."""

    def words(self, name):
        """The options; what the directories below /mnt then hold."""
        here = os.fsencode(self.dir)
        for kind in (b'src', b'upper', b'work'):
            os.makedirs(os.path.join(here, kind, name), exist_ok=True)
        source = here + b'/src/' + name
        with open(source + b'/f', 'wb') as f:
            f.write(b'found')
        fds = [self.fd('found') for _ in range(3)]
        words = ['--tmpfs', '/mnt', '--ro-bind', source, b'/mnt/bind/' + name,
                 '--bind-try', source, b'/mnt/try/' + name, '--dir', b'/mnt/dir/' + name,
                 '--chmod', '0711', b'/mnt/dir/' + name, '--tmpfs', b'/mnt/tmpfs/' + name,
                 '--remount-ro', b'/mnt/tmpfs/' + name, '--symlink', name, b'/mnt/link/' + name,
                 '--file', fds[0], b'/mnt/file/' + name,
                 '--bind-data', fds[1], b'/mnt/data/' + name,
                 '--ro-bind-data', fds[2], b'/mnt/rodata/' + name,
                 '--overlay-src', here + b'/upper', '--overlay-src', source, '--ro-overlay',
                 b'/mnt/ro/' + name, '--overlay-src', source, '--overlay',
                 here + b'/upper/' + name, here + b'/work/' + name, b'/mnt/rw/' + name,
                 '--overlay-src', source, '--tmp-overlay', b'/mnt/tmp/' + name,
                 '--lock-file', source + b'/f', '--chdir', source]
        found = {'bind': b'f', 'try': b'f', 'dir': b'dir', 'tmpfs': b'dir', 'link': name,
                 'file': b'found', 'data': b'found', 'rodata': b'found', 'ro': b'f', 'rw': b'f',
                 'tmp': b'f'}
        want = [(kind.encode(), name, text) for kind, text in sorted(found.items())]
        return words, fds, ascii((want, source, source)) + '\n'

    def round_trip(self, program, as_list):
        for name in NAMES:
            with self.subTest(name):
                words, fds, want = self.words(name)
                words = [*HOST, *words]
                if as_list:
                    fds.append(self.fd(b''.join(
                        (w if isinstance(w, bytes) else str(w).encode()) + b'\0' for w in words)))
                    words = ['--args', fds[-1]]
                r = self.run_cmd([program, *words, '--', PYTHON, '-I', '-c', LOOK], pass_fds=fds)
                self.assertRuns(r, want)

    def test_as_words(self):
        self.round_trip(HUSK, False)

    def test_as_a_list(self):
        self.round_trip(HUSK, True)

    def test_as_bwrap(self):
        self.round_trip(BWRAP, False)

    def test_what_husk_mounts(self):
        """File systems of husk's own, and masks."""
        for name in NAMES:
            here = os.fsencode(self.dir) + b'/m/' + name
            os.makedirs(here, exist_ok=True)
            with open(here + b'/' + name[:200], 'wb') as f:
                f.write(b'hidden')
            with open(here + b'/env', 'wb') as f:
                f.write(b'A=found\n')
            with self.subTest(name):
                r = self.run_cmd(
                    [HUSK, '--unshare-all', *HOST, '--tmpfs', '/mnt', '--proc', b'/mnt/p/' + name,
                     '--dev', b'/mnt/d/' + name, '--mqueue', b'/mnt/q/' + name, '--devpts',
                     b'/mnt/t/' + name, '--mask', here + b'/' + name[:200], '--env-file',
                     here + b'/env', '--', 'sh', '-c', 'cat "/mnt/p/$1/self/comm" && '
                     'test -c "/mnt/d/$1/null" && test -d "/mnt/q/$1" && test -c "/mnt/t/$1/ptmx" '
                     '&& ! test -e "$2" && echo $A', 'sh', name, here + b'/' + name[:200]])
                self.assertRuns(r, 'cat\nfound\n')


class Empty(ProbeCase):
    """An empty name is nobody's: neither the root, nor the working directory, nor nothing."""

    def refused(self, *words):
        before = self.tree(self.dir)
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            if program == BWRAP and words[0] in ONLY_HUSK:
                continue
            with self.subTest(words, program=program):
                fd = self.fd('')
                words = [fd if word == 'FD' else word for word in words]
                r = self.run_cmd([program, *HOST, *words, '--', 'echo', 'ran'], pass_fds=[fd])
                self.assertFails(r, rc)
                self.assertEqual(r.out, '', r)
                if program == HUSK:
                    self.assertRegex(r.err, f'{words[0]}.*empty')
        self.assertEqual(self.tree(self.dir), before)

    def test_sources(self):
        for option in TAKES_SOURCE:
            self.refused(option, '', '/mnt')

    def test_destinations(self):
        for option in TAKES_SOURCE:
            self.refused(option, '/', '')
        for option in (*TAKES_DEST, *ONLY_HUSK[:-1]):
            self.refused(option, '')
        for option in TAKES_FD_AND_PATH:
            self.refused(option, 'FD', '')
        self.refused('--symlink', 'x', '')
        self.refused('--symlink', '', '/x')
        self.refused('--chmod', '0755', '')

    def test_layers(self):
        self.refused('--overlay-src', '', '--tmp-overlay', '/mnt')
        for hole in range(3):
            words = ['/tmp', '/tmp', '/mnt']
            words[hole] = ''
            r = self.husk(*HOST, '--overlay-src', '/usr', '--overlay', *words, '--', 'echo', 'ran')
            self.assertFails(r, 125, '--overlay.*empty')

    def test_in_a_list(self):
        for words in (b'--bind\0\0/mnt\0', b'--tmpfs\0\0'):
            fd = self.fd(words)
            r = self.husk(*HOST, '--args', fd, '--', 'echo', 'ran', pass_fds=[fd])
            self.assertFails(r, 125, 'empty')


class Lists(ProbeCase):
    """The words of --args are those of the list, and the command's are its own."""

    def test_without_its_last_terminator(self):
        """A list that was cut short is not a shorter list."""
        for words in (b'--tmpfs', b'--tmpfs\0/mn', b'--ro-bind\0/\0/\0--bind\0/tmp\0/tmp'):
            fd = self.fd(words)
            r = self.husk(*HOST, '--args', fd, '--', 'echo', 'ran', pass_fds=[fd])
            self.assertFails(r, 125, '--args.*NUL')
            self.assertEqual(r.out, '')

    def test_the_commands_words_are_no_options(self):
        for program, rc in ((HUSK, 127), (BWRAP, 1)):
            for word in ('--bind', '--ro-bind', '--', '-', '--args', '--help'):
                r = self.run_cmd([program, *HOST, '--', word, '/', '/'])
                self.assertEqual(r.rc, rc, r)
                self.assertRegex(r.err, 'execvp? ' + word)

    def test_the_commands_operands_are_no_options(self):
        words = ['--bind', '/', '/', '--', '--args', '3', '--share-net', '']
        for program in (HUSK, BWRAP):
            for middle in (['--'], []):
                r = self.run_cmd([program, *HOST, *middle, 'printf', '%s|', *words])
                self.assertRuns(r, ''.join(word + '|' for word in words))

    def test_a_list_ends_with_itself(self):
        """An option at its end does not take its operands from the command line."""
        fd = self.fd(b'--tmpfs\0')
        r = self.husk(*HOST, '--args', fd, '/mnt', 'echo', 'ran', pass_fds=[fd])
        self.assertFails(r, 125, '--tmpfs takes')

    def test_very_many_words(self):
        words = b''.join(b'--setenv\0V%d\0%d\0' % (i, i) for i in range(20000))
        fd = self.fd(words)
        r = self.husk(*HOST, '--clearenv', '--args', fd, '--', '/bin/sh', '-c',
                      'echo $V0 $V9999 $V19999', pass_fds=[fd])
        self.assertRuns(r, '0 9999 19999\n')


if __name__ == '__main__':
    main()
