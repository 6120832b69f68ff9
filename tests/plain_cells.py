# SPDX-License-Identifier: MIT
"""Compatibility data of a kernel, and the same by plain calls: ``plain_cells.py TARGET [FILE]``.

The cases run on the target; while it is still up, the plain calls are made. Given a file as well,
the script writes what both gave there; else it prints the cells that are not true.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from reports.compat.build import build
from reports.compat.document import Compat, CompatErratum, CompatFeature, CompatLimit, Fixed, State
from suite.cli.run import run
from suite.judge.expectation import claimed_errata
from suite.targets.base import Ground
from suite.targets.hub import Hub
from tests.plain_calls import Refused, Scene, scene
from tests.plain_features import ASKED, OTHERWISE, PROVIDED
from tests.plain_limits import ERRATA, LIMITS, Bound, accepted

CASES = (
    "claims or layers or add_rule or attr_size or tcp_socket_identification"
    " or scoped_signal_handling or disconnected_directories or whiteouts"
)
"""Those of features, limits and errata."""
INAPPLICABLE = "inapplicable"
T = TypeVar("T")


class Plain(msgspec.Struct, kw_only=True):
    """What the plain calls gave."""

    features: dict[str, str]
    """``provided``, or the answer."""
    otherwise: dict[str, str]
    limits: dict[str, Bound]
    errata: dict[str, str]
    masks: dict[str, int]
    abi: int
    claimed: int | None
    """The mask of errata."""
    bare: list[int]
    """What the three calls give to zeros."""


class Measured(msgspec.Struct, kw_only=True):
    """A kernel, twice."""

    compat: Compat
    plain: Plain


def ask(ground: Ground) -> Plain:
    """Make the plain calls."""
    numbers = iter(range(1000))

    def probe(call: Callable[[Scene], T]) -> T:
        with scene(ground, f"cell-{next(numbers)}") as stage:
            return call(stage)

    def answer(call: Callable[[Scene], str]) -> str:
        try:
            return probe(call)
        except Refused as refused:
            return str(refused)

    def bound(call: Callable[[Scene], Bound]) -> Bound:
        try:
            return probe(call)
        except Refused as refused:
            return None, str(refused)

    def fixed(call: Callable[[Scene], str]) -> str:
        try:
            return probe(call)
        except Refused:
            return INAPPLICABLE

    claimed = probe(lambda it: it.inside("landlock_create_ruleset", 0, 0, 2))
    return Plain(
        features={label: answer(call) for label, call in ASKED.items()},
        otherwise={label: answer(call) for label, call in OTHERWISE.items()},
        limits={name: bound(call) for name, call in LIMITS.items()},
        errata={number: fixed(call) for number, call in ERRATA.items()},
        masks=probe(accepted),
        abi=max(0, probe(lambda it: it.inside("landlock_create_ruleset", 0, 0, 1))),
        claimed=claimed if claimed >= 0 else None,
        bare=probe(
            lambda it: [
                it.inside("landlock_create_ruleset", 0, 0, 0),
                it.inside("landlock_add_rule", 0, 0, 0, 0),
                it.inside("landlock_restrict_self", 0, 0),
            ]
        ),
    )


def measure(target: str) -> Measured:
    """Run the cases, and make the calls on the target before it is taken down."""
    asked: list[Plain] = []
    stop = Hub.stop

    def ask_and_stop(hub: Hub) -> None:
        if not asked:
            asked.append(ask(hub.ground(target)))
        stop(hub)

    Hub.stop = ask_and_stop  # type: ignore[assignment, method-assign]
    results = run([target], select=CASES, brief=True).results
    return Measured(compat=build(results), plain=asked[0])


def empty(compat: Compat) -> list[str]:
    """The cells that say nothing, although a case could have shown something."""
    rows: dict[str, CompatFeature | CompatLimit | CompatErratum] = {**compat.features}
    rows |= {f"limit {it}": limit for it, limit in compat.limits.items() if not limit.unmeasured}
    rows |= {f"erratum {it}": erratum for it, erratum in compat.errata.items()}
    return [
        name
        for name, row in rows.items()
        for cell in row.support.values()
        if cell.state in (State.UNKNOWN, Fixed.UNKNOWN)
    ]


def untrue(measured: Measured) -> Iterator[str]:
    """The cells of the data that the plain calls contradict, or say nothing of."""
    compat, plain = measured.compat, measured.plain
    ((name, kernel),) = compat.kernels.items()
    yield from _features(compat, plain, name)
    yield from _limits(compat, plain, name)
    yield from _errata(compat, plain, name)
    if kernel.abi != plain.abi:
        yield f"kernels: ABI {kernel.abi}, plain calls: {plain.abi}"
    claimed = None if plain.claimed is None else list(claimed_errata(plain.claimed))
    if kernel.errata != claimed:
        yield f"kernels: errata {kernel.errata}, plain calls: {claimed}"
    if plain.abi:
        yield from _masks(compat, plain)
    elif len({*plain.bare}) != 1:
        yield f"no Landlock, and the three calls answer {plain.bare}"


def _features(compat: Compat, plain: Plain, kernel: str) -> Iterator[str]:
    for label, feature in compat.features.items():
        cell, seen = feature.support[kernel], plain.features.get(label)
        says = {str(it) for it in cell.answers}
        said = {PROVIDED} if cell.state in (State.PROVIDED, State.UNCLAIMED) else says
        if cell.state is not State.UNKNOWN and said != {seen}:
            yield f"{label}: {cell.state} {sorted(says)}, plain calls: {seen}"
        more = {str(it) for it in cell.otherwise}
        if more and more != {plain.otherwise.get(label)}:
            yield f"{label}: otherwise {sorted(more)}, plain calls: {plain.otherwise.get(label)}"


def _limits(compat: Compat, plain: Plain, kernel: str) -> Iterator[str]:
    for name, limit in compat.limits.items():
        cell, seen = limit.support[kernel], plain.limits.get(name)
        says = "" if len(cell.answers) != 1 else str(cell.answers[0])
        said = {State.PROVIDED: (limit.value, says), State.ABSENT: (None, says)}.get(cell.state)
        if cell.state is not State.UNKNOWN and said != seen:
            yield f"limit {name}: {cell.state} {said}, plain calls: {seen}"


def _errata(compat: Compat, plain: Plain, kernel: str) -> Iterator[str]:
    for number, erratum in compat.errata.items():
        cell, seen = erratum.support[kernel], plain.errata.get(number)
        if cell.state is not Fixed.UNKNOWN and cell.state != seen:
            yield f"erratum {number}: {cell.state}, plain calls: {seen}"
        if cell.claimed != bool((plain.claimed or 0) & erratum.value):
            yield f"erratum {number}: claimed is {cell.claimed}, plain calls: {plain.claimed}"


def _masks(compat: Compat, plain: Plain) -> Iterator[str]:
    row = compat.abis[str(plain.abi)]
    for field, seen in plain.masks.items():
        says = getattr(row, field)
        if field == "create_ruleset_flags" and plain.claimed is not None:
            says |= 2  # stable kernels of older ABI versions have the interface too
        if says != seen:
            yield f"ABI {plain.abi}: {field} {says:#x}, plain calls: {seen:#x}"


if __name__ == "__main__":
    found = measure(sys.argv[1])
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_bytes(msgspec.json.encode(found))
    else:
        print(*untrue(found), *(f"{it}: not measured" for it in empty(found.compat)), sep="\n")
