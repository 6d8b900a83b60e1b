#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The house rules that a program can check: in the sources, in the objects, in what is installed.

Each rule is a function from a file to complaints. Rules.test_* apply them to the repository,
Planted.test_* show each of them a file that breaks it.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'security'))
from broken import table  # noqa: E402
from harness import HUSK, REPO, Case, main  # noqa: E402

SPDX = 'SPDX-License-Identifier: ' + 'LGPL-2.1-or-later'
UNFINISHED = re.compile(r'\b(TO' + r'DO|FIX' + r'ME|XX' + r'X)\b')
WIDTH = 100
FUNCTION_LINES = 80
FILE_LINES = 500
NO_SPDX = re.compile(r'(^COPYING|\.(md|json|bpf|bin)|^tests/fuzz/corpus/.*)$')
NO_WIDTH = re.compile(r'(^COPYING|\.(md|json|bpf|bin|[1-8])|'
                      r'^tests/(allowed-skips|fuzz/corpus/.*))$')

# The direction of includes in src, from the bottom up. A header may include those of lower rows, a
# source file also those of its own row; a file that has no row belongs to the row of its header.
LAYERS = (
    {'broken.h', 'heap.h', 'util.h', 'sys.h'},
    {'family.h', 'filter.h'},
    {'policy.h'},
    {'attrs.h', 'caps.h', 'exec.h', 'fail.h', 'fdpass.h', 'fds.h', 'helper.h', 'json.h',
     'ns.h', 'personality.h', 'procfile.h', 'rlimit.h', 'setting.h', 'signals.h', 'slurp.h',
     'write.h'},
    {'plan.h', 'trace.h'},
    {'ranges.h', 'rules.h'},
    {'caller.h', 'cause.h', 'claim.h', 'diagnose.h', 'env.h', 'envfile.h', 'join.h', 'sandbox.h',
     'sealed.h', 'subid.h', 'target.h', 'walls.h'},
    {'channel.h', 'children.h', 'dest.h', 'doze.h', 'events.h', 'idmap.h', 'label.h', 'landlock.h',
     'lock.h', 'mountinfo.h', 'net.h', 'pty.h', 'relay.h', 'seccomp.h', 'status.h', 'sysctl.h',
     'timens.h', 'trials.h', 'tty.h', 'wait.h'},
    {'fakeroot/listen.h', 'reach.h'},
    {'audit.h', 'command.h', 'create.h', 'dev.h', 'harbour.h', 'init.h', 'kernfs.h', 'mask.h',
     'mount.h', 'notify.h',
     'overlay.h', 'place.h', 'proc.h', 'spawn.h'},
    {'enter.h', 'inside.h', 'root.h'},
    {'builder.h'},
    {'forward.h', 'mapper.h', 'supervise.h', 'survivors.h', 'watcher.h'},
    {'launch.h'},
    {'handlers.h', 'parse.h'},
    {'options.h'},
    {'explain.h', 'fact.h', 'offers.h', 'probe.h', 'selftest.h'},
    {'facts.h'},
    {'main.h'},
)
HANDLERS = ('opt_command.c', 'opt_identity.c', 'opt_limits.c', 'opt_policy.c', 'opt_root.c',
            'opt_values.c')
OTHER_HEADER = {'cause_limit.c': 'cause.h', 'cause_permission.c': 'cause.h',
                'fact_identity.c': 'fact.h', 'fact_limits.c': 'fact.h', 'fact_ops.c': 'fact.h',
                'fact_walls.c': 'fact.h', 'parse.c': 'options.h', 'plan_check.c': 'plan.h',
                'plan_path.c': 'plan.h', 'probe_ids.c': 'probe.h', 'probe_walls.c': 'probe.h',
                'rules_join.c': 'rules.h', 'rules_masks.c': 'rules.h',
                'steps.c': 'sandbox.h',
                **{name: 'options.h' for name in HANDLERS}}
# words → plan: no I/O, so they include nothing that acts but for the exceptions
PURE = {'plan.c': {'ranges.h'}, 'plan_check.c': {'dev.h', 'mask.h', 'ranges.h', 'rules.h'},
        'rules.c': set(), 'options.c': set(), 'rules_join.c': set(), 'rules_masks.c': set(),
        'parse.c': set(),
        'ranges.c': set(),
        'explain.c': set(), 'fact.c': set(), 'fact_identity.c': set(), 'fact_limits.c': set(),
        'fact_ops.c': set(), 'fact_walls.c': set(),
        'facts.c': set(), **{name: set() for name in HANDLERS}}
