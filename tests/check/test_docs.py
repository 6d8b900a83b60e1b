#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of options, --help, the manual and the completions say the same, and say it right.

The comparisons are functions that return complaints; Planted.test_* show each of them something
that is wrong. The completions are also used: by bash and zsh at a terminal, and by fish.
"""

import os
import re
import runpy
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import BWRAP, HUSK, PYTHON, REPO, Case, main  # noqa: E402

BUILD = os.environ.get('HUSK_BUILD', os.path.join(REPO, 'build'))


def read(*names):
    """The text of a file, or None where there is none."""
    try:
        with open(os.path.join(*names), encoding='utf-8') as f:
            return f.read()
    except FileNotFoundError:
        return None


# read before the change to an ordinary user, who may not see the repository
MANUAL = read(REPO, 'man', 'husk.1')
README = read(REPO, 'README.md')
GENERATOR = read(REPO, 'tools', 'gen-completions')
BUILT = {'bash': read(BUILD, 'completions', 'husk'), 'zsh': read(BUILD, 'completions', '_husk'),
         'fish': read(BUILD, 'completions', 'husk.fish')}
SOURCES = [n for n in os.listdir(os.path.join(REPO, 'src')) if n.endswith(('.c', '.h'))]


class Option:
    """An option, as the table, --help or the manual has it; for whom is None where unsaid."""

    def __init__(self, name, operands, group=None, whom=None, text=None):
        self.name, self.operands, self.group = name, operands, group
        self.whom, self.text = whom, text

    def __repr__(self):
        return f'{self.name} {self.operands}'.strip()


def key(title):
    """The table's word for a group with this title."""
    return re.match('(?:The )?([a-z]+)', title, re.IGNORECASE)[1].lower()


# --- readers --------------------------------------------------------------------------------

def read_dump(text):
    """The options and the names of capabilities that --dump-options prints."""
    options, capabilities = [], []
    for line in text.splitlines():
        fields = line.split('\t')
        if fields[0] == 'cap':
            capabilities.append(fields[1])
        else:
            name, operands, group, whom, about = fields
            options.append(Option(name, operands, group, whom, about))
    return options, capabilities


def read_help(text):
    """The options that --help prints, each on a line of its own below the title of its group."""
    options, group = [], None
    for line in text.splitlines():
        match = re.match(r' +(--[\w-]+)((?: [A-Z]{2,}(?= ))*) +(\S.*)$', line)
        if match:
            options.append(Option(match[1], match[2].strip(), key(group), None, match[3]))
        elif re.match(r'\S.*:$', line):
            group = line[:-1]
    return options


def read_manual(text):
    """The options of the manual: a tagged list in each subsection of OPTIONS."""
    options, group = [], None
    for line in text.partition('\n.Sh OPTIONS\n')[2].partition('\n.Sh ')[0].splitlines():
        if line.startswith('.Ss '):
            group = key(line[4:])
        elif line.startswith('.It Fl '):
            name, _, operands = line[7:].partition(' Ar ')
            options.append(Option('-' + name, operands, group, 'both', ''))
        elif options:
            options[-1].text += line + '\n'
            if options[-1].text.endswith('\n.Nm husk\nonly.\n'):
                options[-1].whom = 'husk'
    return options


def read_completion(shell, text):
    """The names of the options that a completion offers."""
    if shell == 'bash':
        return re.findall(r'--[\w-]+', re.search(r"_words '((?:\s+--[\w-]+)+)'", text)[1])
    if shell == 'zsh':
        return re.findall(r"^    '\*(--[\w-]+)\[", text, re.MULTILINE)
    return ['--' + name for name in re.findall(r'^complete .* -l ([\w-]+) ', text, re.MULTILINE)]


# --- comparisons: each returns complaints ---------------------------------------------------

def compare(table, options, fields):
    """How options differ from those of the table: missing, too many, or different in fields."""
    rows, found = {o.name: o for o in table}, {o.name: o for o in options}
    complaints = [f'{name} is missing' for name in rows if name not in found]
    complaints += [f'{name} does not exist' for name in found if name not in rows]
    complaints += [f'{o.name} is there twice' for o in options if found[o.name] is not o]
    for name in rows.keys() & found.keys():
        for field in fields:
            want, have = getattr(rows[name], field), getattr(found[name], field)
            if want != have:
                complaints.append(f'{name}: the {field} should be "{want}", not "{have}"')
    return complaints


