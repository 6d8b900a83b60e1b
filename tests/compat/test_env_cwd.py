#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The environment, the working directory and the look-up of the command."""

import os

from compat import HOST, PROC, USR, Compare, main

ROOT = (*USR, *PROC)


class Environment(Compare):

    def test_passed_on(self):
        self.same_words(*HOST, 'env', env={**os.environ, 'A': 'b c', 'OLDPWD': '/x', '_': 'y'})

    def test_nothing_is_added_but_pwd(self):
        self.same(*HOST, '/usr/bin/env', env={}, out=f'PWD={self.dir}\n')

    def test_setenv(self):
        self.same(*HOST, '--setenv', 'A', 'b=c\n', 'printenv', 'A', out='b=c\n\n')

    def test_setenv_empty(self):
        self.same_words(*HOST, '--setenv', 'A', '', 'env')

    def test_setenv_replaces(self):
        self.same_words(*HOST, '--setenv', 'A', '2', 'env', env={**os.environ, 'A': '1'})

    def test_unsetenv(self):
        self.same_words(*HOST, '--unsetenv', 'HOME', '--unsetenv', 'MISSING', 'env')

    def test_clearenv(self):
        self.same(*HOST, '--clearenv', '/usr/bin/env', out=f'PWD={self.dir}\n')

    def test_in_order(self):
        self.same_words(*HOST, '--setenv', 'A', '1', '--clearenv', '--setenv', 'B', '2',
                        '--setenv', 'C', '3', '--unsetenv', 'B', 'env')

    def test_clearenv_takes_back_what_came_before(self):
        self.same_words(*HOST, '--setenv', 'A', '1', '--clearenv', 'env')

    def test_pwd_is_the_directory(self):
        self.same(*HOST, 'printenv', 'PWD', out=f'{self.dir}\n')

    def test_pwd_of_the_caller_does_not_count(self):
        self.same(*HOST, 'printenv', 'PWD', env={**os.environ, 'PWD': '/elsewhere'},
                  out=f'{self.dir}\n')

    def test_setenv_of_pwd_does_not_count(self):
        self.same(*HOST, '--setenv', 'PWD', '/x', 'printenv', 'PWD', out=f'{self.dir}\n')

    def test_unsetenv_of_pwd_does_not_count(self):
        self.same(*HOST, '--unsetenv', 'PWD', 'printenv', 'PWD', out=f'{self.dir}\n')

    def test_malformed_words_are_passed_on(self):
        self.same(*HOST, '/usr/bin/env', env={b'A': b'\xff', b'B\xfe': b''})

    def test_ten_thousand_variables(self):
        self.same_words(*HOST, 'env', env={**os.environ, **{f'V{i}': str(i) for i in range(10000)}})


class WorkingDirectory(Compare):

    def test_kept(self):
        self.same(*HOST, 'pwd', out=f'{self.dir}\n')

    def test_chdir(self):
        self.same(*HOST, '--chdir', '/usr/share', 'sh', '-c', 'echo $PWD; pwd -P',
                  out='/usr/share\n/usr/share\n')

    def test_chdir_is_the_sandbox_s(self):
        self.same(*ROOT, '--bind', self.dir, '/new', '--chdir', '/new', '/bin/pwd', out='/new\n')

    def test_pwd_is_the_word_as_typed(self):
        self.same(*ROOT, '--chdir', '/bin/../bin/.', 'printenv', 'PWD', out='/bin/../bin/.\n')

    def test_relative_chdir(self):
        self.same(*HOST, '--chdir', 'usr', 'sh', '-c', 'printenv PWD; pwd -P')

    def test_chdir_to_what_is_missing(self):
        self.same_error("Can't chdir to /nonexistent: No such file or directory",
                        *HOST, '--chdir', '/nonexistent', 'true')

    def test_chdir_to_a_file(self):
        self.same_error("Can't chdir to /etc/passwd: Not a directory",
                        *HOST, '--chdir', '/etc/passwd', 'true')

    def test_chdir_to_a_closed_directory(self):
        self.same_error("Can't chdir to /root: Permission denied", *HOST, '--chdir', '/root',
                        'true')

    def test_chdir_comes_after_all_mounts(self):
        self.same(*ROOT, '--chdir', '/a/b', '--dir', '/a/b', 'pwd', out='/a/b\n')

    def test_falls_back_to_home(self):
        self.same(*ROOT, '--dir', '/h/me', 'pwd', env={**os.environ, 'HOME': '/h/me'},
                  out='/h/me\n')

    def test_home_of_setenv(self):
        self.same(*ROOT, '--dir', '/h/me', '--setenv', 'HOME', '/h/me', 'pwd', out='/h/me\n')

    def test_pwd_variable_when_it_falls_back(self):
        self.same(*ROOT, '--dir', '/h/me', '--setenv', 'HOME', '/h/me', 'printenv', 'PWD')

    def test_falls_back_to_the_root(self):
        self.same(*ROOT, 'pwd', out='/\n')

    def test_pwd_variable_at_the_root(self):
        self.same(*ROOT, 'printenv', 'PWD', out='/\n')

    def test_falls_back_to_the_root_without_home(self):
        self.same(*ROOT, '--dir', '/h', '--unsetenv', 'HOME', 'pwd', out='/\n')

    def test_home_that_is_missing(self):
        self.same(*ROOT, '--setenv', 'HOME', '/nonexistent', 'pwd', out='/\n')

    def test_relative_home(self):
        self.same(*ROOT, '--dir', '/h', '--setenv', 'HOME', 'h', 'sh', '-c', 'pwd -P')

    def test_same_name_in_the_sandbox(self):
        self.same(*ROOT, '--dir', self.dir, '/bin/pwd', out=f'{self.dir}\n')

    def test_directory_reached_through_a_link(self):
        self.mkdir('real/sub')
        os.symlink('real', self.path('link'))
        self.same(*HOST, 'sh', '-c', 'echo $PWD; pwd -P', cwd=self.path('link/sub'),
                  env={**os.environ, 'PWD': self.path('link/sub')})

    def test_relative_sources_are_below_the_caller_s(self):
        self.mkdir('a/b')
        self.same(*ROOT, '--bind', 'b', '/m', '--chdir', '/m', 'pwd', cwd=self.path('a'),
                  out='/m\n')

    def test_directory_of_the_caller_is_gone(self):
        gone = self.mkdir('gone')
        r = self.sides(*ROOT, 'pwd', cwd=self.dir, under=['sh', '-c',
                       f'mkdir -p {gone}; cd {gone}; rmdir {gone}; exec "$@"', 'sh'])
        self.assertEqual([(x.rc, x.out) for x in r], [(0, '/\n')] * 2, r)


