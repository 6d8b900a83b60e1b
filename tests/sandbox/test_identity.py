#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who the command is: ids, their maps, groups, capabilities."""

import json
import os

from probe import BWRAP, HOST, HUSK, ProbeCase, all_caps, main, wait_until

SETS = ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')
NONE = '0' * 16
NET_ADMIN = f'{1 << 12:016x}'


class Ids(ProbeCase):
    def ids(self, *args, **kw):
        r = self.husk(*args, '--', 'sh', '-c', 'echo $(id -ru) $(id -u) $(id -rg) $(id -g)', **kw)
        self.assertRuns(r)
        return r.out.strip()

    def test_root_by_default(self):
        self.assertRuns(self.husk('id', '-u'), '0\n')

    def test_root_group_by_default(self):
        self.assertRuns(self.husk('id', '-g'), '0\n')

    def test_root_in_a_built_root(self):
        self.assertEqual(self.ids(*HOST, '--tmpfs', '/tmp'), '0 0 0 0')

    def test_map_root_user(self):
        self.assertEqual(self.ids('--map-root-user'), '0 0 0 0')

    def test_map_current_user(self):
        me = f'{os.getuid()} {os.getuid()} {os.getgid()} {os.getgid()}'
        self.assertEqual(self.ids('--map-current-user'), me)

    def test_the_last_of_map_root_and_current_counts(self):
        self.assertEqual(self.ids('--map-current-user', '--map-root-user'), '0 0 0 0')

    def test_uid_and_gid(self):
        self.assertEqual(self.ids('--uid', '17', '--gid', '18'), '17 17 18 18')

    def test_uid_alone_leaves_the_group_root(self):
        self.assertEqual(self.ids('--uid', '17'), '17 17 0 0')

    def test_gid_with_map_current_user(self):
        self.assertEqual(self.ids('--map-current-user', '--gid', '5'),
                         f'{os.getuid()} {os.getuid()} 5 5')

    def test_ids_above_two_to_the_31(self):
        for number in ('2147483648', '4294967294'):
            with self.subTest(number):
                self.assertEqual(self.ids('--uid', number, '--gid', number),
                                 ' '.join([number] * 4))

    def test_ids_above_two_to_the_31_as_bwrap(self):
        r = self.bwrap(*HOST, '--uid', '4294967294', '--gid', '4294967294', 'id', '-u')
        self.assertRuns(r, '4294967294\n')

    def test_big_ids_in_a_built_root(self):
        self.assertEqual(self.ids(*HOST, '--tmpfs', '/tmp', '--uid', '4294967294'),
                         '4294967294 4294967294 0 0')

    def test_a_file_of_the_caller_belongs_to_the_command(self):
        path = self.write('mine')
        r = self.husk(*HOST, '--uid', '77', '--gid', '78', '--', 'stat', '-c', '%u %g', path)
        self.assertRuns(r, '77 78\n')

    def test_a_file_of_the_command_belongs_to_the_caller(self):
        self.assertRuns(self.husk('--uid', '77', '--', 'touch', self.path('new')))
        self.assertEqual(os.stat(self.path('new')).st_uid, os.getuid())

    def test_files_of_set_up_belong_to_the_command(self):
        fd = self.fd('x')
        r = self.husk('--ro-bind', '/', '/', '--uid', '77', '--gid', '78', '--tmpfs', '/mnt',
                      '--dir', '/mnt/d', '--file', fd, '/mnt/f', '--symlink', 'x', '/mnt/l', '--',
                      'stat', '-c', '%u %g', '/mnt', '/mnt/d', '/mnt/f', '/mnt/l', pass_fds=[fd])
        self.assertRuns(r, '77 78\n' * 4)

    def test_root_inside_is_the_caller_outside(self):
        """The maps as the host sees them, of the process that --info-fd names."""
        for args in ((), HOST, (*HOST, '--unshare-pid', '--proc', '/proc', '--tmpfs', '/tmp')):
            with self.subTest(args=args):
                read, write = self.pipe()
                block, _ = self.pipe()
                p = self.spawn([HUSK, *args, '--info-fd', write, '--block-fd', block, '--',
                                'sleep', '20'], pass_fds=[write, block])
                self.close(write)
                with os.fdopen(os.dup(read)) as f:
                    pid = json.load(f)['child-pid']
                for name, mine in (('uid', os.getuid()), ('gid', os.getgid())):
                    # written after the document
                    wait_until(lambda n=name: self.words(pid, f'{n}_map'))
                    self.assertEqual(self.words(pid, f'{name}_map'), ['0', str(mine), '1'])
                self.assertEqual(self.words(pid, 'setgroups'), ['deny'])
                p.kill()

    @staticmethod
    def words(pid, name):
        with open(f'/proc/{pid}/{name}', encoding='ascii') as f:
            return f.read().split()

    def test_one_id_is_mapped(self):
        for args in ((), HOST, ('--uid', '9', *HOST)):
            for name in ('uid', 'gid'):
                with self.subTest(args=args, map=name):
                    table = self.probe(args, f'read /proc/self/{name}_map')
                    self.assertEqual(len(table), 1)
                    inside, _, count = table[0].split()
                    self.assertEqual(count, '1')
                    self.assertEqual(inside, '9' if '--uid' in args and name == 'uid' else '0')

    def test_no_new_privileges(self):
        for args in ((), HOST, ('--map-current-user', '--cap-drop', 'ALL')):
            with self.subTest(args=args):
                self.assertEqual(self.status(args, 'NoNewPrivs'), ['1'])

    def test_no_new_privileges_as_bwrap(self):
        self.assertEqual(self.status(HOST, 'NoNewPrivs', program=BWRAP), ['1'])

    def test_a_setuid_program_gives_nothing(self):
        """su(1) and its like would find themselves without the privilege they expect."""
        r = self.husk('--map-current-user', '--cap-drop', 'ALL', 'newuidmap', '1', '0', '0', '1')
        self.assertNotEqual(r.rc, 0, r)


