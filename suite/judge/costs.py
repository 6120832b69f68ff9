# SPDX-License-Identifier: MIT
"""What Landlock costs on kernels; ``reports/costs.schema.json`` says what it is."""

from __future__ import annotations

import msgspec

SCHEMA_VERSION = 1
INSTRUCTIONS = "instructions"
NANOSECONDS = "ns"
TOLERANCE = 0.002
"""How far two runs may be apart, as a part of what they found, to be called the same."""


class Point(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """In which domain a call is made, and how deep its file lies."""

    depth: int = 1
    """Folders from the one that a rule allows down to the file, the first included."""
    layers: int = 1
    """Of the domain."""
    rules: int = 1
    """Of each layer; one of them allows what the call does."""


class Cost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a domain adds to a call at one point."""

    hook: str
    point: Point
    bare: float
    """The call without a domain; of a call that is Landlock's own, one that does nothing."""
    added: float
    """What it takes more with the domain."""
    apart: float = 0
    """How far what two runs found for ``added`` is apart at most, or may well be by what their
    rounds found."""
    steady: bool = True
    """Whether runs agree; else the number is not to be relied on."""

    @property
    def key(self) -> tuple[str, Point]:
        """What it is the cost of."""
        return self.hook, self.point


class Memory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What Landlock keeps of kernel memory, as a memory control group counts it."""

    what: str
    """``rule``, ``layer``…: see ``suite.cost.memory``."""
    bytes: float
    apart: float = 0
    steady: bool = True


class Kernel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was measured on a kernel."""

    target: str
    """Such as ``vm:7.3``."""
    release: str = ""
    """What uname(2) says there; empty if it never came up."""
    version: str = ""
    """Of its package."""
    abi: int = 0
    """Landlock's ABI version; 0 without Landlock."""
    runs: int = 0
    """How many runs came to an end."""
    costs: list[Cost] = []
    memory: list[Memory] = []
    absent: dict[str, str] = {}
    """The hooks that were not measured, and why."""
    reason: str = ""
    """Why runs failed; empty if none did."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured in one go."""

    schema: int = SCHEMA_VERSION
    landproof: str
    """Its version."""
    started: str
    """When, in UTC (ISO 8601)."""
    unit: str
    """``instructions``, or ``ns`` of time that went by."""
    emulator: str = ""
    """Which QEMU counted the instructions; empty for time."""
    tolerance: float = TOLERANCE
    """How far two runs may be apart, as a part of what they found, to be called the same."""
    kernels: list[Kernel]
