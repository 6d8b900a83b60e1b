# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of joining have in common: namespaces and sandboxes of others, to be joined."""

import json
import os

from probe import HUSK, SMALL, ProbeCase
from harness import children, name_of as comm  # noqa: F401

KINDS = ('cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts', 'time')
# seconds for which what is joined is there, unless its test ends before
LONG = '3600'
IDS = ' '.join(f'/proc/self/ns/{kind}' for kind in KINDS)


def asleep(pid):
    """True when a process has become a sleep that can be looked into."""
    try:
        return comm(pid) == 'sleep' and bool(os.readlink(f'/proc/{pid}/ns/user'))
    except OSError:
        return False


def ids(pid):
    """The namespaces of a process by kind, as readlink prints them."""
    return {kind: os.readlink(f'/proc/{pid}/ns/{kind}') for kind in KINDS}


class JoinCase(ProbeCase):
    """Namespaces made by unshare(1), sandboxes made by husk, and commands that join them."""

    def unshared(self, *args, within=()):
        """The pid of a sleep in namespaces that unshare(1) made with these options."""
        p = self.spawn([*within, 'unshare', *args, 'sleep', LONG])
        found = []

        def look():
            found[:] = [pid for pid in (p.pid, *self.descendants(p.pid)) if asleep(pid)]
            return found
        self.assertTrue(self.wait_until(look), p)
        return found[0]

    def sandbox(self, *args, command=('sleep', LONG), **kw):
        """Start a sandbox whose command is or becomes a sleep.

        Return its launcher as a Popen, and the pids of its first process and its command.
        """
        read, write = self.pipe()
        fds = [write, *kw.pop('pass_fds', ())]
        p = self.spawn([HUSK, *args, '--info-fd', write, '--', *command], pass_fds=fds, **kw)
        self.close(write)
        with os.fdopen(os.dup(read)) as f:
            init = json.load(f)['child-pid']
        self.assertTrue(self.wait_until(
            lambda: any(asleep(pid) for pid in children(init))), p)
        return p, init, children(init)[0]

    def small(self, *args, **kw):
        """The command of a sandbox with all namespaces."""
        return self.sandbox(*SMALL, '--tmpfs', '/tmp', *args, **kw)[2]

    def ns(self, pid, kind):
        """An inheritable descriptor of a namespace."""
        return self.open(f'/proc/{pid}/ns/{kind}')

    def joined(self, pid, kinds, *args, command=('readlink', *IDS.split()), **kw):
        """Run a command in these kinds of namespaces of a process, each by its own option."""
        words, fds = [], []
        for kind in kinds:
            fds.append(self.ns(pid, kind))
            words += [f'--{kind}ns', fds[-1]]
        return self.husk(*words, *args, '--', *command, pass_fds=fds, **kw)

    def ids_inside(self, result):
        """What the readlink of joined() has printed, by kind."""
        self.assertEqual(result.rc, 0, result)
        return dict(zip(KINDS, result.out.split()))
