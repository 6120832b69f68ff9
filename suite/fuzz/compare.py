# SPDX-License-Identifier: MIT
"""Hold what a kernel gives on a program against what its model gives."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass

from suite.explore.given import DENIALS, DIED, HUNG, NOT_MODELLED, UNKNOWN, Given, word
from suite.fuzz.actions.tasks import ENFORCE
from suite.fuzz.finding import Sign, Whose
from suite.fuzz.program import Program
from suite.fuzz.subject import Subject

_LANDLOCKS = DENIALS | {errno.EINVAL, errno.EAFNOSUPPORT, errno.E2BIG, errno.ENOMSG, errno.EBADFD}
"""What Landlock's hooks and its calls give; without any of them, it did not differ."""
Shown = tuple[Sign, Program]
"""A difference, and as much of a program as shows it: it is in the last step."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A target and its model."""

    name: str
    target: Subject
    model_name: str
    model: Subject

    def judged(self, program: Program, ours: Sequence[int] | None = None) -> Shown | None:
        """What a program shows; None if target and model agree.

        Args:
            program: Is played on the target.
            ours: What its steps come to on the model, if that is known.

        Raises:
            LandproofError: One of them can't play.
        """
        if ours is None:
            given = self.model.play(program)
            if given.fault:
                return Sign(program[-1].action, "", given.fault, Whose.OURS), program
            ours = given.codes
            program = program[: _known(ours)]
        return self._judged(program, ours, self.target.play(program)) if program else None

    def steadily(self, program: Program) -> Shown | None:
        """What a program shows each of two times."""
        found = self.judged(program)
        return found if found is not None and self.judged(program) == found else None

    def showing(self, sign: Sign, program: Program) -> Program | None:
        """As much of a program as shows a difference; None if it does not."""
        found = self.judged(program)
        return found[1] if found is not None and found[0] == sign else None

    def _judged(self, program: Program, ours: Sequence[int], given: Given) -> Shown | None:
        if given.fault:
            return Sign("", "", given.fault, Whose.DEATH), program
        place = _first_difference(ours, given.codes)
        if place is None:
            return None
        shown, step = program[: place + 1], program[place]
        said = word(ours[place]), word(given.codes[place])
        theirs = given.codes[place]
        if theirs == HUNG or (theirs == DIED and ours[place] != DIED):
            return Sign(step.action, *said, Whose.DEATH), shown
        is_others = not {ours[place], theirs} & _LANDLOCKS or self._differs_outside(shown)
        whose = Whose.OTHERS if is_others else Whose.LANDLOCK
        return Sign(step.action, *said, whose), shown

    def _differs_outside(self, program: Program) -> bool:
        """Whether both differ about the last step's action with no domain, too: the control."""
        outside = tuple(it for it in program if it.action != ENFORCE)
        if program[-1].action == ENFORCE:
            return False
        ours, theirs = (it.play(outside).codes for it in (self.model, self.target))
        place = _first_difference(ours, theirs)
        return place is not None and outside[place].action == program[-1].action


def _known(codes: Sequence[int]) -> int:
    """How many steps the model knows what they come to: a call that would wait is none of them."""
    return next((at for at, it in enumerate(codes) if it in (NOT_MODELLED, HUNG)), len(codes))


def _first_difference(ours: Sequence[int], theirs: Sequence[int]) -> int | None:
    """The first step that came to something else; what one could not show is no difference."""
    for place, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other and one not in UNKNOWN and other not in UNKNOWN:
            return place
    return None
