# SPDX-License-Identifier: MIT
"""How a run is cut into shards, each for a machine of its own.

Whoever plans the same run with the same measured times comes to the same plan: so each machine
makes it anew, and no file has to travel to it.
"""

from collections.abc import Iterable, Mapping, Sequence

from suite.errors import UsageError
from suite.judge.records import Part, Results

START_S = 20.0
"""What a kernel costs a shard besides its cases: to be fetched and booted, all cases to be read."""
_CASE_S = 0.02
"""A case that nobody has measured, under emulation."""


class Times:
    """How long cases take.

    Args:
        measured: An earlier run; None where there is none.
    """

    def __init__(self, measured: Results | None = None) -> None:
        targets = measured.targets if measured else []
        self._known = {
            (target.name, case.id): case.seconds for target in targets for case in target.cases
        }
        by_case: dict[str, list[float]] = {}
        for (_, case), seconds in self._known.items():
            by_case.setdefault(case, []).append(seconds)
        self._usual = {case: _mean(them) for case, them in by_case.items()}
        self._any = _mean(self._known.values()) or _CASE_S

    def of(self, target: str, case: str) -> float:
        """Seconds: as measured there, else on other targets, else of any case."""
        return self._known.get((target, case), self._usual.get(case, self._any))

    def of_part(self, part: Part, cases: Sequence[str]) -> float:
        """Seconds of all that a shard does on a target."""
        return START_S + sum(self.of(part.target, it) for it in cases[part.first : part.end])


def plan(targets: Sequence[str], cases: Sequence[str], shards: int, times: Times) -> list[Part]:
    """What each shard runs, target by target.

    Kernels stay whole as long as the longest shard does not become shorter by cutting them.

    Args:
        targets: Their names.
        cases: Ids, in the order in which they are run on each.
        shards: How many.
        times: How long cases take.

    Raises:
        UsageError: There are fewer cases than shards.
    """
    if shards > len(targets) * len(cases):
        raise UsageError(
            f"{shards} shards for {len(targets) * len(cases)} cases: some would have nothing to run"
        )
    cut = _cut(targets, cases, shards, times)
    if shards > len(targets):
        return cut
    whole = _whole(targets, cases, shards, times)
    return min(whole, cut, key=lambda parts: max(lengths(parts, cases, times).values()))


def lengths(parts: Iterable[Part], cases: Sequence[str], times: Times) -> Mapping[int, float]:
    """How many seconds each shard takes, on one machine at a time."""
    found: dict[int, float] = {}
    for part in parts:
        found[part.shard] = found.get(part.shard, 0.0) + times.of_part(part, cases)
    return found


def _whole(targets: Sequence[str], cases: Sequence[str], shards: int, times: Times) -> list[Part]:
    """The longest target first, each to the shard that has least to do."""
    wholes = [Part(shard=0, target=name, first=0, end=len(cases)) for name in targets]
    taken = {part.target: times.of_part(part, cases) for part in wholes}
    busy = dict.fromkeys(range(1, shards + 1), 0.0)
    shard_of: dict[str, int] = {}
    for name in sorted(targets, key=lambda name: -taken[name]):
        shard = min(busy, key=lambda number: busy[number])
        shard_of[name] = shard
        busy[shard] += taken[name]
    return [
        Part(shard=shard_of[it.target], target=it.target, first=it.first, end=it.end)
        for it in wholes
    ]


def _cut(targets: Sequence[str], cases: Sequence[str], shards: int, times: Times) -> list[Part]:
    """All cases in a row, cut into pieces that take equally long.

    So no target is in more pieces than it has to, and neighbouring cases, which need the same file
    systems, stay together.
    """
    row = [times.of(name, case) for name in targets for case in cases]
    total = sum(row) or 1.0
    shard, ended = -1, 0.0
    of_case: list[int] = []
    for at, seconds in enumerate(row):
        middle = int(shards * (ended + seconds / 2) / total)
        # None goes without a case, however long a single one takes.
        shard = max(min(middle, shard + 1), shard, shards - (len(row) - at), 0)
        shard = min(shard, shards - 1)
        of_case.append(shard)
        ended += seconds
    parts = []
    for number, name in enumerate(targets):
        own = of_case[number * len(cases) : (number + 1) * len(cases)]
        for it in sorted(set(own)):
            first = own.index(it)
            parts.append(Part(shard=it + 1, target=name, first=first, end=first + own.count(it)))
    return parts


def _mean(numbers: Iterable[float]) -> float:
    found = list(numbers)
    return sum(found) / len(found) if found else 0.0
