# SPDX-License-Identifier: MIT
"""From results to what is told of clients; ``reports/clients.schema.json`` says what it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from suite.judge.enforced import ClientFacts, ClientRecord, Enforced
from suite.judge.records import CaseRecord, Results, TargetRecord
from suite.landlock import abi

SCHEMA_VERSION = 1
ITSELF = "itself"
"""The row of programs that restrict themselves alone: whether they still work."""
_VM, _LYING = "vm:", "lying:"
_FLAGS = ("restrict.", "add_rule.")
_TAKEN = "the client sets it, and the kernel takes it"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A client, in one of its modes."""

    name: str
    mode: str
    version: str
    knows: int
    """The newest ABI version that it knows, by its own words; 0 if it does not say."""
    asked: int
    """The newest ABI version of all that it was seen to ask for; 0 if it asked for nothing."""
    flags: list[str]
    """The flags of calls that it was seen to set, such as ``restrict.tsync``."""
    above: str
    """What it does on kernels that know more than it."""
    below: str
    """What it does on kernels that know less."""

    @property
    def title(self) -> str:
        """Name, version and mode."""
        words = " ".join(filter(None, (self.name, self.version)))
        return f"{words} ({self.mode})" if self.mode else words


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel, as the clients saw it."""

    name: str
    """``6.12``, ``local``; ``lying:SHAPE/…`` of one that lies."""
    release: str
    abi: int
    errata: int | None


class Cell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client makes of one right on one kernel: the worst of its cases."""

    column: int
    """Which of the columns."""
    enforced: Enforced
    reason: str = ""
    command: str = ""
    said: str = ""
    refused: list[str] = []
    """Calls that the kernel refused to the client."""
    cases: list[str] = []
    """The cases that came to this."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A right, scope or flag on a kernel."""

    feature: str
    since: int
    place: int
    """Which of the places."""
    cells: list[Cell]
    """Of the columns that have something to say of it."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that a client has, or meets."""

    column: int
    enforced: Enforced
    reason: str
    features: list[str]
    places: list[int]


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A client on a kernel of which nothing is known."""

    target: str
    reason: str


class Clients(msgspec.Struct, kw_only=True):
    """All that was seen of clients."""

    schema: int = SCHEMA_VERSION
    landproof: str
    started: str
    columns: list[Column]
    places: list[Place]
    findings: list[Finding]
    """The worst first."""
    rows: list[Row]
    missing: list[Missing]


def build(results: Results) -> Clients:
    """Arrange what results have of clients."""
    told = [it for it in results.targets if it.facts and it.facts.client]
    keys = dict.fromkeys(_key(it) for it in told)
    places = {name: _place(name, it) for it in told if (name := _name(it))}
    columns, names = list(keys), list(places)
    cells: dict[tuple[str, int], list[Cell]] = defaultdict(list)
    for target in told:
        where, which = names.index(_name(target)), columns.index(_key(target))
        for feature, cell in _cells(target, which):
            cells[feature, where].append(cell)
    order = {feature: number for number, feature in enumerate((ITSELF, *abi.FEATURES))}
    rows = [
        Row(
            feature=feature,
            since=abi.FEATURES[feature].since if feature in abi.FEATURES else 0,
            place=where,
            cells=sorted(found, key=lambda it: it.column),
        )
        for (feature, where), found in sorted(
            cells.items(), key=lambda it: (order[it[0][0]], it[0][1])
        )
    ]
    return Clients(
        landproof=results.landproof,
        started=results.started,
        columns=[_column(key, told, rows, number, list(places.values()))
                 for number, key in enumerate(columns)],
        places=list(places.values()),
        findings=_findings(rows),
        rows=rows,
        missing=list(_missing(results)),
    )  # fmt: skip


def _missing(results: Results) -> Iterator[Missing]:
    for target in results.targets:
        if not target.facts:
            yield Missing(target=target.name, reason=_why(target))


def _why(target: TargetRecord) -> str:
    """Why nothing is known of a target."""
    return target.reason or next((it.reason for it in target.cases), "")


def _client(target: TargetRecord) -> ClientFacts:
    assert target.facts is not None  # noqa: S101 (only targets that came up are asked)
    assert target.facts.client is not None  # noqa: S101 (only targets that have one are asked)
    return target.facts.client


def _key(target: TargetRecord) -> tuple[str, str]:
    return _client(target).name, _client(target).mode


def _name(target: TargetRecord) -> str:
    """The kernel of a target: what stands behind the client."""
    return target.name.rpartition("@")[2].replace(_VM, "")


def _place(name: str, target: TargetRecord) -> Place:
    assert target.facts is not None  # noqa: S101 (only targets that came up are asked)
    facts = target.facts
    return Place(name=name, release=facts.release, abi=facts.abi, errata=facts.errata)


def _cells(target: TargetRecord, which: int) -> Iterator[tuple[str, Cell]]:
    """A cell for each right of which cases say something."""
    canary = _client(target).canary
    if canary is not None:
        yield ITSELF, _cell(which, [(canary, "")])
        return
    by_feature: dict[str, list[tuple[ClientRecord, str]]] = defaultdict(list)
    for case in target.cases:
        for feature in _features(case):
            assert case.client is not None  # noqa: S101 (as it has features)
            by_feature[feature].append((case.client, case.id))
    for feature, records in by_feature.items():
        yield feature, _cell(which, records)
    yield from _flags(target, which)


def _flags(target: TargetRecord, which: int) -> Iterator[tuple[str, Cell]]:
    """A cell for each flag that the client sets by itself: no policy of a case asks for one."""
    seen = [(case.client, case.id) for case in target.cases if case.client]
    for flag in (label for label in abi.FEATURES if label.startswith(_FLAGS)):
        refused = [it for it in seen if any(f"({flag})" in line for line in it[0].refused)]
        if refused:
            yield flag, _cell(which, refused)
        elif any(flag in record.asked for record, _ in seen):
            yield flag, Cell(column=which, enforced=Enforced.ENFORCES, reason=_TAKEN)


def _features(case: CaseRecord) -> Iterable[str]:
    if case.client is None or case.client.enforced is Enforced.NOT_SHOWN:
        return ()
    return case.covers


def _cell(which: int, records: Sequence[tuple[ClientRecord, str]]) -> Cell:
    worst, _ = max(records, key=lambda it: it[0].enforced.rank)
    return Cell(
        column=which,
        enforced=worst.enforced,
        reason=worst.reason,
        command=worst.command,
        said=worst.said.strip(),
        refused=worst.refused,
        cases=[name for record, name in records if record.enforced is worst.enforced and name],
    )


def _findings(rows: Iterable[Row]) -> list[Finding]:
    """Cells that are faults, together where column and reason are the same."""
    found: dict[tuple[int, Enforced, str], list[Row]] = defaultdict(list)
    for row in rows:
        for cell in row.cells:
            if cell.enforced.is_fault:
                found[cell.column, cell.enforced, cell.reason].append(row)
    findings = [
        Finding(
            column=column,
            enforced=enforced,
            reason=reason,
            features=list(dict.fromkeys(it.feature for it in its)),
            places=sorted({it.place for it in its}),
        )
        for (column, enforced, reason), its in found.items()
    ]
    return sorted(findings, key=lambda it: (-it.enforced.rank, it.column, it.features))


def _column(
    key: tuple[str, str],
    targets: Sequence[TargetRecord],
    rows: Sequence[Row],
    number: int,
    places: Sequence[Place],
) -> Column:
    own = [it for it in targets if _key(it) == key]
    facts = _client(own[0])
    labels = {label for it in own for label in _asked(it)}
    asked = max((abi.FEATURES[it].since for it in labels), default=0)
    knows = facts.knows or asked
    seen = [
        (row, cell, places[row.place].abi)
        for row in rows
        for cell in row.cells
        if cell.column == number and not places[row.place].name.startswith(_LYING)
    ]
    return Column(
        name=facts.name,
        mode=facts.mode,
        version=facts.version,
        knows=facts.knows,
        asked=asked,
        flags=sorted(it for it in labels if it.startswith(_FLAGS)),
        above=_does((row, cell) for row, cell, has in seen if knows < row.since <= has),
        below=_does((row, cell) for row, cell, has in seen if has < row.since <= knows),
    )


def _asked(target: TargetRecord) -> Iterator[str]:
    """All that a client asked for on a target, by labels."""
    canary = _client(target).canary
    for record in (*(it.client for it in target.cases), canary):
        if record is not None:
            yield from record.asked


def _does(seen: Iterable[tuple[Row, Cell]]) -> str:
    """What became of rights, in a few words: ``degrades silently (fs.truncate)``."""
    found: dict[Enforced, dict[str, None]] = defaultdict(dict)
    for row, cell in seen:
        found[cell.enforced][row.feature] = None
    return "; ".join(
        f"{enforced} ({', '.join(features)})"
        for enforced, features in sorted(found.items(), key=lambda it: -it[0].rank)
    )