ACTING = set().union(*LAYERS[LAYERS.index(next(row for row in LAYERS if 'caller.h' in row)):
                             LAYERS.index({'launch.h'}) + 1])
SEE_OPTIONS = {'main.c', 'options.c', 'options.h', 'parse.c', 'parse.h', 'explain.c', 'explain.h',
               'offers.c', *HANDLERS}


def tracked():
    """The files of the repository: tracked, or new and not ignored."""
    git = subprocess.run(['git', '-c', 'safe.directory=*', '-C', REPO, 'ls-files', '--cached',
                          '--others', '--exclude-standard', '-z'],
                         capture_output=True, check=False)
    if git.returncode == 0:
        names = git.stdout.decode().split('\0')
    else:
        names = [os.path.relpath(os.path.join(top, name), REPO)
                 for top, dirs, files in os.walk(REPO)
                 if not dirs.__setitem__(slice(None), [
                     d for d in dirs if d != '.git' and not d.startswith(('build', '__py'))])
                 for name in files]
    return sorted(n for n in set(names) if os.path.isfile(os.path.join(REPO, n)))


def read(name):
    """The text of a file of the repository."""
    with open(os.path.join(REPO, name), encoding='utf-8', errors='surrogateescape') as f:
        return f.read()


# --- rules about text: (name, text) -> complaints -------------------------------------------

def rule_spdx(name, text):
    """The licence stands within the first three lines."""
    if NO_SPDX.search(name) or SPDX in '\n'.join(text.split('\n')[:3]):
        return []
    return [f'{name}: no "{SPDX}" on top']


def rule_sentence(name, text):
    """After the licence a sentence says what the file is for."""
    if NO_SPDX.search(name):
        return []
    rest = text.partition(SPDX)[2].partition('\n')[2]
    match = re.match(r'\s*(/\*|"""|\.\\"|#|//|dnl)(.*)', rest, re.DOTALL)
    words = match[2].strip(' *\n#')[:200].split() if match else []
    if len(words) >= 4 and not words[0].startswith('!'):
        return []
    return [f'{name}: no sentence below the licence says what the file is for']


def rule_width(name, text):
    """No line is wider than the limit, with tabs of 8."""
    if NO_WIDTH.search(name):
        return []
    return [f'{name}:{number}: {len(line.expandtabs(8))} columns'
            for number, line in enumerate(text.split('\n'), 1)
            if len(line.expandtabs(8)) > WIDTH]


def rule_finished(name, text):
    """Nothing is left for later."""
    return [f'{name}:{number}: {line.strip()}' for number, line in enumerate(text.split('\n'), 1)
            if UNFINISHED.search(line)]


def rule_space(name, text):
    """No line ends in a blank, the last one ends."""
    if NO_SPDX.search(name):
        return []
    found = [f'{name}:{number}: blank at the end' for number, line
             in enumerate(text.split('\n'), 1) if line != line.rstrip()]
    return found + ([] if text.endswith('\n') else [f'{name}: the last line does not end'])


def rule_tabs(name, text):
    """C and shell are indented by tabs."""
    if not name.endswith(('.c', '.h')):
        return []
    return [f'{name}:{number}: indented by spaces' for number, line
            in enumerate(text.split('\n'), 1) if re.match(r' {2,}\S', line)]


def layer(header):
    """The row of a header in LAYERS, or None."""
    return next((i for i, row in enumerate(LAYERS) if header in row), None)


def rule_includes(name, text):
    """Includes of a file in src point down the table."""
    directory, base = os.path.split(name)
    if directory != 'src' or not base.endswith(('.c', '.h')):
        return []
    own = OTHER_HEADER.get(base, re.sub(r'\.c$', '.h', base))
    here = layer(own)
    if here is None:
        return [f'{name}: {own} has no row in LAYERS']
    found = []
    for number, line in enumerate(text.split('\n'), 1):
        match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
        if not match or match[1] == own:
            continue
        row, place = layer(match[1]), f'{name}:{number}: {match[1]}'
        if 'ctl/' in match[1]:
            found.append(f'{place}: the launcher does not know its front end')
        elif row is None:
            found.append(f'{place}: has no row in LAYERS')
        elif base in PURE and match[1] in ACTING - PURE[base]:
            found.append(f'{place}: acts on the system, {base} must not')
        elif row > here - base.endswith('.h') and match[1] not in PURE.get(base, ()):
            found.append(f'{place}: is above {own}')
        if match[1] == 'options.h' and base not in SEE_OPTIONS:
            found.append(f'{place}: only the front of the program knows the options')
    return found


