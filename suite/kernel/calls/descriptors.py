# SPDX-License-Identifier: MIT
"""Calls on descriptors themselves. Source: fs/file.c, fs/fcntl.c of Linux."""

from __future__ import annotations

import errno
import fcntl as _fcntl
import os

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Inode
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import COMMANDS, Special
from suite.kernel.open_files import File, FileTable
from suite.kernel.registry import CInt, CUint, CUlong, call
from suite.kernel.tasks import Task

_SETTABLE = os.O_APPEND | os.O_NONBLOCK | os.O_ASYNC | os.O_DIRECT | os.O_NOATIME
_CLOSE_RANGE_UNSHARE, _CLOSE_RANGE_CLOEXEC = 2, 4
_FD_CLOEXEC = 1

_WITH_PATH = {
    _fcntl.F_DUPFD,
    _fcntl.F_DUPFD_CLOEXEC,
    _fcntl.F_GETFD,
    _fcntl.F_SETFD,
    _fcntl.F_GETFL,
}
"""What fcntl(2) does with descriptors of O_PATH, too."""


@call("close")
def close(kernel: Kernel, task: Task, fd: CUint) -> int:
    """close(2)."""
    task.files.close(fd)
    return 0


@call("close_range")
def close_range(kernel: Kernel, task: Task, first: CUint, last: CUint, flags: CUint) -> int:
    """close_range(2)."""
    if flags & ~(_CLOSE_RANGE_UNSHARE | _CLOSE_RANGE_CLOEXEC) or first > last:
        raise Errno(errno.EINVAL)
    if flags & _CLOSE_RANGE_UNSHARE:
        raise NotModelled("files: close_range with CLOSE_RANGE_UNSHARE")
    for fd in sorted(task.files.slots):
        if first <= fd <= last and flags & _CLOSE_RANGE_CLOEXEC:
            task.files.slots[fd].closes_on_exec = True
        elif first <= fd <= last:
            task.files.close(fd)
    return 0


@call("dup")
def dup(kernel: Kernel, task: Task, fd: CUint) -> int:
    """dup(2)."""
    return task.files.add(task.files.get(fd, or_path=True))


@call("dup2")
def dup2(kernel: Kernel, task: Task, fd: CUint, number: CUint) -> int:
    """dup2(2)."""
    file = task.files.get(fd, or_path=True)
    if fd != number:
        task.files.put(number, file)
    return number


@call("dup3")
def dup3(kernel: Kernel, task: Task, fd: CUint, number: CUint, flags: CInt) -> int:
    """dup3(2)."""
    if flags & ~os.O_CLOEXEC or fd == number:
        raise Errno(errno.EINVAL)
    file = task.files.get(fd, or_path=True)
    task.files.put(number, file, closes_on_exec=bool(flags))
    return number


@call("fcntl", "fcntl64")
def fcntl(kernel: Kernel, task: Task, fd: CUint, command: CUint, argument: CUlong) -> int:
    """fcntl(2)."""
    file = task.files.get(fd, or_path=command in _WITH_PATH)
    slot = task.files.slots[fd]
    if command in (_fcntl.F_DUPFD, _fcntl.F_DUPFD_CLOEXEC):
        closes = command == _fcntl.F_DUPFD_CLOEXEC
        return task.files.add(file, closes_on_exec=closes, least=argument)
    if command == _fcntl.F_GETFD:
        return int(slot.closes_on_exec)
    if command == _fcntl.F_SETFD:
        slot.closes_on_exec = bool(argument & _FD_CLOEXEC)
        return 0
    if command == _fcntl.F_GETFL:
        return file.flags & ~os.O_CLOEXEC
    if command == _fcntl.F_SETFL:
        if isinstance(file, Special) and (file.flags ^ argument) & os.O_ASYNC:
            file.set_async(kernel, task, on=bool(argument & os.O_ASYNC))
        file.flags = file.flags & ~_SETTABLE | argument & _SETTABLE
        return 0
    if command not in COMMANDS:
        raise NotModelled(f"files: fcntl command {command}")
    return COMMANDS[command](kernel, task, file, argument)


@call("flock")
def flock(kernel: Kernel, task: Task, fd: CUint, operation: CUint) -> int:
    """flock(2)."""
    if operation & ~_fcntl.LOCK_NB not in (_fcntl.LOCK_SH, _fcntl.LOCK_EX, _fcntl.LOCK_UN):
        raise Errno(errno.EINVAL)
    file = task.files.get(fd)
    _lock(kernel, file.inode, file, ends=bool(operation & _fcntl.LOCK_UN))
    return 0


def _set_lock(kernel: Kernel, task: Task, file: File, argument: int) -> int:
    """F_SETLK of a whole file: an array of five integers, of which the first is two short ones."""
    kind = task.memory.integer(argument, 2)
    start, size = (task.memory.integer(argument + at, 8) for at in (8, 16))
    if task.arch != "x86_64" or start or size:
        raise NotModelled("files: record locks of a part")
    needs = {_fcntl.F_RDLCK: file.reads, _fcntl.F_WRLCK: file.writes, _fcntl.F_UNLCK: True}
    if kind not in needs:
        raise Errno(errno.EINVAL)
    if not needs[kind]:
        raise Errno(errno.EBADF)
    _lock(kernel, file.inode, task.files, ends=kind == _fcntl.F_UNLCK)
    return 0


COMMANDS[_fcntl.F_SETLK] = _set_lock


def _lock(kernel: Kernel, inode: Inode, owner: File | FileTable, *, ends: bool) -> None:
    """Let someone have the lock of a file; two who want it are never met in cases."""
    locks = kernel.extra.setdefault("files: locks", {})
    assert isinstance(locks, dict)  # noqa: S101 (by the line above)
    if locks.get(inode, owner) is not owner:
        raise NotModelled("files: locks of two owners")
    locks[inode] = owner
    if ends:
        del locks[inode]
