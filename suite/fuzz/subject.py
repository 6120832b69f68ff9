# SPDX-License-Identifier: MIT
"""A target on which whole programs are played, one after the other, and which may die of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from suite.agent.channel import AgentLostError
from suite.errors import LandproofError
from suite.explore.alone import alone
from suite.explore.causes import MODEL
from suite.explore.explorer import Lane
from suite.explore.given import Given
from suite.explore.manner import PLAIN
from suite.explore.script import on_paper
from suite.explore.worker import buried
from suite.fuzz.program import Program
from suite.fuzz.scene import space_of
from suite.process.promise import Call
from suite.targets.base import Ground, Target

_MOST_DEATHS = 60
"""A target that dies again and again is given up after so many."""


@dataclass(slots=True)
class Subject:
    """A target, and what programs did to it."""

    target: Target
    deaths: int = 0
    died_once: dict[Program, str] = field(default_factory=dict)
    """Programs that it died of, and not when they were played again."""
    ground: Ground | None = None
    _played: int = 0
    _lane: Lane | None = None
    _programs: dict[int, Program] = field(default_factory=dict)
    _deadly: dict[Program, str] = field(default_factory=dict)
    """What it died of, and how."""

    def up(self) -> Ground:
        """What it gives to programs; it is started if it is not up.

        Raises:
            LandproofError: It does not come up, or died too often.
        """
        if self.ground is None:
            if self.deaths >= _MOST_DEATHS:
                raise LandproofError(f"died {self.deaths} times")
            self.ground = self.target.start()
        return self.ground

    def play(self, program: Program) -> Given:
        """What a program gives.

        If the target dies, it is played once more on a new start. One that it died of twice is not
        played again.

        Raises:
            LandproofError: It can't be played.
        """
        if program in self._deadly:
            return Given(b"", self._deadly[program])
        given, why = self._once(program)
        if not why:
            return given
        given, again = self._once(program)
        if again:
            self._deadly[program] = again
            return Given(b"", again)
        self.died_once[program] = why
        return given

    def _once(self, program: Program) -> tuple[Given, str]:
        """What it gives, and what the target died of, if it did."""
        if self._lane is None:
            self._lane = Lane(self.up(), space_of(self._programs), PLAIN, 0)
        number = self._played
        self._played += 1
        self._programs[number] = program
        try:
            self._lane.begin(number)
            return self._lane.end(), ""
        except AgentLostError as error:
            return Given(b""), self._bury(error)
        finally:
            del self._programs[number]

    def reached(self) -> frozenset[tuple[str, int]]:
        """What of the kernel was run since it started, if it counts; nothing if it is down."""
        return self.target.reached() if self.ground else frozenset()

    def told(self, program: Program) -> tuple[str, ...]:
        """The steps of a program, each with its calls as strace writes them, and what they give.

        Of a program that the target dies of, the calls as they would be made.

        Raises:
            LandproofError: The target does not come up.
        """
        number = self._played
        self._played += 1
        space = space_of({number: program})
        if program not in self._deadly:
            try:
                with alone(self.up(), space, number) as played:
                    return tuple(_lines(program, played.decided, Call.told))
            except AgentLostError as error:
                self._deadly[program] = self._bury(error)
        return tuple(_lines(program, on_paper(space.scene, number).decided, str))

    def _bury(self, error: AgentLostError) -> str:
        """Take it down; what it died of."""
        self.deaths += 1
        self.ground = self._lane = None
        if self.target.name.startswith(MODEL):
            self.target.stop()
            return str(error)
        return buried(self.target)

    def stop(self) -> None:
        """Take it down."""
        self.ground = self._lane = None
        self.target.stop()


def _lines(
    program: Program, decided: Sequence[Sequence[Call]], told: Callable[[Call], str]
) -> Iterator[str]:
    for step, calls in zip(program, decided, strict=True):
        yield str(step)
        yield from (f"    {told(it)}" for it in calls)
