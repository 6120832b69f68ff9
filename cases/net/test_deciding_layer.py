# SPDX-License-Identifier: MIT
"""One layer of sixteen denies a port, by the call: the first one, one in the middle, or the last.

Source: Documentation/userspace-api/landlock.rst, "Layers of file path access rights", which holds
for ports alike; security/landlock/net.c, landlock_check_net_port().
"""

from collections.abc import Callable
from socket import AF_INET, SOCK_DGRAM, SOCK_STREAM

from cases.net.calls import bind_udp, connect_tcp, connect_udp, fast_open, sendto_udp
from cases.places import PLACES, deciding
from suite.case import (
    NET, Allowed, ByBug, Case, Denied, Expectation, Judge, Need, Process, Ruleset, inet, needs,
    since, table,
)  # fmt: skip
from suite.landlock.bugs import TCP_FAST_OPEN_BYPASS


class OneOf(Case, frozen=True, kw_only=True):
    """A call on a port, and the index of the layer without a rule on it, if any."""

    right: NET
    call: Callable[[Process, int, int], object]
    kind: int
    """Of the socket that listens, or waits, there."""
    place: int | None


CALLS: dict[str, tuple[NET, Callable[[Process, int, int], object], int]] = {
    "connect-tcp": (NET.CONNECT_TCP, connect_tcp, SOCK_STREAM),
    "fast-open": (NET.CONNECT_TCP, fast_open, SOCK_STREAM),
    "bind-udp": (NET.BIND_UDP, bind_udp, SOCK_DGRAM),
    "connect-udp": (NET.CONNECT_SEND_UDP, connect_udp, SOCK_DGRAM),
    "sendto-udp": (NET.CONNECT_SEND_UDP, sendto_udp, SOCK_DGRAM),
}
DENIED = Denied("EACCES")


def owed(name: str, right: NET, place: int | None) -> Expectation:
    if place is None:
        return since(right, Allowed())
    if name == "fast-open":
        return since(right, ByBug(TCP_FAST_OPEN_BYPASS, before=Allowed(), after=DENIED))
    return since(right, DENIED)


ROWS = {
    f"{name}-{place}": OneOf(
        right=right,
        call=call,
        kind=kind,
        place=at,
        covers=right,
        answers=(f"net-layer-{place}-decides", f"net-layer-decides-{name}"),
        expect=owed(name, right, at),
    )
    for name, (right, call, kind) in CALLS.items()
    for place, at in PLACES.items()
}


@needs(Need.NET)
@table(ROWS)
def test_port(case: OneOf, process: Process, port: int, judge: Judge) -> None:
    """One layer without a rule is enough to deny, wherever it is; with none, all is allowed."""
    if case.call is not bind_udp:
        process.server(AF_INET, case.kind, inet(port))
    control = process.observe(case.call, AF_INET, port)
    without = Ruleset(net=case.right)
    layers = deciding(case.place, without, without.allow_port(port, case.right))
    judge(case.expect, process.under(*layers).observe(case.call, AF_INET, port), control)
