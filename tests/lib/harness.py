# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test cases that run husk, its bwrap personality and Debian's bwrap as an ordinary user.

A test file looks like this:

    import os
    import sys
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
    from harness import Case, main

    class Hostname(Case):
        def test_set(self):
            r = self.husk('--unshare-uts', '--hostname', 'x', '--', 'hostname')
            self.assertEqual((r.rc, r.out), (0, 'x\\n'), r)

    if __name__ == '__main__':
        main()

Started as root, main() drops to the user named by HUSK_TEST_USER (husktest); with
main(root=True) it stays root, in a mount namespace of its own. HUSK and HUSK_BWRAP name the
programs under test; HUSK_TEST_SLOW multiplies the limits of time. Output is TAP; the exit status
is 0 whenever the TAP tells the result.
"""

import atexit
import ctypes
import errno
import fcntl
import hashlib
import linecache
import os
import pwd
import re
import select
import selectors
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time
import tty
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ORACLE = '/usr/bin/bwrap'
USER = os.environ.get('HUSK_TEST_USER', 'husktest')
PYTHON = '/usr/bin/python3'
KEPT_ENV = ('HUSK_TEST_USER', 'HUSK_TEST_SLOW', 'HUSK_TRACE', 'HUSK_BUILD', 'HUSK_BROKEN',
            'HUSK_OFFSETS', 'ASAN_OPTIONS', 'UBSAN_OPTIONS')
# every limit of time is multiplied by this: an emulated machine is slow
SLOW = float(os.environ.get('HUSK_TEST_SLOW', 1))
# seconds: on a machine that has other things to do as well, whatever happens at all happens within
PATIENCE = 60

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x20000
MS_REC_PRIVATE = 0x4000 | 0x40000
_libc = ctypes.CDLL(None, use_errno=True)


# --- programs under test and the directory of this run ------------------------------------

def _make_base():
    path = tempfile.mkdtemp(prefix='husk-test-', dir='/tmp')
    os.chmod(path, 0o755)
    return path


def _stage(base):
    """Return the paths of husk and bwrap; root's are copies that every user can reach."""
    husk = os.environ.get('HUSK', os.path.join(REPO, 'build', 'husk'))
    bwrap = os.environ.get('HUSK_BWRAP',
                           os.path.join(REPO, 'build', 'libexec', 'husk', 'bwrap'))
    husk, bwrap = os.path.abspath(husk), os.path.abspath(bwrap)
    if os.geteuid() != 0 or not os.path.isfile(husk):
        return husk, bwrap
    bindir = os.path.join(base, 'bin')
    os.mkdir(bindir, 0o755)
    os.chmod(bindir, 0o755)
    helpers = os.path.join(bindir, 'libexec', 'husk')
    os.makedirs(helpers, 0o755)
    _copy_program(os.path.join(os.path.dirname(os.path.realpath(husk)), 'libexec', 'husk',
                               'husk-fake-root'), os.path.join(helpers, 'husk-fake-root'))
    return _copy_program(husk, os.path.join(bindir, 'husk')), \
        _copy_program(bwrap, os.path.join(bindir, 'bwrap'))


def _copy_program(src, dst):
    if os.path.isfile(src):
        shutil.copyfile(src, dst)
        os.chmod(dst, 0o755)
    return dst


def _remove_base(path, owner):
    if os.getpid() == owner:
        remove_tree(path)


BASE = _make_base()
HUSK, BWRAP = _stage(BASE)
atexit.register(_remove_base, BASE, os.getpid())


# --- processes ----------------------------------------------------------------------------

def _stat_fields(pid):
    """Return (state, ppid) of a process, or None when it is gone."""
    try:
        with open(f'/proc/{pid}/stat', 'rb') as f:
            rest = f.read().rpartition(b') ')[2].split()
    except OSError:
        return None
    return rest[0].decode(), int(rest[1])


