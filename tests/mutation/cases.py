# SPDX-License-Identifier: MIT
"""Run collected cases one by one, and say what each comes to."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

import pytest

from suite.judge.records import Verdict
from suite.kernel.channel import ModelChannel
from suite.kernel.errors import CallEndedError
from suite.run import rows
from suite.run.envelopes import opened
from tests.mutation.mutants import Mutant, Source
from tests.mutation.probe import Probe

LIMIT_S = 1
"""Seconds of processor time that a case may take; it needs a hundredth of that."""


_PROBED = 60
"""How many times as long it may take while its calls of rules are made by all mutants, too."""


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

        On a kernel that has a known bug, or lacks the fix of an erratum, the case for it says so,
        and is to go on to do so. A case that deviates without a reason finds nothing.
        """
        if self.raised:
            return True
        if before.bug or before.verdict is Verdict.UNFIXED:
            return self.verdict.judged and self != before
        if before.verdict.bad:
            return False
        return self.verdict.fault is Verdict.DEVIATES.fault


class Seen(NamedTuple):
    """A case that was run on the rules as they are."""

    case: int
    came: Came
    differing: frozenset[str]
    """The names of the mutants by which a rule would have given it something else."""
    called: frozenset[str]
    """The functions of the rules that it called."""


class Tried(NamedTuple):
    """What came of a mutant."""

    case: int | None
    """The case that found it, if any."""
    came: str = ""
    """What the case came to."""


class RuleError(KeyboardInterrupt):
    """A rule failed as none should, by an exception of Python's: nobody is to catch it."""


@dataclass
class Cases:
    """A plugin that runs the collected cases of one pytest session, on demand.

    Attributes:
        items: The cases.
    """

    items: Sequence[pytest.Item] = ()
    _heard: list[Came] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear of a verdict."""
        envelope = opened(report)
        if envelope:
            case = envelope.case
            self._heard.append(Came(case.verdict, case.about_bug if case.bug else ""))

    def run(self, number: int, then: int | None, limit_s: float = LIMIT_S) -> Came:
        """Run one, and say which is run next; a rule that loops ends the process, by SIGVTALRM."""
        self._heard.clear()
        item = self.items[number]
        # What both are in is not torn down between them.
        after = None if then is None else self.items[then]
        signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
        try:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
        except RuleError as error:
            return Came(Verdict.BROKEN, raised=str(error))
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return self._heard[-1]

    def probe(
        self, numbers: Sequence[int], sources: Sequence[Source], wanted: Sequence[Mutant]
    ) -> list[Seen]:
        """Run some, in a process of their own, and note which mutants each of them could find."""
        probe = Probe(sources, wanted)
        found = []
        for number, then in _each_with_next(numbers):
            probe.clear()
            came = self.run(number, then, LIMIT_S * _PROBED)
            found.append(Seen(number, came, frozenset(probe.differing), frozenset(probe.called)))
        return found

    def try_mutant(self, mutant: Mutant, finders: Sequence[Seen]) -> Tried:
        """Change the rules for good, and run cases until one finds it."""
        _tell_of_failures()
        mutant.install()
        found = {it.case: it.came for it in finders}
        for case, then in _each_with_next([*found]):
            came = self.run(case, then)
            if came.finds(found[case]):
                return Tried(case, str(came))
        return Tried(None)

    def id(self, number: int) -> str:
        """Its permanent id, and the target."""
        item = self.items[number]
        return f"{rows.case_id(item)} on {rows.target_of(item)}"


def _each_with_next(numbers: Sequence[int]) -> Iterator[tuple[int, int | None]]:
    return zip_longest(numbers, numbers[1:])


def _tell_of_failures() -> None:
    """What no system call gives ends the run: an exception of Python's, or nothing at all."""
    perform = ModelChannel._value

    def watched(self: ModelChannel, *arguments: Any) -> int:  # noqa: ANN401 (handed on)
        try:
            value = perform(self, *arguments)
        except CallEndedError:
            raise
        except Exception as error:
            raise RuleError(f"{type(error).__name__}: {error}") from error
        if value is None:
            raise RuleError("a call that gives nothing")
        return value

    ModelChannel._value = watched  # type: ignore[assignment, method-assign]
