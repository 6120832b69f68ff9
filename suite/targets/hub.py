# SPDX-License-Identifier: MIT
"""The targets of one pytest process: started when first asked for, and again after a death."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from suite.errors import InfrastructureError, LandproofError
from suite.judge.records import CaseRecord, Envelope, Facts, Verdict
from suite.targets.base import Ground, Target
from suite.targets.client import Client

MOST_STARTS = 20
"""A kernel that dies in case after case is given up after so many starts."""
MOST_FAILED_STARTS = 2


class TargetDownError(InfrastructureError):
    """The target does not come up, or died too often."""


@dataclass(slots=True)
class _Seat:
    target: Target
    ground: Ground | None = None
    facts: Facts | None = None
    """What the target was when it last came up."""
    starts: int = 0
    failed: int = 0
    why: str = ""
    told: bool = field(default=False)
    """Whether the facts were handed out already."""
    told_in_vain: bool = False
    """Whether that was after a mishap."""
    mishap: bool = False
    """Whether it was lost through no fault of the kernel; see ``Hub.second_chance``."""
    began: list[str] = field(default_factory=list)
    """How it came up, each time that was not told yet."""
    began_told: list[str] = field(default_factory=list)
    """Of those times what the last record told."""

    @property
    def hopeless(self) -> bool:
        """Whether it won't be started any more."""
        return self.failed >= MOST_FAILED_STARTS or self.starts >= MOST_STARTS


class Hub:
    """Keeps targets by name."""

    def __init__(self, make: Callable[[str], Target]) -> None:
        self._make = make
        self._seats: dict[str, _Seat] = {}
        self._number = 0

    def number(self) -> int:
        """A new number with every call."""
        self._number += 1
        return self._number

    def target(self, name: str) -> Target:
        """The target of this name, started or not."""
        return self._seat(name).target

    def ground(self, name: str) -> Ground:
        """The target, started.

        Raises:
            TargetDownError: It does not come up, or died too often.
        """
        seat = self._seat(name)
        if seat.ground is None:
            self._vacate()
            if seat.hopeless:
                raise TargetDownError(seat.why)
            seat.starts += 1
            try:
                seat.ground = seat.target.start()
            except LandproofError as error:
                seat.target.stop()
                seat.failed += MOST_FAILED_STARTS if error.is_final else 1
                seat.mishap = True
                seat.why = str(error)
                raise TargetDownError(seat.why) from error
            seat.failed = 0
            seat.mishap = seat.told_in_vain = False
            seat.facts = seat.ground.facts
            if seat.target.began:
                seat.began.append(seat.target.began)
        return seat.ground

    def watched(self, name: str) -> Ground | None:
        """The target, if it is started and has Landlock, and all that is left on it is of cases."""
        seat = self._seats.get(name)
        if seat is None or seat.ground is None or not seat.ground.facts.abi:
            return None
        return seat.ground if seat.target.disposable and seat.target.may_leak else None

    def facts(self, name: str) -> Facts | None:
        """What a target is; None if it never came up."""
        seat = self._seats.get(name)
        return seat.facts if seat else None

    def client(self, name: str) -> Client | None:
        """Somebody else's enforcer that is to be tried on each case of a target, if it has one."""
        seat = self._seats.get(name)
        return seat.target.client if seat else None

    def bury(self, name: str, error: BaseException) -> tuple[Verdict, str]:
        """Take down a target whose agent is lost; return the verdict and what is known of why."""
        seat = self._seat(name)
        verdict, reason = seat.target.autopsy()
        seat.target.stop()
        seat.ground = None
        seat.mishap = verdict is Verdict.LOST
        seat.why = f"died {seat.starts} times, last: {reason}"
        return verdict, f"{error}: {reason}"

    def second_chance(self, name: str) -> bool:
        """Whether the case that has just ended should be run once more, asked once a mishap.

        That is when its target was lost through no fault of the kernel (QEMU was killed, or did
        not come up), and can be started again.
        """
        seat = self._seats.get(name)
        if seat is None or not seat.mishap:
            return False
        seat.mishap = False
        seat.began[:0] = seat.began_told
        if seat.told_in_vain:  # the record that told the facts is dropped
            seat.told = seat.told_in_vain = False
        return not seat.hopeless

    def envelope(self, name: str, record: CaseRecord) -> Envelope:
        """A record in its envelope; a target's first one also says what the target is."""
        seat = self._seat(name)
        seat.began, seat.began_told = [], seat.began
        if not seat.facts or seat.told:
            return Envelope(target=name, case=record, began=seat.began_told)
        seat.told = True
        seat.told_in_vain = seat.mishap
        return Envelope(
            target=name,
            case=record,
            facts=seat.facts,
            kernel=seat.target.kernel,
            began=seat.began_told,
        )

    def stop(self) -> None:
        """Take every target down."""
        for seat in self._seats.values():
            seat.target.stop()
        self._seats.clear()

    def _vacate(self) -> None:
        """Take down the running target: cases come target by target, and a machine takes memory."""
        for seat in self._seats.values():
            if seat.ground:
                seat.target.stop()
                seat.ground = None

    def _seat(self, name: str) -> _Seat:
        if name not in self._seats:
            self._seats[name] = _Seat(self._make(name))
        return self._seats[name]
