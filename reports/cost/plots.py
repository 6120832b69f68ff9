# SPDX-License-Identifier: MIT
"""Where the lines and words of charts are, cost against depth, layers or rules; ``plot.svg`` draws.

The horizontal axis is logarithmic, since the sizes grow by doubling (rules by the fourfold), and
has a tick where something was measured. The vertical one begins at 0 and is linear.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

from reports.cost.answer import label, number
from suite.judge.costs import Cost, Costs, Kernel, Point

DIMENSIONS = {
    "depth": "depth of the file, in folders",
    "layers": "layers",
    "rules": "rules of each layer",
}
"""What grows, members of ``Point``; and what the lower axis says."""
COLOURS = 7
"""How many the page has, as variables of its style."""
MARKERS = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",  # circle
    "M-3.2-3.2h6.4v6.4h-6.4z",  # square
    "M0-4.2L4.2 3.4H-4.2z",  # triangle
    "M0-4.6L4.6 0L0 4.6L-4.6 0z",  # diamond
    "M0 4.2L4.2-3.4H-4.2z",  # triangle on its head
)
"""Closed, so that each can be drawn hollow."""
DASHES = ("none", "7 3", "2 2.5")


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of a chart, and the sides of the area of its lines; words are around it."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


FRAME = Frame(width=400, height=260, left=58, right=318, top=30, bottom=214)
_TICKS = 5
"""About so many are on the vertical axis."""
_LINE = 13
"""Between two words at the ends of lines."""
_SHORT = 11
"""Characters of a kernel's label for which there is room at the end of its line."""


@dataclass(frozen=True, slots=True)
class Look:
    """What tells a kernel's line from others: by colour, and to who sees none.

    The numbers of colours, markers and dashes have no common divisor: neighbours differ in all
    three, and no two of fifteen kernels have both the same marker and the same dashes.
    """

    colour: int
    marker: str
    dashes: str

    @classmethod
    def of(cls, place: int) -> Look:
        """The look of the kernel at a place of the document, the same in all charts."""
        return cls(place % COLOURS, MARKERS[place % len(MARKERS)], DASHES[place % len(DASHES)])


@dataclass(frozen=True, slots=True)
class Mark:
    """A measured point."""

    x: float
    y: float
    steady: bool
    says: str


@dataclass(frozen=True, slots=True)
class Line:
    """A kernel's points, joined."""

    name: str
    look: Look
    marks: tuple[Mark, ...]
    says: str


@dataclass(frozen=True, slots=True)
class End:
    """A kernel's name behind the end of its line, moved where others are in its way."""

    name: str
    look: Look
    y: float
    end: Mark


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis."""

    at: float
    says: str


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is drawn of a call in one dimension."""

    dimension: str
    title: str
    beside: str
    """What the upright axis says."""
    below: str
    """What the lower axis says."""
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    lines: tuple[Line, ...]
    ends: tuple[End, ...]

    @property
    def says(self) -> str:
        """What the lines show, to who does not see them."""
        return "; ".join(it.says for it in self.lines)


def charts(costs: Costs, hook: str) -> Iterator[Chart]:
    """A chart for each dimension in which a call was measured at more than one size."""
    for dimension in DIMENSIONS:
        found = {
            place: its
            for place, kernel in enumerate(costs.kernels)
            if (its := _along(kernel, hook, dimension))
        }
        if len({size for its in found.values() for size, _ in its}) > 1:
            yield _chart(costs, hook, dimension, found)


def _along(kernel: Kernel, hook: str, dimension: str) -> list[tuple[int, Cost]]:
    """The costs at points that are least but in one dimension, by their size in it."""
    its = [
        (size, it)
        for it in kernel.costs
        if it.hook == hook and (size := _along_only(it.point, dimension))
    ]
    return sorted(its, key=itemgetter(0))


def _along_only(point: Point, dimension: str) -> int:
    """A point's size in a dimension; 0 if it is not least in the others."""
    is_least = all(getattr(point, it) == 1 for it in DIMENSIONS if it != dimension)
    return max(0, getattr(point, dimension)) if is_least else 0


