#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subordinate ids as other machines have them: /etc/subuid and the helpers of a mount namespace of
the test's own; and id maps that root writes."""

import json
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'sandbox'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import USER  # noqa: E402
from probe import HUSK, RootProbeCase, SMALL, main, wait_until  # noqa: E402

UID = pwd.getpwnam(USER).pw_uid
LINE = f'{USER}:200000:1000\n'


class FilesCase(RootProbeCase):
    def cover(self, place, text=None, mode=0o644):
        """Shell commands that mount a file with this text, or an empty device, on another."""
        if text is None:
            return f'mount --bind /dev/null {place}\n'
        name = self.write('over' + place, text, mode)
        return f'mount --bind {name} {place}\n'

    def files(self, subuid=LINE, subgid=LINE):
        return self.cover('/etc/subuid', subuid) + self.cover('/etc/subgid', subgid)

    def auto(self, *args, setup='', user=True, option='--map-auto', **kw):
        """Run husk as the ordinary user, in a mount namespace after these shell commands."""
        argv = [HUSK, option, *args]
        return self.run_cmd(self.private_mounts(self.as_user(argv) if user else argv, setup), **kw)

    def refuse(self, setup, err, hint='', args=('--', 'true'), **kw):
        r = self.auto(*args, setup=setup, **kw)
        self.assertFails(r, 125, err)
        if hint:
            self.assertRegex(r.err, 'hint: .*' + hint)
        self.assertEqual(r.out, '')
        return r

    def ranges(self, setup, **kw):
        """What --map-auto would map beside the caller: {'uid': [[inside, outside, count]]}."""
        r = self.auto('--explain-json', '--', 'true', setup=setup, **kw)
        self.assertRuns(r)
        found = json.loads(r.out)['identity']
        return [[e['inside'], e['outside'], e['count']] for e in found['uid-map'][1:]]


