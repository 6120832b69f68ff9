# SPDX-License-Identifier: MIT
"""From what was found to what is told of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version

from reports.explored.document import (
    Count,
    Difference,
    Example,
    Explored,
    Fault,
    Place,
    Program,
    Side,
    Unmodelled,
)
from reports.words import plural, some
from suite.errors import Exit
from suite.explore.compare import Kind
from suite.explore.exploration import Found, Tally
from suite.explore.given import UNKNOWN_WORDS
from suite.explore.script import written
from suite.explore.spaces import SPACES

_CALLS = 6
"""Kinds of differences that nothing explains of which the calls are written."""


def build(found: Found, programs: Sequence[Program] = (), *, interrupted: bool = False) -> Explored:
    """Arrange what was found.

    Args:
        found: All that differs, and what was played.
        programs: Those that were asked for by number; none if spaces were.
        interrupted: Whether it would have been more.
    """
    deviates = found.code is Exit.DEVIATES
    return Explored(
        landproof=version("landproof"),
        answer=_of_programs(found, programs) if programs else _of_spaces(found, interrupted),
        code=Exit.INTERRUPTED if interrupted and not deviates else found.code,
        interrupted=interrupted,
        targets=[*_places(found)],
        counts=[_count(it) for it in found.tallies],
        differences=[*_differences(found)],
        faults=[
            Fault(space=it.space.name, number=number, manner=manner, target=it.target.name, why=why)
            for it, manner, number, why in found.faults
        ],
        unmodelled=[
            Unmodelled(why=why, programs=count)
            for why, count in sorted(found.unmodelled.items(), key=lambda it: (-it[1], it[0]))
        ],
        programs=[*programs],
    )


def _places(found: Found) -> Iterator[Place]:
    for it in found.targets:
        down = found.down.get(it.name)
        yield Place(
            name=it.name,
            release=it.facts.release,
            abi=it.facts.abi,
            errata=it.facts.errata,
            model=found.models.get(it.name, ""),
            holds=it.name in found.models.values(),
            given_up=down.why if down else "",
        )
    known = {it.name for it in found.targets}
    for name, down in found.down.items():
        if name not in known:
            yield Place(name=name, given_up=down.why, holds=name in found.models.values())


def _count(tally: Tally) -> Count:
    return Count(
        space=tally.space.name,
        target=tally.target.name,
        programs=tally.programs,
        of=tally.space.size,
        decisions=tally.decisions,
        again=tally.again,
        undecided=tally.undecided,
    )


def _differences(found: Found) -> Iterator[Difference]:
    for number, kind in enumerate(found.kinds):
        yield _difference(kind, with_calls=not kind.expected and number < _CALLS)


def _difference(kind: Kind, *, with_calls: bool) -> Difference:
    return Difference(
        space=kind.first[0].space,
        one=Side(target=kind.ours.target, manner=kind.ours.manner),
        other=Side(target=kind.theirs.target, manner=kind.theirs.manner),
        why=kind.why,
        predicted=kind.expected,
        decisions=kind.count,
        programs=len(kind.programs),
        examples=[
            Example(
                number=it.number,
                label=it.label,
                one=it.ours,
                other=it.theirs,
                calls=written(SPACES[it.space], it.number, it.label)
                if with_calls and it.label and it is kind.first[0]
                else [],
            )
            for it in kind.first
        ],
    )


def _of_spaces(found: Found, interrupted: bool) -> str:
    """The answer of an exploration, in a line."""
    spaces = {it.space.name for it in found.kernels if it.programs}
    targets = {it.target.name for it in found.kernels if it.programs}
    of = f"{found.decisions:,} decisions in {plural(len(spaces), 'space')}"
    of += f" on {plural(len(targets), 'target')}"
    if found.modelled:
        of += f"; {found.modelled:,} of {plural(len(set(found.models.values())), 'model')}"
    if not found.decisions and found.code is not Exit.DEVIATES:
        return "interrupted before anything was decided" if interrupted else _nothing(found)
    said = "interrupted; so far: " if interrupted else ""
    return f"{said}{' and '.join(_bad(found)) or 'no unexplained difference'}: {of}"


def _nothing(found: Found) -> str:
    """The answer where no target has decided anything: why."""
    without = [it.name for it in found.targets if not it.facts.abi]
    said = []
    if without:
        said.append(f"{_and(without)} {'has' if len(without) == 1 else 'have'} no Landlock")
    if found.down:
        said.append(f"{_and([*found.down])} could not be explored")
    return f"nothing was decided: {'; '.join(said) or 'no program was played'}"


def _bad(found: Found) -> list[str]:
    bad = []
    if count := sum(it.count for it in found.unexplained):
        bad.append(f"{plural(count, 'difference')} that nothing explains")
    if found.faults:
        bad.append(f"{plural(len(found.faults), 'program')} without a decision")
    refusing = [it for it, down in found.down.items() if down.exit is Exit.DEVIATES]
    if refusing:
        bad.append(f"what {', '.join(refusing)} claims is refused")
    return bad


def _of_programs(found: Found, programs: Sequence[Program]) -> str:
    """The answer of single programs, in a line: who agrees with whom, or why not."""
    names = some([*dict.fromkeys(it.name for it in programs)])
    if bad := _bad(found):
        sides = dict.fromkeys(f"{it.ours} and {it.theirs}" for it in found.unexplained)
        where = f": between {'; '.join(sides)}" if sides else ""
        return f"{names}: {' and '.join(bad)}{where}"
    played = [it for it in found.kernels if it.programs]
    if not any(it.decisions for it in played):
        return f"{names}: {_nothing(found)}"
    targets = [*dict.fromkeys(it.target.name for it in played)]
    decisions = plural(max(_by_target(played).values()), "decision")
    others = ["its model"] if found.modelled else []
    others += ["itself when written otherwise"] if any(it.again for it in played) else []
    with_others = f"agrees with {_and(others)}" if others else ""
    if len(targets) == 1:
        said = with_others or "was held against nothing"
        return f"{names}: {targets[0]} {said} in {decisions}"
    rest = f"; each {with_others}" if others else ""
    predicted = [it for it in found.kinds if it.expected]
    if not predicted:
        return f"{names}: {_and(targets)} agree in {decisions}{rest}"
    causes = some([*dict.fromkeys(it.why for it in predicted)])
    count = len(_differing([it for it in programs if it.target in targets]))
    return (
        f"{names}: {_and(targets)} differ in {count} of {decisions}, as is predicted by "
        f"{causes}{rest}"
    )


def _differing(programs: Sequence[Program]) -> set[tuple[str, str]]:
    """The programs and decisions on which two targets do not agree."""
    seen: dict[tuple[str, str], set[str]] = {}
    for it in programs:
        for label, outcome in it.outcomes.items():
            seen.setdefault((it.name, label), set()).add(outcome)
    return {it for it, outcomes in seen.items() if len(outcomes - UNKNOWN_WORDS) > 1}


def _by_target(tallies: Sequence[Tally]) -> dict[str, int]:
    found: dict[str, int] = {}
    for it in tallies:
        found[it.target.name] = found.get(it.target.name, 0) + it.decisions
    return found


def _and(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
