#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every system call of a launch fails once with each error, and every process is killed at each.

    faults.py [--oracle] [--only LINE]... [--match REGEXP] [--sample N] [--workers N] [--verbose]

A case is a command line of LINES, one call of one process of its launch, and what happens to it;
"new-root 2:openat2:5:EPERM" is the fifth openat2(2) of the third process. inject.c carries it out.
The command is the program of tests/sandbox/probe.c: it tries its walls and prints what it finds,
and that must be what it finds without a fault. So a case ends well in one of two ways:

    error    the launch failed: the status of husk's own failures, a message that names what failed
    sandbox  the fault did no harm: all walls stand, the command's status is reported; run again,
             such a sandbox also ends when its launcher is killed, and by a signal to the launcher

and wrongly in one of these:

    hang     it did not end
    left     a process, a mount, a file of it was still there some seconds after its end
    weaker   the command ran, and found something else than without the fault
    unclear  no message, or one that does not name what failed, or another status, or a crash
"""

import argparse
import contextlib
import difflib
import errno
import hashlib
import multiprocessing
import os
import re
import select
import signal
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
import harness  # noqa: E402
from harness import BWRAP, HUSK, ORACLE, Case  # noqa: E402
from harness import main as main_tests  # noqa: E402,F401

STATUS = 7  # the command's
FIRST_FD = 50  # of those that options name
HOST_CHANGED = 'the mounts of the host have changed'
TIMEOUT = 16  # seconds after which a launch hangs
WRONG = ('hang', 'left', 'weaker', 'unclear')
ERRORS = ('EPERM', 'ENOMEM', 'EMFILE', 'ENOSPC')
# Calls that may sleep, and give EINTR when a signal wakes them.
INTERRUPTED = set('''read readv pread64 write writev open openat openat2 recvfrom recvmsg sendto
sendmsg poll ppoll wait4 waitid connect close fcntl flock futex fsconfig fsmount'''.split())
# Calls for which the kernel has no error when they are made correctly; a C library makes some of
# them by itself, and does not look.
INFALLIBLE = set('''getpid getppid gettid getuid geteuid getgid getegid getpgrp umask alarm exit
exit_group set_tid_address arch_prctl rt_sigprocmask rt_sigaction'''.split())
# /proc/self/status: what is a wall, or what the caller handed down
STATUS_FIELDS = '''Umask Uid Gid Groups SigBlk SigIgn SigCgt CapInh CapPrm CapEff CapBnd CapAmb
NoNewPrivs Seccomp Seccomp_filters'''.split()
KINDS = ('user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'time')


class In:
    """A descriptor that holds data, in the words of a line."""

    def __init__(self, data):
        self.data = data


class Ns:
    """A descriptor of a namespace of another sandbox, in the words of a line."""

    def __init__(self, kind):
        self.kind = kind


class Out:
    """A descriptor that the program writes to; what comes out of it is compared too."""


# sethostname(2) is refused, all else allowed
FILTER = In(b''.join(struct.pack('HBBI', *row) for row in (
    (0x20, 0, 0, 0), (0x15, 0, 1, 170), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000))))
USR = ('--ro-bind', '/usr', '/usr', '--symlink', 'usr/lib', '/lib')
HOST = ('--unshare-all', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc',
        '--tmpfs', '{dir}/secret')
BUILT = (*USR, '--perms', '0711', '--tmpfs', '/tmp', '--ro-bind', '{probe}', '{probe}',
         '--proc', '/proc', '--dev', '/dev', '--bind', '{dir}', '{dir}',
         '--tmpfs', '{dir}/secret', '--ro-bind-data', In(b'data'), '/etc/data',
         '--file', In(b'file'), '/etc/file', '--dir', '/run/dir', '--chmod', '0500', '/run/dir')
OVERLAYS = ('--overlay-src', '{dir}/low', '--overlay', '{dir}/up', '{dir}/work', '/over',
            '--overlay-src', '{dir}/low', '--tmp-overlay', '/thrown')

# name: (personality, options). What no line makes of an option is left out on purpose: the calls
# that it makes are those of another one.
LINES = {
    'fake-root': ('husk', ()),
    'in-place': ('husk', HOST),
    'new-root': ('husk', ('--unshare-all', *BUILT, *OVERLAYS, '--mqueue', '/dev/mqueue',
                          '--hostname', 'inside', '--lock-file', '/etc/data',
                          '--remount-ro', '/tmp', '--chdir', '/run')),
    'status': ('husk', (*HOST, '--info-fd', Out(), '--json-status-fd', Out(), '--status-fd', Out(),
                        '--seccomp', FILTER, '--new-session', '--disable-userns')),
    'pty': ('husk', (*HOST, '--pty', '--deny-syscalls', 'sethostname', '--rlimit', 'core=0')),
    'ids': ('husk', ('--ro-bind', '/', '/', '--uid', '1234', '--gid', '4321', '--cap-drop', 'ALL',
                     '--cap-add', 'CAP_CHOWN', '--add-seccomp-fd', FILTER)),
    'walls': ('husk', (*HOST[:-2], '--mask', '{dir}/secret', '--landlock', '--seccomp-policy',
                       'default', '--deny-socket-families', 'vsock', '--fake-root', '--boottime',
                       '100', '--sysctl', 'kernel.msgmax=9000')),
    'remembers': ('husk', (*HOST, '--fake-root-consistent')),
    'joins': ('husk', ('--join-pid', '{pid}', '--chdir', '/usr')),
    'enters': ('husk', ('--unshare-ipc', '--unshare-uts', '--unshare-cgroup', '--pidns', Ns('pid'),
                        '--netns', Ns('net'), *HOST[1:], '--sysfs', '/sys', '--cgroupfs',
                        '/sys/fs/cgroup', '--devpts', '/dev/pts', '--mask-try', '{dir}/low')),
    'as-bwrap': ('bwrap', (*HOST, '--die-with-parent')),
    'as-bwrap-caps': ('bwrap', (*HOST, '--die-with-parent', '--cap-add', 'CAP_NET_ADMIN',
                                '--uid', '0', '--disable-userns', '--unshare-user')),
    'as-bwrap-new': ('bwrap', ('--unshare-all', *BUILT, '--die-with-parent', '--new-session',
                               '--info-fd', Out(), '--json-status-fd', Out(),
                               '--seccomp', FILTER, '--hostname', 'inside', '--as-pid-1')),
}

# What the command tries, in this order; {dir} holds secret/file, which every line but the first
# and "ids" hides, and rw/file.
CALLS = (*(f'readlink /proc/self/ns/{kind}' for kind in KINDS),
         'read /proc/self/uid_map', 'read /proc/self/gid_map', 'read /proc/self/setgroups',
         'read /proc/self/status', 'read /proc/self/mountinfo', 'readlink /proc/self/cwd',
         'fds', 'environment', 'keyring', 'deathsig', 'setgroups', 'sethostname other',
         'list /', 'list /dev', 'list /run', 'open /dev/null w', 'open /proc/1/mem',
         'open /proc/1/environ', 'open /proc/sys/vm/overcommit_memory w',
         'list {dir}/secret', 'umount {dir}/secret 2', 'clear /usr', 'remount /usr', 'umount /proc',
         'list {dir}/secret', 'write /usr/x', 'write {dir}/rw/file kept', 'read /etc/data',
         'read /etc/file', 'mode /run/dir', 'mode /tmp', 'read /over/file', 'read /thrown/file',
         'unshare user', 'daemon', 'stay', f'exit {STATUS}')


with open(os.path.join(HERE, '..', 'sandbox', 'probe.c'), encoding='utf-8') as f:
    PROBE = f.read()
with open(os.path.join(HERE, 'inject.c'), encoding='utf-8') as f:
    INJECT = f.read()


def call_names():
    """{number: name} of this machine's system calls, from the kernel's headers."""
    with open('/usr/include/x86_64-linux-gnu/asm/unistd_64.h', encoding='ascii') as f:
        return {int(n): name for name, n in re.findall(r'__NR_(\w+) (\d+)', f.read())}


# the same everywhere; Debian 12's headers are older
NAMES = {457: 'statmount', 458: 'listmount', 467: 'open_tree_attr', **call_names()}
NUMBERS = {name: number for number, name in NAMES.items()}


class Outcome:
    """What one launch left: what inject reported, and what was written where."""

    def __init__(self):
        self.report, self.out, self.err, self.outputs = '', '', '', ()
        self.changed = False  # the host's mounts

    def said(self, word):
        """The rests of the report's lines that begin with word."""
        return re.findall(rf'^{word} ?(.*)$', self.report, re.MULTILINE)

    @property
    def status(self):
        """As Popen.returncode has it; None when the launch did not end."""
        end = self.said('end')
        return os.waitstatus_to_exitcode(int(end[0])) if end else None

    @property
    def complete(self):
        """The command printed everything."""
        return '\nstays\n' in self.out


