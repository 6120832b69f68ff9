# SPDX-License-Identifier: MIT
"""What modules remember of one start of a target, each in a class of its own."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T")


class Notes:
    """One object a class, made when it is first asked for; gone with the session."""

    def __init__(self) -> None:
        self._kept: dict[type, object] = {}

    def of(self, kind: type[_T]) -> _T:
        """The object of this class, which only the class's own module looks at."""
        if kind not in self._kept:
            self._kept[kind] = kind()
        kept = self._kept[kind]
        assert isinstance(kept, kind)  # noqa: S101 (it was made by this class)
        return kept
