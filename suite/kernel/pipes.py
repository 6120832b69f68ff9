# SPDX-License-Identifier: MIT
"""Pipes, with names and without. Source: pipe(7), fifo(7); fs/pipe.c, the functions named below."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from select import POLLERR, POLLHUP, POLLIN, POLLOUT
from signal import SIGPIPE

from suite.kernel import owners, signals
from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.inodes import Path
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import OPENERS, Special
from suite.kernel.open_files import ACCESS_MODE, File
from suite.kernel.tasks import Signal, Task
from suite.process.calls.ioctls import FIONREAD

_ROOM = 16 * 4096
_ATOMIC = 4096
"""PIPE_BUF: so much is written at once or not at all."""


@dataclass(slots=True, eq=False, repr=False)
class Pipe:
    """What stands between the ends of a pipe (struct pipe_inode_info)."""

    data: bytearray = field(default_factory=bytearray)
    files: list[PipeFile] = field(default_factory=list)
    """The open ends."""
    opened: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    """How often it was opened for writing (True), and for reading, also by who still waits."""
    waiting: dict[Task, tuple[bool, int]] = field(default_factory=dict)
    """Who waits in open(2), to write or to read, and how often the other end had been opened."""

    @property
    def readers(self) -> list[PipeFile]:
        """The ends to read from."""
        return [it for it in self.files if it.reads]

    @property
    def writers(self) -> list[PipeFile]:
        """The ends to write to."""
        return [it for it in self.files if it.writes]

    def has(self, kernel: Kernel, *, writers: bool) -> bool:
        """Whether an end is open, or somebody waits for the other one to be."""
        if self.writers if writers else self.readers:
            return True
        return any(
            writes is writers and task.is_alive and task.waiting_since is not None
            for task, (writes, _) in self.waiting.items()
        )


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class PipeFile(Special):
    """An end of a pipe."""

    kernel: Kernel
    pipe: Pipe
    had_writers: int = 0
    """How often the pipe had been opened for writing when this was opened."""

    def opened(self, kernel: Kernel, task: Task) -> None:
        """Wait for the other end, unless that is not wanted (fifo_open).

        Raises:
            Errno: ENXIO: nobody reads, and to wait is not wanted; EINVAL for access mode 3.
            Waits: For the other end.
        """
        if not self.reads and not self.writes:
            raise Errno(errno.EINVAL)
        pipe = self.pipe
        self.had_writers = pipe.opened[True]
        if self.flags & ACCESS_MODE == os.O_RDWR:
            pipe.opened[True] += 1
            pipe.opened[False] += 1
            pipe.files.append(self)
            return
        writes = self.writes
        partner = pipe.has(kernel, writers=not writes)
        if writes and not partner and self.flags & os.O_NONBLOCK:
            raise Errno(errno.ENXIO)
        begun = pipe.waiting.get(task) if task.waiting_since is not None else None
        if begun is None:
            pipe.opened[writes] += 1
            pipe.waiting[task] = (writes, pipe.opened[not writes])
            begun = pipe.waiting[task]
        if not (partner or self.flags & os.O_NONBLOCK or pipe.opened[not writes] != begun[1]):
            raise Waits
        pipe.waiting.pop(task)
        pipe.files.append(self)

    def read(self, size: int) -> bytes:
        """Some of what was written (anon_pipe_read)."""
        pipe = self.pipe
        if not size:
            return b""
        if not pipe.data:
            if not pipe.has(self.kernel, writers=True):
                return b""
            self._wait()
        was_full = len(pipe.data) >= _ROOM
        part = bytes(pipe.data[:size])
        del pipe.data[:size]
        if was_full:
            self._tell(pipe.writers, owners.POLL_OUT)
        return part

    def write(self, data: bytes) -> int:
        """Add to it (anon_pipe_write)."""
        pipe = self.pipe
        if not data:
            return 0
        if not pipe.has(self.kernel, writers=False):
            task = self.kernel.current
            signals.queue(self.kernel, task, Signal(SIGPIPE, signals.SI_USER), to_thread=True)
            raise Errno(errno.EPIPE)
        room = _ROOM - len(pipe.data)
        if not room or len(data) > room:
            if room and len(data) > _ATOMIC:
                raise NotModelled("pipes: more than fits")
            self._wait()
        pipe.data += data
        self._tell(pipe.readers, owners.POLL_IN)
        return len(data)

    def poll(self) -> int:
        """What can be done at once (pipe_poll)."""
        pipe, ready = self.pipe, 0
        if self.reads:
            ready |= POLLIN if pipe.data else 0
            if not pipe.writers and pipe.opened[True] != self.had_writers:
                ready |= POLLHUP
        if self.writes:
            ready |= POLLOUT if len(pipe.data) < _ROOM else 0
            ready |= 0 if pipe.readers else POLLERR
        return ready

    def ioctl(self, kernel: Kernel, task: Task, command: int, argument: int) -> int:
        """How much can be read (pipe_ioctl)."""
        if command != FIONREAD:
            raise Errno(errno.ENOTTY)
        task.memory.put(argument, len(self.pipe.data), 4)
        return 0

    def release(self) -> None:
        """Close this end; tell the others if it was the last of its kind (pipe_release)."""
        pipe = self.pipe
        if self in pipe.files:
            pipe.files.remove(self)
        if bool(pipe.readers) != bool(pipe.writers):
            self._tell(pipe.readers, owners.POLL_IN)
            self._tell(pipe.writers, owners.POLL_OUT)
        if not pipe.files and not pipe.waiting:
            self.inode.node = None

    def _wait(self) -> None:
        if self.flags & os.O_NONBLOCK:
            raise Errno(errno.EAGAIN)
        raise Waits

    def _tell(self, files: list[PipeFile], band: int) -> None:
        for it in files:
            owners.send_sigio(self.kernel, it, band)


def _open(kernel: Kernel, task: Task, path: Path, flags: int) -> File:
    """An end of the pipe behind a file: of a FIFO, or by /proc/PID/fd of one without a name."""
    if not isinstance(path.inode.node, Pipe):
        path.inode.node = Pipe()
    return PipeFile(path, flags, task.credentials, kernel=kernel, pipe=path.inode.node)


def new(kernel: Kernel, task: Task, flags: int) -> tuple[File, File]:
    """Both ends of a new pipe: to read, to write."""
    pipe = Pipe()
    path = kernel.internal("pipefs", "", stat.S_IFIFO | 0o600, pipe)
    path.inode.uid, path.inode.gid = task.credentials.fsuid, task.credentials.fsgid
    path.dentry.name = f"pipe:[{path.inode.number}]"
    ends = [
        PipeFile(path, mode | flags, task.credentials, kernel=kernel, pipe=pipe)
        for mode in (os.O_RDONLY, os.O_WRONLY)
    ]
    pipe.opened = {True: 1, False: 1}
    pipe.files += ends
    for it in ends:
        kernel.hooks.file_alloc(it)
    return ends[0], ends[1]


OPENERS[stat.S_IFIFO] = _open
