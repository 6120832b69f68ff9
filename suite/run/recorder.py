# SPDX-License-Identifier: MIT
"""Collect the records of a run where pytest's controller is, whatever becomes of its workers.

Guilty until heard: a planned case without a record is ``lost``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Protocol

import pytest

from suite.errors import LandproofError
from suite.judge.records import (
    NOT_RUN,
    CaseRecord,
    Envelope,
    Facts,
    KernelBuild,
    Results,
    TargetRecord,
    Verdict,
)
from suite.run import rows
from suite.run.envelopes import opened

_OF_A_WORKER = "\nassert False"
"""How xdist hands on what a worker failed with: as the message of an assertion."""


class WorkerError(Exception):
    """A worker failed; its traceback is the message."""


@dataclass(slots=True)
class Planned:
    """What is known of one target so far."""

    name: str
    cases: dict[str, CaseRecord | None] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    facts: Facts | None = None
    kernel: KernelBuild | None = None
    starts: Counter[str] = field(default_factory=Counter)
    started: float | None = None
    """time.monotonic() of its first case."""
    first_ended: float | None = None
    ended: float | None = None
    done: int = 0
    """How many cases were heard."""

    def keep(self, case: str, record: CaseRecord) -> None:
        """A case of the plan was heard."""
        self.done += self.cases.get(case) is None
        self.cases[case] = record


class Watcher(Protocol):
    """Somebody who wants to see a run's progress."""

    def changed(self, target: Planned) -> None:
        """A target's plan is known, or a case of it began or ended."""


class Recorder:
    """A pytest plugin of the controller: from reports to results."""

    def __init__(self, targets: Sequence[str], watcher: Watcher | None = None) -> None:
        self.targets = {name: Planned(name) for name in targets}
        self.refused: LandproofError | None = None
        """Why there is no target of a name."""
        self.fault: BaseException | None = None
        """What ended the run, though it is no fault of a case."""
        self.uncollected: list[str] = []
        """The files whose cases are not known, and why."""
        self._watcher = watcher
        self._clock = time.monotonic()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Generator[None, None, None]:
        """Note that a target was refused; pytest says so in one line."""
        try:
            yield
        except pytest.UsageError as error:
            if isinstance(error.__cause__, LandproofError):
                self.refused = error.__cause__
            raise

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Keep it for one line of ours, in place of pytest's many."""
        error = excinfo.value
        if isinstance(error, AssertionError) and str(error).endswith(_OF_A_WORKER):
            error = WorkerError(str(error).removesuffix(_OF_A_WORKER))
        self.fault = self.fault or error
        return True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that can't be read as cases."""
        if report.failed:
            last = report.longreprtext.strip().rpartition("\n")[2]
            self.uncollected.append(f"{report.nodeid}: {last.removeprefix('E').strip()}")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the plan; without xdist the controller collects itself."""
        self._plan(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: Sequence[str]) -> None:
        """Note the plan, as a worker tells it; xdist would go on without what it lacks."""
        if self.uncollected:
            pytest.exit("some cases can't be collected")
        self._plan(ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A case begins."""
        planned = self._planned(nodeid)
        if planned is None:
            return
        target, case = planned
        target.begun.add(case)
        if target.started is None:
            target.started = time.monotonic()
        self._tell(target)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase of a case ended: keep its record if it carries one."""
        planned = self._planned(report.nodeid)
        if planned is None:
            return
        target, case = planned
        if envelope := opened(report):
            self._keep(target, case, envelope)
        elif report.failed and target.cases.get(case) is None:
            # The worker died, or something around the case failed.
            reason = str(report.longrepr)
            target.keep(case, CaseRecord(id=case, verdict=Verdict.LOST, reason=reason))
        if target.ended is None and target.done == len(target.cases):
            target.ended = time.monotonic()
        self._tell(target)

    @property
    def heard(self) -> bool:
        """Whether there is anything to tell."""
        return any(target.done for target in self.targets.values())

    def results(self, *, interrupted: bool = False) -> Results:
        """All that was heard; of what was planned, the rest is lost, or was not run."""
        return Results(
            landproof=version("landproof"),
            started=self._started,
            seconds=round(time.monotonic() - self._clock, 1),
            targets=[_record_of(it, interrupted=interrupted) for it in self.targets.values()],
        )

    def _plan(self, nodeids: Iterable[str]) -> None:
        for nodeid in nodeids:
            planned = self._planned(nodeid)
            if planned is not None:
                target, case = planned
                target.cases.setdefault(case, None)
        for target in self.targets.values():
            self._tell(target)

    def _planned(self, nodeid: str) -> tuple[Planned, str] | None:
        """The target of a case, and the case's id."""
        parsed = rows.parse_node(nodeid, list(self.targets))
        return (self.targets[parsed[0]], parsed[1]) if parsed else None

    def _keep(self, target: Planned, case: str, envelope: Envelope) -> None:
        target.keep(case, envelope.case)
        if envelope.facts:
            target.facts, target.kernel = envelope.facts, envelope.kernel
        target.starts.update(envelope.began)
        target.first_ended = target.first_ended or time.monotonic()

    def _tell(self, target: Planned) -> None:
        if self._watcher:
            self._watcher.changed(target)


def _record_of(target: Planned, *, interrupted: bool) -> TargetRecord:
    if interrupted and not target.done:
        return TargetRecord(name=target.name, reason=NOT_RUN)
    return TargetRecord(
        name=target.name,
        facts=target.facts,
        kernel=target.kernel,
        starts=dict(sorted(target.starts.items())),
        cases=[
            record or _silent(case, not_run=interrupted and case not in target.begun)
            for case, record in target.cases.items()
        ],
    )


def _silent(case: str, *, not_run: bool) -> CaseRecord:
    if not_run:
        return CaseRecord(id=case, verdict=Verdict.SKIPPED, reason=NOT_RUN)
    return CaseRecord(id=case, verdict=Verdict.LOST, reason="nothing was heard")
