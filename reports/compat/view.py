# SPDX-License-Identifier: MIT
"""What a library author reads: which ABI version for what, and what happens below it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from reports.compat.document import (
    Bugged,
    By,
    Compat,
    CompatBug,
    CompatErratum,
    CompatFeature,
    CompatLimit,
    ErratumSupport,
    Evidence,
    Fixed,
    State,
    Support,
)
from reports.words import plural, some, span
from suite.landlock import abi as table

NONE = "none of those measured"
MORE = "where more was asked for with it, or the caller lacked a privilege"


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """An access right, a scope or a flag."""

    name: str
    feature: CompatFeature
    value: str
    provided: tuple[str, ...]
    """By whom, then by whom not although claimed, and other oddities."""
    below: tuple[str, ...]
    """What kernels that do not claim it answered."""
    notes: tuple[tuple[str, str], ...]
    """Labels and texts."""


@dataclass(frozen=True, slots=True)
class ErratumRow:
    """An erratum."""

    number: str
    erratum: CompatErratum
    fixed: str
    unfixed: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit."""

    name: str
    limit: CompatLimit
    seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BugRow:
    """A known bug."""

    name: str
    bug: CompatBug
    impact: str
    fixed: str
    affected: str
    """The kernels that have it."""
    unclear: str
    """Those of which release and cases say different things; empty if there are none."""


@dataclass(frozen=True, slots=True)
class AbiRow:
    """What an ABI version accepts, in the columns of ``MASKS``."""

    number: str
    release: str
    masks: tuple[str, ...]
    kernels: str
    """Those measured that claim it; where there is none, by what else it is known."""


MASKS = (
    "attr size",
    "handled_access_fs",
    "handled_access_net",
    "scoped",
    "create_ruleset flags",
    "add_rule flags",
    "restrict_self flags",
)


def introduction(compat: Compat) -> Iterator[str]:
    """What the tables rest on, and how to read them."""
    up = [kernel for kernel in compat.kernels.values() if kernel.abi is not None]
    yield (
        "What kernels provide and answer was measured by the cases of landproof "
        f"{', '.join(compat.landproof)} on {plural(len(up), 'kernel')}; ABI versions, "
        "releases and masks are those of the kernel's header and history."
    )
    yield (
        "Ask a kernel for its ABI version, never for its release: distributions backport. "
        "On an ABI version newer than these, use the newest one here."
    )
    yield "6.1 … 6.12 stands for the kernels measured from the one to the other, and for no other."
    if models := [it for abi in compat.abis.values() for it in abi.evidence.models]:
        yield f"{', '.join(models)}: landproof's executable model, where no kernel was at hand."
    groups: dict[str, list[str]] = defaultdict(list)
    for name, answer in _alike(compat).items():
        groups[answer].append(name)
    for answer, names in groups.items():
        yield f"No Landlock: whatever it is asked for, {_span(compat, names)} answers {answer}."


def features(compat: Compat) -> Iterator[FeatureRow]:
    """Every feature, the oldest first."""
    told = _alike(compat)
    for name, feature in compat.features.items():
        rest = {it: on for it, on in feature.support.items() if it not in told}
        yield FeatureRow(
            name=name,
            feature=feature,
            value=f"{feature.value:#x}",
            provided=tuple(_provided(compat, feature.support)),
            below=tuple(_below(compat, rest)),
            notes=tuple(_notes(compat, feature)),
        )


def _alike(compat: Compat) -> dict[str, str]:
    """Kernels without Landlock that answer the same to everything: it is said once."""
    found = {}
    for name, kernel in compat.kernels.items():
        on = [feature.support[name] for feature in compat.features.values()]
        said = {_said(it) for it in on if it.state is not State.UNKNOWN}
        if kernel.abi == 0 and len(said) == 1:
            found[name] = said.pop()
    return found


