# SPDX-License-Identifier: MIT
"""The ways in which one process reaches another that depend on where their domains are."""

from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGUSR1
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from cases.processes import raise_sigio
from cases.scope import signals
from cases.scope.abstract import connect, sendto
from suite.case import FS, SCOPE, Allowed, Denied, Outcome, Process, Ruleset, Tree, abstract, unix

SIGNAL, ABSTRACT = Ruleset(scope=SCOPE.SIGNAL), Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET)
RESOLVE = Ruleset(fs=FS.RESOLVE_UNIX)


def nothing(process: Process, tree: Tree) -> None:
    """What the receiver of a signal has to be ready with."""


@dataclass(frozen=True, slots=True)
class Way:
    """A ruleset that keeps processes from others outside, and what it is about."""

    ruleset: Ruleset
    errno: str
    """Of what is out of reach; EAGAIN: there is no signal, and nobody is told."""
    reach: Callable[[Process, Process, Tree], Outcome]
    """The first acts on the second."""
    prepare: Callable[[Process, Tree], object] = nothing
    """What the second one does before that."""

    @property
    def denied(self) -> Outcome:
        """What comes of it out of reach."""
        return Denied(self.errno)


def kill(sender: Process, receiver: Process, tree: Tree) -> Outcome:
    return signals.deliver(signals.kill, sender, receiver).outcome


def sigio(sender: Process, receiver: Process, tree: Tree) -> Outcome:
    raised = sender.observe(raise_sigio, signals.pid(receiver))
    taken = receiver.observe(Process.take_signal, SIGUSR1)
    return raised.outcome if raised.outcome != Allowed() else taken.outcome


def block(receiver: Process, tree: Tree) -> None:
    receiver.block_signals(SIGUSR1)


def name(tree: Tree) -> bytes:
    return abstract(f"{tree.path}/socket")


def pathname(tree: Tree) -> bytes:
    return unix(f"{tree.path}/socket")


WAYS = {
    "signal": Way(SIGNAL, "EPERM", kill, block),
    "sigio": Way(SIGNAL, "EAGAIN", sigio, block),
    "abstract-stream": Way(
        ABSTRACT,
        "EPERM",
        lambda client, _, tree: client.observe(connect, name(tree)).outcome,
        lambda server, tree: server.server(AF_UNIX, SOCK_STREAM, name(tree)),
    ),
    "abstract-datagram": Way(
        ABSTRACT,
        "EPERM",
        lambda client, _, tree: client.observe(sendto, name(tree)).outcome,
        lambda server, tree: server.server(AF_UNIX, SOCK_DGRAM, name(tree)),
    ),
    "pathname": Way(
        RESOLVE,
        "EACCES",
        lambda client, _, tree: client.observe(connect, pathname(tree)).outcome,
        lambda server, tree: server.server(AF_UNIX, SOCK_STREAM, pathname(tree)),
    ),
}
