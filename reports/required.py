# SPDX-License-Identifier: MIT
"""What a user requires of kernels, and which of it a kernel does not claim, or not provide.

A claim alone meets nothing: what it is about must have been seen, by the records of the area
``claims``, and of an erratum by records of any area that owe what the fix made of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.errata import erratum_half
from reports.kernel_line import Blame, in_area_claims, summarize
from suite.judge.absence import why_off
from suite.judge.expectation import claimed_errata
from suite.judge.records import CaseRecord, Facts, TargetRecord, Verdict
from suite.landlock import abi as table

FEATURES = tuple(table.FEATURES)
ERRATA = tuple(int(number) for number in table.ERRATA)
NEWEST = table.NEWEST
"""What can be required."""


@dataclass(frozen=True, slots=True)
class Required:
    """What each target of a run has to claim and to provide."""

    abi: int = 0
    features: tuple[str, ...] = ()
    """By short name, such as ``fs.truncate``."""
    errata: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.abi or self.features or self.errata)


def unmet(target: TargetRecord, required: Required) -> str:
    """What a target lacks of it, in one line; empty where it has all."""
    if not required:
        return ""
    lacks = [f"requires {what}: {why}" for what, why in _lacks(target, required) if why]
    return f"{target.name}: {'; '.join(lacks)}" if lacks else ""


def _lacks(target: TargetRecord, required: Required) -> Iterator[tuple[str, str]]:
    facts = target.facts
    if facts is None or (off := why_off(facts)):
        line = summarize(target).claims if facts is None else str(off)
        yield ", ".join(_names(required)), line
        return
    claims = in_area_claims(target.cases)
    if required.abi:
        yield f"ABI {required.abi}", _lacks_abi(target, facts, claims, required.abi)
    for label in required.features:
        yield label, _lacks_feature(facts, claims, label)
    for number in required.errata:
        yield f"erratum {number}", _lacks_erratum(facts, target.cases, number)


def _names(required: Required) -> Iterator[str]:
    if required.abi:
        yield f"ABI {required.abi}"
    yield from required.features
    yield from (f"erratum {number}" for number in required.errata)


def _lacks_abi(
    target: TargetRecord, facts: Facts, claims: Sequence[CaseRecord], version: int
) -> str:
    if facts.abi < version:
        return f"claims ABI {facts.abi}"
    lacking = [label for label in Blame.of(claims, facts.abi).lacks if _since(label) <= version]
    silent = [
        case
        for case in claims
        if not case.verdict.judged and any(_since(label) <= version for label in case.covers)
    ]
    return summarize(target).provides if lacking or silent or not claims else ""


def _since(label: str) -> int:
    return table.FEATURES[label].since if label in table.FEATURES else 1


def _lacks_feature(facts: Facts, claims: Sequence[CaseRecord], label: str) -> str:
    if label in table.CREATE.ERRATA.labels and facts.errata is None:
        return "the kernel has no errata interface"
    if facts.abi < _since(label):
        return f"claims ABI {facts.abi}, it came with ABI {_since(label)}"
    about = [case for case in claims if label in case.covers]
    wrong = [case for case in about if case.verdict is Verdict.DEVIATES]
    # A case about several features blames those that no other case clears.
    blamed = label in Blame.of(claims, facts.abi).lacks or label in table.CREATE.ERRATA.labels
    if wrong and blamed:
        return f"claimed, but {wrong[0].id} deviates: {wrong[0].observed or 'nothing observed'}"
    return _unseen(about, "claims case about it")


def _lacks_erratum(facts: Facts, cases: Sequence[CaseRecord], number: int) -> str:
    if number not in claimed_errata(facts.errata):
        return "not claimed"
    about = [case for case in cases if erratum_half(case) == (number, True)]
    wrong = next((case for case in about if case.verdict is Verdict.DEVIATES), None)
    if wrong:
        return f"claimed, but {wrong.id} deviates: {wrong.observed or 'nothing observed'}"
    return _unseen(about, "case that shows it")


def _unseen(about: Sequence[CaseRecord], what: str) -> str:
    """Why nothing was seen of it; of several cases, each that was judged will do."""
    if any(case.verdict.judged for case in about):
        return ""
    if not about:
        return f"claimed, but no {what} ran"
    first = about[0].reason.strip().partition("\n")[0]
    return f"claimed, but {about[0].id} is {about[0].verdict}: {first or 'no reason given'}"
