# SPDX-License-Identifier: MIT
"""Addresses that no TCP socket takes: Landlock says what is wrong with them, or leaves it to TCP.

Source: security/landlock/net.c, current_check_access_socket(), which looks at the length and at the
family of an address before it looks for a rule; "landlock: Fix TCP handling of short AF_UNSPEC
addresses" (e4d82cbce225).
"""

from socket import AF_INET, AF_INET6

from msgspec.structs import replace

from cases.controls import all_of, refused
from cases.net.addresses import (
    Addressing, beyond_a_byte, first, local, long_inet, of_its_own, unspec, unspec6,
)  # fmt: skip
from cases.net.calls import bind_or_connect, denies_tcp
from suite.case import (
    NET, ByBug, Case, Denied, Judge, Need, Process, Ruleset, answers, inet, inet6, needs, since,
    table,
)  # fmt: skip
from suite.judge.expectation import Then
from suite.landlock.bugs import SHORT_UNSPEC
from suite.landlock.changes import RIGHT_OF_CALL

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP


class Address(Case, frozen=True, kw_only=True):
    """What is given to a socket of this family."""

    right: NET
    family: int
    address: Addressing
    outside: str
    """What it comes to without a domain."""


def of_ipv4(
    right: NET,
    address: Addressing,
    owed: str | Then,
    answers: str | tuple[str, ...],
    outside: str = "",
) -> Address:
    """What the call is owed in a domain, and what it comes to outside if that is another errno."""
    return Address(
        right=right,
        covers=right,
        family=AF_INET,
        address=address,
        outside=outside or str(owed),
        expect=since(right, Denied(owed) if isinstance(owed, str) else owed),
        answers=answers,
        needs=of_its_own(address),
    )


def of_ipv6(
    right: NET,
    address: Addressing,
    owed: str | Then,
    answers: str | tuple[str, ...],
    outside: str = "",
) -> Address:
    row = of_ipv4(right, address, owed, answers, outside)
    return replace(row, family=AF_INET6, needs=(Need.IPV6,))


