#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the bwrap personality reads its command line."""

from compat import HOST, PROC, USR, Compare, In, main

FD_OPTIONS = ('--args', '--sync-fd', '--block-fd', '--userns-block-fd', '--info-fd',
              '--json-status-fd', '--seccomp', '--add-seccomp-fd', '--userns', '--userns2',
              '--pidns')
DATA_OPTIONS = ('--file', '--bind-data', '--ro-bind-data', '--bind-fd', '--ro-bind-fd')


class Arity(Compare):

    def test_takes_an_argument(self):
        for option in FD_OPTIONS + (
                '--proc', '--exec-label', '--file-label', '--dev', '--tmpfs', '--mqueue', '--dir',
                '--lock-file', '--unsetenv', '--uid', '--gid', '--hostname', '--cap-add',
                '--cap-drop', '--perms', '--size'):
            with self.subTest(option):
                self.same_error(f'{option} takes an argument', option)

    def test_takes_one_argument(self):
        for option in ('--chdir', '--remount-ro'):
            with self.subTest(option):
                self.same_error(f'{option} takes one argument', option)

    def test_takes_two_arguments(self):
        for option in ('--bind', '--bind-try', '--ro-bind', '--ro-bind-try', '--dev-bind',
                       '--dev-bind-try', '--file', '--bind-data', '--ro-bind-data', '--symlink',
                       '--setenv', '--chmod', '--bind-fd'):
            with self.subTest(option):
                self.same_error(f'{option} takes two arguments', option, 'x')

    def test_ro_bind_fd_takes_two_arguments(self):
        self.wrong('--(ro-)?bind-fd takes two arguments', '--ro-bind-fd', '3')

    def test_no_operand_at_all(self):
        self.same_error('--bind takes two arguments', '--bind')

    def test_the_operand_is_the_next_word_whatever_it_is(self):
        self.same(*HOST, '--setenv', '--bind', '--', 'printenv', '--', '--bind', out='--\n')


class Words(Compare):

    def test_unknown_option(self):
        self.same_error('Unknown option --nope', '--nope', 'true')

    def test_short_option(self):
        self.same_error('Unknown option -h', '-h')

    def test_dash(self):
        self.same_error('Unknown option -', '-')

    def test_equals_sign(self):
        self.same_error('Unknown option --chdir=/', '--chdir=/', 'true')

    def test_abbreviation(self):
        self.same_error('Unknown option --unshare-p', '--unshare-p', 'true')

    def test_upper_case(self):
        self.same_error('Unknown option --UNSHARE-PID', '--UNSHARE-PID', 'true')

    def test_end_of_options(self):
        self.same(*HOST, '--', 'echo', '--bind', out='--bind\n')

    def test_command_ends_the_options(self):
        self.same(*HOST, 'echo', '--unshare-pid', '--', out='--unshare-pid --\n')

    def test_only_the_first_end_of_options_counts(self):
        self.same_error('execvp --: No such file or directory', *HOST, '--', '--', 'true',
                        env={'PATH': '/usr/bin'})

    def test_command_that_looks_like_an_option(self):
        self.same_error('execvp --help: No such file or directory', *HOST, '--', '--help',
                        env={'PATH': '/usr/bin'})

    def test_empty_command(self):
        self.same_error('execvp : No such file or directory', *HOST, '')

    def test_empty_arguments_of_the_command_stay(self):
        self.same(*HOST, 'printf', '[%s]', '', 'a', '', out='[][a][]')

    def test_words_that_are_not_utf8(self):
        self.same(*HOST, 'printf', '%s', b'\xff\xfe', out='\udcff\udcfe')


class Usage(Compare):

    def usage(self, rc, *args):
        """Both print a usage text on the same side."""
        for r in self.sides(*args):
            self.assertEqual(r.rc, rc, r)
            text, other = (r.err, r.out) if rc else (r.out, r.err)
            self.assertEqual(text.splitlines()[:2],
                             ['usage: bwrap [OPTIONS...] [--] COMMAND [ARGS...]', ''])
            self.assertEqual(other, '')

    def test_no_words_at_all(self):
        self.usage(1)

    def test_no_command(self):
        self.usage(1, *HOST)

    def test_no_command_after_the_end_of_options(self):
        self.usage(1, *HOST, '--')

    def test_no_command_comes_before_other_checks(self):
        self.usage(1, '--hostname', 'x')

    def test_unfinished_size_and_no_command(self):
        self.usage(1, '--size', '0x10')

    def test_help(self):
        self.usage(0, '--help')

    def test_help_in_the_middle(self):
        self.usage(0, *HOST, '--help', '--nope')

    def test_error_before_help(self):
        self.same_error('Unknown option --nope', '--nope', '--help')

    def test_version_in_the_middle(self):
        for r in self.sides(*HOST, '--version', '--nope'):
            self.assertRegex(r.out, r'\Abubblewrap [0-9.]+\n\Z')
            self.assertEqual((r.rc, r.err), (0, ''), r)

    def test_the_first_of_help_and_version_wins(self):
        self.usage(0, '--help', '--version')


