#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who enters a running sandbox brings along what the sandbox was to be kept from, or is robbed.

Of rights, of identity, of filters, by those inside who can see the newcomer before it is confined;
or because what husk knows of a sandbox lies where the sandbox can write it.
"""

import os
import shutil
import subprocess

from rows import BWRAP, HOST, HUSK, ORACLE, PYTHON, SMALL, all_caps, main
from joining import JoinCase, asleep, comm
from harness import strace_calls

BROKEN = {
    'join-bounded': 'Confined.test_capabilities_are_those_of_the_target',
    'join-filtered': 'Confined.test_filters_are_not_lost',
    'join-limited': 'Walls.test_limits_are_those_of_the_target',
    'join-marked': 'Walls.test_landlock_is_not_lost',
    'join-closed': 'Confined.test_not_to_be_traced_before_it_is_confined',
}

# Watches for processes of husk that have not yet become a command, and tries them all.
WATCHER = '''
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
own, seen, hits = os.getpid(), set(), []
print('ready', flush=True)
while not os.path.exists('/tmp/stop'):
    for name in os.listdir('/proc'):
        if not name.isdigit() or int(name) in (1, own):
            continue
        try:
            with open(f'/proc/{name}/comm') as f:
                before = f.read().strip()
            if before == 'true':
                continue
            seen.add(name)
            if libc.ptrace(SEIZE, int(name), 0, 0) == 0:
                libc.ptrace(INTERRUPT, int(name), 0, 0)
                os.waitpid(int(name), WALL)
                with open(f'/proc/{name}/comm') as f:
                    if f.read().strip() == before:
                        hits.append('traced')
                libc.ptrace(DETACH, int(name), 0, 0)
            for what in ('root', 'cwd', 'exe', 'fd/3', 'fd/4', 'fd/5'):
                os.readlink(f'/proc/{name}/{what}')
                with open(f'/proc/{name}/comm') as f:
                    if f.read().strip() == before:
                        hits.append(what)
        except (OSError, ProcessLookupError):
            pass
print(len(seen), *hits, flush=True)
'''


class Confined(JoinCase):
    """Whoever enters is confined no less than what is there."""

    def status_of(self, text, *fields):
        found = dict(line.split(':\t', 1) for line in text.splitlines() if ':\t' in line)
        return [found[field] for field in fields]

    def joined_status(self, pid, *args, fields=('CapBnd', 'CapPrm', 'CapEff', 'NoNewPrivs')):
        r = self.husk('--join-pid', pid, *args, '--', 'cat', '/proc/self/status')
        self.assertEqual(r.rc, 0, r)
        return self.status_of(r.out, *fields)

    def test_capabilities_are_those_of_the_target(self):
        for args in ((), ('--cap-drop', 'net_admin'), ('--cap-drop', 'ALL', '--cap-add', 'kill')):
            with self.subTest(args=args):
                pid = self.small(*args)
                with open(f'/proc/{pid}/status', encoding='ascii') as f:
                    want = self.status_of(f.read(), 'CapBnd')[0]
                self.assertEqual(self.joined_status(pid), [want] * 3 + ['1'])

    def test_an_init_does_not_lend_its_own(self):
        """The init of a sandbox without capabilities can be joined, and has them all."""
        first = self.sandbox(*SMALL, '--cap-drop', 'ALL')[1]
        self.assertEqual(self.joined_status(first)[:3], ['0' * 16] * 3)

    def test_fewer_when_asked(self):
        pid = self.small()
        self.assertEqual(self.joined_status(pid, '--cap-drop', 'ALL')[:3], ['0' * 16] * 3)
        self.assertEqual(self.joined_status(pid)[0], all_caps())

    def test_maps_and_groups(self):
        pid = self.small()
        r = self.husk('--join-pid', pid, '--', 'cat', '/proc/self/uid_map', '/proc/self/gid_map',
                      '/proc/self/setgroups')
        with open(f'/proc/{pid}/uid_map', encoding='ascii') as f:
            self.assertEqual(f.read().split()[::2], r.out.split()[:3:2])
        self.assertEqual(r.out.split()[-1], 'deny')

    def test_the_terminal(self):
        """Typing into it is refused where the caller, or the sandbox, has one."""
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        ours, theirs = self.small(), self.small(stdin=slave)
        for pid, stdin, want in ((ours, subprocess.DEVNULL, '0'), (ours, slave, '1'),
                                 (theirs, subprocess.DEVNULL, '1'), (theirs, slave, '1')):
            p = self.spawn([HUSK, '--join-pid', pid, '--', 'cat', '/proc/self/status'],
                           stdin=stdin)
            out, err = p.communicate()
            self.assertEqual(p.returncode, 0, err)
            self.assertEqual(self.status_of(out.decode(), 'Seccomp_filters'), [want])

    def allow_all(self):
        """A filter that allows everything."""
        return self.fd(b'\x06\x00\x00\x00\x00\x00\xff\x7f')

    def test_filters_are_not_lost(self):
        """They cannot be copied: the caller has to say which ones the command gets."""
        fd = self.allow_all()
        first, pid = self.sandbox(*SMALL, '--add-seccomp-fd', fd, pass_fds=[fd])[1:]
        r = self.husk('--join-pid', pid, 'true')
        self.assertFails(r, 125, f'Process {pid} .*seccomp filters')
        self.assertIn('--add-seccomp-fd', r.err)
        self.assertNotEqual(first, pid)
        fd = self.allow_all()
        r = self.husk('--join-pid', pid, '--add-seccomp-fd', fd, '--', 'grep', 'Seccomp_filters',
                      '/proc/self/status', pass_fds=[fd])
        self.assertEqual(r.out.split()[-1], '1', r)

    def test_nor_taken_for_husks_own(self):
        """Because of a terminal that was made inside, or of a name and words of those inside."""
        for words, command in (
                ((), (PYTHON, '-IS', '-c', 'import pty; pty.spawn(["sleep", "60"])')),
                (('--fake-root',), ('sh', '-c', 'cp /bin/dash /tmp/husk; exec /tmp/husk -c '
                                    '"sleep 60; true" --fake-root'))):
            with self.subTest(words=words):
                fd = self.allow_all()
                p = self.spawn([HUSK, *SMALL, '--tmpfs', '/tmp', '--add-seccomp-fd', fd, '--',
                                *command], pass_fds=[fd])
                found = []
                self.assertTrue(self.wait_until(lambda q=p, f=found: f.extend(
                    x for x in self.descendants(q.pid) if asleep(x)) or f))
                self.assertFails(self.husk('--join-pid', found[0], *words, 'true'), 125,
                                 'seccomp filters')

    def test_nor_those_of_the_command_of_an_init(self):
        fd = self.allow_all()
        first = self.sandbox(*SMALL, '--cap-drop', 'ALL', '--add-seccomp-fd', fd,
                             pass_fds=[fd])[1]
        self.assertFails(self.husk('--join-pid', first, 'true'), 125, 'seccomp filters')

    def test_not_to_be_traced_before_it_is_confined(self):
        for more in ((), ('--cap-drop', 'ALL')):
            with self.subTest(more=more):
                p = self.spawn([HUSK, *SMALL, '--bind', self.dir, '/tmp', '--', PYTHON, '-I', '-c',
                                WATCHER])
                self.assertEqual(p.stdout.readline(), b'ready\n')
                pid = [x for x in self.descendants(p.pid) if comm(x).startswith('python')][0]
                fd = self.ns(pid, 'pid')
                for _ in range(25):
                    self.assertRuns(self.husk('--join-pid', pid, *more, 'true'))
                    self.assertRuns(self.husk('--pidns', fd, *more, 'true', pass_fds=[fd]))
                    self.assertRuns(self.husk('--pidns', fd, *HOST, '--proc', '/proc', *more,
                                              'true', pass_fds=[fd]))
                self.write('stop')
                seen, *hits = p.stdout.readline().split()
                os.unlink(self.path('stop'))
                self.assertEqual(hits, [])
                self.assertGreater(int(seen), 0)

    def test_what_stays_cannot_be_looked_into(self):
        """The init of a joined command, which holds a descriptor of the host's /proc."""
        pid = self.small()
        for more in ((), ('--cap-drop', 'ALL')):
            p = self.spawn([HUSK, '--join-pid', pid, *more, '--', 'sleep', '60'])
            self.assertTrue(self.wait_until(
                lambda q=p: 'sleep' in [comm(x) for x in self.descendants(q.pid)]))
            r = self.husk('--join-pid', pid, '--', 'sh', '-c',
                          'for p in $(pgrep husk); do ls -l /proc/$p/fd/ /proc/$p/root; '
                          'cat /proc/$p/environ /proc/$p/mem; done; true')
            self.assertNotIn('/proc\n', r.out)
            self.assertIn('Permission denied', r.err)
            self.assertNotIn(' -> ', r.out)
            p.kill()
            p.wait()


