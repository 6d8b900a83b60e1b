#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--fake-root-consistent, without subordinate ids: Debian's tools as they are, what they see."""

import os
import re
import shutil
import sys
import tarfile

from tree import HUSK, TreeCase, main
import harness
import test_pretended

ON = ('--fake-root-consistent',)


class Debian(TreeCase):
    """debootstrap makes a tree; each test goes on from there."""

    def setUp(self):
        super().setUp()
        self.made = os.path.join(harness.BASE, 'tests', 'made')
        if not os.path.exists(self.made):
            self.debootstrap(ON, tree=self.made)

    def inside(self, *command, **kw):
        return self.enter(self.made, ON, *command, **kw)

    def test_apt(self):
        """Packages with owners, setgid programs, users and units of their own, got as _apt."""
        self.assertRuns(self.inside('apt-get', '-o', 'Debug::NoLocking=1', 'update'))
        self.assertRuns(self.inside('apt-get', '-o', 'Debug::NoLocking=1', 'install', '-y',
                                    'openssh-client', 'man-db', 'systemd'))
        self.assertRuns(self.inside('dpkg', '--verify'), '')
        self.assertRuns(self.inside('dpkg', '--audit'), '')
        r = self.inside('sh', '-c', 'dpkg-query -W -f "\\${db:Status-Abbrev}\n" | sort -u;'
                        ' grep -c ^_ssh: /etc/group; systemctl --version | head -c 7')
        self.assertRuns(r, 'ii \n1\nsystemd')

    def test_owners_in_one_run(self):
        """What a package gives away is seen to be given away."""
        r = self.inside('sh', '-ec', 'apt-get -q -o Debug::NoLocking=1 install -y --reinstall'
                        ' openssh-client bsdutils man-db >&2;'
                        ' stat -c "%n %a %U:%G" /usr/bin/ssh-agent /var/cache/man;'
                        ' su nobody -s /bin/sh -c "id -un; mkdir /tmp/d; stat -c %U /tmp/d"')
        self.assertRuns(r, '/usr/bin/ssh-agent 2755 root:_ssh\n/var/cache/man 755 man:man\n'
                        'nobody\nnobody\n')

    def test_users(self):
        r = self.inside('sh', '-ec', 'useradd -m joe; stat -c %F:%U /home/joe; su joe -c "id -un";'
                        ' su nobody -s /bin/sh -c id; userdel joe')
        self.assertRuns(r, 'directory:joe\njoe\nuid=65534(nobody) gid=65534(nogroup)'
                        ' groups=65534(nogroup)\n')

    def test_devices(self):
        r = self.inside('sh', '-ec', 'mknod -m 666 /tmp/n c 1 3; ls -l /tmp/n | cut -c1-10,24-30;'
                        ' cp -a /tmp/n /tmp/m; stat -c %F:%t:%T /tmp/m')
        self.assertRuns(r)
        self.assertIn('character special file:1:3', r.out)


