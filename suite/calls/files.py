# SPDX-License-Identifier: MIT
"""Typed calls on files, directories and mounts."""

import os
import stat
from typing import TypeAlias

from suite.calls.base import Caller
from suite.session import Argument, Call, Int, Out

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
O_PATH = os.O_PATH
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
MS_RDONLY, MS_REMOUNT, MS_MOVE = 1 << 0, 1 << 5, 1 << 13
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
MNT_DETACH = 2
MOVE_MOUNT_F_EMPTY_PATH = 4
OPEN_TREE_CLONE = 1
FIGETBSZ, FIONREAD, FIONBIO = 2, 0x541B, 0x5421
FIONCLEX, FIOCLEX, FIOASYNC = 0x5450, 0x5451, 0x5452
RNDGETENTCNT = 0x80045200
"""What the driver of /dev/random answers to everybody."""

Fd: TypeAlias = int | Call | Int


class Files(Caller):
    """open(2) and its kin. Paths are strings, relative to ``at``; all fds are close-on-exec."""

    def open(self, path: str, flags: int, mode: int = 0o666, *, at: Fd = AT_FDCWD) -> Call:
        """openat(2): a file descriptor."""
        return self.syscall("openat", at, path, flags | os.O_CLOEXEC, mode)

    def close(self, fd: Fd) -> Call:
        """close(2)."""
        return self.syscall("close", fd)

    def read(self, fd: Fd, size: int) -> Call:
        """read(2): the bytes are the call's ``data``."""
        return self.syscall("read", fd, Out(size), size)

    def write(self, fd: Fd, data: bytes) -> Call:
        """write(2)."""
        return self.syscall("write", fd, data, len(data))

    def write_file(self, path: str, data: bytes, mode: int = 0o666) -> Call:
        """Create or replace a file with this content."""
        fd = self.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        if data:
            self.write(fd, data)
        return self.close(fd)

    def read_file(self, path: str, size: int = 65536) -> bytes:
        """The first bytes of a file, at once."""
        fd = self.open(path, os.O_RDONLY)
        call = self.read(fd, size)
        self.close(fd)
        return call.data[: call.value]

    def mkdir(self, path: str, mode: int = 0o777) -> Call:
        """mkdirat(2)."""
        return self.syscall("mkdirat", AT_FDCWD, path, mode)

    def mknod(self, path: str, kind: int, device: int = 0) -> Call:
        """mknodat(2) of a kind of ``stat``, such as ``S_IFIFO``."""
        return self.syscall("mknodat", AT_FDCWD, path, kind | 0o666, device)

    def mkfifo(self, path: str) -> Call:
        """mknodat(2) of a named pipe."""
        return self.mknod(path, stat.S_IFIFO)

    def symlink(self, content: str, path: str) -> Call:
        """symlinkat(2)."""
        return self.syscall("symlinkat", content, AT_FDCWD, path)

    def link(self, old: str, new: str) -> Call:
        """linkat(2)."""
        return self.syscall("linkat", AT_FDCWD, old, AT_FDCWD, new, 0)

    def rename(self, old: str, new: str, flags: int = 0) -> Call:
        """renameat2(2)."""
        return self.syscall("renameat2", AT_FDCWD, old, AT_FDCWD, new, flags)

    def unlink(self, path: str) -> Call:
        """unlinkat(2) of what is no directory."""
        return self.syscall("unlinkat", AT_FDCWD, path, 0)

    def rmdir(self, path: str) -> Call:
        """unlinkat(2) of a directory."""
        return self.syscall("unlinkat", AT_FDCWD, path, 0x200)

    def truncate(self, path: str, size: int = 0) -> Call:
        """truncate(2)."""
        return self.syscall("truncate", path, size)

    def ftruncate(self, fd: Fd, size: int = 0) -> Call:
        """ftruncate(2)."""
        return self.syscall("ftruncate", fd, size)

    def ioctl(self, fd: Fd, command: int, argument: Argument = 0) -> Call:
        """ioctl(2)."""
        return self.syscall("ioctl", fd, command, argument)

    def fcntl(self, fd: Fd, command: int, argument: Argument = 0) -> Call:
        """fcntl(2)."""
        return self.syscall("fcntl", fd, command, argument)

    def dup(self, fd: Fd) -> Call:
        """dup(2)."""
        return self.syscall("dup", fd)

    def chdir(self, path: str) -> Call:
        """chdir(2)."""
        return self.syscall("chdir", path)

    def chroot(self, path: str) -> Call:
        """chroot(2)."""
        return self.syscall("chroot", path)

    def stat(self, path: str) -> Call:
        """newfstatat(2)."""
        return self.syscall("newfstatat", AT_FDCWD, path, Out(256), 0)

    def access(self, path: str, mode: int) -> Call:
        """faccessat(2)."""
        return self.syscall("faccessat", AT_FDCWD, path, mode)

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

    def mount(self, source: str, target: str, kind: str | None, flags: int = 0) -> Call:
        """mount(2)."""
        return self.syscall("mount", source, target, kind, flags, None)

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
        return self.syscall("getdents64", fd, Out(4096), 4096)

    def pipe(self) -> Call:
        """pipe2(2): two 4-byte fds in the call's ``data``."""
        return self.syscall("pipe2", Out(8), os.O_CLOEXEC)
