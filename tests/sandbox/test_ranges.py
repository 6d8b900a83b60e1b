#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""More than one id inside: --map-auto, --map-users, --map-groups, by an ordinary user who has
subordinate ids."""

import json
import os
import pwd
import re
import signal

from probe import HOST, HUSK, PROC, ProbeCase, SMALL, main, wait_until
from harness import name_of

# where a tmpfs makes two levels of user namespaces of it, and where nothing does
ONE, TWO = ('--map-auto',), ('--map-auto', *SMALL, '--tmpfs', '/mnt')


def subordinate(kind):
    """The ranges of this user in a file, as (first, count)."""
    name = pwd.getpwuid(os.getuid()).pw_name
    with open(f'/etc/sub{kind}', encoding='ascii') as f:
        rows = [line.strip().split(':') for line in f]
    return [(int(row[1]), int(row[2])) for row in rows if row[0] in (name, str(os.getuid()))]


class RangesCase(ProbeCase):
    def setUp(self):
        super().setUp()
        self.uids, self.gids = subordinate('uid'), subordinate('gid')
        if not self.uids or not self.gids:
            self.skipTest('the user has no subordinate ids')
        self.first, self.count = self.uids[0]
        self.gid = self.gids[0][0]

    def maps(self, *args, kind='uid', **kw):
        """The map of a process inside, as the host has it: [inside, outside, count] a line."""
        read, write = self.pipe()
        block, _ = self.pipe()
        p = self.spawn([HUSK, *args, '--status-fd', write, '--block-fd', block, '--', 'true'],
                       pass_fds=[write, block], **kw)
        self.close(write)
        with os.fdopen(os.dup(read)) as f:
            for line in f:
                event = json.loads(line)
                if event['event'] == 'namespaces':
                    break
        path = f'/proc/{event["pid"]}/{kind}_map'

        def written():
            with open(path, encoding='ascii') as f:
                return f.read()

        text = wait_until(written, 20)
        p.kill()
        p.wait()
        return [[int(word) for word in line.split()] for line in text.splitlines()]


class Auto(RangesCase):
    def test_all_ranges_from_one_on(self):
        want, at = [], 1
        for first, count in self.uids:
            want.append([at, first, count])
            at += count
        for args in (ONE, TWO):
            with self.subTest(args=args):
                self.assertEqual(self.maps(*args), [[0, os.getuid(), 1], *want])
                self.assertEqual(self.maps(*args, kind='gid')[0], [0, os.getgid(), 1])

    def test_the_command_is_the_caller(self):
        for args in (ONE, TWO):
            with self.subTest(args=args):
                path = self.path('mine')
                self.assertRuns(self.husk(*ONE, '--', 'touch', path))
                self.assertEqual(os.stat(path).st_uid, os.getuid())
                self.assertRuns(self.husk(*args, 'stat', '-c', '%u:%g', path), '0:0\n')

    def test_around_another_id_of_the_callers(self):
        self.assertEqual(self.maps('--map-auto', '--uid', '7', *HOST)[:3],
                         [[7, os.getuid(), 1], [0, self.first, 7],
                          [8, self.first + 7, self.count - 7]])

    def test_around_the_current_id(self):
        me = os.getuid()
        found = self.maps('--map-auto', '--map-current-user')
        self.assertEqual(found[0], [me, me, 1])
        self.assertNotIn(me, [e[0] + i for e in found[1:] for i in (0, e[2] - 1)])
        r = self.husk('--map-auto', '--map-current-user', '--', 'id', '-u')
        self.assertRuns(r, f'{me}\n')

    def test_owners_are_real(self):
        """The host sees the subordinate ids, now and after the sandbox."""
        for args, last in ((ONE, self.count), (TWO, self.count)):
            with self.subTest(args=args):
                d = self.mkdir(f'd{len(args)}')
                script = ''.join(f'touch {i}; chown {i}:{i} {i}; ' for i in (1, 33, 1000, last))
                self.assertRuns(self.husk(*args, '--bind', d, d, '--chdir', d, '--', 'sh', '-c',
                                          'set -e; ' + script)
                                if args is TWO else
                                self.husk(*args, '--', 'sh', '-c', 'set -e; ' + script, cwd=d))
                for i in (1, 33, 1000, last):
                    st = os.stat(os.path.join(d, str(i)))
                    self.assertEqual((st.st_uid, st.st_gid),
                                     (self.first + i - 1, self.gid + i - 1))
                self.assertRuns(self.husk('--map-auto', '--', 'stat', '-c', '%u:%g', f'{d}/33'),
                                '33:33\n')

    def test_no_other_id_can_be_had(self):
        """One past the last, and what is not mapped stays the overflow id."""
        total = sum(count for _, count in self.uids)
        r = self.inside(f'import os; os.chown({self.path()!r}, {total + 1}, 0)', ONE)
        self.assertFails(r, 1, 'Errno 22')
        self.assertRuns(self.husk('--map-auto', '--', 'stat', '-c', '%u', '/etc/passwd'),
                        '65534\n' if total < 65534 else None)

    def test_every_id_can_be_taken(self):
        src = 'import os\n' \
              'for i in (1, 100, 65534):\n' \
              '  p = os.fork()\n' \
              '  if p == 0:\n' \
              '    os.setgroups([i, 5]); os.setresgid(i, i, i); os.setresuid(i, i, i)\n' \
              '    print(*os.getresuid(), *os.getresgid(), sorted(os.getgroups()), flush=True)\n' \
              '    os._exit(0)\n' \
              '  os.waitpid(p, 0)\n'
        want = ''.join(f'{i} {i} {i} {i} {i} {i} [{min(i, 5)}, {max(i, 5)}]\n'
                       for i in (1, 100, 65534))
        for args in (ONE, TWO):
            self.assertRuns(self.inside(src, args), want)

    def test_another_user(self):
        """As su(1), which would want to read /etc/shadow."""
        for args in (ONE, TWO):
            r = self.husk(*args, '--', 'runuser', 'nobody', '-s', '/bin/sh', '-c', 'id -u; id -g')
            self.assertRuns(r, '65534\n65534\n')

    def test_initgroups(self):
        r = self.inside('import os; os.initgroups("daemon", 1); print(os.getgroups())', TWO)
        self.assertRuns(r, '[1]\n')

    def test_setgroups_is_allowed(self):
        for args in (ONE, TWO):
            self.assertRuns(self.husk(*args, '--', 'cat', '/proc/self/setgroups'), 'allow\n')

    def test_nothing_else_is_weaker(self):
        for args in (ONE, TWO):
            found = self.status(args, 'NoNewPrivs', 'CapInh', 'CapAmb')
            self.assertEqual(found, ['1', '0' * 16, '0' * 16])

    def test_the_launcher_gains_nothing_either(self):
        """Once the helpers have run; and they leave no child behind."""
        p = self.spawn([HUSK, *ONE, '--', 'sleep', '100'])
        self.assertTrue(wait_until(lambda: self.field(p.pid, 'NoNewPrivs') == '1'))

        def alone():
            """The command runs, and nobody is there but it and its init, not even a zombie."""
            everybody = self.descendants(p.pid, True)
            return 'sleep' in map(name_of, everybody) and len(everybody) <= 2 and \
                everybody == self.descendants(p.pid)
        self.assertTrue(wait_until(alone))

    @staticmethod
    def field(pid, name):
        with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as f:
            return next(line.split(':')[1].strip() for line in f if line.startswith(name))

    def test_the_helper_is_never_the_callers(self):
        """A program of the same name on PATH, or beside husk, is not run."""
        here = os.path.dirname(self.write('newuidmap', '#!/bin/sh\ntouch "$0.ran"\n', 0o755))
        self.write('newgidmap', '#!/bin/sh\ntouch "$0.ran"\n', 0o755)
        self.write('getsubids', '#!/bin/sh\ntouch "$0.ran"\n', 0o755)
        r = self.husk(*ONE, '--', 'true', env={'PATH': here, 'LD_LIBRARY_PATH': here}, cwd=here)
        self.assertEqual(r.rc, 127, r)  # true is not found there
        self.assertEqual(sorted(os.listdir(here)), ['getsubids', 'newgidmap', 'newuidmap'])

    def test_with_every_wall(self):
        """Beside options that change how the sandbox is made."""
        shift = ('--unshare-time', '--boottime', '100')
        for args in (('--unshare-all',), (*HOST, *PROC), ('--disable-userns', *HOST),
                     ('--cap-drop', 'ALL', *HOST), ('--uid', '3', '--gid', '4', *HOST),
                     shift, (*shift, *SMALL, '--tmpfs', '/mnt'),
                     ('--unshare-pid', '--as-pid-1', *HOST, '--proc', '/proc'),
                     ('--landlock', *HOST), ('--seccomp-policy', 'default', *HOST),
                     ('--die-with-parent',), ('--new-session',), ('--wait-all', *HOST)):
            with self.subTest(args=args):
                r = self.husk('--map-auto', *args, '--', 'cat', '/proc/self/uid_map')
                self.assertRuns(r)
                self.assertEqual(sum(int(line.split()[2]) for line in r.out.splitlines()),
                                 1 + sum(count for _, count in self.uids), r)

    def test_on_a_terminal(self):
        r = self.pty([HUSK, *ONE, '--pty', '--', 'sh', '-c', 'tty; wc -l </proc/self/uid_map'])
        self.assertEqual(r.rc, 0, r)
        self.assertRegex(r.out, r'/dev/pts/\d+\r\n\s*[2-9]')

    def test_nested(self):
        """Whoever has ids to give needs no helper: husk in husk in husk."""
        inner = ['--map-users', '1:1:2000', '--map-groups', '1:1:2000', *SMALL]
        innermost = ['--map-users', '1:1:100', '--map-groups', '1:1:100', '--', 'sh', '-c',
                     'echo $(cat /proc/self/uid_map) $(cat /proc/self/setgroups)']
        r = self.husk(*TWO, '--', HUSK, *inner, '--', HUSK, *innermost)
        self.assertRuns(r, '0 0 1 1 1 100 allow\n')

    def test_who_joins_has_the_same_ids(self):
        for args in (ONE, TWO):
            p = self.spawn([HUSK, *args, '--unshare-pid', '--', 'sh', '-c', 'echo; exec sleep 100'])
            p.stdout.readline()
            pid = self.descendants(p.pid)[-1]
            r = self.husk('--join-pid', pid, '--', 'sh', '-euc',
                          'runuser nobody -s /bin/sh -c "id -u"; id -u; cat /proc/self/setgroups')
            self.assertRuns(r, '65534\n0\nallow\n')
            p.kill()

    def test_self_test(self):
        r = self.husk('--self-test', '--map-auto', *SMALL, '--tmpfs', '/mnt')
        self.assertRuns(r)
        for promise in ('groups can be given up and taken',
                        'the uids of the map can be taken, and no other',
                        'the gids of the map can be taken, and no other'):
            self.assertRegex(r.out, f'\nok [0-9]+ - {promise}\n')
        self.assertNotIn('groups can be neither', r.out)

    def test_explained(self):
        plan = json.loads(self.husk('--explain-json', *TWO, '--', 'true').out)
        identity = plan['identity']
        self.assertEqual(identity['uid-map'][:2], [
            {'inside': 0, 'outside': os.getuid(), 'count': 1},
            {'inside': 1, 'outside': self.first, 'count': self.count}])
        self.assertEqual((identity['maps-by'], identity['setgroups'], identity['levels']),
                         ('newuidmap', True, 2))
        self.assertIs(plan['walls']['setgroups-denied'], False)
        text = self.husk('--explain', *TWO, '--', 'true').out
        self.assertNotIn('setgroups denied', text)
        self.assertIn(f'uids 1 to {self.count} are {self.first} to '
                      f'{self.first + self.count - 1} outside', text)

    def test_told_as_an_event(self):
        read, write = self.pipe()
        self.assertRuns(self.husk(*ONE, '--status-fd', write, '--', 'true', pass_fds=[write]))
        self.close(write)
        with os.fdopen(os.dup(read)) as f:
            events = [json.loads(line) for line in f]
        plan = next(e for e in events if e['event'] == 'plan')
        self.assertEqual(plan['plan']['identity']['uid-map'][1]['count'], self.count)

    def test_killed_at_any_moment(self):
        """Nobody is left, whenever the launcher is killed while helpers run."""
        for delay in range(12):
            p = self.spawn([HUSK, *TWO, '--', 'sleep', '100'])
            wait_until(lambda: False, delay * 0.001)
            below = self.descendants(p.pid)
            p.send_signal(signal.SIGKILL)
            p.wait()
            for pid in below:
                self.assertTrue(self.wait_gone(pid), pid)

    def test_a_signal_meanwhile_ends_it(self):
        for _ in range(5):
            p = self.spawn([HUSK, *TWO, '--', 'sleep', '100'])
            wait_until(lambda: False, 0.004)
            p.terminate()
            self.assertIn(p.wait(20), (-signal.SIGTERM, 128 + signal.SIGTERM))


class Allowed(RangesCase):
    """All of what root of the sandbox's own namespaces may do."""

    def test_mounts(self):
        r = self.husk(*TWO, '--perms', '1777', '--tmpfs', '/tmp', '--', 'sh', '-euc',
                      'cd /mnt; mkdir t p l u w o; mount -t tmpfs t t; mount -t proc p p; '
                      'ls -d p/[0-9]* | wc -l; chown 33 l; echo x >l/f; chown 44 l/f; '
                      'mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w,userxattr o; '
                      'chown 55 o/f; stat -c %u o o/f l/f; touch t/f; chown 7:8 t/f; '
                      'stat -c %u:%g t/f; umount o p t')
        self.assertRuns(r)
        self.assertEqual(r.out.split()[1:], ['0', '55', '44', '7:8'])

    def test_chroot_and_host_name(self):
        r = self.husk(*TWO, '--', 'sh', '-euc', 'hostname x; hostname; mkdir /mnt/bin; '
                      'cp /bin/busybox /mnt/bin 2>/dev/null || exit 0; '
                      'chroot --userspec=33:44 /mnt /bin/busybox id -u')
        self.assertRuns(r)
        self.assertIn(r.out, ('x\n', 'x\n33\n'))

    def test_network(self):
        r = self.husk('--map-auto', '--unshare-net', '--', 'sh', '-euc',
                      'ip link add name v0 type veth peer name v1; ip link set v0 up; '
                      'ip -o link | wc -l')
        if 'Unknown device type' in r.err:
            self.skipTest('the kernel has no veth')
        self.assertRuns(r, '3\n')


