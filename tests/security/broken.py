#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run tests of this directory against a husk that lacks the guard they are about: they must fail.

    broken.py [FILE...]

Each FILE has a table BROKEN = {guard: test or tests}. The guards are the names in BROKEN("name") of
src, several with commas where one guard stands behind another; src/broken.h says how a build gets
them. Each test, written as unittest takes it (Class or
Class.test), is run with that guard taken out, and at least one of its checks must fail: name the
quickest that sees it. A class of escape that Debian's bwrap 0.8.0 has may do without: its file then
has a test named test_the_attack_is_real, which attacks that. Without FILE it is checked that a husk
with this switch cannot be installed. `make check-broken` builds such a husk and runs all.
"""

import ast
import os
import re
import subprocess
import sys

PYTHON = '/usr/bin/python3'


def table(name):
    """The BROKEN of a test file: {guard: [test, ...]}."""
    with open(name, encoding='utf-8') as f:
        for node in ast.parse(f.read()).body:
            if isinstance(node, ast.Assign) and node.targets[0].id == 'BROKEN':
                found = ast.literal_eval(node.value)
                return {guard: [tests] if isinstance(tests, str) else list(tests)
                        for guard, tests in found.items()}
    return {}


def attacks_another(name):
    """Whether a test file tries its attack on a launcher that has the flaw."""
    with open(name, encoding='utf-8') as f:
        return 'def test_the_attack_is_real(' in f.read()


def fails(name, test, guard):
    """(whether a check of the test fails without the guard, what was printed)."""
    r = subprocess.run([PYTHON, '-B', name, test], capture_output=True, text=True, check=False,
                       env=dict(os.environ, HUSK_BROKEN=guard), stdin=subprocess.DEVNULL)
    return r.returncode == 0 and 'Bail out!' not in r.stdout and \
        bool(re.search(r'(?m)^not ok (?!.*unittest\.loader)', r.stdout)), r.stdout + r.stderr


def refuses_install():
    """(whether `meson install` of the build under test fails and leaves no program, its output)."""
    build = os.environ['HUSK_BUILD']
    where = os.path.join(build, 'refused-install')
    r = subprocess.run(['/usr/bin/meson', 'install', '--no-rebuild', '-C', build],
                       capture_output=True, text=True, check=False,
                       env=dict(os.environ, DESTDIR=where))
    found = [d for d, _, files in os.walk(where) if d.endswith('/bin') and 'husk' in files]
    return r.returncode != 0 and not found, r.stdout + r.stderr


def main(names):
    """Print TAP for every guard of every file."""
    number = 0

    def say(good, what, text):
        nonlocal number
        number += 1
        print(f'{"ok" if good else "not ok"} {number} {what}', flush=True)
        if not good:
            print('\n'.join('# ' + line for line in text.splitlines()), flush=True)

    for name in names:
        base, guards = os.path.basename(name), table(name)
        for guard, tests in guards.items():
            for test in tests:
                good, text = fails(name, test, guard)
                say(good, f'{base}: {test} fails without {guard}', text)
        if not guards:
            say(attacks_another(name), f'{base}: another launcher has the flaw',
                'the file has neither BROKEN nor test_the_attack_is_real')
    if not names:
        good, text = refuses_install()
        say(good, 'a husk that can be broken is not installed', text)
    print(f'1..{number}')


if __name__ == '__main__':
    main(sys.argv[1:])
