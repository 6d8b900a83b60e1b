#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tools/tap-summary counts every kind of failure: a summary that misses one hides it.

What tools/test-again runs again is the same failure unless it passes every time."""

import json
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import PYTHON, REPO, Case, main  # noqa: E402


class Summary(Case):
    """The last line, the exit status and the report for one test log."""

    def summary(self, *tests, allowed='', builds=('build',)):
        lines = [json.dumps({'name': 'husk:unit / x', 'stdout': out, 'result': result,
                             'returncode': code, 'stderr': 'said on stderr'})
                 for out, result, code in tests]
        for build in builds:
            self.write(f'{build}/meson-logs/testlog.json', '\n'.join(lines))
        skips = self.write('allowed', allowed)
        r = self.run_cmd([PYTHON, os.path.join(REPO, 'tools', 'tap-summary'), '--allowed', skips,
                          *builds])
        last = r.out.splitlines()[-1] if r.out else ''
        with open(self.path('build', 'summary.txt'), encoding='utf-8') as f:
            self.assertEqual(f.read().strip(), last)
        return r.rc, last, r.out

    def expect(self, test, last, said, **kw):
        rc, line, out = self.summary(test, **kw)
        self.assertEqual((rc, line), (0 if ' 0 failed' in last else 1, last), out)
        self.assertIn(said, out)

    def test_passed(self):
        self.expect(('ok 1 a\nok 2\n1..2\n', 'OK', 0), '2 passed, 0 failed, 0 skipped', '')

    def test_two_builds(self):
        self.expect(('1..1\nok 1 a\n', 'OK', 0), '2 passed, 0 failed, 0 skipped', '',
                    builds=('build', 'other'))

    def test_not_ok(self):
        self.expect(('not ok 1 a\n# why\nok 2 b\n1..2\n', 'FAIL', 0),
                    '1 passed, 1 failed, 0 skipped', 'FAILED build unit/x: a: not ok\n    not ok')

    def test_stderr_is_shown(self):
        self.expect(('not ok 1\n1..1\n', 'FAIL', 0), '0 passed, 1 failed, 0 skipped',
                    '    said on stderr')

    def test_died_before_the_plan(self):
        self.expect(('ok 1 a\n', 'ERROR', -11), '1 passed, 1 failed, 0 skipped',
                    'printed no plan, ended with -11')

    def test_died_after_the_plan(self):
        self.expect(('1..1\nok 1 a\n', 'ERROR', -11), '1 passed, 1 failed, 0 skipped',
                    'ended with -11')

    def test_too_few(self):
        self.expect(('1..3\nok 1 a\n', 'ERROR', 0), '1 passed, 1 failed, 0 skipped',
                    'planned 3 checks, made 1')

    def test_timeout(self):
        self.expect(('1..1\nok 1 a\n', 'TIMEOUT', -9), '1 passed, 1 failed, 0 skipped',
                    'ran out of time')

    def test_bail_out(self):
        self.expect(('ok 1 a\nBail out! no user\n', 'ERROR', 1), '1 passed, 1 failed, 0 skipped',
                    'Bail out! no user')

    def test_expected_failure(self):
        self.expect(('ok 1 a # TO' 'DO later\n1..1\n', 'OK', 0), '0 passed, 1 failed, 0 skipped',
                    'directive')

    def test_skip(self):
        self.expect(('ok 1 a # SKIP no strace\n1..1\n', 'OK', 0), '0 passed, 1 failed, 0 skipped',
                    'does not allow: no strace')

    def test_allowed_skip(self):
        self.expect(('ok 1 a # SKIP no strace\n1..1\n', 'OK', 0), '0 passed, 0 failed, 1 skipped',
                    'skipped build unit/x: a: no strace', allowed='unit/x: a: no *  # cannot be\n')

    def test_skipped_file(self):
        self.expect(('1..0 # SKIP needs root\n', 'SKIP', 0), '0 passed, 1 failed, 0 skipped',
                    'does not allow: needs root')
        self.expect(('1..0 # SKIP needs root\n', 'SKIP', 0), '0 passed, 0 failed, 1 skipped', '',
                    allowed='unit/x: needs root  # no sudo\n')

    def test_file_without_tests(self):
        self.expect(('1..0\n', 'SKIP', 0), '0 passed, 1 failed, 0 skipped', 'skipped',
                    allowed='*  # all\n')

    def test_nothing_was_run(self):
        rc, last, _ = self.summary()
        self.assertEqual((rc, last), (1, '0 passed, 1 failed, 0 skipped'))


class Again(Case):
    """A project of its own, with tests that fail as often as they are told."""

    def again(self, **failures):
        """Run each test, which fails that many times, as make check does; what is printed."""
        lines = ["project('p')", "sh = find_program('sh')",
                 "test('true', find_program('true'), suite: 'other')"]
        for name, times in failures.items():
            count = self.write(f'{name}.count', '')
            script = self.write(f'{name}.sh', f'echo >> {count}; [ $(wc -l < {count}) -gt {times} ]'
                                " || printf 'not '; echo ok 1 a; echo 1..1\n")
            lines.append(f"test('{name}', sh, args: '{script}', suite: 's', protocol: 'tap')")
        self.write('meson.build', '\n'.join(lines) + '\n')
        build = self.path('build')
        self.assertRuns(self.run_cmd(['/usr/bin/meson', 'setup', build, self.dir]), None)
        self.run_cmd(['/usr/bin/meson', 'test', '-C', build, '--suite', 's'])
        self.assertRuns(self.run_cmd([os.path.join(REPO, 'tools', 'test-again'), build]), None)
        r = self.run_cmd([PYTHON, os.path.join(REPO, 'tools', 'tap-summary'), build])
        return r.rc, r.out

    def test_race(self):
        rc, out = self.again(race=1, good=0)
        self.assertEqual((rc, out.splitlines()[-2:]),
                         (0, ['1 unsteady', '2 passed, 0 failed, 0 skipped']))
        self.assertIn('UNSTEADY build s/race: passed 3 times alone, after this:\n'
                      'FAILED build s/race: a: not ok\n    not ok 1 a', out)

    def test_fault(self):
        for times in (2, 3, 4, 99):
            rc, out = self.again(fault=times)
            self.assertEqual((rc, out.splitlines()[-1]), (1, '0 passed, 1 failed, 0 skipped'))
            self.assertNotIn('UNSTEADY', out)

    def test_too_many(self):
        rc, out = self.again(a=1, b=1, c=1, d=1)
        self.assertEqual((rc, out.splitlines()[-1]), (1, '0 passed, 4 failed, 0 skipped'))


if __name__ == '__main__':
    main(drop=False, needs_husk=False)
