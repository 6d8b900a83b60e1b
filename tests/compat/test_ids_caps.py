#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""User and group ids, capabilities and no_new_privs inside the bwrap personality's sandbox."""

import os

from compat import HOST, NEWPROC, PROC, USR, Compare, main

# the ids inside and how many; those outside depend on how many namespaces there are in between
MAPS = ('sed', 's/^ *\\([0-9]\\+\\) *[0-9]\\+ *\\([0-9]\\+\\)$/\\1 \\2/', '/proc/self/uid_map',
        '/proc/self/gid_map', '/proc/self/setgroups')
CAPS = ('grep', '^Cap', '/proc/self/status')
NONE = ''.join(f'{name}:\t{0:016x}\n' for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd',
                                                   'CapAmb'))


class Ids(Compare):

    def test_the_caller_s_by_default(self):
        self.same(*HOST, 'id')

    def test_maps_by_default(self):
        self.same(*HOST, *MAPS, out=f'{os.getuid()} 1\n{os.getgid()} 1\ndeny\n')

    def test_uid(self):
        self.same(*HOST, '--uid', '0', 'sh', '-c', 'id -u; id -g', out=f'0\n{os.getgid()}\n')

    def test_gid(self):
        self.same(*HOST, '--gid', '0', 'sh', '-c', 'id -u; id -g', out=f'{os.getuid()}\n0\n')

    def test_both(self):
        self.same(*HOST, '--uid', '5', '--gid', '6', *MAPS)

    def test_unshare_user_changes_nothing(self):
        self.same(*HOST, '--unshare-user', *MAPS)

    def test_unshare_user_try(self):
        self.same(*HOST, '--unshare-user-try', '--uid', '7', *MAPS)

    def test_largest_that_fits_an_int(self):
        self.same(*HOST, '--uid', '2147483647', '--gid', '2147483647', 'sh', '-c',
                  'id -u; id -g', out='2147483647\n' * 2)

    def test_setgroups_is_denied(self):
        self.same(*HOST, 'cat', '/proc/self/setgroups', out='deny\n')

    def test_supplementary_groups(self):
        self.same(*HOST, 'grep', 'Groups', '/proc/self/status')

    def test_all_four(self):
        self.same(*HOST, '--uid', '3', '--gid', '4', 'grep', '^[UG]id', '/proc/self/status')

    def test_with_dev(self):
        self.same(*USR, *PROC, '--dev', '/dev', '--uid', '3', '--gid', '4', 'grep', '^[UG]id',
                  '/proc/self/status')

    def test_uid_inside_and_outside_with_dev(self):
        for r in self.sides(*USR, *PROC, '--dev', '/dev', '--uid', '3', '--gid', '4', 'sh', '-c',
                            'cut -c1-10 /proc/self/uid_map /proc/self/gid_map'):
            self.assertEqual((r.rc, r.out.split()), (0, ['3', '4']), r)

    def test_setgroups_with_dev(self):
        self.same(*USR, *PROC, '--dev', '/dev', 'cat', '/proc/self/setgroups', out='deny\n')

    def test_files_of_the_caller_belong_to_the_new_uid(self):
        self.write('file')
        self.same(*HOST, '--uid', '8', '--gid', '9', 'stat', '-c', '%u %g', 'file', out='8 9\n')

    def test_files_of_others_belong_to_nobody(self):
        self.same(*HOST, 'stat', '-c', '%u %g', '/etc/passwd', out='65534 65534\n')

    def test_new_files_belong_to_the_caller_outside(self):
        def prepare(top):
            self.top = top
        self.same_tree(*HOST, '--bind', 'TREE', 'TREE', '--uid', '0', 'touch', 'TREE/a',
                       prepare=prepare)
        self.assertEqual(os.stat(os.path.join(self.top, 'a')).st_uid, os.getuid())

    def test_groups_cannot_be_dropped(self):
        self.same(*HOST, '--uid', '0', '--cap-add', 'ALL', '/usr/bin/python3', '-Ic',
                  'import os\ntry: os.setgroups([])\nexcept OSError as e: print(e)',
                  out='[Errno 1] Operation not permitted\n')


