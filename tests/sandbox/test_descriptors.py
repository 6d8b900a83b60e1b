#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Descriptors: which of them the command sees, and what husk reads from and writes to its own."""

import fcntl
import json
import os
import re
import select

from probe import (
    BWRAP, HOST, HUSK, PATIENCE, PROC, PYTHON, SLOW, SMALL, USR, ProbeCase, main)


class Inherited(ProbeCase):
    def kept(self, *words, program=None, fds=(), **kw):
        return self.probe([*words], 'fds', program=program, pass_fds=fds, **kw)[0]

    def test_the_three_of_every_program(self):
        fds = [self.fd('x') for _ in range(5)]
        for args in ((), HOST, SMALL):
            with self.subTest(args=args):
                self.assertEqual(self.kept(*args, fds=fds), '0 1 2')

    def test_keep_fd(self):
        a, b, c = self.fd('a'), self.fd('b'), self.fd('c')
        got = self.kept('--keep-fd', a, '--keep-fd', c, *HOST, fds=[a, b, c])
        self.assertEqual(got, f'0 1 2 {a} {c}')

    def test_keep_fd_with_a_content(self):
        fd = self.fd('content')
        r = self.husk('--keep-fd', fd, *HOST, '--', 'sh', '-c', f'cat <&{fd}', pass_fds=[fd])
        self.assertRuns(r, 'content')

    def test_keep_fd_with_a_high_number(self):
        high = fcntl.fcntl(self.fd('x'), fcntl.F_DUPFD, 900)
        os.set_inheritable(high, True)
        self.addCleanup(os.close, high)
        self.assertEqual(self.kept('--keep-fd', high, *SMALL, fds=[high]), f'0 1 2 {high}')

    def test_inherit_fds(self):
        a, b = self.fd('a'), self.fd('b')
        for args in ((), HOST, SMALL):
            with self.subTest(args=args):
                self.assertEqual(self.kept('--inherit-fds', *args, fds=[a, b]), f'0 1 2 {a} {b}')

    def test_bwrap_passes_all_on(self):
        a, b = self.fd('a'), self.fd('b')
        self.assertEqual(self.kept(*SMALL, fds=[a, b], program=BWRAP), f'0 1 2 {a} {b}')

    def test_what_options_name_is_not_passed_on(self):
        sync, data = self.fd(''), self.fd('x')
        got = self.kept(*HOST, '--tmpfs', '/mnt', '--sync-fd', sync, '--json-status-fd', sync,
                        '--ro-bind-data', data, '/mnt/f', fds=[sync, data])
        self.assertEqual(got, '0 1 2')

    def test_what_set_up_opens_is_not_passed_on(self):
        got = self.kept(*USR, *PROC, '--dev', '/dev', '--ro-bind', self.dir, '/x', '--tmpfs',
                        '/t', 'PROBE', program=BWRAP)
        self.assertEqual(got, '0 1 2')


