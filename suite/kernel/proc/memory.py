# SPDX-License-Identifier: MIT
"""The memory of processes as files: mem, and map_files. Source: fs/proc/base.c, mem_rw()."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Dentry, Inode, Path
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Node, Special
from suite.kernel.open_files import File
from suite.kernel.proc import texts
from suite.kernel.proc.access import require_look, require_memory
from suite.kernel.tasks import Task
from suite.kernel.tracing import ATTACH


@dataclass(eq=False, repr=False)
class MemoryNode(Node):
    """/proc/PID/mem."""

    target: Task

    def open(self, kernel: Kernel, task: Task, path: Path, flags: int) -> File:
        """An open file, whose positions are addresses."""
        return MemoryFile(path, flags, task.credentials, target=self.target)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class MemoryFile(Special):
    """The memory of a process."""

    target: Task

    def opened(self, kernel: Kernel, task: Task) -> None:
        """Only who may attach to the process may open it (mem_open)."""
        require_memory(kernel, task, self.target, ATTACH)

    def read(self, size: int) -> bytes:
        """Read at the position."""
        data = self.read_at(self.position, size)
        self.position += len(data)
        return data

    def write(self, data: bytes) -> int:
        """Write at the position."""
        count = self.write_at(self.position, data)
        self.position += count
        return count

    def read_at(self, offset: int, size: int) -> bytes:
        """Read at an address; EIO where nothing is mapped."""
        try:
            return self.target.memory.read(offset, size)
        except Errno:
            raise Errno(errno.EIO) from None

    def write_at(self, offset: int, data: bytes) -> int:
        """Write at an address; EIO where nothing is mapped."""
        try:
            self.target.memory.write(offset, data)
        except Errno:
            raise Errno(errno.EIO) from None
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        """Go to an address (mem_lseek)."""
        if whence not in (0, 1):
            raise Errno(errno.EINVAL)
        self.position = offset + (self.position if whence else 0)
        return self.position


@dataclass(eq=False, repr=False)
class MapFiles(texts.Folder):
    """The folder map_files: links to what is mapped."""

    target: Task

    def find(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """A mapping, by its addresses (proc_map_files_lookup)."""
        require_look(kernel, task, self.target)
        raise NotModelled("proc: map_files")

    def names(self, kernel: Kernel, task: Task, folder: Dentry) -> list[str]:
        """Those of files."""
        require_look(kernel, kernel.current, self.target)
        return []

    def refresh(self, kernel: Kernel, inode: Inode) -> None:
        """Nothing about it changes."""
