#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Namespaces joined by real root: its own, and those of an ordinary user's sandbox."""

import json
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'sandbox'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import USER  # noqa: E402
from joining import IDS, LONG, JoinCase, asleep, children, ids  # noqa: E402
from probe import HOST, HUSK, SMALL, RootProbeCase, all_caps, main  # noqa: E402

SYS_ADMIN = 1 << 21


class RootJoinCase(JoinCase, RootProbeCase):
    def users(self, *args):
        """The pid of the command of a sandbox of the ordinary user's."""
        read, write = self.pipe()
        self.spawn(self.as_user([HUSK, *args, '--info-fd', str(write), '--', 'sleep', LONG]),
                   pass_fds=[write], cwd='/')
        self.close(write)
        with os.fdopen(os.dup(read)) as f:
            init = json.load(f)['child-pid']
        self.assertTrue(self.wait_until(
            lambda: any(asleep(pid) for pid in children(init))))
        return children(init)[0]

    def fields(self, text, *names):
        found = dict(line.split(':\t', 1) for line in text.splitlines() if ':\t' in line)
        return [found[name].split() for name in names]


class Own(RootJoinCase):
    """What the host's user namespace owns, which nobody but root can join."""

    def setUp(self):
        super().setUp()
        self.target = self.unshared('--net', '--uts', '--ipc', '--cgroup', '--time', '--pid',
                                    '--fork', '--kill-child', '--mount-proc')

    def test_each(self):
        for kind in ('net', 'uts', 'ipc', 'cgroup', 'time', 'pid'):
            for args in ((), (*HOST, '--proc', '/proc')):
                with self.subTest(kind, args=args):
                    got = self.ids_inside(self.joined(self.target, [kind], *args))
                    self.assertEqual(got[kind], ids(self.target)[kind])
                    self.assertNotEqual(got['user'], ids(os.getpid())['user'])

    def test_no_power_over_them(self):
        r = self.joined(self.target, ['net'], command=('ip', 'link', 'set', 'lo', 'up'))
        self.assertFails(r, None, 'not permitted')

    def test_what_shows_them(self):
        r = self.joined(self.target, ('pid', 'ipc'), *HOST, '--proc', '/proc', '--mqueue', '/mnt',
                        command=('sh', '-c', 'cat /proc/1/comm; touch /mnt/q; ls /mnt'))
        self.assertRuns(r, 'sleep\nq\n')

    def test_mounts(self):
        r = self.joined(self.target, ['mnt'], command=(self.prober(), 'mount tmpfs /mnt',
                                                       'umount /proc 2'))
        self.assertRuns(r, 'EPERM\nEPERM\n')

    def test_all_at_once(self):
        r = self.husk('--join-pid', self.target, '--', 'readlink', *IDS.split())
        self.assertEqual(self.ids_inside(r), ids(self.target))
        r = self.husk('--join-pid', self.target, '--', 'cat', '/proc/self/status')
        caps, groups = self.fields(r.out, 'CapEff', 'Groups')
        self.assertFalse(int(caps[0], 16) & SYS_ADMIN)
        self.assertEqual(groups, [])

    def test_a_network_namespace_of_iproute(self):
        self.need('ip')
        name = f'husk-test-{os.getpid()}'
        r = self.run_cmd(['sh', '-c', f'''
            mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip netns add {name} &&
            {HUSK} --netns 3 {' '.join(HOST)} -- ip -o link 3</run/netns/{name}
            ip netns del {name}; umount /run/netns'''])
        self.assertEqual((r.rc, r.out.count('\n')), (0, 1), r)


class Users(RootJoinCase):
    def setUp(self):
        super().setUp()
        self.target = self.users(*SMALL, '--tmpfs', '/tmp')
        self.user = pwd.getpwnam(USER)

    def test_all_at_once(self):
        """Root becomes the user: what it makes there is the user's, what it may is what that may.
        """
        r = self.husk('--join-pid', self.target, '--', 'readlink', *IDS.split())
        self.assertEqual(self.ids_inside(r), ids(self.target))
        p = self.spawn([HUSK, '--join-pid', self.target, '--', 'sleep', '60'])
        found = []
        self.assertTrue(self.wait_until(lambda: found.extend(
            pid for pid in self.descendants(p.pid) if asleep(pid)) or found))
        with open(f'/proc/{found[0]}/status', encoding='ascii') as f:
            uids, gids, groups, caps = self.fields(f.read(), 'Uid', 'Gid', 'Groups', 'CapBnd')
        self.assertEqual(set(uids), {str(self.user.pw_uid)})
        self.assertEqual(set(gids), {str(self.user.pw_gid)})
        self.assertEqual(groups, [])
        self.assertEqual(int(caps[0], 16), int(all_caps(), 16) & ~SYS_ADMIN)

    def test_by_descriptor(self):
        r = self.joined(self.target, ['net'], *HOST, '--tmpfs', '/tmp', command=(
            'sh', '-c', f'readlink {IDS}; id -u; head -1 /etc/shadow'))
        self.assertEqual(r.out.split()[3], ids(self.target)['net'], r)
        self.assertEqual(r.out.split()[8:], ['0'], r)
        self.assertIn('Permission denied', r.err)

    def test_its_init(self):
        """Which is closed to the user, but not to root, and lends nothing."""
        with open(f'/proc/{self.target}/status', encoding='ascii') as f:
            init = self.fields(f.read(), 'PPid')[0][0]
        r = self.husk('--join-pid', init, '--', 'readlink', *IDS.split())
        self.assertEqual(self.ids_inside(r), ids(self.target))


if __name__ == '__main__':
    main(root=True)
