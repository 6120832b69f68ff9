# SPDX-License-Identifier: MIT
"""One program on a target, with all of its calls: to be shown, or to be written in C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from suite.explore.explorer import Lane
from suite.explore.given import Given
from suite.explore.manner import PLAIN, Manner
from suite.explore.script import needed
from suite.explore.space import Space
from suite.judge.outcome import Allowed, Outcome
from suite.process.process import failure_outcome
from suite.process.promise import Call
from suite.targets.base import Ground


@dataclass(frozen=True, slots=True)
class Alone:
    """A program that was played alone."""

    labels: tuple[str, ...]
    given: Given
    calls: list[Call]
    """Those of its processes and, of the stage, what it needs."""
    decided: list[list[Call]]
    """The calls of each decision."""

    def lines(self, label: str = "") -> Iterator[str]:
        """The calls as strace writes them; of the decisions, one or all."""
        others = [
            call
            for name, calls in zip(self.labels, self.decided, strict=True)
            if label and name != label
            for call in calls
        ]
        left_out = set(map(id, others))
        for call in self.calls:
            if id(call) not in left_out:
                yield call.told()

    def outcome(self, label: str) -> Outcome:
        """What a decision came to."""
        for call in self.decided[self.labels.index(label)]:
            record = call.batch.records.get(call.index)
            if record is not None and record.failed:
                return failure_outcome(call, record)
        return Allowed()


@contextmanager
def alone(ground: Ground, space: Space, number: int, manner: Manner = PLAIN) -> Iterator[Alone]:
    """Play a program on a stage of its own, which is there as long as the block.

    Raises:
        AgentLostError: The target died.
        LandproofError: The stage can't be made.
    """
    lane = Lane(ground, space, manner, key=0)
    stage_calls: list[Call] = []
    lane.keeps = stage_calls
    ground.session.flush()
    ground.session.sent.clear()  # what was done before has its turn elsewhere
    lane.begin(number)
    trial = lane.trial
    holder = trial.stage.holder.id
    given = lane.end()
    calls = [*stage_calls, *lane.session.calls()]
    try:
        yield Alone(tuple(trial.labels), given, needed(calls, holder), trial.decided)
    finally:
        lane.close()
        ground.session.flush()
