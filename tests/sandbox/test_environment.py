#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The environment of the command, and where it is looked for."""

from probe import BWRAP, HOST, HUSK, ProbeCase, main


class Variables(ProbeCase):
    def env(self, *args, program=None, **kw):
        r = self.run_cmd([program or HUSK, *HOST, *args, '--', '/usr/bin/env'], **kw)
        self.assertRuns(r)
        return dict(line.split('=', 1) for line in r.out.splitlines())

    def test_passed_on(self):
        got = self.env(env={'PATH': '/usr/bin', 'A': 'b', 'PWD': '/'})
        self.assertEqual(got, {'PATH': '/usr/bin', 'A': 'b', 'PWD': self.dir})

    def test_setenv(self):
        self.assertEqual(self.env('--setenv', 'A', 'x=y z')['A'], 'x=y z')

    def test_setenv_replaces(self):
        got = self.env('--setenv', 'A', 'new', env={'A': 'old', 'PATH': '/usr/bin'})
        self.assertEqual(got['A'], 'new')

    def test_setenv_of_an_empty_value(self):
        self.assertEqual(self.env('--setenv', 'A', '')['A'], '')

    def test_unsetenv(self):
        self.assertNotIn('HOME', self.env('--unsetenv', 'HOME'))

    def test_unsetenv_of_what_is_not_set(self):
        self.assertIn('HOME', self.env('--unsetenv', 'NO_SUCH'))

    def test_clearenv_leaves_the_directory(self):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                self.assertEqual(self.env('--clearenv', program=program), {'PWD': self.dir})

    def test_they_act_in_order(self):
        self.assertEqual(self.env('--setenv', 'A', '1', '--clearenv', '--setenv', 'B', '2'),
                         {'B': '2', 'PWD': self.dir})

    def test_the_directory(self):
        self.assertEqual(self.env('--chdir', '/usr')['PWD'], '/usr')

    def test_the_directory_wins_over_setenv(self):
        self.assertEqual(self.env('--setenv', 'PWD', '/x', '--chdir', '/usr')['PWD'], '/usr')

    def test_a_variable_without_equals_sign_does_no_harm(self):
        """execve(2) takes any strings; a few callers pass odd ones."""
        snippet = self.inside_c(r'''
            #include <unistd.h>
            int main(int argc, char **argv)
            {
                char *env[] = { "nothing", "=x", "A=b", "PATH=/usr/bin", 0 };
                execve(argv[1], argv + 1, env);
                return 1;
            }''')
        r = self.run_cmd([snippet, HUSK, *HOST, '--', 'sh', '-c', 'echo $A'])
        self.assertRuns(r, 'b\n')


