#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--explain and --explain-json: the checked plan, and nothing done."""

import json
import os
import re

from probe import HOST, HUSK, SMALL, USR, ProbeCase, main


class Explain(ProbeCase):
    def sections(self, *args, command=('ls', '-l')):
        """The output as {heading: lines below it}."""
        r = self.husk('--explain', *args, '--', *command)
        self.assertEqual((r.rc, r.err), (0, ''), r)
        found, lines = {}, None
        for line in r.out.splitlines():
            if not line.startswith(' '):
                lines = found.setdefault(line.rstrip(':').split(',')[0], [])
            else:
                lines.append(line.strip())
        return found

    def test_every_part_is_there(self):
        self.assertEqual(list(self.sections(*SMALL)),
                         ['identity', 'namespaces', 'root', 'mounts and files', 'walls',
                          'lifetime', 'environment', 'command'])

    def test_identity(self):
        text = '\n'.join(self.sections(*HOST, '--uid', '77')['identity'])
        self.assertIn(f'uid 77 is {os.getuid()} outside', text)
        self.assertIn(f'gid 0 is {os.getgid()} outside', text)
        self.assertIn('two user namespaces', text)

    def test_one_level_is_told(self):
        for args in ((), (*HOST, '--cap-drop', 'ALL')):
            self.assertIn('one user namespace', '\n'.join(self.sections(*args)['identity']))

    def test_capabilities(self):
        for args, want in (((), 'all'), (('--cap-drop', 'ALL'), 'none'),
                           (('--cap-drop', 'ALL', '--cap-add', 'kill'), 'cap_kill')):
            self.assertIn(f'capabilities: {want}', self.sections(*args)['identity'])

    def test_namespaces(self):
        lines = self.sections(*HOST, '--unshare-net', '--unshare-uts', '--hostname', 'h')
        new, old = lines['namespaces'][:2]
        self.assertEqual(set(new.split()[1:]), {'user', 'mnt', 'net', 'uts'})
        self.assertEqual(set(old.partition(':')[2].split()), {'pid', 'ipc', 'cgroup', 'time'})
        self.assertIn('host name: h', lines['namespaces'])

    def test_mounts_in_order_with_their_flags(self):
        lines = self.sections('--ro-bind', '/usr', '/usr', '--bind', '/tmp', '/tmp', '--dev-bind',
                              '/dev', '/dev', '--proc', '/proc', '--perms', '0700', '--size',
                              '4096', '--tmpfs', '/t', '--symlink', 'x', '/y', '--bind-try',
                              '/a', '/b', '--unshare-pid')['mounts and files']
        self.assertEqual([line.split()[0] for line in lines],
                         ['ro-bind', 'bind', 'dev-bind', 'proc', 'tmpfs', 'symlink', 'bind-try'])
        self.assertIn('ro,nosuid,nodev', lines[0])
        self.assertIn('rw,nosuid,nodev', lines[1])
        self.assertNotIn('nodev', lines[2])
        self.assertIn('noexec', lines[3])
        self.assertIn('0700', lines[4])
        self.assertIn('4096', lines[4])
        self.assertIn('x', lines[5].split())

    def test_nothing_to_mount(self):
        lines = self.sections()
        self.assertEqual(lines['mounts and files'], ['none'])
        self.assertIn("the host's tree as it is", lines['root'])

    def test_walls(self):
        fd = self.fd('')
        text = '\n'.join(self.sections(*SMALL, '--disable-userns')['walls'])
        for words in ('no_new_privs', 'setgroups', 'TIOCSTI', 'keyring', 'user namespaces'):
            self.assertIn(words, text)
        self.close(fd)
        text = '\n'.join(self.sections(*HOST)['walls'])
        self.assertIn('--unshare-pid', text)

    def test_environment_and_command(self):
        found = self.sections('--setenv', 'A', 'b', '--unsetenv', 'C', command=('ls', 'a b'))
        self.assertEqual(found['environment'], ['set A=b', 'unset C'])
        self.assertIn("ls $'a b'", found['command'][0])

    def test_odd_words_are_shown_without_harm(self):
        r = self.husk('--explain', '--bind', '/\x1b[2J\n', '/x', '--', 'ls')
        self.assertNotIn('\x1b', r.out)
        self.assertIn(r'\x1b[2J\x0a', r.out)

    def test_odd_names_of_files_are_shown_without_harm(self):
        r = self.husk('--explain', '--fake-root-consistent', '--fake-root-db', '/\x1b[2J', 'ls')
        self.assertNotIn('\x1b', r.out)
        self.assertIn(r"kept in $'/\x1b[2J'", r.out)

    def test_a_limit_past_what_is_signed(self):
        r = self.husk('--explain-json', '--rlimit', f'fsize={2 ** 64 - 2}', 'ls')
        self.assertEqual(json.loads(r.out)['limits']['rlimits'],
                         [{'name': 'fsize', 'soft': 2 ** 64 - 2, 'hard': 2 ** 64 - 2}])

    def test_a_bad_plan_is_refused(self):
        self.assertFails(self.husk('--explain', '--hostname', 'x', 'ls'), 125, '--unshare-uts')

    def test_nothing_is_done(self):
        """No process, no mount, no namespace, nothing opened for writing."""
        self.need('strace')
        log = self.path('log')
        r = self.run_cmd(['strace', '-f', '-qq', '-o', log, HUSK, '--explain', *SMALL, '--bind',
                          self.dir, self.dir, '--dir', self.path('new'), '--', 'ls'])
        self.assertEqual(r.rc, 0, r)
        with open(log, encoding='utf-8', errors='replace') as f:
            calls = [line.partition(' ')[2].strip() for line in f]
        acts = re.compile(r'(clone|clone3|fork|vfork|unshare|setns|mount|mount_setattr|move_mount|'
                          r'open_tree|fsopen|fsmount|pivot_root|chroot|umount2|mkdir|mkdirat|'
                          r'symlink|symlinkat|capset|seccomp|keyctl|sethostname|chdir|kill)\(')
        self.assertEqual([call for call in calls if acts.match(call)], [])
        self.assertEqual([call for call in calls if re.match(r'open', call)
                          and re.search('O_(WRONLY|RDWR|CREAT)', call)
                          and '/dev/' not in call], [])
        self.assertEqual(len([call for call in calls if call.startswith('execve(')]), 1)
        self.assertEqual(sorted(os.listdir(self.dir)), ['log'])

    def test_sources_need_not_exist(self):
        """A plan can be read on another machine than the one it is for."""
        self.sections('--ro-bind', '/no/such', '/x', *USR)


