#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Namespaces joined by descriptor, each with the user namespace that owns it."""

import json
import os
import shutil
import signal

from joining import IDS, JoinCase, asleep, children, comm, ids
from probe import HOST, HUSK, main, wait_until
from harness import first_process

ALL = ('--user', '--map-root-user', '--net', '--ipc', '--uts', '--cgroup', '--time')
LISTED = ('cgroup', 'ipc', 'net', 'uts', 'time')


class Kinds(JoinCase):
    def setUp(self):
        super().setUp()
        self.target = self.unshared(*ALL)
        self.theirs, self.ours = ids(self.target), ids(os.getpid())

    def test_each(self):
        for kind in LISTED:
            for args in ((), HOST, (*HOST, '--tmpfs', '/tmp'), (*HOST, '--cap-drop', 'ALL')):
                with self.subTest(kind, args=args):
                    got = self.ids_inside(self.joined(self.target, [kind], *args))
                    self.assertEqual(got[kind], self.theirs[kind])
                    for other in LISTED:
                        if other != kind:
                            self.assertEqual(got[other], self.ours[other])
                    for new in ('mnt', 'user'):
                        self.assertNotIn(got[new], (self.ours[new], self.theirs[new]))

    def test_all_of_them(self):
        got = self.ids_inside(self.joined(self.target, LISTED))
        self.assertEqual({k: got[k] for k in LISTED}, {k: self.theirs[k] for k in LISTED})

    def test_the_end_of_the_init_is_nobody_elses(self):
        """What the launcher ends when its init was killed is its own sandbox, not who it joined."""
        for kinds in (['net'], ['user', 'net']):
            with self.subTest(kinds):
                fds = [self.open(f'/proc/{self.target}/ns/{kind}') for kind in kinds]
                words = [w for kind, fd in zip(kinds, fds) for w in (f'--{kind}ns', str(fd))]
                p = self.spawn([HUSK, *words, '--', 'sleep', '60'], pass_fds=fds)
                # whoever has made the sandbox may still be on its way out
                self.assertTrue(wait_until(lambda: len(children(p.pid)) == 1 and any(
                    comm(c) == 'sleep' for c in self.descendants(p.pid))))
                os.kill(first_process(p.pid), signal.SIGKILL)
                p.wait(5)
                self.assertTrue(asleep(self.target) or comm(self.target))

    def test_with_the_owner_itself(self):
        """The command is in the user namespace that is named, and may then change the others."""
        got = self.ids_inside(self.joined(self.target, ('user', *LISTED), *HOST))
        for kind in ('user', *LISTED):
            self.assertEqual(got[kind], self.theirs[kind])
        self.assertRuns(self.joined(self.target, ('user', 'net'),
                                    command=('ip', 'link', 'set', 'lo', 'up')))
        r = self.joined(self.target, ('user', 'uts'), '--cap-add', 'sys_admin',
                        command=('hostname', 'changed'))
        self.assertRuns(r)
        self.assertRuns(self.joined(self.target, ['uts'], command=('hostname',)), 'changed\n')

    def test_no_power_over_them(self):
        for args in ((), HOST, (*HOST, '--tmpfs', '/tmp')):
            with self.subTest(args=args):
                self.assertFails(self.joined(self.target, ['net'], *args, command=(
                    'ip', 'link', 'set', 'lo', 'up')), None, 'not permitted')
                self.assertFails(self.joined(self.target, ['uts'], *args, command=(
                    'hostname', 'x')), None, 'must be root|not permitted')

    def test_unshare_all_makes_the_others(self):
        got = self.ids_inside(self.joined(self.target, ['net'], '--unshare-all', *HOST, '--proc',
                                          '/proc'))
        self.assertEqual(got['net'], self.theirs['net'])
        for kind in got:
            if kind != 'net':
                self.assertNotIn(got[kind], (self.ours[kind], self.theirs[kind]))

    def test_the_caller_is_root_inside(self):
        for args, want in (((), '0 0'), (('--uid', '7', '--gid', '8'), '7 8'),
                           (('--map-current-user',), f'{os.getuid()} {os.getgid()}')):
            r = self.joined(self.target, ['net'], *args, command=('sh', '-c',
                                                                  'echo $(id -u) $(id -g)'))
            self.assertRuns(r, want + '\n')

    def test_files_belong_to_the_caller(self):
        self.assertRuns(self.joined(self.target, ['net'], '--bind', '/', '/', command=(
            'touch', self.path('new'))))
        self.assertEqual(os.stat(self.path('new')).st_uid, os.getuid())

    def test_its_own_is_no_change(self):
        got = self.ids_inside(self.joined(os.getpid(), LISTED, *HOST))
        self.assertEqual({k: got[k] for k in LISTED}, {k: self.ours[k] for k in LISTED})

    def test_status(self):
        read, write = self.pipe()
        fd = self.ns(self.target, 'net')
        p = self.spawn([HUSK, '--netns', fd, '--info-fd', write, '--', 'sleep', '60'],
                       pass_fds=[fd, write])
        self.close(write)
        with os.fdopen(os.dup(read)) as f:
            info = json.load(f)
        self.assertEqual(set(info), {'child-pid', 'mnt-namespace', 'net-namespace'})
        self.assertEqual(f'net:[{info["net-namespace"]}]', self.theirs['net'])
        self.assertIn(info['child-pid'], self.descendants(p.pid))

    def test_explained(self):
        fd = self.ns(self.target, 'net')
        r = self.husk('--explain-json', '--netns', fd, '--', 'ls', pass_fds=[fd])
        plan = json.loads(r.out)
        self.assertEqual(plan['namespaces']['joined'], [{'kind': 'net', 'fd': fd}])
        self.assertNotIn('net', plan['namespaces']['shared'])
        self.assertEqual(plan['identity']['levels'], 2)
        self.assertIn('no power over what it joins', self.husk(
            '--explain', '--netns', fd, '--', 'ls', pass_fds=[fd]).out)

    def test_repeated_the_last_counts(self):
        fd, other = self.ns(self.target, 'net'), self.ns(os.getpid(), 'net')
        r = self.husk('--netns', other, '--netns', fd, 'readlink', '/proc/self/ns/net',
                      pass_fds=[fd, other])
        self.assertRuns(r, self.theirs['net'] + '\n')

    def test_repeated_is_said_once(self):
        """Also where husk begins anew, from a copy that its caller cannot write to."""
        fd = self.ns(self.target, 'mnt')
        copy = self.path('husk')
        shutil.copy(HUSK, copy)
        r = self.run_cmd([copy, '--mntns', fd, '--umask', '077', '--umask', '027', 'true'],
                         pass_fds=[fd])
        self.assertRuns(r)
        self.assertEqual(r.err.count('Only the last --umask'), 1, r)


