# SPDX-License-Identifier: MIT
"""File descriptors of processes (pidfd_open(2))."""

from __future__ import annotations

import errno
import os
import stat
from select import POLLIN, POLLRDNORM

from suite.kernel.errors import Errno
from suite.kernel.inodes import Path
from suite.kernel.kernel import Kernel
from suite.kernel.namespace_files import namespace_of, path_of
from suite.kernel.nodes import Special
from suite.kernel.open_files import File
from suite.kernel.tasks import Task
from suite.kernel.tracing import FSCREDS, READ, may_access

PIDFD_THREAD, PIDFD_NONBLOCK = os.O_EXCL, os.O_NONBLOCK


_NAMESPACES = {
    0xFF00 + number: name
    for number, name in enumerate(
        ("cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children",
         "user", "uts"), 1
    )
}  # fmt: skip
"""The commands of ioctl(2) that open a namespace. Source: include/uapi/linux/pidfd.h."""


class PidFile(Special):
    """A pidfd."""

    def __init__(self, path: Path, flags: int, opener: Task, task: Task) -> None:
        super().__init__(path, flags, opener.credentials)
        self.task = task
        """Whom it is of."""

    @property
    def is_of_thread(self) -> bool:
        """Whether it is of one thread (PIDFD_THREAD)."""
        return bool(self.flags & PIDFD_THREAD)

    @property
    def is_there(self) -> bool:
        """Whether nobody has waited for it yet."""
        pids = self.task.namespaces.pids
        return pids.tasks.get(self.task.number_in(pids)) is self.task

    def ioctl(self, kernel: Kernel, task: Task, command: int, argument: int) -> int:
        """Open a namespace of the process. Source: pidfd_ioctl() in fs/pidfs.c."""
        if command not in _NAMESPACES:
            raise Errno(errno.ENOTTY)
        if argument:
            raise Errno(errno.EINVAL)
        if not self.task.is_alive:
            raise Errno(errno.ESRCH)
        if not may_access(kernel, task, self.task, READ | FSCREDS):
            raise Errno(errno.EACCES)
        path = path_of(kernel, namespace_of(self.task, _NAMESPACES[command]))
        file = File(path, os.O_RDONLY, task.credentials)
        kernel.hooks.file_alloc(file)
        return task.files.add(file, closes_on_exec=True)

    def poll(self) -> int:
        """Readable once it has ended. Source: pidfd_poll() in fs/pidfs.c."""
        ended = self.task.status if self.is_of_thread else self.task.group.status
        return POLLIN | POLLRDNORM if ended is not None else 0


def opened(kernel: Kernel, opener: Task, task: Task, flags: int) -> int:
    """A new descriptor of a task."""
    path = kernel.internal("pidfs", f"pidfd:[{task.number}]", stat.S_IFREG | 0o700)
    file = PidFile(path, os.O_RDWR | flags, opener, task)
    kernel.hooks.file_alloc(file)
    return opener.files.add(file, closes_on_exec=True)


def pidfd(task: Task, fd: int) -> PidFile:
    """The open file of a pidfd.

    Raises:
        Errno: EBADF, also if it is of something else.
    """
    file = task.files.get(fd)
    if not isinstance(file, PidFile):
        raise Errno(errno.EBADF)
    return file
