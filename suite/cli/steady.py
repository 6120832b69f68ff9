# SPDX-License-Identifier: MIT
"""Whether this machine is steady enough for seconds to mean something."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from suite.errors import InfrastructureError

MOST_STOLEN = 0.05
"""Of the processor time that was wanted. A ratio of medians can be off by as much, if all of it
fell on one side; differences of less than twice that are nothing that anybody acts on."""
MOST_OF_OTHERS = 0.10
"""Of all processor time. With every processor in use, that slows us by a tenth, as above."""

_STAT = Path("/proc/stat")
_IDLE, _IOWAIT, _STEAL, _COLUMNS = 3, 4, 7, 8
"""Of the first line, after its name: proc(5). What follows is counted among the first already."""
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Ticks:
    """Processor time since boot, of all processors, in ticks."""

    busy: int
    stolen: int
    """Another guest of the hypervisor ran where this machine would have."""
    total: int

    def __sub__(self, earlier: Ticks) -> Ticks:
        """What passed since then."""
        return Ticks(
            self.busy - earlier.busy, self.stolen - earlier.stolen, self.total - earlier.total
        )


def ticks(stat: str) -> Ticks:
    """The first line of /proc/stat."""
    columns = [int(it) for it in stat.partition("\n")[0].split()[1 : _COLUMNS + 1]]
    total, stolen = sum(columns), columns[_STEAL]
    return Ticks(total - columns[_IDLE] - columns[_IOWAIT] - stolen, stolen, total)


def measured(what: str, measure: Callable[[], list[str]]) -> list[str]:
    """The lines of a measurement, if the machine was steady before, during and after it.

    The load of others is looked at while we pause: what processes use that their parent has
    not waited for (most of a local target's) can't be told from it otherwise.

    Raises:
        InfrastructureError: It was not; seconds would mean nothing.
    """
    _refuse(what, _load_of_others())
    begin = _now()
    result = measure()
    _refuse(what, robbed(_now() - begin))
    _refuse(what, _load_of_others())
    return result


def _refuse(what: str, why: str) -> None:
    if why:
        raise InfrastructureError(
            f"{what}: {why}; seconds mean nothing so: try again on a quiet machine (or --anyway)"
        )


def _now() -> Ticks:
    return ticks(_STAT.read_text(encoding="ascii"))


def _load_of_others() -> str:
    begin = _now()
    time.sleep(_PAUSE_S)
    passed = _now() - begin
    return crowded(passed) or robbed(passed)


def crowded(passed: Ticks) -> str:
    """What is wrong with a time in which we did nothing; empty if nothing is."""
    share = passed.busy / max(passed.total, 1)
    if share <= MOST_OF_OTHERS:
        return ""
    return f"others use {share:.0%} of the processors (at most {MOST_OF_OTHERS:.0%})"


def robbed(passed: Ticks) -> str:
    """What is wrong with a time of ours; empty if nothing is."""
    share = passed.stolen / max(passed.busy + passed.stolen, 1)
    if share <= MOST_STOLEN:
        return ""
    return f"{share:.0%} of the processor time was stolen (at most {MOST_STOLEN:.0%})"
