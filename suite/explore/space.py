# SPDX-License-Identifier: MIT
"""Spaces: all programs of a bounded kind, each with its number.

A space is a function from a number to a program, and nothing is random: a number means the same
program on every machine, an exploration can be cut and taken up anywhere, and small numbers are
small programs, so that the smallest number that differs is the smallest program that does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import TypeVar

from suite.errors import UsageError
from suite.explore.trial import Stage, Trial
from suite.landlock.abi import Feature

T = TypeVar("T")


class Scene(ABC):
    """A space on a stage: what its programs act on is there, and made once for many of them."""

    @abstractmethod
    def __init__(self, stage: Stage) -> None:
        """Make the files, sockets and rulesets that programs share."""

    @abstractmethod
    def play(self, trial: Trial, number: int) -> None:
        """Make the calls of a program: its decisions are ``trial.decide``."""


@dataclass(frozen=True)
class Space:
    """All programs of a kind."""

    name: str
    about: str
    """What is placed, and what is decided: a line for people."""
    size: int
    """How many programs there are; their numbers begin at 0."""
    scene: type[Scene]
    lasts: int = 256
    """After so many programs a new stage is made, since they leave files behind."""
    processes: int = 4
    """The most that a program makes, those of ``ways`` into a domain among them."""
    no_new_privs: bool = True
    """Whether programs begin with no_new_privs, as who enforces a ruleset needs it."""
    executes: bool = False
    """Whether programs execute the agent, and use what the stage has open afterwards."""
    in_flight: int = 3
    """Programs: with one, the target waits for us; of many, nobody knows of which it died."""
    is_uniform: bool = True
    """Whether all programs decide the same, so that they have the same labels."""
    features: Mapping[str, tuple[Feature, ...]] = field(default_factory=dict, hash=False)
    """What decisions hang on, by the first word of their labels; those of all others by none."""

    def hangs_on(self, label: str) -> tuple[Feature, ...]:
        """The features that a kernel may lack so that a decision comes to something else."""
        return self.features.get(label.partition(" ")[0], self.features.get("", ()))


@dataclass(frozen=True)
class Slice:
    """A right of a bit-sliced space: each right takes another policy in the same program.

    Rights are judged alone, so that one program with all of them shows as much as a program for
    each. A right's policy is the program's, moved on by ``shift``: over all numbers, each right
    sees every combination of policies.
    """

    label: str
    """Its decisions are ``LABEL …``."""
    right: Feature
    shift: int


@dataclass(frozen=True, slots=True)
class Name:
    """A program by name: ``paths:1234``."""

    space: Space
    number: int

    def __str__(self) -> str:
        return f"{self.space.name}:{self.number}"


def digits(number: int, *bases: int) -> list[int]:
    """A number in a system of several bases, the lowest digit first."""
    found = []
    for base in bases:
        number, digit = divmod(number, base)
        found.append(digit)
    return found


def forests(total: int, largest: int, of: Callable[[int], Sequence[T]]) -> Iterator[tuple[T, ...]]:
    """All sets of trees that have so many nodes together, none of them more than ``largest``.

    As two trees may be alike, they are sets with repetition.

    Args:
        total: Nodes of all.
        largest: Nodes of one, at most.
        of: Gives all trees of so many nodes.
    """
    if not total:
        yield ()
        return
    for size in range(min(largest, total), 0, -1):
        for count in range(1, total // size + 1):
            for first in combinations_with_replacement(of(size), count):
                for rest in forests(total - size * count, size - 1, of):
                    yield (*first, *rest)


def named(text: str, spaces: dict[str, Space]) -> Name:
    """The program of a name such as ``paths:1234``.

    Raises:
        UsageError: There is none.
    """
    name, _, number = text.partition(":")
    if name not in spaces:
        raise UsageError(f"{text}: there is no space {name!r} (there is {', '.join(spaces)})")
    space = spaces[name]
    if not number.isdecimal() or int(number) >= space.size:
        raise UsageError(f"{text}: programs of {name} have numbers from 0 to {space.size - 1}")
    return Name(space, int(number))
