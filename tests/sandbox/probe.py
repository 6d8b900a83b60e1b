# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test cases that look at a sandbox from inside, by raw system calls of the program in probe.c."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
from harness import (  # noqa: E402,F401
    BWRAP, HUSK, ORACLE, PATIENCE, PYTHON, SLOW, Case, RootCase, descendants, main, mounts, tree,
    wait_until)

with open(os.path.join(HERE, 'probe.c'), encoding='utf-8') as f:
    SOURCE = f.read()

HOST = ('--ro-bind', '/', '/')
USR = ('--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib',
       '--symlink', 'usr/lib64', '/lib64', '--symlink', 'usr/sbin', '/sbin')
PROC = ('--unshare-pid', '--proc', '/proc')
SMALL = ('--unshare-all', *HOST, '--dev', '/dev', '--proc', '/proc')


def all_caps():
    """The set of every capability this kernel has, as /proc/PID/status prints it."""
    with open('/proc/sys/kernel/cap_last_cap', encoding='ascii') as last:
        return f'{(1 << (int(last.read()) + 1)) - 1:016x}'


class Probe:
    """Mixed into a test case: calls made inside a sandbox, and their results."""

    def prober(self):
        """The path of the program, below /tmp."""
        return self.inside_c(SOURCE, 'probe')

    def probe(self, args, *calls, program=None, **kw):
        """Make calls inside a sandbox of husk with these options; return their results.

        A sandbox whose root does not show /tmp finds the program by a bind on /probe, which is
        made when args hold the word PROBE.
        """
        command, words = self.prober(), []
        for word in args:
            if word == 'PROBE':
                words += ['--ro-bind', command, '/probe']
                command = '/probe'
            else:
                words.append(word)
        r = self.run_cmd([program or HUSK, *words, '--', command, *calls], **kw)
        self.assertEqual(r.rc, 0, r)
        self.last = r
        return r.out.splitlines()

    def check(self, args, *pairs, **kw):
        """Make each (call, expected result) in order in one sandbox; all must be as expected.

        A tuple as expected result allows any of its members.
        """
        got = self.probe(args, *(call for call, _ in pairs), **kw)
        self.assertEqual(len(got), len(pairs), self.last)
        wrong = [f'{call}: {is_!r} instead of {want!r}' for (call, want), is_ in zip(pairs, got)
                 if is_ != want and not (isinstance(want, tuple) and is_ in want)]
        self.assertEqual(wrong, [], self.last)

    def status(self, args, *fields, **kw):
        """Fields of /proc/self/status inside."""
        return self.probe(args, *(f'status {field}' for field in fields), **kw)


class ProbeCase(Probe, Case):
    """As an ordinary user."""


class RootProbeCase(Probe, RootCase):
    """As real root."""
