#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bubblewrap 0.9 to 0.12 brought, which Debian's 0.8.0 cannot show."""

import os
import signal

from compat import BWRAP, HOST, NEWPROC, PROC, PYTHON, USR, Compare, In, main

ROOT = (*USR, *PROC)
OPTIONS = '''--add-seccomp-fd --argv0 --args --as-pid-1 --assert-userns-disabled --bind --bind-data
    --bind-fd --bind-try --block-fd --cap-add --cap-drop --chdir --chmod --clearenv --dev
    --dev-bind --dev-bind-try --die-with-parent --dir --disable-userns --exec-label --file
    --file-label --gid --help --hostname --info-fd --json-status-fd --level-prefix --lock-file
    --mqueue --new-session --not-a-security-boundary --overlay --overlay-src --perms --pidns --proc
    --remount-ro --ro-bind --ro-bind-data --ro-bind-fd --ro-bind-try --ro-overlay --seccomp
    --setenv --share-net --size --symlink --sync-fd --tmp-overlay --tmpfs --uid --unsetenv
    --unshare-all --unshare-cgroup --unshare-cgroup-try --unshare-ipc --unshare-net --unshare-pid
    --unshare-user --unshare-user-try --unshare-uts --userns --userns-block-fd --userns2
    --version'''.split()


class Newer(Compare):
    """Ours alone."""

    def runs(self, *args, out=None, **kw):
        r = self.side(BWRAP, args, **kw)
        self.assertRuns(r, out)
        return r


class Text(Newer):

    def test_version(self):
        self.runs('--version', out='bubblewrap 0.12.0\n')

    def test_version_with_other_words(self):
        self.runs(*HOST, '--version', 'true', out='bubblewrap 0.12.0\n')

    def test_help_has_every_option(self):
        words = self.runs('--help').out.split()
        self.assertEqual([o for o in OPTIONS if o not in words], [])

    def test_help_ends_with_0(self):
        self.assertEqual(self.bwrap('--help').rc, 0)

    def test_userns_with_unshare_user(self):
        r = self.bwrap('--userns', '0', '--unshare-user', 'true')
        self.assertEqual(r.err, 'bwrap: --userns is not compatible with --unshare-user\n')

    def test_disable_userns_with_userns_block_fd(self):
        r = self.bwrap('--unshare-user', '--disable-userns', '--userns-block-fd', '0', '--info-fd',
                       '1', 'true')
        self.assertEqual(r.err,
                         'bwrap: --disable-userns is not compatible with --userns-block-fd\n')


class LevelPrefix(Newer):

    def test_error(self):
        self.assertEqual(self.bwrap('--level-prefix', '--nope').err,
                         '<3>bwrap: Unknown option --nope\n')

    def test_warning(self):
        r = self.runs('--level-prefix', *HOST, '--uid', '1', '--uid', '2', 'true')
        self.assertEqual(r.err, '<4>bwrap: Only the last --uid option will take effect\n')

    def test_late_error(self):
        self.assertEqual(self.bwrap('--level-prefix', *HOST, '/nonexistent').err,
                         '<3>bwrap: execvp /nonexistent: No such file or directory\n')

    def test_only_from_where_it_stands(self):
        r = self.bwrap('--uid', '1', '--uid', '2', '--level-prefix', '--gid', 'x')
        self.assertEqual(r.err, 'bwrap: Only the last --uid option will take effect\n'
                                '<3>bwrap: Invalid gid: x\n')


class Argv0(Newer):

    SHOW = ('sh', '-c', 'tr "\\0" "\\n" < /proc/$$/cmdline | head -n1')

    def test_set(self):
        self.runs(*HOST, '--argv0', 'other', *self.SHOW, out='other\n')

    def test_empty(self):
        self.runs(*HOST, '--argv0', '', *self.SHOW, out='\n')

    def test_command_is_still_looked_up(self):
        self.fails('execvp /nonexistent: No such file or directory',
                   *HOST, '--argv0', '/bin/true', '/nonexistent')

    def test_twice(self):
        self.fails('--argv0', *HOST, '--argv0', 'a', '--argv0', 'b', 'true')

    def test_takes_one_argument(self):
        self.fails('--argv0 takes (one|an) argument', '--argv0')


class Symlinks(Newer):

    def test_identical_one_exists(self):
        self.runs(*ROOT, '--symlink', 'x', '/a', '--symlink', 'x', '/a', 'readlink', '/a',
                  out='x\n')

    def test_identical_one_on_a_read_only_mount(self):
        target = os.readlink('/bin')
        self.runs(*HOST, '--symlink', target, '/bin', 'true')

    def test_other_target(self):
        self.fails("Can't make symlink at /a", *ROOT, '--symlink', 'x', '/a', '--symlink', 'y',
                   '/a', 'true')


