#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many sandboxes at once, and many in a row while the host's mounts change: nothing leaks.

Started by make check-load, as root or with sudo; the sandboxes are an ordinary user's, who has
nothing else running. Around them lies a user namespace, whose limits on the number of namespaces
are the kernel's own count: after all is over one sandbox must still be possible with limits that
leave room for exactly one.
"""

import argparse
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
import harness  # noqa: E402

SMALL = ('--unshare-all', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc')
KINDS = {'husk': (harness.HUSK, *SMALL),
         'bwrap': (harness.BWRAP, *SMALL, '--die-with-parent')}
LIMITS = ('user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'time')
CLONE_NEWNS, CLONE_NEWUSER, MS_REC, MS_SHARED, MNT_DETACH = 0x20000, 0x10000000, 0x4000, 1 << 20, 2
LIBC = ctypes.CDLL(None, use_errno=True)
FAILED = []


def check(result, what):
    """Raise the errno of a call into libc that returned -1."""
    if result:
        raise OSError(ctypes.get_errno(), what)


def say(good, text):
    """One line of the report."""
    print(('ok   ' if good else 'FAIL ') + text, flush=True)
    if not good:
        FAILED.append(text)


def settled(condition, seconds=60):
    """Wait for what the kernel does in its own time, as to free namespaces."""
    return harness.wait_until(condition, seconds)


def all_gone():
    """Reap what fell to this process, a subreaper; true when it has no child any more."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
        return False
    except ChildProcessError:
        return True


# --- what may leak ------------------------------------------------------------------------------

def processes():
    """The user's processes but this one."""
    found = []
    for name in os.listdir('/proc'):
        try:
            if name.isdigit() and os.stat(f'/proc/{name}').st_uid == os.getuid():
                found.append(int(name))
        except OSError:
            pass
    return sorted(set(found) - {os.getpid()})


def namespaces():
    """The namespaces of all processes that can be looked at, as lsns(8) finds them."""
    found = set()
    for pid in (*processes(), os.getpid()):
        for kind in LIMITS:
            try:
                found.add(os.readlink(f'/proc/{pid}/ns/{kind}'))
            except OSError:
                pass
    return found


def keys():
    """How many keys the user has, and how many of them the kernel shows."""
    with open('/proc/key-users', encoding='ascii') as f:
        rows = [line.split() for line in f]
    used = [int(row[3].partition('/')[0]) for row in rows if row[0] == f'{os.getuid()}:']
    with open('/proc/keys', encoding='utf-8', errors='replace') as f:
        shown = [line for line in f if line.split()[5] == str(os.getuid())]
    return sum(used), len(shown)


def cgroups():
    """How many cgroups there are."""
    return sum(len(dirs) for _, dirs, _ in os.walk('/sys/fs/cgroup'))


def files():
    """The user's files in /tmp, but those of this run."""
    found = []
    for where in ('/tmp', '/var/tmp', '/dev/shm'):
        for name in os.listdir(where):
            try:
                if os.lstat(os.path.join(where, name)).st_uid == os.getuid():
                    found.append(os.path.join(where, name))
            except FileNotFoundError:
                pass
    return sorted(found)


def snapshot():
    """Everything that is the same before and after, by name."""
    return {'processes': processes(), 'namespaces': namespaces(), 'keys': keys(),
            'mounts': sorted((m.point, m.fstype) for m in harness.mounts()
                             if not m.point.startswith(CHURN)),
            'descriptors': sorted(os.listdir('/proc/self/fd')), 'cgroups': cgroups(),
            'files': files()}


def compare(before):
    """Report each difference that stays."""
    settled(lambda: all_gone() and snapshot() == before)
    after = snapshot()
    for name, value in before.items():
        text = '' if after[name] == value else f': {value} became {after[name]}'
        if name == 'cgroups' and after[name] != value:
            print(f'note: cgroups of the machine{text}; a launch makes none')
            continue
        say(after[name] == value, f'no change of {name}{text[:500]}')


