#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--fake-root-consistent: extended attributes that root may not set in a sandbox are remembered."""

import os

from probe import Case, main

ON = ('--fake-root-consistent',)

BEGIN = '''
import os, ctypes, struct
open('f', 'w').close()
def attempt(call, *args, **kw):
    try:
        return call(*args, **kw)
    except OSError as e:
        return os.strerror(e.errno)
def acl(*entries):
    return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in entries)
NONE = 0xffffffff
FULL = acl((1, 6, NONE), (2, 5, 33), (4, 4, NONE), (16, 7, NONE), (32, 4, NONE))
ACCESS, DEFAULT = 'system.posix_acl_access', 'system.posix_acl_default'
'''


class XattrCase(Case):
    """Scripts that run as root in a directory of the host's."""

    def setUp(self):
        super().setUp()
        self.need_same_width()

    def work(self):
        """The directory, made when it is first asked for."""
        path = self.path('work')
        os.makedirs(path, exist_ok=True)
        return path

    def python(self, text, *options):
        """What a Python script prints, which finds an empty file f."""
        r = self.husk(*ON, *options, '--chdir', self.work(), '--', '/usr/bin/python3', '-c',
                      BEGIN + text)
        self.assertRuns(r)
        return r.out

    def need_user_attributes(self):
        """Skip the test where the file system of the scratch directory has none of user.*."""
        try:
            os.setxattr(self.work(), 'user.test', b'')
        except OSError:
            self.skipTest('the file system has no user attributes')

    def prints(self, text, *lines):
        """It prints these lines."""
        self.assertEqual(self.python(text).splitlines(), list(lines))


class Names(XattrCase):
    """Which are remembered."""

    def test_trusted_and_security(self):
        self.prints('''
for name in ('trusted.a', 'security.selinux', 'security.ima'):
    os.setxattr('f', name, name.encode())
    print(os.getxattr('f', name))
print(sorted(os.listxattr('f')))''', "b'trusted.a'", "b'security.selinux'", "b'security.ima'",
                    "['security.ima', 'security.selinux', 'trusted.a']")

    def test_not_on_the_host(self):
        self.python("os.setxattr('f', 'trusted.a', b'1')")
        self.assertEqual(os.listxattr(self.path('work/f')), [])

    def test_user_attributes_are_real(self):
        self.need_user_attributes()
        self.python("os.setxattr('f', 'user.a', b'1'); os.setxattr('f', 'trusted.b', b'2')")
        self.assertEqual(os.getxattr(self.path('work/f'), 'user.a'), b'1')

    def test_capabilities_are_real(self):
        """The kernel gives them the sandbox's root id."""
        self.python("os.setxattr('f', 'security.capability',"
                    " struct.pack('<IIIII', 0x02000001, 1024, 0, 0, 0))")
        self.assertEqual(len(os.getxattr(self.path('work/f'), 'security.capability')), 24)

    def test_unknown_ones_are_refused(self):
        self.prints("print(attempt(os.setxattr, 'f', 'nothing.a', b'1'))\n"
                    "print(attempt(os.setxattr, 'f', 'trusted.' + 'n' * 300, b'1'))",
                    'Operation not supported', 'Numerical result out of range')

    def test_user_has_none(self):
        """Who pretends to be no root is refused what root is granted."""
        self.prints('''
os.setxattr('f', 'trusted.a', b'1')
os.seteuid(33)
print(attempt(os.setxattr, 'f', 'trusted.b', b'1'), attempt(os.removexattr, 'f', 'trusted.a'))''',
                    'Operation not permitted Operation not permitted')


