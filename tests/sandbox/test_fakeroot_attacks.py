#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--fake-root-consistent: whatever the sandbox does, its supervisor lives and touches nothing."""

import os
import shutil
import signal
import subprocess

from probe import HUSK, PYTHON, descendants, main, wait_until
from test_fakeroot_consistent import ON, ConsistentCase
from harness import name_of

# what every script begins with; raw(number, ...) makes a system call
PRELUDE = r'''
import ctypes, errno, mmap, os, random, signal, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def raw(number, *args):
    ctypes.set_errno(0)
    libc.syscall(number, *[a if isinstance(a, bytes) else ctypes.c_long(a) for a in args])
    return errno.errorcode.get(ctypes.get_errno(), 'ok')
def names(proc):
    found = {}
    for p in os.listdir(proc):
        try:
            found[p] = p.isdigit() and open(f'{proc}/{p}/comm').read().strip()
        except OSError:
            pass
    return found
def works():
    open('w', 'w').close()
    os.chown('w', 33, 44)
    s = os.stat('w')
    print('works' if (s.st_uid, s.st_gid) == (33, 44) else s)
'''
STAT, FSTAT, LSTAT, CHOWN, MKNOD, STATX, NEWFSTATAT = 4, 5, 6, 92, 133, 332, 262
FSETXATTR, FREMOVEXATTR = 190, 199


class AttackCase(ConsistentCase):
    """Programs in Python, run in the test's directory."""

    def python(self, text, *options, **kw):
        return self.husk(*ON, *options, '--chdir', self.work(), '--', PYTHON, '-c',
                         PRELUDE + text, **kw)

    def prints(self, text, out, *options, **kw):
        """The program prints this."""
        self.assertRuns(self.python(text, *options, **kw), out)


class Memory(AttackCase):
    """Arguments that lead nowhere."""

    def test_unmapped(self):
        """The kernel's own answers."""
        self.prints(f'''
open('f', 'w').close(); os.chown('f', 5, 6)
bad = (0, 1, 0x7fff00000000, -4096, mmap.mmap(-1, 4096) and 0x10)
print({{raw(n, b, 0, 0, 0, 0) for n in ({STAT}, {LSTAT}, {CHOWN}) for b in bad}})
print({{raw({STAT}, b'f', b) for b in bad}}, {{raw({FSTAT}, os.open('f', 0), b) for b in bad}})
print({{raw({STATX}, -100, b'f', 0, 0x7ff, b) for b in bad}})
works()
''', "{'EFAULT'}\n{'EFAULT'} {'EFAULT'}\n{'EFAULT'}\nworks\n")

    def test_end_of_the_mapping(self):
        """A path may end with the last byte that is mapped, and no later."""
        self.prints(f'''
open('f', 'w').close(); os.chown('f', 5, 6)
m = mmap.mmap(-1, 8192)
a = ctypes.addressof(ctypes.c_char.from_buffer(m))
libc.munmap(ctypes.c_void_p(a + 4096), 4096)
buf = ctypes.create_string_buffer(144)
for text in (b'f\\0', b'./f\\0', b'./' * 2000 + b'f\\0', b'f'):
    ctypes.memmove(a + 4096 - len(text), text, len(text))
    print(raw({STAT}, a + 4096 - len(text), ctypes.addressof(buf)),
          int.from_bytes(buf[28:32], 'little'), flush=True)
os._exit(0)
''', 'ok 5\nok 5\nok 5\nEFAULT 5\n')

    def test_descriptors_that_are_none(self):
        self.prints(f'''
open('f', 'w').close(); os.chown('f', 5, 6)
print({{raw({FSTAT}, n, 0) for n in (-1, 77, 1 << 30, -100)}})
print({{raw({NEWFSTATAT}, n, b'f', 0, 0) for n in (-1, 77, 1 << 30)}})
works()
''', "{'EBADF'}\n{'EBADF'}\nworks\n")


