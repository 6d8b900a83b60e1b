#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Leaving a group gives access: to files that are open to everybody but the members of that group.

So nobody may change groups inside, unless the system's administrator has delegated group ids and a
helper has written the map. As root, who makes the files and gives itself and the user such a group.
"""

import json
import os
import pwd
import subprocess

from rows import BWRAP, HOST, HUSK, SMALL, USER, RootProbeCase, main
from harness import first_process

BROKEN = {
    'groups-kept': ['OfRoot.test_a_file_closed_to_a_group', 'OfRoot.test_the_word'],
}
GROUP = 4242
KINDS = ((HUSK, ()), (HUSK, HOST), (HUSK, SMALL), (HUSK, (*SMALL, '--uid', '7', '--gid', '8')),
         (HUSK, (*HOST, '--map-current-user')), (HUSK, (*SMALL, '--cap-drop', 'ALL')),
         (BWRAP, SMALL), (BWRAP, (*SMALL, '--unshare-user', '--cap-add', 'ALL')),
         (BWRAP, (*SMALL, '--unshare-user', '--uid', '0', '--gid', '0')))


class GroupCase(RootProbeCase):
    """The caller is a member of a group that is shut out of a file and a directory."""

    def setUp(self):
        super().setUp()
        self.user = pwd.getpwnam(USER)
        self.file = self.write('negative', 'secret', 0o705)
        self.inner = self.write('shut/file', 'secret', 0o644)
        os.chmod(self.path('shut'), 0o705)
        for path in (self.file, self.path('shut')):
            os.chown(path, 65533, GROUP)

    def member(self, program, *args):
        """As the ordinary user with that group."""
        return ['setpriv', f'--reuid={self.user.pw_uid}', f'--regid={self.user.pw_gid}',
                f'--groups={GROUP}', program, *args]

    CALLS = ('read {0}', 'read {1}', 'setgroups', 'read {0}', 'read {1}', 'fork unshare user',
             'read /proc/self/setgroups')
    SHUT = 'EACCES\nEACCES\nEPERM\nEACCES\nEACCES\n'

    def calls(self):
        return [call.format(self.file, self.inner) for call in self.CALLS]

    def stays_shut(self, argv):
        r = self.run_cmd([*argv, '--', self.prober(), *self.calls()])
        self.assertEqual(r.rc, 0, r)
        self.assertTrue(r.out.startswith(self.SHUT), r)
        self.assertTrue(r.out.endswith('\ndeny\n'), r)


class OfUser(GroupCase):
    def test_a_file_closed_to_a_group(self):
        for program, args in KINDS:
            with self.subTest(program, args=args):
                self.stays_shut(self.member(program, *args))

    def test_it_is_open_to_others(self):
        """The control: who is not in the group reads both."""
        r = self.run_cmd(['setpriv', f'--reuid={self.user.pw_uid}', f'--regid={self.user.pw_gid}',
                          '--clear-groups', HUSK, *HOST, '--', self.prober(), *self.calls()[:2]])
        self.assertRuns(r, 'secret\nsecret\n')

    def test_deny_cannot_be_taken_back(self):
        for program, args in KINDS:
            r = self.run_cmd([*self.member(program, *args), '--', self.prober(),
                              'write /proc/self/setgroups allow', 'setgroups', f'read {self.file}'])
            self.assertEqual(r.rc, 0, r)
            first, *rest = r.out.split()
            self.assertIn(first, ('EPERM', 'EACCES', 'EROFS'))
            self.assertEqual(rest, ['EPERM', 'EACCES'])

    def test_in_a_user_namespace_of_its_own(self):
        """One that the command makes says the same, though it may write its own maps."""
        script = 'cat "$1" 2>&1; setpriv --clear-groups cat "$1" 2>&1; cat /proc/self/setgroups'
        r = self.run_cmd([*self.member(HUSK, *SMALL), '--', 'unshare', '-r', 'sh', '-c', script,
                          'sh', self.file])
        self.assertNotIn('secret', r.out)
        self.assertTrue(r.out.endswith('deny\n'), r)

    def test_before_the_command_and_for_who_joins(self):
        """The first process of the sandbox, and a command that joins."""
        p = self.spawn([*self.member(HUSK, *SMALL), '--', 'sh', '-c', 'echo; exec sleep 60'])
        p.stdout.readline()
        first = first_process(p.pid)
        pids = [first, *self.descendants(first)]
        for pid in pids:
            with open(f'/proc/{pid}/setgroups', encoding='ascii') as f:
                self.assertEqual(f.read(), 'deny\n')
        self.stays_shut(self.member(HUSK, '--join-pid', str(pids[-1])))

    def test_the_helper_of_a_delegated_range(self):
        """Where newgidmap writes the map, setgroups stays denied unless it is of a range."""
        self.need('newgidmap')
        info, info_w = self.pipe()
        block, go = self.pipe()
        p = self.spawn([*self.member(HUSK, '--unshare-user', *HOST), '--info-fd', str(info_w),
                        '--userns-block-fd', str(block), '--', self.prober(), *self.calls()],
                       pass_fds=[info_w, block])
        self.close(info_w)
        pid = str(json.loads(os.read(info, 4096))['child-pid'])
        for tool, own in (('newuidmap', self.user.pw_uid), ('newgidmap', self.user.pw_gid)):
            r = subprocess.run(self.as_user([tool, pid, '0', str(own), '1']),
                               capture_output=True, text=True, check=False)
            self.assertEqual(r.returncode, 0, r.stderr)
        os.write(go, b'x')
        out, err = p.communicate(timeout=20)
        self.assertTrue(out.decode().startswith(self.SHUT), (out, err))


    def test_ranges_of_uids_alone(self):
        """Many uids are no reason to let groups go."""
        with open('/etc/subuid', encoding='ascii') as f:
            first = next(line.split(':')[1] for line in f if line.startswith(USER + ':'))
        for args in ((), HOST, SMALL):
            self.stays_shut(self.member(HUSK, '--map-users', f'1:{first}:9', *args))


class OfRoot(GroupCase):
    """Called by root, whom the kernel would let keep the right to change groups."""

    def member(self, program, *args):
        return ['setpriv', f'--groups={GROUP}', program, *args]

    def test_a_file_closed_to_a_group(self):
        for program, args in KINDS:
            # as bubblewrap, root without a user namespace stays what it is
            if program == HUSK or '--unshare-user' in args:
                with self.subTest(program, args=args):
                    self.stays_shut(self.member(program, *args))

    def test_the_word(self):
        for program, args in ((HUSK, ()), (HUSK, HOST), (HUSK, SMALL),
                              (HUSK, (*HOST, '--uid', '5')),
                              (HUSK, (*HOST, '--map-users', '1:100000:9')),
                              (BWRAP, (*SMALL, '--unshare-user'))):
            self.check(args, ('read /proc/self/setgroups', 'deny'), ('setgroups', 'EPERM'),
                       program=program)


if __name__ == '__main__':
    main(root=True)
