# SPDX-License-Identifier: MIT
"""What Landlock costs, for terminals: the answer, tables, and what changed."""

from __future__ import annotations

from collections.abc import Sequence

from reports.cost import answer
from reports.cost.changes import THRESHOLD, Change, changes, grouped
from reports.words import plural, printable
from suite.judge.costs import Costs, Kernel, Point


def text(costs: Costs, *, verbose: bool = False) -> str:
    """The answer at both ends: a reader of a terminal sees the last lines."""
    measured = [it for it in costs.kernels if it.costs]
    head = "\n".join(answer.headlines(costs))
    parts = [head]
    parts += [f"{answer.label(it)}: {it.reason}" for it in costs.kernels if it.reason]
    if measured:
        title = f"Added by one layer with one rule, in {costs.unit}"
        parts.append(f"{title}\n{_table(measured, [(hook, Point()) for hook in _hooks(measured)])}")
        for hook in _hooks(measured) if verbose else ():
            rows = [(hook, point) for point in answer.points(hook, measured)]
            parts.append(_table(measured, rows, points=True))
        parts.append(_memory(measured))
        parts.append("\n".join(answer.absences(measured)))
        parts.append(_steps(measured))
        parts.append("\n".join(answer.notes(costs)))
        parts.append(head)
    return printable("\n\n".join(it for it in parts if it)) + "\n"


def _hooks(measured: Sequence[Kernel]) -> list[str]:
    return answer.hooks(measured)


def _table(
    measured: Sequence[Kernel], rows: Sequence[tuple[str, Point]], *, points: bool = False
) -> str:
    head = ["call", *(["at"] if points else []), *map(answer.label, measured)]
    cells = [
        [
            hook,
            *([answer.where(point)] if points else []),
            *(answer.cell(answer.cost_of(it, hook, point)) for it in measured),
        ]
        for hook, point in rows
    ]
    left = 1 + points
    sides = ["left"] * left + ["right"] * len(measured)
    return _aligned(cells, head, sides)


def _aligned(rows: Sequence[Sequence[str]], head: Sequence[str], sides: Sequence[str]) -> str:
    from tabulate import tabulate  # noqa: PLC0415 (who compares results needs none)

    return str(tabulate(rows, head, disable_numparse=True, colalign=sides))


def _memory(measured: Sequence[Kernel]) -> str:
    kept = {it.what: it for kernel in measured for it in kernel.memory}
    if not kept:
        return ""
    rows = []
    for what in kept:
        found = [{it.what: it for it in kernel.memory}.get(what) for kernel in measured]
        cells = [
            "-" if it is None else answer.number(it.bytes) + ("" if it.steady else " ±")
            for it in found
        ]
        rows.append([what, *cells])
    sides = ["left"] + ["right"] * len(measured)
    head = ["bytes of kernel memory", *map(answer.label, measured)]
    return _aligned(rows, head, sides)


def _steps(measured: Sequence[Kernel]) -> str:
    lines = [
        f"{answer.label(before)} to {answer.label(after)}: {answer.told(group)}"
        for before, after, group in answer.great_steps(measured)
    ]
    return "\n".join(["Changed by a tenth or more:", *lines]) if lines else ""


def difference(
    pairs: Sequence[tuple[Kernel, Kernel]], threshold: float, unit: str
) -> tuple[str, bool]:
    """What changed from kernels to others, worst first; and whether a call costs more.

    Args:
        pairs: Each kernel with what it is compared with.
        threshold: The least part of what it was that is a change.
        unit: Of costs.
    """
    dearer: list[str] = []
    cheaper: list[str] = []
    lone: list[str] = []
    rows: list[list[str]] = []
    for before, after in pairs:
        for group in grouped(changes(before, after, threshold), after):
            is_more = group.changes[0].after > group.changes[0].before
            said = lone if group.is_lone else dearer if is_more else cheaper
            said.append(f"{answer.label(after)}: {answer.told(group)}")
            rows += [_row(after, it) for it in group.changes]
    compared = sum(_compared(before, after) for before, after in pairs)
    head = [
        f"{plural(compared, 'point')} compared: {plural(len(dearer), 'call')} dearer,"
        f" {len(cheaper)} cheaper, by more than {threshold:.1%}."
    ]
    parts = [
        "\n".join([*head, *(f"Dearer: {it}" for it in dearer)]),
        "\n".join(f"Cheaper: {it}" for it in cheaper),
        "\n".join(f"At one point only, which may be chance: {it}" for it in lone),
    ]
    if rows:
        names = ["kernel", "call", "at", f"before ({unit})", "after", "change"]
        sides = ["left", "left", "left", "right", "right", "right"]
        parts.append(_aligned(rows, names, sides))
        parts += head
    return printable("\n\n".join(it for it in parts if it)) + "\n", bool(dearer)


def history(kernels: Sequence[Kernel]) -> str:
    """What came to cost otherwise from each kernel to the next one.

    Args:
        kernels: By age, the oldest first.
    """
    if len(kernels) < 2:
        return "one kernel was measured: nothing to compare it with\n"
    steps = [
        (answer.label(before), answer.label(after), group)
        for before, after, group in answer.great_steps(kernels, THRESHOLD)
    ]
    head = (
        f"{plural(len(kernels), 'kernel')} from {answer.label(kernels[0])} to"
        f" {answer.label(kernels[-1])}: {plural(len(steps), 'change')} of more than"
        f" {THRESHOLD:.0%}."
    )
    lines = [f"{before} to {after}: {answer.told(group)}" for before, after, group in steps]
    return printable("\n".join([head, *lines, *([head] if lines else [])])) + "\n"


def _row(kernel: Kernel, change: Change) -> list[str]:
    at = answer.where(change.point) if change.point else "memory"
    return [
        answer.label(kernel),
        change.name,
        at,
        answer.number(change.before),
        answer.number(change.after),
        answer.percent(change.part),
    ]


def _compared(before: Kernel, after: Kernel) -> int:
    keys = {it.key for it in before.costs} & {it.key for it in after.costs}
    return len(keys) + len({it.what for it in before.memory} & {it.what for it in after.memory})
