# SPDX-License-Identifier: MIT
"""Several results files, such as those of CI jobs that ran one kernel each, as one."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from reports.ending import as_judged
from suite.errors import UsageError
from suite.judge.records import Complaint, Results


def merge(runs: Mapping[str, Results]) -> Results:
    """All targets of some runs, by the name of the file: they began with the first of them.

    ``seconds`` are those of all runs together, and so is what the runs came to.

    Raises:
        UsageError: They were observed by different versions of landproof, a target is in two of
            them, or a start is no time; says which.
    """
    (first, *_) = runs
    origin: dict[str, str] = {}
    for file, run in runs.items():
        if run.landproof != runs[first].landproof:
            raise UsageError(
                f"{first} was observed by landproof {runs[first].landproof},"
                f" {file} by {run.landproof}: run the cases of one of them again"
            )
        for target in run.targets:
            if target.name in origin:
                raise UsageError(f"target {target.name} is in {origin[target.name]} and in {file}")
            origin[target.name] = file
    ended = [*runs.values()]
    if any(run.complaints is not None for run in ended):
        ended = [*map(as_judged, ended)]
    return Results(
        landproof=runs[first].landproof,
        started=min((moment(run, file), run.started) for file, run in runs.items())[1],
        seconds=round(sum(run.seconds for run in runs.values()), 1),
        targets=[target for run in ended for target in run.targets],
        complaints=_together(run.complaints for run in ended),
    )


def _together(complaints: Iterable[list[Complaint] | None]) -> list[Complaint] | None:
    """None where nobody has judged any of the runs."""
    known = [it for it in complaints if it is not None]
    return [it for some in known for it in some] if known else None


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
