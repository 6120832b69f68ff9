# SPDX-License-Identifier: MIT
"""What is known of a case before it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from suite.run import rows
from suite.run.rows import Case
from suite.run.selection import Names, names
from suite.targets.filesystems import FileSystem


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A case as its file declares it."""

    id: str
    summary: str
    source: str
    covers: tuple[str, ...]
    answers: tuple[str, ...]
    """Behaviours, by id."""
    needs: tuple[str, ...]
    vm_only: bool
    filesystem: FileSystem | None
    """The one that its files lie on, if it asks for one."""
    clauses: tuple[tuple[str, str], ...]
    """Which kernels, and what they owe; empty where that is known only when the case runs."""
    file: str
    """Relative to the folder above ``cases``."""
    line: int
    """Of the function, from 1 on."""
    before: str
    """What pytest calls the case, up to the name of the target."""
    after: str
    """The rest of it."""

    def node(self, target: str) -> str:
        """What pytest calls the case on a target."""
        return f"{self.before}{target}{self.after}"


class Collector:
    """A pytest plugin: the cases of a collection, by id; for a run with one target."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.cases: dict[str, Declared] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep what the items say of themselves."""
        for item in session.items:
            if rows.target_of(item) == self.target:
                case = _declared(item, self.target)
                self.cases[case.id] = case


def _declared(item: pytest.Item, target: str) -> Declared:
    told = rows.describe(item)
    file, line, _ = item.location
    before, _, after = item.nodeid.partition(f"[{target}")
    callspec = getattr(item, "callspec", None)
    return Declared(
        id=told["id"],
        summary=told["summary"],
        source=told["source"],
        covers=tuple(told["covers"]),
        answers=tuple(told["answers"]),
        needs=tuple(need.value for mark in item.iter_markers("needs") for need in mark.args),
        vm_only=item.get_closest_marker("vm_only") is not None,
        filesystem=callspec.params.get("filesystem") if callspec else None,
        clauses=tuple(_clauses(item)),
        file=file,
        line=(line or 0) + 1,
        before=f"{before}[",
        after=after,
    )


def _clauses(item: pytest.Item) -> Iterator[tuple[str, str]]:
    callspec = getattr(item, "callspec", None)
    row = callspec.params.get("case") if callspec else None
    if not isinstance(row, Case):
        return
    for clause in row.expect:
        owed = str(clause.outcome or "create_ruleset: ENOSYS, or EOPNOTSUPP if disabled at boot")
        yield str(clause), f"{owed} (without {clause.bug.name})" if clause.bug else owed


def names_of(case: Declared) -> Names:
    """What the case is called."""
    return names(case.id, case.before.rpartition("::")[2].removesuffix("["))
