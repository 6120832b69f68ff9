# SPDX-License-Identifier: MIT
"""Calls between two readings of the processor's counter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from suite.cost.site import Site
from suite.errors import LandproofError
from suite.process.process import Process
from suite.process.promise import Call, Mode
from suite.values import Fd


class OtherwiseError(LandproofError):
    """A call that is measured came to something else than it should: it is another call's cost."""


@dataclass(slots=True)
class _Turn:
    """Measured calls, between two readings."""

    before: Call
    after: Call
    calls: list[Call]
    fails: str

    def took(self) -> int:
        for call in self.calls:
            if call.name != "exit_group" and (call.failure or "") != self.fails:
                raise OtherwiseError(f"{call}: {call.failure or 'no failure'} in what is measured")
        return self.after.value - self.before.value


@dataclass(slots=True)
class Run:
    """Some turns of a call in one process, one after the other."""

    process: Process
    """Who makes them; in the domain, if there is one."""
    site: Site
    folder: str
    """The folder at the depth that is looked at."""
    ruleset: Fd | None
    """To be enforced by a call of Landlock's own; None where nothing is to stand for it."""
    rules: int
    """Of the ruleset."""
    turns: int
    _taken: list[_Turn] = field(default_factory=list)

    def __iter__(self) -> Iterator[int]:
        """The turns by number. The first is no measurement: caches are filled by it."""
        yield from range(self.turns + 1)

    @contextmanager
    def timed(self, process: Process | None = None, *, fails: str = "") -> Iterator[None]:
        """What is called in this block is measured, once a turn.

        Args:
            process: Who reads the counter and makes the calls; by default ``self.process``.
            fails: The errno that they give by name, with a domain and without; empty for none.
        """
        caller = process or self.process
        before = caller.count()
        with caller.session.in_mode(Mode.DEATH) as calls:
            yield
        self._taken.append(_Turn(before, caller.count(), calls, fails))

    def told(self) -> float:
        """The median of what turns took, in ticks of the counter, its readings included.

        Raises:
            OtherwiseError: A call failed otherwise than it was to.
            SetupError: A turn could not be prepared.
        """
        self.process.session.flush()
        return median(turn.took() for turn in self._taken[1:])
