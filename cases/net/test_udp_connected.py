# SPDX-License-Identifier: MIT
"""Sockets that have a peer: what was set before is free, what is named is checked.

Source: Documentation/userspace-api/landlock.rst, "Rights associated with file descriptors";
security/landlock/net.c, hook_socket_connect() and hook_socket_sendmsg().
"""

from collections.abc import Callable
from socket import AF_INET, AF_INET6, IPPROTO_IPV6, MSG_MORE, SOCK_DGRAM

from cases.controls import all_of, refused
from cases.net.udp import (
    BIND,
    MAPPED,
    MESSAGE,
    SEND,
    TCP,
    UDP,
    WAYS,
    Way,
    bound,
    denies_to_bind,
    splice,
    udp,
)
from suite.case import (
    Allowed, Case, Denied, Fd, Judge, Need, Process, Row, Ruleset, answers, covers, inet, inet6,
    loopback, needs, since, table, unspecified,
)  # fmt: skip
from suite.process.uapi import IPV6_ADDRFORM

NO_RULE = Ruleset(net=UDP)
DENIED, ALLOWED = since(UDP, Denied("EACCES")), since(UDP, Allowed())


class ToPeer(Row, frozen=True, kw_only=True):
    """A way to send that names no address."""

    send: Callable[[Process, Fd], object]


TO_PEER = {
    "send": ToPeer(send=lambda process, fd: process.sendto(fd, MESSAGE)),
    "send-nothing": ToPeer(send=lambda process, fd: process.sendto(fd, b"")),
    "sendmsg": ToPeer(send=lambda process, fd: process.sendmsg(fd, MESSAGE)),
    "sendmsg-0-bytes": ToPeer(send=lambda process, fd: process.sendmsg(fd, MESSAGE, b"")),
    "sendmmsg": ToPeer(send=lambda process, fd: process.sendmmsg(fd, MESSAGE)),
    "write": ToPeer(send=lambda process, fd: process.write(fd, MESSAGE)),
    "splice": ToPeer(send=splice),
    "io-uring-send": ToPeer(
        send=lambda process, fd: process.uring().send(process, fd, MESSAGE), needs=(Need.URING,)
    ),
}


def connected(process: Process, port: int, family: int = AF_INET) -> Fd:
    """A socket with a port that the kernel chose when it was connected."""
    fd = udp(process, family)
    process.connect(fd, loopback(family, port))
    return fd


@answers("udp-connected-pre")
@needs(Need.NET)
@covers(UDP)
@table({f"{name}-to-peer": row for name, row in TO_PEER.items()})
def test_to_peer(case: ToPeer, process: Process, port: int, judge: Judge) -> None:
    """A socket that was connected before sends to its peer, in a domain that allows nothing."""
    process.server(AF_INET, SOCK_DGRAM, inet(port))
    fd = connected(process, port)
    judge(ALLOWED, process.under(NO_RULE).observe(case.send, fd))


@answers("net-udp-unaffected")
@needs(Need.NET)
@covers(TCP)
@table({f"{name}-to-peer-tcp-handled": row for name, row in TO_PEER.items()})
def test_tcp_handled(case: ToPeer, process: Process, port: int, judge: Judge) -> None:
    """The rights on TCP are no matter to it."""
    process.server(AF_INET, SOCK_DGRAM, inet(port))
    sandboxed = process.under(Ruleset(net=TCP))

    def connect_and_send(sandboxed: Process) -> None:
        case.send(sandboxed, connected(sandboxed, port))

    judge(since(TCP, Allowed()), sandboxed.observe(connect_and_send))


@answers("udp-splice-write")
@needs(Need.NET, Need.INET)
@covers(BIND)
@table({f"{name}-unbound": row for name, row in TO_PEER.items()})
def test_unbound(case: ToPeer, process: Process, judge: Judge) -> None:
    """A socket without a port is denied one before it is found to have no peer."""
    control = process.observe(case.send, udp(process))
    fd = udp(process)
    observed = process.under(Ruleset(net=BIND)).observe(case.send, fd)
    judge(since(BIND, Denied("EACCES")), observed, refused(control, "EDESTADDRREQ"))


