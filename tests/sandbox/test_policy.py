#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Seccomp policies and denied calls from inside: what is refused, on every ABI, and what works."""

import json
import os
import re
import shutil
import struct

from probe import BWRAP, HOST, HUSK, PYTHON, SMALL, ProbeCase, main

# makes the system calls that its arguments name, raw: ABI:NUMBER[:ARG...], and prints each result
CALLS = r'''
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long legacy(const long *a)
{
	long r;

	/* the sixth argument, ebp, is of no use here */
	asm volatile("int $0x80" : "=a"(r)
		     : "a"(a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3]), "S"(a[4]), "D"(a[5])
		     : "memory", "r8", "r9", "r10", "r11");
	r = (int)r;
	if (r > -4096 && r < 0) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

int main(int argc, char **argv)
{
	int i, n;

	for (i = 1; i < argc; i++) {
		long a[7] = { 0 }, r;
		char *word = strtok(argv[i], ":"), *abi = word;

		for (n = 0; n < 7 && (word = strtok(NULL, ":")); n++)
			a[n] = (long)strtoull(word, NULL, 0);
		if (strcmp(abi, "i386") == 0)
			r = legacy(a);
		else
			r = syscall(a[0] | (strcmp(abi, "x32") == 0 ? 0x40000000 : 0), a[1], a[2],
				    a[3], a[4], a[5], a[6]);
		/* a child that was made after all */
		if (r == 0 && getppid() != 0 && a[6] == 0xc01d)
			_exit(0);
		printf("%s\n", r == -1 ? strerrorname_np(errno) : "ok");
		fflush(stdout);
	}
	return 0;
}
'''
CLONE_NEW = {'NEWNS': 0x20000, 'NEWCGROUP': 0x2000000, 'NEWUTS': 0x4000000, 'NEWIPC': 0x8000000,
             'NEWUSER': 0x10000000, 'NEWPID': 0x20000000, 'NEWNET': 0x40000000}
TIOCSTI, TIOCLINUX, TCGETS = 0x5412, 0x541c, 0x5401
HIGH = 0x100000000
# name: number on x86-64, on i386, or None
REFUSED = {
    'kexec_load': (246, 283), 'reboot': (169, 88), 'init_module': (175, 128),
    'finit_module': (313, 350), 'delete_module': (176, 129), 'bpf': (321, 357),
    'perf_event_open': (298, 336), 'userfaultfd': (323, 374), 'iopl': (172, 110),
    'ioperm': (173, 101), 'swapon': (167, 87), 'swapoff': (168, 115), 'acct': (163, 51),
    'quotactl': (179, 131), 'settimeofday': (164, 79), 'stime': (None, 25),
    'clock_settime': (227, 264), 'syslog': (103, 103), 'vhangup': (153, 111),
    'open_by_handle_at': (304, 342), 'move_pages': (279, 317), 'migrate_pages': (256, 294),
    'vm86': (None, 166), 'kexec_file_load': (320, None), 'quotactl_fd': (443, 443),
    'clock_settime64': (None, 404)}
GONE = {'_sysctl': (156, 149), 'uselib': (134, 86), 'ustat': (136, 62), 'sysfs': (139, 135),
        'io_uring_setup': (425, 425), 'io_uring_enter': (426, 426), 'vserver': (236, 273)}
STRICT = {
    'setns': (308, 346), 'mount': (165, 21), 'umount2': (166, 52), 'umount': (None, 22),
    'pivot_root': (155, 217), 'chroot': (161, 61), 'ptrace': (101, 26),
    'process_vm_readv': (310, 347), 'process_vm_writev': (311, 348), 'pidfd_getfd': (438, 438),
    'kcmp': (312, 349), 'add_key': (248, 286), 'request_key': (249, 287), 'keyctl': (250, 288),
    'modify_ldt': (154, 123), 'fanotify_init': (300, 338), 'sethostname': (170, 74)}
STRICT_GONE = {'clone3': (435, 435), 'fsopen': (430, 430), 'open_tree': (428, 428),
               'move_mount': (429, 429), 'mount_setattr': (442, 442), 'fsmount': (432, 432),
               'open_tree_attr': (467, 467)}


