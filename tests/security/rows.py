# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the classes of escape share: they look from inside, and watch the host."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'sandbox'))
sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
from harness import USER  # noqa: E402,F401
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


# lets two names change places until it is killed, and counts into the file it is given
EXCHANGE = r'''
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	volatile long *count = mmap(NULL, 8, PROT_WRITE, MAP_SHARED, open(argv[3], O_RDWR), 0);

	while (syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0) {
		++*count;
		if (getppid() == 1)
			break;
	}
	perror(argv[1]);
	return 1;
}
'''


class Race:
    """Mixed into a test case: an attacker that swaps two names while husk is launched."""

    def launches(self, one, other, exchanges, least=100):
        """Let two names change places as fast as the machine can; yield the numbers of launches.

        Ends when they have done so often enough, and after so many launches at least.
        """
        counter = self.write('exchanges', bytes(8))
        p = self.spawn([self.inside_c(EXCHANGE, 'exchange'), one, other, counter])
        count = launch = 0
        while count < exchanges or launch < least:
            yield launch
            launch += 1
            with open(counter, 'rb') as f:
                count = int.from_bytes(f.read(8), 'little')
            self.assertIsNone(p.poll(), f'the attacker ended after {count} exchanges')
        p.kill()
        p.wait()
