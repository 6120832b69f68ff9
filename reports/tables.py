# SPDX-License-Identifier: MIT
"""The tables over dimensions as a page: which case stands where, and why a cell has none.

``python -m tests.tables_page`` writes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import product

from reports.markdown import code, escape, narrow_table
from suite.judge.tables import Filled, Table, fill

_HEAD = (
    "Made by `python -m tests.tables_page` of [cases/tables.toml](../cases/tables.toml): do not "
    "edit. A behaviour that is shown once, alone, in one layer, may still be wrong where several "
    "conditions meet. So each table has a cell for each combination of some conditions, and in it "
    "the case that shows it. The number of a cell without a case is that of the reason beneath the "
    "table. A test fails for a cell that has neither."
)


def render(listed: Mapping[str, Table], known: Collection[str]) -> str:
    """The page, as Markdown, for the cases that there are, by id."""
    filled = {name: fill(it, known) for name, it in listed.items()}
    parts = ["# Tables", _HEAD, _summary(listed, filled)]
    for name, it in listed.items():
        parts += [f"## {name}", escape(it.says), *_body(it, filled[name])]
    return "\n\n".join(parts) + "\n"


def _summary(listed: Mapping[str, Table], filled: Mapping[str, Filled]) -> str:
    head = ["table", "dimensions", "cells", "with a case", "without, for a reason"]
    rows = [
        [
            f"[{name}](#{name})",
            " by ".join(it.dimensions),
            str(len(list(it))),
            str(len(filled[name].cases)),
            str(len(filled[name].reasons)),
        ]
        for name, it in listed.items()
    ]
    return narrow_table(rows, head)


def _body(it: Table, filled: Filled) -> Iterator[str]:
    *rows, columns = it.dimensions.values()
    names = list(it.dimensions)
    numbers = {why: str(at) for at, why in enumerate(dict.fromkeys(filled.reasons.values()), 1)}

    def shown(*cell: str) -> str:
        if cell in filled.cases:
            return code(filled.cases[cell])
        return numbers[filled.reasons[cell]] if cell in filled.reasons else ""

    lines = [[*row, *(shown(*row, column) for column in columns)] for row in product(*rows)]
    yield narrow_table(lines, [*names[:-1], *columns])
    if numbers:
        yield "\n".join(f"{number}. {escape(why)}" for why, number in numbers.items())
