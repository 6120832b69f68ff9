# SPDX-License-Identifier: MIT
"""Rules on ports in several layers.

Source: Documentation/userspace-api/landlock.rst, "Layers of file path access rights", which holds
for ports alike; security/landlock/net.c.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from socket import AF_INET, SOCK_STREAM

from cases.net.calls import bind_tcp, connect_tcp
from suite.case import (
    FS, MAX_LAYERS, NET, Allowed, Case, Denied, Expectation, Judge, Need, Outcome, Process, Row,
    Ruleset, Tree, answers, covers, inet, needs, since, table,
)  # fmt: skip

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP
DENIED, ALLOWED = since(BIND, Denied("EACCES")), since(BIND, Allowed())


class Layers(Case, frozen=True, kw_only=True):
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


@answers("net-layers")
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


@answers("net-layers")
@needs(Need.NET)
@covers(CONNECT)
def test_connect(process: Process, port: int, judge: Judge) -> None:
    """A layer with a rule on another port denies the one that its outer layer allows."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    control = process.observe(connect_tcp, AF_INET, port)
    outer, inner = (
        Ruleset(net=CONNECT).allow_port(allowed, CONNECT) for allowed in (port, port + 1)
    )
    judge(
        since(CONNECT, Denied("EACCES")),
        process.under(outer, inner).observe(connect_tcp, AF_INET, port),
        control,
    )


class Many(Case, frozen=True, kw_only=True):
    """Of as many layers as there can be, which one has no rule, if any."""

    without: int | None = None


MANY = {
    "sixteen-allow": Many(expect=ALLOWED),
    "first-of-sixteen-denies": Many(without=0, expect=DENIED),
    "ninth-of-sixteen-denies": Many(without=8, expect=DENIED),
    "last-of-sixteen-denies": Many(without=15, expect=DENIED),
}


@answers("net-16-layers")
@needs(Need.NET)
@covers(BIND)
@table(MANY)
def test_sixteen(case: Many, process: Process, port: int, judge: Judge) -> None:
    """One layer of sixteen is enough to deny a port."""
    ruleset = Ruleset(net=BIND)
    layers = [ruleset.allow_port(port, BIND)] * MAX_LAYERS
    if case.without is not None:
        layers[case.without] = ruleset
    control = process.observe(bind_tcp, AF_INET, port)
    judge(case.expect, process.under(*layers).observe(bind_tcp, AF_INET, port), control)


class Together(Row, frozen=True, kw_only=True):
    """What is done under one ruleset with rules on a file and on a port."""

    call: Callable[[Process, Tree, int], object]
    owed: Outcome


TOGETHER = {
    "file-with-rule": Together(
        call=lambda process, tree, port: process.open(tree.file, os.O_RDONLY), owed=Allowed()
    ),
    "file-without-rule": Together(
        call=lambda process, tree, port: process.open(tree.other, os.O_RDONLY),
        owed=Denied("EACCES"),
    ),
    "port-with-rule": Together(
        call=lambda process, tree, port: bind_tcp(process, AF_INET, port), owed=Allowed()
    ),
    "port-without-rule": Together(
        call=lambda process, tree, port: bind_tcp(process, AF_INET, port + 1),
        owed=Denied("EACCES"),
    ),
}


@answers("net-with-fs")
@needs(Need.NET)
@covers(BIND, FS.READ_FILE)
@table(TOGETHER)
def test_files_and_ports(
    case: Together, process: Process, tree: Tree, port: int, judge: Judge
) -> None:
    """A ruleset restricts files and ports at once, each by their own rules."""
    ruleset = tree.layer(FS.READ_FILE, {"d1": FS.READ_FILE})
    both = replace(ruleset, net=BIND).allow_port(port, BIND)
    control = process.observe(case.call, tree, port)
    judge(
        since(both.features, case.owed), process.under(both).observe(case.call, tree, port), control
    )
