# SPDX-License-Identifier: MIT
"""The line of a kernel: what it claims, what it provides, and where the two differ.

What it provides is read from the records of the area ``claims``:

- A record that deviates blames the features that it covers. One that covers several blames only
  those that no conforming claims record covers, or all of them if none is left.
- The kernel provides the ABI version just below the oldest blamed feature that it claims.
  ``create.errata`` never counts: no ABI version promises it.
- A record whose expectation knows an erratum says whether it is fixed: ``errata: 3 claimed, not
  fixed``, ``erratum 4 fixed, not claimed``. These are of all areas.
- A feature of which a record allowed what it is to deny is "accepted and not enforced".
- A blamed feature newer than the claim, where the kernel allowed it, is "also accepted", and so is
  what a record says that the kernel accepts.
- Claims records that were not judged (skipped, broken, crashed, hung, lost) leave open what the
  kernel provides; where others deviate, the version is then an upper bound. A skipped one that
  covers no feature leaves nothing open, nor does any of a kernel that itself is without Landlock.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.errata import as_seen
from suite.judge.absence import why_off
from suite.judge.expectation import claimed_errata
from suite.judge.outcome import Allowed, Denied, Outcome, Rejected, Seen
from suite.judge.records import (
    NOT_RUN,
    CaseRecord,
    Facts,
    TargetRecord,
    Verdict,
    accepted,
    is_not_modelled,
)
from suite.landlock import abi as table
from suite.landlock.abi import CREATE

CLAIMS = "claims"
"""The area whose cases ask whether the kernel provides what it claims."""

_UNPROMISED = {*CREATE.ERRATA.labels}
"""Bits that stable kernels of any ABI version may or may not have."""

_NUMBER = re.compile(r"\d+$")
"""Of a bit without a name."""
_NAMED = 4
"""Features spelled out in a sentence; the deviations list them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelLine:
    """One target in a few words."""

    target: str
    kernel: str
    """Release and machine; empty when the target never came up."""
    claimed: int | None
    """The claimed ABI version, 0 without Landlock; None when the target never came up."""
    errata: tuple[int, ...]
    """Numbers of the claimed errata."""
    provided: int | None
    """The ABI version provided; None when that is not established."""
    claims: str
    provides: str
    also: tuple[str, ...]
    """Features accepted although newer than the claim."""
    fixes: str
    """Errata claimed and not fixed, or fixed and not claimed; empty when there are none."""
    faults: str
    """How many cases deviated, crashed and so on, and how many of them are listed as known; empty
    when none did."""
    unmodelled: int
    """How many cases were skipped because the target has no word for a call."""
    bugs: tuple[str, ...]
    """The known bugs seen that have no erratum, each once."""
    notes: tuple[str, ...]
    """With what it was booted, what the cases ran under, and what is newer than this landproof."""
    counts: dict[Verdict, int]
    """Verdicts that occurred, in the order of ``Verdict``."""

    @property
    def absence(self) -> str:
        """Why nothing is known of the kernel, in a few words, where that is so."""
        return self.claims.partition(": ")[0]

    def __str__(self) -> str:
        also = f"also accepts {', '.join(self.also)}" if self.also else ""
        lacks = f"{self.unmodelled} not modelled" if self.unmodelled else ""
        parts = (self.claims, self.provides, also, self.fixes, self.faults, lacks)
        return "; ".join(part for part in parts if part)


def summarize(target: TargetRecord) -> KernelLine:
    """The line of one target."""
    facts = target.facts
    counts = count(case.verdict for case in target.cases)
    blame = Blame.of(target.cases, facts.abi if facts else 0)
    provides, provided = _provides(target.cases, facts, blame)
    bugs = tuple(dict.fromkeys(case.bug for case in target.cases if case.known_bug))
    return KernelLine(
        target=target.name,
        kernel=f"{facts.release} {facts.machine}" if facts else "",
        claimed=facts.abi if facts else None,
        errata=claimed_errata(facts.errata) if facts else (),
        provided=provided,
        claims=_claims(facts) if facts else _missing(target),
        provides=provides,
        also=blame.also if facts else (),
        fixes=_fixes(target.cases, facts) if facts else "",
        faults=_faults(counts, count(case.verdict for case in target.cases if case.known)),
        unmodelled=sum(is_not_modelled(case.verdict, case.reason) for case in target.cases),
        bugs=bugs,
        notes=(*_booted_with(target), *(_notes(facts) if facts else ())),
        counts=counts,
    )


