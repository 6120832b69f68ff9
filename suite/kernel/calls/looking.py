# SPDX-License-Identifier: MIT
"""Calls that look at files and change none. Source: fs/stat.c, fs/statfs.c, fs/readdir.c."""

from __future__ import annotations

import errno
import os
import stat
import struct
from dataclasses import replace

from suite.kernel.credentials import inside
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Inode, Path
from suite.kernel.kernel import Kernel
from suite.kernel.memory import PAGE
from suite.kernel.mounts import MS_NOEXEC
from suite.kernel.nodes import Node
from suite.kernel.permissions import require_access
from suite.kernel.registry import CInt, CUint, Pointer, call
from suite.kernel.regular import Directory
from suite.kernel.tasks import Task
from suite.kernel.walk import link_text, lookup, path_of, resolve
from suite.process.uapi import AT_EMPTY_PATH, AT_FDCWD

AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT, AT_EACCESS = 0x100, 0x800, 0x200
_STATX_SYNC = 0x6000
_STATX_ALL = 0x7FF
_STATX_RESERVED = 1 << 31
_MAGIC = {"tmpfs": 0x01021994, "proc": 0x9FA0, "sysfs": 0x62656572}
"""Of statfs(2), by kind of file system. Source: include/uapi/linux/magic.h."""
_BLOCKS = 1 << 16
"""Of each tmpfs; they have a page each."""
_SPECIAL = {stat.S_IFBLK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK}
_ENTRY = struct.Struct("<QqHB")


def found(kernel: Kernel, task: Task, at: int, path: int, flags: int) -> Path:
    """The file that a call names by a descriptor, a path and AT_* flags."""
    name = path_of(task, path, may_be_empty=bool(flags & AT_EMPTY_PATH))
    return resolve(kernel, task, name, at=at, follow=not flags & AT_SYMLINK_NOFOLLOW)


@call("newfstatat")
def newfstatat(
    kernel: Kernel, task: Task, at: CInt, path: Pointer, buffer: Pointer, flags: CInt
) -> int:
    """stat(2)."""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | _STATX_SYNC):
        raise Errno(errno.EINVAL)
    return _put_stat(kernel, task, found(kernel, task, at, path, flags).inode, buffer)


@call("stat")
def stat_(kernel: Kernel, task: Task, path: Pointer, buffer: Pointer) -> int:
    """stat(2)."""
    return newfstatat(kernel, task, AT_FDCWD, path, buffer, 0)


@call("lstat")
def lstat(kernel: Kernel, task: Task, path: Pointer, buffer: Pointer) -> int:
    """stat(2) of a symbolic link itself."""
    return newfstatat(kernel, task, AT_FDCWD, path, buffer, AT_SYMLINK_NOFOLLOW)


@call("fstat")
def fstat(kernel: Kernel, task: Task, fd: CUint, buffer: Pointer) -> int:
    """stat(2) of a descriptor."""
    return _put_stat(kernel, task, task.files.get(fd, or_path=True).inode, buffer)


def _put_stat(kernel: Kernel, task: Task, inode: Inode, buffer: int) -> int:
    """Write a struct stat of x86_64; there are no times."""
    if task.arch != "x86_64":
        raise NotModelled("files: struct stat of i386")
    device, size = inode.superblock.device, len(inode.data)
    head = struct.pack(
        "<QQQIIIIQqqq",
        device, inode.number, inode.links, inode.mode, *_owner(kernel, task, inode), 0,
        inode.device, size, 4096, (size + 511) // 512,
    )  # fmt: skip
    task.memory.write(buffer, head.ljust(144, b"\0"))
    return 0


def _owner(kernel: Kernel, task: Task, inode: Inode) -> tuple[int, int]:
    if isinstance(inode.node, Node):
        inode.node.refresh(kernel, inode)
    user = task.credentials.user
    return inside(user.uid_map, inode.uid), inside(user.gid_map, inode.gid)


@call("statx")
def statx(
    kernel: Kernel, task: Task, at: CInt, path: Pointer, flags: CInt, mask: CUint, buffer: Pointer
) -> int:
    """statx(2) of what stat(2) tells, too, but for times."""
    if mask & _STATX_RESERVED or flags & _STATX_SYNC == _STATX_SYNC:
        raise Errno(errno.EINVAL)
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | _STATX_SYNC):
        raise Errno(errno.EINVAL)
    inode = found(kernel, task, at, path, flags).inode
    size = len(inode.data)
    head = struct.pack(
        "<IIQIIIHHQQQQ",
        _STATX_ALL, 4096, 0, inode.links, *_owner(kernel, task, inode), inode.mode, 0,
        inode.number, size, (size + 511) // 512, 0,
    )  # fmt: skip
    devices = struct.pack("<IIII", *_numbers(inode.device), *_numbers(inode.superblock.device))
    task.memory.write(buffer, (head.ljust(128, b"\0") + devices).ljust(256, b"\0"))
    return 0


def _numbers(device: int) -> tuple[int, int]:
    return os.major(device), os.minor(device)


@call("statfs")
def statfs(kernel: Kernel, task: Task, path: Pointer, buffer: Pointer) -> int:
    """statfs(2)."""
    return _put_statfs(task, resolve(kernel, task, path_of(task, path)), buffer)


