#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--fake-root, without subordinate ids: what Debian's tools make of it."""

import io
import os
import re
import shutil
import struct
import tarfile

from tree import HUSK, SUITE, TreeCase, cache, main, mirror
import harness

ON = ('--fake-root', '--unshare-pid')
# the lock would be that of the cache, which every tree shares
APT = ('apt-get', '-o', 'APT::Sandbox::User=root', '-o', 'Debug::NoLocking=1')
with open(os.path.join(harness.REPO, 'man', 'husk.1'), encoding='utf-8') as manual:
    EXAMPLE = re.search(r'\.Sh FAKE ROOT\n(?s:.*?)\n\.Bd -literal.*\n((?s:.*?))^\.Ed$',
                        manual.read(), re.MULTILINE)[1].replace('\\e', '\\')


class Debian(TreeCase):
    """The manual's example makes a tree and installs something; each test goes on from there."""

    def setUp(self):
        super().setUp()
        self.home = os.path.join(harness.BASE, 'tests', 'example')
        self.made = os.path.join(self.home, 'tree')
        if os.path.exists(self.home):
            return
        os.mkdir(self.home)
        script = EXAMPLE.replace(f' {SUITE} tree',
                                 f' --cache-dir={cache()} {SUITE} tree {mirror()}')
        self.assertNotEqual(script, EXAMPLE)
        env = {**os.environ, 'PATH': os.path.dirname(HUSK) + ':' + os.environ['PATH'],
               'DEBIAN_FRONTEND': 'noninteractive'}
        self.example = self.run_long(['sh', '-ec', script], cwd=self.home, env=env)
        self.assertRuns(self.example)

    def inside(self, *command, options=(), **kw):
        return self.enter(self.made, (*ON, *options), *command, **kw)

    def test_the_example(self):
        r = self.inside('dpkg-query', '-W', '-f', '${db:Status-Abbrev}', 'man-db')
        self.assertRuns(r, 'ii ')
        with open(os.path.join(self.made, 'etc/debian_version'), encoding='ascii') as f:
            self.assertRegex(f.read(), r'^12\.')

    def test_the_readme(self):
        """It says what the manual says."""
        with open(os.path.join(harness.REPO, 'README.md'), encoding='utf-8') as f:
            section = f.read().partition('## Fake root that works')[2].partition('\n## ')[0]
        blocks = [' '.join(block.replace('\\\n', ' ').split())
                  for block in re.findall(r'```sh\n((?s:.*?))```', section)]
        example = ' '.join(EXAMPLE.replace('\\\n', ' ').split())
        self.assertEqual(' '.join(blocks[:2]), example)

    def test_apt(self):
        """Packages with owners, setgid programs, users and units of their own."""
        self.assertRuns(self.inside(*APT, 'update'))
        self.assertRuns(self.inside(*APT, 'install', '-y', 'openssh-client', 'man-db', 'systemd'))
        self.assertRuns(self.inside('dpkg', '--verify'), '')
        self.assertRuns(self.inside('dpkg', '--audit'), '')
        r = self.inside('sh', '-c', 'dpkg-query -W -f "\\${db:Status-Abbrev}\n" | sort -u;'
                        ' stat -c "%a %u:%g" /usr/bin/ssh-agent; grep -c ^_ssh: /etc/group;'
                        ' systemctl --version | head -c 7')
        self.assertRuns(r, 'ii \n2755 0:0\n1\nsystemd')

    def test_apt_takes_its_packages_away(self):
        self.assertRuns(self.inside(*APT, 'install', '-y', 'at'))
        self.assertRuns(self.inside(*APT, 'purge', '-y', 'at'))
        self.assertRuns(self.inside('dpkg', '--audit'), '')

    def test_apt_checks_itself(self):
        """The manual says that it stops without its sandbox's user being root."""
        r = self.inside('apt-get', 'update')
        self.assertFails(r)
        self.assertRegex(r.out + r.err, 'Could not switch group')

    def test_users(self):
        r = self.inside('sh', '-c', 'useradd -m joe && stat -c %F:%u /home/joe && chown joe: /home'
                        ' && su joe -c "id -u" && su nobody -s /bin/sh -c id && userdel joe')
        self.assertRuns(r, 'directory:0\n0\nuid=0(root) gid=0(root) groups=0(root)\n')

    def test_devices(self):
        """A pretended one is not there."""
        r = self.inside('sh', '-c', 'mknod n c 1 3 && ls n; mknod -m 666 n c 1 3; echo $?')
        self.assertEqual((r.rc, r.out), (0, '1\n'))
        self.assertIn("mknod: cannot set permissions of 'n'", r.err)

    def test_under_the_default_policy(self):
        r = self.inside(*APT, 'install', '-y', '--reinstall', 'openssh-client', 'bsdutils',
                        options=('--seccomp-policy', 'default'))
        self.assertRuns(r)

    def test_a_package_is_built(self):
        """dpkg-deb sees one owner: what is built belongs to root."""
        self.write('p/DEBIAN/control', 'Package: x\nVersion: 1\nArchitecture: all\n'
                   'Maintainer: x <x@example.org>\nDescription: x\n')
        self.write('p/usr/x', 'x')
        r = self.run_cmd([HUSK, *ON, 'sh', '-c', 'chown -R 33:33 p/usr && dpkg-deb -b p x.deb &&'
                          ' dpkg-deb -c x.deb'], cwd=self.dir)
        self.assertRuns(r)
        self.assertEqual(set(re.findall(r'\w+/\w+(?= )', r.out)), {'root/root'}, r)