class Named(RangesCase):
    """--map-users and --map-groups."""

    def test_two_ranges(self):
        a, b = self.first, self.first + 500
        found = self.maps('--map-users', f'1:{b}:10', '--map-users', f'100:{a}:20', *HOST)
        self.assertEqual(found, [[0, os.getuid(), 1], [1, b, 10], [100, a, 20]])

    def test_of_two_levels(self):
        r = self.husk('--map-users', f'1:{self.first + 9}:10', '--map-users',
                      f'100:{self.first}:9', *SMALL, '--tmpfs', '/mnt', '--', 'sh', '-c',
                      'touch /mnt/f; chown 105 /mnt/f; stat -c %u /mnt/f')
        self.assertRuns(r, '105\n')

    def test_uids_alone(self):
        """One gid, and setgroups denied, as without."""
        r = self.husk('--map-users', f'1:{self.first}:10', '--', 'sh', '-c',
                      'cat /proc/self/setgroups; wc -l </proc/self/gid_map; chown 3 .; '
                      'stat -c %u .; chown 0 .')
        self.assertRuns(r, 'deny\n1\n3\n')
        self.assertFails(self.inside('import os; os.setgroups([])',
                                     ['--map-users', f'1:{self.first}:10']), 1, 'Errno 1\\b')

    def test_gids_alone(self):
        r = self.husk('--map-groups', f'1:{self.gid}:10', '--', 'sh', '-c',
                      'cat /proc/self/setgroups; wc -l </proc/self/uid_map; chgrp 3 .; '
                      'stat -c %g .; chgrp 0 .')
        self.assertRuns(r, 'allow\n1\n3\n')

    def test_the_caller_where_a_range_has_it(self):
        """As container engines have it: the caller keeps an id, and 0 is a subordinate one."""
        args = ('--map-users', f'1000:{os.getuid()}:1', '--map-users', f'0:{self.first}:1000')
        self.assertRuns(self.husk(*args, '--', 'id', '-u'), '1000\n')
        self.assertEqual(self.maps(*args), [[1000, os.getuid(), 1], [0, self.first, 1000]])

    def test_nothing_but_the_caller(self):
        """Takes no helper."""
        r = self.husk('--map-users', f'5:{os.getuid()}:1', '--', 'sh', '-c',
                      'id -u; cat /proc/self/setgroups')
        self.assertRuns(r, '5\ndeny\n')

    def test_moved_out_of_the_way(self):
        r = self.husk('--uid', '10', '--map-users', f'0:{self.first}:10', '--', 'id', '-u')
        self.assertRuns(r, '10\n')

    def refuse(self, *args, err, hint='hint'):
        r = self.husk(*args, '--', 'true')
        self.assertFails(r, 125, err)
        self.assertRegex(r.err, hint)
        self.assertEqual(r.out, '')

    def test_malformed(self):
        for word in ('', ':', '::', '1', '1:2', '1:2:', '1:2:3:', '1:2:3:4', 'a:2:3', '1:b:3',
                     '1:2:c', '-1:2:3', '1:-2:3', '1:2:-3', '+1:2:3', ' 1:2:3', '1:2:3 ', '0x1:2:3',
                     '1:2:4294967296', '99999999999:2:3', '1:18446744073709551617:3', '1.5:2:3'):
            for option in ('--map-users', '--map-groups'):
                self.refuse(option, word, err=f'husk: {option} {re.escape(word)}: not a range',
                            hint='INNER:OUTER:COUNT')

    def test_out_of_bounds(self):
        for word, hint in (('1:2:0', 'an empty range'), ('4294967295:0:1', 'end at 4294967294'),
                           ('0:4294967295:1', 'end at'), ('2:4294967290:6', 'end at'),
                           ('4294967290:2:6', 'end at')):
            self.refuse('--map-users', word, err=f'husk: --map-users {word}: not a range',
                        hint=hint)

    def test_overlapping(self):
        a = self.first
        self.refuse('--map-users', f'1:{a}:10', '--map-users', f'10:{a + 20}:5',
                    err=f'--map-users 1:{a}:10 and --map-users 10:{a + 20}:5 overlap: .* inside')
        self.refuse('--map-groups', f'1:{a}:10', '--map-groups', f'20:{a + 9}:5',
                    err=f'--map-groups 1:{a}:10 and --map-groups 20:{a + 9}:5 overlap: .* outside')
        self.refuse('--map-users', f'0:{a}:10', err='overlaps with the caller, who is 0 inside',
                    hint='--uid')
        self.refuse('--map-root-user', '--map-users', f'5:{os.getuid()}:1',
                    err="has the caller's own id")

    def test_too_many(self):
        first = self.first  # the caller's own id, had it a place here, would be left out
        words = [w for i in range(341)
                 for w in ('--map-users', f'{2 * i + 1}:{first + 2 * i}:1')]
        self.refuse(*words, err='A map of 342 ranges of uids: the kernel takes 340')

    def test_too_long(self):
        """The text must fit into a page."""
        words = [w for i in range(200) for w in
                 ('--map-users', f'{1000000000 + 2 * i}:{2000000000 + 2 * i}:1')]
        self.refuse(*words, err=r'A map of 201 ranges of uids takes \d+ bytes')

    def test_others_ids_are_refused_by_the_helper(self):
        """What it says is told, and what to add."""
        end = max(first + count for first, count in self.uids) + 1000000
        self.refuse('--map-users', f'1:{end}:10',
                    err=r'newuidmap could not write the map: newuidmap: uid range \[1-11\) -> '
                        rf'\[{end}-{end + 10}\) not allowed',
                    hint=f'the uids {end} to {end + 9} are none .* usermod --add-subuids '
                         rf'{end}-{end + 9} \w+; or add the line \w+:{end}:10 to /etc/subuid')

    def test_more_than_there_are(self):
        """A range too small for what is asked."""
        first, count = self.gids[-1]
        end = first + count
        if any(first <= end < first + count for first, count in self.gids):
            self.skipTest('the ranges touch')
        self.refuse('--map-groups', f'1:{first}:{count + 7}',
                    err='newgidmap could not write the map: newgidmap: gid range',
                    hint=f'the gids {end} to {end + 6} are none .*--add-subgids')

    def test_refused_combinations(self):
        fd = self.open('/proc/self/ns/user')
        for args, err in (
                (('--map-auto', '--map-users', '1:2:3'), '--map-auto is not compatible with '),
                (('--map-auto', '--map-groups', '1:2:3'), '--map-auto is not compatible with '),
                (('--map-auto', '--userns', fd), 'not compatible with --userns or'),
                (('--map-users', '1:2:3', '--userns2', fd), 'not compatible with --userns or'),
                (('--map-auto', '--unshare-user', '--userns-block-fd', fd, '--info-fd', '2'),
                 'not compatible with --userns-block-fd'),
                (('--map-auto', '--fake-root-consistent'),
                 'not compatible with --fake-root-consistent\n.*devices alone')):
            with self.subTest(args=args):
                r = self.husk(*args, '--', 'true', pass_fds=[fd])
                self.assertFails(r, 125, err)

    def test_no_words_of_bwraps(self):
        self.assertFails(self.bwrap(*HOST, '--map-auto', 'true'), 1, 'Unknown option --map-auto')

    def test_no_new_privs(self):
        """Which no setuid program gets around: as in a sandbox, or a service."""
        r = self.run_cmd(['setpriv', '--no-new-privs', HUSK, '--map-auto', '--', 'true'])
        self.assertFails(r, 125, 'no_new_privs is set on the caller')
        self.assertIn('hint: start husk outside', r.err)


