# SPDX-License-Identifier: MIT
"""What a reader of costs comes for, in sentences: every format begins with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.cost.changes import Change, Group, changes, grouped, neighbours
from reports.words import plural, some
from suite.judge.costs import INSTRUCTIONS, Cost, Costs, Kernel, Point

_VM = "vm:"
_GREAT = 0.1
"""The least part of what it was that is a great change."""
NO_CYCLES = (
    "Instructions are no cycles: caches, branches and contention are not in them; a counted clock"
    " makes them the same on every machine."
)


def headlines(costs: Costs) -> list[str]:
    """What a domain adds to the first call; where that grew and shrank most, of all calls."""
    measured = [it for it in costs.kernels if it.costs]
    if not measured:
        return ["Nothing was measured."]
    first, last = measured[0], measured[-1]
    hook = hooks(measured)[0]
    said = [
        f"{number(cost.added)} {costs.unit} on {label(it)} ({share(cost)})"
        for it in ([first] if first is last else [first, last])
        if (cost := cost_of(it, hook, Point()))
    ]
    lines = [f"A domain of one layer with one rule adds to {hook}: {', '.join(said)}."]
    steps = list(great_steps(measured))
    for word, grew in (("Grew", True), ("Shrank", False)):
        its = [it for it in steps if (it[2].changes[0].part > 0) is grew]
        if its:
            before, after, group = max(its, key=lambda it: abs(it[2].changes[0].part))
            lines.append(f"{word} most: {label(before)} to {label(after)}: {told(group)}.")
    return lines


def great_steps(
    measured: Sequence[Kernel], least: float = _GREAT
) -> Iterator[tuple[Kernel, Kernel, Group]]:
    """What changed of calls from one kernel to the next by a part of what it was, but lone points.

    Args:
        measured: The kernels, in their order.
        least: That part.
    """
    for before, after in neighbours(measured):
        for group in grouped(changes(before, after, least), after):
            if not group.is_lone:
                yield before, after, group


def told(group: Group) -> str:
    """What changed of a call: how far its cost went at most, where, and at how many points."""
    first = group.changes[0]
    more = f" ({len(group.changes)} of {plural(group.points, 'point')})" if first.point else ""
    name = group.name if first.point else f"memory ({group.name})"
    return f"{name} {step(first)}{more}"


def step(change: Change) -> str:
    """From what to what, and how much that is."""
    at = f" at {where(change.point)}" if change.point else ""
    return f"{number(change.before)} to {number(change.after)}{at} ({percent(change.part)})"


def where(point: Point) -> str:
    """A point in words: only what is more than least; ``layers 16``."""
    said = [
        f"{name} {value}"
        for name in ("depth", "layers", "rules")
        if (value := getattr(point, name)) > 1
    ]
    return ", ".join(said) or "the least point"


def number(value: float) -> str:
    """A number as people read it."""
    return f"{value:,.0f}"


def percent(part: float) -> str:
    """A part of something as it changed: ``+70 %``."""
    return f"{part:+.0%}".replace("%", " %") if part != float("inf") else "from nothing"


def share(cost: Cost) -> str:
    """What a cost is of the bare call."""
    return percent(cost.added / cost.bare) if cost.bare else "of nothing"


def cell(cost: Cost | None) -> str:
    """A cost in a table: how far runs are apart where they don't agree."""
    if cost is None:
        return "-"
    return number(cost.added) + ("" if cost.steady else f" ±{number(cost.apart / 2)}")


def label(kernel: Kernel) -> str:
    """What a kernel is called."""
    return kernel.target.removeprefix(_VM)


def hooks(measured: Sequence[Kernel]) -> list[str]:
    """The calls that were measured on any of the kernels, in their order on most."""
    fullest = max(measured, key=lambda it: len(it.costs))
    names = [cost.hook for it in (fullest, *measured) for cost in it.costs]
    return list(dict.fromkeys(names))


def points(hook: str, measured: Sequence[Kernel]) -> list[Point]:
    """Where a call was measured on any of the kernels."""
    found = (cost.point for it in measured for cost in it.costs if cost.hook == hook)
    return list(dict.fromkeys(found))


def cost_of(kernel: Kernel, hook: str, point: Point) -> Cost | None:
    """What a call costs at a point there; None if it was not measured."""
    return next((it for it in kernel.costs if it.key == (hook, point)), None)


def notes(costs: Costs) -> list[str]:
    """How it was measured, and what the numbers are not."""
    runs = max((it.runs for it in costs.kernels), default=0)
    said = "one run: nothing tells whether others agree" if runs == 1 else f"{runs} runs"
    lines = [
        f"Medians of {said} (of many rules, means of their layouts); ± where they, or their rounds,"
        f" are more than {costs.tolerance:.1%} apart."
    ]
    if costs.unit == INSTRUCTIONS:
        lines = [f"Counted by {costs.emulator}. {lines[0]}", NO_CYCLES]
    return lines


def absences(measured: Sequence[Kernel]) -> list[str]:
    """Which calls were not measured on which kernels, and why."""
    found: dict[tuple[str, str], list[str]] = {}
    for it in measured:
        for hook, why in it.absent.items():
            found.setdefault((hook, why), []).append(label(it))
    return [f"{hook}: not on {some(its)}: {why}" for (hook, why), its in found.items()]
