#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A refusal of the kernel's: husk says which switch, limit or wall it is, and the way out.

Each cause is real, or what the kernel answers and what its switches say are both put in place: the
answer by a seccomp filter, the switches by mounts over /proc. bwrap keeps bubblewrap's words.
"""

import errno
import json
import os
import re

from probe import BWRAP, HOST, HUSK, PYTHON, SMALL, ProbeCase, main

NO_SPACE = ('bwrap: Creating new namespace failed: nesting depth or '
            '/proc/sys/user/max_*_namespaces exceeded (ENOSPC)\n')
NO_PERMISSION = ('bwrap: No permissions to create new namespace, likely because the kernel does '
                 'not allow non-privileged user namespaces\n')
KINDS = ('cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts')

# usage: CALL:WHEN:ERRNO... -- COMMAND, with a filter that answers CALL with ERRNO: always; where it
# names a user namespace, as a container's; or where it is valid, in place of the kernel
FILTER = r'''
import ctypes, errno, os, platform, struct, sys
CALLS = {'x86_64': {'unshare': 272, 'mount': 165, 'umount2': 166, 'setns': 308},
         'aarch64': {'unshare': 97, 'mount': 40, 'umount2': 39, 'setns': 268},
         'i386': {'unshare': 310, 'mount': 21, 'umount2': 52, 'setns': 346}}
split = sys.argv.index('--')
with open(sys.argv[split + 1], 'rb') as program:
    narrow = program.read(5) == b'\x7fELF\1'
NUMBERS = dict(CALLS['i386' if narrow else platform.machine()], clone3=435, openat2=437,
               open_tree=428, mount_setattr=442)
NEWUSER, LOAD, JEQ, JSET, RET, ALLOW = 0x10000000, 0x20, 0x15, 0x45, 6, 0x7fff0000
code = []
for spec in sys.argv[1:split]:
    call, when, name = spec.split(':')
    valid = {'unshare': [(LOAD, 0, 0, 16), (JSET, 0, 2, NEWUSER), (JSET, 1, 0, 1)],
             'mount': [(LOAD, 0, 0, 32), (JEQ, 0, 1, 0)],
             'openat2': [(LOAD, 0, 0, 40), (JEQ, 1, 0, 0)]}
    test = {'always': [], 'user': [(LOAD, 0, 0, 16), (JSET, 0, 1, NEWUSER)],
            'valid': valid.get(call)}[when]
    answer = [(RET, 0, 0, 0x50000 | getattr(errno, name))]
    code += [(LOAD, 0, 0, 0), (JEQ, 0, len(test) + 1, NUMBERS[call]), *test, *answer]
code += [(RET, 0, 0, ALLOW)]
data = b''.join(struct.pack('HBBI', *insn) for insn in code)
buf = ctypes.create_string_buffer(data, len(data))
prog = struct.pack('HxxxxxxP', len(code), ctypes.addressof(buf))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, prog, 0, 0) == 0
os.execv(sys.argv[split + 1], sys.argv[split + 1:])
'''


class Refused(ProbeCase):
    def filtered(self, *rules):
        """The beginning of a command line under a filter."""
        return [PYTHON, '-B', self.write('filter', FILTER), *rules, '--']

    def says(self, argv, *words, **kw):
        """The command line of husk fails with a message that holds the words in this order."""
        r = self.run_cmd(argv, **kw)
        self.assertFails(r, 125)
        self.assertEqual(r.out, '', r)
        self.assertRegex(r.err, '(?s)' + '.*'.join(map(re.escape, words)), r)
        return r

    def bwrap_says(self, argv, text):
        r = self.run_cmd(argv)
        self.assertEqual((r.rc, r.out, r.err), (1, '', text), r)

    def owned(self, setup, argv):
        """The command line, run by the root of a user and a mount namespace after a script."""
        return ['unshare', '-Urm', 'sh', '-ec', setup + '\nexec "$@"', 'sh', *argv]

    def fake(self, name, value, argv):
        """The command line, run where /proc/sys/kernel has just this file."""
        return self.owned('mount -t tmpfs fake /proc/sys/kernel\n'
                          f'echo {value} >/proc/sys/kernel/{name}', argv)


class Limits(Refused):
    def limited(self, kind, number, argv):
        return self.owned(f'echo {number} >/proc/sys/user/max_{kind}_namespaces', argv)

    def test_limit_of_zero(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.says(self.limited(kind, 0, [HUSK, *SMALL, 'true']),
                          f'user.max_{kind}_namespaces is 0',
                          f'hint: as root: sysctl user.max_{kind}_namespaces=')

    def test_limit_that_is_used_up(self):
        """One user namespace is allowed, and the builder takes it."""
        self.says(self.limited('user', 1, [HUSK, *SMALL, 'true']),
                  'all 1 of user.max_user_namespaces are in use', 'sysctl')

    def test_detached_mounts_count_as_namespaces(self):
        """The caller has one, the builder makes one, and each detached mount is one for a while."""
        self.says(self.limited('mnt', 2, [HUSK, *SMALL, 'true']),
                  'No space left on device', 'hint: ', 'user.max_mnt_namespaces')

    def test_only_what_is_asked_for_counts(self):
        r = self.run_cmd(self.limited('net', 0, [HUSK, '--unshare-pid', 'true']))
        self.assertRuns(r)

    def test_event(self):
        """Programs get the errno, the cause and the way out."""
        status = self.open(self.write('status'), os.O_RDWR)
        self.run_cmd(self.limited('net', 0, [HUSK, '--status-fd', str(status), *SMALL, 'true']),
                     pass_fds=[status])
        os.lseek(status, 0, os.SEEK_SET)
        last = json.loads(os.read(status, 100000).decode().splitlines()[-1])
        self.assertEqual((last['event'], last['step'], last['errno']),
                         ('error', 'namespaces', errno.ENOSPC))
        self.assertIn('user.max_net_namespaces is 0', last['text'])
        self.assertIn('sysctl', last['hint'])

    def test_host_tree(self):
        """One level, cloned and not borrowed."""
        self.says(self.limited('user', 0, [HUSK, 'true']), 'user.max_user_namespaces is 0')

    def test_bwrap(self):
        for kind in ('user', 'net', 'mnt'):
            self.bwrap_says(self.limited(kind, 0, [BWRAP, '--unshare-user', *SMALL, 'true']),
                            NO_SPACE)

    def test_limit_further_out(self):
        """The root of an inner user namespace sees no limit; --disable-userns has set one."""
        self.says([HUSK, '--disable-userns', *HOST, HUSK, 'true'],
                  'user namespaces nest 32 deep at most, or one around this one allows no more',
                  'hint: nest less deep')
        self.says(self.limited('net', 0, ['unshare', '-Ur', HUSK, '--unshare-net', 'true']),
                  'a user namespace around this one allows no more', 'user.max_net_namespaces')

    def test_limit_of_what_is_joined(self):
        """Its own user namespace is at its limit, and nothing around husk is."""
        target = self.spawn([HUSK, '--disable-userns', '--unshare-net', *HOST, 'sh', '-c',
                             'echo; exec sleep 60'])
        target.stdout.readline()
        # the last is the command
        net = self.open(f'/proc/{self.descendants(target.pid)[-1]}/ns/net')
        self.says([HUSK, '--netns', str(net), *HOST, 'true'], 'that owns what is joined',
                  'hint: leave --disable-userns out', pass_fds=[net])

    def test_nested_too_deep(self):
        for levels, args in ((33, []), (33, HOST), (32, HOST)):
            with self.subTest(levels=levels, args=args):
                self.says(['unshare', '-Ur'] * levels + [HUSK, *args, 'true'],
                          'user namespaces nest 32 deep at most', 'hint: nest less deep')
        self.assertRuns(self.run_cmd(['unshare', '-Ur'] * 31 + [HUSK, *HOST, 'true']))

    def test_nested_too_deep_as_bwrap(self):
        self.bwrap_says(['unshare', '-Ur'] * 33 + [BWRAP, '--unshare-user', *HOST, 'true'],
                        NO_SPACE)


    def test_processes(self):
        r = self.says(['prlimit', '--nproc=1', HUSK, 'true'],
                      'Creating new namespace failed', 'hint: ', 'ulimit -u')
        self.assertIn('Resource temporarily unavailable', r.err)


class Permission(Refused):
    def test_chroot(self):
        """A mere directory, and a mount that is not the namespace's root."""
        for name in ('usr', 'lib', 'lib64', 'tmp', 'proc'):
            self.mkdir(f'new/{name}')
        setup = f'cd {self.path("new")}; for d in usr lib lib64 tmp proc; do ' \
                'mount --rbind /$d $d; done'
        for words in (setup, f'mount --rbind / {self.mkdir("root")}; cd {self.path("root")}'):
            for args in ([], HOST):
                with self.subTest(words, args=args):
                    self.says(self.owned(words, ['chroot', '.', HUSK, *args, '/usr/bin/true']),
                              'No permissions', 'husk runs in a chroot', 'hint: leave the chroot')

    def test_chroot_without_capabilities(self):
        """A mount as root, and nobody who could look: the other causes are ruled out."""
        self.need('capsh')
        self.says(self.owned(f'mount --rbind / {self.mkdir("root")}',
                             ['chroot', self.path('root'), 'capsh', '--drop=all', '--', '-c',
                              f'{HUSK} true']),
                  'likely because husk runs in a chroot', 'hint: leave')

    def test_chroot_as_bwrap(self):
        self.bwrap_says(self.owned(f'mount --rbind / {self.mkdir("root")}',
                                   ['chroot', self.path('root'), BWRAP, '--unshare-user', *HOST,
                                    'true']), NO_PERMISSION)

    def test_ids_that_are_not_mapped(self):
        self.says(['unshare', '-U', HUSK, 'true'], 'uid 65534 is not mapped', 'hint: map the user')

    def test_filter_of_a_container(self):
        for answer in ('EPERM', 'ENOSYS'):
            rules = [f'unshare:user:{answer}', 'clone3:always:ENOSYS']
            for args in ([], HOST):
                with self.subTest(answer, args=args):
                    self.says([*self.filtered(*rules), HUSK, *args, 'true'],
                              'a seccomp filter refuses unshare(2) with ' + answer,
                              'hint: allow namespaces in the container', 'seccomp=')

    def test_filter_of_clone3_only(self):
        for answer in ('EPERM', 'ENOSYS'):
            for args in ([], HOST):
                self.says([*self.filtered(f'clone3:always:{answer}'), HUSK, *args, 'true'],
                          'a seccomp filter refuses clone3(2) with ' + answer)

    def test_filter_of_what_follows(self):
        """Namespaces are allowed, and what is done in them is not."""
        for call in ('mount', 'openat2', 'open_tree', 'mount_setattr'):
            for answer in ('EPERM', 'ENOSYS'):
                self.says([*self.filtered(f'{call}:always:{answer}'), HUSK, *SMALL, 'true'],
                          f'a seccomp filter refuses {call}(2) with {answer}', 'hint: allow')

    def test_filter_that_is_not_the_cause(self):
        """The commands of a container fail for other reasons too."""
        r = self.run_cmd([*self.filtered('setns:always:EPERM'), HUSK, *HOST, '--chdir', '/root',
                          'true'])
        self.assertFails(r, 125)
        self.assertNotIn('seccomp', r.err)
        r = self.run_cmd([*self.filtered('setns:always:EPERM'), HUSK, *HOST, '/etc/passwd'])
        self.assertFails(r, 126)
        self.assertNotIn('seccomp', r.err)

    def test_filter_as_bwrap(self):
        self.bwrap_says([*self.filtered('unshare:user:EPERM', 'clone3:always:EPERM'), BWRAP, *HOST,
                         'true'], NO_PERMISSION)

    def test_sysctl_of_debian(self):
        self.says(self.fake('unprivileged_userns_clone', 0,
                            [*self.filtered('unshare:valid:EPERM'), HUSK, *HOST, 'true']),
                  'No permissions', 'kernel.unprivileged_userns_clone is 0',
                  'hint: as root: sysctl kernel.unprivileged_userns_clone=1')

    def test_no_cause_is_found(self):
        self.says([*self.filtered('unshare:valid:EPERM'), HUSK, *HOST, 'true'],
                  'likely because husk runs in a chroot, or a security module')
        self.says([*self.filtered('unshare:valid:EACCES'), HUSK, *HOST, 'true'],
                  'a security module does not allow it', "hint: the kernel's log")

    def test_kernel_without(self):
        self.says([*self.filtered('unshare:valid:EINVAL'), HUSK, *HOST, 'true'],
                  'likely because the kernel does not support user namespaces')