def descendants(pid, zombies=False, spare=()):
    """Return the pids of all living descendants of pid, nearest first.

    Those in spare, and their descendants, are left out.
    """
    children = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            fields = _stat_fields(name)
            if fields and (zombies or fields[0] not in 'ZX'):
                children.setdefault(fields[1], []).append(int(name))
    found, todo = [], [pid]
    while todo:
        kids = [p for p in children.get(todo.pop(0), []) if p not in spare]
        found += kids
        todo += kids
    return found


def alive(pid):
    """A zombie, which only waits for its parent to notice, is not alive."""
    fields = _stat_fields(pid)
    return fields is not None and fields[0] not in 'ZX'


def children(pid):
    """The direct children of a process, those that have ended included."""
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
        return [int(word) for word in f.read().split()]


def name_of(pid):
    """The name of a process, or '' when it is gone."""
    try:
        with open(f'/proc/{pid}/comm', encoding='utf-8', errors='replace') as f:
            return f.read().strip()
    except OSError:
        return ''


def first_process(launcher):
    """The first process of a sandbox whose command runs: its init, or its command without one.

    It is the launcher's only child but for the supervisor of a fake root; the process that has set
    the sandbox up may be slow to end.
    """
    def look():
        found[:] = [pid for pid in children(launcher) if name_of(pid) != 'husk-fake-root']
        return len(found) == 1
    found = []
    assert wait_until(look), found
    return found[0]


def wait_gone(pid, timeout=PATIENCE):
    """Wait until the process is gone or a zombie; False when it still lives at the end."""
    return wait_until(lambda: not alive(pid), timeout)


def wait_until(condition, timeout=PATIENCE):
    """Poll condition() until it is true; return its last value."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.005)


class _Process(subprocess.Popen):
    """A process whose limits of time are long enough for a slow machine."""

    def wait(self, timeout=None):
        return super().wait(timeout and max(timeout, PATIENCE) * SLOW)

    def communicate(self, input=None, timeout=None):
        return super().communicate(input, timeout and max(timeout, PATIENCE) * SLOW)


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _kill_with_descendants(pid):
    for victim in descendants(pid):
        _kill(victim)
    _kill(pid)


def _kill_leftovers(spare=()):
    """Kill and reap what is still below this process, which must be a subreaper."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        left = descendants(os.getpid(), True, spare)
        if not left:
            return
        for pid in left:
            _kill(pid)
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
        time.sleep(0.002)


# --- trees --------------------------------------------------------------------------------

