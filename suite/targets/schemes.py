# SPDX-License-Identifier: MIT
"""Schemes: the kinds of targets, by what their names begin with.

Packages bring them by entry points of the group ``landproof.targets``. The name of an entry point
is what stands before the colon in the names of such targets; its object is a ``Scheme``::

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


class Scheme(ABC):
    """One kind of targets; an object is made without arguments, once a process."""

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
class Schemes:
    """The schemes that there are, and why others can't be used."""

    known: dict[str, Scheme] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    """A package that can't be loaded must not keep the others from being used."""

    @classmethod
    def of(cls, points: Iterable[EntryPoint]) -> Schemes:
        """Load what is registered."""
        schemes = cls()
        registered: dict[str, list[EntryPoint]] = defaultdict(list)
        for point in points:
            registered[point.name].append(point)
        for name, found in registered.items():
            try:
                schemes.known[name] = _load(found)
            except UsageError as error:
                schemes.faults[name] = str(error)
            except Exception as error:  # noqa: BLE001 (of a package that we know nothing about)
                schemes.faults[name] = f"{type(error).__name__}: {error}"
        return schemes

    @property
    def usages(self) -> str:
        """How targets are named, for people: ``local, vm:NAME``."""
        return ", ".join(self.known[name].usage for name in sorted(self.known))

    def of_target(self, target: str) -> Scheme:
        """The scheme of a target's name.

        Raises:
            UsageError: There is none, or it can't be used.
        """
        name = target.partition(":")[0]
        if name in self.faults:
            raise UsageError(f"{target}: this kind of target can't be used: {self.faults[name]}")
        if name not in self.known:
            raise UsageError(f"no such target: {target} (there is {self.usages})")
        return self.known[name]


def _load(points: list[EntryPoint]) -> Scheme:
    if len(points) > 1:
        packages = ", ".join(sorted(point.dist.name if point.dist else "?" for point in points))
        raise UsageError(f"several packages bring it ({packages}): uninstall all but one")
    scheme = points[0].load()()
    if not isinstance(scheme, Scheme):
        raise TypeError(f"{points[0].value} is no suite.targets.schemes.Scheme")
    return scheme


@cache
def registered() -> Schemes:
    """The schemes that installed packages bring."""
    return Schemes.of(entry_points(group=GROUP))