class Seen(JoinCase):
    """What a joined namespace holds, seen by the command."""

    def test_host_name(self):
        pid = self.small('--hostname', 'boxed')
        self.assertRuns(self.joined(pid, ['uts'], command=('hostname',)), 'boxed\n')

    def test_network(self):
        pid = self.small()
        r = self.joined(pid, ['net'], command=('ip', '-o', 'link'))
        self.assertRegex(r.out, r'^1: lo: <[^>]*\bUP\b')
        self.assertEqual(r.out.count('\n'), 1)

    def test_message_queue(self):
        """One that the sandbox has made is seen through a mount of the joined namespace."""
        pid = self.sandbox(*HOST, '--unshare-all', '--proc', '/proc', '--mqueue', '/mnt',
                           command=('sh', '-c', 'echo >/mnt/queue; exec sleep 60'))[2]
        for args in (HOST, (*HOST, '--cap-drop', 'ALL')):
            r = self.joined(pid, ['ipc'], *args, '--mqueue', '/mnt', command=('ls', '/mnt'))
            self.assertRuns(r, 'queue\n')

    def test_shared_memory(self):
        pid = self.unshared(*ALL)
        self.assertRuns(self.joined(pid, ('user', 'ipc'), command=('ipcmk', '-Q')))
        r = self.joined(pid, ['ipc'], command=('ipcs', '-q'))
        self.assertRegex(r.out, '0x')

    def test_clocks(self):
        pid = self.small('--boottime', '500000')
        with open('/proc/uptime', encoding='ascii') as f:
            here = float(f.read().split()[0])
        r = self.joined(pid, ['time'], command=('cut', '-d ', '-f1', '/proc/uptime'))
        self.assertTrue(499999 <= float(r.out) - here < 500060, r)

    def test_clocks_are_not_shifted_again(self):
        fd = self.ns(self.small(), 'time')
        r = self.husk('--timens', fd, '--boottime', '5', 'true', pass_fds=[fd])
        self.assertFails(r, 125, '--unshare-time')

    def test_cgroupfs(self):
        pid = self.small()
        r = self.joined(pid, ['cgroup'], *HOST, '--cgroupfs', '/mnt', command=('ls', '/mnt'))
        self.assertEqual(r.rc, 0, r)
        self.assertIn('cgroup.procs', r.out.split())

    def test_sysfs(self):
        pid = self.small()
        r = self.joined(pid, ['net'], *HOST, '--mount-flags', 'ro', '--sysfs', '/mnt',
                        command=('ls', '/mnt/class/net'))
        self.assertRuns(r, 'lo\n')


