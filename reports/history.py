# SPDX-License-Identifier: MIT
"""What changed along the builds of a kernel series, and in which of them.

A case that was not heard on a build (skipped, broken, lost, or not run) is passed over there: its
answer is compared with that of the build before. Of a build that was observed several times, the
latest answer of each case counts.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from reports import words
from reports.kernel_line import summarize
from reports.merge import moment
from reports.page import Entry, Page, Section, Table
from suite.errors import UsageError
from suite.judge.outcome import Outcome
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict

_ERRATUM = re.compile(r"erratum \d+")


@dataclass(frozen=True, slots=True)
class Build:
    """A kernel build that was observed."""

    version: str
    """The package version, or the release of a kernel that is in no package."""
    release: str
    claims: str


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case that a build answers otherwise than the build before."""

    case: str
    before: Verdict
    after: Verdict
    was: Outcome | None
    """What was observed; None where the kernel died."""
    now: Outcome | None


@dataclass(frozen=True, slots=True)
class Change:
    """Cases that a build answers otherwise, for one reason."""

    what: str
    """Such as ``erratum 3 fixed``."""
    since: str
    """The last build that answered as before."""
    version: str
    """The first build that answers so."""
    unheard: tuple[str, ...]
    """Builds between the two, where the cases were not heard."""
    cases: tuple[CaseChange, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """An erratum or a bug that is still seen where its cases were last heard."""

    what: str
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """The builds of a kernel series, oldest first."""

    name: str
    builds: tuple[Build, ...]
    cases: int
    changes: tuple[Change, ...]
    standing: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class History:
    """Every series of some runs."""

    landproof: tuple[str, ...]
    """The versions that observed."""
    series: tuple[Series, ...]
    dead: tuple[str, ...]
    """Targets that never came up: their kernels are not known."""


@dataclass(slots=True)
class _Observed:
    build: Build
    cases: dict[str, CaseRecord]


def history(runs: dict[str, Results], order: Callable[[str], Any]) -> History:
    """The history that results tell, by the name of the file.

    Args:
        runs: In any order; a build may be in several.
        order: The sort key of a package version.

    Raises:
        UsageError: A start is no time, or no target ever came up.
    """
    observed: dict[tuple[str, str], _Observed] = {}
    dead: dict[str, None] = {}
    for _, run in sorted(runs.items(), key=lambda item: (moment(item[1], item[0]), item[0])):
        for target in run.targets:
            build = _build(target)
            if build is None:
                dead[target.name] = None
                continue
            entry = observed.setdefault((build.version, build.release), _Observed(build, {}))
            entry.build = build
            entry.cases |= {it.id: it for it in target.cases if it.verdict.heard}
    if not observed:
        raise UsageError(f"no kernel came up in {', '.join(runs)}")
    builds = sorted(observed.values(), key=lambda it: (order(it.build.version), it.build.release))
    return History(
        landproof=tuple(sorted({run.landproof for run in runs.values()})),
        series=tuple(
            _series(name, list(group))
            for name, group in groupby(builds, key=lambda it: series_of(it.build.version))
        ),
        dead=tuple(dead),
    )


def series_of(version: str) -> str:
    """The first two numbers of a version: ``6.12``."""
    return ".".join(re.findall(r"\d+", version)[:2])


def _build(target: TargetRecord) -> Build | None:
    if target.facts is None:
        return None
    version = target.kernel.version if target.kernel else ""
    release = target.facts.release
    return Build(version or release, release, summarize(target).claims)


def _series(name: str, builds: Sequence[_Observed]) -> Series:
    last: dict[str, tuple[int, CaseRecord]] = {}
    changes: list[Change] = []
    versions = [observed.build.version for observed in builds]
    for place, observed in enumerate(builds):
        found: dict[tuple[str, int], list[CaseChange]] = {}
        for case in sorted(observed.cases.values(), key=lambda case: case.id):
            since, was = last.get(case.id, (place, case))
            if _answer(was) != _answer(case):
                change = CaseChange(case.id, was.verdict, case.verdict, was.observed, case.observed)
                found.setdefault((_what(was, case), since), []).append(change)
            last[case.id] = (place, case)
        changes += [
            Change(
                what,
                versions[since],
                versions[place],
                tuple(versions[since + 1 : place]),
                tuple(cases),
            )
            for (what, since), cases in sorted(found.items())
        ]
    return Series(
        name=name,
        builds=tuple(observed.build for observed in builds),
        cases=len(last),
        changes=tuple(changes),
        standing=_standing(case for _, case in last.values()),
    )


def _answer(case: CaseRecord) -> tuple[object, ...]:
    return case.verdict, case.observed, case.known_bug


def _what(was: CaseRecord, now: CaseRecord) -> str:
    """What a change comes to, in a few words."""
    if was.known_bug != now.known_bug:
        gone = bool(was.known_bug)
        return f"{was.known_bug or now.known_bug} {'fixed' if gone else 'came'}"
    if found := _ERRATUM.search(f"{was.clause} {now.clause}"):
        match was.verdict, now.verdict:
            case Verdict.UNFIXED, Verdict.CONFORMS:
                return f"{found[0]} fixed"
            case Verdict.CONFORMS, Verdict.UNFIXED:
                return f"{found[0]} came back"
    if was.verdict.good and now.verdict.bad:
        return "regressed"
    if was.verdict.bad and now.verdict.good:
        return "fixed"
    return "changed"


def _standing(cases: Iterable[CaseRecord]) -> tuple[Standing, ...]:
    still: dict[str, list[str]] = {}
    for case in cases:
        erratum = _ERRATUM.search(case.clause) if case.verdict is Verdict.UNFIXED else None
        if what := case.known_bug or (erratum[0] if erratum else ""):
            still.setdefault(what, []).append(case.id)
    return tuple(Standing(what, tuple(sorted(ids))) for what, ids in sorted(still.items()))


def page(history: History) -> Page:
    """The history as a report: a table a series, then how each change shows."""
    count = sum(len(series.builds) for series in history.series)
    return Page(
        title="landproof history",
        lines=(
            f"{words.plural(count, 'build')} of {len(history.series)} series,"
            f" observed by landproof {', '.join(history.landproof)}",
            *((f"never came up: {', '.join(history.dead)}",) if history.dead else ()),
        ),
        sections=tuple(section for series in history.series for section in _sections(series)),
        data=history,
    )


def _sections(series: Series) -> Iterator[Section]:
    title = f"{series.name}: {words.plural(len(series.builds), 'build')}"
    rows = tuple(
        (build.version, build.claims.removeprefix("claims "), _changed(series, build.version))
        for build in series.builds
    )
    yield Section(
        f"{title}, {words.plural(series.cases, 'case')}",
        (Table(("build", "claims", "what changed"), rows),),
    )
    yield Section(f"{series.name}: how it shows", tuple(map(_entry, series.changes)))
    newest = series.builds[-1].version
    standing = tuple(Entry(it.what, (("cases", words.some(it.cases)),)) for it in series.standing)
    yield Section(f"{series.name}: still seen in {newest}", standing)


def _changed(series: Series, version: str) -> str:
    return "; ".join(
        f"{change.what} ({words.plural(len(change.cases), 'case')})"
        for change in series.changes
        if change.version == version
    )


def _entry(change: Change) -> Entry:
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for case in change.cases:
        lines = (
            ("verdict", words.step(case.before, case.after)),
            ("observed", words.step(case.was or "nothing", case.now or "nothing")),
        )
        alike.setdefault(lines, []).append(case.case)
    return Entry(
        f"{change.version}: {change.what}",
        (
            ("not yet in", change.since),
            *((("no answer", ", ".join(change.unheard)),) if change.unheard else ()),
            *(
                line
                for lines, cases in alike.items()
                for line in (("cases", words.some(cases)), *lines)
            ),
        ),
    )
