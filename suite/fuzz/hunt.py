# SPDX-License-Identifier: MIT
"""A hunt: programs are written, played on a target and its model, and shrunk if both differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from suite.errors import LandproofError
from suite.explore.given import HUNG, NOT_MODELLED
from suite.fuzz.compare import Pair
from suite.fuzz.finding import Agreement, Finding, Sign, Tally, Whose
from suite.fuzz.machine import STEPS, Writer, machine
from suite.fuzz.program import Program
from suite.fuzz.rehearsal import Met, Rehearsal, Taken
from suite.fuzz.shrink import Shows, shrunk, tidy

_ROUND = 11
"""Programs that Hypothesis writes with one seed. After the first one, which is always the same, and
ten more, it would change each program a little, again and again. So the next round begins, where
programs may begin with what was new in this one."""
_SHRINKING_S = 60.0
"""How long the smallest program of a difference is looked for."""
_DEATHS = 16
"""How often a target may die for it."""
_EVERY_S = 0.5
"""How often it is told how far it is."""


class OverError(KeyboardInterrupt):
    """There is no time for more; Hypothesis takes no other exception for an end."""


class _EnoughError(Exception):
    """Nothing smaller is looked for any more."""


Told = Callable[[Finding | Agreement | Tally], None]
"""Is told of each smaller program that shows a difference, and now and then how far it is."""


@dataclass(slots=True)
class Hunt:
    """What is done on a target.

    Args:
        pair: The target, and its model.
        most: So many programs are written.
        until: By time.monotonic(), when it ends at the latest.
        seed: Another one writes other programs.
        told: Is told of what comes.
        explains: Says which known bug or missing fix a difference looks like.
    """

    pair: Pair
    most: int
    until: float
    seed: int
    told: Told
    explains: Callable[[Sign, Program], str] = lambda _sign, _program: ""
    tally: Tally = field(default_factory=Tally)
    _known: set[Sign] = field(default_factory=set)
    """Differences that were told; programs that show them are of no use any more."""
    _writer: type[Writer] = field(default_factory=machine)
    corpus: list[Program] = field(default_factory=list)
    _seen: set[Met] = field(default_factory=set)
    _reached: set[tuple[str, int]] = field(default_factory=set)
    _fresh: list[Program] = field(default_factory=list)
    """What the corpus is to have in the next round: within one, Hypothesis would see it change."""
    _rehearsal: Rehearsal | None = None
    _failed: LandproofError | None = None
    """Why the target does not come up; not an error that Hypothesis may see."""
    _began: float = field(default_factory=time.monotonic)
    _said: float = 0.0

    @property
    def abi(self) -> int:
        """The ABI version that programs are written for."""
        return self.pair.target.up().facts.abi

    @property
    def is_private(self) -> bool:
        """Whether programs may mount and change their root."""
        return self.pair.target.up().private

    def replay(self, programs: Iterable[Program], *, shows: bool = False) -> None:
        """Play programs that were kept, before any other.

        Args:
            programs: Each once.
            shows: Whether it is also told on which both agree.

        Raises:
            LandproofError: The target does not come up.
        """
        for program in programs:
            self.tally.replayed += 1
            found = self.pair.steadily(program)
            if found is None:
                self.tally.settled += 1
                if shows:
                    lines = self.pair.target.told(program)
                    self.told(Agreement(self.pair.name, self.pair.model_name, program, lines))
            elif found[0] not in self._known or shows:
                sign, shown = found
                self._known.add(sign)
                self._tell_whole(self._finding(sign, shown, was_kept=True))

    def run(self) -> None:
        """Write programs until there are enough, or the time is over.

        Raises:
            LandproofError: The target does not come up any more.
        """
        number = 0
        try:
            while self.tally.programs < self.most:
                self._round(number)
                number += 1
        except OverError:
            if self._failed is not None:
                raise self._failed from None
        finally:
            self.pair.model.stop()
        self._say()

    def _round(self, number: int) -> None:
        self.corpus += self._fresh
        self._fresh.clear()

        def written() -> Writer:
            return self._writer(self)

        seed((self.seed << 32) + number)(written)
        asked = settings(
            max_examples=min(_ROUND, self.most - self.tally.programs),
            stateful_step_count=STEPS,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        run_state_machine_as_test(written, settings=asked)  # type: ignore[arg-type]  # any maker does

    def begin(self) -> Rehearsal:
        """A program begins.

        Raises:
            OverError: There is no time for it.
        """
        if time.monotonic() > self.until or self.tally.programs >= self.most:
            raise OverError
        ground = self.pair.model.up()
        if self._rehearsal is None or self._rehearsal.ground is not ground:
            self._rehearsal = Rehearsal(ground)
        self._rehearsal.begin()
        return self._rehearsal

    def end(self, program: Program, taken: list[Taken], fault: str) -> None:
        """A program is written: play it.

        Raises:
            OverError: The target does not come up any more; `run` raises why.
        """
        try:
            self._end(program, taken, fault)
        except LandproofError as error:
            self._failed = error
            raise OverError from error

    def _end(self, program: Program, taken: list[Taken], fault: str) -> None:
        assert self._rehearsal  # noqa: S101 (it was begun)
        if fault:
            self.pair.model.stop()
        else:
            self._rehearsal.end()
        self._count(program, taken)
        if taken and taken[-1].is_last:
            program, taken = program[:-1], taken[:-1]
        if not program:
            return
        found = self.pair.judged(program, None if fault else [it.code for it in taken])
        self._tell_of_deaths()
        self._note_reached(program)
        if found is not None and found[0] not in self._known:
            self._settle(*found)

    def _note_reached(self, program: Program) -> None:
        """Keep a program by which the kernel has run what it never did, where it counts that."""
        reached = self.pair.target.reached()
        if not reached <= self._reached:
            self._reached |= reached
            self._fresh.append(program)
            self.tally.reached = len(self._reached)

    def _settle(self, sign: Sign, program: Program) -> None:
        """Find the smallest program with a difference, and tell of it."""
        again = self.pair.judged(program)
        if again is None or again[0] != sign:
            self.tally.unsteady += 1
            return
        self._known.add(sign)
        best, is_smallest = program, True
        self.told(self._finding(sign, best, is_smallest=False))
        try:
            for best in shrunk(program, self._shows(sign)):
                self.told(self._finding(sign, best, is_smallest=False))
        except _EnoughError:
            is_smallest = False
        self._tell_whole(self._finding(sign, tidy(best), is_smallest=is_smallest))

    def _shows(self, sign: Sign) -> Shows:
        """Say of programs whether they show a difference, as long as there is time for it."""
        until = time.monotonic() + _SHRINKING_S
        deaths = self.pair.target.deaths + _DEATHS

        def shows(program: Program) -> Program | None:
            if time.monotonic() > until or self.pair.target.deaths >= deaths:
                raise _EnoughError
            return self.pair.showing(sign, program)

        return shows

    def _tell_whole(self, finding: Finding) -> None:
        """Tell of a finding with its calls."""
        is_landlocks = finding.sign.whose is Whose.LANDLOCK
        like = self.explains(finding.sign, finding.program) if is_landlocks else ""
        lines = self.pair.target.told(finding.program)
        self.told(replace(finding, looks_like=like, lines=lines))

    def _tell_of_deaths(self) -> None:
        """Tell of programs that the target died of once."""
        for program, why in self.pair.target.died_once.items():
            sign = Sign("", "", f"{why}; not when the program was played again", Whose.DEATH)
            if sign not in self._known:
                self._known.add(sign)
                self._tell_whole(self._finding(sign, program, is_smallest=False))
        self.pair.target.died_once.clear()

    def _finding(
        self, sign: Sign, program: Program, *, is_smallest: bool = True, was_kept: bool = False
    ) -> Finding:
        pair = self.pair
        return Finding(pair.name, pair.model_name, sign, program, is_smallest, was_kept)

    def _count(self, program: Program, taken: list[Taken]) -> None:
        """Count what a program has met; the more is new, the more programs will begin so."""
        for place, it in enumerate(taken, 1):
            if not it.met <= self._seen:
                self._seen |= it.met
                self._fresh.append(program[:place])
        tally = self.tally
        tally.programs += 1
        tally.steps += len(program)
        tally.met = len(self._seen)
        tally.denials = sum(it.layer >= 0 for it in self._seen)
        if taken and taken[-1].code == NOT_MODELLED:
            tally.lacking[taken[-1].lacks] += 1
        elif taken and taken[-1].code == HUNG:
            tally.waited += 1
        if time.monotonic() - self._said > _EVERY_S:
            self._say()

    def _say(self) -> None:
        self._said = time.monotonic()
        self.tally.seconds = self._said - self._began
        self.told(self.tally)
