# SPDX-License-Identifier: MIT
"""What fuzzing found: programs on which a kernel and its model differ, and what it has met."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from suite.fuzz.program import Program, size_of


class Whose(Enum):
    """Whose fault a difference is, as far as that can be told."""

    LANDLOCK = "Landlock"
    """Without the program's domains, kernel and model do not differ so."""
    OTHERS = "not of Landlock"
    """They differ so with no domain, too: the surroundings, or what is modelled of others."""
    DEATH = "the kernel died, or a call did not return"
    OURS = "the model has a bug"

    @property
    def is_kernels(self) -> bool:
        """Whether it counts against the kernel until somebody has settled it."""
        return self in (Whose.LANDLOCK, Whose.DEATH)


@dataclass(frozen=True, slots=True)
class Sign:
    """What differences are alike in: of those, one is told."""

    action: str
    """Of the step; empty if it is the program."""
    ours: str
    """What the model gave."""
    theirs: str
    whose: Whose

    def __str__(self) -> str:
        if not self.action:
            return self.theirs
        return f"{self.action}: {self.theirs}, and {self.ours or 'nothing'} on the model"


@dataclass(frozen=True, slots=True)
class Finding:
    """A program whose last step is not on the target what it is on the model."""

    target: str
    model: str
    sign: Sign
    program: Program
    is_smallest: bool = True
    """Whether it was shrunk; not if that was interrupted."""
    was_kept: bool = False
    """Whether it is one that was kept from another time."""
    looks_like: str = ""
    """A known bug, or what an erratum fixes, with which a model gives the same."""
    lines: tuple[str, ...] = ()
    """Its steps and the calls of each, as strace writes them, once no smaller one is looked for."""

    @property
    def order(self) -> tuple[object, ...]:
        """By what findings are told: the worst first, then the smallest."""
        return not self.sign.whose.is_kernels, self.sign.whose.value, size_of(self.program)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A program that was asked for, and on which a target gives what its model gives."""

    target: str
    model: str
    program: Program
    lines: tuple[str, ...]
    """Its steps and the calls of each, as strace writes them."""


@dataclass(slots=True)
class Tally:
    """What was done on a target."""

    programs: int = 0
    """Those that were written and played; those of shrinking are not counted."""
    steps: int = 0
    seconds: float = 0.0
    met: int = 0
    """Distinct things that the programs met: see `Met`."""
    denials: int = 0
    """Of them, those in which a layer denied."""
    reached: int = 0
    """Of a kernel that was built to count what is run: the counters that are not 0 any more."""
    unsteady: int = 0
    """Programs that gave something else when they were played again."""
    waited: int = 0
    """Programs that ended where a call would wait."""
    lacking: Counter[str] = field(default_factory=Counter)
    """Programs that ended where the model has no word, by what it lacks."""
    replayed: int = 0
    """Kept programs that were played first."""
    settled: int = 0
    """Of them, those on which kernel and model agree now."""