# --- the user namespace around it all -----------------------------------------------------------

def wrap():
    """A user namespace of the same ids; this process keeps capabilities there, programs do not."""
    uid, gid = os.getuid(), os.getgid()
    check(LIBC.unshare(CLONE_NEWUSER), 'unshare')
    for name, text in (('setgroups', 'deny'), ('uid_map', f'{uid} {uid} 1'),
                       ('gid_map', f'{gid} {gid} 1')):
        with open(f'/proc/self/{name}', 'w', encoding='ascii') as f:
            f.write(text)


def limit(values):
    """Set the namespace's limits."""
    for kind, value in values.items():
        with open(f'/proc/sys/user/max_{kind}_namespaces', 'w', encoding='ascii') as f:
            f.write(str(value))


def runs(argv):
    """Whether one sandbox can be made."""
    return subprocess.run([*argv, '--', '/bin/true'], check=False, stdin=subprocess.DEVNULL,
                          capture_output=True).returncode == 0


def least():
    """The smallest limits with which one sandbox of husk can be made, found before any load."""
    values = dict.fromkeys(LIMITS, 1000)
    for kind in LIMITS:
        for value in range(2 if kind in ('user', 'mnt') else 1, 10):
            limit({**values, kind: value})
            if settled(lambda: all_gone() and runs(KINDS['husk']), 10):
                values[kind] = value
                break
    limit(dict.fromkeys(LIMITS, 30000))
    return values


def none_left(values):
    """The kernel counts no namespace any more: with room for one sandbox there is one."""
    limit(values)
    good = settled(lambda: all_gone() and runs(KINDS['husk']), 120)
    limit(dict.fromkeys(LIMITS, 30000))
    say(good, f'by the kernel\'s count no namespace is left (room for one: {values})')


# --- many at once -------------------------------------------------------------------------------

def children(pid):
    """The direct children of a process."""
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
        return [int(word) for word in f.read().split()]


def count_bytes(fd, count, seconds):
    """Read so many bytes; return how many came."""
    got, end = 0, time.monotonic() + seconds
    while got < count and select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
        data = os.read(fd, count)
        if not data:
            break
        got += len(data)
    return got


def available():
    """Memory that can be had, KiB."""
    with open('/proc/meminfo', encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('MemAvailable:'))


def descriptors(pid):
    """How many descriptors a process has room for, which it is not for us to look at."""
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('FDSize:'))


def private(pid):
    """The private pages of a process, KiB."""
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as f:
        return sum(int(line.split()[1]) for line in f if line.startswith('Private_'))


