#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Time work that looks at many files as fake root: husk, fakeroot(1), proot(1), and without.

Every round runs each of them once, in an order of its own; the figures are seconds of whole runs,
start and end of the tool included: median (minimum), and the ratio to the plain run. All are an
ordinary user's, on a tree that is in the page cache. Of the programs the file system's own time
hides least on a tmpfs (--dir /dev/shm); an ext4 without a journal looks at all that was deleted in
the last five seconds for each file that is made.

    find     find -printf of owners and modes
    tar      tar -c of the tree, of many small files as the kernel's is
    package  what debian/rules does: install, cp -a, chown, chmod, md5sum, dpkg-deb -Znone --build
    ids      a shell that asks for its ids some hundred times
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))

FIND = 'for i in 1 2 3; do find tree -xdev -printf "%p %U:%G %m %s %T@\\n" | md5sum; done'
TAR = 'tar -cf tree.tar tree; rm tree.tar'
PACKAGE = '''
set -e
rm -rf pkg pkg.deb
install -d -o "$OWNER" -g "$GROUP" -m 755 pkg/DEBIAN pkg/usr/share pkg/var/lib/made
printf '%s\\n' 'Package: made' 'Version: 1' 'Architecture: all' 'Maintainer: n <n@localhost>' \\
    'Description: made for this' >pkg/DEBIAN/control
for dir in tree/0/*/; do
    install -d -o "$OWNER" -g "$GROUP" "pkg/usr/share/$dir"
    install -o "$OWNER" -g "$GROUP" -m 644 "$dir"* "pkg/usr/share/$dir"
done
cp -a tree/1 pkg/usr/share/tree/1
cp -a tree/2 pkg/var/lib/made/2
find pkg -print0 | xargs -0 chown --no-dereference "$OWNER:$GROUP"
find pkg -type f -print0 | xargs -0 chmod go=rX,u+rw,a-s
find pkg -type d -print0 | xargs -0 chmod 755
chown -R "$OTHER" pkg/var/lib/made
(cd pkg && find usr var -type f -print0 | sort -z | xargs -0 md5sum) >sums
mv sums pkg/DEBIAN/md5sums
dpkg-deb -Znone --build pkg pkg.deb
dpkg-deb --contents pkg.deb | wc -l
'''
IDS = 'i=0; while [ $i -lt 300 ]; do id -u; i=$((i + 1)); done'
CASES = {'find': FIND, 'tar': TAR, 'package': PACKAGE, 'ids': IDS}


def make_tree(top, files):
    """Directories of 15 files of up to 12 KB."""
    choose = random.Random(0)
    text = ''.join(choose.choices('abcdefgh \n', k=12000)).encode()
    for number in range(files):
        part, directory = number // (files // 8), number // 15
        where = os.path.join(top, 'tree', str(part), f'dir{directory}')
        os.makedirs(where, exist_ok=True)
        with open(os.path.join(where, f'file{number}.c'), 'wb') as f:
            f.write(text[:choose.randrange(100, 12000)])


def run(words, script, owners):
    """Seconds that the script takes, or why it did not."""
    start = time.monotonic()
    done = subprocess.run([*words, 'sh', '-c', script], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          env={**os.environ, **owners})
    if done.returncode:
        return (done.stderr.strip().split('\n')[-1] or f'status {done.returncode}')[-60:]
    return time.monotonic() - start


def measure(script, programs, runs):
    """{label: [s, ...] or why it fails}"""
    times = {label: [] for label in programs}
    order = random.Random(0)
    for number in range(runs + 1):
        for label in order.sample(sorted(programs), len(programs)):
            if isinstance(times[label], str):
                continue
            found = run(*programs[label][:1], script, programs[label][1])
            if isinstance(found, str):
                times[label] = found
            elif number:  # the first is for the caches
                times[label].append(found)
    return times


def cell(value, plain):
    """A cell of the table."""
    if isinstance(value, str):
        return value
    text = f'{statistics.median(value):.2f} ({min(value):.2f})'
    if isinstance(plain, list) and value is not plain:
        text += f' **{statistics.median(value) / statistics.median(plain):.2f}**'
    return text


def print_table(options, programs):
    """Measure the cases in the working directory."""
    print(f'Linux {os.uname().release}, {os.cpu_count()} CPUs, {options.busy} busy, '
          f'{options.files} files; s: median (minimum), ratio of the median to plain\n')
    print('| case | ' + ' | '.join(programs) + ' |')
    print('|---' * (len(programs) + 1) + '|', flush=True)
    for case in options.cases.split(','):
        times = measure(CASES[case], programs, options.runs)
        print(f'| {case} | ' + ' | '.join(cell(times[label], times['plain'])
                                        for label in programs) + ' |', flush=True)


def parse():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--husk', default=os.path.join(REPO, 'build', 'husk'))
    parser.add_argument('--files', type=int, default=30000, help='in the tree (%(default)s)')
    parser.add_argument('--runs', type=int, default=5, help='rounds a case (%(default)s)')
    parser.add_argument('--cases', default=','.join(CASES), help='comma-separated: %(default)s')
    parser.add_argument('--busy', type=int, default=0,
                        help='processes that only compute beside it (%(default)s)')
    parser.add_argument('--dir', help='where the tree is to be (that of the tests)')
    parser.add_argument('--without', default='', help='programs to leave out, comma-separated')
    return parser.parse_args()


def main():
    """Measure and print the table."""
    options = parse()
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
    import harness

    def body():
        fake = {'OWNER': 'root', 'GROUP': 'root', 'OTHER': 'www-data:www-data'}
        own = str(os.getuid()), str(os.getgid())
        programs = {
            'plain': ([], {'OWNER': own[0], 'GROUP': own[1], 'OTHER': ':'.join(own)}),
            'husk --fake-root': ([options.husk, '--fake-root', '--'], fake),
            'husk --fake-root-consistent': ([options.husk, '--fake-root-consistent', '--'], fake),
            'fakeroot': (['fakeroot', '--'], fake),
            'proot -0': (['proot', '-0'], fake),
        }
        for label in filter(None, options.without.split(',')):
            if not programs.pop(label, None):
                print(f"--without: no program is called '{label}': the programs are "
                      f"{', '.join(programs)}", file=sys.stderr)
                return 2
        with tempfile.TemporaryDirectory(
                dir=options.dir or os.path.join(harness.BASE, 'tests')) as top:
            os.chdir(top)
            make_tree(top, options.files)
            beside = [subprocess.Popen(['sh', '-c', 'while :; do :; done'])
                      for _ in range(options.busy)]
            print_table(options, programs)
            for process in beside:
                process.kill()
            os.chdir('/')
        return 0

    sys.exit(harness.supervise(body))


main()
