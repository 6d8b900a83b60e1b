#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""HUSK_TRACE: the time of every step, of every process of a launch, on standard error."""

import os
import re
import threading
import time

from probe import BWRAP, HUSK, SMALL, ProbeCase, main

LINE = r'husk-trace: (\w+) +(\S.*\S) +(\d+) us$'
# what each process is sure to do
STEPS = {'launcher': ('options', 'descriptors', 'caller', 'plan', 'environment', 'preparations',
                      'wait'),
         'builder': ('namespaces', 'launcher', 'id maps', 'propagation', 'operations', 'pivot'),
         'inside': ('launcher', 'mounts inside', 'loopback', 'audit', 'block'),
         'command': ('capabilities', 'directory', 'descriptors', 'seccomp', 'all, up to execve')}


class Trace(ProbeCase):
    def trace(self, *argv, value='1', **kw):
        """The steps as {process: {step: microseconds}}."""
        r = self.run_cmd(argv, env=dict(os.environ, HUSK_TRACE=value), **kw)
        self.assertEqual((r.rc, r.out), (0, ''), r)
        found = {}
        for line in r.err.splitlines():
            match = re.match(LINE, line)
            self.assertTrue(match, line)
            steps = found.setdefault(match[1], {})
            self.assertNotIn(match[2], steps, r)
            steps[match[2]] = int(match[3])
        return found

    def test_every_process(self):
        for program in (HUSK, BWRAP):
            found = self.trace(program, *SMALL, '--', '/bin/true')
            self.assertEqual(set(found), set(STEPS))
            for process, steps in STEPS.items():
                self.assertLessEqual(set(steps), set(found[process]), process)

    def test_borrowed_and_copied(self):
        """Where the launcher lends its memory the builder's time is in its own; else a clone's."""
        self.assertIn('builder', self.trace(HUSK, *SMALL, '--', '/bin/true')['launcher'])
        found = self.trace(HUSK, '/bin/true')
        self.assertIn('clone', found['launcher'])
        self.assertNotIn('clone', found['builder'])
        self.assertIn('namespaces', found['builder'])

    def test_the_whole_holds_its_parts(self):
        found = self.trace(HUSK, *SMALL, '--', '/bin/true')
        parts = sum(found['builder'].values())
        self.assertGreaterEqual(found['launcher']['builder'] + 100, parts -
                                found['builder']['clone'])
        self.assertGreater(found['command']['all, up to execve'], found['inside']['audit'])

    def test_a_slow_step(self):
        reader, writer = self.pipe()

        def later(seconds):
            time.sleep(seconds)
            os.write(writer, b'x')
        # the others may take long, too
        for seconds in (0.5, 2, 8, 32):
            thread = threading.Thread(target=later, args=(seconds,))
            thread.start()
            found = self.trace(HUSK, '--block-fd', str(reader), *SMALL, '--', '/bin/true',
                               pass_fds=[reader])
            thread.join()
            if found['inside']['block'] > 200000:
                break
        self.assertGreater(found['inside']['block'], 200000)
        self.assertLess(found['inside']['loopback'], found['inside']['block'])
        self.assertGreater(found['command']['all, up to execve'], 200000)

    def test_shifted_clocks(self):
        """A clock that differs inside makes no time longer."""
        found = self.trace(HUSK, '--unshare-time', '--boottime', '1000000', '--monotonic',
                           '1000000', *SMALL, '--', '/bin/true')
        for steps in found.values():
            for step, microseconds in steps.items():
                self.assertLess(microseconds, 60000000, step)

    def test_any_value_will_do(self):
        self.assertTrue(self.trace(HUSK, '/bin/true', value=''))

    def test_nothing_without_it(self):
        env = dict(os.environ)
        env.pop('HUSK_TRACE', None)
        for program in (HUSK, BWRAP):
            r = self.run_cmd([program, *SMALL, '--', '/bin/true'], env=env)
            self.assertEqual((r.rc, r.out, r.err), (0, '', ''), r)


if __name__ == '__main__':
    main()
