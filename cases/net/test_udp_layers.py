# SPDX-License-Identifier: MIT
"""Rules on the ports of UDP in several layers: those at both ends are asked of each.

Source: Documentation/userspace-api/landlock.rst, "Layers of file path access rights", which holds
for ports alike; security/landlock/net.c, hook_socket_sendmsg(), which asks for two rights in turn.
"""

from cases.net.udp import BIND, SEND, UDP, sendto, udp
from suite.case import (
    MAX_LAYERS, NET, Allowed, Case, Denied, Judge, Need, Outcome, Process, Ruleset, covers, inet,
    needs, since, table,
)  # fmt: skip


class Layers(Case, frozen=True, kw_only=True):
    """For each layer, outermost first: what it handles, and what of that its rules allow.

    To send, on the port of the peer; to bind, on port 0.
    """

    layers: tuple[tuple[NET, NET], ...]


def layers(owed: Outcome, *rows: tuple[NET, NET]) -> Layers:
    return Layers(layers=rows, expect=since(UDP, owed))


NOTHING = NET(0)
DENIED, ALLOWED = Denied("EACCES"), Allowed()
CASES = {
    "all-allow": layers(ALLOWED, (UDP, UDP), (UDP, UDP)),
    "outer-denies-to-send": layers(DENIED, (UDP, BIND), (UDP, UDP)),
    "inner-denies-to-send": layers(DENIED, (UDP, UDP), (UDP, BIND)),
    "outer-denies-to-bind": layers(DENIED, (UDP, SEND), (UDP, UDP)),
    "inner-denies-to-bind": layers(DENIED, (UDP, UDP), (UDP, SEND)),
    "each-handles-one": layers(ALLOWED, (SEND, SEND), (BIND, BIND)),
    "inner-handles-and-denies-to-bind": layers(DENIED, (SEND, SEND), (BIND, NOTHING)),
    "outer-handles-and-denies-to-bind": layers(DENIED, (BIND, NOTHING), (SEND, SEND)),
    "all-of-sixteen-allow": layers(ALLOWED, *[(UDP, UDP)] * MAX_LAYERS),
    "last-of-sixteen-denies-to-send": layers(DENIED, *[(UDP, UDP)] * (MAX_LAYERS - 1), (UDP, BIND)),
    "first-of-sixteen-denies-to-bind": layers(
        DENIED, (UDP, SEND), *[(UDP, UDP)] * (MAX_LAYERS - 1)
    ),
}


def rules(port: int, handled: NET, allowed: NET) -> Ruleset:
    both = ((port, allowed & SEND), (0, allowed & BIND))
    return Ruleset(net=handled, ports=tuple(rule for rule in both if rule[1]))


@needs(Need.NET)
@covers(UDP)
@table(CASES)
def test_layers(case: Layers, process: Process, port: int, judge: Judge) -> None:
    """Every layer that handles a right must allow it on its port."""
    control = process.observe(sendto, udp(process), inet(port))
    fd = udp(process)
    sandboxed = process.under(*(rules(port, *layer) for layer in case.layers))
    judge(case.expect, sandboxed.observe(sendto, fd, inet(port)), control)


@needs(Need.NET)
@covers(UDP)
def test_bound_between(process: Process, port: int, judge: Judge) -> None:
    """A socket that was bound in a domain sends in one nested in it that denies to bind."""
    sandboxed = process.under(Ruleset(net=UDP, ports=((port, SEND), (port + 1, BIND))))
    fd = udp(sandboxed)
    sandboxed.bind(fd, inet(port + 1))
    sandboxed.restrict(Ruleset(net=BIND))
    judge(since(UDP, Allowed()), sandboxed.observe(sendto, fd, inet(port)))
