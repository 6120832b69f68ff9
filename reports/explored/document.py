# SPDX-License-Identifier: MIT
"""What is told of an exploration; ``reports/explored.schema.json`` says what it is."""

from __future__ import annotations

import msgspec

SCHEMA_VERSION = 1


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A target."""

    name: str
    """``vm:6.12``, ``local``, ``model:7+errata=1,2,3``."""
    release: str = ""
    """What uname(2) says there; empty for a model, and for a target that never came up."""
    abi: int | None = None
    """Landlock's ABI version; 0 without Landlock, absent if the target never came up."""
    errata: int | None = None
    """The mask of errata, if the kernel tells it."""
    model: str = ""
    """The model that it is held against; empty if there is none."""
    holds: bool = False
    """Whether it is there for others to be held against: a model that nobody has asked for."""
    given_up: str = ""
    """Why it was given up; empty if it was not."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """What was played of a space on a target."""

    space: str
    target: str
    programs: int
    of: int
    """The programs of the space."""
    decisions: int
    again: int
    """Decisions of programs that were written in other ways."""
    undecided: int
    """Decisions that the target could not show, in whichever way; in no other count."""


class Side(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose word it is."""

    target: str
    manner: str = ""
    """The way in which programs were written; empty if they are as they are."""

    def __str__(self) -> str:
        return f"{self.target} ({self.manner})" if self.manner else self.target


class Example(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A program that shows a difference."""

    number: int
    label: str = ""
    """The decision; empty if it is all of the program."""
    one: str
    other: str
    """What each side gave: ``allowed``, the name of an errno, or why there was nothing."""
    calls: list[str] = []
    """As strace writes them, with the numbers of files and processes made up; only of some."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions on which two sides differ alike."""

    space: str
    one: Side
    other: Side
    why: str
    """What predicts it, such as ``fs.truncate (ABI 3)``; or what it breaks."""
    predicted: bool
    decisions: int
    programs: int
    examples: list[Example]
    """The smallest programs first: none that is smaller shows it."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A program of which nothing was decided: the kernel died, or its domain was refused."""

    space: str
    number: int
    manner: str = ""
    target: str
    why: str


class Unmodelled(msgspec.Struct, frozen=True, kw_only=True):
    """What the model has no word for."""

    why: str
    programs: int


class Program(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One program on a target, where it was asked for by its number."""

    space: str
    number: int
    target: str
    fault: str = ""
    """Why nothing was decided."""
    outcomes: dict[str, str] = {}
    """What each decision came to, in order."""
    calls: list[str] = []
    """All of them, and those of its stage that it needs, as strace writes them."""

    @property
    def name(self) -> str:
        """``refer:800``."""
        return f"{self.space}:{self.number}"


class Explored(msgspec.Struct, kw_only=True):
    """What an exploration came to."""

    schema: int = SCHEMA_VERSION
    landproof: str
    answer: str
    """In a line."""
    code: int
    """The exit code."""
    interrupted: bool
    targets: list[Place]
    counts: list[Count]
    differences: list[Difference]
    """What nothing explains comes first, then the smallest programs."""
    faults: list[Fault]
    unmodelled: list[Unmodelled]
    programs: list[Program]
    """Those that were asked for by number, on each target."""

    @property
    def unexplained(self) -> list[Difference]:
        """What nothing predicts."""
        return [it for it in self.differences if not it.predicted]


def json(explored: Explored) -> str:
    """The document, as a file holds it."""
    return msgspec.json.format(msgspec.json.encode(explored), indent=2).decode() + "\n"
