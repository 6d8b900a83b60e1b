#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--fake-root-consistent: the ids of a process are what it set, as credentials(7) has it."""

from probe import HOST, HUSK, Case, main

ON = ('--fake-root-consistent',)

# Each word is a call of i386, NUMBER:ARG:…, made from 64 bits; an argument @ is a buffer, of which
# eight 16 bit words are printed after the result.
COMPAT = r'''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
int main(int argc, char **argv)
{
	unsigned short *room = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int i, n;
	for (i = 1; i < argc; i++) {
		long arg[4] = { 0 };
		int result;
		char *word = argv[i];
		for (n = 0; n < 4 && word; n++) {
			word = strchr(word, ':');
			if (word)
				arg[n] = *++word == '@' ? (long)room : strtol(word, NULL, 0);
		}
		__asm__ volatile("int $0x80" : "=a"(result) : "a"(atoi(argv[i])), "b"(arg[0]),
				 "c"(arg[1]), "d"(arg[2]) : "memory", "r8", "r9", "r10", "r11");
		printf("%d", result);
		if (strchr(argv[i], '@'))
			for (n = 0; n < 8; n++)
				printf(" %d", room[n]);
		putchar('\n');
	}
	return 0;
}
'''


class IdsCase(Case):
    """Scripts that run as root."""

    def setUp(self):
        super().setUp()
        self.need_same_width()

    def python(self, text, *options):
        """What a Python script prints."""
        r = self.husk(*ON, *options, '--', '/usr/bin/python3', '-c',
                      'import os, ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n' + text,
                      timeout=self.time_limit)
        self.assertRuns(r)
        return r.out

    def shell(self, text, *options):
        """What a shell script prints."""
        r = self.husk(*ON, *options, '--', 'sh', '-ec', text)
        self.assertRuns(r)
        return r.out


class Setting(IdsCase):
    """What a process sets it is."""

    def test_root_at_first(self):
        self.assertEqual(self.python('print(os.getresuid(), os.getresgid(), os.getgroups())'),
                         '(0, 0, 0) (0, 0, 0) [0]\n')

    def test_three(self):
        self.assertEqual(self.python(
            'os.setgroups([7, 5, 70000])\nos.setresgid(4, 5, 6)\nos.setresuid(1, 2, 3)\n'
            'print(os.getresuid(), os.getresgid(), os.getgroups())\n'
            'print(os.getuid(), os.geteuid(), os.getgid(), os.getegid())'),
            '(1, 2, 3) (4, 5, 6) [5, 7, 70000]\n1 2 4 5\n')

    def test_no_way_back(self):
        self.assertEqual(self.python('''
os.setuid(33)
for call in (lambda: os.setuid(0), lambda: os.seteuid(0), lambda: os.setgid(5),
             lambda: os.setgroups([]), lambda: os.setresuid(-1, 0, -1)):
    try:
        call()
        print('done')
    except PermissionError:
        print('refused')
print(os.getresuid())'''), 'refused\n' * 5 + '(33, 33, 33)\n')

    def test_way_back(self):
        self.assertEqual(self.python('os.seteuid(33)\nprint(os.geteuid())\nos.seteuid(0)\n'
                                     'print(os.getresuid())'), '33\n(0, 0, 0)\n')

    def test_fs(self):
        self.assertEqual(self.python('print(libc.setfsuid(33), libc.setfsuid(-1),'
                                     'libc.setfsgid(44), libc.setfsgid(-1), os.geteuid())'),
                         '0 33 0 44 0\n')

    def test_groups_room(self):
        """The ways of getgroups(2) to say that there is not enough of it."""
        self.assertEqual(self.python('''
os.setgroups([1, 2, 3])
room = (ctypes.c_uint * 4)()
for n in (0, 2, 4, -1):
    ctypes.set_errno(0)
    print(libc.getgroups(n, room), ctypes.get_errno(), *room)
print(libc.getgroups(3, ctypes.c_void_p(8)), ctypes.get_errno())
print(libc.setgroups(3, ctypes.c_void_p(8)), ctypes.get_errno())
print(libc.setgroups(65537, room), ctypes.get_errno())
print(libc.setgroups(65536, (ctypes.c_uint * 65536)(*range(65536))), len(os.getgroups()))'''),
                         '3 0 0 0 0 0\n-1 22 0 0 0 0\n3 0 1 2 3 0\n-1 22 1 2 3 0\n'
                         '-1 14\n-1 14\n-1 22\n0 65536\n')

    def test_pointers(self):
        self.assertEqual(self.python('''
os.setuid(5)
print(libc.getresuid(ctypes.c_void_p(8), ctypes.c_void_p(8), ctypes.c_void_p(8)),
      ctypes.get_errno())'''), '-1 14\n')

    def test_without_the_capability(self):
        r = self.husk(*ON, '--cap-drop', 'cap_setuid', '--', '/usr/bin/python3', '-c',
                      'import os\nos.setgid(5)\nos.setuid(5)')
        self.assertIn('PermissionError', r.err)
        self.assertIn('line 3', r.err)

    def test_i386(self):
        """The calls of 16 bits cut ids off, those of 32 do not."""
        program = self.inside_c(COMPAT, 'compat')
        # setresgid32 getgid getgid32; setgroups getgroups getgroups32; setresuid getresuid getuid
        # setreuid getresuid32
        r = self.run_cmd([HUSK, *ON, '--', program, '210:70000:5:6', '47', '200', '47:0:0',
                          '81:0:0', '80:0:0', '164:7:8:65535', '165:@:@:@', '24', '49', '199',
                          '70:-1:7', '213:0', '201'])
        self.assertEqual(r.out.split('\n'), [
            '0', '65534', '70000', '65534', '0', '0', '0', '0 0 0 0 0 0 0 0 0', '7', '8', '7',
            '0', '0', '0', ''], r)

    def test_own_user_namespace(self):
        """Who makes one has the ids that are mapped there."""
        self.assertEqual(self.shell(
            'unshare -U --map-user 5 id -u; setpriv --reuid 33 --clear-groups unshare -U id -u'),
            '5\n65534\n')


