#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""husk-seccomp: profiles of container engines, compiled and loaded, with calls made raw inside."""

import json
import os
import shutil

from probe import HUSK, SMALL, main
from test_policy import PolicyCase
from harness import BASE, REPO  # found once probe has been imported

BUILD = os.environ.get('HUSK_BUILD', os.path.join(REPO, 'build'))
TOOL = os.path.join(BASE, 'husk-seccomp')
PODMAN = '/usr/share/containers/seccomp.json'
# staged before the change to an ordinary user
if os.geteuid() == 0 and os.path.exists(os.path.join(BUILD, 'husk-seccomp')):
    shutil.copyfile(os.path.join(BUILD, 'husk-seccomp'), TOOL)
    os.chmod(TOOL, 0o755)
elif os.path.exists(os.path.join(BUILD, 'husk-seccomp')):
    TOOL = os.path.join(BUILD, 'husk-seccomp')
ARCH_MAP = [{'architecture': 'SCMP_ARCH_X86_64',
             'subArchitectures': ['SCMP_ARCH_X86', 'SCMP_ARCH_X32']},
            {'architecture': 'SCMP_ARCH_NOBODY_HAS', 'subArchitectures': ['SCMP_ARCH_NEITHER']}]
# numbers of x86-64
UMASK, UNAME, GETPPID, PERSONALITY, ALARM = 95, 63, 110, 135, 37


def rule(*names, action='SCMP_ACT_ERRNO', **more):
    """A rule of a profile."""
    return {'names': list(names), 'action': action, **more}


