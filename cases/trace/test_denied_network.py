# SPDX-License-Identifier: MIT
"""The event of a denied access to the network: the right, and the port that was checked.

Source: include/trace/events/landlock.h, landlock_deny_access_net; security/landlock/net.c,
current_check_access_socket() and current_check_autobind_udp_socket().
"""

from collections.abc import Callable
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

from cases.net.calls import bind_port_0, bind_tcp, bind_udp, connect_tcp, connect_udp, sendto_udp
from cases.trace.traces import traced
from suite.case import (
    NET, Case, Judge, Need, Process, Ruleset, Seen, Trace, answers, covers, inet, loopback, needs,
    since, split, table, unspecified, vm_only,
)  # fmt: skip

Call = Callable[[Process, int, int], object]
PORT, NO_PORT, ANY_PORT = "PORT", "-1", "0"


class Access(Case, frozen=True, kw_only=True):
    """A call on a port of the loopback address, in a domain that handles these rights."""

    call: Call
    handled: NET
    family: int


def event(right: str, port: str) -> Seen:
    head = "deny_access_net domain=D1 same_exec=1 logged=1"
    return Seen(f"{head} blockers={right} port={port}")


def access(call: Call, handled: NET, right: str, port: str = PORT, family: int = AF_INET) -> Access:
    return Access(
        call=call,
        handled=handled,
        covers=handled,
        family=family,
        needs=(Need.IPV6,) if family == AF_INET6 else (),
        answers="trc-deny-net-port",
        expect=since(handled, event(right, port)),
    )


def bind_unspecified(process: Process, family: int, port: int) -> None:
    address = unspecified(inet(port, "0.0.0.0"))  # noqa: S104 (what the case is about)
    process.bind(process.socket(family, SOCK_STREAM), address)


BIND_TCP, CONNECT_TCP = NET.BIND_TCP, NET.CONNECT_TCP
BIND_UDP, SEND_UDP = NET.BIND_UDP, NET.CONNECT_SEND_UDP
CASES = {
    "bind-tcp": access(bind_tcp, BIND_TCP, "bind_tcp"),
    "bind-tcp-ipv6": access(bind_tcp, BIND_TCP, "bind_tcp", family=AF_INET6),
    "bind-tcp-of-both": access(bind_tcp, BIND_TCP | CONNECT_TCP, "bind_tcp"),
    "bind-tcp-port-0": access(bind_port_0, BIND_TCP, "bind_tcp", ANY_PORT),
    "bind-tcp-unspecified": access(bind_unspecified, BIND_TCP, "bind_tcp"),
    "connect-tcp": access(connect_tcp, CONNECT_TCP, "connect_tcp"),
    "connect-tcp-ipv6": access(connect_tcp, CONNECT_TCP, "connect_tcp", family=AF_INET6),
    "bind-udp": access(bind_udp, BIND_UDP, "bind_udp"),
    "connect-udp": access(connect_udp, SEND_UDP, "connect_send_udp"),
    "sendto-udp": access(sendto_udp, SEND_UDP, "connect_send_udp"),
    "sendto-udp-ipv6": access(sendto_udp, SEND_UDP, "connect_send_udp", family=AF_INET6),
    # The kernel chooses the port that it is sent from.
    "connect-udp-unbound": access(connect_udp, BIND_UDP, "bind_udp", ANY_PORT),
    "sendto-udp-unbound": access(sendto_udp, BIND_UDP, "bind_udp", ANY_PORT),
    "sendto-udp-unbound-ipv6": access(sendto_udp, BIND_UDP, "bind_udp", ANY_PORT, AF_INET6),
}


@vm_only
@needs(Need.TRACEPOINTS)
@table(split("trc-port", CASES))
def test_denied(case: Access, process: Process, port: int, judge: Judge) -> None:
    """The event names the right and the port that was checked, -1 where none was."""
    if case.call is connect_tcp:
        process.server(case.family, SOCK_STREAM, loopback(case.family, port))
    control = process.observe(case.call, case.family, port)
    with Trace(process, "deny_access_net") as trace:
        tried = process.under(Ruleset(net=case.handled)).observe(case.call, case.family, port)
        events = trace.take()
    observed = traced(trace, events, tried, "EACCES", {str(port): PORT})
    judge(case.expect, observed, control)


class Unspecified(Case, frozen=True, kw_only=True):
    """An address family of a connected socket."""

    family: int


def sent(family: int, port: str) -> Unspecified:
    return Unspecified(
        family=family,
        needs=(Need.IPV6,) if family == AF_INET6 else (),
        expect=since(SEND_UDP, event("connect_send_udp", port)),
    )


UNSPECIFIED = {
    "sendto-unspecified": sent(AF_INET, PORT),
    "sendto-unspecified-ipv6": sent(AF_INET6, NO_PORT),
}


@vm_only
@answers("trc-deny-net-port")
@covers(SEND_UDP)
@needs(Need.TRACEPOINTS)
@table(split("trc-port", UNSPECIFIED))
def test_unspecified(case: Unspecified, process: Process, port: int, judge: Judge) -> None:
    """An address without a family has a port on an IPv4 socket, and none on an IPv6 one."""
    address = loopback(case.family, port)
    process.server(case.family, SOCK_DGRAM, address)
    fd = process.socket(case.family, SOCK_DGRAM)
    process.connect(fd, address)
    control = process.observe(Process.sendto, fd, b"x", unspecified(address))
    with Trace(process, "deny_access_net") as trace:
        sandboxed = process.under(Ruleset(net=SEND_UDP))
        tried = sandboxed.observe(Process.sendto, fd, b"x", unspecified(address))
        events = trace.take()
    observed = traced(trace, events, tried, "EACCES", {str(port): PORT})
    judge(case.expect, observed, control)