class Passed(ProbeCase):
    """--env and --env-file."""

    def env(self, *args, **kw):
        r = self.husk(*HOST, *args, '--', '/usr/bin/env', **kw)
        self.assertRuns(r)
        got = dict(line.split('=', 1) for line in r.out.splitlines())
        del got['PWD']
        return got

    def test_one_through_clearenv(self):
        got = self.env('--clearenv', '--env', 'A', env={'A': 'x y=z', 'B': '2', 'PATH': '/bin'})
        self.assertEqual(got, {'A': 'x y=z'})

    def test_before_clearenv_it_is_cleared(self):
        self.assertEqual(self.env('--env', 'A', '--clearenv', env={'A': 'x'}), {})

    def test_it_undoes_setenv(self):
        self.assertEqual(self.env('--setenv', 'A', 'new', '--env', 'A', env={'A': 'x'}),
                         {'A': 'x'})

    def test_what_the_caller_has_not_is_unset(self):
        self.assertEqual(self.env('--setenv', 'A', 'new', '--env', 'A', env={'B': 'x'}),
                         {'B': 'x'})

    def test_bad_names(self):
        for name in ('', 'A=b'):
            self.assertFails(self.husk('--env', name, '--', 'true'), 125, 'not the name')

    def file(self, data, *more, **kw):
        return self.env('--clearenv', *more, '--env-file', self.write('vars', data), **kw)

    def test_file(self):
        got = self.file('A=1\n\n# comment\n  # another\nB="q" \\$x  \n C=a=b\nD=\n#E=5')
        self.assertEqual(got, {'A': '1', 'B': '"q" \\$x  ', 'C': 'a=b', 'D': ''})

    def test_file_without_a_newline_at_the_end(self):
        self.assertEqual(self.file('A=1\nB=2'), {'A': '1', 'B': '2'})

    def test_file_of_another_system(self):
        self.assertEqual(self.file('A=1\r\nB=2\r\n'), {'A': '1', 'B': '2'})

    def test_file_passes_on(self):
        self.assertEqual(self.file('A\nB\n', env={'A': 'x', 'C': 'y'}), {'A': 'x'})

    def test_file_in_its_place(self):
        vars_ = self.write('vars', 'A=file\nB=file\n')
        got = self.env('--clearenv', '--setenv', 'A', '1', '--env-file', vars_, '--setenv', 'B',
                       '2')
        self.assertEqual(got, {'A': 'file', 'B': '2'})

    def test_files_of_any_size(self):
        self.assertEqual(len(self.file(''.join(f'V{i}={"x" * 100}\n' for i in range(500)))), 500)
        self.assertEqual(self.file(''), {})

    def test_file_from_a_pipe(self):
        r = self.run_cmd(['bash', '-c', 'exec "$0" --clearenv --env-file <(echo A=1) -- '
                          '/usr/bin/env', HUSK])
        self.assertIn('A=1\n', r.out, r)

    def test_bad_lines_are_named(self):
        for data, where in (('A=1\n=2\n', '2: there is no name'), ('A b=2', '1: a name holds'),
                            ('A=1\n\n\nB C\n', '4: a name holds'), ('A=x\0y\n', '1: .* NUL'),
                            ('A=x\n\0\n', '2: .* NUL')):
            with self.subTest(data):
                path = self.write('vars', data)
                self.assertFails(self.husk('--env-file', path, '--', 'true'), 125,
                                 f'--env-file {path}:{where}')

    def test_missing_file(self):
        self.assertFails(self.husk('--env-file', self.path('no'), '--', 'true'), 125,
                         f'--env-file {self.path("no")}: No such file')

    def test_explained(self):
        r = self.husk('--explain', '--clearenv', '--env', 'A', '--env-file',
                      self.write('vars', 'B=2\n'), '--', 'true')
        self.assertRuns(r)
        self.assertIn('environment:\n  clear\n  pass A\n  set B=2\n', r.out)

class Lookup(ProbeCase):
    def tool(self, where, text):
        return self.write(f'{where}/tool', f'#!/bin/sh\necho {text} "$0"\n', 0o755)

    def test_in_the_commands_path(self):
        self.tool('one', 'one')
        r = self.husk(*HOST, '--setenv', 'PATH', self.path('one'), '--', 'tool',
                      env={'PATH': '/usr/bin'})
        self.assertRuns(r, f'one {self.path("one/tool")}\n')

    def test_inside_and_not_on_the_host(self):
        """The path is looked up in the sandbox, where the host's first hit is hidden."""
        self.tool('one', 'one')
        self.tool('two', 'two')
        env = {'PATH': f'{self.path("one")}:{self.path("two")}:/usr/bin'}
        r = self.husk(*HOST, '--tmpfs', self.path('one'), '--', 'tool', env=env)
        self.assertRuns(r, f'two {self.path("two/tool")}\n')

    def test_what_cannot_be_executed_is_passed_over(self):
        self.write('one/tool', 'x', 0o644)
        self.tool('two', 'two')
        env = {'PATH': f'{self.path("one")}:{self.path("two")}:/usr/bin'}
        self.assertRuns(self.husk(*HOST, '--', 'tool', env=env))

    def test_without_path(self):
        r = self.husk(*HOST, '--clearenv', '--', 'true')
        self.assertIn(r.rc, (0, 127), r)

    def test_argv0(self):
        r = self.husk(*HOST, '--argv0', 'other', '--', 'sh', '-c', 'echo $0')
        self.assertRuns(r, 'other\n')

    def test_argv0_of_nothing(self):
        r = self.husk(*HOST, '--argv0', '', '--', 'sh', '-c', 'tr "\\0" "|" </proc/$$/cmdline')
        self.assertRuns(r)
        self.assertTrue(r.out.startswith('|-c|'), r)

    def test_a_script_without_interpreter_line(self):
        path = self.write('script', 'echo from the script\n', 0o755)
        r = self.husk(*HOST, '--', path)
        self.assertIn((r.rc, r.out), ((0, 'from the script\n'), (126, '')), r)


if __name__ == '__main__':
    main()
