# SPDX-License-Identifier: MIT
"""From results to compatibility data. What a kernel does comes from records, never by hand.

Of a feature, the records of the area ``claims`` decide; the others only where those gave no
answer. How a kernel refuses it is told by the records in which the call that takes the feature
refused it, and not the caller. Of a limit, the records that show its behaviours. Of an erratum, the
records whose clause names it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from msgspec.structs import replace

from reports.compat.document import (
    AbiVersion,
    Compat,
    CompatErratum,
    CompatFeature,
    CompatLimit,
    ErratumSupport,
    Fixed,
    Kernel,
    State,
    Support,
)
from reports.errata import erratum_half
from reports.kernel_line import Blame, by_abi, in_area_claims, summarize
from suite.judge.behaviours import Behaviour, behaviours
from suite.judge.expectation import claimed_errata
from suite.judge.outcome import Allowed, Outcome, Rejected, Seen
from suite.judge.records import CaseRecord, Facts, Results, TargetRecord, Verdict
from suite.landlock import abi as table
from suite.landlock.abi import (
    ADD_RULE,
    CREATE,
    ERRATA_PROMISED,
    FS,
    NET,
    RESTRICT,
    SCOPE,
    TAKEN_BY,
    Abi,
    Erratum,
    Feature,
    Limit,
    known_bits,
)

PLACE: dict[type[Feature], str] = {
    FS: "handled_access_fs",
    NET: "handled_access_net",
    SCOPE: "scoped",
    CREATE: "landlock_create_ruleset(2), flags",
    ADD_RULE: "landlock_add_rule(2), flags",
    RESTRICT: "landlock_restrict_self(2), flags",
}
HEADER = "include/uapi/linux/landlock.h"


@dataclass(frozen=True, slots=True)
class _Seen:
    """One kernel build, and what was recorded of it."""

    target: TargetRecord
    measured: str
    about: Mapping[str, Sequence[CaseRecord]]
    """The cases that cover a feature."""
    blame: Blame

    @classmethod
    def of(cls, target: TargetRecord, measured: str) -> "_Seen":
        about: dict[str, list[CaseRecord]] = defaultdict(list)
        for case in target.cases:
            for label in case.covers:
                about[label].append(case)
        abi = target.facts.abi if target.facts else 0
        return cls(target, measured, about, Blame.of(target.cases, abi))

    @property
    def cases(self) -> Sequence[CaseRecord]:
        return self.target.cases

    @property
    def facts(self) -> Facts | None:
        return self.target.facts

    @property
    def abi(self) -> int:
        return self.target.facts.abi if self.target.facts else 0


def build(*runs: Results) -> Compat:
    """The data of all runs together.

    A build that several runs measured is one kernel: of a case that ran in several, the last
    counts. Two builds of one name are told apart by their releases.
    """
    seen = _kernels(runs)
    halves = _halves(seen.values())
    listed = behaviours()
    return Compat(
        landproof=sorted({run.landproof for run in runs}),
        kernels={name: _kernel(it) for name, it in seen.items()},
        abis={str(abi.version): _abi(abi) for abi in table.ABIS.values()},
        features={
            label: _feature(label, table.FEATURES[label], seen)
            for label in sorted(table.FEATURES, key=lambda label: since(table.FEATURES[label]))
        },
        limits={name: _limit(limit, seen, listed) for name, limit in table.LIMITS.items()},
        errata={str(int(number)): _erratum(number, seen, halves) for number in table.ERRATA},
        bugs=dict(
            sorted(_bug(case) for it in seen.values() for case in it.cases if case.known_bug)
        ),
    )


def _kernels(runs: Iterable[Results]) -> dict[str, _Seen]:
    builds: dict[tuple[str, str], _Seen] = {}
    for run in runs:
        for target in run.targets:
            key = (target.name.removeprefix("vm:"), _build(target))
            cases = {case.id: case for case in builds[key].cases} if key in builds else {}
            cases |= {case.id: case for case in target.cases}
            whole = replace(target, cases=[cases[it] for it in sorted(cases)])
            builds[key] = _Seen.of(whole, run.started)
    names = [name for name, _ in builds]
    return {
        name if names.count(name) == 1 else f"{name} ({build})": it
        for (name, build), it in builds.items()
    }


def _build(target: TargetRecord) -> str:
    facts = target.facts
    return f"{facts.release} {facts.machine} {facts.version}" if facts else target.absence


def _kernel(seen: _Seen) -> Kernel:
    line, facts, package = summarize(seen.target), seen.facts, seen.target.kernel
    return Kernel(
        release=facts.release if facts else "",
        machine=facts.machine if facts else "",
        version=package.version if package else facts.version if facts else "",
        source=package.source if package else "",
        sha256=package.sha256 if package else "",
        abi=line.claimed,
        errata=None if facts is None or facts.errata is None else list(line.errata),
        provided=line.provided,
        line=str(line),
        measured=seen.measured,
    )


def since(feature: Feature) -> int:
    """The ABI version that brought a feature, as mainline has it."""
    return ERRATA_PROMISED if feature is CREATE.ERRATA else feature.since


def _abi(abi: Abi) -> AbiVersion:
    create = known_bits(CREATE, abi.version)
    return AbiVersion(
        release=abi.release,
        merge=abi.source,
        attr_size=abi.attr_size,
        handled_access_fs=int(known_bits(FS, abi.version)),
        handled_access_net=int(known_bits(NET, abi.version)),
        scoped=int(known_bits(SCOPE, abi.version)),
        create_ruleset_flags=int(sum(bit for bit in create if since(bit) <= abi.version)),
        add_rule_flags=int(known_bits(ADD_RULE, abi.version)),
        restrict_self_flags=int(known_bits(RESTRICT, abi.version)),
        adds=[label for label, bit in table.FEATURES.items() if since(bit) == abi.version],
    )


def _feature(label: str, feature: Feature, seen: Mapping[str, _Seen]) -> CompatFeature:
    abi = table.ABIS[since(feature)]
    return CompatFeature(
        constant=feature.constants[0],
        value=int(feature),
        place=PLACE[type(feature)],
        abi=abi.version,
        release=abi.release,
        source=f"{HEADER}; merged by {abi.source}",
        support={name: _support(label, feature, it) for name, it in seen.items()},
    )


def _support(label: str, feature: Feature, seen: _Seen) -> Support:
    judged = _judged(seen.about.get(label, ()))
    deviating = [case for case in judged if case.verdict is Verdict.DEVIATES]
    unfixed = (erratum_half(case) for case in judged if case.verdict is Verdict.UNFIXED)
    return replace(
        _provided(label, feature, seen),
        bugs=sorted({_bug(case)[0] for case in deviating if case.known_bug}),
        deviations=[case.id for case in deviating if not case.known_bug],
        unfixed=sorted({half[0] for half in unfixed if half}),
    )


def _provided(label: str, feature: Feature, seen: _Seen) -> Support:
    about = seen.about.get(label, ())
    claims = in_area_claims(about)
    others = [case for case in about if case not in claims]
    if lacks := seen.blame.lacks.get(label):
        return Support(state=State.LACKING, answers=[lacks])
    if label in seen.blame.also:
        return Support(state=State.UNCLAIMED)
    if not _claimed(feature, seen):
        return _refused(label, feature, seen, _judged(claims) or _judged(others))
    # Accepted is not provided: what the claims leave open, another case may have shown.
    whole = claims and len(_judged(claims)) == len(claims)
    judged = claims if whole else [it for it in _judged(others) if it.verdict is not Verdict.ABSENT]
    if not judged:
        return Support(state=State.UNKNOWN)
    if any(case.verdict is not Verdict.DEVIATES for case in judged):
        return Support(state=State.PROVIDED)
    return Support(state=State.LACKING, answers=_answers(judged))


def _refused(label: str, feature: Feature, seen: _Seen, judged: Sequence[CaseRecord]) -> Support:
    """Of a kernel that does not claim the feature."""
    # Where several features are asked for at once, the answer may be to another of them.
    said = _refusals([case for case in judged if case.covers == [label]] or judged)
    own = [it for it in said if not seen.abi or _refuses(TAKEN_BY[type(feature)], it)]
    return Support(
        state=State.ABSENT if own else State.UNKNOWN,
        answers=own,
        otherwise=[it for it in said if it not in own],
    )


def _refuses(call: str, outcome: Outcome) -> bool:
    """Whether this call refused what it was asked for; EPERM is about who asks."""
    return isinstance(outcome, Rejected) and outcome.syscall == call and outcome.errno != "EPERM"


def _judged(cases: Iterable[CaseRecord]) -> list[CaseRecord]:
    return [case for case in cases if case.verdict.judged]


def _claimed(feature: Feature, seen: _Seen) -> bool:
    if feature is CREATE.ERRATA and seen.facts and seen.facts.errata is not None:
        return True
    return since(feature) <= seen.abi


def _answers(cases: Iterable[CaseRecord]) -> list[Outcome]:
    return list(dict.fromkeys(case.observed for case in cases if case.observed))


def _refusals(cases: Iterable[CaseRecord]) -> list[Outcome]:
    """Not what was allowed: of a kernel without a feature, a case may observe a side of it only."""
    return [it for it in _answers(cases) if not isinstance(it, Allowed | Seen)]


def _limit(limit: Limit, seen: Mapping[str, _Seen], listed: Mapping[str, Behaviour]) -> CompatLimit:
    return CompatLimit(
        constant=limit.constant,
        value=limit.value,
        counts=limit.counts,
        least=limit.least,
        abi=limit.since,
        source=limit.source,
        unmeasured=" ".join(filter(None, (listed[it].reason for it in limit.behaviours))),
        support={name: _within(limit, it) for name, it in seen.items()},
    )


def _within(limit: Limit, seen: _Seen) -> Support:
    if limit.since > seen.abi:
        return _without(limit, seen)
    judged = _showing(limit.behaviours, seen)
    # A case that needs a newer feature than the kernel has says nothing of the limit.
    able = [case for case in judged if case.verdict is not Verdict.ABSENT]
    deviating = [case for case in able if case.verdict is Verdict.DEVIATES]
    if deviating:
        return Support(
            state=State.LACKING,
            answers=_answers(deviating),
            bugs=sorted({_bug(case)[0] for case in deviating if case.known_bug}),
            deviations=[case.id for case in deviating if not case.known_bug],
        )
    # That something is taken does not show that no more is.
    answers = _refusals(able)
    return Support(state=State.PROVIDED if answers else State.UNKNOWN, answers=answers)


def _without(limit: Limit, seen: _Seen) -> Support:
    """Of a kernel that does not know what the limit counts."""
    said = _refusals(_showing(limit.without if seen.abi else limit.behaviours, seen))
    answers = [it for it in said if not seen.abi or _refuses(limit.call, it)]
    return Support(state=State.ABSENT if answers else State.UNKNOWN, answers=answers)


def _showing(listed: Iterable[str], seen: _Seen) -> list[CaseRecord]:
    """The judged cases that show one of these behaviours."""
    wanted = set(listed)
    return _judged(case for case in seen.cases if not wanted.isdisjoint(case.answers))


_Halves: TypeAlias = dict[tuple[str, bool], Outcome | None]
"""What a case owes on unfixed and on fixed kernels, as far as any kernel was asked."""


def _halves(seen: Iterable[_Seen]) -> _Halves:
    found = ((case, erratum_half(case)) for it in seen for case in it.cases)
    return {(case.id, half[1]): case.expected for case, half in found if half}


def _erratum(number: Erratum, seen: Mapping[str, _Seen], halves: _Halves) -> CompatErratum:
    fix = table.ERRATA[number]
    bug = fix.bug
    about = {
        label
        for it in seen.values()
        for case in it.cases
        if (half := erratum_half(case)) and half[0] == number
        for label in case.covers
    }
    return CompatErratum(
        name=number.name.lower().replace("_", " "),
        value=1 << (number - 1),
        abi=fix.since,
        release=bug.mainline,
        source=f'security/landlock/errata/abi-{fix.since}.h; "{bug.subject}" ({bug.commit})',
        features=sorted(about, key=by_abi),
        support={
            name: ErratumSupport(
                state=_fixed(number, it, halves),
                claimed=it.facts is not None and number in claimed_errata(it.facts.errata),
            )
            for name, it in seen.items()
        },
    )


def _fixed(number: Erratum, seen: _Seen, halves: _Halves) -> Fixed:
    if seen.facts and seen.abi < table.ERRATA[number].since:
        return Fixed.INAPPLICABLE
    states = set()
    for case in _judged(seen.cases):
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


def _bug(case: CaseRecord) -> tuple[str, str]:
    name, _, rest = case.bug.partition(":")
    return name, rest.strip()