class BindFd(Newer):
    """Debian's 0.8.0 has it from a security update."""

    def setUp(self):
        super().setUp()
        self.write('src/file', 'text')

    def test_directory(self):
        fd = self.open(self.path('src'))
        self.same(*ROOT, '--bind-fd', fd, '/m', 'cat', '/m/file', pass_fds=[fd], out='text')

    def test_path_fd(self):
        fd = self.open(self.path('src'), os.O_PATH)
        self.same(*ROOT, '--bind-fd', fd, '/m', 'cat', '/m/file', pass_fds=[fd], out='text')

    def test_file(self):
        fd = self.open(self.path('src/file'), os.O_PATH)
        self.same(*ROOT, '--ro-bind-fd', fd, '/f', 'cat', '/f', pass_fds=[fd], out='text')

    def test_mounts(self):
        fd = self.open(self.path('src'), os.O_PATH)
        self.same_mounts(*ROOT, '--bind-fd', fd, '/m', '--ro-bind-fd', self.open('/usr'), '/n',
                         pass_fds=self._open_fds)

    def test_read_only(self):
        fd = self.open(self.path('src'), os.O_PATH)
        self.same(*ROOT, '--ro-bind-fd', fd, '/m', 'touch', '/m/a', pass_fds=[fd], rc=1)

    def test_writable(self):
        fd = self.open(self.path('src'), os.O_PATH)
        self.same(*ROOT, '--bind-fd', fd, '/m', 'touch', '/m/a', pass_fds=[fd])

    def test_is_closed_in_the_command(self):
        fd = self.open(self.path('src'), os.O_PATH)
        self.same(*HOST, '--bind-fd', fd, '/mnt', 'ls', '/proc/self/fd', pass_fds=[fd])

    def test_renamed_directory_is_found(self):
        fd = self.open(self.path('src'), os.O_PATH)
        os.rename(self.path('src'), self.path('moved'))
        self.mkdir('src')
        self.same(*ROOT, '--bind-fd', fd, '/m', 'cat', '/m/file', pass_fds=[fd], out='text')

    def test_removed_directory(self):
        fd = self.open(self.mkdir('gone'), os.O_PATH)
        os.rmdir(self.path('gone'))
        self.wrong("Can't find source path|Race condition", *ROOT, '--bind-fd', fd, '/m', 'true',
                   pass_fds=[fd])

    def test_fd_that_is_not_open(self):
        self.wrong('No such file or directory|Bad file descriptor', *ROOT, '--bind-fd', '99', '/m',
                   'true')


class SymlinkDestinations(Newer):
    """The last component of a mount's destination must not be a link."""

    def refused(self, *words):
        self.fails(r"Can't mount on symlink destination /l$", *ROOT, '--dir', '/d', '--symlink',
                   'd', '/l', *words, 'true')

    def test_bind(self):
        for option in ('--bind', '--ro-bind', '--dev-bind', '--bind-try'):
            with self.subTest(option):
                self.refused(option, self.dir, '/l')

    def test_tmpfs(self):
        self.refused('--tmpfs', '/l')

    def test_proc(self):
        self.refused('--unshare-pid', '--proc', '/l')

    def test_dev(self):
        self.refused('--dev', '/l')

    def test_mqueue(self):
        self.refused('--unshare-ipc', '--mqueue', '/l')

    def test_bind_fd(self):
        self.refused('--bind-fd', '0', '/l')

    def test_overlay(self):
        self.refused('--overlay-src', self.dir, '--tmp-overlay', '/l')

    def test_bind_data(self):
        self.fails("Can't mount on symlink destination /l$", *ROOT, '--file', In(b'a'), '/f',
                   '--symlink', 'f', '/l', '--bind-data', In(b'b'), '/l', 'true')

    def test_file_on_a_link_to_a_file(self):
        self.write('file')
        self.fails("Can't mount on symlink destination /l$", *ROOT, '--file', In(b'a'), '/f',
                   '--symlink', 'f', '/l', '--bind', 'file', '/l', 'true')

    def test_dangling(self):
        self.fails("Can't mount on symlink destination /l$", *ROOT, '--symlink', 'x', '/l',
                   '--tmpfs', '/l', 'true')

    def test_of_the_host(self):
        self.fails("Can't mount on symlink destination /bin$", *HOST, '--tmpfs', '/bin', 'true')