class Values(XattrCase):
    """The ways of setxattr(2), getxattr(2), listxattr(2) and removexattr(2)."""

    def test_sizes(self):
        self.need_user_attributes()
        self.prints('''
libc = ctypes.CDLL(None, use_errno=True)
os.setxattr('f', 'trusted.a', b'12345')
os.setxattr('f', 'user.b', b'')
room = ctypes.create_string_buffer(32)
for size in (0, 4, 5, 32):
    room.value = b''
    print(libc.getxattr(b'f', b'trusted.a', room, size), room.value)
for size in (0, 16, 17):
    print(libc.listxattr(b'f', room, size))
print(room.raw[:17])
print(libc.getxattr(b'f', b'trusted.a', ctypes.c_void_p(8), 32), ctypes.get_errno())
os.setxattr('f', 'trusted.a', b'')
print(libc.getxattr(b'f', b'trusted.a', room, 32))''',
                    "5 b''", "-1 b''", "5 b'12345'", "5 b'12345'", '17', '-1', '17',
                    r"b'user.b\x00trusted.a\x00'", '-1 14', '0')

    def test_flags(self):
        self.prints('''
print(attempt(os.setxattr, 'f', 'trusted.a', b'1', os.XATTR_REPLACE))
print(attempt(os.setxattr, 'f', 'trusted.a', b'1', os.XATTR_CREATE))
print(attempt(os.setxattr, 'f', 'trusted.a', b'2', os.XATTR_CREATE))
print(attempt(os.setxattr, 'f', 'trusted.a', b'3', os.XATTR_REPLACE), os.getxattr('f', 'trusted.a'))
print(attempt(os.setxattr, 'f', 'trusted.a', b'3', 7))''',
                    'No data available', 'None', 'File exists', "None b'3'", 'Invalid argument')

    def test_removed(self):
        self.prints('''
os.setxattr('f', 'trusted.a', b'1')
print(attempt(os.removexattr, 'f', 'trusted.a'), os.listxattr('f'))
print(attempt(os.getxattr, 'f', 'trusted.a'))''', 'None []', 'No data available')

    def test_too_large(self):
        self.prints('''
print(attempt(os.setxattr, 'f', 'trusted.a', bytes(65536)), len(os.getxattr('f', 'trusted.a')))
print(attempt(os.setxattr, 'f', 'trusted.b', bytes(65537)))
print(sorted({str(attempt(os.setxattr, 'f', f'trusted.{n}', bytes(65536)))
              for n in range(30)}))''',
                    'None 65536', 'Argument list too long', "['No space left on device', 'None']")

    def test_bad_pointers(self):
        self.prints('''
libc = ctypes.CDLL(None, use_errno=True)
bad = ctypes.c_void_p(8)
for args in ((b'f', b'trusted.a', bad, 4, 0), (b'f', bad, b'1234', 4, 0),
             (bad, b'trusted.a', b'1234', 4, 0)):
    print(libc.setxattr(*args), ctypes.get_errno())''', '-1 14', '-1 14', '-1 14')


class Files(XattrCase):
    """Whose they are."""

    def test_by_link_and_descriptor(self):
        self.prints('''
os.symlink('f', 'l')
os.setxattr('l', 'trusted.a', b'file')
os.setxattr('l', 'trusted.a', b'link', follow_symlinks=False)
fd = os.open('f', os.O_RDONLY)
os.setxattr(fd, 'trusted.b', b'by fd')
print(os.getxattr('f', 'trusted.a'), os.getxattr('l', 'trusted.a', follow_symlinks=False))
print(os.listxattr('l'), os.listxattr('l', follow_symlinks=False), os.listxattr(fd))
os.removexattr(fd, 'trusted.a')
print(os.getxattr(fd, 'trusted.b'), os.listxattr('f'))''',
                    "b'file' b'link'", "['trusted.a', 'trusted.b'] ['trusted.a'] "
                    "['trusted.a', 'trusted.b']", "b'by fd' ['trusted.b']")

    def test_gone_with_the_file(self):
        self.prints('''
for i in range(8):
    open('g', 'w').close()
    print(os.listxattr('g'), end=' ')
    os.setxattr('g', 'trusted.a', b'1')
    os.unlink('g')''', ' '.join(['[]'] * 8) + ' ')

    def test_readonly(self):
        out = self.python("print(attempt(os.setxattr, '/usr/bin/env', 'trusted.a', b'1'))",
                          '--ro-bind', '/', '/', '--bind', self.work(), self.work())
        self.assertEqual(out, 'Read-only file system\n')

    def test_overlay_copies_up(self):
        """A file that an overlay only shows becomes one of its own."""
        for name in ('lower', 'upper', 'w'):
            self.mkdir('work/' + name)
        self.write('work/lower/g', 'text')
        out = self.python("os.setxattr('/mnt/g', 'trusted.a', b'1')\n"
                          "open('/mnt/g', 'a').close()\nprint(os.listxattr('/mnt/g'))",
                          '--bind', '/', '/', '--overlay-src', self.path('work/lower'),
                          '--overlay', self.path('work/upper'), self.path('work/w'), '/mnt')
        self.assertEqual(out, "['trusted.a']\n")

    def test_at_calls(self):
        """setxattrat(2) and the like: Linux 6.13."""
        self.need_kernel(6, 13)
        self.prints('''
libc = ctypes.CDLL(None, use_errno=True)
value = ctypes.create_string_buffer(b'abc')
args = ctypes.create_string_buffer(struct.pack('<QII', ctypes.addressof(value), 3, 0))
here, name, flags = ctypes.c_int(-100), b'trusted.a', ctypes.c_uint(0)
print(libc.syscall(463, here, b'f', flags, name, args, ctypes.c_size_t(16)))
args.raw = struct.pack('<QII', ctypes.addressof(value), 2, 0) + b'\\0'
print(libc.syscall(464, here, b'f', flags, name, args, ctypes.c_size_t(16)), ctypes.get_errno())
room = ctypes.create_string_buffer(20)
print(libc.syscall(465, here, b'f', flags, room, ctypes.c_size_t(20)), room.value)
print(libc.syscall(466, here, b'f', flags, name), os.listxattr('f'))''',
                    '0', '-1 34', "10 b'trusted.a'", '0 []')


