#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--fake-root: what succeeds although one id cannot do it, what stays real, and with what else."""

import itertools
import json
import os
import pwd
import re
import struct

from probe import BWRAP, HOST, HUSK, SMALL, descendants, main
from test_policy import HIGH, PolicyCase, filter_for

ON = ('--fake-root',)
NO_ID = 0xffffffff
# name: number on x86-64, on i386, its variant of 32 bits there; how many ids, after how many others
IDS = {
    'chown': (92, 182, 212, 2, 1), 'lchown': (94, 16, 198, 2, 1), 'fchown': (93, 95, 207, 2, 1),
    'fchownat': (260, None, 298, 2, 2), 'setuid': (105, 23, 213, 1, 0),
    'setgid': (106, 46, 214, 1, 0), 'setreuid': (113, 70, 203, 2, 0),
    'setregid': (114, 71, 204, 2, 0), 'setresuid': (117, 164, 208, 3, 0),
    'setresgid': (119, 170, 210, 3, 0), 'setfsuid': (122, 138, 215, 1, 0),
    'setfsgid': (123, 139, 216, 1, 0)}
MKNOD = {'x86-64': (133, 259), 'i386': (14, 297), 'x32': (133, 259)}
CHR, BLK, FIFO, REG, SOCK = 0o20644, 0o60644, 0o10644, 0o100644, 0o140644
NULL = 0x103


def id_calls(ids, short=None):
    """Every call about ids on both ABIs, with these; i386's calls of 16 bits with those of short.

    The other arguments are none that a real call accepts.
    """
    for wide, i386, i386_32, n, before in IDS.values():
        numbers = [('x86-64', wide, ids), ('i386', i386_32, ids)]
        if i386 is not None and short is not None:
            numbers.append(('i386', i386, short))
        for abi, number, values in numbers:
            for last in range(n):
                words = [0 if k != last else values for k in range(n)]
                yield ':'.join(map(str, (abi, number, *[0xffffffff] * before, *words)))


class Pretended(PolicyCase):
    """Calls made raw, with arguments that a real one refuses."""

    def test_ids(self):
        calls = list(id_calls(33, 33)) + list(id_calls(65534, 65534))
        got = self.calls(ON, *calls)
        self.assertEqual({c for c, is_ in got.items() if is_ != 'ok'}, set())

    def test_without_it_they_fail(self):
        calls = [c for c in id_calls(33, 33) if not c.partition(':')[2].startswith(
            ('122:', '123:', '138:', '139:', '215:', '216:'))]
        self.assertNotIn('ok', self.calls([], *calls).values())

    def test_root_and_none_are_real(self):
        calls = [c for ids, short in ((0, 0), (NO_ID, 0xffff), (0, 0x10000))
                 for c in id_calls(ids, short)
                 if int(c.split(':')[1]) in ((92, 94, 93, 260) if c[0] == 'x' else
                                             (182, 16, 95, 212, 198, 207, 298))]
        got = self.calls(ON, *calls)
        self.assertEqual(set(got.values()) - {'EFAULT', 'EBADF'}, set())
        got = self.calls(ON, 'x86-64:105:0', 'x86-64:117:0:-1:0', f'x86-64:105:{NO_ID}',
                         'i386:23:65535')
        self.assertEqual(list(got.values()), ['ok', 'ok', 'EINVAL', 'EINVAL'])

    def test_high_bits_are_no_ids(self):
        """What the kernel takes for 0 is real, what it takes for 33 is not."""
        got = self.calls(ON, f'x86-64:92:0:{HIGH}:{HIGH}', f'x86-64:92:0:{HIGH + 33}:0')
        self.assertEqual(list(got.values()), ['EFAULT', 'ok'])

    def test_groups(self):
        calls = ['x86-64:116:0:0', 'x86-64:116:3:0', 'i386:81:0:0', 'i386:206:1:0']
        self.assertEqual(set(self.calls(ON, *calls).values()), {'ok'})
        self.assertEqual(set(self.calls([], *calls).values()), {'EPERM'})

    def test_x32(self):
        """The kernel's answer where it has no x32 is another one for what stays real."""
        got = self.calls(ON, 'x32:92:0:33:0', 'x32:116:0:0', f'x32:133:0:{CHR}:{NULL}',
                         'x32:92:0:0:0')
        self.assertEqual(list(got.values())[:3], ['ok'] * 3)
        self.assertIn(got['x32:92:0:0:0'], ('ENOSYS', 'EFAULT'))

    def test_devices(self):
        for abi, (mknod, mknodat) in MKNOD.items():
            calls = [f'{abi}:{mknod}:0:{mode}:{dev}' for mode in (CHR, BLK)
                     for dev in (NULL, 0x800, 0xfffff)]
            calls += [f'{abi}:{mknodat}:-1:0:{mode}:{NULL}' for mode in (CHR, BLK)]
            self.assertEqual(set(self.calls(ON, *calls).values()), {'ok'})
        calls = [f'x86-64:133:0:{mode}:{dev}' for mode in (FIFO, REG, SOCK, 0o644)
                 for dev in (0, NULL)] + [f'x86-64:133:0:{CHR}:0', f'i386:14:0:{CHR}:0']
        self.assertEqual(set(self.calls(ON, *calls).values()), {'EFAULT'})

    def test_capset_and_xattrs_are_real(self):
        got = self.calls(ON, 'x86-64:126:0:0', 'x86-64:188:0:0:0:0:0')
        self.assertEqual(set(got.values()), {'EFAULT'})


