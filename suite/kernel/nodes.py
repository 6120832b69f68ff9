# SPDX-License-Identifier: MIT
"""What stands behind files that have no content of their own: ``Inode.node``, and openers by kind.

Opening a file goes in three steps: what stands behind it makes a ``File`` of it, which changes
nothing; Landlock is asked (``hooks.file_open``); and ``opened`` does what opening does, such
as to wait for the other end of a FIFO (of a ``Special``). Source: fs/open.c, do_dentry_open().
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable

from suite.kernel.errors import Errno
from suite.kernel.inodes import Dentry, Inode, Path
from suite.kernel.kernel import Kernel
from suite.kernel.open_files import File
from suite.kernel.tasks import Task


class Special(File):
    """An open file of a kind for which opening, and ioctl(2), do something."""

    def opened(self, kernel: Kernel, task: Task) -> None:
        """Do what opening does, once it was allowed; raises ``Errno`` or ``Waits``."""

    def ioctl(self, kernel: Kernel, task: Task, command: int, argument: int) -> int:
        """Perform a command that only this kind of file knows."""
        raise Errno(errno.ENOTTY)

    def set_async(self, kernel: Kernel, task: Task, *, on: bool) -> None:
        """Do what O_ASYNC means to it beyond the flag (the file's fasync())."""


Opener = Callable[[Kernel, Task, Path, int], File]
"""Makes an open file of the file found there, and of the flags of open(2)."""
OPENERS: dict[int, Opener] = {}
"""By ``stat.S_IFREG`` and so on; of files whose inode has a ``Node``, that is asked instead."""


FileCommand = Callable[[Kernel, Task, File, int], int]
COMMANDS: dict[int, FileCommand] = {}
"""Commands of fcntl(2) on open files that areas have, by number; the last is the argument."""


class Node:
    """A file of a file system that makes its content when it is asked, such as /proc.

    Each method is for some kinds of files: a subclass has those of its kind.
    """

    def lookup(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """Of a directory: the file of this name, if there is one (never "." and "..")."""
        return folder.children.get(name)

    def names(self, kernel: Kernel, task: Task, folder: Dentry) -> list[str]:
        """Of a directory: the names in it, in their order."""
        return list(folder.children)

    def make_folder(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> None:
        """Of a directory: what mkdir(2) does, which as a rule is the kernel's alone."""
        raise Errno(errno.EPERM)

    def text(self, kernel: Kernel, task: Task) -> str:
        """Of a symbolic link: what readlink(2) gives."""
        raise Errno(errno.EINVAL)

    def follow(self, kernel: Kernel, task: Task) -> Path | None:
        """Of a symbolic link: where it leads at once (nd_jump_link); None if ``text`` is walked."""
        return None

    def refresh(self, kernel: Kernel, inode: Inode) -> None:
        """Bring owner and permissions up to date, before they are looked at."""

    def permits(self, kernel: Kernel, task: Task, inode: Inode, access: int) -> bool:
        """Whether R_OK, W_OK and X_OK are granted for another reason than the permissions."""
        return False

    def open(self, kernel: Kernel, task: Task, path: Path, flags: int) -> File:
        """Of what is neither a link nor a directory: an open file."""
        raise Errno(errno.ENXIO)


def add(folder: Dentry, name: str, mode: int, node: object = None, *, device: int = 0) -> Dentry:
    """Make a file in a directory, without a question."""
    inode = Inode(folder.superblock, mode, device=device, node=node)
    if stat.S_ISDIR(mode):
        inode.links = 2
        folder.inode.links += 1
    return put(folder, name, inode)


def put(folder: Dentry, name: str, inode: Inode) -> Dentry:
    """Give a file a name in a directory, in place of what has it."""
    made = Dentry(name, inode, folder.superblock)
    made.parent = folder
    folder.children[name] = made
    return made


def dropped(folder: Dentry, name: str) -> None:
    """Forget a name that a directory gave once, and that is no more."""
    gone = folder.children.pop(name, None)
    if gone is not None:
        gone.is_removed = True
