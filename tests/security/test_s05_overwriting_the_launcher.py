#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command overwrites the launcher's own file, which /proc/PID/exe leads to, outside the root.

Worst where the caller may write to it: a copy of one's own, or the real root's. Pid 1 cannot be
opened; a process of husk's that can, because the command is a link to /proc/self/exe, runs the very
file that the sandbox's pid 1 runs, and while that lives, and nobody inside outlives it, the kernel
lets nobody write to it. One who joins may have another file, an update: then a copy is run instead,
which is sealed.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import time

from rows import BWRAP, HUSK, PROC, PYTHON, USER, USR, RootProbeCase, main
from harness import name_of

BROKEN = {
    'init-closed': ['Exe.test_pid_1_cannot_be_opened'],
    'join-sealed': ['Exe.test_a_file_that_has_been_updated'],
}

# opens the programs of all processes, in every way, and tries to write to each, again and again
ATTACK = r'''
import os, sys, time
held, end = {}, time.monotonic() + float(sys.argv[1])
print('ready', flush=True)
while time.monotonic() < end:
    for pid in filter(str.isdigit, os.listdir('/proc')):
        if int(pid) == os.getpid():
            continue
        path = f'/proc/{pid}/exe'
        for flags in (os.O_WRONLY, os.O_RDWR | os.O_TRUNC, os.O_PATH, os.O_RDONLY):
            try:
                fd = os.open(path, flags)
            except OSError:
                continue
            name = os.readlink(f'/proc/self/fd/{fd}')
            if name.startswith('/usr/'):
                os.close(fd)
            elif held.setdefault((name, flags), fd) != fd:
                os.close(fd)
            else:
                print('held', name, flush=True)
    for fd in held.values():
        for how in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
            try:
                os.write(os.open(f'/proc/self/fd/{fd}', how), b'#!/bin/sh\necho overwritten\n')
                print('written', flush=True)
            except OSError:
                pass
print('end', flush=True)
'''

# the launcher's own program as a command of the sandbox
LINK = ('--symlink', '/proc/self/exe', '/lure')


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


