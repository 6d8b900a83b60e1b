#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The clocks of a new time namespace, as the command reads them."""

import json
import os
import time

from probe import HOST, HUSK, PYTHON, SMALL, ProbeCase, main

CLOCKS = 'import time; print(time.clock_gettime(time.CLOCK_BOOTTIME),' \
         ' time.clock_gettime(time.CLOCK_MONOTONIC), open("/proc/uptime").read().split()[0])'


class Clocks(ProbeCase):
    def shifts(self, *args, program=HUSK):
        """How far boot time, monotonic clock and uptime inside are ahead, in seconds."""
        before = time.clock_gettime(time.CLOCK_BOOTTIME), time.clock_gettime(time.CLOCK_MONOTONIC)
        r = self.run_cmd([program, *args, '--', PYTHON, '-I', '-c', CLOCKS])
        self.assertEqual(r.rc, 0, r)
        boot, monotonic, uptime = (float(word) for word in r.out.split())
        return boot - before[0], monotonic - before[1], uptime - before[0]

    def assertShifted(self, got, want):
        """As wanted, and by what the start took."""
        for is_, should in zip(got, want):
            self.assertTrue(should - 0.02 <= is_ < should + 20, (got, want))

    def test_none_without_being_asked(self):
        self.assertShifted(self.shifts('--unshare-time'), (0, 0, 0))

    def test_ahead(self):
        for args in ((), HOST, SMALL, (*HOST, '--cap-drop', 'ALL'), ('--unshare-pid',),
                     ('--unshare-pid', '--as-pid-1', *HOST), (*SMALL, '--disable-userns')):
            with self.subTest(args=args):
                self.assertShifted(self.shifts('--unshare-time', '--boottime', '100000', *args),
                                   (100000, 0, 100000))

    def test_monotonic(self):
        self.assertShifted(self.shifts(*SMALL, '--monotonic', '5000'), (0, 5000, 0))

    def test_both(self):
        self.assertShifted(self.shifts(*SMALL, '--monotonic', '5000', '--boottime', '900.25'),
                           (900.25, 5000, 900.25))

    def test_back(self):
        """Less than the machine has been up, so the clocks stay above zero."""
        back = int(min(time.clock_gettime(c) for c in (time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC))
                   / 2)
        self.assertShifted(self.shifts(*SMALL, '--monotonic', f'-{back}', '--boottime',
                                       f'-{back}'), (-back, -back, -back))

    def offsets(self, *args):
        r = self.husk(*args, '--', 'cat', '/proc/self/timens_offsets')
        self.assertEqual(r.rc, 0, r)
        return {line.split()[0]: tuple(line.split()[1:]) for line in r.out.splitlines()}

    def test_fractions(self):
        for typed, want in (('0.5', ('0', '500000000')), ('-0.5', ('-1', '500000000')),
                            ('-2.000000001', ('-3', '999999999')), ('-0', ('0', '0')),
                            ('1.25', ('1', '250000000'))):
            with self.subTest(typed):
                self.assertEqual(self.offsets('--unshare-time', '--boottime', typed),
                                 {'monotonic': ('0', '0'), 'boottime': want})

    def test_the_last_counts(self):
        got = self.offsets('--unshare-time', '--boottime', '0.5', '--boottime', '3')
        self.assertEqual(got['boottime'], ('3', '0'))

    def test_a_sandbox_within_counts_from_its_own_clocks(self):
        r = self.husk(*SMALL, '--boottime', '100.75', '--', HUSK, '--unshare-time', '--boottime',
                      '100.5', '--', 'cat', '/proc/self/timens_offsets')
        self.assertEqual(r.rc, 0, r)
        self.assertEqual(r.out.split(), ['monotonic', '0', '0', 'boottime', '201', '250000000'])

    def test_every_process_of_the_sandbox_is_in_it(self):
        r = self.husk(*SMALL, '--cap-drop', 'ALL', '--boottime', '7', '--', 'sh', '-c',
                      'readlink /proc/self/ns/time /proc/self/ns/time_for_children; '
                      'grep boottime /proc/1/timens_offsets')
        own, children, _, seconds, _ = r.out.split()
        self.assertEqual((own, seconds), (children, '7'), r)
        self.assertNotEqual(own, os.readlink('/proc/self/ns/time'))

    def test_the_command_cannot_set_them(self):
        r = self.husk(*SMALL, '--boottime', '10', '--', 'sh', '-c',
                      'echo boottime 5 0 >/proc/self/timens_offsets')
        self.assertFails(r, None, 'I/O error|Permission denied')

    def test_info_names_the_sandbox(self):
        """The process named is the sandbox's own first one, though another has come before."""
        read, write = self.pipe()
        p = self.spawn([HUSK, *SMALL, '--boottime', '7', '--cap-drop', 'ALL', '--info-fd', write,
                        '--', 'sleep', '20'], pass_fds=[write])
        self.close(write)
        with os.fdopen(os.dup(read)) as f:
            info = json.load(f)
        pid = info['child-pid']
        self.assertIn(pid, self.descendants(p.pid))
        self.assertEqual(os.stat(f'/proc/{pid}/ns/pid').st_ino, info['pid-namespace'])
        with open(f'/proc/{pid}/timens_offsets', encoding='ascii') as f:
            self.assertIn('7', f.read().split())

    def test_status_and_signals(self):
        self.assertEqual(self.husk(*SMALL, '--boottime', '7', 'sh', '-c', 'exit 9').rc, 9)
        self.assertEqual(self.husk(*SMALL, '--boottime', '7', 'sh', '-c', 'kill -9 $$').rc, -9)

    def test_dies_with_the_launcher(self):
        p = self.spawn([HUSK, *SMALL, '--boottime', '7', '--', 'sleep', '30'])
        self.assertTrue(self.wait_until(lambda: len(self.descendants(p.pid)) >= 2))
        inside = self.descendants(p.pid)
        p.kill()
        p.wait()
        for pid in inside:
            self.assertTrue(self.wait_gone(pid))