class Pid(JoinCase):
    def setUp(self):
        super().setUp()
        _, self.first, self.target = self.sandbox('--unshare-all', *HOST, '--proc', '/proc')

    def test_a_member(self):
        proc = (*HOST, '--proc', '/proc')
        for args in ((), proc, (*proc, '--tmpfs', '/tmp'), (*proc, '--cap-drop', 'ALL')):
            with self.subTest(args=args):
                r = self.joined(self.target, ['pid'], *args)
                self.assertEqual(self.ids_inside(r)['pid'], ids(self.target)['pid'])

    def test_a_fresh_proc_shows_it(self):
        """With the user namespace that owns it entered, though the command is in one below."""
        for args in ((), (*HOST, '--proc', '/proc'), (*HOST, '--cap-drop', 'ALL', '--proc',
                                                      '/proc')):
            with self.subTest(args=args):
                r = self.joined(self.target, ['pid'], *args,
                                command=('sh', '-c', 'cat /proc/2/comm; echo /proc/[0-9]*'))
                self.assertEqual(r.rc, 0, r)
                self.assertEqual(r.out.split()[0], 'sleep', r)
                self.assertLessEqual(len(r.out.split()), 8)

    def test_a_subset_of_proc(self):
        r = self.joined(self.target, ['pid'], *HOST, '--proc-subset', '/proc',
                        command=('sh', '-c', 'cat /proc/2/comm; ls /proc | grep -c sys'))
        self.assertEqual(r.out.split(), ['sleep', '0'], r)

    def test_two_procs(self):
        r = self.joined(self.target, ['pid'], *HOST, '--proc', '/proc', '--proc', '/mnt',
                        command=('cat', '/proc/2/comm', '/mnt/2/comm'))
        self.assertRuns(r, 'sleep\nsleep\n')

    def test_a_child_of_it(self):
        r = self.joined(self.target, ['pid'], '--unshare-pid', *HOST, '--proc', '/proc',
                        command=('sh', '-c', 'echo $$ $(readlink /proc/self/ns/pid)'))
        pid, name = r.out.split()
        self.assertEqual(pid, '2')
        self.assertNotIn(name, (ids(self.target)['pid'], ids(os.getpid())['pid']))

    def test_with_the_owner_itself(self):
        for args in ((), (*HOST, '--proc', '/proc')):
            with self.subTest(args=args):
                r = self.joined(self.target, ('user', 'pid'), *args, command=(
                    'sh', '-c', f'cat /proc/2/comm; readlink {IDS}'))
                name, *links = r.out.split()
                self.assertEqual(name, 'sleep', r)
                for kind in ('user', 'pid'):
                    self.assertIn(ids(self.target)[kind], links)

    def test_without_a_proc_of_its_own(self):
        """The caller's /proc is kept where it is asked for by a bind."""
        r = self.joined(self.target, ['pid'], *HOST, command=('true',))
        self.assertRuns(r)

    def test_the_target_sees_the_command(self):
        fd = self.ns(self.target, 'pid')
        p = self.spawn([HUSK, '--pidns', fd, '--', 'sleep', '33'], pass_fds=[fd])
        self.assertTrue(self.wait_until(
            lambda: any(asleep(pid) for pid in self.descendants(p.pid))))
        inside = [pid for pid in self.descendants(p.pid) if asleep(pid)][0]
        with open(f'/proc/{inside}/status', encoding='ascii') as f:
            pids = next(line for line in f if line.startswith('NSpid:')).split()[1:]
        self.assertEqual(len(pids), 2)

    def test_statuses(self):
        self.assertEqual(self.joined(self.target, ['pid'], command=('sh', '-c', 'exit 9')).rc, 9)
        self.assertEqual(self.joined(self.target, ['pid'],
                                     command=('sh', '-c', 'kill -9 $$')).rc, -9)

    def test_signals_are_passed_on(self):
        fd = self.ns(self.target, 'pid')
        p = self.spawn([HUSK, '--pidns', fd, '--', 'sh', '-c',
                        'trap "exit 3" TERM; echo on; while :; do sleep 0.1; done'],
                       pass_fds=[fd])
        p.stdout.read(3)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(10), 3)

    def test_dies_with_the_launcher(self):
        fd = self.ns(self.target, 'pid')
        p = self.spawn([HUSK, '--pidns', fd, '--', 'sh', '-c', 'sleep 44 & sleep 44'],
                       pass_fds=[fd])
        self.assertTrue(self.wait_until(lambda: [comm(x) for x in self.descendants(p.pid)].count(
            'sleep') == 2))
        inside = self.descendants(p.pid)
        p.kill()
        p.wait()
        for pid in inside:
            self.assertTrue(self.wait_gone(pid))
        self.assertTrue(self.alive(self.target))

    def test_leaves_nothing_behind(self):
        r = self.joined(self.target, ['pid'], command=('sh', '-c', 'setsid sleep 45 & true'))
        self.assertRuns(r)
        self.assertEqual(children(self.first), [self.target])

    def test_status(self):
        """The ids are told though nobody may look into the process that has them."""
        read, write = self.pipe()
        fd = self.ns(self.target, 'pid')
        self.spawn([HUSK, '--pidns', fd, '--unshare-uts', '--info-fd', write, '--', 'sleep', '60'],
                   pass_fds=[fd, write])
        self.close(write)
        with os.fdopen(os.dup(read)) as f:
            info = json.load(f)
        self.assertEqual(f'pid:[{info["pid-namespace"]}]', ids(self.target)['pid'])
        command = []
        self.assertTrue(self.wait_until(lambda: command.extend(
            pid for pid in children(info['child-pid']) if asleep(pid)) or command))
        for kind in ('mnt', 'uts'):
            self.assertEqual(f'{kind}:[{info[kind + "-namespace"]}]', ids(command[0])[kind])


