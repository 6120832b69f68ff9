# SPDX-License-Identifier: MIT
"""All that is known of one case: what it says, where that is written, and what results say."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports import again, words
from reports.kernel_line import summarize
from reports.page import Entry, Page, Section, Table
from suite.judge.behaviours import Behaviour
from suite.judge.records import CaseRecord, Results, TargetRecord
from suite.landlock.bugs import labelled
from suite.run.declared import Declared


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one target said."""

    target: str
    wish: str | None
    """How a machine's kernel is asked for."""
    kernel: str
    claims: str
    record: CaseRecord


@dataclass(frozen=True, slots=True)
class Explanation:
    """A case, the behaviours that it shows, and what was seen of it."""

    case: Declared
    behaviours: Mapping[str, Behaviour]
    seen: tuple[Sighting, ...]


def explain(
    case: Declared, behaviours: Mapping[str, Behaviour], runs: Sequence[Results]
) -> Explanation:
    """Gather what is known of a case."""
    shown = {name: behaviours[name] for name in case.answers if name in behaviours}
    records = (
        Sighting(target.name, again.wish(target), *_kernel(target), record)
        for run in runs
        for target in run.targets
        for record in target.cases
        if record.id == case.id
    )
    return Explanation(case, shown, tuple(records))


def _kernel(target: TargetRecord) -> tuple[str, str]:
    line = summarize(target)
    return line.kernel, line.claims


def page(told: Explanation) -> Page:
    """The explanation as a report."""
    case = told.case
    return Page(
        title=case.id,
        lines=(case.summary,),
        sections=(
            Section("Case", (Entry(f"{case.file}:{case.line}", tuple(_facts(case))),)),
            Section(
                "Behaviours",
                tuple(
                    Entry(name, (("says", it.says), ("source", it.source)))
                    for name, it in told.behaviours.items()
                ),
            ),
            Section("What kernels owe", tuple(_owed(told))),
            Section("What was seen", tuple(_seen(told.seen))),
            Section("Once more", commands=tuple(_commands(told))),
        ),
        data=told,
    )


def _facts(case: Declared) -> Iterator[tuple[str, str]]:
    if case.source:
        yield "source", case.source
    if case.covers:
        yield "covers", ", ".join(case.covers)
    for need in case.needs:
        yield "needs", need.removeprefix("needs ")
    if case.vm_only:
        yield "needs", "a virtual machine: it could change the machine that it runs on"


def _owed(told: Explanation) -> Iterator[Table | str]:
    """The clauses, with what each owes as far as that is declared or was recorded."""
    owed = dict(told.case.clauses)
    for seen in told.seen:
        for clause in seen.record.clauses:
            owed.setdefault(clause, "")
        if seen.record.clause and seen.record.expected:
            owed[seen.record.clause] = owed.get(seen.record.clause) or str(seen.record.expected)
    if owed:
        rows = ((clause, outcome or "seen on no target") for clause, outcome in owed.items())
        yield Table(("kernels", "owe"), tuple(rows))
    else:
        yield "Known only when it runs: give --results."


def _seen(seen: Sequence[Sighting]) -> Iterator[Table | Entry | str]:
    if not seen:
        yield "No results hold it."
        return
    rows = (
        (
            it.target,
            it.claims.removeprefix("claims "),
            it.record.verdict,
            str(it.record.expected or ""),
            str(it.record.observed or ""),
        )
        for it in seen
    )
    yield Table(("target", "claims", "verdict", "expected", "observed"), tuple(rows))
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for it in seen:
        if lines := tuple(_remarks(it.record)):
            alike.setdefault(lines, []).append(it.target)
    for lines, targets in alike.items():
        yield Entry(f"on {words.some(targets)}", lines)
    # Of several targets one is enough: they differ by their numbers of processes.
    for it in [it for it in seen if it.record.calls][-1:]:
        yield Entry(f"on {it.target}", (("calls", "\n".join(it.record.calls)),))


def _remarks(record: CaseRecord) -> Iterator[tuple[str, str]]:
    """What a table has no room for."""
    for label, text in (
        labelled(record.bug),
        ("known", record.known),
        ("reason", record.reason),
    ):
        if text:
            yield label, text


def _commands(told: Explanation) -> Iterator[str]:
    quoted = shlex.quote(told.case.id)
    if not told.case.vm_only:
        yield f"landproof -k {quoted}"
    # The last kernel with each verdict is enough to see the difference.
    last = {it.record.verdict: it.wish for it in told.seen if it.wish is not None}
    yield f"landproof matrix {again.options(last.values() or ('6.12', '7.3'))} -k {quoted}"