@answers("udp-splice-write", "udp-disconnect-then-send")
@needs(Need.NET)
@covers(UDP)
@table({f"{name}-disconnected": row for name, row in TO_PEER.items()})
def test_disconnected(case: ToPeer, process: Process, port: int, judge: Judge) -> None:
    """So is one that was disconnected, and lost the port that it had from the kernel."""
    ruleset = Ruleset(net=UDP, ports=((port, SEND),))
    fds = [connected(process, port) for _ in range(2)]
    for fd in fds:
        process.connect(fd, unspecified(inet(0)))
    control = process.observe(case.send, fds[0])
    observed = process.under(ruleset).observe(case.send, fds[1])
    judge(DENIED, observed, refused(control, "EDESTADDRREQ"))


class Named(Row, frozen=True, kw_only=True):
    """A way to name the port of the peer."""

    way: Way


@answers("udp-connected-explicit", "udp-reconnect-same")
@needs(Need.NET)
@covers(SEND)
@table({f"{name}-peer-named": Named(way=way, needs=own) for name, (way, own) in WAYS.items()})
def test_peer_named(case: Named, process: Process, port: int, judge: Judge) -> None:
    """An address is checked whenever it is given, even that of the peer."""
    process.server(AF_INET, SOCK_DGRAM, inet(port))
    fd = connected(process, port)
    control = process.observe(case.way, fd, inet(port))
    judge(DENIED, process.under(NO_RULE).observe(case.way, fd, inet(port)), control)


@answers("udp-addrlen-0")
@needs(Need.NET)
@covers(SEND)
def test_empty_address(process: Process, port: int, judge: Judge) -> None:
    """An address of no bytes is no missing one: sendto(2) of a connected socket gives EINVAL."""
    fd = connected(process, port)
    outside = process.observe(Process.sendto, fd, MESSAGE, b"")
    sandboxed = process.under(NO_RULE)
    observed = sandboxed.observe(Process.sendto, fd, MESSAGE, b"")
    control = all_of(denies_to_bind(sandboxed), refused(outside, "EINVAL"))
    judge(since(UDP, Denied("EINVAL")), observed, control)


@answers("udp-cork")
@needs(Need.NET)
@covers(SEND)
def test_corked(process: Process, port: int, judge: Judge) -> None:
    """The address of what is added to a datagram is checked, though nothing is sent there."""

    def add(process: Process, fd: Fd) -> None:
        process.sendto(fd, MESSAGE, inet(port + 1))

    fds = [bound(process) for _ in range(2)]
    for fd in fds:
        process.sendto(fd, MESSAGE, inet(port), MSG_MORE)
    control = process.observe(add, fds[0])
    ruleset = Ruleset(net=UDP, ports=((port, SEND),))
    judge(DENIED, process.under(ruleset).observe(add, fds[1]), control)


class AddressForm(Case, frozen=True, kw_only=True):
    """Whether the port has a rule."""

    rule: bool


ADDRESS_FORM = {
    "ipv6-made-ipv4": AddressForm(rule=False, expect=DENIED),
    "ipv6-made-ipv4-with-rule": AddressForm(rule=True, expect=ALLOWED),
}


@needs(Need.NET, Need.IPV6)
@covers(SEND)
@table(ADDRESS_FORM)
def test_address_form(case: AddressForm, process: Process, port: int, judge: Judge) -> None:
    """An IPv6 socket that became one of IPv4 takes IPv4 addresses, and is denied as one."""
    fd = bound(process, AF_INET6)
    process.connect(fd, inet6(port + 1, MAPPED))
    process.setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET)
    ruleset = Ruleset(net=UDP, ports=((port, SEND),) if case.rule else ())
    control = process.observe(Process.sendto, fd, MESSAGE, inet(port))
    judge(
        case.expect,
        process.under(ruleset).observe(Process.sendto, fd, MESSAGE, inet(port)),
        control,
    )
