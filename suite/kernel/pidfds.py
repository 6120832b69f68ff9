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
from suite.kernel.open_files import File
from suite.kernel.tasks import Task

PIDFD_THREAD, PIDFD_NONBLOCK = os.O_EXCL, os.O_NONBLOCK


class PidFile(File):
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
