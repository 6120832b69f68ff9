# SPDX-License-Identifier: MIT
"""Calls on message queues. Source: mq_overview(7); ipc/mqueue.c."""

from __future__ import annotations

import errno
import struct

from suite.kernel import queues
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.names import require_makeable, unname
from suite.kernel.permissions import require_deletable
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.signals import LAST
from suite.kernel.tasks import Task
from suite.kernel.walk import path_of

_SIGEV_SIGNAL, _SIGEV_NONE = 0, 1
_ATTRIBUTES = 64


@call("mq_open")
def mq_open(
    kernel: Kernel, task: Task, name: Pointer, flags: CInt, mode: CUint, attributes: Pointer
) -> int:
    """Open a queue, or make one."""
    limits = None
    if attributes:
        _, most, longest, _ = struct.unpack_from("<4q", task.memory.read(attributes, _ATTRIBUTES))
        limits = (most, longest)
    file = queues.open_queue(kernel, task, path_of(task, name), flags, mode, limits)
    return task.files.add(file, closes_on_exec=True)


@call("mq_unlink")
def mq_unlink(kernel: Kernel, task: Task, name: Pointer) -> int:
    """Remove a queue; Landlock is not asked."""
    root, found = queues.find(kernel, task, path_of(task, name))
    if found is None:
        raise Errno(errno.ENOENT)
    require_makeable(root)
    require_deletable(kernel, task, root.inode, found.inode, as_folder=False)
    unname(found)
    return 0


@call("mq_timedsend")
def mq_timedsend(
    kernel: Kernel, task: Task, fd: CInt, data: Pointer, size: CUlong, priority: CUint,
    timeout: Pointer,
) -> int:  # fmt: skip
    """Send a message."""
    if priority or timeout:
        raise NotModelled("queues: priorities and time-outs")
    file = task.files.get(fd)
    if not isinstance(file, queues.QueueFile) or not file.writes:
        raise Errno(errno.EBADF)
    if size > file.queue.longest:
        raise Errno(errno.EMSGSIZE)
    queues.send(kernel, file, task.memory.read(data, size))
    return 0


@call("mq_notify")
def mq_notify(kernel: Kernel, task: Task, fd: CInt, event: Pointer) -> int:
    """Ask to be told of a message (struct sigevent)."""
    number = None
    if event:
        number, kind = struct.unpack("<2i", task.memory.read(event, 64)[8:16])
        if kind == _SIGEV_NONE:
            number = 0
        elif kind != _SIGEV_SIGNAL:
            raise NotModelled("queues: to be told by a thread")
        elif not 0 < number <= LAST:
            raise Errno(errno.EINVAL)
    queues.notify(task, task.files.get(fd), number)
    return 0
