#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server of the session, reached over its socket, does outside what the sandbox may not.

The bus, the display, sound, the agents of keys: whoever reaches them has left. The host of these
tests is a mount namespace of its own, where the sockets have their usual names; on each of them a
server answers, on the bus a real one.
"""

import os

from rows import BWRAP, HOST, HUSK, ORACLE, PYTHON, USR, ProbeCase, main

BROKEN = {
    'landlock-scope': 'Shared.test_landlock_cuts_abstract_sockets',
}
# what a confined program of the desktop gets when nothing of the session is asked for
PRESET = ('--unshare-all', *USR, '--ro-bind', '/etc', '/etc', '--proc', '/proc', '--dev', '/dev',
          '--tmpfs', '/tmp', '--tmpfs', '/run', '--ro-bind-try', '/opt', '/opt')
# the same on the host's tree, read-only, which alone would be no wall against sockets
ON_HOST = ('--unshare-all', *HOST, '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs',
           '/run')
RUNTIME = '/run/user/1000'
PATHS = ('/tmp/.X11-unix/X0', f'{RUNTIME}/bus', f'{RUNTIME}/wayland-0', f'{RUNTIME}/pulse/native',
         f'{RUNTIME}/pipewire-0', f'{RUNTIME}/systemd/private', f'{RUNTIME}/gnupg/S.gpg-agent',
         '/run/dbus/system_bus_socket', '/tmp/ssh-agent')
# abstract names belong to a network namespace, which is one of the test's own
ABSTRACT = ('@/tmp/.X11-unix/X0', '@/tmp/dbus-test', '@/tmp/.ICE-unix/1')
ENVIRONMENT = {'DISPLAY': ':0', 'WAYLAND_DISPLAY': 'wayland-0', 'XDG_RUNTIME_DIR': RUNTIME,
               'DBUS_SESSION_BUS_ADDRESS': f'unix:path={RUNTIME}/bus',
               'SSH_AUTH_SOCK': '/tmp/ssh-agent', 'PATH': '/usr/bin:/bin'}

# answers on all names, then becomes the launcher; the bus is dbus-daemon's if there is one
HOST_OF_SERVERS = r'''
import os, shutil, socket, subprocess, sys, time
n = int(sys.argv[1])
names, argv = sys.argv[2:2 + n], sys.argv[2 + n:]
if os.fork() == 0:
    held = []
    for name in names:
        if name.endswith('/bus') and shutil.which('dbus-daemon'):
            os.makedirs(os.path.dirname(name), exist_ok=True)
            subprocess.Popen(['dbus-daemon', '--session', '--nofork', '--nopidfile',
                              '--address=unix:path=' + name], stderr=subprocess.DEVNULL)
            continue
        s = socket.socket(socket.AF_UNIX)
        if name[0] == '@':
            name = '\0' + name[1:]
        else:
            os.makedirs(os.path.dirname(name), exist_ok=True)
        s.bind(name)
        s.listen(4096)
        held.append(s)
    os.close(0), os.close(1), os.close(2)
    time.sleep(600)
    os._exit(0)

def there(name):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect('\0' + name[1:] if name[0] == '@' else name)
        return True
    except OSError:
        return False
end, missing = time.monotonic() + 50, names
while missing := [name for name in missing if not there(name)]:
    if time.monotonic() > end:
        sys.exit('the servers do not answer: ' + ' '.join(missing))
    time.sleep(0.02)
os.execv(argv[0], argv)
'''
# prints the names that can be reached: those given, those of the environment, and whatever a search
# of the file system and of the kernel's table finds
REACH = r'''
import os, socket, stat, sys
names = set(sys.argv[1:])
for where, dirs, files in os.walk('/'):
    if where.startswith(('/proc', '/sys', '/usr')):
        dirs[:] = []
        continue
    for name in files:
        path = os.path.join(where, name)
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                names.add(path)
        except OSError:
            pass
try:
    for line in open('/proc/net/unix').read().splitlines()[1:]:
        if len(line.split()) > 7:
            names.add(line.split()[7])
except OSError:
    pass
for pid in ('1', 'self'):
    names |= {f'/proc/{pid}/root{n}' for n in list(names) if n[0] == '/'}
reached = set()
for name in names:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        s = socket.socket(socket.AF_UNIX, kind)
        try:
            s.connect('\0' + name[1:] if name[0] == '@' else name)
            reached.add(name)
        except OSError:
            pass
print('reached', *sorted(reached))
'''


class Session(ProbeCase):
    SETUP = '''
        mount -t tmpfs t /mnt
        mkdir /mnt/upper /mnt/work
        mount -t overlay -o lowerdir=/tmp,upperdir=/mnt/upper,workdir=/mnt/work,userxattr o /tmp
        mount -t tmpfs t /run
        ip link set lo up || true
        '''

    def reach(self, program, *args):
        """The names that a command in a sandbox with these options can connect to."""
        self.need('dbus-daemon')
        names = [*PATHS, *ABSTRACT]
        inner = [program, *args, '--', PYTHON, '-I', '-c', REACH, *names] if program else \
            [PYTHON, '-I', '-c', REACH, *names]
        argv = self.private_mounts(['unshare', '--net', PYTHON, '-I', '-c', HOST_OF_SERVERS,
                                    str(len(names)), *names, *inner], self.SETUP)
        broken = {'HUSK_BROKEN': os.environ.get('HUSK_BROKEN', '')}
        r = self.run_cmd(argv, env=ENVIRONMENT | broken, timeout=60)
        self.assertEqual(r.rc, 0, r)
        first, *found = r.out.split()
        self.assertEqual(first, 'reached')
        return {name for name in found if not name.startswith('/proc/')} | \
            {name for name in found if name.startswith('/proc/') and '/self/' not in name}


class Preset(Session):
    """With nothing of the session asked for, no server of it is there."""

    def test_in_a_root_of_its_own(self):
        self.assertEqual(self.reach(HUSK, *PRESET), set())

    def test_on_the_hosts_tree(self):
        self.assertEqual(self.reach(HUSK, *ON_HOST), set())

    def test_without_capabilities(self):
        for args in (PRESET, ON_HOST):
            self.assertEqual(self.reach(HUSK, *args, '--cap-drop', 'ALL', '--map-current-user'),
                             set())

    def test_as_bwrap(self):
        for args in (PRESET, ON_HOST):
            self.assertEqual(self.reach(BWRAP, *args), set())

    def test_with_masks(self):
        """Sockets that are hidden one by one, or with their directory."""
        found = self.reach(HUSK, '--unshare-all', *HOST, '--mask', '/run/user', '--mask',
                           '/tmp/.X11-unix', '--mask-try', '/run/dbus', '--mask', '/tmp/ssh-agent')
        self.assertEqual(found, set())

    def test_what_is_asked_for_is_there(self):
        """One by name, and no other."""
        bus = f'{RUNTIME}/bus'
        self.assertEqual(self.reach(HUSK, *PRESET, '--bind', bus, bus), {bus})


class Shared(Session):
    """With the host's network its abstract sockets are there, unless Landlock cuts them off."""

    def test_abstract_sockets_of_the_hosts_network(self):
        found = self.reach(HUSK, *PRESET, '--share-net')
        self.assertEqual(found, set(ABSTRACT))

    def test_landlock_cuts_abstract_sockets(self):
        self.need_kernel(6, 12)
        for args in (PRESET, ON_HOST):
            self.assertEqual(self.reach(HUSK, *args, '--share-net', '--landlock'), set())

    def test_the_family_refused(self):
        """A program that needs none is refused all sockets of the kind."""
        r = self.husk(*PRESET, '--share-net', '--deny-socket-families', 'unix', '--', PYTHON, '-I',
                      '-c', 'import socket; socket.socket(socket.AF_UNIX)')
        self.assertNotEqual(r.rc, 0)
        self.assertIn('Error', r.err)

    def test_the_servers_answer(self):
        """The control: without a sandbox all of them are reached."""
        self.assertLessEqual({*PATHS, *ABSTRACT}, self.reach(None))

    def test_the_attack_is_real(self):
        """A read-only bind is no wall: Debian's bwrap shows how it is often called."""
        self.need(ORACLE)
        found = self.reach(ORACLE, *HOST, '--dev', '/dev', '--proc', '/proc')
        self.assertLessEqual({*PATHS, *ABSTRACT}, found)


if __name__ == '__main__':
    main()
