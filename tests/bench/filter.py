#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What --fake-root costs: the same work with and without its filter, in alternation.

The work is apt-get install in a Debian made by debootstrap, each time on a fresh overlay of it in
memory: of packages that need no owner but root, so that it can be done without the filter too, and
of some that need others, without the filter as --map-auto; a walk through the tree that looks at
every file; and a million of the smallest system call, by a static program. The figure is CPU time,
user and system, of husk and all that it starts, in s: median (minimum), and the ratio of the
medians. It moves less than wall time on a machine that does other things as well, and on an idle
one the two ratios are alike.

Run as root it becomes the tests' user. The first run downloads, to ~/.cache/husk-debs.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(REPO, 'tests', 'fakeroot')]

PLAIN = ['git', 'less', 'perl', 'python3']
OWNED = ['openssh-client', 'man-db', 'systemd']
CALLS = b'''
#include <sys/syscall.h>
#include <unistd.h>
int main(void) { for (int i = 0; i < 1000000; i++) syscall(SYS_getppid); return 0; }
'''


def cpu(argv):
    """The CPU time in s that a command, and all that it waits for, takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run(argv, capture_output=True, text=True, check=False)
    if p.returncode:
        raise SystemExit(f'{argv} failed: {p.stdout[-2000:]}{p.stderr[-2000:]}')
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(name, plain, with_filter, rounds):
    """Print a row for two command lines."""
    times = {'plain': [], 'filter': []}
    lines = {'plain': plain, 'filter': with_filter}
    for number in range(rounds):
        for label in list(lines)[::1 if number % 2 else -1]:
            times[label].append(cpu(lines[label]))
    medians = [statistics.median(times[label]) for label in times]
    print(f'| {name} | ' + ' | '.join(f'{m:.2f} ({min(values):.2f})' for m, values in
                                      zip(medians, times.values())) +
          f' | **{medians[1] / medians[0]:.3f}** |', flush=True)


def work(options):
    """Make what is needed and measure; runs as the user."""
    import harness
    import tree
    debian = os.path.join(harness.BASE, 'tests', 'tree')
    husk = tree.HUSK
    os.makedirs(debian)
    subprocess.run([husk, '--fake-root', '--', '/usr/sbin/debootstrap', '--variant=minbase',
                    f'--cache-dir={tree.cache()}', tree.SUITE, debian, tree.mirror()],
                   env={**os.environ, 'container': 'lxc'}, check=True, stdout=subprocess.DEVNULL)

    def inside(more, *command):
        return [husk, *more, '--unshare-pid', '--overlay-src', debian, '--tmp-overlay', '/',
                '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp',
                '--bind', tree.cache(), '/var/cache/apt/archives',
                '--setenv', 'DEBIAN_FRONTEND', 'noninteractive', '--', *command]

    apt = ['apt-get', '-o', 'APT::Sandbox::User=root', '-o', 'Debug::NoLocking=1', '-y',
           '--no-install-recommends']
    subprocess.run([husk, '--fake-root', '--bind', debian, '/', '--proc', '/proc', '--dev', '/dev',
                    '--ro-bind', '/etc/resolv.conf', '/etc/resolv.conf',
                    '--bind', tree.cache(), '/var/cache/apt/archives', '--', 'sh', '-c',
                    ' '.join([*apt[:5], 'update', '&&', *apt, '--download-only', 'install',
                              *PLAIN, *OWNED])], check=True, stdout=subprocess.DEVNULL)
    calls = os.path.join(debian, 'usr/bin/calls')
    subprocess.run(['cc', '-O2', '-static', '-x', 'c', '-', '-o', calls], input=CALLS, check=True)
    on = ['--fake-root']
    print('| CPU time | without | with `--fake-root` | ratio |\n|---|---|---|---|')
    for packages, off, how in ((PLAIN, [], ''), (OWNED, ['--map-auto'], ', without: `--map-auto`')):
        install = [*apt, '--no-download', 'install', *packages]
        compare(f'`apt-get install {" ".join(packages)}`{how}', inside(off, *install),
                inside(on, *install), options.rounds)
    find = ['find', '/', '-xdev', '-printf', '%p %s %m %u\\n']
    compare('`find / -xdev -printf`', inside([], *find), inside(on, *find), options.rounds * 3)
    compare('a million system calls', inside([], 'calls'), inside(on, 'calls'), options.rounds * 3)
    return 0


def main():
    """Become the tests' user and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--husk', default=os.path.join(REPO, 'build', 'husk'))
    parser.add_argument('--rounds', type=int, default=7, help='of each, in alternation')
    options = parser.parse_args()
    os.environ['HUSK'] = os.path.abspath(options.husk)
    import tree  # noqa: F401: finds the harness
    import harness
    sys.exit(harness.supervise(lambda: work(options), False, True))


if __name__ == '__main__':
    main()