class Numbers(Compare):

    def test_fd_is_no_number(self):
        for option in FD_OPTIONS:
            with self.subTest(option):
                self.same_error('Invalid fd: x', option, 'x', 'true')

    def test_fd_of_data_is_no_number(self):
        for option in DATA_OPTIONS:
            with self.subTest(option):
                self.same_error('Invalid fd: x', option, 'x', '/a', 'true')

    def test_fd_is_negative(self):
        self.same_error('Invalid fd: -1', '--args', '-1', 'true')

    def test_fd_with_more_behind(self):
        self.same_error('Invalid fd: 1x', '--sync-fd', '1x', 'true')

    def test_fd_is_empty(self):
        self.same_error('Invalid fd: ', '--block-fd', '', 'true')

    def test_fd_in_hexadecimal(self):
        self.same_error('Invalid fd: 0x3', '--block-fd', '0x3', 'true')

    def test_uid(self):
        for word in ('x', '-1', '1x', '', '0x1'):
            with self.subTest(word):
                self.same_error(f'Invalid uid: {word}', '--uid', word, 'true')

    def test_gid(self):
        for word in ('x', '-1', '1x', '', '0x1'):
            with self.subTest(word):
                self.same_error(f'Invalid gid: {word}', '--gid', word, 'true')

    def test_perms(self):
        for word in ('x', '10000', '8', '-1', '', '0x7'):
            with self.subTest(word):
                self.same_error('--perms takes an octal argument <= 07777', '--perms', word)

    def test_chmod(self):
        for word in ('x', '10000', '8', '-1', ''):
            with self.subTest(word):
                self.same_error('--chmod takes an octal argument <= 07777', '--chmod', word, '/')

    def test_size(self):
        for word in ('x', '0', '-1', '', '99999999999999999999', '1k'):
            with self.subTest(word):
                self.same_error('--size takes a non-zero number of bytes', '--size', word)

    def test_size_limit(self):
        self.same_error('--size (for tmpfs) is limited to 9223372036854775807',
                        '--size', '9223372036854775808', '--tmpfs', '/a', 'true')

    def test_unknown_capability(self):
        self.same_error('unknown cap: nope', '--cap-add', 'nope', 'true')

    def test_unknown_capability_to_drop(self):
        self.same_error('unknown cap: CAP_NOPE', '--cap-drop', 'CAP_NOPE', 'true')


class Repeats(Compare):

    def test_fd_options_warn_once_for_each_repeat(self):
        for option in ('--sync-fd', '--block-fd', '--userns-block-fd', '--info-fd',
                       '--json-status-fd', '--seccomp', '--userns', '--userns2', '--pidns'):
            with self.subTest(option):
                line = f'bwrap: Only the last {option} option will take effect\n'
                r = self.same(option, '1', option, '1', option, '1', '--nope', rc=1)
                self.assertEqual(r.err, line * 2 + 'bwrap: Unknown option --nope\n')

    def test_last_uid(self):
        self.same(*HOST, '--uid', '1', '--uid', '2', 'id', '-u', out='2\n')

    def test_last_gid(self):
        self.same(*HOST, '--gid', '1', '--gid', '2', 'id', '-g', out='2\n')

    def test_last_chdir(self):
        self.same(*HOST, '--chdir', '/nonexistent', '--chdir', '/usr', 'pwd', out='/usr\n')

    def test_last_hostname(self):
        self.same(*HOST, '--unshare-uts', '--hostname', 'a', '--hostname', 'b', 'uname', '-n',
                  out='b\n')

    def test_warning_comes_before_a_later_error(self):
        r = self.same('--uid', '1', '--uid', '2', '--gid', 'x', rc=1)
        self.assertEqual(r.err, 'bwrap: Only the last --uid option will take effect\n'
                                'bwrap: Invalid gid: x\n')

    def test_repeated_flags_say_nothing(self):
        r = self.same(*HOST, '--unshare-pid', '--unshare-pid', '--new-session', '--new-session',
                      '--die-with-parent', '--die-with-parent', 'true')
        self.assertEqual(r.err, '')


