# SPDX-License-Identifier: MIT
"""Stream sockets of IPv4 that are not TCP's, though some turn into TCP for want of a better peer.

Source: security/landlock/errata/abi-4.h, erratum 1; "landlock: Fix non-TCP sockets restriction"
(854277e2cc8c): before, a domain restricted every stream socket that took addresses of TCP.
"""

from collections.abc import Callable
from dataclasses import dataclass
from socket import AF_INET, IPPROTO_SCTP, SOCK_SEQPACKET, SOCK_STREAM

from cases.net.calls import connect
from suite.case import (
    NET, Allowed, ByErratum, Call, Case, Denied, Erratum, Fd, Judge, Need, Process, Ruleset,
    answers, covers, inet, needs, since, table,
)  # fmt: skip
from suite.process.uapi import AF_SMC, IPPROTO_MPTCP, IPPROTO_SMC, MSG_FASTOPEN

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP
ANY_PORT = inet(0)
SOL_SCTP, SCTP_BINDX_ADD, SCTP_CONNECTX_OLD, SCTP_CONNECTX = 132, 100, 107, 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of stream sockets, and where one may connect to."""

    needs: Need
    make: Callable[[Process], Call]
    serve: Callable[[Process, int], object]
    unfixed: str = "EACCES"
    """What their calls come to without the erratum's fix."""


def serve_tcp(process: Process, port: int) -> None:
    process.server(AF_INET, SOCK_STREAM, inet(port))


def sctp(process: Process) -> Call:
    return process.socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)


def serve_sctp(process: Process, port: int) -> None:
    fd = sctp(process)
    process.bind(fd, inet(port))
    process.listen(fd)


MPTCP = Kind(
    needs=Need.MPTCP,
    make=lambda process: process.socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP),
    serve=serve_tcp,
)
SCTP = Kind(needs=Need.SCTP, make=sctp, serve=serve_sctp)
SMC = Kind(
    needs=Need.SMC,
    make=lambda process: process.socket(AF_SMC, SOCK_STREAM),
    serve=serve_tcp,
    # Their family is not that of their addresses.
    unfixed="EINVAL",
)
SMC_OF_INET = Kind(
    needs=Need.SMC_OF_INET,
    make=lambda process: process.socket(AF_INET, SOCK_STREAM, IPPROTO_SMC),
    serve=serve_tcp,
)


def bind(process: Process, fd: Fd, port: int) -> None:
    process.bind(fd, ANY_PORT)


def listen(process: Process, fd: Fd, port: int) -> None:
    process.bind(fd, ANY_PORT)
    process.listen(fd)


def bindx(process: Process, fd: Fd, port: int) -> None:
    """sctp_bindx(3)."""
    process.syscall("setsockopt", fd, SOL_SCTP, SCTP_BINDX_ADD, ANY_PORT, len(ANY_PORT))


def bindx_to_two(process: Process, fd: Fd, port: int) -> None:
    both = inet(0, "127.0.0.1") + inet(0, "127.0.0.2")
    process.syscall("setsockopt", fd, SOL_SCTP, SCTP_BINDX_ADD, both, len(both))


def connectx(option: int) -> Callable[[Process, Fd, int], object]:
    """sctp_connectx(3), by the option of today or by that of libraries from before 2008."""

    def call(process: Process, fd: Fd, port: int) -> None:
        address = inet(port)
        process.syscall("setsockopt", fd, SOL_SCTP, option, address, len(address))

    return call


def send_to(process: Process, fd: Fd, port: int) -> None:
    """An address for a message makes the association that the message needs."""
    process.sendto(fd, b"x", inet(port))


class Stream(Case, frozen=True, kw_only=True):
    """A call of such a socket, and the right that it would need of a TCP socket."""

    kind: Kind
    right: NET
    call: Callable[[Process, Fd, int], object]


def stream(
    kind: Kind,
    right: NET,
    call: Callable[[Process, Fd, int], object],
    *behaviours: str,
    always: bool = False,
) -> Stream:
    """A row; ``always`` where even without the fix nothing is denied."""
    fixed = ByErratum(Erratum.TCP_SOCKET_IDENTIFICATION, Denied(kind.unfixed), Allowed())
    return Stream(
        kind=kind,
        right=right,
        covers=right,
        call=call,
        expect=since(right, Allowed() if always else fixed),
        needs=(kind.needs,),
        answers=behaviours,
    )


