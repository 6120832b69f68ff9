# SPDX-License-Identifier: MIT
"""What a run comes to: which of its faults count, what else is wrong, and its exit code.

Formats that CI services read show what counts, and nothing else, as a failure
(``reports.ci.cases``). So they are green exactly when the exit code is 0.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec.structs import replace

from reports.diff import baselines, is_worse
from reports.required import Required, unmet
from suite.errors import Exit
from suite.judge.absence import Off, unchecked
from suite.judge.records import (
    NOT_RUN,
    CaseRecord,
    Complaint,
    Fault,
    Results,
    TargetRecord,
    Verdict,
)


class FailOn(StrEnum):
    """Which faults of a kernel end a run with 1."""

    REGRESSION = "regression"
    """Those that are neither known nor in the baseline; a kernel that claims less than there."""
    DEVIATION = "deviation"
    """All of them."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a run is held against."""

    fail_on: FailOn = FailOn.DEVIATION
    baseline: Results | None = None
    required: Required = field(default_factory=Required)
    stale: tuple[str, ...] = ()
    """What is wrong with the list of known deviations, in lines."""
    ended: str = ""
    """What ended the run before its end, such as ``INTERRUPTED``."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A run with what it came to."""

    results: Results
    """With ``excused`` of each case, and the complaints."""
    code: Exit

    @property
    def regressions(self) -> Iterator[str]:
        """A line for each fault that counts, and each kernel that is worse than before."""
        for target in self.results.targets:
            for it in self.results.complaints or ():
                if (it.id, it.target) == (_BASELINE, target.name):
                    yield it.reason
            for case in target.cases:
                if case.verdict.fault is Fault.KERNELS and counts(case):
                    yield f"{case.id} {case.verdict} on {target.name}"


INTERRUPTED = "interrupted"
SHOWN = "run/shown"
_ENDED, _KNOWN = "run/ended", "run/known"
_REQUIRED, _BASELINE = "target/required", "target/baseline"
"""Ids of complaints."""
_CODES = {Fault.KERNELS: Exit.DEVIATES, Fault.OURS: Exit.INFRASTRUCTURE}


def counts(case: CaseRecord) -> bool:
    """Whether it is a fault that lets the run end with another code than 0."""
    return case.verdict.bad and not case.excused


def judged(results: Results, terms: Terms) -> Ending:
    """What a run comes to.

    An interrupted run is one, whatever else it is. Then a kernel's fault comes before ours, and
    nothing is no success. Where Landlock was to be seen on no target, or is hidden on one, nothing
    was checked (``unchecked``). A run that is to fail for no fault of a kernel takes a kernel
    without it.

    Raises:
        UsageError: The baseline has none of the targets.
    """
    excused = replace(results, targets=[*_excused(results, terms)])
    wrong = [*_wrong(excused, terms)] or [*_nothing(excused)]
    if terms.fail_on is not FailOn.NONE:
        told = "The list of known deviations holds."
        wrong += [(Exit.DEVIATES, _demand(_KNOWN, told, line)) for line in terms.stale]
    complaints = [it for _, it in wrong if it]
    code = next((code for code, _ in wrong), Exit.CONFORMS)
    return Ending(replace(excused, complaints=complaints), code)


def as_judged(results: Results, required: Required | None = None) -> Results:
    """The results as the run was judged when it ended, and held against what else is required.

    Of a run that nobody has judged, known faults are excused.
    """
    before = results.complaints
    if before is None:
        terms = Terms(fail_on=FailOn.REGRESSION, required=required or Required())
        return judged(results, terms).results
    if required:
        before = [it for it in before if it.id != _REQUIRED]
        before += [it for _, it in _unmet(results, required)]
    return replace(results, complaints=before)


def _excused(results: Results, terms: Terms) -> Iterator[TargetRecord]:
    earlier = baselines(terms.baseline, results.targets) if terms.baseline else {}
    for target in results.targets:
        before = earlier.get(target.name)
        shown = {case.id: case for case in before.cases} if before else {}
        cases = [
            case if why == case.excused else replace(case, excused=why)
            for case in target.cases
            for why in [_excuse(case, terms.fail_on, shown.get(case.id))]
        ]
        yield replace(target, cases=cases)


