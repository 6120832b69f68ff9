# SPDX-License-Identifier: MIT
"""One case on one kernel after another, such as for a bisection: fetch it, boot it, hear it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import msgspec

from reports.bisect import Answer
from reports.cost.changes import LEAST
from suite.cli.check import machine_words
from suite.cli.costing import Wish, chosen_hooks, measured
from suite.cli.fetching import display, labelled
from suite.cli.preparing import choose_accelerator
from suite.cli.run import run
from suite.cli.targets import Chosen
from suite.cost.hooks import Hook
from suite.cost.measure import COUNTED
from suite.errors import LandproofError, UsageError
from suite.judge.costs import Point
from suite.run.declared import Declared
from vm.command import find_qemu
from vm.counted import CountedTarget
from vm.kernel import Kernel
from vm.store import Store
from vm.target import VM
from vm.tools import FullError, UnreachableError

Asks: TypeAlias = Callable[[str, str], Answer]
"""Asks a kernel, by what it is called and what its source calls it; raises as ``Asker.ask``."""


@dataclass(slots=True)
class Asker:
    """Asks kernels for one case."""

    case: Declared
    store: Store
    arguments: argparse.Namespace
    """With the options of `suite.cli.check.add_machine_options`."""
    accelerator: str | None = None

    def ask(self, label: str, name: str) -> Answer:
        """Fetch, boot, run the case.

        Args:
            label: What the kernel is called.
            name: What its source calls it.

        Raises:
            InfrastructureError: The emulator is not installed.
            FullError: No room for this kernel, nor for any other.
            UnreachableError: No network for it.
            KeyboardInterrupt: The run was interrupted.
        """
        kernel = _fetched(self.store, label, name)
        if isinstance(kernel, Answer):
            return kernel
        if self.accelerator is None:
            self.accelerator = choose_accelerator(kernel, self.arguments.accel)
        chosen = Chosen({label: name}, ())
        (target,) = chosen.names
        options = [f"--store={self.store.folder}", f"--accel={self.accelerator}"]
        options += [*machine_words(self.arguments), *chosen.options]
        outcome = run([target], options=options, nodes=[self.case.node(target)])
        if outcome.interrupted:
            raise KeyboardInterrupt
        (told,) = outcome.results.targets
        (record,) = told.cases
        return Answer.of(record)


@dataclass(frozen=True, slots=True)
class CostAsker:
    """Asks kernels for what a domain adds to a call at a point."""

    hook: Hook
    store: Store
    consoles: Path | None
    threshold: float

    @classmethod
    def of(cls, word: str, store: Store, consoles: Path | None, threshold: float) -> CostAsker:
        """The asker about a call and a point: ``open``, ``open:depth=16,layers=16``.

        Raises:
            UsageError: It is not measured there, or there is none of this name.
        """
        name, _, where = word.partition(":")
        (hook,) = chosen_hooks([name])
        given = dict(it.partition("=")[::2] for it in where.split(",") if it)
        points = {
            frozenset((key, str(value)) for key, value in msgspec.to_builtins(it).items()): it
            for it in hook.points
        }
        point = points.get(frozenset(({"depth": "1", "layers": "1", "rules": "1"} | given).items()))
        if point is None:
            known = "; ".join(",".join(_said(it)) or "nothing" for it in hook.points)
            raise UsageError(f"{name} is not measured at {where!r} (it is at {known})")
        return cls(replace(hook, points=(point,)), store, consoles, threshold)

    def ask(self, label: str, name: str) -> Answer:
        """Fetch, boot, measure; raises as ``Asker.ask``."""
        kernel = _fetched(self.store, label, name)
        if isinstance(kernel, Answer):
            return kernel
        target = CountedTarget(f"{VM}{label}", kernel, folder=self.consoles)
        wish = Wish([self.hook], COUNTED, counted=True, memory=False, runs=1)
        (found,), interrupted = measured([[target]], wish, 1)
        if interrupted:
            raise KeyboardInterrupt
        if not found.costs:
            why = found.reason or found.absent.get(self.hook.name, "nothing was measured")
            return Answer(None, reason=why)
        return Answer(None, added=found.costs[0].added)

    def alike(self, answer: Answer, old: Answer, new: Answer) -> bool:
        """Whether a cost is nearer to that of the old end; the ends' own have to differ."""
        if answer.added is None or old.added is None or new.added is None:
            return answer == old
        if abs(new.added - old.added) <= max(LEAST, self.threshold * abs(old.added)):
            return True
        return abs(answer.added - old.added) <= abs(answer.added - new.added)


def _said(point: Point) -> list[str]:
    least = Point()
    return [
        f"{name}={value}"
        for name, value in msgspec.to_builtins(point).items()
        if value != getattr(least, name)
    ]


def _fetched(store: Store, label: str, name: str) -> Kernel | Answer:
    """A kernel; or the answer of one that can't be had.

    Raises:
        InfrastructureError: No other could be had either.
    """
    try:
        with display() as show:
            kernel = store.fetch(name, progress=labelled(label, show))
    except (FullError, UnreachableError):
        raise  # the next one would fail likewise
    except LandproofError as error:
        return Answer(None, reason=str(error), booted=False)
    find_qemu(kernel.arch)
    return kernel