class Bench:
    """A directory with all that launches need, and the launches."""

    def __init__(self, case, program):
        self.case = case
        self.probe = case.inside_c(PROBE, 'probe')
        self.inject = case.inside_c(INJECT, 'inject')
        self.program = program
        self.dir = case.dir
        for name, text in (('secret/file', 'secret'), ('rw/file', 'kept'), ('low/file', 'low')):
            case.write(name, text)
        for name in ('up', 'work'):
            case.mkdir(name)
        self.host = {os.readlink(f'/proc/self/ns/{kind}') for kind in KINDS}
        self.keyring = subprocess.run([self.probe, 'keyring'], capture_output=True, text=True,
                                      check=True).stdout.strip()
        self.references = {}
        self.target = None
        self.loaders = self.loaders_calls()

    def loaders_calls(self):
        """{call: how often} that the C library makes before a program with a loader begins."""
        program = self.program or HUSK
        if 'INTERP' not in subprocess.run(['readelf', '-lW', program], capture_output=True,
                                          text=True, check=True).stdout:
            return {}
        empty = self.case.path('empty')
        subprocess.run(['cc', '-x', 'c', '-o', empty, '-'], input=b'int main(void){return 0;}',
                       check=True)
        said = subprocess.run([self.inject, '1', str(TIMEOUT), 'list', '--', empty],
                              capture_output=True, text=True, check=True).stdout
        os.unlink(empty)
        return {NAMES[int(number)]: int(nth)
                for number, nth in re.findall(r'^call 0 (\d+) (\d+)$', said, re.MULTILINE)}

    def joined(self):
        """The pid of the command of a sandbox, which can change nothing there."""
        if not self.target:
            p = self.case.spawn([HUSK, *(w.format(dir=self.dir) for w in HOST), '--cap-drop',
                                 'ALL', '--', 'sh', '-c', 'echo; exec sleep 100000'],
                                stdin=subprocess.DEVNULL)
            p.stdout.read(1)
            self.target = harness.descendants(p.pid)[-1]
        return self.target

    def words(self, line):
        """The command of a line: (argv, descriptors to pass on, those written to)."""
        personality, options = LINES[line]
        program = self.program or {'husk': HUSK, 'bwrap': BWRAP}[personality]
        words, fds, outputs = [program], [], []
        for word in options:
            if isinstance(word, str):
                words.append(word.format(dir=self.dir, probe=self.probe,
                                         pid='{pid}' in word and self.joined()))
                continue
            # always the same numbers: which calls close the others depends on them
            with open(f'/proc/{self.joined()}/ns/{word.kind}' if isinstance(word, Ns) else
                      os.memfd_create('husk-test'), 'rb') as file:
                fd = os.dup2(file.fileno(), FIRST_FD + len(fds))
            fds.append(fd)
            if isinstance(word, In):
                os.pwrite(fd, word.data, 0)
            elif isinstance(word, Out):
                outputs.append(fd)
            words.append(str(fd))
        return [*words, '--', self.probe, *(call.format(dir=self.dir) for call in CALLS)], \
            fds, outputs

    def launch(self, line, spec='list', then=None):
        """Launch a line with the fault spec of inject.c; then is a signal for the launcher as soon
        as the command stays."""
        argv, fds, outputs = self.words(line)
        report, report_w = os.pipe()
        mounts = read_file('/proc/self/mountinfo')
        p = spawn([self.inject, str(report_w), str(TIMEOUT), spec, '--', *argv],
                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                  pass_fds=[report_w, *fds], cwd=self.dir, start_new_session=True)
        os.close(report_w)
        outcome = Outcome()
        texts = follow(p, report, spec.endswith(':kill'), then)
        outcome.out, outcome.err, outcome.report = (t.decode(errors='replace') for t in texts)
        p.wait()
        os.close(report)
        outcome.outputs = [os.pread(fd, 65536, 0).decode() for fd in outputs]
        for fd in fds:
            os.close(fd)
        if read_file('/proc/self/mountinfo') != mounts:
            outcome.changed = True
        return outcome

    def facts(self, outcome):
        """What the command found and the program wrote, without what differs between launches."""
        text = outcome.out.replace(self.keyring, 'the caller\'s')
        text = re.sub(r'(\w+):\[\d+\]',
                      lambda m: m[1] + (': host' if m[0] in self.host else ': own'), text)
        text = re.sub(r'^\d{6,}$', 'own keyring', text, flags=re.MULTILINE)
        # mountinfo: no ids, no device, no number of a peer group
        text = re.sub(r'^\d+ \d+ \d+:\d+ ', 'mount ', text, flags=re.MULTILINE)
        text = re.sub(r'/bindfile\w+', '/bindfile', text)  # bubblewrap's
        text = re.sub(r'(lower|upper|work)dir=\d+(:\d+)?', r'\1dir=N', text)
        text = re.sub(r',uuid=\w+', '', text)  # of a directory used once before
        text = re.sub(r' (shared|master|propagate_from):\d+', r' \1', text)
        kept = [line for line in text.splitlines()
                if not re.match(r'\w+:\t', line) or line.partition(':')[0] in STATUS_FIELDS]
        return kept + [what_is_told(text) for text in outcome.outputs]

    def reference(self, line, again=False):
        """The facts of a line without a fault, and the tree that it leaves."""
        if again or line not in self.references:
            outcome = self.launch(line)
            if outcome.status != STATUS or outcome.said('left') or outcome.err:
                raise RuntimeError(f'{line} does not run: {outcome.status}, {outcome.err}')
            self.references[line] = self.facts(outcome), harness.tree(self.dir)
        return self.references[line]


