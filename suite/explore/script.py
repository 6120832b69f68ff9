# SPDX-License-Identifier: MIT
"""A program without a target: what it decides, by labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from suite.agent import wire
from suite.errors import LandproofError
from suite.explore.space import Scene, Space
from suite.explore.trial import Stage, Trial
from suite.judge.records import Facts
from suite.landlock.abi import NEWEST
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.session import Session
from suite.process.syscalls import SYSCALLS, Opens
from suite.repro.sources import referred

_ALL = (1 << 64) - 1


class _Paper:
    """A channel on which nothing is sent: programs are only written."""

    hello = wire.Hello(wire.VERSION, 8, 4096)

    def submit(self, ops: Sequence[wire.Op]) -> int:
        raise LandproofError("a program on paper is not sent")

    def results(self, identity: int, patience_s: float) -> dict[int, wire.Record]:
        raise LandproofError("a program on paper gives nothing")

    def answered(self, identity: int) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


def labels(space: Space, number: int) -> tuple[str, ...]:
    """What a program decides, in order."""
    return _labels(space.name, space.scene, 0 if space.is_uniform else number)


@lru_cache(maxsize=1024)
def _labels(_name: str, scene: type[Scene], number: int) -> tuple[str, ...]:
    return tuple(on_paper(scene, number).labels)


def on_paper(scene: type[Scene], number: int) -> Trial:
    """Write a program down, all in one that is never sent; its stage with it."""
    facts = Facts(release="", version="", machine="x86_64", abi=NEWEST, errata=0, capabilities=_ALL)
    session = Session(_Paper(), "x86_64")
    holder = Process(session, 0, shares=True).fork()
    stage = Stage(holder, "/tmp/landproof/explore/0", facts, 0)  # noqa: S108 (where stages are)
    trial = Trial(stage, session)
    scene(stage).play(trial, number)
    return trial


def needed(calls: Sequence[Call], holder: int, *, laid: bool = True) -> list[Call]:
    """Calls of a program; of those of its stage, which has all that its space needs, what it uses.

    Args:
        calls: Of both, in order.
        holder: The stage's process.
        laid: Whether the files and sockets of the stage are among them.
    """
    wanted = {id(it) for it in calls if _process(it) != holder and it.name != "fork"}
    acting = {holder, *(_process(it) for it in calls if id(it) in wanted)}
    for call in reversed(calls):
        used = id(call) in wanted or (laid and call.name in _LAYING)
        if call.name == "fork" and (used := call.arguments[0] in acting):
            acting.add(_process(call))
        if call.name == "landlock_add_rule":
            used = id(call.arguments[0]) in wanted
        if used:
            wanted |= {id(call), *(id(it) for them in referred(call.arguments) for it in them)}
    return [it for it in calls if id(it) in wanted]


def beside(
    space: Space, names: Sequence[str], decided: Sequence[Sequence[Call]], label: str
) -> set[int]:
    """The calls, by id, of decisions that one decision does not hang on.

    Those behind it; and those before it, where all programs decide the same, so that each is for
    itself.
    """
    place = names.index(label)
    calls = list(decided[place + 1 :])
    if space.is_uniform:
        calls += decided[:place]
    return {id(it) for them in calls for it in them}


_LAYING = frozenset({
    "bind", "chdir", "connect", "dup3", "fcntl", "linkat", "listen", "mkdirat", "mknodat", "mount",
    "prctl", "symlinkat", "write",
})  # fmt: skip
"""Calls that make a stage what it is, though nobody takes what they give."""


def _process(call: Call) -> int:
    return call.batch.ops[call.index].process


def written(space: Space, number: int, label: str) -> list[str]:
    """A program as strace writes calls, with one of its decisions; of its stage, what it uses.

    Nobody has made the calls: the numbers of files and processes are made up.
    """
    trial = on_paper(space.scene, number)
    pending, holder = trial.session.pending, trial.stage.holder.id
    others = beside(space, trial.labels, trial.decided, label)
    lines, opened = [], _FIRST_FD
    for call in needed(pending.calls, holder, laid=False):
        if id(call) in others:
            continue
        gives = None
        if call.name in SYSCALLS and SYSCALLS[call.name].opens is Opens.ONE:
            gives, opened = opened, opened + 1
        elif call.name in ("fork", "thread"):
            gives = _FIRST_PID + int(str(call.arguments[0]))
        lines.append(f"[{_process(call)}] {call}{'' if gives is None else f' = {gives}'}")
        if gives is not None:
            pending.records[call.index] = wire.Record(wire.Status.DONE, gives)
    return lines


_FIRST_FD, _FIRST_PID = 3, 100
