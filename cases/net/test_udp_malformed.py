# SPDX-License-Identifier: MIT
"""Addresses that UDP sockets do not take, and what is said of them before ports are looked at.

Source: security/landlock/net.c, current_check_access_socket(), which looks at the length and at the
family of an address first, and hook_socket_sendmsg(), which asks for a port of the socket last.
"""

from socket import AF_INET, AF_INET6

from msgspec.structs import replace

from cases.controls import all_of, refused
from cases.net.addresses import Addressing, first, local, long_inet, of_its_own, unspec, unspec6
from cases.net.udp import BIND, UDP, Way, bind, bound, connect, denies_to_bind, sendto, udp
from suite.case import (
    NET, Denied, Judge, Need, Observation, Outcome, Process, Row, Ruleset, answers, covers, inet,
    inet6, needs, since, table,
)  # fmt: skip

INVALID, OTHER_FAMILY = "EINVAL", "EAFNOSUPPORT"


class Address(Row, frozen=True, kw_only=True):
    """What a socket of this family is given; ``outside`` is empty for what is taken there."""

    way: Way
    family: int
    address: Addressing
    owed: str
    outside: str


def of_ipv4(way: Way, address: Addressing, owed: str, answers: str, outside: str) -> Address:
    return Address(
        way=way,
        family=AF_INET,
        address=address,
        owed=owed,
        outside=outside,
        answers=answers,
        needs=of_its_own(address),
    )


def of_ipv6(way: Way, address: Addressing, owed: str, answers: str, outside: str) -> Address:
    of_ipv4_socket = of_ipv4(way, address, owed, answers, outside)
    return replace(of_ipv4_socket, family=AF_INET6, needs=(Need.IPV6,))


def too_long(port: int) -> bytes:
    return inet(port).ljust(129, b"\0")


