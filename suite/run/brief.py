# SPDX-License-Identifier: MIT
"""The brief run: each behaviour once, where a full one has each in all its combinations.

Most behaviours are shown by several cases: by way of the call, by relation of domains, by file
system. On an emulated kernel all of them take a minute or two, and a matrix has many kernels.
"""

from collections.abc import Iterable, Sequence

import pytest

from suite.landlock.abi import LIMITS
from suite.run import rows

_WHOLE = ("claims/", "history/")
"""Areas where no case stands for another: what is claimed, and each known bug."""
_BOUNDS = {it for limit in LIMITS.values() for it in (*limit.behaviours, *limit.without)}
"""Behaviours that are shown from both sides: the last that is taken, and the first that is not."""


def brief(items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Which items are run, and which are left out; the same cases on every target.

    A case is run that is the first of its function, the first to show a behaviour, or about a
    limit. Those that need least come first, so that few of them are skipped.
    """
    first = next((name for item in items if (name := rows.target_of(item))), "")
    chosen = _chosen(item for item in items if rows.target_of(item) == first)
    run: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        kept = not rows.target_of(item) or rows.case_id(item) in chosen
        (run if kept else left_out).append(item)
    return run, left_out


def _chosen(items: Iterable[pytest.Item]) -> set[str]:
    seen: set[str] = set()
    chosen: set[str] = set()
    for item in sorted(items, key=_demands):
        case, function = rows.case_id(item), item.nodeid.partition("[")[0]
        shows = {function, *rows.answered(item)}
        if case.startswith(_WHOLE) or not shows <= seen or shows & _BOUNDS:
            seen |= shows
            chosen.add(case)
    return chosen


def _demands(item: pytest.Item) -> tuple[bool, int]:
    """What a case asks of a target; those that are run anyway ask for nothing."""
    if rows.case_id(item).startswith(_WHOLE):
        return False, -1
    needs = sum(len(mark.args) for mark in item.iter_markers("needs"))
    return item.get_closest_marker("vm_only") is not None, needs
