# SPDX-License-Identifier: MIT
"""Where two kernels differ in what Landlock costs: the same call at the same point."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from suite.judge.costs import Cost, Kernel, Memory, Point

THRESHOLD = 0.02
"""The least change that is told of, as a part of what it was."""
LEAST = 2
"""Instructions, nanoseconds or bytes that are too few to be told of, whatever part they are."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a call costs otherwise than before; or what is kept in memory."""

    name: str
    """The call's, or what is kept."""
    point: Point | None
    """None for memory."""
    before: float
    after: float

    @property
    def part(self) -> float:
        """How much more it is, as a part of what it was: -0.5 for half of it."""
        return (self.after - self.before) / abs(self.before) if self.before else float("inf")


@dataclass(frozen=True, slots=True)
class Group:
    """What changed of a call, all in one direction."""

    name: str
    changes: tuple[Change, ...]
    """The one that is the greatest part comes first."""
    points: int
    """How many both kernels have."""

    @property
    def is_lone(self) -> bool:
        """Whether only one of many points changed.

        That may be chance: there, a call takes the last free object of a slab each time, on one
        kernel and not on the other.
        """
        return self.points > 1 == len(self.changes)


def changes(before: Kernel, after: Kernel, threshold: float = THRESHOLD) -> list[Change]:
    """What changed by more than a part of what it was, and by more than runs are apart."""
    was = {it.key: it for it in before.costs}
    found = [
        Change(it.hook, it.point, old.added, it.added)
        for it in after.costs
        if (old := was.get(it.key)) and _differ(old, it, old.added, it.added, threshold)
    ]
    kept = {it.what: it for it in before.memory}
    found += [
        Change(it.what, None, then.bytes, it.bytes)
        for it in after.memory
        if (then := kept.get(it.what)) and _differ(then, it, then.bytes, it.bytes, threshold)
    ]
    return found


def _differ(
    old: Cost | Memory, new: Cost | Memory, before: float, after: float, threshold: float
) -> bool:
    return abs(after - before) > max(LEAST, threshold * abs(before), old.apart + new.apart)


def grouped(found: Iterable[Change], after: Kernel) -> list[Group]:
    """Changes by call and direction; what is the greatest part of what it was comes first."""
    groups: dict[tuple[str, bool], list[Change]] = defaultdict(list)
    for it in found:
        groups[it.name, it.after > it.before].append(it)
    points: dict[str, int] = defaultdict(int)
    for cost in after.costs:
        points[cost.hook] += 1
    ordered = [
        Group(name, tuple(sorted(its, key=lambda it: -abs(it.part))), points.get(name, 1))
        for (name, _), its in groups.items()
    ]
    return sorted(ordered, key=lambda it: -abs(it.changes[0].part))


def neighbours(kernels: Sequence[Kernel]) -> Iterator[tuple[Kernel, Kernel]]:
    """Each kernel that was measured with the next one, in their order."""
    yield from pairwise([it for it in kernels if it.costs])