class ProfileCase(PolicyCase):
    """Profiles as Python data."""

    def setUp(self):
        super().setUp()
        if not os.path.exists(TOOL):
            self.skipTest('husk-seccomp is not built: there is no json-c')

    def tool(self, profile, *words):
        text = profile if isinstance(profile, str) else json.dumps(profile)
        return self.run_cmd([TOOL, '--output', self.path('f.bpf'), *words], input=text)

    def under(self, profile, *calls, words=()):
        """The results of calls under a profile."""
        r = self.tool(profile, *words)
        self.assertEqual(r.rc, 0, r)
        with open(self.path('f.bpf'), 'rb') as f:
            fd = self.fd(f.read())
        got = self.calls(['--seccomp', fd], *(c if ':' in str(c) else f'x86-64:{c}'
                                              for c in calls), pass_fds=[fd])
        return list(got.values())

    def allow(self, *rules, **more):
        return {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': list(rules), **more}

    def fails(self, profile, words):
        r = self.tool(profile)
        self.assertEqual((r.rc, r.out), (1, ''), r)
        self.assertTrue(r.err.startswith('husk-seccomp: '), r)
        self.assertIn(words, r.err)


class Rules(ProfileCase):
    """What the parts of a profile mean."""

    def test_actions(self):
        self.assertEqual(self.under(self.allow(rule('umask'), rule('uname', errnoRet=28),
                                               rule('getppid', errno='EIO')),
                                    UMASK, UNAME, GETPPID, 39), ['EPERM', 'ENOSPC', 'EIO', 'ok'])

    def test_kill(self):
        self.tool(self.allow(rule('uname', action='SCMP_ACT_KILL_PROCESS')))
        with open(self.path('f.bpf'), 'rb') as f:
            fd = self.fd(f.read())
        self.assertEqual(self.husk(*SMALL, '--seccomp', fd, '--', 'uname', pass_fds=[fd]).rc, -31)

    def test_old_name(self):
        self.assertEqual(self.under(self.allow({'name': 'umask', 'action': 'SCMP_ACT_ERRNO'}),
                                    UMASK), ['EPERM'])

    def test_conditions(self):
        args = [{'index': 0, 'value': 8, 'op': 'SCMP_CMP_EQ'}]
        self.assertEqual(self.under(self.allow(rule('personality', args=args)),
                                    f'x86-64:{PERSONALITY}:8', f'x86-64:{PERSONALITY}:0'),
                         ['EPERM', 'ok'])
        for op, refused in (('NE', [0, 9]), ('LT', [0]), ('LE', [0, 8]), ('GE', [8, 9]),
                            ('GT', [9])):
            args[0]['op'] = 'SCMP_CMP_' + op
            got = self.under(self.allow(rule('alarm', args=args)),
                             *(f'x86-64:{ALARM}:{n}' for n in (0, 8, 9)))
            self.assertEqual([n for n, is_ in zip((0, 8, 9), got) if is_ == 'EPERM'], refused, op)

    def test_masked(self):
        """The mask is value, what it must leave is valueTwo."""
        args = [{'index': 0, 'value': 0xff00, 'valueTwo': 0x1200, 'op': 'SCMP_CMP_MASKED_EQ'}]
        self.assertEqual(self.under(self.allow(rule('alarm', args=args)),
                                    *(f'x86-64:{ALARM}:{n}' for n in (0x1234, 0x1334, 0x11234))),
                         ['EPERM', 'ok', 'EPERM'])

    def test_conditions_on_two_arguments(self):
        args = [{'index': i, 'value': 1, 'op': 'SCMP_CMP_EQ'} for i in (0, 1)]
        self.assertEqual(self.under(self.allow(rule('alarm', args=args)),
                                    *(f'x86-64:{ALARM}:{a}:{b}' for a, b in
                                      ((1, 1), (1, 0), (0, 1)))), ['EPERM', 'ok', 'ok'])

    def test_conditions_on_one_argument(self):
        args = [{'index': 0, 'value': n, 'op': 'SCMP_CMP_EQ'} for n in (1, 2)]
        self.assertEqual(self.under(self.allow(rule('alarm', args=args)),
                                    *(f'x86-64:{ALARM}:{n}' for n in (1, 2, 3))),
                         ['EPERM', 'EPERM', 'ok'])

    def test_great_values(self):
        args = [{'index': 0, 'value': 2**64 - 1, 'op': 'SCMP_CMP_EQ'}]
        self.assertEqual(self.under(self.allow(rule('alarm', args=args)),
                                    f'x86-64:{ALARM}:{2**64 - 1}', f'x86-64:{ALARM}:7'),
                         ['EPERM', 'ok'])

    def test_includes_and_excludes(self):
        kernel, old, new = '5.14', {'minKernel': '4.8'}, {'minKernel': '99.0'}
        cases = (
            ({'includes': {'caps': ['CAP_SYS_ADMIN']}}, False, True),
            ({'excludes': {'caps': ['CAP_SYS_ADMIN', 'CAP_KILL']}}, True, False),
            ({'includes': {'caps': ['CAP_SYS_ADMIN', 'CAP_KILL']}}, False, False),
            ({'includes': {'arches': ['amd64', 's390x']}}, True, True),
            ({'includes': {'arches': ['s390x']}}, False, False),
            ({'excludes': {'arches': ['amd64']}}, False, False),
            ({'includes': old}, True, True), ({'includes': new}, False, False),
            ({'excludes': old}, False, False), ({'excludes': new}, True, True),
            ({'includes': {}, 'excludes': {}}, True, True))
        for more, without, with_cap in cases:
            for words, applies in (((), without), (('--cap', 'sys_admin'), with_cap)):
                with self.subTest(more, words=words):
                    got = self.under(self.allow(rule('umask', **more)), UMASK,
                                     words=(*words, '--kernel', kernel))
                    self.assertEqual(got, ['EPERM' if applies else 'ok'])

    def test_architectures(self):
        """i386 is let in by archMap or architectures; else the filter kills, as libseccomp does."""
        profile = self.allow(rule('umask', errnoRet=28), archMap=ARCH_MAP)
        self.assertEqual(self.under(profile, UMASK, 'i386:60'), ['ENOSPC', 'ENOSPC'])
        profile = self.allow(rule('umask', errnoRet=28),
                             architectures=['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'])
        self.assertEqual(self.under(profile, UMASK, 'i386:60'), ['ENOSPC', 'ENOSPC'])

    def test_unknown_names_are_left_out(self):
        r = self.tool(self.allow(rule('umask', 'martian_probe')))
        self.assertEqual(r.rc, 0, r)
        self.assertIn('syscalls[0].names[1]: unknown system call “martian_probe”', r.err)
        self.assertEqual(self.tool(self.allow(rule('martian_probe')), '--quiet').err, '')

    def test_calls_beyond_the_profile(self):
        """A refusing profile answers ENOSYS to calls that its author could not know."""
        with open(PODMAN, encoding='utf-8') as f:
            names = json.load(f)['syscalls'][1]['names']
        profile = {'defaultAction': 'SCMP_ACT_ERRNO', 'archMap': ARCH_MAP,
                   'syscalls': [rule(*names, 'arch_prctl', action='SCMP_ACT_ALLOW')]}
        self.assertEqual(self.under(profile, 321, 900, 'i386:900', 'i386:357'),
                         ['EPERM', 'ENOSYS', 'ENOSYS', 'EPERM'])
        self.assertEqual(self.under({**profile, 'defaultErrnoRet': 28}, 321, 900),
                         ['ENOSPC', 'ENOSYS'])
        self.assertEqual(self.under(self.allow(rule('umask')), UMASK, 900), ['EPERM', 'ENOSYS'])

    def test_errors(self):
        for profile, words in (
                ('{', 'is not JSON'), ('', 'is not JSON'), ('[]', 'not an object'),
                ({}, 'defaultAction is missing'),
                ({'defaultAction': 'ALLOW'}, 'defaultAction: no action is called “ALLOW”'),
                (self.allow(rule('umask', action='SCMP_ACT_NOTIFY')), 'needs a program'),
                (self.allow(rule('umask', errno='EMARS')), 'no error is called “EMARS”'),
                (self.allow({'names': 'umask', 'action': 'SCMP_ACT_ERRNO'}),
                 'syscalls[0].names: is not an array'),
                (self.allow({'names': [7], 'action': 'SCMP_ACT_ERRNO'}),
                 'syscalls[0].names[0]: is not a string'),
                (self.allow(rule('umask', args=[{'index': 6, 'op': 'SCMP_CMP_EQ'}])),
                 'syscalls[0].args[0].index'),
                (self.allow(rule('umask', args=[{'index': 0, 'value': -1,
                                                 'op': 'SCMP_CMP_EQ'}])), 'number from 0 on'),
                (self.allow(rule('umask', args=[{'index': 0, 'op': '=='}])), '“==”'),
                (self.allow(architectures=['SCMP_ARCH_MARS']), '“SCMP_ARCH_MARS”'),
                (self.allow(architectures=['SCMP_ARCH_X86'], archMap=ARCH_MAP), 'exclude'),
                (self.allow(rule('umask', includes={'minKernel': 'x'})), 'no version'),
                (self.allow({'name': 'a', 'names': ['b'], 'action': 'SCMP_ACT_ERRNO'}),
                 'exclude each other')):
            with self.subTest(profile):
                self.fails(profile, words)

    def test_words(self):
        for words, said in ((['--cap', 'CAP_MARS'], 'no capability'), (['--cap'], 'argument'),
                            (['--kernel', 'new'], 'no version'), (['--mars'], 'unknown option'),
                            (['a', 'b'], 'one profile'), (['/no/such'], 'No such file')):
            r = self.run_cmd([TOOL, *words], input='{}')
            self.assertEqual(r.rc, 1, r)
            self.assertIn(said, r.err)
        self.assertIn('usage: husk-seccomp', self.run_cmd([TOOL, '--help']).out)
        self.assertRegex(self.run_cmd([TOOL, '--version']).out, r'^husk-seccomp \d')

    def test_no_filter_for_a_terminal(self):
        path = self.write('p.json', json.dumps(self.allow()))
        self.assertIn('no text for a terminal', self.pty([TOOL, path]).out)


class Podman(ProfileCase):
    """The profile that Podman and CRI-O come with."""

    def setUp(self):
        super().setUp()
        if not os.path.exists(PODMAN):
            self.skipTest('golang-github-containers-common is not installed')
        with open(PODMAN, encoding='utf-8') as f:
            self.profile = f.read()

    def test_without_capabilities(self):
        got = self.under(self.profile, 298, 321, 161, 175, 103, 900, 'i386:357', 39,
                         f'x86-64:{PERSONALITY}:8', f'x86-64:{PERSONALITY}:0x400000',
                         'x86-64:41:16:3:9', 'x86-64:41:16:3:0')
        self.assertEqual(got, ['EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM', 'ENOSYS', 'EPERM',
                               'ok', 'ok', 'ENOSYS', 'EINVAL', 'ok'])

    def test_with_capabilities(self):
        got = self.under(self.profile, 'x86-64:298:1', 'x86-64:161:1',
                         words=['--cap', 'CAP_SYS_ADMIN', '--cap', 'sys_chroot'])
        self.assertEqual(got, ['EFAULT', 'EFAULT'])
        got = self.under(self.profile, 103, words=['--cap', 'ALL'])
        self.assertNotEqual(got, ['ENOSYS'])

    def test_programs_run(self):
        self.tool(self.profile)
        for command in ((['sh', '-c', 'ls / | wc -l >/dev/null; echo ran']),
                        ['/usr/bin/python3', '-c', 'import threading, socket; print("ran")']):
            with open(self.path('f.bpf'), 'rb') as f:
                fd = self.fd(f.read())
            self.assertRuns(self.run_cmd([HUSK, *SMALL, '--cap-drop', 'ALL', '--seccomp', fd,
                                          '--', *command], pass_fds=[fd]), 'ran\n')


if __name__ == '__main__':
    main()
