# SPDX-License-Identifier: MIT
"""The addresses of UNIX sockets: abstract names, by network namespace, and files.

Source: net/unix/af_unix.c, whose functions are named; unix(7).
"""

from __future__ import annotations

import errno
import socket

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.sockets.endpoint import Endpoint
from suite.kernel.tasks import NetNamespace, Task

LONGEST = 110
"""sizeof(struct sockaddr_un)."""


def validate(address: bytes) -> None:
    """unix_validate_addr().

    Raises:
        Errno: EINVAL.
    """
    family = int.from_bytes(address[:2], "little")
    if not 2 < len(address) <= LONGEST or family != socket.AF_UNIX:
        raise Errno(errno.EINVAL)


def abstract(network: NetNamespace, kind: int, name: bytes) -> Endpoint | None:
    """The socket of this kind with an abstract name: unix_find_abstract()."""
    found = network.bound.get((socket.AF_UNIX, kind, name))
    return found if isinstance(found, Endpoint) else None


def take(network: NetNamespace, kind: int, name: bytes, owner: Endpoint) -> None:
    """Give a socket an abstract name: unix_bind_abstract().

    Raises:
        Errno: EADDRINUSE.
    """
    if abstract(network, kind, name) is not None:
        raise Errno(errno.EADDRINUSE)
    network.bound[socket.AF_UNIX, kind, name] = owner


def forget(network: NetNamespace, owner: Endpoint) -> None:
    """Let others have the abstract name of a socket, if it is the one that has it."""
    if abstract(network, owner.kind, owner.name) is owner:
        del network.bound[socket.AF_UNIX, owner.kind, owner.name]


def make(kernel: Kernel, task: Task, address: bytes, owner: Endpoint) -> None:
    """Make the file of a socket: unix_bind_bsd()."""
    raise NotModelled("sockets: paths")


def at_path(kernel: Kernel, task: Task, kind: int, address: bytes) -> Endpoint | None:
    """The socket that is bound to a file: unix_find_bsd()."""
    raise NotModelled("sockets: paths")


def path_in(address: bytes) -> bytes:
    """The path of an address, which may end without a zero byte: unix_mkname_bsd()."""
    return address[2:].partition(b"\0")[0]