class Mnt(JoinCase):
    def setUp(self):
        super().setUp()
        self.target = self.sandbox(*HOST, '--dev', '/dev', '--tmpfs', '/tmp', command=(
            'sh', '-c', 'echo here >/tmp/file; exec sleep 60'))[2]

    def test_the_same_tree(self):
        r = self.joined(self.target, ['mnt'], command=('sh', '-c',
                                                       f'cat /tmp/file; readlink {IDS}'))
        found = dict(word.split(':', 1) for word in r.out.split()[1:])
        self.assertEqual(r.out.split()[0], 'here', r)
        self.assertEqual('mnt:' + found['mnt'], ids(self.target)['mnt'])
        self.assertNotIn('user:' + found['user'],
                         (ids(self.target)['user'], ids(os.getpid())['user']))

    def test_no_power_over_its_mounts(self):
        pid = self.sandbox(*HOST, '--dev', '/dev', '--tmpfs', '/mnt')[2]
        r = self.joined(pid, ['mnt'], command=(
            self.prober(), 'umount /mnt 2', 'mount tmpfs /dev', 'remount /mnt'))
        self.assertRuns(r, 'EPERM\n' * 3)

    def test_the_directory_is_looked_up_there(self):
        r = self.joined(self.target, ['mnt'], command=('pwd',), cwd='/usr')
        self.assertRuns(r, '/usr\n')
        r = self.joined(self.target, ['mnt'], command=('pwd',), cwd=self.dir)
        self.assertNotIn('husk-test', r.out)

    def test_no_option_for_the_root(self):
        for words in (('--tmpfs', '/mnt'), ('--ro-bind', '/', '/'), ('--file-label', 'x'),
                      ('--not-a-security-boundary',)):
            self.assertFails(self.joined(self.target, ['mnt'], *words, command=('true',)), 125,
                             '--mntns')


