# SPDX-License-Identifier: MIT
"""One program on a target, with all of its calls: to be shown, or to be written in C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from suite.errors import UsageError
from suite.explore.explorer import Lane
from suite.explore.given import DENIALS, Given
from suite.explore.manner import PLAIN
from suite.explore.script import beside, needed
from suite.explore.space import Space
from suite.judge.outcome import Allowed, Outcome
from suite.process.process import failure_outcome
from suite.process.promise import Call
from suite.targets.base import Ground

FIRST_KEY = 10
"""Of stages for programs alone: those of programs in flight have smaller ones."""


@dataclass(frozen=True, slots=True)
class Alone:
    """A program that was played alone."""

    space: Space
    labels: tuple[str, ...]
    given: Given
    calls: list[Call]
    """Those of its processes and, of the stage, what it needs."""
    decided: list[list[Call]]
    """The calls of each decision."""

    def only(self, label: str) -> list[Call]:
        """The calls without those of decisions that one decision does not hang on."""
        others = beside(self.space, self.labels, self.decided, label)
        return [call for call in self.calls if id(call) not in others]

    def of(self, label: str) -> list[Call]:
        """The calls of a decision.

        Raises:
            UsageError: The program does not decide that.
        """
        if label not in self.labels:
            raise UsageError(f"it decides no {label!r}; it decides {', '.join(self.labels)}")
        return self.decided[self.labels.index(label)]

    @property
    def telling(self) -> str:
        """The first decision that was denied, or the first of all."""
        denied = (
            label
            for label, code in zip(self.labels, self.given.codes, strict=False)
            if code in DENIALS
        )
        return next(denied, self.labels[0])

    def outcome(self, label: str) -> Outcome:
        """What a decision came to."""
        for call in self.of(label):
            record = call.batch.records.get(call.index)
            if record is not None and record.failed:
                return failure_outcome(call, record)
        return Allowed()


@contextmanager
def alone(ground: Ground, space: Space, number: int, key: int = FIRST_KEY) -> Iterator[Alone]:
    """Play a program on a stage of its own, which is there as long as the block.

    Args:
        ground: Of the target.
        space: Of the program.
        number: Of the program.
        key: Of the stage, whose files stay behind: no other stage of the target had it.

    Raises:
        AgentLostError: The target died.
        LandproofError: The stage can't be made.
    """
    lane = Lane(ground, space, PLAIN, key)
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
        yield Alone(space, tuple(trial.labels), given, needed(calls, holder), trial.decided)
    finally:
        lane.close()
        ground.session.flush()
