# SPDX-License-Identifier: MIT
"""``landproof repro SPACE:NUMBER``: a program of an exploration as one C file."""

from __future__ import annotations

from suite.agent.build import host_arch
from suite.cli.exploring import made
from suite.cli.targets import choose
from suite.explore.alone import Alone, alone
from suite.explore.explorer import started
from suite.explore.given import EVENTS, UNKNOWN, word
from suite.explore.space import Name, named
from suite.explore.spaces import SPACES
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
    name = named(text, SPACES)
    chosen = choose([target_name])
    (own,) = chosen.names
    target = made(own, tuple(chosen.options))
    try:
        ground = started(target)
        with alone(ground, name.space, name.number) as played:
            if not played.given.codes:
                raise UnwritableError(f"{name} on {target_name}: {played.given.fault}")
            return _file(name, played, label or played.telling, ground, shape)
    finally:
        target.stop()


def _file(name: Name, played: Alone, label: str, ground: Ground, shape: Shape) -> str:
    observed = played.of(label)
    code = played.given.codes[played.labels.index(label)]
    if code in UNKNOWN | EVENTS:
        raise UnwritableError(f"{name} {label} can't be written in C: {word(code)}, no call tells")
    outcome = played.outcome(label)
    notes = (
        f"A program of landproof explore: {name.space.about}.",
        f"Observed on {ground.facts.release}: {outcome}.",
    )
    owed = Owed(
        f"{name} {label}",
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
        raise UnwritableError(f"{name} can't be written in C yet: {error}") from error