class Owners(JoinCase):
    def test_one_within_the_other(self):
        """What the outer one owns is joined before the inner one is entered."""
        inner = self.unshared('--user', '--map-root-user', '--uts', within=(
            'unshare', '--user', '--map-root-user', '--net'))
        for kinds in (('net', 'uts'), ('uts', 'net')):
            got = self.ids_inside(self.joined(inner, kinds, *HOST, '--mqueue', '/mnt',
                                              '--unshare-ipc'))
            for kind in kinds:
                self.assertEqual(got[kind], ids(inner)[kind])

    def test_the_inner_one_named(self):
        inner = self.unshared('--user', '--map-root-user', '--uts', within=(
            'unshare', '--user', '--map-root-user', '--net'))
        got = self.ids_inside(self.joined(inner, ('user', 'net', 'uts'), *HOST))
        for kind in ('user', 'net', 'uts'):
            self.assertEqual(got[kind], ids(inner)[kind])

    def test_proc_of_the_outer_one(self):
        inner = self.unshared('--user', '--map-root-user', '--uts', within=(
            'unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child'))
        r = self.joined(inner, ('pid', 'uts'), *HOST, '--proc', '/proc',
                        command=('sh', '-c', 'cat /proc/1/comm'))
        self.assertRuns(r, comm(inner) + '\n')

    def test_unrelated(self):
        one, two = (self.unshared('--user', '--map-root-user', '--net', '--uts') for _ in '12')
        fds = [self.ns(one, 'net'), self.ns(two, 'uts')]
        r = self.husk('--netns', fds[0], '--utsns', fds[1], 'true', pass_fds=fds)
        self.assertFails(r, 125, f'ns {fds[0]}: .*unrelated|ns {fds[1]}: .*unrelated')
        self.assertIn('hint: ', r.err)

    def test_a_user_namespace_that_is_not_within(self):
        one, two = (self.unshared('--user', '--map-root-user', '--net') for _ in '12')
        fds = [self.ns(one, 'net'), self.ns(two, 'user')]
        r = self.husk('--netns', fds[0], '--userns', fds[1], 'true', pass_fds=fds)
        self.assertFails(r, 125, f'--userns {fds[1]}: it is not within')

    def test_the_hosts_own(self):
        """Of the caller's own user namespace, in which it has no power: only root can."""
        fd = self.ns(os.getpid(), 'net')
        r = self.run_cmd(['unshare', '--user', '--map-root-user', '--net', HUSK, '--netns', fd,
                          '--', 'true'], pass_fds=[fd])
        self.assertFails(r, 125, f'--netns {fd}')
        self.assertIn('hint: ', r.err)

    def test_root_of_a_user_namespace_can(self):
        """Within a sandbox its root is privileged, and joins what its user namespace owns."""
        r = self.run_cmd(['unshare', '--user', '--map-root-user', 'sh', '-c', f'''
            unshare --net sleep 60 &
            until grep -qxz sleep /proc/$!/cmdline; do sleep 0.05; done
            readlink /proc/$!/ns/net
            {HUSK} --netns 3 --ro-bind / / -- readlink /proc/self/ns/net 3</proc/$!/ns/net
            {HUSK} --netns 3 -- ip link set lo up 3</proc/$!/ns/net || echo refused
            kill $!'''])
        one, two, *rest = r.out.split()
        self.assertEqual((one, rest), (two, ['refused']), r)

    def test_disable_userns_would_hold_for_others(self):
        fd = self.ns(self.unshared('--user', '--map-root-user', '--net'), 'net')
        r = self.husk('--netns', fd, '--disable-userns', '--unshare-user', 'true', pass_fds=[fd])
        self.assertFails(r, 125, '--disable-userns')