# a process that may read, write and end, no more
STRICT = '''
#include <sys/prctl.h>
#include <unistd.h>
int main(void)
{
	char byte;

	return prctl(PR_SET_SECCOMP, 1) == 0 && write(1, "x", 1) == 1 && read(0, &byte, 1);
}
'''


class Walls(JoinCase):
    """What does not come with the namespaces is taken over, or missed aloud."""

    def join(self, pid, *args, command=('sh', '-c', 'ulimit -Sn; ulimit -Hn; ulimit -c'), **kw):
        return self.husk('--join-pid', pid, *args, '--', *command, **kw)

    def own_limits(self):
        return self.run_cmd(['sh', '-c', 'ulimit -Sn; ulimit -Hn; ulimit -c']).out

    def test_limits_are_those_of_the_target(self):
        pid = self.small('--rlimit', 'nofile=100:200', '--rlimit', 'core=0')
        self.assertRuns(self.join(pid), '100\n200\n0\n')
        text = self.husk('--explain', '--join-pid', pid, 'true').out
        self.assertIn('limit nofile, soft 100, hard 200', text)

    def test_limits_that_an_init_has_not(self):
        first = self.sandbox(*SMALL, '--cap-drop', 'ALL', '--rlimit', 'nofile=100:200',
                             '--rlimit', 'core=0')[1]
        self.assertRuns(self.join(first), '100\n200\n0\n')

    def test_limits_get_lower_only(self):
        """Those of the target that are above the caller's are not taken."""
        pid = self.small()
        r = self.run_cmd(['sh', '-c', f'ulimit -Sn 90; ulimit -Hn 90; ulimit -c 0; {HUSK} '
                          f'--join-pid {pid} -- sh -c "ulimit -Sn; ulimit -Hn; ulimit -c"'])
        self.assertRuns(r, '90\n90\n0\n')
        pid = self.small('--rlimit', 'nofile=100:200', '--rlimit', 'core=0')
        self.assertRuns(self.join(pid, '--rlimit', 'nofile=150'), '150\n150\n0\n')
        self.assertFails(self.join(pid, '--rlimit', 'nofile=150:300'), 125,
                         f'--rlimit nofile: process {pid} has a lower limit\n.*--join-without')

    def test_limits_of_a_number_of_processes(self):
        """The kernel counts them together."""
        pid = self.small('--rlimit', 'nproc=3')
        r = self.join(pid, command=('sh', '-c', 'sleep 9 & sleep 9 & sleep 9 & sleep 9 & echo x'))
        self.assertNotEqual(r.rc, 0, r)
        self.assertRegex(r.err, '[Ff]ork')

    def test_limits_are_the_callers_where_that_is_said(self):
        pid = self.small('--rlimit', 'nofile=100:200', '--rlimit', 'core=0')
        self.assertRuns(self.join(pid, '--join-without', 'limits'), self.own_limits())

    def landlocked(self, *args):
        if self.husk('--landlock', 'true').rc != 0:
            self.skipTest('this kernel has no Landlock')
        return self.sandbox(*args)[2]

    def sleeper(self, launcher):
        """The first process below a launcher that sleeps as asked."""
        found = []
        self.assertTrue(self.wait_until(lambda: found.extend(
            x for x in self.descendants(launcher) if asleep(x)) or found))
        return found[0]

    def test_landlock_is_not_lost(self):
        pid = self.landlocked(*SMALL, '--landlock')
        self.assertFails(self.join(pid), 125, f'Process {pid} is behind Landlock rules that the '
                         'command would not have\n.*--join-without landlock')
        self.assertRuns(self.join(pid, '--join-without', 'landlock'))
        self.assertRuns(self.join(self.small()))

    def test_nor_by_a_launcher_that_got_hundreds_of_descriptors(self):
        """Which it has closed since: its own come after them."""
        self.landlocked(*SMALL)
        p = self.spawn([PYTHON, '-IS', '-c', 'import os, sys\nfor _ in range(400):\n    '
                        'os.set_inheritable(os.dup(0), True)\nos.execv(sys.argv[1], sys.argv[1:])',
                        HUSK, *SMALL, '--landlock', '--', 'sleep', '60'])
        self.assertFails(self.join(self.sleeper(p.pid)), 125, 'Landlock rules')

    def test_nor_behind_a_hundred_ancestors_inside(self):
        self.landlocked(*SMALL)
        p = self.spawn([HUSK, *SMALL, '--landlock', '--', PYTHON, '-IS', '-c',
                        'import os\nfor _ in range(100):\n    if os.fork():\n        os.wait()\n'
                        'os.execvp("sleep", ["sleep", "60"])'])
        self.assertFails(self.join(self.sleeper(p.pid)), 125, 'Landlock rules')

    def test_nor_by_a_launcher_of_another_name(self):
        self.landlocked(*SMALL)
        shutil.copyfile(HUSK, self.path('box'))
        os.chmod(self.path('box'), 0o755)
        p = self.spawn([self.path('box'), *SMALL, '--landlock', '--', 'sleep', '60'])
        self.assertFails(self.join(self.sleeper(p.pid)), 125, 'Landlock')

    def test_nor_that_of_a_sandbox_around(self):
        """Joined past the outer one, whose rules hold for what is within."""
        self.landlocked(*SMALL, '--landlock')
        p = self.spawn([HUSK, *SMALL, '--landlock', '--', 'unshare', '--user', '--net', 'sleep',
                        '60'])
        self.assertFails(self.join(self.sleeper(p.pid)), 125, 'Landlock')

    def test_nor_without_a_pid_namespace(self):
        pid = self.landlocked('--unshare-net', '--landlock')
        self.assertFails(self.join(pid), 125, 'Landlock')

    def test_not_to_be_missed_by_who_has_it_too(self):
        """Who is in the outer sandbox joins what is in there as well."""
        self.landlocked(*SMALL, '--landlock')
        r = self.husk(*SMALL, '--landlock', '--', 'sh', '-c', f'''
            unshare --map-root-user --net sleep 60 &
            until pid=$(pgrep sleep); do sleep 0.05; done
            {HUSK} --join-pid $pid -- readlink /proc/self/ns/net /proc/$pid/ns/net
            kill $!''')
        self.assertEqual((len(r.out.split()), len(set(r.out.split()))), (2, 1), r)

    def test_strict_seccomp(self):
        """The oldest filter of all, which is not counted."""
        p = self.spawn(['unshare', '-Ur', self.inside_c(STRICT, 'strict')], stdin=-1)
        self.assertEqual(p.stdout.read(1), b'x')
        self.assertFails(self.join(p.pid), 125, 'seccomp filters')
        self.assertRuns(self.join(p.pid, '--join-without', 'seccomp'))

    def test_the_filter_of_another_launcher(self):
        """On a terminal, where husk's own sandboxes have one of husk's."""
        self.need(ORACLE)
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        fd = self.fd(b'\x06\x00\x00\x00\x00\x00\xff\x7f')
        p = self.spawn([ORACLE, '--unshare-all', *HOST, '--dev', '/dev', '--proc', '/proc',
                        '--seccomp', fd, '--', 'sleep', '60'], stdin=slave, pass_fds=[fd])
        self.assertFails(self.join(self.sleeper(p.pid)), 125, 'seccomp filters')
        self.assertRuns(self.join(self.sandbox(*SMALL, stdin=slave)[2]))

    def test_no_such_wall(self):
        for words in ('', 'x', 'cgroup,', 'CGROUP', 'cgroup seccomp'):
            self.assertFails(self.join(1, '--join-without', words), 125,
                             '--join-without: there is no wall “')
        self.assertFails(self.husk('--join-without', 'cgroup', 'true'), 125,
                         '--join-without requires --join-pid')
        plan = self.husk('--explain-json', '--join-pid', self.small(), '--join-without',
                         'seccomp,limits', 'true')
        self.assertIn('"joined-without": ["limits", "seccomp"]', plan.out)


