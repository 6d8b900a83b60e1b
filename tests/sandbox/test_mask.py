#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Masks: what is hidden stays so, against the command with every capability and the host."""

import json
import os
import re

from probe import BWRAP, HOST, HUSK, PROC, USR, ProbeCase, all_caps, main

WEAK = 'what the host may put in its place would show'


class MaskCase(ProbeCase):
    """The directory d holds secret, open, sub/file and the link link → secret."""

    def setUp(self):
        super().setUp()
        self.secret = self.write('d/secret', 'top')
        self.opened = self.write('d/open', 'open')
        self.write('d/sub/file', 'below')
        os.symlink('secret', self.path('d/link'))
        self.d = self.path('d')

    def writable(self, *more):
        return [*HOST, '--bind', self.d, self.d, *more]

    def made(self, *args):
        """What each mask came to, as the status tells."""
        r, w = self.pipe()
        result = self.husk('--status-fd', str(w), *args, '--', 'true', pass_fds=[w])
        self.assertRuns(result)
        self.close(w)
        with open(r, closefd=False, encoding='utf-8') as f:
            lines = [json.loads(line) for line in f]
        return [(line['dest'], line['made']) for line in lines if line['event'] == 'mask']

    def running(self, *args):
        """Start a sandbox whose command answers each path written to it; return a function."""
        child = self.spawn([HUSK, *args, '--', '/usr/bin/python3', '-uc', '''
import os, sys
for line in sys.stdin:
    try:
        print(open(line.strip()).read() or "(empty)")
    except OSError as e:
        print(os.strerror(e.errno))'''], stdin=-1, text=True, bufsize=1)

        def ask(path):
            child.stdin.write(path + '\n')
            child.stdin.flush()
            return child.stdout.readline().rstrip('\n')
        return ask

    def replace(self, path, data):
        """What an editor does to save a file."""
        with open(path + '~', 'w', encoding='utf-8') as f:
            f.write(data)
        os.rename(path + '~', path)


