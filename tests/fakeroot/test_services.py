#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that become a user and insist on it, as fake root that remembers."""

import glob

from tree import HUSK, Case, main

TOOLS = glob.glob('/usr/lib/postgresql/*/bin')


class Database(Case):
    """PostgreSQL, which does not run as root, nor on files of somebody else's."""

    def test_initdb(self):
        """By su, in a directory of its own; the server looks whose that is, and answers."""
        self.assertTrue(TOOLS, 'no PostgreSQL: tools/setup fakeroot')
        with open('/etc/passwd', encoding='utf-8') as f:
            shadow = self.write('shadow', ''.join(
                line.partition(':')[0] + ':*:1::::::\n' for line in f))
        where = self.mkdir('work')
        r = self.run_cmd(
            [HUSK, '--fake-root-consistent', '--dev-bind', '/', '/', '--ro-bind', shadow,
             '/etc/shadow', '--chdir', where, '--', 'sh', '-ec',
             f'''mkdir pg; chown postgres:postgres pg; chmod 700 pg; cd /
             su postgres -c "{TOOLS[-1]}/initdb -N -D {where}/pg" >&2
             su postgres -c "mkdir {where}/pg/more"
             stat -c "%U %a" {where}/pg {where}/pg/base {where}/pg/more
             su postgres -c "echo 'select 6 * 7' | {TOOLS[-1]}/postgres --single -D {where}/pg \\
                 postgres" | grep -c '= "42"' '''], timeout=600)
        self.assertEqual((r.rc, r.out), (0, 'postgres 700\npostgres 700\npostgres 755\n1\n'), r)

    def test_root_is_refused(self):
        r = self.run_cmd([HUSK, '--fake-root-consistent', '--', TOOLS[-1] + '/initdb', '-D',
                          self.path('pg')])
        self.assertFails(r, 1, 'cannot be run as root')


main()
