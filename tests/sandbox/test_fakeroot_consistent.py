#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--fake-root-consistent: what is pretended is remembered and shown."""

import os

from probe import HUSK, Case, main

ON = ('--fake-root-consistent',)


class ConsistentCase(Case):
    """Scripts that run as root in a directory of the host's."""

    def setUp(self):
        super().setUp()
        self.need_same_width()

    def script(self, text, *options, **kw):
        """Run a shell script in the test's directory."""
        return self.husk(*ON, *options, '--chdir', self.work(), '--', 'sh', '-ec', text, **kw)

    def work(self):
        """The directory, made when it is first asked for."""
        path = self.path('work')
        os.makedirs(path, exist_ok=True)
        return path

    def shows(self, text, out, *options):
        """The script prints this, and no error."""
        self.assertRuns(self.script(text, *options), out)


class Owners(ConsistentCase):
    """chown and stat."""

    def test_shown(self):
        self.shows('touch f; chown 33:44 f; stat -c %u:%g f', '33:44\n')

    def test_real_owner_stays(self):
        self.shows('touch f; chown 33:44 f', '')
        self.assertEqual(os.stat(self.path('work/f')).st_uid, os.geteuid())

    def test_one_id_alone(self):
        self.shows('touch f; chown 33 f; stat -c %u:%g f; chgrp 7 f; stat -c %u:%g f',
                   '33:0\n33:7\n')

    def test_back_to_root(self):
        self.shows('touch f; chown 33:44 f; chown 0:0 f; stat -c %u:%g f', '0:0\n')

    def test_by_name_list_and_archive(self):
        self.shows('touch f; chown www-data:mail f; ls -l f | cut -d" " -f3,4;'
                   ' tar -c f | tar -tv | cut -d" " -f2', 'www-data mail\nwww-data/mail\n')

    def test_links(self):
        """The link and what it leads to have owners of their own."""
        self.shows('touch f; ln -s f l; chown 5 l; chown -h 6 l; stat -c %u f l; stat -Lc %u l',
                   '5\n6\n5\n')

    def test_second_name(self):
        self.shows('touch f; ln f g; chown 5 f; stat -c %u g; rm f; stat -c %u g', '5\n5\n')

    def test_renamed(self):
        self.shows('mkdir d; touch d/f; chown -R 5:6 d; mv d e; stat -c %u:%g e e/f',
                   '5:6\n5:6\n')

    def test_by_descriptor(self):
        self.shows('python3 -c "import os; fd = os.open(\'f\', os.O_CREAT); '
                   'os.fchown(fd, 7, 8); print(os.fstat(fd).st_uid, os.stat(\'f\').st_gid);'
                   'os.chown(f\'/proc/self/fd/{fd}\', 9, 9); print(os.fstat(fd).st_uid)"',
                   '7 8\n9\n')

    def test_by_directory(self):
        self.shows('mkdir d; python3 -c "import os; open(\'d/f\', \'w\').close();'
                   'd = os.open(\'d\', os.O_PATH); os.chown(\'f\', 3, 4, dir_fd=d);'
                   'os.chown(\'.\', 5, 6, dir_fd=d);'
                   'print(os.stat(\'f\', dir_fd=d).st_uid, os.stat(\'d\').st_uid)"', '3 5\n')

    def test_new_file_with_an_old_number(self):
        """What has the inode of a file that is gone has nothing of its owner."""
        self.shows('for i in 1 2 3 4 5 6 7 8; do touch f; chown 33 f; rm f; touch f;'
                   ' stat -c %u f; rm f; done', '0\n' * 8)

    def test_replaced_by_rename(self):
        self.shows('touch f g; chown 33 f; mv g f; stat -c %u f', '0\n')

    def test_unlinked(self):
        """What is still open has the owner that it had."""
        self.shows('python3 -c "import os; fd = os.open(\'f\', os.O_CREAT); os.chown(\'f\', 7, 8);'
                   'os.unlink(\'f\'); os.stat(\'.\'); print(os.fstat(fd).st_uid)"', '7\n')

    def test_many_unlinked(self):
        """As many as a process may have open."""
        self.shows("""python3 -c "
import os
fds = []
for i in range(700):
    fds.append(os.open('f', os.O_CREAT))
    os.fchown(fds[i], i, 0)
    os.unlink('f')
os.stat('.')
print([i for i, fd in enumerate(fds) if os.fstat(fd).st_uid != i])
" """, '[]\n')

    def test_group_of_a_directory(self):
        self.shows('mkdir d; chown :50 d; chmod 2775 d; mkdir d/e; stat -c %g:%a d/e; mkdir e;'
                   ' stat -c %g e', '50:2755\n0\n')

    def test_another_user_namespace(self):
        """Who has one of its own is told the truth."""
        self.shows('touch f; chown 5:6 f; unshare -U --map-user=9 stat -c %u f; stat -c %u f',
                   '9\n5\n')

    def test_setuid_bits_go(self):
        self.shows('touch f; chmod 6755 f; chown 5 f; stat -c %a f; chmod 4711 f;'
                   ' stat -c %u:%a f', '755\n5:4711\n')

    def test_missing_and_readonly(self):
        r = self.script('chown 5 none; chown 5 /usr/bin/env', '--ro-bind', '/', '/', '--bind',
                        self.work(), self.work())
        self.assertNotEqual(r.rc, 0, r)
        self.assertIn('No such file', r.err)
        r = self.script('chown 5 /usr/bin/env', '--ro-bind', '/', '/', '--bind', self.work(),
                        self.work())
        self.assertIn('Read-only file system', r.err)


