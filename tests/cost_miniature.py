# SPDX-License-Identifier: MIT
"""Costs of two calls on two kernels, one of which lacks a call; a third has no Landlock."""

from __future__ import annotations

from suite.judge.costs import INSTRUCTIONS, Cost, Costs, Kernel, Memory, Point

POINTS = (
    Point(),
    Point(depth=2),
    Point(depth=4),
    Point(layers=4),
    Point(layers=16),
    Point(rules=4),
    Point(depth=4, layers=16),
)


def cost(hook: str, point: Point, added: float, apart: float = 0) -> Cost:
    """A cost; runs agree if they are not apart."""
    return Cost(hook=hook, point=point, bare=5000, added=added, apart=apart, steady=not apart)


def calls(hook: str, first: float) -> list[Cost]:
    """A call at all points, with a cost of its own at each."""
    return [cost(hook, it, first + 10 * number) for number, it in enumerate(POINTS)]


def costs() -> Costs:
    """Each kernel otherwise; two numbers on which runs do not agree."""
    kills = [cost("kill", Point(), 70), cost("kill", Point(layers=4), 90, apart=8)]
    return Costs(
        landproof="1.2",
        started="2026-11-30T11:40:00Z",
        unit=INSTRUCTIONS,
        emulator="QEMU emulator version 7.2.22",
        kernels=[
            Kernel(target="vm:5.10", release="5.10.0", reason="no Landlock here"),
            Kernel(
                target="vm:6.1",
                release="6.1.0",
                version="6.1.192-3",
                abi=2,
                runs=2,
                costs=calls("open", 600),
                memory=[Memory(what="rule", bytes=72)],
                absent={"kill": "what it needs came with ABI 6"},
            ),
            Kernel(
                target="vm:7.3",
                release="7.3.4",
                version="7.3.4-1",
                abi=11,
                runs=2,
                costs=[*calls("open", 1200), *kills],
                memory=[Memory(what="rule", bytes=96, apart=6, steady=False)],
                absent={"sendto": "nobody listens"},
            ),
        ],
    )
