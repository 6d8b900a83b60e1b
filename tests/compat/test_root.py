#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bwrap personality called by real root, side by side."""

import os

from compat import BWRAP, EACH, HOST, NEWPROC, ORACLE, PROC, PYTHON, USR, In, RootCompare, main

ROOT = (*USR, *PROC)
CAPS = ('grep', '^Cap', '/proc/self/status')
# the ids inside and how many; those outside depend on how many namespaces there are in between
MAPS = ('sed', 's/^ *\\([0-9]\\+\\) *[0-9]\\+ *\\([0-9]\\+\\)$/\\1 \\2/', '/proc/self/uid_map',
        '/proc/self/gid_map', '/proc/self/setgroups')
COVERS = ('/proc/sys', '/proc/sysrq-trigger', '/proc/irq', '/proc/bus')


def opens(*paths, flags='os.O_WRONLY'):
    """A command that says which of these files it may open."""
    return (PYTHON, '-Ic', 'import os, sys\nfor path in sys.argv[1:]:\n'
            f'    try: os.close(os.open(path, {flags})); print("open", path)\n'
            '    except OSError as e: print(e.strerror, path)', *paths)


class Ids(RootCompare):

    def test_no_user_namespace_unless_asked_for(self):
        self.same(*HOST, 'readlink', '/proc/self/ns/user',
                  out=os.readlink('/proc/self/ns/user') + '\n')

    def test_none_with_dev(self):
        self.same(*USR, *PROC, '--dev', '/dev', 'readlink', '/proc/self/ns/user',
                  out=os.readlink('/proc/self/ns/user') + '\n')

    def test_maps(self):
        self.same(*HOST, *MAPS)

    def test_maps_with_unshare_user(self):
        self.same(*HOST, '--unshare-user', *MAPS)

    def test_unshare_all_makes_one(self):
        self.same(*HOST, '--unshare-all', *MAPS)

    def test_uid(self):
        self.same(*HOST, '--unshare-user', '--uid', '5', '--gid', '6', 'id')

    def test_uid_needs_a_user_namespace(self):
        self.same_error('Specifying --uid requires --unshare-user or --userns',
                        *HOST, '--uid', '5', 'true')

    def test_gid_needs_a_user_namespace(self):
        self.same_error('Specifying --gid requires --unshare-user or --userns',
                        *HOST, '--gid', '5', 'true')

    def test_groups_are_kept(self):
        self.same(*HOST, 'grep', '^Groups', '/proc/self/status',
                  under=['setpriv', '--groups', '7,8'])

    def test_unshare_user_with_dev(self):
        self.same(*USR, *PROC, '--unshare-user', '--dev', '/dev', *MAPS)


class Capabilities(RootCompare):

    def test_kept(self):
        self.same(*HOST, *CAPS)

    def test_kept_with_a_pid_namespace(self):
        self.same(*USR, *NEWPROC, *CAPS)

    def test_kept_in_a_user_namespace(self):
        self.same(*HOST, '--unshare-user', *CAPS)

    def test_drop_one(self):
        self.same(*HOST, '--cap-drop', 'CAP_SYS_ADMIN', *CAPS)

    def test_drop_all(self):
        self.same(*HOST, '--cap-drop', 'ALL', *CAPS)

    def test_drop_all_add_one(self):
        self.same(*HOST, '--cap-drop', 'ALL', '--cap-add', 'CAP_CHOWN', *CAPS)

    def test_add_one_that_is_there(self):
        self.same(*HOST, '--cap-add', 'CAP_CHOWN', *CAPS)

    def test_drop_all_with_another_uid(self):
        self.same(*HOST, '--unshare-user', '--uid', '9', '--cap-drop', 'ALL', *CAPS)

    def test_another_uid(self):
        self.same(*HOST, '--unshare-user', '--uid', '9', *CAPS)

    def test_no_new_privs(self):
        self.same(*HOST, 'grep', 'NoNewPrivs', '/proc/self/status', out='NoNewPrivs:\t1\n')