def spawn(argv, **kw):
    """Popen, which another test of the same user may keep from forking for a while."""
    for _ in range(600):
        try:
            return subprocess.Popen(argv, **kw)
        except BlockingIOError:
            time.sleep(0.1)
    return subprocess.Popen(argv, **kw)


def read_file(path):
    """The bytes of a file."""
    with open(path, 'rb') as f:
        return f.read()


def follow(p, report, killed, then):
    """Reads what a launch says until it has ended; returns (stdout, stderr, report).

    The command stays until its standard input ends. Mostly that is at once. Where a process is
    killed, or the launcher gets the signal then, it must not be what ends the command: only when
    the launch goes on all the same does it end.
    """
    files = {p.stdout.fileno(): bytearray(), p.stderr.fileno(): bytearray(), report: bytearray()}
    waiting, sent, stays = dict.fromkeys(files), False, None
    while report in waiting:
        for fd in select.select(list(waiting), [], [], 0.05)[0]:
            data = os.read(fd, 65536)
            files[fd] += data.replace(b'\r\n', b'\n')  # of --pty
            if not data:
                del waiting[fd]
        if stays is None and b'\nstays\n' in files[p.stdout.fileno()]:
            stays = time.monotonic()
        if stays and then and not sent:
            with contextlib.suppress(ProcessLookupError):  # it may just have ended by itself
                os.kill(int(re.match(rb'pid (\d+)', files[report])[1]), then)
            sent = True
        patience = TIMEOUT / 2 if then else 0.2 if killed and b'\nhit\n' in files[report] else \
            0.03 if killed else 0
        if stays and not p.stdin.closed and time.monotonic() >= stays + patience and \
                not (killed and b'\nend ' in files[report]):
            p.stdin.close()
    if not p.stdin.closed:
        p.stdin.close()
    for f in (p.stdout, p.stderr):
        f.close()
    return list(files.values())


