# SPDX-License-Identifier: MIT
"""Five ports, the four rights on ports, three layers: every placement.

A layer does not handle a right, or has rules with it for any of the five ports: 33 policies. The
rights are judged alone but for one thing: a UDP socket without a port, which sends or connects,
needs BIND_UDP for port 0 as well (security/landlock/net.c, ``current_check_autobind_udp_socket``).

Nothing is bound or sent: 192.0.2.1 (RFC 5737) is no address of the target, and it has no way to
there; both are found out behind Landlock's hooks.
"""

from __future__ import annotations

import socket
from itertools import combinations

from suite.explore.space import Scene, Slice, Space, digits
from suite.explore.trial import Stage, Trial
from suite.landlock.abi import FS, NET, known_bits
from suite.landlock.ruleset import Ruleset
from suite.process.calls.sockets import inet
from suite.process.promise import Call

_LAYERS = 3
PORTS = (0, 80, 0x1234, 0x3412, 0xFFFF)
"""The one that means any, a privileged one, two that are each other with the bytes swapped, and the
last."""
POLICIES: tuple[tuple[int, ...] | None, ...] = (
    None,
    *(ports for count in range(len(PORTS) + 1) for ports in combinations(PORTS, count)),
)
"""A layer's, for a right: not handled, or the ports with rules; the smallest first."""
SLICES = tuple(
    Slice(str(right.name).lower(), right, shift)
    for right, shift in zip(NET, (0, 8, 16, 24), strict=True)
)
_FURTHER = 13
_NOWHERE = "192.0.2.1"
_FIRST_PORT = 20_000
"""Of the ports that UDP sockets of stages are bound to."""


class _Sockets(Scene):
    def __init__(self, stage: Stage) -> None:
        holder = stage.holder
        self._tcp = holder.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._udp = holder.socket(socket.AF_INET, socket.SOCK_DGRAM)
        holder.bind(self._udp, inet(_FIRST_PORT + stage.key, "0.0.0.0"))  # noqa: S104 (or there would be no way out at all)
        known = known_bits(NET, stage.abi)
        self._rulesets = [
            stage.ruleset(ruleset) if (ruleset := _ruleset(policy, known)).net else None
            for policy in range(len(POLICIES))
        ]
        self._other = holder.build(Ruleset(fs=FS.MAKE_SYM))

    def play(self, trial: Trial, number: int) -> None:
        layers = digits(number, *[len(POLICIES)] * _LAYERS)
        if trial.stage.manner.further:
            layers.append(number % _FURTHER)
        rulesets = [it for layer in layers if (it := self._rulesets[layer]) is not None]
        if trial.stage.manner.unrelated:
            rulesets.append(self._other)
        process = trial.enforce(trial.fork(), *rulesets)
        for port in PORTS:
            address = inet(port, _NOWHERE)
            trial.decide(f"bind_tcp {port}", process.bind, self._tcp, address)
            trial.decide(f"connect_tcp {port}", process.connect, self._tcp, address)
            trial.decide(f"bind_udp {port}", process.bind, self._udp, address)
            trial.decide(f"connect_send_udp {port} connect", process.connect, self._udp, address)
            trial.decide(f"connect_send_udp {port} sendto", process.sendto, self._udp, b"", address)
        for number_, port in enumerate(PORTS):
            fresh: Call = process.socket(socket.AF_INET, socket.SOCK_DGRAM)
            address = inet(port, _NOWHERE)
            if number_ % 2:
                trial.decide(f"unbound {port} sendto", process.sendto, fresh, b"", address)
            else:
                trial.decide(f"unbound {port} connect", process.connect, fresh, address)


def _ruleset(policy: int, known: NET) -> Ruleset:
    """The layer of a policy: each right has the one that is ``shift`` further on."""
    handled, rules = NET(0), dict.fromkeys(PORTS, NET(0))
    for its in SLICES:
        ports = POLICIES[(policy + its.shift) % len(POLICIES)]
        right = NET(its.right) & known
        if ports is None or not right:
            continue
        handled |= right
        for port in ports:
            rules[port] |= right
    return Ruleset(
        net=handled, ports=tuple((port, rights) for port, rights in rules.items() if rights)
    )


PORTS_AND_CALLS = Space(
    "ports",
    "every placement of the four rights on ports, three layers, five ports; TCP and UDP calls",
    len(POLICIES) ** _LAYERS,
    _Sockets,
    lasts=1024,
    features={
        **{it.label: (it.right,) for it in SLICES},
        "unbound": (NET.CONNECT_SEND_UDP, NET.BIND_UDP),
    },
)