class Closed(ProbeCase):
    """The caller may have closed any of the three: husk must not fill the gap with its own."""

    LINKS = 'import os, sys\n' \
            'seen = []\n' \
            'for fd in (0, 1, 2):\n' \
            '    try: seen.append(f"{fd} {os.readlink(f\'/proc/self/fd/{fd}\')}")\n' \
            '    except OSError: seen.append(f"{fd} ")\n' \
            'print(*seen, sep="\\n", file=open(sys.argv[1], "w"))'

    def without(self, *closed):
        """Run husk with these descriptors closed; return what they are inside."""
        out = self.path('out')
        r = self.run_cmd([HUSK, *SMALL, '--bind', self.dir, self.dir, '--', PYTHON, '-IS', '-c',
                          self.LINKS, out], preexec_fn=lambda: [os.close(fd) for fd in closed])
        self.assertEqual(r.rc, 0, r)
        with open(out, encoding='utf-8') as f:
            return dict(line.split(' ') for line in f.read().splitlines())

    def test_each(self):
        for fd in (0, 2):
            with self.subTest(fd):
                self.assertIn(self.without(fd)[str(fd)], ('', '/dev/null'))

    def test_stdout(self):
        r = self.run_cmd([HUSK, *SMALL, '--', self.prober(), 'fds'],
                         preexec_fn=lambda: os.close(1))
        self.assertEqual((r.rc, r.err), (0, ''), r)

    def test_all(self):
        seen = self.without(0, 1, 2)
        self.assertIn(seen['0'], ('', '/dev/null'))
        self.assertIn(seen['2'], ('', '/dev/null'))

    def test_an_error_goes_to_no_file_of_the_caller(self):
        """With stderr closed the message must not land in what was opened next."""
        top = self.mkdir('top')
        r = self.run_cmd([HUSK, '--bind', top, '/x', '--ro-bind', '/nowhere/at/all', '/y', '--',
                          'true'], preexec_fn=lambda: (os.close(2), os.close(1)))
        self.assertEqual(r.rc, 125, r)


class Chdir(ProbeCase):
    def test_a_missing_directory(self):
        r = self.husk(*HOST, '--chdir', '/no/where', '--', 'true')
        self.assertFails(r, 125, '/no/where.*No such file')

    def test_a_directory_of_the_sandbox(self):
        self.assertRuns(self.husk(*USR, '--dir', '/w', '--chdir', '/w', '--', 'pwd'), '/w\n')

    def test_the_callers_directory_where_it_is_visible(self):
        self.assertRuns(self.husk(*HOST, '--', 'pwd'), self.dir + '\n')

    def test_else_home(self):
        env = dict(os.environ, HOME='/usr/lib')
        self.assertRuns(self.husk(*USR, '--', 'pwd', env=env), '/usr/lib\n')

    def test_else_the_root(self):
        self.assertRuns(self.husk(*USR, '--', 'pwd'), '/\n')


