# SPDX-License-Identifier: MIT
"""What several runs found, as one number each, and how far they agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from suite.cost.measure import Measured
from suite.cost.memory import Kept
from suite.judge.costs import TOLERANCE, Cost, Memory, Point


def costs(runs: Sequence[Sequence[Measured]]) -> list[Cost]:
    """The costs that runs on equal machines found, in the order in which they were measured."""
    found: dict[tuple[str, Point], list[Measured]] = defaultdict(list)
    for run in runs:
        for it in run:
            found[it.hook, it.point].append(it)
    return [
        Cost(
            hook=hook,
            point=point,
            bare=round(median(it.bare for it in its), 1),
            added=round(median(it.added for it in its), 1),
            apart=round(apart, 1),
            steady=agree(apart, median(it.added for it in its)),
        )
        for (hook, point), its in found.items()
        for apart in [max(_apart([it.added for it in its]), *(2 * it.error for it in its))]
    ]


def memories(runs: Sequence[Sequence[Kept]]) -> list[Memory]:
    """What runs found to be kept in memory."""
    found: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        for it in run:
            found[it.what].append(it.bytes)
    return [
        Memory(
            what=what,
            bytes=round(median(its), 1),
            apart=round(_apart(its), 1),
            steady=agree(_apart(its), median(its)),
        )
        for what, its in found.items()
    ]


def agree(apart: float, of: float) -> bool:
    """Whether runs that are so far apart found the same; one instruction or byte is nothing."""
    return apart <= max(1, TOLERANCE * abs(of))


def _apart(values: Sequence[float]) -> float:
    return max(values) - min(values)
