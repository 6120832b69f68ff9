# SPDX-License-Identifier: MIT
"""Signals, sockets and ptrace between the processes of all small trees, in all small domains.

A tree has at most four processes, each of which enforces at most two layers of its own: before it
makes its children, after that, or one before and one after. A layer has all scopes, or none; or
rather, the rights and scopes of both kinds that are of interest here. Each process then tries
something on every other one.

Children may be swapped without a difference: of such trees there is one. Which of two processes
acts on the other is decided both ways.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from suite.explore.space import Scene, Space, forests
from suite.explore.trial import Stage, Trial
from suite.landlock.abi import FS, SCOPE, known_bits
from suite.landlock.ruleset import Ruleset
from suite.process.calls.sockets import abstract, unix
from suite.process.process import Process
from suite.process.promise import Call
from suite.values import Out

_MOST_PROCESSES, _MOST_LAYERS = 4, 2
_MSG_DONTWAIT = 0x40


class Tree(NamedTuple):
    """A process, what it enforces, and its children."""

    before: int
    """Layers before it makes its children."""
    after: int
    """And afterwards; of a process without children, all are ``before``."""
    scoped: bool
    """Whether its layers have scopes."""
    children: tuple[Tree, ...]

    @property
    def processes(self) -> int:
        """How many there are."""
        return 1 + sum(it.processes for it in self.children)

    @property
    def layers(self) -> int:
        """How many are enforced, each once."""
        return self.before + self.after + sum(it.layers for it in self.children)


@cache
def trees() -> tuple[Tree, ...]:
    """All programs, by number; the smallest first."""
    found = [it for count in range(2, _MOST_PROCESSES + 1) for it in _of(count)]
    return tuple(sorted(found, key=lambda it: (it.processes, it.layers)))


@cache
def _of(processes: int) -> tuple[Tree, ...]:
    """All trees of so many processes."""
    return tuple(
        Tree(*own, scoped, children)
        for children in forests(processes - 1, processes - 1, _of)
        for own in _own(is_leaf=not children)
        for scoped in ((True, False) if any(own) else (False,))
    )


def _own(*, is_leaf: bool) -> Iterator[tuple[int, int]]:
    """What a process may enforce, before and after it makes its children."""
    for count in range(_MOST_LAYERS + 1):
        for after in range(1 if is_leaf else count + 1):
            yield count - after, after


@dataclass(slots=True)
class _Actor:
    """A process of a tree, once it and all others are made."""

    name: str
    process: Process
    datagrams: Call
    client: Call
    address: str
    path: str


class _Family(Scene):
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        fs = (FS.MAKE_SYM | FS.RESOLVE_UNIX) & known_bits(FS, stage.abi)
        scopes = known_bits(SCOPE, stage.abi)
        self._rulesets = {
            True: stage.ruleset(Ruleset(fs=fs, scope=scopes)),
            False: stage.ruleset(Ruleset(fs=FS.MAKE_SYM)),
        }
        stage.holder.chdir(stage.folder)

    def play(self, trial: Trial, number: int) -> None:
        made: list[Process] = []
        self._grow(trial, trial.fork(), trees()[number], made)
        actors = [self._ready(it, number, place) for place, it in enumerate(made)]
        for actor in actors:
            for other in actors:
                if other is not actor:
                    _act(trial, actor, other)

    def _grow(self, trial: Trial, process: Process, tree: Tree, made: list[Process]) -> None:
        place = len(made)
        made.append(process)
        ruleset = self._rulesets[tree.scoped]
        process = trial.enforce(process, *[ruleset] * tree.before)
        for child in tree.children:
            self._grow(trial, process.fork(), child, made)
        further = [self._rulesets[True]] * trial.stage.manner.further
        made[place] = trial.enforce(process, *[ruleset] * tree.after, *further)

    def _ready(self, process: Process, number: int, place: int) -> _Actor:
        """Make the sockets of a process, which are of its last domain."""
        address, path = f"landproof{self._stage.key}-{number}-{place}", f"{number}-{place}"
        datagrams = process.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        process.bind(datagrams, abstract(f"{address}d"))
        process.server(socket.AF_UNIX, socket.SOCK_STREAM, abstract(f"{address}s"))
        server = process.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        process.bind(server, unix(path))
        # Another one connects: a socket that has a peer takes nothing from others.
        client = process.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        return _Actor(f"p{place}", process, datagrams, client, address, path)


def _act(trial: Trial, actor: _Actor, other: _Actor) -> None:
    pair = f"{actor.name}→{other.name}"
    process, pid = actor.process, other.process.pid
    assert pid is not None  # noqa: S101 (all of them are forked)
    trial.decide(f"signal {pair}", process.kill, pid, 0)
    trial.decide(f"ptrace {pair}", process.syscall, "get_robust_list", pid, Out(8), Out(8))
    trial.decide(
        f"abstract_unix_socket {pair} datagram",
        process.sendto, actor.datagrams, b"", abstract(f"{other.address}d"), _MSG_DONTWAIT,
    )  # fmt: skip
    stream = process.socket(socket.AF_UNIX, socket.SOCK_STREAM | os.O_NONBLOCK)
    trial.decide(
        f"abstract_unix_socket {pair} stream",
        process.connect, stream, abstract(f"{other.address}s"),
    )  # fmt: skip
    trial.decide(f"resolve_unix {pair}", process.connect, actor.client, unix(other.path))


RELATIONS = Space(
    "relations",
    "signals, ptrace and UNIX sockets in all trees of four processes, two layers each",
    12_705,
    _Family,
    processes=_MOST_PROCESSES * (1 + _MOST_LAYERS),
    is_uniform=False,
    features={
        "signal": (SCOPE.SIGNAL,),
        "abstract_unix_socket": (SCOPE.ABSTRACT_UNIX_SOCKET,),
        "resolve_unix": (FS.RESOLVE_UNIX,),
    },
)
