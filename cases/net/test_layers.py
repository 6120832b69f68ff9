# SPDX-License-Identifier: MIT
"""Rules on ports in several layers.

Source: Documentation/userspace-api/landlock.rst, "Layers of file path access rights", which holds
for ports alike; security/landlock/net.c.
"""

from dataclasses import dataclass
from socket import AF_INET

from cases.net.calls import bind_tcp
from suite.abi import NET
from suite.expectation import Expectation, since
from suite.needs import Need
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, covers, needs, table
from suite.ruleset import Ruleset

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP
DENIED, ALLOWED = since(BIND, Denied("EACCES")), since(BIND, Allowed())


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers(Case):
    """For each layer, outermost first: what it handles, and the rights of its rules on the port."""

    layers: tuple[tuple[NET, tuple[NET, ...]], ...]


def layers(expect: Expectation, *rows: tuple[NET, tuple[NET, ...]]) -> Layers:
    return Layers(layers=rows, expect=expect)


CASES = {
    "all-allow": layers(ALLOWED, (BIND, (BIND,)), (BIND, (BIND,))),
    "outer-denies": layers(DENIED, (BIND, ()), (BIND, (BIND,))),
    "inner-denies": layers(DENIED, (BIND, (BIND,)), (BIND, ())),
    "inner-does-not-handle": layers(ALLOWED, (BIND, (BIND,)), (CONNECT, ())),
    "outer-does-not-handle": layers(DENIED, (CONNECT, ()), (BIND, ())),
    "rules-of-a-layer-add-up": layers(ALLOWED, (BIND | CONNECT, (CONNECT, BIND))),
}


@needs(Need.NET)
@covers(NET.BIND_TCP)
@table(CASES)
def test_layers(case: Layers, process: Process, port: int, judge: Judge) -> None:
    """Every layer that handles a right must allow it on the port."""
    rulesets = []
    for handled, rules in case.layers:
        ruleset = Ruleset(net=handled)
        for rights in rules:
            ruleset = ruleset.allow_port(port, rights)
        rulesets.append(ruleset)
    control = process.observe(bind_tcp, AF_INET, port)
    judge(case.expect, process.under(*rulesets).observe(bind_tcp, AF_INET, port), control)
