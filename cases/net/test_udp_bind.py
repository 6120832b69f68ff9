# SPDX-License-Identifier: MIT
"""bind(2) of UDP sockets: the port counts, whatever the address is; port 0 is one of them.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_NET_BIND_UDP and struct
landlock_net_port_attr, "port"; security/landlock/net.c, current_check_access_socket().
"""

import struct
from collections.abc import Callable
from socket import AF_INET, AF_INET6, IPPROTO_IP, SOCK_DGRAM

from msgspec.structs import replace

from suite.packed import packed
from cases.controls import refused
from cases.net.udp import ANY, BIND, MAPPED, SEND, TCP, denies_to_bind, udp, with_port
from suite.case import (
    CLONE_NEWNET, Allowed, Case, Denied, Judge, Need, Process, Row, Ruleset, answers, covers, inet,
    inet6, needs, since, table, unspecified,
)  # fmt: skip
from suite.process.uapi import IP_BIND_ADDRESS_NO_PORT, IP_LOCAL_PORT_RANGE

RFC_2133 = 24
"""Bytes of a struct sockaddr_in6 that has no scope id."""
DENIED, ALLOWED = since(BIND, Denied("EACCES")), since(BIND, Allowed())


class Address(Row, frozen=True, kw_only=True):
    """An address for a port, of a socket of this family; or for port 0 instead."""

    family: int = AF_INET
    address: Callable[[int], bytes]
    chosen: bool = False
    ring: bool = False
    """Given by io_uring."""


def ipv6(address: Callable[[int], bytes], answers: str) -> Address:
    return Address(family=AF_INET6, address=address, needs=(Need.IPV6,), answers=answers)


ADDRESSES = {
    "loopback": Address(address=inet, answers="udp-bind"),
    "other-loopback": Address(address=lambda port: inet(port, "127.9.9.9"), answers="udp-bind"),
    "any": Address(address=lambda port: inet(port, ANY), answers="udp-bind"),
    "128-bytes": Address(address=lambda port: inet(port).ljust(128, b"\0"), answers="udp-bind"),
    "unspecified-any": Address(
        address=lambda port: unspecified(inet(port, ANY)), answers="udp-v4-unspec-bind"
    ),
    "io-uring": Address(address=inet, ring=True, needs=(Need.URING_BIND,), answers="udp-bind"),
    "ipv6-loopback": ipv6(inet6, "udp-bind"),
    "ipv6-any": ipv6(lambda port: inet6(port, "::"), "udp-bind"),
    "ipv6-mapped": ipv6(lambda port: inet6(port, MAPPED), "udp-bind"),
    "ipv6-without-scope-id": ipv6(lambda port: inet6(port)[:RFC_2133], "udp-bind"),
}
CHOSEN = {
    "port-0": Address(address=lambda _: inet(0), chosen=True, answers="udp-bind"),
    "ipv6-port-0": replace(ipv6(lambda _: inet6(0), "udp-bind"), chosen=True),
}


def bind(process: Process, case: Address, port: int) -> None:
    fd = udp(process, case.family)
    if case.ring:
        process.uring().bind(process, fd, case.address(port))
    else:
        process.bind(fd, case.address(port))
    process.close(fd)


