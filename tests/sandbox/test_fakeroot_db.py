#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--fake-root-db: what is pretended of files is found again, after a crash as well."""

import os
import random
import signal
import struct
import subprocess

from probe import HUSK, Case, main, wait_until
from harness import descendants, name_of

ON = ('--fake-root-consistent', '--fake-root-db')

# Says of every file whose owner has been seen that it is so.
WRITER = '''
import itertools, os
for i in itertools.count(1):
    name = f'f{i % 40}'
    open(name, 'w').close()
    os.chown(name, i, i)
    os.setxattr(name, 'trusted.i', str(i).encode())
    st = os.stat(name)
    assert st.st_uid == st.st_gid == i
    print(i, flush=True)
'''


class DatabaseCase(Case):
    """Scripts that run as root in a directory of the host's, beside a database."""

    def setUp(self):
        super().setUp()
        self.need_same_width()
        self.db = self.path('db')
        self.work = self.path('work')
        os.makedirs(self.work)

    def script(self, text, *options, db=None):
        """Run a shell script."""
        return self.husk(*ON, db or self.db, *options, '--chdir', self.work, '--',
                         'sh', '-ec', text)

    def shows(self, text, out):
        """It prints this, and no error."""
        self.assertRuns(self.script(text), out)

    def supervisor(self, pid):
        """Of a husk, once it is there."""
        found = wait_until(lambda: [child for child in descendants(pid)
                                    if name_of(child) == 'husk-fake-root'])
        return found[0]


class Kept(DatabaseCase):
    """What the next sandbox shows."""

    def test_owners_devices_attributes(self):
        self.shows('touch f; chown 33:44 f; mknod n c 1 3; setfattr -n trusted.a -v "x y" f', '')
        self.shows('stat -c %u:%g f; stat -c %F n; getfattr --only-values -n trusted.a f',
                   '33:44\ncharacter special file\nx y')
        self.shows('chown 0:0 f; rm n; touch n; setfattr -x trusted.a f', '')
        self.shows('stat -c %u:%g f n; getfattr f; stat -c %F n',
                   '0:0\n0:0\nregular empty file\n')

    def test_first_thing(self):
        """A record that is the first of its database, of a file that no call has named before."""
        self.shows('touch f', '')
        for uid in (5, 6):
            self.assertRuns(self.husk(*ON, self.db, '--', '/usr/bin/python3', '-c',
                                      f'import os; f = os.open({self.work!r} + "/f", 0);'
                                      f'os.fchown(f, {uid}, 0)'))
            self.shows('stat -c %u f', f'{uid}\n')

    def test_name_that_is_relative(self):
        r = self.husk(*ON, 'here', '--', 'true', cwd=self.work)
        self.assertRuns(r)
        self.assertTrue(os.path.isfile(self.path('work/here')))

    def test_names_that_sqlite_reads_otherwise(self):
        for name in (':memory:', 'file:x?mode=memory', '-x'):
            self.assertRuns(self.husk(*ON, name, '--', 'true', cwd=self.work))
            self.assertTrue(os.path.isfile(os.path.join(self.work, name)))

    def test_its_owners_only(self):
        self.shows('umask 0', '')
        self.assertEqual([os.stat(self.path(n)).st_mode & 0o777 for n in ('db', 'db-wal')],
                         [0o600] * 2)

    def test_ids_are_not_kept(self):
        self.shows('setpriv --reuid 33 --clear-groups id -u; id -u', '33\n0\n')
        self.shows('id -u', '0\n')

    def test_explained(self):
        r = self.husk(*ON, self.db, '--explain', '--', 'true')
        self.assertRuns(r)
        self.assertIn(f'kept in {self.db}', r.out)
        self.assertFalse(os.path.exists(self.db))


