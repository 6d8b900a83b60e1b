# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the classes of escape share: they look from inside, and watch the host."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'sandbox'))
from probe import (  # noqa: E402,F401
    BWRAP, HOST, HUSK, ORACLE, PROC, PYTHON, SMALL, USR, Case, ProbeCase, RootProbeCase, all_caps,
    main, mounts, tree, wait_until)


def stamps(top):
    """Every name below top with its inode and the times of its last change, to the nanosecond.

    Whatever is made and removed again leaves its trace in the times of a directory.
    """
    found = {}
    for where, dirs, files in os.walk(top):
        for name in [*dirs, *files, '.']:
            st = os.lstat(os.path.join(where, name))
            found[os.path.join(where, name)] = (st.st_ino, st.st_mode, st.st_size, st.st_nlink,
                                                st.st_mtime_ns, st.st_ctime_ns)
    return found
