#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Profiles of AppArmor that deny user namespaces, or what is done in them: husk names the cause.

Runs in the guest apparmor of tools/check-kernel, as root, to load profiles; husk runs as the user.
"""

import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import HUSK, RootCase, main  # noqa: E402

USR = ('--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib',
       '--symlink', 'usr/lib64', '/lib64')
# everything that husk does, but for the rules that a test adds
REST = 'file, signal, ptrace, unix, network, dbus, mqueue, change_profile,'
NAME = 'confined-husk'


class AppArmor(RootCase):
    def load(self, rules):
        """Load a profile that a program enters by name."""
        path = self.write('profile', f'abi <kernel>,\nprofile {NAME} flags=(attach_disconnected) '
                                     f'{{\n{REST}\n{rules}\n}}\n')
        self.assertRuns(self.run_cmd(['apparmor_parser', '-r', '-K', path]))
        self.addCleanup(self.run_cmd, ['apparmor_parser', '-R', '-K', path])

    def confined(self, *argv):
        """Run as the user under the profile."""
        return self.run_cmd(self.as_user(['aa-exec', '-p', NAME, '--', *argv]))

    def test_profile_that_allows(self):
        """Without this, the others would prove nothing."""
        self.load('capability, mount, umount, remount, pivot_root, userns,')
        r = self.confined(HUSK, *USR, 'cat', '/proc/self/attr/apparmor/current')
        self.assertFails(r)     # there is no /proc in it
        r = self.confined(HUSK, *USR, '--unshare-pid', '--proc', '/proc',
                          'cat', '/proc/self/attr/apparmor/current')
        self.assertRuns(r)
        self.assertIn(NAME, r.out)

    def test_user_namespaces_are_denied(self):
        self.load('capability, mount, umount, remount, pivot_root, audit deny userns,')
        for args in ((), USR, ('--unshare-pid', *USR)):
            with self.subTest(args=args):
                r = self.confined(HUSK, *args, 'true')
                self.assertFails(r, 125, 'AppArmor')
                self.assertIn(NAME, r.err, r)
                self.assertIn('hint', r.err, r)

    def test_mounts_are_denied(self):
        """A user namespace is allowed, what is for it is not."""
        self.load('capability, umount, remount, pivot_root, userns,')
        r = self.confined(HUSK, *USR, 'true')
        self.assertFails(r, 125, 'AppArmor')
        self.assertIn(NAME, r.err, r)

    def test_capabilities_are_denied(self):
        self.load('mount, umount, remount, pivot_root, userns,')
        r = self.confined(HUSK, *USR, 'true')
        self.assertFails(r, 125, 'AppArmor')
        self.assertIn(NAME, r.err, r)

    def test_unconfined(self):
        self.assertRuns(self.run_cmd(self.as_user([HUSK, *USR, 'true'])))


if __name__ == '__main__':
    main(root=True)
