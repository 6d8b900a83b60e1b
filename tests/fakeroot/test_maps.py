#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--map-auto, with subordinate ids: what Debian's tools make of it."""

import os
import re
import tarfile

from tree import HUSK, SUITE, TreeCase, cache, main, mirror
import harness

ON = ('--map-auto', '--unshare-pid')
# devices cannot be made; debootstrap knows that of a container, and leaves those that are there
CONTAINER = {'container': 'lxc'}
DEVICES = ('--dev-bind', '/', '/', '--proc', '/proc', '--dev', '{tree}/dev', '--dev-bind',
           '/dev/null', '{tree}/dev/console')
# how mmdebstrap makes the tree that debootstrap makes
SAME = ('--variant=minbase', '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr')
# what each leaves behind of its own work
OWN = re.compile(r'\./(dev/.*|run/mount|var/(log/.*\.log|cache/(apt/archives/.*|'
                 r'ldconfig/aux-cache)|lib/(apt/.*|dpkg/(arch|available|cmethopt))))')


def listing(path):
    """{name: (type, mode, uid, gid, link)} of an archive; a hard link is a file like the other."""
    with tarfile.open(path) as tar:
        return {m.name: (tarfile.REGTYPE if m.islnk() else m.type, oct(m.mode), m.uid, m.gid,
                         m.linkname if m.issym() else '') for m in tar}


class Debian(TreeCase):
    """debootstrap makes a tree; each test goes on from there."""

    def setUp(self):
        super().setUp()
        home = os.path.join(harness.BASE, 'tests', 'maps')
        self.made, self.archive = os.path.join(home, 'tree'), os.path.join(home, 'tree.tar')
        if not os.path.exists(home):
            os.mkdir(home)
            self.debootstrap([*ON, *DEVICES], CONTAINER, self.made)
            self.assertRuns(self.run_long([HUSK, *ON, '--', 'tar', '--numeric-owner', '-C',
                                           self.made, '-cf', self.archive, '.']))

    def inside(self, script):
        """Run a script in the tree; packages that it has apt download are kept."""
        keep = f'{script}\ncp -n /var/cache/apt/archives/*.deb /mnt 2>/dev/null || true'
        return self.enter(self.made, ON, 'sh', '-euc', keep,
                          archives=('--overlay-src', cache(), '--tmp-overlay',
                                    '/var/cache/apt/archives', '--bind', cache(), '/mnt'))

    def test_owners_on_the_host(self):
        """They are those of the subordinate ids, now as later."""
        with open('/etc/subgid', encoding='ascii') as f:
            first = next(int(line.split(':')[1]) for line in f
                         if line.startswith(f'{harness.USER}:'))
        st = os.stat(os.path.join(self.made, 'etc/shadow'))
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o7777),
                         (os.getuid(), first + 41, 0o640))
        self.assertEqual(listing(self.archive)['./etc/shadow'][1:4], ('0o640', 0, 42))

    def test_apt(self):
        """With the sandbox of its own, the user _apt."""
        r = self.inside('apt-get update; apt-get install -y openssh-client man-db systemd')
        self.assertRuns(r)
        self.assertNotRegex(r.out + r.err, r'(?m)^[WE]: ')
        self.assertRuns(self.inside('dpkg --verify; dpkg --audit'), '')
        r = self.inside('stat -c "%U:%G %a" /usr/bin/ssh-agent /var/cache/man; '
                        'runuser -u man -- id -un')
        self.assertRuns(r, 'root:_ssh 2755\nman:man 755\nman\n')

    def test_apt_takes_its_packages_away(self):
        self.assertRuns(self.inside('apt-get update; apt-get install -y at; apt-get purge -y at; '
                                    'dpkg --audit'))

    def test_users(self):
        r = self.inside('useradd -m -K MAIL_DIR=/nowhere joe; stat -c %U:%G /home/joe; '
                        'su joe -c "id -u; touch ~/mine"; su nobody -s /bin/sh -c id; '
                        'stat -c %u /home/joe/mine; userdel -r joe 2>/dev/null')
        self.assertRuns(r, 'joe:joe\n1000\n'
                        'uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n1000\n')

    def test_the_same_as_by_mmdebstrap(self):
        """Which has user namespaces of its own; and itself in husk, instead of those."""
        own, ours = self.path('own.tar'), self.path('ours.tar')
        self.assertRuns(self.run_long(['mmdebstrap', '--mode=unshare', *SAME, SUITE, own,
                                       mirror()]))
        self.assertRuns(self.run_long(
            [HUSK, *ON, '--dev-bind', '/', '/', '--proc', '/proc', '--perms', '1777', '--tmpfs',
             '/tmp', '--bind', self.dir, self.dir, '--', 'mmdebstrap', '--mode=root', *SAME, SUITE,
             ours, mirror()]))
        own, ours, debootstrap = listing(own), listing(ours), listing(self.archive)
        self.assertEqual(own, ours)
        self.assertGreater(len(own), 5000)
        self.assertEqual([n for n in sorted({*own} ^ {*debootstrap}) if not OWN.fullmatch(n)], [])
        self.assertEqual([(n, own[n], debootstrap[n]) for n in {*own} & {*debootstrap}
                          if own[n] != debootstrap[n] and not n.endswith('/partial')], [])


if __name__ == '__main__':
    main()
