# SPDX-License-Identifier: MIT
"""``landproof repro PROGRAM``: a program of an exploration, or of a fuzzer, as one C file."""

from __future__ import annotations

from pathlib import Path

from suite.agent.build import host_arch
from suite.cli.exploring import made
from suite.cli.targets import choose
from suite.explore.alone import Alone, alone
from suite.explore.explorer import started
from suite.explore.given import EVENTS, UNKNOWN, word
from suite.explore.space import Name, named
from suite.explore.spaces import SPACES
from suite.fuzz.kept import load
from suite.fuzz.program import name_of
from suite.fuzz.scene import SPACE, label_of, space_of
from suite.repro.errors import UnwritableError
from suite.repro.program import Owed, Shape, program
from suite.repro.script import Seen
from suite.targets.base import Ground


def written(text: str, label: str | None, target_name: str, shape: Shape) -> str:
    """The file: it holds what a decision comes to against what it came to on a target.

    Args:
        text: The program's name.
        label: The decision; None for the first that is denied.
        target_name: Where it is played.
        shape: Of the file.

    Raises:
        LandproofError: There is no such program or decision, or the target does not come up.
        UnwritableError: It can't be written in C yet.
    """
    return _of(named(text, SPACES), text, label, target_name, shape)


def written_of(file: Path, label: str | None, target_name: str, shape: Shape) -> str:
    """The same of a program that a file holds; of its steps, the last one if no label is given.

    Raises:
        LandproofError: It is no program, or the target does not come up.
        UnwritableError: It can't be written in C yet.
    """
    kept = load(file)
    label = label or label_of(kept, len(kept) - 1)
    name = Name(space_of({0: kept}), 0)
    return _of(name, f"{SPACE}:{name_of(kept)}", label, target_name, shape)


def _of(name: Name, called: str, label: str | None, target_name: str, shape: Shape) -> str:
    chosen = choose([target_name])
    (own,) = chosen.names
    target = made(own, tuple(chosen.options))
    try:
        ground = started(target)
        with alone(ground, name.space, name.number) as played:
            if not played.given.codes:
                raise UnwritableError(f"{called} on {target_name}: {played.given.fault}")
            return _file(called, played, label or played.telling, ground, shape)
    finally:
        target.stop()


def _file(called: str, played: Alone, label: str, ground: Ground, shape: Shape) -> str:
    observed = played.of(label)
    code = played.given.codes[played.labels.index(label)]
    if code in UNKNOWN | EVENTS:
        raise UnwritableError(
            f"{called} {label} can't be written in C: {word(code)}, no call tells"
        )
    outcome = played.outcome(label)
    notes = (
        f"A program of landproof: {played.space.about}.",
        f"Observed on {ground.facts.release}: {outcome}.",
    )
    owed = Owed(
        f"{called} {label}",
        notes,
        (outcome,),
        ground.facts.abi,
        ground.place,
        ground.agent,
        host_arch(),
    )
    try:
        return program(owed, played.only(label), Seen(observed), shape)
    except UnwritableError as error:
        raise UnwritableError(f"{called} can't be written in C yet: {error}") from error