class Files(FilesCase):
    def test_real(self):
        """newuidmap and husk read the same."""
        r = self.auto('--', 'cat', '/proc/self/uid_map', setup=self.files())
        self.assertRuns(r)
        self.assertEqual(r.out.split(), ['0', str(UID), '1', '1', '200000', '1000'])

    def test_by_number(self):
        lines = f'{UID}:300000:10\n'
        r = self.auto('--', 'cat', '/proc/self/uid_map', setup=self.files(lines, lines))
        self.assertRuns(r)
        self.assertEqual(r.out.split()[3:], ['1', '300000', '10'])

    def test_several_ranges_in_their_order(self):
        lines = f'{USER}:400000:5\nother:1:2\n{USER}:300000:10\n'
        r = self.auto('--', 'cat', '/proc/self/uid_map', setup=self.files(lines, lines))
        self.assertRuns(r)
        self.assertEqual(r.out.split()[3:], ['1', '400000', '5', '6', '300000', '10'])

    def test_lines_of_others_may_be_anything(self):
        lines = f'# a comment\n\n:\n::\nx\nother:1\nother:a:b\n{LINE}other:5:-6\n' \
                f'{USER}x:1:2\n{UID}0:1:2\n\xff:9:9'
        self.assertEqual(self.ranges(self.files(lines)), [[1, 200000, 1000]])

    def test_a_line_twice(self):
        lines = LINE + f'{UID}:200000:1000\n' + LINE
        self.assertEqual(self.ranges(self.files(lines)), [[1, 200000, 1000]])

    def test_the_last_line_need_not_end(self):
        self.assertEqual(self.ranges(self.files(LINE.strip())), [[1, 200000, 1000]])

    def test_no_line(self):
        self.refuse(self.files('other:100000:65536\n', 'other:100000:65536\n'),
                    rf'/etc/subuid and /etc/subgid have no line for {USER} \(uid {UID}\)',
                    rf'usermod --add-subuids 165536-231071 --add-subgids 165536-231071 {USER}; or '
                    rf'add the line {USER}:165536:65536 to both files')

    def test_no_line_in_one_file(self):
        self.refuse(self.files(subgid=''), f'/etc/subgid has no line for {USER} .*subordinate gids',
                    rf'usermod --add-subgids 201000-266535 {USER}; or add the line '
                    rf'{USER}:201000:65536 to /etc/subgid')
        self.refuse(self.files(subuid=''), f'/etc/subuid has no line for {USER} .*subordinate uids',
                    f'usermod --add-subuids 201000-266535 {USER}; .* to /etc/subuid')

    def test_what_is_to_be_added_works(self):
        """The line that the hint names, as it stands there."""
        r = self.refuse(self.files('', ''), 'have no line')
        line = r.err.partition('add the line ')[2].split()[0] + '\n'
        self.assertRuns(self.auto('--', 'true', setup=self.files(line, line)))

    def test_no_files(self):
        setup = 'mkdir -p /tmp/husk-none; mount -t tmpfs none /tmp/husk-none; ' \
                'cp -r /etc/passwd /etc/group /etc/nsswitch.conf /tmp/husk-none; ' \
                'mount --move /tmp/husk-none /etc; rmdir /tmp/husk-none\n'
        self.refuse(setup, 'have no line', 'usermod --add-subuids 100000-165535')

    def test_malformed_lines_of_the_callers(self):
        for text in ('', ':', ':1', ':1:', '::5', ':a:5', ':1:b', ':-1:5', ':1:2:3', ':1:0',
                     ': 1:2', ':1:2 ', ':4294967295:1', ':4294967290:6', ':1:99999999999999999999',
                     ':1:2\r'):
            with self.subTest(text=text):
                self.refuse(self.files(f'a:1:1\n{USER}{text}\n'),
                            rf'/etc/subuid:2: malformed line: {USER}', 'NAME:FIRST:COUNT')

    def test_overlapping_ranges(self):
        self.refuse(self.files(LINE + f'{USER}:200999:5\n'),
                    "/etc/subuid: the caller's ranges 200000:1000 and 200999:5 overlap")

    def test_the_callers_own_id(self):
        self.refuse(self.files(f'{USER}:{UID - 1}:5\n'),
                    f'/etc/subuid gives the caller its own id, {UID}, .* overlap')

    def test_too_many_ranges(self):
        lines = ''.join(f'{USER}:{100000 + 2 * i}:1\n' for i in range(340))
        self.refuse(self.files(lines), 'A map of 341 ranges of uids: the kernel takes 340')

    def test_a_range_too_small(self):
        self.refuse(self.files(), r'newuidmap could not write the map: newuidmap: uid range '
                    r'\[1-1002\) -> \[200000-201001\) not allowed',
                    rf'the uids 201000 to 201000 are none .* --add-subuids 201000-201000 {USER}; '
                    f'or add the line {USER}:201000:1 to /etc/subuid',
                    args=('1:200000:1001', '--', 'true'), option='--map-users')

    def test_another_group_than_the_users(self):
        """As after newgrp(1): the helpers serve nobody then."""
        argv = ['setpriv', f'--reuid={UID}', '--regid=12345', '--clear-groups', HUSK, '--map-auto',
                '--', 'true']
        r = self.run_cmd(self.private_mounts(argv, self.files()))
        self.assertFails(r, 125, 'newuidmap could not write the map: .*different user')
        self.assertIn('newgrp', r.err)


