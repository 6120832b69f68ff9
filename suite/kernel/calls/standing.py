# SPDX-License-Identifier: MIT
"""Where a process stands: its root, its working directory, its umask. Source: fs/open.c."""

from __future__ import annotations

import errno
from os import X_OK

from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Path
from suite.kernel.kernel import Kernel
from suite.kernel.mounts import is_reachable, name_of
from suite.kernel.permissions import require_access
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.tasks import Task
from suite.kernel.walk import path_of, resolve

_FAILFS_ROOT = -10004
"""FD_FAILFS_ROOT. Source: include/uapi/linux/fcntl.h."""


@call("chdir")
def chdir(kernel: Kernel, task: Task, path: Pointer) -> int:
    """chdir(2)."""
    found = _folder(kernel, task, path)
    task.fs.cwd = found
    return 0


@call("fchdir")
def fchdir(kernel: Kernel, task: Task, fd: CUint) -> int:
    """fchdir(2)."""
    path = task.files.get(fd, or_path=True).path
    if not path.inode.is_dir:
        raise Errno(errno.ENOTDIR)
    require_access(kernel, task, path.inode, X_OK)
    task.fs.cwd = path
    return 0


@call("chroot")
def chroot(kernel: Kernel, task: Task, path: Pointer) -> int:
    """chroot(2)."""
    found = _folder(kernel, task, path)
    require(task.credentials, "SYS_CHROOT", task.credentials.user)
    task.fs.root = found
    return 0


def _folder(kernel: Kernel, task: Task, path: int) -> Path:
    """A directory that may be searched."""
    found = resolve(kernel, task, path_of(task, path), directory=True)
    require_access(kernel, task, found.inode, X_OK)
    return found


@call("fchroot")
def fchroot(kernel: Kernel, task: Task, fd: CInt, flags: CUint) -> int:
    """chroot(2) to an open directory."""
    if flags:
        raise Errno(errno.EINVAL)
    if fd == _FAILFS_ROOT:
        raise NotModelled("files: fchroot to FD_FAILFS_ROOT")
    path = task.files.get(fd, or_path=True).path
    if not path.inode.is_dir:
        raise Errno(errno.ENOTDIR)
    require_access(kernel, task, path.inode, X_OK)
    require(task.credentials, "SYS_CHROOT", task.credentials.user)
    task.fs.root = path
    return 0


@call("getcwd")
def getcwd(kernel: Kernel, task: Task, buffer: Pointer, size: CUlong) -> int:
    """getcwd(2); its value is the length with the zero at the end."""
    cwd, root = task.fs.cwd, task.fs.root
    if cwd.dentry.is_removed:
        raise Errno(errno.ENOENT)
    text = name_of(cwd, root)
    if not is_reachable(cwd, root):
        text = f"(unreachable){text}"
    data = text.encode("utf-8", "surrogateescape") + b"\0"
    if len(data) > size:
        raise Errno(errno.ERANGE)
    task.memory.write(buffer, data)
    return len(data)


@call("umask")
def umask(kernel: Kernel, task: Task, mask: CInt) -> int:
    """umask(2)."""
    was, task.fs.umask = task.fs.umask, mask & 0o777
    return was