class Refused(JoinCase):
    def test_not_open(self):
        for kind in ('net', 'ipc', 'uts', 'cgroup', 'time', 'mnt', 'pid'):
            self.assertFails(self.husk(f'--{kind}ns', '99', 'true'), 125, f'--{kind}ns 99')
        self.assertFails(self.husk('--join-fd', '99', 'true'), 125, '--join-fd 99')

    def test_no_namespace(self):
        fd = self.open('/dev/null')
        r = self.husk('--netns', fd, 'true', pass_fds=[fd])
        self.assertFails(r, 125, f'--netns {fd}: the descriptor is no namespace')

    def test_another_kind(self):
        fd = self.ns(os.getpid(), 'uts')
        r = self.husk('--netns', fd, 'true', pass_fds=[fd])
        self.assertFails(r, 125, f'--netns {fd}: .*another kind')

    def test_the_callers_own_shown(self):
        """What shows a namespace can be mounted by its owner alone; the option to drop is named."""
        root = ('--ro-bind', '/', '/', '--tmpfs', '/mnt')
        for kind, option, args in (('pid', 'a fresh /proc', ()),
                                   ('pid', '--proc', (*root, '--proc', '/proc')),
                                   ('net', '--sysfs', (*root, '--sysfs', '/mnt')),
                                   ('ipc', '--mqueue', (*root, '--mqueue', '/mnt')),
                                   ('cgroup', '--cgroupfs', (*root, '--cgroupfs', '/mnt'))):
            fd = self.ns(os.getpid(), kind)
            r = self.husk(f'--{kind}ns', fd, *args, 'true', pass_fds=[fd])
            self.assertFails(r, 125, f"--{kind}ns {fd}: it is the caller's own already, and "
                                     f'{option} ')
            self.assertIn('hint: leave it out', r.err)

    def test_the_callers_own_user_namespace(self):
        fd = self.ns(os.getpid(), 'user')
        r = self.husk('--userns', fd, 'true', pass_fds=[fd])
        self.assertFails(r, 125, f'--userns {fd}: Invalid argument')
        self.assertIn("other than the caller's own", r.err)

    def test_both_made_and_joined(self):
        for kind in ('net', 'ipc', 'uts', 'cgroup', 'time'):
            fd = self.ns(os.getpid(), kind)
            r = self.husk(f'--{kind}ns', fd, f'--unshare-{kind}', 'true', pass_fds=[fd])
            self.assertFails(r, 125, f'--{kind}ns {fd} is not compatible with '
                                     f'--unshare-{kind}')

    def test_maps_of_the_caller(self):
        fd, read, info = self.ns(os.getpid(), 'net'), *self.pipe()
        r = self.husk('--netns', fd, '--unshare-user', '--userns-block-fd', read, '--info-fd',
                      info, 'true', pass_fds=[fd, read, info])
        self.assertFails(r, 125, '--userns-block-fd')

    def test_bwrap_knows_none_of_them(self):
        for word in ('--netns', '--ipcns', '--utsns', '--cgroupns', '--timens', '--mntns',
                     '--join-pid', '--join-fd'):
            self.assertFails(self.bwrap(*HOST, word, '3', 'true'), 1, f'Unknown option {word}')


if __name__ == '__main__':
    main()