class Status(ProbeCase):
    KINDS = ('cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts')

    def info(self, *args, program=HUSK):
        """The text of --info-fd, whose numbers must be those of the process named in it."""
        read, write = self.pipe()
        # pid 1 may be looked at as long as the command has not started
        block, go = self.pipe()
        p = self.spawn([program, *args, '--info-fd', write, '--block-fd', block, '--', 'sleep',
                        '30'], pass_fds=[write, block])
        self.close(write)
        text = os.read(read, 4096).decode()
        while not text.rstrip().endswith('}'):
            text += os.read(read, 4096).decode()
        found = json.loads(text)
        for kind in self.KINDS:
            if f'{kind}-namespace' in found:
                link = os.readlink(f'/proc/{found["child-pid"]}/ns/{kind}')
                self.assertEqual(link, f'{kind}:[{found[f"{kind}-namespace"]}]')
        self.assertEqual(select.select([read], [], [], PATIENCE * SLOW)[0], [read],
                         'the fd is not closed')
        self.assertEqual(os.read(read, 1), b'')
        p.kill()
        self.close(go)
        return text

    def test_info_fd(self):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                self.assertRegex(self.info(*SMALL, program=program), re.compile(
                    r'\A\{\n    "child-pid": \d+' + ''.join(
                        rf',\n    "{kind}-namespace": \d+' for kind in self.KINDS) + r'\n\}\n?\Z'))

    def test_info_fd_names_what_is_unshared(self):
        found = json.loads(self.info(*HOST, '--unshare-uts'))
        self.assertEqual(list(found), ['child-pid', 'mnt-namespace', 'uts-namespace'])

    def test_info_fd_without_any(self):
        self.assertEqual(list(json.loads(self.info(*HOST))), ['child-pid', 'mnt-namespace'])

    def json(self, *args, command=('true',), program=HUSK):
        read, write = self.pipe()
        r = self.run_cmd([program, *args, '--json-status-fd', write, '--', *command],
                         pass_fds=[write])
        self.close(write)
        with os.fdopen(os.dup(read), encoding='ascii') as f:
            return [json.loads(line) for line in f], r

    def test_json_status_fd(self):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                lines, _ = self.json(*SMALL, command=('sh', '-c', 'exit 3'), program=program)
                self.assertEqual(list(lines[0]),
                                 ['child-pid', *(f'{kind}-namespace' for kind in self.KINDS)])
                self.assertEqual([line for line in lines if 'exit-code' in line],
                                 [{'exit-code': 3}])
                self.assertEqual(lines[-1], {'exit-code': 3})

    def test_json_status_fd_of_a_signal(self):
        lines, _ = self.json(*SMALL, command=('sh', '-c', 'kill -9 $$'))
        self.assertEqual(lines[-1], {'exit-code': 137})

    def test_json_status_fd_without_a_command_to_run(self):
        for program, rc in ((HUSK, 127), (BWRAP, 1)):
            with self.subTest(program):
                lines, r = self.json(*SMALL, command=('/no/such/program',), program=program)
                self.assertEqual(r.rc, rc, r)
                self.assertEqual([line for line in lines if 'exit-code' in line], [])

    def test_sync_fd_closes_at_the_end(self):
        read, write = self.pipe()
        go_r, go_w = self.pipe()
        p = self.spawn([HUSK, *SMALL, '--sync-fd', write, '--', 'head', '-c1'],
                       pass_fds=[write], stdin=go_r)
        self.close(write)
        self.close(go_r)
        self.assertEqual(select.select([read], [], [], 0.3)[0], [])
        self.close(go_w)
        self.assertEqual(select.select([read], [], [], PATIENCE * SLOW)[0], [read])
        self.assertEqual(os.read(read, 1), b'')
        self.assertEqual(p.wait(), 0)

    def test_the_first_three_are_the_commands_as_well(self):
        for option in ('--info-fd', '--json-status-fd', '--status-fd'):
            with self.subTest(option):
                r = self.husk(*HOST, option, '1', 'echo', 'said by the command')
                self.assertEqual((r.rc, r.err), (0, ''), r)
                self.assertIn('said by the command\n', r.out)
        self.assertRuns(self.husk(*HOST, '--block-fd', '0', 'cat', input='xyz'), 'yz')
        self.assertRuns(self.husk(*HOST, '--args', '0', 'cat', input='--setenv\0A\0b\0'), '')

    def test_sync_fd_without_an_init(self):
        """The command does not get it, and still it is held until the end."""
        for how in ('ends', 'is killed'):
            with self.subTest(how):
                read, write = self.pipe()
                p = self.spawn([HUSK, *SMALL, '--as-pid-1', '--sync-fd', write, '--', 'sh', '-c',
                                f'test -e /proc/self/fd/{write} && echo got it; echo; cat'],
                               pass_fds=[write], stdin=-1)
                self.close(write)
                self.assertEqual(p.stdout.readline().strip() or b'', b'')
                self.assertEqual(select.select([read], [], [], 0.3)[0], [])
                if how == 'ends':
                    p.stdin.close()
                else:
                    p.kill()
                self.assertEqual(select.select([read], [], [], PATIENCE * SLOW)[0], [read])
                self.assertEqual(os.read(read, 1), b'')
                p.wait()

    def test_block_fd_holds_the_command_back(self):
        for last in (b'x', b''):
            with self.subTest(last):
                read, write = self.pipe()
                p = self.spawn([HUSK, *SMALL, '--block-fd', read, '--', 'echo', 'go'],
                               pass_fds=[read])
                self.close(read)
                self.assertEqual(select.select([p.stdout], [], [], 0.3)[0], [])
                if last:
                    os.write(write, last)
                self.close(write)
                self.assertEqual(p.stdout.read(), b'go\n')

    def test_userns_block_fd(self):
        """The caller writes the maps of the process that --info-fd names."""
        info_r, info_w = self.pipe()
        read, write = self.pipe()
        p = self.spawn([HUSK, *HOST, '--unshare-user', '--userns-block-fd', read, '--info-fd',
                        info_w, '--', 'sh', '-c', 'id -u; cat /proc/self/setgroups'],
                       pass_fds=[read, info_w])
        self.close(read)
        self.close(info_w)
        pid = json.loads(os.read(info_r, 4096))['child-pid']
        # a front end may read to the end before it writes the maps
        self.assertEqual(select.select([info_r], [], [], PATIENCE * SLOW)[0], [info_r],
                         'the fd is not closed')
        for name, text in (('setgroups', 'deny'), ('uid_map', f'0 {os.getuid()} 1'),
                           ('gid_map', f'0 {os.getgid()} 1')):
            with open(f'/proc/{pid}/{name}', 'w', encoding='ascii') as f:
                f.write(text)
        os.write(write, b'1')
        self.assertEqual(p.stdout.read(), b'0\ndeny\n')


