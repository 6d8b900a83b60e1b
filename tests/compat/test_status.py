#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the bwrap personality writes to --info-fd and --json-status-fd."""

import json
import os
import re

from compat import DEVHOST, EACH, HOST, NEWPROC, USR, Compare, Out, main, read_all, read_line


def shape(text):
    """JSON with its numbers taken out."""
    return re.sub(r': \d+', ': N', text)


class InfoFd(Compare):

    def same_info(self, *args):
        ours, theirs = self.sides(*HOST, '--info-fd', Out(), *args, 'true')
        self.assertEqual((ours.rc, theirs.rc), (0, 0), f'{ours}{theirs}')
        self.assertEqual(shape(ours.written[0]), shape(theirs.written[0]))
        return json.loads(ours.written[0])

    def test_nothing_unshared(self):
        self.assertEqual(list(self.same_info()), ['child-pid', 'mnt-namespace'])

    def test_user_namespace_is_not_listed(self):
        self.same_info('--unshare-user')

    def test_all(self):
        self.assertEqual(list(self.same_info('--unshare-all')),
                         ['child-pid', 'cgroup-namespace', 'ipc-namespace', 'mnt-namespace',
                          'net-namespace', 'pid-namespace', 'uts-namespace'])

    def test_one_of_each(self):
        for kind in ('cgroup', 'ipc', 'net', 'pid', 'uts'):
            with self.subTest(kind):
                self.assertIn(f'{kind}-namespace', self.same_info(f'--unshare-{kind}'))

    def test_exact_text(self):
        for r in self.sides(*HOST, '--info-fd', Out(), '--unshare-pid', 'true'):
            self.assertRegex(r.written[0], r'\A\{\n    "child-pid": \d+,\n    "mnt-namespace": \d+,'
                                           r'\n    "pid-namespace": \d+\n\}\n\Z')

    def test_goes_to_stdout(self):
        for r in self.sides(*HOST, '--info-fd', '1', 'true'):
            self.assertRegex(r.out, r'\A\{\n    "child-pid": ')

    def test_is_closed_when_it_is_written(self):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                p = self.spawn([program, *HOST, '--info-fd', w, 'sleep', '60'], pass_fds=[w])
                self.close(w)
                self.assertIn(b'child-pid', read_all(r))
                self.assertIsNone(p.poll())

    def test_is_written_before_the_command_runs(self):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                block_r, _ = self.pipe()
                self.spawn([program, *HOST, '--info-fd', w, '--block-fd', block_r, 'true'],
                           pass_fds=[w, block_r])
                self.close(w)
                self.assertIn('child-pid', json.loads(read_all(r)))

    def running(self, program):
        """Start a sandbox; return what --info-fd says, parsed."""
        r, w = self.pipe()
        p = self.spawn([program, *USR, *NEWPROC, '--unshare-uts', '--unshare-net', '--info-fd', w,
                        'sh', '-c', 'echo; exec sleep 60'], pass_fds=[w])
        self.close(w)
        p.stdout.readline()
        return json.loads(read_all(r))

    def test_pid_and_namespaces_are_right(self):
        for program in EACH:
            with self.subTest(program):
                info = self.running(program)
                names = {n.removesuffix('-namespace'): i for n, i in info.items()
                         if n != 'child-pid'}
                found = {n: os.stat(f'/proc/{info["child-pid"]}/ns/{n}').st_ino for n in names}
                self.assertEqual(names, found)
                with open(f'/proc/{info["child-pid"]}/status', encoding='ascii') as f:
                    self.assertIn(f'NSpid:\t{info["child-pid"]}\t1\n', f.read())

    def test_that_is_not_open(self):
        self.same_error('Write to info_fd: Bad file descriptor', *HOST, '--info-fd', '99', 'true')

    def test_that_is_read_only(self):
        self.same_error('Write to info_fd: Bad file descriptor',
                        *HOST, '--info-fd', self.open('/'), 'true', pass_fds=self._open_fds)

    def test_is_written_when_the_command_is_missing(self):
        for r in self.sides(*HOST, '--info-fd', Out(), '/nonexistent'):
            self.assertEqual(r.rc, 1)
            self.assertIn('child-pid', r.written[0])