class Overlay(MaskCase):
    """In a directory that is read-only inside, the name is hidden."""

    def setUp(self):
        super().setUp()
        self.args = [*HOST, '--mask', self.secret]

    def test_a_file(self):
        self.check(self.args, (f'access {self.secret}', 'ENOENT'),
                   (f'open {self.secret} r', 'ENOENT'),
                   (f'read {self.d}/link', 'ENOENT'), (f'list {self.d}', 'link open sub '),
                   (f'read {self.opened}', 'open'), (f'read {self.d}/sub/file', 'below'))

    def test_a_directory(self):
        self.check([*HOST, '--mask', f'{self.d}/sub/'], (f'access {self.d}/sub', 'ENOENT'),
                   (f'access {self.d}/sub/file', 'ENOENT'), (f'read {self.secret}', 'top'))

    def test_it_cannot_be_made_again(self):
        self.check(self.args, (f'write {self.secret}', 'EROFS'), (f'mkdir {self.secret}', 'EROFS'))

    def test_what_does_not_exist(self):
        self.check([*HOST, '--mask', f'{self.d}/later'], (f'access {self.d}/later', 'ENOENT'))

    def test_nothing_changes_on_the_host(self):
        before = self.tree(self.dir)
        self.assertRuns(self.husk(*self.args, '--mask', f'{self.d}/later', '--mask',
                                  f'{self.d}/sub', '--', 'true'))
        self.assertEqual(self.tree(self.dir), before)

    def test_the_host_replaces_it(self):
        ask = self.running(*self.args, '--mask', f'{self.d}/later')
        self.assertEqual(ask(self.secret), 'No such file or directory')
        self.assertEqual(ask(self.opened), 'open')
        self.replace(self.secret, 'newer')
        self.replace(f'{self.d}/later', 'now')
        for path in (self.secret, f'{self.d}/later', f'{self.d}/link'):
            self.assertEqual(ask(path), 'No such file or directory')
        os.unlink(self.secret)
        self.write('d/secret', 'newest')
        self.assertEqual(ask(self.secret), 'No such file or directory')

    def test_the_host_exchanges_it(self):
        ask = self.running(*self.args)
        os.rename(self.secret, f'{self.d}/was')
        os.rename(self.opened, self.secret)
        self.assertEqual(ask(self.secret), 'No such file or directory')

    def test_it_cannot_be_uncovered(self):
        """Root inside with every capability, by raw calls."""
        self.check(self.args, (f'umount {self.d}', 'EINVAL'), (f'umount {self.d} 2', 'EINVAL'),
                   (f'remount {self.d}', 'EPERM'), (f'clear {self.d}', 'EPERM'),
                   (f'move {self.d} /mnt', 'EINVAL'), (f'movemount {self.d} /mnt', 'EINVAL'),
                   (f'bind {self.dir} /mnt', 'EINVAL'), (f'tree {self.dir}', 'EINVAL'),
                   (f'reconfigure {self.d}', 'EPERM'),
                   ('fork unshare user,mnt', 'ok'), ('unshare mnt', 'ok'),
                   (f'umount {self.d} 2', 'EINVAL'), (f'access {self.secret}', 'ENOENT'))

    def test_without_capabilities(self):
        self.check([*self.args, '--cap-drop', 'ALL'], (f'access {self.secret}', 'ENOENT'),
                   (f'umount {self.d} 2', 'EPERM'))

    def test_through_a_link(self):
        """What the link leads to is hidden, where it is."""
        self.check([*HOST, '--mask', f'{self.d}/link'], (f'read {self.d}/link', 'ENOENT'),
                   (f'access {self.secret}', 'ENOENT'), (f'readlink {self.d}/link', 'secret'))

    def test_through_a_link_to_a_directory(self):
        os.symlink('d', self.path('way'))
        self.check([*HOST, '--mask', self.path('way/secret')], (f'access {self.secret}', 'ENOENT'))

    def test_neighbours_share_one(self):
        """Overlays can be stacked only twice."""
        masks = [w for i in range(20) for w in ('--mask', f'{self.d}/{i}')]
        self.write('e/x')
        args = [*HOST, *masks[:20], '--mask', self.path('e/x'), *masks[20:], '--mask', self.secret]
        self.check(args, (f'access {self.secret}', 'ENOENT'), (f'list {self.d}', 'link open sub '),
                   (f'access {self.path("e/x")}', 'ENOENT'))
        r = self.husk(*args, '--', 'grep', '-c', ' - overlay ', '/proc/self/mountinfo')
        self.assertRuns(r, '2\n')

    def test_flags_stay(self):
        """The overlay has those of the mount that it covers."""
        self.write('d/tool', '#!/bin/sh\n', 0o755)
        args = [*HOST, '--mount-flags', 'noexec', '--ro-bind', self.d, self.d, '--mask',
                self.secret]
        self.assertFails(self.husk(*args, '--', f'{self.d}/tool'), 126)
        r = self.husk(*args, '--', 'grep', ' - overlay ', '/proc/self/mountinfo')
        self.assertIn('ro,nosuid,nodev,noexec', r.out)

    def test_no_path_of_the_host_is_shown(self):
        r = self.husk(*HOST, '--ro-bind', self.d, '/mnt', '--mask', '/mnt/secret', '--', 'grep',
                      ' - overlay ', '/proc/self/mountinfo')
        self.assertRuns(r)
        self.assertNotIn(self.dir, r.out)

    def test_mounts_on_it_later(self):
        self.check([*self.args, '--tmpfs', f'{self.d}/sub', '--bind', self.opened,
                    f'{self.d}/sub/x'], (f'read {self.d}/sub/x', 'open'),
                   (f'access {self.secret}', 'ENOENT'))

    def test_what_would_cover_it_later(self):
        """A mask that hides nothing in the end is an error, but for an empty directory over it."""
        way = self.path('way')
        os.symlink('d', way)
        for later in ((*HOST,), ('--bind', self.dir, self.dir), ('--ro-bind', self.d, self.d),
                      ('--ro-bind', self.d, self.d + '//'), ('--ro-overlay', self.d),
                      ('--ro-bind', self.d, way)):
            with self.subTest(later=later):
                layers = ['--overlay-src', self.d, '--overlay-src', self.d]
                words = [*layers, *later] if later[0] == '--ro-overlay' else later
                self.assertFails(self.husk(*self.args, *words, '--', 'true'), 125,
                                 f'--mask {self.secret} would hide nothing: a later '
                                 f'{later[0]} covers it with')
        self.assertFails(self.husk(*HOST, '--mask', f'{way}/secret', '--ro-bind', self.d, self.d,
                                   '--', 'true'), 125, 'would hide nothing: a later --ro-bind')
        self.check([*self.args, '--tmpfs', self.d], (f'access {self.secret}', 'ENOENT'))
        self.check([*HOST, '--ro-bind', self.d, self.d, '--mask', self.secret],
                   (f'access {self.secret}', 'ENOENT'))

    def test_under_landlock(self):
        self.check([*self.args, '--landlock'], (f'access {self.secret}', 'ENOENT'),
                   (f'read {self.opened}', 'open'))
        self.check([*HOST, '--ro-bind', self.d, self.d, '--mask', self.secret, '--landlock'],
                   (f'access {self.secret}', 'ENOENT'), (f'read {self.opened}', 'open'))

    def test_odd_names(self):
        for name in ('a b', 'comma,colon:', 'back\\slash', 'x' * 255, 'ünïcödé', '-', '%s'):
            path = self.write(os.path.join('d', name), 'x')
            r = self.husk(*HOST, '--mask', path, '--', 'test', '-e', path)
            self.assertEqual(r.rc, 1, r)
            self.assertRuns(self.husk(*HOST, '--', 'test', '-e', path))

    def test_the_status(self):
        self.assertEqual(self.made(*self.args, '--mask', f'{self.d}/x'),
                         [(self.secret, 'overlay'), (f'{self.d}/x', 'overlay')])


