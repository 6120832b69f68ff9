# SPDX-License-Identifier: MIT
"""What is told of clients, in words: the answer, the faults, and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reports.clients.build import Clients, Finding
from suite.judge.enforced import Enforced

_MOST_NAMED = 6


def headline(clients: Clients) -> str:
    """What it came to, in a line."""
    if not clients.columns:
        return "No client was run" + (": see why below" if clients.missing else "")
    names = {it.name for it in clients.columns}
    where = _count(len(clients.places), "kernel")
    faults = Counter(it.enforced for it in clients.findings)
    if not faults:
        return f"{_count(len(names), 'client')} on {where}: nothing is dropped silently, or breaks"
    owners = {
        kind: {clients.columns[it.column].name for it in clients.findings if it.enforced is kind}
        for kind in sorted(faults, key=lambda it: -it.rank)
    }
    said = ", ".join(f"{kind}: {len(its)}" for kind, its in owners.items())
    return f"Of {_count(len(names), 'client')} on {where}, {said}"


def findings(clients: Clients) -> Iterator[tuple[str, str, str, str, str]]:
    """A line a fault: which client, what, of which rights, where, and why."""
    for it in clients.findings:
        yield (
            clients.columns[it.column].title,
            str(it.enforced),
            _few(it.features),
            _where(clients, it),
            it.reason.partition("\n")[0],
        )


def table(clients: Clients) -> tuple[list[str], list[list[str]]]:
    """Head and rows: a right and kernel a row, a client a column."""
    head = ["right", "ABI", "kernel", *(it.title for it in clients.columns)]
    rows = []
    for row in clients.rows:
        marks = {it.column: it.enforced.mark for it in row.cells}
        place = clients.places[row.place]
        rows.append(
            [
                row.feature,
                str(row.since or ""),
                f"{place.name} (ABI {place.abi})",
                *(
                    marks.get(number, Enforced.NOT_SHOWN.mark)
                    for number in range(len(clients.columns))
                ),
            ]
        )
    return head, rows


def summaries(clients: Clients) -> tuple[list[str], list[list[str]]]:
    """Head and rows: a client a row, a kernel a column, what became of its rights in a cell."""
    head = ["client", "knows ABI", *(f"{it.name} (ABI {it.abi})" for it in clients.places)]
    counts: dict[tuple[int, int], Counter[Enforced]] = {}
    for row in clients.rows:
        for cell in row.cells:
            counts.setdefault((cell.column, row.place), Counter())[cell.enforced] += 1
    rows = []
    for number, column in enumerate(clients.columns):
        cells = (_counted(counts.get((number, where))) for where in range(len(clients.places)))
        rows.append([column.title, str(column.knows or column.asked or "?"), *cells])
    return head, rows


def knowledge(clients: Clients) -> Iterator[tuple[str, str, str, str, str]]:
    """A line a client: what it knows at most, what it does below and above that, its flags."""
    for it in clients.columns:
        knows = f"ABI {it.knows or it.asked}" if it.knows or it.asked else "?"
        flags = ", ".join(it.flags) or "none"
        yield it.title, knows, it.below or "not seen", it.above or "not seen", flags


def legend() -> Iterator[tuple[str, str]]:
    """What the marks mean."""
    for it in Enforced:
        yield it.mark.strip() or "(empty)", str(it)


def _counted(counts: Counter[Enforced] | None) -> str:
    if counts is None:
        return Enforced.NOT_SHOWN.mark
    shown = sorted((it for it in counts if it.mark.strip()), key=lambda it: -it.rank)
    return ", ".join(f"{counts[it]} {it.mark}" for it in shown) or "-"


def _where(clients: Clients, finding: Finding) -> str:
    return ", ".join(clients.places[it].name for it in finding.places)


def _few(names: list[str]) -> str:
    if len(names) <= _MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED} more"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