OPTIONS = ("net-sctp", "net-sctp-options")
MPTCP_ROWS = ("net-mptcp", "net-mptcp-noerratum")
STREAMS = {
    "mptcp-listen": stream(MPTCP, BIND, listen, *MPTCP_ROWS),
    "mptcp-listen-unbound": stream(
        MPTCP, BIND, lambda process, fd, port: process.listen(fd), "net-mptcp", always=True
    ),
    "sctp-bind": stream(SCTP, BIND, bind, "net-sctp", "gap-other-streams", "llr-08"),
    "sctp-connect": stream(SCTP, CONNECT, connect, "net-sctp", "gap-other-streams", "llr-08"),
    "sctp-bindx": stream(SCTP, BIND, bindx, *OPTIONS, always=True),
    "sctp-bindx-to-two": stream(SCTP, BIND, bindx_to_two, *OPTIONS, always=True),
    "sctp-connectx": stream(SCTP, CONNECT, connectx(SCTP_CONNECTX), *OPTIONS, always=True),
    "sctp-connectx-old": stream(SCTP, CONNECT, connectx(SCTP_CONNECTX_OLD), *OPTIONS, always=True),
    "sctp-sendto": stream(SCTP, CONNECT, send_to, *OPTIONS, always=True),
    "smc-bind": stream(SMC, BIND, bind, "net-smc", "llr-08"),
    "smc-listen": stream(SMC, BIND, listen, "net-smc", "llr-08"),
    "smc-connect": stream(SMC, CONNECT, connect, "net-smc", "llr-08"),
    "smc-of-inet-bind": stream(SMC_OF_INET, BIND, bind, "net-smc", "llr-08"),
    "smc-of-inet-connect": stream(SMC_OF_INET, CONNECT, connect, "net-smc", "llr-08"),
}


def use(process: Process, case: Stream, port: int) -> None:
    fd = case.kind.make(process)
    case.call(process, fd, port)


@needs(Need.NET)
@table(STREAMS)
def test_streams(case: Stream, process: Process, port: int, judge: Judge) -> None:
    """Rights on TCP restrict TCP sockets only, as the socket's own protocol tells them."""
    case.kind.serve(process, port)
    control = process.observe(use, case, port)
    judge(case.expect, process.under(Ruleset(net=case.right)).observe(use, case, port), control)


DENIED = Denied("EACCES")
FAST_OPEN = since(CONNECT, ByErratum(Erratum.TCP_SOCKET_IDENTIFICATION, DENIED, Allowed()))


@answers("net-mptcp")
@needs(Need.NET, Need.MPTCP)
@covers(CONNECT)
def test_mptcp_fast_open(process: Process, port: int, judge: Judge) -> None:
    """An MPTCP socket connects with TCP Fast Open, which it leaves to a TCP socket within.

    Without the erratum's fix it is treated as a socket of TCP, whose Fast Open may be denied or not
    (``tcp-fast-open-bypass``).
    """
    serve_tcp(process, port)
    sandboxed = process.under(Ruleset(net=CONNECT))

    def fast_open(process: Process, fd: Fd) -> None:
        process.sendto(fd, b"x", inet(port), MSG_FASTOPEN)

    of_tcp = sandboxed.observe(fast_open, sandboxed.socket(AF_INET, SOCK_STREAM)).outcome
    observed = sandboxed.observe(fast_open, MPTCP.make(sandboxed))
    # What is no matter of a TCP socket (history/tcp_fast_open) was none of an MPTCP socket either.
    judge(FAST_OPEN if of_tcp == DENIED else since(CONNECT, Allowed()), observed)


@answers("net-sctp", "gap-other-streams", "llr-08")
@needs(Need.NET, Need.SCTP)
@covers(BIND | CONNECT)
def test_sctp_of_many(process: Process, port: int, judge: Judge) -> None:
    """A socket of many SCTP associations (SOCK_SEQPACKET) is no stream socket at all."""
    serve_sctp(process, port)
    sandboxed = process.under(Ruleset(net=BIND | CONNECT))
    fd = sandboxed.socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP)

    def use(sandboxed: Process) -> None:
        sandboxed.bind(fd, ANY_PORT)
        sandboxed.sendto(fd, b"x", inet(port))

    judge(since(BIND | CONNECT, Allowed()), sandboxed.observe(use))
