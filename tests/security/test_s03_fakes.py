#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What set-up takes for /dev/null, the console, a cover or /proc is a fake of somebody else's.

Devices are compared with the numbers that they must have, covers are made by husk itself, and what
is written to /proc is written to the kernel's.
"""

import os

from rows import BWRAP, HOST, HUSK, SMALL, USR, ProbeCase, main

BROKEN = {
    'devices-compared': ['Devices.test_a_faked_null'],
    'console-compared': ['Devices.test_a_faked_console'],
    'mask-made-here,mask-seen,audit-mounts': ['Covers.test_a_faked_null'],
    'mask-unreadable': ['Covers.test_a_null_of_the_root_is_not_used'],
    'proc-magic': ['Proc.test_a_faked_proc'],
    'proc-without-mounts': ['Proc.test_a_faked_self'],
}

# mounts a symbolic link on another
COVER = r'''
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, argv[1],
			      OPEN_TREE_CLONE | AT_SYMLINK_NOFOLLOW);

	if (syscall(SYS_move_mount, fd, "", AT_FDCWD, argv[2], MOVE_MOUNT_F_EMPTY_PATH) == 0)
		return 0;
	perror(argv[2]);
	return 1;
}
'''


class Devices(ProbeCase):
    def test_a_faked_null(self):
        """The caller's /dev/null is a regular file."""
        for program, rc in ((HUSK, '125'), (BWRAP, '1')):
            fake = self.write('fake', 'fake')
            argv = self.private_mounts(
                ['sh', '-c', f'{program} {" ".join(USR)} --dev /dev -- stat -c %F:%t:%T '
                 '/dev/null; echo $?'], f'mount --bind {fake} /dev/null')
            r = self.run_cmd(argv)
            self.assertEqual(r.out, f'{rc}\n', r)
            self.assertIn('/dev/null', r.err)

    def test_a_null_that_is_another_device(self):
        argv = self.private_mounts(
            ['sh', '-c', f'{HUSK} {" ".join(USR)} --dev /dev -- true; echo $?'],
            'mount --bind /dev/zero /dev/null')
        self.assertEqual(self.run_cmd(argv).out, '125\n')

    def test_a_null_that_is_a_link(self):
        """In a /dev of the caller's own it leads to a file."""
        names = 'zero full random urandom tty'
        setup = f'mkdir {self.path("real")}; mount --rbind /dev {self.path("real")}; ' \
                'mount -t tmpfs t /dev; ' + \
                f'cd {self.path("real")}; for d in {names}; do touch /dev/$d; ' \
                'mount --bind $d /dev/$d; done; ' \
                f' ln -s {self.write("fake", "fake")} /dev/null; exec 2>&1'
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            self.mkdir('real')
            r = self.run_cmd(self.private_mounts([program, *HOST, '--dev', '/dev', '--', 'cat',
                                                  '/dev/null'],
                                                 setup.replace('mkdir', 'mkdir -p')))
            self.assertFails(r, rc)
            self.assertIn('/dev/null is not the device', r.out)

    def test_a_null_of_the_root_is_not_used(self):
        """The root's own /dev/null may be a link or a file: --dev covers it."""
        root = self.mkdir('root')
        for name in ('dev', 'usr'):
            self.mkdir(f'root/{name}')
        os.symlink('../victim', self.path('root/dev/null'))
        self.write('victim', 'precious')
        self.write('root/victim', 'precious')
        for program in (HUSK, BWRAP):
            r = self.run_cmd([program, '--bind', root, '/', '--ro-bind', '/usr', '/usr',
                              '--ro-bind', '/usr/lib64', '/lib64', '--ro-bind', '/usr/lib', '/lib',
                              '--dev', '/dev', '--', '/usr/bin/stat', '-c', '%F:%t:%T',
                              '/dev/null'])
            if program == BWRAP:
                self.assertRuns(r, 'character special file:1:3\n')
        self.assertEqual(self.tree(self.path('victim')), self.tree(self.path('root/victim')))

    def test_a_faked_console(self):
        """What the path of the terminal leads to is no longer the terminal."""
        fake = self.write('fake', 'fake')
        for program in (HUSK, BWRAP):
            r = self.pty(self.private_mounts(
                [program, *SMALL, '--', 'sh', '-c',
                 'cat /dev/console; stat -c %F /dev/console; echo end'],
                f'mount --bind {fake} "$(tty)"'))
            self.assertIn('end', r.out, r)
            self.assertNotIn('fake', r.out, r)
            self.assertNotIn('regular', r.out, r)

    def test_a_console_that_is_another_terminal(self):
        """Such as one that somebody else reads."""
        master, slave = os.openpty()
        other = os.ttyname(slave)
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        for program in (HUSK, BWRAP):
            r = self.pty(self.private_mounts(
                [program, *SMALL, '--', 'sh', '-c', 'echo leaked >/dev/console; echo end'],
                f'mount --bind {other} "$(tty)"'))
            self.assertIn('end', r.out, r)
            os.set_blocking(master, False)
            with self.assertRaises(BlockingIOError):
                os.read(master, 100)