class Args(ProbeCase):
    def run_list(self, data, *rest, program=HUSK):
        fd = self.fd(data)
        return self.run_cmd([program, *HOST, '--args', fd, *rest], pass_fds=[fd])

    def test_options_in_a_list(self):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                r = self.run_list('--setenv\0A\0b c\0', 'sh', '-c', 'echo "$A"', program=program)
                self.assertRuns(r, 'b c\n')

    def test_a_hundred_thousand_words(self):
        words = ''.join(f'--setenv\0V\0{i}\0' for i in range(33333)) + '--clearenv\0'
        r = self.run_list(words + '--setenv\0W\0last\0', '/usr/bin/env')
        self.assertRuns(r)
        self.assertIn('W=last\n', r.out)

    def test_a_hundred_thousand_binds_are_parsed(self):
        words = ''.join('--ro-bind-try\0/no/such\0/x\0' for i in range(33334))
        self.assertRuns(self.run_list(words, 'echo', 'x'), 'x\n')

    def test_words_after_the_dashes_begin_the_command(self):
        self.assertRuns(self.run_list('--\0echo\0a\0', 'b'), 'a b\n')

    def test_a_command_without_dashes(self):
        self.assertRuns(self.run_list('echo\0a\0--clearenv\0', '-b'), 'a --clearenv -b\n')

    def test_an_empty_list(self):
        self.assertRuns(self.run_list('', 'echo', 'x'), 'x\n')

    def test_an_empty_word(self):
        self.assertRuns(self.run_list('--setenv\0A\0\0', 'sh', '-c', 'echo "<$A>"'), '<>\n')

    def test_two_lists(self):
        a, b = self.fd('--setenv\0A\x001\0'), self.fd('--setenv\0B\x002\0')
        r = self.husk('--args', a, '--args', b, 'sh', '-c', 'echo $A$B', pass_fds=[a, b])
        self.assertRuns(r, '12\n')

    def test_a_list_from_a_pipe(self):
        read, write = self.pipe()
        os.write(write, b'--setenv\0A\0piped\0')
        self.close(write)
        r = self.husk('--args', read, 'sh', '-c', 'echo $A', pass_fds=[read])
        self.assertRuns(r, 'piped\n')

    def test_a_list_without_its_last_nul_is_refused(self):
        r = self.run_list('--setenv\0A\0b', 'true')
        self.assertFails(r, 125, 'NUL')

    def test_bwrap_takes_one_without(self):
        r = self.run_list('--setenv\0A\0b', 'sh', '-c', 'echo $A', program=BWRAP)
        self.assertRuns(r, 'b\n')

    def test_a_list_in_a_list_is_refused(self):
        self.assertFails(self.run_list('--args\x003\0', 'true'), 125, '--args')


if __name__ == '__main__':
    main()
