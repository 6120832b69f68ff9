# SPDX-License-Identifier: MIT
"""What Landlock costs, as one page that needs nothing else: no script, no network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from reports import static_page
from reports.cost import answer, plots
from reports.words import plural, span
from suite.cost.hooks import HOOKS
from suite.judge.costs import Cost, Costs, Kernel, Memory, Point


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of a table."""

    says: str
    of: str = ""
    """What it is to be held against."""


@dataclass(frozen=True, slots=True)
class Row:
    """Numbers of all measured kernels."""

    head: str
    cells: tuple[Cell, ...]
    link: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """All that is told of a call."""

    hook: str
    id: str
    says: str
    """The call in words."""
    own: bool
    """Whether it is Landlock's own."""
    charts: tuple[plots.Chart, ...]
    rows: tuple[Row, ...]
    """One a point."""
    absent: tuple[str, ...]


def page(costs: Costs) -> str:
    """The answer, all calls at their least, and a block a call: charts, and a table that opens."""
    measured = [it for it in costs.kernels if it.costs]
    hooks = answer.hooks(measured) if measured else []
    return static_page.template("cost").render(
        costs=costs,
        headlines=answer.headlines(costs),
        failed=[(answer.label(it), it.reason) for it in costs.kernels if it.reason],
        notes=[*answer.notes(costs), *_unsteady(measured)],
        kernels=[(answer.label(it), it) for it in costs.kernels],
        names=[answer.label(it) for it in measured],
        frame=plots.FRAME,
        looks=[
            (answer.label(it), plots.Look.of(place))
            for place, it in enumerate(costs.kernels)
            if it.costs
        ],
        least=[_least(hook, measured) for hook in hooks],
        steps=list(_steps(measured)),
        blocks=[_block(costs, hook, measured) for hook in hooks],
        memory=[_memory(what, measured) for what in _kept(measured)],
        absent=[
            (name, why)
            for name in dict.fromkeys(name for it in measured for name in it.absent)
            if name not in hooks
            for why in _absent(name, measured)
        ],
    )


def _steps(measured: Sequence[Kernel]) -> Iterator[tuple[str, str, list[str]]]:
    """What changed from one kernel to the next, the greatest change of each call first."""
    pairs = groupby(answer.great_steps(measured), key=lambda it: (it[0].target, it[1].target))
    for _, its in pairs:
        steps = list(its)
        before, after, _ = steps[0]
        yield answer.label(before), answer.label(after), [answer.told(it[2]) for it in steps]


def _unsteady(measured: Sequence[Kernel]) -> Iterator[str]:
    """On how many numbers runs disagree, if there are any."""
    its = [cost.steady for it in measured for cost in it.costs]
    if number := its.count(False):
        yield f"Runs disagree on {number:,} of {plural(len(its), 'number')}: the hollow points."


def _block(costs: Costs, hook: str, measured: Sequence[Kernel]) -> Block:
    known = HOOKS.get(hook)
    return Block(
        hook=hook,
        id=_id(hook),
        says=known.says if known else "",
        own=known.own if known else False,
        charts=tuple(plots.charts(costs, hook)),
        rows=tuple(_row(hook, it, measured) for it in answer.points(hook, measured)),
        absent=tuple(_absent(hook, measured)),
    )


def _id(hook: str) -> str:
    """The address of a call in the page."""
    return re.sub(r"\W", "-", hook)


def _least(hook: str, measured: Sequence[Kernel]) -> Row:
    """A call in a domain of one layer with one rule: what is added, and how much that is of it."""
    found = [answer.cost_of(it, hook, Point()) for it in measured]
    cells = [Cell(answer.cell(it), answer.share(it) if it else "") for it in found]
    return Row(hook, tuple(cells), _id(hook))


def _row(hook: str, point: Point, measured: Sequence[Kernel]) -> Row:
    found = [answer.cost_of(it, hook, point) for it in measured]
    return Row(answer.where(point), tuple(map(_cell, found)))


def _cell(cost: Cost | None) -> Cell:
    return Cell(answer.cell(cost), answer.number(cost.bare) if cost else "")


def _kept(measured: Sequence[Kernel]) -> list[str]:
    """What was looked for in memory, in order."""
    return list(dict.fromkeys(memory.what for it in measured for memory in it.memory))


def _memory(what: str, measured: Sequence[Kernel]) -> Row:
    found = [next((its for its in it.memory if its.what == what), None) for it in measured]
    return Row(what, tuple(Cell(_bytes(it)) for it in found))


def _bytes(memory: Memory | None) -> str:
    if memory is None:
        return "-"
    apart = "" if memory.steady else f" ±{answer.number(memory.apart / 2)}"
    return f"{answer.number(memory.bytes)}{apart}"


def _absent(name: str, measured: Sequence[Kernel]) -> Iterator[str]:
    """On which kernels something was not measured, a line a reason."""
    order = [answer.label(it) for it in measured]
    reasons = dict.fromkeys(it.absent[name] for it in measured if name in it.absent)
    for why in reasons:
        where = [answer.label(it) for it in measured if it.absent.get(name) == why]
        yield f"Not on {span(order, where)}: {why}."
