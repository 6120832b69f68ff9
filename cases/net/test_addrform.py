# SPDX-License-Identifier: MIT
"""A socket whose family changes from IPv6 to IPv4, by IPV6_ADDRFORM.

Source: ipv6(7), IPV6_ADDRFORM; security/landlock/net.c, current_check_access_socket(): sk_family.
"""

from collections.abc import Callable
from socket import AF_INET, AF_INET6, IPPROTO_IPV6, SOCK_STREAM

from cases.controls import refused
from cases.net.calls import connect
from suite.case import (
    NET, Allowed, Case, Denied, Fd, Judge, Need, Process, Ruleset, answers, covers, inet, inet6,
    needs, since, table, unspecified,
)  # fmt: skip
from suite.process.uapi import IPV6_ADDRFORM

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP
MAPPED = "::ffff:127.0.0.1"
ANY = "0.0.0.0"  # noqa: S104 (in a network namespace of our own)


def converted(process: Process, port: int) -> Fd:
    """A socket that was made for IPv6, is IPv4's now, and not connected."""
    fd = process.socket(AF_INET6, SOCK_STREAM)
    process.connect(fd, inet6(port, MAPPED))
    process.setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET)
    process.connect(fd, unspecified(inet(0)))
    return fd


class Use(Case, frozen=True, kw_only=True):
    """What such a socket does with an IPv4 address."""

    right: NET
    call: Callable[[Process, Fd, int], object]
    rule: bool = False


def bind(process: Process, fd: Fd, port: int) -> None:
    process.bind(fd, inet(port + 1))
    process.close(fd)


def bind_unspecified(process: Process, fd: Fd, port: int) -> None:
    process.bind(fd, unspecified(inet(port + 1, ANY)))
    process.close(fd)


def use(right: NET, call: Callable[[Process, Fd, int], object], *, rule: bool = False) -> Use:
    expect = since(right, Allowed() if rule else Denied("EACCES"))
    return Use(right=right, covers=right, call=call, rule=rule, expect=expect)


USES = {
    "connect": use(CONNECT, connect),
    "connect-with-rule": use(CONNECT, connect, rule=True),
    "bind": use(BIND, bind),
    "bind-with-rule": use(BIND, bind, rule=True),
    "bind-unspecified": use(BIND, bind_unspecified),
    "bind-unspecified-with-rule": use(BIND, bind_unspecified, rule=True),
}


@answers("net-addrform")
@needs(Need.NET, Need.IPV6)
@table(USES)
def test_ipv4_address(case: Use, process: Process, port: int, judge: Judge) -> None:
    """The socket is judged as one of IPv4."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    control = process.observe(case.call, converted(process, port), port)
    fd = converted(process, port)
    ruleset = Ruleset(net=case.right)
    if case.rule:
        ruleset = ruleset.allow_port(port, case.right).allow_port(port + 1, case.right)
    judge(case.expect, process.under(ruleset).observe(case.call, fd, port), control)


@answers("net-addrform")
@needs(Need.NET, Need.IPV6)
@covers(CONNECT)
def test_ipv6_address(process: Process, port: int, judge: Judge) -> None:
    """It takes no address of IPv6 any more, whatever the rules are."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    address = inet6(port, MAPPED)
    control = process.observe(Process.connect, converted(process, port), address)
    fd = converted(process, port)
    sandboxed = process.under(Ruleset(net=CONNECT).allow_port(port, CONNECT))
    observed = sandboxed.observe(Process.connect, fd, address)
    judge(since(CONNECT, Denied("EINVAL")), observed, refused(control, "EAFNOSUPPORT"))


def convert(process: Process, fd: Fd) -> None:
    process.setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET)


@answers("net-addrform")
@needs(Need.NET, Need.IPV6)
@covers(BIND | CONNECT)
def test_conversion(process: Process, port: int, judge: Judge) -> None:
    """The family may be changed in a domain."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    fd = process.socket(AF_INET6, SOCK_STREAM)
    process.connect(fd, inet6(port, MAPPED))
    observed = process.under(Ruleset(net=BIND | CONNECT)).observe(convert, fd)
    judge(since(BIND | CONNECT, Allowed()), observed)
