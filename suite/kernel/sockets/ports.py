# SPDX-License-Identifier: MIT
"""Who has which port in a network namespace: net/ipv4/inet_hashtables.c, net/ipv4/udp.c.

An address is 16 bytes, as of IPv6; those of IPv4 are mapped (``::ffff:0.0.0.0/96``).
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from socket import IPPROTO_MPTCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.sockets.base import Socket
from suite.kernel.tasks import NetNamespace

MAPPED = bytes(10) + b"\xff\xff"
ANY4, ANY6 = MAPPED + bytes(4), bytes(16)
LOOPBACK4, LOOPBACK6 = MAPPED + b"\x7f\0\0\1", bytes(15) + b"\1"
RANGE = "ipv4.ip_local_port_range"
"""The sysctl that has the range of the ports that are chosen, as two numbers."""
_TABLES = {IPPROTO_TCP: 6, IPPROTO_MPTCP: 6, IPPROTO_UDP: 17, IPPROTO_UDPLITE: 136}
"""Which protocols share their ports: MPTCP's sockets are TCP's within."""


@dataclass(slots=True, eq=False, repr=False)
class PortSocket(Socket):
    """A socket that may have a port."""

    shown_port: int = 0
    """What getsockname(2) says: a connection's that has ended, too (inet_sport)."""
    local: bytes = ANY6
    """Its own address; ANY4 or ANY6 if it has all (inet_rcv_saddr)."""
    only_ipv6: bool = False
    """IPV6_V6ONLY."""
    choice: tuple[int, int] = (0, 0)
    """Bounds of the ports that are chosen for it, within those of all (IP_LOCAL_PORT_RANGE)."""

    @property
    def table(self) -> tuple[str, int]:
        """Whose ports it uses: a key of ``NetNamespace.bound``."""
        return "ports", _TABLES[self.protocol]


@dataclass(slots=True)
class Ports:
    """The ports of one protocol."""

    owners: dict[int, list[PortSocket]] = field(default_factory=dict)
    """By port; several if their addresses are not the same, or connections of one server."""
    lingering: set[int] = field(default_factory=set)
    """Those of connections that ended (TIME_WAIT); how long they are kept is not modelled."""
    last: int = 0
    """Which one was chosen last: real kernels take one at random."""


def ports_of(network: NetNamespace, it: PortSocket) -> Ports:
    """The ports that a socket may have."""
    found = network.bound.setdefault(it.table, Ports())
    assert isinstance(found, Ports)  # noqa: S101 (nobody else has such keys)
    return found


def take(it: PortSocket, port: int) -> None:
    """Give a socket a port, one that is free for 0: get_port of its protocol.

    Raises:
        Errno: EADDRINUSE.
    """
    ports = ports_of(it.network, it)
    if not port:
        port = _chosen(ports, it)
    elif any(conflict(it, other) for other in ports.owners.get(port, ())):
        raise Errno(errno.EADDRINUSE)
    elif port in ports.lingering:
        raise NotModelled("sockets: ports in TIME_WAIT")
    it.port = it.shown_port = port
    ports.owners.setdefault(port, []).append(it)


def share(it: PortSocket, port: int) -> None:
    """Give a connection the port of its server: inet_csk's __inet_inherit_port()."""
    it.port = it.shown_port = port
    ports_of(it.network, it).owners.setdefault(port, []).append(it)


def leave(it: PortSocket) -> None:
    """Take its port from a socket, if it has one."""
    owners = ports_of(it.network, it).owners
    if it in owners.get(it.port, ()):
        owners[it.port].remove(it)
        if not owners[it.port]:
            del owners[it.port]
    it.port = 0


def linger(it: PortSocket) -> None:
    """Remember the port of a connection that its socket ends first."""
    ports_of(it.network, it).lingering.add(it.port)


def conflict(one: PortSocket, other: PortSocket) -> bool:
    """Whether two sockets can't have the same port: inet_rcv_saddr_equal().

    There is no SO_REUSEADDR or SO_REUSEPORT here.
    """
    if one is other or not families(one) & families(other):
        return False
    return is_any(one.local) or is_any(other.local) or one.local == other.local


def families(it: PortSocket) -> frozenset[int]:
    """The IP versions of the addresses that a socket has."""
    if it.local[:12] == MAPPED:
        return frozenset({4})
    if it.local == ANY6 and not it.only_ipv6:
        return frozenset({4, 6})
    return frozenset({6})


def is_any(address: bytes) -> bool:
    """Whether it stands for all addresses of its family."""
    return address in (ANY4, ANY6)


def _chosen(ports: Ports, it: PortSocket) -> int:
    least, most = _range_of(it)
    count = most - least + 1
    for step in range(1, count + 1):
        port = least + (max(ports.last, least) - least + step) % count
        owners = ports.owners.get(port, ())
        if port not in ports.lingering and not any(conflict(it, other) for other in owners):
            ports.last = port
            return port
    raise Errno(errno.EADDRINUSE)


def _range_of(it: PortSocket) -> tuple[int, int]:
    """The least and the greatest port that is chosen: inet_sk_get_local_port_range()."""
    words = it.network.sysctls.get(RANGE, "32768 60999").split()
    least, most = int(words[0]), int(words[1])
    own_least, own_most = (own if least <= own <= most else 0 for own in it.choice)
    return own_least or least, own_most or most
