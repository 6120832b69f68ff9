# SPDX-License-Identifier: MIT
"""Areas and features by kernel, and what lies behind each cell that is not calm."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from reports.kernel_line import CLAIMS, by_abi, count
from suite.judge.outcome import Outcome
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from suite.landlock import abi as table

KNOWN = "dev"
"""The mark that stands in the legend for all known faults."""

LEGEND = (
    ("ok 9", "9 cases conform; absent ones are not counted"),
    ("ok 8/9", "8 of 9 cases conform; the others were skipped"),
    ("-", "absent: the kernel does not claim it, and answers as a kernel without it must"),
    ("unfix", "the erratum is not claimed, and the old behaviour was seen"),
    ("DEV", "what was observed is not what the kernel owes"),
    ("CRASH", "the kernel or the agent died"),
    ("HUNG", "a call outlived its limit"),
    ("LOST", "nothing was heard"),
    ("BROKEN", "the set-up failed; not counted for or against the kernel"),
    (KNOWN, "in small letters: every fault of the cell is listed as known"),
    ("skip", "this environment can't show it"),
    ("2/9", "in 2 of 9 cases; absent ones are not counted"),
    ("+", "other faults as well"),
    ("blank", "no case ran"),
)
"""Every mark of a cell; renderers show the ones in use."""


def word(verdict: Verdict, *, known: bool = False) -> str:
    """What a cell says of it; known faults are in small letters."""
    return verdict.mark.lower() if known else verdict.mark


def weight(verdict: Verdict, *, known: bool = False) -> tuple[bool, int]:
    """Sorts from calm to worst; a fault that is listed as known is calmer than any other fault."""
    return verdict.bad and not known, verdict.rank


def is_known(case: CaseRecord) -> bool:
    """Whether it is a fault that is listed as known."""
    return bool(case.known) and case.verdict.bad


@dataclass(frozen=True, slots=True)
class Cell:
    """What the cases of one row say about one target."""

    counts: dict[Verdict, int]
    known: dict[Verdict, int] = field(default_factory=dict)
    """How many of the faults are listed as known."""

    @property
    def worst(self) -> Verdict | None:
        """The verdict that names the cell; None when no case ran.

        Faults that are listed as known come after all others.
        """
        return max(
            self.counts,
            key=lambda verdict: weight(verdict, known=not self._new(verdict)),
            default=None,
        )

    @property
    def all_known(self) -> bool:
        """Whether there is a fault, and every one is listed as known."""
        return bool(self.known) and not any(self._new_faults())

    def __str__(self) -> str:
        return self.text()

    def text(self, *, short: bool = False) -> str:
        """The mark; ``short`` leaves out of how many."""
        if self.worst is None:
            return ""
        if self.worst is Verdict.ABSENT:
            return self.worst.mark
        number = self.known[self.worst] if self.all_known else self._new(self.worst)
        total = sum(self.counts.values()) - self.counts.get(Verdict.ABSENT, 0)
        share = "" if short or number == total else f"/{total}"
        faults = [*self.known, *self._new_faults()]
        more = "+" if len(faults) > 1 else ""
        return f"{word(self.worst, known=self.all_known)} {number}{share}{more}"

    def _new(self, verdict: Verdict) -> int:
        """How many are not listed as known."""
        return self.counts.get(verdict, 0) - self.known.get(verdict, 0)

    def _new_faults(self) -> Iterator[Verdict]:
        return (verdict for verdict in self.counts if verdict.bad and self._new(verdict))


@dataclass(frozen=True, slots=True)
class Row:
    """An area, or a feature covered in it."""

    area: str
    feature: str
    """Empty in the row of the area itself."""
    since: int | None
    """The ABI version that introduced the feature, where we know it."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One way in which a case deviated, and the targets where it did."""

    case: str
    targets: tuple[str, ...]
    summary: str
    source: str
    clause: str
    expected: Outcome | None
    observed: Outcome | None
    control: Outcome | None
    bug: str
    known: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Cases that were not judged, for one reason, and the targets where they were not."""

    verdict: Verdict
    targets: tuple[str, ...]
    cases: tuple[str, ...]
    reason: str
    known: str
    bug: str
    """The known bug of which a kernel died, as a record names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The whole table."""

    targets: tuple[str, ...]
    rows: tuple[Row, ...]
    uncovered: tuple[str, ...]
    """Known features that no case covers."""
    deviations: tuple[Deviation, ...]
    silences: tuple[Silence, ...]
    """Crashed, hung, lost, broken and skipped cases, then those that are listed as known."""

    @property
    def unreached(self) -> tuple[str, ...]:
        """Upcoming features of which no target has anything: what cases expect is a claim."""
        counts: dict[str, set[Verdict]] = {}
        for row in self.rows:
            if row.since is not None and table.ABIS[row.since].upcoming:
                seen = counts.setdefault(row.feature, set())
                seen.update(verdict for cell in row.cells for verdict in cell.counts)
        return tuple(
            feature
            for feature in sorted(counts, key=by_abi)
            if all(it is Verdict.ABSENT or not it.judged for it in counts[feature])
        )


def build(results: Results) -> Matrix:
    """The matrix of a run: targets in the order of the run, features by ABI version.

    The area ``claims`` comes first, since the kernels' lines rest on it; the others by name.
    """
    # By area and feature, then by target: a large run has 30000 cases and 200 rows.
    found: dict[str, dict[str, list[list[CaseRecord]]]] = {}
    for place, target in enumerate(results.targets):
        for case in target.cases:
            area = found.setdefault(area_of(case), {})
            for feature in dict.fromkeys(["", *case.covers]):
                if feature not in area:
                    area[feature] = [[] for _ in results.targets]
                area[feature][place].append(case)
    rows = [
        _row(area, feature, found[area][feature])
        for area in sorted(found, key=lambda area: (area != CLAIMS, area))
        for feature in sorted(found[area], key=lambda feature: (feature != "", by_abi(feature)))
    ]
    seen = frozenset().union(*found.values())
    return Matrix(
        targets=tuple(target.name for target in results.targets),
        rows=tuple(rows),
        uncovered=tuple(sorted(table.FEATURES.keys() - seen, key=by_abi)),
        deviations=_deviations(results.targets),
        silences=_silences(results.targets),
    )


def area_of(case: CaseRecord) -> str:
    """The first component of a case's id."""
    return case.id.partition("/")[0]


