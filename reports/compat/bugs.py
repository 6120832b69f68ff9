# SPDX-License-Identifier: MIT
"""Known bugs as rows: what each does, where it is fixed, and on which kernel builds it was seen."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from reports.compat.document import (
    Bugged,
    BugSupport,
    CompatBug,
    CompatErratum,
    ErratumSupport,
    Fixed,
    Kernel,
)
from reports.compat.seen import Build, deviating, judged
from reports.errata import as_seen, bug_name, erratum_half
from reports.kernel_line import by_abi
from reports.risk import WORST_FIRST, is_like
from suite.judge.records import CaseRecord, Verdict
from suite.landlock import abi as table
from suite.landlock.bugs import Bug
from suite.landlock.releases import carries, parse

_OF_ERRATA = {
    Fixed.FIXED: Bugged.UNSEEN,
    Fixed.UNFIXED: Bugged.SEEN,
    Fixed.UNCLEAR: Bugged.UNKNOWN,
    Fixed.INAPPLICABLE: Bugged.INAPPLICABLE,
    Fixed.UNKNOWN: Bugged.UNKNOWN,
}


def rows() -> dict[str, CompatBug]:
    """Every known bug, the gravest first, as it is without any kernel."""
    numbers = {bug_name(number): int(number) for number in table.ERRATA}
    bugs = sorted(table.ALL_BUGS.values(), key=lambda bug: WORST_FIRST.index(bug.impact))
    return {bug.name: _row(bug, numbers.get(bug.name)) for bug in bugs}


def _row(bug: Bug, erratum: int | None) -> CompatBug:
    return CompatBug(
        does=bug.does,
        impact=bug.impact,
        erratum=erratum,
        cve=bug.cve,
        since=bug.since,
        brought_by=bug.brought_by or "",
        fixed_in=dict(bug.fixed_in),
        commit=bug.commit or "",
        subject=bug.subject,
        issue=bug.issue,
        workaround=bug.workaround,
        features=[],
        support={},
    )


def seen_on(
    bugs: Mapping[str, CompatBug],
    seen: Mapping[str, Build],
    errata: Mapping[str, CompatErratum],
) -> dict[str, CompatBug]:
    """The same rows with what kernel builds did."""
    return {name: _seen_on(name, bug, seen, errata) for name, bug in bugs.items()}


def _seen_on(
    name: str, bug: CompatBug, seen: Mapping[str, Build], errata: Mapping[str, CompatErratum]
) -> CompatBug:
    about = {
        label
        for it in seen.values()
        for case in judged(it.cases)
        if _shows(case, name)
        for label in case.covers
    }
    number = str(bug.erratum) if bug.erratum else ""
    on = errata[number].support if number else {}
    return replace(
        bug,
        features=sorted(about, key=by_abi),
        support={it: _support(name, build, on.get(it)) for it, build in seen.items()},
    )


def _support(name: str, build: Build, erratum: ErratumSupport | None) -> BugSupport:
    """What cases saw; what the release tells comes later."""
    about = [case for case in judged(build.cases) if _shows(case, name)]
    state, cases = _of_erratum(erratum, about) if erratum else _of_cases(about)
    return BugSupport(
        state=state, by_release=None, affected=None, cases=[case.id for case in cases]
    )


def _of_erratum(
    erratum: ErratumSupport, about: Sequence[CaseRecord]
) -> tuple[Bugged, Sequence[CaseRecord]]:
    state = _OF_ERRATA[erratum.state]
    if state is not Bugged.SEEN:
        return state, ()
    return state, [case for case in about if (seen := as_seen(case)) and not seen[1]]


def _of_cases(about: Sequence[CaseRecord]) -> tuple[Bugged, Sequence[CaseRecord]]:
    shown_by = [case for case in deviating(about) if case.bug]
    plainly = [case for case in shown_by if case.known_bug and not is_like(case)]
    if shown_by:
        return (Bugged.SEEN, plainly) if plainly else (Bugged.ALIKE, shown_by)
    calm = any(case.verdict is Verdict.CONFORMS for case in about)
    return (Bugged.UNSEEN if calm else Bugged.UNKNOWN), ()


def _shows(case: CaseRecord, name: str) -> bool:
    """Whether a case tells kernels with a bug from others."""
    half = erratum_half(case)
    return name in (case.about_bug, case.known_bug) or (
        half is not None and name == bug_name(half[0])
    )


def by_release(
    bugs: Mapping[str, CompatBug], kernels: Mapping[str, Kernel]
) -> Iterator[tuple[str, CompatBug]]:
    """The rows with what each kernel's release tells, and what that and the cases come to."""
    for name, bug in bugs.items():
        support = {
            it: _affected(on, had_by(bug, kernels[it].mainline)) for it, on in bug.support.items()
        }
        yield name, replace(bug, support=support)


def _affected(on: BugSupport, by_release: bool | None) -> BugSupport:
    return replace(on, by_release=by_release, affected=_both(on.state, by_release))


def _both(state: Bugged, by_release: bool | None) -> bool | None:
    match state:
        case Bugged.SEEN | Bugged.ALIKE:
            return True
        case Bugged.INAPPLICABLE:
            return False
        case Bugged.UNSEEN:
            return None if by_release else False
        case Bugged.UNKNOWN:
            return by_release


def had_by(bug: CompatBug, mainline: str) -> bool | None:
    """Whether a release of mainline has a bug, such as ``6.12.80``; None of an empty one."""
    if not mainline:
        return None
    kernel = parse(mainline)
    return carries([bug.since], kernel) and not carries(bug.fixed_in.values(), kernel)
