#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Time husk, husk under the name bwrap, and Debian's bwrap in alternation; print a table.

Each round runs every program once, in an order of its own, so that what else the machine does hits
all alike, and what a sandbox leaves the kernel to clear away any of the others. The figures are
the wall time of whole runs in ms: median (minimum), and the ratio of the median to Debian's.
Ratios carry over to other machines, times do not. All runs are an ordinary user's.

The command is /usr/bin/true, whose own start, the dynamic linker's, is a good part of a small
sandbox's time: small-static-command is the small sandbox with a static program that does nothing,
which leaves the launcher's time. In alive-1000 the sandboxes that live meanwhile are husk's own,
for all the programs.

The columns floor and floor as bwrap are floor.c (but for the many binds): a program that makes the
same namespaces and mounts for the same command by the calls to the kernel that this takes, in
husk's order, and does nothing else. It checks nothing, passes no signal on and watches nobody; so
no launcher of this design that can be relied on comes below it, and what is between it and husk is
what husk itself takes.

The case audit is what of these times the steps take that compare the finished sandbox with the
plan, as HUSK_TRACE has it.

The case relay is the time that 1 GB takes through the terminal of --pty, beside script(1).
"""

import argparse
import collections
import ctypes
import gc
import json
import os
import platform
import pwd
import random
import re
import signal
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
SMALL = ['--unshare-all', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc']
DESKTOP_BINDS = 28
CLONE_NEWNS, CLONE_NEWUSER, MS_BIND = 0x20000, 0x10000000, 0x1000


def existing(*paths):
    """Those of the paths that this machine has."""
    return [p for p in paths if os.path.exists(p)]


def desktop():
    """65 options such as a browser's or a portal's front end gives, 28 of them binds."""
    share = '/usr/share'
    binds = existing('/usr', '/etc', '/opt', '/srv', '/sys/block', '/sys/bus', '/sys/class',
                     '/sys/dev', '/sys/devices', '/var/lib', '/var/cache')
    nested = existing('/usr/lib/x86_64-linux-gnu', '/usr/lib', '/usr/libexec', '/usr/local',
                      f'{share}/zoneinfo', f'{share}/locale', f'{share}/mime', f'{share}/fonts',
                      f'{share}/icons', f'{share}/doc', f'{share}/man', f'{share}/misc',
                      f'{share}/perl', f'{share}/bash-completion', f'{share}/terminfo',
                      f'{share}/info', f'{share}/python3', f'{share}/common-licenses',
                      f'{share}/ca-certificates', '/etc/ssl', '/etc/alternatives', '/etc/default',
                      '/usr/include', '/usr/src')
    words = ['--die-with-parent', '--new-session', '--unshare-user', '--unshare-pid',
             '--unshare-ipc', '--unshare-uts', '--unshare-net', '--unshare-cgroup-try']
    for path in (binds + nested)[:DESKTOP_BINDS - 1]:
        words += ['--ro-bind', path, path]
    words += ['--symlink', 'usr/bin', '/bin', '--symlink', 'usr/sbin', '/sbin',
              '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64',
              '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/run',
              '--dir', '/run/user', '--dir', '/run/user/1000', '--dir', '/home', '--dir',
              '/home/user', '--bind', os.environ['BENCH_DIR'], '/home/user/data',
              '--ro-bind-try', '/nonexistent/fonts', '/fonts',
              '--ro-bind-try', '/nonexistent/themes', '/themes',
              '--ro-bind-try', '/nonexistent/cups', '/cups']
    for name in ('HOME', 'XDG_RUNTIME_DIR', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME',
                 'GTK_THEME', 'LANG', 'DISPLAY', 'PULSE_SERVER', 'DBUS_SESSION_BUS_ADDRESS'):
        words += ['--setenv', name, '/home/user']
    words += ['--unsetenv', 'LD_PRELOAD', '--unsetenv', 'TMPDIR',
              '--unsetenv', 'WAYLAND_DISPLAY', '--chdir', '/home/user']
    return words


def many_binds(count):
    """A tmpfs root with count binds."""
    words = ['--unshare-pid', '--ro-bind', '/usr', '/usr', '--symlink', 'usr/lib', '/lib',
             '--symlink', 'usr/lib64', '/lib64']
    for number in range(count):
        words += ['--ro-bind', '/usr/bin', f'/m/{number}']
    return words


# words: a function that makes the options; mounts: how many more the host has; alive: how many
# sandboxes live meanwhile; static: whether the command is a static program; floor: whether floor.c
# makes the same sandbox
Kind = collections.namedtuple('Kind', 'words mounts alive static floor',
                              defaults=(0, 0, False, False))

CASES = {
    'small': Kind(lambda: SMALL, floor=True),
    'small-static-command': Kind(lambda: SMALL, static=True, floor=True),
    'small-net': Kind(lambda: SMALL[:1] + ['--share-net'] + SMALL[1:], floor=True),
    'desktop': Kind(desktop, floor=True),
    'binds-100': Kind(lambda: many_binds(100)),
    'binds-1000': Kind(lambda: many_binds(1000)),
    'binds-2000': Kind(lambda: many_binds(2000)),
    'mounts-1000': Kind(lambda: SMALL, mounts=1000, floor=True),
    'alive-1000': Kind(lambda: SMALL, alive=1000, floor=True),
}


def run_once(argv):
    """The wall time of one run in ns, and the wait status."""
    start = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    pid = os.posix_spawn(argv[0], argv, os.environ)
    _, status, _ = os.wait4(pid, 0)
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) - start, status


def time_case(words, command, programs, runs, seconds):
    """{label: [ms, ...]}; a label whose trial run fails has its message instead."""
    times, lines = {}, {}
    for label, program in programs.items():
        argv = [program, *words, '--', command]
        trial = subprocess.run(argv, capture_output=True, text=True, check=False)
        if trial.returncode:
            times[label] = (trial.stderr.strip() or f'status {trial.returncode}')[:60]
        else:
            times[label], lines[label] = [], argv
    order = random.Random(0)
    end = time.monotonic() + seconds
    gc.disable()
    for number in range(runs):
        if number >= 3 and time.monotonic() > end:
            break
        for label, argv in order.sample(sorted(lines.items()), len(lines)):
            elapsed, status = run_once(argv)
            if status:
                raise SystemExit(f'{label}: a run failed with wait status {status}: {argv}')
            times[label].append(elapsed / 1e6)
    gc.enable()
    return times


def check(result, what):
    """Raise the errno of a call into libc that returned -1."""
    if result:
        raise OSError(ctypes.get_errno(), what)


def write_maps(inside, outside):
    """Map one uid and gid of a new user namespace."""
    for name, text in (('setgroups', 'deny'), ('uid_map', f'{inside[0]} {outside[0]} 1'),
                       ('gid_map', f'{inside[1]} {outside[1]} 1')):
        try:
            with open(f'/proc/self/{name}', 'w', encoding='ascii') as f:
                f.write(text)
        except PermissionError:
            # a nested namespace inherits the refusal of setgroups
            if name != 'setgroups':
                raise


def with_mounts(count, function):
    """function() for a user whose mount table has count more mounts; by a child, over a pipe."""
    if not count:
        return function()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            ids = os.getuid(), os.getgid()
            check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), 'unshare')
            write_maps((0, 0), ids)
            check(libc.mount(b'many', b'/mnt', b'tmpfs', 0, None), 'tmpfs')
            for number in range(count - 1):
                path = f'/mnt/{number}'.encode()
                os.mkdir(path)
                check(libc.mount(b'/usr/bin', path, None, MS_BIND, None), 'bind')
            check(libc.unshare(CLONE_NEWUSER), 'unshare')
            write_maps(ids, (0, 0))
            with os.fdopen(writer, 'w') as f:
                json.dump(function(), f)
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as f:
        text = f.read()
    if os.waitpid(pid, 0)[1]:
        raise SystemExit('the case with many mounts failed')
    return json.loads(text)


def with_alive(count, husk, function):
    """function() while count small sandboxes of husk live."""
    end, writer = os.pipe()
    reader, up = os.pipe()
    pids = []
    try:
        for number in range(count):
            pids.append(os.posix_spawn(
                husk, [husk, *SMALL, '--', 'sh', '-c', 'echo; read -r line'], os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, end, 0), (os.POSIX_SPAWN_DUP2, up, 1)]))
            # each says when it is up; no more than a few begin at once
            if number >= 8:
                os.read(reader, 1)
        for _ in pids[-8:]:
            os.read(reader, 1)
        return function()
    finally:
        os.close(writer)
        for pid in pids:
            os.waitpid(pid, 0)
        for fd in (end, reader, up):
            os.close(fd)


def nothing(directory):
    """The path of a static program that does nothing, which is made, or None without a compiler."""
    path = os.path.join(directory, 'nothing')
    for compiler in ('musl-gcc', 'cc'):
        if shutil.which(compiler):
            subprocess.run([compiler, '-O2', '-static', '-s', '-x', 'c', '-', '-o', path],
                           input=b'int main(void) { return 0; }', check=True)
            return path
    return None


def floors(directory):
    """{label: path} of the program that makes the sandbox and does nothing else."""
    paths = {label: os.path.join(directory, name)
             for label, name in (('floor', 'floor'), ('floor as bwrap', 'bwrap'))}
    for path in paths.values():
        # musl-gcc brings no kernel headers; another libc would take a third of the time for its own
        includes = ['/usr/include', f'/usr/include/{platform.machine()}-linux-gnu']
        subprocess.run(['musl-gcc', '-O2', '-static', '-s', os.path.join(HERE, 'floor.c'),
                        *[w for i in includes for w in ('-idirafter', i)], '-o', path], check=True)
    return paths


def time_kind(kind, programs, husk, options):
    """What time_case() finds for a kind of case."""
    if kind.floor and shutil.which('musl-gcc'):
        programs = {**floors(os.environ['BENCH_DIR']), **programs}
    command = nothing(os.environ['BENCH_DIR']) if kind.static else '/usr/bin/true'
    if not command:
        return {label: 'no compiler' for label in programs}
    return with_mounts(kind.mounts, lambda: with_alive(kind.alive, husk, lambda: time_case(
        kind.words(), command, programs, options.runs, options.seconds)))


def resident(program, harness, *fields):
    """Sum of the FIELDS of smaps_rollup (KiB) of all processes of a small sandbox but its command.

    Or a reason why there is none. The sandbox has lived for two seconds: what is asked is what
    stays.
    """
    prefix = []
    if os.geteuid() == 0:
        user = pwd.getpwnam(harness.USER)
        prefix = ['setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--init-groups']
    p = subprocess.Popen([*prefix, program, *SMALL, '--', 'cat'], cwd='/', stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
    try:
        p.stdin.write(b'x')
        p.stdin.flush()
        if p.stdout.read(1) != b'x':
            return 'failed'
        time.sleep(2)
        total = 0
        for pid in [p.pid, *harness.descendants(p.pid)]:
            with open(f'/proc/{pid}/comm', encoding='ascii') as f:
                if f.read().strip() == 'cat':
                    continue
            with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith(fields))
        return total
    except PermissionError:
        return 'not readable'
    finally:
        p.stdin.close()
        if p.wait() == -signal.SIGKILL:
            print('bench: the sandbox was killed', file=sys.stderr)


def relay(husk, directory, rounds):
    """{label: [s, ...]}: text of 1 GB, written by cat to the terminal of each."""
    path, size = os.path.join(directory, 'text'), 50_000_000
    with open(path, 'wb') as f:
        f.write((b'x' * 75 + b'\n') * (size // 76))
    cat = ['cat'] + [path] * 20
    lines = {'husk --pty': [husk, '--pty', '--', *cat],
             'script -qc': ['script', '-qc', ' '.join(cat), '/dev/null']}
    times = {label: [] for label in lines}
    for number in range(rounds):
        for label in list(lines)[::1 if number % 2 else -1]:
            start = time.monotonic()
            subprocess.run(lines[label], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           check=True)
            times[label].append(time.monotonic() - start)
            print(f'relay: {label} {times[label][-1]:.2f} s', file=sys.stderr, flush=True)
    return times


def print_relay(times):
    """What relay() has found."""
    medians = {label: statistics.median(values) for label, values in times.items()}
    print('\n| 1 GB through a terminal | s: median (minimum) | of script -qc |\n|---|---|---|')
    for label, values in times.items():
        print(f'| {label} | {medians[label]:.2f} ({min(values):.2f}) | '
              f'{medians[label] / medians["script -qc"]:.2f} |')


def audits(programs, runs):
    """{name: {label: us}}: the medians of the steps that compare the sandbox with the plan."""
    rows = {}
    environment = dict(os.environ, HUSK_TRACE='1')
    for name in ('small', 'desktop', 'binds-1000'):
        words, row = CASES[name].words(), rows.setdefault(f'audit of {name}, us', {})
        for label, program in programs.items():
            taken = []
            for _ in range(runs):
                text = subprocess.run([program, *words, '--', '/usr/bin/true'], env=environment,
                                      capture_output=True, text=True, check=False).stderr
                lines = [line.split() for line in text.splitlines()
                         if re.search(r' (self-)?audit ', line)]
                taken.append(sum(int(line[-2]) for line in lines))
            if max(taken) > 0:
                row[label] = statistics.median(taken)
    return rows


def print_audits(rows, labels):
    """Those of the programs that trace."""
    labels = [label for label in labels if any(label in row for row in rows.values())]
    print('\n| | ' + ' | '.join(labels) + ' |\n|---|' + '---|' * len(labels))
    for name, row in rows.items():
        print(f'| {name} | ' + ' | '.join(f'{row[label]:.0f}' if label in row else ''
                                          for label in labels) + ' |')


def cell(value, reference, is_reference):
    """One cell of the table."""
    if isinstance(value, str):
        return value
    text = f'{value}'
    if isinstance(value, list):
        text = f'{statistics.median(value):.2f} ({min(value):.2f})'
        value = statistics.median(value)
        reference = statistics.median(reference) if isinstance(reference, list) else None
    if is_reference or not isinstance(reference, (int, float)):
        return text
    return f'{text} **{value / reference:.2f}**'


def print_table(rows, labels, reference):
    """The rows {case: {label: value}} as a Markdown table."""
    print('| case | ' + ' | '.join(labels) + ' |')
    print('|---' * (len(labels) + 1) + '|')
    for name, row in rows.items():
        cells = [cell(row[label], row.get(reference), label == reference) if label in row else ''
                 for label in labels]
        print(f'| {name} | ' + ' | '.join(cells) + ' |', flush=True)


def stage(harness, path, name, label):
    """A copy of path, called name, that the user can reach."""
    where = os.path.join(harness.BASE, 'bench-' + label)
    os.makedirs(where, exist_ok=True)
    os.chmod(where, 0o755)
    copy = os.path.join(where, name)
    shutil.copyfile(path, copy)
    os.chmod(copy, 0o755)
    return copy


def parse():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--husk', default=os.path.join(REPO, 'build', 'husk'))
    parser.add_argument('--bwrap',
                        default=os.path.join(REPO, 'build', 'libexec', 'husk', 'bwrap'))
    parser.add_argument('--binary', action='append', default=[], metavar='LABEL=PATH',
                        help='time another build of husk, under both names')
    parser.add_argument('--cases', default=','.join([*CASES, 'pss', 'audit', 'relay']),
                        help='comma-separated: %(default)s')
    parser.add_argument('--runs', type=int, default=100, help='rounds per case (%(default)s)')
    parser.add_argument('--seconds', type=float, default=20,
                        help='no new round of a case after so long (%(default)s)')
    options = parser.parse_args()
    options.cases = options.cases.split(',')
    unknown = set(options.cases) - {*CASES, 'pss', 'audit', 'relay'}
    if unknown:
        parser.error(f'no such case: {", ".join(sorted(unknown))}')
    return options


def main():
    """Measure what was asked for and print the table."""
    options = parse()
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
    import harness
    programs = {'husk': stage(harness, options.husk, 'husk', 'own'),
                'husk as bwrap': stage(harness, options.bwrap, 'bwrap', 'own')}
    for number, word in enumerate(options.binary):
        label, _, path = word.partition('=')
        programs[label] = stage(harness, path, 'husk', str(number))
        programs[label + ' as bwrap'] = stage(harness, path, 'bwrap', str(number))
    reference = 'Debian bwrap'
    if os.path.exists(harness.ORACLE):
        programs[reference] = harness.ORACLE
    rows = {}
    if 'pss' in options.cases:
        for name, fields in (('PSS', ('Pss:',)), ('private pages', ('Private_',))):
            rows[f'{name} of monitor and init, KiB'] = {
                label: resident(program, harness, *fields)
                for label, program in programs.items()}

    def body():
        os.environ['BENCH_DIR'] = os.path.join(harness.BASE, 'tests')
        timed = {}
        for name in options.cases:
            if name in CASES:
                timed[name] = time_kind(CASES[name], programs, programs['husk'], options)
                print(f'{name}: done', file=sys.stderr, flush=True)
        print(f'Linux {os.uname().release}, {os.cpu_count()} CPUs; ms: median (minimum), '
              'ratio of the median to Debian\'s bwrap\n')
        if timed or rows:
            made = [label for label in ('floor', 'floor as bwrap')
                    if any(label in row for row in timed.values())]
            print_table({**timed, **rows}, [*made, *programs], reference)
        if 'audit' in options.cases:
            print_audits(audits(programs, min(options.runs, 20)), list(programs))
        if 'relay' in options.cases:
            print_relay(relay(programs['husk'], os.environ['BENCH_DIR'], 3))
        return 0

    sys.exit(harness.supervise(body))


main()
