# SPDX-License-Identifier: MIT
"""A target that was there when the run began, and can't be made any more."""

from __future__ import annotations

from suite.errors import InfrastructureError, LandproofError
from suite.judge.records import Verdict
from suite.targets.base import Ground, Target


class Unmade(Target):
    """It does not come up, so that its cases are lost for a reason that is told.

    Args:
        name: Such as ``vm:7.3``.
        why: What making it has failed with.
    """

    def __init__(self, name: str, why: LandproofError) -> None:
        self.name = name
        self._why = str(why)

    def start(self) -> Ground:
        """Say why not."""
        raise InfrastructureError(self._why)

    def stop(self) -> None:
        """It is down."""

    def autopsy(self) -> tuple[Verdict, str]:
        """It never lived."""
        return Verdict.LOST, self._why