class AppArmor(Refused):
    NAME = 'apparmor_restrict_unprivileged_userns'

    def confined(self, profile, argv):
        """The command line in a process that is confined by its own files in /proc."""
        return self.owned('mount -t tmpfs fake /proc/$$/attr\nmkdir /proc/$$/attr/apparmor\n'
                          f"echo '{profile}' >/proc/$$/attr/apparmor/current", argv)

    def test_restriction_of_namespaces(self):
        for answer in ('EACCES', 'EPERM'):
            self.says(self.fake(self.NAME, 1, [*self.filtered(f'unshare:valid:{answer}'), HUSK,
                                               *HOST, 'true']),
                      'No permissions', 'AppArmor does not allow it', f'kernel.{self.NAME} is 1',
                      'hint: give husk an AppArmor profile', f'sysctl kernel.{self.NAME}=0')

    def test_restriction_of_what_is_done_in_them(self):
        """The namespace is made, and its capabilities are worth nothing."""
        for rule, words in (('openat2', 'setting up uid map'),
                            ('mount', 'Failed to make / private')):
            self.says(self.fake(self.NAME, 1, [*self.filtered(f'{rule}:valid:EACCES'), HUSK, *HOST,
                                               'true']),
                      words, 'Permission denied', f'kernel.{self.NAME} is 1', 'hint: give husk')

    def test_profile(self):
        for rule in ('unshare:valid:EACCES', 'mount:valid:EACCES'):
            self.says(self.confined('some-profile (enforce)', [*self.filtered(rule), HUSK, *HOST,
                                                               'true']),
                      'the AppArmor profile some-profile does not allow it',
                      'hint: let that profile say userns')

    def test_unconfined(self):
        for profile in ('unconfined', 'some-profile (complain)'):
            r = self.says(self.confined(profile, [*self.filtered('unshare:valid:EACCES'), HUSK,
                                                  *HOST, 'true']), 'No permissions')
            self.assertNotIn('AppArmor', r.err)

    def test_selinux(self):
        self.says(self.confined('a_u:a_r:a_t:s0', [*self.filtered('unshare:valid:EACCES'), HUSK,
                                                   *HOST, 'true']),
                  'SELinux does not allow it to a_u:a_r:a_t:s0', 'user_namespace create')

    def test_bwrap(self):
        self.bwrap_says(self.fake(self.NAME, 1, [*self.filtered('unshare:valid:EACCES',
                                                                'clone3:always:EACCES'),
                                                 BWRAP, '--unshare-user', *HOST, 'true']),
                        NO_PERMISSION)
        self.bwrap_says(self.fake(self.NAME, 1, [*self.filtered('openat2:valid:EACCES'), BWRAP,
                                                 '--unshare-user', *HOST, 'true']),
                        'bwrap: setting up uid map: Permission denied\n')


if __name__ == '__main__':
    main()
