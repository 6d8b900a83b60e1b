#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of the manual print what the manual's comments say that they print."""

import os
import re
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import HUSK, REPO, Case, main  # noqa: E402


def examples(text):
    """The examples of a manual: (number, expected output as a regular expression, shell text)."""
    section = text.partition('\n.Sh EXAMPLES\n')[2].partition('\n.Sh ')[0]
    pattern = r'^\.\\" example (\d+) prints: (.*)\n\.Bd -literal.*\n((?s:.*?))^\.Ed$'
    return [(int(match[1]), match[2], match[3].replace('\\e', '\\'))
            for match in re.finditer(pattern, section, re.MULTILINE)]


with open(os.path.join(REPO, 'man', 'husk.1'), encoding='utf-8') as f:
    MANUAL = f.read()


class Examples(Case):
    """A test for each example is added below."""

    def run_example(self, expected, script):
        env = dict(os.environ, PATH=os.path.dirname(HUSK) + ':' + os.environ['PATH'])
        r = self.run_cmd(['sh', '-c', script], env=env)
        self.assertRuns(r)
        self.assertRegex(r.out, rf'\A(?:{expected})\Z', r)
        self.assertEqual(r.err, '')

    def test_there_are_eleven(self):
        self.assertEqual([number for number, _, _ in examples(MANUAL)], list(range(1, 12)))
        self.assertEqual(MANUAL.count('.\\" example '), 11)
        self.assertEqual(MANUAL.partition('\n.Sh EXAMPLES\n')[2].count('.Bd'), 11)


class Reader(Case):
    """How the examples are found."""

    PAGE = '.Sh EXAMPLES\nText:\n.\\" example 1 prints: a\\n\n.Bd -literal -offset indent\n' \
           "printf 'a\\en' \\e\n    --\n.Ed\n.Sh SEE ALSO\n"

    def test_backslashes(self):
        self.assertEqual(examples('\n' + self.PAGE), [(1, 'a\\n', "printf 'a\\n' \\\n    --\n")])

    def test_nothing_outside_the_section(self):
        self.assertEqual(examples('\n' + self.PAGE.replace('EXAMPLES', 'OPTIONS')), [])


def add_test(number, expected, script):
    """Add the test of one example."""
    def test(self):
        self.run_example(expected, script)
    setattr(Examples, f'test_example_{number:02}', test)


for example in examples(MANUAL):
    add_test(*example)

if __name__ == '__main__':
    main()
