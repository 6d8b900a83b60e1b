#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--features: what this build and this kernel offer, found by trying, as JSON."""

import ctypes
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import USER  # noqa: E402
from probe import HUSK, ProbeCase, main  # noqa: E402

KINDS = {'cgroup': '-C', 'ipc': '-i', 'mnt': '-m', 'net': '-n', 'pid': '-p', 'time': '-T',
         'user': '-U', 'uts': '-u'}


class Features(ProbeCase):
    def features(self, *before, **kw):
        r = self.run_cmd([*before, HUSK, '--features'], **kw)
        self.assertEqual((r.rc, r.err), (0, ''), r)
        self.assertEqual(r.out.count('\n'), 1, r)
        return json.loads(r.out)

    def owned(self, setup):
        """The beginning of a command line that runs as root of namespaces, after a script."""
        return ['unshare', '-Urm', 'sh', '-ec', setup + '\nexec "$@"', 'sh']

    def without(self, *calls):
        """The beginning of a command line for which the kernel lacks calls."""
        self.need('strace')
        return ['strace', '-f', '-qq', '-o', '/dev/null',
                '-e', f'inject={",".join(calls)}:error=ENOSYS']

    def test_members(self):
        self.assertEqual(list(self.features()), [
            'version', 'build', 'kernel', 'user-namespaces', 'namespaces', 'mounts', 'processes',
            'seccomp', 'landlock', 'security-modules', 'helpers', 'map-auto',
            'options'])

    def test_whatever_follows(self):
        r = self.husk('--features', '--no-such-option')
        self.assertRuns(r)
        self.assertIn('version', json.loads(r.out))

    def test_whatever_went_before(self):
        """It tells of build and kernel: other options are no part of that, wrong ones neither."""
        plain = self.features()['map-auto']
        for words in (('--join-pid', 2 ** 30), ('--pid-limit', 400), ('--userns', 9)):
            with self.subTest(words=words):
                r = self.husk(*words, '--features')
                self.assertEqual((r.rc, r.err), (0, ''), r)
                self.assertEqual(json.loads(r.out)['map-auto'], plain)

    def test_bwrap_knows_no_such_option(self):
        self.assertFails(self.bwrap('--features'), 1, 'Unknown option')

    def test_build(self):
        build = self.features()['build']
        self.need('readelf')
        r = self.run_cmd(['readelf', '-lW', HUSK])
        self.assertEqual(build['linking'], 'dynamic' if 'INTERP' in r.out else 'static')
        self.assertRegex(build['libc'], r'^(musl|glibc 2\.\d+)$')
        self.assertEqual(build['bubblewrap'], self.bwrap('--version').out.strip())
        self.assertEqual(self.features()['version'], self.husk('--version').out.strip())

    def test_options(self):
        table = [line.split('\t')[0] for line in self.husk('--dump-options').out.splitlines()]
        self.assertEqual(self.features()['options'], [name for name in table if name != 'cap'])

    def test_namespaces(self):
        """As unshare(1) finds them."""
        found = self.features()
        self.assertEqual(found['user-namespaces'],
                         {'usable': True, 'error': None, 'text': None, 'hint': None})
        self.assertEqual(set(found['namespaces']), set(KINDS))
        for kind, flag in KINDS.items():
            with open(f'/proc/sys/user/max_{kind}_namespaces', encoding='ascii') as f:
                limit = int(f.read())
            here = self.run_cmd(['unshare', '-Ur', flag, 'true']).rc == 0
            self.assertEqual(found['namespaces'][kind],
                             {'kernel': os.path.exists(f'/proc/self/ns/{kind}'), 'usable': here,
                              'limit': limit}, kind)

    def test_a_limit(self):
        found = self.features(*self.owned('echo 0 >/proc/sys/user/max_net_namespaces'))
        self.assertEqual(found['namespaces']['net'],
                         {'kernel': True, 'usable': False, 'limit': 0})
        self.assertTrue(found['namespaces']['uts']['usable'])
        self.assertTrue(found['user-namespaces']['usable'])

    def test_no_user_namespaces(self):
        found = self.features(*self.owned('echo 0 >/proc/sys/user/max_user_namespaces'))
        user = found['user-namespaces']
        self.assertFalse(user['usable'])
        self.assertIn('user.max_user_namespaces is 0', user['text'])
        self.assertIn('sysctl', user['hint'])
        self.assertFalse(any(kind['usable'] for kind in found['namespaces'].values()))
        self.assertTrue(all(kind['kernel'] for kind in found['namespaces'].values()))
        self.assertFalse(found['mounts']['overlay'])
        self.assertTrue(found['mounts']['openat2'])

    def test_a_kernel_without_calls(self):
        calls = ('open_tree', 'mount_setattr', 'move_mount', 'openat2', 'statmount', 'clone3',
                 'close_range', 'landlock_create_ruleset', 'seccomp')
        self.need('strace')
        known = [call for call in calls
                 if self.run_cmd(['strace', '-e', f'trace={call}', 'true']).rc == 0]
        self.assertGreater(len(known), 5)
        found = self.features(*self.without(*known))
        for call in known:
            with self.subTest(call):
                if call in found['mounts']:
                    self.assertFalse(found['mounts'][call])
                elif call in found['processes']:
                    self.assertFalse(found['processes'][call])
        self.assertIsNone(found['landlock'])
        # filters can be loaded by prctl as well
        self.assertEqual(found['seccomp'], {'actions': [], 'user-notification': False,
                                            'fake-root': True})
        self.assertFalse(found['mounts']['move-mount-beneath'])
        self.assertFalse(found['processes']['clone-into-cgroup'])

    def test_what_husk_needs_is_there(self):
        found = self.features()
        # of these only overlay may be a module that is not loaded
        for call in ('open_tree', 'mount_setattr', 'move_mount', 'fsopen', 'openat2', 'tmpfs',
                     'fresh-proc'):
            self.assertTrue(found['mounts'][call], call)
        for call in ('pidfd', 'clone3', 'close_range', 'clone-into-cgroup'):
            self.assertTrue(found['processes'][call], call)
        self.assertIn('errno', found['seccomp']['actions'])
        self.assertTrue(found['seccomp']['fake-root'])

    def test_covered_proc(self):
        found = self.features(*self.owned('mount -t tmpfs mask /proc/fs'))
        self.assertFalse(found['mounts']['fresh-proc'])
        self.assertTrue(found['mounts']['tmpfs'])

    def test_landlock(self):
        abi = ctypes.CDLL(None).syscall(444, None, 0, 1)
        self.assertEqual(self.features()['landlock'], abi if abi > 0 else None)

    def test_helpers(self):
        """Where the system has them, and not by PATH, which is the caller's."""
        directory = os.path.dirname(self.write('bin/newuidmap', '#!/bin/sh\n', 0o755))
        found = self.features(env=dict(os.environ, PATH=directory))
        self.assertEqual(found['helpers'], {
            name: {'path': f'/usr/bin/{name}', 'privileged': name != 'getsubids'}
            if os.path.exists(f'/usr/bin/{name}') else None
            for name in ('newuidmap', 'newgidmap', 'getsubids')})

    def test_map_auto(self):
        with open('/etc/subuid', encoding='ascii') as f:
            mine = sum(int(line.split(':')[2]) for line in f
                       if line.startswith(USER + ':'))
        found = self.features()['map-auto']
        self.assertEqual(found, {'usable': True, 'text': None, 'hint': None, 'uids': mine,
                                 'gids': found['gids']})

    def test_map_auto_where_nothing_gives_privilege(self):
        r = self.husk('--', HUSK, '--features')
        found = json.loads(r.out)['map-auto']
        self.assertFalse(found['usable'])
        self.assertIsNotNone(found['text'])

    def test_nothing_is_left(self):
        """No mount, no process; what is opened for writing are the maps, and one trial's file."""
        self.need('strace')
        before, log = self.mounts(), self.path('log')
        with open('/proc/sys/kernel/pid_max', encoding='ascii') as f:
            pid_max = f.read()
        self.run_cmd(['strace', '-f', '-qq', '-o', log, HUSK, '--features'])
        self.assertEqual([str(m.point) for m in self.mounts()], [str(m.point) for m in before])
        with open(log, encoding='utf-8', errors='replace') as f:
            opened = {line.split('"')[1] for line in f
                      if 'open' in line and ('O_WRONLY' in line or 'O_RDWR' in line)}
        self.assertLessEqual(opened, {'/proc/self/uid_map', '/proc/self/gid_map',
                                      '/proc/self/setgroups', '/proc/sys/kernel/pid_max',
                                      '/dev/null'})
        with open('/proc/sys/kernel/pid_max', encoding='ascii') as f:
            self.assertEqual(f.read(), pid_max)


if __name__ == '__main__':
    main()