def functions(text):
    """(name, first line, number of lines) of every function of a C file in the kernel's style."""
    lines, found, start, title = text.split('\n'), [], None, ''
    for number, line in enumerate(lines, 1):
        if re.match(r'[A-Za-z_].*\(', line) and start is None:
            title = re.search(r'(\w+)\s*\(', line)[1]
        if line == '{' and start is None:
            start = number
        elif line.startswith('}') and start is not None:
            found.append((title, start, number - start + 1))
            start = None
    return found


def rule_length(name, text):
    """Functions and files of src stay short."""
    if not re.match(r'src/.*\.c$', name):
        return []
    found = [f'{name}:{first}: {title} has {count} lines'
             for title, first, count in functions(text) if count > FUNCTION_LINES]
    count = text.count('\n')
    if count > FILE_LINES:
        found.append(f'{name}: {count} lines')
    return found


# --- rules about programs -------------------------------------------------------------------

def mutable_variables(obj):
    """Names of writable variables with static storage in an object file."""
    out = subprocess.run(['objdump', '-t', '-w', obj], capture_output=True, text=True,
                         check=True).stdout
    found = []
    for line in out.splitlines():
        match = re.match(r'[0-9a-f]+ .{7} (\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$', line)
        if not match or match[1] == match[3] or int(match[2], 16) == 0:
            continue
        section = match[1]
        if re.match(r'\.(data|bss|tdata|tbss)|\*COM\*', section) and \
           not section.startswith('.data.rel.ro'):
            found.append(match[3])
    return found


def libraries(program):
    """The NEEDED entries of a program."""
    out = subprocess.run(['readelf', '-d', '-W', program], capture_output=True, text=True,
                         check=True).stdout
    return re.findall(r'\(NEEDED\).*\[(.*)\]', out)


def privileged_files(top):
    """Files below top with a set-id bit or file capabilities."""
    found = []
    for directory, _, files in os.walk(top):
        for name in files:
            full = os.path.join(directory, name)
            if os.path.islink(full):
                continue
            if os.stat(full).st_mode & (stat.S_ISUID | stat.S_ISGID) or \
               'security.capability' in os.listxattr(full):
                found.append(full)
    return found


def unlisted(names, build):
    """The test files among names that tests/meson.build, whose text is build, does not run."""
    found = []
    for name in names:
        match = re.match(r'tests/(unit|sandbox|compat|root|security|faults|check|'
                         r'fakeroot)/'
                         r'test_(\w+)\.(c|py)$',
                         name) or \
            re.match(r'tests/(kernel)/(\w+)\.(c)$', name) or \
            re.match(r'tests/(fuzz)/fuzz_(\w+)\.(c)$', name)
        if not match:
            continue
        suites = ['check', 'budget'] if match[1] == 'check' else [match[1]]
        lists = re.findall(rf'^(?:{"|".join(suites)})_tests = \[(.*?)\]', build,
                           re.DOTALL | re.MULTILINE)
        if f"'{match[2]}'" not in ' '.join(lists):
            found.append(name)
    return found


def guards(text):
    """The names in src that a build for tests can take out."""
    return set(re.findall(r'BROKEN\("([^"]*)"\)', text))


def shell_dialect(name, text):
    """The dialect of a shell script, or None."""
    match = re.match(r'#!\s*(?:/usr)?/bin/(?:env )?(sh|bash|dash)\b', text)
    if match:
        return match[1]
    return 'bash' if name.endswith('.bash') else None


def shellcheck(dialect, text):
    """What shellcheck has to say."""
    return subprocess.run(['shellcheck', '-s', dialect, '-'], input=text, capture_output=True,
                          text=True, check=False).stdout.strip()


# --- the repository -------------------------------------------------------------------------

