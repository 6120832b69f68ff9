# SPDX-License-Identifier: MIT
"""Calls that watch files. Source: inotify(7), fanotify(7); fs/notify."""

from __future__ import annotations

import errno
import os
from os import R_OK

from suite.kernel import watching
from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.permissions import require_access
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.tasks import Task
from suite.kernel.walk import path_of, resolve
from suite.process.uapi import (
    FAN_CLOEXEC,
    FAN_EVENT_ON_CHILD,
    FAN_MARK_ADD,
    FAN_NONBLOCK,
    FAN_OPEN,
    FAN_REPORT_FD_ERROR,
)

_IN_ALL = 0xFFF
_IN_FLAGS = 0xFD000000


@call("inotify_init1")
def inotify_init1(kernel: Kernel, task: Task, flags: CInt) -> int:
    """Make an instance."""
    if flags & ~(os.O_CLOEXEC | os.O_NONBLOCK):
        raise Errno(errno.EINVAL)
    file = watching.new_inotify(kernel, task, flags & os.O_NONBLOCK)
    return task.files.add(file, closes_on_exec=bool(flags & os.O_CLOEXEC))


@call("inotify_add_watch")
def inotify_add_watch(kernel: Kernel, task: Task, fd: CInt, name: Pointer, mask: CUint) -> int:
    """Watch a file that one may read; Landlock is not asked."""
    if not mask & (_IN_ALL | _IN_FLAGS):
        raise Errno(errno.EINVAL)
    if mask & ~_IN_ALL:
        raise NotModelled("watching: flags of inotify")
    file = task.files.get(fd)
    if not isinstance(file, watching.Inotify):
        raise Errno(errno.EINVAL)
    path = resolve(kernel, task, path_of(task, name))
    require_access(kernel, task, path.inode, R_OK)
    return watching.watch(file, path, mask)


@call("fanotify_init")
def fanotify_init(kernel: Kernel, task: Task, flags: CUint, event_flags: CUint) -> int:
    """Make a group, whose events come with files that are open."""
    require(task.credentials, "SYS_ADMIN", kernel.user)
    if flags & ~(FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FD_ERROR) or event_flags:
        raise NotModelled("watching: flags of fanotify")
    blocks = os.O_NONBLOCK if flags & FAN_NONBLOCK else 0
    file = watching.new_fanotify(kernel, task, blocks, flags)
    return task.files.add(file, closes_on_exec=bool(flags & FAN_CLOEXEC))


@call("fanotify_mark")
def fanotify_mark(
    kernel: Kernel, task: Task, fd: CInt, flags: CUint, mask: CUlong, at: CInt, name: Pointer
) -> int:
    """Have a group hear of a file that one may read; Landlock is not asked."""
    if flags != FAN_MARK_ADD or mask & ~(FAN_OPEN | FAN_EVENT_ON_CHILD):
        raise NotModelled("watching: marks of fanotify")
    file = task.files.get(fd)
    if not isinstance(file, watching.Fanotify):
        raise Errno(errno.EINVAL)
    path = resolve(kernel, task, path_of(task, name), at=at)
    require_access(kernel, task, path.inode, R_OK)
    watching.watch(file, path, mask)
    return 0
