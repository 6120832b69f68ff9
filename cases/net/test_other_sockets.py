# SPDX-License-Identifier: MIT
"""Sockets that never needed a right of those on TCP, whatever they do on a port of it.

Source: security/landlock/net.c, hook_socket_bind() and hook_socket_connect(): sk_is_tcp(), and
SOCK_STREAM before.
"""

import socket
from collections.abc import Callable
from socket import (
    AF_ALG,
    AF_INET,
    AF_NETLINK,
    AF_PACKET,
    AF_UNIX,
    AF_VSOCK,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_SEQPACKET,
)

from suite.packed import packed
from suite.case import (
    CLONE_NEWNET, NET, Allowed, Facts, Judge, Need, Process, Row, Ruleset, Tree, abstract, answers,
    covers, inet, known_bits, needs, since, table, unix,
)  # fmt: skip
from suite.process.calls.sockets import algorithm

TCP = Ruleset(net=NET.BIND_TCP | NET.CONNECT_TCP)
ALLOWED = since(TCP.net, Allowed())
NETLINK = packed("HHII", AF_NETLINK, 0, 0, 0)
ETH_P_ALL, LOOPBACK_INTERFACE = 3, 1
PACKET = packed("H", AF_PACKET) + ETH_P_ALL.to_bytes(2) + packed("i12x", LOOPBACK_INTERFACE)
VSOCK_ANY = packed("HHII4x", AF_VSOCK, 0, 0xFFFFFFFF, 0xFFFFFFFF)
ANY = "0.0.0.0"  # noqa: S104 (in a network namespace of our own)


class Other(Row, frozen=True, kw_only=True):
    """What is done with a socket, given a port."""

    call: Callable[[Process, int], object]


def raw_tcp(process: Process, port: int) -> None:
    """A raw socket has no ports; those in its addresses mean nothing."""
    fd = process.socket(AF_INET, SOCK_RAW, socket.IPPROTO_TCP)
    process.bind(fd, inet(port))
    process.connect(fd, inet(port))


def packet(process: Process, port: int) -> None:
    process.bind(process.socket(AF_PACKET, SOCK_RAW), PACKET)


def netlink(process: Process, port: int) -> None:
    fd = process.socket(AF_NETLINK, SOCK_RAW, socket.NETLINK_ROUTE)
    process.bind(fd, NETLINK)
    process.connect(fd, NETLINK)


def vsock(process: Process, port: int) -> None:
    process.bind(process.socket(AF_VSOCK, socket.SOCK_STREAM), VSOCK_ANY)


def alg(process: Process, port: int) -> None:
    """Have the kernel compute a digest."""
    fd = process.socket(AF_ALG, SOCK_SEQPACKET)
    process.bind(fd, algorithm("hash", "sha256"))
    request = process.accept(fd)
    process.write(request, b"x")
    process.read(request, 32)


OTHERS = {
    "raw-tcp": Other(call=raw_tcp, needs=(Need.RAW_SOCKETS,), answers=("net-raw", "gap-sockets")),
    "packet": Other(call=packet, needs=(Need.RAW_SOCKETS,), answers=("net-packet", "gap-sockets")),
    "netlink": Other(call=netlink, answers=("net-other-families", "gap-sockets")),
    "vsock": Other(call=vsock, needs=(Need.VSOCK,), answers=("net-other-families", "gap-sockets")),
    "alg": Other(call=alg, needs=(Need.ALG,), answers=("net-other-families", "gap-sockets")),
}


@needs(Need.NET)
@covers(TCP.net)
@table(OTHERS)
def test_others(case: Other, process: Process, port: int, judge: Judge) -> None:
    """Raw, packet, netlink, vsock and AF_ALG sockets are not restricted."""
    judge(ALLOWED, process.under(TCP).observe(case.call, port))


UNDER_ALL = {
    f"{name}-under-all-rights": Other(call=it.call, needs=it.needs, answers="gap-families")
    for name, it in OTHERS.items()
}


@needs(Need.NET)
@covers(TCP.net)
@table(UNDER_ALL)
def test_under_all_rights(
    case: Other, facts: Facts, process: Process, port: int, judge: Judge
) -> None:
    """Nor are they where every right on ports is handled, and none is allowed."""
    everything = Ruleset(net=known_bits(NET, max(facts.abi, NET.CONNECT_TCP.since)))
    control = process.observe(case.call, port)
    judge(ALLOWED, process.under(everything).observe(case.call, port), control)


@answers("net-other-families", "gap-sockets")
@needs(Need.NET)
@covers(TCP.net)
def test_icmp(process: Process, port: int, judge: Judge) -> None:
    """Nor are ICMP sockets, where the namespace lets anybody have them."""
    child = process.fork()
    child.unshare(CLONE_NEWNET)
    child.write_file("/proc/sys/net/ipv4/ping_group_range", b"0 0")
    sandboxed = child.under(TCP)
    fd = sandboxed.socket(AF_INET, SOCK_DGRAM, socket.IPPROTO_ICMP)
    judge(ALLOWED, sandboxed.observe(Process.bind, fd, inet(port, ANY)))


class Local(Row, frozen=True, kw_only=True):
    """Sockets of this kind, at a path or an abstract name."""

    kind: int
    abstract: bool = False


LOCALS = {
    "unix-stream": Local(kind=socket.SOCK_STREAM, answers="net-unix-unaffected"),
    "unix-seqpacket": Local(kind=socket.SOCK_SEQPACKET, answers="net-unix-unaffected"),
    "unix-dgram": Local(kind=SOCK_DGRAM, answers="net-unix-unaffected"),
    "unix-stream-abstract": Local(
        kind=socket.SOCK_STREAM, abstract=True, answers="net-unix-unaffected"
    ),
    "unix-dgram-abstract": Local(kind=SOCK_DGRAM, abstract=True, answers="net-unix-unaffected"),
}


@covers(TCP.net)
@table(LOCALS)
def test_unix(case: Local, process: Process, tree: Tree, judge: Judge) -> None:
    """UNIX sockets are not restricted."""
    address = (abstract if case.abstract else unix)(f"{tree.d1}/socket")

    def meet(process: Process) -> None:
        process.server(AF_UNIX, case.kind, address)
        client = process.socket(AF_UNIX, case.kind)
        process.connect(client, address)
        process.sendto(client, b"x")

    judge(ALLOWED, process.under(TCP).observe(meet))
