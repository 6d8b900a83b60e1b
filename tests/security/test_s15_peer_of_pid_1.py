#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is inside traces, reads or robs husk's own first process, or finds the one that watches it.

Before the command is executed, while it is and after it has ended, with no capability and with all.
From outside, the namespaces stay open to their owner.
"""

import json
import os
import subprocess

from rows import BWRAP, HUSK, SMALL, ProbeCase, main

BROKEN = {
    # the variable that takes guards out is scrubbed as well
    'init-closed,scrubbed': ['Closed.test_with_every_capability',
                             'Moments.test_with_capabilities'],
    'init-keeps-capabilities,scrubbed': 'Moments.test_without_capabilities',
}
DENIED = ('EPERM', 'EACCES')

# A peer tries process 1 again and again from before its parent's executions to after its end, and
# says how often it got in, and how many processes it has met. The parent executes itself N times.
PEER = r'''
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int hits, tries;

static void note(long result, const char *how)
{
	tries++;
	if (result < 0)
		return;
	hits++;
	printf("%s ", how);
}

static void attack(void)
{
	static const char *const files[] = { "mem", "environ", "fd/0", "fd/3", "cwd", "root",
					     "exe", "maps", "auxv", "ns/mnt", "map_files" };
	static char here[64];
	struct iovec local = { here, sizeof here }, remote = { here, sizeof here };
	char path[64], text[64];
	int fd, i, pidfd = (int)syscall(SYS_pidfd_open, 1, 0);

	note(ptrace(PTRACE_SEIZE, 1, NULL, NULL), "seize");
	note(ptrace(PTRACE_ATTACH, 1, NULL, NULL), "attach");
	note(syscall(SYS_process_vm_readv, 1, &local, 1, &remote, 1, 0), "readv");
	note(syscall(SYS_process_vm_writev, 1, &local, 1, &remote, 1, 0), "writev");
	for (i = 0; i < 12; i++)
		note(syscall(SYS_pidfd_getfd, pidfd, i, 0), "getfd");
	for (i = 0; i < (int)(sizeof files / sizeof *files); i++) {
		sprintf(path, "/proc/1/%s", files[i]);
		fd = open(path, O_RDONLY);
		/* some may be opened and tell nothing */
		note(fd < 0 ? -1 : read(fd, text, sizeof text) > 0 ? 0 : -1, files[i]);
		close(fd);
		note(readlink(path, text, sizeof text), files[i]);
	}
	close(pidfd);
}

int main(int argc, char **argv)
{
	int left = atoi(argv[1]), ended = 0, pid, met = 0;
	char number[16];
	time_t end = time(NULL) + 30;

	if (argc == 2) {
		if (fork() == 0) {
			while (ended < 50 && time(NULL) < end) {
				attack();
				ended += getppid() == 1;
			}
			for (pid = 3; pid < 5000; pid++)
				met += pid != getpid() && syscall(SYS_pidfd_open, pid, 0) >= 0;
			printf("hits %d met %d enough %d\n", hits, met, tries > 1000);
			return 0;
		}
		argv[2] = "again";
	}
	attack();
	if (hits)
		printf("hits %d in the command\n", hits);
	fflush(stdout);
	if (left == 0)
		return 0;
	sprintf(number, "%d", left - 1);
	execl("/proc/self/exe", argv[0], number, "again", NULL);
	return 1;
}
'''


class Closed(ProbeCase):
    """Pid 1 of the sandbox is husk's: the command can neither look into it nor steer it."""

    def closed(self, *more, program=HUSK):
        self.check([*SMALL, *more], ('readlink /proc/self/exe', self.prober()),
                   ('ptrace 1', DENIED), ('readv 1', 'EPERM'),
                   ('getfd 1 0', 'EPERM'), ('getfd 1 3', 'EPERM'),
                   ('open /proc/1/mem u', 'EACCES'), ('open /proc/1/mem r', 'EACCES'),
                   ('read /proc/1/environ', 'EACCES'), ('open /proc/1/fd/0', ('EACCES', 'ENOENT')),
                   ('readlink /proc/1/exe', 'EACCES'), ('readlink /proc/1/cwd', 'EACCES'),
                   ('readlink /proc/1/root', 'EACCES'), ('open /proc/1/root d', 'EACCES'),
                   ('open /proc/1/exe w', 'EACCES'),
                   ('readlink /proc/1/fd/3', ('EACCES', 'ENOENT')), program=program)

    def test_with_every_capability(self):
        self.closed()

    def test_with_every_capability_as_an_ordinary_id(self):
        self.closed('--uid', '1000')

    def test_without_capabilities(self):
        self.closed('--cap-drop', 'ALL')

    def test_without_capabilities_as_the_current_user(self):
        self.closed('--map-current-user', '--cap-drop', 'ALL')

    def test_as_bwrap(self):
        self.closed(program=BWRAP)

    def test_as_bwrap_with_capabilities(self):
        self.closed('--cap-add', 'ALL', program=BWRAP)

    def test_with_some_capabilities(self):
        self.closed('--cap-drop', 'ALL', '--cap-add', 'sys_ptrace')

    def test_with_a_proc_of_its_own(self):
        self.check(SMALL, ('mount proc /mnt', 'ok'), ('open /mnt/1/mem', 'EACCES'),
                   ('read /mnt/1/environ', 'EACCES'), ('open /mnt/1/root d', 'EACCES'))

    def test_in_a_user_namespace_below(self):
        """Where the command has capabilities of its own making."""
        for more in ((), ('--cap-drop', 'ALL')):
            self.check([*SMALL, *more], ('unshare user,mnt', 'ok'), ('ptrace 1', DENIED),
                       ('readv 1', 'EPERM'), ('getfd 1 0', 'EPERM'),
                       ('open /proc/1/mem', 'EACCES'), ('setns /proc/1/ns/user', DENIED))

    def test_it_cannot_be_killed(self):
        """A pid 1 without handler ignores even SIGKILL from inside."""
        self.check(SMALL, ('kill 1 9', ('ok', 'EPERM')), ('kill 1 19', ('ok', 'EPERM')),
                   ('list /proc/1/task', '1 '))

    def test_who_watches_it_is_not_visible(self):
        pids = self.probe(SMALL, 'list /proc')[0].split()
        self.assertEqual(sorted(int(p) for p in pids if p.isdigit()), [1, 2])