# what an operand may be, by the name that the table gives it; options may need others beside them
OPERANDS = {'BYTES': '4096', 'CAP': 'cap_kill', 'DEST': '/dest', 'DIR': '/dir', 'FD': None,
            'FILE': '/etc/os-release', 'FLAGS': 'noexec,ro', 'LIMIT': 'core=0',
            'NUMBER': '1000', 'SETTING': 'net.ipv4.ip_forward=1',
            'FAMILIES': 'inet', 'GID': '7', 'LABEL': 'a:b:c:s0',
            'MASK': '027', 'NAME': 'name', 'NAMES': 'open', 'POLICY': 'strict', 'OCTAL': '0123',
            'PATH': '/path',
            'PID': None,
            'RWSRC': '/rwsrc', 'SECONDS': '9', 'SRC': '/src', 'TARGET': 'target', 'UID': '7',
            'PORT': 'bind:80', 'RANGE': '1:100000:10',
            'VALUE': 'value', 'VAR': 'VAR', 'VERSION': '1',
            'WALLS': 'cgroup,seccomp', 'WORKDIR': '/workdir'}
BEFORE = {'--fake-root-db': ['--fake-root-consistent'],
          # the caller's own, for which nobody may mount a fresh /proc
          '--pidns': ['--bind', '/', '/'],
          '--pid-limit': ['--unshare-pid'], '--sysctl': ['--unshare-net'],
          '--sysfs': ['--unshare-net'], '--cgroupfs': ['--unshare-cgroup'],
          '--proc-subset': ['--unshare-pid'],
          '--boottime': ['--unshare-time'], '--monotonic': ['--unshare-time'],
          '--hostname': ['--unshare-uts'], '--join-without': ['--join-pid', 'PID'],
          '--as-pid-1': ['--unshare-pid'],
          '--cap-add': ['--cap-drop', 'ALL'], '--map-root-user': ['--map-current-user'],
          '--overlay': ['--overlay-src', '/a'], '--tmp-overlay': ['--overlay-src', '/a'],
          '--ro-overlay': ['--overlay-src', '/a', '--overlay-src', '/b'],
          '--unsetenv': ['--setenv', 'VAR', 'x'], '--share-net': ['--unshare-net'],
          '--userns-block-fd': ['--unshare-user', '--info-fd', '1']}