def errata(compat: Compat) -> Iterator[ErratumRow]:
    """Every erratum, by number."""
    measured = {Fixed.FIXED, Fixed.UNFIXED, Fixed.UNCLEAR}
    for number, erratum in compat.errata.items():
        none = NONE if any(on.state in measured for on in erratum.support.values()) else ""
        yield ErratumRow(
            number=number,
            erratum=erratum,
            fixed=_span(compat, _in(erratum.support, Fixed.FIXED)) or none,
            unfixed=_span(compat, _in(erratum.support, Fixed.UNFIXED)) or none,
            remarks=tuple(_contradictions(compat, erratum)),
        )


def limits(compat: Compat) -> Iterator[LimitRow]:
    """Every limit."""
    told = _alike(compat)
    for name, limit in compat.limits.items():
        rest = {it: on for it, on in limit.support.items() if it not in told}
        why = [f"not measured: {limit.unmeasured}"] if limit.unmeasured else []
        yield LimitRow(name=name, limit=limit, seen=tuple(why or _held(compat, limit, rest)))


def abis(compat: Compat) -> Iterator[AbiRow]:
    """Every ABI version: the table of what to ask for."""
    for number, abi in compat.abis.items():
        masks = (
            abi.handled_access_fs,
            abi.handled_access_net,
            abi.scoped,
            abi.create_ruleset_flags,
            abi.add_rule_flags,
            abi.restrict_self_flags,
        )
        yield AbiRow(
            number=number,
            release=abi.release,
            masks=(str(abi.attr_size), *(f"{mask:#x}" for mask in masks)),
            kernels=known_by(abi.evidence, compat),
        )


def bugs(compat: Compat) -> Iterator[BugRow]:
    """Every known bug, the gravest first."""
    for name, bug in compat.bugs.items():
        odd = [it for it, on in bug.support.items() if on.by_release and on.state is Bugged.UNSEEN]
        yield BugRow(
            name=name,
            bug=bug,
            impact=bug.impact.value,
            fixed=", ".join(bug.fixed_in.values()),
            affected=spanned(compat, bug),
            unclear=f"not seen, though its release has it: {_span(compat, odd)}" if odd else "",
        )


def spanned(compat: Compat, bug: CompatBug) -> str:
    """The kernels that have a bug."""
    return _span(compat, [it for it, on in bug.support.items() if on.affected])


def fixes(bug: CompatBug) -> str:
    """The CVE of a bug, and the releases with the fix."""
    cve = f"{bug.cve}, " if bug.cve else ""
    return f"{cve}fixed in {', '.join(bug.fixed_in.values())}"


def known_by(evidence: Evidence, compat: Compat) -> str:
    """By what something is known of an ABI version, in a few words."""
    match evidence.by:
        case By.MEASURED:
            return _span(compat, evidence.kernels)
        case By.MODELLED:
            return ", ".join(evidence.models)
        case By.DOCUMENTED:
            return "documented"


def _provided(compat: Compat, support: Mapping[str, Support]) -> Iterator[str]:
    if len(_in(support, State.UNKNOWN)) < len(support):
        yield _span(compat, _in(support, State.PROVIDED)) or NONE
    for answers, names in _answers(support, State.LACKING):
        yield f"claimed but not provided: {_span(compat, names)} ({answers})"
    if names := _in(support, State.UNCLAIMED):
        yield f"accepted without a claim: {_span(compat, names)}"
    yield from _unmeasured(compat, _in(support, State.UNKNOWN))


def _unmeasured(compat: Compat, names: Iterable[str]) -> Iterator[str]:
    """A kernel that never came up is told where the kernels are, and once."""
    if up := [name for name in names if compat.kernels[name].abi is not None]:
        yield f"not measured: {_span(compat, up)}"


