# SPDX-License-Identifier: MIT
"""Run collected cases one by one, and say what each comes to."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from suite.errors import LandproofError
from suite.judge.records import Verdict
from suite.run import rows
from suite.run.envelopes import opened
from tests.mutation.mutants import Source

LIMIT_S = 3
"""Seconds of processor time that a case may take; it needs a hundredth of that."""
_OURS = "/suite/kernel/", "/suite/model/"


class Came(NamedTuple):
    """What a case came to."""

    verdict: Verdict
    bug: str = ""
    """The known bug by whose name a deviation goes."""
    raised: str = ""
    """Whether rules or the small kernel failed as no kernel does, by an exception of Python's."""

    def __str__(self) -> str:
        return self.raised or f"{self.verdict}{f' ({self.bug})' if self.bug else ''}"

    def finds(self, before: Came) -> bool:
        """Whether a change of the rules is found out, by what the case came to before.

        On a kernel that has a known bug, the case for it deviates, and is to go on to do so.
        """
        if self.raised:
            return True
        if before.bug:
            return self.verdict.judged and self != before
        return self.verdict.fault is Verdict.DEVIATES.fault


class Reached(NamedTuple):
    """A case that was run, and the statements of the rules that it ran."""

    case: int
    came: Came
    statements: frozenset[tuple[str, int]]


@dataclass
class Cases:
    """A plugin that runs the collected cases of one pytest session, on demand.

    Attributes:
        items: The cases.
    """

    items: Sequence[pytest.Item] = ()
    _heard: list[Came] = field(default_factory=list)
    _raised: str = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Look whether it is the rules themselves that failed."""
        error = call.excinfo
        if error and not isinstance(error.value, LandproofError | pytest.skip.Exception):
            frames = traceback.extract_tb(error.tb)
            if any(part in frame.filename for frame in frames for part in _OURS):
                self._raised = f"{type(error.value).__name__}: {error.value}"
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear of a verdict."""
        envelope = opened(report)
        if envelope:
            case = envelope.case
            self._heard.append(Came(case.verdict, case.about_bug if case.bug else "", self._raised))

    def run(self, number: int) -> Came:
        """Run one; a rule that loops ends the process, by SIGVTALRM."""
        self._heard.clear()
        self._raised = ""
        item = self.items[number]
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return self._heard[-1]

    def reach(self, numbers: Sequence[int], sources: Sequence[Source]) -> list[Reached]:
        """Run some in a process of their own, and note which statements of the rules each runs."""
        lines: dict[str, set[int]] = {}
        for source in sources:
            lines[source.name] = set()
            source.tell(lines[source.name].add)
        found = []
        for number in numbers:
            for it in lines.values():
                it.clear()
            came = self.run(number)
            reached = {(name, line) for name, it in lines.items() for line in it}
            found.append(Reached(number, came, frozenset(reached)))
        return found

    def id(self, number: int) -> str:
        """Its permanent id, and the target."""
        item = self.items[number]
        return f"{rows.case_id(item)} on {rows.target_of(item)}"
