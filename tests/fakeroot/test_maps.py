#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fake root with subordinate ids: what Debian's tools make of it."""

from tree import SUITE, TreeCase, main, mirror


class Maps(TreeCase):
    def test_mmdebstrap_for_comparison(self):
        """The same without husk: the mirror can be reached, and newuidmap works."""
        self.assertRuns(self.run_long(['mmdebstrap', '--mode=unshare', '--variant=extract',
                                       '--include=base-files', SUITE, self.path('x.tar'),
                                       mirror()]))


if __name__ == '__main__':
    main()
