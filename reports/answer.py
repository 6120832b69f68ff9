# SPDX-License-Identifier: MIT
"""What a reader comes for: is this kernel at risk, and what is to be done?

Every report begins with it: what nobody knows yet above all, then known bugs by kernels, the worst
first, with where each is fixed for who runs that kernel. A sentence a kernel sums it up.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from reports import again, words
from reports.kernel_line import Blame, KernelLine, summarize
from reports.matrix import Deviation, Matrix, build
from reports.risk import GRAVE, WORST_FIRST, Detail, Sighting, sightings, told
from suite.judge.absence import unchecked
from suite.judge.records import CaseRecord, Facts, Fault, Results, TargetRecord
from suite.landlock.bugs import Bug, Impact, name_of
from suite.landlock.releases import of_mainline


class Standing(Enum):
    """How a kernel came off where no known bug says it."""

    OVERSTATED = auto()
    """It claims what it does not provide, and no known bug explains that."""
    UNEXPLAINED = auto()
    """It does what no known bug explains."""
    LISTED = auto()
    """It does what is wrong as a list says, and no known bug."""
    PARTLY = auto()
    """Nothing is wrong with it as far as it could be checked."""
    CALM = auto()
    BARE = auto()
    """It has no Landlock."""
    OPEN = auto()
    """Nothing could be checked."""


Grade: TypeAlias = Impact | Standing | None
"""What a kernel comes off as; None is for bugs that only another landproof knows."""

_NAMED = 16
"""Kernels that a headline names one by one."""
_HEADLINES: dict[Grade, str] = {
    Standing.OVERSTATED: "More is claimed than provided on {}",
    Standing.UNEXPLAINED: "New, and explained by no known bug: faults on {}; report them",
    Impact.ESCAPE: "A sandbox can escape on {}",
    Impact.MEMORY_SAFETY: "Freed memory is used on {}",
    Impact.OVER_DENIAL: "What is allowed is denied on {}",
    Impact.COST: "Memory is spent on {}",
    Impact.LOG: "Only the log is wrong on {}",
    Impact.OTHER: "Only details are wrong on {}",
    None: "Bugs that are not known to this landproof on {}",
    Standing.LISTED: "Nothing but what is listed as known on {}",
    Standing.PARTLY: "No known bug was seen on {}, but not all was checked",
    Standing.CALM: "No known bug was seen on {}",
    Standing.BARE: "No Landlock on {}",
    Standing.OPEN: "Nothing is known of {}",
}
"""By grade, the worst first."""

NEW = (Standing.OVERSTATED, Standing.UNEXPLAINED)
"""What is told beside the worst of known bugs."""
_ALARMING: frozenset[Grade] = GRAVE.union(NEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """What is to be said of a kernel."""

    target: str
    name: str
    """The target's, without ``vm:`` where that is plain."""
    line: KernelLine
    sentences: Mapping[Detail, str]
    """The kernel in a sentence, by how much it says of grave bugs."""
    grades: tuple[Grade, ...]
    """All of what it comes off as, the worst first."""

    @property
    def sentence(self) -> str:
        """All of it."""
        return self.sentences[Detail.ALL]

    @property
    def headed(self) -> tuple[Grade, ...]:
        """The grades that it is listed under."""
        return self.grades[: 1 + sum(it in NEW for it in self.grades)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BugCell:
    """What was seen of a bug on a kernel."""

    cases: tuple[str, ...] = ()
    """Those that show it."""
    like: bool = False
    """Whether the release does not tell that it has the bug."""
    fix: str | None = None
    """The release of its series that fixes it; empty if none does, None if the series is open."""
    where: str = ""
    """Where it is fixed for who runs this kernel, in words."""
    known: bool = False
    """Whether every case is listed as known."""
    asked: bool = False
    """Whether cases that show it elsewhere were judged here."""

    @property
    def text(self) -> str:
        """A few characters for a table."""
        if not self.cases:
            return "." if self.asked else ""
        if self.like or self.fix is None:
            return "like" if self.like else "seen"
        return self.fix or "no fix"


@dataclass(frozen=True, slots=True, kw_only=True)
class BugRow:
    """A known bug, and what was seen of it on each kernel."""

    name: str
    bug: Bug | None
    """None of a bug that only another landproof knows."""
    cells: tuple[BugCell, ...]
    cases: tuple[str, ...]
    """Those that show it on any kernel."""

    @property
    def impact(self) -> str:
        """In a word or two."""
        return self.bug.impact.value if self.bug else "unknown"

    @property
    def label(self) -> str:
        """The name; with its CVE, if it has one."""
        return f"{self.name} ({self.bug.cve})" if self.bug and self.bug.cve else self.name

    @property
    def says(self) -> str:
        """What it does; that this is not known, of a bug that only another landproof knows."""
        return self.bug.does if self.bug else "not known to this landproof"

    @property
    def grave(self) -> bool:
        """Whether it is a matter of security."""
        return self.bug is not None and self.bug.impact in GRAVE


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A fault of kernels that no known bug explains, and no list: someone has to report it."""

    cases: tuple[str, ...]
    targets: tuple[str, ...]
    place: str
    """How the first of them is asked for."""
    says: str

    @property
    def title(self) -> str:
        """The case, or the file of several with their number."""
        first = self.cases[0]
        if len(self.cases) == 1:
            return first
        return f"{first.partition('[')[0]}: {len(self.cases)} cases"

    @property
    def command(self) -> str:
        """Writes a C program that shows it."""
        return reproducer(self.cases[0], self.place)


@dataclass(frozen=True, slots=True)
class Headline:
    """Kernels that come off alike."""

    says: str
    alarming: bool
    """Whether someone has to act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All of it; columns are in the order of the run."""

    kernels: tuple[Kernel, ...]
    new: tuple[New, ...]
    bugs: tuple[BugRow, ...]
    headlines: tuple[Headline, ...]
    """The kernels by the worst of each, a line a group, the worst first."""


def columns(rows: Iterable[BugRow]) -> list[int]:
    """The places of kernels on which any of the bugs was seen."""
    return sorted({at for row in rows for at, cell in enumerate(row.cells) if cell.cases})


def answer(results: Results, matrix: Matrix | None = None) -> Answer:
    """The answer of a run.

    Args:
        results: The run.
        matrix: Its matrix, if it is built already.
    """
    names = short_names([target.name for target in results.targets])
    new = tuple(_new(matrix or build(results), again.places(results)))
    unexplained = {name for it in new for name in it.targets}
    hidden = unchecked(results.targets)
    kernels = tuple(
        _kernel(it, name, sightings(it.cases), new=it.name in unexplained, hidden=it.name in hidden)
        for it, name in zip(results.targets, names, strict=True)
    )
    return Answer(
        kernels=kernels,
        new=new,
        bugs=tuple(_rows(results.targets)),
        headlines=tuple(_headlines(kernels)),
    )


def _headlines(kernels: Sequence[Kernel]) -> Iterator[Headline]:
    """Each kernel by the worst of its known bugs, and once more if it does something new."""
    for grade, line in _HEADLINES.items():
        names = [it.name for it in kernels if grade in it.headed]
        if names:
            listed = ", ".join(names) if len(names) <= _NAMED else words.some(names)
            yield Headline(line.format(listed), grade in _ALARMING)


def reproducer(case: str, place: str) -> str:
    """The command that writes a C program that does what a case did on a target.

    Args:
        case: Its id.
        place: How the target is asked for (``reports.again``).
    """
    target = "" if place == "local" else f" --target {shlex.quote(place)}"
    return f"landproof repro {shlex.quote(case)}{target}"


def short_names(targets: Sequence[str]) -> list[str]:
    """Names for heads of columns: without ``vm:`` where no other target has the rest for a name."""
    rests = [name.removeprefix("vm:") for name in targets]
    return [
        rest if rests.count(rest) == 1 else name for name, rest in zip(targets, rests, strict=True)
    ]


def beneath(bugs: Sequence[BugRow], matrix: Matrix) -> list[tuple[str, list[Deviation]]]:
    """The deviations of a run under a title each: what is new, each known bug, what is listed."""
    new = "New"
    listed = "Listed as known"
    groups: dict[str, list[Deviation]] = {new: [], **{it.name: [] for it in bugs}, listed: []}
    for it in matrix.deviations:
        groups[name_of(it.bug) or (listed if it.known else new)].append(it)
    labels = {it.name: it.label for it in bugs}
    return [(labels.get(name, name), found) for name, found in groups.items() if found]


# Kernels


def _kernel(
    target: TargetRecord, name: str, seen: Sequence[Sighting], *, new: bool, hidden: bool
) -> Kernel:
    line = summarize(target)
    grades: list[Grade] = [it for it in WORST_FIRST if any(bug.impact is it for bug in seen)]
    if new:
        grades.insert(0, Standing.UNEXPLAINED)
    unexplained = [case for case in target.cases if not case.known and not case.known_bug]
    if Blame.of(unexplained, line.claimed or 0).lacks:
        grades.insert(0, Standing.OVERSTATED)
    if hidden or line.claimed is None:
        grades = [Standing.OPEN]
    elif line.claimed < 1 and not grades:
        grades = [Standing.BARE]
    if not grades and any(case.known for case in target.cases):
        grades = [Standing.LISTED]
    if not grades and (line.provided is None or any(it.fault is Fault.OURS for it in line.counts)):
        grades = [Standing.PARTLY]
    return Kernel(
        target=target.name,
        name=name,
        line=line,
        sentences={detail: _sentence(target, line, seen, detail) for detail in Detail},
        grades=tuple(grades or [Standing.CALM]),
    )


def _sentence(
    target: TargetRecord, line: KernelLine, seen: Sequence[Sighting], detail: Detail
) -> str:
    """``6.18.15: claims ABI 7, provides it; 2 known bugs: …``."""
    facts = target.facts
    if facts is None:
        return str(line)
    bad = [case for case in target.cases if case.verdict.bad]
    counted = [case for case in bad if not case.known and not case.known_bug]
    listed = sum(bool(case.known) for case in bad)
    parts = [
        _provides(line),
        f"also accepts {words.some(line.also)}" if line.also else "",
        line.fixes,
        *_unexplained(counted),
        f"{words.plural(listed, 'case')} listed as known" if listed else "",
        told(seen, facts, detail),
        *_ours(counted),
    ]
    said = "; ".join(filter(None, parts))
    faults = any(it.verdict.fault is Fault.KERNELS for it in counted)
    calm = facts.abi > 0 and not seen and not faults and not listed
    return f"{_release(facts)}: {said}{'; no known bug was seen' if calm else ''}"


def _release(facts: Facts) -> str:
    """Of which it is, without what a distribution adds; all of it if that can't be told."""
    kernel = of_mainline(facts.release, facts.version)
    return str(kernel) if kernel else facts.release


def _provides(line: KernelLine) -> str:
    if line.claimed and line.claimed == line.provided:
        return f"claims ABI {line.claimed}, provides it"
    claims = f"claims ABI {line.claimed}" if line.claimed else line.claims
    return ", ".join(filter(None, (claims, line.provides)))


def _unexplained(cases: Sequence[CaseRecord]) -> Iterator[str]:
    for verdict in dict.fromkeys(it.verdict for it in cases if it.verdict.fault is Fault.KERNELS):
        number = sum(it.verdict is verdict for it in cases)
        if verdict.judged:
            yield words.plural(number, "new deviation")
        else:
            yield f"{number} {verdict}"


def _ours(cases: Sequence[CaseRecord]) -> Iterator[str]:
    for verdict in dict.fromkeys(it.verdict for it in cases if it.verdict.fault is Fault.OURS):
        number = sum(it.verdict is verdict for it in cases)
        yield f"{number} {verdict} (not the kernel's fault)"


# Bugs


def _rows(targets: Sequence[TargetRecord]) -> Iterator[BugRow]:
    seen = [{it.name: it for it in sightings(target.cases)} for target in targets]
    bugs = {name: it for on in seen for name, it in on.items()}
    order = sorted(
        bugs.values(),
        key=lambda it: (
            WORST_FIRST.index(it.impact),
            -sum(it.name in on for on in seen),
            it.name,
        ),
    )
    judged = [{case.id for case in target.cases if case.verdict.judged} for target in targets]
    for bug in order:
        shown = sorted({case.id for on in seen if bug.name in on for case in on[bug.name].cases})
        cells = tuple(
            _cell(target.facts, on.get(bug.name), asked=not answered.isdisjoint(shown))
            for target, on, answered in zip(targets, seen, judged, strict=True)
        )
        yield BugRow(
            name=bug.name,
            bug=bug.bug,
            cells=cells,
            cases=tuple(shown),
        )


def _cell(facts: Facts | None, seen: Sighting | None, *, asked: bool) -> BugCell:
    if seen is None or facts is None:
        return BugCell(asked=asked)
    return BugCell(
        cases=tuple(case.id for case in seen.cases),
        like=seen.like,
        fix=seen.bug.fix_in_series(facts.release, facts.version) if seen.bug else None,
        where=seen.bug.fixed_for(facts.release, facts.version) if seen.bug else "",
        known=all(case.known for case in seen.cases),
        asked=asked,
    )


# What is new


def _new(matrix: Matrix, places: Mapping[str, str]) -> Iterator[New]:
    """The faults of kernels that nothing explains; those of one file that are alike together."""
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for dead in matrix.silences:
        if dead.verdict.dead and not dead.known and not name_of(dead.bug):
            first = dead.reason.strip().partition("\n")[0] or "no reason given"
            says = f"{dead.verdict}: {first}"
            place = places[dead.targets[0]]
            yield New(cases=dead.cases, targets=dead.targets, place=place, says=says)
    for it in matrix.deviations:
        if not it.known and not name_of(it.bug):
            file = it.case.partition("[")[0]
            alike.setdefault((file, _says(it), it.targets), []).append(it.case)
    for (_, says, targets), cases in alike.items():
        place = places[targets[0]]
        yield New(cases=tuple(cases), targets=targets, place=place, says=says)


def _says(it: Deviation) -> str:
    said = f"expected {it.expected or 'what was not recorded'}, observed {it.observed or 'nothing'}"
    return "; ".join(filter(None, (said, it.bug.partition(":")[0], it.reason)))
