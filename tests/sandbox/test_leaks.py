#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a process inherits without a word being said: the command gets none of the caller's."""

import ctypes
import json
import os
import signal

from probe import HOST, HUSK, PROC, PYTHON, SMALL, USR, ProbeCase, main

PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_GET_SECUREBITS = 1, 2, 3, 27
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_KEEPCAPS, PR_GET_KEEPCAPS = 4, 38, 8, 7
PR_SET_TIMERSLACK, PR_GET_TIMERSLACK = 29, 30
libc = ctypes.CDLL(None)

LOOK = f'''
import ctypes, json, os, resource
libc = ctypes.CDLL(None)
signal = ctypes.c_int(-1)
libc.prctl({PR_GET_PDEATHSIG}, ctypes.byref(signal), 0, 0, 0)
with open("/proc/self/status") as f:
    status = dict(line.rstrip("\\n").split(":", 1) for line in f)
print(json.dumps({{
    "pdeathsig": signal.value,
    "dumpable": libc.prctl({PR_GET_DUMPABLE}, 0, 0, 0, 0),
    "securebits": libc.prctl({PR_GET_SECUREBITS}, 0, 0, 0, 0),
    "keepcaps": libc.prctl({PR_GET_KEEPCAPS}, 0, 0, 0, 0),
    "umask": status["Umask"].strip(),
    "ambient": int(status["CapAmb"], 16),
    "blocked": int(status["SigBlk"], 16),
    "ignored": int(status["SigIgn"], 16),
    "cwd": os.getcwd(),
    "pgrp": os.getpgrp(), "sid": os.getsid(0),
}}))
'''


class Leaks(ProbeCase):

    def look(self, *args, before=None):
        r = self.run_python(args, before)
        self.assertRuns(r)
        return json.loads(r.out)

    def run_python(self, args, before):
        """Run LOOK in a sandbox, from a process that has called before()."""
        script = self.write('start.py', 'import ctypes, os, signal, sys\n'
                            'libc = ctypes.CDLL(None)\n' + (before or '') +
                            '\nos.execv(sys.argv[1], sys.argv[1:])\n')
        return self.run_cmd([PYTHON, '-I', script, HUSK, *args, '--', PYTHON, '-I', '-c', LOOK])

    def test_parent_death_signal(self):
        """The command has husk's, which ends it with the launcher, not the caller's."""
        before = f'libc.prctl({PR_SET_PDEATHSIG}, {int(signal.SIGURG)}, 0, 0, 0)'
        for args in (HOST, SMALL):
            self.assertEqual(self.look(*args, before=before)['pdeathsig'], signal.SIGKILL)

    def test_keepcaps_and_securebits(self):
        before = f'libc.prctl({PR_SET_KEEPCAPS}, 1, 0, 0, 0)'
        for args in (HOST, SMALL, (*SMALL, '--cap-drop', 'ALL'), (*HOST, '--uid', '7')):
            with self.subTest(args=args):
                found = self.look(*args, before=before)
                self.assertEqual((found['keepcaps'], found['securebits']), (0, 0))

    def test_ambient_capabilities(self):
        self.assertEqual(self.look(*HOST)['ambient'], 0)
        self.assertEqual(self.look(*HOST, '--uid', '7', '--cap-drop', 'ALL', '--cap-add',
                                   'CAP_KILL')['ambient'], 1 << 5)

    def test_dumpable(self):
        """A caller that others may not look into: the command is a program like any other."""
        before = f'libc.prctl({PR_SET_DUMPABLE}, 0, 0, 0, 0)'
        self.assertEqual(self.look(*SMALL, before=before)['dumpable'], 1)

    def test_umask(self):
        self.assertEqual(self.look(*SMALL, before='os.umask(0o157)')['umask'], '0157')

    def test_signal_mask_and_dispositions(self):
        """They are the caller's, as of any program that is started."""
        before = ('signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, 40])\n'
                  'signal.signal(signal.SIGHUP, signal.SIG_IGN)\n'
                  'signal.signal(signal.SIGCHLD, signal.SIG_IGN)')
        plain = self.look(*SMALL)
        found = self.look(*SMALL, before=before)
        self.assertEqual(found['blocked'] ^ plain['blocked'],
                         1 << signal.SIGUSR1 - 1 | 1 << 40 - 1)
        self.assertEqual((found['ignored'] ^ plain['ignored']) & ~(1 << signal.SIGCHLD - 1),
                         1 << signal.SIGHUP - 1)

    def test_working_directory(self):
        """One that is not in the sandbox is not kept."""
        self.assertEqual(self.look(*HOST)['cwd'], self.dir)
        self.assertEqual(self.look(*USR, *PROC)['cwd'], '/')

    def test_groups_that_still_count(self):
        """They are named, since nobody can give them up."""
        groups = os.getgroups()
        r = self.husk('--explain-json', 'true')
        self.assertEqual(json.loads(r.out)['identity']['outer-groups'], groups)
        if groups:
            r = self.husk('--explain', 'true')
            self.assertIn("these groups of the caller's still count for files: "
                          + ' '.join(map(str, groups)), r.out)

    def test_cleared_environment(self):
        """--clearenv is true of every process that can be seen."""
        read = ('import glob, os\n'
                'for f in glob.glob("/proc/[0-9]*/environ"):\n'
                '    try:\n'
                '        print(open(f, "rb").read())\n'
                '    except OSError:\n'
                '        pass\n')
        for args in (SMALL, (*SMALL, '--cap-drop', 'ALL'), (*HOST, *PROC)):
            with self.subTest(args=args):
                r = self.run_cmd([HUSK, *args, '--clearenv', '--setenv', 'KEPT', '1', '--', PYTHON,
                                  '-I', '-c', read], env=dict(os.environ, SECRET='hunter2'))
                self.assertRuns(r)
                self.assertIn('KEPT=1', r.out)
                self.assertNotIn('hunter2', r.out)
                self.assertNotIn('SECRET', r.out)


if __name__ == '__main__':
    main()
