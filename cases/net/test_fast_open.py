# SPDX-License-Identifier: MIT
"""Ways to connect with TCP Fast Open, and what else may be asked for with MSG_FASTOPEN.

Source: security/landlock/net.c, hook_socket_sendmsg(); tcp_sendmsg_fastopen() in net/ipv4/tcp.c;
"landlock: Fix TCP Fast Open connection bypass" (33cb713db016).
"""

from collections.abc import Callable
from socket import AF_INET, AF_INET6, IPPROTO_TCP, SOCK_STREAM

from msgspec.structs import replace

from cases.controls import all_of, refused
from cases.net.calls import denies_tcp
from suite.case import (
    NET, Allowed, ByBug, Case, Denied, Fd, Judge, Need, Process, Row, Ruleset, answers, covers,
    inet, inet6, needs, since, table, unspecified,
)  # fmt: skip
from suite.landlock.bugs import TCP_FAST_OPEN_BYPASS
from suite.process.uapi import MSG_FASTOPEN, TCP_FASTOPEN_CONNECT

CONNECT = NET.CONNECT_TCP
DENIED = since(CONNECT, Denied("EACCES"))
DENIED_ONCE_FIXED = since(
    CONNECT, ByBug(TCP_FAST_OPEN_BYPASS, before=Allowed(), after=Denied("EACCES"))
)
MAPPED = "::ffff:127.0.0.1"


class Opening(Case, frozen=True, kw_only=True):
    """A way to connect a socket of this family to a port where somebody listens."""

    call: Callable[[Process, Fd, int], object]
    family: int = AF_INET


def sendmsg(process: Process, fd: Fd, port: int) -> None:
    process.sendmsg(fd, b"x", inet(port), MSG_FASTOPEN)


def sendmmsg(process: Process, fd: Fd, port: int) -> None:
    process.sendmmsg(fd, b"x", inet(port), MSG_FASTOPEN)


def sendto_mapped(process: Process, fd: Fd, port: int) -> None:
    process.sendto(fd, b"x", inet6(port, MAPPED), MSG_FASTOPEN)


def sendto_nothing(process: Process, fd: Fd, port: int) -> None:
    process.sendto(fd, b"", inet(port), MSG_FASTOPEN)


def connect_when_sending(process: Process, fd: Fd, port: int) -> None:
    process.setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    process.connect(fd, inet(port))
    process.sendto(fd, b"x")


OPENINGS = {
    "sendmsg": Opening(call=sendmsg, expect=DENIED_ONCE_FIXED, answers=("net-tfo", "llr-04")),
    "sendmmsg": Opening(call=sendmmsg, expect=DENIED_ONCE_FIXED, answers=("net-tfo", "llr-04")),
    "sendto-nothing": Opening(
        call=sendto_nothing, expect=DENIED_ONCE_FIXED, answers=("net-tfo", "llr-04")
    ),
    "sendto-ipv4-mapped": Opening(
        family=AF_INET6,
        call=sendto_mapped,
        expect=DENIED_ONCE_FIXED,
        answers=("net-tfo-args", "llr-04"),
        needs=(Need.IPV6,),
    ),
    "connect-when-sending": Opening(
        call=connect_when_sending, expect=DENIED, answers="net-tfo-connect-opt"
    ),
}
WITH = {
    f"{name}-with-rule": replace(row, expect=since(CONNECT, Allowed()))
    for name, row in OPENINGS.items()
}


def check(case: Opening, process: Process, port: int, ruleset: Ruleset, judge: Judge) -> None:
    process.server(AF_INET, SOCK_STREAM, inet(port))
    control = process.observe(case.call, process.socket(case.family, SOCK_STREAM), port)
    sandboxed = process.under(ruleset)
    fd = sandboxed.socket(case.family, SOCK_STREAM)
    judge(case.expect, sandboxed.observe(case.call, fd, port), control)


