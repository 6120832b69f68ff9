# SPDX-License-Identifier: MIT
"""open(2) and its like. Source: fs/open.c of Linux."""

from __future__ import annotations

import errno
import os

from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.memory import PAGE
from suite.kernel.opening import O_LARGEFILE, How, lenient, open_how, strict
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.tasks import Task
from suite.kernel.walk import path_of
from suite.process.uapi import AT_FDCWD, O_EMPTYPATH

_HOW = 24
"""Bytes of struct open_how."""


@call("openat")
def openat(kernel: Kernel, task: Task, at: CInt, path: Pointer, flags: CInt, mode: CUint) -> int:
    """open(2)."""
    if task.arch == "x86_64":
        flags |= O_LARGEFILE
    return _open(kernel, task, at, path, lenient(flags, mode), flags)


@call("open")
def open_(kernel: Kernel, task: Task, path: Pointer, flags: CInt, mode: CUint) -> int:
    """open(2)."""
    return openat(kernel, task, AT_FDCWD, path, flags, mode)


@call("creat")
def creat(kernel: Kernel, task: Task, path: Pointer, mode: CUint) -> int:
    """creat(2)."""
    return openat(kernel, task, AT_FDCWD, path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)


@call("openat2")
def openat2(kernel: Kernel, task: Task, at: CInt, path: Pointer, how: Pointer, size: CUlong) -> int:
    """openat2(2)."""
    if size < _HOW:
        raise Errno(errno.EINVAL)
    if size > PAGE:
        raise Errno(errno.E2BIG)
    given = task.memory.read(how, size)
    if any(given[_HOW:]):
        raise Errno(errno.E2BIG)
    flags, mode, resolve = (int.from_bytes(given[at : at + 8], "little") for at in (0, 8, 16))
    if not flags & os.O_PATH:
        flags |= O_LARGEFILE
    return _open(kernel, task, at, path, strict(flags, mode, resolve), flags)


def _open(kernel: Kernel, task: Task, at: int, path: int, how: How, flags: int) -> int:
    name = path_of(task, path, may_be_empty=bool(how.flags & O_EMPTYPATH))
    file = open_how(kernel, task, name, how, at=at)
    return task.files.add(file, closes_on_exec=bool(flags & os.O_CLOEXEC))
