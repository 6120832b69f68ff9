# SPDX-License-Identifier: MIT
"""Leases: who holds one is told when somebody else opens the file.

Source: fs/locks.c; fcntl(2), "Leases". Only those of readers are known, and who is told does not
give them up, so that nobody else gets to open the file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from suite.kernel import owners
from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Inode
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import COMMANDS
from suite.kernel.open_files import File
from suite.kernel.tasks import Task
from suite.process.uapi import F_SETLEASE


def _leases(kernel: Kernel) -> dict[Inode, File]:
    """Who holds the lease of a file."""
    found = kernel.extra.setdefault("leases", {})
    assert isinstance(found, dict)  # noqa: S101 (by the line above)
    return found


def _set(kernel: Kernel, task: Task, file: File, argument: int) -> int:
    """F_SETLEASE. Source: generic_setlease()."""
    inode, mine = file.inode, task.credentials
    if mine.fsuid != inode.uid and not capable(mine, "LEASE", kernel.user):
        raise Errno(errno.EACCES)
    if inode.kind != stat.S_IFREG:
        raise Errno(errno.EINVAL)
    leases = _leases(kernel)
    if argument != fcntl.F_RDLCK or leases.get(inode, file) is not file:
        raise NotModelled("files: leases of writers")
    if inode.writers > 0:
        raise Errno(errno.EAGAIN)
    leases[inode] = file
    owners.own_by_default(kernel, task, file)
    return 0


def break_lease(kernel: Kernel, file: File) -> None:
    """A file is being opened: tell who holds a lease of it.

    Source: __break_lease(), which do_dentry_open() calls after Landlock was asked.

    Raises:
        Errno: EWOULDBLOCK with O_NONBLOCK.
    """
    holder = _leases(kernel).get(file.inode)
    if holder is None or not holder.references or not file.writes:
        return
    owners.tell(kernel, holder, owners.POLL_MSG)
    if file.flags & os.O_NONBLOCK:
        raise Errno(errno.EWOULDBLOCK)
    raise NotModelled("files: waiting for a lease")


COMMANDS[F_SETLEASE] = _set
