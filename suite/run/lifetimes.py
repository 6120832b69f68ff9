# SPDX-License-Identifier: MIT
"""Whether what cases made is freed, and their files let go of: a case that left something fails.

The kernel frees a domain some time after its last process, and to wait for that takes longer than a
case. So it is looked at once for a group of cases, and what they made has until the end of the next
group to be freed. Whose it was that is not freed then, is found out by running the cases of its
group once more; a second report of that case takes the place of the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import pytest

from suite.errors import LandproofError
from suite.judge.outcome import Seen
from suite.judge.records import Verdict
from suite.process.session import Session
from suite.run import rows
from suite.run.envelopes import enclose, opened
from suite.run.surroundings import JUDGEMENT, MOUNTS
from suite.targets.base import Ground
from suite.targets.filesystems import FileSystem
from suite.targets.hub import Hub
from suite.targets.mounting import forget
from suite.witness import leaks, unmounts
from suite.witness.unmounts import DeadlyError

_GROUP = 32


class _Ended(NamedTuple):
    """A case that has ended."""

    item: pytest.Item
    report: pytest.TestReport


@dataclass(slots=True)
class _Left:
    """What there is of cases after their end."""

    made: dict[str, str] = field(default_factory=dict)
    """Rulesets and domains that were not freed yet: what kind, by name."""
    mounts: list[str] = field(default_factory=list)
    """Where the file systems of their files are mounted."""

    def note(self, session: Session) -> None:
        """See what cases have made up to now, and where their files are."""
        with suppress(LandproofError):  # of a target that is lost: the next case says so
            self.made |= leaks.made(session)
            self.mounts += unmounts.close(session)


@dataclass(slots=True)
class _Group:
    cases: list[_Ended] = field(default_factory=list)
    """Those that could be blamed: what a broken one leaves is told as that."""
    size: int = 0
    left: _Left = field(default_factory=_Left)


class Lifetimes:
    """What cases of one target after the other have made.

    Args:
        hub: Of the targets.
        again: Runs a case once more; its reports are nobody's.
        tell: Passes on a report that takes the place of an earlier one.
    """

    def __init__(
        self,
        hub: Hub,
        again: Callable[[pytest.Item], object],
        tell: Callable[[pytest.Item, pytest.TestReport], object],
    ) -> None:
        self._hub = hub
        self._again = again
        self._tell = tell
        self._ground: Ground | None = None
        """On which those ran that are looked at."""
        self._older, self._newer = _Group(), _Group()
        self._used: defaultdict[FileSystem, list[_Ended]] = defaultdict(list)
        """The cases that had files on a file system which stays mounted for others."""
        self._points: defaultdict[FileSystem, list[str]] = defaultdict(list)
        """Where such ones are mounted that no later case uses."""

    def begin(self, item: pytest.Item) -> None:
        """Before a case: see what others made, if all that this one makes is not looked at."""
        ground = self._hub.watched(rows.target_of(item))
        if ground is not None and _keeps(item):
            self._newer.left.note(ground.session)

    def end(self, item: pytest.Item, reports: Sequence[pytest.TestReport]) -> None:
        """Behind a case, and what it came to."""
        ground = self._hub.watched(rows.target_of(item))
        if ground is not self._ground:
            self._older, self._newer = _Group(), _Group()
            self._used.clear()
            self._points.clear()
            self._ground = ground
        if ground is None:
            return
        if _keeps(item):
            with suppress(LandproofError):
                leaks.forget(ground.session, leaks.made(ground.session))
        elif (judgement := item.stash.get(JUDGEMENT, None)) and judgement.verdict.good:
            ended = [_Ended(item, it) for it in reports if it.when == "call"]
            self._newer.cases += ended
            mounts = item.stash.get(MOUNTS, [])
            for fs in set(mounts):
                self._used[fs] += ended
        self._newer.size += 1
        if self._newer.size == _GROUP:
            self._turn(ground)

    def settle(self) -> None:
        """Behind the last case of a target: look at what is left."""
        for _ in range(2):
            if self._ground is not None:
                self._turn(self._ground)
        self._retire()
        while self._ground is not None and self._points:
            fs, points = self._points.popitem()
            self._look(self._ground, self._used[fs], _Left(mounts=points))

    def _retire(self) -> None:
        """Have later cases mount file systems of their own."""
        if self._ground is not None:
            for fs, points in forget(self._ground.session).items():
                self._points[fs] = [*points, *self._points[fs]]

    def _turn(self, ground: Ground) -> None:
        """Judge the older group, after the newer one has had its time."""
        self._newer.left.note(ground.session)
        group, self._older, self._newer = self._older, self._newer, _Group()
        self._look(ground, group.cases, group.left)

    def _look(self, ground: Ground, cases: list[_Ended], left: _Left) -> None:
        """Find whose it is, if any of this is kept."""
        with suppress(LandproofError):
            kept = leaks.kept(ground.session, left.made)
            try:
                busy = unmounts.kept(ground.root, left.mounts)
            except DeadlyError as died:
                self._explain(died, cases)
            else:
                if kept or busy:
                    self._find(cases)

    def _explain(self, died: DeadlyError, cases: list[_Ended]) -> None:
        """A target died over what cases left: if none of them does it again, the last fails."""
        ended = [*cases, *self._older.cases]
        if ended:  # or the next case says so
            verdict, reason = self._bury(ended[-1], died)
            if verdict.dead and not self._find(cases):
                self._blame(ended[-1], verdict=verdict, reason=reason)

    def _bury(self, case: _Ended, died: DeadlyError) -> tuple[Verdict, str]:
        """Take the target of a case down; give the verdict, and what is known of why."""
        self._ground = None
        return self._hub.bury(rows.target_of(case.item), died.error)

    def _find(self, cases: list[_Ended]) -> bool:
        """Run cases again, and fail those that leave something; tell whether there are any."""
        left: list[_Left] = []
        grounds: list[Ground | None] = []
        self._retire()
        cases = [it for it in cases if it.report.passed]
        for case in cases:
            self._again(case.item)
            left.append(_Left())
            grounds.append(self._hub.watched(rows.target_of(case.item)))
            if (ground := grounds[-1]) is not None:
                left[-1].note(ground.session)
                for paths in forget(ground.session).values():
                    left[-1].mounts += paths
        ground = grounds[0] if grounds else None
        if ground is None or any(it is not ground for it in grounds):
            return False  # it died of something else
        kept = leaks.kept(ground.session, {name for it in left for name in it.made})
        try:
            busy = unmounts.kept(ground.root, [path for it in left for path in it.mounts])
        except DeadlyError as died:
            at = next(at for at, it in enumerate(left) if died.path in it.mounts)
            verdict, reason = self._bury(cases[at], died)
            if verdict.dead:
                self._blame(cases[at], verdict=verdict, reason=reason)
            return self._find(cases[at + 1 :]) or verdict.dead
        wrongs = [_wrongs(it, kept, busy) for it in left]
        for case, wrong in zip(cases, wrongs, strict=True):
            if wrong:
                self._blame(case, verdict=Verdict.DEVIATES, wrong=wrong)
        return any(wrongs)

    def _blame(self, case: _Ended, *, verdict: Verdict, reason: str = "", wrong: str = "") -> None:
        """Fail a case by what it left."""
        envelope = opened(case.report)
        if envelope is None:
            return
        record = msgspec.structs.replace(envelope.case, verdict=verdict, reason=reason)
        if wrong:
            seen = Seen(f"{record.observed}, but {wrong}")
            record = msgspec.structs.replace(record, observed=seen)
        enclose(case.report, msgspec.structs.replace(envelope, case=record, began=[]))
        case.report.outcome = "failed"
        self._tell(case.item, case.report)


def _wrongs(left: _Left, kept: set[str], busy: dict[str, str]) -> str:
    """In words: what of this was left for good; empty if nothing was."""
    kinds = {left.made[name] for name in kept.intersection(left.made)}
    freed = [f"never freed: {', '.join(sorted(kinds))}"] if kinds else []
    whys = dict.fromkeys(busy[it] for it in left.mounts if it in busy)
    return " and ".join([*freed, *(f"its files can't be unmounted: {why}" for why in whys)])


def _keeps(item: pytest.Item) -> bool:
    """Whether the file system that a case uses keeps the credentials of who used it."""
    callspec = getattr(item, "callspec", None)
    chosen: FileSystem | None = callspec.params.get("filesystem") if callspec else None
    return chosen is not None and chosen.value.keeps_credentials