SHORT, MIXED = "udp-addrlen-short", "udp-v6-v4addr"
UNSPEC = "udp-v4-unspec-bind"
BOUND = {
    "bind-0-bytes": of_ipv4(bind, first(0, inet), INVALID, SHORT, INVALID),
    "bind-1-byte": of_ipv4(bind, first(1, inet), INVALID, SHORT, INVALID),
    "bind-15-bytes": of_ipv4(bind, first(15, inet), INVALID, SHORT, INVALID),
    "bind-129-bytes": of_ipv4(bind, too_long, INVALID, SHORT, INVALID),
    "bind-ipv6-23-bytes": of_ipv6(bind, first(23, inet6), INVALID, SHORT, INVALID),
    "bind-ipv6-to-ipv4-socket": of_ipv4(bind, inet6, INVALID, "udp-v4-v6addr", OTHER_FAMILY),
    "bind-ipv4-to-ipv6-socket": of_ipv6(bind, long_inet, INVALID, MIXED, OTHER_FAMILY),
    "bind-ipv4-to-ipv6-socket-16-bytes": of_ipv6(bind, inet, INVALID, MIXED, INVALID),
    "bind-unspecified-loopback": of_ipv4(bind, unspec, OTHER_FAMILY, UNSPEC, OTHER_FAMILY),
    "bind-unspecified-15-bytes": of_ipv4(bind, first(15, unspec), INVALID, UNSPEC, INVALID),
    "bind-unspecified-to-ipv6-socket": of_ipv6(bind, unspec6, OTHER_FAMILY, UNSPEC, OTHER_FAMILY),
    "bind-unspecified-to-ipv6-socket-16-bytes": of_ipv6(
        bind, first(16, unspec6), INVALID, UNSPEC, INVALID
    ),
    "bind-unix": of_ipv4(bind, local, OTHER_FAMILY, SHORT, OTHER_FAMILY),
}
SENT = {
    "connect-15-bytes": of_ipv4(connect, first(15, inet), INVALID, SHORT, INVALID),
    "connect-ipv6-23-bytes": of_ipv6(connect, first(23, inet6), INVALID, SHORT, INVALID),
    "connect-ipv6-to-ipv4-socket": of_ipv4(connect, inet6, INVALID, "udp-v4-v6addr", OTHER_FAMILY),
    "connect-ipv4-to-ipv6-socket": of_ipv6(connect, long_inet, INVALID, MIXED, ""),
    "connect-ipv4-to-ipv6-socket-16-bytes": of_ipv6(connect, inet, INVALID, MIXED, ""),
    "sendto-0-bytes": of_ipv4(sendto, first(0, inet), INVALID, SHORT, INVALID),
    "sendto-1-byte": of_ipv4(sendto, first(1, inet), INVALID, SHORT, INVALID),
    "sendto-2-bytes": of_ipv4(sendto, first(2, inet), INVALID, SHORT, INVALID),
    "sendto-15-bytes": of_ipv4(sendto, first(15, inet), INVALID, SHORT, INVALID),
    "sendto-unspecified-15-bytes": of_ipv4(sendto, first(15, unspec), INVALID, SHORT, INVALID),
    "sendto-ipv6-1-byte": of_ipv6(sendto, first(1, inet6), INVALID, SHORT, INVALID),
    "sendto-ipv6-unspecified-1-byte": of_ipv6(sendto, first(1, unspec6), INVALID, SHORT, INVALID),
    "sendto-ipv6-23-bytes": of_ipv6(sendto, first(23, inet6), INVALID, SHORT, INVALID),
    "sendto-ipv6-to-ipv4-socket": of_ipv4(sendto, inet6, INVALID, "udp-v4-v6addr", OTHER_FAMILY),
    "sendto-ipv4-to-ipv6-socket": of_ipv6(sendto, long_inet, INVALID, MIXED, ""),
    "sendto-ipv4-to-ipv6-socket-16-bytes": of_ipv6(sendto, inet, INVALID, MIXED, ""),
}
ANY_PORT = {
    # Landlock does not look for a port in these, not even for that of the socket.
    "connect-0-bytes": of_ipv4(connect, first(0, inet), INVALID, SHORT, INVALID),
    "connect-1-byte": of_ipv4(connect, first(1, inet), INVALID, SHORT, INVALID),
    "connect-129-bytes": of_ipv4(connect, too_long, INVALID, SHORT, INVALID),
    "sendto-129-bytes": of_ipv4(sendto, too_long, INVALID, SHORT, INVALID),
}
OF_IPV6 = [it for it in (BOUND | SENT).values() if it.family == AF_INET and it.address is inet6]
UNKNOWN = "udp-addrlen-short-autobind"
LEFT_TO_UDP = {
    "connect-unix": of_ipv4(connect, local, OTHER_FAMILY, UNKNOWN, OTHER_FAMILY),
    "sendto-unix": of_ipv4(sendto, local, OTHER_FAMILY, UNKNOWN, OTHER_FAMILY),
    "sendto-ipv6-unix": of_ipv6(sendto, local, INVALID, UNKNOWN, INVALID),
}
# Whether an address has a family is looked at before the port of the socket is.
FAMILY = {
    "connect-0-bytes": of_ipv4(connect, first(0, inet), INVALID, UNKNOWN, INVALID),
    "connect-1-byte": of_ipv4(connect, first(1, inet), INVALID, UNKNOWN, INVALID),
    "connect-2-bytes": of_ipv4(connect, first(2, inet), "EACCES", UNKNOWN, INVALID),
}
ALL = BOUND | SENT | ANY_PORT | LEFT_TO_UDP


def as_outside(case: Address, observation: Observation) -> Outcome:
    """A control that comes to what it comes to without a domain."""
    return refused(observation, case.outside) if case.outside else observation.outcome


