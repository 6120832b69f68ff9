# SPDX-License-Identifier: MIT
"""What a report says, apart from how a format writes it: lines, tables and entries."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something with a name, and labelled lines about it."""

    title: str
    lines: tuple[tuple[str, str], ...] = ()


Part: TypeAlias = Table | Entry | str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what is under it; it is left out when nothing is."""

    title: str
    parts: tuple[Part, ...] = ()
    commands: tuple[str, ...] = ()
    """Lines that a shell takes as they are, after all else."""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report."""

    title: str
    lines: tuple[str, ...]
    """What comes before the sections."""
    sections: tuple[Section, ...]
    data: object
    """What it was made from, for formats that programs read."""