def _row(area: str, feature: str, cases: Iterable[Sequence[CaseRecord]]) -> Row:
    return Row(
        area=area,
        feature=feature,
        since=table.FEATURES[feature].since if feature in table.FEATURES else None,
        cells=tuple(map(_cell, cases)),
    )


def _cell(cases: Sequence[CaseRecord]) -> Cell:
    known = count(case.verdict for case in cases if is_known(case))
    return Cell(count(case.verdict for case in cases), known)


def _deviations(targets: Iterable[TargetRecord]) -> tuple[Deviation, ...]:
    """Each once: targets that deviated alike share an entry. Known ones come last."""
    alike: dict[tuple[object, ...], tuple[CaseRecord, list[str]]] = {}
    for target in targets:
        for case in target.cases:
            if case.verdict is Verdict.DEVIATES:
                # Not the clause: kernels may owe the same under different clauses.
                key = (
                    case.id,
                    case.expected,
                    case.observed,
                    case.control,
                    case.bug,
                    case.known,
                    case.reason,
                )
                alike.setdefault(key, (case, []))[1].append(target.name)
    return tuple(
        Deviation(
            case=case.id,
            targets=tuple(names),
            summary=case.summary,
            source=case.source,
            clause=case.clause,
            expected=case.expected,
            observed=case.observed,
            control=case.control,
            bug=case.bug,
            known=case.known,
            reason=case.reason,
        )
        # Stable: of one case, the first target of the run comes first.
        for case, names in sorted(
            alike.values(), key=lambda entry: (bool(entry[0].known), entry[0].id)
        )
    )


def _silences(targets: Iterable[TargetRecord]) -> tuple[Silence, ...]:
    """Each reason once: a panic that lost 300 cases is one entry."""
    cases: dict[tuple[Verdict, str, str, str, str], list[str]] = {}
    for target in targets:
        for case in sorted(target.cases, key=lambda case: case.id):
            if not case.verdict.judged:
                key = (case.verdict, case.reason, case.known, case.bug, target.name)
                cases.setdefault(key, []).append(case.id)
    alike: dict[tuple[Verdict, str, str, str, tuple[str, ...]], list[str]] = {}
    for (verdict, reason, known, bug, name), ids in cases.items():
        alike.setdefault((verdict, reason, known, bug, tuple(ids)), []).append(name)
    return tuple(
        Silence(
            verdict=verdict, targets=tuple(names), cases=ids, reason=reason, known=known, bug=bug
        )
        for (verdict, reason, known, bug, ids), names in sorted(
            alike.items(), key=lambda entry: (bool(entry[0][2]), -entry[0][0].rank)
        )
    )
