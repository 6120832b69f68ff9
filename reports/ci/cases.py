# SPDX-License-Identifier: MIT
"""Targets and cases as machines are told of them: facts by name, evidence by line."""

from collections.abc import Iterator

from msgspec.structs import asdict, replace

from reports import words
from reports.kernel_line import summarize
from reports.matrix import is_known
from suite.judge.absence import Off, unchecked
from suite.judge.expectation import claimed_errata
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict


def facts(target: TargetRecord) -> dict[str, str]:
    """All that is known of a target, as text by name; what is not known is left out."""
    said = {"target": target.name, "landlock": str(summarize(target))}
    if target.facts is not None:
        stands = "; ".join(target.facts.standing.confinements)
        said |= _texts({**asdict(target.facts), "standing": stands})
        said["capabilities"] = f"{target.facts.capabilities:#x}"
        if target.facts.errata is not None:
            said["errata"] = ",".join(map(str, claimed_errata(target.facts.errata)))
    if target.kernel is not None:
        said |= {f"kernel.{name}": text for name, text in _texts(asdict(target.kernel)).items()}
    return said


def told(results: Results) -> Iterator[tuple[TargetRecord, list[CaseRecord]]]:
    """The targets, each with the cases to tell one by one.

    A console that thousands of lost cases quote is left to the first of them. A target that never
    came up and left no case gets one, and so does one on which nothing could be checked: no tool
    may take it for a success.
    """
    off = unchecked(results.targets)
    for target in results.targets:
        why = off.get(target.name)
        yield target, [*([_not_checked(why)] if why else []), *_cases_of(target)]


def _not_checked(why: Off) -> CaseRecord:
    summary = "Landlock can be checked."
    return CaseRecord(
        id="target/landlock", verdict=Verdict.BROKEN, summary=summary, reason=str(why)
    )


def _cases_of(target: TargetRecord) -> list[CaseRecord]:
    if target.facts is None and not target.cases:
        reason = target.reason or "no reason given"
        summary = "The target comes up."
        return [CaseRecord(id="target/boot", verdict=Verdict.LOST, summary=summary, reason=reason)]
    quoted: dict[str, str] = {}
    return [_quoting_once(case, quoted) for case in target.cases]


def _quoting_once(case: CaseRecord, quoted: dict[str, str]) -> CaseRecord:
    """The case; ``quoted`` has the id of the first that gave each reason."""
    first, _, tail = case.reason.strip().partition("\n")
    if not tail or quoted.setdefault(case.reason, case.id) == case.id:
        return case
    return replace(case, reason=f"{first} (console: see {quoted[case.reason]})")


def headline(case: CaseRecord) -> str:
    """One line on what became of a case that is no success."""
    known = f"known: {case.known}; " if is_known(case) else ""
    return known + _became(case)


def _became(case: CaseRecord) -> str:
    first = case.reason.strip().partition("\n")[0]
    if case.verdict is not Verdict.DEVIATES:
        return first or "no reason given"
    clause = f" ({case.clause})" if case.clause else ""
    bug = f"; known bug {case.bug.partition(':')[0]}" if case.bug else ""
    expected, observed = case.expected or "not recorded", case.observed or "nothing"
    return f"expected {expected}{clause}, observed {observed}{bug}"


def evidence(case: CaseRecord) -> Iterator[str]:
    """All that is known of such a case but its calls; an item may have several lines."""
    if case.summary:
        yield case.summary
    for label, text in words.evidence(case):
        if case.observed is not None or label not in {"expected", "observed"}:
            yield f"{label}: {text}"


def _texts(fields: dict[str, object]) -> dict[str, str]:
    return {name: _text(value) for name, value in fields.items() if value not in (None, [], "")}


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
