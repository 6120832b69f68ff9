# SPDX-License-Identifier: MIT
"""The brief run: each behaviour once, where a full one has each in all its combinations.

Most behaviours are shown by several cases: by way of the call, by relation of domains, by file
system. On an emulated kernel all of them take a minute or two, and a matrix has many kernels.
"""

from collections.abc import Sequence

from suite.landlock.abi import LIMITS
from suite.run.choice import Entry
from suite.run.selection import select

_WHOLE = ("claims/", "history/")
"""Areas where no case stands for another: what is claimed, and each known bug."""
_BOUNDS = {it for limit in LIMITS.values() for it in (*limit.behaviours, *limit.without)}
"""Behaviours that are shown from both sides: the last that is taken, and the first that is not."""


def brief(entries: Sequence[Entry]) -> list[Entry]:
    """Which cases are run.

    A case is run that is the first of its function, the first to show a behaviour, or about a
    limit. Those that need least come first, so that few of them are skipped.
    """
    seen: set[object] = set()
    run: set[str] = set()
    for entry in sorted(entries, key=_demands):
        shows = {(entry.path, entry.function.__name__), *entry.answers}
        if entry.id.startswith(_WHOLE) or not shows <= seen or shows & _BOUNDS:
            seen |= shows
            run.add(entry.id)
    return [entry for entry in entries if entry.id in run]


def wanted(entries: Sequence[Entry], text: str | None, *, short: bool) -> list[Entry]:
    """Which cases are run: of those that an expression means, in a brief run, some.

    Raises:
        UsageError: It is no expression.
    """
    kept = select(entries, text) if text else list(entries)
    return brief(kept) if short else kept


def _demands(entry: Entry) -> tuple[bool, int]:
    """What a case asks of a target; those that are run anyway ask for nothing."""
    return (False, -1) if entry.id.startswith(_WHOLE) else (entry.vm_only, len(entry.needs))