@needs(Need.NET)
@covers(BIND)
@table(ADDRESSES | CHOSEN)
def test_without_a_rule(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A port without a rule is denied at every address; so is port 0."""
    ruleset = Ruleset(net=BIND, ports=((port + 1, BIND),))
    control = process.observe(bind, case, port)
    judge(DENIED, process.under(ruleset).observe(bind, case, port), control)


@needs(Need.NET)
@covers(BIND)
@table({f"{name}-with-rule": row for name, row in (ADDRESSES | CHOSEN).items()})
def test_with_a_rule(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A rule allows its port at every address."""
    ruleset = Ruleset(net=BIND, ports=((0 if case.chosen else port, BIND),))
    judge(ALLOWED, process.under(ruleset).observe(bind, case, port))


@answers("udp-bind0-rule")
@needs(Need.NET)
@covers(BIND)
@table({f"{name}-with-rule-on-port-0": row for name, row in ADDRESSES.items()})
def test_with_a_rule_on_port_0(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A rule on port 0 allows the kernel to choose, and no port that is asked for."""
    ruleset = Ruleset(net=BIND, ports=((0, BIND),))
    control = process.observe(bind, case, port)
    judge(DENIED, process.under(ruleset).observe(bind, case, port), control)


@answers("udp-bind")
@needs(Need.NET)
@covers(BIND)
@table({f"{name}-with-rule-on-another-port": row for name, row in CHOSEN.items()})
def test_chosen_where_no_rule_is(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A rule on a port does not let the kernel choose it."""
    ruleset = Ruleset(net=BIND, ports=((port, BIND),))
    control = process.observe(bind, case, port)
    judge(DENIED, process.under(ruleset).observe(bind, case, port), control)


@answers("udp-tcp-rights-separate", "net-udp-unaffected")
@needs(Need.NET)
@covers(TCP)
@table({f"{name}-tcp-handled": row for name, row in (ADDRESSES | CHOSEN).items()})
def test_tcp_handled(case: Address, process: Process, port: int, judge: Judge) -> None:
    """A domain that handles the rights on TCP alone restricts no UDP socket."""
    judge(since(TCP, Allowed()), process.under(Ruleset(net=TCP)).observe(bind, case, port))


@needs(Need.NET)
@covers(SEND)
def test_send_handled(process: Process, port: int, judge: Judge) -> None:
    """A domain that handles CONNECT_SEND_UDP alone lets bind(2) be."""
    sandboxed = process.under(Ruleset(net=SEND))
    judge(since(SEND, Allowed()), sandboxed.observe(bind, ADDRESSES["loopback"], port))


ALONE = 40010
(ONLY_THAT,) = struct.unpack("<i", packed("HH", ALONE, ALONE))
"""From this port to this port, for IP_LOCAL_PORT_RANGE."""


class Option(Case, frozen=True, kw_only=True):
    """A socket with an option, bound to this port under a rule on port 0, or without."""

    option: int
    value: int
    port: int = 0
    rule: bool = True


RANGE = (Need.LOCAL_PORT_RANGE,)
CASES = {
    "port-range": Option(
        option=IP_LOCAL_PORT_RANGE, value=ONLY_THAT, rule=False, needs=RANGE, expect=DENIED
    ),
    "port-range-with-rule": Option(
        option=IP_LOCAL_PORT_RANGE,
        value=ONLY_THAT,
        needs=RANGE,
        expect=since(BIND, Allowed(ALONE)),
    ),
    "port-range-of-the-port": Option(
        option=IP_LOCAL_PORT_RANGE, value=ONLY_THAT, port=ALONE, needs=RANGE, expect=DENIED
    ),
    "address-no-port": Option(option=IP_BIND_ADDRESS_NO_PORT, value=1, rule=False, expect=DENIED),
    "address-no-port-with-rule": Option(
        option=IP_BIND_ADDRESS_NO_PORT, value=1, expect=since(BIND, Allowed(0))
    ),
}


def bind_with_option(process: Process, case: Option) -> None:
    fd = udp(process)
    process.setsockopt(fd, IPPROTO_IP, case.option, case.value)
    process.bind(fd, inet(case.port, ANY))
    process.name(fd, 16)
    process.close(fd)


@answers("udp-bind0-rule")
@needs(Need.NET, Need.INET)
@covers(BIND)
@table(CASES)
def test_option(case: Option, process: Process, judge: Judge) -> None:
    """A rule on port 0 allows what port 0 comes to, even where a program leaves one choice."""
    child = process.fork()
    child.unshare(CLONE_NEWNET)
    sandboxed = child.under(Ruleset(net=BIND, ports=((0, BIND),) if case.rule else ()))
    control = child.fork().observe(bind_with_option, case)
    judge(case.expect, with_port(sandboxed.observe(bind_with_option, case)), control)


class LandlockFirst(Row, frozen=True, kw_only=True):
    """bind(2) to a port that fails with a rule on it, for a reason of its own."""

    taken: bool = False
    """By another socket; else it is the socket that has a port already."""
    otherwise: str


FIRST = {
    "bound-already": LandlockFirst(otherwise="EINVAL", answers="udp-rebind-order"),
    "port-in-use": LandlockFirst(taken=True, otherwise="EADDRINUSE"),
}


@needs(Need.NET)
@covers(BIND)
@table(FIRST)
def test_landlock_first(case: LandlockFirst, process: Process, port: int, judge: Judge) -> None:
    """A port is denied before a socket is found to have one, or a port to have a socket."""
    process.server(AF_INET, SOCK_DGRAM, inet(port))
    fd = udp(process) if case.taken else process.server(AF_INET, SOCK_DGRAM, inet(port + 1))
    ruled = process.under(Ruleset(net=BIND, ports=((port, BIND),)))
    control = ruled.observe(Process.bind, fd, inet(port))
    observed = process.under(Ruleset(net=BIND)).observe(Process.bind, fd, inet(port))
    judge(DENIED, observed, refused(control, case.otherwise))


@answers("udp-listen")
@needs(Need.NET, Need.INET)
@covers(BIND)
def test_listen(process: Process, judge: Judge) -> None:
    """listen(2) is nothing for UDP sockets (EOPNOTSUPP), whatever the domain denies."""
    sandboxed = process.under(Ruleset(net=BIND))
    observed = sandboxed.observe(Process.listen, udp(sandboxed))
    judge(since(BIND, Denied("EOPNOTSUPP")), observed, denies_to_bind(sandboxed))