class Tools(RangesCase):
    """What people run as fake root."""

    def run_in(self, script, *args):
        return self.husk('--map-auto', *args, '--', 'sh', '-euc', script)

    def test_tar(self):
        """Owners, modes, a setuid file, a fifo, a link: out of an archive and back into one."""
        script = 'mkdir a; for i in 1 33 1000 65534; do echo $i >a/$i; chown $i:$i a/$i; done; ' \
                 'chmod 4755 a/33; mkfifo a/p; chown 7:8 a/p; ln -s x a/l; chown -h 9:9 a/l; ' \
                 'tar --numeric-owner -cf a.tar a; mkdir b; tar --numeric-owner -xpf a.tar -C b; ' \
                 'tar --numeric-owner -C b -cf b.tar a; ' \
                 'tar --numeric-owner --full-time -tvf a.tar | sort; echo --; ' \
                 'tar --numeric-owner --full-time -tvf b.tar | sort; rm -rf a b'
        r = self.run_in(script)
        self.assertRuns(r)
        before, after = r.out.split('--\n')
        self.assertEqual(before, after)
        self.assertRegex(before, r'-rwsr-xr-x 33/33 .* a/33\n')
        self.assertRegex(before, r'prw\S+ 7/8 ')

    def test_install(self):
        r = self.run_in('install -o daemon -g 44 -m 2711 /bin/true x; stat -c "%u %g %a" x; rm x')
        self.assertRuns(r, '1 44 2711\n')

    def test_rsync(self):
        self.need('rsync')
        r = self.run_in('mkdir a; touch a/f; chown 5:6 a/f; chmod 6755 a/f; rsync -a a/ b/; '
                        'stat -c "%u %g %a" b/f; rm -r a b')
        self.assertRuns(r, '5 6 6755\n')

    def test_cpio(self):
        self.need('cpio')
        r = self.run_in('mkdir a b; cd a; touch f; chown 5:6 f; '
                        'echo f | cpio -o 2>/dev/null >../c; cd ../b; cpio -i <../c 2>/dev/null; '
                        'stat -c "%u %g" f; cd ..; rm -r a b')
        self.assertRuns(r, '5 6\n')

    def test_useradd(self):
        etc = self.mkdir('etc')
        for name in ('passwd', 'group', 'login.defs', 'nsswitch.conf', 'pam.d', 'security',
                     'default', 'skel', 'shells', 'ld.so.cache'):
            self.run_cmd(['cp', '-rL', os.path.join('/etc', name), etc])
        self.write('etc/shadow', 'root:*:19000:0:99999:7:::\n', 0o640)
        r = self.run_in('useradd -m -d /mnt/someone -u 1234 someone; '
                        'stat -c "%u %g" /mnt/someone; su someone -c "id -u"',
                        *SMALL, '--bind', etc, '/etc', '--tmpfs', '/mnt', '--tmpfs', '/var/mail',
                        '--tmpfs', '/run', '--tmpfs', '/var/log')
        self.assertRuns(r, '1234 1234\n1234\n')

    def test_a_package(self):
        """Built with the owners that the tree has."""
        control = 'Package: x\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@x.org>\\n' \
                  'Description: x\\n'
        r = self.run_in(f'mkdir -p t/DEBIAN t/srv; printf "{control}" >t/DEBIAN/control; '
                        'touch t/srv/f; chown 33:44 t/srv/f; dpkg-deb -b t x.deb >/dev/null; '
                        'dpkg-deb -c x.deb | grep srv/f; rm -r t')
        self.assertRuns(r)
        self.assertRegex(r.out, r'^-rw\S+ (www-data|33)/(video|44) ')


