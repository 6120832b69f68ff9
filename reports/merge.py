# SPDX-License-Identifier: MIT
"""Several results files, such as those of CI jobs or of shards, as one.

A target may be in several files, if it is the same kernel there and no case says two things of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby

from msgspec.structs import replace

from reports import words
from reports.ending import SHOWN, as_judged
from suite.errors import UsageError
from suite.judge.records import (
    CaseRecord,
    Complaint,
    Part,
    Results,
    Sharding,
    TargetRecord,
    Verdict,
)

_NEVER_CAME = "never came"


def merge(runs: Mapping[str, Results]) -> Results:
    """All that some runs observed, by the name of the file: they began with the first of them.

    ``seconds`` are those of all runs together, and so is what the runs came to. What a shard was
    to run and no file holds is lost.

    Raises:
        UsageError: They were observed by different versions of landproof or are shards of
            different plans, a target is another kernel in another file, a case says two things of
            it, or a start is no time; says which.
    """
    (first, *_) = runs
    for file, run in runs.items():
        if run.landproof != runs[first].landproof:
            raise UsageError(
                f"{first} was observed by landproof {runs[first].landproof},"
                f" {file} by {run.landproof}: run the cases of one of them again"
            )
    plan = _plan(runs)
    ended = runs
    if any(run.complaints is not None for run in runs.values()):
        ended = {file: as_judged(run) for file, run in runs.items()}
    targets = _targets(ended)
    if plan:
        targets = _as_planned(targets, plan, ended)
    return Results(
        landproof=runs[first].landproof,
        started=min((moment(run, file), run.started) for file, run in runs.items())[1],
        seconds=round(sum(run.seconds for run in runs.values()), 1),
        targets=targets,
        complaints=_together((run.complaints for run in ended.values()), targets),
    )


def lacking(runs: Mapping[str, Results]) -> Iterator[str]:
    """A line for each shard of which no file is among these."""
    plan = _plan(runs)
    for number, parts in groupby(sorted(_missing(runs), key=_number), key=_number):
        assert plan  # noqa: S101 (else nothing is missing)
        them = list(parts)
        cases = sum(it.end - it.first for it in them)
        names = ", ".join(it.target for it in them)
        yield (
            f"{_called(number, plan)} {_NEVER_CAME}: {words.plural(cases, 'case')} of {names}"
            f" {'is' if cases == 1 else 'are'} lost"
        )


def _plan(runs: Mapping[str, Results]) -> Sharding | None:
    """What the shards among some runs are shards of."""
    sharded = [(file, run.sharding) for file, run in runs.items() if run.sharding]
    for file, sharding in sharded:
        known, plan = sharded[0]
        if (sharding.of, sharding.cases, sharding.parts) != (plan.of, plan.cases, plan.parts):
            raise UsageError(
                f"{known} and {file} are shards of different runs: run all shards with the same"
                " kernels, cases and --measured"
            )
    return sharded[0][1] if sharded else None


def _missing(runs: Mapping[str, Results]) -> list[Part]:
    plan = _plan(runs)
    came = {run.sharding.shard for run in runs.values() if run.sharding}
    return [part for part in plan.parts if part.shard not in came] if plan else []


def _number(part: Part) -> int:
    return part.shard


def _called(number: int, plan: Sharding) -> str:
    return f"shard {number}/{plan.of}"


def _targets(runs: Mapping[str, Results]) -> list[TargetRecord]:
    """The targets of all runs, each once."""
    found: dict[str, TargetRecord] = {}
    origin: dict[tuple[str, str], str] = {}
    first_file: dict[str, str] = {}
    for file, run in runs.items():
        for target in run.targets:
            if target.name not in found:
                found[target.name], first_file[target.name] = target, file
            else:
                before = found[target.name]
                _check_same_kernel((first_file[target.name], before), (file, target))
                _check_same_verdicts(before, target, origin, file)
                found[target.name] = _joined(before, target)
            origin |= {(target.name, case.id): file for case in target.cases}
    return [*found.values()]


def _check_same_kernel(one: tuple[str, TargetRecord], other: tuple[str, TargetRecord]) -> None:
    (file, a), (at, b) = one, other
    if a.facts and b.facts and _identity(a) != _identity(b):
        raise UsageError(
            f"target {a.name} is not the same kernel in {file} ({a.facts.release}) and in {at}"
            f" ({b.facts.release}): call one otherwise"
        )


def _identity(target: TargetRecord) -> tuple[object, ...]:
    facts, kernel = target.facts, target.kernel
    if facts is None:
        return ()
    claims = (facts.release, facts.version, facts.machine, facts.abi, facts.errata, facts.missing)
    return (*claims, kernel and (kernel.sha256, kernel.parameters, kernel.processors))


def _check_same_verdicts(
    before: TargetRecord, now: TargetRecord, origin: Mapping[tuple[str, str], str], file: str
) -> None:
    known = {case.id: case for case in before.cases}
    for case in now.cases:
        was = known.get(case.id)
        if was and (was.verdict, was.observed) != (case.verdict, case.observed):
            raise UsageError(
                f"{case.id} {was.verdict} on {now.name} in {origin[now.name, case.id]},"
                f" and {case.verdict} in {file}: leave one of the files out"
            )


def _joined(before: TargetRecord, now: TargetRecord) -> TargetRecord:
    known = {case.id for case in before.cases}
    starts = {
        way: before.starts.get(way, 0) + now.starts.get(way, 0)
        for way in sorted(before.starts.keys() | now.starts.keys())
    }
    up = before if before.facts else now
    return replace(
        up,
        starts=starts,
        cases=[*before.cases, *(case for case in now.cases if case.id not in known)],
    )


def _as_planned(
    targets: list[TargetRecord], plan: Sharding, runs: Mapping[str, Results]
) -> list[TargetRecord]:
    """The targets in the order of the run, with all that was to be run on them."""
    found = {target.name: target for target in targets}
    missing = _missing(runs)
    why = {
        (run.sharding.shard, target.name): target.reason
        for run in runs.values()
        for target in run.targets
        if run.sharding
    }
    for part in plan.parts:
        number = _called(part.shard, plan)
        if part in missing:
            reason = f"{number} {_NEVER_CAME}"
        elif part.target in found and found[part.target].cases:
            reason = why.get((part.shard, part.target)) or f"nothing was heard in {number}"
        else:
            continue  # it never came up, which is all that is to say of it
        target = found.get(part.target) or TargetRecord(name=part.target, reason=reason)
        known = {case.id for case in target.cases}
        lost = [it for it in plan.cases[part.first : part.end] if it not in known]
        records = [CaseRecord(id=it, verdict=Verdict.LOST, reason=reason) for it in lost]
        found[part.target] = replace(target, cases=[*target.cases, *records])
    names = dict.fromkeys([*(part.target for part in plan.parts), *found])
    return [found[name] for name in names if name in found]


def _together(
    complaints: Iterable[list[Complaint] | None], targets: Iterable[TargetRecord]
) -> list[Complaint] | None:
    """None where nobody has judged any of the runs; what several say is said once."""
    known = [it for it in complaints if it is not None]
    if not known:
        return None
    seen = any(case.verdict is not Verdict.SKIPPED for it in targets for case in it.cases)
    return [
        it
        for it in dict.fromkeys(it for some in known for it in some)
        if not (seen and it.id == SHOWN)
    ]


def moment(run: Results, file: str) -> datetime:
    """When a run began.

    Raises:
        UsageError: It says nothing that is a time.
    """
    try:
        begun = datetime.fromisoformat(run.started)
    except ValueError as error:
        raise UsageError(f"{file} is malformed: started: {error}") from error
    return begun if begun.tzinfo else begun.replace(tzinfo=UTC)