class Lists(XattrCase):
    """Access control lists."""

    def test_refused_one(self):
        self.prints('''
os.setxattr('f', ACCESS, FULL)
print(os.getxattr('f', ACCESS) == FULL, oct(os.stat('f').st_mode), os.listxattr('f'))''',
                    "True 0o100674 ['system.posix_acl_access']")

    def test_follows_the_mode(self):
        self.prints('''
os.setxattr('f', ACCESS, FULL)
os.chmod('f', 0o640)
entries = struct.iter_unpack('<HHI', os.getxattr('f', ACCESS)[4:])
print([(tag, perm) for tag, perm, _ in entries])''',
                    '[(1, 6), (2, 5), (4, 4), (16, 4), (32, 0)]')

    def test_of_root_only_is_real(self):
        self.python('''
os.setxattr('f', ACCESS, FULL)
os.setxattr('f', ACCESS, FULL.replace(b'\\x21\\0\\0\\0', bytes(4)))''')
        self.assertEqual(os.listxattr(self.path('work/f')), ['system.posix_acl_access'])

    def test_default(self):
        self.prints('''
os.mkdir('d')
print(attempt(os.setxattr, 'd', DEFAULT, FULL), os.getxattr('d', DEFAULT) == FULL)
print(oct(os.stat('d').st_mode), attempt(os.setxattr, 'f', DEFAULT, FULL))''',
                    'None True', '0o40755 Permission denied')

    def test_malformed(self):
        self.prints('''
print(attempt(os.setxattr, 'f', ACCESS, FULL[:-3]), attempt(os.setxattr, 'f', ACCESS, FULL[:-8]))
os.symlink('f', 'l')
print(attempt(os.setxattr, 'l', ACCESS, FULL, follow_symlinks=False))''',
                    'Invalid argument Invalid argument', 'Operation not supported')

    def test_copied_and_archived(self):
        """By tools: cp -a and tar."""
        self.need('setfacl', 'getfacl')
        r = self.husk(*ON, '--chdir', self.work(), '--', 'sh', '-ec',
                      'touch f; setfacl -m u:33:rwx,g:44:r f; cp -a f g; getfacl -cn g; rm f;'
                      ' tar --acls --xattrs --xattrs-include="*" -cf a.tar g; rm g;'
                      ' tar --acls --xattrs --xattrs-include="*" -xpf a.tar; getfacl -cn g')
        self.assertRuns(r, 'user::rw-\nuser:33:rwx\ngroup::r--\ngroup:44:r--\nmask::rwx\n'
                           'other::r--\n\n' * 2)


main()