class Covers(ProbeCase):
    """What --mask covers with cannot be opened, and is nobody's but the sandbox's."""

    def setUp(self):
        super().setUp()
        self.secret = self.write('d/secret', 'top')
        self.write('fake/null', 'fake')
        self.args = [*HOST, '--bind', self.path('d'), self.path('d')]

    def test_a_null_of_the_root_is_not_used(self):
        """Neither a fake device nor a link in the root's own /dev."""
        self.write('linked/x')
        os.symlink(self.path('fake/null'), self.path('linked/null'))
        for dev in ('fake', 'linked'):
            self.check([*self.args, '--ro-bind', self.path(dev), '/dev', '--mask-try', self.secret],
                       (f'read {self.secret}', 'EACCES'), (f'mode {self.secret}', '20000'))

    def test_a_faked_null(self):
        """Nor the caller's: what is in that does not show, nor is it written to."""
        for dest in ('d', 'ro'):
            self.write(f'{dest}/secret', 'top')
            secret = self.path(dest, 'secret')
            r = self.run_cmd(self.private_mounts(
                ['sh', '-c', f'{HUSK} {" ".join(self.args)} --mask-try {secret} -- '
                 f'{self.prober()} "read {secret}" "open {secret} w"'],
                f'mount --bind {self.path("fake/null")} /dev/null'))
            self.assertEqual(r.rc, 0, r)
            self.assertIn(r.out, ('EACCES\nEACCES\n', 'ENOENT\nENOENT\n'), r)
        with open(self.path('fake/null'), encoding='ascii') as f:
            self.assertEqual(f.read(), 'fake')

    def test_they_work_as_no_devices(self):
        """Where devices do, a cover that was one, as a /dev/null, would be opened."""
        self.check(['--dev-bind', '/', '/', '--mask-try', self.secret],
                   (f'open {self.secret} w', 'EACCES'), (f'open {self.secret} r', 'EACCES'))


class Proc(ProbeCase):
    def test_a_faked_proc(self):
        """No id map is written to a /proc that is none."""
        fake = ' '.join(f'/proc/self/{n} /proc/1/{n} /proc/thread-self/{n}'
                        for n in ('uid_map', 'gid_map', 'setgroups'))
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            argv = self.private_mounts(
                ['sh', '-c', f'{program} --unshare-user --ro-bind / / true; echo $?; cat {fake}'],
                'mount -t tmpfs t /proc; mkdir /proc/self /proc/1 /proc/thread-self; '
                f'touch {fake}')
            r = self.run_cmd(argv)
            self.assertEqual(r.out, f'{rc}\n', r)
            self.assertIn('/proc', r.err)

    def test_a_faked_self(self):
        """In the true /proc another link is mounted on the link /proc/self."""
        fake = self.mkdir('fake')
        for name in ('uid_map', 'gid_map', 'setgroups', 'mountinfo', 'attr/exec', 'attr/fscreate'):
            self.write(f'fake/{name}')
        os.symlink(fake, self.path('self'))
        before = self.tree(fake)
        cover = self.inside_c(COVER, 'cover')
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            r = self.run_cmd(self.private_mounts(
                [program, '--unshare-user', *HOST, '--', 'true'],
                f'{cover} {self.path("self")} /proc/self; touch /proc/self/uid_map'))
            self.assertEqual(self.tree(fake), before, r)
            self.assertFails(r, rc)

    def test_a_faked_directory_of_the_process(self):
        """The launcher's own directory in /proc is somebody else's."""
        fake = self.mkdir('fake')
        for name in ('uid_map', 'gid_map', 'setgroups', 'attr/exec', 'attr/fscreate'):
            self.write(f'fake/{name}')
        before = self.tree(fake)
        for program in (HUSK, BWRAP):
            r = self.run_cmd(self.private_mounts(
                [program, '--unshare-user', '--ro-bind', '/', '/', '--', 'true'],
                f'mount --bind {fake} /proc/$$'))
            self.assertEqual(self.tree(fake), before, r)

    def test_a_proc_bound_by_the_caller_is_not_used(self):
        """Nothing is written to a /proc of the new root."""
        fake = self.mkdir('fake')
        for who in ('self', 'thread-self', '1', '2'):
            for name in ('uid_map', 'gid_map', 'setgroups', 'attr/exec', 'attr/current'):
                self.write(f'fake/{who}/{name}')
        self.write('fake/sys/user/max_user_namespaces', '7')
        before = self.tree(fake)
        for program in (HUSK, BWRAP):
            r = self.run_cmd([program, '--unshare-user', '--unshare-pid', *HOST, '--bind', fake,
                              '/proc', '--disable-userns', '--', 'true'])
            self.assertRuns(r)
            self.assertEqual(self.tree(fake), before, r)


if __name__ == '__main__':
    main()
