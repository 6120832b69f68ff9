# SPDX-License-Identifier: MIT
"""Files whose content is made when they are read. Source: fs/seq_file.c, fs/proc/inode.c."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field

from suite.kernel.errors import Errno
from suite.kernel.inodes import Dentry, Path
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Node, Special
from suite.kernel.open_files import File
from suite.kernel.tasks import Task

Read = Callable[[Kernel, Task], str]
"""Given the system and who reads."""
Store = Callable[[Kernel, File, bytes], None]
"""Given the system, the open file, and what was written to it at once."""


def nobody_is_refused(kernel: Kernel, task: Task, flags: int) -> None:
    """Let the permissions of the file be all that opening asks for."""


@dataclass(eq=False, repr=False)
class Text(Node):
    """A file that is a text, made anew for each who begins to read it."""

    content: Read
    store: Store | None = None
    """Takes what is written."""
    check_open: Callable[[Kernel, Task, int], None] = nobody_is_refused
    """What is checked once Landlock has allowed to open it; given the flags."""

    def open(self, kernel: Kernel, task: Task, path: Path, flags: int) -> File:
        """An open file."""
        return TextFile(path, flags, task.credentials, kernel=kernel, node=self)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class TextFile(Special):
    """A file of /proc or the like that is open."""

    kernel: Kernel
    node: Text
    made: bytes = b""
    is_made: bool = field(default=False)

    def opened(self, kernel: Kernel, task: Task) -> None:
        """Check what the file asks of who opens it."""
        self.node.check_open(kernel, task, self.flags)

    def read(self, size: int) -> bytes:
        """A part of the text, which is made when its beginning is read."""
        if not self.is_made or not self.position:
            text = self.node.content(self.kernel, self.kernel.current)
            self.made = text.encode("utf-8", "surrogateescape")
            self.is_made = True
        part = self.made[self.position : self.position + size]
        self.position += len(part)
        return part

    def write(self, data: bytes) -> int:
        """Give what the file means to its owner."""
        if self.node.store is None:
            raise Errno(errno.EINVAL)
        self.node.store(self.kernel, self, data)
        self.position += len(data)
        return len(data)


class Folder(Node):
    """A directory: what is not there can't be made, and the kernel says so before anything else."""

    def lookup(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry:
        """A file; ENOENT also for who would make it (proc_lookup, proc_sys_lookup)."""
        found = self.find(kernel, task, folder, name)
        if found is None:
            raise Errno(errno.ENOENT)
        return found

    def find(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """The file of this name, if there is one."""
        return folder.children.get(name)


def fixed(text: str, store: Store | None = None) -> Text:
    """A file that always says the same."""
    return Text(lambda _kernel, _task: text, store)
