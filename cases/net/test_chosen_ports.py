# SPDX-License-Identifier: MIT
"""Ports that the kernel chooses: bind(2) to port 0 needs a rule on it, all other ways need none.

Source: include/uapi/linux/landlock.h, struct landlock_net_port_attr, "port";
security/landlock/net.c, which has no hook in listen(2), nor where connect(2) gives TCP a port.
"""

import struct
from collections.abc import Callable
from socket import AF_INET, AF_INET6, IPPROTO_IP, SOCK_STREAM

from suite.packed import packed
from cases.controls import all_of, refused
from cases.net.calls import connect_tcp, denies_tcp
from suite.case import (
    CLONE_NEWNET, NET, Allowed, Case, Denied, Fd, Judge, Need, Observation, Outcome, Process, Row,
    Ruleset, answers, covers, inet, loopback, needs, since, table,
)  # fmt: skip
from suite.process.uapi import IP_BIND_ADDRESS_NO_PORT, IP_LOCAL_PORT_RANGE

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP
ANY = "0.0.0.0"  # noqa: S104 (in a network namespace of our own)
CHOSEN = 40010
(CHOSEN_ALONE,) = struct.unpack("<i", packed("HH", CHOSEN, CHOSEN))
"""From this port to this port, for IP_LOCAL_PORT_RANGE."""


class Unbound(Row, frozen=True, kw_only=True):
    """A socket of this family without a port gets one; somebody outside may be its peer."""

    family: int
    call: Callable[[Process, int, int, Process], object]


def listen(process: Process, family: int, port: int, client: Process) -> None:
    fd = process.socket(family, SOCK_STREAM)
    process.listen(fd)
    name = process.name(fd, 32 if family == AF_INET6 else 16)
    client.connect(client.socket(family, SOCK_STREAM), name)
    process.accept(fd)


def connect(process: Process, family: int, port: int, server: Process) -> None:
    server.server(family, SOCK_STREAM, loopback(family, port))
    process.connect(process.socket(family, SOCK_STREAM), loopback(family, port))


UNBOUND = {
    "listen-unbound-ipv4": Unbound(
        family=AF_INET, call=listen, answers=("net-listen-autobind", "gap-sockets")
    ),
    "listen-unbound-ipv6": Unbound(
        family=AF_INET6,
        call=listen,
        answers=("net-listen-autobind", "gap-sockets"),
        needs=(Need.IPV6,),
    ),
    "connect-unbound-ipv4": Unbound(family=AF_INET, call=connect, answers="net-connect-autobind"),
    "connect-unbound-ipv6": Unbound(
        family=AF_INET6, call=connect, answers="net-connect-autobind", needs=(Need.IPV6,)
    ),
}


@needs(Need.NET)
@covers(BIND)
@table(UNBOUND)
def test_unbound(case: Unbound, process: Process, port: int, judge: Judge) -> None:
    """listen(2) and connect(2) give a socket a port where bind(2) to port 0 is denied."""
    sandboxed = process.under(Ruleset(net=BIND | CONNECT).allow_port(port, CONNECT))
    fd = sandboxed.socket(case.family, SOCK_STREAM)
    explicit = sandboxed.observe(Process.bind, fd, loopback(case.family, 0))
    observed = sandboxed.observe(case.call, case.family, port, process)
    judge(since(BIND, Allowed()), observed, refused(explicit, "EACCES"))


class Bound(Case, frozen=True, kw_only=True):
    """bind(2) where the namespace, or an option of the socket, leaves the kernel one choice."""

    rule: bool = True
    port: int = 0
    range: bytes = b"40010 40010"
    prepare: Callable[[Process, Fd], object] = lambda process, fd: None


def port_range(process: Process, fd: Fd) -> None:
    process.setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, CHOSEN_ALONE)


def without_port(process: Process, fd: Fd) -> None:
    process.setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)


DENIED = since(BIND, Denied("EACCES"))
BOUND = {
    "bind-port-0": Bound(rule=False, expect=DENIED, answers="net-bind-port0-norule"),
    "bind-port-0-with-rule": Bound(expect=since(BIND, Allowed(CHOSEN)), answers="net-bind-port0"),
    "bind-what-port-0-gives": Bound(port=CHOSEN, expect=DENIED, answers="net-bind-port0"),
    "bind-port-range": Bound(
        rule=False,
        range=b"32768 60999",
        prepare=port_range,
        expect=DENIED,
        answers="net-bind-local-port-range",
        needs=(Need.LOCAL_PORT_RANGE,),
    ),
    "bind-port-range-with-rule": Bound(
        range=b"32768 60999",
        prepare=port_range,
        expect=since(BIND, Allowed(CHOSEN)),
        answers="net-bind-local-port-range",
        needs=(Need.LOCAL_PORT_RANGE,),
    ),
    "bind-address-no-port": Bound(
        rule=False, prepare=without_port, expect=DENIED, answers="net-bind-no-port"
    ),
    "bind-address-no-port-with-rule": Bound(
        prepare=without_port, expect=since(BIND, Allowed(0)), answers="net-bind-no-port"
    ),
}


def bind(process: Process, case: Bound) -> None:
    fd = process.socket(AF_INET, SOCK_STREAM)
    case.prepare(process, fd)
    process.bind(fd, inet(case.port, ANY))
    process.name(fd, 16)
    process.close(fd)


def with_port(observation: Observation) -> Outcome:
    """The outcome; if all was allowed, with the port that the last call but one tells."""
    outcome = observation.outcome
    if outcome != Allowed():
        return outcome
    return Allowed(int.from_bytes(observation.calls[-2].data[2:4], "big"))


@needs(Need.NET, Need.INET)
@covers(BIND)
@table(BOUND)
def test_bound(case: Bound, process: Process, judge: Judge) -> None:
    """A rule on port 0 allows whatever port the kernel chooses, and none that is asked for."""
    child = process.fork()
    child.unshare(CLONE_NEWNET)
    child.write_file("/proc/sys/net/ipv4/ip_local_port_range", case.range)
    ruleset = Ruleset(net=BIND)
    sandboxed = child.under(ruleset.allow_port(0, BIND) if case.rule else ruleset)
    judge(case.expect, with_port(sandboxed.observe(bind, case)), child.observe(bind, case))


class Connected(Case, frozen=True, kw_only=True):
    """connect(2) to a port where nobody listens, with a rule on port 0 or without."""

    port: int
    rule: bool


CONNECTED = {
    "connect-port-0": Connected(port=0, rule=False, expect=since(CONNECT, Denied("EACCES"))),
    "connect-port-0-with-rule": Connected(
        port=0, rule=True, expect=since(CONNECT, Denied("ECONNREFUSED"))
    ),
    "connect-port-1-with-rule-on-port-0": Connected(
        port=1, rule=True, expect=since(CONNECT, Denied("EACCES"))
    ),
}


@answers("net-connect-port0")
@needs(Need.NET, Need.INET)
@covers(CONNECT)
@table(CONNECTED)
def test_connected(case: Connected, process: Process, judge: Judge) -> None:
    """For connect(2), port 0 is a port as any other: its rule allows it, and nothing else."""
    ruleset = Ruleset(net=CONNECT)
    sandboxed = process.under(ruleset.allow_port(0, CONNECT) if case.rule else ruleset)
    outside = process.observe(connect_tcp, AF_INET, case.port)
    observed = sandboxed.observe(connect_tcp, AF_INET, case.port)
    control = all_of(denies_tcp(sandboxed, CONNECT), refused(outside, "ECONNREFUSED"))
    judge(case.expect, observed, control)
