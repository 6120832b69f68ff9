# SPDX-License-Identifier: MIT
"""File descriptors of processes (pidfd_open(2))."""

from __future__ import annotations

import errno
import os
import stat

from suite.kernel.errors import Errno
from suite.kernel.inodes import Path
from suite.kernel.kernel import Kernel
from suite.kernel.open_files import File
from suite.kernel.tasks import Task

PIDFD_THREAD = os.O_EXCL


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

    @property
    def has_ended(self) -> bool:
        """Whether ppoll(2) finds it readable. Source: pidfd_poll() in fs/pidfs.c."""
        if self.is_of_thread:
            return self.task.status is not None
        return self.task.group.status is not None


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