def check(case: Address, process: Process, port: int, ruleset: Ruleset, judge: Judge) -> None:
    """Give the address to a socket, which has a port unless it is to be bound."""
    fds = [
        udp(process, case.family) if case.way is bind else bound(process, case.family)
        for _ in range(2)
    ]
    outside = process.observe(case.way, fds[0], case.address(port))
    sandboxed = process.under(ruleset)
    observed = sandboxed.observe(case.way, fds[1], case.address(port))
    control = all_of(denies_to_bind(sandboxed), as_outside(case, outside))
    judge(since(UDP, Denied(case.owed)), observed, control)


@needs(Need.NET)
@covers(UDP)
@table(ALL)
def test_without_a_rule(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A malformed address is not denied (EACCES), but malformed."""
    check(case, process, port, Ruleset(net=UDP), judge)


@needs(Need.NET)
@covers(UDP)
@table({f"{name}-with-rule": row for name, row in ALL.items()})
def test_with_a_rule(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A rule makes no difference to a malformed address."""
    check(case, process, port, Ruleset(net=UDP, ports=((port, UDP),)), judge)


@needs(Need.NET)
@covers(UDP)
@table({f"{name}-unbound": row for name, row in (SENT | ANY_PORT).items()})
def test_unbound(case: Address, process: Process, port: int, judge: Judge) -> None:
    """It is malformed before a socket without a port is denied one."""
    outside = process.observe(case.way, udp(process, case.family), case.address(port))
    sandboxed = process.under(Ruleset(net=UDP))
    observed = sandboxed.observe(case.way, udp(sandboxed, case.family), case.address(port))
    control = all_of(denies_to_bind(sandboxed), as_outside(case, outside))
    judge(since(UDP, Denied(case.owed)), observed, control)


def check_unhandled(case: Address, process: Process, port: int, errno: str, judge: Judge) -> None:
    """Give the address to a socket without a port, where only BIND_UDP is handled."""
    handled_by_none = process.observe(sendto, udp(process), inet(port)).outcome
    fds = [udp(process, case.family) for _ in range(2)]
    ruled = process.under(Ruleset(net=BIND, ports=((0, BIND),)))
    sandboxed = process.under(Ruleset(net=BIND))
    with_rule = ruled.observe(case.way, fds[0], case.address(port))
    observed = sandboxed.observe(case.way, fds[1], case.address(port))
    control = all_of(handled_by_none, as_outside(case, with_rule))
    judge(since(BIND, Denied(errno)), observed, control)


@answers("udp-addrlen-short-autobind")
@needs(Need.NET)
@covers(BIND)
@table({f"{name}-unbound-send-unhandled": row for name, row in (SENT | LEFT_TO_UDP).items()})
def test_unbound_send_unhandled(case: Address, process: Process, port: int, judge: Judge) -> None:
    """Where only BIND_UDP is handled, the denied port comes before what is wrong or is not."""
    check_unhandled(case, process, port, "EACCES", judge)


@answers("udp-addrlen-short-autobind")
@needs(Need.NET)
@covers(BIND)
@table({f"{name}-unbound-send-unhandled": row for name, row in FAMILY.items()})
def test_family_send_unhandled(case: Address, process: Process, port: int, judge: Judge) -> None:
    """It does not, unless the address to connect to has room for a family."""
    check_unhandled(case, process, port, case.owed, judge)


@answers("udp-v4-v6addr")
@needs(Need.NET, Need.IPV6)
@covers(NET.BIND_TCP)
@table({f"{row.way.__name__}-tcp-handled": row for row in OF_IPV6})
def test_tcp_handled(case: Address, process: Process, port: int, judge: Judge) -> None:
    """Where only rights on TCP are handled, UDP says itself what is wrong, on every kernel."""
    outside = process.observe(case.way, udp(process), case.address(port))
    sandboxed = process.under(Ruleset(net=NET.BIND_TCP | NET.CONNECT_TCP))
    observed = sandboxed.observe(case.way, udp(sandboxed), case.address(port))
    judge(since(NET.BIND_TCP, Denied(case.outside)), observed, refused(outside, case.outside))