class Cover(MaskCase):
    """Elsewhere what is there is covered, and --mask demands that nobody can replace it."""

    def test_a_writable_directory_is_refused(self):
        self.assertFails(self.husk(*self.writable('--mask', self.secret), '--', 'true'), 125,
                         f'--mask {self.secret}: {WEAK}, because its directory can be written '
                         'inside\nhusk: hint: make its directory read-only .*--mask-try')

    def test_in_the_root_is_refused(self):
        self.assertFails(self.husk(*HOST, '--mask', '/srv', '--', 'true'), 125,
                         f'{WEAK}, because it lies in the root\n.*--mask-try')

    def test_with_a_mount_beside_it_is_refused(self):
        self.assertFails(self.husk(*HOST, '--tmpfs', f'{self.d}/sub', '--mask', self.secret, '--',
                                   'true'), 125, 'something is mounted below its directory')

    def test_with_devices_beside_it_is_refused(self):
        self.assertFails(self.husk(*HOST, '--dev-bind', self.d, self.d, '--remount-ro', self.d,
                                   '--mask', self.secret, '--', 'true'), 125, 'device nodes work')

    def without_an_overlay(self, error, *words):
        """What is said where the kernel makes no overlay of the directory, for this reason."""
        self.need('strace')
        for number in range(1, 40):
            log = self.path('log')
            r = self.run_cmd(['strace', '-f', '-s', '99', '-o', log, '-e', 'trace=fsopen,fsconfig',
                              '-e', f'inject=fsconfig:error={error}:when={number}', HUSK, *HOST,
                              *words, '--', 'true'])
            with open(log, encoding='utf-8', errors='replace') as f:
                if re.search(r'redirect_dir.*INJECTED', f.read()):
                    return r
        return None

    def test_without_an_overlay_it_is_refused(self):
        """And why the kernel makes none is said."""
        for path in (self.secret, f'{self.d}/later'):
            self.assertFails(self.without_an_overlay('EINVAL', '--mask', path), 125,
                             'makes no overlay of its directory: Invalid argument')
            self.assertFails(self.without_an_overlay('ENOMEM', '--mask', path), 125,
                             f'--mask {path}: Cannot allocate memory')

    def test_try_is_content_with_less_only_where_it_must_be(self):
        self.assertRuns(self.without_an_overlay('EINVAL', '--mask-try', self.secret))
        self.assertFails(self.without_an_overlay('ENOMEM', '--mask-try', self.secret), 125,
                         f'--mask-try {self.secret}: Cannot allocate memory')

    def test_try_covers_a_file(self):
        self.check(self.writable('--mask-try', self.secret), (f'read {self.secret}', 'EACCES'),
                   (f'mode {self.secret}', '20000'), (f'open {self.secret} w', 'EACCES'),
                   (f'open {self.secret} ut', 'EACCES'), (f'unlink {self.secret}', 'EBUSY'),
                   (f'chmod {self.secret} 0644', 'EROFS'), (f'write {self.d}/new', 'ok'))
        self.assertEqual(self.read(self.secret), 'top')

    def test_nobody_can_open_it(self):
        """Not even who is root with every capability, in a namespace below, or by a copy of it."""
        self.check(self.writable('--mask-try', self.secret), ('status CapEff', all_caps()),
                   (f'open {self.secret} r', 'EACCES'), ('mount tmpfs /mnt', 'ok'),
                   ('write /mnt/x', 'ok'), (f'bind {self.secret} /mnt/x', 'ok'),
                   ('open /mnt/x r', 'EACCES'), ('clear /mnt/x 4', 'EPERM'),
                   ('open /mnt/x r', 'EACCES'), ('unshare user,mnt', 'ok'),
                   (f'open {self.secret} r', 'EACCES'))

    @staticmethod
    def read(path):
        with open(path, encoding='utf-8') as f:
            return f.read()

    def test_try_covers_a_directory(self):
        self.check(self.writable('--mask-try', f'{self.d}/sub'), (f'list {self.d}/sub', '(empty)'),
                   (f'write {self.d}/sub/x', 'EROFS'), (f'mode {self.d}/sub', '40000'))

    def test_an_ordinary_user_inside_reads_nothing(self):
        self.check(self.writable('--map-current-user', '--cap-drop', 'ALL', '--mask-try',
                                 self.secret, '--mask-try', f'{self.d}/sub'),
                   (f'open {self.secret} r', 'EACCES'),
                   (f'open {self.secret} w', ('EACCES', 'EROFS')),
                   (f'list {self.d}/sub', 'EACCES'), (f'access {self.d}/sub/file', 'EACCES'))

    def test_it_cannot_be_uncovered(self):
        top = self.writable('--mask-try', self.secret)
        self.check(top, (f'umount {self.secret}', 'EINVAL'), (f'umount {self.secret} 2', 'EINVAL'),
                   (f'remount {self.secret}', 'EPERM'), (f'clear {self.secret}', 'EPERM'),
                   (f'move {self.secret} {self.opened}', 'EINVAL'),
                   (f'movemount {self.secret} {self.opened}', 'EINVAL'),
                   (f'bind {self.d} /mnt', 'EINVAL'), ('unshare mnt', 'ok'),
                   (f'umount {self.secret} 2', 'EINVAL'), (f'read {self.secret}', 'EACCES'))

    def test_the_host_replaces_it(self):
        """The weakness that --mask-try says it has."""
        ask = self.running(*self.writable('--mask-try', self.secret))
        self.assertEqual(ask(self.secret), 'Permission denied')
        self.replace(self.secret, 'newer')
        self.assertEqual(ask(self.secret), 'newer')

    def test_sockets_and_fifos(self):
        os.mkfifo(self.path('d/fifo'))
        self.check(self.writable('--mask-try', f'{self.d}/fifo'), (f'read {self.d}/fifo', 'EACCES'))

    def test_on_a_file_system_of_the_sandboxs(self):
        """Nobody outside can rename there: a cover holds."""
        self.check([*USR, '--bind', self.d, '/d', '--bind', self.secret, '/a/b', '--mask', '/d',
                    '--mask', '/a/b', 'PROBE'], ('list /d', '(empty)'), ('read /a/b', 'EACCES'),
                   ('umount /d 2', 'EINVAL'), ('unlink /a/b', 'EBUSY'))

    def test_in_the_hosts_proc(self):
        self.check([*HOST, '--mask', '/proc/meminfo', '--mask', '/sys/kernel'],
                   ('read /proc/meminfo', 'EACCES'), ('list /sys/kernel', '(empty)'),
                   ('umount /proc/meminfo 2', 'EINVAL'))

    def test_in_a_fresh_proc(self):
        proc = [*HOST, *PROC]
        self.assertFails(self.husk(*proc, '--mask', '/proc/meminfo', '--', 'true'), 125,
                         'could take it off again.*\nhusk: hint: .*CAP_SYS_ADMIN')
        self.check([*proc, '--mask', '/proc/meminfo', '--mask', '/proc/tty', '--cap-drop',
                    'CAP_SYS_ADMIN'], ('read /proc/meminfo', 'EACCES'),
                   ('list /proc/tty', '(empty)'),
                   ('umount /proc/meminfo 2', 'EPERM'), ('fork unshare user,mnt', 'ok'))
        self.check([*proc, '--mask-try', '/proc/meminfo'], ('read /proc/meminfo', 'EACCES'))

    def test_the_status(self):
        self.assertEqual(self.made(*self.writable('--mask-try', self.secret)),
                         [(self.secret, 'cover')])
        self.assertEqual(self.made(*HOST, '--mask-try', self.secret), [(self.secret, 'overlay')])