class Exe(RootProbeCase):
    """As an ordinary user whose own the program is, and as the real root."""

    def setUp(self):
        super().setUp()
        self.script = self.write('attack.py', ATTACK)
        self.root = [*USR, '--ro-bind', self.script, '/attack.py']

    def programs(self):
        """(program that its caller can write to, wrapper that makes the caller), each checked."""
        user = pwd.getpwnam(USER)
        for who, uid, wrap in (('user', user.pw_uid, self.as_user), ('root', 0, list)):
            for program in (HUSK, BWRAP):
                copy = os.path.join(self.mkdir(who), os.path.basename(program))
                shutil.copyfile(program, copy)
                os.chmod(copy, 0o755)
                os.chown(copy, uid, -1)
                before = digest(copy)
                yield copy, wrap
                self.assertEqual(digest(copy), before)

    def options(self, copy):
        """The options of sandboxes whose command may do as much as it can."""
        all_caps = ['--cap-add', 'ALL'] if copy.endswith('bwrap') else []
        return [*PROC, '--unshare-user', *all_caps, *self.root]

    def test_pid_1_cannot_be_opened(self):
        """Neither as a path nor for reading: what is held could be written to, now or later."""
        for copy, wrap in self.programs():
            for more in ((), ('--cap-drop', 'ALL')):
                r = self.run_cmd(wrap([copy, *self.options(copy), *more, '--', PYTHON, '-IS',
                                       '/attack.py', '0.3']))
                self.assertRuns(r)
                self.assertNotRegex(r.out, 'held|written')

    def test_by_a_link_to_the_launcher(self):
        """The command is a link to /proc/self/exe: the launcher runs inside, and starts another."""
        for copy, wrap in self.programs():
            r = self.run_cmd(wrap([copy, *self.options(copy), *LINK, '--', '/lure', '--bind', '/',
                                   '/', '--', PYTHON, '-IS', '/attack.py', '0.4']))
            self.assertNotIn('written', r.out)

    def joined(self, copy, wrap, *seconds):
        """A sandbox in which somebody lies in wait for so long, and one who joins it and runs the
        launcher; where that was too short, for the next time."""
        for word in seconds:
            p = self.spawn(wrap([copy, *self.options(copy), *LINK, '--', PYTHON, '-IS',
                                 '/attack.py', word]))
            self.assertEqual(p.stdout.readline(), b'ready\n')
            pid = self.descendants(p.pid)[-1]
            other = self.spawn(wrap([copy, '--join-pid', pid, '--', '/lure', '--args', '0',
                                     '--version']), stdin=subprocess.PIPE)
            if b'held' in p.stdout.readline():
                return p, other
        return self.fail('the attack was none')

    def test_by_a_link_in_a_sandbox_that_is_joined(self):
        """Then a program can be opened, but nobody can write to it."""
        for copy, wrap in self.programs():
            if copy.endswith('husk'):
                p, other = self.joined(copy, wrap, '1', '8', '40')
                other.communicate(b'')
                self.assertNotIn(b'written', p.stdout.read())
                p.wait()

    def update(self, copy):
        """Replace a program by one that is the same but another file."""
        shutil.copy2(copy, copy + '.new')
        os.chown(copy + '.new', os.stat(copy).st_uid, -1)
        os.rename(copy + '.new', copy)

    def test_a_file_that_has_been_updated(self):
        """Nobody runs the new one when whoever has joined by it is gone: it is as it was."""
        for copy, wrap in self.programs():
            if not copy.endswith('husk'):
                continue
            for hidden in (False, True):
                # on a machine that has other things to do a longer attack
                out = self.updated(copy, wrap, 4, hidden)
                if b'held' not in out:
                    out = self.updated(copy, wrap, 30, hidden)
                self.assertIn(b'held', out, 'the attack was none')

    def updated(self, copy, wrap, seconds, hidden):
        """What an attack of so long says, while the new one joins again and again."""
        p = self.spawn(wrap([copy, *self.options(copy), *LINK, '--', PYTHON, '-IS', '/attack.py',
                             str(seconds)]))
        self.assertEqual(p.stdout.readline(), b'ready\n')
        pid = self.descendants(p.pid)[-1]
        self.update(copy)
        before = digest(copy)
        join = ['--join-pid', str(pid)]
        # the options may be in a list that can be read only once
        words = ['--args', '0'] if hidden else join
        data = '\0'.join([*join, '']) if hidden else ''
        end = time.monotonic() + seconds - 1
        while time.monotonic() < end:
            self.run_cmd(wrap([copy, *words, '--', '/lure', '--version']), input=data)
        out = p.stdout.read()
        self.assertNotIn(b'written', out)
        self.assertEqual(digest(copy), before)
        p.wait()
        return out

    def test_an_updated_one_joins_as_before(self):
        """From a copy of itself, with its words, its lists and its descriptors."""
        for copy, wrap in self.programs():
            if not copy.endswith('husk'):
                continue
            p = self.spawn(wrap([copy, *self.options(copy), '--', 'sleep', '60']))
            pid = self.wait_until(lambda q=p: [x for x in self.descendants(q.pid)
                                               if name_of(x) == 'sleep'])[0]
            r = self.run_cmd(['sh', '-c', 'exec "$@" 7<list', 'sh', *wrap(
                [copy, '--args', '7', '--setenv', 'A', 'b', '--', 'sh', '-c',
                 'echo "$A $B"; cat; cat /proc/$PPID/comm; ls -l /proc/self/fd | grep -c memfd'])],
                input='in', cwd=os.path.dirname(self.write(
                    'list', f'--join-pid\0{pid}\0--setenv\0B\0c d\0')))
            self.assertEqual((r.rc, r.out), (1, 'b c d\ninhusk\n0\n'), r)
            p.kill()
            p.wait()

    def test_nobody_outlives_the_launcher(self):
        """When it is killed, whoever holds its file is gone before the file is free."""
        for copy, wrap in self.programs():
            if copy.endswith('husk'):
                p, other = self.joined(copy, wrap, '20', '60')
                p.kill()
                self.assertNotIn(b'written', p.stdout.read())
                other.communicate(b'')
                p.wait()


if __name__ == '__main__':
    main(root=True)