def titles(text, pattern):
    """The titles of groups in a text, in order."""
    return re.findall(pattern, text, re.MULTILINE)


def compare_groups(table, options):
    """Groups of the table that are missing; within each the names must be sorted."""
    complaints = []
    groups = list(dict.fromkeys(o.group for o in options))
    for group in groups:
        names = [o.name for o in options if o.group == group]
        if names != sorted(names):
            complaints.append(f'{group}: not sorted')
    if set(groups) != {o.group for o in table}:
        complaints.append(f'the groups are {groups}')
    return complaints


def unknown_options(table, text):
    """Words of a text that look like options of husk and are none."""
    return sorted({word for word in re.findall(r'(?<![\w-])--[a-z][\w-]*', text)
                   if word not in {o.name for o in table}})


def unnamed_sources(sources, readme):
    """Source files without a place in the readme's map, and places without a source file."""
    rows = readme.partition('| in `src` |')[2].partition('\n\n')[0].splitlines()[2:]
    named = {name for row in rows for name in re.findall(r'`([\w-]+)`', row.split('|')[1])}
    there = {name[:-2] for name in sources}
    return sorted(there ^ named)


# --- the documents --------------------------------------------------------------------------

class TableCase(Case):
    """A test that compares something with the table of options."""

    def setUp(self):
        super().setUp()
        r = self.husk('--dump-options')
        self.assertRuns(r)
        self.table, self.capabilities = read_dump(r.out)
        self.assertGreater(len(self.table), 50)

    def agree(self, complaints):
        self.assertEqual(complaints, [], '\n' + '\n'.join(complaints))

    def for_whom(self, program):
        return self.table if program == HUSK else [o for o in self.table if o.whom == 'both']


class Documents(TableCase):
    """What is written agrees with the table."""

    def test_table(self):
        names = [o.name for o in self.table]
        self.assertEqual(names, sorted(set(names)))
        for o in self.table:
            self.assertIn(o.whom, ('both', 'husk'), o)
            self.assertRegex(o.name, r'^--[a-z][a-z0-9-]+$')
            self.assertRegex(o.operands, r'^([A-Z]+( [A-Z]+)*)?$', o)
            self.assertRegex(o.text, r'^[A-Z].{5,}[^.]$', o)

    def test_capabilities(self):
        self.assertEqual(self.capabilities[0], 'cap_chown')
        self.assertGreater(len(self.capabilities), 40)
        for name in self.capabilities:
            self.assertRegex(name, '^cap_[a-z_]+$')

    def test_help(self):
        for program in (HUSK, BWRAP):
            r = self.run_cmd([program, '--help'])
            self.assertRuns(r)
            options, table = read_help(r.out), self.for_whom(program)
            self.agree(compare(table, options, ('operands', 'group', 'text')) +
                       compare_groups(table, options))

    def test_help_fits_the_terminal(self):
        for line in self.husk('--help').out.splitlines():
            self.assertLessEqual(len(line), 100, line)

    def test_manual(self):
        self.agree(compare(self.table, read_manual(MANUAL), ('operands', 'group', 'whom')))

    def test_manual_is_in_the_order_of_help(self):
        options = read_manual(MANUAL)
        self.agree(compare_groups(self.table, options))
        shown = self.husk('--help').out
        self.assertEqual([o.name for o in options], [o.name for o in read_help(shown)])
        section = MANUAL.partition('\n.Sh OPTIONS\n')[2].partition('\n.Sh ')[0]
        self.assertEqual(titles(section, r'^\.Ss (.*)$'), titles(shown, r'^([A-Z].*):$'))

    def test_manual_explains_every_option(self):
        for o in read_manual(MANUAL):
            self.assertGreater(len(o.text), 10, o)

    def test_manual_names_no_other_option(self):
        words = re.sub(r'\bFl -([a-z])', r'--\1', MANUAL)
        words = re.sub(r'^\.Fl ((?:-\S+ , )+-\S+)', lambda m: '-' + m[1].replace(' -', ' --'),
                       words, flags=re.MULTILINE)
        words = re.sub('--option=value|--variant=minbase', '', words)
        self.agree(unknown_options(self.table, words.replace('\\-', '-')))

    def test_manual_is_clean(self):
        self.need('mandoc')
        r = self.run_cmd(['mandoc', '-T', 'lint', '-W', 'warning'], input=MANUAL)
        self.assertRuns(r, '')

    def test_manual_renders(self):
        self.need('mandoc')
        r = self.run_cmd(['mandoc', '-T', 'ascii', '-O', 'width=1000'], input=MANUAL)
        self.assertRuns(r)
        text = re.sub('.\b', '', r.out)
        self.agree([f'{o} is not shown' for o in self.table
                    if not re.search(rf'^ +{o}(  |$)', text, re.MULTILINE)])

    def test_readme_names_no_other_option(self):
        others = ['--fork', '--pid', '--variant']
        found = [o for o in unknown_options(self.table, README) if o not in others]
        self.agree(found)

    def test_readme_maps_the_sources(self):
        self.agree(unnamed_sources(SOURCES, README))


