#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input: each kind of mistake is refused, by a message that names it.

As husk a message names the step or option, the operand as typed, the reason, and the way out
where there is one. As bwrap it has bubblewrap's wording and status.
"""

import os
import re

from probe import BWRAP, HOST, HUSK, ProbeCase, main

HUGE = '99999999999999999999'
TAKES_FD = ('--args', '--seccomp', '--add-seccomp-fd', '--info-fd', '--json-status-fd',
            '--sync-fd', '--block-fd', '--userns', '--userns2', '--pidns', '--userns-block-fd')
TAKES_FD_AND_PATH = ('--bind-fd', '--ro-bind-fd', '--file', '--bind-data', '--ro-bind-data')
BOTH = ((HUSK, 125, 'husk: '), (BWRAP, 1, 'bwrap: '))


class Bad(ProbeCase):
    def refused(self, *words, names=(), err=None, both=True, command=('true',), **kw):
        """Both programs refuse these words; the message holds the names; nothing ran."""
        for program, rc, prefix in BOTH if both else BOTH[:1]:
            with self.subTest(' '.join(map(str, words))[:100], program=prefix):
                r = self.run_cmd([program, *words, *command], **kw)
                self.assertFails(r, rc)
                self.assertEqual(r.out, '', r)
                self.assertTrue(r.err.startswith(prefix), r)
                if program == HUSK:
                    for name in names:
                        self.assertIn(str(name), r.err, r)
                    if err:
                        self.assertRegex(r.err, err)


class Numbers(Bad):
    def test_negative_descriptors(self):
        for option in TAKES_FD:
            self.refused(option, '-1', names=['-1', option + ': '], err='Invalid fd')
        for option in TAKES_FD_AND_PATH:
            self.refused(option, '-1', '/x', names=['-1'], err='Invalid fd')
        self.refused('--keep-fd', '-1', names=['-1'], err='Invalid fd', both=False)

    def test_huge_descriptors(self):
        for option in TAKES_FD:
            self.refused(option, HUGE, names=[HUGE], err='Invalid fd')
            self.refused(option, '2147483648', names=['2147483648'], err='Invalid fd')
        for option in TAKES_FD_AND_PATH:
            self.refused(option, HUGE, '/x', names=[HUGE], err='Invalid fd')

    def test_descriptors_that_are_no_numbers(self):
        for word in ('', 'x', '3x', ' 3', '3 ', '+3', '0x3', '3.0', '-'):
            self.refused('--sync-fd', word, err='Invalid fd', names=[word])

    def test_closed_descriptors(self):
        for option in ('--args', '--seccomp', '--add-seccomp-fd', '--block-fd', '--userns',
                       '--pidns', '--info-fd', '--json-status-fd', '--sync-fd'):
            self.refused(*HOST, option, '99', names=['99'], err='Bad file descriptor', both=False)
        for option in TAKES_FD_AND_PATH:
            self.refused(option, '99', '/x', names=['99'], err='Bad file desc|has not opened')
        self.refused(*HOST, '--keep-fd', '99', names=['--keep-fd', '99'],
                     err='Bad file descriptor', both=False)

    def test_a_descriptor_that_args_has_closed(self):
        fd = self.fd('')
        r = self.husk('--args', fd, '--keep-fd', fd, 'true', pass_fds=[fd])
        self.assertFails(r, 125, f'--keep-fd {fd}: Bad file descriptor\n.*--args has read that')

    def test_ids(self):
        for option in ('--uid', '--gid'):
            for word in ('-1', '4294967295', '4294967296', HUGE, '', 'root', '0x0', '1 ', '1.5'):
                self.refused(*HOST, option, word, names=[word], err='Invalid ' + option[2:])

    def test_modes(self):
        for word in ('8', '10000', 'rwx', '', '-1', '0o755', HUGE, '0x1ff'):
            self.refused('--perms', word, '--dir', '/x', names=['--perms', word], err='octal')
            self.refused('--dir', '/x', '--chmod', word, '/x', names=['--chmod', word],
                         err='octal')

    def test_sizes(self):
        for word in ('0', '-1', '', 'big', '1G', HUGE, str(1 << 63), '0x'):
            self.refused('--size', word, '--tmpfs', '/x', names=['--size', word])

    def test_capabilities(self):
        for option in ('--cap-add', '--cap-drop'):
            for word in ('cap_nothing', 'CAP_', '', '99', 'net_admin ', 'cap_net_admin,cap_chown'):
                self.refused(*HOST, option, word, names=[word], err='unknown cap')


class Empty(Bad):
    def test_variable_names(self):
        for name in ('', 'A=B', '='):
            self.refused(*HOST, '--setenv', name, 'x')
            self.refused(*HOST, '--unsetenv', name)

    def test_the_command(self):
        r = self.husk(*HOST, '--', '')
        self.assertIn(r.rc, (126, 127), r)

    def test_no_command(self):
        for program, rc, _ in BOTH:
            for words in ((), HOST, (*HOST, '--')):
                r = self.run_cmd([program, *words])
                self.assertFails(r, rc)
                self.assertIn('usage: ', r.err.lower())
                self.assertEqual(r.out, '')

    def test_a_command_that_an_option_has_taken(self):
        for words, option in ((('--bind', '/', 'true'), '--bind'),
                              ((*HOST, '--setenv', 'A', 'true'), '--setenv')):
            r = self.husk(*words)
            self.assertFails(r, 125, f'no command is given: “true” is an operand of {option}\n')
        self.assertNotIn('operand', self.husk(*HOST, '--new-session').err)

    def test_a_command_that_the_root_lacks(self):
        """Or its dynamic linker; in the host's tree it is just the command."""
        hint = 'the root holds only what the options put there'
        r = self.run_cmd([HUSK, '--ro-bind', '/usr', '/usr', '/usr/bin/true'])
        self.assertFails(r, 127, hint)
        self.assertNotIn('hint', self.run_cmd([HUSK, *HOST, '/nonexistent']).err)