class Planted(DatabaseCase):
    """What a sandbox can do that writes where the database is."""

    def test_journal_that_names_a_file(self):
        """SQLite would delete what a journal of the older kind calls its superior."""
        self.shows('touch f; chown 5 f', '')
        victim, magic = self.write('precious', 'text'), bytes.fromhex('d9d505f920a163d7')
        name, page = victim.encode(), 4096
        head = magic + struct.pack('>IIIII', 0, 1, os.path.getsize(self.db) // page, 512, page)
        tail = struct.pack('>I', (1 << 30) // page + 1) + name
        tail += struct.pack('>II', len(name), sum(name)) + magic
        journal = self.write('db-journal', '')
        with open(journal, 'wb') as f:
            f.write(head.ljust(512, b'\0') + tail)
        self.shows('stat -c %u f', '5\n')
        self.assertTrue(os.path.exists(victim))
        self.assertTrue(os.path.exists(journal))

    def test_link(self):
        os.symlink(self.path('elsewhere'), self.db)
        self.assertFails(self.script('true'), 125, 'is a symbolic link')
        self.assertFalse(os.path.exists(self.path('elsewhere')))

    def test_link_for_the_log(self):
        self.shows('true', '')
        victim = self.write('precious', 'text')
        os.unlink(self.db + '-wal')
        os.symlink(victim, self.db + '-wal')
        self.assertFails(self.script('true'), 125, 'Cannot use the database')
        with open(victim, encoding='ascii') as f:
            self.assertEqual(f.read(), 'text')

    def test_log_of_no_database(self):
        """A log beside an empty file is part of nothing."""
        self.write('db-wal', 'x' * 5000)
        self.shows('touch f; chown 5 f; stat -c %u f', '5\n')
        self.shows('stat -c %u f', '5\n')


class Refused(DatabaseCase):
    """Files that are none to use."""

    def refused(self, name, text):
        """The launch fails and says so."""
        r = self.script('echo ran', db=self.path(name))
        self.assertFails(r, 125, text)
        self.assertNotIn('ran', r.out)

    def test_in_use(self):
        p = self.spawn([HUSK, *ON, self.db, '--', 'sh', '-c', 'echo; exec sleep 60'],
                       stdout=subprocess.PIPE)
        p.stdout.readline()
        self.refused('db', 'is in use')
        p.kill()
        p.wait()
        self.assertTrue(wait_until(lambda: self.script('true').rc == 0))

    def test_of_another_kind(self):
        self.write('db', 'some text\n' * 100)
        self.refused('db', 'is no database of --fake-root-db')
        self.mkdir('dir')
        self.refused('dir', 'Cannot open the database')
        os.mkfifo(self.path('fifo'))
        self.refused('fifo', 'is not a regular file')

    def test_missing_directory(self):
        self.refused('none/db', 'its directory must exist')

    def test_damaged(self):
        self.shows('for i in 1 2 3 4 5; do touch f$i; chown $i f$i; done', '')
        with open(self.db, 'r+b') as f:
            f.seek(4096 + 5)
            f.write(b'\xff' * 3000)
        self.refused('db', 'is damaged')

    def test_options(self):
        self.assertFails(self.husk('--fake-root-db', self.db, '--', 'true'), 125,
                         '--fake-root-db requires --fake-root-consistent')
        self.assertFails(self.husk('--fake-root', '--fake-root-db', self.db, '--', 'true'), 125,
                         '--fake-root-db requires --fake-root-consistent')
        self.assertFails(self.husk(*ON, '', '--', 'true'), 125, 'path is empty')
        self.assertFails(self.husk(*ON, self.db, '--rlimit', 'locks=5', '--', 'true'), 125,
                         '--rlimit locks is not compatible with --fake-root-consistent')
        self.assertFalse(os.path.exists(self.db))


class Crashes(DatabaseCase):
    """What the sandbox has seen is there, whatever ends the supervisor."""

    def crash(self, after, whom):
        """Kill somebody after so many lines; return the last owner that each file was seen with."""
        seen = {}
        p = self.spawn([HUSK, *ON, self.db, '--chdir', self.work, '--', '/usr/bin/python3', '-c',
                        WRITER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for number, line in enumerate(p.stdout):
            seen[int(line) % 40] = int(line)
            if number == after:
                os.kill(whom(p), signal.SIGKILL)
        p.wait()
        # as long as it lives the database is in use
        self.assertTrue(wait_until(lambda: not descendants(os.getpid())))
        return seen

    def found(self):
        """The owner and the attribute that each file has."""
        r = self.husk(*ON, self.db, '--chdir', self.work, '--', '/usr/bin/python3', '-c', '''
import os
for f in os.listdir():
    # the last one may have none yet
    value = os.getxattr(f, 'trusted.i').decode() if os.listxattr(f) else 0
    print(f[1:], os.stat(f).st_uid, value)''')
        self.assertRuns(r)
        return {int(f): (int(uid), int(value))
                for f, uid, value in (line.split() for line in r.out.splitlines())}

    def survives(self, whom):
        """Nothing seen is lost, of crashes at many points."""
        choose = random.Random(0)
        for after in [0, 1, 2] + [choose.randrange(3, 90) for _ in range(4)]:
            seen, found = self.crash(after, whom), self.found()
            lost = {f: (i, found.get(f)) for f, i in seen.items()
                    if not (f in found and found[f][0] >= i and found[f][1] >= i)}
            self.assertEqual(lost, {}, f'killed after {after} lines')

    def test_supervisor(self):
        self.survives(lambda p: self.supervisor(p.pid))

    def test_launcher(self):
        self.survives(lambda p: p.pid)


main()
