#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sandboxes within sandboxes, and within places where the kernel allows no fresh /proc."""

import json
import os

from probe import BWRAP, HOST, HUSK, ORACLE, SMALL, ProbeCase, main

DEPTH = 5


class Nesting(ProbeCase):
    # prints the user id, and how many processes /proc shows
    LOOK = ['sh', '-c', 'id -u; ls -d /proc/[0-9]* | wc -l']

    def nested(self, *programs, args=()):
        words = [word for program in programs for word in (program, *args, '--')]
        r = self.run_cmd([*words, *self.LOOK], timeout=60)
        self.assertRuns(r)
        self.assertEqual(r.err, '', r)
        return [int(line) for line in r.out.split()]

    def test_husk_in_husk(self):
        uid, processes = self.nested(*[HUSK] * DEPTH, args=SMALL)
        self.assertEqual(uid, 0)
        self.assertLessEqual(processes, 5)

    def test_as_fake_root(self):
        r = self.run_cmd([HUSK] * DEPTH + ['id', '-u'])
        self.assertEqual((r.rc, r.out, r.err), (0, '0\n', ''), r)

    def test_with_a_fresh_proc_only(self):
        uid, processes = self.nested(*[HUSK] * DEPTH, args=['--unshare-pid'])
        self.assertEqual(uid, 0)
        self.assertLessEqual(processes, 5)

    def test_as_bwrap(self):
        uid, processes = self.nested(*[BWRAP] * DEPTH, args=SMALL)
        self.assertEqual(uid, os.getuid())
        self.assertLessEqual(processes, 5)

    def test_among_debians_bwrap(self):
        self.need(ORACLE)
        for programs in ((ORACLE, HUSK), (HUSK, ORACLE), (ORACLE, BWRAP), (BWRAP, ORACLE),
                         (HUSK, ORACLE, BWRAP, ORACLE, HUSK)):
            with self.subTest(programs=programs):
                self.assertLessEqual(self.nested(*programs, args=SMALL)[1], 5)

    def test_walls_of_each_hold(self):
        """Root of the innermost can undo nothing of the others."""
        words = [w for _ in range(DEPTH) for w in (HUSK, *SMALL, '--')]
        r = self.run_cmd([*words, 'sh', '-c', 'mount -o remount,bind,rw / 2>/dev/null; '
                          'umount -l /dev 2>/dev/null; touch /tmp/x 2>/dev/null; '
                          'test -c /dev/null && grep -c " / ro," /proc/self/mountinfo'],
                         timeout=60)
        self.assertRuns(r, '1\n')