class NameServices(FilesCase):
    """Ranges and names that are in no file."""

    GETSUBIDS = '#!/bin/sh\ncase "$1" in -g) echo "0: $2 700000 7";; ' \
                '*) echo "0: $1 600000 5"; echo "1: $1 650000 6";; esac\n'

    def getsubids(self, text=GETSUBIDS):
        return self.cover('/usr/bin/getsubids', text, 0o755)

    def test_where_the_files_have_none(self):
        setup = self.files('', '') + self.getsubids()
        self.assertEqual(self.ranges(setup), [[1, 600000, 5], [6, 650000, 6]])

    def test_the_files_come_first(self):
        self.assertEqual(self.ranges(self.files() + self.getsubids()), [[1, 200000, 1000]])

    def test_nsswitch(self):
        setup = self.files() + self.getsubids() + \
            self.cover('/etc/nsswitch.conf', 'passwd: files\nsubid:\t sss\n')
        self.assertEqual(self.ranges(setup), [[1, 600000, 5], [6, 650000, 6]])

    def test_nsswitch_without_getsubids(self):
        setup = self.files() + self.cover('/usr/bin/getsubids') + \
            self.cover('/etc/nsswitch.conf', 'passwd: files\nsubid: sss\n')
        self.refuse(setup, 'no line', 'nsswitch.conf .* getsubids')

    def test_getsubids_knows_nobody(self):
        self.refuse(self.files('', '') + self.getsubids('#!/bin/sh\necho "0: x 5 5"; exit 1\n'),
                    'have no line', 'usermod')

    def test_its_environment_is_empty(self):
        setup = self.files('', '') + self.getsubids(
            '#!/bin/sh\nwhile read -r line; do :; done\n'
            '[ -z "$SECRET$LD_PRELOAD$HOME" ] && echo "0: $1 5 5"\n')
        self.assertEqual(self.ranges(setup, env={**os.environ, 'SECRET': 'x'}), [[1, 5, 5]])

    def test_a_user_who_is_in_no_file(self):
        setup = self.files('someone:300000:9\n', 'someone:300000:9\n') + \
            self.cover('/etc/passwd', 'root:x:0:0::/:/bin/sh\n') + \
            self.cover('/usr/bin/id', '#!/bin/sh\n[ "$1" = -un ] && echo someone\n', 0o755)
        argv = ['setpriv', f'--reuid={UID}', f'--regid={UID}', '--clear-groups', HUSK, '--map-auto',
                '--explain', '--', 'true']
        r = self.run_cmd(self.private_mounts(argv, setup))
        self.assertRuns(r)
        self.assertIn('uids 1 to 9 are 300000 to 300008 outside', r.out)


class Helpers(FilesCase):
    """newuidmap and newgidmap as they may be found."""

    def test_missing(self):
        for name in ('newuidmap', 'newgidmap'):
            self.refuse(self.files() + self.cover(f'/usr/bin/{name}'),
                        f'id maps: {name} is not installed: it is not in /usr/bin',
                        'package uidmap')

    def test_not_set_user_id(self):
        for name in ('newuidmap', 'newgidmap'):
            with open(f'/usr/bin/{name}', 'rb') as f:
                setup = self.files() + self.cover(f'/usr/bin/{name}', f.read(), 0o755)
            self.refuse(setup, f'/usr/bin/{name} has neither the set-user-ID bit nor a file '
                        'capability', r'chmod u\+s')

    def test_nosuid(self):
        setup = self.files() + 'mount --bind /usr/bin /usr/bin\n' \
            'mount -o remount,bind,nosuid /usr/bin\n'
        self.refuse(setup, 'file system is mounted nosuid', 'outer one')

    def test_by_file_capabilities(self):
        """As some distributions have them."""
        setup = self.files()
        for name in ('newuidmap', 'newgidmap'):
            with open(f'/usr/bin/{name}', 'rb') as f:
                setup += self.cover(f'/usr/bin/{name}', f.read(), 0o755)
            setup += f'setcap cap_set{name[3]}id+ep /usr/bin/{name}\n'
        r = self.auto('--', 'cat', '/proc/self/uid_map', '/proc/self/gid_map', setup=setup)
        self.assertRuns(r)
        self.assertEqual(r.out.split()[3:6], ['1', '200000', '1000'])

    def test_none_is_needed_for_what_it_would_not_write(self):
        setup = self.files() + self.cover('/usr/bin/newgidmap')
        self.assertRuns(self.auto('1:200000:5', '--', 'true', setup=setup, option='--map-users'))

    def impostor(self, text):
        """A helper of the system's that behaves otherwise."""
        return self.files() + self.cover('/usr/bin/newuidmap', text, 0o4755)

    def test_what_it_says_is_told(self):
        self.refuse(self.impostor('#!/bin/sh\necho one >&2; echo two >&2; exit 3\n'),
                    'newuidmap could not write the map: one;two\n')
        self.refuse(self.impostor('#!/bin/sh\nexit 3\n'), 'it does not say why')
        self.refuse(self.impostor('#!/bin/sh\nkill -9 $$\n'), 'newuidmap was killed by signal 9')
        self.refuse(self.impostor('#!/no/such\n'), r'newuidmap: No such file')

    def test_much_of_it(self):
        r = self.refuse(self.impostor('#!/bin/sh\nyes a-lot | head -c 300000 >&2; exit 1\n'),
                        'newuidmap could not write the map: a-lot;')
        self.assertLess(len(r.err), 5000)

    def test_what_it_gets(self):
        """No descriptor, no environment, no terminal's input; signals as usual."""
        seen = self.path('seen')
        os.mkdir(seen)
        os.chmod(seen, 0o777)
        self.refuse(self.impostor(
            f'#!/bin/sh\nenv >{seen}/env; ls /proc/$$/fd >{seen}/fds; cat >{seen}/input; '
            # itself: a shell that starts a program has everything blocked meanwhile
            f'while read -r name value; do [ $name != SigBlk: ] || echo $name $value; done '
            f'</proc/self/status >{seen}/blocked; echo "$@" >{seen}/args; exit 1\n'),
            'could not write', input='typed', env={**os.environ, 'SECRET': 'x'})

        def read(name):
            with open(os.path.join(seen, name), encoding='ascii') as f:
                return f.read()
        self.assertNotIn('SECRET', read('env'))
        self.assertLessEqual(set(read('fds').split()), {'0', '1', '2', '10', '11'})
        self.assertEqual(read('input'), '')
        self.assertEqual(read('blocked').split()[1], '0' * 16)
        self.assertRegex(read('args'), rf'^\d+ 0 {UID} 1 1 200000 1000\n$')

    def test_one_that_hangs(self):
        """Whoever waits for it can end that."""
        p = self.spawn(self.private_mounts(self.as_user([HUSK, '--map-auto', '--', 'true']),
                                           self.impostor('#!/bin/sh\nsleep 1000\n')))

        def helper():
            return [pid for pid in self.descendants(p.pid) if self.command(pid) == 'sleep']
        self.assertTrue(wait_until(helper, 20))
        below = self.descendants(p.pid)
        p.terminate()
        self.assertEqual(p.wait(20), -15)
        for pid in below:
            if self.command(pid) != 'sleep':  # a child of what stood for the helper
                self.assertTrue(self.wait_gone(pid, 20))

    @staticmethod
    def command(pid):
        try:
            with open(f'/proc/{pid}/comm', encoding='ascii') as f:
                return f.read().strip()
        except OSError:
            return None

    def test_a_lie_is_found_out(self):
        """One that says it has written the map, and has not."""
        self.refuse(self.impostor('#!/bin/sh\nexit 0\n'), 'maps are not those asked for')


