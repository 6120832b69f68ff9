# SPDX-License-Identifier: MIT
"""At which points a call is measured: one dimension grows, while the others are least."""

from __future__ import annotations

from suite.judge.costs import Point
from suite.landlock.abi import MAX_LAYERS

DEPTHS = (1, 2, 4, 8, 16)
LAYERS = (1, 2, 4, 8, MAX_LAYERS)
RULES = (1, 4, 16, 64, 256, 1024)

_LEAST = Point()
_DEEPER = tuple(Point(depth=depth) for depth in DEPTHS[1:])
_LAYERED = tuple(Point(layers=layers) for layers in LAYERS[1:])
_RULED = tuple(Point(rules=rules) for rules in RULES[1:])

PATHS = (_LEAST, *_DEEPER, *_LAYERED, *_RULED, Point(depth=DEPTHS[-1], layers=LAYERS[-1]))
"""Of calls that name a file: all dimensions, and the greatest depth with the most layers."""
PORTS = (_LEAST, *_LAYERED, *_RULED)
"""Of calls about which there may be rules, but no folders."""
DOMAINS = (_LEAST, *_LAYERED)
"""Of calls to which only the domain matters."""
SIZES = (_LEAST, *_RULED)
"""Of calls that make rulesets."""
