# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_NET_BIND_TCP, _CONNECT_TCP, _BIND_UDP and _CONNECT_SEND_UDP, by port.

Source: include/uapi/linux/landlock.h, "Network flags" and struct landlock_net_port_attr.
"""

from collections.abc import Callable, Mapping
from socket import AF_INET, AF_INET6, SOCK_STREAM

from cases.net.calls import bind_tcp, bind_udp, connect_tcp, connect_udp, sendto_udp
from suite.case import (
    NET, Allowed, Case, Denied, Judge, Need, Outcome, Process, Ruleset, answers, covers, loopback,
    needs, since, table,
)  # fmt: skip

CALLS = {
    "bind-tcp": (NET.BIND_TCP, bind_tcp),
    "connect-tcp": (NET.CONNECT_TCP, connect_tcp),
    "bind-udp": (NET.BIND_UDP, bind_udp),
    "connect-udp": (NET.CONNECT_SEND_UDP, connect_udp),
    "sendto-udp": (NET.CONNECT_SEND_UDP, sendto_udp),
}
DENIED = {"bind-tcp": "net-bind-deny", "connect-tcp": "net-connect-deny"}
ALLOWED = {"bind-tcp": "net-bind-allow"}
FAMILIES = {
    "ipv4": (AF_INET, (Need.NET,)),
    "ipv6": (AF_INET6, (Need.NET, Need.IPV6)),
}


class Port(Case, frozen=True, kw_only=True):
    """A call on a port, and the right that it needs."""

    right: NET
    call: Callable[[Process, int, int], object]
    family: int


def every(suffix: str, outcome: Outcome, answers: Mapping[str, str]) -> dict[str, Port]:
    """A row for each call in each address family, with the behaviour that the call shows."""
    return {
        f"{call}-{family}{suffix}": Port(
            right=right,
            covers=right,
            call=function,
            family=number,
            needs=needs,
            expect=since(right, outcome),
            answers=shown(answers.get(call), number),
        )
        for call, (right, function) in CALLS.items()
        for family, (number, needs) in FAMILIES.items()
    }


def shown(behaviour: str | None, family: int) -> tuple[str, ...]:
    if behaviour is None:
        return ()
    return (behaviour, "net-ipv6-same-rule") if family == AF_INET6 else (behaviour,)


def check(case: Port, process: Process, port: int, ruleset: Ruleset, judge: Judge) -> None:
    """Make the call outside and in a domain; TCP needs somebody who listens."""
    if case.right is NET.CONNECT_TCP:
        process.server(case.family, SOCK_STREAM, loopback(case.family, port))
    control = process.observe(case.call, case.family, port)
    judge(case.expect, process.under(ruleset).observe(case.call, case.family, port), control)


@table(every("", Denied("EACCES"), DENIED))
def test_without_a_rule(case: Port, process: Process, port: int, judge: Judge) -> None:
    """A port is denied without a rule."""
    check(case, process, port, Ruleset(net=case.right), judge)


@table(every("-with-rule", Allowed(), ALLOWED))
def test_with_a_rule(case: Port, process: Process, port: int, judge: Judge) -> None:
    """A rule on the port allows it, for IPv4 and IPv6 alike."""
    check(case, process, port, Ruleset(net=case.right).allow_port(port, case.right), judge)


@table(every("-with-rule-on-another-port", Denied("EACCES"), DENIED))
def test_with_a_rule_on_another_port(case: Port, process: Process, port: int, judge: Judge) -> None:
    """A rule on a port says nothing about the next one."""
    check(case, process, port, Ruleset(net=case.right).allow_port(port + 1, case.right), judge)


@answers("net-host-byte-order")
@needs(Need.NET, Need.INET)
@covers(NET.BIND_TCP)
def test_swapped_bytes(process: Process, judge: Judge) -> None:
    """The port of a rule is in host byte order, though that of an address is not."""
    control = process.observe(bind_tcp, AF_INET, 0x5678)
    ruleset = Ruleset(net=NET.BIND_TCP).allow_port(0x7856, NET.BIND_TCP)
    observed = process.under(ruleset).observe(bind_tcp, AF_INET, 0x5678)
    judge(since(NET.BIND_TCP, Denied("EACCES")), observed, control)


@answers("net-last-port")
@needs(Need.NET, Need.INET)
@covers(NET.BIND_TCP)
def test_last_port(process: Process, judge: Judge) -> None:
    """A rule may be on the last port there is."""
    ruleset = Ruleset(net=NET.BIND_TCP).allow_port(65535, NET.BIND_TCP)
    observed = process.under(ruleset).observe(bind_tcp, AF_INET, 65535)
    judge(since(NET.BIND_TCP, Allowed()), observed)