class DestinationTypes(Newer):

    def test_directory_on_a_file(self):
        for words in (['--bind', '/usr'], ['--ro-bind', '/usr'], ['--tmpfs'],
                      ['--unshare-pid', '--proc'], ['--dev'], ['--unshare-ipc', '--mqueue']):
            with self.subTest(words):
                self.fails('Destination is not a directory /etc/passwd$',
                           *HOST, *words, '/etc/passwd', 'true')

    def test_file_on_a_directory(self):
        for words in (['--bind', '/etc/passwd'], ['--ro-bind', '/etc/passwd'],
                      ['--bind-data', In(b'')], ['--ro-bind-data', In(b'')]):
            with self.subTest(words[0]):
                self.fails('Destination is not a file /mnt$', *HOST, *words, '/mnt', 'true')


class Resolution(Newer):
    """Links and dots in the parents of a destination lead inside the new root."""

    def test_absolute_link(self):
        self.runs(*ROOT, '--dir', '/d', '--symlink', '/d', '/l', '--bind', self.dir, '/l/m', 'ls',
                  '-d', '/d/m', out='/d/m\n')

    def test_relative_link(self):
        self.runs(*ROOT, '--dir', '/d/e', '--symlink', 'd/e', '/l', '--dir', '/l/m', 'ls', '-d',
                  '/d/e/m', out='/d/e/m\n')

    def test_link_with_dots(self):
        self.runs(*ROOT, '--dir', '/d', '--symlink', '../../../d', '/l', '--file', In(b'a'),
                  '/l/f', 'cat', '/d/f', out='a')

    def test_dots_above_the_root(self):
        self.runs(*ROOT, '--bind', self.mkdir('src'), '/../../m', 'ls', '-d', '/m', out='/m\n')

    def test_dots_in_a_directory(self):
        self.runs(*ROOT, '--dir', '/../a', 'ls', '-d', '/a', out='/a\n')

    def host_stays(self, number, link, *words):
        """A link below a writable bind that points out of it leads nothing to the host."""
        top, victim = self.mkdir(f'{number}/top'), self.mkdir(f'{number}/victim')
        os.symlink(link + victim, f'{top}/l')
        before = self.tree(victim)
        self.side(BWRAP, (*ROOT, '--bind', top, '/m', *words, 'true'))
        self.assertEqual(self.tree(victim), before)

    def test_absolute_link_to_the_host(self):
        number = 0
        for words in (['--dir', '/m/l/x'], ['--symlink', 'a', '/m/l/x'], ['--tmpfs', '/m/l/x'],
                      ['--file', In(b'a'), '/m/l/x'], ['--bind', '/usr', '/m/l/x'],
                      ['--bind', '/etc/passwd', '/m/l/x'], ['--chmod', '700', '/m/l'],
                      ['--bind-data', In(b'a'), '/m/l/x'], ['--remount-ro', '/m/l/x/y']):
            for link in ('', '/oldroot', '../../../../../..', '/proc/self/root/oldroot',
                         '/proc/1/root'):
                number += 1
                with self.subTest(f'{words[0]} {link}'):
                    self.host_stays(number, link, *words)

    def test_chmod_of_a_link_stays_inside(self):
        self.write('victim', mode=0o600)
        os.symlink(self.path('victim'), self.path('l'))
        self.side(BWRAP, (*ROOT, '--bind', self.path('l'), '/x', '--symlink',
                          '/oldroot' + self.path('victim'), '/y', '--chmod', '777', '/y', 'true'))
        self.assertEqual(os.stat(self.path('victim')).st_mode & 0o777, 0o600)

    def test_file_through_a_link_stays_inside(self):
        victim = self.write('victim', 'old')
        self.side(BWRAP, (*ROOT, '--symlink', '/oldroot' + victim, '/y', '--file', In(b'new'),
                          '/y', 'true'))
        with open(victim, encoding='ascii') as f:
            self.assertEqual(f.read(), 'old')