def what_is_told(text):
    """What was written to a descriptor, without numbers; of events which they are and the end."""
    if '"event"' in text:
        return ' '.join(re.findall(r'"event": "\w+"|"status": \w+|"signal": \w+', text))
    return re.sub(r'\d{3,}', 'N', text)


class Judge:
    """Decides what became of a case."""

    def __init__(self, bench, line):
        self.bench, self.line = bench, line
        self.husk = LINES[line][0] == 'husk'
        self.name = 'husk' if self.husk else 'bwrap'

    def verdict(self, fault, outcome):
        """(kind, reason) of the outcome of a fault "PROCESS:CALL:NTH:WHAT"."""
        process, call, _, what = fault.split(':')
        if outcome.status is None:
            return 'hang', 'did not end'
        facts, tree = self.bench.reference(self.line)
        if outcome.said('left'):
            return 'left', ', '.join(outcome.said('left'))
        if outcome.changed:
            return 'left', HOST_CHANGED
        now = harness.tree(self.bench.dir)
        if now != tree:
            return 'left', f'files: {sorted(set(now.items()) ^ set(tree.items()))}'
        if outcome.complete:
            found = self.differences(facts, outcome, call)
            if found:
                return 'weaker', found
        if not outcome.said('hit'):
            return 'missed', 'the call was not made'
        return self.ending(int(process), call, what, outcome)

    def differences(self, facts, outcome, call):
        """What the command found else than without a fault."""
        found = self.bench.facts(outcome)
        if outcome.status != STATUS or call in ('write', 'keyctl'):
            # what is written to descriptors may be less, or says that there is no keyring
            n = len(found) - len(outcome.outputs)
            found, facts = found[:n], facts[:n]
        changed = [line for line in difflib.ndiff(facts, found) if line[0] in '-+']
        # no keyring could be had, or whether there is a terminal could not be found out: then a
        # filter more refuses what matters, which is as good
        more = [line for line in changed if re.match(r'[+] Seccomp.*[1-9]$', line)]
        if call in ('keyctl', 'open', 'openat') and len(more) in (1, 2):
            changed = [line for line in changed if not re.search('Seccomp', line) and
                       (call != 'keyctl' or line not in ('- own keyring', '+ EPERM'))]
        return '; '.join(line[:150] for line in changed)

    def ending(self, process, call, what, outcome):
        """Judge the status and the words at the end."""
        status, err = outcome.status, outcome.err
        if what == 'kill' and process == 0:
            return ('error', 'killed') if status == -signal.SIGKILL else \
                ('unclear', f'killed, status {status}')
        if status == STATUS and outcome.complete:
            return ('sandbox', '') if not err else ('unclear', f'status {status}, but said {err}')
        if what == 'kill' and status in (-signal.SIGKILL, 128 + signal.SIGKILL):
            return 'error', 'status of a kill'
        if 'error while loading shared libraries' in err and status == 127:
            return 'error', err  # the dynamic linker's, before the program
        own = (125, 126) if call == 'execve' else (125,)
        if status not in (own if self.husk else (1,)):
            return 'unclear', f'status {status}, said {err!r}'
        return self.words(call, what, err)

    def words(self, call, what, err):
        """A message is clear that has the program's name, what failed, and why."""
        lines = [line for line in err.splitlines() if 'hint: ' not in line]
        if len(lines) != 1 or not re.match(rf'{self.name}: \S+( \S+)+', lines[0]):
            return 'unclear', f'said {err!r}'
        reasons = [what, os.strerror(getattr(errno, what, 0)), 'No permissions to create']
        if what == 'ENOSPC':
            reasons.append('allows no more namespaces')
        if call in ('mmap', 'munmap', 'mremap', 'brk'):
            reasons.append('Cannot allocate memory')  # malloc's, whatever the kernel said
        if call == 'fcntl':
            reasons.append('Bad file descriptor')  # what musl's fdopendir takes any failure for
        if call == 'sendto':
            reasons.append('killed from outside')  # it was to tell, and nobody else knows
        if what != 'kill' and not any(reason in err for reason in reasons):
            return 'unclear', f'said {err!r}, which is not the reason'
        return 'error', err


