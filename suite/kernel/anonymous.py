# SPDX-License-Identifier: MIT
"""Open files that have no name anywhere: memory files, events, sets of files to wait for.

Source: memfd_create(2), memfd_secret(2), eventfd(2), epoll(7); mm/memfd.c, fs/eventfd.c,
fs/eventpoll.c.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from select import POLLIN, POLLOUT

from suite.kernel.devices import Missing
from suite.kernel.errors import Errno, Waits
from suite.kernel.inodes import Path
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import OPENERS, Node
from suite.kernel.open_files import File
from suite.kernel.regular import Regular
from suite.kernel.tasks import Task

_MOST = (1 << 64) - 1
O_LARGEFILE = 0o100000


@dataclass(slots=True, eq=False, repr=False)
class EventFile(File):
    """A counter (struct eventfd_ctx)."""

    count: int = 0
    is_semaphore: bool = False

    def read(self, size: int) -> bytes:
        """Take the count, or one of it."""
        if size < 8:
            raise Errno(errno.EINVAL)
        if not self.count:
            self._wait()
        taken = 1 if self.is_semaphore else self.count
        self.count -= taken
        return taken.to_bytes(8, "little")

    def write(self, data: bytes) -> int:
        """Add to the count."""
        if len(data) < 8:
            raise Errno(errno.EINVAL)
        more = int.from_bytes(data[:8], "little")
        if more == _MOST:
            raise Errno(errno.EINVAL)
        if self.count + more >= _MOST:
            self._wait()
        self.count += more
        return 8

    def poll(self) -> int:
        """Whether there is a count, and room for more."""
        return (POLLIN if self.count else 0) | (POLLOUT if self.count < _MOST - 1 else 0)

    def _wait(self) -> None:
        if self.flags & os.O_NONBLOCK:
            raise Errno(errno.EAGAIN)
        raise Waits


@dataclass(slots=True, eq=False, repr=False)
class EpollFile(File):
    """A set of files (struct eventpoll)."""

    watched: dict[tuple[int, File], int] = field(default_factory=dict)
    """The events that count, by descriptor and file."""

    def poll(self) -> int:
        """Whether any of them is ready."""
        return POLLIN if any(it.poll() & mask for (_, it), mask in self.watched.items()) else 0


def can_wait(file: File) -> bool:
    """Whether poll(2) and epoll know when it is ready (file_can_poll): not of files on disks."""
    return type(file).poll is not File.poll


def memory_file(kernel: Kernel, task: Task, name: str, *, has_huge_pages: bool = False) -> File:
    """A file in memory, of tmpfs or hugetlbfs (memfd_alloc_file)."""
    kind = "hugetlbfs" if has_huge_pages else "tmpfs"
    path = kernel.internal(
        kind, f"/memfd:{name} (deleted)", stat.S_IFREG | 0o777, is_mountable=has_huge_pages
    )
    path.inode.uid, path.inode.gid = task.credentials.fsuid, task.credentials.fsgid
    path.inode.links = 0
    return _allocated(kernel, Regular(path, os.O_RDWR | O_LARGEFILE, task.credentials))


def secret_file(kernel: Kernel, task: Task) -> File:
    """Memory that the kernel itself does not look into (secretmem_file_create)."""
    path = kernel.internal("secretmem", "/secretmem (deleted)", stat.S_IFREG | 0o600, _Unopened())
    path.inode.is_private = True
    return _allocated(kernel, Regular(path, os.O_RDWR | O_LARGEFILE, task.credentials))


def event_file(kernel: Kernel, task: Task, count: int, flags: int, *, is_semaphore: bool) -> File:
    """A counter."""
    path = kernel.internal("anon_inodefs", "anon_inode:[eventfd]", 0o600)
    file = EventFile(path, os.O_RDWR | flags, task.credentials)
    file.count, file.is_semaphore = count, is_semaphore
    return _allocated(kernel, file)


def epoll_file(kernel: Kernel, task: Task) -> EpollFile:
    """A set without files."""
    path = kernel.internal("anon_inodefs", "anon_inode:[eventpoll]", 0o600)
    file = EpollFile(path, os.O_RDWR, task.credentials)
    _allocated(kernel, file)
    return file


def _allocated(kernel: Kernel, file: File) -> File:
    kernel.hooks.file_alloc(file)
    return file


class _Unopened(Node):
    """What is opened once, when it is made (no_open_fops)."""

    def open(self, kernel: Kernel, task: Task, path: Path, flags: int) -> File:
        """By /proc/PID/fd: fails once Landlock was asked."""
        return Missing(path, flags, task.credentials)


def _reopen(kernel: Kernel, task: Task, path: Path, flags: int) -> File:
    return _Unopened().open(kernel, task, path, flags)


OPENERS[0] = _reopen
"""Of files without a type, such as events."""
