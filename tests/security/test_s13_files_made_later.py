#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file that does not exist at the start, and was to be out of reach, is made inside and kept.

As the settings of a program that the host starts the next day. What cannot be protected is refused
at the start: never is it silently left out.
"""

import os

from rows import BWRAP, HOST, HUSK, PROC, USR, ProbeCase, main

BROKEN = {
    'mask-refused': ['Masks.test_a_missing_name_in_a_writable_directory',
                     'Masks.test_in_every_kind_of_writable_directory'],
    'host-unwritten': 'Binds.test_a_missing_place_in_a_writable_directory',
}


class ConfigCase(ProbeCase):
    """home/.config is a directory without settings.json, and home/empty is one without anything."""

    def setUp(self):
        super().setUp()
        self.home = self.mkdir('home')
        self.config = self.mkdir('home/.config')
        self.settings = f'{self.config}/settings.json'
        self.empty = self.mkdir('empty')
        self.rw = [*HOST, '--bind', self.home, self.home]

    def refused(self, words, err):
        """Nothing has run, and nothing has changed."""
        before = self.tree(self.dir)
        r = self.husk(*words, '--', 'echo', 'ran')
        self.assertFails(r, 125, err)
        self.assertEqual(r.out, '')
        self.assertEqual(self.tree(self.dir), before)


class Masks(ConfigCase):
    def test_a_missing_name_in_a_writable_directory(self):
        for option in ('--mask', '--mask-try'):
            self.refused([*self.rw, option, self.settings],
                         f'{option} {self.settings}: a missing name cannot be hidden here, because '
                         'its directory can be written inside.*\nhusk: hint: make it first')

    def test_a_missing_directory_on_the_way(self):
        for option in ('--mask', '--mask-try'):
            self.refused([*self.rw, option, f'{self.home}/.new/settings.json'],
                         'its directory: No such file')

    def test_in_every_kind_of_writable_directory(self):
        for name, words in {
                'host': ['--dev-bind', '/', '/'], 'bind': self.rw,
                'bind of the directory': [*HOST, '--bind', self.config, self.config],
                'tmpfs': [*HOST, '--tmpfs', self.config],
                'overlay': [*HOST, '--overlay-src', self.config, '--tmp-overlay', self.config],
                'made': [*USR, '--dir', self.config],
                'read-only, then not': [*HOST, '--ro-bind', self.home, self.home, '--bind',
                                        self.config, self.config],
                'by another name': [*HOST, '--bind', self.config, '/mnt', '--bind', self.home,
                                    self.home]}.items():
            for option in ('--mask', '--mask-try'):
                with self.subTest(name, option=option):
                    self.refused([*words, option, self.settings], 'missing name cannot be hidden')

    def test_through_a_link(self):
        os.symlink('.config', f'{self.home}/link')
        for option in ('--mask', '--mask-try'):
            self.refused([*self.rw, option, f'{self.home}/link/settings.json'],
                         'missing name cannot be hidden')
        os.symlink('settings.json', f'{self.config}/dangling')
        self.refused([*self.rw, '--mask', f'{self.config}/dangling'], 'leads nowhere')

    def test_where_the_directory_is_read_only(self):
        """It cannot be made inside; made outside it does not show."""
        for words in (HOST, [*self.rw, '--ro-bind', self.config, self.config]):
            before = self.tree(self.dir)
            self.check([*words, '--mask', self.settings], (f'write {self.settings}', 'EROFS'),
                       (f'mkdir {self.settings}', 'EROFS'), (f'access {self.settings}', 'ENOENT'),
                       (f'remount {self.config}', 'EPERM'), (f'clear {self.config}', 'EPERM'),
                       (f'umount {self.config} 2', 'EINVAL'), (f'write {self.settings}', 'EROFS'))
            self.assertEqual(self.tree(self.dir), before)

    def test_the_directory_cannot_be_replaced(self):
        """Neither renamed away, to be made again, nor covered for the host."""
        self.write('home/.config/other')
        words = [*self.rw, '--ro-bind', self.config, self.config, '--mask', self.settings]
        r = self.husk(*words, '--', 'sh', '-c', f'mv {self.config} {self.home}/away; '
                      f'rm -rf {self.config}; mkdir -p {self.config}; echo x >{self.settings}; '
                      f'mount -t tmpfs t {self.config} && echo x >{self.settings}; true')
        self.assertRuns(r)
        self.assertEqual(sorted(os.listdir(self.home)), ['.config'])
        self.assertEqual(os.listdir(self.config), ['other'])


class Binds(ConfigCase):
    """What is mounted on a name makes it, or the launch ends."""

    def test_a_missing_place_in_a_writable_directory(self):
        fd = self.fd('{}')
        for words in (['--ro-bind', '/dev/null', self.settings],
                      ['--ro-bind', self.empty, f'{self.config}/hooks'],
                      ['--ro-bind-try', '/dev/null', self.settings],
                      ['--ro-bind-data', fd, self.settings], ['--tmpfs', f'{self.config}/hooks'],
                      ['--ro-overlay', f'{self.config}/hooks']):
            layers = ['--overlay-src', '/usr', '--overlay-src', '/etc']
            words = [*(layers if words[0] == '--ro-overlay' else []), *words]
            with self.subTest(words):
                before = self.tree(self.dir)
                r = self.husk(*self.rw, *words, '--', 'echo', 'ran', pass_fds=[fd])
                self.assertFails(r, 125, self.config)
                self.assertEqual(r.out, '')
                self.assertEqual(self.tree(self.dir), before)

    def test_a_missing_source(self):
        """Which is how a list of files to protect is often written."""
        for option in ('--ro-bind', '--bind', '--dev-bind'):
            self.refused([*self.rw, option, self.settings, self.settings],
                         f"Can't find source path {self.settings}")

    def test_only_try_leaves_it_out(self):
        """And its name says so."""
        self.check([*self.rw, '--ro-bind-try', self.settings, self.settings],
                   (f'write {self.settings}', 'ok'))

    def test_remount_of_what_is_no_mount(self):
        for path in (self.settings, self.config):
            self.refused([*self.rw, '--remount-ro', path], path)

    def test_as_bwrap_the_place_is_made(self):
        """As bubblewrap makes it: empty on the host, and closed inside."""
        place = ['--ro-bind', '/dev/null', self.settings]
        self.check([*self.rw, *place], (f'write {self.settings} x', ('EROFS', 'EACCES', 'ok')),
                   (f'unlink {self.settings}', 'EBUSY'), (f'mkdir {self.config}/x', 'ok'),
                   program=BWRAP)
        self.assertEqual(os.path.getsize(self.settings), 0)

    def test_over_what_is_there(self):
        """Made first, it holds: by every way that there is inside."""
        self.write('home/.config/settings.json', '{}')
        words = [*self.rw, *PROC, '--ro-bind', self.settings, self.settings]
        self.check(words, (f'write {self.settings} x', 'EROFS'),
                   (f'unlink {self.settings}', 'EBUSY'), (f'umount {self.settings} 2', 'EINVAL'),
                   (f'remount {self.settings}', 'EPERM'), (f'clear {self.settings}', 'EPERM'),
                   (f'move {self.settings} /mnt', 'EINVAL'))
        with open(self.settings, encoding='ascii') as f:
            self.assertEqual(f.read(), '{}')


if __name__ == '__main__':
    main()