def faults_of(bench, line):
    """All faults of a line, in the order of processes and calls.

    How often a loop waits is chance: the runs that are the soonest ready count. What a loader
    makes of an error, before the program, is its own: it crashes of some.
    """
    counts = {}
    bench.reference(line)
    for attempt in range(3):
        for text in bench.launch(line).said('call'):
            process, number, nth = map(int, text.split())
            counts.setdefault((process, number), {})[attempt] = nth
    found = []
    for (process, number), made in sorted(counts.items()):
        count = min(made.values())
        name = NAMES[number]
        errors = (*ERRORS, *(('EINTR',) if name in INTERRUPTED else ()))
        loaders = bench.loaders.get(name, 0) if process == 0 else 0
        found += [f'{process}:{name}:{nth}:{what}' for nth in range(1, count + 1)
                  for what in (*(errors if name not in INFALLIBLE and nth > loaders else ()),
                               'kill')]
    return found


def spec_of(fault):
    """The words of inject.c for a fault."""
    process, call, nth, what = fault.split(':')
    return f'{process}:{NUMBERS[call]}:{nth}:{what if what == "kill" else getattr(errno, what)}'


def run_once(bench, line, fault):
    """(kind, reason) of one case. Where the command finds something else, or the host's mounts do,
    others may have changed the host meanwhile: then it runs again, beside a new reference."""
    judge = Judge(bench, line)
    for _ in range(3):
        kind, reason = judge.verdict(fault, bench.launch(line, spec_of(fault)))
        if kind == 'sandbox' and not fault.endswith(':kill'):
            kind, reason = aftermath(bench, line, fault)
        if kind == 'weaker' or reason == HOST_CHANGED:
            before = bench.reference(line)
            if bench.reference(line, again=True) == before and kind == 'weaker':
                break
        elif kind != 'missed':
            break
    return kind, reason


