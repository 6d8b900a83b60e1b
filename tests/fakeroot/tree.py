# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trees of Debian for the tests of fake root: made by debootstrap in husk, looked into, compared.

What is downloaded comes from the mirror that apt is configured for, and is kept below
~/.cache/husk-debs, so that only the first run is slow.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from harness import HUSK, Case, main  # noqa: E402, F401

SUITE = 'bookworm'


def mirror():
    """Where apt has SUITE from."""
    text = subprocess.run(['apt-get', 'indextargets', '--format', '$(SITE) $(CODENAME)',
                           'Created-By: Packages'], capture_output=True, text=True, check=True)
    sites = [line.split()[0] for line in text.stdout.splitlines()
             if line.split()[1:] == [SUITE]]
    return sites[0] if sites else 'http://deb.debian.org/debian'


def cache():
    """The directory of packages that were downloaded before, as they are named in a pool."""
    path = os.path.expanduser('~/.cache/husk-debs')
    os.makedirs(path, exist_ok=True)
    return path


class TreeCase(Case):
    """A test that makes a tree of Debian, which takes minutes."""

    time_limit = 40 * 60

    def run_long(self, argv, **kw):
        """Run a command that may take as long as the whole test."""
        kw.setdefault('timeout', self.time_limit)
        return self.run_cmd(argv, **kw)

    def debootstrap(self, options, env=None, tree=None):
        """Make a tree by debootstrap as root of husk with these options; return its path.

        A word {tree} in the options stands for its path. The variables of env are added.
        """
        tree = tree or self.path('tree')
        os.makedirs(os.path.join(tree, 'dev'), exist_ok=True)
        words = [word.replace('{tree}', tree) for word in options]
        self.assertRuns(self.run_long(
            [HUSK, *words, '--', 'debootstrap', '--variant=minbase', f'--cache-dir={cache()}',
             SUITE, tree, mirror()], env={**os.environ, **(env or {})}))
        return tree

    def enter(self, tree, options, *command, archives=None, **kw):
        """Run a command as root in the tree, made by husk with these options.

        Where other ids are real apt gives its archives to one: archives are then the options that
        mount them.
        """
        archives = archives or ('--bind', cache(), '/var/cache/apt/archives')
        return self.run_long([HUSK, *options, '--bind', tree, '/', '--proc', '/proc', '--dev',
                              '/dev', '--perms', '1777', '--tmpfs', '/tmp', '--tmpfs', '/run',
                              '--ro-bind', '/etc/resolv.conf', '/etc/resolv.conf', *archives,
                              '--setenv', 'DEBIAN_FRONTEND', 'noninteractive', '--', *command],
                             **kw)