class Seen(PolicyCase):
    """What a program makes of it."""

    def in_tmp(self, script, *options):
        return self.husk(*SMALL, '--ro-bind', '/etc', '/etc', '--tmpfs', '/tmp', *ON, *options,
                         '--chdir', '/tmp', '--', 'sh', '-c', script)

    def test_owners(self):
        self.assertRuns(self.in_tmp('touch f && chown 33:44 f && chgrp 7 f && chown 0:0 f &&'
                                    ' stat -c %u:%g f'), '0:0\n')

    def test_modes_stay(self):
        self.assertRuns(self.in_tmp('install -m 4755 -o man -g man /usr/bin/true f &&'
                                    ' stat -c %a f'), '4755\n')

    def test_devices(self):
        r = self.in_tmp('mknod n c 1 3; mknod p p && mknod w c 0 0 && stat -c %F *')
        self.assertRuns(r, 'fifo\ncharacter special file\n')

    def test_archive(self):
        """tar with owners, devices, a setuid file."""
        source = self.mkdir('src')
        with open(os.path.join(source, 'f'), 'w', encoding='ascii'):
            pass
        make = ('cd src && tar -cf ../a.tar --owner=+1001 --group=+50 --mode=4755 f &&'
                ' cd .. && python3 -c "import tarfile as t; a = t.open(\'a.tar\', \'a\');'
                ' i = t.TarInfo(\'null\'); i.type = t.CHRTYPE; i.devmajor, i.devminor = 1, 3;'
                ' a.addfile(i)"')
        self.assertRuns(self.run_cmd(['sh', '-c', make], cwd=self.path('.')))
        r = self.in_tmp(f'tar -xpf {self.path("a.tar")} f && stat -c %a:%u:%g f',
                        '--ro-bind', self.dir, self.dir)
        self.assertRuns(r, '4755:0:0\n')

    def test_a_program_that_changes_ids(self):
        r = self.in_tmp('setpriv --reuid 33 --regid 33 --clear-groups id -u')
        self.assertRuns(r, '0\n')

    def run_compiled(self, compiler):
        """A static program makes the calls."""
        self.need(compiler)
        path = self.write('p.c', '#include <grp.h>\n#include <stdio.h>\n#include <unistd.h>\n'
                          '#include <sys/stat.h>\n#include <sys/sysmacros.h>\n'
                          'int main(void) { return printf("%d%d%d%d%d\\n",'
                          ' chown("/tmp", 33, 33), setgroups(0, NULL), setgid(33), setuid(33),'
                          ' mknod("/tmp/n", S_IFCHR, makedev(1, 3))) < 0; }\n')
        out = path + compiler
        self.assertRuns(self.run_cmd([compiler, '-static', '-o', out, path]))
        self.assertRuns(self.husk(*HOST, *ON, '--', out), '00000\n')

    def test_a_static_program(self):
        self.run_compiled('gcc')

    def test_a_program_of_32_bits(self):
        self.run_compiled('i686-linux-gnu-gcc')

    def test_capabilities_are_real(self):
        r = self.in_tmp('mount -t tmpfs x /mnt && mkdir -p o/u o/w o/l o/m p &&'
                        ' mount -t overlay -o userxattr,lowerdir=o/l,upperdir=o/u,workdir=o/w o o/m'
                        ' && touch o/m/f && ls o/u && mount -t proc p p && chroot / true &&'
                        ' hostname h && hostname', '--unshare-uts', '--unshare-pid', '--dir',
                        '/mnt')
        self.assertRuns(r, 'f\nh\n')

    def test_a_link_of_its_own(self):
        self.need('ip')
        r = self.in_tmp('ip link add name v0 type veth peer name v1 && ip -o link | grep -c @',
                        '--unshare-net')
        if 'Unknown device type' in r.err:
            self.skipTest('the kernel has no veth')
        self.assertRuns(r, '2\n')

    def test_a_launch_as_usual(self):
        """With nothing but a filter more."""
        self.assertEqual(self.status((*SMALL, *ON), 'Seccomp_filters'), ['1'])
        self.assertEqual(self.status(SMALL, 'Seccomp_filters'), ['0'])
        self.assertEqual(self.status((*SMALL, *ON), 'CapEff'), self.status(SMALL, 'CapEff'))

    def test_self_test(self):
        for options in (SMALL, ('--unshare-all', *HOST), ()):
            r = self.husk(*options, *ON, '--self-test')
            self.assertRuns(r)
            self.assertIn('- what --fake-root pretends succeeds, and is not done\n', r.out)
            self.assertNotIn('SKIP', r.out)