class Devices(ConsistentCase):
    """mknod."""

    def test_shown(self):
        self.shows('mknod null c 1 3; mknod -m 600 sda b 8 0; stat -c "%F %t:%T %a" null sda',
                   'character special file 1:3 644\nblock special file 8:0 600\n')

    def test_archived(self):
        self.shows('mknod null c 1 3; test -c null; tar -c null | tar -tv'
                   ' | cut -c1-11; rm null; mknod null c 5 1; stat -c %t:%T null',
                   'crw-r--r-- \n5:1\n')

    def test_stands_in_a_file(self):
        self.shows('mknod null c 1 3; chown 5:6 null; stat -c %u null', '5\n')
        self.assertTrue(os.path.isfile(self.path('work/null')))

    def test_umask(self):
        self.shows('umask 077; mknod null c 1 3; stat -c %a null', '600\n')

    def test_errors(self):
        r = self.script('touch f; mknod f c 1 3')
        self.assertIn('File exists', r.err)
        r = self.script('mknod none/f c 1 3')
        self.assertIn('No such file', r.err)
        r = self.script('mknod n c 1 3', '--cap-drop', 'cap_mknod')
        self.assertIn('Operation not permitted', r.err)

    def test_readonly(self):
        r = self.script('mknod /usr/n c 1 3', '--ro-bind', '/', '/')
        self.assertIn('Read-only file system', r.err)

    def test_others_are_real(self):
        self.shows('mkfifo p; mknod w c 0 0; stat -c %F p w',
                   'fifo\ncharacter special file\n')


class Elsewhere(ConsistentCase):
    """Roots, directories and ABIs other than the usual."""

    def test_chroot(self):
        self.shows('mkdir r; touch r/f f; chown 7 r/f; ln -s /f r/l; ln -s ../../f r/m;'
                   ' python3 -c "import os; os.chroot(\'r\'); os.chdir(\'/\');'
                   'print(*(os.stat(p).st_uid for p in (\'/f\', \'f\', \'/../f\', \'l\', \'m\')));'
                   'os.chown(\'/l\', 8, 8); print(os.stat(\'f\').st_uid)"; stat -c %u f r/f',
                   '7 7 7 7 7\n8\n0\n8\n')

    def test_mount_namespace(self):
        self.shows('touch f; chown 5 f; unshare -m sh -ec "mount -t tmpfs t /mnt; cp f /mnt/g;'
                   ' chown 6 /mnt/g; stat -c %u f /mnt/g"', '5\n6\n')

    def test_long_paths(self):
        self.shows('python3 -c "\nimport os\n'
                   'd = \'d\' * 200\n'
                   'for i in range(30): os.mkdir(d); os.chdir(d)\n'
                   'open(\'f\', \'w\').close()\n'
                   'os.chown(\'f\', 5, 6); print(os.stat(\'f\').st_uid)\n'
                   'os.chdir(\'../\' * 20); p = \'/\'.join([d] * 20) + \'/f\'\n'
                   'os.chown(p, 6, 7); p = \'./\' * ((4095 - len(p)) // 2) + p\n'
                   'print(len(p) > 4090, os.stat(p).st_uid)\n'
                   'for p in (\'a\' * 4095, \'a\' * 4096, \'./\' * 3000):\n'
                   '  for call in (os.stat, lambda p: os.chown(p, 3, 3), os.unlink):\n'
                   '    try: call(p)\n'
                   '    except OSError as e: print(e.errno, end=\' \')\n"',
                   '5\nTrue 6\n' + '36 ' * 9)

    def test_self_test(self):
        r = self.husk(*ON, '--self-test')
        self.assertRuns(r)
        self.assertIn('- what --fake-root-consistent pretends is what is shown\n', r.out)

    def test_self_test_without_ids(self):
        """Nobody can become another there."""
        self.assertRuns(self.husk(*ON, '--cap-drop', 'CAP_SETUID', '--self-test'))

    def test_one_supervisor_at_most(self):
        """A sandbox in the sandbox could have no other."""
        r = self.script(f'{HUSK} --fake-root-consistent true')
        self.assertEqual(r.rc, 125, r)
        self.assertIn('use --fake-root', r.err)


if __name__ == '__main__':
    main()