class Processes(AttackCase):
    """Callers that come and go."""

    def test_ends_in_the_middle(self):
        self.prints('''
open('f', 'w').close(); os.chown('f', 5, 6)
for i in range(150):
    pid = os.fork()
    if pid == 0:
        for n in range(4):
            threading.Thread(target=lambda: [(os.stat('f'), os.chown('f', 7, 7))
                                             for _ in range(10000)], daemon=True).start()
        time.sleep(10)
    time.sleep(random.random() * 0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
works()
''', 'works\n')

    def test_signals(self):
        """A call that signals break into is done once."""
        self.prints('''
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0003)
bad = 0
for i in range(1500):
    os.mknod('n', 0o20644, 0x103)
    os.chown('n', i, i)
    s = os.stat('n')
    bad += (s.st_uid, s.st_rdev) != (i, 0x103)
    os.unlink('n')
signal.setitimer(signal.ITIMER_REAL, 0)
print(bad)
''', '0\n')

    def test_many(self):
        """All alive at once, all calling."""
        self.prints('''
open('f', 'w').close(); os.chown('f', 5, 6)
r, w = os.pipe()
pids = []
for i in range(600):
    pid = os.fork()
    if pid == 0:
        os.close(w)
        os.read(r, 1)
        os._exit(os.stat('f').st_uid != 5)
    pids.append(pid)
os.close(w)
print(sum(os.waitpid(pid, 0)[1] for pid in pids))
''', '0\n')

    def test_fork_bomb(self):
        self.need_kernel(6, 14)  # --pid-limit
        self.prints('''
open('f', 'w').close(); os.chown('f', 5, 6)
end = time.monotonic() + 1
if os.fork() == 0:
    while time.monotonic() < end:
        try:
            os.fork()
        except OSError:
            pass
        os.stat('f'); os.chown('f', 6, 6)
    os._exit(0)
os.wait()
works()
''', 'works\n', '--pid-limit', '310')

    def test_out_of_reach(self):
        """It is no process that the sandbox could name, signal or trace."""
        self.prints('''
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(raw(62, -1, signal.SIGTERM), 'husk-fake-root' in names('/proc').values())
works()
''', 'ESRCH False\nworks\n')

    def test_out_of_reach_on_the_hosts_proc(self):
        """Not even where the sandbox is given the host's /proc."""
        out = self.python('''
def parent(p):
    try:
        return open(f'/mnt/{p}/stat').read().rpartition(')')[2].split()[1]
    except OSError:
        return None     # another test's, which has ended
launcher = parent(parent(os.readlink('/mnt/self')))
found = [p for p, name in names('/mnt').items()
         if name == 'husk-fake-root' and parent(p) == launcher]
opened = 0
for p in found:
    for name in 'mem', 'environ', 'maps', 'fd/3', 'auxv', 'root/.':
        try:
            os.open(f'/mnt/{p}/{name}', os.O_RDONLY)
            opened += 1
        except OSError:
            pass
print(len(found) > 0, opened)
works()
''', '--ro-bind', '/', '/', '--bind', self.work(), self.work(), '--proc', '/proc',
                          '--dev', '/dev', '--bind', '/proc', '/mnt')
        self.assertRuns(out, 'True 0\nworks\n')


