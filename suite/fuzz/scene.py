# SPDX-License-Identifier: MIT
"""The programs of a fuzzer as a space, so that what plays spaces plays and writes them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import ClassVar

from suite.errors import UsageError
from suite.explore.script import on_paper
from suite.explore.space import Scene, Space
from suite.explore.trial import Stage, Trial
from suite.fuzz.action import Gives
from suite.fuzz.actions import ACTIONS, MADE, OPTIONS, worded
from suite.fuzz.program import FIRST, Program, Step
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
    """Whether a program can be played: all that its steps say and name is there.

    Raises:
        UsageError: It can't; the message says which step is wrong.
    """
    if not program:
        raise UsageError("the program has no step")
    made = {FIRST}
    for place, step in enumerate(program, 1):
        try:
            _check(step, made)
            made.add(step.gives)
        except UsageError as error:
            raise UsageError(f"step {place}: {error}") from error
    on_paper(space_of({0: program}).scene, 0)


def _check(step: Step, made: Set[str]) -> None:
    """Whether a step is one, behind those that have made so much."""
    action = ACTIONS.get(step.action)
    if action is None:
        raise UsageError(f"there is no {step.action!r} (there is {', '.join(ACTIONS)})")
    given = len(step.words)
    if given < len(action.takes) or (given > len(action.takes) and not action.is_open):
        words = ", ".join(it.value for it in action.takes)
        raise UsageError(f"{step.action} takes {words or 'nothing'}: {step}")
    if bool(step.gives) is not (action.gives is not Gives.NOTHING):
        needs = "a name for what it makes" if action.gives is not Gives.NOTHING else "no name"
        raise UsageError(f"{step.action} needs {needs}: {step}")
    named = [step.by, *(word for kind, word in worded(step) if kind in MADE)]
    if missing := [it for it in named if it not in made]:
        raise UsageError(f"there is no {missing[0]!r}, or not yet: {step}")
    for kind, word in worded(step):
        if kind in OPTIONS and word not in OPTIONS[kind]:
            raise UsageError(f"{word!r} is not {kind.value}, of {', '.join(OPTIONS[kind])}: {step}")