# --- completions ----------------------------------------------------------------------------

SHELLS = ('bash', 'zsh', 'fish')
# a command with a completion of its own, for each shell
OWN = {'bash': "complete -W 'special speciality' thing",
       'zsh': '_thing() { compadd special speciality }; compdef _thing thing',
       'fish': "complete -c thing -f -a 'special speciality'"}
BASH_START = '''
. /usr/share/bash-completion/bash_completion
bind 'set show-all-if-ambiguous on'
bind 'set completion-query-items 10000'
bind 'set page-completions off'
bind 'set enable-bracketed-paste off'
'''
ZSH_START = '''
fpath=($PWD $fpath)
autoload -Uz compinit
compinit -D -u
LISTMAX=10000
zstyle ':completion:*' verbose no
bindkey '^I' list-choices
'''


class Completions(TableCase):
    """The completions agree with the table, and complete."""

    def generate(self, shell, name='husk', program=None):
        tool = self.write('gen-completions', GENERATOR)
        return self.run_cmd([PYTHON, '-B', tool, shell, name, program or HUSK])

    def completion(self, shell, name='husk'):
        r = self.generate(shell, name)
        self.assertRuns(r)
        return r.out

    def test_same_options(self):
        for shell in SHELLS:
            for name, program in (('husk', HUSK), ('bwrap', BWRAP)):
                words = read_completion(shell, self.completion(shell, name))
                self.assertEqual(words, [o.name for o in self.for_whom(program)], shell)

    def test_operands_of_zsh(self):
        text = self.completion('zsh')
        for o in self.table:
            spec = re.search(rf"^    '\*{o.name}\[.*\](.*)' \\$", text, re.MULTILINE)[1]
            self.assertEqual(re.findall(r':([A-Z]+):', spec), o.operands.split(), o)

    def test_what_was_built(self):
        for shell in SHELLS:
            self.assertEqual(BUILT[shell], self.completion(shell))

    def test_licence(self):
        for shell in SHELLS:
            self.assertIn('SPDX-License-Identifier: LGPL-2.1-or-later\n', self.completion(shell))

    def test_new_kind_of_operand(self):
        fake = self.write('fake', "#!/bin/sh\nprintf -- '--x\\tNOVEL\\tGroup\\tboth\\tHelp\\n'\n",
                          0o755)
        self.assertFails(self.generate('bash', program=fake), err="KeyError: 'NOVEL'")

    def test_syntax(self):
        for shell in SHELLS:
            self.need(shell)
            for name in ('husk', 'bwrap'):
                path = self.write('c', self.completion(shell, name))
                r = self.run_cmd([shell, '-n', path])
                self.assertRuns(r, '')
                self.assertEqual(r.err, '', r)

    def test_shellcheck(self):
        self.need('shellcheck')
        self.assertRuns(self.run_cmd(['shellcheck', '-s', 'bash', '-'],
                                     input=self.completion('bash')), '')

    # at work: a line up to the cursor → the words offered

    def offered_by_fish(self, lines, name):
        self.write('husk.fish', self.completion('fish', name) + OWN['fish'])
        found = []
        for line in lines:
            r = self.run_cmd(['fish', '--no-config', '-c', 'source husk.fish; complete -C $argv',
                              line], env=dict(os.environ, HOME=self.dir, VARIATION='x'))
            self.assertRuns(r)
            self.assertEqual(r.err, '')
            found.append([word.partition('\t')[0] for word in r.out.splitlines()])
        return found

    def offered_at_a_terminal(self, argv, start, lines):
        """Type each line and a tab at the prompt; return the words that then appear."""
        ends = [f'prompt-{n}-is-here ' for n in range(len(lines) + 1)]
        # a prompt is there when the line editor is; quotes keep what is typed from looking like it
        typed = [f"{line}\t\x15PS1='{end[:4]}''{end[4:]}'\n" for line, end in zip(lines, ends[1:])]
        expect = list(zip(ends, typed + ['exit\n']))
        env = dict(os.environ, HOME=self.dir, VARIATION='x', HISTFILE='/dev/null',
                   PATH=self.path('bin') + ':' + os.environ['PATH'])
        path = self.write('start', start)
        begin = f". {path}; PS1='{ends[0][:4]}''{ends[0][4:]}'\n"
        r = self.pty(argv, input=begin, expect=expect, env=env)
        self.assertFalse(r.timed_out, r)
        text, found = r.out, []
        for line in lines:
            text = text[text.index(line) + len(line):]
            shown, _, text = text.partition("PS1='")
            found.append(re.sub(r'\x1b\[[?\d;]*\w', ' ', shown).split())
        return found

    def offered(self, shell, lines, name='husk'):
        self.need(shell)
        if shell == 'fish':
            return self.offered_by_fish(lines, name)
        if shell == 'bash':
            start = BASH_START + self.completion('bash', name) + OWN['bash']
            return self.offered_at_a_terminal(['bash', '--norc', '--noprofile', '-i'], start,
                                              lines)
        self.write('_' + name, self.completion('zsh', name))
        return self.offered_at_a_terminal(['zsh', '-f', '-i'], ZSH_START + OWN['zsh'], lines)

    def check_offers(self, shell, cases, name='husk'):
        """Each case is a line, words that must be offered, words that must not."""
        for offers, (line, wanted, unwanted) in zip(
                self.offered(shell, [line for line, _, _ in cases], name), cases):
            self.assertLessEqual(set(wanted), set(offers), f'{shell}: {line}')
            self.assertEqual(set(unwanted) & set(offers), set(), f'{shell}: {line}')

    def check_all(self, shell):
        self.mkdir('place-a')
        self.mkdir('place-b')
        self.write('place-c')
        places, files = ['place-a/', 'place-b/'], ['place-c']
        self.check_offers(shell, [
            ('husk --unshare-c', ['--unshare-cgroup', '--unshare-cgroup-try'], ['--unshare-uts']),
            ('husk --bind place-a place-b --ma', ['--map-root-user', '--map-current-user'], []),
            ('husk --ro-bind pla', places + files, []),
            ('husk --ro-bind /usr pla', places + files, []),
            ('husk --ro-bind /usr /usr --ro-bind-', ['--ro-bind-data', '--ro-bind-fd'], places),
            ('husk --chdir pla', places, files),
            ('husk --overlay place-a pla', places, files),
            ('husk --perms 07', ['0700', '0755'], ['0600']),
            ('husk --umask 00', ['0022', '0077'], ['0700']),
            ('husk --mount-flags no', ['noexec', 'nosymfollow'], ['ro']),
            ('husk --mount-flags ro,nos', [('' if shell == 'zsh' else 'ro,') + 'nosuid'], []),
            ('husk --deny-syscalls mount,proc',
             [('' if shell == 'zsh' else 'mount,') + 'process_vm_readv'], []),
            ('husk --deny-socket-families inet', ['inet', 'inet6'], ['unix']),
            ('husk --landlock-tcp ', ['bind:', 'connect:'], []),
            ('husk --sysctl net.ipv4.ip_', ['net.ipv4.ip_forward='], ['kernel.sem=']),
            ('husk --rlimit n', ['nice=', 'nofile=', 'nproc='], ['core=']),
            ('husk --file ', ['0', '3', '9'], places),
            ('husk --file 3 pla', places + files, []),
            ('husk --cap-drop cap_net_', ['cap_net_admin', 'cap_net_raw'], ['cap_chown']),
            ('husk --setenv VARI', ['VARIATION'] if shell == 'fish' else [], places),
            ('husk --hostname --uns', [], ['--unshare-all']),
            ('husk -- thing spec', ['special', 'speciality'], []),
            ('husk thing spec', ['special', 'speciality'], []),
            ('husk --unshare-all --bind / / -- thing spec', ['special', 'speciality'], []),
            ('husk --bind / / thing --uns', [], ['--unshare-all', '--unshare-net']),
        ])

    def test_words_that_husk_takes(self):
        """The lists that the table does not hold are those that the program knows."""
        for option, bad, end in (('--mount-flags', 'x', ''), ('--rlimit', 'x=1', '=')):
            r = self.husk(option, bad, 'true')
            words = re.search('hint: (?:the flags are|as) ([a-z ]+?)(?:, with .*)?\n', r.err)[1]
            for shell in SHELLS:
                offered = re.sub(r'[\s,\\]+', ' ', BUILT[shell])
                listed = [word + end for word in words.removeprefix('as ').split()]
                self.assertIn(' '.join(listed), offered, shell)

    def test_words_that_are_taken(self):
        """Everything that is offered for what the table does not hold."""
        generator = runpy.run_path(os.path.join(REPO, 'tools', 'gen-completions'),
                                   run_name='generator')
        for option, words in (('--deny-syscalls', generator['LISTS']['calls']),
                              ('--deny-socket-families', generator['LISTS']['families'])):
            self.assertRuns(self.husk('--explain', option, ','.join(words), 'true'))
        for word in generator['WORDS']['setting']:
            self.assertRuns(self.husk('--explain', '--unshare-all', '--sysctl', word + '1', 'true'))

    def test_bash_completes(self):
        self.check_all('bash')

    def test_zsh_completes(self):
        self.check_all('zsh')

    def test_fish_completes(self):
        self.check_all('fish')

    def test_other_name(self):
        for shell in SHELLS:
            self.check_offers(shell, [
                ('bwrap --unshare-', ['--unshare-all', '--unshare-pid'], ['--unshare-time']),
                ('bwrap -- thing spec', ['special', 'speciality'], [])], 'bwrap')

    def test_commands(self):
        self.write('bin/thingumabob', '#!/bin/sh\n', 0o755)
        self.write('bin/thingumajig', '#!/bin/sh\n', 0o755)
        for shell in ('bash', 'zsh'):
            self.check_offers(shell, [
                (f'husk {words}thingum', ['thingumabob', 'thingumajig'], [])
                for words in ('', '-- ', '--tmpfs /tmp ')])

    def test_parts_of_a_word_in_bash(self):
        self.mkdir('a:b=c')
        self.write('a:b=c/one')
        self.write('a:b=c/once')
        self.check_offers('bash', [
            ('husk --setenv A=B:C D=E --unshare-c', ['--unshare-cgroup', '--unshare-cgroup-try'],
             []),
            ('husk --bind a:b=c/on', ['one', 'once'], ['a:b=a:b=c/on']),
            ('husk --bind a:', ['b\\=c'], [':b\\=c'])])

    def test_bash_without_bash_completion(self):
        self.need('bash')
        self.mkdir('place-a')
        self.mkdir('place-b')
        start = BASH_START.replace('. /usr', ': /usr') + self.completion('bash') + OWN['bash']
        lines = ['husk --unshare-c', 'husk --bind pla', 'husk -- ls pla']
        found = self.offered_at_a_terminal(['bash', '--norc', '--noprofile', '-i'], start, lines)
        self.assertIn('--unshare-cgroup-try', found[0])
        for offers in found[1:]:
            self.assertLessEqual({'place-a/', 'place-b/'}, set(offers))