class Same(JoinCase):
    """What /proc says of a joined command is what it says of the sandbox's own."""

    FIELDS = ('Uid', 'Gid', 'Groups', 'NoNewPrivs', 'Seccomp', 'Seccomp_filters', 'CapInh',
              'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NSpid')

    def look(self, pid):
        """The fields of a process, its maps and whether it may change groups."""
        with open(f'/proc/{pid}/status', encoding='ascii') as f:
            found = dict(line.rstrip().split(':\t', 1) for line in f if ':\t' in line)
        got = {field: found[field] for field in self.FIELDS}
        got['NSpid'] = len(got['NSpid'].split())
        for name in ('uid_map', 'gid_map', 'setgroups'):
            with open(f'/proc/{pid}/{name}', encoding='ascii') as f:
                got[name] = f.read()
        return got

    def newcomer(self, pid, *args, **kw):
        """The pid of a sleep that has joined."""
        p = self.spawn([HUSK, '--join-pid', pid, *args, '--', 'sleep', '60'], **kw)
        found = []
        self.assertTrue(self.wait_until(lambda: found.extend(
            x for x in self.descendants(p.pid) if asleep(x)) or found))
        return found[0]

    def same(self, args, more=()):
        """Without a terminal, and with one that both have."""
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        for stdin in (subprocess.DEVNULL, slave):
            pid = self.sandbox(*SMALL, *args, stdin=stdin)[2]
            want, got = self.look(pid), self.look(self.newcomer(pid, *more, stdin=stdin))
            self.assertEqual(got, want)

    def test_with_every_capability(self):
        self.same(())

    def test_without_capabilities(self):
        self.same(('--cap-drop', 'ALL'))

    def test_without_capabilities_as_the_current_user(self):
        self.same(('--map-current-user', '--cap-drop', 'ALL'))

    def test_with_some(self):
        self.same(('--cap-drop', 'ALL', '--cap-add', 'chown', '--uid', '0'))

    def test_with_the_same_policy(self):
        self.same(('--seccomp-policy', 'strict'), ('--seccomp-policy', 'strict'))

    def test_with_the_same_filters(self):
        self.same(('--seccomp-policy', 'default', '--deny-syscalls', 'uname'),
                  ('--seccomp-policy', 'default', '--deny-syscalls', 'uname'))

    def test_of_bwraps(self):
        p = self.spawn([BWRAP, '--unshare-all', *HOST, '--dev', '/dev', '--proc', '/proc', '--',
                        'sleep', '60'])
        found = []
        self.assertTrue(self.wait_until(lambda: found.extend(
            x for x in self.descendants(p.pid) if asleep(x)) or found))
        want, got = self.look(found[0]), self.look(self.newcomer(found[0]))
        for field in ('CapBnd', 'CapPrm', 'CapEff', 'NoNewPrivs', 'uid_map', 'gid_map',
                      'setgroups'):
            self.assertEqual(got[field], want[field])

    def test_what_it_cannot_do_either(self):
        """Tried, from inside: the newcomer has the sandbox's mounts and no way out of them."""
        secret = self.write('hidden/secret', 'x')
        hidden = os.path.dirname(secret)
        pid = self.sandbox(*SMALL, '--tmpfs', hidden, '--bind', self.mkdir('rw'),
                           self.path('rw'))[2]
        self.prober()
        r = self.husk('--join-pid', pid, '--', self.prober(), f'access {secret}',
                      f'umount {hidden} 2', 'remount /', 'clear /', f'write {self.dir}/x',
                      f'write {self.dir}/rw/x', f'access /proc/{os.getpid()}', 'setgroups')
        self.assertRuns(r, 'ENOENT\nEINVAL\nEPERM\nEPERM\nEROFS\nok\nENOENT\nEPERM\n')


