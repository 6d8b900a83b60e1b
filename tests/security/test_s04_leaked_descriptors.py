#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A descriptor or a directory of the host's is left to the sandbox, which walks out by it."""

import contextlib
import json
import os
import socket

from rows import BWRAP, HOST, HUSK, PROC, PYTHON, USR, ProbeCase, main
from harness import PATIENCE

BROKEN = {
    'descriptors-closed': ['Inherited.test_no_host_descriptor_in_any_process'],
    'init-closes': ['Inherited.test_none_in_pid_1'],
    'chdir-no-magic-links': ['Directory.test_of_a_descriptor',
                             'Directory.test_no_number_leads_out'],
    'directory-entered': ['Directory.test_the_covered_directory_is_left'],
}

# all descriptors and directories of every visible process: PID WHAT TARGET, one a line
LINKS = '''
import os
for pid in filter(str.isdigit, os.listdir('/proc')):
    names = ['cwd', 'root', 'exe']
    try:
        names += [f'fd/{fd}' for fd in os.listdir(f'/proc/{pid}/fd')]
    except OSError:
        pass
    for name in names:
        try:
            print(pid, name, os.readlink(f'/proc/{pid}/{name}'))
        except OSError:
            pass
print('at', os.getcwd())
'''
# opens the descriptors 3 to 200 on a directory, a file and a socket, and goes on as another program
LEAK = '''
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[2])
there = [os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[1], os.O_PATH),
         os.open(sys.argv[1] + '/file', os.O_RDWR), os.dup(s.fileno())]
high = [os.dup2(fd, 201 + i) for i, fd in enumerate(there)]
for fd in range(3, 201):
    os.dup2(high[fd % 4], fd, True)
os.closerange(201, 205)
os.execv(sys.argv[3], sys.argv[3:])
'''


class Inherited(ProbeCase):
    def setUp(self):
        super().setUp()
        self.write('leak/file', 'secret')
        self.server = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.server.close)
        self.server.bind(self.path('server'))
        self.server.listen(9)

    def leaking(self, program, *args):
        """The words that start a program with 198 descriptors of the host's."""
        return [PYTHON, '-IS', '-c', LEAK, self.path('leak'), self.path('server'), program, *args]

    def test_no_host_descriptor_in_any_process(self):
        """None is seen in any process of the sandbox, whatever its root and its capabilities."""
        for args in ((*HOST, *PROC), (*USR, *PROC), (*USR, *PROC, '--cap-drop', 'ALL'),
                     (*USR, *PROC, '--map-current-user'), (*USR, *PROC, '--as-pid-1')):
            with self.subTest(args=args):
                r = self.run_cmd(self.leaking(HUSK, *args, '--', PYTHON, '-IS', '-c', LINKS))
                self.assertRuns(r)
                self.assertNotIn('leak', r.out)
                self.assertNotIn('husk-test', r.out.replace(f'cwd {self.dir}\n', '')
                                 .replace(f'at {self.dir}\n', ''))
                self.assertNotIn('unreachable', r.out)
                fds = [line for line in r.out.splitlines() if ' fd/' in line]
                self.assertGreaterEqual(len(fds), 3)
                self.assertEqual([line for line in fds if 'socket:' in line], [])

    def test_none_in_pid_1(self):
        """As the caller sees it from outside: pid 1 holds nothing of the caller's either."""
        p = self.spawn(self.leaking('/bin/sh', '-c', f'readlink /proc/$$/fd/*; echo; exec {HUSK} '
                                    f'--unshare-pid --cap-drop ALL {" ".join(HOST)} -- '
                                    'sh -c "echo ready; exec sleep 60"'))
        mine = {link for link in iter(lambda: p.stdout.readline().decode().strip(), '')
                if 'leak' in link or link.startswith('socket:')}
        self.assertEqual(p.stdout.readline(), b'ready\n')
        inside = self.descendants(p.pid)
        self.assertEqual(len(inside), 2)
        self.assertEqual(len(mine), 3)

        def held():
            """What of that the sandbox has; pid 1 lets go when the command has been executed."""
            links = []
            for fd in [f'/proc/{pid}/fd/{fd}' for pid in inside
                       for fd in os.listdir(f'/proc/{pid}/fd')]:
                with contextlib.suppress(FileNotFoundError):  # it is letting go just now
                    links.append(os.readlink(fd))
            return mine.intersection(links)

        # without its guard it never does
        self.wait_until(lambda: not held(), 5 if os.environ.get('HUSK_BROKEN') else PATIENCE)
        self.assertEqual(held(), set())

    def test_the_leak_would_be_seen(self):
        """The same look into a sandbox that passes descriptors on does find one."""
        for program, option in ((HUSK, ['--inherit-fds']), (BWRAP, [])):
            r = self.run_cmd(self.leaking(program, *option, *HOST, *PROC, '--', PYTHON, '-IS',
                                          '-c', LINKS))
            self.assertIn('leak', r.out, r)


class Directory(ProbeCase):
    time_limit = 500  # hundreds of launches

    def test_of_a_descriptor(self):
        fd = self.open('/etc')
        for where in (f'/proc/self/fd/{fd}', f'/dev/fd/{fd}', f'/proc/1/fd/{fd}',
                      '/proc/self/cwd/..', f'/proc/self/fd/{fd}/../etc'):
            for keep in ((), ('--keep-fd', fd)):
                with self.subTest(where=where, keep=keep):
                    r = self.husk(*USR, *PROC, '--dev', '/dev', *keep, '--chdir', where, '--',
                                  'sh', '-c', 'ls -d passwd', cwd='/etc', pass_fds=[fd])
                    self.assertNotIn('passwd\n', r.out)
                    self.assertNotEqual(r.rc, 0)

    def test_no_number_leads_out(self):
        """Of 198 that are open none does, nor any that husk has opened itself."""
        leak = 'import os, sys; d = os.open("/etc", os.O_PATH)\n' \
               'for fd in range(3, 201): os.dup2(d, fd, True)\n' \
               'os.execv(sys.argv[1], sys.argv[1:])'
        for number in range(0, 204):
            r = self.run_cmd([PYTHON, '-IS', '-c', leak, HUSK, *USR, *PROC, '--chdir',
                              f'/proc/self/fd/{number}', '--', 'ls', '-d', 'passwd'], cwd='/etc')
            self.assertNotEqual(r.rc, 0, r)
            self.assertNotIn('passwd\n', r.out)

    def test_the_covered_directory_is_left(self):
        """A tmpfs over the caller's directory: the command is in the tmpfs, not below it."""
        self.write('secret')
        r = self.husk(*HOST, '--tmpfs', self.dir, '--', 'ls', '-A', '.')
        self.assertRuns(r, '')

    def test_a_directory_that_is_not_in_the_sandbox(self):
        """The command starts in a place of its own root: up from there it meets only that."""
        for args in (USR, (*USR, '--cap-drop', 'ALL'), (*USR, '--unshare-pid', '--proc', '/proc')):
            for program in (HUSK, BWRAP):
                r = self.run_cmd([program, *args, '--', PYTHON, '-IS', '-c',
                                  'import json, os; here = os.getcwd()\n'
                                  'for _ in range(40): os.chdir("..")\n'
                                  'print(json.dumps([here, sorted(os.listdir("."))]))'])
                here, top = json.loads(r.out)
                self.assertNotIn('unreachable', here)
                self.assertEqual(set(top) - {'proc'}, {'bin', 'lib', 'lib64', 'sbin', 'usr'})


if __name__ == '__main__':
    main()