def run_case(bench, line, fault):
    """run_once(), and again where something is wrong: a machine that has much else to do, or
    whoever ends processes on it, is no fault of the launch."""
    kind, reason = run_once(bench, line, fault)
    return run_once(bench, line, fault) if kind in WRONG else (kind, reason)


def aftermath(bench, line, fault):
    """A sandbox that seems unharmed must still end with its launcher, and by a signal to it."""
    for sig in (signal.SIGKILL, signal.SIGTERM):
        if sig == signal.SIGTERM and re.search(':(kill|pidfd_send_signal):', fault):
            break  # what fails may be passing it on
        outcome = bench.launch(line, spec_of(fault), sig)
        if outcome.status is None:
            return 'hang', f'and then {sig.name}'
        if outcome.said('left'):
            return 'left', f'by {sig.name}: {outcome.said("left")}'
        if outcome.complete and outcome.status not in (-sig, 128 + sig):
            # the fault may come only now
            kind, reason = Judge(bench, line).verdict(fault, outcome)
            if kind not in ('error', 'missed'):
                return 'unclear', f'status {outcome.status} after {sig.name}: {reason}'
    return 'sandbox', ''


# --- all of them ------------------------------------------------------------------------------

class Run(Case):
    """Lends its directory and its clean-up to a worker."""

    def runTest(self):
        """No test."""


