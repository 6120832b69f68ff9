# SPDX-License-Identifier: MIT
"""What a target is given that makes the domains of cases by somebody else's enforcer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from suite.judge.enforced import ClientRecord, Seen
from suite.landlock.ruleset import Ruleset
from suite.process.process import Enforcer, Process


class Client(ABC):
    """An enforcer that is tried on each case."""

    @abstractmethod
    def begin(self) -> None:
        """Know nothing of earlier runs of cases."""

    @abstractmethod
    def under(self, process: Process, layers: Sequence[Ruleset]) -> Process:
        """A child in the domain that the client makes.

        Raises:
            LandproofError: It makes none.
        """

    @abstractmethod
    def again(self) -> Enforcer:
        """Who makes domains of our own that ask for just what the client has asked for."""

    @abstractmethod
    def found(self, seen: Seen) -> ClientRecord:
        """What the client made of the case."""
