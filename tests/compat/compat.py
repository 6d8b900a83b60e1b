# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test cases that run the bwrap personality and Debian's bwrap on the same words, side by side.

Debian's bubblewrap 0.8.0 is the oracle: each test runs it and ours with the same arguments and
compares what they leave. What later releases changed is in test_newer.py; where ours differs on
purpose is in test_differences.py.
"""

import os
import re
import select
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import (  # noqa: E402,F401
    BWRAP, ORACLE, PATIENCE, PYTHON, SLOW, Case, RootCase, main, mounts, wait_until)

EACH = (ORACLE, BWRAP)
HOST = ('--ro-bind', '/', '/')
DEVHOST = ('--dev-bind', '/', '/')
USR = ('--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib',
       '--symlink', 'usr/lib64', '/lib64')
PROC = ('--ro-bind', '/proc', '/proc')
NEWPROC = ('--unshare-pid', '--proc', '/proc')


class In:
    """Stands in the arguments for a new fd that the run reads these bytes from."""

    def __init__(self, data):
        self.data = data


class Out:
    """Stands in the arguments for a new fd; what the run wrote to it is in result.written."""


def command_line(pid):
    """The words that a process was started with."""
    with open(f'/proc/{pid}/cmdline', 'rb') as f:
        return f.read().split(b'\0')[:-1]


def plain(text):
    """Take out of a text what differs for no reason: the program's path, staging names."""
    for program in EACH:
        text = text.replace(program, 'bwrap')
    return re.sub(r'/(newroot|oldroot)\b/?', '/', text)


def reachable(text):
    """Return the mounts of a mountinfo text that no other mount hides."""
    table = mounts(text)
    ids = {m.id for m in table}
    found, todo = [], [m for m in table if m.parent not in ids or m.parent == m.id]
    while todo:
        here = todo.pop()
        children = [m for m in table if m.parent == here.id and m is not here]
        over = [m for m in children if m.point == here.point]
        if over:
            todo.append(over[-1])
            continue
        found.append(here)
        todo += [m for m in children
                 if not any(m.point.startswith(o.point + '/') for o in children)]
    return found


def comparable(mount):
    """A mount as a tuple without ids, devices, peer groups and the staging directory's name."""
    root, options = mount.root, set(mount.superopts)
    if mount.point == '/' and mount.fstype == 'tmpfs':
        root = '/' if root in ('/newroot', '/root') else root
        options -= {'mode=755', 'mode=700'}
    return (mount.point, root, mount.fstype, mount.source, ','.join(sorted(mount.opts)),
            ','.join(sorted(options)))


def deny(number, error):
    """A seccomp program that makes one system call fail with an error."""
    return b''.join(struct.pack('HBBI', *words) for words in (
        (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | error),
        (0x06, 0, 0, 0x7fff0000)))


def read_line(fd):
    """Read up to a newline."""
    text = b''
    while not text.endswith(b'\n'):
        text += os.read(fd, 1)
    return text


def read_all(fd):
    """Read up to the end, which nobody may hold open any more."""
    with os.fdopen(os.dup(fd), 'rb') as f:
        return f.read()


def open_end(fd, timeout=0.0):
    """Whether the other end of a pipe is still held by somebody."""
    return not select.select([fd], [], [], timeout)[0]


