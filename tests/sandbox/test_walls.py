#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The walls: seccomp, pid 1's memory, keyrings, programs."""

import os
import re
import struct

from probe import BWRAP, HOST, HUSK, SMALL, USR, ProbeCase, main
from harness import strace_calls

# more mounts than listmount(2) tells of by one call
MANY = tuple(w for i in range(300) for w in ('--ro-bind', '/usr/share', f'/m/{i}'))

ALLOW, ERRNO, KILL = 0x7fff0000, 0x50000, 0x80000000
SYS_UNAME, SYS_UMASK = 63, 95


def bpf(number, action):
    """A filter with this action for one system call of x86-64, the rest allowed."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, action), (0x06, 0, 0, ALLOW)]
    return b''.join(struct.pack('HBBI', *insn) for insn in code)


class Seccomp(ProbeCase):
    def run_filters(self, *filters, program=HUSK, option='--add-seccomp-fd', args=SMALL):
        fds = [self.fd(f) for f in filters]
        words = [w for fd in fds for w in (option, fd)]
        return self.run_cmd([program, *args, *words, '--', 'uname'], pass_fds=fds)

    def test_a_filter_acts(self):
        for program in (HUSK, BWRAP):
            for option in ('--seccomp', '--add-seccomp-fd'):
                with self.subTest(program, option=option):
                    r = self.run_filters(bpf(SYS_UNAME, ERRNO | 5), program=program,
                                         option=option)
                    self.assertNotEqual(r.rc, 0, r)
                    self.assertIn('Input/output error', r.err)

    def test_the_later_one_decides_between_equal_actions(self):
        r = self.run_filters(bpf(SYS_UNAME, ERRNO | 5), bpf(SYS_UNAME, ERRNO | 28))
        self.assertIn('No space left', r.err)
        r = self.run_filters(bpf(SYS_UNAME, ERRNO | 28), bpf(SYS_UNAME, ERRNO | 5))
        self.assertIn('Input/output error', r.err)

    def test_the_stricter_one_decides_else(self):
        r = self.run_filters(bpf(SYS_UNAME, KILL), bpf(SYS_UNAME, ALLOW))
        self.assertEqual(r.rc, -31, r)

    def test_without_a_terminal_there_is_no_filter_of_ours(self):
        for program in (HUSK, BWRAP):
            self.assertEqual(self.status(HOST, 'Seccomp', 'Seccomp_filters', program=program),
                             ['0', '0'])

    def test_filters_are_counted(self):
        fds = [self.fd(bpf(SYS_UMASK, ALLOW)) for _ in range(3)]
        words = [w for fd in fds for w in ('--add-seccomp-fd', fd)]
        self.assertEqual(self.status([*SMALL, *words], 'Seccomp', 'Seccomp_filters',
                                     pass_fds=fds), ['2', '3'])

    def test_a_filter_that_forbids_what_set_up_needs(self):
        """Filters come last: one against mount or setgroups stops no launch."""
        for number in (165, 155, 116, 428, 429, 442, 437):
            r = self.run_filters(bpf(number, KILL))
            self.assertRuns(r, 'Linux\n')

    def test_the_last_of_two_seccomp_options_counts(self):
        a, b = self.fd(bpf(SYS_UNAME, ERRNO | 5)), self.fd(bpf(SYS_UMASK, ERRNO | 5))
        r = self.husk(*SMALL, '--seccomp', a, '--seccomp', b, '--', 'uname', pass_fds=[a, b])
        self.assertRuns(r, 'Linux\n')
        self.assertIn('--seccomp', r.err)

    def test_a_length_that_is_no_multiple_of_eight(self):
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            for option in ('--seccomp', '--add-seccomp-fd'):
                with self.subTest(program, option=option):
                    r = self.run_filters(b'\0' * 7, program=program, option=option)
                    self.assertFails(r, rc, 'seccomp')

    def test_an_empty_filter(self):
        self.assertFails(self.run_filters(b''), 125, 'seccomp')

    def test_an_invalid_filter(self):
        self.assertFails(self.run_filters(b'\xff' * 8), 125, 'seccomp.*(EINVAL|Invalid argument)')

    def test_a_filter_too_long(self):
        self.assertFails(self.run_filters(bpf(1, ALLOW) * 2000), 125, 'seccomp')

    def test_both_options(self):
        a, b = self.fd(bpf(1, ALLOW)), self.fd(bpf(1, ALLOW))
        r = self.husk(*SMALL, '--seccomp', a, '--add-seccomp-fd', b, 'true', pass_fds=[a, b])
        self.assertFails(r, 125, '--seccomp')


class Audit(ProbeCase):
    def lied_to(self, deny, *argv):
        """A launch by argv where mount_setattr does nothing; what strace may not know is denied."""
        return self.husk('--deny-syscalls', 'open_tree_attr', *deny, '--', 'strace', '-f', '-qq',
                         '-o', self.path('log'), '-e', 'trace=mount_setattr', '-e',
                         'inject=mount_setattr:retval=0', *argv, '--', 'echo', 'ran')

    def test_audit_of_the_finished_mounts(self):
        """Were a mount not read-only although the kernel said so, nothing would be run."""
        self.need('strace')
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            for args in (HOST, (*USR, '--ro-bind', '/etc', '/etc')):
                with self.subTest(program, args=args):
                    r = self.lied_to([], program, *args)
                    self.assertNotIn('ran', r.out)
                    self.assertFails(r, rc)

    def test_a_mount_that_nothing_leads_to_may_have_other_flags(self):
        """What a bind covers stays as the host has it."""
        top, below = self.mkdir('top'), self.mkdir('top/below')
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                r = self.run_cmd(self.private_mounts(
                    [program, '--bind', '/', '/', '--ro-bind', top, top, '--',
                     'sh', '-c', f'! touch {below}/x 2>/dev/null'],
                    setup=f'mount -t tmpfs below {below}'))
                self.assertRuns(r)

    def test_a_mount_point_longer_than_a_page(self):
        """Mountinfo writes four bytes for a blank."""
        long = '/t' + ('/' + ' ' * 250) * 6
        for program in (HUSK, BWRAP):
            for more in ((), MANY):
                with self.subTest(program, mounts=len(more) // 3):
                    argv = [program, *USR, *more, '--tmpfs', '/t', '--ro-bind', '/usr', long, '--',
                            'ls', long]
                    r = self.run_cmd(argv)
                    self.assertRuns(r)
                    self.assertIn('bin', r.out)
                    # as with a kernel that has no other table than mountinfo
                    r = self.husk('--deny-syscalls', 'listmount', '--', *argv)
                    self.assertRuns(r)
                    self.assertIn('bin', r.out)

    def test_audit_of_either_table(self):
        self.need('strace')
        for args in (HOST, (*USR, '--ro-bind', '/etc', '/etc'), (*USR, *MANY)):
            for deny in ((), ('--deny-syscalls', 'listmount'), ('--deny-syscalls', 'statmount')):
                with self.subTest(args[:6], deny=deny):
                    r = self.lied_to(deny, HUSK, *args)
                    self.assertNotIn('ran', r.out)
                    self.assertFails(r, 125, 'is not ')


class SelfAudit(ProbeCase):
    """Were a call said to have worked that did not, the command would not run."""

    def stopped(self, call, *args, text, **kw):
        self.need('strace')
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            with self.subTest(program, args=args):
                r = self.run_cmd(['strace', '-f', '-qq', '-o', self.path('log'), '-e',
                                  f'inject={call}:retval=0', program, *HOST, *args, '--',
                                  'echo', 'ran'], **kw)
                self.assertNotIn('ran', r.out)
                self.assertFails(r, rc, text)

    def test_no_new_privs(self):
        self.stopped('prctl', text='no_new_privs is not set')

    def test_capabilities(self):
        self.stopped('capset', '--cap-drop', 'CAP_CHOWN', '--unshare-user',
                     text='the command would have cap_chown')

    def test_bounding_set(self):
        """Which gives nothing back, but is what was asked for all the same."""
        self.need('strace')
        for program, rc, more in ((HUSK, 125, ()), (BWRAP, 1, ('--unshare-user',))):
            with self.subTest(program):
                log = self.path('log')
                for number in range(1, 60):
                    r = self.run_cmd(['strace', '-f', '-qq', '-o', log, '-e', 'trace=prctl', '-e',
                                      f'inject=prctl:retval=0:when={number}', program, *HOST,
                                      *more, '--cap-drop', 'CAP_CHOWN', '--cap-drop',
                                      'CAP_KILL', '--', 'echo', 'ran'])
                    if any(re.search('CAPBSET_DROP, CAP_KILL.*INJECTED', call)
                           for _, call in strace_calls(log)):
                        break
                self.assertFails(r, rc, 'the command would have cap_kill')
                self.assertEqual(r.out, '')

    def test_filter_of_the_terminal(self):
        self.need('strace')
        faked = 0
        for number in range(1, 9):
            log = self.path(f'log{number}')
            out = self.pty(['strace', '-f', '-qq', '-o', log, '-e',
                            f'inject=prctl:retval=0:when={number}', HUSK, *HOST, '--',
                            'echo', 'ran'])
            if not any(re.search('PR_SET_SECCOMP.*INJECTED', call)
                       for _, call in strace_calls(log)):
                continue
            faked += 1
            self.assertNotIn('ran', out.out)
            self.assertIn('no seccomp filter is in force', out.out)
        self.assertGreater(faked, 0)


class Keyring(ProbeCase):
    SNIPPET = r'''
        #include <errno.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        static const char *say(long r)
        {
            static char text[32];
            if (r < 0)
                return strerrorname_np(errno);
            sprintf(text, "%ld", r);
            return text;
        }
        /* add KEY: a new session keyring with a key, then the rest; else: look for the key */
        int main(int argc, char **argv)
        {
            char text[64], data[64];
            long key;

            if (strcmp(argv[1], "add") == 0) {
                syscall(SYS_keyctl, 1, NULL);
                key = syscall(SYS_add_key, "user", "husk-test", "secret", 6, -3);
                sprintf(text, "%ld %ld", syscall(SYS_keyctl, 0, -3, 0), key);
                setenv("KEY", text, 1);
                execvp(argv[2], argv + 2);
                return 70;
            }
            printf("session %s\n", say(syscall(SYS_keyctl, 0, -3, 0)));
            printf("found %s\n", say(syscall(SYS_request_key, "user", "husk-test", NULL, 0)));
            key = atol(strchr(getenv("KEY"), ' '));
            printf("read %s\n", say(syscall(SYS_keyctl, 11, key, data, sizeof data)));
            printf("link %s\n", say(syscall(SYS_keyctl, 8, key, -3)));
            printf("host %s\n", getenv("KEY"));
            return 0;
        }
    '''

    def keys(self, *args, program=HUSK):
        snippet = self.inside_c(self.SNIPPET, 'keys')
        r = self.run_cmd([snippet, 'add', program, *args, '--', snippet, 'look'])
        self.assertRuns(r)
        return dict(line.split(' ', 1) for line in r.out.splitlines())

    def test_a_session_keyring_of_its_own(self):
        for args in ((), HOST, SMALL):
            with self.subTest(args=args):
                got = self.keys(*args)
                self.assertNotEqual(got['session'], got['host'].split()[0])
                self.assertIn(got['found'], ('ENOKEY', 'EPERM', 'ENOSYS'))
                self.assertIn(got['read'], ('EACCES', 'EPERM', 'ENOKEY', 'ENOSYS'))

    def test_without_a_keyring_the_calls_are_refused(self):
        """Where the user's quota gives no keyring, none is left open, and the status tells."""
        self.need('strace')
        snippet = self.inside_c(r'''
            #include <errno.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/syscall.h>
            #include <unistd.h>
            static const char *say(long r)
            {
                return r < 0 ? strerrorname_np(errno) : "ok";
            }
            int main(void)
            {
                printf("%s\n", say(syscall(SYS_add_key, "user", "x", "y", 1, -3)));
                printf("%s\n", say(syscall(SYS_request_key, "user", "x", 0, 0)));
                return 0;
            }''', 'keycalls')
        read, write = self.pipe()
        r = self.run_cmd(['strace', '-f', '-qq', '-o', self.path('log'), '-e', 'trace=keyctl',
                          '-e', 'inject=keyctl:error=EDQUOT', HUSK, *HOST, '--json-status-fd',
                          write, '--', snippet], pass_fds=[write])
        self.close(write)
        self.assertRuns(r, 'EPERM\nEPERM\n')
        self.assertIn(b'"session-keyring": "refused"', os.read(read, 4096))

    def test_bwrap_inherits_it(self):
        got = self.keys(*HOST, program=BWRAP)
        self.assertEqual(got['session'], got['host'].split()[0])
        self.assertNotIn(got['found'], ('ENOKEY', 'EPERM'))


if __name__ == '__main__':
    main()