class Overlays(Newer):

    def setUp(self):
        super().setUp()
        for name in ('low', 'mid', 'rw'):
            self.write(f'{name}/{name}', name)
            self.write(f'{name}/common', name)
        self.mkdir('work')
        self.addCleanup(self.run_cmd, ['chmod', '-R', 'u+rwx', self.path('work')])

    def src(self, *names):
        return [w for n in names for w in ('--overlay-src', self.path(n))]

    def overlay(self, *names):
        return [*self.src(*names), '--overlay', self.path('rw'), self.path('work'), '/o']

    def test_ro_overlay(self):
        self.runs(*ROOT, *self.src('low', 'mid'), '--ro-overlay', '/o', 'ls', '/o',
                  out='common\nlow\nmid\n')

    def test_last_source_is_on_top(self):
        self.runs(*ROOT, *self.src('low', 'mid'), '--ro-overlay', '/o', 'cat', '/o/common',
                  out='mid')

    def test_ro_overlay_is_read_only(self):
        r = self.bwrap(*ROOT, *self.src('low', 'mid'), '--ro-overlay', '/o', 'touch', '/o/a')
        self.assertRegex(r.err, 'Read-only file system')

    def test_tmp_overlay(self):
        before = self.tree(self.dir)
        self.runs(*ROOT, *self.src('low'), '--tmp-overlay', '/o', 'sh', '-c',
                  'echo new > /o/common; rm /o/low; ls /o; cat /o/common', out='common\nnew\n')
        self.assertEqual(self.tree(self.dir), before)

    def test_tmp_overlay_with_one_source(self):
        self.runs(*ROOT, *self.src('low'), '--tmp-overlay', '/o', 'cat', '/o/common', out='low')

    def test_overlay(self):
        self.runs(*ROOT, *self.overlay('low'), 'sh', '-c', 'cat /o/common /o/low; echo new > /o/n',
                  out='rwlow')
        with open(self.path('rw/n'), encoding='ascii') as f:
            self.assertEqual(f.read(), 'new\n')

    def test_overlay_keeps_the_lower_layers(self):
        before = self.tree(self.path('low'))
        self.runs(*ROOT, *self.overlay('low'), 'sh', '-c', 'echo x >> /o/low; rm /o/common')
        self.assertEqual(self.tree(self.path('low')), before)

    def test_overlay_whiteouts_last(self):
        for out in ('low\nrw\n', 'low\nrw\n'):
            self.runs(*ROOT, *self.overlay('low'), 'sh', '-c', 'rm -f /o/common; ls /o', out=out)

    def test_overlay_replaces_a_directory(self):
        self.write('low/dir/file', 'x')
        self.runs(*ROOT, *self.overlay('low'), 'sh', '-c', 'rm -r /o/dir; mkdir /o/dir; ls /o/dir',
                  out='')

    def test_overlay_with_two_sources(self):
        self.runs(*ROOT, *self.overlay('low', 'mid'), 'ls', '/o', out='common\nlow\nmid\nrw\n')

    def test_options_of_the_mount(self):
        r = self.runs(*ROOT, *self.overlay('low'), 'cat', '/proc/self/mountinfo')
        mount = {m.point: m for m in self.mounts(r.out)}['/o']
        self.assertEqual(mount.fstype, 'overlay')
        self.assertIn('userxattr', mount.superopts)
        self.assertLessEqual({'nosuid', 'nodev'}, mount.opts)

    def test_sources_of_one_overlay_do_not_count_for_the_next(self):
        self.runs(*ROOT, *self.src('low'), '--tmp-overlay', '/o', *self.src('mid'),
                  '--tmp-overlay', '/p', 'ls', '/p', out='common\nmid\n')

    def test_overlay_on_the_root(self):
        for name in ('usr', 'proc'):
            self.mkdir(f'low/{name}')
        for name in ('bin', 'lib', 'lib64'):
            os.symlink(f'usr/{name}', self.path('low', name))
        self.runs(*self.src('low'), '--tmp-overlay', '/', '--ro-bind', '/usr', '/usr', *PROC, 'sh',
                  '-c', 'echo a > /common; cat /common', out='a\n')

    def test_names_with_odd_characters(self):
        for char in (',', ':', '\\', ' ', '\n', 'é'):
            with self.subTest(char):
                name = f'a{char}b'
                self.write(f'{name}/file', 'odd')
                self.runs(*ROOT, *self.src(name), '--tmp-overlay', '/o', 'cat', '/o/file',
                          out='odd')

    def test_source_is_resolved_on_the_host(self):
        os.symlink('low', self.path('link'))
        self.runs(*ROOT, '--tmpfs', '/tmp', *self.src('link'), '--tmp-overlay', '/o', 'cat',
                  '/o/low', out='low')

    def test_submounts_of_a_source_are_refused(self):
        # by the kernel: a layer is a private mount, which may not uncover what a locked one hides
        under = self.under_mounts(f'mkdir -p {self.path("low/sub")}; '
                                  f'mount -t tmpfs x {self.path("low/sub")}')
        self.fails("Can't make overlay mount on /o", *ROOT, *self.src('low'), '--tmp-overlay',
                   '/o', 'true', under=under)

    def test_many_sources(self):
        names = [f's{i}' for i in range(60)]
        for name in names:
            self.write(f'{name}/{name}')
        r = self.runs(*ROOT, *self.src(*names), '--ro-overlay', '/o', 'ls', '/o')
        self.assertEqual(sorted(r.out.split()), sorted(names))

    def test_destination_is_made(self):
        self.runs(*ROOT, *self.src('low'), '--tmp-overlay', '/a/b/c', 'stat', '-c', '%a', '/a/b',
                  out='755\n')

    def test_remount_ro(self):
        r = self.bwrap(*ROOT, *self.src('low'), '--tmp-overlay', '/o', '--remount-ro', '/o',
                       'touch', '/o/a')
        self.assertRegex(r.err, 'Read-only file system')


