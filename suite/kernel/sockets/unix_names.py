# SPDX-License-Identifier: MIT
"""The addresses of UNIX sockets: abstract names, by network namespace, and files.

Source: net/unix/af_unix.c, whose functions are named; unix(7).
"""

from __future__ import annotations

import errno
import os
import socket
import stat

from suite.kernel import names
from suite.kernel.errors import Errno
from suite.kernel.inodes import Dentry
from suite.kernel.kernel import Kernel
from suite.kernel.permissions import require_access
from suite.kernel.sockets.base import Socket
from suite.kernel.tasks import NetNamespace, Task
from suite.kernel.walk import resolve
from suite.process.uapi import AT_FDCWD

LONGEST = 110
"""sizeof(struct sockaddr_un)."""
_IN_USE = {errno.EEXIST: errno.EADDRINUSE}


def validate(address: bytes) -> None:
    """unix_validate_addr().

    Raises:
        Errno: EINVAL.
    """
    family = int.from_bytes(address[:2], "little")
    if not 2 < len(address) <= LONGEST or family != socket.AF_UNIX:
        raise Errno(errno.EINVAL)


def abstract(network: NetNamespace, kind: int, name: bytes) -> Socket | None:
    """The socket of this kind with an abstract name: unix_find_abstract()."""
    found = network.bound.get((socket.AF_UNIX, kind, name))
    return found if isinstance(found, Socket) else None


def take(network: NetNamespace, kind: int, name: bytes, owner: Socket) -> None:
    """Give a socket an abstract name: unix_bind_abstract().

    Raises:
        Errno: EADDRINUSE.
    """
    if abstract(network, kind, name) is not None:
        raise Errno(errno.EADDRINUSE)
    network.bound[socket.AF_UNIX, kind, name] = owner


def forget(network: NetNamespace, name: bytes, owner: Socket) -> None:
    """Let others have the abstract name of a socket, if it is the one that has it."""
    if abstract(network, owner.kind, name) is owner:
        del network.bound[socket.AF_UNIX, owner.kind, name]


def make(kernel: Kernel, task: Task, address: bytes) -> Dentry:
    """Make the file of a socket: unix_bind_bsd().

    Raises:
        Errno: EADDRINUSE if there is a file; as mknod(2) says.
    """
    path = path_in(address).decode("utf-8", "surrogateescape")
    try:
        folder, name = names.place_for(kernel, task, AT_FDCWD, path)
    except Errno as error:
        raise Errno(_IN_USE.get(error.number, error.number)) from None
    mode = stat.S_IFSOCK | 0o777 & ~task.fs.umask
    kernel.hooks.path_mknod(task, folder, mode, 0)
    names.require_creatable(kernel, task, folder)
    names.require_makeable(folder)
    return names.make(task, folder, name, mode)


def at_path(kernel: Kernel, task: Task, kind: int, address: bytes) -> Socket | None:
    """The socket that is bound to a file; None if there is none: unix_find_bsd().

    Raises:
        Errno: EPROTOTYPE if it is of another kind; as open(2) says of a file to write to.
    """
    path = resolve(kernel, task, path_in(address).decode("utf-8", "surrogateescape"))
    require_access(kernel, task, path.inode, os.W_OK)
    found = path.inode.node
    if path.inode.kind != stat.S_IFSOCK or not isinstance(found, Socket):
        return None
    if found.kind != kind:
        raise Errno(errno.EPROTOTYPE)
    kernel.hooks.unix_find(task, path, found)
    return found


def path_in(address: bytes) -> bytes:
    """The path of an address, which may end without a zero byte: unix_mkname_bsd()."""
    return address[2:].partition(b"\0")[0]
