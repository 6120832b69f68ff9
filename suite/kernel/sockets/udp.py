# SPDX-License-Identifier: MIT
"""UDP, and UDP-Lite. Source: net/ipv4/udp.c, net/ipv4/datagram.c and their kin of IPv6; udp(7)."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, AF_UNSPEC

from suite.kernel.errors import Errno
from suite.kernel.sockets.base import (
    SEND_SHUTDOWN,
    arrive,
    check_receive_flags,
    fail,
    next_datagram,
)
from suite.kernel.sockets.inet import (
    SIZE4,
    SIZE6,
    InetSocket,
    address_of,
    family_of,
    read4,
    read6,
    receivers,
    routed,
    source_for,
)
from suite.kernel.sockets.messages import Message, Packet
from suite.kernel.sockets.ports import MAPPED, leave
from suite.kernel.tasks import Task

LONGEST = 0xFFFF


@dataclass(slots=True, eq=False, repr=False)
class UdpSocket(InetSocket):
    """A socket of UDP."""

    def connect(self, task: Task, address: bytes, *, waits: bool = True) -> None:
        """inet_dgram_connect()."""
        if len(address) < 2:
            raise Errno(errno.EINVAL)
        if family_of(address) == AF_UNSPEC:
            self.forget_peer()
            self.leave_port()
            self.shown_port = self.port
            return
        self.autobind()
        ip, port = self._to_connect(address)
        ip = routed(self, ip)
        self.local = source_for(self, ip)
        self.remote, self.remote_port = ip, port

    def _to_connect(self, address: bytes) -> tuple[bytes, int]:
        """__ip4_datagram_connect(), __ip6_datagram_connect()."""
        is_ipv6, family = self.family == AF_INET6, family_of(address)
        if is_ipv6 and family != AF_INET:
            if len(address) < SIZE6:
                raise Errno(errno.EINVAL)
            if family != AF_INET6:
                raise Errno(errno.EAFNOSUPPORT)
            ip, port = read6(address)
            if self.only_ipv6 and ip[:12] == MAPPED:
                raise Errno(errno.ENETUNREACH)
            return ip, port
        if is_ipv6 and self.only_ipv6:
            raise Errno(errno.EAFNOSUPPORT)
        if len(address) < SIZE4:
            raise Errno(errno.EINVAL)
        if family != AF_INET:
            raise Errno(errno.EAFNOSUPPORT)
        return read4(address)

    def send(self, task: Task, message: Message) -> int:
        """inet_sendmsg(), inet6_sendmsg()."""
        self.autobind()
        target = self._target6(message) if self.family == AF_INET6 else self._target4(message)
        ip, port = target or (self.remote, self.remote_port)
        if target is not None:
            ip = routed(self, ip)
        source = source_for(self, ip)
        self.tell_error()
        if self.shut & SEND_SHUTDOWN:
            raise Errno(errno.EPIPE)
        data = message.data()
        found = [it for it in receivers(self, ip, port) if isinstance(it, UdpSocket)]
        found = [it for it in found if it.takes_from(source, self.port)]
        if found:
            best = max(found, key=lambda it: bool(it.remote))
            best.deliver(data, source, self.port)
        elif self.remote and self.takes_from(ip, port):
            fail(self, errno.ECONNREFUSED)
        return len(data)

    def _target4(self, message: Message) -> tuple[bytes, int] | None:
        """Where to: udp_sendmsg(); None for the peer."""
        if message.size > LONGEST:
            raise Errno(errno.EMSGSIZE)
        if message.flags & socket.MSG_OOB:
            raise Errno(errno.EOPNOTSUPP)
        if message.address is None:
            if not self.remote:
                raise Errno(errno.EDESTADDRREQ)
            return None
        if len(message.address) < SIZE4:
            raise Errno(errno.EINVAL)
        if family_of(message.address) not in (AF_INET, AF_UNSPEC):
            raise Errno(errno.EAFNOSUPPORT)
        ip, port = read4(message.address)
        if not port:
            raise Errno(errno.EINVAL)
        return ip, port

    def _target6(self, message: Message) -> tuple[bytes, int] | None:
        """Where to: udpv6_sendmsg(); None for the peer."""
        address = message.address
        if address is not None:
            if len(address) < 2:
                raise Errno(errno.EINVAL)
            family = family_of(address)
            if family == AF_INET:
                return self._target_mapped(message)
            if family not in (AF_INET6, AF_UNSPEC) or (family == AF_INET6 and len(address) < SIZE6):
                raise Errno(errno.EINVAL)
            if family == AF_UNSPEC:
                if self.remote[:12] == MAPPED:
                    raise Errno(errno.ENETUNREACH)  # it looks for that peer by IPv6
                address = None
        if address is None:
            if not self.remote:
                raise Errno(errno.EDESTADDRREQ)
            if self.remote[:12] == MAPPED and not self.remote_port:
                raise Errno(errno.EINVAL)
            return None
        ip, port = read6(address)
        if ip[:12] == MAPPED:
            message.address = address_of(AF_INET, ip, port)
            return self._target_mapped(message)
        if not port:
            raise Errno(errno.EINVAL)
        return ip, port

    def _target_mapped(self, message: Message) -> tuple[bytes, int] | None:
        if self.only_ipv6:
            raise Errno(errno.ENETUNREACH)
        return self._target4(message)

    def takes_from(self, ip: bytes, port: int) -> bool:
        """Whether it has no peer, or this one; port 0 is any: compute_score()."""
        return self.remote in (b"", ip) and self.remote_port in (0, port)

    def deliver(self, data: bytes, ip: bytes, port: int) -> None:
        """A datagram arrives."""
        arrive(self, Packet(data, address_of(self.family, ip, port)))

    def receive(self, task: Task, size: int, flags: int) -> Packet:
        """udp_recvmsg()."""
        check_receive_flags(flags)
        return next_datagram(self, size, flags)

    def shutdown(self, task: Task, how: int) -> None:
        """inet_shutdown()."""
        self.shut |= how + 1
        if not self.remote:
            raise Errno(errno.ENOTCONN)

    def release(self) -> None:
        """udp_lib_close()."""
        self.is_dead = True
        leave(self)
