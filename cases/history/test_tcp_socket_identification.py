# SPDX-License-Identifier: MIT
"""Erratum 1: stream sockets that are not TCP's.

Source: security/landlock/errata/abi-4.h, erratum 1; "landlock: Fix non-TCP sockets restriction"
(854277e2cc8c).
"""

from collections.abc import Callable
from socket import AF_INET, SOCK_STREAM

from suite.case import (
    NET, Allowed, ByErratum, Case, Denied, Erratum, Judge, Need, Process, Ruleset, answers, inet,
    needs, since, table,
)  # fmt: skip
from suite.process.uapi import IPPROTO_MPTCP


class Mptcp(Case, frozen=True, kw_only=True):
    """A call of an MPTCP socket, and the right that it would need of a TCP socket."""

    right: NET
    call: Callable[[Process, int], object]


def mptcp(right: NET, call: Callable[[Process, int], object]) -> Mptcp:
    fixed = ByErratum(Erratum.TCP_SOCKET_IDENTIFICATION, before=Denied("EACCES"), after=Allowed())
    return Mptcp(right=right, covers=right, call=call, expect=since(right, fixed))


def bind(process: Process, port: int) -> None:
    fd = process.socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)
    process.bind(fd, inet(port + 1))
    process.close(fd)


def connect(process: Process, port: int) -> None:
    process.connect(process.socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), inet(port))


CASES = {
    "mptcp-bind": mptcp(NET.BIND_TCP, bind),
    "mptcp-connect": mptcp(NET.CONNECT_TCP, connect),
}


@answers("net-mptcp", "gap-other-streams", "llr-08", "net-mptcp-noerratum")
@needs(Need.NET, Need.MPTCP)
@table(CASES)
def test_mptcp(case: Mptcp, process: Process, port: int, judge: Judge) -> None:
    """An MPTCP socket is no TCP socket: rights on TCP do not restrict it."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    control = process.observe(case.call, port)
    judge(case.expect, process.under(Ruleset(net=case.right)).observe(case.call, port), control)
