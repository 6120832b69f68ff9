# SPDX-License-Identifier: MIT
"""socket(2): which sockets there are. Source: net/socket.c, and the create functions of families.

What the small kernel lacks, it refuses as a kernel does that was built without it.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from socket import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    AF_PACKET,
    AF_UNIX,
    IPPROTO_ICMP,
    IPPROTO_MPTCP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
)
from typing import TypeAlias

from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.sockets import netlink, others, tcp, udp, unix
from suite.kernel.sockets.base import Socket, become_file, new_path
from suite.kernel.sockets.inet import InetSocket
from suite.kernel.sockets.ports import ANY4, PortSocket
from suite.kernel.tasks import Task

FAMILIES, KINDS = 46, 11
"""AF_MAX, SOCK_MAX: numbers that no family or kind has."""
TYPE_MASK = 0xF
INET: dict[tuple[int, int], tuple[type[InetSocket], int]] = {
    (SOCK_STREAM, 0): (tcp.TcpSocket, IPPROTO_TCP),
    (SOCK_STREAM, IPPROTO_TCP): (tcp.TcpSocket, IPPROTO_TCP),
    (SOCK_STREAM, IPPROTO_MPTCP): (tcp.TcpSocket, IPPROTO_MPTCP),
    (SOCK_DGRAM, 0): (udp.UdpSocket, IPPROTO_UDP),
    (SOCK_DGRAM, IPPROTO_UDP): (udp.UdpSocket, IPPROTO_UDP),
    (SOCK_DGRAM, socket.IPPROTO_UDPLITE): (udp.UdpSocket, socket.IPPROTO_UDPLITE),
}
"""What a kind and a protocol of IPv4 and IPv6 come to."""
_LAST_PROTOCOL = IPPROTO_MPTCP
PING_GROUPS = "ipv4.ping_group_range"
"""The sysctl that has the first and the last group whose members may have sockets of ICMP."""


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
    if family not in MAKERS:
        raise Errno(errno.EAFNOSUPPORT)
    kind, protocol, of = MAKERS[family](task, family, kind, protocol)
    it = of(
        new_path(kernel),
        os.O_RDWR,
        task.credentials,
        family=family,
        kind=kind,
        protocol=protocol,
        kernel=kernel,
        network=task.namespaces.net,
    )
    if isinstance(it, PortSocket) and family == AF_INET:
        it.local = ANY4
    become_file(it, task, flags & os.O_NONBLOCK)
    return it


Made: TypeAlias = tuple[int, int, type[Socket]]
"""Kind and protocol as they come to be, and the class."""


def _unix(task: Task, family: int, kind: int, protocol: int) -> Made:
    """unix_create()."""
    if protocol not in (0, AF_UNIX):
        raise Errno(errno.EPROTONOSUPPORT)
    if kind == SOCK_RAW:
        kind = SOCK_DGRAM
    if kind not in unix.KINDS:
        raise Errno(errno.ESOCKTNOSUPPORT)
    return kind, 0, unix.KINDS[kind]


def _inet(task: Task, family: int, kind: int, protocol: int) -> Made:
    """inet_create(), inet6_create()."""
    if not 0 <= protocol <= _LAST_PROTOCOL:
        raise Errno(errno.EINVAL)
    if kind not in (SOCK_STREAM, SOCK_DGRAM, SOCK_RAW):
        raise Errno(errno.ESOCKTNOSUPPORT)
    if kind == SOCK_RAW and protocol:
        if family == AF_INET6:
            raise NotModelled("sockets: raw sockets of IPv6")
        _require_raw(task)
        return kind, protocol, others.IcmpSocket
    if (family, kind, protocol) == (AF_INET, SOCK_DGRAM, IPPROTO_ICMP):
        _require_ping(task)
        return kind, protocol, others.IcmpSocket
    if (kind, protocol) not in INET:
        raise Errno(errno.EPROTONOSUPPORT)
    of, protocol = INET[kind, protocol]
    return kind, protocol, of


def _require_raw(task: Task) -> None:
    network = task.namespaces.net
    assert network.owner is not None  # noqa: S101 (each network has one)
    require(task.credentials, "NET_RAW", network.owner)


def _require_ping(task: Task) -> None:
    """Be of a group that may have sockets of ICMP: ping_init_sock()."""
    words = task.namespaces.net.sysctls.get(PING_GROUPS, "1 0").split()
    mine = task.credentials.egid, *task.credentials.groups
    if not any(int(words[0]) <= it <= int(words[1]) for it in mine):
        raise Errno(errno.EACCES)


def _netlink(task: Task, family: int, kind: int, protocol: int) -> Made:
    """netlink_create()."""
    if kind not in (SOCK_RAW, SOCK_DGRAM):
        raise Errno(errno.ESOCKTNOSUPPORT)
    if protocol not in NETLINK:
        raise Errno(errno.EPROTONOSUPPORT)
    return kind, protocol, NETLINK[protocol]


def _packet(task: Task, family: int, kind: int, protocol: int) -> Made:
    """packet_create()."""
    _require_raw(task)
    if kind not in (SOCK_RAW, SOCK_DGRAM):
        raise Errno(errno.ESOCKTNOSUPPORT)
    return kind, protocol, others.PlainSocket


NETLINK: dict[int, type[Socket]] = {
    socket.NETLINK_ROUTE: others.PlainSocket,
    netlink.NETLINK_AUDIT: netlink.AuditSocket,
}
"""By protocol."""
MAKERS: dict[int, Callable[[Task, int, int, int], Made]] = {
    AF_UNIX: _unix,
    AF_INET: _inet,
    AF_INET6: _inet,
    AF_NETLINK: _netlink,
    AF_PACKET: _packet,
}
"""By family."""