class Archives(TreeCase):
    """Archives with all that root's have; on the host's tree, where its tools are."""

    def archive(self, *more):
        """An archive with many owners; with devices, with lists, if more says so."""
        path = self.path('a.tar')
        capability = struct.pack('<5I', 0x02000001, 1 << 13, 0, 0, 0).decode('latin1')
        with tarfile.open(path, 'w', format=tarfile.PAX_FORMAT) as a:
            def add(name, kind=tarfile.REGTYPE, mode=0o644, owner=(0, 0), **kw):
                i = tarfile.TarInfo('t/' + name)
                i.type, i.mode, (i.uid, i.gid), i.mtime = kind, mode, owner, 1000000000
                for key, value in kw.items():
                    setattr(i, key, value)
                i.size = kind == tarfile.REGTYPE
                a.addfile(i, io.BytesIO(b'x' * i.size))
            for n, owner in enumerate(((0, 0), (33, 33), (1000, 100), (65534, 65534),
                                       (1000000, 7), (2**31, 3))):
                add(f'file{n}', owner=owner)
                add(f'dir{n}', tarfile.DIRTYPE, 0o755, owner)
            add('suid', mode=0o4755)
            add('sgid', mode=0o2755, owner=(0, 104))
            add('sticky', tarfile.DIRTYPE, 0o1777)
            add('sgdir', tarfile.DIRTYPE, 0o2775, (0, 50))
            add('fifo', tarfile.FIFOTYPE, 0o600, (33, 33))
            add('link', tarfile.SYMTYPE, 0o777, (33, 33), linkname='suid')
            add('hard', tarfile.LNKTYPE, linkname='t/suid')
            add('rootlist', pax_headers={'SCHILY.acl.access': 'user::rw-\nuser:0:r--\n'
                                         'group::r--\nmask::r--\nother::r--\n'})
            add('cap', mode=0o755, pax_headers={'SCHILY.xattr.security.capability': capability,
                                                'SCHILY.xattr.user.note': 'hello'})
            if 'devices' in more:
                add('null', tarfile.CHRTYPE, 0o666, devmajor=1, devminor=3)
                add('loop0', tarfile.BLKTYPE, 0o660, (0, 6), devmajor=7, devminor=0)
            if 'lists' in more:
                add('list', pax_headers={'SCHILY.acl.access': 'user::rw-\nuser:33:r--\n'
                                         'group::r--\nmask::r--\nother::r--\n'})
        return path

    def fake(self, script):
        return self.run_cmd([HUSK, *ON, '--chdir', self.dir, '--', 'sh', '-c', script])

    def looks(self, top):
        """What must have come of the archive below a directory."""
        modes = {name: oct(os.lstat(os.path.join(self.dir, top, name)).st_mode & 0o7777)
                 for name in ('suid', 'hard', 'sgid', 'sticky', 'sgdir', 'fifo', 'dir1', 'file4')}
        self.assertEqual(modes, {'suid': '0o4755', 'hard': '0o4755', 'sgid': '0o2755',
                                 'sticky': '0o1777', 'sgdir': '0o2775', 'fifo': '0o600',
                                 'dir1': '0o755', 'file4': '0o644'})
        self.assertEqual(os.readlink(os.path.join(self.dir, top, 'link')), 'suid')

    def test_tar(self):
        self.archive()
        self.assertRuns(self.fake('tar -xpf a.tar'), '')
        self.looks('t')

    def test_tar_fails_without_it(self):
        self.archive()
        r = self.husk('--chdir', self.dir, '--', 'tar', '-xpf', 'a.tar')
        self.assertFails(r, 2, 'Cannot change ownership to uid 33, gid 33')

    def test_tar_with_attributes(self):
        """Those about root are real; a list that names another id is not, and tar says so."""
        self.archive('lists')
        r = self.fake("tar --acls --xattrs --xattrs-include='*' -xpf a.tar && getcap t/cap &&"
                      ' getfacl -cn t/rootlist | head -2')
        self.assertRuns(r, 't/cap cap_net_raw=ep\nuser::rw-\nuser:0:r--\n')
        self.assertEqual(os.getxattr(self.path('t/cap'), 'user.note'), b'hello')
        self.assertRegex(r.err, "^tar: .*Cannot set POSIX ACLs for file 't/list': .*\n$")

    def test_tar_with_devices(self):
        """All else is there; of the devices tar says that they are not."""
        self.archive('devices')
        r = self.fake('tar -xpf a.tar')
        self.assertFails(r, 2, 't/null: Cannot change mode to rw-rw-rw-: No such file')
        self.looks('t')
        self.assertRuns(self.fake('rm -r t; tar -xpf a.tar --exclude=null --exclude=loop0'), '')

    def test_and_back(self):
        self.archive()
        self.assertRuns(self.fake('tar -xpf a.tar && tar -cf b.tar t'), '')
        with tarfile.open(self.path('a.tar')) as a, tarfile.open(self.path('b.tar')) as b:
            wanted = {i.name: i.mode for i in a if not i.islnk()}
            got = {i.name: i.mode for i in b if not i.islnk()}
            self.assertEqual({(i.uid, i.gid) for i in b}, {(0, 0)})
        got.pop('t')
        hard = {'t/suid', 't/hard'}
        self.assertEqual({n: m for n, m in got.items() if n not in hard},
                         {n: m for n, m in wanted.items() if n not in hard})

    def test_cpio(self):
        self.archive()
        r = self.fake('tar -xpf a.tar && find t | cpio -o --quiet -R 33:33 >c && mkdir d && cd d &&'
                      ' cpio -i --quiet <../c && cpio -it --quiet <../c >/dev/null')
        self.assertRuns(r, '')
        self.looks('d/t')

    def test_rsync(self):
        self.archive()
        r = self.fake('tar -xpf a.tar && rsync -aHAX t/ r && rsync -a --chown=33:44 t/ r')
        self.assertRuns(r, '')
        self.looks('r')

    def test_install(self):
        r = self.fake('install -o man -g tty -m 2755 /usr/bin/true x && install -d -o 1 -g 2 y')
        self.assertRuns(r, '')
        self.assertEqual(os.stat(self.path('x')).st_mode & 0o7777, 0o2755)


