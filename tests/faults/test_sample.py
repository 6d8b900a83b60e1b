#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A sample of the faults of a launch, of every command line; make check-faults runs them all.

The choice is the same each time, so that what fails here can be looked at again.
"""

import os
import platform
import subprocess

from faults import (
    LINES, NUMBERS, WRONG, Bench, Case, faults_of, main_tests, run_case, run_once, sample)

CASES = 40  # of each line


class FaultCase(Case):
    """A test on the one machine that inject.c knows."""

    time_limit = 200

    def setUp(self):
        if platform.machine() != 'x86_64':
            self.skipTest('inject.c knows the registers of x86-64 only')
        super().setUp()


class Sample(FaultCase):
    """Each fault ends in an error that names it or in the sandbox that was asked for."""

    def check(self, line):
        bench, wrong = Bench(self, None), []
        for _, fault in sample([(line, fault) for fault in faults_of(bench, line)], CASES):
            kind, reason = run_case(bench, line, fault)
            if kind in WRONG:
                wrong.append(f'faults.py --only {line} --match ^{fault}: {kind}, {reason}')
        self.assertEqual(wrong, [])


class First(FaultCase):
    """The sandbox's first process is killed before it has said who it is."""

    def test_the_launcher_does_not_wait_for_it(self):
        """Whether it hears of that process's end first, or of the builder's."""
        bench = Bench(self, None)
        for _ in range(6):  # the first that it does is to read its own number
            kind = run_once(bench, 'joins', '2:readlinkat:1:kill')[0]
            self.assertEqual(kind, 'error')


for name in LINES:
    setattr(Sample, 'test_' + name.replace('-', '_'), lambda self, name=name: self.check(name))


class Inject(FaultCase):
    """The program that carries faults out reaches what it is told to, and sees what is left."""

    def inject(self, spec, script, timeout=60):
        bench = Bench(self, None)
        read, write = os.pipe()
        p = subprocess.Popen([bench.inject, str(write), str(timeout), spec, '--', '/bin/sh', '-c',
                              script], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as report:
            said = report.read().splitlines()
        self.assertEqual(p.wait(), 0)
        return said

    def test_nth_call(self):
        said = self.inject(f'0:{NUMBERS["chdir"]}:2:1', 'cd / && cd /usr || exit 9')
        self.assertEqual(said[1:], ['hit', f'end {9 << 8}'])

    def test_call_of_a_child(self):
        said = self.inject(f'1:{NUMBERS["chdir"]}:1:1', 'cd / || exit 8; (cd /usr || exit 9)')
        self.assertEqual(said[1:], ['hit', f'end {9 << 8}'])

    def test_kill(self):
        said = self.inject(f'1:{NUMBERS["chdir"]}:1:kill', '(cd /usr); exit $((137 == $?))')
        self.assertEqual(said[1:], ['hit', f'end {1 << 8}'])

    def test_call_that_is_not_made(self):
        said = self.inject(f'0:{NUMBERS["chdir"]}:3:1', 'cd / && cd /usr || exit 9')
        self.assertEqual(said[1:], ['end 0'])

    def test_what_is_left_is_told_and_ended(self):
        said = self.inject('list', 'sleep 1000 & exit 0')
        self.assertIn('left sleep', said)

    def test_hang(self):
        self.assertIn('hang', self.inject('list', 'while :; do :; done', 1))


if __name__ == '__main__':
    main_tests()
