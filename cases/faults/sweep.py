# SPDX-License-Identifier: MIT
"""A call for which there is no memory, again and again: is it done, or not done at all?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import pytest

from cases.faults.shortage import Clone, FailNth, Short, Shortage
from suite.case import (
    Allowed, Denied, Fd, Feature, Observation, Outcome, Process, Rejected, Row, Seen, Tree,
)  # fmt: skip

WHOLE = Seen("done, or ENOMEM and nothing done")
_MOST = 160
"""No call makes so many allocations."""


class Place:
    """Where calls act, and the processes of the attempts that are in flight."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.siblings: defaultdict[int, list[Process]] = defaultdict(list)
        """The threads of each subject, by its id."""
        self.made: dict[int, Process] = {}
        """What each subject was to make while it lacked memory; it may not be there."""
        self._all: list[Process] = []

    def add(self, process: Process) -> Process:
        """One that lives as long as the attempts in flight."""
        self._all.append(process)
        return process

    def add_sibling(self, process: Process) -> Process:
        """A further thread of a subject."""
        sibling = self.add(process.thread())
        self.siblings[process.id].append(sibling)
        return sibling

    def clear(self) -> None:
        """End all."""
        for process in reversed(self._all):
            process.session.kill(process.id)
        self._all.clear()
        self.siblings.clear()
        self.made.clear()


class Doing(Row, frozen=True, kw_only=True):
    """A call of a process, and what shows whether it was done."""

    features: tuple[Feature, ...]
    """What a kernel must know to do it."""
    prepare: Callable[[Process, Place], Fd]
    """Gives what the call is about."""
    call: Callable[[Process, Fd], object] | Clone
    look: Callable[[Process, Fd, Place], list[Observation]]
    wanted: Outcome = Allowed()
    """What the call comes to where there is memory."""
    done: tuple[Outcome, ...]
    undone: tuple[Outcome, ...]
    """What is seen of it: as many outcomes as ``look`` observes."""
    lacking: tuple[str, ...] = ("ENOMEM",)
    """The errnos by which the kernel tells that there was no memory."""
    counted: type[FailNth] = FailNth
    """How its allocations fail where they can be counted."""

    def control(self, subject: Process, place: Place) -> Outcome:
        """What it comes to where there is memory; nothing of it is left."""
        call, about = self.call, self.prepare(place.add(subject), place)
        if isinstance(call, Clone):
            observed = subject.observe(lambda process: place.add(call.make(process, None)))
        else:
            observed = subject.observe(call, about)
        outcome = observed.outcome
        place.clear()
        return outcome


@dataclass(frozen=True, slots=True)
class _Attempt:
    doing: Doing
    number: int
    short: Short
    seen: list[Observation]

    @property
    def failed(self) -> bool:
        """Whether an allocation did, of which the call need not tell."""
        met = self.short.met
        return self.tells if met is None else met

    @property
    def tells(self) -> bool:
        """Whether the call tells that it lacked memory."""
        outcome = self.short.observed.outcome
        return isinstance(outcome, Denied | Rejected) and outcome.errno in self.doing.lacking


def sweep(doing: Doing, shortage: Shortage, place: Place) -> Outcome:
    """``WHOLE`` if each attempt was, and some lacked memory; else the first that was not."""
    failures = 0
    for _ in range(shortage.rounds):
        for it in _round(doing, shortage, place):
            if wrong := _wrong(it):
                return wrong
            failures += it.failed
    if not failures:  # a kernel may charge nothing (cgroup.memory=nokmem): that shows nothing
        pytest.skip("no allocation failed where memory was to be short")
    return WHOLE


def _round(doing: Doing, shortage: Shortage, place: Place) -> Iterator[_Attempt]:
    attempts, failures = iter(shortage.attempts()), 0
    while numbers := list(islice(attempts, shortage.at_once)):
        tried = [_attempt(doing, shortage, place, number) for number in numbers]
        yield from tried
        place.clear()
        failures += sum(it.failed for it in tried)
        if tried[-1].short.met is False or (shortage.enough and failures >= shortage.enough):
            break
        assert numbers[-1] <= _MOST, "allocations without end"


def _attempt(doing: Doing, shortage: Shortage, place: Place, number: int) -> _Attempt:
    subject = place.add(shortage.subject())
    call, about = doing.call, doing.prepare(subject, place)
    if isinstance(call, Clone):
        short, made = shortage.observe_clone(number, subject, call)
        place.made[subject.id] = place.add(made)
    else:
        short = shortage.observe(number, subject, lambda process: call(process, about))
    return _Attempt(doing, number, short, doing.look(subject, about, place))


def _wrong(attempt: _Attempt) -> Outcome | None:
    doing, outcome = attempt.doing, attempt.short.observed.outcome
    seen = [it.with_value for it in attempt.seen]
    if attempt.tells and attempt.failed:
        is_whole = _match(seen, doing.undone)
    else:
        is_whole = outcome == doing.wanted and _match(seen, doing.done)
    if is_whole:
        return None
    told = ", ".join(map(str, (outcome, *seen)))
    return Seen(f"attempt {attempt.number}: {told}")


def _match(seen: list[Outcome], owed: tuple[Outcome, ...]) -> bool:
    """Whether all are as they should be; a value counts only where one is owed."""
    plain = (
        Allowed() if want == Allowed() and isinstance(it, Allowed) else it
        for it, want in zip(seen, owed, strict=True)
    )
    return tuple(plain) == owed
