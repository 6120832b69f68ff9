# SPDX-License-Identifier: MIT
"""From results to compatibility data. What a kernel does comes from records, never by hand.

Of a feature, the records of the area ``claims`` decide; the others only where those gave no
answer. How a kernel refuses it is told by the records in which the call that takes the feature
refused it, and not the caller. Of a limit, the records that show its behaviours. Of an erratum, the
records whose clause names it. Of another bug, the records that tell it from its fix.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from reports.compat import bugs, documented
from reports.compat.document import (
    Compat,
    CompatErratum,
    ErratumSupport,
    Fixed,
    State,
    Support,
)
from reports.compat.documented import since
from reports.compat.evidence import Modelling, evident
from reports.compat.seen import (
    Build,
    answers,
    builds,
    deviating,
    judged,
    refusals,
    sorted_out,
)
from reports.errata import erratum_half
from reports.kernel_line import by_abi, in_area_claims
from suite.judge.expectation import claimed_errata
from suite.judge.outcome import Outcome, Rejected
from suite.judge.records import CaseRecord, Results, Verdict
from suite.landlock import abi as table
from suite.landlock.abi import CREATE, TAKEN_BY, Erratum, Feature, Limit


def build(*runs: Results) -> Compat:
    """The data of all runs together; of none, what is documented.

    A build that several runs measured is one kernel: of a case that ran in several, the last
    counts. Two builds of one name are told apart by their releases. Models are no kernels: they
    show what is said of ABI versions, where no kernel does.
    """
    found = builds(runs)
    seen = {name: it for name, it in found.items() if not it.is_model}
    models = {name: it for name, it in found.items() if it.is_model}
    halves = _halves(seen.values())
    errata = {
        number: _measured_erratum(Erratum(int(number)), row, seen, halves)
        for number, row in documented.errata().items()
    }
    data = Compat(
        version="",
        license="",
        landproof=sorted({run.landproof for run in runs}),
        without=documented.without(),
        kernels={name: it.kernel for name, it in seen.items()},
        abis=documented.abis(),
        calls=documented.calls(),
        rule_types=documented.rule_types(),
        structs=documented.structs(),
        features={
            label: replace(
                row,
                support={
                    name: _support(label, table.FEATURES[label], it) for name, it in seen.items()
                },
            )
            for label, row in documented.features().items()
        },
        limits={
            name: replace(
                row, support={it: _within(table.LIMITS[name], build) for it, build in seen.items()}
            )
            for name, row in documented.limits().items()
        },
        errata=errata,
        bugs=bugs.seen_on(bugs.rows(), seen, errata),
        changes=documented.changed(),
    )
    return evident(data, {name: _modelling(it) for name, it in models.items()})


def _modelling(seen: Build) -> Modelling:
    features = documented.features()
    return Modelling(
        seen.abi, {label: _support(label, table.FEATURES[label], seen) for label in features}
    )


def _support(label: str, feature: Feature, seen: Build) -> Support:
    about = judged(seen.about.get(label, ()))
    known, alike, others = sorted_out(deviating(about))
    unfixed = (erratum_half(case) for case in about if case.verdict is Verdict.UNFIXED)
    return replace(
        _provided(label, feature, seen),
        bugs=known,
        alike=alike,
        deviations=others,
        unfixed=sorted({half[0] for half in unfixed if half}),
    )


def _provided(label: str, feature: Feature, seen: Build) -> Support:
    about = seen.about.get(label, ())
    claims = in_area_claims(about)
    others = [case for case in about if case not in claims]
    if lacks := seen.blame.lacks.get(label):
        return Support(state=State.LACKING, answers=[lacks])
    if label in seen.blame.also:
        return Support(state=State.UNCLAIMED)
    if not _claimed(feature, seen):
        return _refused(label, feature, seen, judged(claims) or judged(others))
    # Accepted is not provided: what the claims leave open, another case may have shown.
    whole = claims and len(judged(claims)) == len(claims)
    shown = claims if whole else [it for it in judged(others) if it.verdict is not Verdict.ABSENT]
    if not shown:
        return Support(state=State.UNKNOWN)
    if any(case.verdict is not Verdict.DEVIATES for case in shown):
        return Support(state=State.PROVIDED)
    return Support(state=State.LACKING, answers=answers(shown))


def _refused(label: str, feature: Feature, seen: Build, about: Sequence[CaseRecord]) -> Support:
    """Of a kernel that does not claim the feature."""
    # Where several features are asked for at once, the answer may be to another of them.
    said = refusals([case for case in about if case.covers == [label]] or about)
    own = [it for it in said if not seen.abi or _refuses(TAKEN_BY[type(feature)], it)]
    return Support(
        state=State.ABSENT if own else State.UNKNOWN,
        answers=own,
        otherwise=[it for it in said if it not in own],
    )


def _refuses(call: str, outcome: Outcome) -> bool:
    """Whether this call refused what it was asked for; EPERM is about who asks."""
    return isinstance(outcome, Rejected) and outcome.syscall == call and outcome.errno != "EPERM"


def _claimed(feature: Feature, seen: Build) -> bool:
    if feature is CREATE.ERRATA and seen.facts and seen.facts.errata is not None:
        return True
    return since(feature) <= seen.abi


def _within(limit: Limit, seen: Build) -> Support:
    if limit.since > seen.abi:
        return _without(limit, seen)
    showing = _showing(limit.behaviours, seen)
    # A case that needs a newer feature than the kernel has says nothing of the limit.
    able = [case for case in showing if case.verdict is not Verdict.ABSENT]
    if others := deviating(able):
        known, alike, rest = sorted_out(others)
        return Support(
            state=State.LACKING, answers=answers(others), bugs=known, alike=alike, deviations=rest
        )
    # That something is taken does not show that no more is.
    said = refusals(able)
    return Support(state=State.PROVIDED if said else State.UNKNOWN, answers=said)


def _without(limit: Limit, seen: Build) -> Support:
    """Of a kernel that does not know what the limit counts."""
    said = refusals(_showing(limit.without if seen.abi else limit.behaviours, seen))
    own = [it for it in said if not seen.abi or _refuses(limit.call, it)]
    return Support(state=State.ABSENT if own else State.UNKNOWN, answers=own)


def _showing(listed: Iterable[str], seen: Build) -> list[CaseRecord]:
    """The judged cases that show one of these behaviours."""
    wanted = set(listed)
    return judged(case for case in seen.cases if not wanted.isdisjoint(case.answers))


_Halves: TypeAlias = dict[tuple[str, bool], Outcome | None]
"""What a case owes on unfixed and on fixed kernels, as far as any kernel was asked."""


def _halves(seen: Iterable[Build]) -> _Halves:
    found = ((case, erratum_half(case)) for it in seen for case in it.cases)
    return {(case.id, half[1]): case.expected for case, half in found if half}


def _measured_erratum(
    number: Erratum, row: CompatErratum, seen: Mapping[str, Build], halves: _Halves
) -> CompatErratum:
    about = {
        label
        for it in seen.values()
        for case in it.cases
        if (half := erratum_half(case)) and half[0] == number
        for label in case.covers
    }
    return replace(
        row,
        features=sorted(about, key=by_abi),
        support={
            name: ErratumSupport(
                state=_fixed(number, it, halves),
                claimed=it.facts is not None and number in claimed_errata(it.facts.errata),
            )
            for name, it in seen.items()
        },
    )


def _fixed(number: Erratum, seen: Build, halves: _Halves) -> Fixed:
    if seen.facts and seen.abi < table.ERRATA[number].since:
        return Fixed.INAPPLICABLE
    states = set()
    for case in judged(seen.cases):
        half = erratum_half(case)
        if half and half[0] == number:
            states.add(_as_seen(case, half[1], halves))
    if len(states) > 1:
        return Fixed.UNCLEAR
    return states.pop() if states else Fixed.UNKNOWN


def _as_seen(case: CaseRecord, fixed: bool, halves: _Halves) -> Fixed:
    """What a record shows, whatever the kernel claims."""
    if case.verdict is Verdict.DEVIATES:
        other = halves.get((case.id, not fixed))
        if other is None or case.observed != other:
            return Fixed.UNCLEAR
        fixed = not fixed
    return Fixed.FIXED if fixed else Fixed.UNFIXED
