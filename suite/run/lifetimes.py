# SPDX-License-Identifier: MIT
"""Whether what cases made is freed, where the kernel tells that: a case that left something fails.

The kernel frees a domain some time after its last process, and to wait for that takes longer than a
case. So the trace is looked at once for a group of cases, and what they made has until the end of
the next group to be freed. Whose it was that is not freed then, is found out by running the cases
of its group once more; a second report of that case takes the place of the first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
import pytest

from suite.errors import LandproofError
from suite.judge.outcome import Seen
from suite.judge.records import Verdict
from suite.process.session import Session
from suite.run.envelopes import enclose, opened
from suite.run.surroundings import JUDGEMENT
from suite.targets.filesystems import FileSystem
from suite.witness import leaks

_GROUP = 32


@dataclass(slots=True)
class _Group:
    cases: list[tuple[pytest.Item, pytest.TestReport]] = field(default_factory=list)
    """Those that could be blamed: what a broken one leaves is told as that."""
    size: int = 0
    made: dict[str, str] = field(default_factory=dict)
    """Rulesets and domains that were not freed by the end of the group."""


class Lifetimes:
    """What cases of one target after the other have made.

    Args:
        again: Runs a case once more; its reports are nobody's.
        tell: Passes on a report that takes the place of an earlier one.
    """

    def __init__(
        self,
        again: Callable[[pytest.Item], object],
        tell: Callable[[pytest.Item, pytest.TestReport], object],
    ) -> None:
        self._again = again
        self._tell = tell
        self._older, self._newer = _Group(), _Group()
        self._session: Session | None = None
        """In which those ran that are looked at."""

    def begin(self, item: pytest.Item, session: Session | None) -> None:
        """Before a case: see what others made, if all that this one makes is not looked at."""
        if session is not None and _keeps(item):
            self._note(session)

    def end(
        self, item: pytest.Item, reports: list[pytest.TestReport], session: Session | None
    ) -> None:
        """Behind a case.

        Args:
            item: The case.
            reports: What it came to.
            session: That in which it ran; None if that has ended.
        """
        if session is not self._session:
            self._older, self._newer = _Group(), _Group()
            self._session = session
        if session is None or not leaks.is_watched(session):
            return
        if _keeps(item):
            with suppress(LandproofError):
                leaks.forget(session, leaks.made(session))
        else:
            judgement = item.stash.get(JUDGEMENT, None)
            if judgement is not None and judgement.verdict.good:
                self._newer.cases += ((item, it) for it in reports if it.when == "call")
        self._newer.size += 1
        if self._newer.size == _GROUP:
            self._turn(session)

    def settle(self) -> None:
        """Behind the last case of a target: look at what is left."""
        if self._session is not None and leaks.is_watched(self._session):
            self._turn(self._session)
            self._turn(self._session)

    def _note(self, session: Session) -> None:
        """See what the newer group made."""
        with suppress(LandproofError):  # of a target that is lost: the next case says so
            self._newer.made |= leaks.made(session)

    def _turn(self, session: Session) -> None:
        """Judge the older group, after the newer one has had its time."""
        self._note(session)
        with suppress(LandproofError):
            if leaks.kept(session, self._older.made):
                self._find(session, self._older)
        self._older, self._newer = self._newer, _Group()

    def _find(self, session: Session, group: _Group) -> None:
        """Run the cases of a group again, and fail those that leave something."""
        made: list[dict[str, str]] = []
        for item, _ in group.cases:
            self._again(item)
            made.append(leaks.made(session))
        left = leaks.kept(session, {name for several in made for name in several})
        for (item, report), several in zip(group.cases, made, strict=True):
            kinds = {several[name] for name in left.intersection(several)}
            if kinds:
                _blame(report, kinds)
                self._tell(item, report)


def _keeps(item: pytest.Item) -> bool:
    """Whether the file system that a case uses keeps the credentials of who used it."""
    callspec = getattr(item, "callspec", None)
    chosen: FileSystem | None = callspec.params.get("filesystem") if callspec else None
    return chosen is not None and chosen.value.keeps_credentials


def _blame(report: pytest.TestReport, kinds: set[str]) -> None:
    """Fail a case by what it left."""
    envelope = opened(report)
    if envelope is None:
        return
    seen = Seen(f"{envelope.case.observed}, but never freed: {', '.join(sorted(kinds))}")
    record = msgspec.structs.replace(envelope.case, verdict=Verdict.DEVIATES, observed=seen)
    enclose(report, msgspec.structs.replace(envelope, case=record, began=[]))
    report.outcome = "failed"