class Real(AttackCase):
    """What the supervisor does itself it does with no more than the caller has."""

    def test_path_that_changes(self):
        """Whatever a second thread makes of the path in the meantime, nothing outside changes."""
        keep = self.path('keep')
        os.makedirs(keep)
        with open(os.path.join(keep, 'file'), 'w', encoding='utf-8'):
            pass
        before = os.stat(os.path.join(keep, 'file'))
        self.prints(f'''
os.mkdir('d'); open('d/file', 'w').close()
buf = ctypes.create_string_buffer(256)
stop = False
def flip():
    while not stop:
        ctypes.memmove(buf, b'd/file\\0', 7)
        ctypes.memmove(buf, b'{keep}/file\\0', {len(keep) + 6})
t = threading.Thread(target=flip); t.start()
for i in range(1500):
    raw({CHOWN}, ctypes.addressof(buf), 5, 6)
    raw({MKNOD}, ctypes.addressof(buf), 0o20666, 0x103)
stop = True
t.join()
print(len(os.listdir('{keep}')), os.stat('{keep}/file').st_uid != 5)
works()
''', '1 True\nworks\n', '--ro-bind', '/', '/', '--bind', self.work(), self.work())
        after = os.stat(os.path.join(keep, 'file'))
        self.assertEqual((before.st_uid, before.st_mode, before.st_ctime_ns),
                         (after.st_uid, after.st_mode, after.st_ctime_ns))

    def test_links_that_lead_out(self):
        """A link is followed inside, and so is .. ."""
        self.prints('''
os.mkdir('r'); os.symlink('/../../../../x', 'r/l'); os.symlink('/proc/self/root/y', 'r/m')
os.chroot('r')
for name in '/l', '/m', '/../../z', 'q':
    try:
        os.mknod(name, 0o20644, 0x103)
    except OSError:
        pass
print(sorted(os.listdir('/')))
''', "['l', 'm', 'z']\n")
        self.assertEqual(sorted(os.listdir(self.path('work'))), ['q', 'r'])

    def test_no_more_rights_than_the_caller(self):
        """Where the caller may not make a file no device appears."""
        self.prints('''
os.mkdir('d'); os.chmod('d', 0o500)
def make():
    try:
        os.mknod('d/n', 0o20644, 0x103)
    except OSError as e:
        return errno.errorcode[e.errno]
print(make(), os.listdir('d'))
os.unlink('d/n')
import struct
CAPS = (1 << 41) - 1 & ~(1 << 1 | 1 << 2)      # DAC_OVERRIDE, DAC_READ_SEARCH
header = struct.pack('II', 0x20080522, 0)
low, high = CAPS & 0xffffffff, CAPS >> 32
data = struct.pack('6I', low, low, 0, high & 0x1ff, high & 0x1ff, 0)
print(raw(126, header, data))
print(make(), os.listdir('d'))
''', "None ['n']\nok\nEACCES []\n")

    def test_behind_landlock(self):
        """It holds for the supervisor too: what it would do itself is left out."""
        self.prints('''
try:
    os.mknod('n', 0o20644, 0x103)
except OSError as e:
    print(errno.errorcode[e.errno], os.listdir('.'))
works()
''', 'EPERM []\nworks\n', '--bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--landlock')

    def test_who_confines_itself(self):
        """By Landlock, which the supervisor is told of, for its children too; others are free."""
        self.prints('''
import struct
def attempt():
    try:
        os.mknod('n', 0o20644, 0x103)
        os.unlink('n')
        return 'ok'
    except OSError as e:
        return errno.errorcode[e.errno]
if os.fork() == 0:
    fd = libc.syscall(444, struct.pack('Q', 1 << 9), 8, 0)    # LANDLOCK_ACCESS_FS_MAKE_REG alone
    libc.prctl(38, 1, 0, 0, 0)
    print(raw(446, fd, 0), attempt(), flush=True)
    if os.fork() == 0:
        print(attempt(), flush=True)
        os._exit(0)
    os.wait()
    os._exit(0)
os.wait()
print(attempt())
''', 'ok EPERM\nEPERM\nok\n')

    def test_no_server_that_waits_for_its_own_answer(self):
        self.prints('''
print(raw(165, b'f', b'/tmp', b'fuse', 0, b'fd=3'), raw(165, b'f', b'/tmp', b'fuse.x', 0, 0),
      raw(165, b'f', b'/tmp', b'fuse.fuse-overlayfs', 0, 0), raw(430, b'fuse', 0),
      raw(165, b't', b'/tmp', b'tmpfs', 0, 0))
''', 'ENODEV ENODEV ENODEV ENODEV ok\n')

    def test_another_user_namespace(self):
        """Who has made a user namespace has no device from this one's supervisor."""
        self.prints('''
if os.fork() == 0:
    print(raw(272, 0x10000000), flush=True)
    try:
        os.mknod('n', 0o20644, 0x103)
    except OSError as e:
        print(errno.errorcode[e.errno], flush=True)
    os._exit(0)
os.wait()
print(os.path.exists('n'))
''', 'ok\nEPERM\nFalse\n')

    def test_mounts_are_not_kept_busy(self):
        self.prints('''
os.mkdir('m')
print(raw(165, b't', b'm', b'tmpfs', 0, 0))
if os.fork() == 0:
    os.chroot('m'); os.chdir('/')
    open('/f', 'w').close(); os.chown('/f', 5, 5); os.stat('/f'); os.unlink('/f')
    os._exit(0)
os.wait()
print(raw(166, b'm', 0))
''', 'ok\nok\n')


