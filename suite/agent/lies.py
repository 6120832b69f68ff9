# SPDX-License-Identifier: MIT
"""Rules by which the agent answers system calls in the kernel's place. Layouts are liar.h's.

The first rule whose tests all hold decides; a call that no rule is about is the kernel's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from suite.packed import Packed, joined, packed

ALL = (1 << 64) - 1
_NO_SIZE = 0xFF
_ANSWER, _CHANGE = 0, 1
_ARGUMENT, _MEMORY, _PRIVILEGED = 0, 1, 2


class Place(NamedTuple):
    """An argument of a call; with an offset, the 8 bytes there of the memory that it points to."""

    argument: int
    offset: int | None = None
    size: int | None = None
    """The argument that tells the size of that memory: behind its end, bytes are 0."""


class Privileged(NamedTuple):
    """1 if who calls has no_new_privs or CAP_SYS_ADMIN, else 0."""


class Test(NamedTuple):
    """Whether ``place & mask == value``, or is another value. False of memory that is not there."""

    place: Place | Privileged
    mask: int
    value: int = 0
    negated: bool = False


class Change(NamedTuple):
    """``place = place & mask | value``. Memory has to have a size."""

    place: Place
    mask: int = ALL
    value: int = 0


@dataclass(frozen=True, slots=True)
class Lie:
    """What becomes of a call: an answer, or the call is made with changes.

    The latter is for a call that opens one file and gives its number: the liar makes it, and hands
    the file over.
    """

    call: str
    tests: tuple[Test, ...]
    answer: int | None = None
    """A result, or an errno as a negative number; None: make the call with the changes."""
    changes: tuple[Change, ...] = ()

    def encoded(self, number: int) -> Packed:
        """As the agent takes it; ``number`` is that of the call."""
        action = _CHANGE if self.answer is None else _ANSWER
        sizes = len(self.tests), len(self.changes)
        head = packed("iBBBxq", number, action, *sizes, self.answer or 0)
        tests = (_word(it.place, it.mask, it.value, it.negated) for it in self.tests)
        changes = (_word(it.place, it.mask, it.value, False) for it in self.changes)
        return joined([head, *tests, *changes])


def encoded(lies: Sequence[Lie], numbers: Mapping[str, int]) -> Packed:
    """All rules in their order; ``numbers`` are those of system calls on the target."""
    return joined(lie.encoded(numbers[lie.call]) for lie in lies)


def _word(place: Place | Privileged, mask: int, value: int, negated: bool) -> Packed:
    match place:
        case Privileged():
            head = (_PRIVILEGED, 0, _NO_SIZE, negated, 0)
        case Place(argument, None):
            head = (_ARGUMENT, argument, _NO_SIZE, negated, 0)
        case Place(argument, offset, size):
            head = (_MEMORY, argument, _NO_SIZE if size is None else size, negated, offset or 0)
    return packed("BBBBIQQ", *head, mask & ALL, value & ALL)
