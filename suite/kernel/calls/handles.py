# SPDX-License-Identifier: MIT
"""Files by handles. Source: open_by_handle_at(2); fs/fhandle.c of Linux, mm/shmem.c for tmpfs."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator

from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Dentry, Path
from suite.kernel.kernel import Kernel
from suite.kernel.opening import lenient, open_found
from suite.kernel.registry import CInt, Pointer, call
from suite.kernel.tasks import Task
from suite.kernel.walk import path_of, resolve
from suite.process.uapi import AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_FOLLOW

_HEADER = struct.Struct("<Ii")
"""Of struct file_handle: bytes that follow, and their kind."""
_MOST = 128
_OF_TMPFS = struct.Struct("<IQ")
"""A generation, which is always 0 here, and the number of the inode."""
_KIND = 1


@call("name_to_handle_at")
def name_to_handle_at(
    kernel: Kernel,
    task: Task,
    at: CInt,
    path: Pointer,
    handle: Pointer,
    mount: Pointer,
    flags: CInt,
) -> int:
    """name_to_handle_at(2)."""
    if flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        raise NotModelled("files: flags of name_to_handle_at")
    name = path_of(task, path, may_be_empty=bool(flags & AT_EMPTY_PATH))
    found = resolve(kernel, task, name, at=at, follow=bool(flags & AT_SYMLINK_FOLLOW))
    room = task.memory.integer(handle, 4)
    if room > _MOST:
        raise Errno(errno.EINVAL)
    if found.mount.superblock.kind not in ("tmpfs", "rootfs"):
        raise NotModelled(f"files: handles of {found.mount.superblock.kind}")
    mounts = list(task.namespaces.mounts.root.tree())
    number = mounts.index(found.mount) + 1 if found.mount in mounts else 0
    task.memory.put(mount, number, 4)  # as /proc/PID/mountinfo has it
    task.memory.put(handle, _OF_TMPFS.size, 4)
    if room < _OF_TMPFS.size:
        raise Errno(errno.EOVERFLOW)
    data = _HEADER.pack(_OF_TMPFS.size, _KIND) + _OF_TMPFS.pack(0, found.inode.number)
    task.memory.write(handle, data)
    return 0


@call("open_by_handle_at")
def open_by_handle_at(kernel: Kernel, task: Task, at: CInt, handle: Pointer, flags: CInt) -> int:
    """open_by_handle_at(2): the file is found on the mount of a descriptor."""
    mount = (task.fs.cwd if at == AT_FDCWD else task.files.get(at).path).mount
    if not capable(task.credentials, "DAC_READ_SEARCH", kernel.user):
        if task.credentials.user is not kernel.user:
            raise NotModelled("files: open_by_handle_at in a user namespace")
        raise Errno(errno.EPERM)
    size, kind = _HEADER.unpack(task.memory.read(handle, _HEADER.size))
    if not 0 < size <= _MOST or kind < 0:
        raise Errno(errno.EINVAL)
    data = task.memory.read(handle + _HEADER.size, size)
    if mount.superblock.kind not in ("tmpfs", "rootfs"):
        raise NotModelled(f"files: handles of {mount.superblock.kind}")
    if kind != _KIND or size < _OF_TMPFS.size:
        raise Errno(errno.ESTALE)
    _, number = _OF_TMPFS.unpack_from(data)
    found = next((it for it in _all(mount.superblock.root) if it.inode.number == number), None)
    if found is None:
        if any(it.number == number for it in mount.superblock.inodes):
            raise NotModelled("files: a handle of a file without a name")
        raise Errno(errno.ESTALE)
    file = open_found(kernel, task, Path(mount, found), lenient(flags))
    return task.files.add(file, closes_on_exec=bool(flags & os.O_CLOEXEC))


def _all(folder: Dentry) -> Iterator[Dentry]:
    """All that has a name in a file system, from its root on."""
    yield folder
    for it in folder.children.values():
        yield from _all(it)