class Groups(RangesCase):
    """A process of many groups: /proc has them before what it tells of capabilities and filters."""

    MANY = 'import os, sys; os.setgroups(range(2000)); '

    def many(self, *args):
        """Words that run a command, ARGS, with many groups in a sandbox."""
        return [HUSK, '--map-auto', '--', '/usr/bin/python3', '-IS', '-c',
                self.MANY + 'os.execvp(sys.argv[1], sys.argv[1:])', *args]

    def test_filters_of_who_is_joined(self):
        p = self.spawn([HUSK, '--map-auto', *SMALL, '--seccomp-policy', 'default', '--',
                        '/usr/bin/python3', '-IS', '-c',
                        self.MANY + 'print(flush=True); sys.stdin.read()'], stdin=-1)
        self.assertEqual(p.stdout.readline(), b'\n')
        r = self.husk('--join-pid', self.descendants(p.pid)[-1], '--', 'true')
        self.assertFails(r, 125, 'runs under seccomp filters that the command would not have')

    def test_filters_of_the_command(self):
        r = self.run_cmd(self.many(HUSK, *HOST, '--seccomp-policy', 'default', '--', 'grep',
                                   'Seccomp_filters', '/proc/self/status'))
        self.assertRuns(r, 'Seccomp_filters:\t1\n')

    def test_capabilities_of_a_pretended_root(self):
        self.need_same_width()
        self.assertRuns(self.run_cmd(self.many(
            HUSK, *HOST, '--tmpfs', '/mnt', '--fake-root-consistent', '--', 'sh', '-c',
            'mknod /mnt/n c 1 3; stat -c %F /mnt/n')), 'character special file\n')


if __name__ == '__main__':
    main()