class Inheriting(IdsCase):
    """Whoever comes from a process is what that was."""

    def test_fork_and_exec(self):
        self.assertEqual(self.shell('setpriv --reuid 33 --regid 44 --groups 5,6 '
                                    'sh -c "id -u; (id -g; id -G)"'), '33\n44\n44 5 6\n')

    def test_orphan(self):
        p = self.path('p')
        self.assertEqual(self.shell(f'mkfifo {p}; setpriv --reuid 33 --clear-groups sh -c '
                                    f'"(sleep 0.2; id -u >{p}) &"; cat {p}'), '33\n')

    def test_siblings_differ(self):
        self.assertEqual(self.python('''
for uid in range(1, 9):
    if os.fork() == 0:
        os.setuid(uid)
        os._exit(os.getuid())
print(sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(8)), os.getuid())'''),
                         '[1, 2, 3, 4, 5, 6, 7, 8] 0\n')

    def test_threads(self):
        """glibc makes every thread call, and kills the process where one has another answer."""
        self.assertEqual(self.python('''
import threading
go, seen = threading.Event(), []
def look():
    go.wait()
    seen.append(os.getresuid())
threads = [threading.Thread(target=look) for _ in range(8)]
[t.start() for t in threads]
os.setgroups([])
os.setresgid(4, 5, 6)
os.setreuid(0, 7)
os.setreuid(7, 0)
os.setresuid(1, 2, 3)
go.set()
[t.join() for t in threads]
print(set(seen), os.getresgid())'''), '{(1, 2, 3)} (4, 5, 6)\n')

    def test_many_processes(self):
        """Ten thousand processes, and as many ids."""
        self.assertEqual(self.python('''
bad = 0
for base in range(0, 10000, 100):
    for uid in range(base + 1, base + 101):
        if os.fork() == 0:
            os.setuid(uid)
            os._exit(os.getresuid() != (uid, uid, uid))
    bad += sum(os.wait()[1] != 0 for _ in range(100))
print(bad)'''), '0\n')

    def test_limit_is_out_of_reach(self):
        """Resource limits as pam_limits sets them, in the middle of su, change nobody."""
        self.assertEqual(self.python('''
import resource
os.setgroups([5])
before = resource.getrlimit(10)
resource.setrlimit(10, (7, 8))
resource.prlimit(0, 10, (9, 9))
print(os.getgroups(), resource.getrlimit(10) == before)'''), '[5] True\n')


class Tools(IdsCase):
    """Programs that set ids."""

    def test_su(self):
        # PAM asks when the password expires, and the host's file nobody but root can read
        shadow = self.write('shadow', 'root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n')
        self.assertEqual(self.shell('su nobody -s /bin/sh -c id; id -u',
                                    '--dev-bind', '/', '/', '--ro-bind', shadow, '/etc/shadow'),
                         'uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n0\n')

    def test_runuser(self):
        self.assertEqual(self.shell('runuser -u www-data -- id -un'), 'www-data\n')

    def test_setpriv(self):
        """It gives up uid 0 first, with PR_SET_KEEPCAPS, and sets the groups then."""
        self.assertEqual(self.shell('setpriv --reuid 33 --regid 44 --groups 5,70000 sh -c '
                                    '"id -u; id -g; id -G"'), '33\n44\n44 5 70000\n')

    def test_static_program(self):
        program = self.inside_c('#include <stdio.h>\n#include <unistd.h>\nint main(void)'
                                '{ return setuid(7) || printf("%d\\n", getuid()) < 0; }', 'static')
        self.assertRuns(self.run_cmd([HUSK, *ON, '--', program]), '7\n')

    def test_directory_is_its_makers(self):
        """As initdb wants it: what mkdir made belongs to the user that it became."""
        self.assertEqual(self.shell('setpriv --reuid 33 --regid 44 --clear-groups '
                                    'sh -c "mkdir /tmp/d; stat -c %u:%g /tmp/d"',
                                    *HOST, '--tmpfs', '/tmp'), '33:44\n')


main()
