# SPDX-License-Identifier: MIT
"""Whether what cases made is freed, where the kernel tells that: a case that left something fails.

The kernel frees a domain some time after its last process, and to wait for that takes longer than a
case. So the trace is looked at once for a group of cases, and what they made has until the end of
the next group to be freed; the reports of both are held back so long. Whose it was that is not
freed then, is found out by running the cases of its group once more.
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
from suite.targets.filesystems import FileSystem
from suite.witness import leaks

_GROUP = 32


@dataclass(frozen=True, slots=True)
class _Held:
    item: pytest.Item
    reports: list[pytest.TestReport]

    @property
    def is_good(self) -> bool:
        """Whether the case could be blamed: what a broken one leaves is told as that."""
        return not any(report.failed for report in self.reports)


@dataclass(slots=True)
class _Group:
    cases: list[_Held] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    """Rulesets and domains of theirs that were not freed by the end of the group."""


class Lifetimes:
    """The reports of cases, which are passed on in the order of the cases.

    Args:
        tell: Passes the reports of a case on.
        again: Runs a case once more; its reports are nobody's.
    """

    def __init__(
        self,
        tell: Callable[[pytest.Item, list[pytest.TestReport]], None],
        again: Callable[[pytest.Item], object],
    ) -> None:
        self._tell = tell
        self._again = again
        self._older, self._newer = _Group(), _Group()
        self._session: Session | None = None
        """That of those which are held."""

    def begin(self, item: pytest.Item, session: Session | None) -> None:
        """Before a case: see what others made, if all that this one makes is not looked at."""
        if session is not None and _keeps(item):
            self._note(session)

    def take(
        self, item: pytest.Item, reports: list[pytest.TestReport], session: Session | None
    ) -> None:
        """Tell a case's reports as soon as what it made is freed, or known not to be.

        Args:
            item: The case.
            reports: What it came to.
            session: That in which it ran; None if that has ended.
        """
        if session is not self._session:
            self.release()
            self._session = session
        if session is not None and _keeps(item):
            with suppress(LandproofError):
                leaks.forget(session, leaks.made(session))
        self._newer.cases.append(_Held(item, reports))
        if session is None or not leaks.is_watched(session):
            self.release()
        elif len(self._newer.cases) == _GROUP:
            self._turn(session)

    def settle(self) -> None:
        """Look at all that is held, and tell it."""
        session = self._session
        if session is not None and leaks.is_watched(session):
            self._turn(session)
            self._turn(session)
        self.release()

    def release(self) -> None:
        """Tell all as it is."""
        for group in (self._older, self._newer):
            self._tell_all(group)
        self._older, self._newer = _Group(), _Group()

    def _note(self, session: Session) -> None:
        """See what the newer group made."""
        with suppress(LandproofError):  # nothing is known of a target that is lost
            self._newer.made |= leaks.made(session)

    def _turn(self, session: Session) -> None:
        """Judge the older group, after the newer one has had its time."""
        self._note(session)
        with suppress(LandproofError):
            if leaks.kept(session, self._older.made):
                self._find(session, self._older)
        self._tell_all(self._older)
        self._older, self._newer = self._newer, _Group()

    def _find(self, session: Session, group: _Group) -> None:
        """Run the cases of a group again, and fail those that leave something."""
        made: dict[int, dict[str, str]] = {}
        for at, held in enumerate(group.cases):
            if held.is_good and not _keeps(held.item):
                self._again(held.item)
                made[at] = leaks.made(session)
        left = leaks.kept(session, {name for several in made.values() for name in several})
        for at, several in made.items():
            kinds = {several[name] for name in left.intersection(several)}
            if kinds:
                _blame(group.cases[at].reports, kinds)

    def _tell_all(self, group: _Group) -> None:
        for held in group.cases:
            self._tell(held.item, held.reports)


def _keeps(item: pytest.Item) -> bool:
    """Whether the file system that a case uses keeps the credentials of who used it."""
    callspec = getattr(item, "callspec", None)
    chosen: FileSystem | None = callspec.params.get("filesystem") if callspec else None
    return chosen is not None and chosen.value.keeps_credentials


def _blame(reports: list[pytest.TestReport], kinds: set[str]) -> None:
    """Fail a case by what it left."""
    left = ", ".join(sorted(kinds))
    for report in reports:
        envelope = opened(report)
        if envelope is None:
            continue
        seen = Seen(f"{envelope.case.observed}, but never freed: {left}")
        record = msgspec.structs.replace(envelope.case, verdict=Verdict.DEVIATES, observed=seen)
        enclose(report, msgspec.structs.replace(envelope, case=record))
        report.outcome = "failed"