class Moments(ProbeCase):
    """A peer that tries all the time."""

    def attack(self, program, *args):
        r = self.run_cmd([program, *SMALL, *args, '--', self.inside_c(PEER, 'peer'), '200'])
        self.assertRuns(r, 'hits 0 met 0 enough 1\n')

    def test_with_capabilities(self):
        self.attack(HUSK, '--wait-all')

    def test_without_capabilities(self):
        self.attack(HUSK, '--wait-all', '--cap-drop', 'ALL')

    def test_as_bwrap(self):
        """Whose init waits for all by itself."""
        for more in ((), ('--cap-add', 'ALL')):
            r = self.bwrap(*SMALL, *more, '--', 'sh', '-c',
                           f'{self.inside_c(PEER, "peer")} 200 & wait; sleep 0.1')
            self.assertNotRegex(r.out, 'hits [1-9]')

    def test_from_the_first_instruction_on(self):
        for more in ((), ('--cap-drop', 'ALL')):
            for _ in range(20):
                self.check([*SMALL, *more], *((f'{call}', DENIED) for call in (
                    'ptrace 1', 'readv 1', 'getfd 1 0', 'open /proc/1/mem u') * 3))


class Outside(ProbeCase):
    """The owner's tools go in, as they need to."""

    def test_nsenter_by_the_command(self):
        p = self.spawn([HUSK, *SMALL, '--', 'sh', '-c', 'echo ready; exec sleep 30'])
        p.stdout.readline()
        pid = self.descendants(p.pid)[-1]
        r = self.run_cmd(['nsenter', '-t', str(pid), '-U', '-m', '-p', '-u',
                          '--preserve-credentials', 'sh', '-c', 'echo inside'])
        self.assertRuns(r, 'inside\n')

    def test_nsenter_by_the_first_process_of_bwrap(self):
        """Front ends look namespaces up by the child-pid of --info-fd, at any time."""
        read, write = self.pipe()
        p = self.spawn([BWRAP, *SMALL, '--info-fd', write, 'sh', '-c', 'echo ready; sleep 30'],
                       pass_fds=[write])
        self.assertEqual(p.stdout.readline(), b'ready\n')
        pid = json.loads(os.read(read, 4096))['child-pid']
        r = self.run_cmd(['nsenter', '-t', str(pid), '-U', '-m', '-p', '-n',
                          '--preserve-credentials', 'sh', '-c', 'echo inside'])
        self.assertRuns(r, 'inside\n')

    def test_newuidmap(self):
        """The helper writes the maps of a sandbox that waits for it."""
        self.need('newuidmap', 'newgidmap')
        for program in (HUSK, BWRAP):
            info, info_w = self.pipe()
            block, go = self.pipe()
            p = self.spawn([program, '--unshare-user', *SMALL, '--info-fd', info_w,
                            '--userns-block-fd', block, '--', 'cat', '/proc/self/uid_map'],
                           pass_fds=[info_w, block])
            self.close(info_w)
            pid = str(json.loads(os.read(info, 4096))['child-pid'])
            for tool, own in (('newuidmap', os.getuid()), ('newgidmap', os.getgid())):
                r = subprocess.run([tool, pid, '0', str(own), '1'], capture_output=True,
                                   text=True, check=False)
                self.assertEqual(r.returncode, 0, r.stderr)
            os.write(go, b'x')
            out, err = p.communicate(timeout=20)
            self.assertEqual(out.split()[0], b'0', err)


if __name__ == '__main__':
    main()
