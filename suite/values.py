# SPDX-License-Identifier: MIT
"""What a system call takes: integers, buffers, and what earlier calls will have given.

Integers in buffers are little-endian here, whatever the target's byte order is: ``Packed`` bytes
and an ``Out`` with a form know where integers lie, and are turned around on their way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from suite.packed import Form, Packed, packed

__all__ = [
    "Argument", "Beyond", "Fd", "Form", "InOut", "Int", "Out", "Pack", "Packed", "Promise",
    "packed",
]  # fmt: skip


class Promise:
    """What one call gives, once it was made: ``suite.process.promise.Call``."""

    __slots__ = ()
    name: str
    """Of the call."""

    @property
    def value(self) -> int:
        """The call's result."""
        raise NotImplementedError

    @property
    def data(self) -> bytes:
        """What the call left in its out buffers, each padded to 8 bytes."""
        raise NotImplementedError

    @property
    def known(self) -> int | None:
        """The result; None if there is none, or none yet."""
        raise NotImplementedError

    @property
    def known_data(self) -> bytes:
        """What was left in the out buffers, as far as it is there."""
        raise NotImplementedError

    def integer(self, offset: int, width: int) -> int | None:
        """An integer in the out buffers, signed if it has 4 bytes; None if it is not there."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Out:
    """A buffer of ``size`` bytes that the call fills."""

    size: int
    form: Form = ""
    """Where in it integers lie, if anybody looks at them; see ``suite.packed``."""


@dataclass(frozen=True, slots=True)
class InOut:
    """A buffer that the call reads and fills."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Int:
    """An integer, in the target's byte order, that an earlier call left in its out buffers.

    ``offset`` counts over all of them, each padded to 8 bytes.
    """

    call: Promise
    offset: int
    width: int = 4


@dataclass(frozen=True, slots=True)
class Beyond:
    """The address that an earlier call gave, and so many bytes on."""

    call: Promise
    offset: int


@dataclass(frozen=True, slots=True)
class Pack:
    """A buffer laid out from bytes as they are and (width, value) pairs.

    A value is an integer, a promise, or what the field shall point to.
    """

    fields: tuple[bytes | tuple[int, Argument], ...]

    @property
    def size(self) -> int:
        """Of the buffer, in bytes."""
        return sum(len(item) if isinstance(item, bytes) else item[0] for item in self.fields)


Argument: TypeAlias = "int | Promise | Int | Beyond | bytes | str | Out | InOut | Pack | None"

Fd: TypeAlias = int | Promise | Int
"""A file descriptor: its number, or the call that gives it."""
