# SPDX-License-Identifier: MIT
"""Which cases an expression of ``-k`` means: by what a case is called, never by its target.

pytest's own ``-k`` also matches the name of the target, and with it any path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest
from _pytest.mark.expression import Expression

from suite.errors import UsageError
from suite.run import rows

Names: TypeAlias = tuple[str, ...]
"""Of one case: its area, file, function and row, and its id."""
_ID = re.compile(r"(?P<area>[^/]+)/(?P<file>[^\[]+)\[(?P<row>.*)\]")
_WORD = re.compile(r"[\w:+.\[\]\\/-]+")
"""What pytest takes for one word of an expression."""


def selector(text: str) -> Callable[[Names], bool]:
    """Whether an expression, such as ``claims/files or truncate and not btrfs``, means a case.

    A word means what has it in one of its names, in capitals or not.

    Raises:
        UsageError: It is no expression.
    """
    try:
        expression = Expression.compile(text)
    except Exception as error:  # its class differs between pytest's releases
        raise UsageError(f"-k {text!r}: {getattr(error, 'msg', error)}") from error

    def selects(names: Names) -> bool:
        folded = [name.lower() for name in names]

        # Newer releases of pytest give names keywords, too.
        def means(word: str, /, **_: str | int | bool | None) -> bool:
            return any(word.lower() in name for name in folded)

        return expression.evaluate(means)

    return selects


def names(case: str, function: str) -> Names:
    """What a case is called.

    Args:
        case: Its id.
        function: The name of its function.
    """
    match = _ID.fullmatch(case)
    if match is None:
        return case, function
    return match["area"], f"test_{match['file']}.py", function, match["row"], case


def select(items: list[pytest.Item], text: str) -> list[pytest.Item]:
    """Leave only the cases that an expression means; those that were left out."""
    selects = selector(text)
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        function = getattr(item, "originalname", item.name)
        chosen = selects(names(rows.case_id(item), function))
        (kept if chosen else left_out).append(item)
    items[:] = kept
    return left_out


def shortest(wanted: Names, everything: Sequence[Names]) -> str:
    """The shortest expression that means one case alone."""
    case, (area, file, _, row, *_) = wanted[-1], wanted
    stem = file.removeprefix("test_").removesuffix(".py")
    for words in ((row,), (stem, row), (area, stem, row)):
        text = " and ".join(words)
        if all(map(_is_word, words)) and sum(map(selector(text), everything)) == 1:
            return text
    return case


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None and text not in ("and", "or", "not")