class Proc(RootCompare):
    """Every new proc gets its covers here; in bubblewrap access(2) decides, and spares sys."""

    def table(self, program, *options):
        r = self.side(program, (*options, 'cat', '/proc/self/mountinfo'))
        self.assertRuns(r)
        return {m.point: m.opts for m in self.mounts(r.out)}

    def covered(self, *options):
        """All that can be covered is, and the oracle does not cover it all."""
        ours, theirs = self.table(BWRAP, *options), self.table(ORACLE, *options)
        here = {path for path in COVERS if os.path.exists(path)}
        self.assertEqual({path for path in here if 'ro' in ours.get(path, ())}, here)
        self.assertNotIn('/proc/sys', theirs)

    def test_covers(self):
        self.covered(*USR, *NEWPROC)

    def test_covers_in_a_user_namespace(self):
        self.covered(*USR, *NEWPROC, '--unshare-user')

    def test_covers_without_capabilities(self):
        self.covered(*USR, *NEWPROC, '--cap-drop', 'ALL')

    def test_covers_on_the_host_s_root(self):
        self.covered('--bind', '/', '/', *NEWPROC)

    def test_other_mounts(self):
        self.same_mounts(*USR, *NEWPROC, ignore=COVERS)

    def test_the_host_s_has_the_covers_of_the_oracle(self):
        ours, theirs = (self.table(program, *USR, '--proc', '/proc') for program in (BWRAP, ORACLE))
        covers = {path for path in COVERS if path in theirs}
        self.assertEqual({path for path in covers if 'ro' in ours.get(path, ())}, covers)

    def test_settings_cannot_be_written(self):
        for options in ((), ('--unshare-user',), ('--cap-drop', 'CAP_SYS_ADMIN')):
            with self.subTest(options):
                words = (*USR, *NEWPROC, *options, *opens('/proc/sys/kernel/core_pattern',
                                                          '/proc/sys/kernel/modprobe'))
                self.assertNotIn('open', self.side(BWRAP, words).out)
                self.assertIn('open', self.side(ORACLE, words).out)

    def test_settings_of_its_own_network_namespace_either(self):
        r = self.side(BWRAP, (*USR, *NEWPROC, '--unshare-net',
                              *opens('/proc/sys/net/ipv4/ip_forward')))
        self.assertEqual(r.out, 'Read-only file system /proc/sys/net/ipv4/ip_forward\n')


class Mounts(RootCompare):

    def test_parts(self):
        self.same_mounts(*USR, *NEWPROC, '--dev', '/dev', '--tmpfs', '/tmp', '--perms', '700',
                         '--dir', '/a', '--ro-bind', '/etc', '/etc', '--bind', self.dir, '/m',
                         ignore=COVERS)

    def test_host(self):
        self.same_mounts(*HOST)

    def test_host_writable_with_proc(self):
        self.same_mounts('--bind', '/', '/', *NEWPROC, ignore=COVERS)

    def test_mqueue(self):
        self.same_mounts(*ROOT, '--unshare-ipc', '--mqueue', '/q')

    def test_dev(self):
        self.same_listing('/dev', [*ROOT, '--dev', '/dev'])

    def test_files(self):
        self.same_listing('/a', [*ROOT, '--file', In(b'x'), '/a/b', '--bind-data', In(b'y'), '/a/c',
                                 '--dir', '/a/d'])

    def test_parents_of_a_bind(self):
        self.same_listing('/a', [*ROOT, '--bind', self.dir, '/a/b/c'], parents=['/a', '/a/b'])

    def test_another_uid_passes_the_parents_of_a_bind(self):
        words = (*USR, '--bind', self.dir, '/a/b/c', '--unshare-pid', 'setpriv', '--reuid=1234',
                 '--regid=1234', '--clear-groups', 'ls', '-d', '/a/b/c')
        self.assertRuns(self.side(BWRAP, words), '/a/b/c\n')
        self.assertEqual(self.side(ORACLE, words).rc, 2)

    def test_nosuid_and_nodev(self):
        table = self.same_mounts(*ROOT, '--bind', self.dir, '/m', '--dev-bind', self.dir, '/n')
        self.assertLessEqual({'nosuid', 'nodev'}, table['/m'].opts)
        self.assertIn('nosuid', table['/n'].opts)

    def test_submounts(self):
        top = self.mkdir('top')
        setup = f'mount -t tmpfs -o mode=755 a {top}; mkdir {top}/s; mount -t tmpfs b {top}/s'
        for option in ('--bind', '--ro-bind', '--dev-bind'):
            with self.subTest(option):
                self.same_mounts(*ROOT, option, top, '/m', under=self.private_mounts([], setup))

    def test_nothing_stays_on_the_host(self):
        before = self.mounts()
        self.same(*ROOT, '--tmpfs', '/tmp', '--dev', '/dev', 'true')
        self.assertEqual([repr(m) for m in self.mounts()], [repr(m) for m in before])

    def test_host_mounts_made_later_appear(self):
        self.mkdir('sub')
        for name in ('ready', 'go'):
            os.mkfifo(self.path(name))
        script = '"$@" & read x < ready; mount -t tmpfs late sub; echo > go; wait $!'
        inside = 'echo > /m/ready; read x < /m/go; grep -c " /m/sub .* - tmpfs late " ' \
                 '/proc/self/mountinfo'
        for program in EACH:
            with self.subTest(program):
                self.assertRuns(self.run_cmd(self.private_mounts(
                    ['sh', '-c', script, 'sh', program, *ROOT, '--bind', self.dir, '/m',
                     'sh', '-c', inside], propagation='shared')), '1\n')

    def test_mounts_of_the_sandbox_do_not_appear_on_the_host(self):
        script = '"$@"; grep -c "inner" /proc/self/mountinfo'
        for program in EACH:
            with self.subTest(program):
                r = self.run_cmd(self.private_mounts(
                    ['sh', '-c', script, 'sh', program, '--bind', '/', '/', 'mount', '-t', 'tmpfs',
                     'inner', self.mkdir('sub')], propagation='shared'))
                self.assertEqual((r.rc, r.out), (1, '0\n'), r)