class Words(Bad):
    def test_unknown_options(self):
        for word in ('--no-such-thing', '-x', '--', '-', '--ro_bind', '---', '--Bind'):
            if word != '--':
                self.refused(word, names=[word], err='Unknown option')

    def test_the_nearest_is_suggested(self):
        for word, want in (('--ro-bnd', '--ro-bind'), ('--unshare-nett', '--unshare-net'),
                           ('--tmpf', '--tmpfs'), ('--sentenv', '--setenv'),
                           ('--hostnam', '--hostname'), ('--shared-net', '--share-net'),
                           ('--uidd', '--uid'), ('--binddata', '--bind-data'),
                           ('--die-with-parents', '--die-with-parent')):
            self.refused(word, names=[word], err=f'did you mean {re.escape(want)}\\?', both=False)

    def test_nothing_is_suggested_for_nonsense(self):
        r = self.husk('--qqqqqqqqqqqqqqq', 'true')
        self.assertFails(r, 125, 'Unknown option --qqqqqqqqqqqqqqq')
        self.assertNotIn('did you mean', r.err)

    def test_an_operand_behind_an_equals_sign(self):
        self.refused('--uid=5', names=['--uid=5'], err='next word', both=False)
        self.refused('--bind=/a', names=['--bind=/a'])

    def test_husks_own_words_are_unknown_to_bwrap(self):
        for words in (('--explain',), ('--keep-fd', '0'), ('--inherit-fds',),
                      ('--unshare-time',), ('--map-root-user',), ('--map-current-user',)):
            r = self.bwrap(*words, 'true')
            self.assertFails(r, 1, f'^bwrap: Unknown option {words[0]}$')

    def test_missing_operands(self):
        for words, names in ((('--bind',), '--bind'), (('--bind', '/x'), '--bind'),
                             (('--uid',), '--uid'), (('--setenv', 'A'), '--setenv'),
                             (('--overlay-src', '/x', '--overlay', '/a', '/b'), '--overlay'),
                             (('--args',), '--args'), (('--hostname',), '--hostname')):
            self.refused(*words, command=(), names=[names])

    def test_modifiers_of_nothing(self):
        self.refused('--perms', '0755', '--bind', '/', '/', names=['--perms'])
        self.refused('--size', '4096', '--dir', '/x', names=['--size'])
        self.refused('--overlay-src', '/usr', '--dir', '/x', names=['--overlay-src'])
        self.refused('--overlay-src', '/usr', names=['--overlay-src'])
        self.refused('--perms', '0755', names=['--perms'], both=False)
        self.refused('--perms', '0755', '--perms', '0700', '--dir', '/x', names=['--perms'])
        self.refused('--size', '1', '--size', '2', '--tmpfs', '/x', names=['--size'])
        self.refused('--ro-overlay', '/x', names=['--ro-overlay'])
        self.refused('--overlay-src', '/usr', '--ro-overlay', '/x', names=['--ro-overlay'])

    def test_options_against_each_other(self):
        for words, names in (
                (('--as-pid-1',), ('--as-pid-1', '--unshare-pid')),
                (('--unshare-pid', '--as-pid-1', '--lock-file', '/x'), ('--lock-file',)),
                (('--hostname', 'x'), ('--hostname', '--unshare-uts')),
                (('--userns-block-fd', '0'), ('--userns-block-fd', '--unshare-user')),
                (('--unshare-user', '--userns-block-fd', '0'), ('--info-fd',)),
                (('--userns', '0', '--unshare-user'), ('--userns', '--unshare-user')),
                (('--unshare-user', '--disable-userns', '--userns-block-fd', '0', '--info-fd',
                  '1'), ('--disable-userns', '--userns-block-fd')),
                (('--argv0', 'a', '--argv0', 'b'), ('--argv0',))):
            self.refused(*words, names=names)
        self.refused('--keep-fd', '0', '--inherit-fds', names=['--keep-fd', '--inherit-fds'],
                     both=False)

    def test_labels_where_there_is_no_selinux(self):
        if os.path.exists('/sys/fs/selinux/context'):
            return  # tests/guest/test_selinux.py has what holds there
        for option in ('--exec-label', '--file-label'):
            r = self.husk(option, 'a:b', 'true')
            self.assertFails(r, 125, f'{option} a:b: labeling not supported on this system')
            self.assertIn('hint: labels are SELinux', r.err)

    def test_repeated_options_are_warned_about(self):
        for program, _, prefix in BOTH:
            r = self.run_cmd([program, *HOST, '--chdir', '/', '--chdir', '/usr', 'pwd'])
            self.assertRuns(r, '/usr\n')
            self.assertEqual(r.err, f'{prefix}Only the last --chdir option will take effect\n')