class Sides:
    """Running both programs; mixed into an ordinary or a root test case."""

    def side(self, program, args, fresh=None, under=(), **kw):
        """Run one program; In and Out among args become fds, fresh() is called before."""
        if program == ORACLE:
            self.need(ORACLE)
        if fresh:
            fresh()
        fds, outs, words = list(kw.pop('pass_fds', ())), [], []
        for word in args:
            if isinstance(word, (In, Out)):
                fds.append(self.fd(word.data if isinstance(word, In) else b''))
                outs += [fds[-1]] if isinstance(word, Out) else []
                word = fds[-1]
            words.append(word)
        r = self.run_cmd([*under, program, *words], pass_fds=fds, **kw)
        r.written = [os.pread(fd, 1 << 20, 0).decode() for fd in outs]
        for fd in fds[len(fds) - sum(isinstance(word, (In, Out)) for word in args):]:
            self.close(fd)
        r.out, r.err = plain(r.out), plain(r.err)
        return r

    def sides(self, *args, **kw):
        """Return (ours, the oracle's) results of one command line."""
        theirs = self.side(ORACLE, args, **kw)
        return self.side(BWRAP, args, **kw), theirs

    def same(self, *args, rc=0, out=None, **kw):
        """Both end with rc and print the same (out, when given); return our result."""
        ours, theirs = self.sides(*args, **kw)
        self.assertEqual((theirs.rc, theirs.timed_out), (rc, False), theirs)
        self.assertEqual((ours.rc, ours.out, ours.err), (theirs.rc, theirs.out, theirs.err),
                         f'{ours}\n=== the oracle{theirs}')
        if out is not None:
            self.assertEqual(ours.out, out, ours)
        return ours

    def same_error(self, text, *args, **kw):
        """Both fail with 1 and print just `bwrap: text`."""
        self.assertEqual(self.same(*args, rc=1, **kw).err, f'bwrap: {text}\n')

    def wrong(self, pattern, *args, **kw):
        """Both fail with 1 and say something like the pattern, the wording of 0.12 or 0.8.0."""
        for result in self.sides(*args, **kw):
            self.assertFails(result, 1, r'(?m)\Abwrap: .*(' + pattern + ')')

    def fails(self, pattern, *args, **kw):
        """Ours alone fails with 1 and says something like the pattern."""
        self.assertFails(self.side(BWRAP, args, **kw), 1, r'(?m)\Abwrap: .*(' + pattern + ')')

    def same_words(self, *args, **kw):
        """Both end with 0 and print the same lines in whatever order."""
        ours, theirs = self.sides(*args, **kw)
        self.assertEqual((ours.rc, theirs.rc), (0, 0), f'{ours}{theirs}')
        self.assertEqual(sorted(ours.out.splitlines()), sorted(theirs.out.splitlines()))
        return ours

    def same_mounts(self, *args, ignore=(), **kw):
        """The sandboxes, which must have a /proc, show the same mounts; return ours by point.

        Mounts on the points to ignore are not compared.
        """
        ours, theirs = self.sides(*args, 'cat', '/proc/self/mountinfo', **kw)
        self.assertEqual((ours.rc, theirs.rc), (0, 0), f'{ours}{theirs}')
        tables = [sorted(comparable(m) for m in reachable(r.out) if m.point not in ignore)
                  for r in (ours, theirs)]
        self.assertEqual(*tables)
        return {m.point: m for m in reachable(ours.out)}

    def listing(self, program, top, args, **kw):
        """Return {path: (type and mode, uid, gid, target)} of one file system in the sandbox."""
        r = self.side(program, [*args, 'find', top, '-xdev', '-printf', '%p|%M|%U|%G|%l\\n'], **kw)
        self.assertRuns(r)
        rows = (line.split('|') for line in r.out.splitlines())
        return {path: tuple(rest) for path, *rest in rows}

    def same_listing(self, top, args, parents=(), **kw):
        """The sandboxes show the same files below top; return ours.

        The parents named, 0700 in bubblewrap, have another mode on purpose: see Parents in
        test_differences.py.
        """
        theirs = self.listing(ORACLE, top, args, **kw)
        ours = self.listing(BWRAP, top, args, **kw)
        for path in parents:
            self.assertEqual(theirs[path][0], 'drwx------', path)
            theirs[path] = (ours[path][0], *theirs[path][1:])
        for path in theirs:
            # its owner differs on purpose: see Dev in test_differences.py
            if path.endswith('/pts') and path in ours:
                theirs[path] = ours[path]
        self.assertEqual(ours, theirs)
        return ours

    def same_tree(self, *args, prepare=lambda top: None, rc=0, parents=(), **kw):
        """Both leave the same files in a host directory, TREE in args, that prepare(top) fills.

        Return what ours left; for the parents see same_listing().
        """
        found = []
        for program in (BWRAP, ORACLE):
            name = f't-{len(found)}'
            top = self.mkdir(name)
            prepare(top)
            r = self.side(program, [w.replace('TREE', top) if isinstance(w, str) else w
                                    for w in args], **kw)
            self.assertEqual(r.rc, rc, r)
            found.append(self.tree(top))
        for path in parents:
            self.assertEqual(found[1][path][:2], ('dir', '0o700'), path)
            found[1][path] = ('dir', *found[0][path][1:])
        self.assertEqual(*found)
        return found[0]


class Compare(Sides, Case):
    """Side by side as an ordinary user."""

    def under_mounts(self, setup):
        """A prefix that runs a command as the same user after the shell commands setup.

        They run in a mount namespace of their own, where the user may mount.
        """
        ids = [f'--map-user={os.getuid()}', f'--map-group={os.getgid()}']
        return self.private_mounts(['unshare', '--user', *ids, '--'], setup)

    def namespace(self, *options):
        """Return the pid of a process that sleeps in the new namespaces of unshare's options."""
        p = self.spawn(['unshare', '--kill-child', *options, 'sh', '-c', 'echo; exec sleep 3600'])
        p.stdout.readline()
        pid = [p.pid, *self.descendants(p.pid)][-1]
        self.assertTrue(wait_until(lambda: command_line(pid) == [b'sleep', b'3600']))
        return pid


class RootCompare(Sides, RootCase):
    """Side by side as real root."""
