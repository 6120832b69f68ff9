# SPDX-License-Identifier: MIT
"""Each call of the list at each of its points, on a target that has started."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import fmean, median, stdev

from suite.cost.hooks import Hook
from suite.cost.run import Run
from suite.cost.site import Site
from suite.judge.costs import Point
from suite.landlock.abi import FS
from suite.landlock.ruleset import Ruleset
from suite.packed import packed
from suite.process.process import Process
from suite.targets.base import Ground
from suite.values import Out


@dataclass(frozen=True, slots=True)
class Effort:
    """How often calls are made."""

    rounds: int
    """In each, processes are made, and turns without a domain are followed by those with it."""
    layouts: int
    """The same where rules have to be searched for: how soon one is found depends on where the
    kernel has put it, so each round has other folders, in another order."""
    turns: int
    """Of a round, each way."""
    exact: bool
    """Whether a call takes the same each time, unless something comes on top."""


COUNTED = Effort(rounds=5, layouts=7, turns=5, exact=True)
"""Where instructions are counted, all turns but those with an interrupt take the same."""
TIMED = Effort(rounds=60, layouts=60, turns=7, exact=False)
"""Where time is measured: many short rounds, so that a busy moment hurts both ways alike."""
_PACE_MS = 100
_KEPT = Ruleset(fs=FS.READ_FILE)
_MOST_KEPT = 32
"""About as many as the slabs of most caches have."""
_MOST_CHILDREN = 8
"""Each takes much more time."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run found."""

    hook: str
    point: Point
    bare: float
    added: float
    error: float = 0
    """How far another run may well be from ``added``, as its own rounds tell."""


def pace(ground: Ground) -> float:
    """How many nanoseconds of the target's clock a tick of its counter takes."""
    session = ground.session
    with session.scope():
        process = ground.root.fork()
        readings = []
        for pause in (0, _PACE_MS * 1_000_000):
            process.syscall("nanosleep", packed("QQ", 0, pause), None)
            clock = process.syscall("clock_gettime", time.CLOCK_MONOTONIC, Out(16))
            readings.append((clock, process.count()))
        session.flush()
        (clock, count), (later, more) = readings
        seconds, rest = ((later.integer(at, 8) or 0) - (clock.integer(at, 8) or 0) for at in (0, 8))
        return (seconds * 10**9 + rest) / (more.value - count.value)


def measure(
    ground: Ground, hooks: Sequence[Hook], effort: Effort, number: int = 1
) -> Iterator[Measured]:
    """Measure calls that the target's ABI version has, in ticks of its counter.

    Args:
        ground: Of the target.
        hooks: The calls.
        effort: How often each is made.
        number: Of the run. Each has rules in other orders, so that what depends on them shows.

    Raises:
        AgentLostError: The target died.
        OtherwiseError, SetupError: A call came to something else than it should.
    """
    with ground.session.scope():
        site = Site.make(ground.root.fork(), f"{ground.place}/cost")
        empty = _empty(site, effort)
        for hook in hooks:
            for point in hook.points:
                chance = random.Random(f"{number} {hook.name} {point}")  # noqa: S311 (an order)
                found = _at(hook, point, site, effort, chance)
                yield replace(found, bare=found.bare - empty)


def _empty(site: Site, effort: Effort) -> float:
    """What two readings of the counter are apart with nothing between them."""
    run = Run(site.outside, site, site.top, None, 0, effort.rounds * effort.turns)
    for _ in run:
        with run.timed():
            pass
    return run.told()


def _at(hook: Hook, point: Point, site: Site, effort: Effort, chance: random.Random) -> Measured:
    """The call at a point: what it takes without a domain, and what it takes more with one."""
    searched = point.rules > 1
    rounds = []
    for _ in range((effort.layouts if searched else effort.rounds) * hook.rounds):
        chance.shuffle(site.others)
        with site.outside.session.scope():
            _shift(site.outside.fork(), chance)
            rounds.append(_round(hook, point, site, effort.turns))
    differences = [after - before for before, after in rounds]
    if searched:  # of layouts, none is the right one: what they come to on the average is
        added, error = fmean(differences), stdev(differences) / sqrt(len(differences))
    elif effort.exact and hook.rounds == 1:
        # What comes on top in some rounds is not of the call; how far it is to the next round tells
        # whether another run will see the least, too.
        before, after = (sorted(it) for it in zip(*rounds, strict=True))
        added = after[0] - before[0]
        error = (after[1] - after[0]) + (before[1] - before[0])
    else:
        added = median(differences)
        error = median(abs(it - added) for it in differences)
    return Measured(hook.name, point, median(before for before, _ in rounds), added, error)


def _shift(keeper: Process, chance: random.Random) -> None:
    """Have a process keep some objects of the kernel's: so each round finds caches otherwise.

    A call may happen to take the last free object of a slab, turn after turn, and costs more then.
    """
    takes: tuple[tuple[Callable[[], object], int], ...] = (
        (lambda: keeper.open("/", os.O_RDONLY), _MOST_KEPT),
        (lambda: keeper.make_ruleset(_KEPT), _MOST_KEPT),
        (lambda: keeper.socket(socket.AF_INET, socket.SOCK_STREAM), _MOST_KEPT),
        (keeper.socketpair, _MOST_KEPT),
        (keeper.pipe, _MOST_KEPT),
        (keeper.fork, _MOST_CHILDREN),
    )
    for take, most in takes:
        for _ in range(chance.randrange(most)):
            take()


def _round(hook: Hook, point: Point, site: Site, turns: int) -> tuple[float, float]:
    """What the call takes without and with a domain, in processes that are made for it."""
    outside = site.outside
    ruleset = outside.make_ruleset(site.filled(hook.handles, point.rules)).value
    took = []
    for own in (None, ruleset):
        # The first has ended before the second is made, which gets the same places in the kernel's
        # memory: to find a free one for each processor takes execve(2) hundreds of instructions.
        with outside.session.scope():
            process = outside.fork()
            process.no_new_privs()
            for _ in range(point.layers - hook.own if own is not None else 0):
                process.restrict_self(ruleset)
            # The agent looks results up in what it has sent so far of a program: begin a new one.
            outside.session.flush()
            run = Run(process, site, site.folder(point.depth), own, point.rules, turns)
            hook.body(run)
            took.append(run.told())
    outside.close(ruleset)
    outside.session.flush()  # or it would be left out, at the end of the scope
    before, after = took
    return before, after
