# SPDX-License-Identifier: MIT
"""A target on which whole programs are played, one after the other, and which may die of one."""

from __future__ import annotations

from dataclasses import dataclass, field

from suite.agent.channel import AgentLostError
from suite.errors import LandproofError
from suite.explore.alone import alone
from suite.explore.explorer import Lane
from suite.explore.given import Given
from suite.explore.manner import PLAIN
from suite.explore.script import written
from suite.explore.worker import buried
from suite.fuzz.program import Program
from suite.fuzz.scene import label_of, space_of
from suite.targets.base import Ground, Target

_MOST_DEATHS = 20
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
        except AgentLostError:
            return Given(b""), self._bury()
        finally:
            del self._programs[number]

    def told(self, program: Program) -> tuple[str, ...]:
        """The calls of a program as strace writes them, with what they give here.

        Of one that the target dies of, what they are: numbers of files and processes are made up.

        Raises:
            LandproofError: The target does not come up.
        """
        number = self._played
        self._played += 1
        space = space_of({number: program})
        if program not in self._deadly:
            try:
                ground = self.up()
                with alone(ground, space, number) as played:
                    calls = [(it.batch.ops[it.index].process, it) for it in played.calls]
                    return tuple(it.told() for by, it in calls if by != ground.root.id)
            except AgentLostError:
                self._deadly[program] = self._bury()
        return tuple(written(space, number, label_of(program, len(program) - 1)))

    def _bury(self) -> str:
        self.deaths += 1
        self.ground = self._lane = None
        return buried(self.target)

    def stop(self) -> None:
        """Take it down."""
        self.ground = self._lane = None
        self.target.stop()
