# SPDX-License-Identifier: MIT
"""Kinds of targets, which packages bring by entry points of the group ``landproof.targets``.

The name of an entry point is a scheme, what stands before the colon in the names of such targets;
its object is a ``Kind``::

    [project.entry-points."landproof.targets"]
    ssh = "landproof_ssh:Ssh"
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points

import pytest

from suite.errors import UsageError
from suite.targets.base import Target

GROUP = "landproof.targets"


class Kind(ABC):
    """A kind of target; made without arguments, once a process."""

    usage: str
    """How its targets are named, for people: ``vm:NAME``."""

    def add_options(self, group: pytest.OptionGroup) -> None:
        """Add options of its own to pytest's. None are needed: a default has to do."""
        return

    @abstractmethod
    def make(self, name: str, config: pytest.Config) -> Target:
        """Make the target of this name (scheme included), not yet started.

        Raises:
            LandproofError: There is none of this name.
        """


@dataclass(slots=True)
class Kinds:
    """The kinds that are there, by scheme, and why others are not."""

    known: dict[str, Kind] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    """A package that can't be loaded must not keep the others from being used."""

    @classmethod
    def of(cls, points: Iterable[EntryPoint]) -> Kinds:
        """Load what is registered."""
        kinds = cls()
        schemes: dict[str, list[EntryPoint]] = defaultdict(list)
        for point in points:
            schemes[point.name].append(point)
        for scheme, found in schemes.items():
            try:
                kinds.known[scheme] = _load(found)
            except Exception as error:  # noqa: BLE001 (of a package that we know nothing about)
                kinds.faults[scheme] = f"{type(error).__name__}: {error}"
        return kinds

    def of_name(self, name: str) -> Kind:
        """The kind of the target of this name.

        Raises:
            UsageError: There is none, or it can't be loaded.
        """
        scheme = name.partition(":")[0]
        if scheme in self.faults:
            raise UsageError(f"{name}: this kind of target can't be used: {self.faults[scheme]}")
        if scheme not in self.known:
            usages = ", ".join(kind.usage for _, kind in sorted(self.known.items()))
            raise UsageError(f"no such target: {name} (there is {usages})")
        return self.known[scheme]


def _load(points: list[EntryPoint]) -> Kind:
    if len(points) > 1:
        packages = ", ".join(sorted(point.dist.name if point.dist else "?" for point in points))
        raise UsageError(f"several packages bring it ({packages}): uninstall all but one")
    kind = points[0].load()()
    if not isinstance(kind, Kind):
        raise TypeError(f"{points[0].value} is no suite.targets.kinds.Kind")
    return kind


@cache
def registered() -> Kinds:
    """The kinds that installed packages bring."""
    return Kinds.of(entry_points(group=GROUP))
