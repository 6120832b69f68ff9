# SPDX-License-Identifier: MIT
"""What system calls and rings ask of sockets, Landlock being asked first: net/socket.c."""

from __future__ import annotations

import errno

from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.sockets.base import Socket
from suite.kernel.tasks import Task


def found(task: Task, fd: int) -> Socket:
    """The socket of a descriptor: sockfd_lookup().

    Raises:
        Errno: EBADF, ENOTSOCK.
    """
    it = task.files.get(fd)
    if not isinstance(it, Socket):
        raise Errno(errno.ENOTSOCK)
    return it


def bind(kernel: Kernel, task: Task, it: Socket, address: bytes) -> int:
    """__sys_bind_socket()."""
    kernel.hooks.socket_bind(task, it, address)
    it.bind(task, address)
    return 0


def connect(kernel: Kernel, task: Task, it: Socket, address: bytes) -> int:
    """__sys_connect_file()."""
    kernel.hooks.socket_connect(task, it, address)
    it.connect(task, address)
    return 0