INVALID, OTHER_FAMILY = "EINVAL", "EAFNOSUPPORT"
UNSPEC6 = ByBug(SHORT_UNSPEC, before=Denied(INVALID), after=Denied(OTHER_FAMILY))
CASES = {
    # Too short for a family, or for what the family says.
    "bind-0-bytes": of_ipv4(BIND, lambda port: b"", INVALID, "net-addrlen-0-1"),
    "bind-1-byte": of_ipv4(BIND, first(1, inet), INVALID, "net-addrlen-0-1"),
    "bind-2-bytes": of_ipv4(BIND, first(2, inet), INVALID, "net-addrlen-short-v4"),
    "bind-15-bytes": of_ipv4(BIND, first(15, inet), INVALID, "net-addrlen-short-v4"),
    "bind-ipv6-23-bytes": of_ipv6(BIND, first(23, inet6), INVALID, "net-addrlen-short-v6"),
    "connect-0-bytes": of_ipv4(CONNECT, lambda port: b"", INVALID, "net-addrlen-0-1"),
    "connect-1-byte": of_ipv4(CONNECT, first(1, inet), INVALID, "net-addrlen-0-1"),
    "connect-2-bytes": of_ipv4(CONNECT, first(2, inet), INVALID, "net-addrlen-short-v4"),
    "connect-15-bytes": of_ipv4(CONNECT, first(15, inet), INVALID, "net-addrlen-short-v4"),
    "connect-ipv6-23-bytes": of_ipv6(CONNECT, first(23, inet6), INVALID, "net-addrlen-short-v6"),
    # Of the other family of the Internet: Landlock's own errno, whatever the rules are.
    "bind-ipv6-to-ipv4-socket": of_ipv4(
        BIND, inet6, INVALID, "net-family-mismatch-v4", OTHER_FAMILY
    ),
    "bind-ipv4-to-ipv6-socket": of_ipv6(
        BIND, long_inet, INVALID, "net-family-mismatch-v6", OTHER_FAMILY
    ),
    "bind-ipv4-to-ipv6-socket-16-bytes": of_ipv6(BIND, inet, INVALID, "net-family-mismatch-v6"),
    "connect-ipv6-to-ipv4-socket": of_ipv4(
        CONNECT, inet6, INVALID, "net-family-mismatch-v4", OTHER_FAMILY
    ),
    "connect-ipv4-to-ipv6-socket": of_ipv6(
        CONNECT, long_inet, INVALID, "net-family-mismatch-v6", OTHER_FAMILY
    ),
    "connect-ipv4-to-ipv6-socket-16-bytes": of_ipv6(
        CONNECT, inet, INVALID, "net-family-mismatch-v6"
    ),
    # Of any other family: left to TCP.
    "bind-unix": of_ipv4(BIND, local, OTHER_FAMILY, "net-family-unix-on-tcp"),
    "bind-unix-to-ipv6-socket": of_ipv6(BIND, local, OTHER_FAMILY, "net-family-unix-on-tcp"),
    "bind-unix-8-bytes": of_ipv4(BIND, first(8, local), INVALID, "net-family-unix-on-tcp"),
    "connect-unix": of_ipv4(CONNECT, local, OTHER_FAMILY, "net-family-unix-on-tcp"),
    "connect-unix-to-ipv6-socket": of_ipv6(CONNECT, local, OTHER_FAMILY, "net-family-unix-on-tcp"),
    "bind-family-without-name": of_ipv4(
        BIND, beyond_a_byte, OTHER_FAMILY, "net-family-unix-on-tcp"
    ),
    "connect-family-without-name": of_ipv4(
        CONNECT, beyond_a_byte, OTHER_FAMILY, "net-family-unix-on-tcp"
    ),
    # Of no family, which stands for IPv4 at any address, and for nothing else.
    "bind-unspecified-loopback": of_ipv4(BIND, unspec, OTHER_FAMILY, "net-unspec-bind-v4-lo"),
    "bind-unspecified-2-bytes": of_ipv4(BIND, first(2, unspec), INVALID, "net-unspec-bind-short"),
    "bind-unspecified-15-bytes": of_ipv4(BIND, first(15, unspec), INVALID, "net-unspec-bind-short"),
    "bind-unspecified-to-ipv6-socket": of_ipv6(
        BIND, unspec6, UNSPEC6, ("net-unspec-bind-v6", "llr-10"), OTHER_FAMILY
    ),
    "bind-unspecified-to-ipv6-socket-24-bytes": of_ipv6(
        BIND, first(24, unspec6), UNSPEC6, ("net-unspec-bind-v6", "llr-10"), OTHER_FAMILY
    ),
    "bind-unspecified-to-ipv6-socket-23-bytes": of_ipv6(
        BIND, first(23, unspec6), INVALID, "net-unspec-bind-v6"
    ),
    "bind-unspecified-to-ipv6-socket-16-bytes": of_ipv6(
        BIND, first(16, unspec6), INVALID, "net-unspec-bind-v6"
    ),
    "connect-unspecified-1-byte": of_ipv4(
        CONNECT, lambda port: b"\0", INVALID, ("net-unspec-connect-len2", "llr-10")
    ),
}
WITH = {f"{name}-with-rule": row for name, row in CASES.items()}


def check(case: Address, process: Process, port: int, ruleset: Ruleset, judge: Judge) -> None:
    action = bind_or_connect, case.right, case.family, case.address(port)
    outside = process.observe(*action)
    sandboxed = process.under(ruleset)
    observed = sandboxed.observe(*action)
    control = all_of(denies_tcp(sandboxed, case.right), refused(outside, case.outside))
    judge(case.expect, observed, control)


@needs(Need.NET)
@table(CASES)
def test_without_a_rule(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A malformed address is not denied (EACCES), but malformed."""
    check(case, process, port, Ruleset(net=case.right), judge)


@needs(Need.NET)
@table(WITH)
def test_with_a_rule(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A rule makes no difference to a malformed address."""
    check(case, process, port, Ruleset(net=case.right).allow_port(port, case.right), judge)


class Unhandled(Case, frozen=True, kw_only=True):
    """An IPv6 address given to an IPv4 socket, in a domain that handles another right only."""

    call: NET
    handled: NET


UNHANDLED = {
    name: Unhandled(
        call=call,
        handled=handled,
        covers=handled,
        expect=since(handled, Denied(INVALID), (RIGHT_OF_CALL, Denied(OTHER_FAMILY))),
    )
    for name, call, handled in (
        ("bind-unhandled", BIND, CONNECT),
        ("connect-unhandled", CONNECT, BIND),
    )
}


@answers("net-unhandled-family")
@needs(Need.NET, Need.IPV6)
@table(UNHANDLED)
def test_unhandled(case: Unhandled, process: Process, port: int, judge: Judge) -> None:
    """Before ABI 7, an address was looked at by any domain that handled some network right."""
    action = bind_or_connect, case.call, AF_INET, inet6(port)
    outside = process.observe(*action)
    sandboxed = process.under(Ruleset(net=case.handled))
    observed = sandboxed.observe(*action)
    control = all_of(denies_tcp(sandboxed, case.handled), refused(outside, OTHER_FAMILY))
    judge(case.expect, observed, control)