def count(verdicts: Iterable[Verdict]) -> dict[Verdict, int]:
    """How often each verdict occurred, in the order of ``Verdict``."""
    counter = Counter(verdicts)
    return {verdict: counter[verdict] for verdict in Verdict if counter[verdict]}


@dataclass(frozen=True, slots=True)
class Blame:
    """Features that deviating claims records speak against."""

    lacks: dict[str, Outcome | None]
    """Features that the kernel claims; what was observed of each."""
    also: tuple[str, ...]
    """Features that it accepts without a claim."""

    @classmethod
    def of(cls, cases: Sequence[CaseRecord], abi: int) -> "Blame":
        """What the claims records of a kernel that claims this ABI version speak against."""
        claims = in_area_claims(cases)
        cleared = {
            label for case in claims if case.verdict is Verdict.CONFORMS for label in case.covers
        }
        seen: dict[str, Outcome | None] = {}
        for case in claims:
            if case.verdict is Verdict.DEVIATES:
                covered = [label for label in case.covers if label in table.FEATURES]
                for label in [it for it in covered if it not in cleared] or covered:
                    if isinstance(seen.get(label, Seen("")), Seen):  # a call's own answer says more
                        seen[label] = case.observed
        blamed = sorted(seen, key=by_abi)
        newer = (
            label
            for label in blamed
            if table.FEATURES[label].since > abi and isinstance(seen[label], Allowed)
        )
        deviating = (case for case in claims if case.verdict is Verdict.DEVIATES)
        told = (name for case in deviating for name in accepted(case.observed))
        return cls(
            lacks={
                label: seen[label]
                for label in blamed
                if table.FEATURES[label].since <= abi and label not in _UNPROMISED
            },
            also=tuple(sorted({*newer, *told}, key=by_abi)),
        )


def by_abi(label: str) -> tuple[int, int, int, str]:
    """Sorts short names of features by ABI version; names that we don't know come last."""
    bit = table.FEATURES.get(label)
    if bit is None:
        return 1 << 30, 0, 0, _NUMBER.sub(lambda number: number[0].zfill(4), label)
    return bit.since, [*table.PREFIX].index(type(bit)), int(bit), label


def _claims(facts: Facts) -> str:
    if facts.abi < 1 and (off := why_off(facts)):
        return off.line
    if facts.errata is None:
        return f"claims ABI {facts.abi} (no errata interface)"
    numbers = ",".join(map(str, claimed_errata(facts.errata)))
    return f"claims ABI {facts.abi} errata {f'{{{numbers}}}' if numbers else 'none'}"


def _provides(
    cases: Sequence[CaseRecord], facts: Facts | None, blame: Blame
) -> tuple[str, int | None]:
    if facts is None:
        return "", None
    claims = in_area_claims(cases)
    off = why_off(facts)
    bare = off is not None and off.way.value.kernels
    unjudged = [
        case
        for case in claims
        if not case.verdict.judged
        and ((case.covers and not bare) or case.verdict is not Verdict.SKIPPED)
    ]
    if blame.lacks:
        oldest = min(table.FEATURES[label].since for label in blame.lacks)
        version = f"ABI {oldest - 1}" if oldest > 1 else "no ABI version in full"
        if unjudged:
            return f"provides at most {version}: {_lacks(blame)}; {_open(claims, unjudged)}", None
        return f"provides {version}: {_lacks(blame)}", oldest - 1
    if unjudged or not claims:
        return f"provides: not established ({_open(claims, unjudged)})", None
    if facts.abi > table.NEWEST:
        newest = table.NEWEST
        return f"provides at least ABI {newest}, the newest that landproof knows", newest
    return (f"provides ABI {facts.abi}", facts.abi) if facts.abi > 0 else ("", 0)


def _lacks(blame: Blame) -> str:
    """``scope.signal is rejected with EINVAL``, like answers together."""
    labels: dict[str, list[str]] = {}
    for label, observed in blame.lacks.items():
        labels.setdefault(_answer(observed), []).append(label)
    return ", ".join(f"{_list(names)} {answer}" for answer, names in labels.items())


