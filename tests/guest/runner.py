#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Process 1 of a guest: run the tests of manifest.json, tell the host each result, power off.

A result is a line of JSON on the second serial line, with the keys of meson's test log, so that
tools/tap-summary reads it. Before the first one comes {"kernel": ..., "booted": seconds}.
"""

import concurrent.futures
import ctypes
import json
import os
import subprocess
import threading
import time
import tty

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
HOST = '/dev/ttyS1'
POWER_OFF = 0x4321fedc
MOUNTS = (
    ('tmpfs', '/tmp', 'mode=1777'),
    ('tmpfs', '/run', 'mode=755'),
    ('devpts', '/dev/pts', 'mode=620,ptmxmode=666,gid=5'),
    ('tmpfs', '/dev/shm', 'mode=1777'),
    ('mqueue', '/dev/mqueue', ''),
    ('cgroup2', '/sys/fs/cgroup', ''),
    ('securityfs', '/sys/kernel/security', ''),
)
ENVIRONMENT = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
               'HOME': '/root', 'LANG': 'C.UTF-8', 'TERM': 'dumb'}


def prepare():
    """What a distribution's own start would have done."""
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, where, options in MOUNTS:
        if not os.path.ismount(where):
            os.makedirs(where, exist_ok=True)
            if libc.mount(kind.encode(), where.encode(), kind.encode(), 0, options.encode()):
                print(f'guest: no {kind} on {where}: {os.strerror(ctypes.get_errno())}')
    for name, target in (('fd', '/proc/self/fd'), ('stdin', 'fd/0'), ('stdout', 'fd/1'),
                         ('stderr', 'fd/2')):
        if not os.path.lexists(f'/dev/{name}'):
            os.symlink(target, f'/dev/{name}')
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=False)


class Host:
    """The line to the host."""

    def __init__(self):
        self.fd = os.open(HOST, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
        tty.setraw(self.fd)
        self.lock = threading.Lock()

    def tell(self, **what):
        """Send one line."""
        data = json.dumps(what).encode() + b'\n'
        with self.lock:
            while data:
                data = data[os.write(self.fd, data):]


def run(test, slow):
    """Run one test; return its entry of the log."""
    began = time.monotonic()
    env = dict(ENVIRONMENT, HUSK_TEST_SLOW=str(slow), **test['env'])
    entry = {'name': test['name'], 'stdout': '', 'stderr': '', 'returncode': None}
    try:
        r = subprocess.run(test['cmd'], cwd=test['cwd'], env=env, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=test['timeout'] * slow, check=False)
        out, err, code = r.stdout, r.stderr, r.returncode
        entry['result'] = 'OK' if code == 0 else 'ERROR'
    except subprocess.TimeoutExpired as e:
        out, err, code = e.stdout, e.stderr, -9
        entry['result'] = 'TIMEOUT'
    except OSError as e:
        out, err, code = b'', str(e).encode(), 127
        entry['result'] = 'ERROR'
    entry['stdout'] = (out or b'').decode(errors='replace')
    entry['stderr'] = (err or b'').decode(errors='replace')
    entry['returncode'] = code
    entry['duration'] = time.monotonic() - began
    return entry


def work():
    """Everything, in a child of process 1."""
    prepare()
    host = Host()
    with open('/proc/uptime', encoding='ascii') as f:
        host.tell(kernel=os.uname().release, booted=float(f.read().split()[0]))
    with open(os.path.join(REPO, 'manifest.json'), encoding='utf-8') as f:
        manifest = json.load(f)
    for argv in manifest['before']:
        subprocess.run(argv, env=ENVIRONMENT, check=False)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for job in [pool.submit(run, test, manifest['slow']) for test in manifest['tests']]:
            job.add_done_callback(lambda done: host.tell(**done.result()))
    host.tell(end=True)
    time.sleep(0.5)


def main():
    """Be process 1: reap until the child has ended, then switch the machine off."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    while os.wait()[0] != child:
        pass
    os.sync()
    ctypes.CDLL(None).reboot(POWER_OFF)


main()
