# SPDX-License-Identifier: MIT
"""Commands on open files: those of the VFS, then those of the file's own kind.

Source: ioctl(2); fs/ioctl.c, do_vfs_ioctl() and the functions that are named below.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable

from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import COMMANDS, Special
from suite.kernel.open_files import File
from suite.kernel.permissions import require_writable
from suite.kernel.registry import CUint, CUlong, call
from suite.kernel.tasks import Task
from suite.process.calls import ioctls
from suite.process.uapi import F_SETOWN

_BLOCK = 4096
_ATTRIBUTED = {"tmpfs", "rootfs", "ramfs"}
"""File systems whose directories and regular files have attributes (ioctl_iflags(2))."""


class _NoCommand(Exception):  # noqa: N818 (it is for the driver, then)
    """ENOIOCTLCMD."""


Command = Callable[[Kernel, Task, File, int], int]
"""Given the system, who calls, the file and the argument."""


@call("ioctl")
def ioctl(kernel: Kernel, task: Task, fd: CUint, command: CUint, argument: CUlong) -> int:
    """Perform a command."""
    file = task.files.get(fd)
    is_compat = task.arch == "i386"
    kernel.hooks.file_ioctl(task, file, command, compat=is_compat)
    if command in (ioctls.FIOCLEX, ioctls.FIONCLEX):
        task.files.slots[fd].closes_on_exec = command == ioctls.FIOCLEX
        return 0
    perform = (_COMPAT if is_compat else {}).get(command) or _OF_ALL.get(command)
    if perform is None and file.inode.kind == stat.S_IFREG and not is_anonymous(file):
        perform = _OF_REGULAR.get(command)
    if perform is not None:
        try:
            return perform(kernel, task, file, argument)
        except _NoCommand:
            pass
    return driver(kernel, task, file, command, argument)


def driver(kernel: Kernel, task: Task, file: File, command: int, argument: int) -> int:
    """What a kind of file does itself (vfs_ioctl); most know no command at all."""
    if file.inode.kind == stat.S_IFSOCK and command in (ioctls.FIOSETOWN, ioctls.SIOCSPGRP):
        owner = task.memory.integer(argument, 4, signed=True)
        return COMMANDS[F_SETOWN](kernel, task, file, owner)
    if isinstance(file, Special):
        return file.ioctl(kernel, task, command, argument)
    raise Errno(errno.ENOTTY)


def is_anonymous(file: File) -> bool:
    """Whether it is on no file system that anybody could see, such as an eventfd (IS_ANON_FILE)."""
    return file.inode.superblock.kind == "anon_inodefs"


def _set_nonblocking(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    on = task.memory.integer(argument, 4)
    file.flags = file.flags | os.O_NONBLOCK if on else file.flags & ~os.O_NONBLOCK
    return 0


def _set_async(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    on = bool(task.memory.integer(argument, 4))
    if on != bool(file.flags & os.O_ASYNC):
        raise NotModelled("ioctl: FIOASYNC")
    return 0


def _quota_size(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    if file.inode.kind not in (stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK) or is_anonymous(file):
        raise Errno(errno.ENOTTY)
    blocks = -(-len(file.inode.data) // _BLOCK)
    task.memory.put(argument, blocks * _BLOCK, 8)
    return 0


def _freeze(kernel: Kernel, task: Task, file: File, _argument: int) -> int:
    """None of the file systems here can be frozen."""
    require(task.credentials, "SYS_ADMIN", file.inode.superblock.user or kernel.user)
    raise Errno(errno.EOPNOTSUPP)


def _thaw(kernel: Kernel, task: Task, file: File, _argument: int) -> int:
    require(task.credentials, "SYS_ADMIN", file.inode.superblock.user or kernel.user)
    raise Errno(errno.EINVAL)


def _extents(_kernel: Kernel, _task: Task, _file: File, _argument: int) -> int:
    raise Errno(errno.EOPNOTSUPP)


def _block_size(_kernel: Kernel, task: Task, _file: File, argument: int) -> int:
    task.memory.put(argument, _BLOCK, 4)
    return 0


def _clone(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    return _cloned(file, task.files.get(argument & 0xFFFFFFFF))


def _clone_range(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    source = struct.unpack("<4Q", task.memory.read(argument, 32))[0]
    return _cloned(file, task.files.get(source & 0xFFFFFFFF))


def _cloned(file: File, source: File) -> int:
    """vfs_clone_file_range, as far as a file system without reflinks lets it come."""
    if source.inode.superblock is not file.inode.superblock:
        raise Errno(errno.EXDEV)
    if file.inode.is_dir or source.inode.is_dir:
        raise Errno(errno.EISDIR)
    if not file.inode.kind == source.inode.kind == stat.S_IFREG:
        raise Errno(errno.EINVAL)
    if not (source.reads and file.writes) or file.flags & os.O_APPEND:
        raise Errno(errno.EBADF)
    raise Errno(errno.EOPNOTSUPP)


def _dedupe_range(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    count = task.memory.integer(argument + 16, 2)
    _start, _size, _count, *reserved = struct.unpack("<2QHHI", task.memory.read(argument, 24))
    if not file.reads:
        raise Errno(errno.EINVAL)
    if any(reserved):
        raise Errno(errno.EINVAL)
    if file.inode.is_dir:
        raise Errno(errno.EISDIR)
    if file.inode.kind != stat.S_IFREG:
        raise Errno(errno.EINVAL)
    if count:
        raise NotModelled("ioctl: FIDEDUPERANGE")
    raise Errno(errno.EOPNOTSUPP)


def _unread(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    if file.inode.kind != stat.S_IFREG or is_anonymous(file):
        raise _NoCommand
    task.memory.put(argument, len(file.inode.data) - file.position, 4)
    return 0


def _has_attributes(file: File) -> bool:
    kinds = (stat.S_IFREG, stat.S_IFDIR)
    return file.inode.superblock.kind in _ATTRIBUTED and file.inode.kind in kinds


def _get_flags(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    if not _has_attributes(file):
        raise _NoCommand
    task.memory.put(argument, 0, 4)
    return 0


def _set_flags(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    flags = task.memory.integer(argument, 4)
    require_writable(file.path.mount)
    if not _has_attributes(file):
        raise _NoCommand
    if flags:
        raise NotModelled("ioctl: FS_IOC_SETFLAGS")
    return 0


def _get_xattr(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    if not _has_attributes(file):
        raise _NoCommand
    task.memory.write(argument, bytes(28))
    return 0


def _set_xattr(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    attributes = task.memory.read(argument, 28)
    require_writable(file.path.mount)
    if not _has_attributes(file):
        raise _NoCommand
    if any(attributes):
        raise NotModelled("ioctl: FS_IOC_FSSETXATTR")
    return 0


def _uuid(_kernel: Kernel, task: Task, file: File, argument: int) -> int:
    if file.inode.superblock.kind not in ("tmpfs", "devtmpfs"):
        raise Errno(errno.ENOTTY)
    number = file.inode.superblock.device.to_bytes(16, "little")
    task.memory.write(argument, bytes([16]) + number)
    return 0


def _sysfs_path(_kernel: Kernel, _task: Task, _file: File, _argument: int) -> int:
    raise Errno(errno.ENOTTY)


def _block_map(kernel: Kernel, task: Task, _file: File, argument: int) -> int:
    require(task.credentials, "SYS_RAWIO", kernel.user)
    task.memory.read(argument, 4)
    raise Errno(errno.EINVAL)


def _reserve(length_at: int, size: int) -> Command:
    """fallocate(2) by its old commands (ioctl_preallocate)."""

    def perform(_kernel: Kernel, task: Task, _file: File, argument: int) -> int:
        raw = task.memory.read(argument, size)
        whence = int.from_bytes(raw[2:4], "little")
        length = int.from_bytes(raw[length_at : length_at + 8], "little", signed=True)
        if whence > 2 or length <= 0:
            raise Errno(errno.EINVAL)
        raise NotModelled("ioctl: reserving space")

    return perform


_OF_ALL: dict[int, Command] = {
    ioctls.FIONBIO: _set_nonblocking,
    ioctls.FIOASYNC: _set_async,
    ioctls.FIOQSIZE: _quota_size,
    ioctls.FIFREEZE: _freeze,
    ioctls.FITHAW: _thaw,
    ioctls.FS_IOC_FIEMAP: _extents,
    ioctls.FIGETBSZ: _block_size,
    ioctls.FICLONE: _clone,
    ioctls.FICLONERANGE: _clone_range,
    ioctls.FIDEDUPERANGE: _dedupe_range,
    ioctls.FIONREAD: _unread,
    ioctls.FS_IOC_GETFLAGS: _get_flags,
    ioctls.FS_IOC_SETFLAGS: _set_flags,
    ioctls.FS_IOC_FSGETXATTR: _get_xattr,
    ioctls.FS_IOC_FSSETXATTR: _set_xattr,
    ioctls.FS_IOC_GETFSUUID: _uuid,
    ioctls.FS_IOC_GETFSSYSFSPATH: _sysfs_path,
}
_OF_REGULAR: dict[int, Command] = {
    ioctls.FIBMAP: _block_map,
    ioctls.FS_IOC_RESVSP: _reserve(16, 48),
    ioctls.FS_IOC_UNRESVSP: _reserve(16, 48),
    ioctls.FS_IOC_RESVSP64: _reserve(16, 48),
    ioctls.FS_IOC_UNRESVSP64: _reserve(16, 48),
    ioctls.FS_IOC_ZERO_RANGE: _reserve(16, 48),
}
_COMPAT: dict[int, Command] = {
    ioctls.FS_IOC32_GETFLAGS: _get_flags,
    ioctls.FS_IOC32_SETFLAGS: _set_flags,
    ioctls.FS_IOC_RESVSP_32: _reserve(12, 44),
    ioctls.FS_IOC_UNRESVSP_32: _reserve(12, 44),
    ioctls.FS_IOC_RESVSP64_32: _reserve(12, 44),
    ioctls.FS_IOC_UNRESVSP64_32: _reserve(12, 44),
    ioctls.FS_IOC_ZERO_RANGE_32: _reserve(12, 44),
}
"""What a 32-bit program calls otherwise."""