# --- every comparison sees what is wrong ----------------------------------------------------

class Planted(Case):
    """The comparisons complain of what is wrong, and only of that."""

    DUMP = ('--bind\tSRC DEST\troot\tboth\tBind SRC on DEST\n'
            '--explain\t\tgeneral\thusk\tPrint the plan\ncap\tcap_chown\n')
    MANUAL = ('.Sh NAME\n.Sh OPTIONS\n.Ss General\n.Bl\n.It Fl -explain\nPrint.\n.Nm husk\nonly.\n'
               '.El\n.Ss The root, in order\n.Bl\n.It Fl -bind Ar SRC DEST\nBind.\n.El\n'
               '.Sh DEFAULTS\n')
    HELP = 'General:\n  --explain        Print the plan\n\nThe root, in order:\n' \
           '  --bind SRC DEST  Bind SRC on DEST\n'

    def setUp(self):
        super().setUp()
        self.table, _ = read_dump(self.DUMP)

    def manual(self, old, new):
        return compare(self.table, read_manual(self.MANUAL.replace(old, new)),
                       ('operands', 'group', 'whom'))

    def test_right(self):
        self.assertEqual(self.manual('', ''), [])
        self.assertEqual(compare(self.table, read_help(self.HELP), ('operands', 'group', 'text')),
                         [])

    def test_missing(self):
        self.assertEqual(self.manual('.It Fl -bind Ar SRC DEST\n', ''), ['--bind is missing'])

    def test_too_many(self):
        self.assertEqual(self.manual('.It Fl -bind', '.It Fl -band\n.It Fl -bind'),
                         ['--band does not exist'])

    def test_twice(self):
        self.assertEqual(self.manual('.It Fl -bind', '.It Fl -bind Ar SRC DEST\n.It Fl -bind'),
                         ['--bind is there twice'])

    def test_operands(self):
        self.assertEqual(self.manual('SRC DEST', 'DEST SRC'),
                         ['--bind: the operands should be "SRC DEST", not "DEST SRC"'])

    def test_group(self):
        self.assertEqual(self.manual('.Ss The root, in order\n', ''),
                         ['--bind: the group should be "root", not "general"'])

    def test_for_whom(self):
        self.assertEqual(self.manual('.Nm husk\nonly.\n', ''),
                         ['--explain: the whom should be "husk", not "both"'])

    def test_help(self):
        wrong = read_help(self.HELP.replace('Print the', 'Print a'))
        self.assertEqual(compare(self.table, wrong, ('text',)),
                         ['--explain: the text should be "Print the plan", not "Print a plan"'])

    def test_groups(self):
        options = read_help(self.HELP)
        self.assertEqual(compare_groups(self.table, options), [])
        options.append(Option('--asleep', '', 'root'))
        self.assertEqual(compare_groups(self.table, options), ['root: not sorted'])
        self.assertEqual(compare_groups(self.table, options[:1]), ["the groups are ['general']"])

    def test_unknown_options(self):
        self.assertEqual(unknown_options(self.table, 'x --bind a --explain `--bund` --- a--b'),
                         ['--bund'])

    def test_sources(self):
        readme = '| in `src` | what |\n|---|---|\n| `main`, `plan` | `x` |\n| `fail` | y |\n\n`z`'
        self.assertEqual(unnamed_sources(['main.c', 'plan.c', 'plan.h', 'fail.h'], readme), [])
        self.assertEqual(unnamed_sources(['main.c', 'plan.c', 'new.c'], readme), ['fail', 'new'])

    def test_completion(self):
        self.assertEqual(read_completion('bash', "    _husk_words '\n  --a --b\n  --c'\n"),
                         ['--a', '--b', '--c'])
        self.assertEqual(read_completion('zsh', "    '*--a[x]' \\\n    '*--b[y]:D:_files' \\\n"),
                         ['--a', '--b'])
        self.assertEqual(read_completion('fish', "complete -c husk -l a -d 'x'\n"), ['--a'])


if __name__ == '__main__':
    main()