@needs(Need.NET)
@covers(CONNECT)
@table(OPENINGS)
def test_without_a_rule(case: Opening, process: Process, port: int, judge: Judge) -> None:
    """A connection is denied however it is asked for."""
    check(case, process, port, Ruleset(net=CONNECT), judge)


@needs(Need.NET)
@covers(CONNECT)
@table(WITH)
def test_with_a_rule(case: Opening, process: Process, port: int, judge: Judge) -> None:
    """A rule on the port allows the connection however it is asked for."""
    check(case, process, port, Ruleset(net=CONNECT).allow_port(port, CONNECT), judge)


class Malformed(Row, frozen=True, kw_only=True):
    """An address that TCP does not connect to."""

    address: Callable[[int], bytes | None]
    size: int
    tcp: str


MALFORMED = {
    "no-address": Malformed(address=lambda port: None, size=0, tcp="EINVAL"),
    "no-address-16-bytes": Malformed(address=lambda port: None, size=16, tcp="EINVAL"),
    "0-bytes": Malformed(address=inet, size=0, tcp="EINVAL"),
    "1-byte": Malformed(address=inet, size=1, tcp="EINVAL"),
    "15-bytes": Malformed(address=inet, size=15, tcp="EINVAL"),
    "unspecified": Malformed(
        address=lambda port: unspecified(inet(port)), size=16, tcp="EOPNOTSUPP"
    ),
    "unspecified-2-bytes": Malformed(
        address=lambda port: unspecified(inet(port)), size=2, tcp="EOPNOTSUPP"
    ),
}


def send(process: Process, case: Malformed, port: int) -> None:
    fd = process.socket(AF_INET, SOCK_STREAM)
    process.syscall("sendto", fd, b"x", 1, MSG_FASTOPEN, case.address(port), case.size)


@answers("net-tfo-args", "llr-04")
@needs(Need.NET)
@covers(CONNECT)
@table(MALFORMED)
def test_malformed(case: Malformed, process: Process, port: int, judge: Judge) -> None:
    """What names no port to connect to fails as without a domain."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    outside = process.observe(send, case, port)
    sandboxed = process.under(Ruleset(net=CONNECT))
    observed = sandboxed.observe(send, case, port)
    control = all_of(denies_tcp(sandboxed, CONNECT), refused(outside, case.tcp))
    judge(since(CONNECT, Denied(case.tcp)), observed, control)


@answers("net-tfo-args", "llr-04")
@needs(Need.NET)
@covers(CONNECT)
def test_nobody_listens(process: Process, port: int, judge: Judge) -> None:
    """A rule on a port where nobody listens lets TCP say so."""
    sandboxed = process.under(Ruleset(net=CONNECT).allow_port(port, CONNECT))
    fd = sandboxed.socket(AF_INET, SOCK_STREAM)
    observed = sandboxed.observe(Process.sendto, fd, b"x", inet(port), MSG_FASTOPEN)
    judge(since(CONNECT, Denied("ECONNREFUSED")), observed, denies_tcp(sandboxed, CONNECT))


def send_by_ring(process: Process, port: int) -> None:
    fd = process.socket(AF_INET, SOCK_STREAM)
    process.uring().sendmsg(process, fd, b"x", inet(port), MSG_FASTOPEN)


@answers("net-tfo", "llr-04")
@needs(Need.NET, Need.URING)
@covers(CONNECT)
def test_io_uring(process: Process, port: int, judge: Judge) -> None:
    """IORING_OP_SENDMSG, which does not wait for the connection (EINPROGRESS), is denied too."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    control = refused(process.observe(send_by_ring, port), "EINPROGRESS")
    observed = process.under(Ruleset(net=CONNECT)).observe(send_by_ring, port)
    begun, denied = Denied("EINPROGRESS"), Denied("EACCES")
    judge(since(CONNECT, ByBug(TCP_FAST_OPEN_BYPASS, begun, denied)), observed, control)
