# SPDX-License-Identifier: MIT
"""What a case is given: a process, files, a port, a judge; each made when first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial

import pytest

from suite.errors import LandproofError
from suite.judge.causes import no_landlock_calls
from suite.judge.expectation import Expectation
from suite.judge.outcome import Outcome
from suite.judge.records import Facts
from suite.judge.verdict import Judgement, judge
from suite.landlock.bugs import labelled
from suite.process.process import Domains, Observation, Process
from suite.process.reuse import Spare, is_spent, tidy_up
from suite.run import rows
from suite.run.needs import RINGS, Need
from suite.run.surroundings import (
    BARE,
    CAME_TO,
    CONTROL,
    DENIED_CALL,
    ENFORCER,
    EXPECTATION,
    JUDGED,
    JUDGEMENT,
    MOUNTS,
    SPENT,
    TRACED,
    denied_call,
    excuse_judgement,
)
from suite.run.unmet import unmet
from suite.targets.base import Ground
from suite.targets.disks import MissingError
from suite.targets.filesystems import FileSystem
from suite.targets.ground import agent32
from suite.targets.hub import Hub
from suite.targets.mounting import lay_tree, mounted
from suite.targets.tree import Tree
from suite.witness import leaks, tracefs, unmounts


class Deviation(AssertionError):  # noqa: N818 (no error of ours, but a case's verdict)
    """The kernel did something other than what it owes."""


class Setting:
    """The setting of one run of one case."""

    def __init__(self, item: pytest.Function, hub: Hub) -> None:
        self._item = item
        self._hub = hub

    def fill(self) -> None:
        """Hand the item all that it asks for and we have, so that pytest looks for it no more.

        pytest makes a fixture in 50 µs or more, a case asks for eight, and most cases cost less.
        Whoever asks pytest for one of them gets the same object.
        """
        given = self._item.funcargs
        for name in self._item.fixturenames:
            if name in GIVEN:
                given[name] = getattr(self, name)
            elif name == "case":
                given[name] = self._item.callspec.params[name]

    @cached_property
    def target_name(self) -> str:
        """The target of the case."""
        return rows.target_of(self._item)

    @cached_property
    def ground(self) -> Ground:
        """The started target; skips the case if the target lacks something that it needs."""
        ground = self._hub.ground(self.target_name)
        ground.session.bare = BARE in self._item.stash
        ground.session.notes.of(Domains).enforcer = self._item.stash.get(ENFORCER, None)
        wanted = [*self._needs]
        if self._item.get_closest_marker("vm_only"):
            wanted.append(Need.DISPOSABLE)
        target = self._hub.target(self.target_name)
        reason = no_landlock_calls(ground.facts) or unmet(wanted, ground, target)
        if reason:
            pytest.skip(reason)
        if self._is_looked_at:
            leaks.watch(ground.root)
        return ground

    @cached_property
    def _is_looked_at(self) -> bool:
        """Whether it is seen what cases leave there, and whether they let go of their files."""
        return self._hub.watched(self.target_name) is not None

    @cached_property
    def _needs(self) -> list[Need]:
        return [need for mark in self._item.iter_markers("needs") for need in mark.args]

    @cached_property
    def facts(self) -> Facts:
        """What the target is."""
        return self.ground.facts

    def mount_point(self, wanted: FileSystem) -> str:
        """Where a file system is mounted; skips the case if the target lacks what that takes."""
        self._item.stash.setdefault(MOUNTS, []).append(wanted)
        try:
            return mounted(wanted, self.ground, self._hub.target(self.target_name))
        except MissingError as error:
            pytest.skip(str(error))

    @cached_property
    def filesystem(self) -> FileSystem | None:
        """The file system that the case chose for its files, if any, mounted beforehand."""
        callspec = getattr(self._item, "callspec", None)
        wanted: FileSystem | None = callspec.params.get("filesystem") if callspec else None
        if wanted is not None:
            self.mount_point(wanted)
        return wanted

    @cached_property
    def process(self) -> Process:
        """A process without a domain, as good as new; what it makes are killed after the case."""
        lent = self._lend()
        process = lent.__enter__()
        self._item.addfinalizer(partial(lent.__exit__, None, None, None))
        return process

    @contextmanager
    def _lend(self) -> Iterator[Process]:
        ground, stash = self.ground, self._item.stash
        _ = self.filesystem  # mounted by others before the case begins
        parent = ground.root if self._has_own_memory() else ground.sharing
        spare = ground.session.notes.of(Spare)[parent]
        process = spare.pop() if spare else parent.fork()
        with ground.session.scope():
            if Need.TRACEPOINTS not in self._needs:
                tracefs.forget(process)
            yield process
        judgement = stash.get(JUDGEMENT, None)
        if judgement and judgement.verdict.good and not stash[SPENT]:
            tidy_up(process)
            spare.append(process)
        else:
            ground.session.kill(process.id)

    def _has_own_memory(self) -> bool:
        marked = self._item.get_closest_marker("own_memory") is not None
        return marked or not RINGS.isdisjoint(self._needs)

    @cached_property
    def process32(self) -> Process:
        """A child of ``process`` whose calls, like those of its own children, are 32-bit ones."""
        child = self.process.fork()
        child.exec32(agent32(self.ground))
        return child

    @cached_property
    def tree(self) -> Tree:
        """Fresh files in a folder of the case's own."""
        ground, process = self.ground, self.process
        name = str(self._hub.number())
        if self.filesystem is not None:
            return lay_tree(self.filesystem, process, ground, name)
        if self._item.config.stash.get(TRACED, False) or not self._is_looked_at:
            return Tree(process, f"{ground.place}/{name}", ground.agent)
        plot = unmounts.plot(ground.root, ground.place, ground.agent)
        return Tree(process, f"{plot.path}/{name}", plot.agent)

    @cached_property
    def port(self) -> int:
        """A port that no other case of this run uses; nor does any use the port after it."""
        return 1024 + 2 * (self._hub.number() % 16000)

    @cached_property
    def judge(self) -> rows.Judge:
        """A function that judges what was observed, once a test."""
        _ = self.process
        return self._judge

    def _judge(
        self,
        expectation: Expectation,
        observed: Observation | Outcome,
        control: Observation | Outcome | None = None,
    ) -> None:
        __tracebackhide__ = True  # what a reader of a traceback wants to see is the case
        ground, process, stash = self.ground, self.process, self._item.stash
        if JUDGEMENT in stash:
            raise LandproofError("the case was judged already: one behaviour, one judgement")
        stash[SPENT] = is_spent(process, ground.place)
        ground.session.conclude(*[process.id] if stash[SPENT] else [])
        seen = [o.outcome if isinstance(o, Observation) else o for o in (control, observed)]
        assert seen[1] is not None  # noqa: S101 (an observation has an outcome)
        if BARE in stash or ENFORCER in stash:
            stash[CAME_TO] = seen[1]
            return
        judgement = judge(expectation, ground.facts, seen[1], seen[0])
        reason = excuse_judgement(judgement, ground.facts, observed, control)
        if reason:
            pytest.skip(reason)
        stash[JUDGED] = observed, control
        stash[CONTROL] = seen[0]
        stash[EXPECTATION] = expectation
        stash[JUDGEMENT] = judgement
        if not judgement.verdict.good:
            stash[DENIED_CALL] = denied_call(observed)
            raise Deviation(explain(judgement))


GIVEN = frozenset({
    "target_name", "ground", "facts", "mount_point", "filesystem", "process", "process32", "tree",
    "port", "judge",
})  # fmt: skip
"""The names under which cases ask for it."""


def explain(judgement: Judgement) -> str:
    """Why a verdict is not good, in a line or two."""
    if judgement.reason and not judgement.verdict.judged:
        return f"{judgement.verdict}: {judgement.reason}"
    text = f"expected {judgement.expected} ({judgement.clause}), observed {judgement.observed}"
    if judgement.reason:
        text += f"\n{judgement.reason}"
    return f"{text}\n{': '.join(labelled(judgement.bug))}" if judgement.bug else text