class Root(FilesCase):
    """Root, who needs no helper."""

    def test_any_range(self):
        setup = self.cover('/usr/bin/newuidmap') + self.cover('/usr/bin/newgidmap')
        script = f'touch {self.path("f")}; chown 33:44 {self.path("f")}; cat /proc/self/uid_map'
        r = self.auto('1:500000:100', '--map-groups', '1:600000:100', '--', 'sh', '-ec', script,
                      setup=setup, user=False, option='--map-users')
        self.assertRuns(r)
        self.assertEqual(r.out.split()[-1], '100')
        st = os.stat(self.path('f'))
        self.assertEqual((st.st_uid, st.st_gid), (500032, 600043))

    def test_all_ids(self):
        """As they are, around root's own."""
        everything = ['--map-users', '0:0:4294967295', '--map-groups', '0:0:4294967295']
        for args in ((), (*SMALL, '--tmpfs', '/mnt')):
            r = self.husk(*everything, *args, '--', 'sh', '-c',
                          'id -u; stat -c %u /home/' + USER + '; su ' + USER + ' -c "id -u"')
            self.assertRuns(r, f'0\n{UID}\n{UID}\n')

    def test_auto(self):
        setup = self.files('root:500000:10\n', 'root:500000:10\n')
        r = self.auto('--', 'cat', '/proc/self/uid_map', setup=setup, user=False)
        self.assertRuns(r)
        self.assertEqual(r.out.split()[-1], '10')

    def test_auto_without_a_line(self):
        self.refuse(self.files(), r'no line for root \(uid 0\)', 'usermod .* root;', user=False)

    def test_no_more_than_it_has(self):
        """Root of a user namespace has the ids of that."""
        r = self.husk('--map-users', '1:500000:10', *SMALL, '--', HUSK, '--map-users', '1:11:1',
                      '--', 'true')
        self.assertFails(r, 125, 'id maps: setting up the uid map: Operation not permitted')

    def test_the_walls_for_root_stand(self):
        self.check(['--map-users', '0:0:4294967295', *SMALL],
                   ('open /proc/sys/kernel/core_pattern w', ('EROFS', 'EACCES')))


if __name__ == '__main__':
    main(root=True)