class StatusFd(Compare):

    def same_status(self, *args, rc=0, lines=2):
        ours, theirs = self.sides(*HOST, '--json-status-fd', Out(), *args)
        self.assertEqual((ours.rc, theirs.rc), (rc, rc), f'{ours}{theirs}')
        self.assertEqual(shape(ours.written[0]), shape(theirs.written[0]))
        documents = [json.loads(line) for line in ours.written[0].splitlines()]
        self.assertEqual(len(documents), lines)
        if lines == 2:
            self.assertEqual(documents[1], {'exit-code': rc})
        return documents

    def test_two_lines(self):
        self.same_status('true')

    def test_exact_text(self):
        for r in self.sides(*HOST, '--unshare-net', '--json-status-fd', Out(), 'true'):
            self.assertRegex(r.written[0], r'\A\{ "child-pid": \d+, "mnt-namespace": \d+, '
                                           r'"net-namespace": \d+ \}\n\{ "exit-code": 0 \}\n\Z')

    def test_all_namespaces(self):
        self.same_status('--unshare-all', 'true')

    def test_failing_command(self):
        self.same_status('sh', '-c', 'exit 42', rc=42)

    def test_killed_command(self):
        self.same_status('sh', '-c', 'kill -TERM $$', rc=143)

    def test_killed_command_with_a_pid_namespace(self):
        self.same_status('--unshare-pid', 'sh', '-c', 'kill -KILL $$', rc=137)

    def test_as_pid_1(self):
        self.same_status('--unshare-pid', '--as-pid-1', 'sh', '-c', 'exit 7', rc=7)

    def test_missing_command(self):
        self.same_status('/nonexistent', rc=1, lines=1)

    def test_command_that_cannot_run(self):
        self.same_status('/etc/passwd', rc=1, lines=1)

    def test_missing_command_with_a_pid_namespace(self):
        self.same_status('--unshare-pid', '/nonexistent', rc=1, lines=1)

    def test_command_that_exits_with_1(self):
        self.same_status('false', rc=1)

    def test_failing_chdir(self):
        self.same_status('--chdir', '/nonexistent', 'true', rc=1, lines=1)

    def test_failing_mount(self):
        self.same_status('--dir', '/nonexistent', 'true', rc=1, lines=1)

    def test_missing_source(self):
        self.same_status('--bind', '/nonexistent', '/mnt', 'true', rc=1, lines=1)

    def test_bad_option(self):
        ours, theirs = self.sides(*HOST, '--json-status-fd', Out(), '--nope')
        self.assertEqual((ours.written, theirs.written), ([''], ['']))

    def test_with_info_fd(self):
        ours, theirs = self.sides(*HOST, '--json-status-fd', Out(), '--info-fd', Out(), 'true')
        for r in (ours, theirs):
            status = json.loads(r.written[0].splitlines()[0])
            self.assertEqual(status, json.loads(r.written[1]))

    def test_first_line_comes_early(self):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                p = self.spawn([program, *HOST, '--json-status-fd', w, 'sleep', '60'],
                               pass_fds=[w])
                self.assertIn('child-pid', json.loads(read_line(r)))
                self.assertIsNone(p.poll())

    def test_is_closed_after_the_exit_code(self):
        for program in EACH:
            with self.subTest(program):
                r, w = self.pipe()
                self.spawn([program, *DEVHOST, '--unshare-pid', '--json-status-fd', w, 'sh',
                            '-c', 'sleep 60 >&2 & exit 3'], pass_fds=[w])
                self.close(w)
                self.assertEqual(json.loads(read_all(r).splitlines()[1]), {'exit-code': 3})

    def test_that_is_not_open(self):
        self.same_error('Write to info_fd: Bad file descriptor',
                        *HOST, '--json-status-fd', '99', 'true')

    def test_whose_reader_is_gone(self):
        r, w = self.pipe()
        self.close(r)
        for result in self.sides(*HOST, '--json-status-fd', w, 'true', pass_fds=[w]):
            self.assertNotEqual(result.rc, 0, result)


if __name__ == '__main__':
    main()
