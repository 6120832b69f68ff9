# SPDX-License-Identifier: MIT
"""What is told of each known bug, and the cases that show it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reports import words
from reports.answer import Answer, BugRow, beneath
from reports.html.top import anchor, link, loud
from reports.matrix import Deviation, Matrix


@dataclass(frozen=True, slots=True)
class Entry:
    """A way in which a case deviated, or a reason why cases were not judged."""

    title: str
    says: str
    lines: list[tuple[str, str]]
    known: bool
    link: str


@dataclass(frozen=True, slots=True)
class Group:
    """A bug; or, without what is told of a bug, what is new or only listed."""

    anchor: str
    impact: str
    loud: str
    title: str
    says: str
    lines: list[tuple[str, str]]
    links: list[tuple[str, str]]
    """Labels and addresses of what no line names."""
    entries: list[Entry]
    shown: list[tuple[str, str]]
    """Other cases that show it, with their links."""

    @property
    def cases(self) -> int:
        """How many cases there are."""
        return len({it.title for it in self.entries}) + len(self.shown)


def groups(told: Answer, matrix: Matrix) -> Iterator[Group]:
    """New deviations, each known bug, then what is only listed."""
    names = {kernel.target: kernel.name for kernel in told.kernels}
    found = {
        title: [_entry(it, names) for it in each] for title, each in beneath(told.bugs, matrix)
    }
    rows = {row.label: row for row in told.bugs}
    for title in ["New", *rows, "Listed as known"]:
        entries = found.pop(title, [])
        if row := rows.get(title):
            yield _bug(row, told, entries)
        elif entries:
            alarm = title == "New"
            yield Group(
                anchor=title.split()[0].lower(),
                impact="new" if alarm else "listed",
                loud="bad" if alarm else "low",
                title="No known bug explains it" if alarm else "No known bug, but listed as known",
                says="",
                lines=[],
                links=[],
                entries=entries,
                shown=[],
            )


def _bug(row: BugRow, told: Answer, entries: list[Entry]) -> Group:
    bug = row.bug
    listed = {it.title for it in entries}
    others = [case for case in row.cases if case not in listed]
    named = {bug.commit, bug.cve} if bug else set()
    return Group(
        anchor=anchor(row),
        impact=row.impact,
        loud=loud(row.impact),
        title=row.label,
        says=row.says,
        lines=[*_told(row)],
        links=[it for it in bug.links.items() if it[0] not in named] if bug else [],
        entries=entries,
        shown=[(case, _link(case, row, told)) for case in others],
    )


def _told(row: BugRow) -> Iterator[tuple[str, str]]:
    if bug := row.bug:
        named = ", ".join(filter(None, (bug.commit or "unknown commit", bug.cve)))
        yield "fixed by", f'"{bug.subject}" ({named})'
        yield "fixed in", bug.releases
        yield "since", f"{bug.since}{f', brought by {bug.brought_by}' if bug.brought_by else ''}"
        if bug.workaround:
            yield "until then", bug.workaround


def _link(case: str, row: BugRow, told: Answer) -> str:
    """To a kernel on which a case shows the bug; empty if nothing is known of it."""
    pairs = zip(told.kernels, row.cells, strict=True)
    names = [kernel.name for kernel, cell in pairs if case in cell.cases]
    return link(names[0], case) if names else ""


def _entry(it: Deviation, names: Mapping[str, str]) -> Entry:
    on = [names[target] for target in it.targets]
    # The known bug is what it stands beneath.
    lines = [line for line in words.evidence(it) if line[0] != "known bug"]
    where = link(on[0], it.case)
    return Entry(it.case, it.summary, [("on", ", ".join(on)), *lines], bool(it.known), where)
