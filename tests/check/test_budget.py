#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts of a launch that do not move with the machine: its system calls, and, hardly, page faults.

A count over its budget is a step backwards even where no clock shows it. A budget may be lowered;
raising one needs a reason in the commit.
"""

import os
import re
import signal
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import BWRAP, HUSK, Case, main  # noqa: E402

SMALL = ['--unshare-all', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc']


class Budget(Case):
    """All processes of a launch are counted, with husk's own loader, until the command runs.

    What the command does after its execve, its loader too, is its own: those calls are told by
    their process, which is the one that executed it.
    """

    def calls(self, *argv):
        """The system calls of the launch of argv, as strace prints them."""
        self.need('strace')
        log = self.path('log')
        env = dict(os.environ)
        env.pop('HUSK_TRACE', None)
        r = self.run_cmd(['strace', '-f', '-qq', '-o', log, *argv], env=env, timeout=60)
        self.assertRuns(r)
        with open(log, encoding='utf-8', errors='replace') as f:
            lines = [line.strip().partition(' ')[::2] for line in f]
        lines = [(pid, call.strip()) for pid, call in lines
                 if re.match(r'[a-z]\w*\(', call.strip())]
        # the first execve is husk's own, the second the command's
        first, second = [i for i, (_, call) in enumerate(lines) if call.startswith('execve(')]
        self.assertEqual(first, 0)
        command = lines[second][0]
        return [call for i, (pid, call) in enumerate(lines) if i <= second or pid != command]

    def within(self, budget, calls):
        """There are no more calls than the budget; the message shows where they go."""
        counts = {}
        for call in calls:
            name = call.partition('(')[0]
            counts[name] = counts.get(name, 0) + 1
        most = sorted(counts.items(), key=lambda item: -item[1])
        self.assertLessEqual(len(calls), budget, most)
        self.assertIn('execve', counts)

    def is_dynamic(self):
        """Whether the calls and faults of a loader are counted too."""
        self.need('readelf')
        return 'INTERP' in subprocess.run(['readelf', '-lW', HUSK], capture_output=True, text=True,
                                          check=True).stdout

    def small(self, program, budget):
        """The calls of a small sandbox are within the budget, but for those of the self-audit that
        each mount is asked about by: half the time of the few that would read them as text."""
        calls = self.calls(program, *SMALL, '--', '/bin/true')
        asked = [c for c in calls if c.startswith(('statmount(', 'syscall_0x1c9('))]
        self.within(budget + (25 if self.is_dynamic() else 0), [c for c in calls if c not in asked])
        with open('/proc/self/mountinfo', encoding='utf-8', errors='replace') as f:
            # those of a new /dev and /proc are asked where they are as well
            self.assertLessEqual(len(asked), len(f.readlines()) + 2 * 15)

    def test_small_as_husk(self):
        self.small(HUSK, 164)

    def test_small_as_bwrap(self):
        # pid 1 that is to sleep with little memory has asked to be woken for that: two calls
        self.small(BWRAP, 158)

    def test_file_systems_made(self):
        """A tmpfs takes as long to make and to end as fifty binds: what nobody sees shares one."""
        clones = self.has_kernel(6, 15)  # of detached mounts
        for args, husk, bwrap in ((SMALL, 1 if clones else 2, 1),
                                  (('--unshare-all', '--ro-bind', '/usr', '/usr', '--symlink',
                                    'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64',
                                    '--symlink', 'usr/bin', '/bin', '--dev', '/dev', '--proc',
                                    '/proc', '--tmpfs', '/tmp'), 3 if clones else 4, 3)):
            for program, number in ((HUSK, husk), (BWRAP, bwrap)):
                with self.subTest(os.path.basename(program), args=args[:3]):
                    made = [c for c in self.calls(program, *args, '--', '/bin/true')
                            if c.startswith('fsopen("tmpfs"')]
                    self.assertEqual(len(made), number, made)

    def test_fake_root_is_one_call(self):
        """A filter is loaded, with --fake-root alone."""
        for args, number in (((), 0), (('--fake-root',), 1)):
            calls = self.calls(HUSK, *SMALL, *args, '--', '/bin/true')
            filters = [c for c in calls if c.startswith(('prctl(PR_SET_SECCOMP', 'seccomp('))]
            self.assertEqual(len(filters), number, filters)

    def test_no_fork_of_the_c_library(self):
        """It blocks and unblocks all signals around a call that is made once."""
        for args in ((), SMALL):
            with self.subTest(args):
                calls = self.calls(HUSK, *args, '--', '/bin/true')
                masks = [c for c in calls if c.startswith('rt_sigprocmask(')]
                self.assertLessEqual(len(masks), 3, masks)

    def per_bind(self, program):
        counts = []
        for number in (100, 200):
            words = [w for i in range(number) for w in ('--ro-bind', '/usr/bin', f'/m/{i}')]
            base = ['--unshare-pid', '--ro-bind', '/usr', '/usr', '--symlink', 'usr/lib', '/lib',
                    '--symlink', 'usr/lib64', '/lib64']
            calls = self.calls(program, *base, *words, '--', '/usr/bin/true')
            # the comparison of the finished mounts with the plan reads a page at a time, and
            # memory grows by doubling
            counts.append(len([c for c in calls if not c.startswith(
                ('read(', 'brk(', 'mmap(', 'munmap(', 'mremap('))]))
        # a wake-up more or less is chance
        return round((counts[1] - counts[0]) / 100, 1)

    def test_calls_per_bind_as_husk(self):
        self.assertLessEqual(self.per_bind(HUSK), 6)

    def test_calls_per_bind_as_bwrap(self):
        self.assertLessEqual(self.per_bind(BWRAP), 6)

    def test_mountinfo_is_read_once_at_most(self):
        """Only the comparison of the finished table with the plan may read mountinfo."""
        for program in (HUSK, BWRAP):
            with self.subTest(os.path.basename(program)):
                calls = self.calls(program, *SMALL, '--', '/bin/true')
                opened = [c for c in calls if re.match(r'open.*[/"]mountinfo"', c)]
                self.assertLessEqual(len(opened), 1, opened)

    def faults(self, *argv):
        """The page faults of a run of argv with all that it waits for, at addresses that stay."""
        counts = []
        for _ in range(10):
            p = subprocess.Popen(['setarch', '-R', *argv], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(p.pid, 0)
            p.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(p.returncode, 0)
            counts.append(usage.ru_minflt + usage.ru_majflt)
        return min(counts)

    def test_page_faults(self):
        """Of husk's processes: what the command has, which is husk too, is taken off again."""
        self.need('setarch')
        # a few more or less are the layout of the program
        budget = 100 if self.is_dynamic() else 30
        own = self.faults(HUSK, '--version')
        self.assertLessEqual(self.faults(HUSK, *SMALL, '--', HUSK, '--version') - own, budget)

    def asleep(self, program, *command):
        """A small sandbox whose launcher, and init where that can be seen, sleep deeply."""
        # a page that is just being written to the disk stays in memory
        with open(program, 'rb') as f:
            os.fsync(f)
        p = self.spawn([program, *SMALL, '--', *command], stdin=subprocess.PIPE)

        def resident(pid):
            """KiB in memory of the program's own file."""
            count, own = 0, False
            with open(f'/proc/{pid}/smaps', encoding='ascii') as f:
                for line in f:
                    if re.match('[0-9a-f]+-', line):
                        own = re.search(r' /.*/(husk|bwrap)$', line)
                    elif own and line.startswith(('Rss:', 'Anonymous:')):
                        count += int(line.split()[1]) * (1 if line[0] == 'R' else -1)
            return count

        def dropped():
            try:
                with open(f'/proc/{p.pid}/task/{p.pid}/children', encoding='ascii') as f:
                    init = [int(pid) for pid in f.read().split()]
                counts = [resident(p.pid)]
                # with every capability inside nobody sees into pid 1
                counts += [resident(pid) for pid in init if program == BWRAP]
            except FileNotFoundError:
                return False
            return init and all(0 < count <= 8 for count in counts)

        self.assertTrue(self.wait_until(dropped))
        return p

    def test_who_stays_drops_its_text_and_wakes(self):
        for program in (HUSK, BWRAP):
            with self.subTest(program):
                p = self.asleep(program, 'cat')
                self.assertEqual(p.communicate(b'x', timeout=30)[0], b'x')
                self.assertEqual(p.returncode, 0)

    def test_who_stays_passes_signals_on(self):
        p = self.asleep(HUSK, 'sleep', '1000')
        p.terminate()
        self.assertEqual(p.wait(timeout=30), -signal.SIGTERM)

    def test_no_name_service(self):
        """Nobody looks up users or groups on the way to the command."""
        for program in (HUSK, BWRAP):
            with self.subTest(os.path.basename(program)):
                calls = self.calls(program, *SMALL, '--', '/bin/true')
                names = r'/etc/(passwd|group|nsswitch\.conf)"|/locale-archive"'
                self.assertEqual([c for c in calls if re.search(names, c)], [])


if __name__ == '__main__':
    main()
