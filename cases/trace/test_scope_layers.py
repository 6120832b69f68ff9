# SPDX-License-Identifier: MIT
"""Which domain the event of a denied signal or connection names, where several layers differ.

Source: security/landlock/task.c, ``layer_plus_one`` of hook_task_kill() and of the others; fs.c,
hook_file_set_fowner(), which keeps the layer of a file's owner.
"""

from collections.abc import Callable, Sequence
from signal import SIGUSR1
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from cases.processes import raise_sigio
from cases.scope.abstract import connect, sendto
from cases.scope.signals import pid
from suite.case import (
    FS, SCOPE, Allowed, Case, Denied, Judge, Need, Process, Ruleset, Seen, Trace, Tree, abstract,
    answers, covers, needs, since, table, vm_only,
)  # fmt: skip

OTHER = Ruleset(fs=FS.MAKE_BLOCK)
BOTH = Ruleset(scope=SCOPE.SIGNAL | SCOPE.ABSTRACT_UNIX_SOCKET)
LAYERS = {
    "third-of-four": (OTHER, OTHER, BOTH, OTHER),
    "first-and-third-of-four": (BOTH, OTHER, BOTH, OTHER),
    "first-of-two": (BOTH, OTHER),
    "last-of-two": (OTHER, BOTH),
}


class Way(Case, frozen=True, kw_only=True):
    """What a process does to another one outside, and the layers that it is in."""

    act: Callable[[Process, Process, bytes], object]
    layers: tuple[Ruleset, ...]
    kind: int = SOCK_STREAM


def kill(process: Process, other: Process, _: bytes) -> None:
    process.kill(pid(other), SIGUSR1)


def send_sigio(process: Process, other: Process, _: bytes) -> None:
    raise_sigio(process, pid(other))


def connect_stream(process: Process, _: Process, name: bytes) -> None:
    connect(process, name, SOCK_STREAM)


def connect_datagram(process: Process, _: Process, name: bytes) -> None:
    connect(process, name, SOCK_DGRAM)


def send_datagram(process: Process, _: Process, name: bytes) -> None:
    sendto(process, name, SOCK_DGRAM)


WAYS = (
    ("signal", kill, SOCK_STREAM),
    ("sigio", send_sigio, SOCK_STREAM),
    ("stream", connect_stream, SOCK_STREAM),
    ("datagram-connect", connect_datagram, SOCK_DGRAM),
    ("datagram-sendto", send_datagram, SOCK_DGRAM),
)


def domain(layers: Sequence[Ruleset]) -> str:
    """The youngest layer that scopes anything."""
    return f"D{max(number for number, it in enumerate(layers, 1) if it is BOTH)}"


CASES = {
    f"{name}-{place}": Way(
        act=act,
        kind=kind,
        layers=layers,
        expect=since(BOTH.features, Seen(domain(layers))),
    )
    for name, act, kind in WAYS
    for place, layers in LAYERS.items()
}


@vm_only
@answers("trc-scope-layer")
@covers(SCOPE.SIGNAL, SCOPE.ABSTRACT_UNIX_SOCKET)
@needs(Need.TRACEPOINTS)
@table(CASES)
def test_layer(case: Way, process: Process, tree: Tree, judge: Judge) -> None:
    """The youngest layer of the scope is named, not one beneath it that scopes nothing."""
    name = abstract(f"{tree.path}/name")
    process.server(AF_UNIX, case.kind, name)
    other = process.fork()
    other.block_signals(SIGUSR1)
    control = process.observe(case.act, other, name)
    with Trace(process, "deny_scope_signal", "deny_scope_abstract_unix_socket") as trace:
        acted = process.under(*case.layers).observe(case.act, other, name)
        events = trace.take()
    outcome = acted.outcome
    if outcome in (Denied("EPERM"), Allowed()) and events:
        outcome = Seen(" ".join(event.fields["domain"] for event in events))
    judge(case.expect, outcome, control)