class Programs(TreeCase):
    """Programs that no preloaded library would reach."""

    def test_go(self):
        self.need('go')
        self.write('main.go', 'package main\nimport ("fmt"; "os"; "syscall")\nfunc main() {\n'
                   'fmt.Println(os.Chown("main.go", 33, 44), os.Lchown("main.go", 1, 2),'
                   ' syscall.Setgroups([]int{7, 8}), syscall.Setgid(33), syscall.Setuid(33),'
                   ' syscall.Setreuid(3, 4), syscall.Mknod("n", syscall.S_IFCHR | 0600, 0x103),'
                   ' os.Chown("none", 0, 0) != nil, os.Getuid())\n}\n')
        env = {**os.environ, 'CGO_ENABLED': '0', 'GOCACHE': self.path('cache'),
               'GO111MODULE': 'off', 'HOME': self.dir}
        self.assertRuns(self.run_long(['go', 'build', '-o', 'program', 'main.go'], cwd=self.dir,
                                      env=env))
        r = self.run_cmd([HUSK, *ON, '--', './program'], cwd=self.dir)
        self.assertRuns(r, ' '.join(['<nil>'] * 7 + ['true', '0']) + '\n')
        shutil.rmtree(self.path('cache'))


if __name__ == '__main__':
    main()