AFTER = {'--perms': ['--tmpfs', '/a'], '--size': ['--tmpfs', '/a'],
         '--mount-flags': ['--tmpfs', '/a'], '--replace-symlink': ['--tmpfs', '/a'],
         '--overlay-src': ['--tmp-overlay', '/a']}
# these say what husk does instead of a launch, or what it does anyway
SILENT = {'--dump-options', '--explain', '--explain-json', '--features', '--help', '--self-test',
          '--version',
          '--unshare-user', '--unshare-user-try', '--args'}


class ExplainJson(ProbeCase):
    def plan(self, *args, command=('ls',), program='husk'):
        r = self.husk('--explain-json', *args, '--', *command)
        self.assertEqual((r.rc, r.err), (0, ''), r)
        self.assertEqual(r.out.count('\n'), 1)
        return json.loads(r.out)

    def test_members(self):
        plan = self.plan(*SMALL, '--cap-drop', 'ALL', '--cap-add', 'kill')
        self.assertEqual(list(plan), [
            'personality', 'identity', 'namespaces', 'root', 'operations', 'walls', 'lifetime',
            'descriptors', 'environment', 'limits', 'command', 'messages'])
        self.assertEqual(plan['personality'], 'husk')
        self.assertEqual(plan['identity'], {
            'uid': 0, 'gid': 0, 'outer-uid': os.getuid(), 'outer-gid': os.getgid(),
            'uid-map': [{'inside': 0, 'outside': os.getuid(), 'count': 1}],
            'gid-map': [{'inside': 0, 'outside': os.getgid(), 'count': 1}],
            'maps-by': 'husk', 'setgroups': False, 'outer-groups': os.getgroups(),
            'user-namespace': 'new', 'levels': 2,
            'capabilities': ['cap_kill']})
        self.assertEqual(set(plan['namespaces']['new']),
                         {'user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'time'})
        self.assertEqual(plan['namespaces']['shared'], [])
        self.assertEqual(plan['command']['words'], ['ls'])

    def test_operations_in_order(self):
        plan = self.plan('--ro-bind', '/usr', '/u', '--perms', '0700', '--size', '4096',
                         '--tmpfs', '/t', '--overlay-src', '/a', '--overlay', '/rw', '/w', '/o')
        bind, tmpfs, overlay = plan['operations']
        self.assertEqual(bind, {
            'option': '--ro-bind', 'destination': '/u', 'source': '/usr', 'fd': None,
            'replace-symlink': False, 'work': None,
            'layers': [], 'filesystem': 'bind', 'flags': ['ro', 'nosuid', 'nodev'],
            'devices': False, 'mode': None, 'size': None, 'try': False, 'deferred': False,
            'covered': False})
        self.assertEqual((tmpfs['mode'], tmpfs['size']), ('0700', 4096))
        self.assertEqual((overlay['source'], overlay['work'], overlay['layers']),
                         ('/rw', '/w', ['/a']))

    def test_kinds_of_root(self):
        for args, kind in (((), 'host'), (HOST, 'in-place'), (USR, 'new')):
            self.assertEqual(self.plan(*args)['root']['kind'], kind)

    def test_joined_namespaces(self):
        fd = self.open('/proc/self/ns/user')
        plan = self.plan_of_fds('--userns', str(fd), fds=[fd])
        self.assertEqual(plan['namespaces']['joined'], [{'kind': 'user', 'fd': fd}])
        self.assertEqual(plan['identity']['user-namespace'], 'joined')
        self.assertNotIn('user', plan['namespaces']['shared'])

    def plan_of_fds(self, *args, fds):
        r = self.husk('--explain-json', *args, '--', 'ls', pass_fds=fds)
        self.assertEqual((r.rc, r.err), (0, ''), r)
        return json.loads(r.out)

    def test_any_bytes(self):
        """Every byte of an operand can be had back, in Python by os.fsencode()."""
        odd = bytes(range(1, 256)) + 'ä€\U0001f600'.encode() + b'\xed\xa0\x80\xc0\x80'
        r = self.run_cmd([HUSK, b'--explain-json', b'--setenv', b'A', odd, b'--tmpfs',
                          b'/' + odd, b'ls', odd])
        plan = json.loads(r.out)
        self.assertEqual(os.fsencode(plan['command']['words'][1]), odd)
        self.assertEqual(os.fsencode(plan['environment']['edits'][0]['value']), odd)
        self.assertEqual(os.fsencode(plan['operations'][0]['destination']), b'/' + odd)

    def test_bwrap_knows_no_such_option(self):
        self.assertFails(self.bwrap('--explain-json', 'ls'), 1, 'Unknown option')

    def test_a_bad_plan_is_refused(self):
        r = self.husk('--explain-json', '--hostname', 'x', 'ls')
        self.assertFails(r, 125, '--unshare-uts')
        self.assertEqual(r.out, '')


class EveryOption(ProbeCase):
    """An option that changes the plan is seen in both explanations."""

    def words(self, name, operands, fds):
        words = [name]
        for operand in operands.split():
            word = OPERANDS[operand]
            if operand == 'PID':
                word = str(self.other())
            elif word is None:
                fds.append(self.descriptor(name))
                word = str(fds[-1])
            words.append(word)
        return words

    def other(self):
        """The pid of a process in namespaces of its own."""
        p = self.spawn(['unshare', '--user', '--net', 'sleep', '60'])
        own = os.readlink('/proc/self/ns/net')
        self.assertTrue(self.wait_until(lambda: os.readlink(f'/proc/{p.pid}/ns/net') != own))
        return p.pid

    def descriptor(self, name):
        """One that the option takes: those of namespaces are looked at."""
        if name == '--join-fd':
            fd = self.open('/dev/null')
            pidfd = os.pidfd_open(self.other())
            os.dup2(pidfd, fd)
            os.close(pidfd)
            return fd
        if name.endswith('ns'):
            return self.open(f'/proc/self/ns/{name[2:-2]}')
        return self.open('/dev/null')

    def explained(self, how, words, fds):
        r = self.husk(how, *words, '--', 'ls', pass_fds=fds)
        self.assertEqual((r.rc, r.err), (0, ''), r)
        return r.out

    def test_every_row_of_the_table(self):
        landlock = json.loads(self.husk('--features').out)['landlock']
        rows = [line.split('\t') for line in self.husk('--dump-options').out.splitlines()]
        rows = [row for row in rows if row[0] != 'cap' and row[0] not in SILENT]
        self.assertGreater(len(rows), 60)
        for name, operands, *_ in rows:
            fds = []
            words = self.words(name, operands, fds)
            before, after = BEFORE.get(name, []), AFTER.get(name, [])
            before = [str(self.other()) if word == 'PID' else word for word in before]
            # layers must be followed by an overlay
            base = [] if 'overlay' in name else before + after
            for how in ('--explain', '--explain-json'):
                with self.subTest(name, how=how):
                    if name == '--landlock-tcp' and landlock < 4:
                        self.skipTest(f'Landlock {landlock} is older than 4')
                    self.assertNotEqual(
                        self.explained(how, [*before, *words, *after], fds),
                        self.explained(how, base, fds))
            for fd in fds:
                self.close(fd)


if __name__ == '__main__':
    main()
