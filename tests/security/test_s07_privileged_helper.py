#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A launcher installed with privilege lends it to whoever calls it.

husk is not to be installed so; where somebody does it none the less, it refuses before it does
anything.
"""

import os
import pwd
import shutil
import stat
import subprocess

from rows import BWRAP, HUSK, USER, RootProbeCase, main

BROKEN = {
    'privilege-refused': ['Copies.test_setuid', 'Copies.test_file_capabilities',
                          'Callers.test_an_effective_id_of_another'],
}
REFUSED = 'refusing to run with more privilege'


class PrivilegeCase(RootProbeCase):
    def setUp(self):
        super().setUp()
        self.out = self.mkdir('out', 0o777)

    def refused(self, program, wrap, rc):
        """Nothing is run, made or printed but the refusal."""
        ran = os.path.join(self.out, 'ran')
        for words in (['--bind', '/', '/'], []):
            r = self.run_cmd(wrap([program, *words, '--', 'sh', '-c', f'id -u >{ran}; id']))
            self.assertFails(r, rc, REFUSED)
            self.assertEqual(r.out, '')
            self.assertEqual(os.listdir(self.out), [])


class Copies(PrivilegeCase):
    """Started by an ordinary user, as husk and under the name of the helper that is setuid."""

    def copies(self):
        """A copy of each program, and the status of its failures."""
        for program, rc in ((HUSK, 125), (BWRAP, 1)):
            copy = self.path(os.path.basename(program))
            shutil.copyfile(program, copy)
            os.chmod(copy, 0o755)
            yield copy, rc

    def test_setuid(self):
        for copy, rc in self.copies():
            os.chmod(copy, 0o4755)
            self.refused(copy, self.as_user, rc)

    def test_setuid_to_an_ordinary_user(self):
        """Power over another user's files is power enough."""
        for copy, rc in self.copies():
            os.chown(copy, pwd.getpwnam('nobody').pw_uid, -1)
            os.chmod(copy, 0o4755)
            self.refused(copy, self.as_user, rc)

    def test_setgid(self):
        for copy, rc in self.copies():
            os.chmod(copy, 0o2755)
            self.refused(copy, self.as_user, rc)

    def test_file_capabilities(self):
        self.need('setcap')
        for copy, rc in self.copies():
            for caps in ('cap_sys_admin+ep', 'cap_sys_admin+p', 'cap_net_bind_service+ep',
                         'cap_setuid,cap_setgid+ep'):
                subprocess.run(['setcap', caps, copy], check=True)
                self.refused(copy, self.as_user, rc)

    def test_without_privilege_the_copy_works(self):
        for copy, _ in self.copies():
            self.assertRuns(self.run_cmd(self.as_user([copy, '--ro-bind', '/', '/', '--', 'true'])))

    def test_the_loader_knows(self):
        """Of such a copy the kernel tells the C library that it is one: AT_SECURE is set."""
        snippet = self.inside_c('#include <stdio.h>\n#include <sys/auxv.h>\n'
                                'int main(void) { printf("%lu\\n", getauxval(AT_SECURE)); }\n')
        copy = self.path('secure')
        for mode, answer in ((0o755, '0\n'), (0o4755, '1\n')):
            shutil.copyfile(snippet, copy)
            os.chmod(copy, mode)
            self.assertRuns(self.run_cmd(self.as_user([copy])), answer)


class Callers(PrivilegeCase):
    """Started by a program that has more privilege than its user."""

    def test_an_effective_id_of_another(self):
        user = pwd.getpwnam(USER)
        for words in ((f'--ruid={user.pw_uid}', '--euid=0', '--clear-groups'),
                      (f'--rgid={user.pw_gid}', '--egid=0', '--clear-groups')):
            for program, rc in ((HUSK, 125), (BWRAP, 1)):
                self.refused(program, lambda argv, w=words: ['setpriv', *w, *argv], rc)


class Installed(RootProbeCase):
    def test_no_privilege_in_what_is_built(self):
        build = os.environ.get('HUSK_BUILD', os.path.dirname(HUSK))
        programs = [os.path.join(build, name) for name in os.listdir(build)
                    if os.path.isfile(os.path.join(build, name))]
        for program in (HUSK, BWRAP, *programs):
            self.assertFalse(os.stat(program).st_mode & (stat.S_ISUID | stat.S_ISGID), program)
            self.assertNotIn('security.capability', os.listxattr(program), program)


if __name__ == '__main__':
    main(root=True)
