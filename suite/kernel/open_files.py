# SPDX-License-Identifier: MIT
"""Open files (struct file), and the tables of descriptors."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from select import POLLIN, POLLOUT

from suite.kernel.credentials import Credentials
from suite.kernel.errors import Errno
from suite.kernel.inodes import Inode, Path

ACCESS_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR


@dataclass(slots=True, eq=False, repr=False)
class File:
    """An open file description: what several descriptors may share.

    Each kind of file is a subclass with what it does: ``read``, ``write`` and so on are methods
    that raise ``Errno(EINVAL)`` here, as for a file that can't.
    """

    path: Path
    flags: int
    """As given to open(2), also O_PATH."""
    credentials: Credentials
    """Of who opened it (f_cred)."""
    position: int = 0
    references: int = 0
    """How many descriptors, messages and mappings have it; closed for good at 0 (``release``)."""
    landlock: object = None
    """What Landlock keeps with it: ``suite.model.paths.Opened``."""
    landlock_owner: object = None
    """What Landlock keeps with ``owner``: ``suite.model.scopes.Owner``."""
    owner: object = None
    """Who gets SIGIO: set by F_SETOWN."""
    executes: bool = False
    """Whether it is opened to be executed (__FMODE_EXEC)."""

    @property
    def inode(self) -> Inode:
        """The file."""
        return self.path.inode

    @property
    def is_path(self) -> bool:
        """Whether it was opened with O_PATH."""
        return bool(self.flags & os.O_PATH)

    @property
    def reads(self) -> bool:
        """FMODE_READ."""
        return not self.is_path and self.flags & ACCESS_MODE in (os.O_RDONLY, os.O_RDWR)

    @property
    def writes(self) -> bool:
        """FMODE_WRITE."""
        return not self.is_path and self.flags & ACCESS_MODE in (os.O_WRONLY, os.O_RDWR)

    def read(self, size: int) -> bytes:
        """Up to so many bytes from the position on."""
        raise Errno(errno.EINVAL)

    def write(self, data: bytes) -> int:
        """Write at the position; how many bytes were."""
        raise Errno(errno.EINVAL)

    def read_at(self, offset: int, size: int) -> bytes:
        """As pread(2)."""
        raise Errno(errno.ESPIPE)

    def write_at(self, offset: int, data: bytes) -> int:
        """As pwrite(2)."""
        raise Errno(errno.ESPIPE)

    def seek(self, offset: int, whence: int) -> int:
        """As lseek(2)."""
        raise Errno(errno.ESPIPE)

    def mapped(self, offset: int, size: int) -> bytearray:
        """The bytes that mmap(2) lets a process have from an offset on; shared, and from 0 on."""
        raise Errno(errno.ENODEV)

    def poll(self) -> int:
        """Which of POLLIN, POLLOUT and so on hold; a file that has no such method never waits."""
        return POLLIN | POLLOUT

    def release(self) -> None:
        """The last reference is gone."""


@dataclass(slots=True)
class Slot:
    """A file descriptor."""

    file: File
    closes_on_exec: bool = False


@dataclass(slots=True, eq=False, repr=False)
class FileTable:
    """The descriptors of a process; threads share one."""

    slots: dict[int, Slot] = field(default_factory=dict)
    most: int = 1024
    """RLIMIT_NOFILE: no descriptor has a higher number."""
    users: int = 1
    """How many tasks have it; its files are closed when the last of them ends."""

    def get(self, fd: int, *, or_path: bool = False) -> File:
        """The open file; one of O_PATH only if it may be one.

        Raises:
            Errno: EBADF.
        """
        slot = self.slots.get(fd)
        if slot is None or (slot.file.is_path and not or_path):
            raise Errno(errno.EBADF)
        return slot.file

    def add(self, file: File, *, closes_on_exec: bool = False, least: int = 0) -> int:
        """Give it the lowest free number that is at least so much.

        Raises:
            Errno: EMFILE.
        """
        fd = least
        while fd in self.slots:
            fd += 1
        if fd >= self.most:
            raise Errno(errno.EMFILE)
        self.put(fd, file, closes_on_exec=closes_on_exec)
        return fd

    def put(self, fd: int, file: File, *, closes_on_exec: bool = False) -> None:
        """Give it this number, in place of what had it."""
        file.references += 1
        if fd in self.slots:
            self.close(fd)
        self.slots[fd] = Slot(file, closes_on_exec)

    def close(self, fd: int) -> None:
        """Forget a descriptor.

        Raises:
            Errno: EBADF.
        """
        slot = self.slots.pop(fd, None)
        if slot is None:
            raise Errno(errno.EBADF)
        drop(slot.file)

    def copy(self) -> FileTable:
        """As fork(2) does."""
        for slot in self.slots.values():
            slot.file.references += 1
        slots = {fd: Slot(it.file, it.closes_on_exec) for fd, it in self.slots.items()}
        return FileTable(slots, self.most)

    def close_all(self, *, on_exec: bool = False) -> None:
        """Close all, or those that close on execve(2)."""
        for fd, slot in list(self.slots.items()):
            if slot.closes_on_exec or not on_exec:
                self.close(fd)


def drop(file: File) -> None:
    """Forget a reference."""
    file.references -= 1
    if file.references <= 0:
        file.release()