class Descriptors(AttackCase):
    """The supervisor has enough, or says so."""

    def test_too_few(self):
        r = self.run_cmd(['sh', '-c', f'ulimit -n 64; {HUSK} {ON[0]} true'])
        self.assertEqual(r.rc, 125, r)
        self.assertIn('fewer than 256 descriptors', r.err)

    def test_no_descriptor_means_the_directory(self):
        self.prints('print(raw(93, -100, 5, 5))', 'EBADF\n')

    def test_none_is_closed_that_is_none(self):
        """Its number would be another's: whatever the calls before left behind, and at the end."""
        self.need('strace')
        r = self.run_cmd(['strace', '-f', '-qq', '-o', self.path('log'), '-e', 'trace=close', HUSK,
                          *ON, '--chdir', self.work(), '--', PYTHON, '-c', PRELUDE + f'''
open('f', 'w').close(); os.chown('f', 5, 6)
done = set()
for before in (lambda: 0, os.getuid, lambda: os.stat('f'), lambda: os.listdir('.'),
               lambda: os.chown('f', 7, 8), lambda: os.setxattr('f', 'trusted.a', b'b'),
               lambda: os.listxattr('f'), lambda: os.path.exists('{"x" * 100}')):
    for call in (({FSETXATTR}, -1, b'trusted.a', b'b', 1, 0), ({FREMOVEXATTR}, -1, b'trusted.a')):
        before()
        done.add(raw(*call))
print(done)
works()
'''])
        self.assertRuns(r, "{'EBADF'}\nworks\n")
        with open(self.path('log'), encoding='ascii') as f:
            self.assertEqual([line for line in f if 'EBADF' in line], [])


class Ends(AttackCase):
    """The supervisor and the sandbox end together."""

    def supervisor(self, launcher):
        """Its pid, once it is there."""
        return wait_until(lambda: [pid for pid in descendants(launcher)
                                   if name_of(pid) == 'husk-fake-root'])[0]

    def test_killed(self):
        """Without it the sandbox ends, with an error."""
        with subprocess.Popen([HUSK, *ON, '--', 'sh', '-c', 'echo here; read word'],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as p:
            # before that its own loading fails first
            self.assertEqual(p.stdout.readline(), 'here\n')
            os.kill(self.supervisor(p.pid), signal.SIGKILL)
            err = p.stderr.read()
        self.assertEqual(p.returncode, 125, err)
        self.assertIn('supervisor', err)

    def test_has_nothing_of_the_callers(self):
        """Neither descriptors nor environment; core files and privileges are out of its reach."""
        r, w = os.pipe()
        with subprocess.Popen([HUSK, *ON, '--keep-fd', str(w), '--', 'cat'], pass_fds=[w],
                              stdin=subprocess.PIPE) as p:
            os.close(w)
            pid = self.supervisor(p.pid)
            self.assertTrue(wait_until(lambda: len(descendants(p.pid)) == 3))
            with open(f'/proc/{pid}/status', encoding='ascii') as f:
                status = dict(line.split(':\t', 1) for line in f)
            self.assertEqual(status['NoNewPrivs'], '1\n')
            self.assertEqual(os.getsid(pid), pid)
            p.stdin.close()
            self.assertEqual(p.wait(60), 0)
        self.assertEqual(os.read(r, 1), b'')
        os.close(r)


class Program(ConsistentCase):
    """Where the launcher takes the supervisor's program from."""

    def copy(self, mode):
        """Run a copy of husk that has in ../libexec/husk, of that mode, a program that makes the
        file that it is given."""
        os.mkdir(self.path('bin'))
        os.makedirs(self.path('libexec/husk'))
        husk = shutil.copy(HUSK, self.path('bin/husk'))
        shutil.copy('/usr/bin/touch', self.path('libexec/husk/husk-fake-root'))
        os.chmod(self.path('libexec/husk'), mode)
        return self.run_cmd([husk, *ON, '--fake-root-db', self.path('mark'), '--', 'true'])

    def test_beside_it(self):
        """In a directory of its owner's."""
        self.copy(0o755)
        self.assertTrue(os.path.exists(self.path('mark')))

    def test_where_all_can_write(self):
        """What anybody can have put there is not run."""
        r = self.copy(0o777)
        self.assertFalse(os.path.exists(self.path('mark')))
        # a husk that is installed on this machine is what is taken instead
        if r.rc != 0:
            self.assertFails(r, 125, "The directory of husk-fake-root is another user's")


if __name__ == '__main__':
    main()
