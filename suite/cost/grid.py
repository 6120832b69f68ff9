# SPDX-License-Identifier: MIT
"""At which points a call is measured: one dimension grows, while the others are least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from suite.judge.costs import Point
from suite.landlock.abi import MAX_LAYERS

DEPTHS = (1, 2, 4, 8, 16)
LAYERS = (1, 2, 4, 8, MAX_LAYERS)
RULES = (1, 4, 16, 64, 256, 1024)


@dataclass(frozen=True, slots=True)
class Grid:
    """Which dimensions may matter to a call."""

    depth: bool = False
    layers: bool = False
    rules: bool = False

    def points(self) -> Iterator[Point]:
        """Each once; the last has the greatest depth with the most layers, if both may matter."""
        yield Point()
        for depth in DEPTHS[1:] if self.depth else ():
            yield Point(depth=depth)
        for layers in LAYERS[1:] if self.layers else ():
            yield Point(layers=layers)
        for rules in RULES[1:] if self.rules else ():
            yield Point(rules=rules)
        if self.depth and self.layers:
            yield Point(depth=DEPTHS[-1], layers=LAYERS[-1])


PATHS = Grid(depth=True, layers=True, rules=True)
PORTS = Grid(layers=True, rules=True)
DOMAINS = Grid(layers=True)
SIZES = Grid(rules=True)
