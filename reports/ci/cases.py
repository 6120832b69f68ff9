# SPDX-License-Identifier: MIT
"""Targets and cases as machines are told of them: facts by name, evidence by line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from msgspec.structs import asdict, replace

from reports import words
from reports.ending import as_judged, down, not_checked
from reports.kernel_line import summarize
from reports.matrix import is_known
from suite.judge.absence import unchecked
from suite.judge.expectation import claimed_errata
from suite.judge.records import NOT_RUN, CaseRecord, Complaint, Results, TargetRecord, Verdict
from suite.landlock.bugs import labelled


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


@dataclass(frozen=True, slots=True)
class Suite:
    """A target, or the run as a whole, with the cases to tell of it one by one."""

    name: str
    facts: dict[str, str]
    cases: list[CaseRecord]


def suites(results: Results) -> Iterator[Suite]:
    """What is told where a reader wants to know whether the run came to a good end.

    A case is a failure exactly if it ``counts``; the complaints of the run are cases, too. So there
    is none exactly if the exit code is 0.
    """
    judged = as_judged(results)
    names = {target.name for target in judged.targets}
    wrong: dict[str, dict[str, CaseRecord]] = {}
    for it in judged.complaints or ():
        # Whatever became of its target, it must not get lost.
        mine = wrong.setdefault(it.target if it.target in names else "", {})
        mine[it.id] = _complained(it, mine.get(it.id))
    if run := wrong.pop("", None):
        yield Suite("run", {}, [*run.values()])
    for target in judged.targets:
        cases = [*wrong.get(target.name, {}).values(), *_quoting(target.cases)]
        yield Suite(target.name, facts(target), cases)


def told(results: Results) -> Iterator[tuple[TargetRecord, list[CaseRecord]]]:
    """The targets, each with the cases to tell one by one, whatever the run was held against.

    A console that thousands of lost cases quote is left to the first of them. A target that never
    came up and left no case gets one, and so does one on which nothing could be checked: no tool
    may take it for a success.
    """
    off = unchecked(results.targets)
    for target in results.targets:
        why = off.get(target.name)
        cases = [_complained(not_checked(target.name, why))] if why else []
        if target.facts is None and not target.cases:
            boot = _complained(down(target))
            was_run = boot.reason != NOT_RUN
            cases.append(boot if was_run else replace(boot, verdict=Verdict.SKIPPED))
        yield target, [*cases, *_quoting(target.cases)]


def _complained(it: Complaint, also: CaseRecord | None = None) -> CaseRecord:
    """A complaint as a case, with what another of the same kind says."""
    reason = f"{also.reason}\n{it.reason}" if also else it.reason
    return CaseRecord(id=it.id, verdict=it.verdict, summary=it.summary, reason=reason)


def _quoting(cases: Iterable[CaseRecord]) -> list[CaseRecord]:
    quoted: dict[str, str] = {}
    return [_quoting_once(case, quoted) for case in cases]


def _quoting_once(case: CaseRecord, quoted: dict[str, str]) -> CaseRecord:
    """The case; ``quoted`` has the id of the first that gave each reason."""
    first, _, tail = case.reason.strip().partition("\n")
    if not tail or quoted.setdefault(case.reason, case.id) == case.id:
        return case
    return replace(case, reason=f"{first} (console: see {quoted[case.reason]})")


def bug_mark(case: CaseRecord) -> str:
    """The known bug that was seen, such as ``known bug cred-transfer``; empty if there is none."""
    label, text = labelled(case.bug)
    return f"{label} {text.partition(':')[0]}" if text else ""


def headline(case: CaseRecord) -> str:
    """One line on what became of a case that is no success: the name of a known bug comes first."""
    marks = [f"known: {case.known}" if is_known(case) else "", bug_mark(case)]
    if case.excused not in ("", case.known):
        marks.insert(0, f"excused: {case.excused}")
    return "; ".join([*filter(None, marks), _became(case)])


def _became(case: CaseRecord) -> str:
    first = case.reason.strip().partition("\n")[0]
    if case.verdict is not Verdict.DEVIATES or (first and not case.expected):
        return first or "no reason given"
    clause = f" ({case.clause})" if case.clause else ""
    expected, observed = case.expected or "not recorded", case.observed or "nothing"
    return f"expected {expected}{clause}, observed {observed}"


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