def _below(compat: Compat, support: Mapping[str, Support]) -> Iterator[str]:
    for answers, names in _answers(support, State.ABSENT):
        without = [name for name in names if not compat.kernels[name].abi]
        claim = {str(compat.kernels[name].abi) for name in names if name not in without}
        abi = [f"ABI {span([*map(str, table.ABIS)], claim)}"] if claim else []
        where = " and ".join([*(["no Landlock"] if without else []), *abi])
        yield f"{where} ({_span(compat, names)}): {answers}"


def _notes(compat: Compat, feature: CompatFeature) -> Iterator[tuple[str, str]]:
    support = feature.support
    early = (
        name
        for name, on in support.items()
        if on.state is State.PROVIDED and (compat.kernels[name].abi or 0) < feature.abi
    )
    if names := list(early):
        yield "backported", f"provided below ABI {feature.abi} on {_span(compat, names)}"
    for name, bug in compat.bugs.items():
        for label, names in (
            ("known bug", [it for it, on in support.items() if name in on.bugs]),
            ("looks like", [it for it, on in support.items() if name in on.alike]),
        ):
            if names:
                yield label, f"{name} on {_span(compat, names)}: {bug.does} ({fixes(bug)})"
    for number, erratum in compat.errata.items():
        if names := [it for it, on in support.items() if int(number) in on.unfixed]:
            yield f"erratum {number}", f"{erratum.name}: unfixed on {_span(compat, names)}"
    for answers, names in _group(support, lambda it: tuple(map(str, it.otherwise))).items():
        if answers:
            said = " or ".join(answers)
            yield "also answered", f"{said} on {_span(compat, names)}, {MORE}"
    for cases, names in _group(support, lambda it: tuple(it.deviations)).items():
        if cases:
            yield "deviates", f"{some(cases)} on {_span(compat, names)}"


def _contradictions(compat: Compat, erratum: CompatErratum) -> Iterator[str]:
    groups = _group(erratum.support, _remark)
    yield from (f"{remark}: {_span(compat, names)}" for remark, names in groups.items() if remark)
    yield from _unmeasured(compat, _in(erratum.support, Fixed.UNKNOWN))


def _remark(support: ErratumSupport) -> str:
    match support.state, support.claimed:
        case Fixed.FIXED, False:
            return "fixed without a claim"
        case Fixed.UNFIXED, True:
            return "claimed but not fixed"
        case Fixed.INAPPLICABLE, True:
            return "claimed but not applicable"
        case Fixed.UNCLEAR, claimed:
            return f"{'claimed' if claimed else 'not claimed'}, and seen to do something else"
        case _:
            return ""


def _held(compat: Compat, limit: CompatLimit, support: Mapping[str, Support]) -> Iterator[str]:
    beyond = "below it" if limit.least else "past it"
    for answers, names in _answers(support, State.PROVIDED):
        then = f" ({beyond}: {answers})" if answers else ""
        yield f"holds on {_span(compat, names)}{then}"
    for answers, names in _answers(support, State.LACKING):
        yield f"another limit on {_span(compat, names)} ({answers})"
    yield from _below(compat, support)
    yield from _unmeasured(compat, _in(support, State.UNKNOWN))


def _answers(support: Mapping[str, Support], state: State) -> Iterable[tuple[str, list[str]]]:
    return _group({name: support[name] for name in _in(support, state)}, _said).items()


def _said(support: Support) -> str:
    return " or ".join(map(str, support.answers))


def _in(
    support: Mapping[str, Support] | Mapping[str, ErratumSupport], state: State | Fixed
) -> list[str]:
    return [name for name, on in support.items() if on.state is state]


K = TypeVar("K")
V = TypeVar("V")


def _group(support: Mapping[str, V], key: Callable[[V], K]) -> dict[K, list[str]]:
    """Kernels by what is said of them; nothing for what is said of none."""
    groups: dict[K, list[str]] = defaultdict(list)
    for name, on in support.items():
        groups[key(on)].append(name)
    return groups


def _span(compat: Compat, names: Iterable[str]) -> str:
    return span([*compat.kernels], names)
