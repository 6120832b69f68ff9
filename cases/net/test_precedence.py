# SPDX-License-Identifier: MIT
"""What comes first where several would refuse: the socket layer, Landlock, or TCP.

Source: __sys_bind(), __sys_connect() and __sys_sendto() in net/socket.c, which ask Landlock after
they have copied the address, and before they call TCP; net/ipv4/af_inet.c; net/ipv6/af_inet6.c.
"""

import os
from collections.abc import Callable
from socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    MSG_NOSIGNAL,
    SOCK_STREAM,
)

from cases.controls import all_of, refused
from cases.net.calls import connect, denies_tcp
from suite.case import (
    NET, Denied, Fd, Judge, Need, Process, Row, Ruleset, answers, covers, inet, inet6, needs, since,
    table,
)  # fmt: skip

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP
ELSEWHERE = "192.0.2.1"
"""An address for documentation (RFC 5737): not ours, and no route leads there."""
MAPPED = "::ffff:127.0.0.1"
HTTP = 80


class Refused(Row, frozen=True, kw_only=True):
    """A call on a port, on a socket that is prepared outside, which TCP refuses."""

    right: NET
    prepare: Callable[[Process, int], Fd]
    call: Callable[[Process, Fd, int], object]
    tcp: str


def new(process: Process, port: int) -> Fd:
    return process.socket(AF_INET, SOCK_STREAM)


def bound(process: Process, port: int) -> Fd:
    """To the next port."""
    fd = process.socket(AF_INET, SOCK_STREAM)
    process.bind(fd, inet(port + 1))
    return fd


def listening(process: Process, port: int) -> Fd:
    fd = bound(process, port)
    process.listen(fd)
    return fd


def connected(process: Process, port: int) -> Fd:
    process.server(AF_INET, SOCK_STREAM, inet(port))
    fd = process.socket(AF_INET, SOCK_STREAM)
    process.connect(fd, inet(port))
    return fd


def new_though_port_in_use(process: Process, port: int) -> Fd:
    process.server(AF_INET, SOCK_STREAM, inet(port))
    return process.socket(AF_INET, SOCK_STREAM)


def only_ipv6(process: Process, port: int) -> Fd:
    fd = process.socket(AF_INET6, SOCK_STREAM)
    process.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)
    return fd


def bind(process: Process, fd: Fd, port: int) -> None:
    process.bind(fd, inet(port))


LANDLOCK_FIRST = {
    "bind-bound": Refused(
        right=BIND, prepare=bound, call=bind, tcp="EINVAL", answers="net-double-bind-order"
    ),
    "bind-port-in-use": Refused(
        right=BIND,
        prepare=new_though_port_in_use,
        call=bind,
        tcp="EADDRINUSE",
        answers="net-bind-eaddrinuse-order",
    ),
    "bind-address-elsewhere": Refused(
        right=BIND,
        prepare=new,
        call=lambda process, fd, port: process.bind(fd, inet(port, ELSEWHERE)),
        tcp="EADDRNOTAVAIL",
        answers="net-unreachable-order",
    ),
    "bind-ipv4-mapped-only-ipv6": Refused(
        right=BIND,
        prepare=only_ipv6,
        call=lambda process, fd, port: process.bind(fd, inet6(port, MAPPED)),
        tcp="EINVAL",
        needs=(Need.IPV6,),
    ),
    "connect-connected": Refused(
        right=CONNECT,
        prepare=connected,
        call=connect,
        tcp="EISCONN",
        answers="net-reconnect-order",
    ),
    "connect-listening": Refused(right=CONNECT, prepare=listening, call=connect, tcp="EISCONN"),
    "connect-nobody-listens": Refused(
        right=CONNECT,
        prepare=new,
        call=connect,
        tcp="ECONNREFUSED",
        answers=("net-connect-deny", "net-connect-allow-refused"),
    ),
    "connect-no-route": Refused(
        right=CONNECT,
        prepare=new,
        call=lambda process, fd, port: process.connect(fd, inet(port, ELSEWHERE)),
        tcp="ENETUNREACH",
        answers="net-unreachable-order",
    ),
}


