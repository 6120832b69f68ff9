# SPDX-License-Identifier: MIT
"""What is known of a case before it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from suite.run import choice, rows
from suite.run.brief import brief
from suite.run.choice import Entry
from suite.run.rows import Case, Row
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
    """A pytest plugin in place of its own collection: the cases by id, and no test of any."""

    def __init__(self) -> None:
        self.cases: dict[str, Declared] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool | None:
        """Keep what the files say of the cases; if one can't be read, let pytest say why."""
        entries, unread = choice.declared(session)
        if unread:
            return None
        if session.config.getoption("brief"):
            entries = brief(entries)
        for entry in entries:
            self.cases[entry.id] = _declared(entry, session.config.rootpath)
        session.testscollected = len(entries)
        return True


def _declared(entry: Entry, root: Path) -> Declared:
    row, name = entry.variant.case, entry.variant.id
    told = rows.described(entry.id, entry.function, entry.module, entry.marks, row)
    file = str(entry.path.relative_to(root))
    return Declared(
        id=entry.id,
        summary=told["summary"],
        source=told["source"],
        covers=tuple(told["covers"]),
        answers=tuple(told["answers"]),
        needs=tuple(need.value for need in entry.needs),
        vm_only=entry.vm_only,
        filesystem=entry.variant.filesystem,
        clauses=tuple(_clauses(row)),
        file=file,
        line=entry.function.__code__.co_firstlineno,
        before=f"{file}::{entry.function.__name__}[",
        after=f"-{name}]" if name else "]",
    )


def _clauses(row: Row | None) -> Iterator[tuple[str, str]]:
    if not isinstance(row, Case):
        return
    for clause in row.expect:
        owed = str(clause.outcome or "create_ruleset: ENOSYS, or EOPNOTSUPP if disabled at boot")
        yield str(clause), f"{owed} (without {clause.bug.name})" if clause.bug else owed


def names_of(case: Declared) -> Names:
    """What the case is called."""
    return names(case.id, case.before.rpartition("::")[2].removesuffix("["))
