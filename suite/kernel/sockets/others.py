# SPDX-License-Identifier: MIT
"""Sockets that take addresses and go nowhere: raw, ICMP, packet, and routing by netlink.

Landlock has no rule about them; cases show that it lets them be. Nothing is received.

Source: net/ipv4/raw.c, net/ipv4/ping.c, net/packet/af_packet.c, net/netlink/af_netlink.c,
whose functions are named.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from socket import AF_INET, AF_NETLINK, AF_PACKET, AF_UNSPEC

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.sockets.base import Socket
from suite.kernel.sockets.inet import SIZE4, check_local, family_of, read4, routed
from suite.kernel.sockets.messages import Message
from suite.kernel.sockets.ports import ANY4, PortSocket
from suite.kernel.tasks import Task

LEAST: dict[int, int] = {AF_NETLINK: 12, AF_PACKET: 20}
"""The bytes that an address of a family has."""
LOOPBACK_INTERFACE = 1


@dataclass(slots=True, eq=False, repr=False)
class IcmpSocket(PortSocket):
    """A raw socket, or one of ICMP; of IPv4."""

    remote: bytes = b""

    def bind(self, task: Task, address: bytes) -> None:
        """raw_bind(), ping_bind(); what is in the place of a port is an identifier, if anything."""
        if len(address) < SIZE4 or self.remote:
            raise Errno(errno.EINVAL)
        if family_of(address) != AF_INET:
            raise NotModelled("sockets: raw sockets and other families")
        ip, _ = read4(address)
        check_local(self, ip)
        self.local = ip

    def connect(self, task: Task, address: bytes, *, waits: bool = True) -> None:
        """ip4_datagram_connect()."""
        if len(address) < SIZE4:
            raise Errno(errno.EINVAL)
        if family_of(address) == AF_UNSPEC:
            self.remote, self.local = b"", ANY4
            return
        if family_of(address) != AF_INET:
            raise Errno(errno.EAFNOSUPPORT)
        self.remote = routed(self, read4(address)[0])

    def send(self, task: Task, message: Message) -> int:
        """raw_sendmsg(), ping_v4_sendmsg(): to nobody that would tell."""
        if message.address is None:
            if not self.remote:
                raise Errno(errno.EDESTADDRREQ)
        elif len(message.address) < SIZE4:
            raise Errno(errno.EINVAL)
        elif family_of(message.address) != AF_INET:
            raise Errno(errno.EAFNOSUPPORT)
        else:
            routed(self, read4(message.address)[0])
        return len(message.data())


@dataclass(slots=True, eq=False, repr=False)
class PlainSocket(Socket):
    """A packet socket, or one of NETLINK_ROUTE."""

    def bind(self, task: Task, address: bytes) -> None:
        """packet_bind(), netlink_bind()."""
        self._check(address)
        if self.family == AF_PACKET and address[4] != LOOPBACK_INTERFACE:
            raise Errno(errno.ENODEV)

    def connect(self, task: Task, address: bytes, *, waits: bool = True) -> None:
        """netlink_connect()."""
        if self.family != AF_NETLINK:
            raise NotModelled("sockets: connections of packet sockets")
        self._check(address)

    def _check(self, address: bytes) -> None:
        if len(address) < LEAST[self.family] or family_of(address) != self.family:
            raise Errno(errno.EINVAL)