def filter_for(number, error):
    """A filter that answers one system call of x86-64 with an error."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | error),
            (0x06, 0, 0, 0x7fff0000)]
    return b''.join(struct.pack('HBBI', *insn) for insn in code)


class PolicyCase(ProbeCase):
    """Calls made raw in a sandbox."""

    def calls(self, options, *calls, args=SMALL, **kw):
        """The results of the calls, as name of the error or ok, by the call."""
        program = self.inside_c(CALLS, 'calls')
        r = self.run_cmd([HUSK, *args, *options, '--', program, *calls], **kw)
        self.assertEqual(r.rc, 0, r)
        got = r.out.split()
        self.assertEqual(len(got), len(calls), r)
        return dict(zip(calls, got))

    def answers(self, options, table, error, **kw):
        """Every call of the table gets the error, on both ABIs that have it."""
        calls = {f'{abi}:{number}': name for name, numbers in table.items()
                 for abi, number in zip(('x86-64', 'i386'), numbers) if number is not None}
        got = self.calls(options, *calls, **kw)
        wrong = {f'{calls[c]} {c}': is_ for c, is_ in got.items() if is_ != error}
        self.assertEqual(wrong, {})


class Policies(PolicyCase):
    """Each call that a policy refuses is made."""

    def test_refused(self):
        for policy in ('default', 'strict'):
            self.answers(['--seccomp-policy', policy], REFUSED, 'EPERM')
            self.answers(['--seccomp-policy', policy], GONE, 'ENOSYS')

    def test_the_calls_are_real(self):
        """Without a policy the kernel answers them otherwise, or at least counts no filter."""
        calls = ['x86-64:308:-1', 'x86-64:165', 'x86-64:425:0', 'x86-64:101:99', 'x86-64:321:99']
        got = self.calls([], *calls)
        self.assertNotIn(got['x86-64:308:-1'], ('EPERM', 'ENOSYS'))
        self.assertNotIn(got['x86-64:165'], ('EPERM', 'ENOSYS'))
        self.assertEqual(self.status((*SMALL, '--seccomp-policy', 'none'), 'Seccomp'), ['0'])
        self.assertEqual(self.status((*SMALL, '--seccomp-policy', 'default'), 'Seccomp',
                                     'Seccomp_filters'), ['2', '1'])

    def test_strict(self):
        self.answers(['--seccomp-policy', 'strict'], STRICT, 'EPERM')
        self.answers(['--seccomp-policy', 'strict'], STRICT_GONE, 'ENOSYS')

    def test_default_lets_a_fake_root_work(self):
        got = self.calls(['--seccomp-policy', 'default'],
                         *(f'{abi}:{number}:-1:-1:-1:-1:-1' for numbers in
                           list(STRICT.values()) + [(428, 428), (435, 435)]
                           for abi, number in zip(('x86-64', 'i386'), numbers)
                           if number not in (None, 154, 123, 300, 338, 312, 349)))
        self.assertEqual([c for c, is_ in got.items() if is_ in ('EPERM', 'ENOSYS')], [])
        r = self.husk(*SMALL, '--tmpfs', '/tmp', '--seccomp-policy', 'default', '--', 'sh', '-c',
                      'mount -t tmpfs x /tmp && mkdir /tmp/a && hostname y && '
                      'unshare -m mount --bind /usr /tmp/a && chroot / true && echo done')
        self.assertRuns(r, 'done\n')

    def test_new_namespaces(self):
        """Refused one by one, whatever the high bits are; a plain fork and thread flags are not."""
        calls = [f'x86-64:{nr}:{flag | high}' for nr in (272, 56) for high in (0, HIGH)
                 for flag in CLONE_NEW.values()]
        calls += [f'i386:{nr}:{flag}' for nr in (310, 120) for flag in CLONE_NEW.values()]
        calls += ['x86-64:272:0x80', 'i386:310:0x80']
        got = self.calls(['--seccomp-policy', 'strict'], *calls)
        self.assertEqual({c for c, is_ in got.items() if is_ != 'EPERM'}, set())
        got = self.calls(['--seccomp-policy', 'strict'], 'x86-64:272:0x200', 'x86-64:272:0x400')
        self.assertEqual(set(got.values()), {'ok'})

    def test_unknown_calls(self):
        calls = [f'{abi}:{nr}' for abi in ('x86-64', 'i386') for nr in (900, 5000)] + ['x86-64:387']
        for policy in ('default', 'strict'):
            got = self.calls(['--seccomp-policy', policy], *calls)
            self.assertEqual(set(got.values()), {'ENOSYS'}, got)

    def test_x32(self):
        """Whatever the kernel has of it: getpid, socket, ioctl, and mount."""
        calls = ['x32:39', 'x32:41:40:1', 'x32:514:0:0x5412', 'x32:165', 'x32:16:0:0x5412']
        for policy in ('default', 'strict'):
            got = self.calls(['--seccomp-policy', policy], *calls)
            self.assertEqual(set(got.values()), {'ENOSYS'}, got)

    def test_terminal_input(self):
        calls = [f'x86-64:16:0:{request | high}' for request in (TIOCSTI, TIOCLINUX)
                 for high in (0, HIGH, 0xffffffff00000000)]
        calls += [f'i386:54:0:{request}' for request in (TIOCSTI, TIOCLINUX)]
        for policy in ('default', 'strict'):
            got = self.calls(['--seccomp-policy', policy], *calls, f'x86-64:16:0:{TCGETS}')
            self.assertEqual(got.pop(f'x86-64:16:0:{TCGETS}'), 'ENOTTY')
            self.assertEqual(set(got.values()), {'EPERM'}, got)

    def test_personality(self):
        for policy in ('default', 'strict'):
            got = self.calls(['--seccomp-policy', policy], 'x86-64:135:0xffffffff',
                             'x86-64:135:0', 'x86-64:135:0x40000', 'i386:136:8')
            self.assertEqual(set(got.values()), {'ok'}, got)
            got = self.calls(['--seccomp-policy', policy], 'x86-64:135:0x400000',
                             'x86-64:135:0x100000', 'i386:136:0x400000')
            self.assertEqual(set(got.values()), {'EPERM'}, got)

    def test_socket_families(self):
        for policy in ('default', 'strict'):
            got = self.calls(['--seccomp-policy', policy],
                             *(f'x86-64:41:{f}:1' for f in (1, 2, 10)), 'x86-64:41:16:3',
                             'i386:359:2:1')
            self.assertEqual(set(got.values()), {'ok'}, got)
            got = self.calls(['--seccomp-policy', policy],
                             *(f'x86-64:41:{f + high}:5' for f in (40, 38, 4, 30)
                               for high in (0, HIGH)), 'i386:359:40:1', 'i386:359:38:5')
            self.assertEqual(set(got.values()), {'EAFNOSUPPORT'}, got)
        got = self.calls(['--seccomp-policy', 'strict'], 'x86-64:41:17:3', 'x86-64:53:29:1',
                         'i386:102:1', 'i386:102:8')
        self.assertEqual(set(got.values()), {'EAFNOSUPPORT'}, got)
        got = self.calls(['--seccomp-policy', 'default'], 'x86-64:41:17:3', 'i386:102:1')
        self.assertEqual(list(got.values()), ['ok', 'EFAULT'])

    def test_i386_program(self):
        """A program of 32 bits runs under each of them."""
        path = self.write('p.c', '#include <stdio.h>\nint main(void) { puts("32"); return 0; }\n')
        out = os.path.join(os.path.dirname(path), 'p32')
        self.need('i686-linux-gnu-gcc')
        r = self.run_cmd(['i686-linux-gnu-gcc', '-static', '-o', out, path])
        self.assertRuns(r)
        for policy in ('default', 'strict'):
            self.assertRuns(self.husk(*HOST, '--seccomp-policy', policy, '--', out), '32\n')

    def test_programs(self):
        """What people run goes on running."""
        source = self.write('x.c', '#include <stdio.h>\n#include <pthread.h>\n'
                            'static void *f(void *a) { puts("thread"); return a; }\n'
                            'int main(void) { pthread_t t; pthread_create(&t, 0, f, 0);'
                            ' return pthread_join(t, 0); }\n')
        build = f'cc -static -pthread -o /tmp/x {source} && /tmp/x'
        commands = [
            ('bash', '-c', 'x=$(echo a | cat); (exit 3); [[ $x$? == a3 ]] && echo thread'),
            (PYTHON, '-c', 'import multiprocessing as m, threading as t, socket, subprocess\n'
             'a, b = socket.socketpair(); s = socket.socket()\n'
             'p = m.get_context("fork").Process(target=lambda: None); p.start(); p.join()\n'
             'x = t.Thread(target=subprocess.run, args=(["echo", "thread"],)); '
             'x.start(); x.join()'),
            ('sh', '-c', build),
            ('sh', '-c', 'apt-get --version >/dev/null && dpkg -l >/dev/null && echo thread'),
            ('sh', '-c', 'cd /tmp && tar -c /usr/bin/env 2>/dev/null |'
             ' tar -x --no-same-owner && echo thread'),
        ]
        if shutil.which('node'):
            commands.append(('node', '-e', 'setTimeout(() => console.log("thread"), 1)'))
        if os.path.exists('/usr/bin/busybox'):
            commands.append(('/usr/bin/busybox', 'echo', 'thread'))
        for policy in ('default', 'strict'):
            for command in commands:
                with self.subTest(policy, command=command[0]):
                    r = self.husk('--unshare-pid', *HOST, '--dev', '/dev', '--proc', '/proc',
                                  '--tmpfs', '/tmp', '--ro-bind', self.dir, self.dir,
                                  '--seccomp-policy', policy, '--', *command)
                    self.assertRuns(r, 'thread\n')

    def test_a_debugger_works_under_default_only(self):
        self.need('strace')
        command = ['strace', '-qq', '-e', 'trace=none', 'echo', 'traced']
        self.assertRuns(self.husk(*SMALL, '--seccomp-policy', 'default', '--', *command),
                        'traced\n')
        self.assertNotEqual(self.husk(*SMALL, '--seccomp-policy', 'strict', '--', *command).rc, 0)

    def test_husk_in_husk(self):
        inner = [HUSK, *SMALL, '--', 'echo', 'inner']
        self.assertRuns(self.husk(*SMALL, '--seccomp-policy', 'default', '--', *inner), 'inner\n')
        self.assertFails(self.husk(*SMALL, '--seccomp-policy', 'strict', '--', *inner))


class Denied(PolicyCase):
    """Calls and families denied by name."""

    def test_calls(self):
        got = self.calls(['--deny-syscalls', 'uname,getppid', '--deny-syscalls', 'umask'],
                         'x86-64:63', 'i386:122', 'x86-64:110', 'i386:64', 'x86-64:95', 'i386:60')
        self.assertEqual(set(got.values()), {'EPERM'}, got)
        self.assertEqual(self.calls(['--deny-syscalls', 'uname'], 'x86-64:39', 'x86-64:900'),
                         {'x86-64:39': 'ok', 'x86-64:900': 'ENOSYS'})

    def test_calls_of_x32(self):
        """Refused before the kernel says that it has no x32."""
        got = self.calls(['--deny-syscalls', 'uname'], 'x32:63')
        self.assertEqual(got, {'x32:63': 'EPERM'})

    def test_multiplexed(self):
        got = self.calls(['--deny-syscalls', 'bind,shmget'], 'i386:102:2', 'i386:117:23',
                         'i386:117:0x10017', 'i386:102:4')
        self.assertEqual(list(got.values()), ['EPERM', 'EPERM', 'EPERM', 'EFAULT'], got)

    def test_families(self):
        got = self.calls(['--deny-socket-families', 'AF_INET,inet6'], 'x86-64:41:2:1',
                         'x86-64:41:10:1', f'x86-64:41:{HIGH + 2}:1', 'x86-64:53:2:1',
                         'i386:359:2:1', 'i386:102:1', 'i386:102:8')
        self.assertEqual(set(got.values()), {'EAFNOSUPPORT'}, got)
        got = self.calls(['--deny-socket-families', 'inet'], 'x86-64:41:1:1', 'x86-64:41:10:1',
                         'x86-64:425:0')
        self.assertEqual(list(got.values()), ['ok', 'ok', 'ENOSYS'], got)

    def test_what_starting_takes(self):
        """Denied calls bind the command, not husk, even where there is no init."""
        for init in ((), ('--as-pid-1',)):
            r = self.husk(*SMALL, *init, '--deny-syscalls',
                          'prctl,poll,ppoll,mount,capset,chdir,fchdir,umask,close_range',
                          '--', 'echo', 'here')
            self.assertRuns(r, 'here\n')

    def test_the_command_itself(self):
        r = self.husk(*SMALL, '--deny-syscalls', 'execve', '--', 'echo', 'here')
        self.assertFails(r, 126, 'execvp echo: Operation not permitted')

    def test_errors(self):
        for args, said in ((['--deny-syscalls', 'opneat'], 'did you mean openat?'),
                           (['--deny-syscalls', 'a' * 64], 'too long'),
                           (['--deny-syscalls', 'martian_probe'], r'syscalls\(2\)'),
                           (['--deny-socket-families', 'AF_MARS'], 'AF_INET6 or inet6'),
                           (['--seccomp-policy', 'lax'], 'default, strict and none')):
            self.assertFails(self.husk(*args, '--', 'echo', 'x'), 125, said)
        for option in ('--seccomp-policy', '--deny-syscalls', '--deny-socket-families'):
            self.assertFails(self.run_cmd([BWRAP, option, 'x', *HOST, 'true']), 1,
                             f'Unknown option {option}')


class Order(PolicyCase):
    """The terminal's filter, the policy, what is denied, then the caller's; strictness wins."""

    def test_the_later_one_says_which_error(self):
        """Of refusals the error of the newest filter is what the command sees."""
        self.assertEqual(self.calls(['--seccomp-policy', 'strict', '--deny-syscalls', 'clone3'],
                                    'x86-64:435'), {'x86-64:435': 'EPERM'})
        for option in ('--seccomp', '--add-seccomp-fd'):
            fd = self.fd(filter_for(435, 5))
            got = self.calls(['--seccomp-policy', 'strict', '--deny-syscalls', 'clone3', option,
                              fd], 'x86-64:435', pass_fds=[fd])
            self.assertEqual(got, {'x86-64:435': 'EIO'})

    def test_nobody_can_allow_what_another_refuses(self):
        fd = self.fd(filter_for(39, 0))
        got = self.calls(['--seccomp-policy', 'strict', '--deny-syscalls', 'uname', '--seccomp',
                          fd], 'x86-64:63', 'x86-64:165', pass_fds=[fd])
        self.assertEqual(set(got.values()), {'EPERM'})

    def test_all_are_counted(self):
        fds = [self.fd(filter_for(63, 5)) for _ in range(2)]
        words = [w for fd in fds for w in ('--add-seccomp-fd', fd)]
        self.assertEqual(self.status((*SMALL, '--seccomp-policy', 'default',
                                      '--deny-socket-families', 'vsock', *words),
                                     'Seccomp_filters', pass_fds=fds), ['4'])

    def test_with_a_terminal(self):
        r = self.pty([HUSK, *SMALL, '--seccomp-policy', 'strict', '--deny-syscalls', 'uname',
                      '--', 'grep', 'Seccomp_filters', '/proc/self/status'])
        self.assertEqual(re.findall(r'\d+', r.out), ['3'])

    def test_the_callers_filter_is_loaded_whatever_is_denied(self):
        """prctl and seccomp are two ways to load it."""
        for denied in ('prctl', 'seccomp'):
            fd = self.fd(filter_for(63, 5))
            got = self.calls(['--deny-syscalls', denied, '--seccomp', fd], 'x86-64:63',
                             pass_fds=[fd])
            self.assertEqual(got, {'x86-64:63': 'EIO'})
        fd = self.fd(filter_for(63, 5))
        self.assertFails(self.husk('--deny-syscalls', 'prctl,seccomp', '--seccomp', fd, '--',
                                   'true', pass_fds=[fd]), 125, 'Operation not permitted')

    def test_the_init_has_none(self):
        r = self.husk('--unshare-pid', *HOST, '--proc', '/proc', '--seccomp-policy', 'strict',
                      '--', 'grep', 'Seccomp:', '/proc/1/status')
        self.assertRuns(r, 'Seccomp:\t0\n')


class Explained(PolicyCase):
    """--explain shows what is refused."""

    def test_text(self):
        r = self.husk('--explain', '--seccomp-policy', 'strict', '--deny-syscalls', 'open,creat',
                      '--deny-socket-families', 'AF_VSOCK', '--', 'true')
        for words in ('seccomp policy strict', 'EPERM setns', 'ENOSYS clone3 # its flags',
                      'EPERM kexec_load', 'if arg1 in TIOCSTI TIOCLINUX',
                      'denied system calls: open creat', 'denied socket families: vsock'):
            self.assertIn(words, r.out, r)
        r = self.husk('--explain', '--seccomp-policy', 'default', '--', 'true')
        self.assertIn('EPERM kexec_load', r.out)
        self.assertNotIn('EPERM setns', r.out)
        self.assertNotIn('seccomp policy', self.husk('--explain', '--', 'true').out)

    def test_json(self):
        r = self.husk('--explain-json', '--seccomp-policy', 'strict', '--deny-syscalls', 'open',
                      '--deny-socket-families', 'inet,vsock', '--', 'true')
        walls = json.loads(r.out)['walls']
        self.assertEqual([walls[key] for key in ('seccomp-policy', 'denied-syscalls',
                                                 'denied-socket-families')],
                         ['strict', ['open'], ['inet', 'vsock']])


if __name__ == '__main__':
    main()