def remove_tree(path):
    """Remove a tree whatever its modes are, and even if subordinate ids own parts of it."""
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path) and os.geteuid() != 0:
        _unlock(path)
        shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path) and os.geteuid() != 0:
        subprocess.run(['unshare', '--map-auto', '--map-root-user', 'rm', '-rf', path],
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _unlock(path):
    """Make every directory of a tree, which may have mode 000, removable by its owner."""
    try:
        os.chmod(path, 0o700)
        for entry in os.scandir(path):
            if entry.is_dir(follow_symlinks=False):
                _unlock(entry.path)
    except OSError:
        pass


def tree(path):
    """Return {relative path: (type, mode, detail)}, sorted, to compare before and after.

    The detail is the SHA-256 of a file, the target of a link, the number of a device.
    """
    found = {}

    def visit(full, relative):
        st = os.lstat(full)
        kind = {stat.S_IFREG: 'file', stat.S_IFDIR: 'dir', stat.S_IFLNK: 'link',
                stat.S_IFIFO: 'fifo', stat.S_IFSOCK: 'socket', stat.S_IFCHR: 'char',
                stat.S_IFBLK: 'block'}[stat.S_IFMT(st.st_mode)]
        detail = None
        try:
            if kind == 'file':
                with open(full, 'rb') as f:
                    detail = hashlib.sha256(f.read()).hexdigest()
            elif kind == 'link':
                detail = os.readlink(full)
            elif kind in ('char', 'block'):
                detail = st.st_rdev
            names = os.listdir(full) if kind == 'dir' else []
        except PermissionError:
            detail, names = 'unreadable', []
        found[relative] = (kind, oct(stat.S_IMODE(st.st_mode)), detail)
        for name in names:
            visit(os.path.join(full, name),
                  name if relative == '.' else os.path.join(relative, name))

    visit(str(path), '.')
    return dict(sorted(found.items()))


# --- mounts -------------------------------------------------------------------------------

class Mount:
    """One line of /proc/PID/mountinfo, see proc_pid_mountinfo(5)."""

    def __init__(self, line):
        left, _, right = line.partition(' - ')
        f = left.split(' ')
        self.id, self.parent, self.device = int(f[0]), int(f[1]), f[2]
        self.root, self.point = _unescape(f[3]), _unescape(f[4])
        self.opts = frozenset(f[5].split(','))
        self.optional = f[6:]
        g = right.split(' ')
        self.fstype, self.source = g[0], _unescape(g[1])
        self.superopts = frozenset(g[2].split(','))

    @property
    def propagation(self):
        """The kinds of the optional fields without their peer group numbers."""
        return tuple(sorted(o.partition(':')[0] for o in self.optional if o)) or ('private',)

    def __repr__(self):
        return f'<{self.point} {self.fstype} {self.source} {self.root} ' \
               f'{",".join(sorted(self.opts))} {"+".join(self.propagation)}>'


def _unescape(word):
    return re.sub(r'\\([0-7]{3})', lambda m: chr(int(m[1], 8)), word)


def mounts(text=None):
    """Parse the text of a mountinfo file (this process's own by default)."""
    if text is None:
        with open('/proc/self/mountinfo', encoding='utf-8', errors='surrogateescape') as f:
            text = f.read()
    return [Mount(line) for line in text.splitlines() if line]


def normal_mounts(text=None):
    """Mounts in order as comparable tuples: no ids, no device numbers, options sorted.

    (point, root, fstype, source, options, super options, propagation)
    """
    return [(m.point, m.root, m.fstype, m.source, ','.join(sorted(m.opts)),
             ','.join(sorted(m.superopts)), m.propagation) for m in mounts(text)]


# --- logs of strace -----------------------------------------------------------------------

def strace_calls(path):
    """The calls in a log of strace -f as (pid, call), whole where another process's breaks in."""
    begun, calls = {}, []
    with open(path, encoding='utf-8', errors='replace') as f:
        for line in f:
            pid, _, text = line.strip().partition(' ')
            text = text.strip()
            if text.endswith('<unfinished ...>'):
                begun[pid] = text.removesuffix('<unfinished ...>')
            elif text.startswith('<... ') and ' resumed>' in text:
                calls.append((pid, begun.pop(pid, '') + text.partition(' resumed>')[2]))
            else:
                calls.append((pid, text))
    return calls + list(begun.items())


# --- test cases ---------------------------------------------------------------------------

class Result:
    """What a command left: rc (negative for a signal), out, err, and the argv for messages."""

    def __init__(self, argv, rc, out, err, timed_out=False):
        self.argv, self.rc, self.out, self.err = argv, rc, out, err
        self.timed_out = timed_out

    def __repr__(self):
        words = ' '.join(os.fsdecode(a) for a in self.argv)
        if len(words) > 2000:
            words = words[:2000] + ' ...'
        note = ' TIMED OUT' if self.timed_out else ''
        return f'\n$ {words}\nrc {self.rc}{note}\n--- stdout\n{self.out}\n--- stderr\n{self.err}'


def _text(data):
    return data.decode('utf-8', 'surrogateescape')


def _bytes(data):
    return data.encode('utf-8', 'surrogateescape') if isinstance(data, str) else bytes(data)


def _argv(words):
    return [w if isinstance(w, bytes) else str(w) for w in words]


def _lead_session(argv, slave, pipes, env, cwd, pass_fds):
    """In a forked child: lead a session on the terminal, run argv as its foreground job.

    The leader reports the wait status and stays until hold is closed, because the kernel hangs
    the terminal up, and empties its queues, when a session leader ends. ready is closed by the
    execution of argv.
    """
    status, hold, ready = pipes
    try:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.tcsetpgrp(slave, os.getpid())
            for number in (signal.SIGTTOU, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            for name in os.listdir('/proc/self/fd'):
                if int(name) > 2 and int(name) not in pass_fds:
                    try:
                        os.set_inheritable(int(name), False)
                    except OSError:
                        pass
            os.chdir(cwd)
            os.execvpe(argv[0], argv, os.environ if env is None else env)
        os.close(ready)
        os.write(status, struct.pack('i', os.waitpid(job, 0)[1]))
        os.close(status)
        os.read(hold, 1)
    except OSError as e:
        os.write(2, f'{argv[0]}: {e}\n'.encode())
    finally:
        os._exit(127)


class Case(unittest.TestCase):
    """A test with a directory of its own, self.dir, that leaves no process and no file."""

    maxDiff = None
    time_limit = 150  # seconds that one test may take, on a machine that is not slow

    def setUp(self):
        super().setUp()
        signal.signal(signal.SIGALRM, self._time_is_up)
        # again and again: a hanging sub-test is not the end of the test
        signal.setitimer(signal.ITIMER_REAL, self.time_limit * SLOW, self.time_limit * SLOW)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        self.addCleanup(_kill_leftovers, frozenset(descendants(os.getpid(), True)))
        self.dir = tempfile.mkdtemp(prefix=self._testMethodName[:40] + '-',
                                    dir=os.path.join(BASE, 'tests'))
        os.chmod(self.dir, 0o755)
        self.addCleanup(remove_tree, self.dir)
        self._open_fds = set()
        self.addCleanup(self._close_all)

    def _time_is_up(self, _number, _frame):
        """A test that hangs fails where it hangs, and the others of its file go on."""
        raise AssertionError(f'the test has taken more than {self.time_limit * SLOW:.0f} s')

    # running

    def run_cmd(self, argv, input=None, env=None, cwd=None, pass_fds=(), timeout=PATIENCE,
                preexec_fn=None, umask=-1):
        """Run argv in a session of its own and wait for it, but not for orphans it leaves.

        env replaces the environment when given. A command that runs into the timeout (s) is
        killed with all its descendants; the result then has .timed_out and rc -9.
        """
        argv = _argv(argv)
        p = subprocess.Popen(argv, env=env, cwd=cwd or self.dir, pass_fds=pass_fds,
                             stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             start_new_session=True, preexec_fn=preexec_fn, umask=umask)
        out, err = bytearray(), bytearray()
        timed_out = self._pump(p.pid, timeout * SLOW, b'' if input is None else _bytes(input),
                               p.stdin, {p.stdout: out, p.stderr: err})
        if timed_out:
            _kill_with_descendants(p.pid)
        p.wait()
        for f in (p.stdin, p.stdout, p.stderr):
            if f:
                f.close()
        return Result(argv, p.returncode, _text(out), _text(err), timed_out)

    @staticmethod
    def _pump(pid, timeout, data, writer, readers):
        """Feed and read until the process has ended; True when the time was up first."""
        end = time.monotonic() + timeout
        pidfd = os.pidfd_open(pid)
        with selectors.DefaultSelector() as sel:
            sel.register(pidfd, selectors.EVENT_READ)
            for f in readers:
                os.set_blocking(f.fileno(), False)
                sel.register(f, selectors.EVENT_READ)
            if writer:
                os.set_blocking(writer.fileno(), False)
                sel.register(writer, selectors.EVENT_WRITE)
            ended = False
            while not ended and time.monotonic() < end:
                for key, _ in sel.select(max(0, end - time.monotonic())):
                    if key.fileobj == pidfd:
                        ended = True
                    elif key.fileobj is writer:
                        data = Case._feed(sel, writer, data)
                    elif not Case._drain(key.fileobj, readers[key.fileobj]):
                        sel.unregister(key.fileobj)
            for f, sink in readers.items():
                Case._drain(f, sink)
        os.close(pidfd)
        return not ended

    @staticmethod
    def _feed(sel, writer, data):
        try:
            data = data[os.write(writer.fileno(), data[:65536]):] if data else data
        except BlockingIOError:
            return data
        except BrokenPipeError:
            data = b''
        if not data:
            sel.unregister(writer)
            writer.close()
        return data

    @staticmethod
    def _drain(f, sink):
        """Read what is there; False at the end of the file."""
        while True:
            try:
                chunk = os.read(f.fileno(), 65536)
            except BlockingIOError:
                return True
            except OSError as e:
                if e.errno != errno.EIO:
                    raise
                return False
            if not chunk:
                return False
            sink += chunk

    def husk(self, *args, **kw):
        """Run husk with these arguments."""
        return self.run_cmd([HUSK, *args], **kw)

    def bwrap(self, *args, **kw):
        """Run husk under the name bwrap with these arguments."""
        return self.run_cmd([BWRAP, *args], **kw)

    def oracle(self, *args, **kw):
        """Run Debian's own bwrap with these arguments."""
        self.need(ORACLE)
        return self.run_cmd([ORACLE, *args], **kw)

    def inside(self, src, args=(), program=None, argv=(), **kw):
        """Run a Python snippet in a sandbox made by program (husk) with the options args.

        The snippet finds argv in sys.argv[1:]; ctypes gives it raw system calls.
        """
        return self.run_cmd([program or HUSK, *args, '--', PYTHON, '-I', '-c', src, *argv], **kw)

    def inside_c(self, src, name='snippet'):
        """Compile a C snippet, static where possible, and return the path of the program.

        Each snippet is compiled once in a run. The program lies below /tmp: a sandbox that
        has a /tmp of its own must bind it.
        """
        where = os.path.join(BASE, 'tests', 'c-' + hashlib.sha256(src.encode()).hexdigest()[:16])
        program = os.path.join(where, name)
        if os.path.exists(program):
            return program
        self.need('cc')
        os.makedirs(where, exist_ok=True)
        for flags in (['-static'], []):
            r = self.run_cmd(['cc', '-O1', '-D_GNU_SOURCE', '-Wall', '-x', 'c', '-o', program, '-',
                              *flags], input=src, timeout=60)
            if r.rc == 0:
                return program
        raise AssertionError(f'the snippet does not compile{r}')

    def spawn(self, argv, **kw):
        """Start argv, return its Popen; it and its descendants are killed after the test.

        Unless said otherwise stdin is /dev/null and the two outputs are pipes of bytes.
        """
        for key, value in (('stdin', subprocess.DEVNULL), ('stdout', subprocess.PIPE),
                           ('stderr', subprocess.PIPE), ('start_new_session', True),
                           ('cwd', self.dir)):
            kw.setdefault(key, value)
        p = _Process(_argv(argv), **kw)
        self.addCleanup(self._end, p)
        return p

    @staticmethod
    def _end(p):
        if p.poll() is None:
            _kill_with_descendants(p.pid)
            p.wait()
        for f in (p.stdin, p.stdout, p.stderr):
            if f:
                try:
                    f.close()
                except BrokenPipeError:
                    pass

    def pty(self, argv, input=b'', timeout=PATIENCE, env=None, cwd=None, pass_fds=(),
            expect=()):
        """Run argv with a new terminal as its controlling one and as its fds 0, 1, 2.

        input is typed as soon as argv is executed. expect is a list of (text, reply): each
        reply is typed when its text has appeared in the output after the one before.
        The result has .out (CR LF as the terminal gives it) and .left: the bytes still unread
        in the terminal's input queue at the end, where TIOCSTI would have put its own.
        """
        argv = _argv(argv)
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
        status_r, status_w = os.pipe()
        hold_r, hold_w = os.pipe()
        ready_r, ready_w = os.pipe()
        leader = os.fork()
        if leader == 0:
            os.close(hold_w)
            _lead_session(argv, slave, (status_w, hold_r, ready_w), env, cwd or self.dir, pass_fds)
        for fd in (status_w, hold_r, ready_w):
            os.close(fd)
        os.read(ready_r, 1)
        os.close(ready_r)
        out, left = bytearray(), bytearray()
        with os.fdopen(master, 'r+b', buffering=0) as m, os.fdopen(status_r, 'rb') as status:
            if input:
                os.write(m.fileno(), _bytes(input))
            timed_out = self._watch(status, m, out, timeout * SLOW, expect)
            if timed_out:
                for pid in descendants(leader):
                    _kill(pid)
            code = status.read(4)
            self._watch(None, m, out, 0.05, ())
            tty.setraw(slave, termios.TCSANOW)
            os.set_blocking(slave, False)
            with os.fdopen(slave, 'rb', buffering=0) as s:
                self._drain(s, left)
            os.close(hold_w)
            os.waitpid(leader, 0)
        rc = os.waitstatus_to_exitcode(struct.unpack('i', code)[0])
        result = Result(argv, rc, _text(out), '', timed_out)
        result.left = bytes(left)
        return result

    @staticmethod
    def _watch(status, terminal, out, timeout, expect):
        """Answer what is expected and collect the terminal's output until status is readable.

        True when the time is up first. Without a status file: until the terminal has been quiet
        for timeout seconds.
        """
        end = time.monotonic() + timeout
        todo, seen = [(_bytes(text), _bytes(reply)) for text, reply in expect], 0
        os.set_blocking(terminal.fileno(), False)
        while True:
            files = [terminal, status] if status else [terminal]
            ready = select.select(files, [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                return True
            if terminal in ready and not Case._drain(terminal, out):
                return False
            while todo and out.find(todo[0][0], seen) >= 0:
                seen = out.find(todo[0][0], seen) + len(todo[0][0])
                os.write(terminal.fileno(), todo.pop(0)[1])
            if status in ready:
                return False

    # file descriptors

    def fd(self, data):
        """Return an inheritable memfd that holds data, at offset 0; hand it on by pass_fds."""
        fd = os.memfd_create('test', 0)
        self._open_fds.add(fd)
        os.write(fd, _bytes(data))
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def pipe(self):
        """Return an inheritable pipe (read end, write end); close an end with self.close()."""
        ends = os.pipe()
        for fd in ends:
            os.set_inheritable(fd, True)
            self._open_fds.add(fd)
        return ends

    def open(self, path, flags=os.O_RDONLY):
        """Open an inheritable fd that is closed after the test."""
        fd = os.open(path, flags)
        os.set_inheritable(fd, True)
        self._open_fds.add(fd)
        return fd

    def close(self, fd):
        """Close an fd that fd(), pipe() or open() gave."""
        self._open_fds.remove(fd)
        os.close(fd)

    def _close_all(self):
        for fd in self._open_fds:
            os.close(fd)
        self._open_fds.clear()

    # files, mounts, processes

    def path(self, *names):
        """A path below the test's own directory."""
        return os.path.join(self.dir, *names)

    def write(self, name, data='', mode=0o644):
        """Make a file (and its parents) in the test's own directory; return its path."""
        full = self.path(name)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'wb') as f:
            f.write(_bytes(data))
        os.chmod(full, mode)
        return full

    def mkdir(self, name, mode=0o755):
        """Make a directory (and its parents) in the test's own directory; return its path."""
        full = self.path(name)
        os.makedirs(full, exist_ok=True)
        os.chmod(full, mode)
        return full

    tree = staticmethod(tree)
    mounts = staticmethod(mounts)
    normal_mounts = staticmethod(normal_mounts)
    alive = staticmethod(alive)
    descendants = staticmethod(descendants)
    wait_gone = staticmethod(wait_gone)
    wait_until = staticmethod(wait_until)

    def private_mounts(self, argv, setup='', propagation='private'):
        """Wrap argv to run in a mount namespace of its own, after the shell commands setup.

        All mounts are made private before anything else, so whatever propagation is asked for
        afterwards (shared, slave) holds within that namespace only. An ordinary user is root
        of a new user namespace there.
        """
        script = 'set -e\n'
        if propagation != 'private':
            script += f'mount --make-r{propagation} /\n'
        script += setup + '\nexec "$@"'
        user = [] if os.geteuid() == 0 else ['--user', '--map-root-user']
        return ['unshare', *user, '--mount', '--propagation', 'private', '--',
                'sh', '-c', script, 'sh', *_argv(argv)]

    # assertions and requirements

    def assertRuns(self, result, out=None):
        """The command ended with 0; its output is out, when given."""
        self.assertEqual(result.rc, 0, result)
        if out is not None:
            self.assertEqual(result.out, out, result)

    def assertFails(self, result, rc=None, err=None):
        """The command failed by itself, with status rc and the regular expression err."""
        self.assertFalse(result.timed_out, result)
        self.assertGreater(result.rc, 0, result)
        if rc is not None:
            self.assertEqual(result.rc, rc, result)
        if err is not None:
            self.assertRegex(result.err, err, result)

    def need(self, *programs):
        """Skip the test where a program is missing."""
        for program in programs:
            if not shutil.which(program):
                self.skipTest(f'{program} is not installed')

    def need_same_width(self):
        """Skip the test where husk is a program of 32 bits, and the others here are of 64."""
        with open(HUSK, 'rb') as husk, open(PYTHON, 'rb') as other:
            if husk.read(5) != other.read(5):
                self.skipTest('husk is no program of the width that the others have')

    @staticmethod
    def has_kernel(major, minor):
        """Whether the kernel is this one or newer."""
        here = tuple(int(n) for n in re.match(r'(\d+)\.(\d+)', os.uname().release).groups())
        return here >= (major, minor)

    def need_kernel(self, major, minor):
        """Skip the test on a kernel older than this."""
        if not self.has_kernel(major, minor):
            self.skipTest(f'needs Linux {major}.{minor}')


class RootCase(Case):
    """A test that runs as real root, in the private mount namespace that main() made."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest('needs root')
        super().setUp()

    @staticmethod
    def as_user(argv):
        """Wrap argv to run as the ordinary test user."""
        user = pwd.getpwnam(USER)
        return ['setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--init-groups',
                *_argv(argv)]


# --- main ---------------------------------------------------------------------------------

def clean_environment(home, user):
    """The environment that every test starts from."""
    env = {'PATH': '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin',
           'HOME': home, 'USER': user, 'LOGNAME': user, 'SHELL': '/bin/sh', 'LANG': 'C.UTF-8',
           'TERM': 'dumb', 'HUSK': HUSK, 'HUSK_BWRAP': BWRAP}
    env.update((k, os.environ[k]) for k in KEPT_ENV if k in os.environ)
    return env


def drop_to_user():
    """Become the ordinary test user for good; as an ordinary user only clean up."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(USER)
        os.initgroups(USER, user.pw_gid)
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
        # the change of ids has made /proc/self root's
        _libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    _settle(pwd.getpwuid(os.getuid()))


def _settle(user):
    env = clean_environment(user.pw_dir, user.pw_name)
    os.environ.clear()
    os.environ.update(env)
    os.umask(0o022)
    os.chdir('/')


def _private_mount_namespace():
    if _libc.unshare(CLONE_NEWNS) or _libc.mount(None, b'/', None, MS_REC_PRIVATE, None):
        raise OSError(ctypes.get_errno(), 'no mount namespace of our own')


def supervise(body, root=False, drop=True):
    """Run body() in a child, as root or as the ordinary user; clean up; return its status.

    Without drop and root it runs as whoever started the program, in the caller's mounts. The child
    dies with this process; what it leaves behind is killed by pid; the directory of the run is
    removed.
    """
    drop = drop and not root
    if drop and os.geteuid() == 0:
        try:
            pwd.getpwnam(USER)
        except KeyError:
            print(f'Bail out! there is no user {USER}: run tools/setup check')
            return 1
    tests = os.path.join(BASE, 'tests')
    os.mkdir(tests, 0o755)
    os.chmod(tests, 0o755)
    if os.geteuid() == 0 and drop:
        user = pwd.getpwnam(USER)
        os.chown(tests, user.pw_uid, user.pw_gid)
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _run_child(body, root, drop)

    def on_signal(number, _frame):
        _kill_with_descendants(child)
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        status = os.waitpid(child, 0)[1]
    finally:
        _kill_leftovers()
        remove_tree(BASE)
    if os.WIFSIGNALED(status):
        print(f'Bail out! the tests died of signal {os.WTERMSIG(status)}')
        return 1
    return os.WEXITSTATUS(status)


def _run_child(body, root, drop):
    status = 70
    try:
        parent = os.getppid()
        if root:
            _private_mount_namespace()
        if drop:
            drop_to_user()
        else:
            _settle(pwd.getpwuid(os.getuid()))
        # set after the change of ids, which clears the first of the two
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        if os.getppid() == parent:
            status = body()
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else 70
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _become_root():
    """Start this program again through sudo, or end with a TAP skip."""
    if shutil.which('sudo') and subprocess.run(['sudo', '-n', 'true'], check=False,
                                               stdin=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL).returncode == 0:
        remove_tree(BASE)
        keep = [f'{k}={os.environ[k]}' for k in ('HUSK', 'HUSK_BWRAP', *KEPT_ENV)
                if k in os.environ]
        os.execvp('sudo', ['sudo', '-n', 'env', *keep, PYTHON, os.path.abspath(sys.argv[0]),
                           *sys.argv[1:]])
    print('1..0 # SKIP needs root, and sudo does not give it')
    sys.exit(0)


def _remember_sources():
    """Let tracebacks show source lines although the user may not read the repository."""
    for module in list(sys.modules.values()):
        name = getattr(module, '__file__', None)
        if name and os.path.abspath(name).startswith(REPO + os.sep):
            lines = linecache.getlines(name)
            linecache.cache[name] = (sum(map(len, lines)), None, lines, name)


def main(root=False, drop=True, needs_husk=True):
    """Run the tests of the calling file and end the program; the options are supervise()'s."""
    try:
        from tap import runner as tap_runner
    except ImportError:
        print('Bail out! python3-tap is missing: run tools/setup check')
        sys.exit(1)

    class TAPResult(tap_runner.TAPTestResult):
        """Test results whose names cannot be taken for TAP directives."""

        def _description(self, test):
            words = test.id().removeprefix('__main__.')
            if test.shortDescription():
                words += ': ' + test.shortDescription()
            return ' '.join(words.replace('#', 'no. ').split())

    sys.stdout.reconfigure(line_buffering=True, errors='backslashreplace')
    if root and os.geteuid() != 0:
        _become_root()
    for program in (HUSK, BWRAP) if needs_husk else ():
        if not os.access(program, os.X_OK):
            print(f'Bail out! {program} is not there: build it, or set HUSK and HUSK_BWRAP')
            sys.exit(1)
    _remember_sources()
    # whoever started all this in the background of a script has left us these ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def body():
        runner = tap_runner.TAPTestRunner(resultclass=TAPResult, warnings='default')
        runner.set_stream(True)
        runner.set_header(False)
        unittest.main(module='__main__', testRunner=runner, exit=False)
        return 0

    sys.exit(supervise(body, root, drop))
