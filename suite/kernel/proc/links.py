# SPDX-License-Identifier: MIT
"""The links of /proc that lead to files at once. Source: fs/proc/base.c, proc_pid_get_link()."""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable
from dataclasses import dataclass

from suite.kernel import namespace_files
from suite.kernel.errors import Errno
from suite.kernel.inodes import Dentry, Inode, Path
from suite.kernel.kernel import Kernel
from suite.kernel.mounts import name_of
from suite.kernel.nodes import Node, add, dropped
from suite.kernel.open_files import File
from suite.kernel.proc import texts
from suite.kernel.proc.access import require_look
from suite.kernel.proc.texts import Text
from suite.kernel.tasks import Task


@dataclass(eq=False, repr=False)
class Link(Node):
    """A link to a file of a process, which who may trace it may follow and read."""

    target: Task
    where: Callable[[Task], Path | None]

    def follow(self, kernel: Kernel, task: Task) -> Path | None:
        """Where it leads."""
        require_look(kernel, task, self.target)
        path = self.where(self.target)
        if path is None:
            raise Errno(errno.ENOENT)
        return path

    def text(self, kernel: Kernel, task: Task) -> str:
        """The name of the file, as who reads it sees it."""
        path = self.follow(kernel, task)
        return name_of(path, task.fs.root) if path is not None else ""


@dataclass(eq=False, repr=False)
class NamespaceLink(Node):
    """An entry of /proc/PID/ns (proc_ns_get_link)."""

    target: Task
    kind: str

    def follow(self, kernel: Kernel, task: Task) -> Path | None:
        """The file of the namespace."""
        require_look(kernel, task, self.target)
        return namespace_files.path_of(kernel, namespace_files.namespace_of(self.target, self.kind))

    def text(self, kernel: Kernel, task: Task) -> str:
        """Its kind and its number."""
        require_look(kernel, task, self.target)
        return namespace_files.label(namespace_files.namespace_of(self.target, self.kind))


@dataclass(eq=False, repr=False)
class Namespaces(texts.Folder):
    """The folder ns."""

    target: Task

    def find(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """A namespace."""
        if name not in namespace_files.KINDS:
            return None
        known = folder.children.get(name)
        return known or add(folder, name, stat.S_IFLNK | 0o777, NamespaceLink(self.target, name))

    def names(self, kernel: Kernel, task: Task, folder: Dentry) -> list[str]:
        """All kinds."""
        return list(namespace_files.KINDS)


@dataclass(eq=False, repr=False)
class Descriptors(texts.Folder):
    """The folders fd and fdinfo (fs/proc/fd.c)."""

    target: Task
    tells: bool = False
    """Whether it has texts about the files (fdinfo) in place of links to them."""

    def permits(self, kernel: Kernel, task: Task, inode: Inode, access: int) -> bool:
        """A process may always look at its own; at texts only who may trace it."""
        if self.tells:
            require_look(kernel, task, self.target)
            return False
        return self.target.group is task.group

    def find(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """A descriptor that is open."""
        slots = self.target.files.slots
        if not (name.isdigit() and str(int(name)) == name and int(name) in slots):
            dropped(folder, name)
            return None
        fd, file = int(name), slots[int(name)].file
        if name not in folder.children:
            add(folder, name, stat.S_IFLNK, self._entry(fd))
        found = folder.children[name]
        found.inode.mode = stat.S_IFREG | 0o444 if self.tells else stat.S_IFLNK | _rights(file)
        return found

    def names(self, kernel: Kernel, task: Task, folder: Dentry) -> list[str]:
        """Those that are open."""
        return [str(fd) for fd in sorted(self.target.files.slots)]

    def _entry(self, fd: int) -> Node:
        target = self.target

        def path(task: Task) -> Path | None:
            slot = task.files.slots.get(fd)
            return slot.file.path if slot else None

        def content(_kernel: Kernel, _task: Task) -> str:
            slot = target.files.slots.get(fd)
            if slot is None:
                raise Errno(errno.ENOENT)
            return f"pos:\t{slot.file.position}\nflags:\t0{slot.file.flags:o}\n"

        return Text(content) if self.tells else Link(target, path)


def _rights(file: File) -> int:
    reads = file.reads or file.is_path
    writes = file.writes or file.is_path
    return (0o500 if reads else 0) | (0o300 if writes else 0)
