#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--self-test tries from inside what the options promise, and sees what is broken."""

import os
import re

from probe import HOST, HUSK, PROC, SMALL, USR, ProbeCase, main


def parse(text):
    """{description: (holds, skipped)} of TAP 14, held against its own plan."""
    lines = text.splitlines()
    assert lines[0] == 'TAP version 14', text
    assert re.fullmatch(r'1\.\.\d+', lines[1]), text
    found = {}
    for line in lines[2:]:
        match = re.fullmatch(r'(not )?ok (\d+) - (.*?)( # SKIP .*)?', line)
        if match:
            assert int(match[2]) == len(found) + 1, text
            found[match[3]] = (not match[1], bool(match[4]))
    assert len(found) == int(lines[1][3:]), text
    return found


class SelfTest(ProbeCase):

    def found(self, *args, rc=0, **kw):
        r = self.run_cmd([HUSK, '--self-test', *args], **kw)
        # a sanitizer misses the name of its program where there is no /proc
        said = [line for line in r.err.splitlines() if not re.match(r'==\d+==WARNING', line)]
        self.assertEqual((r.rc, said), (rc, []), r)
        return parse(r.out)

    def test_what_is_promised_holds(self):
        mask = self.write('d/secret', 'x')
        for args in ((), HOST, (*HOST, *PROC), (*USR, *PROC, '--dev', '/dev', '--tmpfs', '/tmp'),
                     SMALL, (*SMALL, '--landlock'), (*SMALL, '--cap-drop', 'ALL'),
                     (*SMALL, '--disable-userns'), (*HOST, '--uid', '7'), (*HOST, '--mask', mask),
                     ('--unshare-all', '--hostname', 'h'), (*HOST, '--seccomp-policy', 'strict'),
                     (*SMALL, '--seccomp-policy', 'default', '--deny-socket-families',
                      'vsock,inet'), (*HOST, '--deny-syscalls', 'uname'),
                     (*HOST, '--rlimit', 'nofile=100:200', '--rlimit', 'core=0'),
                     *([(*HOST, '--landlock-tcp', 'bind:80', '--landlock-tcp', 'connect:80')]
                       if self.has_kernel(6, 7) else [])):
            with self.subTest(args=args):
                found = self.found(*args)
                self.assertGreater(len(found), 5)
                self.assertEqual([k for k, (holds, _) in found.items() if not holds], [])

    def test_it_says_what(self):
        found = self.found(*USR, *PROC, '--bind', self.dir, '/w', '--unshare-net', '--cap-drop',
                           'ALL', '--hostname', 'h', '--unshare-uts')
        for text in ('/usr cannot be written', '/w can be written', 'the host name is h',
                     'no capability at all', 'nothing lies in / but what was asked for',
                     'no process of the caller can be seen',
                     '/proc shows only processes of the sandbox',
                     'no abstract socket outside can be reached',
                     'the mount on /usr cannot be changed or undone'):
            self.assertEqual(found.get(text), (True, False), (text, found))

    def test_it_says_which_walls(self):
        self.need_kernel(6, 12)  # for signals, behind Landlock
        found = self.found(*HOST, '--seccomp-policy', 'strict', '--deny-socket-families', 'inet6',
                           '--rlimit', 'core=0', '--landlock-tcp', 'bind:80')
        for text in ('what the policy strict refuses is refused',
                     'no socket of a denied family can be made',
                     'the limit core is no higher than asked for',
                     'no process outside can be sent a signal',
                     'no TCP port can be used but those asked for'):
            self.assertEqual(found.get(text), (True, False), (text, found))

    def test_sees_that_there_are_no_walls(self):
        """The probe alone, outside of any sandbox."""
        for check in (('families', '1 '), ('families', '2 1 '), ('limit', '7 10 10'),
                      ('policy', 'default'), ('policy', 'strict'), ('signal', str(os.getpid())),
                      ('tcp', '')):
            r = self.run_cmd(['bash', '-c', 'exec -a husk-self-test "$0" "$@"', HUSK, *check,
                              'promised'])
            self.assertEqual((r.rc, parse(r.out)), (1, {'promised': (False, False)}), r)

    def test_sees_a_limit_that_is_not_set(self):
        self.assertEqual(self.broken('prlimit64', *HOST, '--rlimit', 'nofile=100:200'),
                         ['the limit nofile is no higher than asked for'])

    def test_nothing_that_is_not_promised(self):
        found = self.found(*HOST)
        for text in ('no process of the caller can be seen', 'no capability at all',
                     'no abstract socket outside can be reached'):
            self.assertNotIn(text, found)

    def test_terminal(self):
        out = self.pty([HUSK, '--self-test', *HOST])
        self.assertRegex(out.out, r'(?m)^ok \d+ - nothing can be typed into the terminal\r?$')

    def test_what_is_missing_is_skipped(self):
        found = self.found(*HOST, '--bind-try', '/no/such', self.dir + '/no')
        self.assertIn((True, True), found.values())

    def test_the_mount_that_a_missing_one_would_cover(self):
        found = self.found(*HOST, '--bind-try', '/no/such', self.dir)
        self.assertEqual([k for k, (holds, _) in found.items() if not holds], [])
        self.assertEqual(found.get(self.dir + ' is bound'), (True, True), found)

    def test_what_is_not_the_callers_is_not_promised(self):
        """A bind is writable, but who may write below it is for the files to say."""
        found = self.found('--bind', '/', '/')  # which is root's
        self.assertEqual([k for k, (holds, _) in found.items() if not holds], [])
        self.assertNotIn('/ can be written', found)

    def test_the_probe_keeps_its_name(self):
        r = self.husk('--self-test', '--argv0', 'x')
        self.assertEqual(r.rc, 125, r)
        self.assertIn('--argv0 is not compatible with --self-test', r.err)

    def test_a_message_is_quoted(self):
        self.write('d/a"b#c', '')
        r = self.run_cmd(['bash', '-c', 'exec -a husk-self-test "$0" "$@"', HUSK, 'hidden',
                          self.path('d'), 'promised'])
        self.assertIn('  message: "it shows a\\"b#c"\n', r.out)

    def test_destinations_without_a_slash(self):
        """They are tried where they are, not below the directory that the command starts in."""
        self.mkdir('d')
        found = self.found(*USR, '--bind', self.path('d'), 'w', '--chdir', '/usr')
        self.assertEqual(found.get('w can be written'), (True, False), found)

    def test_nothing_stays_behind(self):
        self.found(*USR, '--bind', self.dir, '/w')
        self.assertEqual(os.listdir(self.dir), [])

    def keep(self, pass_fds=()):
        return [w for fd in pass_fds for w in ('--keep-fd', fd)]

    def broken(self, call, *args, **kw):
        """What the probe finds when a call of the set-up is said to have worked."""
        self.need('strace')
        # which strace may not know, and does what mount_setattr does
        r = self.husk('--deny-syscalls', 'open_tree_attr', *self.keep(**kw), '--', 'strace', '-f',
                      '-qq', '-o', self.path('log'), '-e', f'inject={call}:retval=0', HUSK,
                      '--self-test', *args, **kw)
        self.assertEqual(r.rc, 1, r)
        return [k for k, (holds, _) in parse(r.out).items() if not holds]

    def test_sees_a_place_that_can_be_written(self):
        self.assertIn('/d cannot be written',
                      self.broken('mount_setattr', '--not-a-security-boundary', *USR, '--ro-bind',
                                  self.mkdir('d'), '/d'))

    def test_sees_an_open_descriptor(self):
        fd = self.open(self.dir)
        self.assertEqual(self.broken('close_range', *HOST, pass_fds=[fd]),
                         ['no descriptor is open but those asked for'])

    def test_takes_no_command(self):
        self.assertFails(self.husk('--self-test', 'true'), 125, '--self-test takes no command')


if __name__ == '__main__':
    main()
