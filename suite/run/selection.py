# SPDX-License-Identifier: MIT
"""Which cases an expression of ``-k`` means: by what a case is called, never by its target.

pytest's own ``-k`` also matches the name of the target, and with it any path. It takes no ``*``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from _pytest.mark.expression import Expression

from suite.errors import UsageError
from suite.run.choice import Entry

Names: TypeAlias = tuple[str, ...]
"""Of one case: its id; and its area, file, function and row."""
_ID = re.compile(r"(?P<area>[^/]+)/(?P<file>[^\[]+)\[(?P<row>.*)\]")
_WORD = re.compile(r"[\w:+.\[\]\\/*-]+")
"""What pytest takes for one word of an expression, and ``*``."""
_OPERATORS = {"and", "or", "not"}


def selector(text: str) -> Callable[[Names], bool]:
    """Whether an expression, such as ``claims/files or truncate and not btrfs``, means a case.

    A word with a slash means ids: one case (``fs/truncate[path]``), or all of a file
    (``fs/truncate``) or an area (``fs/``). Another one means what has it in one of its names.
    ``*`` stands for anything. Capitals do not matter.

    Raises:
        UsageError: It is no expression.
    """
    # By number, since pytest takes fewer characters for a word than we do.
    meanings = [_meaning(word) for word in words(text)]
    numbers = map("w{}".format, range(len(meanings)))
    numbered = _WORD.sub(lambda it: it[0] if it[0] in _OPERATORS else next(numbers), text)
    try:
        expression = Expression.compile(numbered)
    except Exception as error:  # its class differs between pytest's releases
        raise UsageError(f"-k {text!r}: {getattr(error, 'msg', error)}") from error

    def selects(names: Names) -> bool:
        # Newer releases of pytest give names keywords, too.
        def means(word: str, /, **_: str | int | bool | None) -> bool:
            return meanings[int(word.removeprefix("w"))](names)

        return expression.evaluate(means)

    return selects


def words(text: str) -> list[str]:
    """The words of an expression that mean cases."""
    return [word for word in _WORD.findall(text) if word not in _OPERATORS]


def _meaning(word: str) -> Callable[[Names], bool]:
    """Whether a word means a case."""
    parts = re.escape(word.lower()).split(r"\*")
    if "/" not in word:
        inside = re.compile(".*".join(parts))
        return lambda names: any(inside.search(name.lower()) for name in names)
    of_row = "[" in word
    whole = re.compile(".*".join([*parts, ""] if word.endswith("/") else parts))

    def means(names: Names) -> bool:
        case = names[0].lower()
        return whole.fullmatch(case if of_row else case.partition("[")[0]) is not None

    return means


def names(case: str, function: str) -> Names:
    """What a case is called.

    Args:
        case: Its id.
        function: The name of its function.
    """
    match = _ID.fullmatch(case)
    if match is None:
        return case, function
    return case, match["area"], f"test_{match['file']}.py", function, match["row"]


def select(entries: Sequence[Entry], text: str) -> list[Entry]:
    """The cases that an expression means."""
    selects = selector(text)
    return [it for it in entries if selects(names(it.id, it.function.__name__))]
