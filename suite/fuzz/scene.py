# SPDX-License-Identifier: MIT
"""The programs of a fuzzer as a space, so that what plays spaces plays and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from suite.errors import UsageError
from suite.explore.space import Scene, Space
from suite.explore.trial import Stage, Trial
from suite.fuzz.action import Gives
from suite.fuzz.actions import ACTIONS
from suite.fuzz.program import Program, Step
from suite.fuzz.run import Run

MOST_PROCESSES = 8
"""Of a program."""
SPACE = "fuzz"
_LASTS = 256


class _Programs(Scene):
    """All programs act in folders of their own: a stage has nothing that they share."""

    programs: ClassVar[Mapping[int, Program]] = {}

    def __init__(self, stage: Stage) -> None:
        stage.holder.chdir(stage.folder)

    def play(self, trial: Trial, number: int) -> None:
        run = Run(trial, number)
        run.lay()
        program = self.programs[number]
        for place, step in enumerate(program):
            trial.decide(label_of(program, place), take, run, step)


def label_of(program: Program, place: int) -> str:
    """What the step at a place is called where programs are spaces."""
    return f"{place + 1} {program[place]}"


def space_of(programs: Mapping[int, Program]) -> Space:
    """Programs by number, as a space; there may be more of them later."""
    scene = type("Programs", (_Programs,), {"programs": programs})
    return Space(
        SPACE,
        "a program that landproof fuzz made",
        1 << 62,
        scene,
        lasts=_LASTS,
        processes=MOST_PROCESSES,
        is_uniform=False,
    )


def take(run: Run, step: Step) -> None:
    """Make the calls of a step."""
    made = ACTIONS[step.action].do(run, run.process(step.by), *step.words)
    run.keep(step, made)


def check(program: Program) -> None:
    """Whether all that steps name is there, so that nothing else can go wrong in writing it.

    Raises:
        UsageError: A step is none.
    """
    if not program:
        raise UsageError("the program has no step")
    for place, step in enumerate(program, 1):
        action = ACTIONS.get(step.action)
        if action is None:
            raise UsageError(f"step {place}: there is no {step.action!r}: {', '.join(ACTIONS)}")
        given = len(step.words)
        if given < len(action.takes) or (given > len(action.takes) and not action.is_open):
            words = ", ".join(it.value for it in action.takes)
            raise UsageError(f"step {place}: {step.action} takes {words or 'nothing'}: {step}")
        if bool(step.gives) is not (action.gives is not Gives.NOTHING):
            needs = "a name for what it makes" if action.gives is not Gives.NOTHING else "no name"
            raise UsageError(f"step {place}: {step.action} needs {needs}: {step}")