def _excuse(case: CaseRecord, fail_on: FailOn, was: CaseRecord | None) -> str:
    if case.verdict.fault is not Fault.KERNELS or fail_on is FailOn.DEVIATION:
        return ""
    if case.known:
        return case.known
    if fail_on is FailOn.NONE:
        return "no fault was to end the run (--fail-on none)"
    if was and (was.verdict, was.observed) == (case.verdict, case.observed):
        return "the baseline shows the same"
    return ""


def _wrong(results: Results, terms: Terms) -> Iterator[tuple[Exit, Complaint | None]]:
    """All that is wrong, the most telling first; without a complaint where a case tells."""
    yield from _of_the_run(results, terms)
    yield from _unmet(results, terms.required)
    yield from _cases(results.targets, Fault.KERNELS)
    yield from _worse(results, terms)
    yield from _down(results)
    # Beside the kernels of other shards, one without Landlock is a result.
    lenient = terms.fail_on is FailOn.NONE or results.sharding is not None
    for name, off in unchecked(results.targets).items():
        if not (lenient and off.way.value.kernels):
            yield Exit.NO_LANDLOCK, not_checked(name, off)
    yield from _cases(results.targets, Fault.OURS)


def _nothing(results: Results) -> Iterator[tuple[Exit, Complaint]]:
    """That no kernel was heard is no success, though nothing else is wrong."""
    verdicts = {case.verdict for target in results.targets for case in target.cases}
    if verdicts <= {Verdict.SKIPPED}:
        told = "Something was seen of a kernel."
        why = "every case was skipped" if verdicts else "no case ran"
        yield Exit.INFRASTRUCTURE, Complaint(id=SHOWN, summary=told, reason=why)


def _of_the_run(results: Results, terms: Terms) -> Iterator[tuple[Exit, Complaint]]:
    earlier = (it.reason for it in results.complaints or () if it.id == _ENDED)
    if reason := terms.ended or next(earlier, ""):
        code = Exit.INTERRUPTED if reason == INTERRUPTED else Exit.INFRASTRUCTURE
        told = "The run comes to its end."
        yield code, Complaint(id=_ENDED, summary=told, reason=reason)


def _unmet(results: Results, required: Required) -> Iterator[tuple[Exit, Complaint]]:
    for target in results.targets:
        # That a kernel never came up is no fault of the kernel's.
        if target.facts and (line := unmet(target, required)):
            told = "The kernel has what is required."
            yield Exit.DEVIATES, _demand(_REQUIRED, told, line, target.name)


def _worse(results: Results, terms: Terms) -> Iterator[tuple[Exit, Complaint]]:
    if terms.fail_on is not FailOn.REGRESSION or not terms.baseline:
        return
    earlier = baselines(terms.baseline, results.targets)
    for target in results.targets:
        if target.name in earlier and is_worse(earlier[target.name], target):
            line = f"{target.name} claims or provides less than in the baseline"
            told = "The kernel claims and provides no less than in the baseline."
            yield Exit.DEVIATES, _demand(_BASELINE, told, line, target.name)


def _down(results: Results) -> Iterator[tuple[Exit, Complaint | None]]:
    """Targets that never came up; mostly, their cases tell."""
    for target in results.targets:
        if target.facts is None:
            tells = any(map(counts, target.cases))
            yield Exit.INFRASTRUCTURE, None if tells else down(target)


def _cases(targets: Iterable[TargetRecord], fault: Fault) -> Iterator[tuple[Exit, None]]:
    for target in targets:
        if any(counts(case) and case.verdict.fault is fault for case in target.cases):
            yield _CODES[fault], None


def _demand(name: str, summary: str, reason: str, target: str = "") -> Complaint:
    return Complaint(
        id=name, target=target, summary=summary, reason=reason, verdict=Verdict.DEVIATES
    )


def down(target: TargetRecord) -> Complaint:
    """What is told of a target that never came up, where no case tells."""
    reason = target.reason or "no reason given"
    verdict = Verdict.BROKEN if reason == NOT_RUN else Verdict.LOST
    told = "The target comes up."
    return Complaint(
        id="target/boot", target=target.name, summary=told, reason=reason, verdict=verdict
    )


def not_checked(target: str, off: Off) -> Complaint:
    """What is told of a target on which nothing could be checked."""
    told = "Landlock can be checked."
    return Complaint(id="target/landlock", target=target, summary=told, reason=str(off))
