# SPDX-License-Identifier: MIT
"""connect(2) to AF_UNSPEC takes a UDP socket's peer from it, and a port that it has of the kernel.

Source: security/landlock/net.c, current_check_access_socket(), case AF_UNSPEC, and
hook_socket_connect(); __udp_disconnect() in net/ipv4/udp.c, SOCK_BINDPORT_LOCK.
"""

from collections.abc import Callable
from socket import AF_INET, AF_INET6, SOCK_DGRAM

from cases.net.udp import BIND, SEND, UDP, Way, bound, connect, sendto, udp, with_port
from suite.case import (
    Allowed, Case, Denied, Fd, Judge, Need, Process, Row, Ruleset, Seen, answers, covers, inet,
    loopback, needs, since, table, unspecified,
)  # fmt: skip

DENIED, ALLOWED = since(UDP, Denied("EACCES")), since(UDP, Allowed())


class Disconnect(Row, frozen=True, kw_only=True):
    """A socket of this family, with a peer or without, and the length of the address."""

    family: int = AF_INET
    peer: bool
    size: int


DISCONNECT = {
    f"{family}-{state}-{size}-bytes": Disconnect(
        family=number, peer=state == "connected", size=size, needs=own
    )
    for family, number, own in (("ipv4", AF_INET, ()), ("ipv6", AF_INET6, (Need.IPV6,)))
    for state in ("connected", "unconnected")
    for size in (2, 16)
}


def disconnect(process: Process, fd: Fd, size: int = 16) -> None:
    """And tell the port that is left."""
    process.connect(fd, unspecified(inet(0))[:size])
    process.name(fd, 16)


@answers("udp-disconnect")
@needs(Need.NET)
@covers(UDP)
@table(DISCONNECT)
def test_disconnect(case: Disconnect, process: Process, port: int, judge: Judge) -> None:
    """It is never denied, and gives no port to a socket that has none."""
    fd = udp(process, case.family)
    if case.peer:
        process.connect(fd, loopback(case.family, port))
    observed = process.under(Ruleset(net=UDP)).observe(disconnect, fd, case.size)
    judge(since(UDP, Allowed(0)), with_port(observed))


@answers("udp-disconnect")
@needs(Need.NET)
@covers(UDP)
def test_disconnect_bound(process: Process, port: int, judge: Judge) -> None:
    """A socket that was bound explicitly keeps its port."""
    fd = udp(process)
    process.bind(fd, inet(port))
    process.connect(fd, inet(port + 1))
    left = with_port(process.under(Ruleset(net=UDP)).observe(disconnect, fd))
    kept = Seen("its port")  # whose number is of one run
    judge(since(UDP, kept), kept if left == Allowed(port) else left)


def unbound(process: Process, port: int) -> Fd:
    return udp(process)


def bound_to_port_0(process: Process, port: int) -> Fd:
    return bound(process)


def bound_to_a_port(process: Process, port: int) -> Fd:
    return process.server(AF_INET, SOCK_DGRAM, inet(port))


class SendAgain(Case, frozen=True, kw_only=True):
    """A socket whose peer is gone, and that shall have one again, at a port with a rule."""

    make: Callable[[Process, int], Fd] = unbound
    chosen: bool = False
    """Whether port 0 has a rule too."""


AGAIN = {
    "unbound": SendAgain(expect=DENIED, answers="udp-disconnect-then-send"),
    "unbound-rule-on-port-0": SendAgain(
        chosen=True, expect=ALLOWED, answers="udp-disconnect-then-send"
    ),
    "bound-to-port-0": SendAgain(
        make=bound_to_port_0, expect=DENIED, answers="udp-disconnect-then-send"
    ),
    "bound-to-a-port": SendAgain(
        make=bound_to_a_port, expect=ALLOWED, answers="udp-disconnect-bound"
    ),
}


def check_again(case: SendAgain, way: Way, process: Process, port: int, judge: Judge) -> None:
    fds = [udp(process), case.make(process, port + 1)]
    for fd in fds:
        process.connect(fd, inet(port))
    disconnect(process, fds[0])
    control = process.observe(way, fds[0], inet(port))
    rules = ((port, SEND), (0, BIND)) if case.chosen else ((port, SEND),)
    sandboxed = process.under(Ruleset(net=UDP, ports=rules))
    disconnect(sandboxed, fds[1])
    judge(case.expect, sandboxed.observe(way, fds[1], inet(port)), control)


@needs(Need.NET)
@covers(UDP)
@table({f"send-again-{name}": row for name, row in AGAIN.items()})
def test_send_again(case: SendAgain, process: Process, port: int, judge: Judge) -> None:
    """To send again, a socket needs a port: what the kernel chose is gone with the peer."""
    check_again(case, sendto, process, port, judge)


@needs(Need.NET)
@covers(UDP)
@table({f"connect-again-{name}": row for name, row in AGAIN.items()})
def test_connect_again(case: SendAgain, process: Process, port: int, judge: Judge) -> None:
    """So it does to have a peer again."""
    check_again(case, connect, process, port, judge)