class Refused(ProbeCase):
    def test_too_far_ahead(self):
        for option in ('--boottime', '--monotonic'):
            r = self.husk('--unshare-time', option, '4611686018', 'true')
            self.assertFails(r, 125, f'{option} 4611686018: .*too far ahead')
            self.assertIn('146 years', r.err)
            self.assertNotIn('zero', r.err)

    def test_more_than_there_are(self):
        r = self.husk('--unshare-time', '--boottime', '4611686019', 'true')
        self.assertFails(r, 125, 'Invalid boottime: 4611686019')
        self.assertIn('at most 4611686018', r.err)

    def test_before_zero(self):
        for option in ('--boottime', '--monotonic'):
            for args in ((), SMALL):
                r = self.husk('--unshare-time', option, '-1000000000', *args, 'true')
                self.assertFails(r, 125, f'{option} -1000000000: .*before its zero')
                self.assertIn('hint: ', r.err)

    def test_no_number(self):
        for word in ('', '-', 'x', '1x', '1.', '.5', '--1', '+1', '1.0000000001', '1e3', ' 1',
                     '9999999999999999999', '0x10', '-.5', '1.-5'):
            with self.subTest(word):
                self.assertFails(self.husk('--unshare-time', '--boottime', word, 'true'), 125,
                                 'Invalid boottime: ')

    def test_without_a_time_namespace(self):
        self.assertFails(self.husk('--boottime', '5', 'true'), 125, '--unshare-time')
        self.assertFails(self.husk('--monotonic', '5', 'true'), 125, '--unshare-time')

    def test_bwrap_does_not_know_them(self):
        self.assertFails(self.bwrap(*HOST, '--boottime', '5', 'true'), 1, 'Unknown option')


if __name__ == '__main__':
    main()
