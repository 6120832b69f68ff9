# SPDX-License-Identifier: MIT
"""What an exploration came to, in words: the answer first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tabulate import tabulate

from reports.words import plural
from suite.errors import Exit
from suite.explore.alone import Alone
from suite.explore.compare import Kind
from suite.explore.exploration import Found, Tally
from suite.explore.given import word
from suite.explore.script import written
from suite.explore.space import Name, Space
from suite.explore.spaces import SPACES

_MOST = 20
"""Kinds of differences that are told in full."""
_CALLS = 6
"""Kinds of which the calls are written, too."""


def listed(spaces: Iterable[Space]) -> list[tuple[str, str, str]]:
    """A row a space."""
    return [(it.name, f"{it.size:,}", it.about) for it in spaces]


def answer(found: Found, *, interrupted: bool, path: Path) -> str:
    """All that is to be said of an exploration."""
    parts = [_headline(found, interrupted=interrupted), *_unexplained(found), _table(found)]
    predicted = [it for it in found.kinds if it.expected]
    if predicted:
        parts.append("Differences that are predicted:\n" + "\n".join(_predicted(predicted)))
    if found.unmodelled:
        parts.append("Programs that the model has no words for:\n" + _counted(found.unmodelled))
    undecided = [
        f"  {it.undecided:,} of {it.space.name} on {it.target.name}"
        for it in found.tallies
        if it.undecided
    ]
    if undecided:
        parts.append("\n".join(["Decisions that could not be shown:", *undecided]))
    if found.without:
        parts.append(f"No Landlock: {', '.join(found.without)}")
    parts += [f"{target}: {down.why}" for target, down in found.down.items()]
    if interrupted:
        parts.append(f"The same command goes on where this one was interrupted ({path}).")
    return "\n\n".join(filter(None, parts)) + "\n"


def _headline(found: Found, *, interrupted: bool) -> str:
    spaces = {it.space.name for it in found.kernels if it.programs}
    targets = {it.target.name for it in found.kernels if it.programs}
    of = f"{found.decisions:,} decisions in {plural(len(spaces), 'space')}"
    of += f" on {plural(len(targets), 'target')}"
    if found.modelled:
        of += f"; {found.modelled:,} of {plural(len(found.models), 'model')}"
    said = "interrupted; so far: " if interrupted else ""
    if not found.decisions and found.code is not Exit.DEVIATES:
        return f"{said}nothing was decided: no target has Landlock, or none came up"
    bad = []
    if count := sum(it.count for it in found.unexplained):
        bad.append(f"{count:,} differences that nothing explains")
    if found.faults:
        bad.append(f"{plural(len(found.faults), 'program')} without a decision")
    refusing = [it for it, down in found.down.items() if down.exit is Exit.DEVIATES]
    if refusing:
        bad.append(f"what {', '.join(refusing)} claims is refused")
    return f"{said}{' and '.join(bad) if bad else 'no unexplained difference'}: {of}"


def _unexplained(found: Found) -> Iterator[str]:
    for number, kind in enumerate(found.unexplained[:_MOST]):
        yield _told(kind, with_calls=number < _CALLS)
    if len(found.unexplained) > _MOST:
        yield f"and {len(found.unexplained) - _MOST} more kinds of differences"
    for tally, manner, number, why in found.faults[:_MOST]:
        written_so = f" ({manner})" if manner else ""
        yield f"{tally.space.name}:{number}{written_so} on {tally.target.name}: {why}"
    if len(found.faults) > _MOST:
        yield f"and {len(found.faults) - _MOST} more programs without a decision"


def _told(kind: Kind, *, with_calls: bool) -> str:
    first = kind.first[0]
    others = [f"{it.space}:{it.number}" for it in kind.first[1:]]
    if (more := len(kind.programs) - len(kind.first)) > 0:
        others.append(f"{more:,} larger")
    lines = [
        f"{first.space}:{first.number} {first.label}: {kind.why}",
        f"  {kind.ours}: {first.ours}",
        f"  {kind.theirs}: {first.theirs}",
        f"  no smaller program shows it; so do {', '.join(others)}"
        if others
        else "  no other program shows it",
    ]
    if with_calls and first.label:
        space = SPACES[first.space]
        lines += [f"    {it}" for it in written(space, first.number, first.label)]
    return "\n".join(lines)


def _predicted(kinds: Iterable[Kind]) -> Iterator[str]:
    for it in kinds:
        numbers = f"{it.first[0].space}:{it.first[0].number}"
        yield (
            f"  {it.ours} and {it.theirs}: {it.count:,} by {it.why}, such as {numbers} "
            f"{it.first[0].label}: {it.first[0].ours}, {it.first[0].theirs}"
        )


def _table(found: Found) -> str:
    rows = [_row(it) for it in found.kernels if it.programs]
    head = ["space", "target", "ABI", "programs", "of", "decisions", "in other ways"]
    align = ("left", "left", *["right"] * 5)
    return tabulate(rows, head, disable_numparse=True, colalign=align) if rows else ""


def _row(it: Tally) -> tuple[str, ...]:
    counts = (it.programs, it.space.size, it.decisions, it.again)
    abi = str(it.target.facts.abi)
    return it.space.name, it.target.name, abi, *(f"{count:,}" for count in counts)


def _counted(counts: dict[str, int]) -> str:
    most = sorted(counts.items(), key=lambda it: -it[1])
    return "\n".join(f"  {count:,}: {what}" for what, count in most[:_MOST])


def shown(name: Name, target: str, played: Alone) -> str:
    """One program: its calls as strace writes them, and what each decision came to."""
    lines = [f"{name} on {target}"]
    if played.given.fault:
        lines.append(f"  {played.given.fault}")
    lines += [f"  {it.told()}" for it in played.calls]
    if played.given.codes:
        words = map(word, played.given.codes)
        rows = list(zip(played.labels, words, strict=True))
        lines += ["", tabulate(rows, ["decision", "outcome"], disable_numparse=True)]
    return "\n".join(lines) + "\n"
