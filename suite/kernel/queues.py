# SPDX-License-Identifier: MIT
"""POSIX message queues. Source: mq_overview(7); ipc/mqueue.c, the functions that are named below.

They are files of a file system that each IPC namespace has, and has mounted for itself.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field

from suite.kernel import signals
from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.filesystems import Kind, kind_of, made, register
from suite.kernel.inodes import Dentry, Mount, Path
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Node, add
from suite.kernel.open_files import File
from suite.kernel.permissions import require_access
from suite.kernel.proc.texts import Text, TextFile
from suite.kernel.tasks import Group, Signal, Task

SI_MESGQ = -3
_MEANINGS = {os.O_RDONLY: os.R_OK, os.O_WRONLY: os.W_OK, os.O_RDWR: os.R_OK | os.W_OK}


@dataclass(eq=False)
class Queue(Node):
    """A message queue (struct mqueue_inode_info)."""

    most: int = 10
    """Messages."""
    longest: int = 8192
    """Bytes of a message."""
    messages: list[bytes] = field(default_factory=list)
    told: tuple[Group, int] | None = None
    """Who gets which signal once a message comes into the empty queue."""

    def open(self, kernel: Kernel, task: Task, path: Path, flags: int) -> File:
        """An open queue; read(2) tells of its state (mqueue_read_file)."""
        text = Text(lambda _kernel, _task: f"QSIZE:{sum(map(len, self.messages)):<10} NOTIFY:0\n")
        return QueueFile(path, flags, task.credentials, kernel=kernel, node=text, queue=self)


@dataclass(slots=True, eq=False, kw_only=True)
class QueueFile(TextFile):
    """A message queue that is open."""

    queue: Queue


def folder(kernel: Kernel, task: Task) -> Path:
    """The root of the file system of a task's IPC namespace, as the kernel has it mounted."""
    superblock = made(kernel, task, kind_of("mqueue"), {})
    mounts = kernel.extra.setdefault("queues", {})
    assert isinstance(mounts, dict)  # noqa: S101 (for mypy: it is made here alone)
    mount = mounts.setdefault(superblock, Mount(superblock.root, is_internal=True))
    return Path(mount, superblock.root)


def find(kernel: Kernel, task: Task, name: str) -> tuple[Path, Dentry | None]:
    """The folder, and the queue of a name in it (lookup_noperm).

    Raises:
        Errno: EACCES of a name that no file can have.
    """
    if name in (".", "..") or "/" in name or not name:
        raise Errno(errno.EACCES if name else errno.ENOENT)
    root = folder(kernel, task)
    return root, root.dentry.children.get(name)


def open_queue(
    kernel: Kernel, task: Task, name: str, flags: int, mode: int, limits: tuple[int, int] | None
) -> File:
    """Open a queue, or make it; Landlock sees it opened, and not made (do_mq_open).

    Raises:
        Errno: As mq_open(3) says.
    """
    root, found = find(kernel, task, name)
    if found is None:
        if not flags & os.O_CREAT:
            raise Errno(errno.ENOENT)
        require_access(kernel, task, root.inode, os.W_OK | os.X_OK)
        if limits is not None and min(limits) <= 0:
            raise Errno(errno.EINVAL)
        queue = Queue(*limits) if limits else Queue()
        found = add(root.dentry, name, stat.S_IFREG | (mode & ~task.fs.umask & 0o777), queue)
        found.inode.uid, found.inode.gid = task.credentials.fsuid, task.credentials.fsgid
    else:
        if flags & os.O_CREAT and flags & os.O_EXCL:
            raise Errno(errno.EEXIST)
        if flags & os.O_ACCMODE == os.O_ACCMODE:
            raise Errno(errno.EINVAL)
        require_access(kernel, task, found.inode, _MEANINGS[flags & os.O_ACCMODE])
    path = Path(root.mount, found)
    if not isinstance(path.inode.node, Queue):
        raise NotModelled("queues: a file that was made by open(2)")
    opened = path.inode.node.open(kernel, task, path, flags & ~(os.O_CREAT | os.O_EXCL))
    kernel.hooks.file_alloc(opened)
    kernel.hooks.file_open(task, opened)
    return opened


def send(kernel: Kernel, file: QueueFile, data: bytes) -> None:
    """Put a message into a queue (do_mq_timedsend).

    Raises:
        Errno: EAGAIN.
        Waits: It is full.
    """
    queue = file.queue
    if len(queue.messages) >= queue.most:
        if file.flags & os.O_NONBLOCK:
            raise Errno(errno.EAGAIN)
        raise Waits
    queue.messages.append(data)
    if len(queue.messages) == 1 and queue.told is not None:
        (group, number), queue.told = queue.told, None
        if number and group.threads:
            signals.queue(kernel, group.leader, Signal(number, SI_MESGQ))


def notify(task: Task, file: File, number: int | None) -> None:
    """Be told by a signal of the next message, by nothing (0), or no more (None) (do_mq_notify).

    Raises:
        Errno: EBADF, EBUSY.
    """
    if not isinstance(file, QueueFile):
        raise Errno(errno.EBADF)
    told = file.queue.told
    if number is None:
        if told is not None and told[0] is task.group:
            file.queue.told = None
        return
    if told is not None:
        raise Errno(errno.EBUSY)
    file.queue.told = (task.group, number)


register(Kind("mqueue", 0o1777, namespace=lambda task: task.namespaces.ipc, is_shared=True))