class Capabilities(Compare):

    def test_none_by_default(self):
        self.same(*HOST, *CAPS, out=NONE)

    def test_none_as_uid_0(self):
        self.same(*HOST, '--uid', '0', *CAPS, out=NONE)

    def test_add_one(self):
        r = self.same(*HOST, '--cap-add', 'CAP_NET_ADMIN', *CAPS)
        self.assertEqual(r.out, NONE.replace('0' * 16, f'{1 << 12:016x}'))

    def test_add_two(self):
        self.same(*HOST, '--cap-add', 'CAP_NET_ADMIN', '--cap-add', 'CAP_CHOWN', *CAPS)

    def test_lower_case(self):
        self.same(*HOST, '--cap-add', 'cap_kill', *CAPS)

    def test_add_all(self):
        self.same(*HOST, '--cap-add', 'ALL', *CAPS)

    def test_all_in_lower_case(self):
        self.same(*HOST, '--cap-add', 'all', *CAPS)

    def test_add_all_drop_one(self):
        self.same(*HOST, '--cap-add', 'ALL', '--cap-drop', 'CAP_SYS_ADMIN', *CAPS)

    def test_drop_one_add_all(self):
        self.same(*HOST, '--cap-drop', 'CAP_SYS_ADMIN', '--cap-add', 'ALL', *CAPS)

    def test_drop_all_takes_back(self):
        self.same(*HOST, '--cap-add', 'CAP_KILL', '--cap-drop', 'ALL', *CAPS, out=NONE)

    def test_drop_what_is_not_there(self):
        self.same(*HOST, '--cap-drop', 'CAP_KILL', *CAPS, out=NONE)

    def test_as_uid_0(self):
        self.same(*HOST, '--uid', '0', '--cap-add', 'CAP_SYS_ADMIN', *CAPS)

    def test_as_another_uid(self):
        self.same(*HOST, '--uid', '77', '--cap-add', 'CAP_SYS_ADMIN', *CAPS)

    def test_with_dev(self):
        self.same(*USR, *PROC, '--dev', '/dev', '--cap-add', 'CAP_CHOWN', *CAPS)

    def test_none_with_dev(self):
        self.same(*USR, *PROC, '--dev', '/dev', *CAPS, out=NONE)

    def test_with_disable_userns(self):
        self.same(*HOST, '--unshare-user', '--disable-userns', '--cap-add', 'CAP_CHOWN', *CAPS)

    def test_highest(self):
        self.same(*HOST, '--cap-add', 'CAP_CHECKPOINT_RESTORE', *CAPS)

    def test_they_work(self):
        self.same(*HOST, '--unshare-uts', '--cap-add', 'CAP_SYS_ADMIN', '/usr/bin/python3', '-Ic',
                  'import socket\nsocket.sethostname("new")\nprint(socket.gethostname())',
                  out='new\n')

    def test_without_them_nothing_works(self):
        self.same(*HOST, '--unshare-uts', '--uid', '0', '/usr/bin/python3', '-Ic',
                  'import socket\nsocket.sethostname("new")', rc=1)

    def test_as_pid_1(self):
        self.same(*USR, *NEWPROC, '--as-pid-1', '--cap-add', 'CAP_KILL', *CAPS)


class NoNewPrivs(Compare):

    def test_set(self):
        self.same(*HOST, 'grep', 'NoNewPrivs', '/proc/self/status', out='NoNewPrivs:\t1\n')

    def test_set_with_all_capabilities(self):
        self.same(*HOST, '--cap-add', 'ALL', 'grep', 'NoNewPrivs', '/proc/self/status',
                  out='NoNewPrivs:\t1\n')

    def test_no_filter_where_there_is_no_terminal(self):
        self.same(*HOST, 'grep', '^Seccomp:', '/proc/self/status', out='Seccomp:\t0\n')


class ByRootOfANamespace(Compare):
    """Called by uid 0 of a user namespace, as in a container."""

    def root(self):
        return self.private_mounts([])

    def test_no_user_namespace(self):
        self.same(*HOST, *MAPS, under=self.root())

    def test_capabilities_are_kept(self):
        self.same(*HOST, *CAPS, under=self.root())

    def test_cap_drop(self):
        self.same(*HOST, '--cap-drop', 'CAP_SYS_ADMIN', *CAPS, under=self.root())

    def test_cap_drop_all(self):
        self.same(*HOST, '--cap-drop', 'ALL', *CAPS, under=self.root())

    def test_cap_drop_all_then_add(self):
        self.same(*HOST, '--cap-drop', 'ALL', '--cap-add', 'CAP_KILL', *CAPS, under=self.root())

    def test_uid_needs_a_user_namespace(self):
        self.same_error('Specifying --uid requires --unshare-user or --userns',
                        *HOST, '--uid', '5', 'true', under=self.root())

    def test_gid_needs_a_user_namespace(self):
        self.same_error('Specifying --gid requires --unshare-user or --userns',
                        *HOST, '--gid', '5', 'true', under=self.root())

    def test_unshare_user(self):
        self.same(*HOST, '--unshare-user', *MAPS, under=self.root())

    def test_unshare_user_and_capabilities(self):
        self.same(*HOST, '--unshare-user', *CAPS, under=self.root())

    def test_mounts(self):
        self.same_mounts(*USR, *NEWPROC, '--dev', '/dev', '--tmpfs', '/tmp', under=self.root())

    def test_dev_makes_no_second_user_namespace(self):
        self.same(*USR, *PROC, '--dev', '/dev', *MAPS, under=self.root())


if __name__ == '__main__':
    main()
