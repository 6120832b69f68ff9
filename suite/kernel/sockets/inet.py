# SPDX-License-Identifier: MIT
"""What TCP and UDP have in common, over IPv4 and IPv6 on the loopback interface.

Source: net/ipv4/af_inet.c and net/ipv6/af_inet6.c, whose functions are named; ip(7), ipv6(7).
There are no other interfaces, so that whatever is not of this machine is unreachable.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, AF_UNSPEC, IPPROTO_IP, IPPROTO_IPV6

from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.sockets import ports
from suite.kernel.sockets.ports import ANY4, ANY6, LOOPBACK4, LOOPBACK6, MAPPED, PortSocket
from suite.kernel.tasks import Task
from suite.process.uapi import IP_BIND_ADDRESS_NO_PORT, IP_LOCAL_PORT_RANGE, IPV6_ADDRFORM

SIZE4, SIZE6 = 16, 24
"""The least sizes of addresses: sizeof(struct sockaddr_in), SIN6_LEN_RFC2133."""
UNPRIVILEGED = "ipv4.ip_unprivileged_port_start"
"""The sysctl that has the first port which needs no capability."""
_BROADCAST = MAPPED + b"\xff\xff\xff\xff"


@dataclass(slots=True, eq=False, repr=False)
class InetSocket(PortSocket):
    """A socket of TCP or UDP."""

    remote: bytes = b""
    """The address of its peer; b"" if it has none."""
    remote_port: int = 0
    keeps_address: bool = False
    """Whether bind(2) gave it an address (SOCK_BINDADDR_LOCK)."""
    keeps_port: bool = False
    """Whether bind(2) gave it a port that it asked for (SOCK_BINDPORT_LOCK)."""
    binds_no_port: bool = False
    """IP_BIND_ADDRESS_NO_PORT."""

    @property
    def any_address(self) -> bytes:
        """All addresses of its family."""
        return ANY6 if self.family == AF_INET6 else ANY4

    @property
    def is_closed(self) -> bool:
        """Whether it is neither connected nor listens (TCP_CLOSE)."""
        return not self.remote

    def bind(self, task: Task, address: bytes) -> None:
        """inet_bind() or inet6_bind()."""
        read = _to_bind6 if self.family == AF_INET6 else _to_bind4
        local, port = read(self, task, address)
        if not self.is_closed or self.port:
            raise Errno(errno.EINVAL)
        if self.family == AF_INET6:
            check_local(self, local)
        self.local = local
        if port or not self.binds_no_port:
            try:
                ports.take(self, port)
            except Errno:
                self.local = self.any_address
                raise
        self.keeps_address = not ports.is_any(local)
        if self.keeps_address and local[:12] != MAPPED:
            self.only_ipv6 = True
        self.keeps_port = bool(port)

    def autobind(self) -> None:
        """Give it a port if it has none: inet_autobind()."""
        if not self.port:
            try:
                ports.take(self, 0)
            except Errno:
                raise Errno(errno.EAGAIN) from None

    def forget_peer(self) -> None:
        """Be connected no more; an address that bind(2) did not give is lost, too."""
        self.remote, self.remote_port = b"", 0
        if not self.keeps_address:
            self.local = self.any_address

    def leave_port(self) -> None:
        """Have no port any more, unless bind(2) asked for it."""
        if not self.keeps_port:
            ports.leave(self)

    def getname(self, *, of_peer: bool = False) -> bytes:
        """inet_getname() or inet6_getname()."""
        if not of_peer:
            return address_of(self.family, self.local, self.shown_port)
        if not self.remote_port or self.is_closed:
            raise Errno(errno.ENOTCONN)
        return address_of(self.family, self.remote, self.remote_port)

    def set_option(self, task: Task, level: int, option: int, value: bytes) -> None:
        """do_ip_setsockopt(), do_ipv6_setsockopt()."""
        number = int.from_bytes(value[:4], "little", signed=True)
        is_ipv6 = self.family == AF_INET6
        if (level, option) == (IPPROTO_IP, IP_LOCAL_PORT_RANGE):
            self._choose_between(number & 0xFFFF, number >> 16 & 0xFFFF)
        elif (level, option) == (IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT):
            self.binds_no_port = bool(number)
        elif (level, option) == (IPPROTO_IPV6, socket.IPV6_V6ONLY) and is_ipv6:
            if self.port:
                raise Errno(errno.EINVAL)
            self.only_ipv6 = bool(number)
        elif (level, option) == (IPPROTO_IPV6, IPV6_ADDRFORM) and is_ipv6:
            self._become_ipv4(number)
        elif level == IPPROTO_IPV6 and not is_ipv6:
            raise Errno(errno.ENOPROTOOPT)
        else:
            raise NotModelled(f"sockets: option {level}, {option}")

    def _choose_between(self, least: int, most: int) -> None:
        """IP_LOCAL_PORT_RANGE."""
        if least and most and least > most:
            raise Errno(errno.EINVAL)
        self.choice = least, most

    def _become_ipv4(self, family: int) -> None:
        """IPV6_ADDRFORM."""
        if family != AF_INET:
            raise Errno(errno.EINVAL)
        if not self.remote:
            raise Errno(errno.ENOTCONN)
        if self.only_ipv6 or self.remote[:12] != MAPPED:
            raise Errno(errno.EADDRNOTAVAIL)
        self.family = AF_INET
        if self.local == ANY6:
            self.local = ANY4


def family_of(address: bytes) -> int:
    """The family that an address says."""
    return int.from_bytes(address[:2], "little")


def read4(address: bytes) -> tuple[bytes, int]:
    """The address and port of a struct sockaddr_in."""
    return MAPPED + address[4:8], int.from_bytes(address[2:4], "big")


def read6(address: bytes) -> tuple[bytes, int]:
    """The address and port of a struct sockaddr_in6."""
    ip = address[8:24]
    if ip[0] == 0xFE and ip[1] & 0xC0 == 0x80:
        raise NotModelled("sockets: link-local addresses")
    return ip, int.from_bytes(address[2:4], "big")


def address_of(family: int, ip: bytes, port: int) -> bytes:
    """A struct sockaddr_in or sockaddr_in6."""
    head = family.to_bytes(2, "little") + port.to_bytes(2, "big")
    if family == AF_INET:
        return head + ip[12:] + bytes(8)
    return head + bytes(4) + ip + bytes(4)


def is_multicast(ip: bytes) -> bool:
    """Whether it is an address of a group."""
    return ip[12] >> 4 == 0xE if ip[:12] == MAPPED else ip[0] == 0xFF


def check_local(it: PortSocket, ip: bytes) -> None:
    """Have an address that sockets may be bound to.

    Raises:
        Errno: EADDRNOTAVAIL.
    """
    if ports.is_any(ip) or is_multicast(ip) or ip == _BROADCAST:
        return
    if not is_loopback(ip) or not it.network.loopback_up:
        raise Errno(errno.EADDRNOTAVAIL)


def is_loopback(ip: bytes) -> bool:
    """Whether the loopback interface has it."""
    return ip == LOOPBACK6 or ip[:13] == MAPPED + b"\x7f"


def routed(it: PortSocket, ip: bytes) -> bytes:
    """Where a destination leads: for any address to the socket's own, or the loopback one.

    Raises:
        Errno: ENETUNREACH.
    """
    is_bound = not ports.is_any(it.local)
    if ip == ANY4 or (ip == ANY6 and it.local[:12] == MAPPED):
        ip = it.local if ip == ANY4 and is_bound else LOOPBACK4
    elif ip == ANY6:
        ip = LOOPBACK6
    if not it.network.loopback_up and ip == LOOPBACK6:
        raise NotModelled("sockets: IPv6 without a loopback interface")
    if ip == _BROADCAST or is_multicast(ip):
        raise NotModelled("sockets: broadcast and multicast")
    if not is_loopback(ip) or not it.network.loopback_up:
        raise Errno(errno.ENETUNREACH)
    return ip


def source_for(it: InetSocket, ip: bytes) -> bytes:
    """The own address with which a socket speaks to a peer."""
    if not ports.is_any(it.local):
        if it.local[:12] == MAPPED and ip[:12] != MAPPED:
            raise Errno(errno.EAFNOSUPPORT)
        if it.local[:12] != MAPPED and ip[:12] == MAPPED:
            raise NotModelled("sockets: peers of IPv6, then of IPv4")
        return it.local
    return LOOPBACK6 if ip == LOOPBACK6 else LOOPBACK4


def receivers(it: InetSocket, ip: bytes, port: int) -> list[InetSocket]:
    """The sockets that have an address and port; those with just this address come first."""
    owners = ports.ports_of(it.network, it).owners.get(port, ())
    family = 4 if ip[:12] == MAPPED else 6
    found = [
        other
        for other in owners
        if isinstance(other, InetSocket)
        and family in ports.families(other)
        and (other.local == ip or ports.is_any(other.local))
    ]
    return sorted(found, key=lambda other: ports.is_any(other.local))


def _require_port(it: InetSocket, task: Task, port: int) -> None:
    user = it.network.owner
    assert user is not None  # noqa: S101 (each network has one)
    first = int(it.network.sysctls.get(UNPRIVILEGED, "1024"))
    if 0 < port < first and not capable(task.credentials, "NET_BIND_SERVICE", user):
        raise Errno(errno.EACCES)


def _to_bind4(it: InetSocket, task: Task, address: bytes) -> tuple[bytes, int]:
    """What comes before the socket is looked at: __inet_bind()."""
    if len(address) < SIZE4:
        raise Errno(errno.EINVAL)
    family, (ip, port) = family_of(address), read4(address)
    if family != AF_INET and (family != AF_UNSPEC or ip != ANY4):
        raise Errno(errno.EAFNOSUPPORT)
    check_local(it, ip)
    _require_port(it, task, port)
    return ip, port


def _to_bind6(it: InetSocket, task: Task, address: bytes) -> tuple[bytes, int]:
    """What comes before the socket is looked at: __inet6_bind()."""
    if len(address) < SIZE6:
        raise Errno(errno.EINVAL)
    if family_of(address) != AF_INET6:
        raise Errno(errno.EAFNOSUPPORT)
    ip, port = read6(address)
    if it.kind == socket.SOCK_STREAM and is_multicast(ip) and ip[0] == 0xFF:
        raise Errno(errno.EINVAL)
    _require_port(it, task, port)
    if ip[:12] == MAPPED and it.only_ipv6:
        raise Errno(errno.EINVAL)
    return ip, port