def _chart(
    costs: Costs, hook: str, dimension: str, found: dict[int, list[tuple[int, Cost]]]
) -> Chart:
    sizes = sorted({size for its in found.values() for size, _ in its})
    up = _steps([it.added for its in found.values() for _, it in its])
    low, high = math.log2(sizes[0]), math.log2(sizes[-1])
    across = partial(_between, low=low, high=high, ends=(FRAME.left, FRAME.right))
    upward = partial(_between, low=up[0], high=up[-1], ends=(FRAME.bottom, FRAME.top))

    def mark(name: str, size: int, cost: Cost) -> Mark:
        apart = "" if cost.steady else f" (runs are {number(cost.apart)} apart)"
        says = f"{name}, {dimension} {size:,}: {number(cost.added)} {costs.unit}{apart}"
        return Mark(across(math.log2(size)), upward(cost.added), cost.steady, says)

    lines = []
    for place, its in found.items():
        name = label(costs.kernels[place])
        marks = tuple(mark(name, size, cost) for size, cost in its)
        lines.append(Line(name, Look.of(place), marks, _told(name, its)))
    return Chart(
        dimension=dimension,
        title=f"{costs.unit} added to {hook}, by {dimension}",
        beside=f"{costs.unit} added",
        below=f"{DIMENSIONS[dimension]} (logarithmic)",
        across=tuple(Tick(across(math.log2(it)), f"{it:,}") for it in sizes),
        up=tuple(Tick(upward(it), number(it)) for it in up),
        lines=tuple(lines),
        ends=tuple(_ends(lines)),
    )


def _told(name: str, its: Sequence[tuple[int, Cost]]) -> str:
    (first, low), (last, high) = its[0], its[-1]
    more = f", {number(high.added)} at {last:,}" if last != first else ""
    return f"{name}: {number(low.added)} at {first:,}{more}"


def _between(value: float, *, low: float, high: float, ends: tuple[float, float]) -> float:
    """Where a value lies between two ends, if ``low`` lies at the first."""
    first, last = ends
    return round(first + (value - low) / (high - low) * (last - first), 1)


def _steps(values: Iterable[float]) -> list[float]:
    """Round numbers from at most 0 to at least the greatest value."""
    its = [0.0, *values]
    low, high = min(its), max(its)
    if low == high:
        high = 1
    rough = (high - low) / _TICKS
    tens = 10.0 ** math.floor(math.log10(rough))
    step = max(1.0, next(tens * it for it in (1, 2, 5, 10) if tens * it >= rough))
    return [step * it for it in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _ends(lines: Sequence[Line]) -> Iterator[End]:
    """Names behind lines, none on another; none at all where they have no room."""
    if len(lines) * _LINE > FRAME.height:
        return
    ordered = sorted(lines, key=lambda it: it.marks[-1].y)
    for it, y in zip(ordered, _apart([it.marks[-1].y for it in ordered]), strict=True):
        yield End(_shortened(it.name), it.look, round(y, 1), it.marks[-1])


def _apart(wanted: Sequence[float]) -> Iterator[float]:
    """Heights a line apart, in the order of those wanted; what collides is a block around them."""
    blocks: list[list[float]] = []
    for y in wanted:
        block = [y]
        while blocks and _top(blocks[-1]) + len(blocks[-1]) * _LINE > _top(block):
            block = blocks.pop() + block
        blocks.append(block)
    for block in blocks:
        for place in range(len(block)):
            yield _top(block) + place * _LINE


def _top(block: Sequence[float]) -> float:
    """Where the first line of a block is, all of which are in the chart."""
    tall = (len(block) - 1) * _LINE
    return min(max(sum(block) / len(block) - tall / 2, _LINE), FRAME.height - _LINE - tall)


def _shortened(name: str) -> str:
    return name if len(name) <= _SHORT else f"{name[: _SHORT - 1]}…"