class Adjacency(Compare):

    def test_perms_twice(self):
        self.same_error('--perms given twice for the same action',
                        '--perms', '755', '--perms', '755', '--dir', '/a', 'true')

    def test_size_twice(self):
        self.same_error('--size given twice for the same action',
                        '--size', '9', '--size', '9', '--tmpfs', '/a', 'true')

    def test_perms_before_another_option(self):
        for option in (('--bind', '/', '/'), ('--proc', '/a'), ('--dev', '/a'), ('--mqueue', '/a'),
                       ('--symlink', 'a', '/a'), ('--unshare-pid',), ('--setenv', 'a', 'b'),
                       ('--chmod', '755', '/'), ('--remount-ro', '/')):
            with self.subTest(option[0]):
                self.same_error('--perms must be followed by an option that creates a file',
                                '--perms', '755', *option, 'true')

    def test_size_before_another_option(self):
        for option in (('--bind', '/', '/'), ('--dir', '/a'), ('--unshare-pid',),
                       ('--file', '0', '/a')):
            with self.subTest(option[0]):
                self.same_error('--size must be followed by --tmpfs', '--size', '9', *option,
                                'true')

    def test_perms_then_size_then_dir(self):
        self.same_error('--size must be followed by --tmpfs',
                        '--perms', '755', '--size', '9', '--dir', '/a', 'true')

    def test_size_then_perms_then_dir(self):
        self.same_error('--size must be followed by --tmpfs',
                        '--size', '9', '--perms', '755', '--dir', '/a', 'true')

    def test_either_order_before_tmpfs(self):
        for words in (('--perms', '700', '--size', '8192'), ('--size', '8192', '--perms', '700')):
            with self.subTest(words):
                self.same(*USR, *words, '--tmpfs', '/a', 'stat', '-fc', '%b', '/a', out='2\n')

    def test_perms_right_before_the_command(self):
        self.same(*HOST, '--perms', '755', 'true')

    def test_size_right_before_the_command(self):
        self.same(*HOST, '--size', '4096', '--', 'true')

    def test_perms_before_an_unknown_option(self):
        self.same('--perms', '755', '--nope', rc=1)

    def test_perms_apply_to_one_action_only(self):
        self.same(*USR, '--perms', '700', '--dir', '/a', '--dir', '/b',
                  'stat', '-c', '%a', '/a', '/b', out='700\n755\n')


class Arguments(Compare):
    """Words from --args."""

    def test_words_are_options(self):
        self.same('--args', In(b'--ro-bind\0/\0/\0--setenv\0A\0b c\0'), 'printenv', 'A',
                  out='b c\n')

    def test_they_stand_where_args_stands(self):
        self.same(*HOST, '--setenv', 'A', '1', '--args', In(b'--setenv\0A\x002\0'),
                  '--setenv', 'A', '3', 'printenv', 'A', out='3\n')

    def test_twice(self):
        self.same('--args', In(b'--ro-bind\0/\0/\0'), '--args', In(b'--setenv\0A\0b\0'),
                  'printenv', 'A', out='b\n')

    def test_empty_file(self):
        self.same('--args', In(b''), *HOST, 'true')

    def test_empty_words_are_kept(self):
        self.same('--args', In(b'--ro-bind\0/\0/\0--setenv\0A\0\0'), 'env', '-u', 'PWD', 'sh',
                  '-c', 'echo "[${A-unset}]"', out='[]\n')

    def test_no_nul_at_the_end(self):
        self.same('--args', In(b'--ro-bind\0/\0/'), 'echo', 'a', out='a\n')

    def test_operand_missing_at_the_end(self):
        self.same_error('--bind takes two arguments', '--args', In(b'--bind\0/\0'), '/', 'true')

    def test_command_in_the_file_is_ignored(self):
        self.same(*HOST, '--args', In(b'echo\0from the file\0'), 'echo', 'a', out='a\n')

    def test_words_after_a_command_in_the_file_are_ignored(self):
        self.same(*HOST, '--args', In(b'x\0--nope\0'), 'echo', 'a', out='a\n')

    def test_words_after_the_end_of_options_in_the_file_are_ignored(self):
        self.same(*HOST, '--args', In(b'--\0--nope\0'), '--setenv', 'A', 'b', 'printenv', 'A',
                  out='b\n')

    def test_not_in_the_file_again(self):
        self.same_error('--args not supported in arguments file', '--args', In(b'--args\x003\0'),
                        'true')

    def test_error_in_the_file(self):
        self.same_error('Unknown option --nope', '--args', In(b'--nope\0'), 'true')

    def test_fd_is_not_open(self):
        self.same_error("Can't read --args data: Bad file descriptor", '--args', '99', 'true')

    def test_fd_is_a_directory(self):
        self.same_error("Can't read --args data: Is a directory", '--args', self.open('/'), 'true',
                        pass_fds=sorted(self._open_fds))

    def test_fd_is_closed_in_the_command(self):
        self.same(*HOST, '--args', In(b'--unshare-ipc\0'), 'ls', '/proc/self/fd')

    def test_perms_in_the_file_for_an_action_behind_it(self):
        ours, theirs = self.sides(*USR, '--args', In(b'--perms\x00700\0'), '--dir', '/a',
                                  'stat', '-c', '%a', '/a')
        self.assertEqual((ours.rc, ours.out, ours.err), (theirs.rc, theirs.out, theirs.err))

    def test_9000_words(self):
        self.same('--args', In(b'--share-net\0' * 8994), *HOST, 'true')


