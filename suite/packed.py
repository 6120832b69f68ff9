# SPDX-License-Identifier: MIT
"""Structs as bytes that know where their integers are, so that any target can be given them.

On the host all integers are little-endian. For a target of the other byte order (s390x), each
field is turned around on its way there, and on its way back (``suite.process.session``).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, TypeAlias

Form: TypeAlias = "str | Callable[[bytes], str]"
"""A format of ``struct`` without its first sign, as ``2I8x``; what follows it is bytes.

A function is given what a big-endian target has left, and tells the format of just that."""

NIBBLES = "N"
"""In a form: a byte of two bit-fields of 4 bits, which change places with the byte order."""
_TOKEN = re.compile(r"(\d*)([a-zA-Z])")
_HALVES = -1
"""As the width of a field: a byte whose halves change places."""


class Packed(bytes):
    """Bytes with the widths of their fields; still so after ``+``, ``ljust`` and slicing."""

    widths: tuple[int, ...]

    def __new__(cls, data: bytes, widths: tuple[int, ...]) -> Packed:
        """Fields of such widths; what is longer is single bytes."""
        self = super().__new__(cls, data)
        known = sum(map(abs, widths))
        self.widths = (*widths, *(1,) * (len(data) - known))
        return self

    def __add__(self, other: Any) -> Packed:  # noqa: ANN401 (as bytes has it)
        return Packed(bytes(self) + other, (*self.widths, *widths_of(other)))

    def __radd__(self, other: bytes) -> Packed:
        return Packed(other + bytes(self), (*widths_of(other), *self.widths))

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 (as bytes has it)
        if not isinstance(index, slice) or index.step is not None:
            return super().__getitem__(index)
        start, stop, _ = index.indices(len(self))
        return Packed(super().__getitem__(index), tuple(self._between(start, stop)))

    def __reduce__(self) -> tuple[type[Packed], tuple[bytes, tuple[int, ...]]]:
        return Packed, (bytes(self), self.widths)

    def _between(self, start: int, stop: int) -> Iterator[int]:
        """The widths of the fields there; of one that is cut, each byte."""
        at = 0
        for width in self.widths:
            first, last, at = max(at, start), min(at + abs(width), stop), at + abs(width)
            if last - first == abs(width):
                yield width
            else:
                yield from (1,) * (last - first)

    def ljust(self, width: Any, fill: Any = b" ", /) -> Packed:  # noqa: ANN401 (as bytes has it)
        """Made longer at its end."""
        return Packed(super().ljust(width, fill), self.widths)

    def turned(self) -> bytes:
        """In the other byte order."""
        return turned(self, self.widths)


def packed(form: str, *values: Any) -> Packed:  # noqa: ANN401 (as struct.pack has it)
    """A struct of little-endian integers; ``form`` as ``struct.pack`` takes it behind ``<``."""
    return Packed(struct.pack(f"<{form.replace(NIBBLES, 'B')}", *values), widths(form))


def joined(parts: Iterable[bytes]) -> Packed:
    """One struct of many."""
    items = list(parts)
    return Packed(b"".join(items), tuple(width for it in items for width in widths_of(it)))


def turned(data: bytes, fields: tuple[int, ...]) -> bytes:
    """Bytes with each of these fields in the other byte order, and the rest as it is."""
    data = bytes(data)  # a slice of fields would look for them from the first on each time
    parts, at = [], 0
    for width in fields:
        part = data[at : at + abs(width)]
        parts.append(bytes(b >> 4 | (b & 15) << 4 for b in part) if width < 0 else part[::-1])
        at += abs(width)
    return b"".join([*parts, data[at:]])


def from_target(data: bytes, form: Form) -> bytes:
    """What a big-endian target has left in a buffer of that form, as the host has it."""
    fields = widths(form if isinstance(form, str) else form(data))
    return Packed(turned(data, fields)[: len(data)], fields) if fields else data


def widths_of(data: bytes) -> tuple[int, ...]:
    """The widths of the fields; of plain bytes, 1 each."""
    return data.widths if isinstance(data, Packed) else (1,) * len(data)


@cache
def widths(form: str) -> tuple[int, ...]:
    """The widths of a form's fields, in bytes."""
    found: list[int] = []
    for count, code in _TOKEN.findall(form):
        times = int(count) if count else 1
        width = _HALVES if code == NIBBLES else 1 if code in "sx" else struct.calcsize(f"<{code}")
        found += [width] * times
    return tuple(found)