@needs(Need.NET)
@table(LANDLOCK_FIRST)
def test_landlock_first(case: Refused, process: Process, port: int, judge: Judge) -> None:
    """Without a rule a call is denied (EACCES) before TCP is asked; with one, TCP says the same."""
    fd = case.prepare(process, port)
    ruleset = Ruleset(net=case.right)
    with_rule = process.under(ruleset.allow_port(port, case.right))
    control = with_rule.observe(case.call, fd, port)
    observed = process.under(ruleset).observe(case.call, fd, port)
    judge(since(case.right, Denied("EACCES")), observed, refused(control, case.tcp))


class RefusedFirst(Row, frozen=True, kw_only=True):
    """A call that the socket layer refuses, of a socket without a port."""

    call: Callable[[Process, Fd, int], object]
    errno: str


SOCKETS_FIRST = {
    "bind-no-descriptor": RefusedFirst(
        call=lambda process, fd, port: process.bind(-1, inet(port)),
        errno="EBADF",
        answers="net-socket-layer-order",
    ),
    "bind-no-socket": RefusedFirst(
        call=lambda process, fd, port: process.bind(process.open("/", os.O_RDONLY), inet(port)),
        errno="ENOTSOCK",
        answers="net-socket-layer-order",
    ),
    "bind-no-address": RefusedFirst(
        call=lambda process, fd, port: process.syscall("bind", fd, None, 16),
        errno="EFAULT",
        answers="net-socket-layer-order",
    ),
    "bind-129-bytes": RefusedFirst(
        call=lambda process, fd, port: process.bind(fd, inet(port).ljust(129, b"\0")),
        errno="EINVAL",
        answers="net-socket-layer-order",
    ),
    "connect-no-descriptor": RefusedFirst(
        call=lambda process, fd, port: process.connect(-1, inet(port)),
        errno="EBADF",
        answers="net-socket-layer-order",
    ),
    "connect-no-socket": RefusedFirst(
        call=lambda process, fd, port: process.connect(process.open("/", os.O_RDONLY), inet(port)),
        errno="ENOTSOCK",
        answers="net-socket-layer-order",
    ),
    "connect-no-address": RefusedFirst(
        call=lambda process, fd, port: process.syscall("connect", fd, None, 16),
        errno="EFAULT",
        answers="net-socket-layer-order",
    ),
    "connect-negative-length": RefusedFirst(
        call=lambda process, fd, port: process.syscall("connect", fd, inet(port), -1),
        errno="EINVAL",
        answers="net-socket-layer-order",
    ),
    "sendto-unconnected": RefusedFirst(
        call=lambda process, fd, port: process.sendto(fd, b"x", inet(port), MSG_NOSIGNAL),
        errno="EPIPE",
        answers="net-sendto-stream-addr",
    ),
}


@needs(Need.NET)
@covers(BIND | CONNECT)
@table(SOCKETS_FIRST)
def test_sockets_first(case: RefusedFirst, process: Process, port: int, judge: Judge) -> None:
    """A call without a socket or an address to judge fails as without a domain."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    outside = process.observe(case.call, new(process, port), port)
    sandboxed = process.under(Ruleset(net=BIND | CONNECT))
    observed = sandboxed.observe(case.call, new(sandboxed, port), port)
    control = all_of(denies_tcp(sandboxed, BIND), refused(outside, case.errno))
    judge(since(BIND | CONNECT, Denied(case.errno)), observed, control)


@answers("net-privileged-port")
@needs(Need.NET, Need.INET)
@covers(BIND)
def test_privileged_port(process: Process, judge: Judge) -> None:
    """A rule on a port below 1024 does not stand for CAP_NET_BIND_SERVICE."""
    sandboxed = process.under(Ruleset(net=BIND).allow_port(HTTP, BIND))
    capable, incapable = (new(sandboxed, HTTP) for _ in range(2))
    capably = sandboxed.observe(bind, capable, HTTP)
    sandboxed.close(capable)
    sandboxed.drop_capabilities()
    observed = sandboxed.observe(bind, incapable, HTTP)
    control = all_of(denies_tcp(sandboxed, BIND), capably.outcome)
    judge(since(BIND, Denied("EACCES")), observed, control)