class Contradictions(Compare):
    """Options that need or exclude others."""

    def test_hostname_without_uts(self):
        self.same_error('Specifying --hostname requires --unshare-uts', '--hostname', 'a', 'true')

    def test_as_pid_1_without_pid(self):
        self.same_error('Specifying --as-pid-1 requires --unshare-pid', '--as-pid-1', 'true')

    def test_as_pid_1_with_a_lock_file(self):
        self.same_error('Specifying --as-pid-1 and --lock-file is not permitted',
                        '--unshare-pid', '--as-pid-1', '--lock-file', '/', 'true')

    def test_disable_userns_needs_the_word(self):
        self.same_error('--disable-userns requires --unshare-user', '--disable-userns', 'true')

    def test_userns_block_fd_needs_the_word(self):
        self.same_error('--userns-block-fd requires --unshare-user', '--userns-block-fd', '0',
                        'true')

    def test_userns_block_fd_needs_info_fd(self):
        self.same_error('--userns-block-fd requires --info-fd', '--unshare-user',
                        '--userns-block-fd', '0', 'true')

    def test_disable_userns_with_userns_block_fd(self):
        self.wrong('--disable-userns is not compatible with +--userns-block-fd',
                   '--unshare-user', '--disable-userns', '--userns-block-fd', '0', '--info-fd',
                   '1', 'true')

    def test_userns_with_unshare_user(self):
        self.wrong('--userns (is )?not compatible (with )?--unshare-user$',
                   '--userns', '0', '--unshare-user', 'true')

    def test_userns_with_unshare_user_try(self):
        self.wrong('--userns (is )?not compatible (with )?--unshare-user-try$',
                   '--userns', '0', '--unshare-user-try', 'true')

    def test_userns_with_unshare_all(self):
        self.wrong('--userns (is )?not compatible (with )?--unshare-user-try$',
                   '--userns', '0', '--unshare-all', 'true')

    def test_seccomp_then_add(self):
        self.same_error('--add-seccomp-fd cannot be combined with --seccomp',
                        '--seccomp', '0', '--add-seccomp-fd', '0', 'true')

    def test_add_then_seccomp(self):
        self.same_error('--seccomp cannot be combined with --add-seccomp-fd',
                        '--add-seccomp-fd', In(b'8 bytes.'), '--seccomp', '0', 'true')

    def test_labels_where_there_is_no_selinux(self):
        for option in ('--exec-label', '--file-label'):
            with self.subTest(option):
                self.same_error('labeling not supported on this system', option, 'a', *HOST,
                                'true')

    def test_setenv_of_an_empty_name(self):
        self.same_error('setenv failed', *HOST, '--setenv', '', 'a', 'true')

    def test_setenv_of_a_name_with_an_equals_sign(self):
        self.same_error('setenv failed', *HOST, '--setenv', 'A=B', 'a', 'true')

    def test_unsetenv_of_a_name_with_an_equals_sign(self):
        self.same_error('unsetenv failed', *HOST, '--unsetenv', 'A=B', 'true')

    def test_share_net_alone(self):
        self.same(*HOST, '--share-net', 'true')

    def test_nothing_is_done_before_the_line_is_read(self):
        tree = self.same_tree('--bind', 'TREE', '/', '--dir', '/a', '--nope', 'true', rc=1)
        self.assertEqual(list(tree), ['.'])

    def test_nothing_is_done_when_options_contradict(self):
        tree = self.same_tree('--bind', 'TREE', '/', '--dir', '/a', *PROC, '--hostname', 'a',
                              'true', rc=1)
        self.assertEqual(list(tree), ['.'])


if __name__ == '__main__':
    main()
