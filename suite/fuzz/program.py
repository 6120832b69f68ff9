# SPDX-License-Identifier: MIT
"""Programs as text: a line a step, so that one can be kept, read, changed and played again.

``p0 open a/f rw = file0`` is a step: the process ``p0`` does ``open`` with the words ``a/f`` and
``rw``, and what it gives is ``file0`` from then on. Nothing in it is of a target: neither numbers
of processes and descriptors, nor what the step comes to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from suite.errors import UsageError

FIRST = "p0"
"""The process that each program begins with."""
_COMMENT = "#"


@dataclass(frozen=True, slots=True)
class Step:
    """What one process does: a few calls, which come to one outcome."""

    by: str
    """The process."""
    action: str
    """One of ``ACTIONS``."""
    words: tuple[str, ...] = ()
    """What it takes; see `Action.takes`."""
    gives: str = ""
    """The name of the process or descriptor that it makes."""

    def __str__(self) -> str:
        given = ("=", self.gives) if self.gives else ()
        return " ".join((self.by, self.action, *self.words, *given))


Program = tuple[Step, ...]


def step_of(line: str) -> Step:
    """The step of a line.

    Raises:
        UsageError: It is none.
    """
    words, gives = line.split(), ""
    if words[-2:-1] == ["="]:
        gives = words.pop()
        words.pop()
    if len(words) < 2 or "=" in words:
        raise UsageError(f"no step of a program: {line!r}; one is: PROCESS ACTION WORD... [= NAME]")
    return Step(words[0], words[1], tuple(words[2:]), gives)


def read(text: str) -> Program:
    """The program of a text; empty lines and those that begin with ``#`` are none of it.

    Raises:
        UsageError: A line is no step.
    """
    lines = (it.strip() for it in text.splitlines())
    return tuple(step_of(it) for it in lines if it and not it.startswith(_COMMENT))


def written(program: Program, notes: Iterable[str] = ()) -> str:
    """A program as text, with notes in front of it."""
    lines: Iterator[str] = (f"{_COMMENT} {it}".rstrip() for it in notes)
    return "".join(f"{it}\n" for it in (*lines, *map(str, program)))


def name_of(program: Program) -> str:
    """A name by what it does: eight hexadecimal digits."""
    return hashlib.sha256(written(program).encode()).hexdigest()[:8]


def size_of(program: Program) -> tuple[int, int, str]:
    """By what programs are ordered: of two that show the same, the smaller one is told."""
    text = written(program)
    return len(program), len(text), text