class Rules(Case):
    """The repository keeps the rules."""

    def complain(self, rule):
        found = []
        for name in tracked():
            found += rule(name, read(name))
        self.assertEqual(found, [], '\n' + '\n'.join(found))

    def build(self):
        build = os.environ.get('HUSK_BUILD', os.path.join(REPO, 'build'))
        self.assertTrue(os.path.isdir(build), f'{build} is not built')
        return build

    def test_spdx(self):
        self.complain(rule_spdx)

    def test_sentence(self):
        self.complain(rule_sentence)

    def test_width(self):
        self.complain(rule_width)

    def test_finished(self):
        self.complain(rule_finished)

    def test_space(self):
        self.complain(rule_space)

    def test_tabs(self):
        self.complain(rule_tabs)

    def test_includes(self):
        self.complain(rule_includes)

    def test_length(self):
        self.complain(rule_length)

    def test_shell(self):
        self.need('shellcheck')
        scripts = 0
        for name in tracked():
            text = read(name)
            dialect = shell_dialect(name, text)
            if dialect:
                scripts += 1
                with self.subTest(name):
                    self.assertEqual(shellcheck(dialect, text), '')
        self.assertGreater(scripts, 2)

    def test_every_test_is_listed(self):
        self.assertEqual(unlisted(tracked(), read('tests/meson.build')), [])

    def test_every_guard_is_missed(self):
        """What can be taken out in a build for tests has a test that must then fail."""
        found = set().union(*(guards(read(n)) for n in tracked()
                              if re.match(r'src/.*\.c$', n)))
        missed = ','.join(guard for n in tracked() if re.match(r'tests/security/test_.*\.py$', n)
                          for guard in table(os.path.join(REPO, n)))
        self.assertEqual(found, set(missed.split(',')))

    def test_no_guard_can_be_taken_out(self):
        """Nothing of it is in the programs."""
        with open(HUSK, 'rb') as f:
            program = f.read()
        names = set().union(*(guards(read(n)) for n in tracked() if n.startswith('src/')))
        self.assertGreater(len(names), 1)
        for name in ('HUSK_BROKEN', *names):
            self.assertNotIn(b'\0' + name.encode() + b'\0', b'\0' + program)

    def test_what_can_be_broken_is_no_release(self):
        r = self.run_cmd(['/usr/bin/meson', 'setup', '-Dbroken=true', self.path('build'), REPO],
                         timeout=self.time_limit)
        self.assertFails(r, 1)
        self.assertIn('for tests alone', r.out)

    def test_no_mutable_variables(self):
        objects = []
        for directory, _, files in os.walk(self.build()):
            objects += [os.path.join(directory, f) for f in files
                        if re.match(r'(src_)?\w[\w-]*\.c\.o$', f) and
                        re.search(r'(husk|core)[\w.-]*\.p(/src)?$', directory)]
        checked = [o for o in objects if not o.endswith('main.c.o')]
        self.assertGreater(len(checked), 5, objects)
        found = [f'{os.path.basename(o)}: {v}' for o in checked for v in mutable_variables(o)]
        self.assertEqual(found, [])

    def test_needs_libc_only(self):
        extra = [lib for lib in libraries(HUSK) if not re.match(r'(libc\.|ld-)', lib)]
        self.assertEqual(extra, [])

    def test_install_has_no_privileged_file(self):
        env = dict(os.environ, DESTDIR=self.dir)
        r = self.run_cmd(['/usr/bin/meson', 'install', '--no-rebuild', '-C', self.build()],
                         env=env, cwd=REPO, timeout=self.time_limit)
        self.assertRuns(r)
        programs = [n for n in self.tree(self.dir) if n.endswith('/bin/husk')]
        self.assertEqual(len(programs), 1, r)
        self.assertEqual(privileged_files(self.dir), [])


    def test_install_of_the_apparmor_profile(self):
        build = self.path('build')
        self.assertRuns(self.run_cmd(['/usr/bin/meson', 'setup', '--prefix=/opt/x',
                                      '-Dapparmor=enabled', build, REPO], timeout=self.time_limit))
        with open(os.path.join(build, 'packaging', 'husk'), encoding='utf-8') as f:
            profile = f.read()
        self.assertIn('profile husk /opt/x/bin/husk ', profile)
        self.assertIn('userns,', profile)
        plan = self.run_cmd(['/usr/bin/meson', 'introspect', '--installed', build])
        self.assertRuns(plan)
        self.assertIn('apparmor.d/husk', plan.out)


# --- every rule sees what breaks it ---------------------------------------------------------

GOOD = f'/* {SPDX} */\n/* What this file is for, in a sentence. */\n#include "util.h"\n'


