# SPDX-License-Identifier: MIT
"""Each call of the list at each of its points, on a target that has started."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from suite.cost.hooks import Hook
from suite.cost.run import Run
from suite.cost.site import Site
from suite.judge.costs import Point
from suite.process.process import Process
from suite.targets.base import Ground


@dataclass(frozen=True, slots=True)
class Effort:
    """How often calls are made."""

    rounds: int
    """In each, some turns without a domain are followed by as many with it."""
    turns: int
    """Of a round, each way."""


COUNTED = Effort(rounds=3, turns=7)
"""Where instructions are counted, all turns but those with an interrupt take the same."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run found."""

    hook: str
    point: Point
    bare: float
    added: float


def measure(ground: Ground, hooks: Sequence[Hook], effort: Effort) -> Iterator[Measured]:
    """Measure calls that the target's ABI version has, in ticks of its counter.

    Raises:
        AgentLostError: The target died.
        OtherwiseError, SetupError: A call came to something else than it should.
    """
    session = ground.session
    with session.scope():
        outside = ground.root.fork()
        site = Site.make(outside, f"{ground.place}/cost")
        empty = _empty(site, effort)
        for hook in hooks:
            for point in hook.grid.points():
                with session.scope():
                    bare, added = _at(hook, point, site, effort)
                yield Measured(hook.name, point, bare - empty, added)


def _empty(site: Site, effort: Effort) -> float:
    """What two readings of the counter are apart with nothing between them."""
    run = Run(site.outside, site, site.top, None, 0, effort.rounds * effort.turns)
    for _ in run:
        with run.timed():
            pass
    return run.told()


def _at(hook: Hook, point: Point, site: Site, effort: Effort) -> tuple[float, float]:
    """The call at a point: what it takes without a domain, and what it takes more with one."""
    outside = site.outside
    ruleset = outside.make_ruleset(site.filled(hook.handles, point.rules)).value
    bare, inside = outside.fork(), outside.fork()
    for process in (bare, inside):
        process.no_new_privs()
    for _ in range(point.layers - hook.own):
        inside.restrict_self(ruleset)
    sides = (bare, None), (inside, ruleset)
    rounds = [
        [_turns(hook, process, site, point, own, effort) for process, own in sides]
        for _ in range(effort.rounds)
    ]
    outside.close(ruleset)
    return median(it for it, _ in rounds), median(after - before for before, after in rounds)


def _turns(  # noqa: PLR0917 (what a run is made of)
    hook: Hook, process: Process, site: Site, point: Point, ruleset: int | None, effort: Effort
) -> float:
    turns = effort.turns * hook.turns
    run = Run(process, site, site.folder(point.depth), ruleset, point.rules, turns)
    hook.body(run)
    return run.told()
