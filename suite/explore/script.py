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
    return tuple(_on_paper(scene, number).labels)


def _on_paper(scene: type[Scene], number: int) -> Trial:
    facts = Facts(release="", version="", machine="x86_64", abi=NEWEST, errata=0, capabilities=_ALL)
    session = Session(_Paper(), "x86_64")
    holder = Process(session, 0, shares=True).fork()
    stage = Stage(holder, "/tmp/landproof/explore/0", facts, 0)  # noqa: S108 (where stages are)
    trial = Trial(stage, session)
    scene(stage).play(trial, number)
    return trial


def needed(calls: Sequence[Call]) -> list[Call]:
    """Calls without the rulesets that nobody enforces: a stage has all that its space needs."""
    enforced = {id(it.arguments[0]) for it in calls if it.name == "landlock_restrict_self"}
    return [call for call in calls if _ruleset_of(call) in enforced | {0}]


def _ruleset_of(call: Call) -> int:
    """The ruleset that a call makes or fills; 0 for all else."""
    if call.name == "landlock_create_ruleset":
        return id(call)
    return id(call.arguments[0]) if call.name == "landlock_add_rule" else 0


def written(space: Space, number: int, label: str) -> list[str]:
    """A program as strace writes calls, with one of its decisions; results are not known."""
    trial = _on_paper(space.scene, number)
    calls = trial.session.pending.calls
    decided = dict(zip(trial.labels, trial.decided, strict=True))
    others = {id(it) for name, them in decided.items() if name != label for it in them}
    return [
        f"[{it.batch.ops[it.index].process}] {it}" for it in needed(calls) if id(it) not in others
    ]
