# SPDX-License-Identifier: MIT
"""What an exploration came to, in words: the answer first, and last again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tabulate import tabulate

from reports.explored.document import Count, Difference, Explored, Program
from reports.words import plural
from suite.explore.given import UNKNOWN_WORDS
from suite.explore.space import Space

_MOST = 20
"""Kinds of differences that are told in full."""
_DIFFERS = "differs"
"""Marks a decision on which targets, or a target and a model, do not agree."""


def listed(spaces: Iterable[Space]) -> list[tuple[str, str, str]]:
    """A row a space."""
    return [(it.name, f"{it.size:,}", it.about) for it in spaces]


def text(explored: Explored, state: Path | None = None) -> str:
    """All that is to be said.

    Args:
        explored: What was found.
        state: The file that keeps what was played, if there is one.
    """
    parts = [explored.answer]
    parts += _programs(explored) if explored.programs else _spaces(explored)
    if explored.interrupted and state:
        parts.append(f"The same command goes on where this one was interrupted ({state}).")
    parts.append(explored.answer)  # a reader of a terminal sees the last lines
    return "\n\n".join(filter(None, parts)) + "\n"


def _spaces(explored: Explored) -> Iterator[str]:
    yield from _unexplained(explored)
    yield _counts(explored)
    yield _causes(explored)
    yield from _unknown(explored)


def _programs(explored: Explored) -> Iterator[str]:
    for _, them in groupby(explored.programs, lambda it: it.name):
        yield _by_decision([*them])
    yield from _of_programs(explored)
    yield from _unknown(explored)
    holding = {it.name for it in explored.targets if it.holds}
    yield from (_calls(it) for it in explored.programs if it.target not in holding)


def _of_programs(explored: Explored) -> Iterator[str]:
    """What differs, a line a pair of sides: all outcomes are in a table, but those of manners."""
    alike: dict[str, list[Difference]] = {}
    for it in explored.differences:
        said = "predicted by " if it.predicted else ""
        alike.setdefault(f"{it.one} and {it.other}, {said}{it.why}", []).append(it)
    yield "\n".join(
        f"{head}: {plural(sum(it.decisions for it in them), 'decision')}, such as "
        f"{_such_as(them[0])}"
        for head, them in alike.items()
    )


def _such_as(it: Difference) -> str:
    first = it.examples[0]
    name = f"{it.space}:{first.number} {first.label}".rstrip()
    return f"{name}: {first.one}, {first.other}"


def _unexplained(explored: Explored) -> Iterator[str]:
    found = explored.unexplained
    yield from map(_told, found[:_MOST])
    if len(found) > _MOST:
        yield f"and {len(found) - _MOST} more kinds of differences"
    for it in explored.faults[:_MOST]:
        written_so = f" ({it.manner})" if it.manner else ""
        yield f"{it.space}:{it.number}{written_so} on {it.target}: {it.why}"
    if len(explored.faults) > _MOST:
        yield f"and {len(explored.faults) - _MOST} more programs without a decision"


def _told(it: Difference) -> str:
    first, *others = it.examples
    names = [f"{it.space}:{other.number}" for other in others]
    if (more := it.programs - len(it.examples)) > 0:
        names.append(f"{more:,} larger")
    return "\n".join(
        [
            f"{it.space}:{first.number} {first.label}: {it.why}",
            f"  {it.one}: {first.one}",
            f"  {it.other}: {first.other}",
            f"  no smaller program shows it; so do {', '.join(names)}"
            if names
            else "  no other program shows it",
            *(f"    {call}" for call in first.calls),
        ]
    )


def _causes(explored: Explored) -> str:
    """A row for what predicts differences of two sides, or breaks them; unexplained ones first."""
    alike: dict[tuple[str, ...], list[Difference]] = {}
    for it in explored.differences:
        said = it.why if it.predicted else f"nothing ({it.why})"
        alike.setdefault((it.space, str(it.one), str(it.other), said), []).append(it)
    rows = [
        (*sides, f"{sum(it.decisions for it in them):,}", said, _such_as(them[0]))
        for (*sides, said), them in alike.items()
    ]
    head = ["space", "one", "the other", "differences", "predicted by", "such as"]
    return _table(rows, head, (*["left"] * 3, "right", "left", "left")) if rows else ""


def _unknown(explored: Explored) -> Iterator[str]:
    """What nobody could show."""
    if explored.unmodelled:
        lines = [f"  {it.programs:,}: {it.why}" for it in explored.unmodelled[:_MOST]]
        yield "\n".join(["Programs that the model has no words for:", *lines])
    lines = [
        f"  {it.undecided:,} of {it.space} on {it.target}" for it in explored.counts if it.undecided
    ]
    if lines:
        yield "\n".join(["Decisions that could not be shown:", *lines])
    without = [it.name for it in explored.targets if it.abi == 0]
    if without:
        yield f"No Landlock: {', '.join(without)}"
    yield from (f"{it.name}: {it.given_up}" for it in explored.targets if it.given_up)


def _counts(explored: Explored) -> str:
    holding = {it.name for it in explored.targets if it.holds}
    abis = {it.name: str(it.abi) for it in explored.targets}
    rows = [
        (it.space, it.target, abis[it.target], *_numbers(it))
        for it in explored.counts
        if it.programs and it.target not in holding
    ]
    head = ["space", "target", "ABI", "programs", "of", "decisions", "in other ways"]
    return _table(rows, head, ("left", "left", *["right"] * 5)) if rows else ""


def _numbers(it: Count) -> Iterator[str]:
    return (f"{count:,}" for count in (it.programs, it.of, it.decisions, it.again))


def _by_decision(programs: Sequence[Program]) -> str:
    """A program's decisions, a target a column; and where nothing was decided."""
    them = [it for it in programs if it.outcomes]
    rows = []
    for label in dict.fromkeys(label for it in them for label in it.outcomes):
        outcomes = [it.outcomes.get(label, "") for it in them]
        differs = len({*outcomes} - UNKNOWN_WORDS) > 1
        rows.append((label, *outcomes, _DIFFERS if differs else ""))
    faults = [f"{it.name} on {it.target}: {it.fault}" for it in programs if it.fault]
    head = [programs[0].name, *(it.target for it in them), ""]
    width = len(head) - (not any(row[-1] for row in rows))
    table = [_table([row[:width] for row in rows], head[:width])] if rows else []
    return "\n\n".join([*table, *faults])


def _calls(it: Program) -> str:
    return "\n  ".join([f"{it.name} on {it.target}:", *it.calls]) if it.calls else ""


def _table(rows: Sequence[Sequence[str]], head: Sequence[str], align: Sequence[str] = ()) -> str:
    table = tabulate(rows, head, disable_numparse=True, colalign=align or None)
    return "\n".join(line.rstrip() for line in table.split("\n"))
