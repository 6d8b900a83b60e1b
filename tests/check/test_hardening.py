#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs that were built are hardened: what the compiler and the linker were asked for is in.

Each rule is a function from a program to complaints. Built.test_* apply them to what is installed,
Planted.test_* show each of them a program that lacks it.
"""

import os
import platform
import re
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import HUSK, REPO, Case, main  # noqa: E402

TOOL = os.path.join(os.environ.get('HUSK_BUILD', os.path.join(REPO, 'build')), 'husk-seccomp')
X86 = platform.machine() == 'x86_64'


def out(*argv):
    """What a program prints."""
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def no_pie(program):
    """The program is loaded where the kernel likes, and nothing writes to its text for that."""
    found = []
    if not re.search(r'^\s*Type:\s+DYN', out('readelf', '-hW', program), re.MULTILINE):
        found.append('is not position-independent')
    if 'TEXTREL' in out('readelf', '-dW', program):
        found.append('has relocations in its text')
    return found


def bad_segments(program):
    """No segment can be written and executed; the stack cannot be executed; relocations are sealed.

    Sealing is the loader's: glibc does it, musl's static start does not.
    """
    text, found = out('readelf', '-lW', program), []
    for name, flags in re.findall(r'^\s+(LOAD|GNU_STACK)\s+(?:0x[0-9a-f]+ ){5}([RWE ]{3}) ',
                                  text, re.MULTILINE):
        if 'E' in flags and ('W' in flags or name == 'GNU_STACK'):
            found.append(f'{name} is {flags}')
    for name in ('GNU_STACK', 'GNU_RELRO'):
        if name not in text:
            found.append(f'has no {name}')
    if 'NOW' not in out('readelf', '-dW', program):
        found.append('is not bound at once')
    return found


def own_paths(program):
    """Libraries come from where the system has them."""
    return re.findall(r'\((?:RPATH|RUNPATH)\).*', out('readelf', '-dW', program))


def no_canary(program):
    """Functions with an array on the stack look whether it was overrun."""
    if '__stack_chk_fail' in out('nm', '-D', program):
        return []
    count = len(re.findall(r'%fs:0x28' if X86 else r'__stack_chk_guard',
                           out('objdump', '-d', program)))
    return [] if count > 20 else [f'has {count} uses of a stack canary']


def no_fortify(program):
    """Calls of string functions are checked; only glibc has such functions."""
    return [] if re.search(r' __\w+_chk@', out('nm', '-D', program).replace(
        '__stack_chk_fail', '')) else ['calls no checked function']


def no_cet(program):
    """Jumps land where functions begin: each starts with an endbr64 on x86."""
    count = out('objdump', '-d', program).count('endbr64')
    return [] if not X86 or count > 5 else [f'has {count} landing places']


def no_cet_mark(program):
    """The kernel is told so, where the C library's own objects allow it."""
    crt = out('cc', '-print-file-name=crt1.o').strip()
    if 'IBT' not in out('readelf', '-nW', crt):
        return []
    return [] if 'IBT' in out('readelf', '-nW', program) else ['is not marked for CET']


EVERY = (no_pie, bad_segments, own_paths, no_canary, no_cet)


class Built(Case):
    """What was built."""

    def test_husk(self):
        self.assertEqual([c for rule in EVERY for c in rule(HUSK)], [])

    def test_husk_seccomp(self):
        if not os.path.exists(TOOL):
            self.skipTest('husk-seccomp is not built: there is no json-c')
        self.assertEqual([c for rule in (*EVERY, no_fortify, no_cet_mark) for c in rule(TOOL)],
                         [])


SOURCE = '''
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    char text[64];
    strcpy(text, argv[argc - 1]);
    return puts(text);
}
'''
HARD = ('-O2', '-fPIE', '-pie', '-fstack-protector-strong', '-U_FORTIFY_SOURCE',
        '-D_FORTIFY_SOURCE=3', '-Wl,-z,relro', '-Wl,-z,now')


class Planted(Case):
    """Each rule complains of a program without what it looks for."""

    def both(self, rule, *flags):
        good, bad = self.path('good'), self.path('bad')
        for path, words in ((good, HARD), (bad, (*HARD, *flags))):
            self.assertRuns(self.run_cmd(['cc', '-x', 'c', '-', '-o', path, *words],
                                         input=SOURCE))
        self.assertEqual(rule(good), [])
        self.assertNotEqual(rule(bad), [])

    def test_pie(self):
        self.both(no_pie, '-no-pie', '-fno-pie')

    def test_segments(self):
        self.both(bad_segments, '-Wl,-z,execstack')
        self.both(bad_segments, '-Wl,-z,norelro')
        self.both(bad_segments, '-Wl,-z,lazy')

    def test_paths(self):
        self.both(own_paths, '-Wl,-rpath,/opt')

    def test_canary(self):
        self.both(no_canary, '-fno-stack-protector', '-U_FORTIFY_SOURCE')

    def test_fortify(self):
        self.both(no_fortify, '-U_FORTIFY_SOURCE')

    def test_cet(self):
        if X86:
            path = self.path('none')
            self.assertRuns(self.run_cmd(['cc', '-x', 'c', '-', '-o', path,
                                          '-fcf-protection=none'], input=SOURCE))
            self.assertNotEqual(no_cet(path), [])


if __name__ == '__main__':
    main(drop=False, needs_husk=False)