class OverlayErrors(Newer):

    def test_missing_source(self):
        self.fails("Can't find source path /nonexistent: No such file or directory",
                   *ROOT, '--overlay-src', '/nonexistent', '--tmp-overlay', '/o', 'true')

    def test_missing_upper(self):
        self.fails("Can't find source path /nonexistent: No such file or directory",
                   *ROOT, '--overlay-src', '/usr', '--overlay', '/nonexistent', self.dir, '/o',
                   'true')

    def test_missing_work(self):
        self.fails("Can't find source path /nonexistent: No such file or directory",
                   *ROOT, '--overlay-src', '/usr', '--overlay', self.dir, '/nonexistent', '/o',
                   'true')

    def test_source_is_a_file(self):
        self.fails('', *ROOT, '--overlay-src', '/etc/passwd', '--tmp-overlay', '/o', 'true')

    def test_overlay_without_a_source(self):
        self.fails('--overlay requires at least one --overlay-src',
                   '--overlay', '/a', '/b', '/o', 'true')

    def test_tmp_overlay_without_a_source(self):
        self.fails('--tmp-overlay requires at least one --overlay-src', '--tmp-overlay', '/o',
                   'true')

    def test_ro_overlay_with_one_source(self):
        self.fails('--ro-overlay requires at least two --overlay-src',
                   '--overlay-src', '/usr', '--ro-overlay', '/o', 'true')

    def test_source_without_an_overlay(self):
        self.fails('--overlay-src must be followed by', '--overlay-src', '/usr', '--dir', '/a',
                   'true')

    def test_overlapping_directories(self):
        self.mkdir('a/b')
        self.fails('', *ROOT, '--overlay-src', self.path('a'), '--overlay', self.path('a/b'),
                   self.path('a'), '/o', 'true')

    def test_perms_do_not_go_with_it(self):
        self.fails('--(perms|overlay-src) must be followed by', '--overlay-src', '/usr', '--perms',
                   '755', '--tmp-overlay', '/o', 'true')

    def test_overlay_takes_three_arguments(self):
        self.fails('--overlay takes three arguments', '--overlay-src', '/usr', '--overlay', '/a',
                   '/b')

    def test_others_take_one(self):
        for option in ('--overlay-src', '--tmp-overlay', '--ro-overlay'):
            with self.subTest(option):
                self.fails(f'{option} takes (an|one) argument', option)


class NotASecurityBoundary(Newer):

    def test_is_accepted(self):
        self.runs(*HOST, '--not-a-security-boundary', 'echo', 'a', out='a\n')

    def test_weakens_nothing_where_nothing_fails(self):
        plain, weak = (self.runs(*words, *ROOT, '--ro-bind', self.dir, '/m', 'cat',
                                 '/proc/self/mountinfo').out
                       for words in ((), ('--not-a-security-boundary',)))
        self.assertEqual([repr(m) for m in self.mounts(plain)],
                         [repr(m) for m in self.mounts(weak)])


class Signals(Newer):

    def test_ignored_sigchld_does_not_hurt(self):
        self.assertEqual(self.side(BWRAP, (*HOST, '--unshare-pid', 'sh', '-c', 'exit 3'), under=[
            PYTHON, '-Ic', 'import os, signal, sys\n'
            'signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n'
            'os.execv(sys.argv[1], sys.argv[1:])']).rc, 3)

    def test_kill_reaches_everybody_before_the_command_runs(self):
        r, _ = self.pipe()
        p = self.spawn([BWRAP, *USR, *NEWPROC, '--die-with-parent', '--block-fd', r, 'true'],
                       pass_fds=[r])
        self.assertTrue(self.wait_until(lambda: self.descendants(p.pid)))
        kids = self.descendants(p.pid)
        p.send_signal(signal.SIGKILL)
        for pid in kids:
            self.assertTrue(self.wait_gone(pid))


if __name__ == '__main__':
    main()