class Refused(MaskCase):
    def refused(self, words, err):
        before = self.tree(self.dir)
        self.assertFails(self.husk(*words, '--', 'true'), 125, err)
        self.assertEqual(self.tree(self.dir), before)

    def test_a_missing_name_in_the_root(self):
        self.refused([*HOST, '--mask-try', '/no-such-name'], 'missing name cannot be hidden')

    def test_a_missing_name_on_a_tmpfs(self):
        self.refused([*HOST, '--tmpfs', self.d, '--mask', self.secret], 'missing name cannot be')

    def test_a_missing_directory(self):
        self.refused([*HOST, '--mask', self.path('no/x')], 'its directory: No such file')

    def test_a_file_for_a_directory(self):
        self.refused([*HOST, '--mask', f'{self.secret}/x'], 'Not a directory')

    def test_a_link_that_leads_nowhere(self):
        os.symlink('nowhere', self.path('d/dangling'))
        self.refused([*HOST, '--mask', f'{self.d}/dangling'], 'link that leads nowhere')

    def test_what_each_process_has_of_its_own(self):
        """A cover on husk's own would hide nothing from the command; links lead there too."""
        fresh = ('--cap-drop', 'CAP_SYS_ADMIN', '--unshare-pid', *HOST, '--proc', '/proc')
        for root in (HOST, fresh):
            for option in ('--mask', '--mask-try'):
                for name in ('/proc/self/environ', '/proc/thread-self', '/proc/mounts'):
                    r = self.husk(*root, option, name, 'true')
                    self.assertFails(r, 125, f'{option} {name}: it is another file for every')
        r = self.husk(*fresh, '--mask', '/proc/1/environ', 'cat', '/proc/1/environ')
        self.assertIn('Permission denied', r.err)

    def test_the_root(self):
        for path in ('/', '//', '/.', '/usr/..'):
            self.refused([*HOST, '--mask', path], 'the root cannot be hidden')

    def test_an_empty_path(self):
        self.refused([*HOST, '--mask', ''], 'a path is empty')

    def test_with_modifiers(self):
        self.refused(['--mount-flags', 'ro', '--mask', '/x'], 'must be followed by')

    def test_as_bwrap(self):
        self.assertFails(self.run_cmd([BWRAP, '--mask', '/x', 'true']), 1, 'Unknown option --mask')


if __name__ == '__main__':
    main()
