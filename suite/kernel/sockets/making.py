# SPDX-License-Identifier: MIT
"""socket(2): which sockets there are. Source: net/socket.c, and the create functions of families.

What the small kernel lacks, it refuses as a kernel does that was built without it.
"""

from __future__ import annotations

import errno
import os
import socket
from socket import AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, IPPROTO_MPTCP, IPPROTO_TCP, IPPROTO_UDP

from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.sockets import netlink, tcp, udp, unix
from suite.kernel.sockets.base import Socket, become_file, new_path
from suite.kernel.sockets.inet import InetSocket
from suite.kernel.sockets.ports import ANY4, ANY6
from suite.kernel.tasks import Task

FAMILIES, KINDS = 46, 11
"""AF_MAX, SOCK_MAX: numbers that no family or kind has."""
TYPE_MASK = 0xF
INET: dict[tuple[int, int], tuple[type[InetSocket], int]] = {
    (socket.SOCK_STREAM, 0): (tcp.TcpSocket, IPPROTO_TCP),
    (socket.SOCK_STREAM, IPPROTO_TCP): (tcp.TcpSocket, IPPROTO_TCP),
    (socket.SOCK_STREAM, IPPROTO_MPTCP): (tcp.TcpSocket, IPPROTO_MPTCP),
    (socket.SOCK_DGRAM, 0): (udp.UdpSocket, IPPROTO_UDP),
    (socket.SOCK_DGRAM, IPPROTO_UDP): (udp.UdpSocket, IPPROTO_UDP),
    (socket.SOCK_DGRAM, socket.IPPROTO_UDPLITE): (udp.UdpSocket, socket.IPPROTO_UDPLITE),
}
"""What a kind and a protocol of IPv4 and IPv6 come to."""
_LAST_PROTOCOL = IPPROTO_MPTCP


def flags_of(kind: int) -> int:
    """The flags in the second argument of socket(2) and its like.

    Raises:
        Errno: EINVAL.
    """
    flags = kind & ~TYPE_MASK
    if flags & ~(socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK):
        raise Errno(errno.EINVAL)
    return flags


def made(kernel: Kernel, task: Task, family: int, kind: int, protocol: int) -> Socket:
    """A new socket; __sock_create() in net/socket.c, with the checks that come first.

    Raises:
        Errno: As socket(2) says.
    """
    flags = flags_of(kind)
    kind &= TYPE_MASK
    if not 0 <= family < FAMILIES:
        raise Errno(errno.EAFNOSUPPORT)
    if kind >= KINDS:
        raise Errno(errno.EINVAL)
    if family == AF_UNIX:
        it = _unix(kernel, task, kind, protocol)
    elif family in (AF_INET, AF_INET6):
        it = _inet(kernel, task, family, kind, protocol)
    elif family == AF_NETLINK:
        it = _netlink(kernel, task, kind, protocol)
    else:
        raise Errno(errno.EAFNOSUPPORT)
    become_file(it, task, flags & os.O_NONBLOCK)
    return it


def _unix(kernel: Kernel, task: Task, kind: int, protocol: int) -> Socket:
    """unix_create()."""
    if protocol not in (0, AF_UNIX):
        raise Errno(errno.EPROTONOSUPPORT)
    if kind == socket.SOCK_RAW:
        kind = socket.SOCK_DGRAM
    if kind not in unix.KINDS:
        raise Errno(errno.ESOCKTNOSUPPORT)
    return unix.KINDS[kind](
        new_path(kernel),
        os.O_RDWR,
        task.credentials,
        family=AF_UNIX,
        kind=kind,
        kernel=kernel,
        network=task.namespaces.net,
    )


def _inet(kernel: Kernel, task: Task, family: int, kind: int, protocol: int) -> Socket:
    """inet_create(), inet6_create()."""
    if not 0 <= protocol <= _LAST_PROTOCOL:
        raise Errno(errno.EINVAL)
    if kind not in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        raise Errno(errno.ESOCKTNOSUPPORT)
    if (kind, protocol) not in INET:
        raise Errno(errno.EPROTONOSUPPORT)
    of, protocol = INET[kind, protocol]
    return of(
        new_path(kernel),
        os.O_RDWR,
        task.credentials,
        family=family,
        kind=kind,
        protocol=protocol,
        kernel=kernel,
        network=task.namespaces.net,
        local=ANY6 if family == AF_INET6 else ANY4,
    )


def _netlink(kernel: Kernel, task: Task, kind: int, protocol: int) -> Socket:
    """netlink_create()."""
    if kind not in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        raise Errno(errno.ESOCKTNOSUPPORT)
    if protocol != netlink.NETLINK_AUDIT:
        raise Errno(errno.EPROTONOSUPPORT)
    return netlink.AuditSocket(
        new_path(kernel),
        os.O_RDWR,
        task.credentials,
        family=AF_NETLINK,
        kind=kind,
        protocol=protocol,
        kernel=kernel,
        network=task.namespaces.net,
    )
