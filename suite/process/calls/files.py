# SPDX-License-Identifier: MIT
"""Typed calls on files, directories and mounts."""

import mmap
import os
import stat

from suite.packed import Form, packed
from suite.process.calls.base import Caller
from suite.process.promise import Call
from suite.process.uapi import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_REMOVEDIR,
    FAN_CLOEXEC,
    FAN_EVENT_ON_CHILD,
    FAN_MARK_ADD,
    FAN_NONBLOCK,
    FAN_OPEN,
    MFD_CLOEXEC,
    MOVE_MOUNT_F_EMPTY_PATH,
    MS_BIND,
)
from suite.values import Argument, Fd, InOut, Out, Pack

O_PATH = os.O_PATH
_HANDLE_HEADER, _MAX_HANDLE = 8, 128
_POLLIN = 1


def entries(data: bytes) -> str:
    """The form of what getdents64(2) gives on a big-endian target: struct linux_dirent64."""
    forms, at = [], 0
    while size := int.from_bytes(data[at + 16 : at + 18]):
        forms.append(f"QqHB{size - 19}s")
        at += size
    return "".join(forms)


class Files(Caller):
    """open(2) and its kin. Paths are strings, relative to ``at``; all fds are close-on-exec."""

    def open(self, path: str, flags: int, mode: int = 0o666, *, at: Fd = AT_FDCWD) -> Call:
        """openat(2): a file descriptor."""
        return self.syscall("openat", at, path, flags | os.O_CLOEXEC, mode)

    def open_resolved(
        self, path: str, flags: int, resolve: int = 0, mode: int = 0, *, at: Fd = AT_FDCWD
    ) -> Call:
        """openat2(2): a file descriptor."""
        how = packed("3Q", flags | os.O_CLOEXEC, mode, resolve)
        return self.syscall("openat2", at, path, how, len(how))

    def file_handle(self, path: str) -> bytes:
        """name_to_handle_at(2): a struct file_handle, at once."""
        handle = InOut(packed("Ii", _MAX_HANDLE, 0) + bytes(_MAX_HANDLE))
        call = self.syscall("name_to_handle_at", AT_FDCWD, path, handle, Out(4), 0)
        return call.data[: _HANDLE_HEADER + _MAX_HANDLE]

    def open_handle(self, mount: Fd, handle: bytes, flags: int) -> Call:
        """open_by_handle_at(2) on the mount that this file descriptor (not O_PATH) is on."""
        return self.syscall("open_by_handle_at", mount, handle, flags | os.O_CLOEXEC)

    def close(self, fd: Fd) -> Call:
        """close(2)."""
        return self.syscall("close", fd)

    def read(self, fd: Fd, size: int, form: Form = "") -> Call:
        """read(2): the bytes are the call's ``data``."""
        return self.syscall("read", fd, Out(size, form), size)

    def write(self, fd: Fd, data: bytes) -> Call:
        """write(2)."""
        return self.syscall("write", fd, data, len(data))

    def lseek(self, fd: Fd, offset: int) -> Call:
        """lseek(2) from the start."""
        return self.syscall("lseek", fd, offset, os.SEEK_SET)

    def write_file(self, path: str, data: bytes, mode: int = 0o666) -> Call:
        """Create or replace a file with this content."""
        fd = self.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        if data:
            self.write(fd, data)
        return self.close(fd)

    def copy_file(self, old: str, new: str, mode: int = 0o777) -> Call:
        """Create a file with the content of another one, of whatever file system."""
        source = self.open(old, os.O_RDONLY)
        fd = self.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        self.sendfile(fd, source)
        self.close(source)
        return self.close(fd)

    def read_file(self, path: str, size: int = 65536) -> bytes:
        """The first bytes of a file, at once."""
        fd = self.open(path, os.O_RDONLY)
        call = self.read(fd, size)
        self.close(fd)
        return call.data[: call.value]

    def mkdir(self, path: str, mode: int = 0o777, *, at: Fd = AT_FDCWD) -> Call:
        """mkdirat(2)."""
        return self.syscall("mkdirat", at, path, mode)

    def mknod(self, path: str, kind: int, device: int = 0, *, at: Fd = AT_FDCWD) -> Call:
        """mknodat(2) of a kind of ``stat``, such as ``S_IFIFO``."""
        return self.syscall("mknodat", at, path, kind | 0o666, device)

    def mkfifo(self, path: str) -> Call:
        """mknodat(2) of a named pipe."""
        return self.mknod(path, stat.S_IFIFO)

    def symlink(self, content: str, path: str, *, at: Fd = AT_FDCWD) -> Call:
        """symlinkat(2)."""
        return self.syscall("symlinkat", content, at, path)

    def link(self, old: str, new: str, flags: int = 0) -> Call:
        """linkat(2)."""
        return self.syscall("linkat", AT_FDCWD, old, AT_FDCWD, new, flags)

    def link_fd(self, fd: Fd, new: str) -> Call:
        """linkat(2) of an open file (AT_EMPTY_PATH)."""
        return self.syscall("linkat", fd, "", AT_FDCWD, new, AT_EMPTY_PATH)

    def rename(self, old: str, new: str, flags: int = 0) -> Call:
        """renameat2(2)."""
        return self.syscall("renameat2", AT_FDCWD, old, AT_FDCWD, new, flags)

    def unlink(self, path: str, *, at: Fd = AT_FDCWD) -> Call:
        """unlinkat(2) of what is no directory."""
        return self.syscall("unlinkat", at, path, 0)

    def rmdir(self, path: str, *, at: Fd = AT_FDCWD) -> Call:
        """unlinkat(2) of a directory."""
        return self.syscall("unlinkat", at, path, AT_REMOVEDIR)

    def truncate(self, path: str, size: int = 0) -> Call:
        """truncate(2)."""
        return self.syscall("truncate", path, size)

    def ftruncate(self, fd: Fd, size: int = 0) -> Call:
        """ftruncate(2)."""
        return self.syscall("ftruncate", fd, size)

    def ioctl(self, fd: Fd, command: int, argument: Argument = 0) -> Call:
        """ioctl(2)."""
        return self.syscall("ioctl", fd, command, argument)

    def fallocate(self, fd: Fd, mode: int, offset: int, size: int) -> Call:
        """fallocate(2)."""
        return self.syscall("fallocate", fd, mode, offset, size)

    def fcntl(self, fd: Fd, command: int, argument: Argument = 0) -> Call:
        """fcntl(2)."""
        return self.syscall("fcntl", fd, command, argument)

    def dup(self, fd: Fd) -> Call:
        """dup(2)."""
        return self.syscall("dup", fd)

    def dup_to(self, fd: Fd, number: int) -> Call:
        """dup3(2): a number that is known beforehand, such as for a path in /proc/self/fd."""
        return self.syscall("dup3", fd, number, os.O_CLOEXEC)

    def chdir(self, path: str) -> Call:
        """chdir(2)."""
        return self.syscall("chdir", path)

    def chroot(self, path: str) -> Call:
        """chroot(2)."""
        return self.syscall("chroot", path)

    def stat(self, path: str) -> Call:
        """newfstatat(2): the call's ``data`` begins with the device and the inode, 8 bytes each."""
        return self.syscall("newfstatat", AT_FDCWD, path, Out(256, "2Q"), 0)

    def access(self, path: str, mode: int, *, at: Fd = AT_FDCWD) -> Call:
        """faccessat(2)."""
        return self.syscall("faccessat", at, path, mode)

    def readlink(self, path: str) -> Call:
        """readlinkat(2)."""
        return self.syscall("readlinkat", AT_FDCWD, path, Out(256), 256)

    def chmod(self, path: str, mode: int) -> Call:
        """fchmodat(2)."""
        return self.syscall("fchmodat", AT_FDCWD, path, mode)

    def chown(self, path: str, owner: int, group: int) -> Call:
        """fchownat(2); -1 leaves one as it is."""
        return self.syscall("fchownat", AT_FDCWD, path, owner, group, 0)

    def touch(self, path: str) -> Call:
        """utimensat(2): set both times to now."""
        return self.syscall("utimensat", AT_FDCWD, path, None, 0)

    def mount(
        self, source: str, target: str, kind: str | None, flags: int = 0, data: str | None = None
    ) -> Call:
        """mount(2)."""
        return self.syscall("mount", source, target, kind, flags, data)

    def bind_mount(self, source: str, target: str) -> Call:
        """mount(2) with MS_BIND."""
        return self.mount(source, target, None, MS_BIND)

    def umount(self, path: str, flags: int = 0) -> Call:
        """umount2(2)."""
        return self.syscall("umount2", path, flags)

    def pivot_root(self, new: str, old: str) -> Call:
        """pivot_root(2)."""
        return self.syscall("pivot_root", new, old)

    def open_tree(self, path: str, flags: int) -> Call:
        """open_tree(2): a file descriptor."""
        return self.syscall("open_tree", AT_FDCWD, path, flags | os.O_CLOEXEC)

    def move_mount(self, source: str, target: str) -> Call:
        """move_mount(2) from path to path."""
        return self.syscall("move_mount", AT_FDCWD, source, AT_FDCWD, target, 0)

    def attach_mount(self, fd: Fd, target: str) -> Call:
        """move_mount(2) of a detached mount."""
        return self.syscall("move_mount", fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH)

    def list_dir(self, fd: Fd) -> Call:
        """getdents64(2)."""
        return self.syscall("getdents64", fd, Out(4096, entries), 4096)

    def pipe(self) -> Call:
        """pipe2(2): two 4-byte fds in the call's ``data``."""
        return self.syscall("pipe2", Out(8, "2i"), os.O_CLOEXEC)

    def poll(self, fd: Fd, *, wait: bool = True) -> Call:
        """ppoll(2) of something to read: 1, or 0 where there is nothing and none is waited for."""
        entry = Pack(((4, fd), (2, _POLLIN), bytes(2)))
        return self.syscall("ppoll", entry, 1, None if wait else bytes(16), None, 8)

    def memfd_create(self) -> Call:
        """memfd_create(2): a file descriptor."""
        return self.syscall("memfd_create", "", MFD_CLOEXEC)

    def sendfile(self, receiver: Fd, source: Fd, size: int = 1 << 20) -> Call:
        """sendfile(2): append up to this many bytes of a file to another one."""
        return self.syscall("sendfile", receiver, source, None, size)

    def eventfd(self) -> Call:
        """eventfd2(2): a file descriptor."""
        return self.syscall("eventfd2", 0, os.O_CLOEXEC)

    def epoll_create(self) -> Call:
        """epoll_create1(2): a file descriptor."""
        return self.syscall("epoll_create1", os.O_CLOEXEC)

    def set_xattr(self, path: str, name: str, value: bytes) -> Call:
        """setxattr(2)."""
        return self.syscall("setxattr", path, name, value, len(value), 0)

    def inotify(self) -> Call:
        """inotify_init1(2), nonblocking: a file descriptor."""
        return self.syscall("inotify_init1", os.O_CLOEXEC | os.O_NONBLOCK)

    def watch(self, inotify: Fd, path: str, mask: int) -> Call:
        """inotify_add_watch(2)."""
        return self.syscall("inotify_add_watch", inotify, path, mask)

    def fanotify(self, flags: int = 0) -> Call:
        """fanotify_init(2) for notifications, nonblocking: a file descriptor."""
        return self.syscall("fanotify_init", flags | FAN_CLOEXEC | FAN_NONBLOCK, os.O_RDONLY)

    def watch_by_fanotify(self, fanotify: Fd, path: str) -> Call:
        """fanotify_mark(2): who opens it or what is in it."""
        mask = FAN_OPEN | FAN_EVENT_ON_CHILD
        return self.syscall("fanotify_mark", fanotify, FAN_MARK_ADD, mask, AT_FDCWD, path)

    def map_shared(self, fd: Fd, protection: int, flags: int = 0) -> Call:
        """mmap(2) of a page with MAP_SHARED: its address."""
        return self.syscall("mmap", 0, 4096, protection, mmap.MAP_SHARED | flags, fd, 0)