class OtherUids(RootCompare):
    """Root starts it as somebody else."""

    def test_caller_uid_beyond_int(self):
        words = ['setpriv', '--reuid=4000000000', '--regid=4000000000', '--clear-groups']
        self.assertRuns(self.side(BWRAP, (*HOST, 'id', '-u'), under=words), '4000000000\n')
        self.assertFails(self.side(ORACLE, (*HOST, 'id', '-u'), under=words), 1,
                         'setting up uid map: Invalid argument')

    def test_ambient_capabilities_of_an_ordinary_user(self):
        self.same_error('Unexpected capabilities but not setuid, old file caps config?',
                        *HOST, 'true', under=[
                            'setpriv', '--reuid=1234', '--regid=1234', '--clear-groups',
                            '--inh-caps=+net_admin', '--ambient-caps=+net_admin'])

    def test_supplementary_groups_of_an_ordinary_user(self):
        self.same(*HOST, 'grep', '^Groups', '/proc/self/status',
                  under=['setpriv', '--reuid=1234', '--regid=1234', '--groups=55,1234'])


class Namespaces(RootCompare):

    def test_all(self):
        for kind in ('ipc', 'net', 'pid', 'uts', 'cgroup'):
            with self.subTest(kind):
                for r in self.sides(*HOST, f'--unshare-{kind}', 'readlink',
                                    f'/proc/self/ns/{kind}'):
                    self.assertRuns(r)
                    self.assertNotEqual(r.out.strip(), os.readlink(f'/proc/self/ns/{kind}'))

    def test_loopback(self):
        r = self.same(*HOST, '--unshare-net', 'cat', '/proc/net/fib_trie', '/proc/net/if_inet6')
        self.assertIn('127.0.0.1', r.out)

    def test_hostname(self):
        self.same(*HOST, '--unshare-uts', '--hostname', 'x', 'uname', '-n', out='x\n')

    def test_disable_userns(self):
        self.same(*HOST, '--unshare-user', '--disable-userns', 'unshare', '-U', 'true', rc=1)

    def test_assert_userns_disabled(self):
        self.same_error('creation of new user namespaces was not disabled as requested',
                        *HOST, '--assert-userns-disabled', 'true')

    def test_exit_status(self):
        self.same(*HOST, '--unshare-pid', 'sh', '-c', 'exit 42', rc=42)

    def test_ownership_of_a_network_namespace(self):
        self.same(*HOST, '--unshare-net', PYTHON, '-Ic',
                  'import fcntl, os\nowner = fcntl.ioctl(os.open("/proc/self/ns/net", 0), 0xb701)\n'
                  'print(os.fstat(owner).st_ino == os.stat("/proc/self/ns/user").st_ino)',
                  out='True\n')


if __name__ == '__main__':
    main(root=True)