def bench_of(program):
    """A bench that stays until the process ends."""
    case = Run()
    case.setUp()
    signal.setitimer(signal.ITIMER_REAL, 0)
    return Bench(case, program)


def work(program, todo, done):
    """A worker: runs the cases of the queue todo, puts what became of them into done."""
    os.nice(10)
    harness._libc.prctl(harness.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    bench = bench_of(program)
    while True:
        job = todo.get()
        if job is None:
            break
        try:
            done.put((*job, *run_case(bench, *job)))
        except Exception as e:
            done.put((*job, 'unclear', f'the harness failed: {e!r}'))
    bench.case.doCleanups()


def sample(cases, number):
    """A choice of the cases that is the same each time, whatever is added."""
    return sorted(cases, key=lambda c: hashlib.sha256(' '.join(c).encode()).digest())[:number]


def run_all(program, cases, workers, tell):
    """Run the cases; tell(line, fault, kind, reason) each as it ends."""
    todo, done = multiprocessing.Queue(), multiprocessing.Queue()
    for case in cases:
        todo.put(case)
    processes = [multiprocessing.Process(target=work, args=(program, todo, done))
                 for _ in range(workers)]
    for p in processes:
        todo.put(None)
        p.start()
    for _ in cases:
        tell(*done.get())
    for p in processes:
        p.join()


def all_cases(bench, lines):
    """(line, fault) of all faults of the lines."""
    return [(line, fault) for line in lines for fault in faults_of(bench, line)]


def main():
    """Run what the options ask for; the status is 0 when nothing went wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--oracle', action='store_true', help='Debian\'s bwrap')
    parser.add_argument('--only', action='append', help='a line')
    parser.add_argument('--match', default='', help='a regular expression on the fault')
    parser.add_argument('--sample', type=int)
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--verbose', action='store_true')
    options = parser.parse_args()
    program = ORACLE if options.oracle else None
    lines = options.only or [name for name, (personality, _) in LINES.items()
                             if not options.oracle or personality == 'bwrap']
    bench = bench_of(program)
    cases = [c for c in all_cases(bench, lines) if re.search(options.match, c[1])]
    if options.sample:
        cases = sample(cases, options.sample)
    counts = {}

    def tell(line, fault, kind, reason):
        counts.setdefault(line, {}).setdefault(kind, 0)
        counts[line][kind] += 1
        if kind in WRONG or kind == 'missed' or options.verbose:
            print(f'{kind}: {line} {fault}: {reason}', flush=True)

    begin = time.monotonic()
    run_all(program, cases, options.workers, tell)
    kinds = ('error', 'sandbox', *WRONG, 'missed')
    print(f'{"":16}{"cases":>8}' + ''.join(f'{kind:>9}' for kind in kinds))
    for line in [*lines, 'all']:
        row = counts.get(line, {}) if line != 'all' else \
            {kind: sum(c.get(kind, 0) for c in counts.values()) for kind in kinds}
        print(f'{line:16}{sum(row.values()):8}' + ''.join(f'{row.get(k, 0):9}' for k in kinds))
    wrong = sum(c.get(kind, 0) for c in counts.values() for kind in WRONG)
    print(f'{len(cases)} cases, {wrong} wrong, in {time.monotonic() - begin:.0f} s')
    bench.case.doCleanups()
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(harness.supervise(main))