def _answer(observed: Outcome | None) -> str:
    match observed:
        case Rejected(errno=errno):
            return f"rejected with {errno}"
        case Denied(errno=errno):
            return f"failing with {errno}"
        case Allowed():
            return "accepted and not enforced"
        case _:
            return "deviating"


def _list(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} more are"
    if len(names) == 1:
        return f"{names[0]} is"
    return f"{', '.join(names[:-1])} and {names[-1]} are"


def _open(claims: Sequence[CaseRecord], unjudged: Sequence[CaseRecord]) -> str:
    """Why it is open what a kernel provides."""
    if not claims:
        return "no claims case ran"
    worst = max(unjudged, key=lambda case: case.verdict.rank)
    counts = count(case.verdict for case in unjudged)
    said = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
    return f"of {len(claims)} claims cases, {said}{_because(worst.reason)}"


def _because(reason: str) -> str:
    first = reason.strip().partition("\n")[0]
    return f": {first}" if first else ""


def _missing(target: TargetRecord) -> str:
    if target.reason == NOT_RUN:
        return NOT_RUN
    return f"{target.absence}: {target.reason or _why(target.cases)}"


def _why(cases: Sequence[CaseRecord]) -> str:
    reasons = (case.reason.strip().partition("\n")[0] for case in cases)
    return next(filter(None, reasons), "no reason given")


def _faults(counts: dict[Verdict, int], known: dict[Verdict, int]) -> str:
    parts = []
    for verdict, number in counts.items():
        listed = f" ({known[verdict]} known)" if verdict in known else ""
        if verdict is Verdict.DEVIATES:
            parts.append(f"{number} deviation{'s' if number > 1 else ''}{listed}")
        elif verdict.bad:
            parts.append(f"{number} {verdict}{listed}")
    return ", ".join(parts)


def _fixes(cases: Iterable[CaseRecord], facts: Facts) -> str:
    """The errata of which the kernel says otherwise than it does.

    What is fixed in some cases only counts as not fixed.
    """
    if facts.errata is None:
        return ""
    claimed = set(claimed_errata(facts.errata))
    seen = {found for case in cases if (found := as_seen(case))}
    fixed = {number for number, is_fixed in seen if is_fixed}
    unfixed = {number for number, is_fixed in seen if not is_fixed}
    false = ", ".join(map(str, sorted(unfixed & claimed)))
    silent = sorted(fixed - unfixed - claimed)
    word = "erratum" if len(silent) == 1 else "errata"
    parts = (
        f"errata: {false} claimed, not fixed" if false else "",
        f"{word} {', '.join(map(str, silent))} fixed, not claimed" if silent else "",
    )
    return "; ".join(filter(None, parts))


def _booted_with(target: TargetRecord) -> Iterable[str]:
    if target.kernel and target.kernel.parameters:
        yield f"booted with {target.kernel.parameters}"
    if target.kernel and target.kernel.processors > 1:
        yield f"{target.kernel.processors} processors"


def _notes(facts: Facts) -> tuple[str, ...]:
    notes = []
    if facts.standing.confinements:
        notes.append(f"the cases ran confined: {'; '.join(facts.standing.confinements)}")
    if facts.abi > table.NEWEST:
        notes.append(f"ABI {facts.abi} is newer than landproof knows (ABI {table.NEWEST})")
    elif facts.abi > table.RELEASED:
        notes.append(
            f"landproof knows ABI {facts.abi} from before its release: where the kernel does "
            "otherwise, it may be landproof that is wrong"
        )
    newer = [str(number) for number in claimed_errata(facts.errata) if number not in table.ERRATA]
    if newer:
        word = "erratum" if len(newer) == 1 else "errata"
        verb = "is" if len(newer) == 1 else "are"
        notes.append(f"{word} {', '.join(newer)} {verb} newer than landproof knows")
    return tuple(notes)


def in_area_claims(cases: Iterable[CaseRecord]) -> list[CaseRecord]:
    """Those that ask whether the kernel provides what it claims."""
    return [case for case in cases if case.id.partition("/")[0] == CLAIMS]