class With(PolicyCase):
    """Other options: refusals stand, whoever makes them."""

    def test_refusals_stand(self):
        got = self.calls((*ON, '--deny-syscalls', 'chown'), 'x86-64:92:0:33:0', 'i386:182:0:33:0',
                         'i386:212:0:33:0')
        self.assertEqual(list(got.values()), ['EPERM', 'EPERM', 'ok'])
        for option in ('--seccomp', '--add-seccomp-fd'):
            fd = self.fd(filter_for(92, 5))
            got = self.calls((*ON, option, fd), 'x86-64:92:0:33:0', pass_fds=[fd])
            self.assertEqual(list(got.values()), ['EIO'])

    def test_policies_do_not_take_it_back(self):
        for policy in ('default', 'strict'):
            got = self.calls((*ON, '--seccomp-policy', policy), 'x86-64:92:0:33:0',
                             'x86-64:116:0:0', f'x86-64:133:0:{CHR}:{NULL}', 'i386:182:0:33:0',
                             'x86-64:165', 'x32:92:0:33:0')
            self.assertEqual(list(got.values()),
                             ['ok'] * 4 + ['EPERM' if policy == 'strict' else 'EFAULT', 'ENOSYS'])

    def test_with_a_terminal(self):
        r = self.pty([HUSK, *SMALL, *ON, '--', 'grep', 'Seccomp_filters', '/proc/self/status'])
        self.assertRegex(r.out, r'\t2\b')

    def test_other_ids(self):
        for words in (('--uid', '5'), ('--gid', '5'), ('--map-current-user',)):
            self.assertFails(self.husk(*words, *ON, '--', 'true'), 125,
                             r'--fake-root requires uid 0 and gid 0 inside, not \d+ and \d+\n'
                             r'.*hint: .*leave out --uid')
        self.assertRuns(self.husk('--uid', '0', '--gid', '0', *ON, '--', 'true'))

    def test_as_bwrap(self):
        self.assertFails(self.run_cmd([BWRAP, *HOST, *ON, 'true']), 1,
                         'Unknown option --fake-root')

    def test_nested(self):
        r = self.husk(*SMALL, *ON, '--', HUSK, *SMALL, *ON, '--', 'chown', '3:3', '/usr')
        self.assertRuns(r, '')

    def test_in_a_user_namespace_of_others(self):
        """The filter does not know their map."""
        p = self.spawn(['unshare', '--user', '--map-root-user', 'sleep', '60'])
        own = os.readlink('/proc/self/ns/user')
        self.assertTrue(self.wait_until(
            lambda: os.readlink(f'/proc/{p.pid}/ns/user') != own and
            all(open(f'/proc/{p.pid}/{kind}_map', encoding='ascii').read()
                for kind in ('uid', 'gid'))))
        fd = self.open(f'/proc/{p.pid}/ns/user')
        r = self.husk('--userns', fd, *HOST, *ON, '--', 'chown', '3:3', '/usr', pass_fds=[fd])
        self.assertRuns(r)
        self.assertFails(self.husk('--userns', fd, '--uid', '4', *HOST, *ON, '--', 'true',
                                   pass_fds=[fd]), 125, 'requires uid 0')

    def joined(self, options, *words):
        """husk, joining a sandbox with these options."""
        marker = f'{60 + next(self.numbers)}.25'
        self.spawn([HUSK, '--unshare-pid', *HOST, '--proc', '/proc', *options, '--', 'sleep',
                    marker])
        pid = self.wait_until(lambda: self.sleeper(marker))
        return self.husk('--join-pid', pid, *words)

    numbers = itertools.count()

    @staticmethod
    def sleeper(marker):
        """The pid of the sleep with this operand, or None."""
        for name in map(str, descendants(os.getpid())):
            try:
                with open(f'/proc/{name}/cmdline', 'rb') as f:
                    if f.read() == f'sleep\0{marker}\0'.encode():
                        return name
            except OSError:
                pass
        return None

    def test_joining(self):
        """Whoever joins such a sandbox gives the option too; it makes up for no other filter."""
        r = self.joined(ON, *ON, '--', 'chown', '3:3', '/usr')
        self.assertRuns(r, '')
        self.assertFails(self.joined(ON, '--', 'true'), 125, 'seccomp filters that the command')
        self.assertFails(self.joined((*ON, '--deny-syscalls', 'uname'), *ON, '--', 'true'), 125,
                         'seccomp filters that the command')


