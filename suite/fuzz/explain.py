# SPDX-License-Identifier: MIT
"""Which known bug or missing fix makes a model give what a target gave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from suite.errors import LandproofError
from suite.explore.causes import Which
from suite.explore.given import word
from suite.explore.worker import Maker
from suite.fuzz.finding import Sign
from suite.fuzz.program import Program
from suite.fuzz.subject import Subject
from suite.model.landlock import MODELLED


@dataclass(frozen=True, slots=True)
class Explains:
    """Plays programs on models that differ from a target's in one thing.

    Args:
        which: The target's own.
        make: Makes the target of a name.
    """

    which: Which
    make: Maker

    def __call__(self, sign: Sign, program: Program) -> str:
        """What the last step of a program looks like; empty if like nothing that is known."""
        for what, other in self._others():
            subject = Subject(self.make(str(other)))
            try:
                codes = subject.play(program).codes
            except LandproofError:
                continue  # there is no such model
            finally:
                subject.stop()
            if codes and word(codes[-1]) == sign.theirs:
                return what
        return ""

    def _others(self) -> Iterator[tuple[str, Which]]:
        for bug in sorted(MODELLED - self.which.bugs):
            yield f"the known bug {bug}", replace(self.which, bugs=self.which.bugs | {bug})
        for erratum in sorted(self.which.errata):
            others = self.which.errata - {erratum}
            yield f"what erratum {erratum} fixes", replace(self.which, errata=others)