class Archives(TreeCase):
    """Archives with all that root's have; on the host's tree, where its tools are."""

    archive = test_pretended.Archives.archive

    def fake(self, script):
        """A script in the test's directory."""
        return self.run_cmd([HUSK, *ON, '--chdir', self.dir, '--', 'sh', '-ec', script])

    @staticmethod
    def members(path):
        """What a tar archive says of each member; of a file with two names, of either."""
        with tarfile.open(path) as a:
            return {i.name: ((i.uid, i.gid, i.mode, i.devmajor, i.devminor), i.pax_headers)
                    for i in a}

    def test_there_and_back(self):
        """The two archives list identically."""
        self.archive('devices')
        self.assertRuns(self.fake('tar -xpf a.tar; tar -cf b.tar t;'
                                  ' tar --numeric-owner -tvf a.tar >a;'
                                  ' tar --numeric-owner -tvf b.tar | grep -v " t/$" >b'), '')

        def listing(name):
            with open(self.path(name), encoding='utf-8') as f:
                return sorted(line.split() for line in f
                              if 'hard' not in line and 'suid' not in line)

        self.assertEqual(listing('a'), listing('b'))
        a, b = self.members(self.path('a.tar')), self.members(self.path('b.tar'))
        b.pop('t')
        self.assertEqual({n: i[0] for n, i in a.items() if n != 't/hard'},
                         {n: i[0] for n, i in b.items() if n != 't/hard'})

    def test_with_lists_and_attributes(self):
        self.archive('devices', 'lists')
        with_all = "--acls --xattrs --xattrs-include='*' --format=pax"
        self.assertRuns(self.fake(f'tar {with_all} -xpf a.tar; tar {with_all} -cf b.tar t;'
                                  ' getfacl -cn t/list | grep user:33'), 'user:33:r--\n')
        a, b = self.members(self.path('a.tar')), self.members(self.path('b.tar'))
        for name in ('t/list', 't/rootlist'):
            self.assertIn('SCHILY.acl.access', b[name][1])
        for name in ('SCHILY.xattr.user.note', 'SCHILY.xattr.security.capability'):
            self.assertEqual(a['t/cap'][1][name], b['t/cap'][1][name])

    def test_cpio(self):
        self.archive('devices')
        self.assertRuns(self.fake('tar -xpf a.tar; find t | cpio -o --quiet -H newc >c; mkdir d;'
                                  ' cd d; cpio -idm --quiet <../c; cd ..;'
                                  ' stat -c "%n %u:%g %a %F %t:%T" $(find t | sort) >1; cd d;'
                                  ' stat -c "%n %u:%g %a %F %t:%T" $(find t | sort) >../2'), '')
        self.same('1', '2')

    def test_rsync(self):
        self.archive('devices')
        self.assertRuns(self.fake('tar -xpf a.tar; mkdir d; rsync -aH t d/; chown 0:0 d;'
                                  ' stat -c "%n %u:%g %a %F %t:%T" $(find t | sort) >1; cd d;'
                                  ' stat -c "%n %u:%g %a %F %t:%T" $(find t | sort) >../2'), '')
        self.same('1', '2')

    def same(self, a, b):
        """Two files are alike, and not empty."""
        with open(self.path(a), encoding='utf-8') as f, open(self.path(b), encoding='utf-8') as g:
            text = f.read()
            self.assertEqual(text, g.read())
        self.assertIn('character special file 1:3', text)
        self.assertIn('33:33', text)

    def test_install(self):
        r = self.fake('install -o man -g tty -m 2755 /usr/bin/true x; install -d -o 1 -g 2 y;'
                      ' stat -c "%U:%G %a" x; stat -c %u:%g y; cp -a x z; stat -c %U:%G:%a z')
        self.assertRuns(r, 'man:tty 2755\n1:2\nman:tty:2755\n')

    def test_a_package_is_built(self):
        """With the owners that its files were given."""
        self.write('p/DEBIAN/control', 'Package: x\nVersion: 1\nArchitecture: all\n'
                   'Maintainer: x <x@example.org>\nDescription: x\n')
        self.write('p/usr/games/x', 'x')
        r = self.fake('chown -R 33:60 p/usr/games; chmod 2755 p/usr/games/x; dpkg-deb -b p x.deb;'
                      ' dpkg-deb -c x.deb')
        self.assertRuns(r)
        self.assertEqual(re.findall(r'(\S+) ([\w-]+/\w+) .*(\./\S*)', r.out),
                         [('drwxr-xr-x', 'root/root', './'), ('drwxr-xr-x', 'root/root', './usr/'),
                          ('drwxr-xr-x', 'www-data/games', './usr/games/'),
                          ('-rwxr-sr-x', 'www-data/games', './usr/games/x')])


C = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
int main(void)
{
    struct stat s, t;
    int fd = open("f", O_CREAT | O_RDWR, 0644), r;
    r = chown("f", 33, 44);
    r |= stat("f", &s);
    r |= mknod("n", S_IFBLK | 0600, makedev(8, 1));
    r |= lchown("n", 70000, 5);
    r |= lstat("n", &t);
    printf("%d %d:%d %d %d:%d %d:%d", r, s.st_uid, s.st_gid, S_ISBLK(t.st_mode), t.st_uid,
           t.st_gid, major(t.st_rdev), minor(t.st_rdev));
    r = fchown(fd, 7, -1) | fstat(fd, &s) | unlink("n");
    r |= setgroups(0, 0) | setresgid(9, 9, 9) | setresuid(8, 8, 8);
    printf(" %d:%d %ld %d %d:%d\n", s.st_uid, s.st_gid, (long)s.st_size, r, getuid(), getegid());
    return 0;
}
'''
SAYS = '0 33:44 1 70000:5 8:1 7:44 0 0 8:9\n'


class Programs(TreeCase):
    """Programs that no preloaded library would reach."""

    def compiled(self, *compiler):
        self.need(compiler[0])
        self.write('x.c', '#include <grp.h>\n' + C)
        self.assertRuns(self.run_cmd([*compiler, '-o', 'x', 'x.c'], cwd=self.dir))
        self.assertRuns(self.run_cmd([HUSK, *ON, '--', './x'], cwd=self.dir), SAYS)

    def test_static(self):
        self.compiled('gcc', '-static')

    def test_musl(self):
        self.compiled('musl-gcc', '-static')

    def test_32_bits(self):
        self.compiled('i686-linux-gnu-gcc', '-static')

    def test_32_bits_with_large_files(self):
        self.compiled('i686-linux-gnu-gcc', '-static', '-D_FILE_OFFSET_BITS=64',
                      '-D_TIME_BITS=64')

    def test_go(self):
        self.need('go')
        self.write('main.go', 'package main\nimport ("fmt"; "os"; "syscall")\nfunc main() {\n'
                   'fmt.Println(os.Chown("main.go", 33, 44), syscall.Mknod("n", syscall.S_IFCHR |'
                   ' 0600, 0x103))\n'
                   'i, _ := os.Stat("main.go"); n, _ := os.Lstat("n")\n'
                   's := i.Sys().(*syscall.Stat_t)\n'
                   'fmt.Println(s.Uid, s.Gid, n.Mode(), syscall.Setgid(6), syscall.Setuid(5),'
                   ' os.Getuid(), os.Getgid())\n}\n')
        env = {**os.environ, 'CGO_ENABLED': '0', 'GOCACHE': self.path('cache'),
               'GO111MODULE': 'off', 'HOME': self.dir}
        self.assertRuns(self.run_long(['go', 'build', '-o', 'program', 'main.go'], cwd=self.dir,
                                      env=env))
        r = self.run_cmd([HUSK, *ON, '--', './program'], cwd=self.dir)
        self.assertRuns(r, '<nil> <nil>\n33 44 Dcrw------- <nil> <nil> 5 6\n')
        shutil.rmtree(self.path('cache'))

    def test_ten_thousand(self):
        """Processes, all alive at once where that many may be, each asking."""
        self.write('many.c', r'''
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int hold[2], made = 0, bad = 0, ended = 0, status;
    struct stat s;
    char c;
    pid_t pid;
    close(creat("f", 0644));
    if (chown("f", 5, 6) < 0 || pipe(hold) < 0)
        return 1;
    while (made < 10000 && (pid = fork()) >= 0) {
        if (pid == 0) {
            close(hold[1]);
            bad = stat("f", &s) < 0 || s.st_uid != 5;
            read(hold[0], &c, 1);
            _exit(bad || chown("f", 5, 6) < 0 || stat("f", &s) < 0 || s.st_gid != 6);
        }
        made++;
    }
    close(hold[1]);
    while (wait(&status) > 0) {
        ended++;
        bad += status != 0;
    }
    printf("%d %d %d\n", made, ended, bad);
    return 0;
}
''')
        self.assertRuns(self.run_cmd(['gcc', '-O2', '-static', '-o', 'many', 'many.c'],
                                     cwd=self.dir))
        self.assertRuns(self.run_long([HUSK, *ON, '--', './many'], cwd=self.dir),
                        '10000 10000 0\n')


if __name__ == '__main__':
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    main()
