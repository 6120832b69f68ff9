# SPDX-License-Identifier: MIT
"""What the page's script reads: a run, with everything that repeats said once.

Most kernels answer most cases alike. So what was observed is kept without its case and kernel; a
pattern is one of those for each kernel, and a case names its pattern.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from reports import answer, links, skips
from reports.answer import Answer
from reports.html.top import loud
from reports.kernel_line import CLAIMS, KernelLine, by_abi
from reports.links import Link
from reports.matrix import LEGEND, area_of, is_known, weight, word
from reports.words import printable
from suite.judge.behaviours import Behaviour
from suite.judge.records import NOT_RUN, CaseRecord, Results, TargetRecord, Verdict
from suite.landlock import abi as table

NOTHING = -1
"""Stands for the observation where a case did not run."""

_K = TypeVar("_K", bound=Hashable)
_Kind: TypeAlias = tuple[Verdict, bool]
"""A verdict, and whether it is a fault that is listed as known."""
_Seen: TypeAlias = tuple[_Kind, *tuple[Hashable, ...]]
"""The fields of an ``Observation``, in its order."""

_KINDS: list[_Kind] = [
    *((verdict, False) for verdict in Verdict),
    *((verdict, True) for verdict in sorted(Verdict, key=weight) if verdict.bad),
]

_ABSENT = {"never came up": -1, NOT_RUN: -2}
"""What stands for the ABI version of a kernel of which nothing is known."""
_MEANINGS = {
    **{mark: meaning.removeprefix("absent: ") for mark, meaning in LEGEND},
    Verdict.CONFORMS.mark: "behaves as its ABI version and errata promise",
}


class Word(msgspec.Struct, array_like=True):
    """A verdict as it is shown, or that of a known fault, which is a word of its own."""

    name: str
    mark: str
    severity: int
    fault: bool
    meaning: str


class Kernel(msgspec.Struct, array_like=True):
    """A column."""

    name: str
    short: str
    """As columns and addresses have it."""
    abi: int
    """The claimed one; below 0 when the target never came up, or was not run."""
    says: str
    """What matters of it, in a sentence."""
    lacks: str
    """What was not shown, and what would lift it; empty if all was."""
    lines: list[tuple[str, str]]
    """All else that is known of it, labelled."""


class KnownBug(msgspec.Struct, array_like=True):
    """A known bug, and where it was seen."""

    name: str
    title: str
    impact: str
    loud: str
    says: str
    workaround: str
    links: dict[str, str]
    """Addresses, by label."""
    seen: list[tuple[int, str, str, list[int]]]
    """Kernels by place, each with how sure it is, where it is fixed for who runs it, and the
    places of the cases that show it there."""


class NewFault(msgspec.Struct, array_like=True):
    """What no known bug explains, and no list."""

    title: str
    says: str
    command: str
    """Writes a program that shows it."""
    kernels: list[int]
    cases: list[int]


class Observation(msgspec.Struct, array_like=True):
    """A ``CaseRecord`` without what belongs to its case; numbers are places in ``values``."""

    verdict: int
    expected: int
    observed: int
    control: int
    clause: int
    clauses: int
    bug: int
    known: int
    reason: int
    calls: int


class Case(msgspec.Struct, array_like=True):
    """A case, whatever the kernel; numbers are places in ``values``, the last in ``patterns``."""

    id: str
    summary: int
    source: int
    covers: int
    answers: int
    pattern: int


class Data(msgspec.Struct):
    """All of a run, but for how long each case took."""

    words: list[Word]
    """In the order of ``_KINDS``."""
    kernels: list[Kernel]
    areas: list[str]
    features: list[tuple[str, int | None]]
    """Those in use by short name, with the ABI version that introduced each."""
    behaviours: dict[str, str]
    """The sentences of those in use."""
    links: dict[str, tuple[Link, ...]]
    """What is linked, by the kind of text."""
    bugs: list[KnownBug]
    new: list[NewFault]
    values: list[str | tuple[str, ...]]
    observations: list[Observation]
    patterns: list[tuple[int, ...]]
    cases: list[Case]


class _Places(dict[_K, int]):
    """Things that repeat, each with its place in the order of their first use."""

    def __missing__(self, key: _K) -> int:
        self[key] = place = len(self)
        return place


def compact(results: Results, listed: Mapping[str, Behaviour], told: Answer) -> Data:
    """A run and its answer for the script; text from targets is made printable."""
    values: _Places[Hashable] = _Places()
    observations: _Places[_Seen] = _Places()
    patterns: _Places[tuple[int, ...]] = _Places()
    cases, covered, answered = [], set[str](), set[str]()
    for name, row in _rows(results.targets):
        summary, source, covers, answers = _described(row)
        covered.update(covers)
        answered.update(answers)
        pattern = tuple(NOTHING if it is None else observations[_observed(it)] for it in row)
        cases.append(
            Case(
                id=printable(name),
                summary=values[summary],
                source=values[source],
                covers=values[covers],
                answers=values[answers],
                pattern=patterns[pattern],
            )
        )
    places = {case.id: place for place, case in enumerate(cases)}
    kept = [(_KINDS.index(kind), *(values[it] for it in rest)) for kind, *rest in observations]
    return Data(
        words=[*_words()],
        kernels=[
            _kernel(results, target, kernel)
            for target, kernel in zip(results.targets, told.kernels, strict=True)
        ],
        areas=[printable(area) for area in areas(results)],
        features=[
            (printable(label), table.FEATURES[label].since if label in table.FEATURES else None)
            for label in sorted(covered, key=by_abi)
        ],
        behaviours={name: listed[name].says for name in sorted(answered) if name in listed},
        links=links.KINDS,
        bugs=[_bug(row, places) for row in told.bugs],
        new=[_new(it, told, places) for it in told.new],
        values=[*map(_printable, values)],
        observations=[Observation(*fields) for fields in kept],
        patterns=[*patterns],
        cases=cases,
    )


def areas(results: Results) -> list[str]:
    """The areas of a run, in the order of the matrix."""
    found = {area_of(case) for target in results.targets for case in target.cases}
    return sorted(found, key=lambda area: (area != CLAIMS, area))


def _rows(targets: Sequence[TargetRecord]) -> Iterator[tuple[str, list[CaseRecord | None]]]:
    """Each case with what each target recorded of it, by id."""
    rows: dict[str, list[CaseRecord | None]] = {}
    for place, target in enumerate(targets):
        for case in target.cases:
            rows.setdefault(case.id, [None] * len(targets))[place] = case
    yield from sorted(rows.items())


def _described(
    row: Iterable[CaseRecord | None],
) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """Sentence, source, features and behaviours: those of a lost case may be missing."""
    summary, source = "", ""
    covers: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    for case in row:
        if case is not None:
            summary = summary or case.summary
            source = source or case.source
            covers = covers or tuple(case.covers)
            answers = answers or tuple(case.answers)
    return summary, source, covers, answers


def _observed(case: CaseRecord) -> _Seen:
    return (
        (case.verdict, is_known(case)),
        case.expected,
        case.observed,
        case.control,
        case.clause,
        tuple(case.clauses),
        case.bug,
        case.known,
        case.reason,
        tuple(case.calls),
    )


def _words() -> Iterator[Word]:
    order = sorted(_KINDS, key=lambda kind: weight(kind[0], known=kind[1]))
    for verdict, known in _KINDS:
        # The page takes the words of a name for classes too.
        name = f"{verdict} as known" if known else str(verdict)
        mark, severity = word(verdict, known=known), order.index((verdict, known))
        meaning = _MEANINGS[verdict.mark] + ("; listed as known" if known else "")
        yield Word(name, mark, severity, verdict.bad, meaning)


def _kernel(results: Results, target: TargetRecord, told: answer.Kernel) -> Kernel:
    return Kernel(
        name=printable(target.name),
        short=printable(told.name),
        abi=target.facts.abi if target.facts else _ABSENT[target.absence],
        says=printable(told.sentence),
        lacks=skips.told(replace(results, targets=[target]), options=False),
        lines=[(label, printable(text)) for label, text in _known(target, told.line) if text],
    )


def _new(it: answer.New, told: Answer, places: Mapping[str, int]) -> NewFault:
    return NewFault(
        title=printable(it.title),
        says=printable(it.says),
        command=printable(it.command),
        kernels=[place for place, each in enumerate(told.kernels) if each.target in it.targets],
        cases=[places[printable(case)] for case in it.cases],
    )


def _bug(row: answer.BugRow, places: Mapping[str, int]) -> KnownBug:
    return KnownBug(
        name=printable(row.name),
        title=printable(row.label),
        impact=row.impact,
        loud=loud(row.impact),
        says=row.says,
        workaround=row.bug.workaround if row.bug else "",
        links=row.bug.links if row.bug else {},
        seen=[
            (
                place,
                "looks like it" if cell.like else "seen",
                cell.where,
                [places[printable(case)] for case in cell.cases],
            )
            for place, cell in enumerate(row.cells)
            if cell.cases
        ],
    )


def _known(target: TargetRecord, line: KernelLine) -> Iterator[tuple[str, str]]:
    yield "Says", line.claims
    yield from (("Note", note) for note in line.notes)
    if build := target.kernel:
        yield "Package", f"{build.version} from {build.source}"
        yield "Image", f"SHA-256 {build.sha256}"
    if facts := target.facts:
        yield "Release", f"{facts.release} {facts.machine}"
        yield "Version", facts.version
        yield "LSMs", ", ".join(facts.lsm)
        yield "Ran as", f"user {facts.uid}, capabilities {facts.capabilities:#x}"
        yield "Stands", "; ".join(facts.standing.confinements) or "unconfined"
        yield "File systems", ", ".join(facts.filesystems)
        offered = {
            "user namespaces": facts.user_namespaces,
            "IPv6": facts.ipv6,
            "audit": facts.audit,
            "tracefs": facts.tracefs,
        }
        yield "Has", ", ".join(name for name, there in offered.items() if there)


def _printable(value: object) -> str | tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(map(printable, value))
    return "" if value is None else printable(str(value))