class Output(Bad):
    def test_what_cannot_be_printed(self):
        for program, words, rc in ((HUSK, '--help', 125), (HUSK, '--version', 125),
                                   (HUSK, '--dump-options', 125), (HUSK, '--features', 125),
                                   (HUSK, '--explain true', 125),
                                   (HUSK, '--explain-json true', 125),
                                   (BWRAP, '--help', 1), (BWRAP, '--version', 1)):
            with self.subTest(words, program=program):
                r = self.run_cmd(['sh', '-c', f'{program} {words} > /dev/full'])
                self.assertFails(r, rc, "Can't write to the standard output: No space left")


class Sources(Bad):
    def test_missing(self):
        for option in ('--bind', '--ro-bind', '--dev-bind'):
            self.refused(option, '/no/such/thing', '/x', names=['/no/such/thing'],
                         err='No such file')

    def test_missing_layer(self):
        self.refused('--overlay-src', '/no/such', '--tmp-overlay', '/x', names=['/no/such'],
                     err='No such file')

    def test_missing_upper_directory(self):
        self.refused('--overlay-src', '/usr', '--overlay', '/no/such', self.dir, '/x',
                     names=['/no/such'], err='No such file')

    def test_through_a_file(self):
        path = self.write('file')
        for option in ('--bind', '--bind-try'):
            self.refused(option, path + '/x', '/x', names=[path + '/x'], err='Not a directory')

    def test_a_file_with_a_slash(self):
        path = self.write('file') + '/'
        self.refused('--bind', path, '/x', names=[path], err='Not a directory')

    def test_a_loop(self):
        os.symlink('b', self.path('a'))
        os.symlink('a', self.path('b'))
        for option in ('--bind', '--bind-try'):
            self.refused(option, self.path('a'), '/x', names=[self.path('a')],
                         err='Too many levels of symbolic links')

    def test_not_allowed(self):
        """Root inside is nobody in particular outside."""
        self.refused('--bind', '/root/x', '/x', names=['/root/x'], err='Permission denied')

    def test_too_long(self):
        path = '/' + 'x' * 5000
        self.refused('--bind', path, '/x', names=[path], err='File name too long')
        path = '/' + 'x' * 300
        self.refused('--bind', path, '/x', names=[path], err='File name too long')

    def test_a_layer_that_is_a_file(self):
        self.refused('--overlay-src', self.write('file'), '--tmp-overlay', '/x',
                     names=[self.path('file')])

    def test_a_descriptor_of_a_pipe(self):
        read, _ = self.pipe()
        self.refused('--bind-fd', read, '/x', names=['/x'], pass_fds=[read])

    def test_a_removed_directory(self):
        fd = self.open(self.mkdir('gone'))
        os.rmdir(self.path('gone'))
        self.refused('--bind-fd', fd, '/x', names=[fd], pass_fds=[fd])

    def test_a_descriptor_that_is_no_namespace(self):
        fd = self.open(self.write('file'))
        for option in ('--userns', '--pidns'):
            self.refused(*HOST, option, fd, names=[fd], both=False, pass_fds=[fd])

    def test_data_from_a_directory(self):
        fd = self.open(self.dir)
        for option in ('--file', '--bind-data', '--ro-bind-data'):
            self.refused(option, fd, '/x', names=[option], err='Is a directory', pass_fds=[fd])
        self.refused('--args', fd, names=['--args', fd], err='Is a directory', pass_fds=[fd])

    def test_data_to_read_from_a_descriptor_for_writing(self):
        fd = self.open(self.path('out'), os.O_WRONLY | os.O_CREAT)
        self.refused('--file', fd, '/x', names=['--file'], err='Bad file', pass_fds=[fd])