class Umask(Compare):

    def test_kept(self):
        for mask in (0, 0o027, 0o077):
            with self.subTest(oct(mask)):
                self.same(*HOST, 'sh', '-c', 'umask', umask=mask, out=f'{mask:04o}\n')

    def test_kept_where_files_were_made(self):
        self.same(*ROOT, '--dir', '/a', 'sh', '-c', 'mkdir /b; stat -c %a /a /b', umask=0o077,
                  out='755\n700\n')


class LookUp(Compare):

    def test_path_of_the_caller(self):
        self.write('bin/tool', '#!/bin/sh\necho tool $*\n', mode=0o755)
        self.same(*HOST, 'tool', 'a', env={'PATH': self.path('bin') + ':/usr/bin'},
                  out='tool a\n')

    def test_path_of_setenv(self):
        self.write('bin/tool', '#!/bin/sh\necho tool\n', mode=0o755)
        self.same(*HOST, '--setenv', 'PATH', self.path('bin'), 'tool', out='tool\n')

    def test_path_is_the_sandbox_s(self):
        self.write('bin/tool', '#!/bin/sh\necho tool\n', mode=0o755)
        self.same(*ROOT, '--bind', self.path('bin'), '/new', '--setenv', 'PATH', '/new', 'tool',
                  out='tool\n')

    def test_without_path(self):
        self.same(*HOST, '--unsetenv', 'PATH', 'echo', 'a', out='a\n')

    def test_empty_path_is_the_working_directory(self):
        self.write('tool', '#!/bin/sh\necho tool\n', mode=0o755)
        self.same(*HOST, '--setenv', 'PATH', '', 'tool', out='tool\n')

    def test_slash_means_no_look_up(self):
        self.write('sub/tool', '#!/bin/sh\necho tool\n', mode=0o755)
        self.same(*HOST, 'sub/tool', out='tool\n')

    def test_missing(self):
        self.same_error('execvp /nonexistent: No such file or directory', *HOST, '/nonexistent')

    def test_missing_in_path(self):
        self.same_error('execvp nonexistent: No such file or directory', *HOST, 'nonexistent',
                        env={'PATH': '/usr/bin:/bin'})

    def test_not_executable(self):
        self.same_error('execvp /etc/passwd: Permission denied', *HOST, '/etc/passwd')

    def test_not_executable_in_path(self):
        self.write('bin/tool', mode=0o644)
        self.same_error('execvp tool: Permission denied', *HOST, 'tool',
                        env={'PATH': self.path('bin')})

    def test_not_executable_first_then_executable(self):
        self.write('one/tool', mode=0o644)
        self.write('two/tool', '#!/bin/sh\necho two\n', mode=0o755)
        self.same(*HOST, 'tool', env={'PATH': self.path('one') + ':' + self.path('two')},
                  out='two\n')

    def test_directory(self):
        self.same_error('execvp /usr: Permission denied', *HOST, '/usr')

    def test_file_as_a_directory(self):
        self.same_error('execvp /etc/passwd/x: Not a directory', *HOST, '/etc/passwd/x')

    def test_interpreter_missing(self):
        self.write('tool', '#!/nonexistent\n', mode=0o755)
        self.same_error('execvp ./tool: No such file or directory', *HOST, './tool')

    def test_script_without_an_interpreter_line(self):
        self.write('tool', 'echo script $1\n', mode=0o755)
        self.same(*HOST, './tool', 'a', out='script a\n')

    def test_empty_file(self):
        self.write('tool', '', mode=0o755)
        self.same(*HOST, './tool', out='')

    def test_arguments_too_long(self):
        self.same_error('execvp true: Argument list too long', *HOST, '--setenv', 'A', 'x' * 131070,
                        'true')

    def test_arguments_arrive_unchanged(self):
        words = ['', ' ', '*', '$A', '\n', '--', '-x', '\u00e9', 'x' * 5000]
        self.same(*HOST, 'printf', '%s\\0', *words, out=''.join(w + '\0' for w in words))

    def test_argv_0_is_the_command_as_typed(self):
        self.same(*HOST, 'sh', '-c', 'tr "\\0" " " < /proc/$$/cmdline; echo $0',
                  env={'PATH': '/usr/bin'})


if __name__ == '__main__':
    main()
