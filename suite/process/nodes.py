# SPDX-License-Identifier: MIT
"""What an argument of a system call is made of, whatever it shall be written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from suite.process.symbols import Word
from suite.values import Argument


@dataclass(frozen=True, slots=True)
class Ref:
    """What an earlier call gave, or so much more."""

    argument: Argument


@dataclass(frozen=True, slots=True)
class Text:
    """A string that ends with a zero, shown as a whole."""

    text: str


@dataclass(frozen=True, slots=True)
class Bytes:
    """So many bytes, of which the first ones are shown."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct; its tag in C, or nothing if what lies there is not the whole of it."""

    tag: str
    fields: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Array:
    """An array."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """More of a struct than is known."""


@dataclass(frozen=True, slots=True)
class Note:
    """What strace says of an argument, in no language."""

    text: str


@dataclass(frozen=True, slots=True)
class Raw:
    """An argument of which nothing is known but what it is made of."""

    argument: Argument


Node: TypeAlias = Word | Ref | Text | Bytes | Struct | Array | Ending | Note | Raw