@call("fstatfs")
def fstatfs(kernel: Kernel, task: Task, fd: CUint, buffer: Pointer) -> int:
    """statfs(2) of a descriptor."""
    return _put_statfs(task, task.files.get(fd, or_path=True).path, buffer)


def _put_statfs(task: Task, path: Path, buffer: int) -> int:
    kind = path.mount.superblock.kind
    if task.arch != "x86_64" or kind not in _MAGIC:
        raise NotModelled(f"files: statfs of {kind}")
    total = _BLOCKS if kind == "tmpfs" else 0
    used = sum((len(it.data) + PAGE - 1) // PAGE for it in path.mount.superblock.inodes)
    free = max(0, total - used)
    sizes = struct.pack("<qqQQQQQQQ", _MAGIC[kind], PAGE, total, free, free, 0, 0, 0, 255)
    task.memory.write(buffer, sizes.ljust(120, b"\0"))
    return 0


@call("faccessat2")
def faccessat2(kernel: Kernel, task: Task, at: CInt, path: Pointer, mode: CInt, flags: CInt) -> int:
    """access(2): with the real ids, unless AT_EACCESS is given."""
    if mode & ~7 or flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise Errno(errno.EINVAL)
    was = task.credentials
    if not flags & AT_EACCESS:
        is_root = was.uid == _root_of(task)
        effective = was.permitted if is_root else 0
        task.credentials = replace(was, fsuid=was.uid, fsgid=was.gid, effective=effective)
    try:
        _require_mode(kernel, task, found(kernel, task, at, path, flags), mode)
    finally:
        task.credentials = was
    return 0


def _root_of(task: Task) -> int | None:
    """The id of root in the user namespace of a task."""
    ranges = task.credentials.user.uid_map
    return next((there for first, there, count in ranges if first == 0 and count), None)


def _require_mode(kernel: Kernel, task: Task, path: Path, mode: int) -> None:
    inode = path.inode
    if mode & os.X_OK and inode.kind == stat.S_IFREG and path.mount.flags & MS_NOEXEC:
        raise Errno(errno.EACCES)
    require_access(kernel, task, inode, mode)
    if mode & os.W_OK and inode.kind not in _SPECIAL and path.mount.read_only:
        raise Errno(errno.EROFS)


@call("faccessat")
def faccessat(kernel: Kernel, task: Task, at: CInt, path: Pointer, mode: CInt) -> int:
    """access(2)."""
    return faccessat2(kernel, task, at, path, mode, 0)


@call("access")
def access(kernel: Kernel, task: Task, path: Pointer, mode: CInt) -> int:
    """access(2)."""
    return faccessat2(kernel, task, AT_FDCWD, path, mode, 0)


@call("readlinkat")
def readlinkat(
    kernel: Kernel, task: Task, at: CInt, path: Pointer, buffer: Pointer, size: CInt
) -> int:
    """readlink(2); an empty path is the link that was opened with O_PATH (do_readlinkat)."""
    if size <= 0:
        raise Errno(errno.EINVAL)
    name = path_of(task, path, may_be_empty=True)
    link = resolve(kernel, task, name, at=at, follow=False)
    if link.inode.kind != stat.S_IFLNK:
        raise Errno(errno.EINVAL if name else errno.ENOENT)
    text = link_text(kernel, task, link.dentry).encode("utf-8", "surrogateescape")[:size]
    task.memory.write(buffer, text)
    return len(text)


@call("readlink")
def readlink(kernel: Kernel, task: Task, path: Pointer, buffer: Pointer, size: CInt) -> int:
    """readlink(2)."""
    return readlinkat(kernel, task, AT_FDCWD, path, buffer, size)


@call("getdents64")
def getdents64(kernel: Kernel, task: Task, fd: CUint, buffer: Pointer, size: CUint) -> int:
    """getdents64(2): what is there in the order in which it came."""
    file = task.files.get(fd)
    if not isinstance(file, Directory):
        raise Errno(errno.ENOTDIR)
    if file.path.dentry.is_removed:
        raise Errno(errno.ENOENT)
    entries = _entries(kernel, task, file.path)[file.position :]
    data = b""
    for name, inode in entries:
        entry = name.encode("utf-8", "surrogateescape") + b"\0"
        length = (_ENTRY.size + len(entry) + 7) // 8 * 8
        if len(data) + length > size:
            break
        file.position += 1
        head = _ENTRY.pack(inode.number, file.position, length, inode.mode >> 12)
        data += (head + entry).ljust(length, b"\0")
    if entries and not data:
        raise Errno(errno.EINVAL)
    task.memory.write(buffer, data)
    return len(data)


def _entries(kernel: Kernel, task: Task, folder: Path) -> list[tuple[str, Inode]]:
    """Names in a directory, and the files."""
    dentry, node = folder.dentry, folder.inode.node
    names = node.names(kernel, task, dentry) if isinstance(node, Node) else list(dentry.children)
    files = ((name, lookup(kernel, task, dentry, name)) for name in names)
    listed = [(name, it.inode) for name, it in files if it is not None]
    return [(".", dentry.inode), ("..", dentry.parent.inode), *listed]