def at_once(name, count):
    """So many sandboxes live at the same time, started from a shell with a session keyring."""
    script = 'i=0; while [ $i -lt $0 ]; do "$@" <&3 >&4 3<&- 4>&- & i=$((i + 1)); done; wait'
    in_r, in_w = os.pipe()
    out_r, out_w = os.pipe()
    memory, begin = available(), time.monotonic()
    shell = subprocess.Popen(
        ['keyctl', 'session', 'load', 'sh', '-c', f'exec 3<&{in_r} 4>&{out_w}; {script}',
         str(count), *KINDS[name], '--', 'sh', '-c', 'echo; read x'], pass_fds=(in_r, out_w),
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    os.close(in_r)
    os.close(out_w)
    got = count_bytes(out_r, count, 600)
    say(got == count, f'{name}: {got} of {count} sandboxes live at once, started in '
        f'{time.monotonic() - begin:.1f} s; the user has {keys()[0]} keys; '
        f'{(memory - available()) / count:.0f} KiB of the machine each')
    launchers = children(shell.pid)
    # what set the sandbox up may still be on its way out
    settled(lambda: all(len(children(launcher)) == 1 for launcher in launchers))
    inside = [pid for launcher in launchers for pid in children(launcher)]
    each = [private(launcher) for launcher in launchers[:50]]
    each_init = [private(pid) for pid in inside[:50]]
    print(f'note: {name}: {len(launchers)} launchers, {len(processes())} processes, '
          f'{len(namespaces())} namespaces; private pages of a launcher '
          f'{sum(each) / len(each):.0f} KiB, of an init {sum(each_init) / len(each_init):.0f} KiB')
    say(len({os.readlink(f'/proc/{pid}/ns/pid') for pid in inside}) == count,
        f'{name}: each has a pid namespace of its own')
    for launcher in launchers[::2]:
        os.kill(launcher, signal.SIGKILL)
    os.close(in_w)
    try:
        shell.wait(300)
    except subprocess.TimeoutExpired:
        shell.kill()
    errors = [line for line in shell.stderr.read().decode().splitlines()
              if line not in ('Joined session keyring: load', 'Killed') and
              not line.startswith('Joined session keyring')]
    say(not errors, f'{name}: half ended, half were killed, none complained {errors[:3]}')
    shell.stderr.close()
    os.close(out_r)
    say(settled(all_gone), f'{name}: no process is left')


# --- many in a row ------------------------------------------------------------------------------

def in_a_row(name, count, together):
    """So many sandboxes one after the other, some together."""
    argv = (*KINDS[name], '--', '/bin/true')
    quiet = [(os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0)]
    running, started, bad, begin = set(), 0, [], time.monotonic()
    while started < count or running:
        while started < count and len(running) < together:
            running.add(os.posix_spawn(argv[0], argv, os.environ, file_actions=quiet))
            started += 1
        pid, status = os.wait()
        if pid in running:
            running.remove(pid)
            if status:
                bad.append(status)
    seconds = time.monotonic() - begin
    say(not bad, f'{name}: {count} in a row, {together} at a time, {seconds:.0f} s, '
        f'{count / seconds:.0f} a second {bad[:5]}')


def long_life(name, count):
    """A launcher does not grow, whatever it hears."""
    p = subprocess.Popen([*KINDS[name], '--', 'sh', '-c', 'trap "" USR1; echo; read x'],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdout.read(1)
    harness.wait_until(lambda: len(harness.descendants(p.pid)) == 2)
    pids = [p.pid, children(p.pid)[0]]

    def state():
        return [(private(pid), descriptors(pid)) for pid in pids]

    for _ in range(100):
        p.send_signal(signal.SIGUSR1 if name == 'husk' else signal.SIGWINCH)
        time.sleep(0.0005)
    # on a busy machine the launcher may only now come to dropping the pages of its start
    before, earlier = state(), None
    while before != earlier:
        time.sleep(1)
        before, earlier = state(), before
    for _ in range(count):
        p.send_signal(signal.SIGUSR1 if name == 'husk' else signal.SIGWINCH)
        time.sleep(0.0001)

    def as_before():
        return all(a <= b for now, then in zip(state(), before) for a, b in zip(now, then))

    # it drops them again when it has slept for a second
    good = settled(as_before)
    after = state()
    p.communicate(b'x\n')
    say(good,
        f'{name}: launcher and init after {count} signals: (KiB, descriptors) '
        f'{after}, before {before}')


def resident(argv, count=10):
    """Private pages (KiB) of launcher and init together, in the mean of some that run at once."""
    total, started = 0, []
    while len(started) < count:
        p = subprocess.Popen([*argv, '--', 'cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        try:
            p.stdin.write(b'x')
            p.stdin.flush()
        except BrokenPipeError:
            pass
        # bwrap fails now and then when a mount goes while it looks at them
        if p.stdout.read(1) == b'x':
            started.append(p)
        else:
            p.stdout.close()
            p.wait()
    for p in started:
        settled(lambda p=p: len(harness.descendants(p.pid)) == 2)
        total += private(p.pid) + private(children(p.pid)[0])
    for p in started:
        p.communicate()
    return total / count


def memory():
    """What stays of husk is less than half of what stays of bwrap."""
    own = {name: resident(argv) for name, argv in KINDS.items()}
    if not os.path.exists(harness.ORACLE):
        print(f'note: private pages {own} KiB; {harness.ORACLE} is not there to compare')
        return
    other = resident((harness.ORACLE, *SMALL))
    for name, pages in own.items():
        say(2 * pages < other, f'{name}: private pages of launcher and init {pages:.0f} KiB, of '
            f'{harness.ORACLE} {other:.0f} KiB ({pages / other:.2f})')


# --- all of it ----------------------------------------------------------------------------------

def churn(where):
    """As root: mounts come and go for ever, in the namespace that the sandboxes are made from."""
    number = 0
    while True:
        path = f'{where}/{number % 16}'.encode()
        if number >= 16:
            LIBC.umount2(path, MNT_DETACH)
        LIBC.mount(b'churn', path, b'tmpfs', 0, None)
        number += 1
        time.sleep(0.001)


def start_churn():
    """A mount namespace of our own, shared within, and the process that changes it."""
    check(LIBC.unshare(CLONE_NEWNS), 'unshare')
    check(LIBC.mount(None, b'/', None, MS_REC | 1 << 18, None), 'private')
    check(LIBC.mount(None, b'/', None, MS_REC | MS_SHARED, None), 'shared')
    for number in range(16):
        os.makedirs(f'{CHURN}/{number}')
    os.chmod(CHURN, 0o755)
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        LIBC.prctl(harness.PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:
            churn(CHURN)
        os._exit(0)
    return pid


def kill_at_offsets(count):
    """Kill launchers at so many moments of the life of each kind of sandbox, by tests/sandbox."""
    env = dict(os.environ, HUSK_OFFSETS=str(count))
    test = os.path.join(HERE, '..', 'sandbox', 'test_death.py')
    begin = time.monotonic()
    out = subprocess.run([harness.PYTHON, '-B', test, 'Offsets'], env=env, check=False,
                         stdout=subprocess.PIPE, text=True).stdout
    lines = out.splitlines()
    kills = sum('offset=' in line or ' (i=' in line for line in lines)
    bad = [line for line in lines if line.startswith('not ok') or 'Bail out' in line]
    for line in bad[:20]:
        print(line)
    say(kills >= count and not bad, f'{kills} launchers killed at moments from their start to a '
        f'little past the command\'s, {len(bad)} of them with survivors, '
        f'{time.monotonic() - begin:.0f} s')


def main():
    """Everything, in order."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--at-once', type=int, default=1000, help='sandboxes (%(default)s)')
    parser.add_argument('--row', type=int, default=20000, help='sandboxes (%(default)s)')
    parser.add_argument('--together', type=int, default=8, help='of them (%(default)s)')
    parser.add_argument('--offsets', type=int, default=1000,
                        help='moments at which each kind is killed (%(default)s)')
    options = parser.parse_args()
    if os.geteuid() != 0:
        harness._become_root()
    if not shutil.which('keyctl'):
        sys.exit('load: keyctl is missing: run tools/setup check-load')
    churner = start_churn()

    def body():
        wrap()
        values = least()
        memory()
        settled(all_gone)
        before = snapshot()
        for name in KINDS:
            at_once(name, options.at_once)
        for name in KINDS:
            in_a_row(name, options.row // len(KINDS), options.together)
            long_life(name, 10000)
        compare(before)
        none_left(values)
        return len(FAILED)

    try:
        status = harness.supervise(body)
    finally:
        if harness.alive(churner):
            os.kill(churner, signal.SIGKILL)
        for number in range(16):
            while LIBC.umount2(f'{CHURN}/{number}'.encode(), MNT_DETACH) == 0:
                pass
        harness.remove_tree(CHURN)
    if options.offsets:
        kill_at_offsets(options.offsets)
    failures = status + len(FAILED)
    print(f'load: {failures} failures')
    sys.exit(failures != 0)


CHURN = f'/tmp/husk-churn-{os.getpid()}'

if __name__ == '__main__':
    main()