class State(JoinCase):
    """husk keeps no file about a sandbox that the sandbox, or anybody, could change."""

    def test_nothing_is_left_where_it_can_write(self):
        shared = self.mkdir('shared')
        before = self.tree(self.dir)
        pid = self.sandbox(*SMALL, '--bind', shared, '/tmp')[2]
        self.assertEqual(self.tree(self.dir), before)
        self.assertRuns(self.husk('--join-pid', pid, '--', 'ls', '-A', '/tmp'), '')
        self.assertEqual(self.tree(self.dir), before)

    def test_nothing_is_read_but_proc(self):
        """What decides how the newcomer is confined: the kernel's own files, nobody's else."""
        self.need('strace')
        pid, log = self.small(), self.path('log')
        r = self.run_cmd(['strace', '-f', '-qq', '-s', '300', '-o', log, '-e',
                          'trace=open,openat,openat2,readlink,readlinkat', HUSK, '--join-pid',
                          str(pid), '--', '/usr/bin/true'])
        self.assertRuns(r)
        names = [call.split('"')[1] for _, call in strace_calls(log)
                 if '"' in call and '= -1' not in call]
        # before the command's own program is loaded, and after: libraries and locales
        system = ('/proc', '/etc/ld.so', '/lib', '/usr/', '/dev/tty')
        self.assertEqual([n for n in names if n.startswith('/') and not n.startswith(system) and
                          n != '/'], [])

    def test_the_sandbox_cannot_choose_what_is_joined(self):
        """Its processes are named by number, which the kernel gives: their names count nothing."""
        pid = self.small(command=('sh', '-c', 'cp /usr/bin/sleep /tmp/husk; '
                                  '/tmp/husk 50 & exec sleep 60'))
        r = self.husk('--join-pid', pid, '--', 'readlink', '/proc/self/ns/pid')
        self.assertRuns(r, os.readlink(f'/proc/{pid}/ns/pid') + '\n')


if __name__ == '__main__':
    main()