class WithRanges(PolicyCase):
    """Where ids are real only devices are pretended."""

    ON = ('--map-auto', *ON)

    def setUp(self):
        super().setUp()
        name = pwd.getpwuid(os.getuid()).pw_name
        for path in ('/etc/subuid', '/etc/subgid'):
            with open(path, encoding='ascii') as f:
                if not re.search(rf'(?m)^{name}:', f.read()):
                    self.skipTest('the user has no subordinate ids')

    def test_calls(self):
        got = self.calls(self.ON, 'x86-64:92:0:33:0', 'i386:182:0:33:0', 'x86-64:105:3000000000',
                         f'x86-64:133:0:{CHR}:{NULL}', f'x86-64:133:0:{FIFO}:0')
        self.assertEqual(list(got.values()), ['EFAULT', 'EFAULT', 'EINVAL', 'ok', 'EFAULT'])

    def test_seen(self):
        r = self.husk(*SMALL, *self.ON, '--tmpfs', '/tmp', '--chdir', '/tmp', '--', 'sh', '-c',
                      'touch f; chown 33:44 f; stat -c %u:%g f; mknod n c 1 3; ls')
        self.assertRuns(r, '33:44\nf\n')

    def test_another_user(self):
        r = self.husk(*SMALL, *self.ON, '--uid', '5', '--gid', '6', '--', 'id', '-u')
        self.assertRuns(r, '5\n')

    def test_told(self):
        r = self.husk('--explain-json', *self.ON, '--', 'true')
        self.assertEqual(json.loads(r.out)['walls']['fake-root'], 'fake-devices')
        r = self.husk('--explain', *self.ON, '--', 'true')
        self.assertIn('pretend mknod if', r.out)
        self.assertNotIn('pretend chown', r.out)

    def test_self_test(self):
        r = self.husk(*SMALL, *self.ON, '--self-test')
        self.assertRuns(r)
        self.assertIn('- what --fake-root pretends succeeds, and is not done\n', r.out)
        self.assertIn('- groups can be given up and taken\n', r.out)


class Refused(PolicyCase):
    """Where a filter cannot be had the error says so."""

    def without_filters(self, error):
        """husk where prctl and seccomp answer with this error for a filter."""
        # seccomp, and prctl of PR_SET_SECCOMP, by their numbers of x86-64 and i386
        code = [(0x20, 0, 0, 0), (0x15, 5, 0, 317), (0x15, 4, 0, 354), (0x15, 1, 0, 157),
                (0x15, 0, 3, 172), (0x20, 0, 0, 16), (0x15, 0, 1, 22),
                (0x06, 0, 0, 0x50000 | error), (0x06, 0, 0, 0x7fff0000)]
        fd = self.fd(b''.join(struct.pack('HBBI', *insn) for insn in code))
        return lambda *words: self.husk('--seccomp', fd, '--', HUSK, *words, pass_fds=[fd])

    def test_kernel(self):
        r = self.without_filters(22)(*ON, '--', 'true')
        self.assertFails(r, 125, 'seccomp: --fake-root: the kernel takes no seccomp filter: '
                         'Invalid argument\n.*hint: .*CONFIG_SECCOMP_FILTER')

    def test_container(self):
        r = self.without_filters(1)(*ON, '--', 'true')
        self.assertFails(r, 125, '--fake-root: the kernel takes no seccomp filter: '
                         'Operation not permitted\n.*hint: the filter of a container')

    def test_features(self):
        r = self.without_filters(1)('--features')
        self.assertFalse(json.loads(r.out)['seccomp']['fake-root'])


class Explained(PolicyCase):
    def test_text(self):
        r = self.husk('--explain', *ON, '--', 'true')
        self.assertIn('fake-root: success is the answer, and nothing done, to\n', r.out)
        self.assertIn('pretend setgroups setgroups32 #', r.out)
        self.assertNotIn('pretend', self.husk('--explain', '--', 'true').out)

    def test_json(self):
        for words, is_ in ((ON, 'fake-root'), ((), None)):
            r = self.husk('--explain-json', *words, '--', 'true')
            self.assertEqual(json.loads(r.out)['walls']['fake-root'], is_)


if __name__ == '__main__':
    main()
