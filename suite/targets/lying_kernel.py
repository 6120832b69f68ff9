# SPDX-License-Identifier: MIT
"""A target whose kernel lies: another target, and a liar between its kernel and the cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from suite.errors import UsageError
from suite.judge.records import Verdict
from suite.targets.base import Ground, Target
from suite.targets.facts import probe
from suite.targets.ground import leave_no_children
from suite.targets.lying import lie
from suite.targets.schemes import Scheme, registered
from suite.targets.shapes import SHAPES, Shape

LYING = "lying:"
"""How the names of such targets begin."""


def apart(name: str) -> tuple[Shape, str]:
    """The shape that a target's name asks for, and the name of the target that is given it.

    Raises:
        UsageError: There is no such shape, or no target.
    """
    shape, _, truth = name.removeprefix(LYING).partition("/")
    if shape not in SHAPES:
        raise UsageError(f"{name}: there is no shape {shape!r} (there is {', '.join(SHAPES)})")
    if not truth:
        raise UsageError(f"{name}: whose kernel? Write {LYING}{shape}/local, or another target")
    if truth.startswith(LYING):
        raise UsageError(f"{name}: a kernel has one shape")
    return SHAPES[shape], truth


class Lying(Scheme):
    """``lying:SHAPE/TARGET``, such as ``lying:rocky-9.7/vm:6.12``."""

    usage = f"{LYING}SHAPE/TARGET"

    def make(self, name: str, config: pytest.Config) -> LyingTarget:
        """The target, under the name as a whole.

        Raises:
            UsageError: There is no such shape, or no target that could be given it.
        """
        shape, truth = apart(name)
        return LyingTarget(name, shape, registered().of_target(truth).make(truth, config))


class LyingTarget(Target):
    """Another target, which is started as ever, and what its cases are told.

    What is kept of it, such as a machine's saved state, and its answers when it is asked what cases
    need, is of the honest kernel; only then the liar comes.

    Args:
        name: With scheme and shape.
        shape: What cases see.
        truth: The target beneath.
    """

    def __init__(self, name: str, shape: Shape, truth: Target) -> None:
        self.name = name
        self.kernel = truth.kernel
        self.disposable = truth.disposable
        self.asks = truth.asks
        self._shape = shape
        self._truth = truth

    def start(self) -> Ground:
        """Start it, then have the processes of cases descend from two that are lied to."""
        self._truth.asks = self.asks
        ground = self._truth.start()
        self.began = self._truth.began
        root, sharing = (lie(it, self._shape) for it in (ground.root, ground.sharing))
        leave_no_children(root, sharing)
        ground.session.flush()
        facts = probe(root, private=ground.private)
        return replace(ground, root=root, sharing=sharing, facts=facts)

    def modules(self, name: str) -> Iterable[bytes]:
        """As of the target beneath."""
        return self._truth.modules(name)

    def stop(self) -> None:
        """Take it down; the liars end with its agent."""
        self._truth.stop()

    def autopsy(self) -> tuple[Verdict, str]:
        """As of the target beneath."""
        return self._truth.autopsy()