class Destinations(Bad):
    def test_a_directory_on_a_file(self):
        fd = self.fd('x')
        self.refused('--file', fd, '/f', '--bind', '/usr', '/f', names=['/f'], pass_fds=[fd],
                     err='Not a directory|not a directory')
        for option in ('--tmpfs', '--dev'):
            fd = self.fd('x')
            self.refused('--file', fd, '/f', option, '/f', names=['/f'], pass_fds=[fd])

    def test_a_file_on_a_directory(self):
        path, fd = self.write('file'), self.fd('x')
        self.refused('--dir', '/d', '--bind', path, '/d', names=['/d'],
                     err='[Ii]s a directory|not a file')
        self.refused('--dir', '/d', '--ro-bind-data', fd, '/d', names=['/d'], pass_fds=[fd])

    def test_a_file_made_on_a_directory(self):
        fd = self.fd('x')
        self.refused('--dir', '/d', '--file', fd, '/d', names=['/d'], err='Is a directory',
                     pass_fds=[fd])

    def test_through_a_file(self):
        fd = self.fd('x')
        for option in ('--dir', '--tmpfs'):
            self.refused('--file', fd, '/f', option, '/f/x', names=['/f/x'],
                         err='Not a directory', pass_fds=[fd])

    def test_a_loop(self):
        self.refused('--symlink', 'b', '/a', '--symlink', 'a', '/b', '--dir', '/a/x',
                     names=['/a/x'], err='Too many levels of symbolic links')

    def test_a_symlink_in_place_of_a_directory(self):
        r = self.bwrap('--symlink', 'b', '/a', '--dir', '/b', '--tmpfs', '/a', 'true')
        self.assertFails(r, 1, "^bwrap: Can't mount on symlink destination /a")

    def test_nothing_to_remount(self):
        self.refused('--remount-ro', '/no/such', names=['/no/such'], both=False)
        self.refused('--dir', '/d', '--remount-ro', '/d', names=['/d'])

    def test_too_long(self):
        path = '/' + 'x' * 300
        self.refused('--tmpfs', path, names=[path], err='File name too long')

    def test_message_queues_without_their_namespace(self):
        self.refused('--mqueue', '/q', names=['/q'], err='--unshare-ipc', both=False)

    def test_no_control_characters_in_messages(self):
        """What a message repeats cannot write to the terminal by itself."""
        r = self.husk('--bind', '/no/\x1b[2Jsuch\nhusk: all is well', '/x', 'true')
        self.assertFails(r, 125, 'No such file')
        r = self.husk('--bind', '/no/\x9b2J\x7fé', '/x', 'true')
        self.assertFails(r, 125, re.escape(r'/no/\xc2\x9b2J\x7fé'))

    def test_endless_files(self):
        self.assertFails(self.husk('--env-file', '/dev/zero', 'true'), 125, 'File too large')
        fd = self.open('/dev/zero')
        for program, status in ((HUSK, 125), (BWRAP, 1)):
            r = self.run_cmd([program, '--args', fd, 'true'], pass_fds=[fd])
            self.assertFails(r, status, 'File too large')


if __name__ == '__main__':
    main()