class Capabilities(ProbeCase):
    def caps(self, *args, program=None):
        return dict(zip(SETS, self.status(args, *SETS, program=program)))

    def assertOnly(self, caps, want, ambient=True):
        """Effective, permitted and bounding set, and the ambient one, are want."""
        for name in ('CapEff', 'CapPrm', 'CapBnd') + (('CapAmb', 'CapInh') if ambient else ()):
            self.assertEqual(caps[name], want, (name, caps, self.last))

    def test_all_by_default(self):
        self.assertOnly(self.caps(), all_caps(), False)

    def test_all_in_a_built_root(self):
        self.assertOnly(self.caps(*HOST, '--unshare-all', '--proc', '/proc'), all_caps(), False)

    def test_all_for_an_ordinary_id(self):
        self.assertOnly(self.caps('--uid', '1000', '--gid', '1000'), all_caps())

    def test_all_for_the_current_id(self):
        self.assertOnly(self.caps('--map-current-user'), all_caps())

    def test_all_for_an_ordinary_id_in_a_built_root(self):
        self.assertOnly(self.caps(*HOST, '--uid', '1000'), all_caps())

    def test_they_survive_an_exec_of_the_command(self):
        r = self.husk(*HOST, '--uid', '1000', '--', 'sh', '-c',
                      'exec grep CapEff /proc/self/status')
        self.assertRuns(r, f'CapEff:\t{all_caps()}\n')

    def test_drop_one_by_every_spelling(self):
        want = f'{int(all_caps(), 16) & ~int(NET_ADMIN, 16):016x}'
        for name in ('CAP_NET_ADMIN', 'cap_net_admin', 'NET_ADMIN', 'net_admin', 'Cap_Net_Admin'):
            with self.subTest(name):
                self.assertOnly(self.caps('--cap-drop', name), want, False)

    def test_root_needs_none_that_is_inheritable(self):
        for args in ((), ('--cap-drop', 'net_admin'), ('--cap-drop', 'ALL', '--cap-add', 'kill')):
            with self.subTest(args=args):
                self.assertEqual(self.status(args, 'CapInh', 'CapAmb'), ['0' * 16] * 2)

    def test_drop_all(self):
        for word in ('ALL', 'all', 'All'):
            with self.subTest(word):
                self.assertOnly(self.caps('--cap-drop', word), NONE)

    def test_drop_all_in_a_built_root(self):
        self.assertOnly(self.caps(*HOST, '--cap-drop', 'ALL'), NONE)

    def test_drop_all_for_an_ordinary_id(self):
        self.assertOnly(self.caps(*HOST, '--uid', '5', '--cap-drop', 'ALL'), NONE)

    def test_drop_all_then_add_one(self):
        for who in ((), ('--uid', '1000')):
            with self.subTest(who=who):
                self.assertOnly(self.caps(*HOST, *who, '--cap-drop', 'ALL', '--cap-add',
                                          'net_admin'), NET_ADMIN, bool(who))

    def test_options_count_in_order(self):
        self.assertOnly(self.caps('--cap-drop', 'ALL', '--cap-add', 'CAP_NET_ADMIN', '--cap-drop',
                                  'NET_ADMIN'), NONE)

    def test_a_program_of_root_gains_no_dropped_capability(self):
        r = self.husk('--cap-drop', 'ALL', '--', 'sh', '-c', 'grep CapEff /proc/self/status')
        self.assertRuns(r, f'CapEff:\t{NONE}\n')

    def test_bwrap_has_none(self):
        self.assertOnly(self.caps(*HOST, program=BWRAP), NONE)

    def test_bwrap_adds_one(self):
        for name in ('CAP_NET_ADMIN', 'net_admin'):
            with self.subTest(name):
                self.assertOnly(self.caps(*HOST, '--cap-add', name, program=BWRAP), NET_ADMIN)

    def test_bwrap_adds_all(self):
        caps = self.caps(*HOST, '--cap-add', 'ALL', program=BWRAP)
        self.assertOnly(caps, all_caps())

    def test_bwrap_as_root_inside_without_capabilities(self):
        self.assertOnly(self.caps(*HOST, '--uid', '0', program=BWRAP), NONE)


if __name__ == '__main__':
    main()
