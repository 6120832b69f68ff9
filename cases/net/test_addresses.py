# SPDX-License-Identifier: MIT
"""Rules are about ports: what an address has to do with it.

Source: include/uapi/linux/landlock.h, struct landlock_net_port_attr; security/landlock/net.c,
current_check_access_socket().
"""

from collections.abc import Callable
from socket import AF_INET, AF_INET6, SOCK_STREAM

from msgspec.structs import replace

from cases.net.calls import bind_or_connect
from suite.case import (
    NET, Allowed, Case, Denied, Fd, Judge, Need, Process, Ruleset, answers, covers, inet, inet6,
    needs, since, table, unspecified,
)  # fmt: skip

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP
ANY = "0.0.0.0"  # noqa: S104 (in a network namespace of our own)
MAPPED = "::ffff:127.0.0.1"
RFC_2133 = 24
"""Bytes of a struct sockaddr_in6 that has no scope id."""


class Address(Case, frozen=True, kw_only=True):
    """An address for a port, of a TCP socket of this family; the rule may be on port 0 instead."""

    right: NET
    family: int
    address: Callable[[int], bytes]
    rule_on_port_0: bool = False


def tcp(
    right: NET, address: Callable[[int], bytes], answers: str, *, rule_on_port_0: bool = False
) -> Address:
    return Address(
        right=right,
        covers=right,
        family=AF_INET,
        address=address,
        rule_on_port_0=rule_on_port_0,
        expect=since(right, Denied("EACCES")),
        answers=answers,
    )


def tcp6(right: NET, address: Callable[[int], bytes], answers: str) -> Address:
    return replace(tcp(right, address, answers), family=AF_INET6, needs=(Need.IPV6,))


def long_inet(port: int) -> bytes:
    """As long as an address can be."""
    return inet(port).ljust(128, b"\0")


WITHOUT = {
    "bind-any": tcp(BIND, lambda port: inet(port, ANY), "net-any-address"),
    "bind-other-loopback": tcp(BIND, lambda port: inet(port, "127.9.9.9"), "net-any-address"),
    "bind-unspecified-family": tcp(
        BIND, lambda port: unspecified(inet(port, ANY)), "net-unspec-bind-v4-any"
    ),
    "bind-port-0": tcp(BIND, lambda port: inet(0), "net-bind-port0", rule_on_port_0=True),
    "bind-ipv6-any": tcp6(BIND, lambda port: inet6(port, "::"), "net-dualstack-bind"),
    "bind-ipv4-mapped": tcp6(BIND, lambda port: inet6(port, MAPPED), "net-v4mapped"),
    "bind-ipv6-without-scope-id": tcp6(
        BIND, lambda port: inet6(port)[:RFC_2133], "net-addrlen-short-v6"
    ),
    "connect-other-loopback": tcp(CONNECT, lambda port: inet(port, "127.9.9.9"), "net-any-address"),
    "connect-ipv4-mapped": tcp6(CONNECT, lambda port: inet6(port, MAPPED), "net-v4mapped"),
    "connect-ipv6-without-scope-id": tcp6(
        CONNECT, lambda port: inet6(port)[:RFC_2133], "net-addrlen-short-v6"
    ),
    "bind-128-bytes": tcp(BIND, long_inet, "net-addrlen-128"),
    "connect-128-bytes": tcp(CONNECT, long_inet, "net-addrlen-128"),
    "connect-second-loopback": tcp(
        CONNECT, lambda port: inet(port, "127.0.0.2"), "net-any-address"
    ),
}
WITH = {
    f"{name}-with-rule": replace(row, expect=since(row.right, Allowed()))
    for name, row in WITHOUT.items()
}


def check(case: Address, process: Process, port: int, ruleset: Ruleset, judge: Judge) -> None:
    """Bind or connect, outside and in a domain; a connection needs somebody who listens."""
    if case.right is CONNECT:
        either = inet6(port, "::") if case.family == AF_INET6 else inet(port, ANY)
        process.server(case.family, SOCK_STREAM, either)
    action = bind_or_connect, case.right, case.family, case.address(port)
    control = process.observe(*action)
    judge(case.expect, process.under(ruleset).observe(*action), control)


@needs(Need.NET)
@table(WITHOUT)
def test_without_a_rule(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A port is denied at every address."""
    check(case, process, port, Ruleset(net=case.right), judge)


@needs(Need.NET)
@answers("gap-addresses")
@table(WITH)
def test_with_a_rule(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A rule allows its port at every address."""
    ruled = 0 if case.rule_on_port_0 else port
    check(case, process, port, Ruleset(net=case.right).allow_port(ruled, case.right), judge)


def disconnect(process: Process, fd: Fd) -> None:
    process.connect(fd, unspecified(inet(0)))


@answers("net-unspec-connect")
@needs(Need.NET)
@covers(CONNECT)
def test_disconnect(process: Process, port: int, judge: Judge) -> None:
    """connect(2) to AF_UNSPEC, which ends a connection, needs no right."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    fd = process.socket(AF_INET, SOCK_STREAM)
    process.connect(fd, inet(port))
    observed = process.under(Ruleset(net=CONNECT)).observe(disconnect, fd)
    judge(since(CONNECT, Allowed()), observed)