class MaskedProc(ProbeCase):
    """A host like a container: something is mounted over a part of /proc."""

    MASK = 'mount -t tmpfs mask /proc/fs'

    def masked(self, *argv, setup=MASK, **kw):
        return self.run_cmd(['unshare', '-Urm', 'sh', '-ec', f'{setup}\nexec "$@"', 'sh', *argv],
                            **kw)

    def shown(self, *args, command, setup=MASK):
        """What --proc-try came to, by the status; and what the command printed."""
        status = self.open(self.write('status'), os.O_RDWR)
        r = self.masked(HUSK, '--status-fd', str(status), *args, '--', *command, setup=setup,
                        pass_fds=[status])
        self.assertRuns(r)
        os.lseek(status, 0, os.SEEK_SET)
        lines = [json.loads(line) for line in os.read(status, 100000).decode().splitlines()]
        self.close(status)
        return [(line['dest'], line['shown']) for line in lines if line['event'] == 'proc'], r.out

    def test_a_fresh_one_is_refused(self):
        for args in (SMALL, (*SMALL, '--cap-drop', 'ALL'), ['--unshare-pid']):
            r = self.masked(HUSK, *args, 'true')
            self.assertFails(r, 125, "Can't mount proc on /proc: Operation not permitted: "
                                     'something is mounted on /proc/fs')
            self.assertIn('hint: --proc-try', r.err)

    def test_every_cover_counts(self):
        r = self.masked(HUSK, *SMALL, 'true',
                        setup=f'{self.MASK}; mount --bind /dev/null /proc/uptime; '
                              'mount --bind /dev/null /proc/version')
        self.assertFails(r, 125, 'something is mounted on /proc/fs and on 2 other parts of /proc')

    def test_one_more_cover(self):
        r = self.masked(HUSK, *SMALL, 'true',
                        setup=f'{self.MASK}; mount --bind /dev/null /proc/uptime')
        self.assertFails(r, 125, 'something is mounted on /proc/fs and on 1 other part of /proc\n')

    def test_a_read_only_one(self):
        r = self.masked(HUSK, *SMALL, 'true', setup='mount -o remount,bind,ro /proc')
        self.assertFails(r, 125, 'setting up uid map: Read-only file system')
        self.assertIn('hint: mount /proc read-write', r.err)

    def test_bwrap_says_what_bubblewrap_does(self):
        r = self.masked(BWRAP, *SMALL, 'true')
        self.assertEqual((r.rc, r.err),
                         (1, "bwrap: Can't mount proc on /proc: Operation not permitted\n"), r)

    def test_bwrap_has_no_try(self):
        self.assertFails(self.bwrap('--proc-try', '/proc', 'true'), 1, 'Unknown option')

    def test_try_is_empty(self):
        """Nothing is in it, nothing can be made in it; with two levels nothing can be undone."""
        look = ['sh', '-c', 'ls -A /proc; mkdir /proc/x 2>&1 | grep -o "Read-only.*"']
        try_it = (*SMALL[:-2], '--proc-try', '/proc')
        for args in (try_it, (*try_it, '--cap-drop', 'ALL')):
            self.assertEqual(self.shown(*args, command=look),
                             ([('/proc', 'empty')], 'Read-only file system\n'))
        _, out = self.shown(*try_it, command=[
            'sh', '-c', 'umount /proc 2>/dev/null; umount -l /proc 2>/dev/null; '
            'mount -o remount,bind,rw /proc 2>/dev/null; mount -t proc p /proc 2>/dev/null; '
            'mkdir /proc/x 2>/dev/null; ls -A /proc; echo end'])
        self.assertEqual(out, 'end\n')

    def test_flags_of_an_empty_one(self):
        for args in ([], ['--cap-drop', 'ALL']):
            shown, _ = self.shown(*SMALL[:-2], '--mount-flags', 'nosymfollow', '--proc-try',
                                  '/proc', *args, command=['true'])
            self.assertEqual(shown, [('/proc', 'empty')])

    def test_try_is_fresh_where_it_can_be(self):
        shown, out = self.shown(*SMALL[:-2], '--proc-try', '/proc', setup=':', command=[
            'sh', '-c', 'ls -d /proc/[0-9]* | wc -l'])
        self.assertEqual(shown, [('/proc', 'fresh')])
        self.assertLessEqual(int(out), 5)

    def test_try_is_the_hosts_with_its_processes(self):
        shown, out = self.shown(*HOST, '--proc-try', '/proc', command=[
            'sh', '-c', f'test -e /proc/{os.getpid()}/stat && echo host; ls -A /proc/fs'])
        self.assertEqual((shown, out), ([('/proc', 'host')], 'host\n'))

    def test_try_twice(self):
        shown, _ = self.shown(*SMALL[:-2], '--proc-try', '/proc', '--proc-try', '/mnt',
                              command=['true'])
        self.assertEqual(shown, [('/proc', 'empty'), ('/mnt', 'empty')])

    def test_below_an_empty_one(self):
        """What is to be mounted there is an error, not left out."""
        r = self.masked(HUSK, *SMALL[:-2], '--proc-try', '/proc', '--ro-bind', '/etc', '/proc/fs',
                        'true')
        self.assertFails(r, 125, '/proc/fs')

    def test_other_failures_of_try_are_failures(self):
        r = self.masked(HUSK, *SMALL, '--proc-try', '/no/such/place', 'true')
        self.assertFails(r, 125, '/no/such/place')

    def test_in_a_sandbox_without_proc(self):
        """A sandbox that shows only an empty directory: husk needs more than that."""
        r = self.masked(HUSK, *SMALL[:-2], '--proc-try', '/proc', HUSK, 'true')
        self.assertFails(r, 125, '/proc is not a proc file system')


if __name__ == '__main__':
    main()
