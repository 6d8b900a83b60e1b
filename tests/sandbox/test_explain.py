#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--explain: the checked plan for a person, and nothing done."""

import os
import re

from probe import HOST, HUSK, SMALL, USR, ProbeCase, main


class Explain(ProbeCase):
    def sections(self, *args, command=('ls', '-l')):
        """The output as {heading: lines below it}."""
        r = self.husk('--explain', *args, '--', *command)
        self.assertEqual((r.rc, r.err), (0, ''), r)
        found, lines = {}, None
        for line in r.out.splitlines():
            if not line.startswith(' '):
                lines = found.setdefault(line.rstrip(':').split(',')[0], [])
            else:
                lines.append(line.strip())
        return found

    def test_every_part_is_there(self):
        self.assertEqual(list(self.sections(*SMALL)),
                         ['identity', 'namespaces', 'root', 'mounts and files', 'walls',
                          'environment', 'command'])

    def test_identity(self):
        text = '\n'.join(self.sections(*HOST, '--uid', '77')['identity'])
        self.assertIn(f'uid 77 is {os.getuid()} outside', text)
        self.assertIn(f'gid 0 is {os.getgid()} outside', text)
        self.assertIn('two user namespaces', text)

    def test_one_level_is_told(self):
        for args in ((), (*HOST, '--cap-drop', 'ALL')):
            self.assertIn('one user namespace', '\n'.join(self.sections(*args)['identity']))

    def test_capabilities(self):
        for args, want in (((), 'all'), (('--cap-drop', 'ALL'), 'none'),
                           (('--cap-drop', 'ALL', '--cap-add', 'kill'), 'cap_kill')):
            self.assertIn(f'capabilities: {want}', self.sections(*args)['identity'])

    def test_namespaces(self):
        lines = self.sections(*HOST, '--unshare-net', '--unshare-uts', '--hostname', 'h')
        new, old = lines['namespaces'][:2]
        self.assertEqual(set(new.split()[1:]), {'user', 'mnt', 'net', 'uts'})
        self.assertEqual(set(old.partition(':')[2].split()), {'pid', 'ipc', 'cgroup', 'time'})
        self.assertIn('host name: h', lines['namespaces'])

    def test_mounts_in_order_with_their_flags(self):
        lines = self.sections('--ro-bind', '/usr', '/usr', '--bind', '/tmp', '/tmp', '--dev-bind',
                              '/dev', '/dev', '--proc', '/proc', '--perms', '0700', '--size',
                              '4096', '--tmpfs', '/t', '--symlink', 'x', '/y', '--bind-try',
                              '/a', '/b', '--unshare-pid')['mounts and files']
        self.assertEqual([line.split()[0] for line in lines],
                         ['ro-bind', 'bind', 'dev-bind', 'proc', 'tmpfs', 'symlink', 'bind-try'])
        self.assertIn('ro,nosuid,nodev', lines[0])
        self.assertIn('rw,nosuid,nodev', lines[1])
        self.assertNotIn('nodev', lines[2])
        self.assertIn('noexec', lines[3])
        self.assertIn('0700', lines[4])
        self.assertIn('4096', lines[4])
        self.assertIn('x', lines[5].split())

    def test_nothing_to_mount(self):
        lines = self.sections()
        self.assertEqual(lines['mounts and files'], ['none'])
        self.assertIn("the host's tree as it is", lines['root'])

    def test_walls(self):
        fd = self.fd('')
        text = '\n'.join(self.sections(*SMALL, '--disable-userns')['walls'])
        for words in ('no_new_privs', 'setgroups', 'TIOCSTI', 'keyring', 'user namespaces'):
            self.assertIn(words, text)
        self.close(fd)
        text = '\n'.join(self.sections(*HOST)['walls'])
        self.assertIn('--unshare-pid', text)

    def test_environment_and_command(self):
        found = self.sections('--setenv', 'A', 'b', '--unsetenv', 'C', command=('ls', 'a b'))
        self.assertEqual(found['environment'], ['set A=b', 'unset C'])
        self.assertIn("ls $'a b'", found['command'][0])

    def test_odd_words_are_shown_without_harm(self):
        r = self.husk('--explain', '--bind', '/\x1b[2J\n', '/x', '--', 'ls')
        self.assertNotIn('\x1b', r.out)
        self.assertIn(r'\x1b[2J\x0a', r.out)

    def test_a_bad_plan_is_refused(self):
        self.assertFails(self.husk('--explain', '--hostname', 'x', 'ls'), 125, '--unshare-uts')

    def test_nothing_is_done(self):
        """No process, no mount, no namespace, nothing opened for writing."""
        self.need('strace')
        log = self.path('log')
        r = self.run_cmd(['strace', '-f', '-qq', '-o', log, HUSK, '--explain', *SMALL, '--bind',
                          self.dir, self.dir, '--dir', self.path('new'), '--', 'ls'])
        self.assertEqual(r.rc, 0, r)
        with open(log, encoding='utf-8', errors='replace') as f:
            calls = [line.partition(' ')[2].strip() for line in f]
        acts = re.compile(r'(clone|clone3|fork|vfork|unshare|setns|mount|mount_setattr|move_mount|'
                          r'open_tree|fsopen|fsmount|pivot_root|chroot|umount2|mkdir|mkdirat|'
                          r'symlink|symlinkat|capset|seccomp|keyctl|sethostname|chdir|kill)\(')
        self.assertEqual([call for call in calls if acts.match(call)], [])
        self.assertEqual([call for call in calls if re.match(r'open', call)
                          and re.search('O_(WRONLY|RDWR|CREAT)', call)
                          and '/dev/' not in call], [])
        self.assertEqual(len([call for call in calls if call.startswith('execve(')]), 1)
        self.assertEqual(sorted(os.listdir(self.dir)), ['log'])

    def test_sources_need_not_exist(self):
        """A plan can be read on another machine than the one it is for."""
        self.sections('--ro-bind', '/no/such', '/x', *USR)


if __name__ == '__main__':
    main()
