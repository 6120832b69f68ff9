# SPDX-License-Identifier: MIT
"""Where a datagram is sent to: the port counts, whatever the address is, if it is one.

Source: security/landlock/net.c, current_check_access_socket().
"""

from collections.abc import Callable
from socket import AF_INET, AF_INET6, SOCK_DGRAM

from cases.controls import all_of, refused
from cases.net.addresses import unspec
from cases.net.udp import (
    ANY,
    BIND,
    MAPPED,
    SEND,
    UDP,
    Way,
    bound,
    connect,
    denies_to_bind,
    sendmsg,
    sendto,
    udp,
)
from suite.case import (
    Allowed, Case, Denied, Judge, Need, Process, Row, Ruleset, answers, covers, inet, inet6, needs,
    since, table, unspecified,
)  # fmt: skip

RFC_2133 = 24
"""Bytes of a struct sockaddr_in6 that has no scope id."""
DENIED, ALLOWED = since(SEND, Denied("EACCES")), since(SEND, Allowed())


class Address(Row, frozen=True, kw_only=True):
    """An address for a port, given in this way to a socket of this family."""

    way: Way
    family: int = AF_INET
    address: Callable[[int], bytes]


def mapped(port: int) -> bytes:
    return inet6(port, MAPPED)


def ipv6(way: Way, address: Callable[[int], bytes]) -> Address:
    return Address(way=way, address=address, family=AF_INET6, needs=(Need.IPV6,), answers="udp-v6")


ADDRESSES = {
    "connect-other-loopback": Address(way=connect, address=lambda port: inet(port, "127.9.9.9")),
    "connect-any": Address(way=connect, address=lambda port: inet(port, ANY)),
    "connect-128-bytes": Address(way=connect, address=lambda port: inet(port).ljust(128, b"\0")),
    "connect-ipv6": ipv6(connect, inet6),
    "connect-ipv6-any": ipv6(connect, lambda port: inet6(port, "::")),
    "connect-ipv6-mapped": ipv6(connect, mapped),
    "connect-ipv6-without-scope-id": ipv6(connect, lambda port: inet6(port)[:RFC_2133]),
    "sendto-other-loopback": Address(way=sendto, address=lambda port: inet(port, "127.9.9.9")),
    "sendto-any": Address(way=sendto, address=lambda port: inet(port, ANY)),
    "sendto-128-bytes": Address(way=sendto, address=lambda port: inet(port).ljust(128, b"\0")),
    "sendto-ipv6": ipv6(sendto, inet6),
    "sendto-ipv6-any": ipv6(sendto, lambda port: inet6(port, "::")),
    "sendto-ipv6-mapped": ipv6(sendto, mapped),
    "sendto-ipv6-without-scope-id": ipv6(sendto, lambda port: inet6(port)[:RFC_2133]),
    # An IPv4 socket sends to AF_UNSPEC as to AF_INET.
    "sendto-unspecified": Address(way=sendto, address=unspec, answers="udp-v4-unspec-send"),
    "sendmsg-unspecified": Address(way=sendmsg, address=unspec, answers="udp-v4-unspec-send"),
}


def use(process: Process, case: Address, port: int) -> None:
    fd = udp(process, case.family)
    case.way(process, fd, case.address(port))
    process.close(fd)


@needs(Need.NET)
@covers(SEND)
@table(ADDRESSES)
def test_without_a_rule(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A port without a rule is denied at every address."""
    ruleset = Ruleset(net=SEND, ports=((port + 1, SEND),))
    control = process.observe(use, case, port)
    judge(DENIED, process.under(ruleset).observe(use, case, port), control)


@needs(Need.NET)
@covers(SEND)
@table({f"{name}-with-rule": row for name, row in ADDRESSES.items()})
def test_with_a_rule(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A rule allows its port at every address."""
    ruleset = Ruleset(net=SEND, ports=((port, SEND),))
    judge(ALLOWED, process.under(ruleset).observe(use, case, port))


class Port0(Case, frozen=True, kw_only=True):
    """A way to name port 0, with a rule on it or without."""

    way: Way
    rule: bool = False
    outside: str = ""
    """What it comes to without a domain, if it fails."""


PORT_0 = {
    "connect-port-0": Port0(way=connect, expect=DENIED),
    "connect-port-0-with-rule": Port0(way=connect, rule=True, expect=ALLOWED),
    "sendto-port-0": Port0(way=sendto, outside="EINVAL", expect=DENIED),
    "sendto-port-0-with-rule": Port0(
        way=sendto, rule=True, outside="EINVAL", expect=since(SEND, Denied("EINVAL"))
    ),
}


@answers("udp-port0-dest")
@needs(Need.NET, Need.INET)
@covers(SEND)
@table(PORT_0)
def test_port_0(case: Port0, process: Process, judge: Judge) -> None:
    """Port 0 is a port as any other to send to, denied before it is found to be none."""
    fds = [udp(process) for _ in range(2)]
    outside = process.observe(case.way, fds[0], inet(0))
    sandboxed = process.under(Ruleset(net=UDP, ports=((0, UDP if case.rule else BIND),)))
    observed = sandboxed.observe(case.way, fds[1], inet(0))
    denied = denies_to_bind(sandboxed)
    as_ever = refused(outside, case.outside) if case.outside else outside.outcome
    judge(case.expect, observed, all_of(as_ever, denied))


class NoAddress(Row, frozen=True, kw_only=True):
    """A way to send to the family AF_UNSPEC on an IPv6 socket, which is no address there."""

    way: Way
    size: int
    connected: bool


NO_ADDRESS = {
    f"{name}-ipv6-unspecified-{size}-bytes-{state}": NoAddress(
        way=way, size=size, connected=state == "connected"
    )
    for name, way in (("sendto", sendto), ("sendmsg", sendmsg))
    for size in (2, 16)
    for state in ("connected", "unconnected")
}


@answers("udp-v6-unspec-send", "gap-udp")
@needs(Need.NET, Need.IPV6)
@covers(SEND)
@table(NO_ADDRESS)
def test_no_address(case: NoAddress, process: Process, port: int, judge: Judge) -> None:
    """IPv6 sockets are denied AF_UNSPEC, which stands for their peer, whatever the rules are."""
    process.server(AF_INET6, SOCK_DGRAM, inet6(port))
    fd = bound(process, AF_INET6)
    if case.connected:
        process.connect(fd, inet6(port))
    address = unspecified(inet6(port))[: case.size]
    outside = process.observe(case.way, fd, address)
    ruleset = Ruleset(net=SEND | BIND, ports=((port, SEND), (0, SEND | BIND)))
    observed = process.under(ruleset).observe(case.way, fd, address)
    control = outside if case.connected else refused(outside, "EDESTADDRREQ")
    judge(since(SEND, Denied("EACCES")), observed, control)