class Planted(Case):
    """Each rule complains of a file that breaks it, and not of one that keeps it."""

    def both(self, rule, name, bad, good=GOOD):
        self.assertEqual(rule(name, good), [])
        self.assertNotEqual(rule(name, bad), [])

    def test_spdx(self):
        self.both(rule_spdx, 'src/mount.c', '/* Mounts what is to be mounted. */\n')

    def test_sentence(self):
        self.both(rule_sentence, 'src/mount.c', f'/* {SPDX} */\n#include "util.h"\n')
        self.both(rule_sentence, 'tools/x', f'#!/bin/sh\n# {SPDX}\nset -e\n',
                  f'#!/bin/sh\n# {SPDX}\n# Does what is needed.\n')

    def test_width(self):
        self.both(rule_width, 'src/mount.c', GOOD + 'x' * 101 + '\n')
        self.both(rule_width, 'src/mount.c', GOOD + '\t' * 12 + 'xxxxx\n')

    def test_finished(self):
        self.both(rule_finished, 'src/mount.c', GOOD + '/* FIX' + 'ME */\n')

    def test_space(self):
        self.both(rule_space, 'src/mount.c', GOOD + 'int x; \n')
        self.both(rule_space, 'src/mount.c', GOOD + 'int x;')

    def test_tabs(self):
        self.both(rule_tabs, 'src/mount.c', GOOD + 'int f(void)\n{\n    return 0;\n}\n')

    def test_includes(self):
        for name, header in (('mount.c', 'options.h'), ('mount.c', 'launch.h'),
                             ('dest.c', 'mount.h'), ('mount.h', 'dev.h'),
                             ('caps.c', 'plan.h'), ('launch.c', 'options.h'),
                             ('launch.c', 'ctl/run.h'), ('options.c', 'mount.h'),
                             ('mount.c', 'unknown.h'), ('unknown.c', 'util.h')):
            with self.subTest(f'{name} {header}'):
                self.assertNotEqual(rule_includes(f'src/{name}', f'#include "{header}"\n'), [])
        self.assertEqual(rule_includes('src/mount.c', '#include "dev.h"\n'), [])
        self.assertEqual(rule_includes('src/main.c', '#include "options.h"\n'), [])

    def test_length(self):
        body = 'int f(void)\n{\n' + '\tg();\n' * 78 + '}\n'
        self.both(rule_length, 'src/mount.c', body.replace('{\n', '{\n\tg();\n'), body)
        self.both(rule_length, 'src/mount.c', GOOD * 167)

    def test_shell(self):
        self.need('shellcheck')
        self.assertEqual(shellcheck('sh', '#!/bin/sh\necho "$1"\n'), '')
        self.assertNotEqual(shellcheck('sh', '#!/bin/sh\nrm $1\n'), '')
        self.assertEqual(shell_dialect('x', '#!/bin/sh\n'), 'sh')
        self.assertIsNone(shell_dialect('x', '#!/usr/bin/python3\n'))

    def test_unlisted(self):
        build = "unit_tests = [\n  'caps',\n]\nkernel_tests = [\n]\n"
        self.assertEqual(unlisted(['tests/unit/test_caps.c', 'tests/lib/tap.h'], build), [])
        for name in ('tests/unit/test_plan.c', 'tests/kernel/caps.c', 'tests/root/test_caps.py',
                     'tests/security/test_caps.py'):
            self.assertEqual(unlisted([name], build), [name])

    def compile(self, name, text, *flags):
        out = self.path(name)
        r = self.run_cmd(['cc', '-x', 'c', '-', '-o', out, *flags], input=text)
        self.assertRuns(r)
        return out

    def test_mutable_variables(self):
        for text in ('int x;', 'static int x; int f(void) { return x++; }', 'int x = 5;',
                     'int f(void) { static int x; return x++; }', '_Thread_local int x;',
                     'const char *x = "a";'):
            with self.subTest(text):
                found = mutable_variables(self.compile('o', text, '-c'))
                self.assertEqual([v.partition('.')[0] for v in found], ['x'])
        good = 'const int a[] = { 1 }; const char *const x[] = { "a" }; int f(void) { return 0; }'
        self.assertEqual(mutable_variables(self.compile('o', good, '-c', '-fPIE')), [])

    def test_libraries(self):
        text = 'int main(void) { return 0; }'
        self.assertEqual(libraries(self.compile('p', text)), ['libc.so.6'])
        linked = self.compile('p', text, '-Wl,--no-as-needed', '-lm')
        self.assertIn('libm.so.6', libraries(linked))

    def test_privileged_files(self):
        program = self.write('bin/x', mode=0o755)
        self.assertEqual(privileged_files(self.dir), [])
        os.chmod(program, 0o4755)
        self.assertEqual(privileged_files(self.dir), [program])
        os.chmod(program, 0o2755)
        self.assertEqual(privileged_files(self.dir), [program])
        if os.geteuid() == 0 and shutil.which('setcap'):
            os.chmod(program, 0o755)
            self.assertRuns(self.run_cmd(['setcap', 'cap_setuid+ep', program]))
            self.assertEqual(privileged_files(self.dir), [program])


if __name__ == '__main__':
    main(drop=False, needs_husk=False)
