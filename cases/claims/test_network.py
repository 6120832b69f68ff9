# SPDX-License-Identifier: MIT
"""Every network access right denies something: one check a bit, in a domain of it alone.

No port of the machine is named, so that it can be shown without a network namespace too.

Source: include/uapi/linux/landlock.h, "Network flags".
"""

import socket
from collections.abc import Callable

from suite.case import (
    NET, Case, Denied, Judge, Need, Pack, Process, Ruleset, answers, inet, needs, since, table,
)  # fmt: skip

ANY_PORT = inet(0)
DISCARD = inet(9)


class Access(Case, frozen=True, kw_only=True):
    """A call that needs one right, given the address of a listening TCP socket."""

    right: NET
    call: Callable[[Process, Pack], object]


def access(right: NET, call: Callable[[Process, Pack], object]) -> Access:
    return Access(right=right, covers=right, call=call, expect=since(right, Denied("EACCES")))


def bind_tcp(process: Process, server: Pack) -> None:
    process.bind(process.socket(socket.AF_INET, socket.SOCK_STREAM), ANY_PORT)


def connect_tcp(process: Process, server: Pack) -> None:
    process.connect(process.socket(socket.AF_INET, socket.SOCK_STREAM), server)


def bind_udp(process: Process, server: Pack) -> None:
    process.bind(process.socket(socket.AF_INET, socket.SOCK_DGRAM), ANY_PORT)


def connect_udp(process: Process, server: Pack) -> None:
    process.connect(process.socket(socket.AF_INET, socket.SOCK_DGRAM), DISCARD)


CASES = {
    "net-bind-tcp": access(NET.BIND_TCP, bind_tcp),
    "net-connect-tcp": access(NET.CONNECT_TCP, connect_tcp),
    "net-bind-udp": access(NET.BIND_UDP, bind_udp),
    "net-connect-send-udp": access(NET.CONNECT_SEND_UDP, connect_udp),
}


@needs(Need.INET)
@answers("sys-rs-empty-ruleset")
@table(CASES)
def test_denied(case: Access, process: Process, judge: Judge) -> None:
    """A domain that handles an access right alone denies what needs it."""
    server = process.server(socket.AF_INET, socket.SOCK_STREAM, ANY_PORT)
    name = process.name(server, len(ANY_PORT))
    control = process.observe(case.call, name)
    judge(case.expect, process.under(Ruleset(net=case.right)).observe(case.call, name), control)
