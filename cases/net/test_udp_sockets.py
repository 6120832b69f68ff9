# SPDX-License-Identifier: MIT
"""Which sockets the rights on UDP are about, and whose.

Source: security/landlock/net.c, hook_socket_bind() and hook_socket_sendmsg(): sk_is_udp();
Documentation/userspace-api/landlock.rst, "Rights associated with file descriptors".
"""

import socket
from collections.abc import Callable
from socket import AF_INET, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM

from cases.net.calls import bind_tcp, connect_tcp, listen_tcp
from cases.net.udp import ANY, MESSAGE, TCP, UDP, WAYS, Way, bind, bound, udp
from suite.case import (
    CLONE_NEWNET, NET, Allowed, Denied, Facts, Fd, Judge, Need, Process, Row, Ruleset, answers,
    covers, inet, known_bits, needs, since, table,
)  # fmt: skip

DENIED, ALLOWED = since(UDP, Denied("EACCES")), since(UDP, Allowed())
NO_RULE = Ruleset(net=UDP)


class Use(Row, frozen=True, kw_only=True):
    """What is done with a socket: it is bound, or it has a port and sends."""

    way: Way


USES = {
    "bind": Use(way=bind),
    **{name: Use(way=way, needs=own) for name, (way, own) in WAYS.items()},
}


def made_for(case: Use, process: Process) -> Fd:
    return udp(process) if case.way is bind else bound(process)


@needs(Need.NET)
@covers(UDP)
@table({f"{name}-passed-in": row for name, row in USES.items()})
def test_passed_in(case: Use, process: Process, port: int, judge: Judge) -> None:
    """A socket that was made outside is restricted in a domain."""
    control = process.observe(case.way, made_for(case, process), inet(port + 1))
    fd = made_for(case, process)
    sandboxed = process.under(NO_RULE)
    given = process.give(fd, sandboxed)
    judge(DENIED, sandboxed.observe(case.way, given, inet(port)), control)


@needs(Need.NET)
@covers(UDP)
@table({f"{name}-passed-out": row for name, row in USES.items()})
def test_passed_out(case: Use, process: Process, port: int, judge: Judge) -> None:
    """A socket that was made in a domain is not restricted outside of it."""
    sandboxed = process.under(NO_RULE)
    fd = sandboxed.give(udp(sandboxed), process)
    judge(ALLOWED, process.observe(case.way, fd, inet(port)))


class Other(Row, frozen=True, kw_only=True):
    """What is done with a socket that is none of UDP, in a network namespace of its own."""

    call: Callable[[Process, int], object]


def use(process: Process, fd: Fd, port: int, data: bytes = MESSAGE) -> None:
    """Whatever there is a right for."""
    process.bind(fd, inet(port, ANY))
    process.sendto(fd, data, inet(port))
    process.connect(fd, inet(port))
    process.sendto(fd, data)
    process.close(fd)


def raw(process: Process, port: int) -> None:
    use(process, process.socket(AF_INET, SOCK_RAW, socket.IPPROTO_UDP), port, bytes(8))


def icmp(process: Process, port: int) -> None:
    echo = b"\x08" + bytes(7)
    use(process, process.socket(AF_INET, SOCK_DGRAM, socket.IPPROTO_ICMP), port, echo)


def udp_lite(process: Process, port: int) -> None:
    use(process, process.socket(AF_INET, SOCK_DGRAM, socket.IPPROTO_UDPLITE), port)


OTHERS = {
    "raw": Other(call=raw, needs=(Need.RAW_SOCKETS,)),
    "icmp": Other(call=icmp),
    "udp-lite": Other(call=udp_lite, needs=(Need.UDP_LITE,)),
}


@answers("udp-not-udp")
@needs(Need.NET)
@table(OTHERS)
def test_others(case: Other, facts: Facts, process: Process, port: int, judge: Judge) -> None:
    """Raw sockets, and those of ICMP and UDP-Lite, are not restricted by any right on ports."""
    child = process.fork()
    child.unshare(CLONE_NEWNET)
    child.loopback_up()
    child.write_file("/proc/sys/net/ipv4/ping_group_range", b"0 0")
    control = child.observe(case.call, port)
    every = Ruleset(net=known_bits(NET, max(facts.abi, TCP.since)))
    judge(since(TCP, Allowed()), child.under(every).observe(case.call, port), control)


class OfTcp(Row, frozen=True, kw_only=True):
    """A call on a port, by TCP."""

    call: Callable[[Process, int, int], object]


OF_TCP = {
    "tcp-bind": OfTcp(call=bind_tcp),
    "tcp-connect": OfTcp(call=connect_tcp),
    "tcp-listen": OfTcp(call=listen_tcp),
}


@answers("udp-tcp-rights-separate")
@needs(Need.NET)
@covers(UDP)
@table(OF_TCP)
def test_tcp(case: OfTcp, process: Process, port: int, judge: Judge) -> None:
    """A domain that handles the rights on UDP alone restricts no TCP socket."""
    if case.call is connect_tcp:
        process.server(AF_INET, SOCK_STREAM, inet(port))
    judge(ALLOWED, process.under(NO_RULE).observe(case.call, AF_INET, port))
